"""What a journal holds: rows, their steps, the account of tokens, and whose run it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from pixxel_async.bulk._state import State
from pixxel_async.errors import PixxelError


class JournalError(PixxelError):
    """A journal cannot be used: in use, damaged, of another program. Its file is as it was."""


class JournalInUse(JournalError):
    """Another run has the journal open."""

    def __init__(self, message: str, *, pid: int | None = None, host: str | None = None) -> None:
        super().__init__(message)
        self.pid = pid
        """Process that has it; None when it has not said so yet."""
        self.host = host


class CapReached(PixxelError):
    """A step could cost more tokens than the run may still spend. Nothing was written, and nothing may be sent."""

    def __init__(
        self,
        message: str,
        *,
        needed: float = 0.0,
        spent: float = 0.0,
        reserved: float = 0.0,
        cap: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.needed = needed
        """Tokens that the step would reserve."""
        self.spent = spent
        self.reserved = reserved
        self.cap = cap


class StepState(StrEnum):
    """Where a step stands that was announced before it was sent."""

    INTENT = "intent"
    """About to be sent, or sent: what became of it is not recorded."""
    DONE = "done"
    NOT_DONE = "not done"
    """Rejected or never sent: it may be tried again."""
    UNKNOWN = "unknown"
    """It may have happened: look before it is sent again."""
    HELD = "held"
    """It may have happened, and looking could not tell: a person decides."""
    FAILED = "failed"
    """Refused for good, or what it made has failed."""


OPEN = frozenset({StepState.INTENT, StepState.UNKNOWN, StepState.HELD})
"""What keeps its reservation, and must be settled before the step may be sent again."""


@attrs.frozen(kw_only=True)
class Header:
    """Whose run a journal is of; written once."""

    run_id: str
    started: datetime
    sdk: str
    """Version of this SDK that began the run."""
    base_url: str
    token_print: str
    """A salted, shortened hash of the token: enough to notice another account, of no use to an intruder."""
    recipe: Mapping[str, Any]
    input_sha256: str
    input_name: str
    cap: float | None = None
    """Most tokens that the run may spend; None: any number. `Journal.set_cap` changes it."""


@attrs.frozen(kw_only=True)
class Entry:
    """One row of the input."""

    row: int
    """From 1."""
    key: str
    """Unique in a journal."""
    name: str
    folder: str
    geometry: Mapping[str, Any]
    """GeoJSON, [lon, lat] in degrees."""
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    part_of: str | None = None
    """Key of the feature that was split into this row and others; None: not split, or in a journal before version 3."""


@attrs.frozen(kw_only=True)
class StepRecord:
    """One attempt at one step of a row."""

    row: int
    step: str
    attempt: int
    """From 1; 0 for a step that was recorded without an intent."""
    state: StepState
    intent: Mapping[str, Any] | None
    """What was about to be made; None for a step without an intent."""
    facts: Mapping[str, Any]
    """What came of it; the id of what was made under `id`."""
    reserved: float
    """Tokens kept for it while it is open."""
    tokens: float | None
    """Tokens that it cost; None until it is settled."""
    error: str | None
    intent_at: datetime
    """When it was announced; for a step without an intent, when it was recorded."""
    settled_at: datetime | None
    """When it was last settled; None before."""


@attrs.frozen(kw_only=True)
class RowRecord:
    """A row, and how far it got."""

    entry: Entry
    state: State
    step: str | None
    """The step it is in, or ended in."""
    error: str | None
    facts: Mapping[str, Mapping[str, Any]]
    """Facts of its done steps, by the step's name."""
    tokens: float
    """Tokens that its steps cost."""
    seconds: float
    """How long was worked on it."""
    is_fresh: bool
    """Whether nothing was ever tried for it."""
    updated: datetime


@attrs.frozen(kw_only=True)
class Tokens:
    """The account of a run, in tokens."""

    spent: float
    reserved: float
    """Kept for steps that are under way or whose outcome is unknown."""
    cap: float | None


@attrs.frozen(kw_only=True)
class Cost:
    """What a step has cost all rows together, in tokens."""

    step: str
    rows: int
    """How many rows have tried it."""
    spent: float
    reserved: float
