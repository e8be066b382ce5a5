"""For tests of code that uses this SDK: a client without a network, and time that passes at once.

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
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import attrs

from pixxel_async._clock import Clock
from pixxel_async._convert import dumps, loads
from pixxel_async._operation import Operation
from pixxel_async._sansio import Request, Response, build_request, note_sent, parse
from pixxel_async._transport import CallOptions, UnreadableFields

T = TypeVar("T")


@attrs.frozen
class FakeRequest:
    """A request as it would have been sent."""

    method: str
    path: str
    query: dict[str, str]
    json: Any
    """The body; None without one."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class FakeTransport:
    """Answers from a table instead of the network. Requests are built and answers are read as the real one does.

    Args:
        routes: From method and path, as in `"GET /v0/orders/o-1"`, to the answer: what the API would send as JSON (`str` or
            `bytes` where it sends text or a file), an exception to raise, or a function of the FakeRequest that gives one
            of these, `async` or not.
    """

    def __init__(self, routes: Mapping[str, Any]) -> None:
        self.routes = dict(routes)
        self.requests: list[FakeRequest] = []
        """Every request so far, oldest first."""
        self._unreadable = UnreadableFields()

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Answer one call."""
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
                f"FakeTransport has no answer to {str(request)!r}; it has {sorted(self.routes)}"
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
            endpoint, Response(200, {}, _body(endpoint.returns, answer)), self._unreadable.of(endpoint)
        )

    async def _awaited(self, request: Request, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except asyncio.CancelledError as cancelled:
            note_sent(cancelled, request)
            raise

    async def available(self) -> None:
        """Nothing is ever held back."""

    async def aclose(self) -> None:
        """Nothing is open."""


def _body(returns: Any, answer: Any) -> bytes:
    if returns is None:
        return b""
    if isinstance(answer, bytes):
        return answer
    return answer.encode() if returns is str else dumps(answer)


class VirtualClock(Clock):
    """A clock that stands still but for sleeps, and these take no time.

    Who sleeps yields to the event loop; of several sleepers the one with the least time left wakes first.

    Args:
        start: Seconds that it shows at first.
        rng: Chance; the same numbers each time when left out.
    """

    def __init__(self, start: float = 0.0, rng: random.Random | None = None) -> None:
        super().__init__(rng or random.Random(0))
        self._now = start
        self._origin = super().now() - timedelta(seconds=start)
        self._sleepers: list[tuple[float, int]] = []
        self._turns = itertools.count()
        self.slept: list[float] = []
        """Every sleep so far, in seconds."""

    def monotonic(self) -> float:
        """Seconds so far."""
        return self._now

    def now(self) -> datetime:
        """The time of day at which it was made, and the seconds since."""
        return self._origin + timedelta(seconds=self._now)

    def advance(self, seconds: float) -> None:
        """Let time pass without a sleep."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass as soon as nobody has an earlier end to sleep for."""
        self.slept.append(seconds)
        turn = (self._now + max(0.0, seconds), next(self._turns))
        heapq.heappush(self._sleepers, turn)
        try:
            await asyncio.sleep(0)
            while self._sleepers[0] != turn:  # noqa: ASYNC110 - virtual time has no event to wait for
                await asyncio.sleep(0)
        finally:
            self._sleepers.remove(turn)
            heapq.heapify(self._sleepers)
        self._now = max(self._now, turn[0])
