"""Records of a journal: rows, their steps, the account of tokens, and the header of the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from pixxel_async.bulk._state import State
from pixxel_async.errors import PixxelError


class JournalError(PixxelError):
    """A journal cannot be used: in use, damaged, or of another program. Its file was not changed; the message has the remedy."""


class JournalInUse(JournalError):
    """Another run has the journal open. Wait until it ends, or stop it."""

    def __init__(self, message: str, *, pid: int | None = None, host: str | None = None) -> None:
        super().__init__(message)
        self.pid = pid
        """Process id of the other run; None if it has not written it yet."""
        self.host = host


class CapReached(PixxelError):
    """A step could exceed the run's cap in tokens, so it was neither recorded nor sent. Resume with a higher `max_tokens`."""

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
        """Tokens that the step needs to reserve."""
        self.spent = spent
        self.reserved = reserved
        self.cap = cap


class StepState(StrEnum):
    """The state of a step that was announced before it was sent."""

    INTENT = "intent"
    """About to be sent, or sent; the outcome is not recorded."""
    DONE = "done"
    NOT_DONE = "not done"
    """Rejected or never sent: a retry is allowed."""
    UNKNOWN = "unknown"
    """It may have happened: search before it is sent again."""
    HELD = "held"
    """It may have happened, and a search did not settle it: a person decides."""
    FAILED = "failed"
    """Refused permanently, or its resource has failed."""


OPEN = frozenset({StepState.INTENT, StepState.UNKNOWN, StepState.HELD})
"""States that keep the reservation; they must be settled before the step is sent again."""


@attrs.frozen(kw_only=True)
class Header:
    """Identity of a journal's run; written once."""

    run_id: str
    started: datetime
    sdk: str
    """Version of this SDK that started the run."""
    base_url: str
    token_print: str
    """A salted, shortened hash of the token: it detects another account, but does not reveal the token."""
    recipe: Mapping[str, Any]
    input_sha256: str
    input_name: str
    cap: float | None = None
    """Maximum number of tokens that the run may spend; None: no limit. `Journal.set_cap` changes it."""


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
    """Key of the feature that was split into this row and others; None: not split, or the journal is older than version 3."""


@attrs.frozen(kw_only=True)
class StepRecord:
    """One attempt at one step of a row."""

    row: int
    step: str
    attempt: int
    """From 1; 0 for a step that was recorded without an intent."""
    state: StepState
    intent: Mapping[str, Any] | None
    """The announced create; None for a step without an intent."""
    facts: Mapping[str, Any]
    """The result; the id of the created resource is under `id`."""
    reserved: float
    """Tokens reserved while it is open."""
    tokens: float | None
    """Tokens that it cost; None until it is settled."""
    error: str | None
    intent_at: datetime
    """When it was announced; for a step without an intent, when it was recorded."""
    settled_at: datetime | None
    """When it was last settled; None before."""


@attrs.frozen(kw_only=True)
class RowRecord:
    """A row and its progress."""

    entry: Entry
    state: State
    step: str | None
    """The current or last step."""
    error: str | None
    facts: Mapping[str, Mapping[str, Any]]
    """Facts of its done steps, by the step's name."""
    tokens: float
    """Tokens that its steps cost."""
    seconds: float
    """Working time in seconds."""
    is_fresh: bool
    """Whether no attempt was ever made for it."""
    updated: datetime


@attrs.frozen(kw_only=True)
class Tokens:
    """The account of a run, in tokens."""

    spent: float
    reserved: float
    """Reserved for steps in flight or with unknown outcome."""
    cap: float | None


@attrs.frozen(kw_only=True)
class Cost:
    """The cost of a step over all rows, in tokens."""

    step: str
    rows: int
    """Number of rows that have attempted it."""
    spent: float
    reserved: float
