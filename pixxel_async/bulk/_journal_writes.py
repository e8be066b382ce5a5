"""What is written to a journal, each a function that runs in a transaction of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Literal

from pixxel_async.bulk._journal_records import OPEN, CapReached, JournalError, StepState
from pixxel_async.bulk._journal_schema import STEP_COLUMNS, Row, put
from pixxel_async.bulk._journal_text import from_micro
from pixxel_async.bulk._state import State
from pixxel_async.errors import InvalidInput

ANEW = frozenset({StepState.NOT_DONE, StepState.FAILED})
"""After these a step may be sent again."""
_UPDATE_PROGRESS = (
    "UPDATE progress SET state = :state, step = :step, error = :error, "
    "seconds = coalesce(:seconds, seconds), updated = :now, "
    "sum = checksum(row, :state, :step, :error, coalesce(:seconds, seconds), :now) WHERE "
)


# --- rows -------------------------------------------------------------------------------------------------


def begin_adding(connection: sqlite3.Connection) -> None:
    """Refuse a second filling; remove what an interrupted one left, for which nothing was sent."""
    if connection.execute("SELECT rows FROM book").fetchone()[0] is not None:
        raise JournalError("the journal has its rows already")
    connection.execute("DELETE FROM progress")
    connection.execute("DELETE FROM entry")


def add(connection: sqlite3.Connection, entries: Sequence[Row], now: str) -> None:
    """Add rows: row, key, name, folder, geometry, properties."""
    for entry in entries:
        number, key = entry[:2]
        try:
            put(connection, "entry", *entry)
        except sqlite3.IntegrityError:
            pass
        else:
            put(connection, "progress", number, State.WAITING.name, None, None, 0.0, now)
            continue
        there = connection.execute("SELECT row FROM entry WHERE key = ?", (key,)).fetchone()
        if there is None:
            raise InvalidInput(f"row {number} is given twice")
        raise InvalidInput(
            f"rows {there[0]} and {number} have the same key {key!r}: give each row a key of its own"
        )


def end_adding(connection: sqlite3.Connection) -> int:
    """Note that all rows are there; how many."""
    count: int = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    _change_book(connection, "rows", count)
    return count


def mark(
    connection: sqlite3.Connection,
    row: int,
    state: State,
    step: str | None,
    error: str | None,
    seconds: float | None,
    now: str,
) -> None:
    """Note where a row stands."""
    values = {"row": row, "state": state.name, "step": step, "error": error, "seconds": seconds, "now": now}
    if not connection.execute(f"{_UPDATE_PROGRESS} row = :row", values).rowcount:
        raise InvalidInput(f"row {row}: the journal has no such row")


def reset(connection: sqlite3.Connection, states: Sequence[State], now: str) -> int:
    """Rows of these states wait again; how many."""
    words = ", ".join(f"'{state.name}'" for state in states)
    values = {"state": State.WAITING.name, "step": None, "error": None, "seconds": None, "now": now}
    return connection.execute(f"{_UPDATE_PROGRESS} state IN ({words})", values).rowcount


# --- steps ------------------------------------------------------------------------------------------------


def intend(
    connection: sqlite3.Connection, row: int, step: str, intent: str, reserve: int, now: str, made: list[int]
) -> None:
    """Announce the next attempt at a step; `made` gets its number."""
    latest = _latest(connection, row, step)
    attempt = 1 if latest is None else latest["attempt"] + 1
    if latest is not None and StepState[latest["state"]] not in ANEW:
        word = StepState[latest["state"]].value
        raise JournalError(
            f"row {row}, step {step}: attempt {attempt - 1} is {word!r}, so it must not be sent again"
        )
    if reserve:
        _reserve(connection, f"row {row}, step {step}", reserve)
    try:
        put(
            connection,
            "step",
            *(row, step, attempt, StepState.INTENT.name, intent, "{}"),
            *(reserve, None, None, now, None),
        )
    except sqlite3.IntegrityError:
        raise InvalidInput(f"row {row}: the journal has no such row") from None
    made.append(attempt)


def _reserve(connection: sqlite3.Connection, what: str, reserve: int) -> None:
    spent, reserved, cap = connection.execute("SELECT spent, reserved, cap FROM book").fetchone()
    if cap is not None and spent + reserved + reserve > cap:
        facts = {"needed": reserve, "spent": spent, "reserved": reserved, "cap": cap}
        tokens = {name: from_micro(micro) for name, micro in facts.items()}
        raise CapReached(
            "{what}: it may cost {needed:g} tokens, but of the {cap:g} that the run may spend {spent:g} are spent and "
            "{reserved:g} reserved: raise the cap, or wait for what is under way".format(what=what, **tokens),
            **tokens,
        )
    _change_account(connection, 0, reserve)


def withdraw(connection: sqlite3.Connection, row: int, step: str, made: list[int], now: str) -> None:
    """Close the attempt that `intend` made, if it made one: nothing was sent for it."""
    latest = _latest(connection, row, step)
    if latest is not None and made == [latest["attempt"]] and latest["state"] == StepState.INTENT.name:
        settle(connection, row, step, StepState.NOT_DONE, None, None, "withdrawn before it was sent", now)


def settle(
    connection: sqlite3.Connection,
    row: int,
    step: str,
    state: StepState,
    facts: str | None,
    tokens: int | None,
    error: str | None,
    now: str,
    intent: str | None = None,
) -> None:
    """Note what became of the latest attempt at a step."""
    latest = _latest(connection, row, step)
    if latest is None:
        raise JournalError(f"row {row}, step {step}: there is no intent to settle")
    was = StepState[latest["state"]]
    if was not in OPEN and (was, state) != (StepState.DONE, StepState.FAILED):
        raise JournalError(
            f"row {row}, step {step}: is settled as {was.value!r}, so it cannot become {state.value!r}"
        )
    reserved = latest["reserved"]
    if state in OPEN:
        kept, cost = reserved, latest["tokens"]
    else:
        kept, cost = 0, tokens
        if cost is None and was in OPEN:
            cost = reserved if state is StepState.DONE else 0
        elif cost is None:
            cost = latest["tokens"]
    _change_account(connection, (cost or 0) - (latest["tokens"] or 0), kept - reserved)
    latest |= {"state": state.name, "reserved": kept, "tokens": cost, "error": error, "settled_at": now}
    if facts is not None:
        latest["facts"] = facts
    if intent is not None:
        latest["intent"] = intent
    put(connection, "step", *latest.values(), verb="REPLACE")


def record(connection: sqlite3.Connection, row: int, step: str, facts: str, now: str) -> None:
    """Note a step that needed no intent as done."""
    try:
        put(
            connection,
            "step",
            *(row, step, 0, StepState.DONE.name, None, facts, 0, 0, None, now, now),
            verb="REPLACE",
        )
    except sqlite3.IntegrityError:
        raise InvalidInput(f"row {row}: the journal has no such row") from None


def release(connection: sqlite3.Connection, state: StepState, error: str, now: str) -> int:
    """Settle all held steps, as a person has decided; how many.

    Given up, they count as paid: they may have been.
    """
    held = connection.execute(
        "SELECT step.row, name, reserved, progress.state FROM step JOIN progress USING (row) "
        "WHERE step.state = ? ORDER BY step.row, name",
        (StepState.HELD.name,),
    ).fetchall()
    row_state = State.WAITING if state is StepState.NOT_DONE else State.FAILED
    row_error = None if state is StepState.NOT_DONE else error
    for row, step, reserved, was in held:
        cost = 0 if state is StepState.NOT_DONE else reserved
        settle(connection, row, step, state, None, cost, error, now)
        if was == State.HELD.name:
            mark(connection, row, row_state, step, row_error, None, now)
    return len(held)


def _latest(connection: sqlite3.Connection, row: int, step: str) -> dict[str, Any] | None:
    """The latest attempt at a step that had an intent, by column."""
    found = connection.execute(
        f"SELECT {STEP_COLUMNS} FROM step WHERE row = ? AND name = ? AND attempt > 0 ORDER BY attempt DESC LIMIT 1",
        (row, step),
    ).fetchone()
    return None if found is None else dict(zip(STEP_COLUMNS.split(", "), found, strict=True))


# --- the account ------------------------------------------------------------------------------------------


def set_cap(connection: sqlite3.Connection, cap: int | None) -> None:
    """Change what the run may spend."""
    _change_book(connection, "cap", cap)


def _change_account(connection: sqlite3.Connection, spent: int, reserved: int) -> None:
    if spent or reserved:
        connection.execute(
            "UPDATE book SET spent = spent + :spent, reserved = reserved + :reserved, "
            "sum = checksum(rows, cap, spent + :spent, reserved + :reserved)",
            {"spent": spent, "reserved": reserved},
        )


def _change_book(connection: sqlite3.Connection, column: Literal["rows", "cap"], value: int | None) -> None:
    connection.execute(f"UPDATE book SET {column} = ?", (value,))
    connection.execute("UPDATE book SET sum = checksum(rows, cap, spent, reserved)")
