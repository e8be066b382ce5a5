"""Creates are sent once. The client records what they make, and can find out what became of a lost response."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Iterable, KeysView, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import attrs

from pixxel_async._base.clock import Clock
from pixxel_async._base.log import FORGOTTEN
from pixxel_async._base.shown import MOST_SECONDS, is_seconds, shown
from pixxel_async._http.call import CallOptions, Transport
from pixxel_async._http.messages import was_sent
from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.matching import Sought, is_all, values, verdict
from pixxel_async._resource.whole_listing import Place, Row, WholeListings, place_of, typed, unproved
from pixxel_async.errors import (
    Conflict,
    DeadlineExceeded,
    HookError,
    InvalidInput,
    OutcomeUnknown,
    PaginationError,
    RateLimited,
    ServerError,
    TransportError,
    UnexpectedAnswer,
    UnexpectedStatus,
)
from pixxel_async.reconciling import (
    Absent,
    Ambiguous,
    BeforeCreate,
    Found,
    Intent,
    Reconciliation,
    Unresolved,
)

T = TypeVar("T")

_LOOKS = (1.0, 3.0, 7.0, 15.0, 30.0, 60.0)
"""Seconds after sending at which to read the listing, before the end of the settle window."""
_SKEW = timedelta(minutes=5)
"""How much earlier than it was sent, by the local clock, a resource may be made by the API's clock."""
_REMEMBERED = 10_000
"""Resources made, and unresolved creates, that a client remembers."""
_PASSING = (
    TransportError, ServerError, RateLimited, UnexpectedStatus, DeadlineExceeded, HookError, UnexpectedAnswer,
    PaginationError,
)  # fmt: skip
"""Failures of a reading after which the next one may succeed."""
_APART = 5.0
"""Least seconds between the two readings that prove an absence."""
_LATE_FAILURES = 2
"""Failed readings after the settle window that end the search."""


class Creates:
    """The creates of one client: those in flight, what the others have made, and how to resolve unknown outcomes.

    Args:
        transport: Sends creates and reads listings.
        clock: Time.
        ahead: Seconds by which the API's time of day is ahead of the local clock; None while it is unknown.
        check: Raises when the client can no longer be used.
        endpoint: The route with an operationId; None if there is none.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        ahead: Callable[[], float | None],
        check: Callable[[], None],
        endpoint: Callable[[str], Endpoint[Any] | None],
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._ahead = ahead
        self._check = check
        self._endpoint = endpoint
        self._under_way: dict[str, Operation[Any]] = {}
        """By id of their intent."""
        self._made = _Made()
        self._listings = WholeListings()
        self._open: dict[str, Unresolved] = {}
        self._has_warned = False

    @property
    def open(self) -> tuple[Unresolved, ...]:
        """The creates that are still unresolved, oldest first."""
        return tuple(self._open.values())

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Send the create, and record what it made or how to find it."""
        if operation.endpoint.request_class != "create" or operation.request_class != "create":
            result = await self._transport.send(operation, options)
            if operation.endpoint.method == "DELETE":
                self._made.forget(operation.path.values())
            return result
        id = f"{self._clock.rng.getrandbits(64):016x}"
        began = self._clock.monotonic()
        if options.before_create is not None:
            announce = partial(self._announce, options.before_create, operation, id, options.timeout)
            options = attrs.evolve(options, before_sending=announce)
        self._under_way[id] = operation
        try:
            result = await self._transport.send(operation, options)
        except OutcomeUnknown as unknown:
            elapsed = unknown.attempts[-1].elapsed if unknown.attempts else 0.0
            sent = self._clock.monotonic() - elapsed
            unknown.intent = self._intent(
                operation, id, sent, sent, accepted=unknown.accepted, ids=unknown.ids
            )
            unknown._look = self._leave_open(unknown.intent, unknown.message, sent, sent, options)
            raise
        except Conflict as conflict:
            now = self._clock.monotonic()
            conflict.intent = self._intent(operation, id, now, now)
            conflict._look = partial(self._existing, conflict.intent, options)
            raise
        except BaseException as stopped:  # cancelled, mostly
            if was_sent(stopped):
                now = self._clock.monotonic()
                intent = self._intent(operation, id, began, now)
                self._leave_open(intent, f"{operation} was cancelled after it was sent", began, now, options)
            raise
        finally:
            del self._under_way[id]
        self._remember(operation, id, result)
        return result

    async def reconcile(
        self,
        intent: Intent,
        options: CallOptions,
        *,
        settle_window: float | None,
        known_ids: Iterable[str] | None,
        made: Mapping[str, datetime] | None = None,
        own: bool = False,
    ) -> Reconciliation:
        """Search for the result of a create with unknown outcome, perhaps of another process."""
        sought = self._sought(intent) if made else None
        if (
            made and sought is not None and not _has_total(sought)
        ):  # only such a reading is checked against it
            self._made.learn(sought.place, {id: self._at(moment) for id, moment in made.items()})
        left = self._open.get(intent.id)
        if left is not None:  # its sending time is on the monotonic clock
            return await left._look(settle_window=settle_window, known_ids=known_ids, options=options)
        # The create has ended, or its process has: it was not sent later than now.
        began, latest = self._at(intent.sent_at), self._at(intent.deadline)
        return await self._reconcile(
            intent, began, latest, settle_window=settle_window, known_ids=known_ids, options=options, own=own
        )

    def _at(self, moment: datetime) -> float:
        """A time of day by the monotonic clock, not later than now."""
        return self._clock.monotonic() - max(0.0, (self._clock.now() - moment).total_seconds())

    # --- records ---

    async def _announce(
        self, before_create: BeforeCreate, operation: Operation[Any], id: str, timeout: float
    ) -> None:
        now = self._clock.monotonic()
        await before_create(self._intent(operation, id, now, now + timeout))

    def _intent(
        self,
        operation: Operation[Any],
        id: str,
        began: float,
        latest: float,
        *,
        accepted: bool = False,
        ids: tuple[str, ...] = (),
    ) -> Intent:
        """The intent of a create; `began` and `latest` are the first and last time at which it can have been sent."""
        trace = operation.endpoint.trace
        query, wanted = {}, {}
        if trace is not None:
            body = {} if operation.body is None else operation.body.to_dict()
            query = {name: value for name, path in trace.filter.items() for value in values(body, path)}
            wanted = {there: found for here, there in trace.equal.items() if (found := values(body, here))}
            if trace.many is not None:
                wanted[trace.many[1]] = values(body, trace.many[0])
        now, at = self._clock.now(), self._clock.monotonic()
        return Intent(
            id=id,
            operation=operation.endpoint.id,
            path=dict(operation.path),
            query=query,
            wanted=wanted,
            is_listed=trace is not None,
            sent_at=now + timedelta(seconds=began - at),
            deadline=now + timedelta(seconds=latest - at),
            ahead=self._ahead(),
            accepted=accepted,
            ids=ids,
        )

    def _leave_open(
        self, intent: Intent, why: str, began: float, latest: float, options: CallOptions
    ) -> Callable[..., Awaitable[Reconciliation]]:
        """Add it to the unresolved creates and return how to search for it. Keeps no exception: it would keep its frames."""
        if intent.ids and (sought := self._sought(intent)) is not None:
            self._claim(sought.place, intent.ids, intent.id)
        look = partial(self._reconcile, intent, began, latest, options=options)
        self._open[intent.id] = Unresolved(intent, why, look, partial(self._open.pop, intent.id, None))
        if len(self._open) > _REMEMBERED:
            del self._open[next(iter(self._open))]
            if not self._has_warned:
                self._has_warned = True
                FORGOTTEN(most=_REMEMBERED)
        return look

    def _remember(self, operation: Operation[Any], intent: str, result: object) -> None:
        """Record that this create, and no other, made the resources."""
        trace = operation.endpoint.trace
        if trace is not None:
            results = result if isinstance(result, list) else [result]
            ids = [getattr(each, trace.id) for each in results]
            self._claim(place_of(trace.listing, operation.path), ids, intent)

    def _claim(self, place: Place, ids: Iterable[str | None], intent: str) -> None:
        """Record which create made these: no other can have made them."""
        now = self._clock.monotonic()
        for id in ids:
            if id is not None:
                self._made.add(place, id, intent, now)

    # --- searching ---

    async def _reconcile(
        self,
        intent: Intent,
        began: float,
        latest: float,
        *,
        settle_window: float | None,
        known_ids: Iterable[str] | None,
        options: CallOptions,
        own: bool = False,
    ) -> Reconciliation:
        """Search for the result, and drop the create from the unresolved ones when it is found or absent."""
        self._check()
        if intent.id in self._under_way:
            raise InvalidInput(
                f"the {intent.operation} with intent {intent.id} is still in flight: wait until its call ends"
            )
        window = options.settle_window if settle_window is None else _checked(settle_window)
        known = known_ids if known_ids is None or isinstance(known_ids, KeysView) else frozenset(known_ids)
        sought = self._sought(intent)
        if sought is None:
            return Ambiguous(())
        if intent.ids:  # its own response names what it made
            self._claim(sought.place, intent.ids, intent.id)
            outcome: Reconciliation = Found(intent.ids[0], None, intent.ids)
        else:
            outcome = await self._watch(intent, sought, began, latest + window, known, options, own=own)
        if not isinstance(outcome, Ambiguous):
            self._open.pop(intent.id, None)
        return outcome

    async def _watch(
        self,
        intent: Intent,
        sought: Sought,
        began: float,
        end: float,
        known: Collection[str] | None,
        options: CallOptions,
        *,
        own: bool,
    ) -> Reconciliation:
        """Read the listing repeatedly, until the create is found or two complete readings prove that it is absent.

        The second of the two readings starts after `end`, the end of the settle window.
        """
        readings = _Readings(self._clock, began, end)
        while True:
            started = await readings.wait()
            try:
                found = await self._look(
                    sought,
                    options,
                    self._since(intent),
                    may_lack_time=known is not None and bool(sought.wanted),
                )
            except _PASSING:
                if readings.fail(started):
                    raise
                continue
            # Only once the whole listing is read: meanwhile another create may have received one of the ids.
            certain, possible = (
                [each for each in some if self._may_have_made(intent, sought, each, known, own=own)]
                for some in found
            )
            if is_all(sought, certain) and not self._has_twin_under_way(sought):
                self._claim(sought.place, [each.id for each in certain], intent.id)
                return _found(sought, certain)
            ids = tuple(each.id for each in (*certain, *possible))
            if started >= end and (ids or intent.accepted):
                return Ambiguous(ids)
            if readings.prove_absence(started):
                return Absent(self._since(intent))
            readings.succeed()

    async def _existing(self, intent: Intent, options: CallOptions) -> Found | None:
        """The existing resource that conflicts with a create, if it is the same, however old."""
        sought = self._sought(intent)
        assert sought is not None  # `Conflict.existing` is only for resources that have a listing
        certain, _ = await self._look(sought, options, None)
        return _found(sought, certain) if is_all(sought, certain) else None

    async def _look(
        self, sought: Sought, options: CallOptions, since: datetime | None, *, may_lack_time: bool = False
    ) -> tuple[list[Row], list[Row]]:
        """The rows of the listing that are certainly a match, and those that may be one."""
        self._check()
        send = partial(self._transport.send, options=attrs.evolve(options, before_sending=None))
        rows = await self._listings.rows(send, sought.listing, sought.id)
        self._check_known(sought, rows, options)
        certain: list[Row] = []
        possible: list[Row] = []
        for row in rows:
            is_it = verdict(sought, row.raw, since, may_lack_time=may_lack_time)
            if is_it is None:
                possible.append(row)
            elif is_it:
                certain.append(row)
        return certain, possible

    def _check_known(self, sought: Sought, rows: list[Row], options: CallOptions) -> None:
        """Raise if a listing without a total lacks a resource that this client made longer ago than listings lag."""
        if _has_total(sought):
            return
        missing = self._made.before(sought.place, self._clock.monotonic() - options.settle_window)
        missing -= {row.id for row in rows}
        if missing:
            raise unproved(sought.listing, f"it lacks {min(missing)}, which was created there")

    def _may_have_made(
        self, intent: Intent, sought: Sought, row: Row, known: Collection[str] | None, *, own: bool
    ) -> bool:
        """Whether the row is new and no other create of this client made it; `own` skips the second check."""
        is_free = own or self._made.owner(sought.place, row.id) in (None, intent.id)
        return is_free and row.id not in (known or ())

    def _has_twin_under_way(self, sought: Sought) -> bool:
        """Whether an equal create is in flight: a listed row may be its result."""
        now = self._clock.monotonic()
        others = [self._sought(self._intent(each, id, now, now)) for id, each in self._under_way.items()]
        return any(other is not None and other.is_twin_of(sought) for other in others)

    def _sought(self, intent: Intent) -> Sought | None:
        """What to search for and where; None if no listing has it."""
        endpoint = self._endpoint(intent.operation)
        if endpoint is None:
            raise InvalidInput(
                f"operation {intent.operation!r} of the intent is not in this version of the SDK: use the version that made the intent"
            )
        trace = endpoint.trace
        if trace is None or not intent.is_listed:
            return None
        listing: Operation[Any] = Operation(trace.listing, path=intent.path, query=intent.query)
        return Sought(listing, trace.id, intent.wanted, trace.many[1] if trace.many else None)

    def _since(self, intent: Intent) -> datetime:
        """The earliest time at which it can have been made, with a margin for a local clock that is ahead."""
        ahead = self._ahead() if intent.ahead is None else intent.ahead
        return intent.sent_at + timedelta(seconds=min(0.0, ahead or 0.0)) - _SKEW


def _checked(settle_window: float) -> float:
    if not is_seconds(settle_window, or_zero=True):
        raise InvalidInput(
            f"settle_window={shown(settle_window)}: give a number of seconds from 0 to {MOST_SECONDS}, or leave it out"
        )
    return float(settle_window)


def _has_total(sought: Sought) -> bool:
    """Whether its listing states the number of rows."""
    paging = sought.listing.endpoint.paging
    return paging is not None and bool(paging.total)


class _Readings:
    """When to read a listing: at set times after sending, at the end of the settle window, then until the result is certain."""

    def __init__(self, clock: Clock, began: float, end: float) -> None:
        self._clock = clock
        self._end = end
        self._times = [*(began + after for after in _LOOKS if began + after < end), end]
        self._next = self._times[0]
        self._first_good = math.inf
        """When the first reading without a failure ended: it may have queued."""
        self._late_failures = 0

    async def wait(self) -> float:
        """Wait for the next reading; returns its start time."""
        await self._clock.sleep(max(0.0, self._next - self._clock.monotonic()))
        return self._clock.monotonic()

    def fail(self, started: float) -> bool:
        """Schedule the next reading after a failure; returns whether there were too many."""
        self._late_failures += started >= self._end
        now = self._clock.monotonic()
        self._plan(now, now + _APART)
        return self._late_failures == _LATE_FAILURES

    def succeed(self) -> None:
        """Schedule the next reading after one without a match."""
        now = self._clock.monotonic()
        self._first_good = min(self._first_good, now)
        self._plan(now, max(now, self._first_good + _APART))

    def prove_absence(self, started: float) -> bool:
        """Whether this is the second reading without a match, far enough from the first and after the settle window."""
        return started >= self._end and started - self._first_good >= _APART

    def _plan(self, now: float, otherwise: float) -> None:
        self._next = next((at for at in self._times if at > now), otherwise)


def _found(sought: Sought, certain: list[Row]) -> Found:
    ids = tuple(each.id for each in certain)
    snapshots = [typed(sought.listing.endpoint, each) for each in certain]
    return Found(ids[0], snapshots[0] if sought.many is None else snapshots, ids)


class _Made:
    """What the creates of a client have made, by listing; the oldest are dropped."""

    def __init__(self) -> None:
        self._by_place: dict[Place, dict[str, tuple[str, float]]] = {}
        """By id: the id of the intent, empty if another process made it, and when it was known to exist."""
        self._order: dict[tuple[Place, str], None] = {}

    def add(self, place: Place, id: str, intent: str, at: float) -> None:
        self._by_place.setdefault(place, {}).setdefault(id, (intent, at))
        self._order[place, id] = None
        if len(self._order) > _REMEMBERED:
            self._drop(*next(iter(self._order)))

    def learn(self, place: Place, made: Mapping[str, float]) -> None:
        """Add what another process has made."""
        for id, at in made.items():
            self.add(place, id, "", at)

    def forget(self, ids: Iterable[str]) -> None:
        """Record that a resource was deleted."""
        gone = {*ids}
        for place, id in [each for each in self._order if each[1] in gone]:
            self._drop(place, id)

    def _drop(self, place: Place, id: str) -> None:
        del self._order[place, id], self._by_place[place][id]
        if not self._by_place[place]:
            del self._by_place[place]

    def owner(self, place: Place, id: str) -> str | None:
        """Id of the intent that made it; None if unknown."""
        made = self._by_place.get(place, {}).get(id)
        return None if made is None else made[0]

    def before(self, place: Place, moment: float) -> set[str]:
        """Ids of what existed before a moment."""
        return {id for id, (_, at) in self._by_place.get(place, {}).items() if at < moment}
