"""What a recipe means: the stages that each row goes through, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from pixxel_async.client import PixxelClient
from pixxel_async.errors import PixxelError

Facts = dict[str, Any]
"""What a stage found out or made, JSON-ready.

A create gives the `id` of what it made and its cost in `tokens`; each is None where the answer does not state it. A stage that
waits for a create may give its true `cost`, which corrects the account. A fetch gives `file` and `members`.
"""


class NoImage(PixxelError):
    """The search found no image for a row. Its stages after the search have nothing to work on."""


class Kind(Enum):
    """What an interruption of a stage leaves behind."""

    LOOK = "look"
    """Nothing: it is done again."""
    CREATE = "create"
    """Perhaps a thing, perhaps paid for: it is looked for before the stage is done again."""
    FETCH = "fetch"
    """Perhaps a part of a file, which the next attempt goes on with."""


@attrs.frozen
class Work:
    """One row, as far as it has come."""

    row: int
    name: str
    """Unique in the run."""
    geometry: Mapping[str, Any]
    """GeoJSON Polygon, [lon, lat] in degrees; for an order also MultiPolygon."""
    properties: Mapping[str, Any]
    folder: Path
    """Where its files go."""
    facts: Mapping[str, Facts]
    """By stage."""
    is_fresh: bool = False
    """Whether no session has tried anything for it before."""
    failed: int = 0
    """How often the stage made this already, and it failed."""

    def id(self, stage: str) -> str:
        """Id of what a stage created."""
        return str(self.facts[stage]["id"])


Do = Callable[[PixxelClient, Work], Awaitable[Facts]]
Ask = Callable[[PixxelClient, Work], Awaitable[float]]


@attrs.frozen
class Price:
    """How to learn what a create costs, before it is sent."""

    ask: Ask
    """Asks the API; in tokens. Charges nothing itself."""
    needs: tuple[str, ...] = ()
    """Stages whose facts it needs."""
    same_for: Callable[[Work], str] | None = None
    """Rows for which this is the same have the same price; None: each has its own."""


@attrs.frozen
class Stage:
    """One stage. Its functions are module-level ones (or partials of them), so that another process can run them."""

    name: str
    """Unique in the recipe; the key of its facts."""
    do: Do
    kind: Kind = Kind.LOOK
    price: Price | None = None
    """None where it costs nothing."""
    requests: int = 1
    """How many requests it takes at least."""
    again_if_absent: bool = False
    """Whether a create that did not happen, as far as the listings tell, is sent again: only where the API itself refuses
    a second thing of that name or content."""
    makes: str | None = None
    """The create whose thing this stage waits for."""
    one_at_a_time: str | None = None
    """Creates with the same word here are made one after the other: their things cannot be told apart by content."""
