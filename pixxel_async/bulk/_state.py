"""The states of a run's rows."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The state of a row."""

    WAITING = "not started"
    RUNNING = "running"
    """In progress, or interrupted: a resumed run continues it."""
    DONE = "done"
    PARTIAL = "partial"
    """The files exist, but some of the images failed."""
    NO_IMAGE = "no image"
    """The search found no image in the dates of the recipe, so nothing was created. This is not a failure."""
    FAILED = "failed"
    """The API or the disk refused; `error` has the reason."""
    HELD = "held"
    """The outcome of a create is unknown, also after a search: a person decides."""
    BLOCKED = "over budget"
    """Its next step could exceed the run's cap in tokens; the create was not sent."""

    @property
    def is_final(self) -> bool:
        """Whether a resumed run does not change it."""
        return self in (State.DONE, State.PARTIAL, State.NO_IMAGE, State.FAILED)

    @property
    def is_success(self) -> bool:
        """Whether it ended as the recipe asks. If all rows did, the command ends with exit code 0."""
        return self in (State.DONE, State.NO_IMAGE)
