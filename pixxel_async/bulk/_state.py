"""Where the rows of a run stand."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a row stands."""

    WAITING = "not started"
    RUNNING = "running"
    """Under way, or interrupted on the way: a resumed run goes on with it."""
    DONE = "done"
    PARTIAL = "partial"
    """Files are there, but some of the images failed."""
    FAILED = "failed"
    """The API or the disk refused; `error` tells why."""
    HELD = "held"
    """Looking could not tell whether something was created: a person decides."""
    BLOCKED = "over budget"
    """Its next step could cost more tokens than the run may spend; nothing was sent for it."""

    @property
    def is_final(self) -> bool:
        """Whether a resumed run leaves it alone."""
        return self in (State.DONE, State.PARTIAL, State.FAILED)
