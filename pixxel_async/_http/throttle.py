"""How many requests are in flight at once, and when none are sent: concurrency limits, pauses and circuit breakers.

    async with throttle.slot(endpoint, "read", deadline) as ticket:
        throttle.record(ticket, await exchange(...), time_limit)

A `ConcurrencyLimit` adapts to what the server takes. A `CircuitBreaker` holds back the calls to what is down: one endpoint,
or the service. Neither has a task: callers do what is due.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from math import inf
from typing import Any, Self

import attrs

from pixxel_async._base.clock import Clock
from pixxel_async._base.log import SERVICE_BACK, SERVICE_DOWN
from pixxel_async._http.exchange import CONNECT_LIMIT, Exchange
from pixxel_async._http.messages import ExchangeFailed, Response, Trouble, build_request, retry_after
from pixxel_async._http.operation import Endpoint, Operation, RequestClass
from pixxel_async.errors import CallError, DeadlineExceeded, ServiceUnavailable

PAUSE_CAP = 15 * 60.0
"""Most seconds for which a server's Retry-After is obeyed."""
PING: Endpoint[str] = Endpoint(id="Ping", method="GET", path="/ping", returns=str, request_class="read")
"""The probe: the generated `Status.ping`, which belongs to a higher layer."""

_REDUCTION = 0.7
_LEAST_SUCCESSES = 20  # otherwise every third call would be refused at a capacity of two
_FAILURES, _FAILING = 10, 3.0
"""Failures in a row, and the seconds that they must last at least, before a circuit opens."""
_FIRST_PROBE, _MOST_PROBE, _PROBE_SHARE = 5.0, 60.0, 1 / 8
_PROBE_JITTER = 0.1
_PROBE_LIMIT = 10.0
_LONGEST_NAP = 5.0  # then a caller that waits for the service checks whether another one has found it
_SHORT = CONNECT_LIMIT
"""A timeout of an attempt with less time than these seconds does not count as a failure of the service."""
_NOT_OF_THE_SERVICE = frozenset(
    {Trouble.CERTIFICATE, Trouble.TLS, Trouble.PROXY_AUTH, Trouble.TOO_LARGE, Trouble.HOOK}
)
_NOT_DOWN = frozenset({501, 505, 511})  # they are about the request


class LimitPaused(Exception):
    """The pause that the server asked for is too long for this call. Internal."""


class NotAdmitted(Exception):
    """A call is not sent. Holds the reason, and the error that ends the call if no attempt was made. Internal."""

    def __init__(self, kind: type[CallError], reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.error = kind(f"not sent: {reason}", **facts)
        self.reason = reason


class Ticket:
    """One attempt's place in the queue of a limit, then its slot. Leaving the `async with` gives the slot back."""

    __slots__ = (
        "deadline", "endpoint", "is_in", "limit", "patience", "sent_at", "throttle", "trial", "turn"
    )  # fmt: skip

    def __init__(
        self,
        limit: ConcurrencyLimit,
        deadline: float = inf,
        patience: float = inf,
        throttle: Throttle | None = None,
        endpoint: Endpoint[Any] = PING,
    ) -> None:
        self.limit = limit
        self.deadline = deadline
        self.patience = patience  # seconds of a pause that it waits for at most
        self.throttle = throttle
        self.endpoint = endpoint
        self.is_in = False
        self.trial: CircuitBreaker | None = None  # the open circuit that this attempt tests
        self.turn: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        throttle, limit = self.throttle, self.limit
        if (throttle is not None and throttle.circuits) or not limit.try_enter(self):
            await (limit.wait(self) if throttle is None else throttle.admit(self))
        self.sent_at = limit.clock.monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_in:
            self.limit.leave(self)
        if self.trial is not None:
            self.end_trial()

    def end_trial(self) -> None:
        """Let another attempt test the circuit."""
        breaker, self.trial = self.trial, None
        if breaker is not None and breaker.trial is not None:
            breaker.trial.set_result(None)
            breaker.trial = None

    def cannot_wait(self, until: float, now: float) -> bool:
        """Whether a pause of the limit is too long for it."""
        return until > now and (self.deadline < until or self.patience < until - now)

    def wake(self) -> None:
        """Let it check again."""
        if self.turn is not None and not self.turn.done():
            self.turn.set_result(None)


@attrs.define(eq=False)
class ConcurrencyLimit:
    """How many calls of one kind may be in flight at once; adapts to what the server accepts.

    It begins low and doubles with each round trip, as a TCP connection does, until the first refusal. A refusal takes it
    down to 0.7 of what it was; then it grows by one after as many successes as it is high, and 20 at least, while at
    least half of it is used. What was sent before the limit came down says nothing about the new one, so a refusal counts
    once per round trip. After several without a success between, the server was not too busy but out of service, and the
    limit doubles again up to where it was before.

    A server that asks for a pause stops all calls. After it a single call goes first, the others when it succeeded.
    """

    clock: Clock
    limit: int = attrs.field(kw_only=True, alias="start")
    """Number of slots."""
    _most: int = attrs.field(kw_only=True)
    inside: int = 0
    """Slots in use; may exceed `limit` just after a refusal."""
    opens_at: float = 0.0
    """When the last pause that the server asked for ends or ended."""
    _is_open: bool = True
    _probe: Ticket | None = None
    """The call that goes first after a pause."""
    _queue: deque[Ticket] = attrs.Factory(deque)
    _steady: float = inf
    """Limit up to which it doubles."""
    _is_served: bool = True
    """Whether there was a success since the limit came down."""
    _passed: int = 0
    """Successes since the limit changed."""
    _reduced_at: float = -inf

    def try_enter(self, ticket: Ticket) -> bool:
        """Take a slot if one is free."""
        if self._is_open and self.inside < self.limit:
            self.inside += 1
            ticket.is_in = True
            return True
        return False

    async def wait(self, ticket: Ticket) -> None:
        """Take a slot in turn; raises TimeoutError at the deadline, and LimitPaused where a pause is too long."""
        self._queue.append(ticket)
        try:
            with self.clock.limit(ticket.deadline - self.clock.monotonic()):
                while not self._is_let_in(ticket):
                    if self._queue[0] is ticket and (left := self.opens_at - self.clock.monotonic()) > 0:
                        await self.clock.sleep(left)  # the first in line watches the clock for all
                    else:
                        ticket.turn = asyncio.get_running_loop().create_future()
                        await ticket.turn
            if ticket.deadline < self.clock.monotonic():
                raise TimeoutError
        except BaseException:
            if ticket.is_in:
                self.leave(ticket)
            else:
                self._queue.remove(ticket)
                self._wake_first()
            raise

    def _is_let_in(self, ticket: Ticket) -> bool:
        self._let_in()
        if not ticket.is_in and ticket.cannot_wait(self.opens_at, self.clock.monotonic()):
            raise LimitPaused
        return ticket.is_in

    def leave(self, ticket: Ticket) -> None:
        """Give a slot back after a call whose end says nothing about the load."""
        self.inside -= 1
        ticket.is_in = False
        if ticket is self._probe:
            self._probe = None  # the next one tries
        if self._queue:
            self._let_in()

    def succeed(self, ticket: Ticket) -> None:
        """Give a slot back after a success."""
        if ticket.sent_at > self._reduced_at:
            self._is_served = True
            if self.limit < self._most and 2 * self.inside >= self.limit:
                self._grow()
        if ticket is self._probe:
            self._is_open = True
        self.leave(ticket)

    def refuse(self, ticket: Ticket, pause: float | None) -> None:
        """Give a slot back after the server refused for load, or asked for a pause."""
        now = self.clock.monotonic()
        if ticket.sent_at > self._reduced_at:
            self._reduced_at = now
            self._reduce()
        if pause:
            self._pause(now + min(pause, PAUSE_CAP), now)
        self.leave(ticket)

    def _grow(self) -> None:
        self._passed += 1
        if self.limit < self._steady or self._passed >= max(self.limit, _LEAST_SUCCESSES):
            self.limit, self._passed = self.limit + 1, 0

    def _reduce(self) -> None:
        self.limit, self._passed = max(1, int(self.limit * _REDUCTION)), 0
        if self._is_served:
            self._steady = self.limit
        self._is_served = False

    def _pause(self, until: float, now: float) -> None:
        """Admit no call until then, and wake those whose deadline is earlier."""
        self._is_open = False
        self._probe = None
        self.opens_at = max(self.opens_at, until)
        for ticket in self._queue:
            if ticket.cannot_wait(self.opens_at, now):
                ticket.wake()

    def _let_in(self) -> None:
        """Give free slots to the first in the queue."""
        while self._queue and self._has_room():
            ticket = self._queue.popleft()
            ticket.is_in = True
            self.inside += 1
            if not self._is_open:
                self._probe = ticket
            ticket.wake()
        self._wake_first()

    def _has_room(self) -> bool:
        is_first = self._probe is None and self.clock.monotonic() >= self.opens_at
        return self.inside < self.limit and (self._is_open or is_first)

    def _wake_first(self) -> None:
        """During a pause, the first in the queue waits for its end."""
        if self._queue and not self._is_open and self._probe is None:
            self._queue[0].wake()


@attrs.define(eq=False)
class CircuitBreaker:
    """Detects that an endpoint or the service is down, and decides when to try it again.

    It opens after 10 failures in a row within at least 3 seconds. The first trial is due 5 seconds later, each further
    one after an eighth of the outage so far (5 s at least, 60 s at most, ±10 %): so its end is noticed within about
    an eighth of its length. A trial is a good ping, and then one call.
    """

    _clock: Clock
    name: str
    """Name of the endpoint or service, for messages."""
    _least: int = attrs.field(default=1, alias="resources")
    """Resources that must be among the failures."""
    _failed: set[str] = attrs.Factory(set)
    failures: int = 0
    """Failures in a row; `last` says what the last was, `since` when the first was."""
    last: str = ""
    since: datetime = attrs.Factory(lambda self: self._clock.now(), takes_self=True)
    _began_at: float = 0.0
    is_open: bool = False
    probe_at: float = 0.0
    """When the next trial is due."""
    is_pinged: bool = False
    """Whether a ping was good, and the call that must follow it has not ended."""
    trial: asyncio.Future[None] | None = None
    """Done when the attempt ends that tests it."""

    def fail(self, what: str, resource: str = "") -> None:
        """Count a failed attempt."""
        if not self.failures:
            self._began_at, self.since = self._clock.monotonic(), self._clock.now()
        self.failures, self.last = self.failures + 1, what
        self._failed.add(resource)
        is_enough = self.failures >= _FAILURES and len(self._failed) >= self._least
        if is_enough and self._clock.monotonic() - self._began_at >= _FAILING:
            self.open()

    def open(self) -> None:
        """Stop sending calls."""
        if not self.is_open:
            self.is_open = True
            self._plan(_FIRST_PROBE)
            SERVICE_DOWN(what=self.name, failures=self.failures, last=self.last)

    def succeed(self) -> None:
        """A call succeeded."""
        if self.is_open:
            SERVICE_BACK(what=self.name, elapsed=self._clock.monotonic() - self._began_at)
        self.failures = 0
        self.is_open = self.is_pinged = False
        self._failed.clear()

    def put_off(self) -> None:
        """A trial failed: plan the next."""
        outage = self._clock.monotonic() - self._began_at
        self.is_pinged = False
        self._plan(min(_MOST_PROBE, max(_FIRST_PROBE, outage * _PROBE_SHARE)))

    def _plan(self, seconds: float) -> None:
        jitter = self._clock.rng.uniform(1 - _PROBE_JITTER, 1 + _PROBE_JITTER)
        self.probe_at = self._clock.monotonic() + seconds * jitter


class Throttle:
    """Admits the calls of a client: two concurrency limits, a circuit for each endpoint, one for the service.

    An endpoint that fails does not harm the others. The service counts as down when endpoints of two resources fail, or
    one and the ping, while nothing succeeds.
    """

    def __init__(self, exchange: Exchange, base_url: str, clock: Clock) -> None:
        self._exchange = exchange
        self._base_url = base_url
        self._clock = clock
        self._reads = ConcurrencyLimit(clock, start=8, most=64)
        self._creates = ConcurrencyLimit(clock, start=4, most=8)
        reads, creates = self._reads, self._creates
        self.limits: dict[RequestClass, ConcurrencyLimit] = {"read": reads, "idempotent": reads}
        self.limits |= {"create": creates, "repeatable": creates}
        self.circuits: dict[str, CircuitBreaker] = {}
        """By operationId, those of the endpoints that have failed since their last success."""
        self._service = CircuitBreaker(clock, "the service", resources=2)
        self._pinging = asyncio.Lock()

    def slot(self, endpoint: Endpoint[Any], kind: RequestClass, deadline: float) -> Ticket:
        """A slot for one attempt, for `async with`, which raises NotAdmitted if waiting cannot help."""
        return Ticket(self.limits[kind], deadline, inf, self, endpoint)

    async def admit(self, ticket: Ticket) -> None:
        """Take a slot as soon as there is one; tests what is down when that is due. Raises NotAdmitted."""
        problem = None
        try:
            while not ticket.is_in:
                await self._pass_circuit(ticket)
                await ticket.limit.wait(ticket)
                if self._shut(ticket) is not None:  # it opened while the call was in the queue
                    ticket.limit.leave(ticket)
        except LimitPaused:
            left = ticket.limit.opens_at - self._clock.monotonic()
            reason = f"the server asked to wait {left:.0f} s (Retry-After), past this call's deadline"
            problem = NotAdmitted(ServiceUnavailable, reason, retry_after=left)
        except TimeoutError:
            reason = f"deadline exceeded in the queue (limit: {ticket.limit.limit} concurrent calls)"
            problem = NotAdmitted(DeadlineExceeded, reason)
        finally:
            if not ticket.is_in:
                ticket.end_trial()
        if problem is not None:
            raise problem

    def _shut(self, ticket: Ticket) -> CircuitBreaker | None:
        """The open circuit in the way of an attempt that does not test it."""
        found = self._service if self._service.is_open else self.circuits.get(ticket.endpoint.id)
        return None if found is None or not found.is_open or found is ticket.trial else found

    async def _pass_circuit(self, ticket: Ticket) -> None:
        """Make the attempt a trial of the circuit in its way, if a trial is due; raises NotAdmitted if it is not."""
        breaker = self._shut(ticket)
        if breaker is None:
            return
        if breaker.trial is not None or self._clock.monotonic() < self._due(breaker):
            raise self._down(breaker)
        ticket.end_trial()
        ticket.trial, breaker.trial = breaker, asyncio.get_running_loop().create_future()
        if not await self._ping(breaker, ticket.deadline):
            raise self._down(self._service if self._service.is_open else breaker)

    def _due(self, breaker: CircuitBreaker) -> float:
        """When a trial is due; a pause that the server asked for holds for trials, too."""
        return max(breaker.probe_at, self._reads.opens_at)

    async def _ping(self, breaker: CircuitBreaker, deadline: float) -> bool:
        """Ask whether the service is up, one caller at a time; whether one call may follow."""
        if breaker.is_pinged:
            return True
        async with self._pinging:
            now = self._clock.monotonic()
            if breaker.is_pinged or not breaker.is_open:
                return True
            if now < self._due(breaker):
                return False  # another caller has asked meanwhile
            limit = min(deadline - now, _PROBE_LIMIT)
            request = build_request(Operation(PING), self._base_url)
            try:
                answer = await self._exchange.exchange(request, timeout=limit, fresh=False)
                is_up = answer.status < 500 and answer.status != 429
            except ExchangeFailed as failed:
                if failed.trouble is Trouble.TIMEOUT and limit < _SHORT:
                    return False  # the caller had too little time
                is_up = False
            # Where other calls succeed, it is the ping that is broken.
            breaker.is_pinged = is_up or not (self._service.is_open or self._service.failures >= _FAILURES)
            if not breaker.is_pinged:
                self._service.open()
                breaker.put_off()
            return breaker.is_pinged

    async def available(self) -> None:
        """Return when calls are sent, or when one may test what is down; sends the pings that are due."""
        while True:
            now = self._clock.monotonic()
            opens_at = max(self._reads.opens_at, self._creates.opens_at)
            breaker = self._service if self._service.is_open else self._next_open(now)
            if breaker is not None and breaker.trial is not None:
                await asyncio.wait([breaker.trial])
                continue
            left = max(opens_at, now if breaker is None else self._due(breaker)) - now
            if left > 0:
                await self._clock.sleep(min(left, _LONGEST_NAP))
            elif breaker is None or await self._ping(breaker, inf):
                return

    def _next_open(self, now: float) -> CircuitBreaker | None:
        """Of the endpoints that are down the one to be tried next, except for those that only wait for a call."""
        found = [each for each in self.circuits.values() if each.is_open]
        found = [each for each in found if each.trial or not each.is_pinged or now < self._due(each)]
        return min(found, key=lambda each: each.probe_at, default=None)

    def record(self, ticket: Ticket, outcome: Response | ExchangeFailed, time_limit: float) -> None:
        """Give the slot back and record how an attempt ended; `time_limit` is the seconds that it had."""
        if isinstance(outcome, Response):
            status = outcome.status
            if status < 429 and not self.circuits:
                ticket.limit.succeed(ticket)
                return
            if status in (429, 503):
                ticket.limit.refuse(ticket, retry_after(outcome.headers, datetime.now(UTC)))
            elif status < 500:
                ticket.limit.succeed(ticket)
            if status >= 500 and status not in _NOT_DOWN:
                self._fail(ticket, f"HTTP {status}")
            elif status < 500 and self.circuits:
                self._succeed(ticket)
            return
        is_timeout = outcome.trouble is Trouble.TIMEOUT
        is_hasty = is_timeout and time_limit < _SHORT
        if is_timeout and outcome.phase == "connect" and not is_hasty:
            ticket.limit.refuse(ticket, None)
        if not (is_hasty or outcome.phase == "pool" or outcome.trouble in _NOT_OF_THE_SERVICE):
            self._fail(ticket, outcome.trouble.value)

    def _fail(self, ticket: Ticket, failure: str) -> None:
        endpoint = ticket.endpoint
        own = self.circuits.setdefault(endpoint.id, CircuitBreaker(self._clock, str(endpoint)))
        own.fail(failure)
        # "/v0/aoi/..." and "/v0/aois/..." are one resource: what is below an AOI fails with it.
        self._service.fail(failure, endpoint.path.removeprefix("/v0").split("/")[1].rstrip("s"))
        if ticket.trial is not None:
            ticket.trial.put_off()

    def _succeed(self, ticket: Ticket) -> None:
        if self._service.is_open:  # then it was the service that the others failed with
            for each in self.circuits.values():
                each.is_pinged, each.probe_at = True, self._clock.monotonic()
        self._service.succeed()
        own = self.circuits.pop(ticket.endpoint.id, None)
        if own is not None:
            own.succeed()

    def _down(self, breaker: CircuitBreaker) -> NotAdmitted:
        left = max(1.0, self._due(breaker) - self._clock.monotonic())
        reason = (
            f"{breaker.name} is down ({breaker.failures} attempts in a row have failed since {breaker.since:%H:%M:%S} UTC, "
            f"the last: {breaker.last}); the next trial is due in {left:.0f} s"
        )
        return NotAdmitted(ServiceUnavailable, reason, retry_after=left, since=breaker.since)
