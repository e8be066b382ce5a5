"""The status of a run from its folder: without a client, and also while a process works on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from pixxel_async._base.files import checked_path
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk._journal.file import owner
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState, Tokens
from pixxel_async.bulk._journal.unfilled import unfilled
from pixxel_async.bulk._journal.view import JournalView
from pixxel_async.bulk._state import State

_SHORT = 80
"""Maximum length of a create's value in the status, in characters."""


@attrs.frozen
class Worker:
    """A process that works on a run."""

    pid: int | None
    """Its process id; None in the instant of its start."""
    host: str | None


@attrs.frozen
class HeldStep:
    """A create with unknown outcome, also after a search: a person decides, then resumes the run."""

    row: int
    name: str
    """Name of the row."""
    step: str
    what: str
    """The facts about it, for a person."""
    since: datetime
    sent: datetime | None = None
    """Earliest time at which it was sent; None if not recorded."""
    sought: str = ""
    """The search in the listing: the operation, and the values sent."""
    tokens: float = 0.0
    """Tokens reserved for it."""


@attrs.frozen(kw_only=True)
class Status:
    """The status of a run."""

    run_id: str
    started: datetime
    input_name: str
    """Name of the input file."""
    rows: Mapping[State, int]
    """Number of rows by state; states without rows are absent."""
    features: int
    """Number of the input's features. A row counts as one if it was not split, or if an earlier version started the run
    and did not record it."""
    tokens: Tokens
    """Tokens spent and reserved, and the cap."""
    held: tuple[HeldStep, ...]
    """Creates that wait for a person's decision."""
    worker: Worker | None
    """The process that works on the run now; None if there is none. Always None on a system without file locks (Windows)."""
    unfilled: str | None = None
    """The advice for a run whose journal lacks rows while no process adds them; None for every other run."""

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(self.rows.values())

    @property
    def is_finished(self) -> bool:
        """Whether a resumed run would have nothing to do; failed rows can still be retried."""
        return self.unfilled is None and all(state.is_final for state in self.rows)


def status(out: str | Path) -> Status:
    """The status of the run in a folder; sends no request, and blocks for some milliseconds.

    Raises:
        JournalError: There is no run in the folder, or its journal is damaged.
    """
    path = checked_path(out, "out") / JOURNAL
    with Journal.read(path) as journal:
        header = journal.header
        worker = owner(path)
        return Status(
            run_id=header.run_id,
            started=header.started,
            input_name=header.input_name,
            rows=journal.tally(),
            features=journal.features(),
            tokens=journal.tokens(),
            held=tuple(_held(journal)),
            worker=None if worker is None else Worker(*worker),
            unfilled=unfilled(journal),
        )


def _held(journal: JournalView) -> Iterator[HeldStep]:
    for step in journal.open_intents(StepState.HELD):
        yield HeldStep(
            row=step.row,
            name=journal.row(step.row).entry.name,
            step=step.step,
            what=step.error or "",
            since=step.settled_at or step.intent_at,
            sent=_instant(step.intent),
            sought=_sought(step.intent or {}),
            tokens=step.reserved,
        )


def _instant(intent: Mapping[str, Any] | None) -> datetime | None:
    try:
        return datetime.fromisoformat((intent or {})["sent_at"])
    except (KeyError, TypeError, ValueError):
        return None


def _sought(intent: Mapping[str, Any]) -> str:
    """For example `createInsights aoi_id=1f..., name=north-a1b2c3`; long values are left out."""
    sent = {**(intent.get("path") or {}), **(intent.get("wanted") or {})}
    values = [
        (name, value[0] if isinstance(value, list) and len(value) == 1 else value)
        for name, value in sent.items()
    ]
    short = [f"{name}={value}" for name, value in values if len(str(value)) <= _SHORT]
    return f"{intent.get('operation', '')} {', '.join(short)}".strip()
