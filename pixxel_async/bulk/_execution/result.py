"""The result of one row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from pixxel_async.bulk._journal.records import RowRecord
from pixxel_async.bulk._state import State


@attrs.frozen(kw_only=True)
class Result:
    """A row: its state, its resources and its files."""

    row: int
    """Number of the row in the input, from 1."""
    name: str
    part_of: str | None = None
    """Key of the feature that was split into this row and others, because an AOI takes one polygon. None: not split, or
    the run was started by a version that did not record it."""
    state: State = State.WAITING
    step: str | None = None
    """The current or last step; None before the first, and when all are done."""
    ids: Mapping[str, str] = attrs.field(factory=dict)
    """Ids of the resources in the account, by step: `{"aoi": "...", "visualization NDVI": "..."}`."""
    files: tuple[Path, ...] = ()
    """Fetched files: pictures, packages, and their unpacked members."""
    urls: tuple[str, ...] = ()
    """URLs of the files, if a `DaskEngine` put them into a store."""
    tokens: float = 0.0
    """Cost so far, in tokens."""
    seconds: float = 0.0
    """Working time in seconds, waits included."""
    error: str | None = None
    """The error and its remedy, for a person."""


def result_of(record: RowRecord, out: Path) -> Result:
    """The result of a journal's row."""
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
