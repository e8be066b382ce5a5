"""The thread that writes to a journal. Requests that arrive during a commit share the next transaction.

A commit waits for the disk, which takes as long for one row as for hundreds. So concurrent announcements share one.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import attrs

from pixxel_async.bulk._journal.page import Page
from pixxel_async.bulk._journal.records import JournalError
from pixxel_async.errors import PixxelError

R = TypeVar("R")

MOST_AT_ONCE = 1000
"""Maximum requests in one transaction: the first waits for the last."""


@attrs.define(eq=False)  # six for each row; a frozen class takes twice as long to make
class _Request(Generic[R]):
    work: Callable[[Page], R]
    is_durable: bool
    answer: Future[R] | asyncio.Future[R] | None
    """None: no caller waits."""


@attrs.define(eq=False)
class _Outcome:
    value: Any = None
    error: Exception | None = None

    def deliver(self, answer: Future[Any] | asyncio.Future[Any]) -> None:
        if answer.cancelled():
            return
        if self.error is None:
            answer.set_result(self.value)
        else:
            answer.set_exception(self.error)


class Writer:
    """Owns a connection and runs functions on its page: many in one transaction, each atomically."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], translate: Callable[[sqlite3.Error], PixxelError]
    ) -> None:
        self._connection = connect()
        self._page = Page(self._connection)
        self._translate = translate
        self._queue: SimpleQueue[_Request[Any] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._is_closed = False
        self._is_full: bool | None = None
        self._broken: sqlite3.Error | None = None
        self.commits = 0
        """Number of transactions committed so far."""
        self._thread = threading.Thread(target=self._run, name="pixxel-journal", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Page], R], *, durable: bool) -> R:
        """The result of `work` once it is committed; with `durable`, it also survives a power cut.

        If cancelled, it no longer waits, but the request is still written.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._put(_Request(work, durable, answer))
        return await answer

    def write_now(self, work: Callable[[Page], R], *, durable: bool) -> R:
        """The same, blocking."""
        return self.post(work, durable=durable).result()

    def post(self, work: Callable[[Page], R], *, durable: bool) -> Future[R]:
        """The same, without waiting."""
        answer: Future[R] = Future()
        self._put(_Request(work, durable, answer))
        return answer

    def tell(self, work: Callable[[Page], object]) -> None:
        """The same, not durable and without a result: the next request with a waiting caller raises its error."""
        self._put(_Request(work, False, None))

    def _put(self, request: _Request[Any]) -> None:
        with self._gate:
            if self._is_closed:
                raise JournalError("the journal is closed")
            self._queue.put(request)

    def close(self) -> None:
        """Write pending requests, and end the thread. Safe to call twice."""
        with self._gate:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    # --- in the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (request := self._queue.get()) is not None:
                batch, is_last = self._batch(request)
                self._answer(batch, self._outcomes(batch))
                del request, batch  # release their objects now, not with the next batch
                if is_last:
                    return
        finally:
            with suppress(sqlite3.Error):
                self._connection.close()

    def _batch(self, first: _Request[Any]) -> tuple[list[_Request[Any]], bool]:
        batch = [first]
        with suppress(Empty):
            while len(batch) < MOST_AT_ONCE:
                request = self._queue.get_nowait()
                if request is None:
                    return batch, True
                batch.append(request)
        return batch, False

    def _outcomes(self, batch: list[_Request[Any]]) -> list[_Outcome]:
        failure = self._broken
        if failure is None:
            try:
                return self._commit(batch)
            except sqlite3.Error as error:
                failure = error
                self._page.forget()
                with suppress(sqlite3.Error):
                    self._connection.rollback()
                if not is_disk_full(error):
                    # After a failed fsync, or on a damaged page, later commits are not reliable.
                    self._broken = error.with_traceback(None)
        return [_Outcome(error=self._translate(failure)) for _ in batch]

    def _commit(self, batch: list[_Request[Any]]) -> list[_Outcome]:
        is_full = any(request.is_durable for request in batch)
        if is_full is not self._is_full:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if is_full else 'NORMAL'}")
            self._is_full = is_full
        self._connection.execute("BEGIN IMMEDIATE")
        outcomes = self._together(batch) or [self._outcome(request) for request in batch]
        self._connection.execute("COMMIT")
        self._page.committed()
        self.commits += 1
        return outcomes

    def _together(self, batch: list[_Request[Any]]) -> list[_Outcome] | None:
        """Run all requests; return None and write nothing if one fails, which is rare."""
        try:
            outcomes = [_Outcome(request.work(self._page)) for request in batch]
            self._page.flush()
            return outcomes
        except Exception:
            self._page.forget()
            if self._connection.in_transaction:  # a full disk ends the transaction itself
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN IMMEDIATE")
            return None

    def _outcome(self, request: _Request[Any]) -> _Outcome:
        """Run one request; if it fails, roll back only its changes."""
        self._connection.execute("SAVEPOINT request")
        try:
            outcome = _Outcome(request.work(self._page))
            self._page.flush()
        except sqlite3.Error as error:
            if not isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.DataError):
                raise  # it concerns all requests
            outcome = _Outcome(error=self._translate(error))
        except Exception as error:
            outcome = _Outcome(error=error)
        if outcome.error is not None:
            self._page.forget()
            self._connection.execute("ROLLBACK TO request")
        self._connection.execute("RELEASE request")
        return outcome

    def _answer(self, batch: list[_Request[Any]], outcomes: list[_Outcome]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], _Outcome]]] = {}
        for request, outcome in zip(batch, outcomes, strict=True):
            if isinstance(request.answer, Future):
                outcome.deliver(request.answer)
            elif request.answer is not None:
                by_loop.setdefault(request.answer.get_loop(), []).append((request.answer, outcome))
        for loop, answers in by_loop.items():
            with suppress(RuntimeError):  # the loop is closed: no caller waits
                loop.call_soon_threadsafe(_deliver, answers)


def _deliver(answers: list[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for answer, outcome in answers:
        outcome.deliver(answer)


def is_disk_full(error: sqlite3.Error) -> bool:
    """Whether the disk was full. SQLite reports a quota and the maximum file size as a failed write."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
