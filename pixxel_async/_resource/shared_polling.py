"""Shared polling: one list request serves up to a hundred waits for resources of one kind.

Up to `ALONE` waits poll individually. If there are more, and the listing has fewer pages than that, a task of their group
reads the listing for all. If the listing fails, hangs, is stale or lacks a resource, its waits poll individually, at most
ten a second.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import Context
from heapq import nsmallest
from math import ceil, inf
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import attrs

from pixxel_async import errors
from pixxel_async._base.active_calls import Closing
from pixxel_async._base.clock import Clock
from pixxel_async._base.log import LISTING_FAILED, LISTING_REFUSED, LISTING_STALE, POLL_FAILED
from pixxel_async._http.operation import LifeCycle
from pixxel_async._http.throttle import PAUSE_CAP
from pixxel_async._http.transport import POLL_AFTER
from pixxel_async._resource.paging import Paginator
from pixxel_async.errors import PixxelError

T = TypeVar("T")

ALONE = 20  # up to so many waits poll individually
JITTER = 0.2
GROWTH = 1.5
LAST_POLL = 2.0  # seconds for a poll that starts at the very end of the time
TICK = 0.001  # seconds by which a sleep may end early

_PAGE = 100
_PAGES_A_SECOND = 5
_MOST_PLACES = 50
_LISTING_LIMIT = 10.0  # seconds after which a list request counts as failed
_LISTING_PATIENCE = 4.0
"""Seconds without a page after which waits begin to poll individually, while the listing may still respond."""
_REFUSED_FOR = 600.0  # seconds without list requests after a rejected one
_SAMPLES = 5
"""Waits of each pass that poll individually although they are listed, to check whether the listing is up to date."""
_SPACING, _SCOUT_SPACING = 0.1, 1.0
"""Seconds between individual polls; the second until one of them has succeeded."""
_SCOUTS = 3
"""Consecutive failures of individual polls after which the API counts as down, and all waits of the group back off."""

PASSING = (
    errors.TransportError, errors.ServerError, errors.RateLimited, errors.DeadlineExceeded, errors.UnexpectedBody,
)  # fmt: skip
"""Errors that say nothing about the resource itself."""
_ENDING = (errors.AuthenticationError, errors.TlsError, errors.ClientClosed)
"""Errors that every other request would meet as well."""


@attrs.frozen(eq=False)
class PollTarget(Generic[T]):
    """How to poll resources of one kind: one by its id, or all in a listing."""

    life_cycle: LifeCycle[T]
    read: Callable[[str], Awaitable[T | None]]
    """Reads one; None if it is not listed (yet)."""
    listing: Callable[..., Paginator[T]] | None = None
    """Lists them; takes the arguments that the life cycle's sweep names."""
    within: tuple[str, ...] = ()
    """Ids of their parents."""


@attrs.frozen
class PollResult(Generic[T]):
    """The result of a poll; no snapshot if the resource is not listed (yet)."""

    snapshot: T | None = None
    error: Exception | None = None
    jitter: float | None = None
    """One factor for all resources of the listing, so that they fall due together."""
    retry_after: float | None = None

    @property
    def pause(self) -> float:
        """Seconds that the server asked to wait before the next poll."""
        asked = self.error.retry_after if isinstance(self.error, errors.APIError) else self.retry_after
        return min(asked or 0.0, PAUSE_CAP)


@attrs.define(eq=False)
class Waiter(Generic[T]):
    """One wait in a group. Times are the clock's."""

    id: str
    read: Callable[[], Awaitable[T | None]]
    end: float
    first: float
    """Seconds before its second poll."""
    most: float
    """Most seconds between its polls."""
    lock: asyncio.Lock
    """Held while this resource is polled individually."""
    due: float = 0.0
    last: T | None = None
    polled_at: float = -inf
    """When it last polled individually."""
    is_absent: bool = False
    """Whether the listing lacked it."""
    answer: asyncio.Future[PollResult[T] | None] | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it waits for the group."""
        return self.answer is not None and not self.answer.done()

    def resolve(self, result: PollResult[T] | None) -> None:
        """End its waiting for the group; None makes it poll individually, now."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: Exception) -> None:
        """End its waiting with a copy of an error that many share."""
        self.resolve(PollResult(error=copy.copy(error)))


@attrs.define(eq=False)
class PollGroup(Generic[T]):
    """The waits of one client for resources of one kind with the same parents."""

    life_cycle: LifeCycle[T]
    clock: Clock
    _listing: Callable[..., Paginator[T]] | None = None
    _closing: Closing = attrs.Factory(Closing)
    _waiters: dict[str, list[Waiter[T]]] = attrs.Factory(dict)
    _count: int = 0
    _places: Counter[str | None] = attrs.Factory(Counter)
    """Their parents; None before the first poll, empty if unknown."""
    _pages: dict[frozenset[str], int] = attrs.Factory(dict)
    """Pages of the listing at the last reading, by the parents in its filter."""
    _waiting: dict[Waiter[T], None] = attrs.Factory(dict)
    _task: asyncio.Task[None] | None = None
    _nap: asyncio.Future[None] | None = None

    # The listing: a pass reads all of its pages.
    _reading: asyncio.Task[None] | None = None
    _pass_began: float = -inf
    _page_at: float = -inf
    _pass_at: float = -inf
    """When the next pass may begin."""
    _useless: int = 0
    """Passes in a row that served no wait."""
    _samples: list[Waiter[T]] = attrs.Factory(list)
    _is_trusted: bool = True
    _ended: set[str] = attrs.Factory(set)
    """Final snapshots from individual polls since the listing was last up to date."""

    # Individual polls of waits that the listing does not serve.
    _poll_at: float = -inf
    """When the next one may begin."""
    _is_proven: bool = True
    """Whether one has succeeded since the listing failed."""
    _failures: int = 0
    """How many have failed in a row."""

    @contextmanager
    def join(
        self, id: str, read: Callable[[], Awaitable[T | None]], *, end: float, first: float, most: float
    ) -> Iterator[Waiter[T]]:
        """Take part."""
        same = self._waiters.setdefault(id, [])
        waiter = Waiter(id, read, end, first, most, same[0].lock if same else asyncio.Lock())
        same.append(waiter)
        self._count += 1
        self._tally(None, 1)
        try:
            yield waiter
        finally:
            same.remove(waiter)
            if not same:
                del self._waiters[id]
            self._count -= 1
            self._tally(waiter.last, -1)

    def saw(self, waiter: Waiter[T], snapshot: T) -> None:
        """Record a snapshot: it shows by which parent the listing can be filtered."""
        self._tally(waiter.last, -1)
        self._tally(snapshot, 1)
        waiter.last = snapshot

    def _tally(self, snapshot: T | None, by: int) -> None:
        sweep, place = self.life_cycle.sweep, None
        if snapshot is not None:
            place = (
                getattr(snapshot, sweep.narrow[1]) if sweep is not None and sweep.narrow is not None else ""
            )
            place = place if isinstance(place, str) else ""
        self._places[place] += by
        if not self._places[place]:
            del self._places[place]

    def _narrowed(self) -> frozenset[str]:
        """The parents to filter the listing by; empty if they are unknown, or filtering gains nothing."""
        places = frozenset(place for place in self._places if place)
        is_known = len(places) == len(self._places) <= _MOST_PLACES
        return places if is_known and self._pages.get(frozenset()) != 1 else frozenset()

    def _is_worth_it(self) -> bool:
        """Whether the listing takes fewer requests than individual polls."""
        is_listed = self._listing is not None and self.life_cycle.sweep is not None
        return is_listed and self._count > ALONE and self._pages.get(self._narrowed(), 0) < self._count

    def _is_shared(self, waiter: Waiter[T]) -> bool:
        """One of few new waits polls at once, however many others wait."""
        return (waiter.last is not None or self._places[None] > ALONE) and self._is_worth_it()

    async def poll(self, waiter: Waiter[T], due: float) -> PollResult[T]:
        """Wait until the poll is due and make it, or until the group has a result."""
        with self._closing.under_way():
            waiter.due = due
            if waiter.last is None:
                await asyncio.sleep(0)  # waits that start together must see each other
            while not self._is_shared(waiter) and (left := due - self.clock.monotonic()) > TICK:
                await self.clock.sleep(left)
            result = await self._share(waiter) if self._is_shared(waiter) else None
            if result is None:
                result = await self._poll_one(waiter)
                if self.clock.monotonic() < waiter.end:
                    self._learn(result)
            return result

    async def _share(self, waiter: Waiter[T]) -> PollResult[T] | None:
        loop = asyncio.get_running_loop()
        waiter.answer = loop.create_future()
        self._waiting[waiter] = None
        if self._task is None:
            # In a context of its own: the task does not belong to the wait that starts it, and may outlive that.
            self._task = loop.create_task(self._run(), context=Context())
        else:
            self._wake()
        try:
            return await waiter.answer
        finally:
            waiter.answer = None
            del self._waiting[waiter]
            if not self._waiting and self._task is not None:
                task, self._task = self._task, None
                await _end(task)

    async def _poll_one(self, waiter: Waiter[T]) -> PollResult[T]:
        waiter.polled_at = self.clock.monotonic()
        left = waiter.end - waiter.polled_at
        limit = self.clock.limit(LAST_POLL if left < TICK else left)
        token = POLL_AFTER.set(None)
        try:
            with limit:
                async with waiter.lock:
                    snapshot = await waiter.read()
            result = PollResult(snapshot, retry_after=POLL_AFTER.get())
        except PixxelError as error:
            if isinstance(error, PASSING):
                POLL_FAILED(kind=self.life_cycle.name, id=waiter.id, reason=str(error))
            return PollResult(error=error)
        except TimeoutError:
            if not limit.is_over:
                raise
            return PollResult(error=_late("the poll"))
        finally:
            POLL_AFTER.reset(token)
        is_listed = self._count > ALONE and not waiter.is_absent
        if is_listed and snapshot is not None and self.life_cycle.phase(snapshot).is_terminal:
            self._ended.add(waiter.id)
        return result

    def _learn(self, result: PollResult[T]) -> None:
        """Conclude from an individual poll whether only the listing fails."""
        now = self.clock.monotonic()
        if not isinstance(result.error, PASSING):
            self._failures = 0
            if not self._is_proven:
                self._is_proven, self._poll_at = True, now + _SPACING
                self._wake()
            return
        self._failures += 1
        self._poll_at = max(self._poll_at, now + result.pause)
        if self._failures >= _SCOUTS:  # the API is down: all back off
            self._is_proven = False
            self._poll_at = now + max((waiter.most for waiter in self._waiting), default=0.0)
            for waiter in self._apart([*self._waiting]):
                if waiter.due <= now + TICK:
                    waiter.fail(result.error)

    # --- the group's task ---

    async def _run(self) -> None:
        try:
            while pending := [waiter for waiter in self._waiting if waiter.is_pending]:
                await self._sleep(self._serve(pending))
        except Exception as error:  # any error: no wait may be left without a result
            for waiter in self._waiting:
                waiter.fail(error)
        finally:
            if self._reading is not None:
                await _end(self._reading)
            if self._task is asyncio.current_task():
                self._task = None

    def _serve(self, pending: list[Waiter[T]]) -> float:
        """Do what is due; returns when to do it again."""
        now = self.clock.monotonic() + TICK
        ending = [waiter for waiter in pending if waiter.end <= now]
        wake = min((waiter.end for waiter in pending if waiter.end > now), default=inf)
        if self._reading is None:
            fresh = [waiter for waiter in ending if waiter.end - TICK > self._pass_began]
            begin = self._next_pass(pending, now)
            if begin <= now or (begin < inf and len(fresh) > ALONE):
                self._pass_began = self._page_at = now - TICK
                self._reading = asyncio.ensure_future(self._read_listing(pending))
            else:
                wake = min(wake, begin)
                for waiter in fresh:
                    waiter.resolve(None)
        for waiter in ending:  # each with a last poll, unless a pass was in progress at its end
            last = self._pass_began + LAST_POLL if self._pass_began >= waiter.end - TICK else 0.0
            if self._reading is None or last <= now:
                waiter.resolve(PollResult(error=_late("the listing")))
            wake = min(wake, max(last, now))
        return min(wake, self._release(pending, now))

    def _next_pass(self, pending: list[Waiter[T]], now: float) -> float:
        if not self._is_worth_it():
            return inf
        dues = [waiter.due for waiter in pending if not waiter.is_absent]
        if self._is_trusted and self._ended:
            dues = [now]  # the next pass shows whether the listing was stale
        return max(self._pass_at, min(dues, default=now))

    def _release(self, pending: list[Waiter[T]], now: float) -> float:
        """Let a wait that the listing does not serve poll individually; returns when the next one may."""
        patient_until = inf if self._reading is None else self._page_at + _LISTING_PATIENCE
        if self._is_trusted and patient_until <= now:
            self._is_trusted = self._is_proven = False
        apart = sorted(self._apart(pending), key=lambda waiter: waiter.due)
        if self._count <= ALONE:
            self._poll_at = -inf  # so few need no budget
        while apart and apart[0].due <= now and self._poll_at <= now:
            apart.pop(0).resolve(None)
            if self._count > ALONE:
                self._poll_at = now + (_SPACING if self._is_proven else _SCOUT_SPACING)
        wake = max(apart[0].due, self._poll_at) if apart else inf
        return min(wake, patient_until) if self._is_trusted else wake

    def _apart(self, pending: list[Waiter[T]]) -> list[Waiter[T]]:
        """Those that the listing does not serve."""
        is_useful = self._is_trusted and self._is_worth_it()
        return [each for each in pending if each.is_pending and (each.is_absent or not is_useful)]

    async def _sleep(self, until: float) -> None:
        """Sleep until then, or until `_wake`."""
        seconds = max(0.0, until - self.clock.monotonic())
        is_idle = self._reading is None  # else the time passes in a request
        nap = self.clock.sleep(seconds) if is_idle else asyncio.get_running_loop().create_future()
        self._nap = asyncio.ensure_future(nap)
        try:
            with self.clock.limit(inf if is_idle else seconds):
                await asyncio.wait([self._nap])
        except TimeoutError:
            pass
        finally:
            nap, self._nap = self._nap, None
            await _end(nap)

    def _wake(self) -> None:
        if self._nap is not None:
            self._nap.cancel()

    # --- one pass through the listing ---

    async def _read_listing(self, pending: list[Waiter[T]]) -> None:
        jitter = self.clock.rng.uniform(1 - JITTER, 1 + JITTER)
        asked = {waiter: waiter.answer for waiter in pending}
        known, seen = frozenset(self._ended), dict[str, T]()
        self._samples = nsmallest(_SAMPLES * self._is_trusted, pending, key=lambda waiter: waiter.polled_at)
        self._useless += 1
        POLL_AFTER.set(None)
        try:
            if await self._walk(pending, seen):
                for waiter, answer in asked.items():
                    waiter.is_absent = waiter.id not in seen and waiter.answer is answer
            if self._judge(seen, known, jitter) and any(waiter.id in seen for waiter in asked):
                self._useless = 0
        except TimeoutError:
            self._distrust(_late("the listing"))
        except Exception as error:
            self._distrust(error)
        finally:
            least, most = min(waiter.first for waiter in pending), max(waiter.most for waiter in pending)
            pages = self._pages.get(self._narrowed(), 0)
            seconds = max(pages / _PAGES_A_SECOND, least * GROWTH ** min(self._useless, 20))
            pause = PollResult(retry_after=POLL_AFTER.get()).pause
            seconds = max(pause, min(seconds, most) * jitter)
            self._pass_at = max(self._pass_at, self._pass_began + seconds)
            self._reading = None
            self._wake()

    async def _walk(self, pending: list[Waiter[T]], seen: dict[str, T]) -> bool:
        """Read page by page into `seen` while it is worth it. Returns whether all pages were read."""
        places, walked = self._narrowed(), 0
        for listing in self._listings(pending, places):
            async with aclosing(listing.pages()) as pages:
                while True:
                    with self.clock.limit(_LISTING_LIMIT):
                        page = await anext(pages, None)
                    if page is None:
                        break
                    walked += 1
                    self._page_at = self.clock.monotonic()
                    self._pages[places] = max(walked, ceil((page.total or 0) / (_PAGE - 1)))  # pages overlap
                    for item in page.items:
                        self._see(item, seen)
                    is_complete = all(waiter.id in seen for waiter in pending if waiter.is_pending)
                    if is_complete or self._pages[places] >= self._count:
                        return False
        return True

    def _see(self, item: T, seen: dict[str, T]) -> None:
        """Keep the listed snapshots. A final one is shown at once; a sample polls individually, to compare."""
        cycle, id = self.life_cycle, getattr(item, self.life_cycle.id)
        seen[id] = item
        is_terminal = cycle.phase(item).is_terminal
        for waiter in self._waiters.get(id, ()):
            if is_terminal and not (cycle.sweep is not None and cycle.sweep.is_brief):
                waiter.resolve(PollResult(item))
            elif is_terminal or waiter in self._samples:
                waiter.resolve(None)

    def _judge(self, seen: dict[str, T], known: frozenset[str], jitter: float) -> bool:
        """Show the snapshots, unless the listing is older than what individual polls have returned."""
        stale = [id for id in known & seen.keys() if not self.life_cycle.phase(seen[id]).is_terminal]
        if stale:
            if self._is_trusted:
                LISTING_STALE(kind=self.life_cycle.name, id=stale[0], waits=len(self._waiting))
            self._is_trusted, self._is_proven, self._poll_at = False, True, self.clock.monotonic()
            return False
        self._is_trusted = True
        self._poll_at = min(self._poll_at, self.clock.monotonic())
        self._ended.clear()
        for waiter in self._waiting:
            if waiter.id in seen:
                waiter.is_absent = False
                waiter.resolve(PollResult(seen[waiter.id], None, jitter, POLL_AFTER.get()))
        return True

    def _distrust(self, error: Exception) -> None:
        """Let the waits poll individually, unless they would meet the same error."""
        if isinstance(error, _ENDING) or not isinstance(error, PixxelError):
            for waiter in self._waiting:
                waiter.fail(error)
            return
        is_refused = not isinstance(error, PASSING)
        event = LISTING_REFUSED if is_refused else LISTING_FAILED
        event(kind=self.life_cycle.name, waits=len(self._waiting), reason=str(error))
        self._is_trusted, self._is_proven = False, is_refused
        self._poll_at = self.clock.monotonic() + PollResult(error=error).pause
        self._pass_at = max(self._pass_at, self._poll_at + _REFUSED_FOR * is_refused)

    def _listings(self, pending: list[Waiter[T]], places: frozenset[str]) -> Iterator[Paginator[T]]:
        sweep = self.life_cycle.sweep
        assert self._listing is not None
        assert sweep is not None
        if sweep.ids is not None:
            ids = list(dict.fromkeys(waiter.id for waiter in pending))
            for batch in (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE)):
                yield self._listing(**{sweep.ids: batch}, limit=len(batch))
        elif sweep.narrow is not None and places:
            yield self._listing(**{sweep.narrow[0]: sorted(places)})
        else:
            yield self._listing()


@attrs.define(eq=False)
class PollGroups:
    """The groups of one client; each lives as long as a wait may join it."""

    _clock: Clock
    _groups: WeakValueDictionary[Hashable, PollGroup[Any]] = attrs.Factory(WeakValueDictionary)
    _closing: Closing = attrs.Factory(Closing)

    async def aclose(self) -> None:
        """End all waits in ClientClosed."""
        await self._closing.close()

    def group_for(self, target: PollTarget[T], options: Hashable) -> PollGroup[T]:
        """The group of waits that poll the same; calls with other options are made separately."""
        new = PollGroup(target.life_cycle, self._clock, target.listing, self._closing)
        return self._groups.setdefault((target.life_cycle.name, target.within, options), new)


async def _end(task: asyncio.Future[None]) -> None:
    """Cancel it and wait until it has ended."""
    task.cancel()
    await asyncio.wait([task])


def _late(what: str) -> PixxelError:
    return errors.DeadlineExceeded(f"{what} had no response in time")
