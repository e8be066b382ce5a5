"""Whether a call to the API may be sent now, and what its end tells about the next ones."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf

from pixxel_async._clock import Clock
from pixxel_async._exchange import CONNECT_LIMIT, Exchange
from pixxel_async._limits import Breaker, Lane, LaneShut, Turn
from pixxel_async._operation import Endpoint, Operation, RequestClass
from pixxel_async._sansio import (
    ExchangeFailed,
    Response,
    Trouble,
    build_request,
    retry_after,
)
from pixxel_async.errors import CallError, DeadlineExceeded, ServiceUnavailable

PING: Endpoint[str] = Endpoint(id="Ping", method="GET", path="/ping", returns=str, request_class="read")
"""The probe: the generated `Status.ping`, which stands on a higher layer."""
_PROBE_LIMIT = 10.0
_LONGEST_NAP = 5.0
"""Seconds after which one who waits for the service looks whether somebody else has found it."""
_SHORT = CONNECT_LIMIT
"""An attempt with less time than these seconds says nothing about the service when it times out."""
_NOT_OF_THE_SERVICE = frozenset(
    {Trouble.CERTIFICATE, Trouble.TLS, Trouble.PROXY_AUTH, Trouble.TOO_LARGE, Trouble.HOOK}
)
_NOT_DOWN = frozenset({501, 505, 511})
"""Answers of 5xx that are about the request."""


class HeldBack(Exception):
    """A call is not sent. Internal."""

    def __init__(self, error: CallError, reason: str) -> None:
        super().__init__(reason)
        self.error = error
        """What ends the call, if nothing of it was sent before."""
        self.reason = reason
        """Half a sentence that says why."""


class Admission:
    """Two lanes and a breaker before the API; all calls of a client share them."""

    def __init__(self, exchange: Exchange, base_url: str, clock: Clock) -> None:
        self._exchange = exchange
        self._base_url = base_url
        self._clock = clock
        self._reads = Lane(clock, start=8, most=64)
        self._creates = Lane(clock, start=4, most=8)
        self.lanes: dict[RequestClass, Lane] = {
            "read": self._reads,
            "idempotent": self._reads,
            "create": self._creates,
            "repeatable": self._creates,
        }
        self._breaker = Breaker(clock)

    def try_enter(self, lane: Lane) -> bool:
        """Take a slot if nothing is in the way."""
        return not self._breaker.is_open and lane.try_enter()

    async def enter(self, lane: Lane, deadline: float) -> Turn:
        """Take a slot as soon as there is one; probes the service when that is due.

        Raises:
            HeldBack: waiting is no use, or the deadline passed.
        """
        while True:
            if self._breaker.is_open:
                await self._try_probe(deadline)
            try:
                slot = await lane.wait(deadline)
            except LaneShut:
                problem = self._shut(lane)
            except TimeoutError:
                problem = _late(lane)
            else:
                if not self._breaker.is_open:
                    return slot
                lane.leave(slot)  # it opened while we stood in line
                continue
            raise problem

    def learn(
        self,
        lane: Lane,
        slot: Turn | None,
        outcome: Response | ExchangeFailed,
        sent_at: float,
        time_limit: float,
    ) -> None:
        """Give the slot back, and conclude from an attempt what there is to conclude.

        Args:
            lane: Where it was.
            slot: What `enter` gave; None after `try_enter`.
            outcome: How it ended.
            sent_at: When it began.
            time_limit: Seconds that it had.
        """
        if isinstance(outcome, ExchangeFailed):
            self._learn_from_failure(lane, slot, outcome, sent_at, time_limit)
        elif outcome.status < 429:
            lane.succeed(slot, sent_at=sent_at)
            if self._breaker.failures:
                self._breaker.succeed()
        else:
            self._learn_from_status(lane, slot, outcome, sent_at)

    def _learn_from_status(self, lane: Lane, slot: Turn | None, answer: Response, sent_at: float) -> None:
        breaker, status = self._breaker, answer.status
        if status in (429, 503):
            lane.refuse(slot, sent_at=sent_at, pause=retry_after(answer.headers, datetime.now(UTC)))
        elif status < 500:
            lane.succeed(slot, sent_at=sent_at)
        else:
            lane.leave(slot)
        if status < 500:
            breaker.succeed()
        elif status not in _NOT_DOWN:
            breaker.fail(f"HTTP {status}")

    def _learn_from_failure(
        self, lane: Lane, slot: Turn | None, failure: ExchangeFailed, sent_at: float, time_limit: float
    ) -> None:
        is_timeout = failure.trouble is Trouble.TIMEOUT
        is_hasty = is_timeout and time_limit < _SHORT
        if is_timeout and failure.phase == "connect" and not is_hasty:
            lane.refuse(slot, sent_at=sent_at, pause=None)
        else:
            lane.leave(slot)
        if not (is_hasty or failure.phase == "pool" or failure.trouble in _NOT_OF_THE_SERVICE):
            self._breaker.fail(failure.trouble.value)

    async def available(self) -> None:
        """Return when calls are sent; until then, probe the service when that is due."""
        while True:
            opens_at = max(self._reads.opens_at, self._creates.opens_at)
            due = max(opens_at, self._probe_at) if self._breaker.is_open else opens_at
            left = due - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(min(left, _LONGEST_NAP))
            elif self._breaker.is_open:
                await self._probe(inf)
            else:
                return

    @property
    def _probe_at(self) -> float:
        # A pause that the server asked for holds for probes, too.
        return max(self._breaker.probe_at, self._reads.opens_at)

    async def _try_probe(self, deadline: float) -> None:
        """Probe the service if that is due and nobody does; raises HeldBack while it is down."""
        breaker = self._breaker
        if self._clock.monotonic() >= self._probe_at and not breaker.probing.locked():
            await self._probe(deadline)
        if breaker.is_open:
            raise self._down()

    async def _probe(self, deadline: float) -> None:
        """Ask the service whether it is back; one at a time."""
        breaker, clock = self._breaker, self._clock
        async with breaker.probing:
            left = deadline - clock.monotonic()
            if not breaker.is_open or clock.monotonic() < self._probe_at:
                return  # somebody else has asked meanwhile
            request = build_request(Operation(PING), self._base_url)
            try:
                answer = await self._exchange.exchange(request, timeout=min(left, _PROBE_LIMIT), fresh=False)
                is_up = answer.status < 500 and answer.status != 429
            except ExchangeFailed:
                is_up = False
            if is_up:
                breaker.succeed()
            else:
                breaker.put_off()

    # --- why not ---

    def _down(self) -> HeldBack:
        breaker = self._breaker
        left = max(1.0, self._probe_at - self._clock.monotonic())
        error = ServiceUnavailable(
            f"not sent, for the service is down: {breaker.failures} attempts in a row have failed since "
            f"{breaker.since:%H:%M:%S} UTC (the last: {breaker.last}); it is asked again in {left:.0f} s",
            retry_after=left,
            since=breaker.since,
        )
        return HeldBack(error, "the service is down")

    def _shut(self, lane: Lane) -> HeldBack:
        left = lane.opens_at - self._clock.monotonic()
        reason = f"the API wants no such calls for another {left:.0f} s, longer than this one may take"
        return HeldBack(ServiceUnavailable(f"not sent, for {reason}", retry_after=left), reason)


def _late(lane: Lane) -> HeldBack:
    reason = f"its deadline passed in line: the API is let to handle {lane.limit} such calls at once"
    return HeldBack(DeadlineExceeded(f"not sent, for {reason}"), reason)
