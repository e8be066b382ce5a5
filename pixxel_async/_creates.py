"""Creates: they are sent once, what they make is remembered, and what a lost answer left open can be looked up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import attrs

from pixxel_async._clock import Clock
from pixxel_async._log_events import FORGOTTEN
from pixxel_async._matching import Sought, is_all, values, verdict
from pixxel_async._operation import Endpoint, Operation
from pixxel_async._sansio import was_sent
from pixxel_async._transport import CallOptions, Transport
from pixxel_async.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TransportError,
)
from pixxel_async.paging import Paginator
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
"""Seconds after sending at which to look, before the end of the settle window."""
_SKEW = timedelta(minutes=5)
"""How much earlier than it was sent, by our clock, a thing may have been made by the API's."""
_REMEMBERED = 10_000
"""Things made, and creates left open, of which a client knows."""
_PASSING = (TransportError, ServerError, RateLimited, DeadlineExceeded)
"""Failures of a look after which the next one may succeed."""


class Creates:
    """The creates of one client: those under way, what the others have made, and how to find what is open.

    Args:
        transport: Sends creates and looks.
        clock: Time.
        ahead: Seconds by which the API's time of day is ahead of ours; None while nothing is known.
        check: Raises when the client cannot be used any more.
        endpoint: The route with an operationId; None where there is none.
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
        self._owners: dict[tuple[str, str], str] = {}
        """What was made, by listing and id: the id of its intent. The oldest are forgotten."""
        self._open: dict[str, Unresolved] = {}
        self._has_warned = False

    @property
    def open(self) -> tuple[Unresolved, ...]:
        """What was left open and not settled since, oldest first."""
        return tuple(self._open.values())

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Make the call; remember what it made, or what to look for."""
        if operation.endpoint.request_class != "create" or operation.request_class != "create":
            return await self._transport.send(operation, options)
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
            unknown.intent = self._intent(operation, id, sent, sent, accepted=unknown.accepted)
            unknown._look = self._leave_open(unknown.intent, unknown.message, sent, sent, options)
            raise
        except Conflict as conflict:
            now = self._clock.monotonic()
            conflict.intent = self._intent(operation, id, now, now)
            conflict._look = partial(self._existing, conflict.intent, options)
            raise
        except asyncio.CancelledError as cancelled:
            if was_sent(cancelled):
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
        settle: float | None,
        before: Iterable[str] | None,
    ) -> Reconciliation:
        """Look for what a create, perhaps of another process, has left open."""
        left = self._open.get(intent.id)
        if left is not None:  # it knows when it was sent by a clock that cannot be set
            return await left._look(settle=settle, before=before, options=options)
        # Whoever asks has seen the end of the call, or of its process: it was not sent later than now.
        now, at = self._clock.now(), self._clock.monotonic()
        began, latest = (
            at - max(0.0, (now - time).total_seconds()) for time in (intent.sent_at, intent.deadline)
        )
        return await self._reconcile(intent, began, latest, settle=settle, before=before, options=options)

    # --- what is remembered ---

    async def _announce(self, tell: BeforeCreate, operation: Operation[Any], id: str, timeout: float) -> None:
        now = self._clock.monotonic()
        await tell(self._intent(operation, id, now, now + timeout))

    def _intent(
        self, operation: Operation[Any], id: str, began: float, latest: float, *, accepted: bool = False
    ) -> Intent:
        """What a create is about; `began` and `latest` are the first and the last time at which it can have been sent."""
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
        )

    def _leave_open(
        self, intent: Intent, why: str, began: float, latest: float, options: CallOptions
    ) -> Callable[..., Any]:
        """Put it on the list; gives the way to look for it. Keeps no exception: that would keep its frames."""
        look = partial(self._reconcile, intent, began, latest, options=options)
        self._open[intent.id] = Unresolved(intent, why, look, partial(self._open.pop, intent.id, None))
        if len(self._open) > _REMEMBERED:
            del self._open[next(iter(self._open))]
            if not self._has_warned:
                self._has_warned = True
                FORGOTTEN(most=_REMEMBERED)
        return look

    def _remember(self, operation: Operation[Any], intent: str, result: Any) -> None:
        """What it made belongs to it, and to no other."""
        trace = operation.endpoint.trace
        if trace is not None:
            for made in result if isinstance(result, list) else [result]:
                if (id := getattr(made, trace.id)) is not None:
                    self._own(trace.listing.id, id, intent)

    def _own(self, listing: str, id: Any, owner: str) -> None:
        self._owners[listing, id] = owner
        if len(self._owners) > _REMEMBERED:
            del self._owners[next(iter(self._owners))]

    # --- looking ---

    async def _reconcile(
        self,
        intent: Intent,
        began: float,
        latest: float,
        *,
        settle: float | None,
        before: Iterable[str] | None,
        options: CallOptions,
    ) -> Reconciliation:
        """Look, and take it off the list when it is settled."""
        self._check()
        if intent.id in self._under_way:
            raise InvalidInput(
                f"the {intent.operation} with intent {intent.id} is still under way: its outcome is open until its call ends"
            )
        window = options.settle if settle is None else _checked(settle)
        known = None if before is None else frozenset(before)
        sought = self._sought(intent)
        if sought is None:
            return Ambiguous(())
        times = _times(began, latest + window, self._clock.monotonic())
        outcome = await self._watch(intent, sought, times, known, options)
        if not isinstance(outcome, Ambiguous):
            self._open.pop(intent.id, None)
        return outcome

    async def _watch(
        self,
        intent: Intent,
        sought: Sought,
        times: list[float],
        known: Collection[str] | None,
        options: CallOptions,
    ) -> Reconciliation:
        """Look again and again, until it is found or the last time has come."""
        certain: list[Any] = []
        possible: list[Any] = []
        for at in times:
            await self._clock.sleep(max(0.0, at - self._clock.monotonic()))
            since = self._since(intent) if known is None else None
            try:
                certain, possible = await self._look(intent, sought, options, since)
            except _PASSING:
                if at == times[-1]:
                    raise
                continue
            # Not before the whole listing is there: in the meantime somebody may have been told of one of them.
            certain, possible = (
                [each for each in some if self._may_have_made(intent, sought, each, known)]
                for some in (certain, possible)
            )
            if is_all(sought, certain) and not self._has_twin_under_way(sought):
                for each in certain:
                    self._own(sought.listing.endpoint.id, getattr(each, sought.id), intent.id)
                return _found(sought, certain)
        # Of the last look; an id that could not be read is shown as it came.
        ids = tuple(str(each.to_dict().get(sought.id)) for each in (*certain, *possible))
        return Ambiguous(ids) if ids or intent.accepted else Absent(self._since(intent))

    async def _existing(self, intent: Intent, options: CallOptions) -> Found | None:
        """What stands in the way of a create, if it is the same, however old."""
        sought = self._sought(intent)
        if sought is None:
            return None
        certain, _ = await self._look(intent, sought, options, None)
        return _found(sought, certain) if is_all(sought, certain) else None

    async def _look(
        self, intent: Intent, sought: Sought, options: CallOptions, since: datetime | None
    ) -> tuple[list[Any], list[Any]]:
        """What is listed and is the same, and what could be as far as the listing tells."""
        self._check()
        certain: list[Any] = []
        possible: list[Any] = []
        options = attrs.evolve(options, before_sending=None)
        rows: Paginator[Any] = Paginator(partial(self._transport.send, options=options), sought.listing)
        async for row in rows:
            is_it = verdict(sought, row, since)
            if is_it is None:
                possible.append(row)
            elif is_it:
                certain.append(row)
        return certain, possible

    def _may_have_made(self, intent: Intent, sought: Sought, row: Any, known: Collection[str] | None) -> bool:
        """Whether it was not there before, and nobody else has been told that it is his."""
        id = getattr(row, sought.id)
        owner = self._owners.get((sought.listing.endpoint.id, id), intent.id)
        return owner == intent.id and id not in (known or ())

    def _has_twin_under_way(self, sought: Sought) -> bool:
        """Whether a create that would make the same is being sent: what is listed may be what that one makes."""
        now = self._clock.monotonic()
        others = [self._sought(self._intent(each, id, now, now)) for id, each in self._under_way.items()]
        return any(other is not None and other.is_twin_of(sought) for other in others)

    def _sought(self, intent: Intent) -> Sought | None:
        """What to look for and where; None where no listing shows it."""
        endpoint = self._endpoint(intent.operation)
        if endpoint is None:
            raise InvalidInput(
                f"operation {intent.operation!r} of the intent is none of this version of the SDK: use the one that made it"
            )
        trace = endpoint.trace
        if trace is None or not intent.is_listed:
            return None
        listing: Operation[Any] = Operation(trace.listing, path=intent.path, query=intent.query)
        return Sought(listing, trace.id, intent.wanted, trace.many[1] if trace.many else None)

    def _since(self, intent: Intent) -> datetime:
        """The earliest time at which it can have been made; a clock of ours that is ahead must not hide it."""
        ahead = self._ahead() if intent.ahead is None else intent.ahead
        return intent.sent_at + timedelta(seconds=min(0.0, ahead or 0.0)) - _SKEW


def _checked(settle: float) -> float:
    if isinstance(settle, bool) or not isinstance(settle, int | float) or not 0 <= settle < math.inf:
        raise InvalidInput(f"settle={settle!r}: give a number of seconds from 0 on, or leave it out")
    return float(settle)


def _times(began: float, end: float, now: float) -> list[float]:
    """When to look: of the times that have passed only the latest, which is now."""
    times = [*(began + after for after in _LOOKS if began + after < end), end]
    passed = sum(at <= now for at in times)
    return times[max(0, passed - 1) :]


def _found(sought: Sought, certain: list[Any]) -> Found:
    ids = tuple(str(getattr(each, sought.id)) for each in certain)
    return Found(ids[0], certain[0] if sought.many is None else certain, ids)
