"""A worker's side of `DaskEngine`: steps of one run in one worker process, in its event loop, with one client.

The coordinator calls these functions out of band (`distributed.Client.run`). They are not tasks of the scheduler. It would
repeat the tasks of a lost worker on another one, and so create duplicates.

The coordinator fetches outcomes with `news`. These calls also show that it is still there: without them, a worker ends all
steps and sends no request.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from pixxel_async._base.files import in_thread
from pixxel_async.bulk._execution.engine import LocalEngine, Then
from pixxel_async.bulk._execution.result import Result
from pixxel_async.bulk._recipe.stages import Facts, Stage, Work
from pixxel_async.bulk._stores import upload
from pixxel_async.client import PixxelClient
from pixxel_async.errors import ConfigurationError, PixxelError, TransportError
from pixxel_async.reconciling import Intent

LEASE = 30.0
"""Seconds without a call from the coordinator after which a worker ends its steps."""
HOLD = 30.0
"""Seconds that an unsent create waits until its intent is on the coordinator's disk."""
_PATIENCE = 2.0
"""Seconds that `news` waits for an outcome."""
_HERE = LocalEngine()

_log = logging.getLogger(__name__)


@attrs.frozen
class Greeting:
    """What a worker needs to know of a run. It holds no secrets, except those in the user's own `connect`."""

    session: str
    version: str
    base_url: str
    options: Mapping[str, Any]
    """The client's options for its calls."""
    salt: str
    token_print: str
    """The hash of the coordinator's token with that salt."""
    connect: Callable[[], PixxelClient] | None
    """Opens the client; None: from the worker's own environment."""


@attrs.frozen
class StageJob:
    """A stage of one row."""

    stage: Stage
    work: Work
    announces: bool
    """Whether the worker announces the intent, and waits for permission, before it sends a create."""
    store: str | None = None
    """URL for its files; None: `work.folder`."""
    probe: Path | None = None
    """A file that exists for all machines that share the run's folder."""


@attrs.frozen
class ThenJob:
    """The user's own step."""

    then: Then
    result: Result


class Ended(TransportError):
    """A step was cancelled on its worker. If it was allowed to send, its request may have been sent. The run retries it."""


@attrs.frozen
class Failure:
    """The error that a step raised."""

    error: Exception


Outcome = Intent | Failure | Facts
News = list[tuple[int, str, bytes, int]]
"""Number, ticket, the pickled outcome, and how many requests the worker has sent for the run so far."""


class _Session:
    """One run in this process."""

    def __init__(self, greeting: Greeting, client: PixxelClient, scratch: str | None) -> None:
        self._id = greeting.session
        self._owner = client
        self._sent_before = client.stats.requests
        self._client = client.with_options(**greeting.options)
        self._scratch = scratch
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._held: dict[str, asyncio.Future[None]] = {}
        self._news: News = []
        self._count = 0
        self._has_news = asyncio.Event()
        self._heard = time.monotonic()
        self._watch = asyncio.create_task(self._end_with_lease())

    def begin(self, ticket: str, payload: bytes) -> None:
        self._heard = time.monotonic()
        if ticket not in self._tasks:
            self._tasks[ticket] = asyncio.create_task(self._work(ticket, payload))

    def go(self, ticket: str) -> None:
        self._heard = time.monotonic()
        held = self._held.get(ticket)
        if held is not None and not held.done():
            held.set_result(None)

    def drop(self, ticket: str) -> None:
        if ticket in self._tasks:
            self._tasks[ticket].cancel()

    async def news(self, seen: int) -> News:
        self._heard = time.monotonic()
        self._news = [each for each in self._news if each[0] > seen]
        if not self._news:
            self._has_news.clear()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._has_news.wait()
            except TimeoutError:
                pass
        return self._news

    async def aclose(self) -> None:
        _sessions.pop(self._id, None)
        tasks = [task for task in (*self._tasks.values(), self._watch) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._owner.aclose()

    async def _end_with_lease(self) -> None:
        while time.monotonic() - self._heard < LEASE:  # noqa: ASYNC110 - it waits for the absence of calls
            await asyncio.sleep(LEASE / 10)
        _log.warning("no call from the run's coordinator for %.0f s: its steps end", LEASE)
        await self.aclose()

    async def _work(self, ticket: str, payload: bytes) -> None:
        outcome: Outcome
        try:
            outcome = await self._run(ticket, payload)
        except asyncio.CancelledError:
            outcome = Failure(Ended("its worker cancelled it"))
            raise
        except Exception as error:
            if not isinstance(error, PixxelError | OSError):
                _log.warning("a step failed", exc_info=True)
            outcome = Failure(error)
        finally:
            self._tasks.pop(ticket, None)
            self._report(ticket, outcome)

    async def _run(self, ticket: str, payload: bytes) -> Facts:
        job = pickle.loads(payload)  # from the coordinator, like all code that a worker runs
        if isinstance(job, ThenJob):
            await _HERE.follow(self._client, job.then, job.result)
            return {}
        if job.probe is not None:
            await in_thread(_require_shared, job.probe)

        async def announce(intent: Intent) -> None:
            self._report(ticket, intent)
            await self._go_ahead(ticket)

        before = announce if job.announces else None
        if job.store is None:
            return await _HERE.do(self._client, job.stage, job.work, before)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="pixxel-") as scratch:
            folder = Path(scratch, job.work.folder.name)
            work = attrs.evolve(job.work, folder=folder)
            facts = await _HERE.do(self._client, job.stage, work, before)
            names = [facts["file"], *facts.get("members", ())]
            return {**facts, "url": await upload(folder, names, f"{job.store}/{folder.name}")}

    async def _go_ahead(self, ticket: str) -> None:
        """Wait until the intent is on the coordinator's disk."""
        held = self._held[ticket] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(HOLD):
                await held
        except TimeoutError:
            raise TransportError(f"not sent: no call from the coordinator for {HOLD:.0f} s") from None
        finally:
            del self._held[ticket]

    def _report(self, ticket: str, outcome: Outcome) -> None:
        self._count += 1
        sent = self._owner.stats.requests - self._sent_before
        self._news.append((self._count, ticket, _packed(outcome), sent))
        self._has_news.set()


_sessions: dict[str, _Session] = {}


async def enter(payload: bytes, dask_worker: Any = None) -> str | None:
    """Join a run; return the reason for a refusal, for a person."""
    greeting = pickle.loads(payload)
    mine = version("pixxel-async")
    if greeting.version != mine:
        return f"it has pixxel-async {mine}, and the run has {greeting.version}: install the same version"
    try:
        client = await _client(greeting)
    except ConfigurationError as error:
        return f"cannot open its client: {error}"
    except Exception as error:
        _log.warning("cannot open the client of a run", exc_info=True)
        return f"cannot open its client: {type(error).__name__}"
    scratch = getattr(dask_worker, "local_directory", None)  # Dask clears it if this process is killed
    _sessions[greeting.session] = _Session(greeting, client, scratch)
    return None


async def begin(session: str, ticket: str, payload: bytes) -> None:
    """Start a step."""
    if session in _sessions:
        _sessions[session].begin(ticket, payload)


async def go(session: str, ticket: str) -> None:
    """Allow a create whose intent is on the coordinator's disk."""
    if session in _sessions:
        _sessions[session].go(ticket)


async def drop(session: str, ticket: str) -> None:
    """End a step for which the coordinator no longer waits."""
    if session in _sessions:
        _sessions[session].drop(ticket)


async def news(session: str, seen: int) -> News | None:
    """Outcomes after number `seen`; waits briefly for one. None: this process has no such session."""
    return await _sessions[session].news(seen) if session in _sessions else None


async def leave(session: str) -> None:
    """End all steps of a run."""
    if session in _sessions:
        await _sessions[session].aclose()


async def _client(greeting: Greeting) -> PixxelClient:
    client = greeting.connect() if greeting.connect else PixxelClient(base_url=greeting.base_url)
    try:
        if client.base_url != greeting.base_url:
            raise ConfigurationError(f"it uses {client.base_url}, and the run {greeting.base_url}")
        # With `connect`, the user is responsible for the token: a short-lived one may differ.
        if greeting.connect is None and await client.token_print(greeting.salt) != greeting.token_print:
            raise ConfigurationError(
                "its environment has another token than the run: set the same token, or pass connect"
            )
    except BaseException:
        await client.aclose()
        raise
    return client


def _require_shared(probe: Path) -> None:
    if not probe.exists():
        raise ConfigurationError(
            f"{probe.parent} is another folder on a worker: set files to a folder that all machines share under the same "
            "path, or to a URL, like s3://bucket/prefix"
        )


def _packed(outcome: Outcome) -> bytes:
    """The pickled outcome; an error that cannot be pickled becomes its text."""
    try:
        packed = pickle.dumps(outcome)
        pickle.loads(packed)
    except Exception:
        assert isinstance(outcome, Failure)
        error = outcome.error
        return pickle.dumps(Failure(RuntimeError(f"{type(error).__name__}: {error}")))
    return packed
