"""The coordinator's side of `DaskEngine`: the workers, their steps, and the outcomes."""

from __future__ import annotations

import asyncio
import logging
import pickle
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import cloudpickle
from distributed import Client

from pixxel_async.bulk.dask import _worker as worker
from pixxel_async.bulk.dask._worker import Greeting, Outcome, StageJob, ThenJob
from pixxel_async.errors import ConfigurationError, TransportError

MOST_WORKERS = 200
"""Maximum number of workers in use: the scheduler keeps one or two connections open for each."""
_LOOK = 1.0
"""Seconds between two checks for new and lost workers."""
_TRIES, _PAUSE = 3, 0.5
"""Attempts to call a worker that is still in the cluster."""
_CALL = 30.0
"""Maximum seconds of a short call to a worker; a call for news takes a few seconds longer."""

_log = logging.getLogger(__name__)


class WorkerLost(TransportError):
    """The worker that ran a step is lost or does not respond. Check the cluster; the run continues on other workers."""


@attrs.frozen
class Lost:
    """Replaces the outcome of a step on a lost worker."""

    address: str


class Call:
    """A step that a worker runs."""

    def __init__(self, link: _Link, ticket: str) -> None:
        self._link = link
        self._ticket = ticket
        self.outcomes: asyncio.Queue[Outcome | Lost] = asyncio.Queue()

    @property
    def address(self) -> str:
        """Address of the worker."""
        return self._link.address

    async def go(self) -> None:
        """Allow the worker to send the create. If this call fails, the worker does not send it, and reports that."""
        with suppress(Exception):
            await self._link.ask(worker.go, self._ticket)


class _Link:
    """The coordinator's link to one worker."""

    def __init__(self, dask: Client, address: str, greeting: Greeting) -> None:
        self._dask = dask
        self.address = address
        self._greeting = attrs.evolve(greeting, session=f"{greeting.session}-{uuid.uuid4().hex}")
        self._calls: dict[str, Call] = {}
        self._seen = 0
        self.requests = 0
        """Requests that it had sent for the run at its last news."""
        self._gone = asyncio.Event()

    @property
    def is_lost(self) -> bool:
        return self._gone.is_set()

    @property
    def load(self) -> int:
        return len(self._calls)

    async def enter(self) -> str | None:
        refusal: str | None = await self._run(worker.enter, cloudpickle.dumps(self._greeting))
        return refusal

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await self._run(function, self._greeting.session, *arguments)

    async def listen(self, is_there: Callable[[str], Coroutine[Any, Any, bool]]) -> None:
        """Deliver the outcomes of steps, until the worker is lost."""
        failures = 0
        try:
            while True:
                try:
                    news = await self.ask(worker.news, self._seen)
                except Exception as error:
                    failures += 1
                    if self.is_lost:
                        return
                    _log.info("worker %s: no news: %s", self.address, type(error).__name__)
                    if failures >= _TRIES or not await is_there(self.address):
                        return
                    await asyncio.sleep(_PAUSE)
                    continue
                if news is None:
                    return
                failures = 0
                for number, ticket, outcome, requests in news:
                    self.requests = max(self.requests, requests)
                    self._hand_out(number, ticket, outcome)
        finally:
            self.lose()

    def _hand_out(self, number: int, ticket: str, outcome: bytes) -> None:
        if number <= self._seen:
            return
        self._seen = number
        if ticket in self._calls:
            self._calls[ticket].outcomes.put_nowait(_unpacked(outcome))

    def lose(self) -> None:
        """End all its steps as lost: their outcomes will not arrive."""
        self._gone.set()
        for call in self._calls.values():
            call.outcomes.put_nowait(Lost(self.address))

    def add(self, ticket: str) -> Call:
        call = self._calls[ticket] = Call(self, ticket)
        return call

    def remove(self, ticket: str) -> None:
        del self._calls[ticket]

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on the worker. Dask would retry forever on a lost worker; this ends when it is lost."""
        calling = asyncio.ensure_future(self._dask.run(function, *arguments, workers=[self.address]))
        gone = asyncio.create_task(self._gone.wait())
        try:
            async with asyncio.timeout(_CALL):
                await asyncio.wait({calling, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise WorkerLost(f"worker {self.address} was lost")
            return calling.result()[self.address]
        finally:
            gone.cancel()
            calling.cancel()


class Cluster:
    """The workers of a cluster, for one run.

    Args:
        dask: An open client of the cluster, in this event loop.
        greeting: The first message to each worker.
        per_worker: Maximum number of concurrent steps on one worker.
    """

    def __init__(self, dask: Client, greeting: Greeting, per_worker: int) -> None:
        self._dask = dask
        self._greeting = greeting
        self._per_worker = per_worker
        self._links: dict[str, _Link] = {}
        self._sent_by_lost = 0
        self._refused: dict[str, str] = {}
        self._entering: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Condition()
        self._is_over = False
        self._discovering = asyncio.create_task(self._discover())

    @property
    def requests(self) -> int:
        """Requests to the API that its workers reported."""
        return self._sent_by_lost + sum(link.requests for link in self._links.values())

    @asynccontextmanager
    async def call(self, job: StageJob | ThenJob) -> AsyncIterator[Call]:
        """Start a step on the worker with the least load. Leaving the block cancels the step.

        Raises:
            ConfigurationError: The step cannot be sent to another process, or no worker can be used.
            WorkerLost: The step did not reach its worker.
        """
        payload = _packed(job)
        ticket = uuid.uuid4().hex
        link, call = await self._place(ticket)
        try:
            try:
                await link.ask(worker.begin, ticket, payload)
            except WorkerLost:
                raise
            except Exception as error:
                raise WorkerLost(f"worker {link.address} cannot be reached: {type(error).__name__}") from None
            yield call
        finally:
            link.remove(ticket)
            if not link.is_lost:
                self._spawn(self._drop(link, ticket))
            self._spawn(self._notify())

    async def aclose(self) -> None:
        """Cancel all steps, and leave the workers."""
        self._is_over = True
        self._discovering.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._discovering, *self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._leave(link) for link in self._links.values()))

    async def _place(self, ticket: str) -> tuple[_Link, Call]:
        async with self._changed:
            while True:
                free = [
                    link for link in self._links.values() if link.load < self._per_worker and not link.is_lost
                ]
                if free:
                    link = min(free, key=lambda link: link.load)
                    return link, link.add(ticket)
                if self._is_over:
                    raise ConfigurationError("the connection to the Dask cluster's scheduler was lost")
                if not self._links and not self._entering and self._refused:
                    address, why = next(iter(self._refused.items()))
                    raise ConfigurationError(f"no worker of the Dask cluster can be used; {address}: {why}")
                await self._changed.wait()

    # --- discovery of workers ---

    async def _discover(self) -> None:
        is_warned = False
        while self._dask.status != "closed":
            try:
                there = set(await self._dask.nthreads())
            except Exception as error:
                _log.info("the Dask cluster's scheduler does not answer: %s", type(error).__name__)
            else:
                self._refused = {address: why for address, why in self._refused.items() if address in there}
                if not there and not is_warned:
                    _log.warning("the Dask cluster has no worker: the run waits for one")
                is_warned = not there
                known = self._links.keys() | self._refused.keys() | self._entering
                for address in sorted(there - known)[: MOST_WORKERS - len(self._links)]:
                    self._entering.add(address)
                    self._spawn(self._follow(address))
                for address in self._links.keys() - there:
                    self._links[address].lose()
            await asyncio.sleep(_LOOK)
        self._is_over = True
        await self._notify()

    async def _follow(self, address: str) -> None:
        """Follow one worker from its entry until it is lost."""
        link = _Link(self._dask, address, self._greeting)
        try:
            refusal = await link.enter()
        except (OSError, TimeoutError):
            self._entering.discard(address)  # the next check finds it, if it is still there
            return
        except Exception as error:
            refusal = f"it cannot run pixxel-async's steps: {type(error).__name__}: {error}"
        self._entering.discard(address)
        if refusal is not None:
            _log.warning("worker %s is not used: %s", address, refusal)
            self._refused[address] = refusal
            await self._notify()
            return
        self._links[address] = link
        await self._notify()
        try:
            await link.listen(self._is_there)
        finally:
            if not self._is_over:
                _log.warning("worker %s is lost", address)
                del self._links[address]
                self._sent_by_lost += link.requests
                await self._notify()

    async def _is_there(self, address: str) -> bool:
        try:
            return address in await self._dask.nthreads()
        except Exception:
            return True  # the scheduler does not respond, but the worker may

    # --- background tasks ---

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _drop(self, link: _Link, ticket: str) -> None:
        with suppress(Exception):
            await link.ask(worker.drop, ticket)

    async def _leave(self, link: _Link) -> None:
        with suppress(Exception):
            await link.ask(worker.leave)


def _packed(job: StageJob | ThenJob) -> bytes:
    try:
        packed: bytes = cloudpickle.dumps(job)
    except Exception as error:
        raise ConfigurationError(
            f"cannot send a step to the cluster's workers ({type(error).__name__}): use a function of a module, "
            "or one that can be pickled"
        ) from None
    return packed


def _unpacked(outcome: bytes) -> Outcome:
    try:
        unpacked: Outcome = pickle.loads(outcome)
    except Exception as error:
        return worker.Failure(RuntimeError(f"cannot unpickle a worker's outcome: {type(error).__name__}"))
    return unpacked
