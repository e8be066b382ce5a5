"""What becomes of one row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from pixxel_async.bulk._journal.records import RowRecord
from pixxel_async.bulk._state import State


@attrs.frozen(kw_only=True)
class Result:
    """A row: how far it got, and all that was made for it."""

    row: int
    """Number of the row in the input, from 1."""
    name: str
    part_of: str | None = None
    """Key of the feature that was split into this row and others, as an AOI takes one polygon; None: not split, or the run
    was begun by a version that did not keep it."""
    state: State = State.WAITING
    step: str | None = None
    """The step it is in, or ended in; None before the first and when all is done."""
    ids: Mapping[str, str] = attrs.field(factory=dict)
    """What was made in the account: ids by step, `{"aoi": "...", "visualization NDVI": "..."}`."""
    files: tuple[Path, ...] = ()
    """What was fetched: pictures, packages, and what was unpacked from these."""
    urls: tuple[str, ...] = ()
    """The same where a `DaskEngine` put it into a store."""
    tokens: float = 0.0
    """What it cost so far."""
    seconds: float = 0.0
    """How long was worked on it, waiting included."""
    error: str | None = None
    """What went wrong and what to do, for a person."""


def result_of(record: RowRecord, out: Path) -> Result:
    """A journal's row as a result."""
    files: list[Path] = []
    urls: list[str] = []
    for facts in record.facts.values():
        names = (facts["file"], *facts.get("members", ())) if "file" in facts else ()
        if "url" in facts:
            urls += [f"{facts['url']}/{name}" for name in names]
        else:
            files += [Path(facts.get("folder", out / record.entry.folder), name) for name in names]
    return Result(
        row=record.entry.row,
        name=record.entry.name,
        part_of=record.entry.part_of,
        state=record.state,
        step=record.step,
        ids={step: str(facts["id"]) for step, facts in record.facts.items() if "id" in facts},
        files=tuple(files),
        urls=tuple(urls),
        tokens=record.tokens,
        seconds=record.seconds,
        error=record.error,
    )
