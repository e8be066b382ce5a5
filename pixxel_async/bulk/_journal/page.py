"""Changes of a transaction to rows, steps and the account: collected in memory, and written together at its end.

A statement costs more than its data, because Python releases its lock at each. So one statement writes many rows.
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
    """Rows, steps and account of a journal for its writer; every change goes through a page.

    The page keeps announced steps across transactions, because they are settled soon. This is correct because there is
    only one writer.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._announced: dict[Key, dict[str, Any]] = {}
        """Latest attempts in flight, as committed."""
        self._latest: dict[Key, dict[str, Any] | None] = {}
        """Latest attempts of all steps that this transaction has read or changed, in their current state."""
        self._steps: dict[tuple[int, str, int], Row] = {}
        self._rows: dict[int, Row] = {}
        self._book: Row | None = None
        """Number of rows, cap, tokens spent and reserved; None: not read yet."""
        self._is_charged = False

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection for statements over several rows; they see all changes so far."""
        self.flush()
        self._book = None
        return self._connection

    def account(self) -> Row:
        """Number of rows, cap, tokens spent and reserved; each may be None."""
        if self._book is None:
            found = self._connection.execute("SELECT rows, cap, spent, reserved FROM book").fetchone()
            self._book = tuple(found)
        return self._book

    def charge(self, spent: int, reserved: int) -> None:
        """Add to the tokens spent and reserved."""
        if spent or reserved:
            rows, cap, was_spent, was_reserved = self.account()
            self._book = rows, cap, was_spent + spent, was_reserved + reserved
            self._is_charged = True

    def latest(self, row: int, step: str) -> dict[str, Any] | None:
        """The latest attempt with an intent at a step, by column; do not change it."""
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
        """Write the state of a row; `seconds` None: unchanged."""
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
        """Write all changes.

        Raises:
            InvalidInput: The journal has no such row. Some changes may be written: roll back the transaction.
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
        """Keep the changes: the transaction is committed."""
        for key, attempt in self._latest.items():
            if attempt is not None and attempt["state"] == StepState.INTENT.name:
                self._announced[key] = attempt
            else:
                self._announced.pop(key, None)
        self._latest.clear()
        self._book = None

    def forget(self) -> None:
        """Drop all cached data: the transaction is rolled back, wholly or in part."""
        for known in (self._announced, self._latest, self._steps, self._rows):
            known.clear()
        self._book, self._is_charged = None, False
