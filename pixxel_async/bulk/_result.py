"""What becomes of one field: a row of the report."""

from __future__ import annotations

from enum import Enum, StrEnum
from pathlib import Path

import attrs


class State(StrEnum):
    """Where a field stands."""

    WAITING = "not started"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    """Files are there, but some of the AOI's images or of the picture failed; `error` tells what."""
    FAILED = "failed"
    """The API or the disk refused; `error` tells why."""
    UNKNOWN = "unknown"
    """Something may have been created, or not: look before repeating; `error` tells for what."""
    HELD = "held"
    """Looking could not tell whether something was created: a person decides."""
    BLOCKED = "over budget"
    """Its next step could cost more tokens than the run may spend; nothing was sent for it."""
    INTERRUPTED = "interrupted"
    """The run was stopped while it was under way."""


class Step(Enum):
    """What is done for a field, in this order."""

    SEARCH = "search the archive"
    CREATE_AOI = "create the AOI"
    WAIT_AOI = "wait for the AOI"
    CREATE_VISUALIZATION = "create the visualization"
    WAIT_VISUALIZATION = "wait for the visualization"
    PNG = "draw the PNG"
    REQUEST_PACKAGE = "ask for the package"
    FETCH_PACKAGE = "wait for the package and fetch it"


@attrs.frozen(kw_only=True)
class Result:
    """A field's row: how far it got, and all that was made for it."""

    row: int
    """Number of the field in its file, from 1."""
    name: str
    state: State = State.WAITING
    step: Step | None = None
    """The step it is in, or ended in; None before the first and when all is done."""
    scene_ids: tuple[str, ...] = ()
    """Images that the AOI is made of, newest first."""
    aoi_id: str | None = None
    visualization_id: str | None = None
    download_id: str | None = None
    png: Path | None = None
    """The picture of the index on the newest day."""
    package: Path | None = None
    """The ZIP package of the AOI's images."""
    files: tuple[Path, ...] = ()
    """What was unpacked from the package, if that was asked for."""
    error: str | None = None
    """What went wrong and what to do, for a person."""
    seconds: float = 0.0
    """How long it took so far."""
