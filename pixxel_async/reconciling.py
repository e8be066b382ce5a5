"""What looking for a create whose answer was lost comes to; see `OutcomeUnknown.reconcile`.

match await error.reconcile():
    case Found(id): ...        # it happened, and this is what it made
    case Absent(): ...         # it did not happen: send it again
    case Ambiguous(ids): ...   # a person decides; do not send it again
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

SETTLE = 120.0
"""Seconds after which a create that is not listed did not happen: longer than gateways wait, and listings lag."""


@attrs.frozen
class Found:
    """It happened."""

    id: str
    """Id of what it made; of several deliveries the first."""
    snapshot: Any
    """The thing as the listing has it; a list of deliveries where they were what was asked for."""


@attrs.frozen
class Absent:
    """It did not happen: the settle window has passed, and nothing that could have come of it is listed."""

    since: datetime
    """Nothing of the kind was made since then, by our clock."""


@attrs.frozen
class Ambiguous:
    """Whether it happened, or which thing is the one, cannot be told from outside. Not to be sent again unseen."""

    ids: tuple[str, ...]
    """What it may have made; empty where nothing can be looked up, or nothing shows although the API said yes."""


Reconciliation = Found | Absent | Ambiguous
