"""How much is sent at once, and when nothing is: lanes, the breaker, and the token that was refused too often."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from stubs import CLOSE, HANG, Answer, Stub, answer, json_answer

from pixxel_async import (
    AuthenticationError,
    CallError,
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    DownloadError,
    OutcomeUnknown,
    PixxelClient,
    RetryPolicy,
    ServerError,
    ServiceUnavailable,
)
from pixxel_async._base.clock import Clock
from pixxel_async._download.downloader import Downloader
from pixxel_async._endpoints import status
from pixxel_async._http.auth import Auth, Secret
from pixxel_async._http.call import CallOptions
from pixxel_async._http.exchange import AiohttpExchange
from pixxel_async._http.messages import ExchangeFailed, Request, Response, Trouble
from pixxel_async._http.operation import Endpoint, Operation, RequestClass
from pixxel_async._http.throttle import PING, CircuitBreaker, ConcurrencyLimit, LimitPaused, Ticket
from pixxel_async._http.transport import HttpTransport
from pixxel_async.models import AOI
from pixxel_async.testing import FakeTransport, VirtualClock

OK = json_answer({"aoi_id": "a-1"})
PONG = answer(200, b"pong")
MADE = AOI(aoi_id="a-1")


def call(kind: RequestClass = "read") -> Operation[Any]:
    method = "GET" if kind == "read" else "POST"
    return Operation(Endpoint(id="TheCall", method=method, path="/v0/it", returns=AOI, request_class=kind))


READ = call()
ONCE = CallOptions(retry=RetryPolicy.none())
MANY_TIMES = CallOptions(retry=RetryPolicy(jitter=lambda ceiling: ceiling))


# --- a limit ---


class DrivenClock(Clock):
    """Time that passes in `drive` only; who sleeps waits without turning the loop."""

    def __init__(self) -> None:
        super().__init__(random.Random(1))
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._turns = itertools.count()

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), next(self._turns), woken))
        await woken

    @property
    def is_slept_on(self) -> bool:
        return bool(self._sleepers)

    async def drive(self, until: float) -> None:
        """Let time pass, sleeper by sleeper."""
        await settled()
        while self._sleepers and self._sleepers[0][0] <= until:
            moment, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, moment)
            if not woken.done():
                woken.set_result(None)
                await settled()
        self._now = until


async def settled() -> None:
    """Until every task waits for something."""
    for _ in range(8):
        await asyncio.sleep(0)


class LimitMachine(RuleBasedStateMachine):
    """Any interleaving of entering, leaving, cancelling, refusing and pausing."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = DrivenClock()
        self.limit = ConcurrencyLimit(self.clock, start=2, most=5)
        self.numbers = itertools.count()
        self.waiting: dict[int, tuple[asyncio.Task[None], float]] = {}
        self.inside: dict[int, Ticket] = {}
        self.newly: list[int] = []
        self.probe: int | None = None
        self.is_open = True
        self.opens_at = 0.0

    def teardown(self) -> None:
        for task, _ in self.waiting.values():
            task.cancel()
        self.run(settled())
        self.loop.close()

    def run(self, work: Awaitable[Any]) -> None:
        self.newly = []
        self.loop.run_until_complete(work)
        for number in self.newly:
            # In order: nobody who came earlier still waits.
            assert all(number < other for other in self.waiting), (self.newly, self.waiting)
        if self.newly:
            assert len(self.inside) <= self.limit.limit
            assert self.clock.monotonic() >= self.opens_at
        if not self.is_open and self.newly:
            assert 1 == len(self.newly)
            assert self.probe is None
            [self.probe] = self.newly

    @rule(patience=st.sampled_from([inf, 3.0]))
    def enter(self, patience: float) -> None:
        number = next(self.numbers)
        deadline = self.clock.monotonic() + patience

        async def visit() -> None:
            try:
                slot = await Ticket(self.limit, deadline).__aenter__()
            except LimitPaused:
                assert self.limit.opens_at > deadline
                del self.waiting[number]
                return
            except TimeoutError:
                assert self.clock.monotonic() > deadline
                del self.waiting[number]
                return
            self.inside[number] = slot
            self.newly.append(number)
            self.waiting.pop(number, None)

        async def arrive() -> None:
            task = asyncio.create_task(visit())
            self.waiting[number] = (task, deadline)
            await settled()

        self.run(arrive())

    def end(self, data: st.DataObject) -> Ticket:
        number = data.draw(st.sampled_from(sorted(self.inside)))
        self.ended = number
        return self.inside.pop(number)

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), age=st.sampled_from([0.0, 100.0]))
    def succeed(self, data: st.DataObject, age: float) -> None:
        slot = self.end(data)
        if self.ended == self.probe:
            self.is_open, self.probe = True, None
        before = self.limit.limit
        slot.sent_at = self.clock.monotonic() - age
        self.limit.succeed(slot)
        assert self.limit.limit in (before, before + 1)
        self.run(settled())

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        slot = self.end(data)
        if self.ended == self.probe:
            self.probe = None
        self.limit.leave(slot)
        self.run(settled())

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), pause=st.sampled_from([None, 0.0, 1.0, 5.0]), age=st.sampled_from([0.0, 100.0]))
    def refuse(self, data: st.DataObject, pause: float | None, age: float) -> None:
        slot = self.end(data)
        if self.ended == self.probe or pause:
            self.probe = None
        if pause:
            self.is_open = False
            self.opens_at = max(self.opens_at, self.clock.monotonic() + pause)
        slot.sent_at = self.clock.monotonic() - age
        self.limit.refuse(slot, pause)
        self.run(settled())

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), is_let_in=st.booleans())
    def cancel(self, data: st.DataObject, is_let_in: bool) -> None:
        """Also at the very moment at which the one who waits is let in."""
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        task, _ = self.waiting.pop(number)
        if is_let_in and self.inside:
            slot = self.end(data)
            if self.ended == self.probe:
                self.probe = None
            self.limit.leave(slot)
        task.cancel()
        self.run(settled())
        assert task.cancelled()

    @rule(seconds=st.sampled_from([0.5, 2.0, 10.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.run(self.clock.drive(self.clock.monotonic() + seconds))

    @invariant()
    def no_slot_is_lost(self) -> None:
        assert len(self.inside) == self.limit.inside
        if self.waiting and self.clock.monotonic() >= self.opens_at and len(self.inside) < self.limit.limit:
            assert not self.is_open
            assert self.probe is not None

    @invariant()
    def the_limit_has_bounds(self) -> None:
        assert 1 <= self.limit.limit <= 5

    @invariant()
    def nobody_waits_in_vain(self) -> None:
        """But the first in line, who watches the clock, and finds out when the earlier pause ends."""
        for number in sorted(self.waiting)[1:]:
            assert self.waiting[number][1] >= self.opens_at or self.clock.monotonic() >= self.opens_at


TestLimit = LimitMachine.TestCase
TestLimit.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


class Held:
    """Tickets of a limit, the oldest of which ends next."""

    def __init__(self, clock: VirtualClock, **options: int) -> None:
        self.clock = clock
        self.limit = ConcurrencyLimit(clock, **options)
        self.tickets: list[Ticket] = []

    def enter(self, most: int = 1_000) -> int:
        """Take slots while there are any; how many."""
        taken = 0
        while taken < most and self.limit.try_enter(ticket := Ticket(self.limit)):
            self.tickets.append(ticket)
            taken += 1
        return taken

    def end(self, sent_at: float | None = None) -> Ticket:
        ticket = self.tickets.pop(0)
        ticket.sent_at = self.clock.monotonic() if sent_at is None else sent_at
        return ticket

    def succeed(self, sent_at: float | None = None) -> None:
        self.limit.succeed(self.end(sent_at))

    def refuse(self, sent_at: float | None = None, pause: float | None = None) -> None:
        self.limit.refuse(self.end(sent_at), pause)


def test_the_limit_doubles_until_the_first_refusal_and_then_grows_slowly(clock: VirtualClock) -> None:
    held = Held(clock, start=8, most=64)

    def round_trip() -> int:
        """Each slot is used once, and taken again at once."""
        for _ in range(held.limit.limit):
            held.succeed()
            held.enter()
        return held.limit.limit

    held.enter()
    assert [16, 32, 64, 64] == [round_trip() for _ in range(4)]
    held.refuse()
    assert 44 == held.limit.limit
    while held.limit.inside > held.limit.limit:
        held.succeed()  # sent before; does not count
    clock.advance(0.1)
    assert [45, 46] == [round_trip() for _ in range(2)]


def test_the_limit_does_not_grow_while_it_is_not_used(clock: VirtualClock) -> None:
    held = Held(clock, start=8, most=64)
    for _ in range(100):
        assert 3 == held.enter(3)
        for _ in range(3):
            held.succeed()
    assert 8 == held.limit.limit


def test_a_burst_of_refusals_counts_once(clock: VirtualClock) -> None:
    """What was sent before the limit came down says nothing about the new one."""
    held = Held(clock, start=32, most=64)
    held.enter(20)
    clock.advance(0.1)
    for _ in range(10):
        held.refuse(sent_at=0.0)
    assert 22 == held.limit.limit
    held.refuse(sent_at=0.1)
    assert 22 == held.limit.limit
    clock.advance(0.1)
    held.refuse(sent_at=0.15)
    assert 15 == held.limit.limit


def test_after_an_outage_the_limit_is_soon_where_it_was(clock: VirtualClock) -> None:
    held = Held(clock, start=40, most=64)
    for _ in range(20):
        assert 1 == held.enter(1)
        clock.advance(1)
        held.refuse(sent_at=clock.monotonic() - 0.5)
        assert 1 == held.enter(1)
        held.succeed(sent_at=0.0)  # from before the outage
    assert 1 == held.limit.limit
    clock.advance(1)
    while held.limit.limit < 28:
        before = held.limit.limit
        held.enter()
        held.succeed()
        assert before + 1 == held.limit.limit
    for _ in range(27):  # 28 is 0.7 of 40; from here on, slowly
        held.enter()
        held.succeed()
    assert 28 == held.limit.limit


def test_a_pause_is_no_longer_than_a_quarter_of_an_hour(clock: VirtualClock) -> None:
    held = Held(clock, start=1, most=1)
    held.enter()
    held.refuse(pause=1e6)
    assert 900.0 == held.limit.opens_at


# --- calls to a service that has more to do than it can ---


class Simulated:
    """A service in virtual time, where the socket would be: so many at once take 0.1 s each, the others get a 429."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.capacity = 40.0
        self.is_down = False
        self.busy = 0
        self.log: list[tuple[float, int]] = []
        """When a request came, and how it was answered."""

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        came = self.clock.monotonic()
        answer = 503 if self.is_down else 429 if self.busy >= self.capacity else 200
        self.log.append((came, answer))
        if answer != 200:
            await self.clock.sleep(0.005)
            return Response(answer, {}, b"")
        self.busy += 1
        await self.clock.sleep(0.1 * self.clock.rng.uniform(0.8, 1.2))
        self.busy -= 1
        return Response(200, {}, b'{"aoi_id": "a-1"}')

    async def aclose(self) -> None:
        pass

    def answers(self, since: float, until: float) -> list[int]:
        return [answer for came, answer in self.log if since <= came < until]


@attrs.define
class Work:
    """Tasks that call again and again; after a failure they do what `pause` does."""

    clock: DrivenClock
    service: Simulated
    transport: HttpTransport
    calls: list[float] = attrs.field(factory=list)
    failed: int = 0

    async def worker(self, pause: Callable[[], Awaitable[Any]]) -> None:
        options = CallOptions(retry=RetryPolicy(jitter=lambda ceiling: self.clock.rng.uniform(0, ceiling)))
        while True:
            self.calls.append(self.clock.monotonic())
            try:
                await self.transport.send(READ, options)
            except CallError:
                self.failed += 1
                await pause()


@asynccontextmanager
async def work(tasks: int, *, is_bulk: bool = False) -> AsyncIterator[Work]:
    clock = DrivenClock()
    service = Simulated(clock)
    transport = HttpTransport(service, Auth(Secret("secret-7f3a"), "Bearer", "http://x"), "http://x", clock)
    done = Work(clock, service, transport)

    async def nap() -> None:
        await clock.sleep(1.0)

    pause = transport.available if is_bulk else nap
    running = [asyncio.create_task(done.worker(pause)) for _ in range(tasks)]
    yield done
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.parametrize("capacity", [16, 40])
async def test_o5_what_is_sent_follows_a_capacity_that_falls_to_a_quarter(capacity: int) -> None:
    """64 tasks: at most one answer in 20 is a refusal, no call fails, and four fifths of the capacity are used."""
    async with work(64) as done:
        done.service.capacity = capacity
        await done.clock.drive(10)
        done.service.capacity = capacity / 4
        await done.clock.drive(40)
    for since, until in [(10, 40), (20, 40)]:
        answers = done.service.answers(since, until)
        assert answers.count(429) <= 0.05 * len(answers)
    assert done.service.answers(20, 40).count(200) >= 0.8 * (20 * capacity / 4 / 0.1)
    assert 0 == done.failed


async def outage(*, is_bulk: bool) -> Work:
    """Five seconds of work of 16 tasks, a minute without service, and 15 seconds of work."""
    async with work(16, is_bulk=is_bulk) as done:
        await done.clock.drive(5)
        done.service.is_down = True
        await done.clock.drive(65)
        done.service.is_down = False
        await done.clock.drive(80)
    return done


async def test_o6_an_outage_of_a_minute_is_met_with_few_requests_and_soon_over() -> None:
    done = await outage(is_bulk=False)
    calls = sum(5 <= began < 65 for began in done.calls)
    assert len(done.service.answers(5, 65)) <= 1.2 * calls
    assert len(done.service.answers(15, 65)) <= 15  # nothing but probes, once it is known
    assert done.service.answers(75, 80).count(200) >= 0.9 * done.service.answers(0, 5).count(200)


async def test_o6_who_waits_for_the_service_loses_little_and_is_soon_back() -> None:
    done = await outage(is_bulk=True)
    assert done.failed <= 16 * 5
    assert len(done.service.answers(15, 65)) <= 15
    assert done.service.answers(75, 80).count(200) >= 0.9 * done.service.answers(0, 5).count(200)


# --- calls over a socket ---


@attrs.define
class Line:
    transport: HttpTransport
    clock: VirtualClock

    async def send(self, options: CallOptions = ONCE, operation: Operation[Any] = READ) -> Any:
        return await self.transport.send(operation, options)

    async def failure(self, options: CallOptions = ONCE, operation: Operation[Any] = READ) -> CallError:
        with pytest.raises(CallError) as caught:
            await self.send(options, operation)
        assert (None, None) == (caught.value.__cause__, caught.value.__context__)
        return caught.value

    async def break_down(self) -> None:
        """Ten failures within five seconds."""
        for _ in range(10):
            await self.failure()
            self.clock.advance(0.5)


@asynccontextmanager
async def line_to(url: str, token: Any = Secret("secret-7f3a"), clock: Any = None) -> AsyncIterator[Line]:  # noqa: B008
    clock = clock or VirtualClock()
    transport = HttpTransport(AiohttpExchange(url), Auth(token, "Bearer", url), url, clock)
    yield Line(transport, clock)
    await transport.aclose()


async def until(condition: Callable[[], Any]) -> None:
    """Let the sockets work until something is so."""
    while not condition():  # noqa: ASYNC110 - real sockets have no event to wait for
        await asyncio.sleep(0.001)


def paths(stub: Stub) -> list[str]:
    return [request.target for request in stub.received]


async def test_o1_after_retry_after_all_calls_of_that_kind_wait_and_one_goes_first() -> None:
    clock = DrivenClock()
    async with (
        Stub(answer(429, Retry_After="2"), OK, [HANG]) as stub,
        line_to(stub.url, clock=clock) as line,
    ):
        first = asyncio.create_task(line.send(MANY_TIMES))
        await until(lambda: clock.is_slept_on)
        assert MADE == await line.send(operation=call("create"))  # the other lane is open
        others = [asyncio.create_task(line.send()) for _ in range(5)]
        await clock.drive(1.99)
        await asyncio.sleep(0.02)
        assert ["GET", "POST"] == [request.method for request in stub.received]
        await clock.drive(2.5)
        await asyncio.sleep(0.02)
        assert 3 == len(stub.received)
        stub.answers = [OK]
        others[0].cancel()  # then the next one goes first
        assert [MADE] * 5 == await asyncio.gather(first, *others[1:])


async def test_a_call_that_cannot_wait_for_the_end_of_a_pause_ends_at_once() -> None:
    async with Stub(answer(503, Retry_After="200"), OK) as stub, line_to(stub.url) as line:
        await line.failure()
        error = await line.failure()
        assert ("", 1, ()) == ("".join(map(str, line.clock.slept)), len(stub.received), error.attempts)
        assert isinstance(error, ServiceUnavailable)
        assert (200.0, None) == (error.retry_after, error.since)
        await line.transport.available()
        assert 200.0 == line.clock.monotonic()
        assert MADE == await line.send()


async def test_a6_a_call_that_gets_no_turn_by_its_deadline_was_not_sent() -> None:
    async with Stub([HANG]) as stub, line_to(stub.url, clock=Clock()) as line:
        ahead = [asyncio.create_task(line.send(operation=call("create"))) for _ in range(4)]
        await until(lambda: len(stub.received) == 4)
        error = await line.failure(attrs.evolve(ONCE, timeout=0.05), call("create"))
        assert (DeadlineExceeded, 4) == (type(error), len(stub.received))
        assert [("queued", "timeout")] == [(each.phase, each.outcome) for each in error.attempts]
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
        stub.answers = [OK]
        assert MADE == await line.send(operation=call("create"))


async def test_a6_a_call_that_gets_no_connection_by_its_deadline_was_not_sent() -> None:
    async with (
        Stub([HANG]) as stub,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
        PixxelClient("token", base_url=stub.url, session=session) as client,
    ):
        first = asyncio.create_task(client.orders.get("o-1"))
        await stub.asked()
        with pytest.raises(DeadlineExceeded) as caught:
            await client.with_options(timeout=0.1).orders.get("o-2")
        assert "pool" == caught.value.attempts[-1].phase
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert 1 == len(stub.received)


# --- the breaker ---


def test_the_probe_is_the_ping_of_the_spec() -> None:
    assert attrs.asdict(status._PING) == attrs.asdict(PING)


async def test_a_service_that_fails_ten_times_in_a_row_is_left_alone() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        began = line.clock.now()
        await line.break_down()
        error = await line.failure(operation=call("create"))
        assert isinstance(error, ServiceUnavailable)
        assert (10, (), began) == (len(stub.received), error.attempts, error.since)
        assert error.retry_after is not None
        assert 3.9 <= error.retry_after <= 5.5  # half a second after it opened
        assert "10 attempts in a row have failed" in str(error)
        assert "HTTP 500" in str(error)


@pytest.mark.parametrize("failure", [[CLOSE], answer(503), answer(524)], ids=["lost", "503", "524"])
async def test_what_counts_as_a_failure_of_the_service(failure: Answer) -> None:
    async with Stub(failure) as stub, line_to(stub.url) as line:
        await line.break_down()
        assert isinstance(await line.failure(), ServiceUnavailable)


@pytest.mark.parametrize(
    "ending",
    [answer(404), answer(429), answer(501), answer(200, b"<html>")],
    ids=["404", "429", "501", "page"],
)
async def test_what_does_not_count_as_a_failure_of_the_service(ending: Answer) -> None:
    async with Stub(ending) as stub, line_to(stub.url) as line:
        await line.break_down()
        assert not isinstance(await line.failure(), ServiceUnavailable)
        assert 11 == len(stub.received)


async def test_the_haste_of_a_caller_is_no_failure_of_the_service() -> None:
    async with Stub([HANG]) as stub, line_to(stub.url) as line:
        for _ in range(11):
            error = await line.failure(attrs.evolve(ONCE, timeout=0.01))
            line.clock.advance(1)
            assert not isinstance(error, ServiceUnavailable)


class Failing:
    """No answer ever, always for the same reason."""

    def __init__(self, trouble: Trouble, phase: str) -> None:
        self.trouble = trouble
        self.phase = phase
        self.count = 0

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        self.count += 1
        raise ExchangeFailed(self.trouble, self.phase, "no", sent=self.phase == "body")

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    ("trouble", "phase", "sendings", "limit"),
    [
        (Trouble.TIMEOUT, "connect", 10, 1),
        (Trouble.CONNECT, "connect", 10, 8),
        (Trouble.TIMEOUT, "body", 10, 8),
        (Trouble.TIMEOUT, "pool", 12, 8),
        (Trouble.CERTIFICATE, "connect", 12, 8),
        (Trouble.TLS, "connect", 12, 8),
        (Trouble.PROXY_AUTH, "connect", 12, 8),
        (Trouble.TOO_LARGE, "body", 12, 8),
    ],
)
async def test_what_each_trouble_says_about_service_and_load(
    trouble: Trouble, phase: str, sendings: int, limit: int
) -> None:
    """Ten failures of the service end the sending; what is ours, or a matter of trust, does not heal by waiting."""
    clock = VirtualClock()
    exchange = Failing(trouble, phase)
    transport = HttpTransport(exchange, Auth(Secret("secret-7f3a"), "Bearer", "http://x"), "http://x", clock)
    for _ in range(12):
        with pytest.raises(CallError):
            await transport.send(READ, ONCE)
        clock.advance(0.4)
    assert (sendings, limit) == (exchange.count, transport._throttle.limits["read"].limit)


class Partly:
    """A service some of whose paths answer 500."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.paths: list[str] = []

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        self.paths.append(request.path)
        await asyncio.sleep(0)
        return Response(500 if request.path in self.broken else 200, {}, b'{"aoi_id": "a-1"}')

    async def aclose(self) -> None:
        pass


def at(path: str, method: str = "GET") -> Operation[Any]:
    return Operation(
        Endpoint(id=f"{method}{path}", method=method, path=path, returns=AOI, request_class="read")
    )


def line_of(exchange: Any) -> Line:
    clock = VirtualClock()
    return Line(HttpTransport(exchange, Auth(None, None, "http://x"), "http://x", clock), clock)


PATHS = ["/v0/orders", "/v0/aois", "/v0/aoi/a/insights", "/v0/aois/a/assets", "/v0/blocks", "/v0/projects"]


@pytest.mark.parametrize("broken", ["/v0/aois", "/ping"])
@pytest.mark.parametrize("together", [1, 10])
async def test_o8_an_endpoint_that_always_fails_harms_no_other(broken: str, together: int) -> None:
    """Of 2,000 calls none of the others is refused; those to it are, while it fails, and then not any more."""
    service = Partly(broken)
    line = line_of(service)
    refused: list[str] = []
    chance = random.Random(1)

    async def one(path: str) -> None:
        try:
            await line.send(operation=at(path))
        except ServiceUnavailable:
            refused.append(path)
        except ServerError:
            assert broken == path

    for _ in range(2_000 // together):
        line.clock.advance(0.2 * together)
        await asyncio.gather(*(one(chance.choice([*PATHS, "/ping"])) for _ in range(together)))
    assert {broken} == set(refused)
    assert service.paths.count(broken) <= 150
    service.broken.clear()
    line.clock.advance(100)
    await line.send(operation=at(broken))
    await line.send(operation=at(broken))


async def test_o8_two_resources_that_fail_and_nothing_that_succeeds_are_a_service_that_is_down() -> None:
    line = line_of(service := Partly(*PATHS))
    for _ in range(6):
        await line.failure(operation=at("/v0/orders"))
        await line.failure(operation=at("/v0/blocks"))
        line.clock.advance(1)
    error = await line.failure(operation=at("/v0/projects"))
    assert isinstance(error, ServiceUnavailable)
    assert "the service is down" in str(error)
    assert "/v0/projects" not in service.paths


async def test_o8_what_is_below_one_resource_is_not_the_service() -> None:
    line = line_of(Partly("/v0/aois", "/v0/aoi/a/insights"))
    for _ in range(12):
        await line.failure(operation=at("/v0/aois"))
        await line.failure(operation=at("/v0/aoi/a/insights"))
        line.clock.advance(1)
    assert MADE == await line.send(operation=at("/v0/projects"))


async def test_o8_one_resource_and_the_ping_that_fail_are_a_service_that_is_down() -> None:
    line = line_of(service := Partly("/v0/orders", "/ping"))
    for _ in range(30):
        await line.failure(operation=at("/v0/orders"))
        line.clock.advance(1)
    error = await line.failure(operation=at("/v0/projects"))
    assert isinstance(error, ServiceUnavailable)
    assert "/v0/projects" not in service.paths
    assert service.paths.count("/v0/orders") == 10


async def test_o8_a_good_ping_alone_does_not_close_the_breaker() -> None:
    """One call follows it, and decides."""
    line = line_of(service := Partly(*PATHS))
    for _ in range(300):
        for path in ("/v0/orders", "/v0/blocks"):
            await line.failure(operation=at(path))
        line.clock.advance(1)
    pings = service.paths.count("/ping")
    assert 10 <= pings <= 30
    assert len(service.paths) - pings <= 10 + pings
    service.broken.clear()
    line.clock.advance(100)
    for path in ("/v0/orders", "/v0/blocks", "/v0/projects"):
        assert MADE == await line.send(operation=at(path))


async def test_o8_a_trial_that_is_cancelled_or_says_nothing_leaves_it_to_the_next() -> None:
    line = line_of(service := Partly("/v0/orders"))
    for _ in range(12):
        await line.failure(operation=at("/v0/orders"))
        line.clock.advance(0.4)
    line.clock.advance(10)
    trial = asyncio.create_task(line.send(operation=at("/v0/orders")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    service.broken.clear()
    assert MADE == await line.send(operation=at("/v0/orders"))


async def test_calls_in_line_are_not_sent_when_the_service_goes_down_meanwhile() -> None:
    async with Stub([HANG]) as stub, line_to(stub.url) as line:
        ahead = [asyncio.create_task(line.send(operation=call("create"))) for _ in range(4)]
        await until(lambda: len(stub.received) == 4)
        in_line = asyncio.create_task(line.failure(operation=call("create")))
        await asyncio.sleep(0)
        stub.answers = [answer(500)]
        await line.break_down()
        sent = len(stub.received)
        for task in ahead:
            task.cancel()
        assert isinstance(await in_line, ServiceUnavailable)
        assert sent == len(stub.received)


async def test_a_probe_is_no_way_around_a_pause() -> None:
    clock = VirtualClock()
    release = asyncio.Event()
    exchange = Failing(Trouble.LOST, "body")
    fail = exchange.exchange

    async def ask_for_a_pause(request: Request, *, timeout: float, fresh: bool) -> Response:
        await release.wait()
        return Response(503, {"retry-after": "100"}, b"")

    exchange.exchange = ask_for_a_pause  # type: ignore[method-assign]
    line = Line(HttpTransport(exchange, Auth(None, None, "http://x"), "http://x", clock), clock)
    slow = asyncio.create_task(line.failure())
    await asyncio.sleep(0)
    exchange.exchange = fail  # type: ignore[method-assign]
    await line.break_down()
    release.set()
    assert isinstance(await slow, ServerError)
    clock.advance(50)
    error = await line.failure()
    assert isinstance(error, ServiceUnavailable)
    assert (50.0, 10) == (error.retry_after, exchange.count)


async def test_failures_at_once_and_failures_with_successes_between_do_not_open_the_breaker() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        for _ in range(20):
            assert isinstance(await line.failure(), ServerError)
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        for _ in range(3):
            stub.answers = [answer(500)]
            for _ in range(9):
                await line.failure()
                line.clock.advance(1)
            stub.answers = [OK]
            await line.send()


async def test_who_calls_when_a_probe_is_due_sends_it_first() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        await line.break_down()
        stub.received.clear()
        line.clock.advance(6)
        assert isinstance(await line.failure(), ServiceUnavailable)
        assert isinstance(await line.failure(), ServiceUnavailable)
        assert ["/ping"] == paths(stub)
        assert "authorization" not in stub.received[0].headers
        stub.answers = [PONG, OK]
        stub.received.clear()
        line.clock.advance(6)
        assert MADE == await line.send()
        assert MADE == await line.send()
        assert ["/ping", "/v0/it", "/v0/it"] == paths(stub)


async def test_one_probe_is_sent_at_a_time() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        await line.break_down()
        stub.received.clear()
        stub.answers = [PONG, OK]
        line.clock.advance(6)
        results = await asyncio.gather(*(line.send() for _ in range(5)), return_exceptions=True)
        assert 1 == paths(stub).count("/ping")
        assert [MADE, *["ServiceUnavailable"] * 4] == [
            type(each).__name__ if isinstance(each, ServiceUnavailable) else each for each in results
        ]


async def test_a_probe_that_is_cancelled_leaves_it_to_the_next_call() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        await line.break_down()
        stub.answers = [[HANG]]
        line.clock.advance(6)
        task = asyncio.create_task(line.send())
        await until(lambda: "/ping" in paths(stub))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        stub.answers = [PONG, OK]
        stub.received.clear()
        assert MADE == await line.send()


async def test_a_call_between_two_attempts_ends_with_what_it_knew() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        slow = CallOptions(retry=RetryPolicy(base=20, jitter=lambda ceiling: ceiling))
        read = asyncio.create_task(line.failure(slow))
        repeatable = asyncio.create_task(line.failure(slow, call("repeatable")))
        line.clock.sleep = _never(line.clock)  # type: ignore[method-assign]
        await until(lambda: len(line.clock.slept) == 2)
        await line.break_down()
        sent = len(stub.received)
        _release(line.clock)
        known, unknown = await asyncio.gather(read, repeatable)
        assert (ServerError, OutcomeUnknown) == (type(known), type(unknown))
        assert sent == len(stub.received)
        for error in (known, unknown):
            assert 1 == len(error.attempts)
            assert error.__notes__[0].startswith("Not sent again: GET /v0/it is down (10 attempts")


def _never(clock: VirtualClock) -> Callable[[float], Awaitable[None]]:
    clock.released = asyncio.Event()  # type: ignore[attr-defined]

    async def sleep(seconds: float) -> None:
        clock.slept.append(seconds)
        await clock.released.wait()  # type: ignore[attr-defined]

    return sleep


def _release(clock: VirtualClock) -> None:
    clock.released.set()  # type: ignore[attr-defined]


@given(outage=st.floats(5, 4 * 3600), seed=st.integers(0, 99))
def test_the_end_of_an_outage_is_noticed_within_about_an_eighth_of_it(outage: float, seed: int) -> None:
    clock = VirtualClock(rng=random.Random(seed))
    breaker = CircuitBreaker(clock, "it")
    for _ in range(10):
        breaker.fail("HTTP 503")
        clock.advance(1 / 3)
    assert breaker.is_open
    while clock.monotonic() < outage:
        clock.advance(breaker.probe_at - clock.monotonic())
        breaker.put_off()
    # The probe that was just put off would have succeeded.
    assert clock.monotonic() - outage <= 1.1 * min(60, max(5, outage / 8))


async def test_available_waits_for_the_service_and_many_waiters_probe_together() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        await line.break_down()
        stub.received.clear()
        stub.answers = [answer(500), answer(500), PONG]
        await asyncio.gather(*(line.transport.available() for _ in range(20)))
        assert ["/ping"] * 3 == paths(stub)
        stub.answers = [OK]
        assert MADE == await line.send()
        await line.transport.available()
        assert 4 == len(stub.received)


async def test_available_ends_when_the_client_is_closed() -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        await line.break_down()
        waiting = asyncio.create_task(line.transport.available())
        await stub.asked()
        await line.transport.aclose()
        with pytest.raises(ClientClosed):
            await waiting


async def test_the_client_waits_for_the_service() -> None:
    clock = VirtualClock()
    async with Stub(answer(500)) as stub, PixxelClient("token", base_url=stub.url, clock=clock) as client:
        impatient = client.with_options(retry=RetryPolicy.none())
        while not isinstance(await _error(impatient.orders.get("o-1")), ServiceUnavailable):
            clock.advance(1)
        stub.answers = [PONG]
        await impatient.available()
        assert "/ping" == paths(stub)[-1]
    await PixxelClient(transport=FakeTransport({})).available()


async def _error(work: Awaitable[Any]) -> CallError:
    with pytest.raises(CallError) as caught:
        await work
    return caught.value


async def test_opening_and_closing_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with Stub(answer(500)) as stub, line_to(stub.url) as line:
        await line.break_down()
        stub.answers = [PONG, OK]
        line.clock.advance(6)
        await line.send()
    opened, closed = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "GET /v0/it is down: 10 attempts in a row failed (the last: HTTP 500)" in opened
    assert "GET /v0/it is back after 11 s" == closed


# --- a token that is refused ---


@pytest.fixture
def refused() -> Stub:
    return Stub(json_answer({"error": {"code": "no", "message": "expired"}}, 401))


async def test_n4_a_token_that_is_refused_three_times_is_not_sent_any_more(refused: Stub) -> None:
    async with refused as stub, line_to(stub.url) as line:
        errors = [await line.failure() for _ in range(6)]
        assert [AuthenticationError] * 6 == [type(error) for error in errors]
        assert (3, [1, 1, 1, 0, 0, 0]) == (len(stub.received), [len(error.attempts) for error in errors])
        assert "the API has refused this token several times; give another one" in str(errors[3])


async def test_n4_eight_workers_stop_after_few_requests(refused: Stub) -> None:
    """Those under way are three at least, and each worker's next call is the last that is thought of."""
    async with refused as stub, line_to(stub.url) as line:

        async def worker() -> int:
            for number in range(100):
                if not (await line.failure()).attempts:
                    return number
            return 100

        assert max(await asyncio.gather(*(worker() for _ in range(8)))) <= 3
        assert len(stub.received) <= 3 + 8


async def test_n4_another_token_is_tried_at_once(refused: Stub) -> None:
    tokens = ["old-token"]
    asked = 0

    def provider() -> str:
        nonlocal asked
        asked += 1
        return tokens[-1]

    async with refused as stub, line_to(stub.url, provider) as line:
        for _ in range(4):
            await line.failure()
        assert (3, 5) == (len(stub.received), asked)
        tokens.append("new-token")
        stub.answers = [OK]
        assert MADE == await line.send()
        assert MADE == await line.send()
        assert "Bearer new-token" == stub.received[-1].headers["authorization"]


async def test_n4_after_a_minute_one_call_tries_the_token_again(refused: Stub) -> None:
    async with refused as stub, line_to(stub.url) as line:
        for _ in range(4):
            await line.failure()
        line.clock.advance(60)
        errors = [await line.failure() for _ in range(3)]
        assert (4, [1, 0, 0]) == (len(stub.received), [len(error.attempts) for error in errors])
        stub.answers = [OK]
        line.clock.advance(60)
        assert [MADE, MADE] == [await line.send(), await line.send()]


async def test_n4_one_call_at_a_time_tries_the_token_again(refused: Stub) -> None:
    async with refused as stub, line_to(stub.url) as line:
        for _ in range(3):
            await line.failure()
        line.clock.advance(60)
        stub.answers = [[HANG]]
        trial = asyncio.create_task(line.send())
        await until(lambda: len(stub.received) == 4)
        second = asyncio.create_task(line.failure())
        await asyncio.wait([second], timeout=5)
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        assert 4 == len(stub.received)
        assert () == second.result().attempts


async def test_n4_calls_in_line_are_not_sent_with_a_token_that_is_refused_meanwhile(refused: Stub) -> None:
    async with refused as stub, line_to(stub.url) as line:
        refusal = stub.answers[0]
        stub.answers = [[HANG]]
        ahead = [asyncio.create_task(line.send(operation=call("create"))) for _ in range(4)]
        await until(lambda: len(stub.received) == 4)
        in_line = asyncio.create_task(line.failure(operation=call("create")))
        await asyncio.sleep(0)
        stub.answers = [refusal]
        for _ in range(3):
            await line.failure()
        for task in ahead:
            task.cancel()
        assert (AuthenticationError, ()) == (type(await in_line), in_line.result().attempts)
        assert 7 == len(stub.received)


async def test_n4_the_provider_is_asked_once_for_each_call(refused: Stub) -> None:
    tokens = (f"token-{number}" for number in itertools.count())
    asked: list[str] = []

    def provider() -> str:
        asked.append(next(tokens) if is_changing else "old-token")
        return asked[-1]

    is_changing = False
    async with refused as stub, line_to(stub.url, provider) as line:
        for _ in range(3):
            await line.failure()
        is_changing = True
        before = len(asked)
        await line.failure()
        assert (4, before + 1) == (len(stub.received), len(asked))


async def test_refusals_with_a_success_between_do_not_add_up(refused: Stub) -> None:
    async with refused as stub, line_to(stub.url) as line:
        refusal = stub.answers[0]
        for _ in range(4):
            stub.answers = [refusal]
            assert [1, 1] == [len((await line.failure()).attempts) for _ in range(2)]
            stub.answers = [OK]
            await line.send()


# --- downloads ---


async def test_o1_a_storage_host_that_asks_for_a_pause_gets_it_from_all_downloads(tmp_path: Path) -> None:
    clock = DrivenClock()
    downloader = Downloader(clock=clock, allow_private=True)
    async with Stub(answer(503, Retry_After="30"), answer(200, b"x")) as stub:
        saves = [asyncio.create_task(downloader.save(f"{stub.url}/1.tif", tmp_path))]
        await until(lambda: clock.is_slept_on)
        await downloader.save(f"{stub.url.replace('127.0.0.1', 'localhost')}/elsewhere.tif", tmp_path)
        saves += [
            asyncio.create_task(downloader.save(f"{stub.url}/{number}.tif", tmp_path)) for number in (2, 3)
        ]
        await until(lambda: (tmp_path / "3.tif.part").exists())
        await asyncio.sleep(0.02)
        await clock.drive(29.9)
        await asyncio.sleep(0.02)
        assert ["/1.tif", "/elsewhere.tif"] == paths(stub)
        await clock.drive(40)
        await asyncio.gather(*saves)
        assert 5 == len(stub.received)
    await downloader.aclose()


async def test_a_download_does_not_wait_for_a_long_pause(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub(answer(429, Retry_After="500"), answer(200, b"x")) as stub:
        for name, reason in [
            ("1.tif", "responded with 429"),
            ("2.tif", r"asked to wait 500 s \(Retry-After\)"),
        ]:
            with pytest.raises(DownloadError, match=reason):
                await downloader.save(f"{stub.url}/{name}", tmp_path)
        assert 1 == len(stub.received)


async def test_four_downloads_from_a_host_go_first(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub([HANG]) as stub:
        tasks = [
            asyncio.create_task(downloader.save(f"{stub.url}/{number}.tif", tmp_path)) for number in range(9)
        ]
        await until(lambda: len(stub.received) == 4)
        await asyncio.sleep(0.02)
        assert 4 == len(stub.received)
        stub.answers = [answer(200, b"x")]
        for path in paths(stub):  # cancelled, not lost: their slots are for the others
            tasks[int(path[1])].cancel()
        saved = await asyncio.gather(*tasks, return_exceptions=True)
        assert 5 == sum(not isinstance(each, BaseException) for each in saved)


async def test_downloads_that_fail_make_room_for_others(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub(answer(400)) as stub:
        for _ in range(5):
            with pytest.raises(DownloadError):
                await asyncio.wait_for(downloader.save(f"{stub.url}/x.tif", tmp_path), 10)
        stub.answers = [answer(200, b"x")]
        await asyncio.wait_for(downloader.save(f"{stub.url}/x.tif", tmp_path), 10)


async def test_a_lost_connection_is_no_refusal(clock: VirtualClock) -> None:
    async with Stub([CLOSE]) as stub, line_to(stub.url) as line:
        for _ in range(5):
            assert isinstance(await line.failure(), ConnectionLost)
        assert 8 == line.transport._throttle.limits["read"].limit
