"""Waits for AOIs, jobs, deliveries and packages.

    aoi = await client.aois.wait("a-1")
    async for snapshot in client.jobs.wait("w-1", "j-1"): ...
    file = await client.downloads.wait("a-1", "d-1").save("data")

A wait only polls. It creates nothing, and can be repeated with the same id. Its time limit covers all polls; the
transport limits each poll with its retries, and each attempt.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from math import inf
from os import PathLike
from typing import Generic, NoReturn, Required, Self, TypedDict, TypeVar, Unpack

from pixxel_async._base.clock import Clock
from pixxel_async._base.files import in_thread, safe_name
from pixxel_async._base.log import UNKNOWN_STATUS, WAIT_BEGUN, WAIT_CHANGED, WAIT_ENDED
from pixxel_async._base.shown import MOST_SECONDS, is_seconds, shown
from pixxel_async._download.downloader import Downloader, Progress, SavedFile
from pixxel_async._download.signed_url import SignedUrl
from pixxel_async._download.target import DownloadTarget
from pixxel_async._http.counters import Counters
from pixxel_async._http.messages import clean_text
from pixxel_async._http.operation import LifeCycle, Phase
from pixxel_async._resource.shared_polling import GROWTH, JITTER, PASSING, TICK, PollGroup, PollResult
from pixxel_async.errors import (
    InvalidInput,
    NotFound,
    TlsError,
    UnknownState,
    WaitError,
    WaitFailed,
    WaitTimeout,
)

T = TypeVar("T")
Read = Callable[[], Awaitable[T | None]]
OnUpdate = Callable[[T], object]

_ESTIMATE_LEAST, _ESTIMATE_MOST = 2.0, 60.0
_NOT_YET_PAUSE = 10.0
NOT_YET = 60.0
"""Seconds in which a new resource may not be visible yet."""
_LOOKS_WITHOUT_URL = 10
_UNKNOWN_FOR = 600.0
"""Seconds for which a wait tolerates one unknown status."""


class WaitOptions(TypedDict, Generic[T], total=False):
    """The options of every `wait`."""

    timeout: float | None
    """Seconds for the whole wait; None for no limit."""
    poll_interval: float | None
    """Seconds before the second poll, in place of the life cycle's interval and the server's estimate."""
    max_poll_interval: float | None
    """Most seconds between two polls."""
    on_update: OnUpdate[T] | None
    """Called, and awaited if it is asynchronous, with each snapshot that differs from the last. What it raises ends the
    wait."""


class PollerOptions(WaitOptions[T], total=False):
    """What a `Poller` takes besides."""

    clock: Required[Clock]
    """Time, sleep and jitter."""
    group: PollGroup[T] | None
    """The waits with which it may share list requests; None for none."""
    counters: Counters | None
    """Where waits are counted."""


class Poller(Generic[T]):
    """A wait that has not started: `await` returns the final snapshot, `async for` yields each that differs from the last.

    Polls at once, then after the life cycle's first interval (or half of the server's estimate, 2-60 s). Later intervals
    grow by half up to a maximum, each ±20 %. Each iteration starts a new wait for the same id.

    More than twenty waits of one client for one kind of resource share list requests, if that takes fewer.
    """

    def __init__(
        self,
        life_cycle: LifeCycle[T],
        id: str,
        read: Read[T],
        *,
        clock: Clock,
        group: PollGroup[T] | None = None,
        timeout: float | None = None,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: OnUpdate[T] | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Make a wait; `read` polls once, and returns None if the resource is not listed (yet).

        Raises:
            InvalidInput: a time is not a positive number.
        """
        self.life_cycle = life_cycle
        self.id = id
        self.last: T | None = None
        """The newest snapshot; None before the first poll."""
        self._read = read
        self._clock = clock
        self._group = group or PollGroup(life_cycle, clock)
        self._timeout = _seconds("timeout", timeout)
        self._poll_interval = _seconds("poll_interval", poll_interval)
        self._max_poll_interval = _seconds("max_poll_interval", max_poll_interval)
        self._on_update = on_update
        self._counters = counters or Counters()

    @property
    def phase(self) -> Phase:
        """The phase of the newest snapshot: distinguishes success from partial success after the wait."""
        return Phase.IN_FLIGHT if self.last is None else _phase(self.life_cycle, self.last)

    async def _changes(self) -> AsyncGenerator[T, None]:
        schedule = PollSchedule(
            self.life_cycle, self._clock, self._timeout, self._poll_interval, self._max_poll_interval
        )
        statuses = StatusReader(self.life_cycle, self.id, self._clock)
        previous: T | None = None
        due = self._clock.monotonic()
        with (
            WaitLog(self, self._clock, self._counters) as log,
            self._group.join(
                self.id, self._read, end=schedule.end, first=schedule.interval, most=schedule.most
            ) as waiter,
        ):
            while True:
                result = await self._group.poll(waiter, due)
                snapshot, trouble = result.snapshot, self._trouble(result, schedule)
                if snapshot is not None:
                    self._group.saw(waiter, snapshot)
                    self.last = snapshot
                    phase = statuses.judge(snapshot)
                    if snapshot != previous:
                        previous = snapshot
                        await self._notify(snapshot)
                        log.changed(snapshot)
                        yield snapshot
                    if phase is Phase.FAILURE:
                        raise statuses.failed(snapshot)
                    if phase.is_terminal:
                        return
                if schedule.is_over:
                    raise self._timed_out(previous) from trouble
                due = self._clock.monotonic() + schedule.pause(result)

    def _trouble(self, result: PollResult[T], schedule: PollSchedule[T]) -> Exception | None:
        """Why a poll returned nothing, if that may be temporary; raises what is not."""
        error = result.error
        if error is None and result.snapshot is None and schedule.elapsed > NOT_YET:
            problem = f"is not in the API's listing {NOT_YET:g} s after the wait began"
            raise _wait_error(WaitError, self.life_cycle, self.id, problem)
        if error is None or (isinstance(error, NotFound) and schedule.elapsed <= NOT_YET):
            return error
        if not isinstance(error, PASSING) or isinstance(error, TlsError):
            raise error
        return error

    async def _notify(self, snapshot: T) -> None:
        if self._on_update is not None:
            result = self._on_update(snapshot)
            if inspect.isawaitable(result):
                await result

    def _timed_out(self, last: T | None) -> WaitError:
        state = "was not seen" if last is None else f"is still {_status(self.life_cycle, last)}"
        problem = f"{state} after {self._timeout:g} s; nothing was cancelled: call `wait()` again with the same id and a longer timeout, or timeout=None"
        return _wait_error(WaitTimeout, self.life_cycle, self.id, problem, last)

    def __aiter__(self) -> AsyncGenerator[T, None]:
        return self._changes()

    async def _finish(self) -> T:
        final = None
        async with aclosing(self._changes()) as changes:
            async for snapshot in changes:
                final = snapshot
        assert final is not None  # the terminal snapshot differs from all before it
        return final

    def __await__(self) -> Generator[object, None, T]:
        return self._finish().__await__()

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "a wait is asynchronous: write `async for snapshot in wait:`, or `final = await wait` for the final one"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.life_cycle.name} {self.id}: {self.phase.value}>"


class PackagePoller(Poller[T]):
    """A wait for a package, which has a signed URL once it is ready: `await` waits, `.save()` also downloads."""

    def __init__(
        self,
        life_cycle: LifeCycle[T],
        id: str,
        read: Read[T],
        *,
        downloader: Downloader,
        **options: Unpack[PollerOptions[T]],
    ) -> None:
        super().__init__(life_cycle, id, read, **options)
        self._downloader = downloader

    async def save(
        self,
        directory: str | PathLike[str],
        *,
        filename: str | None = None,
        overwrite: bool = False,
        on_progress: Progress | None = None,
        unzip: bool = False,
    ) -> SavedFile:
        """Wait until the package is ready, then download it complete and verified.

        Args:
            directory: Target folder; made if missing.
            filename: File name without a folder. Default: the kind of package and its id with `.zip`.
            overwrite: Replace an existing file.
            on_progress: Called with the bytes so far and the total bytes (None if the server does not state them).
            unzip: Also unpack the ZIP, into a folder beside it.

        Raises:
            FileInTheWay: the name is taken; raised before the wait begins.
            WaitError: the package was not ready in time, or failed.
            DownloadError: the file could not be downloaded completely.
        """
        name = safe_name(f"{self.life_cycle.name}-{self.id}.zip") if filename is None else filename
        target = DownloadTarget.within(directory, name, overwrite=overwrite, unzip=unzip)
        await in_thread(target.check)
        return await self._downloader.fetch(
            SignedUrl(await self._signed_url()),
            target,
            on_progress=on_progress,
            refresh=self._signed_url,
            resource=f"{self.life_cycle.name} {self.id}",
        )

    async def _signed_url(self) -> str:
        assert self.life_cycle.signed_url is not None
        url: str = getattr(await self, self.life_cycle.signed_url)
        return url


class WaitLog(Generic[T]):
    """Counts and logs one wait, however it ends."""

    def __init__(self, wait: Poller[T], clock: Clock, counters: Counters) -> None:
        self._facts = {"kind": wait.life_cycle.name, "id": wait.id}
        self._life_cycle = wait.life_cycle
        self._clock = clock
        self._counters = counters
        self._began = clock.monotonic()
        self._last: T | None = None

    def __enter__(self) -> Self:
        self._counters.waits += 1
        self._counters.waiting += 1
        WAIT_BEGUN(**self._facts)
        return self

    def changed(self, snapshot: T) -> None:
        """Record the snapshot that the caller is about to receive."""
        self._last = snapshot
        if WAIT_CHANGED.is_on:
            WAIT_CHANGED(**self._facts, status=_status(self._life_cycle, snapshot))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._counters.waiting -= 1
        if WAIT_ENDED.is_on:
            WAIT_ENDED(**self._facts, end=self._end(kind), elapsed=self._clock.monotonic() - self._began)

    def _end(self, kind: type[BaseException] | None) -> str:
        if kind is GeneratorExit:
            return "abandoned"
        if kind is not None:
            return kind.__name__
        return "without a poll" if self._last is None else _status(self._life_cycle, self._last)


class PollSchedule(Generic[T]):
    """The times of one wait: how much is left, and how long until the next poll."""

    def __init__(
        self,
        life_cycle: LifeCycle[T],
        clock: Clock,
        timeout: float | None,
        first: float | None,
        most: float | None,
    ) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._timeout = inf if timeout is None else timeout
        self._estimate = life_cycle.estimate if first is None else None
        self.interval = first or min(life_cycle.first_interval, most or inf)
        self.most = most or max(life_cycle.most_interval, self.interval)
        self._estimate_most = most or _ESTIMATE_MOST

    @property
    def elapsed(self) -> float:
        return self._clock.monotonic() - self._start

    @property
    def end(self) -> float:
        """When it ends, by the clock."""
        return self._start + self._timeout

    @property
    def left(self) -> float:
        return self._timeout - self.elapsed

    @property
    def is_over(self) -> bool:
        return self.left < TICK

    def pause(self, result: PollResult[T]) -> float:
        """Seconds until the next poll; one poll is at the very end of the time."""
        seconds = self._from_estimate(result.snapshot)
        if seconds is None:
            seconds = self.interval
            self.interval = min(self.interval * GROWTH, self.most)
        if result.snapshot is None:
            seconds = min(seconds, _NOT_YET_PAUSE)
        seconds *= result.jitter or self._clock.rng.uniform(1 - JITTER, 1 + JITTER)
        return min(max(seconds, result.pause), self.left)

    def _from_estimate(self, snapshot: T | None) -> float | None:
        """Half of the server's estimate; only at the first snapshot."""
        if self._estimate is None or snapshot is None:
            return None
        (name, unit), self._estimate = self._estimate, None
        value = getattr(snapshot, name)
        if not is_seconds(value):
            return None
        return min(max(float(value) * unit / 2, _ESTIMATE_LEAST), self._estimate_most)


class StatusReader(Generic[T]):
    """Interprets the snapshots of one wait, and detects contradictions."""

    def __init__(self, life_cycle: LifeCycle[T], id: str, clock: Clock) -> None:
        self._life_cycle = life_cycle
        self._id = id
        self._clock = clock
        self._logged: set[str | None] = set()
        self._unknown: tuple[str | None, float] | None = None
        """The unknown status of the newest snapshot, and since when."""
        self._without_url = 0

    def judge(self, snapshot: T) -> Phase:
        """The phase of a snapshot.

        Raises:
            UnknownState: for ten minutes it has had one status that the spec does not know.
            WaitError: it has been ready for ten polls and still has no URL.
        """
        cycle = self._life_cycle
        self._judge_status(snapshot)
        phase = cycle.phase(snapshot)
        if phase not in _READY or _has_url(cycle, snapshot):
            return phase
        self._without_url += 1
        if self._without_url > _LOOKS_WITHOUT_URL:
            problem = f"is {_status(cycle, snapshot)}, but the API states no URL for it"
            raise _wait_error(WaitError, cycle, self._id, problem, snapshot)
        return Phase.IN_FLIGHT

    def _judge_status(self, snapshot: T) -> None:
        cycle, now = self._life_cycle, self._clock.monotonic()
        if cycle.is_known(snapshot):
            self._unknown = None
            return
        status = cycle.status_of(snapshot)
        if status not in self._logged:
            self._logged.add(status)
            UNKNOWN_STATUS(kind=cycle.name, id=self._id, status=_status(cycle, snapshot))
        if self._unknown is None or self._unknown[0] != status:
            self._unknown = status, now
        elif now - self._unknown[1] >= _UNKNOWN_FOR:
            problem = f"has been {_status(cycle, snapshot)} for {_UNKNOWN_FOR / 60:g} minutes, which the spec does not list; call `wait()` again to continue"
            raise _wait_error(UnknownState, cycle, self._id, problem, snapshot)

    def failed(self, snapshot: T) -> WaitError:
        """The error for a failed resource, with the server's reason if it states one."""
        said = getattr(snapshot, self._life_cycle.error) if self._life_cycle.error else None
        reason = f": {clean_text(str(said), str)}" if said else ""
        text = f"ended as {_status(self._life_cycle, snapshot)}{reason}"
        return _wait_error(WaitFailed, self._life_cycle, self._id, text, snapshot)


_READY = (Phase.SUCCESS, Phase.PARTIAL)


def _wait_error(
    kind: type[WaitError], life_cycle: LifeCycle[T], id: str, problem: str, last: T | None = None
) -> WaitError:
    return kind(f"{life_cycle.name} {id} {problem}", kind=life_cycle.name, id=id, last=last)


def _phase(life_cycle: LifeCycle[T], snapshot: T) -> Phase:
    """The phase of a snapshot; a package without a URL is not ready."""
    phase = life_cycle.phase(snapshot)
    return Phase.IN_FLIGHT if phase in _READY and not _has_url(life_cycle, snapshot) else phase


def _has_url(life_cycle: LifeCycle[T], snapshot: T) -> bool:
    return life_cycle.signed_url is None or bool(getattr(snapshot, life_cycle.signed_url))


def _status(life_cycle: LifeCycle[T], snapshot: T) -> str:
    """The status as the server writes it, safe to print."""
    value = getattr(snapshot, life_cycle.status)
    return "without a status" if value is None else repr(clean_text(str(value), str, most=100))


def _seconds(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if not is_seconds(value):
        raise InvalidInput(
            f"{name}={shown(value)}: give a positive number of seconds, at most {MOST_SECONDS}, or leave it out"
        )
    return float(value)
