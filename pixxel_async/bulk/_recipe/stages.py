"""The stages of a recipe, through which each row goes in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from pixxel_async.client import PixxelClient
from pixxel_async.errors import PixxelError

Facts = dict[str, Any]
"""The result of a stage, JSON-ready.

A create returns the `id` of its resource and its cost in `tokens`; each is None if the response lacks it. A stage that
waits for a create may return the actual `cost`, which corrects the account. A fetch returns `file` and `members`.
"""


class NoImage(PixxelError):
    """The search found no image for a row, so later stages have no input. Widen the dates or allow more cloud."""


class Kind(Enum):
    """The effect of a stage, which decides how an interrupted one is resumed."""

    READ = "read"
    """No effect: the stage is repeated."""
    CREATE = "create"
    """Perhaps a resource, perhaps paid for: the run searches for it before it repeats the stage."""
    FETCH = "fetch"
    """Perhaps a part of a file, which the next attempt resumes."""


@attrs.frozen
class Work:
    """One row with its results so far."""

    row: int
    name: str
    """Unique in the run."""
    geometry: Mapping[str, Any]
    """GeoJSON Polygon, [lon, lat] in degrees; for an order also MultiPolygon."""
    properties: Mapping[str, Any]
    folder: Path
    """Folder of its files."""
    facts: Mapping[str, Facts]
    """By stage."""
    is_fresh: bool = False
    """Whether no session has made an attempt for it before."""
    failed: int = 0
    """Number of failed resources that the stage has created before."""

    def id(self, stage: str) -> str:
        """Id of the resource that a stage created."""
        return str(self.facts[stage]["id"])


Do = Callable[[PixxelClient, Work], Awaitable[Facts]]
Ask = Callable[[PixxelClient, Work], Awaitable[float]]


@attrs.frozen
class Price:
    """How to get the price of a create before it is sent."""

    ask: Ask
    """Requests the price from the API, in tokens. Charges nothing itself."""
    needs: tuple[str, ...] = ()
    """Stages whose facts the request needs."""
    same_for: Callable[[Work], str] | None = None
    """Rows with the same value have the same price; None: each row has its own price."""


@attrs.frozen
class Stage:
    """One stage. Its functions are module-level functions or partials of them, so another process can run them."""

    name: str
    """Unique in the recipe; the key of its facts."""
    do: Do
    kind: Kind = Kind.READ
    price: Price | None = None
    """None if it costs nothing."""
    requests: int = 1
    """Minimum number of requests."""
    again_if_absent: bool = False
    """Whether a create that the listings lack is sent again: only if the API refuses a duplicate of that name or
    content."""
    makes: str | None = None
    """The create whose resource this stage waits for."""
    one_at_a_time: str | None = None
    """Creates with the same value run one after the other, because their resources have the same content."""
