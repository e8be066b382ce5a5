"""For tests of code that uses this SDK: a client without a network, and time that passes without waiting.

    transport = FakeTransport({"GET /v0/orders/o-1": {"id": "o-1"}})
    async with PixxelClient(transport=transport) as client:
        order = await client.orders.get("o-1")

For a whole API with state, see `pixxel_async.sandbox`.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import itertools
import random
from collections.abc import Awaitable, Mapping
from contextvars import Context
from datetime import datetime, timedelta
from math import inf
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import attrs

from pixxel_async._base.clock import Clock
from pixxel_async._base.time_limit import TimeLimit
from pixxel_async._codec.json_bytes import encode, loads
from pixxel_async._http.answer_warnings import AnswerWarnings
from pixxel_async._http.call import CallOptions
from pixxel_async._http.messages import Request, Response, build_request, note_sent, parse
from pixxel_async._http.operation import Operation

__all__ = [
    "FakeRequest",
    "FakeTransport",
    "VirtualClock",
]

T = TypeVar("T")


@attrs.frozen
class FakeRequest:
    """A request as the client would send it."""

    method: str
    path: str
    query: dict[str, str]
    json: Any
    """The body; None without one."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class FakeTransport:
    """Responds from a table instead of the network. Requests are built and responses are read as by the real transport.

    Args:
        routes: From method and path, as in `"GET /v0/orders/o-1"`, to the response. A response is the JSON value
            that the API would send, `str` or `bytes` for text or a file, or an exception to raise. It may also be a
            function of the FakeRequest that returns one of these, `async` or not.
    """

    def __init__(self, routes: Mapping[str, Any]) -> None:
        self.routes = dict(routes)
        self.requests: list[FakeRequest] = []
        """Every request so far, oldest first."""
        self._warnings = AnswerWarnings()

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Respond to one call."""
        built = build_request(operation, "")
        if options.before_sending is not None:
            await options.before_sending()
        request = FakeRequest(
            built.method,
            built.path,
            dict(parse_qsl(urlsplit(built.url).query, keep_blank_values=True)),
            None if built.body is None else loads(built.body),
        )
        self.requests.append(request)
        if str(request) not in self.routes:
            raise LookupError(
                f"FakeTransport has no response to {str(request)!r}; it has {sorted(self.routes)}"
            )
        answer = self.routes[str(request)]
        if callable(answer):
            answer = answer(request)
            if inspect.isawaitable(answer):
                answer = await self._awaited(built, answer)
        if isinstance(answer, BaseException):
            raise answer
        endpoint = operation.endpoint
        return parse(
            endpoint,
            Response(200, {}, _body(endpoint.returns, answer)),
            self._warnings.unreadable_field_of(endpoint),
        )

    async def _awaited(self, request: Request, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except asyncio.CancelledError as cancelled:
            note_sent(cancelled, request)
            raise

    async def available(self) -> None:
        """Returns at once: no call is ever held back."""

    async def aclose(self) -> None:
        """Nothing is open."""


def _body(returns: Any, answer: Any) -> bytes:
    if returns is None:
        return b""
    if isinstance(answer, bytes):
        return answer
    return answer.encode() if returns is str else encode(answer)


class VirtualClock(Clock):
    """A clock whose time passes in sleeps only, as soon as the event loop has nothing else to do.

    The sleeper with the least time left wakes first. Time limits pass in the same way. If no task sleeps,
    and a socket or timer of the event loop may cause work, a limit lasts as long as on a real clock.

    Args:
        start: Seconds at the start.
        rng: Random numbers; the same ones each time by default.
    """

    def __init__(self, start: float = 0.0, rng: random.Random | None = None) -> None:
        super().__init__(rng or random.Random(0))
        self._now = start
        self._origin = super().now() - timedelta(seconds=start)
        self._events: list[tuple[float, int, asyncio.Future[None] | _VirtualLimit]] = []
        self._turns = itertools.count()
        self._asleep = 0
        self._driven_in: asyncio.AbstractEventLoop | None = None
        self._patience = _PATIENCE
        self.slept: list[float] = []
        """Every sleep so far, in seconds."""

    def monotonic(self) -> float:
        """Seconds so far."""
        return self._now

    def now(self) -> datetime:
        """The time of day at which it was made, plus the seconds since."""
        return self._origin + timedelta(seconds=self._now)

    def advance(self, seconds: float) -> None:
        """Let time pass without a sleep."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass as soon as there is nothing else to do before."""
        self.slept.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        self._asleep += 1
        try:
            self._expect(self._now + max(0.0, seconds), woken)
            await woken
        finally:
            self._asleep -= 1

    def limit(self, seconds: float) -> TimeLimit:
        """A limit that ends when this much time has passed on this clock."""
        limit = _VirtualLimit(asyncio.get_running_loop().time() + seconds)
        if seconds < inf:
            self._expect(self._now + seconds, limit)
        return limit

    def _expect(self, when: float, event: asyncio.Future[None] | _VirtualLimit) -> None:
        heapq.heappush(self._events, (when, next(self._turns), event))
        loop = asyncio.get_running_loop()
        if self._driven_in is not loop:
            self._driven_in = loop
            loop.call_soon(self._drive, loop, context=Context())

    def _drive(self, loop: asyncio.AbstractEventLoop) -> None:
        """In each turn of the event loop: let the next events happen, if it is time."""
        if loop is not self._driven_in:
            return
        self._drop_done()
        if self._events and (self._events[0][0] <= self._now or self._may_pass(loop)):
            self._now = max(self._now, self._events[0][0])
            self._patience = _PATIENCE
            while self._events and self._events[0][0] <= self._now:
                heapq.heappop(self._events)[2].set_result(None)
                self._drop_done()
        if not self._events:
            self._driven_in = None
        elif getattr(loop, "_ready", True) or self._asleep:
            loop.call_soon(self._drive, loop)
        else:  # only sockets and timers can cause work: let the loop wait for them
            loop.call_later(_NAP, self._drive, loop)

    def _drop_done(self) -> None:
        """Drop events that have ended by themselves; a limit that is over has let its time pass."""
        while self._events and self._events[0][2].done():
            when, _, event = heapq.heappop(self._events)
            if isinstance(event, _VirtualLimit) and event.is_over:
                self._now = max(self._now, when)

    def _may_pass(self, loop: Any) -> bool:
        """Whether nothing else is left to do. asyncio has no public way to ask; other loops have none at all."""
        self._patience -= 1
        if getattr(loop, "_ready", None) and self._patience > 0:
            return False
        if self._asleep:
            return True
        sockets = getattr(getattr(loop, "_selector", None), "get_map", lambda: None)()
        own = {id(event._timer) for *_, event in self._events if isinstance(event, _VirtualLimit)}
        timers = [timer for timer in getattr(loop, "_scheduled", ()) if id(timer) not in own]
        is_near = self._patience > 0 and any(timer.when() - loop.time() < 1.0 for timer in timers)
        return not (is_near or sockets is None or len(sockets) > 1 or getattr(loop, "_ready", True))


_PATIENCE = 1_000
"""Turns of the event loop after which time passes although there is always work: two clocks may be active."""
_NAP = 0.001
"""Real seconds between two turns of a loop that has nothing else to do."""


class _VirtualLimit(TimeLimit):
    """A time limit that a clock may end."""

    __slots__ = ()

    def done(self) -> bool:
        """Whether it has ended, or is over."""
        return self.is_over or self._timer.cancelled()

    def set_result(self, _: None) -> None:
        """End it."""
        self._timer.cancel()
        self._end()
