"""A journal's writer gathers what a transaction changes, and remembers what is under way: nobody can tell."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixxel_async.bulk._journal import schema, writes
from pixxel_async.bulk._journal.page import Page
from pixxel_async.bulk._journal.records import Header, JournalError, StepState
from pixxel_async.bulk._journal.writer import Writer
from pixxel_async.bulk._state import State
from pixxel_async.errors import PixxelError

HEADER = Header(
    run_id="r1",
    started=datetime(2026, 7, 1, 12, tzinfo=UTC),
    sdk="0",
    base_url="",
    token_print="",
    recipe={},
    input_sha256="",
    input_name="",
    cap=9.0,
)
ROWS = 90
"""More than one statement takes."""
Request = Callable[[Page], Any]


def filled() -> sqlite3.Connection:
    """A journal in memory, in which nothing has happened yet."""
    connection = opened()
    connection.deserialize(empty())
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def opened() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.create_function("checksum", -1, schema.checksum, deterministic=True)
    return connection


@cache
def empty() -> bytes:
    """The file of that journal."""
    with closing(opened()) as connection:
        connection.execute(f"PRAGMA user_version={schema.VERSION}")
        schema.create_tables(connection, HEADER)
        entries = [(row, f"k{row}", "n", "f", "{}", "{}") for row in range(1, ROWS + 1)]
        writes.add(Page(connection), entries, "now")
        writes.end_adding(Page(connection))
        return connection.serialize()


def intend(row: int, reserve: int) -> Request:
    def work(page: Page) -> int:
        made: list[int] = []
        writes.intend(page, row, "aoi", "{}", reserve, "now", made)
        return made[-1]

    return work


def intend_all(page: Page) -> None:
    for row in range(3, ROWS + 1):
        writes.intend(page, row, "aoi", "{}", 0, "now", [])


def settle(row: int, state: StepState, tokens: int | None, facts: str | None) -> Request:
    return partial(
        writes.settle,
        row=row,
        step="aoi",
        state=state,
        facts=facts,
        tokens=tokens,
        error=None,
        now="now",
        intent=None,
    )


def mark(row: int, state: State, seconds: float | None) -> Request:
    return partial(writes.mark, row=row, state=state, step=None, error=None, seconds=seconds, now="now")


def requests() -> st.SearchStrategy[Request]:
    """What is asked of a journal, mostly about the same two rows; row 0 is not there."""
    row = st.sampled_from([1, 1, 1, 2, 0])
    done = st.sampled_from([state for state in StepState if state is not StepState.INTENT])
    return st.one_of(
        st.builds(intend, row, st.sampled_from([0, 2_000_000, 5_000_000])),
        st.builds(settle, row, done, st.none() | st.integers(0, 3_000_000), st.sampled_from([None, "{}"])),
        st.builds(settle, row, done, st.none(), st.none()),
        st.builds(mark, row, st.sampled_from(State), st.sampled_from([None, 0.1, 7])),
        st.builds(lambda row: partial(writes.record, row=row, step="file", facts="{}", now="now"), row),
        st.just(intend_all),
        st.builds(
            lambda decision: partial(writes.decide, decisions=decision, now="now"),
            st.sampled_from(["resend", "forget"]),
        ),
        st.builds(lambda cap: partial(writes.set_cap, cap=cap), st.sampled_from([None, 3_000_000])),
    )


def alone(batches: list[list[Request]]) -> tuple[list[Any], list[Any]]:
    """Each request in a transaction of its own, by a page that knows nothing; outcomes, and what is written."""
    connection = filled()

    def outcome(request: Request) -> Any:
        page = Page(connection)
        connection.execute("BEGIN")
        try:
            value = request(page)
            page.flush()
        except PixxelError as error:
            connection.execute("ROLLBACK")
            return told(error)
        connection.execute("COMMIT")
        return value

    try:
        return [outcome(request) for batch in batches for request in batch], written(connection)
    finally:
        connection.close()


def together(batches: list[list[Request]]) -> tuple[list[Any], list[Any]]:
    """By a writer that is busy while a batch is asked for, so that all of it comes into its next transaction."""
    writer = Writer(filled, lambda error: JournalError(str(error)))
    outcomes: list[Any] = []
    try:
        for batch in batches:
            gate = threading.Event()
            writer.post(lambda _, gate=gate: gate.wait(), durable=False)
            answers = [writer.post(request, durable=True) for request in batch]
            gate.set()
            outcomes += [told(answer.exception() or answer.result()) for answer in answers]
        return outcomes, writer.write_now(lambda page: written(page.connection), durable=False)
    finally:
        writer.close()


def told(outcome: Any) -> Any:
    return (type(outcome), str(outcome)) if isinstance(outcome, Exception) else outcome


def written(connection: sqlite3.Connection) -> list[Any]:
    """All rows of the tables that change; their checksums and their account are right."""
    assert schema.damage(connection) is None
    tables = ("SELECT * FROM progress", "SELECT * FROM step", "SELECT * FROM book")
    return [connection.execute(table).fetchall() for table in tables]


_AGAIN = [
    [intend(1, 0)],
    [settle(1, StepState.DONE, None, None)],
    [settle(1, StepState.HELD, None, None)],  # alone: after a failure, a page knows nothing any more
]


@settings(max_examples=60)
@example(_AGAIN)
@given(batches=st.lists(st.lists(requests(), max_size=8), min_size=1, max_size=4))
def test_requests_that_share_a_transaction_meet_what_each_meets_alone(batches: list[list[Request]]) -> None:
    """In outcomes and in what is written, whether or not one of them fails, and from one transaction to the next."""
    assert alone(batches) == together(batches)
