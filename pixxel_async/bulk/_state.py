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
    NO_IMAGE = "no image"
    """The search found no image in the dates of the recipe, so nothing was made. This is not a failure."""
    FAILED = "failed"
    """The API or the disk refused; `error` tells why."""
    HELD = "held"
    """Looking could not tell whether something was created: a person decides."""
    BLOCKED = "over budget"
    """Its next step could cost more tokens than the run may spend; nothing was sent for it."""

    @property
    def is_final(self) -> bool:
        """Whether a resumed run leaves it alone."""
        return self in (State.DONE, State.PARTIAL, State.NO_IMAGE, State.FAILED)

    @property
    def is_success(self) -> bool:
        """Whether it ended as the recipe asks: if all rows did, the command ends with exit code 0."""
        return self in (State.DONE, State.NO_IMAGE)
