"""Writes to a journal: functions that run in a transaction of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Literal

from pixxel_async.bulk._journal.decisions import Adopt, Decisions
from pixxel_async.bulk._journal.page import STEP, Page
from pixxel_async.bulk._journal.records import OPEN, CapReached, JournalError, StepState
from pixxel_async.bulk._journal.schema import (
    PART_TABLE,
    SESSION_TABLE,
    VERSION,
    Row,
    has_parts,
    session_of,
    write_many,
)
from pixxel_async.bulk._journal.text import from_json, from_micro, json_text
from pixxel_async.bulk._state import State
from pixxel_async.errors import InvalidInput

ANEW = frozenset({StepState.NOT_DONE, StepState.FAILED})
"""After these states a step may be sent again."""


# --- rows -------------------------------------------------------------------------------------------------


def begin_adding(page: Page) -> None:
    """Refuse a second `add`; remove the rows of an interrupted one, for which nothing was sent."""
    connection = page.connection
    if connection.execute("SELECT rows FROM book").fetchone()[0] is not None:
        raise JournalError("the journal has its rows already")
    connection.execute("DROP TABLE IF EXISTS part")
    connection.execute("DELETE FROM progress")
    connection.execute("DELETE FROM entry")


def add(page: Page, entries: Sequence[Row], now: str, parts: Sequence[Row] = ()) -> None:
    """Add rows (row, key, name, folder, geometry, properties) and parts (row, key of the feature)."""
    connection = page.connection
    connection.execute("SAVEPOINT entries")
    try:
        write_many(connection, "INSERT", "entry", entries)
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO entries")
        refused = _refused(connection, entries)
    else:
        waiting = [(entry[0], State.WAITING.name, None, None, 0.0, now) for entry in entries]
        write_many(connection, "INSERT", "progress", waiting)
        if parts and not has_parts(connection):
            connection.execute(PART_TABLE)
        write_many(connection, "INSERT", "part", parts)
        return
    raise InvalidInput(refused)


def _refused(connection: sqlite3.Connection, entries: Sequence[Row]) -> str:
    """The reason for the first row that cannot be added; adds the rows one by one."""
    for entry in entries:
        number, key = entry[:2]
        try:
            write_many(connection, "INSERT", "entry", [entry])
        except sqlite3.IntegrityError:
            break
    there = connection.execute("SELECT row FROM entry WHERE key = ?", (key,)).fetchone()
    if there is None:
        return f"row {number} is given twice"
    return f"rows {there[0]} and {number} have the same key {key!r}: give each row a key of its own"


def end_adding(page: Page) -> int:
    """Record that all rows are present; return their number."""
    connection = page.connection
    count: int = connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    _change_book(connection, "rows", count)
    return count


def mark(
    page: Page,
    row: int,
    state: State,
    step: str | None,
    error: str | None,
    seconds: float | None,
    now: str,
) -> None:
    """Record the state of a row."""
    page.put_row(row, state.name, step, error, seconds, now)


def reset(page: Page, states: Sequence[State], now: str) -> int:
    """Set rows of these states to WAITING; return their number."""
    words = ", ".join(f"'{state.name}'" for state in states)
    return page.connection.execute(
        "UPDATE progress SET state = :state, step = NULL, error = NULL, updated = :now, "
        f"sum = checksum(row, :state, NULL, NULL, seconds, :now) WHERE state IN ({words})",
        {"state": State.WAITING.name, "now": now},
    ).rowcount


# --- steps ------------------------------------------------------------------------------------------------


def intend(page: Page, row: int, step: str, intent: str, reserve: int, now: str, made: list[int]) -> None:
    """Announce the next attempt at a step; append its number to `made`."""
    made.clear()  # the function may run twice: with other requests, then alone
    latest = page.latest(row, step)
    attempt = 1 if latest is None else latest["attempt"] + 1
    if latest is not None and StepState[latest["state"]] not in ANEW:
        word = StepState[latest["state"]].value
        raise JournalError(
            f"row {row}, step {step}: attempt {attempt - 1} is {word!r}, so it must not be sent again"
        )
    if reserve:
        _reserve(page, f"row {row}, step {step}", reserve)
    values = (row, step, attempt, StepState.INTENT.name, intent, "{}", reserve, None, None, now, None)
    page.put_attempt(dict(zip(STEP, values, strict=True)))
    made.append(attempt)


def _reserve(page: Page, what: str, reserve: int) -> None:
    _, cap, spent, reserved = page.account()
    if cap is not None and spent + reserved + reserve > cap:
        facts = {"needed": reserve, "spent": spent, "reserved": reserved, "cap": cap}
        tokens = {name: from_micro(micro) for name, micro in facts.items()}
        raise CapReached(
            "{what}: it may cost {needed:g} tokens, but of the {cap:g} that the run may spend {spent:g} are spent and "
            "{reserved:g} reserved: raise the cap, or wait for steps in flight".format(what=what, **tokens),
            **tokens,
        )
    page.charge(0, reserve)


def withdraw(page: Page, row: int, step: str, made: list[int], now: str) -> None:
    """Close the attempt of `intend`, if there is one: nothing was sent for it."""
    latest = page.latest(row, step)
    if latest is not None and made == [latest["attempt"]] and latest["state"] == StepState.INTENT.name:
        settle(page, row, step, StepState.NOT_DONE, None, None, "withdrawn before it was sent", now)


def settle(
    page: Page,
    row: int,
    step: str,
    state: StepState,
    facts: str | None,
    tokens: int | None,
    error: str | None,
    now: str,
    intent: str | None = None,
) -> None:
    """Record the outcome of the latest attempt at a step."""
    latest = page.latest(row, step)
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
    page.charge((cost or 0) - (latest["tokens"] or 0), kept - reserved)
    changes = {"state": state.name, "reserved": kept, "tokens": cost, "error": error, "settled_at": now}
    settled = {**latest, **changes}
    if facts is not None:
        settled["facts"] = facts
    if intent is not None:
        settled["intent"] = intent
    page.put_attempt(settled)


def correct(page: Page, row: int, step: str, tokens: int) -> None:
    """Record the actual cost of a step that is done."""
    latest = page.latest(row, step)
    if latest is None or latest["state"] != StepState.DONE.name:
        raise JournalError(f"row {row}, step {step}: is not done, so its cost cannot be corrected")
    page.charge(tokens - (latest["tokens"] or 0), 0)
    facts = json_text({**from_json(latest["facts"]), "tokens": from_micro(tokens)}, "facts")
    page.put_attempt({**latest, "tokens": tokens, "facts": facts})


def record(page: Page, row: int, step: str, facts: str, now: str) -> None:
    """Record a step without an intent as done."""
    page.put_step(row, step, 0, StepState.DONE.name, None, facts, 0, 0, None, now, now)


def decide(page: Page, decisions: Decisions, now: str) -> int:
    """Settle held steps as a person has decided; return their number. Steps given up count as paid, since they may be."""
    held = _held(page)
    if not isinstance(decisions, Mapping):
        decisions = {row: decisions for row, *_ in held}
    if unknown := sorted(decisions.keys() - {row for row, *_ in held}):
        raise InvalidInput(f"row {', '.join(map(str, unknown))}: it has no held step")
    decided = [each for each in held if each[0] in decisions]
    for row, step, reserved, was in decided:
        decision = decisions[row]
        state, error = State.WAITING, None
        if isinstance(decision, Adopt):
            _require_unclaimed(page, row, step, decision.id)
            facts = {
                "id": decision.id,
                "ids": [decision.id],
                **({"tokens": from_micro(reserved)} if reserved else {}),
            }
            settle(page, row, step, StepState.DONE, json_text(facts, "facts"), reserved, None, now)
        elif decision == "resend":
            settle(page, row, step, StepState.NOT_DONE, None, 0, "decided: it did not happen", now)
        else:
            state, error = State.FAILED, "given up: it may exist in the account"
            settle(page, row, step, StepState.FAILED, None, reserved, error, now)
        if was == State.HELD.name:
            mark(page, row, state, step, error, None, now)
    return len(decided)


def _held(page: Page) -> list[Row]:
    return page.connection.execute(
        "SELECT step.row, name, reserved, progress.state FROM step JOIN progress USING (row) "
        "WHERE step.state = ? ORDER BY step.row, name",
        (StepState.HELD.name,),
    ).fetchall()


def _require_unclaimed(page: Page, row: int, step: str, id: str) -> None:
    """Refuse an id that another row has created or adopted."""
    found = page.connection.execute(
        "SELECT row, facts FROM step WHERE name = ? AND row != ? AND instr(facts, ?)",
        (step, row, json_text({"id": id}, "id")[1:-1]),
    ).fetchone()
    if found is not None:
        raise InvalidInput(
            f"row {row}, step {step}: {id} belongs to row {found[0]}: give the id of this row's resource"
        )


# --- sessions ---------------------------------------------------------------------------------------------


def last_session(page: Page) -> tuple[str | None, str | None, int]:
    """Mark of the last session, time of the last doubt, and number of announced creates."""
    connection = page.connection
    count: int = connection.execute("SELECT count(*) FROM step WHERE attempt > 0").fetchone()[0]
    return *session_of(connection), count


def begin_session(page: Page, mark: str, doubted: str | None) -> None:
    """Record the mark of a new session; update a journal of an older version to this version."""
    connection = page.connection
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 1:
        connection.execute(SESSION_TABLE)
    if version < VERSION:
        connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("DELETE FROM session")
    write_many(connection, "INSERT", "session", [(mark, doubted)])


# --- the account ------------------------------------------------------------------------------------------


def set_cap(page: Page, cap: int | None) -> None:
    """Change the run's cap."""
    _change_book(page.connection, "cap", cap)


def _change_book(connection: sqlite3.Connection, column: Literal["rows", "cap"], value: int | None) -> None:
    connection.execute(f"UPDATE book SET {column} = ?", (value,))
    connection.execute("UPDATE book SET sum = checksum(rows, cap, spent, reserved)")
