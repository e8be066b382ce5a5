"""The thread that writes a journal: what it answers, to whom, and what ends it."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journals import Plot, begun

from pixxel_async.bulk._journal import writer as module
from pixxel_async.bulk._journal.file import journal_error, writing
from pixxel_async.bulk._journal.page import Page
from pixxel_async.bulk._journal.records import JournalError
from pixxel_async.bulk._journal.writer import Writer, is_disk_full
from pixxel_async.errors import DiskFull, PixxelError


class Odd:
    """A connection of which some calls fail."""

    def __init__(self, connection: sqlite3.Connection, **fails: Exception) -> None:
        self._connection = connection
        self._fails = fails

    def __getattr__(self, name: str) -> Any:
        if name in self._fails:
            return self._fail(name)
        return getattr(self._connection, name)

    def _fail(self, name: str) -> Any:
        def call(*_: object) -> None:
            getattr(self._connection, name)()
            raise self._fails[name]

        return call


@pytest.fixture
def path(tmp_path: Path) -> Path:
    begun(tmp_path, [Plot(), Plot(), Plot()]).close()
    return tmp_path / "run.journal"


def opened(path: Path, **fails: Exception) -> Writer:
    return Writer(lambda: Odd(writing(path), **fails), lambda error: journal_error(path, error))  # type: ignore[arg-type, return-value]


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = opened(path)
    yield writer
    writer.close()


def held(writer: Writer) -> threading.Event:
    """Keep the thread busy until the event is set: what is asked for meanwhile is one batch."""
    gate, is_busy = threading.Event(), threading.Event()

    def wait(_: Page) -> None:
        is_busy.set()
        gate.wait()

    writer.post(wait, durable=False)
    is_busy.wait()
    return gate


def number(row: int) -> Any:
    return lambda page: row


def test_a_batch_holds_so_many_requests_and_is_one_commit(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 3)
    assert 0 == writer.commits
    gate = held(writer)
    answers = [writer.post(number(row), durable=False) for row in range(7)]
    gate.set()
    assert [*range(7)] == [answer.result() for answer in answers]
    writer.close()
    assert 1 + 3 == writer.commits


def broken(page: Page) -> None:
    """A row of a step without its entry."""
    page.connection.execute("INSERT INTO progress VALUES (99, 'DONE', NULL, NULL, 0.0, 'now', 0)")


def unbound(page: Page) -> None:
    page.connection.execute("SELECT ?", ())


@pytest.mark.parametrize(("work", "words"), [(broken, "FOREIGN KEY"), (unbound, "binding")])
def test_a_request_that_sqlite_refuses_fails_alone_whoever_shares_its_transaction(
    writer: Writer, path: Path, work: Any, words: str
) -> None:
    for others in (1, 2):
        gate = held(writer)
        before = writer.post(number(1), durable=True)
        refused = writer.post(work, durable=True)
        after = [writer.post(number(row), durable=True) for row in range(others)]
        gate.set()
        assert (1, [*range(others)]) == (before.result(), [each.result() for each in after])
        error = refused.exception()
        assert isinstance(error, JournalError)
        assert words in str(error)


def test_what_nobody_waits_for_may_fail_and_harms_no_other(writer: Writer) -> None:
    gate = held(writer)
    writer.tell(broken)
    answer = writer.post(number(1), durable=False)
    gate.set()
    assert 1 == answer.result()
    assert 2 == writer.write_now(number(2), durable=True)


def test_an_event_loop_that_is_gone_does_not_end_the_thread(writer: Writer) -> None:
    async def leave() -> None:
        task = asyncio.create_task(writer.write(number(1), durable=True))
        await asyncio.sleep(0)
        assert not task.done()

    gate = held(writer)
    asyncio.run(leave())
    gate.set()
    assert 2 == writer.write_now(number(2), durable=False)


def test_answers_reach_the_loops_that_wait_for_them(writer: Writer) -> None:
    """Two at a time, and a thread that blocks."""
    gate = held(writer)
    found: dict[str, Any] = {}

    def run(name: str) -> None:
        found[name] = asyncio.run(both(name))

    async def both(name: str) -> list[str]:
        return await asyncio.gather(*(writer.write(number(row), durable=True) for row in (1, 2)))

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    blocking = writer.post(number(3), durable=True)
    gate.set()
    for thread in threads:
        thread.join()
    assert ({"a": [1, 2], "b": [1, 2]}, 3) == (found, blocking.result())


async def test_what_a_request_holds_ends_with_it(writer: Writer) -> None:
    """Not with the next one, which may come hours later."""

    class Work:
        def __call__(self, page: Page) -> None: ...

    work = Work()
    left = weakref.ref(work)
    await writer.write(work, durable=False)
    del work
    while left() is not None:
        gc.collect()


def test_a_process_that_forgets_to_close_a_journal_ends(writer: Writer) -> None:
    assert (True, "pixxel-journal") == (writer._thread.daemon, writer._thread.name)


def test_a_connection_that_cannot_be_closed_or_rolled_back_ends_nothing(path: Path) -> None:
    """The error that came first is what is answered, to all that come after."""
    writer = opened(
        path, close=sqlite3.OperationalError("close"), rollback=sqlite3.OperationalError("rollback")
    )
    with pytest.raises(JournalError, match="no such table"):
        writer.write_now(lambda page: page.connection.execute("SELECT 1 FROM nowhere"), durable=True)
    with pytest.raises(JournalError, match="no such table"):
        writer.write_now(number(1), durable=True)
    writer.close()
    writer.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        writer.post(number(1), durable=False)


def failure(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("failed")
    error.sqlite_errorcode = code  # type: ignore[misc]
    return error


FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
CODES = {name: getattr(sqlite3, name) for name in dir(sqlite3) if name.startswith(("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CORRUPT", "SQLITE_BUSY", "SQLITE_READONLY", "SQLITE_NOTADB"))}  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_every_failure_of_sqlite_is_a_full_disk_damage_or_another(name: str, path: Path) -> None:
    code = CODES[name]
    error: PixxelError = journal_error(path, failure(code))
    assert (code in FULL) == is_disk_full(failure(code)) == isinstance(error, DiskFull)
    assert ("is damaged" in str(error)) == name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
    assert isinstance(error, DiskFull | JournalError)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CORRUPT])
def test_only_after_a_full_disk_a_writer_goes_on(writer: Writer, code: int) -> None:
    """After a failed fsync nothing says what a next commit is worth."""

    def fails(page: Page) -> None:
        raise failure(code)

    with pytest.raises(DiskFull if code == sqlite3.SQLITE_FULL else JournalError):
        writer.write_now(fails, durable=True)
    if code == sqlite3.SQLITE_FULL:
        assert 1 == writer.write_now(number(1), durable=True)
    else:
        with pytest.raises(JournalError):
            writer.write_now(number(1), durable=True)


def test_an_error_without_a_code_is_no_full_disk() -> None:
    assert not is_disk_full(sqlite3.ProgrammingError("wrong"))
