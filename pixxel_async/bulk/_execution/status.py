"""How a run stands, as its folder tells: also while a process works on it, and without a client."""

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
"""Characters of the longest value that is shown of a create."""


@attrs.frozen
class Worker:
    """A process that works on a run."""

    pid: int | None
    """Its id on its host; None in the instant in which it begins."""
    host: str | None


@attrs.frozen
class HeldStep:
    """A create that may have happened, and of which looking could not tell: a person decides, then resumes the run."""

    row: int
    name: str
    """Name of the row."""
    step: str
    what: str
    """What is known of it, for a person."""
    since: datetime
    sent: datetime | None = None
    """When it was sent at the earliest; None where that is not recorded."""
    sought: str = ""
    """What is looked for in the listing: the operation, and values that it sent."""
    tokens: float = 0.0
    """What is reserved for it."""


@attrs.frozen(kw_only=True)
class Status:
    """How a run stands."""

    run_id: str
    started: datetime
    input_name: str
    """Name of the file that the rows are from."""
    rows: Mapping[State, int]
    """How many rows are in which state; states without rows are left out."""
    features: int
    """How many features of the input the rows are; a row counts as one where it was not split, or where a run that was begun
    by an earlier version does not state it."""
    tokens: Tokens
    """Tokens spent, reserved for what is under way, and the cap."""
    held: tuple[HeldStep, ...]
    """What waits for a person."""
    worker: Worker | None
    """Who works on it now; None when nobody does. Where the system has no file locks (Windows) always None."""
    unfilled: str | None = None
    """What to do about a run of which not all rows are in the journal, if no process adds them; None for every other run."""

    @property
    def total(self) -> int:
        """How many rows it has."""
        return sum(self.rows.values())

    @property
    def is_finished(self) -> bool:
        """Whether a resumed run would have nothing to do; rows that failed may be tried again all the same."""
        return self.unfilled is None and all(state.is_final for state in self.rows)


def status(out: str | Path) -> Status:
    """How the run in a folder stands; sends nothing, and blocks for some milliseconds.

    Raises:
        JournalError: there is no run in the folder, or its journal is damaged.
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
    """For example `createInsights aoi_id=1f..., name=north-a1b2c3`; what is long is left out."""
    sent = {**(intent.get("path") or {}), **(intent.get("wanted") or {})}
    values = [
        (name, value[0] if isinstance(value, list) and len(value) == 1 else value)
        for name, value in sent.items()
    ]
    short = [f"{name}={value}" for name, value in values if len(str(value)) <= _SHORT]
    return f"{intent.get('operation', '')} {', '.join(short)}".strip()
