"""What a transaction changes of rows, steps and the account: gathered in memory, and written together at its end.

A statement costs more than what it writes, the more so as Python's lock changes hands at each: so one writes many rows.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from pixxel_async.bulk._journal.records import StepState
from pixxel_async.bulk._journal.schema import STEP_COLUMNS, Row, checksum, write_many
from pixxel_async.errors import InvalidInput

STEP = STEP_COLUMNS.split(", ")

Key = tuple[int, str]
"""Row and name of a step."""


class Page:
    """Rows, steps and account of a journal as its writer sees them; all that changes them goes through here.

    Steps that are announced stay known from one transaction to the next, for they are settled soon: that is true because
    nobody else writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._announced: dict[Key, dict[str, Any]] = {}
        """Latest attempts that are under way, as committed."""
        self._latest: dict[Key, dict[str, Any] | None] = {}
        """The same of all steps that this transaction has looked at or changed, as they are now."""
        self._steps: dict[tuple[int, str, int], Row] = {}
        self._rows: dict[int, Row] = {}
        self._book: Row | None = None
        """Number of rows, cap, tokens spent and reserved; None: not read yet."""
        self._is_charged = False

    @property
    def connection(self) -> sqlite3.Connection:
        """For statements that concern more than one row; they see all changes so far."""
        self.flush()
        self._book = None
        return self._connection

    def account(self) -> Row:
        """Number of rows, cap, tokens spent and reserved; None where there are none."""
        if self._book is None:
            found = self._connection.execute("SELECT rows, cap, spent, reserved FROM book").fetchone()
            self._book = tuple(found)
        return self._book

    def charge(self, spent: int, reserved: int) -> None:
        """Change what is spent and reserved by so much."""
        if spent or reserved:
            rows, cap, was_spent, was_reserved = self.account()
            self._book = rows, cap, was_spent + spent, was_reserved + reserved
            self._is_charged = True

    def latest(self, row: int, step: str) -> dict[str, Any] | None:
        """The latest attempt at a step that had an intent, by column; not to be changed."""
        key = row, step
        if key not in self._latest:
            self._latest[key] = self._announced.get(key) or self._stored(key)
        return self._latest[key]

    def _stored(self, key: Key) -> dict[str, Any] | None:
        found = self._connection.execute(
            f"SELECT {STEP_COLUMNS} FROM step WHERE row = ? AND name = ? AND attempt > 0 "
            "ORDER BY attempt DESC LIMIT 1",
            key,
        ).fetchone()
        return None if found is None else dict(zip(STEP, found, strict=True))

    def put_attempt(self, attempt: dict[str, Any]) -> None:
        """Write the latest attempt at a step: all columns, in their order."""
        self._latest[attempt["row"], attempt["name"]] = attempt
        self._steps[attempt["row"], attempt["name"], attempt["attempt"]] = tuple(attempt.values())

    def put_step(self, *values: Any) -> None:
        """Write a step that had no intent."""
        self._steps[values[:3]] = values

    def put_row(
        self, row: int, state: str, step: str | None, error: str | None, seconds: float | None, now: str
    ) -> None:
        """Write where a row stands; `seconds` None: as they were."""
        if seconds is None:
            seconds = self._seconds(row)
        self._rows[row] = (row, state, step, error, float(seconds), now)

    def _seconds(self, row: int) -> float:
        if row in self._rows:
            seconds: float = self._rows[row][4]
            return seconds
        found = self._connection.execute("SELECT seconds FROM progress WHERE row = ?", (row,)).fetchone()
        if found is None:
            raise InvalidInput(f"row {row}: the journal has no such row")
        return float(found[0])

    def flush(self) -> None:
        """Write what has changed.

        Raises:
            InvalidInput: The journal has no such row. Some of it may be written: all is to be rolled back.
        """
        rows, self._rows = self._rows, {}
        steps, self._steps = self._steps, {}
        if self._is_charged:
            self._is_charged = False
            book = self.account()
            self._connection.execute(
                "UPDATE book SET spent = ?, reserved = ?, sum = ?", (*book[2:], checksum(*book))
            )
        try:
            write_many(self._connection, "REPLACE", "progress", rows.values())
            write_many(self._connection, "REPLACE", "step", steps.values())
        except sqlite3.IntegrityError:
            numbers = sorted({*rows, *(key[0] for key in steps)})
        else:
            return
        raise InvalidInput(f"row {', '.join(map(str, numbers))}: the journal has no such row")

    def committed(self) -> None:
        """Its transaction has ended well."""
        for key, attempt in self._latest.items():
            if attempt is not None and attempt["state"] == StepState.INTENT.name:
                self._announced[key] = attempt
            else:
                self._announced.pop(key, None)
        self._latest.clear()
        self._book = None

    def forget(self) -> None:
        """What was changed is rolled back, wholly or in part: know nothing."""
        for known in (self._announced, self._latest, self._steps, self._rows):
            known.clear()
        self._book, self._is_charged = None, False
