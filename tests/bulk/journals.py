"""Folders of runs as sessions leave them, without an API."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from plots import polygon

from pixxel_async.bulk import State
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import Entry, Header, StepState

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HEADER = Header(
    run_id="r1",
    started=NOON,
    sdk="0.1.0",
    base_url="https://api.example.com",
    token_print="0a1b2c3d",
    recipe={"recipe": {"project": "delta-farms", "make": [{"visualization": "NDVI"}]}, "target": {}},
    input_sha256="e3b0c442",
    input_name="fields.geojson",
    cap=10.0,
)


@attrs.frozen(kw_only=True)
class Plot:
    """A row, and what a session made of it."""

    name: str = "north"
    key: str | None = None
    folder: str | None = None
    state: State = State.WAITING
    error: str | None = None
    tokens: float = 0.0
    files: tuple[str, ...] = ()
    properties: dict[str, Any] = attrs.field(factory=dict)
    geometry: dict[str, Any] | None = None


def begun(out: Path, plots: Iterable[Plot], **header: Any) -> Journal:
    """The journal of a run that nobody has worked on; open."""
    out.mkdir(parents=True, exist_ok=True)
    journal = Journal.create(out / "run.journal", attrs.evolve(HEADER, **header), now=lambda: NOON)
    journal.add(
        Entry(
            row=row,
            key=f"{row}" if plot.key is None else plot.key,
            name=plot.name,
            folder=plot.folder or f"row-{row}",
            geometry=plot.geometry or polygon(row),
            properties=plot.properties,
        )
        for row, plot in enumerate(plots, 1)
    )
    return journal


def left(out: Path, *plots: Plot, **header: Any) -> Path:
    """A run's folder as a session left it."""
    with begun(out, plots, **header) as journal:
        asyncio.run(_work(journal, plots))
    return out


async def _work(journal: Journal, plots: Iterable[Plot]) -> None:
    await asyncio.gather(*(_row(journal, row, plot) for row, plot in enumerate(plots, 1)))


async def _row(journal: Journal, row: int, plot: Plot) -> None:
    if plot.state is State.WAITING:
        return
    await journal.record(row, "images", facts={"scenes": ["s-1"]})
    await journal.intend(row, "insight stress", {"operation": "createInsight"}, reserve=plot.tokens)
    if plot.state is State.HELD:
        await journal.settle(row, "insight stress", StepState.HELD, error=plot.error)
    else:
        facts = {"id": f"i-{row}", "tokens": plot.tokens}
        await journal.settle(row, "insight stress", StepState.DONE, facts=facts)
    if plot.files:
        name, *members = plot.files
        await journal.record(row, "insight stress file", facts={"file": name, "members": members})
    step = None if plot.state in (State.DONE, State.PARTIAL) else "insight stress"
    await journal.mark(row, plot.state, step=step, error=plot.error, seconds=1.5)


def copy(path: Path) -> Path:
    """A copy of a journal, as a backup takes it also while a run goes on."""
    saved = path.with_name("backup")
    with sqlite3.connect(path) as source, sqlite3.connect(saved) as target:
        source.backup(target)
    source.close()
    target.close()
    return saved


def restore(path: Path, saved: Path) -> None:
    """Put a copy in the place of a journal."""
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    shutil.copy(saved, path)
