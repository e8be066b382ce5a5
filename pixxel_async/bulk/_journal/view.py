"""Reading a journal page by page, also while a run writes to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pixxel_async.bulk._journal import schema
from pixxel_async.bulk._journal.claims import Made
from pixxel_async.bulk._journal.file import check_header, reading, translated
from pixxel_async.bulk._journal.records import Cost, Header, RowRecord, StepRecord, StepState, Tokens
from pixxel_async.bulk._journal.text import from_json, from_micro
from pixxel_async.bulk._state import State
from pixxel_async.errors import InvalidInput

PAGE = 500
"""Rows read at a time."""


class JournalView:
    """Read access to a journal; a context manager. `Journal.read(path)` returns one; every `Journal` is one.

    Its methods block, and only one reads at a time. Beside an event loop, call them in threads. They raise JournalError
    if the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._gate = threading.Lock()
        with translated(path):
            self._connection = reading(path)

    def close(self) -> None:
        """Close it. Safe to call twice."""
        with self._gate:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def header(self) -> Header:
        """The header of the run."""
        with self._gate, translated(self.path):
            return schema.header_of(self._connection)

    @property
    def is_filled(self) -> bool:
        """Whether all rows were added; if not, nothing was sent, and `add` starts from the first row."""
        return self._select("SELECT rows FROM book")[0][0] is not None

    @property
    def session(self) -> tuple[str | None, str | None]:
        """Mark of the last session, and when the journal was last found to be possibly out of date; each may be None."""
        with self._gate, translated(self.path):
            return schema.session_of(self._connection)

    def tokens(self) -> Tokens:
        """The account of tokens."""
        with self._gate, translated(self.path):
            return schema.tokens_of(self._connection)

    def costs(self) -> list[Cost]:
        """The cost of each step with tokens spent or reserved, over all rows; the most expensive first."""
        found = self._select(
            "SELECT name, count(DISTINCT row), sum(coalesce(tokens, 0)) AS spent, sum(reserved) AS reserved FROM step "
            "GROUP BY name HAVING spent > 0 OR reserved > 0 ORDER BY spent DESC, reserved DESC, name"
        )
        return [
            Cost(step=step, rows=rows, spent=from_micro(spent), reserved=from_micro(reserved))
            for step, rows, spent, reserved in found
        ]

    def lowest_costs(self) -> dict[str, float]:
        """The lowest charge of each step for a row; steps without a charge are absent."""
        found = self._select("SELECT name, min(tokens) FROM step WHERE tokens > 0 GROUP BY name")
        return {step: from_micro(tokens) for step, tokens in found}

    def tally(self) -> dict[State, int]:
        """Number of rows by state; states without rows are absent."""
        found = self._select("SELECT state, count(*) FROM progress GROUP BY state")
        return {State[state]: count for state, count in found}

    def features(self) -> int:
        """Number of the input's features; a row that is not a part of a feature counts as one."""
        with self._gate, translated(self.path):
            total: int = self._connection.execute("SELECT count(*) FROM progress").fetchone()[0]
            if not schema.has_parts(self._connection):
                return total
            parts, split = self._connection.execute(
                "SELECT count(*), count(DISTINCT feature) FROM part"
            ).fetchone()
        return total - int(parts) + int(split)

    def row(self, row: int) -> RowRecord:
        """One row.

        Raises:
            InvalidInput: There is no row with that number.
        """
        for record in self._page("", row - 1, 1):
            if record.entry.row == row:
                return record
        raise InvalidInput(f"row {row}: the journal has no such row")

    def rows(self, *states: State, after: int = 0) -> Iterator[RowRecord]:
        """Rows in the order of their numbers, of these states or of all.

        Each row comes once, in its state when its page is read.
        """
        for page in self.pages(*states, after=after):
            yield from page

    def pages(self, *states: State, after: int = 0) -> Iterator[list[RowRecord]]:
        """The same, a page of rows at a time."""
        words = ", ".join(f"'{state.name}'" for state in states)
        condition = f"AND progress.state IN ({words})" if states else ""
        while page := self._page(condition, after, PAGE):
            yield page
            after = page[-1].entry.row

    def steps(self, row: int) -> list[StepRecord]:
        """All attempts at all steps of a row, in the order of their start."""
        found = self._select(
            f"SELECT {schema.STEP_COLUMNS} FROM step WHERE row = ? ORDER BY intent_at, name, attempt", row
        )
        return [schema.step_of(each) for each in found]

    def open_intents(self, *states: StepState) -> Iterator[StepRecord]:
        """Steps of these states, by default INTENT and UNKNOWN: they must be settled before a request is sent."""
        words = ", ".join(f"'{state.name}'" for state in states or (StepState.INTENT, StepState.UNKNOWN))
        place: tuple[Any, ...] = (0, "", 0)
        while page := self._select(
            f"SELECT {schema.STEP_COLUMNS} FROM step WHERE (row, name, attempt) > (?, ?, ?) AND state IN ({words}) "
            f"ORDER BY row, name, attempt LIMIT {PAGE}",
            *place,
        ):
            yield from map(schema.step_of, page)
            place = page[-1][:3]

    def made(self, step: str) -> Iterator[list[Made]]:
        """Ids of resources that this step created, or that responses to accepted creates named; reads all steps in pages."""
        place = (0, 0)
        while page := self._select(
            "SELECT row, attempt, facts, intent, settled_at FROM step WHERE (row, attempt) > (?, ?) AND name = ? "
            "AND intent IS NOT NULL AND (facts != '{}' OR instr(intent, '\"ids\":[\"')) "
            f"ORDER BY row, attempt LIMIT {PAGE}",
            *place,
            step,
        ):
            yield [
                made
                for _, _, facts, intent, settled in page
                for made in _made_by(from_json(facts), from_json(intent), settled)
            ]
            place = page[-1][:2]

    def _page(self, condition: str, after: int, most: int) -> list[RowRecord]:
        with self._gate, translated(self.path):
            self._connection.execute("BEGIN")  # rows and steps of one instant
            try:
                rows = self._connection.execute(
                    f"SELECT {schema.ENTRY_COLUMNS}, state, step, error, seconds, updated "
                    "FROM progress CROSS JOIN entry ON entry.row = progress.row "  # CROSS: in this order
                    f"WHERE progress.row > ? {condition} ORDER BY progress.row LIMIT ?",
                    (after, most),
                ).fetchall()
                numbers = ", ".join(str(row[0]) for row in rows)
                steps = self._connection.execute(
                    f"SELECT {schema.STEP_COLUMNS} FROM step WHERE row IN ({numbers}) ORDER BY row, name, attempt"
                ).fetchall()
                parts = {}
                if schema.has_parts(self._connection):
                    parts = dict(
                        self._connection.execute(f"SELECT row, feature FROM part WHERE row IN ({numbers})")
                    )
            finally:
                self._connection.execute("COMMIT")
        by_row = {
            row: list(group) for row, group in groupby(map(schema.step_of, steps), key=attrgetter("row"))
        }
        return [_row_of(row, parts.get(row[0]), by_row.get(row[0], [])) for row in rows]

    def _select(self, query: str, *values: object) -> list[schema.Row]:
        with self._gate, translated(self.path):
            return self._connection.execute(query, values).fetchall()


def open_view(path: Path) -> JournalView:
    """A view of a journal, which a run may have open.

    Raises:
        JournalError: There is no readable journal.
    """
    check_header(path)
    return JournalView(path)


def _row_of(row: schema.Row, part_of: str | None, steps: list[StepRecord]) -> RowRecord:
    state, step, error, seconds, updated = row[6:]
    return RowRecord(
        entry=schema.entry_of(row[:6], part_of),
        state=State[state],
        step=step,
        error=error,
        facts={
            each.step: _facts_of(each)
            for each in sorted(steps, key=attrgetter("intent_at"))
            if each.state is StepState.DONE
        },
        tokens=sum(each.tokens or 0.0 for each in steps),
        seconds=seconds,
        is_fresh=not steps,
        updated=datetime.fromisoformat(updated),
    )


def _facts_of(step: StepRecord) -> Mapping[str, Any]:
    """Facts of a done step. Their `tokens` come from the account: an older version may have written null there."""
    return {**step.facts, "tokens": step.tokens or 0.0} if "tokens" in step.facts else step.facts


def _made_by(facts: Mapping[str, Any], intent: Mapping[str, Any], settled: str | None) -> Iterator[Made]:
    path = intent.get("path") or {}
    if isinstance(id := facts.get("id"), str):
        yield Made(id, path, None if settled is None else datetime.fromisoformat(settled))
    for id in intent.get("ids", ()):
        yield Made(id, path, None)
