"""Schedules the rows of a run through their stages, many at a time; a failure affects only its own row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pixxel_async._base.clock import Clock
from pixxel_async._base.files import is_disk_full
from pixxel_async.bulk._execution.budget import Budget
from pixxel_async.bulk._execution.durable_creates import DurableCreates, Held, stated_cost
from pixxel_async.bulk._execution.engine import Engine, Then
from pixxel_async.bulk._execution.result import Result, result_of
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import CapReached, JournalError, RowRecord, StepRecord
from pixxel_async.bulk._journal.text import is_amount
from pixxel_async.bulk._recipe.stages import Facts, Kind, NoImage, Stage, Work
from pixxel_async.bulk._state import State
from pixxel_async.client import PixxelClient
from pixxel_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    DeadlineExceeded,
    DiskFull,
    PixxelError,
    RateLimited,
    ServerError,
    TlsError,
    TransportError,
    UnexpectedBody,
    WaitFailed,
)

T = TypeVar("T")

_log = logging.getLogger(__name__)

THEN = "then"
"""Name of the user's own step in the journal."""

TODO = (State.WAITING, State.RUNNING, State.HELD, State.BLOCKED)
"""States of rows that a run continues; for the last two, a later session may succeed."""
_PASSING = (TransportError, ServerError, RateLimited, DeadlineExceeded, UnexpectedBody)
"""Errors that do not depend on the row: they are retried."""
_ENDS_ALL = (AuthenticationError, ConfigurationError, TlsError, DiskFull)
"""Errors that every row would meet."""
_TRIES = 8
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_OPEN_AT_ONCE = 32
"""Open creates that are looked up at a time. Most of that is waiting, but all responses may arrive together."""
GRACE = 20.0
"""Seconds that a drain waits for creates in flight."""


class Scheduler:
    """One session of a run.

    Args:
        client: An open client.
        journal: The run's, open.
        stages: The stages of each row.
        engine: Runs the stages.
        out: Folder of the run.
        concurrency: Maximum number of rows in flight or not yet consumed.
        after_row: Called after a row's last stage.
        clock: Time and randomness.
    """

    def __init__(
        self,
        client: PixxelClient,
        journal: Journal,
        stages: Sequence[Stage],
        engine: Engine,
        *,
        out: Path,
        concurrency: int,
        after_row: Then | None,
        clock: Clock,
    ) -> None:
        self._client = client
        self._journal = journal
        self._stages = {stage.name: stage for stage in stages}
        self._engine = engine
        self._out = out
        self._concurrency = concurrency
        self._after_row = after_row
        self._clock = clock
        self._budget = Budget(client, journal, stages)
        self._creating = DurableCreates(client, engine, journal, self._budget)
        self._tasks: set[asyncio.Task[Result | None]] = set()
        self._done: asyncio.Queue[asyncio.Task[Result | None]] = asyncio.Queue()
        self._opening: asyncio.Task[None] | None = None
        """Settles the creates that an earlier session left open."""
        self._grace: asyncio.TimerHandle | None = None
        self._is_draining = False

    def drain(self) -> None:
        """Start nothing new: finish and record the creates in flight, and cancel all other rows."""
        self._is_draining = True
        for task in self._under_way():
            if not self._creating.is_under_way(task):
                task.cancel()
        if self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(GRACE, self._stop)

    def _stop(self) -> None:
        for task in self._under_way():
            task.cancel()

    def _under_way(self) -> list[asyncio.Task[Any]]:
        return [*self._tasks] if self._opening is None else [self._opening, *self._tasks]

    async def results(self) -> AsyncGenerator[Result, None]:
        """Work on the remaining rows; yield results as they arrive."""
        try:
            self._opening = asyncio.create_task(self._settle_open())
            await asyncio.wait([self._opening])
            if self._is_draining:
                return
            self._opening.result()
            rows = _Rows(self._journal)
            while True:
                await self._begin(rows)
                if not self._tasks:
                    return
                task = await self._done.get()
                self._tasks.discard(task)
                if task.cancelled() and self._is_draining:
                    continue
                result = task.result()
                if result is not None:
                    yield result
        finally:
            if self._grace is not None:
                self._grace.cancel()
            self._stop()
            await asyncio.gather(*self._under_way(), return_exceptions=True)
            await self._creating.aclose()

    async def _begin(self, rows: _Rows) -> None:
        while len(self._tasks) < self._concurrency and not self._is_draining:
            record = await rows.next()
            if record is None or self._is_draining:
                return
            task = asyncio.create_task(self._row(record))
            task.add_done_callback(self._done.put_nowait)
            self._tasks.add(task)

    async def _settle_open(self) -> None:
        """Settle every open create of earlier sessions, before any new create."""
        records = await asyncio.to_thread(list, self._journal.open_intents())
        limit = asyncio.Semaphore(_OPEN_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                for record in records:
                    if record.step in self._stages:
                        group.create_task(self._settle_one(record, limit))
        except ExceptionGroup as failed:  # an error that every row would meet: raise it once
            ended_by = failed.exceptions[0]
        else:
            return
        raise ended_by

    async def _settle_one(self, record: StepRecord, limit: asyncio.Semaphore) -> None:
        stage = self._stages[record.step]
        try:
            async with limit:
                await self._patiently(lambda: self._creating.settle(stage, record))
        except _ENDS_ALL:
            raise
        except Exception as error:
            # The row meets the error again, and ends with it.
            _log.info("row %s, step %s: not settled yet: %s", record.row, record.step, error)

    async def _row(self, record: RowRecord) -> Result | None:
        """Run one row through its stages; an error becomes its result. None: drained."""
        row = _Row(self._journal, record, self._out, self._clock)
        try:
            return await self._through(row)
        except (*_ENDS_ALL, JournalError):  # no further row can succeed or be recorded
            raise
        except Exception as error:
            _log.exception("row %s: unexpected error", row.number)
            return await row.end(State.FAILED, f"{type(error).__name__}: {error}")
        finally:
            await self._budget.leave(row.number)

    async def _through(self, row: _Row) -> Result | None:
        try:
            row.begin()
            for stage in self._stages.values():
                if self._is_draining:
                    return None
                if stage.name not in row.facts:
                    await self._stage(stage, row)
            if self._after_row is not None and THEN not in row.facts:
                await self._engine.follow(self._client, self._after_row, row.result(row.final_state))
                await self._journal.record(row.number, THEN, facts={})
        except _ENDS_ALL:
            raise
        except Held as held:
            return await row.end(State.HELD, str(held))
        except CapReached as reached:
            return await row.end(State.BLOCKED, str(reached))
        except NoImage as error:
            return await row.end(State.NO_IMAGE, str(error))
        except OSError as error:
            if is_disk_full(error):
                raise DiskFull(f"{self._out}: {error.strerror}") from error
            return await row.end(State.FAILED, str(error))
        except PixxelError as error:
            return await row.end(State.FAILED, str(error))
        return await row.end(row.final_state)

    async def _stage(self, stage: Stage, row: _Row) -> None:
        row.step = stage.name
        if stage.kind is Kind.CREATE:
            row.facts[stage.name] = await self._create(stage, row)
            return
        try:
            facts = await self._patiently(lambda: self._engine.do(self._client, stage, row.work, None))
        except WaitFailed as error:
            if stage.makes is not None:
                await self._correct(stage.makes, row, stated_cost(error.last))
                await self._creating.give_up(self._stages[stage.makes], row.number, str(error))
                row.drop(stage.makes)
            raise
        if stage.makes is not None:
            await self._correct(stage.makes, row, facts.pop("cost", None))
        row.note(stage.name, facts)

    async def _correct(self, step: str, row: _Row, cost: object) -> None:
        """Record the actual cost of a create when the API states it, if it differs from the recorded one."""
        if is_amount(cost) and cost != row.facts[step].get("tokens", 0.0):
            await self._journal.correct(row.number, step, cost)
            row.facts[step]["tokens"] = cost

    async def _create(self, stage: Stage, row: _Row) -> Facts:
        is_begun = any(each.kind is Kind.CREATE and each.name in row.facts for each in self._stages.values())
        if stage.price is None and not is_begun:
            await self._patiently(lambda: self._budget.admit(row.work))
        try:
            return await self._patiently(lambda: self._creating.make(stage, row.work))
        except (*_ENDS_ALL, Held, CapReached, JournalError):
            raise
        except Exception as error:
            await self._creating.hold(stage, row.number, str(error))
            raise

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Retry temporary errors; wait for the end of an outage without limit."""
        for number in range(1, _TRIES):
            try:
                return await attempt()
            except TlsError:
                raise
            except _PASSING as error:
                _log.info("%s: retrying, attempt %d of %d failed", error, number, _TRIES)
                asked = error.retry_after if isinstance(error, APIError) else None
            await self._client.available()
            pause = min(_PAUSE * 2 ** (number - 1), _LONGEST_PAUSE)
            await self._clock.sleep(max(asked or 0.0, pause * self._clock.rng.uniform(0.5, 1.0)))
        return await attempt()


class _Rows:
    """The remaining rows, read in a thread, a page at a time."""

    def __init__(self, journal: Journal) -> None:
        self._pages = journal.pages(*TODO)
        self._page: Iterator[RowRecord] = iter(())

    async def next(self) -> RowRecord | None:
        """The next row; None after the last."""
        record = next(self._page, None)
        if record is None:
            self._page = iter(await asyncio.to_thread(next, self._pages, ()))
            record = next(self._page, None)
        return record


class _Row:
    """A row in progress: its facts, and its records in the journal."""

    def __init__(self, journal: Journal, record: RowRecord, out: Path, clock: Clock) -> None:
        self._journal = journal
        self._record = record
        self._out = out
        self._clock = clock
        self._began = clock.monotonic()
        self.facts: dict[str, Facts] = {step: dict(facts) for step, facts in record.facts.items()}
        """By step; `work` shares them."""
        self.step: str | None = None
        entry = record.entry
        self.work = Work(
            row=entry.row,
            name=entry.name,
            geometry=entry.geometry,
            properties=entry.properties,
            folder=out / entry.folder,
            facts=self.facts,
            is_fresh=record.is_fresh,
        )
        self._failures = record.tokens - _tokens(record.facts)
        """Cost of failed attempts, in tokens."""

    @property
    def number(self) -> int:
        return self._record.entry.row

    @property
    def final_state(self) -> State:
        return State.PARTIAL if any(facts.get("partial") for facts in self.facts.values()) else State.DONE

    def begin(self) -> None:
        """Record that the row is in progress."""
        self._journal.begin(self.number, seconds=self._record.seconds)

    def note(self, step: str, facts: Facts) -> None:
        """Record a stage as done that is safe to repeat."""
        self._journal.note(self.number, step, facts=facts)
        self.facts[step] = facts

    def drop(self, step: str) -> None:
        """Remove a failed resource from the row; its cost stays."""
        self._failures += _tokens({step: self.facts.pop(step)})

    async def mark(self, state: State, error: str | None = None) -> None:
        seconds = self._record.seconds + self._clock.monotonic() - self._began
        await self._journal.mark(self.number, state, step=self.step, error=error, seconds=seconds)

    async def end(self, state: State, error: str | None = None) -> Result:
        """Record the row's state at the end of this session; return its result."""
        if error is None:
            self.step = None
        await self.mark(state, error)
        return self.result(state, error)

    def result(self, state: State, error: str | None = None) -> Result:
        record = RowRecord(
            entry=self._record.entry,
            state=state,
            step=self.step,
            error=error,
            facts=self.facts,
            tokens=self._failures + _tokens(self.facts),
            seconds=self._record.seconds + self._clock.monotonic() - self._began,
            is_fresh=self._record.is_fresh,
            updated=self._record.updated,
        )
        return result_of(record, self._out)


def _tokens(facts: Mapping[str, Mapping[str, Any]]) -> float:
    return float(sum(each.get("tokens", 0.0) for each in facts.values()))
