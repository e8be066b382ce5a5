"""Waits that look together: where many things of a kind are waited for, one listing answers them all.

A wait that is one of few looks for itself. Where there are more than `ALONE`, and the listing has fewer pages than
that, a task of theirs walks the listing and shows each wait its thing; it ends with the last of them.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import aclosing, contextmanager
from math import ceil, inf
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import attrs

from pixxel_async._clock import Clock
from pixxel_async._closing import Closing
from pixxel_async._log_events import SWEEP_FAILED, SWEEP_REFUSED
from pixxel_async._operation import LifeCycle
from pixxel_async.errors import (
    BadRequest,
    Conflict,
    InvalidInput,
    PaginationError,
    PermissionDenied,
    PixxelError,
    ResponseTooLarge,
    SchemaError,
    UnexpectedStatus,
)
from pixxel_async.paging import Paginator

T = TypeVar("T")

ALONE = 20
"""So many waits look each for itself; also how many that a sweep did not show may do so after it."""
JITTER = 0.2
NOT_YET = 60.0
"""Seconds in which a new thing may not be visible yet."""
LAST_LOOK = 10.0
"""Seconds that the look at the very end of the time may take."""
TICK = 0.001
"""Seconds by which a sleep may end early."""

_PAGE = 100
_PAGES_A_SECOND = 5
_MOST_PLACES = 50
_UNLISTED_AFTER = 3
"""Whole sweeps in a row that did not show a thing."""
_REFUSED_FOR = 600.0
_GUARDED = 3600.0

# What is wrong with the listing and need not be wrong with a thing in it.
_REFUSALS = (
    BadRequest,
    PermissionDenied,
    Conflict,
    UnexpectedStatus,
    SchemaError,
    ResponseTooLarge,
    PaginationError,
    InvalidInput,
)


@attrs.frozen(eq=False)
class Watch(Generic[T]):
    """How to look at things of one kind: at one by its id, or at all in a listing."""

    life_cycle: LifeCycle[T]
    read: Callable[[str], Awaitable[T | None]]
    """Looks at one; None when it is not listed (yet)."""
    listing: Callable[..., Paginator[T]] | None = None
    """Lists them; takes the arguments that the life cycle's sweep names."""
    within: tuple[str, ...] = ()
    """Ids of what they belong to."""


@attrs.frozen
class Shown(Generic[T]):
    """What a sweep showed to one wait."""

    snapshot: T | None
    error: Exception | None = None
    jitter: float = 1.0
    """One factor for all that were in the sweep, so that they fall due together."""

    def result(self) -> T | None:
        """The snapshot; raises what kept the sweep from seeing it."""
        if self.error is not None:
            raise self.error
        return self.snapshot


@attrs.define(eq=False)
class Seat(Generic[T]):
    """One wait in a group. Times are the clock's."""

    id: str
    began: float
    end: float
    first: float
    """Seconds before its second look."""
    most: float
    """Most seconds between its looks."""
    looking: asyncio.Lock
    """Held while somebody reads this very thing."""
    due: float = 0.0
    last: T | None = None
    absences: int = 0
    """Whole sweeps since it was last shown."""
    must_look: bool = False
    """Whether it was told to look for itself, at once."""
    waiting: asyncio.Future[Shown[T] | None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it still waits to be shown something."""
        return self.waiting is not None and not self.waiting.done()

    def show(self, shown: Shown[T] | None) -> None:
        """End its waiting; None lets it decide anew."""
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(shown)

    def send_off(self) -> None:
        """Let it look for itself, now."""
        self.must_look = True
        self.show(None)


class Group(Generic[T]):
    """The waits of one client for things of one kind in one place."""

    def __init__(
        self,
        life_cycle: LifeCycle[T],
        clock: Clock,
        listing: Callable[..., Paginator[T]] | None = None,
        closing: Closing | None = None,
    ) -> None:
        self.life_cycle = life_cycle
        self.clock = clock
        self.seats: dict[str, list[Seat[T]]] = {}
        self.count = 0
        self.pages: dict[frozenset[str], int] = {}
        """Pages of the listing when it was last read, by what it was narrowed to."""
        self._listing = listing
        self._closing = closing or Closing()
        self._unseen = 0
        self._places: Counter[str | None] = Counter()
        self._refused_until = -inf
        self._waiting: dict[Seat[T], None] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._wakes_at = -inf
        self._round: _Round[T] | None = None
        self._guard: asyncio.TimerHandle | None = None
        """Set while a sweep is under way."""
        self._guard_at = inf

    # Seats

    @contextmanager
    def seat(self, id: str, *, end: float, first: float, most: float) -> Iterator[Seat[T]]:
        """Take part."""
        same = self.seats.setdefault(id, [])
        looking = same[0].looking if same else asyncio.Lock()
        seat: Seat[T] = Seat(id, self.clock.monotonic(), end, first, most, looking)
        same.append(seat)
        self.count += 1
        self._unseen += 1
        self._tally(None, 1)
        try:
            yield seat
        finally:
            same.remove(seat)
            if not same:
                del self.seats[id]
            self.count -= 1
            self._unseen -= seat.last is None
            self._tally(self._place(seat.last), -1)

    def note(self, seat: Seat[T], snapshot: T) -> None:
        """Remember what a wait saw: it tells where to look for it."""
        self._unseen -= seat.last is None
        self._tally(self._place(seat.last), -1)
        self._tally(self._place(snapshot), 1)
        seat.last = snapshot

    def _place(self, snapshot: T | None) -> str | None:
        sweep = self.life_cycle.sweep
        if snapshot is None or sweep is None or sweep.narrow is None:
            return None
        value = getattr(snapshot, sweep.narrow[1])
        return value if isinstance(value, str) and value else None

    def _tally(self, place: str | None, by: int) -> None:
        self._places[place] += by
        if not self._places[place]:
            del self._places[place]

    @property
    def places(self) -> frozenset[str]:
        """To what a listing can be narrowed that shall show all; empty where that is not known, or gains nothing."""
        if None in self._places or len(self._places) > _MOST_PLACES or self.pages.get(frozenset()) == 1:
            return frozenset()
        return frozenset(place for place in self._places if place is not None)

    @property
    def is_worth_it(self) -> bool:
        """Whether a listing costs less than looking at each."""
        return (
            self._listing is not None
            and self.life_cycle.sweep is not None
            and self.count > ALONE
            and self.pages.get(self.places, 0) < self.count
            and self.clock.monotonic() >= self._refused_until
        )

    # Turns

    async def turn(self, seat: Seat[T], due: float) -> Shown[T] | None:
        """Wait until there is something to be seen: what a sweep showed, or None to look for itself now."""
        with self._closing.under_way():
            return await self._turn(seat, due)

    async def _turn(self, seat: Seat[T], due: float) -> Shown[T] | None:
        seat.due = due
        if seat.last is None:
            await asyncio.sleep(0)  # those that begin at once shall know of each other
        while not seat.must_look:
            if self._is_together(seat):
                shown = await self._be_shown(seat)
                if shown is not None:
                    return shown
            elif (left := seat.due - self.clock.monotonic()) > TICK:
                await self.clock.sleep(left)
            else:
                break
        seat.must_look = False
        return None

    def _is_together(self, seat: Seat[T]) -> bool:
        """A newcomer among few newcomers looks at once, whoever else waits; so does what no listing shows."""
        if seat.last is None and self._unseen <= ALONE:
            return False
        return self.is_worth_it and not self.is_unlisted(seat)

    def is_unlisted(self, seat: Seat[T]) -> bool:
        """Whether listings do not show it, and not because it is new."""
        return seat.absences >= _UNLISTED_AFTER and self.clock.monotonic() - seat.began > NOT_YET

    async def _be_shown(self, seat: Seat[T]) -> Shown[T] | None:
        seat.waiting = asyncio.get_running_loop().create_future()
        self._waiting[seat] = None
        if self._sweeper is None:
            self._sweeper = asyncio.ensure_future(self._run())
        elif self._nap is not None and min(seat.due, seat.end) < self._wakes_at:
            self._nap.cancel()
        elif self._guard is not None and seat.end < self._guard_at:
            self._let_go()
        try:
            return await seat.waiting
        finally:
            seat.waiting = None
            del self._waiting[seat]
            if not self._waiting:
                await self._stop()

    # The task that looks for all

    async def _run(self) -> None:
        try:
            while pending := [seat for seat in self._waiting if seat.is_waiting]:
                if self.is_worth_it:
                    await self._step(pending)
                else:
                    for seat in pending:
                        seat.show(None)
        except Exception as error:  # whatever it is, nobody may wait for ever
            for seat in self._waiting:
                seat.show(Shown(None, error))
        finally:
            if self._sweeper is asyncio.current_task():
                self._sweeper = None

    async def _step(self, pending: list[Seat[T]]) -> None:
        """Sleep until somebody is due, or sweep, or let those look whose time ends before the next sweep."""
        now = self.clock.monotonic()
        begin = max(self._next_round(pending), min(seat.due for seat in pending))
        wake = min(begin, *(seat.end for seat in pending))
        if wake > now + TICK:
            await self._sleep(wake)
            return
        ending = [seat for seat in pending if seat.end <= now + TICK]
        if begin > now + TICK and len(ending) <= ALONE:
            for seat in ending:
                seat.send_off()
            return
        jitter = self.clock.rng.uniform(1 - JITTER, 1 + JITTER)
        self._round = _Round(self, now, jitter, pending)
        self._let_go()
        try:
            await self._round.run(self._listings(pending))
        except _REFUSALS as error:
            self._refused_until = self.clock.monotonic() + _REFUSED_FOR
            SWEEP_REFUSED(kind=self.life_cycle.name, reason=str(error))
        finally:
            if self._guard is not None:
                self._guard.cancel()
            self._guard = None

    def _let_go(self) -> None:
        """Show nothing to those whose time ends while a sweep is under way, and see to the next of them in time."""
        assert self._round is not None
        now, self._guard_at = self.clock.monotonic(), inf
        for seat in self._waiting:
            is_last_look = self._round.began >= seat.end - TICK
            end = self._round.began + LAST_LOOK if is_last_look else seat.end
            if end <= now:
                seat.show(Shown(None))
            else:
                self._guard_at = min(self._guard_at, end)
        if self._guard is not None:
            self._guard.cancel()
        seconds = min(self._guard_at - now, _GUARDED)
        self._guard = asyncio.get_running_loop().call_later(seconds, self._let_go)

    def _next_round(self, pending: list[Seat[T]]) -> float:
        """When the next sweep may begin: five pages a second, not more often than one of the waits would look."""
        if self._round is None:
            return -inf
        seconds = max(self._round.pages / _PAGES_A_SECOND, min(seat.first for seat in pending))
        return self._round.began + min(seconds, max(seat.most for seat in pending)) * self._round.jitter

    def _listings(self, pending: list[Seat[T]]) -> Iterator[Paginator[T]]:
        assert self._listing is not None
        assert self.life_cycle.sweep is not None
        sweep, places = self.life_cycle.sweep, self.places
        if sweep.ids is not None:
            ids = list(dict.fromkeys(seat.id for seat in pending))
            for start in range(0, len(ids), _PAGE):
                batch = ids[start : start + _PAGE]
                yield self._listing(**{sweep.ids: batch}, limit=len(batch))
        elif sweep.narrow is not None and places:
            yield self._listing(**{sweep.narrow[0]: sorted(places)})
        else:
            yield self._listing()

    async def _sleep(self, until: float) -> None:
        self._wakes_at = until
        self._nap = asyncio.ensure_future(self.clock.sleep(until - self.clock.monotonic()))
        try:
            await asyncio.wait([self._nap])
        finally:
            nap, self._nap = self._nap, None
            await _end(nap)

    async def _stop(self) -> None:
        sweeper, self._sweeper = self._sweeper, None
        if sweeper is not None:
            await _end(sweeper)


class _Round(Generic[T]):
    """One sweep."""

    def __init__(self, group: Group[T], began: float, jitter: float, pending: list[Seat[T]]) -> None:
        self.began = began
        self.jitter = jitter
        self.pages = 0
        self._group = group
        self._places = group.places
        self._missing = [(seat.waiting, seat) for seat in pending if seat.waiting is not None]

    async def run(self, listings: Iterator[Paginator[T]]) -> None:
        """Show everybody what there is to be seen.

        Raises:
            PixxelError: one of `_REFUSALS`; all others count as what was seen.
        """
        try:
            if await self._walk(listings):
                self._call_out()
        except _REFUSALS:
            raise
        except PixxelError as error:
            left = list(self._left())
            SWEEP_FAILED(kind=self._group.life_cycle.name, waits=len(left), reason=str(error))
            for seat in left:
                seat.show(Shown(None, copy.copy(error), self.jitter))

    async def _walk(self, listings: Iterator[Paginator[T]]) -> bool:
        """Go through the pages, as long as that is worth it and somebody waits. Whether all were seen."""
        walked = 0
        for listing in listings:
            async with aclosing(listing.pages()) as pages:
                async for page in pages:
                    walked += 1
                    self._count_pages(walked, page.total)
                    for item in page.items:
                        self._show(item)
                    if self.pages >= self._group.count or not any(self._left()):
                        return False
        return True

    def _count_pages(self, walked: int, total: int | None) -> None:
        sweep = self._group.life_cycle.sweep
        by_ids = sweep is not None and sweep.ids is not None
        self.pages = walked if by_ids else max(walked, ceil((total or 0) / (_PAGE - 1)))  # pages overlap
        self._group.pages[self._places] = self.pages

    def _show(self, item: T) -> None:
        cycle = self._group.life_cycle
        for seat in self._group.seats.get(getattr(item, cycle.id), ()):
            seat.absences = 0
            if cycle.sweep is not None and cycle.sweep.is_brief and cycle.phase(item).is_terminal:
                seat.send_off()
            else:
                seat.show(Shown(item, None, self.jitter))

    def _left(self) -> Iterator[Seat[T]]:
        return (seat for waiting, seat in self._missing if not waiting.done())

    def _call_out(self) -> None:
        """A few of those that a whole sweep did not show look for themselves; listings may lag behind."""
        group, now = self._group, self._group.clock.monotonic()
        told = 0
        for seat in sorted(self._left(), key=lambda seat: seat.due):
            seat.absences += 1
            if group.is_unlisted(seat):
                seat.show(None)
            elif seat.due <= now + TICK and told < ALONE:
                told += 1
                seat.send_off()
            elif seat.end <= now + TICK:
                seat.show(Shown(None))


class Groups:
    """The groups of one client; each lives as long as somebody may wait in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: WeakValueDictionary[Hashable, Group[Any]] = WeakValueDictionary()
        self._closing = Closing()

    async def aclose(self) -> None:
        """End all waits in ClientClosed."""
        await self._closing.close()

    def of(self, watch: Watch[T], options: Hashable) -> Group[T]:
        """The group of those who watch the same; calls of other options are made apart."""
        key = (watch.life_cycle.name, watch.within, options)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(watch.life_cycle, self._clock, watch.listing, self._closing)
        return group


async def _end(task: asyncio.Future[None]) -> None:
    """Cancel it and see it end."""
    task.cancel()
    await asyncio.wait([task])
