"""Creates: they are sent once, what they make is remembered, and what a lost answer left open can be looked up."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import attrs

from pixxel_async._clock import Clock
from pixxel_async._operation import Operation, Trace
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
from pixxel_async.reconciling import Absent, Ambiguous, Found, Reconciliation

T = TypeVar("T")

_LOOKS = (1.0, 3.0, 7.0, 15.0, 30.0, 60.0)
"""Seconds after sending at which to look, before the end of the settle window."""
_SKEW = timedelta(minutes=5)
"""How much earlier than it was sent, by our clock, a thing may have been made by the API's."""
_REMEMBERED = 10_000
_TOLERANCE = 1e-6
"""Most difference of two numbers that are the same; 0.1 m where they are degrees."""
_PASSING = (TransportError, ServerError, RateLimited, DeadlineExceeded)
"""Failures of a look after which the next one may succeed."""


@attrs.frozen(eq=False)
class Sought:
    """What a create whose answer was lost must have made. Can be pickled, and holds nothing that is secret."""

    token: str
    """Tells it from another create of the same content."""
    listing: Operation[Any]
    """The call that lists such things."""
    id: str
    wanted: dict[str, list[Any]]
    """By path in a listed thing: the values that must stand there, in any order."""
    many: str | None
    """The path at which each of several things has one of the values."""
    since: datetime
    """By our clock, or by the API's where that was known to be behind."""
    is_dated: bool
    """Whether the API's clock was known."""


class Creates:
    """The creates of one client: those under way, what the others have made, and how to find what is open.

    Args:
        transport: Sends creates and looks.
        clock: Time.
        ahead: Seconds by which the API's time of day is ahead of ours; None while nothing is known.
        check: Raises when the client cannot be used any more.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        ahead: Callable[[], float | None],
        check: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._ahead = ahead
        self._check = check
        self._under_way: list[Operation[Any]] = []
        self._owners: dict[tuple[str, str], str] = {}
        """What was made, by listing and id: the token of what was sought, "" where the answer came. The oldest
        are forgotten."""

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Make the call; remember what it made, or in its OutcomeUnknown what to look for."""
        trace = operation.endpoint.trace
        if trace is None or operation.request_class != "create":
            return await self._transport.send(operation, options)
        self._under_way.append(operation)
        try:
            result = await self._transport.send(operation, options)
        except OutcomeUnknown as unknown:
            elapsed = unknown.attempts[-1].elapsed if unknown.attempts else 0.0
            unknown.sent_at = self._clock.now() - timedelta(seconds=elapsed)
            unknown.sought = self._sought(operation, trace, unknown.sent_at)
            began = self._clock.monotonic() - elapsed
            unknown._look = partial(self._reconcile, began=began, options=options)
            raise
        except Conflict as conflict:
            conflict.sought = self._sought(operation, trace, self._clock.now())
            conflict._look = partial(self._existing, conflict.sought, options)
            raise
        finally:
            self._under_way = [each for each in self._under_way if each is not operation]
        for made in result if isinstance(result, list) else [result]:
            if (id := getattr(made, trace.id)) is not None:
                self._own(trace.listing.id, id, "")
        return result

    async def reconcile(
        self,
        error: OutcomeUnknown,
        options: CallOptions,
        *,
        settle: float | None,
        before: Iterable[str] | None,
    ) -> Reconciliation:
        """Look for what an error from anywhere, perhaps an unpickled one, has left open."""
        if error.sought is None or error.sent_at is None:
            return Ambiguous(())
        since = max(0.0, (self._clock.now() - error.sent_at).total_seconds())
        began = self._clock.monotonic() - since
        return await self._reconcile(error, settle=settle, before=before, began=began, options=options)

    async def _reconcile(
        self,
        error: OutcomeUnknown,
        *,
        settle: float | None,
        before: Iterable[str] | None,
        began: float,
        options: CallOptions,
    ) -> Reconciliation:
        """Look again and again until it is found, or the settle window has passed; `began` is when it was sent."""
        sought: Sought = error.sought
        window = options.settle if settle is None else _checked(settle)
        known = None if before is None else frozenset(before)
        for at in _times(began, window, self._clock.monotonic()):
            await self._clock.sleep(max(0.0, began + at - self._clock.monotonic()))
            is_last = at == window
            try:
                certain, possible = await self._look(sought, options, is_new=known is None)
            except _PASSING:
                if is_last:
                    raise
                continue
            # Not before the whole listing is there: in the meantime somebody may have been told of one of them.
            certain, possible = (
                [each for each in some if self._may_have_made(sought, each, known)]
                for some in (certain, possible)
            )
            if _is_all(sought, certain) and not self._has_twin_under_way(sought):
                for each in certain:
                    self._own(sought.listing.endpoint.id, getattr(each, sought.id), sought.token)
                return _found(sought, certain)
        ids = tuple(str(getattr(each, sought.id)) for each in (*certain, *possible))  # of the last look
        if ids or error.accepted:
            return Ambiguous(ids)
        return Absent(self._since(sought))

    async def _existing(self, sought: Sought, options: CallOptions) -> Found | None:
        """What stands in the way of a create, if it is the same, however old."""
        certain, _ = await self._look(sought, options, is_new=False)
        return _found(sought, certain) if _is_all(sought, certain) else None

    async def _look(
        self, sought: Sought, options: CallOptions, *, is_new: bool
    ) -> tuple[list[Any], list[Any]]:
        """What is listed and is the same, and what could be as far as the listing tells."""
        self._check()
        certain: list[Any] = []
        possible: list[Any] = []
        rows: Paginator[Any] = Paginator(partial(self._transport.send, options=options), sought.listing)
        async for row in rows:
            verdict = _verdict(sought, row, self._since(sought) if is_new else None)
            if verdict is None:
                possible.append(row)
            elif verdict:
                certain.append(row)
        return certain, possible

    def _may_have_made(self, sought: Sought, row: Any, known: Collection[str] | None) -> bool:
        """Whether it was not there before, and nobody else has been told that it is his."""
        id = getattr(row, sought.id)
        owner = self._owners.get((sought.listing.endpoint.id, id), sought.token)
        return owner == sought.token and id not in (known or ())

    def _own(self, listing: str, id: Any, owner: str) -> None:
        self._owners[listing, id] = owner
        if len(self._owners) > _REMEMBERED:
            del self._owners[next(iter(self._owners))]

    def _has_twin_under_way(self, sought: Sought) -> bool:
        """Whether a create that would make the same is being sent: what is listed may be what that one makes."""
        for each in self._under_way:
            trace = each.endpoint.trace
            assert trace is not None
            if trace.listing.id == sought.listing.endpoint.id:
                other = self._sought(each, trace, sought.since)
                if (other.listing.path, other.wanted) == (sought.listing.path, sought.wanted):
                    return True
        return False

    def _sought(self, operation: Operation[Any], trace: Trace, sent_at: datetime) -> Sought:
        body = {} if operation.body is None else operation.body.to_dict()
        query = {name: value for name, path in trace.filter.items() for value in _values(body, path)}
        wanted = {there: values for here, there in trace.equal.items() if (values := _values(body, here))}
        if trace.many is not None:
            wanted[trace.many[1]] = _values(body, trace.many[0])
        ahead = self._ahead()
        return Sought(
            token=f"{self._clock.rng.getrandbits(64):016x}",
            listing=Operation(trace.listing, path=operation.path, query=query),
            id=trace.id,
            wanted=wanted,
            many=trace.many[1] if trace.many else None,
            since=sent_at + timedelta(seconds=min(0.0, ahead or 0.0)) - _SKEW,
            is_dated=ahead is not None,
        )

    def _since(self, sought: Sought) -> datetime:
        """The earliest time at which it can have been made; a clock of ours that is ahead must not hide it."""
        if sought.is_dated:
            return sought.since
        return sought.since + timedelta(seconds=min(0.0, self._ahead() or 0.0))


def _checked(settle: float) -> float:
    if isinstance(settle, bool) or not isinstance(settle, int | float) or not 0 <= settle < math.inf:
        raise InvalidInput(f"settle={settle!r}: give a number of seconds from 0 on, or leave it out")
    return float(settle)


def _times(began: float, window: float, now: float) -> Iterator[float]:
    """Seconds after sending at which to look: of the times that have passed only the latest, which is now."""
    times = [*(at for at in _LOOKS if at < window), window]
    passed = sum(began + at <= now for at in times)
    yield from times[max(0, passed - 1) :]


def _is_all(sought: Sought, certain: list[Any]) -> bool:
    """Whether these are just what one create makes."""
    if sought.many is None:
        return len(certain) == 1
    made = [value for each in certain for value in _values(each.to_dict(), sought.many)]
    wanted = sought.wanted[sought.many]
    return bool(made) and sorted(map(str, made)) == sorted(map(str, wanted))


def _found(sought: Sought, certain: list[Any]) -> Found:
    return Found(str(getattr(certain[0], sought.id)), certain[0] if sought.many is None else certain)


def _verdict(sought: Sought, row: Any, since: datetime | None) -> bool | None:
    """Whether a listed thing is what is sought; None when it does not tell."""
    thing = row.to_dict()
    is_told = True
    if since is not None:
        created = getattr(row, "created_at", None)
        if not isinstance(created, datetime):
            is_told = False
        elif created < since:
            return False
    for path, wanted in sought.wanted.items():
        there = _values(thing, path)
        if not there or not wanted:
            is_told = False
        elif not _agrees(wanted, there, is_one_of_many=sought.many is not None):
            return False
    return True if is_told else None


def _agrees(wanted: list[Any], there: list[Any], *, is_one_of_many: bool) -> bool:
    if is_one_of_many:
        return all(any(_is_same(sent, listed) for sent in wanted) for listed in there)
    return len(wanted) == len(there) and all(
        any(_is_same(sent, listed) for listed in there) for sent in wanted
    )


def _values(value: Any, path: str) -> list[Any]:
    """What stands at a path, through lists; nothing for null and empty, which the API writes for what was left out."""
    found = [value]
    for step in path.split("."):
        found = [each.get(step) for each in found if isinstance(each, dict)]
        found = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in found if each not in (None, "", {})]


def _is_same(sent: Any, listed: Any) -> bool:
    """Whether a listed value is what was sent; the API may have rounded it, spelt a time anew, or added keys."""
    if isinstance(sent, dict) and isinstance(listed, dict):
        return all(
            key in listed and _is_same(value, listed[key])
            for key, value in sent.items()
            if value not in (None, "")
        )
    if isinstance(sent, list) and isinstance(listed, list):
        return len(sent) == len(listed) and all(map(_is_same, sent, listed))
    if isinstance(sent, int | float) and isinstance(listed, int | float):
        return abs(sent - listed) <= _TOLERANCE
    return bool(sent == listed) or _instant(sent) == _instant(listed) is not None


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
