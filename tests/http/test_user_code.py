"""Code of the user's that aiohttp runs around a request: it fails, takes long or is cancelled, at every place there is.

The places are listed in benchmarks/places.py. Each test makes creates at a server on loopback, which counts what it
executes, over an own session that was instrumented, and over an injected one.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
import attrs
import pytest
from aiohttp.client_reqrep import ConnectionKey
from stubs import CLOSE, HANG, RESET, Answer, Received, Stub, Wait, answer, json_answer
from yarl import URL

from benchmarks import places
from benchmarks.places import PLACES, Place, When, made_up, patched
from pixxel_async import (
    AuthenticationError,
    BadRequest,
    ClientClosed,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    DownloadError,
    HookError,
    OutcomeUnknown,
    PixxelClient,
    PixxelError,
)
from pixxel_async._download.downloader import Downloader
from pixxel_async.models import Order, OrderItemCreate
from pixxel_async.testing import VirtualClock

TOKEN = "canary-7f3a9b"
FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.55, 12.9], [77.55, 12.95], [77.5, 12.9]]]}

# --- what code of the user's does -------------------------------------------------------------------------


class Own(BaseException):
    """An exception of the user's that is no Exception."""


def refused() -> aiohttp.ClientConnectorError:
    key = ConnectionKey("api.example", 443, True, True, None, None, None)
    return aiohttp.ClientConnectorError(key, OSError(111, "refused"))


OF_USERS: dict[str, Callable[[], Exception]] = {
    "KeyError": lambda: KeyError("x-quota"),
    "ValueError": lambda: ValueError("no quota"),
}
OF_NETWORK: dict[str, Callable[[], Exception]] = {
    "ClientConnectorError": refused,
    "ServerDisconnectedError": aiohttp.ServerDisconnectedError,
    "ClientOSError": lambda: aiohttp.ClientOSError(104, "reset"),
    "TimeoutError": TimeoutError,
}
STOPS: dict[str, Callable[[], BaseException]] = {"Own": Own, "CancelledError": asyncio.CancelledError}
ERRORS: dict[str, Callable[[], BaseException]] = {**OF_USERS, **OF_NETWORK, **STOPS}
SLOW, CANCELLED = "slow", "cancelled"
ACTS = [*ERRORS, SLOW, CANCELLED]


@attrs.define
class Does:
    """Code of the user's that does one of these, as soon as it is armed."""

    act: str
    is_apart: bool
    is_armed: bool = False
    times: int = 0
    calls: list[asyncio.Task[Any]] = attrs.field(factory=list)

    def runs(self) -> None:
        if not self.is_armed:
            return
        self.times += 1
        if self.act == SLOW:
            let_time_pass()
        elif self.act == CANCELLED:
            for call in self.calls:
                call.cancel()
        else:
            if self.is_apart and self.act in STOPS:
                let_time_pass()  # it reaches no call: the time limit ends that
            raise ERRORS[self.act]()

    async def waits(self) -> None:
        self.runs()
        if self.is_armed:
            for _ in range(5):
                await asyncio.sleep(0)  # a time limit that has passed ends it here
            if self.act == CANCELLED:
                await asyncio.Event().wait()


_passed = 0.0


def let_time_pass() -> None:
    """Let an hour pass at once, by the clock of the event loop."""
    global _passed
    _passed += 3600
    loop = asyncio.get_running_loop()
    loop.time = lambda: type(loop).time(loop) + _passed  # type: ignore[method-assign]


# --- creates under such code ------------------------------------------------------------------------------


@attrs.define
class Outcome:
    """What came of the creates of a test."""

    executed: int = 0
    returned: list[Any] = attrs.field(factory=list)
    errors: list[BaseException] = attrs.field(factory=list)
    unresolved: int = 0
    logged: list[dict[str, str]] = attrs.field(factory=list)

    @property
    def error(self) -> Any:
        [error] = self.errors
        return error


async def create(client: PixxelClient) -> Order:
    item = OrderItemCreate(project_id="p", usecase="agriculture", geometry=FIELD, item_ids=["i"])
    return await client.orders.create(order_items=[item])


def order(number: int) -> Answer:
    return json_answer({"id": f"o-{number}"}, 201, Set_Cookie="a=b")


@asynccontextmanager
async def client_of(stub: Stub, session: aiohttp.ClientSession | None = None) -> AsyncIterator[PixxelClient]:
    """By name, so that there is something to resolve; in virtual time, so that waits between attempts cost nothing."""
    url = f"http://localhost:{stub.port}"
    async with PixxelClient(TOKEN, base_url=url, clock=VirtualClock(), session=session) as client:
        yield client


async def creates(name: str, act: str, *, injected: bool, log: pytest.LogCaptureFixture) -> Outcome:
    """Make one create, or two where the place needs a crowd."""
    place, outcome = PLACES[name], Outcome()
    code = Does(act, place.is_apart)
    log.clear()

    def serve(_: Received) -> Answer:
        outcome.executed += 1
        return [RESET] if place.needs == "failure" else order(outcome.executed)

    async def call(client: PixxelClient) -> None:
        try:
            outcome.returned.append(await create(client))
        except BaseException as error:  # not taken from the task: it makes another CancelledError
            outcome.errors.append(error)

    with patched(place, code, into_own=not injected):
        session = aiohttp.ClientSession(**place.options(code)) if injected else None
        async with Stub(serve) as stub:
            async with client_of(stub, session) as client:
                if place.needs == "kept":
                    await call(client)
                code.is_armed = True
                code.calls = [asyncio.create_task(call(client)) for _ in range(1 + (place.needs == "crowd"))]
                await asyncio.gather(*code.calls, return_exceptions=True)
                code.is_armed = False
            if session is not None:
                await session.close()
    assert code.times, "the code did not run"
    outcome.unresolved = len(client.unresolved)
    outcome.logged = failures_in(log)
    return outcome


def failures_in(log: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    facts = [getattr(record, "pixxel", {}) for record in log.records]
    return [each for each in facts if each.get("event") == "hook.failed"]


def at(*when: When, where: Callable[[Place], bool] = lambda _: True) -> Any:
    """The places, over a session of the user's and over our own."""
    return pytest.mark.parametrize(
        ("name", "injected"),
        [
            pytest.param(name, injected, id=f"{name}, {'injected' if injected else 'own'}")
            for name, place in PLACES.items()
            if place.when in when and where(place)
            for injected in (True, False)
            if injected or not place.only_injected
        ],
    )


# --- every place, everything ------------------------------------------------------------------------------


@at(*When)
async def test_w1_a_create_is_sent_once_and_none_is_lost(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """And every end is an error of the SDK, or what the user stops a program with."""
    for act in ACTS:
        outcome = await creates(name, act, injected=injected, log=caplog)
        calls = 2 if PLACES[name].needs in ("crowd", "kept") else 1
        assert outcome.executed <= calls, (act, "sent twice")
        assert outcome.executed <= len(outcome.returned) + outcome.unresolved, (act, "executed, and lost")
        for error in outcome.errors:
            assert isinstance(error, PixxelError | Own | asyncio.CancelledError), act
            assert not isinstance(error.__cause__, aiohttp.ClientError), act
            assert error.__context__ in (None, error.__cause__), act


@at(When.AFTER)
async def test_w2_what_fails_after_the_answer_does_not_lose_it(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has it once, with a traceback that begins in the user's code."""
    place = PLACES[name]
    for act in [*OF_USERS, *OF_NETWORK, SLOW]:
        outcome = await creates(name, act, injected=injected, log=caplog)
        assert ([Order(id="o-1")], [], 0) == (outcome.returned, outcome.errors, outcome.unresolved), act
        if not place.catches and not (act == SLOW and place.is_sync):
            [facts] = outcome.logged
            raised = "CancelledError" if act == SLOW else act
            assert facts["error"].startswith(f"{raised} (places.py, line "), act
            assert facts["traceback"].startswith(f'\n  File "{places.__file__}", line '), act
            assert raised in facts["traceback"].splitlines()[-1]


@at(When.BEFORE, When.UNSENT, When.SENT)
async def test_w3_what_fails_before_an_answer_ends_the_call_and_is_its_cause(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A create that is proved unsent ends in HookError, any other one in OutcomeUnknown."""
    is_unsent = PLACES[name].when is When.UNSENT
    for act in OF_USERS:
        outcome = await creates(name, act, injected=injected, log=caplog)
        error = outcome.error
        assert (HookError if is_unsent else OutcomeUnknown) is type(error)
        assert (0 if is_unsent else 1, 1) == (outcome.unresolved, len(error.attempts))
        assert isinstance(error if is_unsent else error.cause, HookError)
        cause = error.__cause__
        chained = cause.__traceback__, cause.__context__, cause.__cause__
        assert (act, (None, None, None)) == (type(cause).__name__, chained)
        assert f"raised {act} (places.py, line " in error.message
        [facts] = outcome.logged
        assert facts["traceback"].startswith(f'\n  File "{places.__file__}", line ')


@at(When.BEFORE, When.UNSENT, When.SENT, where=lambda place: place.is_trace)
async def test_w3_a_trace_hook_that_raises_an_error_of_the_network_has_failed_as_well(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The cause is never an exception of aiohttp, which holds the token."""
    for act in OF_NETWORK:
        outcome = await creates(name, act, injected=injected, log=caplog)
        error = outcome.error
        assert HookError is type(error if PLACES[name].when is When.UNSENT else error.cause), act
        assert ("TimeoutError" if act == "TimeoutError" else "NoneType") == type(error.__cause__).__name__
        assert 1 == len(error.attempts) == len(outcome.logged), act


@at(When.UNSENT, where=lambda place: not place.is_trace)
async def test_w3_a_connector_that_raises_an_error_of_the_network_speaks_of_it(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """So do resolvers and the like: the create is sent as soon as they succeed."""
    for act in OF_NETWORK:
        outcome = await creates(name, act, injected=injected, log=caplog)
        assert ConnectError is type(outcome.error), act
        assert len(outcome.error.attempts) > 1, act
        assert (0, []) == (outcome.unresolved, outcome.logged), act


@at(*When, where=lambda place: not place.is_apart)
async def test_w4_a_create_that_is_stopped_is_unresolved_unless_it_is_proved_unsent(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """And what stops it comes through, with a note."""
    place = PLACES[name]
    is_unsent = place.when is When.UNSENT
    for act in [*STOPS] if place.is_sync else [*STOPS, CANCELLED]:
        outcome = await creates(name, act, injected=injected, log=caplog)
        assert {Own if act == "Own" else asyncio.CancelledError} == {
            type(error) for error in outcome.errors
        }, act
        notes = [note for error in outcome.errors for note in getattr(error, "__notes__", ())]
        expected = [] if is_unsent else ["POST /v0/orders was sent: it may have been executed."]
        assert (expected, len(expected)) == (notes, outcome.unresolved), act


@at(When.BEFORE, When.SENT, where=lambda place: not place.is_sync)
async def test_w5_code_that_outlasts_the_time_limit_leaves_a_create_unresolved(
    name: str, injected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = await creates(name, SLOW, injected=injected, log=caplog)
    assert (OutcomeUnknown, 1, 1) == (type(outcome.error), len(outcome.error.attempts), outcome.unresolved)


@pytest.mark.parametrize(
    "name",
    [name for name, place in PLACES.items() if not (place.catches or place.is_apart or place.needs)],
)
async def test_w2_w3_a_read_is_answered_or_ends_in_hook_error(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is sent once at most, wherever the code fails."""
    place, code = PLACES[name], Does("KeyError", False)
    found = json_answer({"id": "o-1"}, Set_Cookie="a=b")
    with patched(place, code, into_own=False):
        session = aiohttp.ClientSession(**place.options(code))
        async with session, Stub(found) as stub, client_of(stub, session) as client:
            code.is_armed = True
            if place.when is When.AFTER:
                assert Order(id="o-1") == await client.orders.get("o-1")
            else:
                with pytest.raises(HookError) as caught:
                    await client.orders.get("o-1")
                assert ("KeyError", 1) == (type(caught.value.__cause__).__name__, len(caught.value.attempts))
            assert len(stub.received) <= 1
    assert 1 == len(failures_in(caplog))


# --- what stops a create, and how -------------------------------------------------------------------------


async def test_w4_a_hook_that_fails_over_a_cancellation_does_not_hide_it() -> None:
    """So that a time limit around a call stays the user's own."""
    place, code = PLACES["trace: on_request_exception"], Does("KeyError", False, is_armed=True)
    async with (
        aiohttp.ClientSession(**place.options(code)) as session,
        Stub([HANG]) as stub,
        client_of(stub, session) as client,
    ):
        call = asyncio.create_task(create(client))
        await stub.asked()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (1, 1) == (code.times, len(client.unresolved))


@pytest.mark.parametrize("place", ["on_response", "log filter"])
async def test_w4_what_ends_the_program_after_an_answer_leaves_the_create_unresolved(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the SDK itself runs the code: all that is an Exception stays in the log there."""

    def leave(*_: Any) -> bool:
        raise Own

    hooks = {place: leave} if place == "on_response" else {}
    async with Stub(order(1)) as stub, PixxelClient(TOKEN, base_url=stub.url, **hooks) as client:
        if place == "log filter":
            monkeypatch.setattr(logging.getLogger("pixxel_async.calls"), "filter", leave)
        with pytest.raises(Own):
            await create(client)
        assert (1, 1) == (len(stub.received), len(client.unresolved))


@dataclass(frozen=True)
class FrozenStop(BaseException):
    """None of its attributes can be set."""


@dataclass(frozen=True)
class FrozenError(Exception):
    """The same for an Exception."""


@contextmanager
def raising(place: str, error: Callable[[], BaseException]) -> Iterator[dict[str, Any]]:
    """Options of a session in which the code at a place raises this."""
    with (
        mock.patch.dict(ERRORS, {"this": error}),
        patched(PLACES[place], Does("this", False), into_own=False),
    ):
        yield PLACES[place].options(Does("this", False, is_armed=True))


async def test_w4_a_stop_that_takes_no_notes_leaves_the_create_unresolved() -> None:
    with raising("trace: on_request_end", FrozenStop) as options:
        async with (
            aiohttp.ClientSession(**options) as session,
            Stub(order(1)) as stub,
            client_of(stub, session) as client,
        ):
            with pytest.raises(FrozenStop):
                await create(client)
            assert 1 == len(client.unresolved)


async def test_w4_a_response_that_cannot_be_closed_does_not_hide_a_cancellation() -> None:
    head_came = asyncio.Event()

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> aiohttp.ClientResponse:
            await super().start(connection)
            head_came.set()
            return self

        def close(self) -> None:
            super().close()
            raise KeyError("pool")

    async with (
        aiohttp.ClientSession(response_class=Response) as session,
        Stub([*answer(201, b"{", length=9), HANG]) as stub,
        client_of(stub, session) as client,
    ):
        call = asyncio.create_task(create(client))
        await head_came.wait()
        call.cancel()
        with pytest.raises((asyncio.CancelledError, OutcomeUnknown)):
            await call
        assert 1 == len(client.unresolved)


# --- middlewares that send again, or answer themselves ----------------------------------------------------


@pytest.mark.parametrize("first", [[CLOSE], answer(503), answer(401)], ids=["lost", "503", "401"])
@pytest.mark.parametrize("name", ["retries", "hedges"])
async def test_w6_a_middleware_that_sends_again_places_one_order(name: str, first: Answer) -> None:
    """The error is what the one sending came to."""
    middleware = getattr(places, name)(Does("", False))
    async with (
        aiohttp.ClientSession(middlewares=[middleware]) as session,
        Stub(first, order(2)) as stub,
        client_of(stub, session) as client,
    ):
        with pytest.raises(OutcomeUnknown if first != answer(401) else AuthenticationError) as caught:
            await create(client)
        assert 1 == stub.count("POST")
    if first == [CLOSE]:
        assert isinstance(caught.value.cause, ConnectionLost)


class OneFailsFirst(aiohttp.TCPConnector):
    """Of two connections that are made at once, the first one fails before the second one is there."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.second_begins, self.first_ended = asyncio.Event(), asyncio.Event()

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        self.begun += 1
        if self.begun == 1:
            await self.second_begins.wait()
            asyncio.get_running_loop().call_later(0.01, self.first_ended.set)
            raise refused()
        self.second_begins.set()
        await self.first_ended.wait()
        return await super().connect(*arguments, **options)


async def test_w6_of_two_sendings_at_once_each_is_seen() -> None:
    """The one that failed before it was sent proves nothing about the other one."""
    async with (
        aiohttp.ClientSession(
            middlewares=[places.hedges(Does("", False))], connector=OneFailsFirst()
        ) as session,
        Stub([CLOSE], order(2)) as stub,
        client_of(stub, session) as client,
    ):
        with pytest.raises(OutcomeUnknown):
            await create(client)
        assert (1, 1) == (stub.count("POST"), len(client.unresolved))


async def test_w6_two_answers_at_once_do_not_mix() -> None:
    body = json_answer({"id": "o-1"})[0]
    in_pieces: Answer = [body[:-8], Wait(0.02), body[-8:-4], Wait(0.02), body[-4:]]
    async with (
        aiohttp.ClientSession(middlewares=[places.hedges(Does("", False))]) as session,
        Stub(in_pieces) as stub,
        client_of(stub, session) as client,
    ):
        assert Order(id="o-1") == await client.orders.get("o-1")
        assert 2 == len(stub.received)


def answers_instead(status: int, *, sends: bool) -> Any:
    """A middleware with an answer of its own: for what failed, or without sending."""

    async def middleware(request: Any, handler: Any) -> Any:
        if sends:
            with suppress(aiohttp.ClientError):
                await handler(request)
        return made_up(request, status, b'{"id": "o-7"}')

    return middleware


@pytest.mark.parametrize("status", [201, 400, 429])
async def test_w7_an_answer_that_is_made_up_says_nothing_of_a_create_that_was_sent(status: int) -> None:
    """Neither that it was refused, so that it could be sent again, nor that it was executed."""
    async with (
        aiohttp.ClientSession(middlewares=[answers_instead(status, sends=True)]) as session,
        Stub([CLOSE], order(2)) as stub,
        client_of(stub, session) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            await create(client)
        assert isinstance(caught.value.cause, ConnectionLost)
        assert (1, 1) == (stub.count("POST"), len(client.unresolved))


async def test_w7_an_answer_of_a_middleware_is_taken_where_nothing_was_sent() -> None:
    async with (
        aiohttp.ClientSession(middlewares=[answers_instead(200, sends=False)]) as session,
        Stub(order(1)) as stub,
        client_of(stub, session) as client,
    ):
        assert [Order(id="o-7")] * 2 == [await create(client), await client.orders.get("o-7")]
        assert [] == stub.received


async def test_w7_a_response_can_be_returned_a_second_time() -> None:
    """As a cache does; its body has been read by then, and decoded."""
    kept: list[aiohttp.ClientResponse] = []

    async def cache(request: Any, handler: Any) -> Any:
        if not kept:
            kept.append(await handler(request))
        return kept[0]

    body = gzip.compress(b'{"id": "o-1"}')
    async with (
        aiohttp.ClientSession(middlewares=[cache]) as session,
        Stub(answer(200, body, Content_Type="application/json", Content_Encoding="gzip")) as stub,
        client_of(stub, session) as client,
    ):
        assert [Order(id="o-1")] * 2 == [await client.orders.get("o-1") for _ in range(2)]
        assert 1 == len(stub.received)


async def test_w2_a_middleware_that_forgets_to_return_the_answer_does_not_lose_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def forgetful(request: Any, handler: Any) -> None:
        await handler(request)

    async with (
        aiohttp.ClientSession(middlewares=[forgetful]) as session,  # type: ignore[list-item]
        Stub(order(1)) as stub,
        client_of(stub, session) as client,
    ):
        assert Order(id="o-1") == await create(client)
    assert ["AttributeError"] == [facts["error"] for facts in failures_in(caplog)]


# --- what code of the user's leaves behind ----------------------------------------------------------------


@pytest.mark.parametrize("is_innermost", [False, True])
async def test_w8_what_was_left_behind_does_not_send_later(is_innermost: bool) -> None:
    """It was proved unsent, and is sent again: the task that was forgotten must not send it, too."""
    left: list[asyncio.Task[Any]] = []

    async def forgets(request: Any, handler: Any) -> Any:
        try:
            if is_innermost and not left:
                raise refused()
            return await handler(request)
        except aiohttp.ClientError:
            left.append(asyncio.create_task(handler(request)))
            raise

    def instrumented(self: Any, *arguments: Any, middlewares: Any, **options: Any) -> Any:
        """Puts a middleware of its own below that of the SDK."""
        return send(self, *arguments, middlewares=(*middlewares, forgets), **options)

    send = aiohttp.ClientSession._request
    connector = OneFailsFirst()
    connector.second_begins.set()
    connector.begun, outer = (1, []) if is_innermost else (0, [forgets])
    connector.first_ended.set()
    async with (
        aiohttp.ClientSession(middlewares=outer, connector=connector) as session,
        Stub(order(1)) as stub,
        client_of(stub, session) as client,
    ):
        with mock.patch.object(aiohttp.ClientSession, "_request", instrumented if is_innermost else send):
            assert Order(id="o-1") == await create(client)
        await asyncio.gather(*left, return_exceptions=True)
        assert (1, 1) == (len(left), stub.count("POST"))


async def test_w8_what_was_left_behind_does_not_cancel_later() -> None:
    """It reads its answer, with a time limit for each piece, after the call has ended."""
    left: list[asyncio.Task[Any]] = []

    async def forgets(request: Any, handler: Any) -> Any:
        left.append(asyncio.create_task(handler(request)))
        await stub.asked()
        raise KeyError("quota")

    head, body = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n", b'{"id": "o-1"}'
    async with (
        Stub([Wait(0.02), head, Wait(0.02), body]) as stub,
        aiohttp.ClientSession(middlewares=[forgets]) as session,
        client_of(stub, session) as client,
    ):
        with pytest.raises(HookError):
            await client.orders.get("o-1")
        [response] = await asyncio.gather(*left)
        assert 200 == response.status
        let_time_pass()
        for _ in range(5):
            await asyncio.sleep(0)  # would be cancelled here


# --- mocks ------------------------------------------------------------------------------------------------


@contextmanager
def mocked(*outcomes: Any) -> Iterator[mock.AsyncMock]:
    """`ClientSession._request` replaced, as libraries for tests do."""
    with mock.patch.object(
        aiohttp.ClientSession, "_request", mock.AsyncMock(side_effect=outcomes)
    ) as request:
        yield request


def mock_answer(status: int, body: bytes = b'{"id": "o-1"}') -> aiohttp.ClientResponse:
    request = aiohttp.ClientRequest("POST", URL("http://api"), loop=asyncio.get_running_loop())
    return made_up(request, status, body)


@pytest.mark.parametrize("error", [*OF_NETWORK.values(), *OF_USERS.values()], ids=[*OF_NETWORK, *OF_USERS])
async def test_w9_a_create_whose_request_is_mocked_counts_as_sent(error: Callable[[], Exception]) -> None:
    client = PixxelClient(TOKEN, base_url="http://localhost:1", clock=VirtualClock())
    async with client:
        with mocked(error()) as request, pytest.raises(OutcomeUnknown):
            await create(client)
        assert (1, 1) == (request.call_count, len(client.unresolved))


async def test_w9_a_mocked_answer_is_an_answer() -> None:
    async with PixxelClient(TOKEN, base_url="http://localhost:1", clock=VirtualClock()) as client:
        with mocked(mock_answer(429), mock_answer(201)) as request:
            assert Order(id="o-1") == await create(client)
        assert 2 == request.call_count
        with mocked(mock_answer(400)), pytest.raises(BadRequest):
            await create(client)
        with mocked(None), pytest.raises(OutcomeUnknown) as caught:
            await create(client)
        assert isinstance(caught.value.cause, HookError)


# --- what is certain before anything runs -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected", "says"),
    [
        pytest.param({"auth": ("user", "")}, ConfigurationError, "auth=", id="auth"),
        pytest.param({"trust_env": True}, ConfigurationError, "trust_env=True", id="trust_env"),
        pytest.param({"closed": True}, ClientClosed, "the injected session is closed", id="closed"),
        pytest.param({"loop": True}, ConfigurationError, "another event loop", id="another loop"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
async def test_w10_a_session_that_cannot_be_used_is_refused_before_its_code_runs(
    options: dict[str, Any], expected: type[Exception], says: str
) -> None:
    code = Does("KeyError", False, is_armed=True)
    is_closed, is_foreign = options.pop("closed", False), options.pop("loop", False)
    options |= PLACES["trace: on_request_start"].options(code)
    if "auth" in options:
        options["auth"] = aiohttp.BasicAuth(*options["auth"])
    loop = asyncio.new_event_loop()

    async def other() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(**options)

    session = await asyncio.to_thread(loop.run_until_complete, other()) if is_foreign else await other()
    if is_closed:
        await session.close()
    async with Stub(order(1)) as stub, client_of(stub, session) as client:
        for call in (create(client), client.orders.get("o-1")):
            with pytest.raises(expected, match=says):
                await call
        assert ([], (), 0) == (stub.received, client.unresolved, code.times)
    if is_foreign:
        await asyncio.to_thread(loop.run_until_complete, session.close())
    elif not is_closed:
        await session.close()
    loop.close()


async def test_w10_what_is_no_session_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="session"):
        PixxelClient(TOKEN, session=object())  # type: ignore[arg-type]


async def test_w3_a_constructor_of_sessions_that_fails_is_hook_error() -> None:
    """As one does that a library has replaced, to instrument every session."""
    async with Stub(order(1)) as stub, client_of(stub) as client:
        with mock.patch.object(aiohttp.ClientSession, "__init__", side_effect=KeyError("tracer")):
            with pytest.raises(HookError, match="raised KeyError") as caught:
                await create(client)
            with pytest.raises(DownloadError, match="raised KeyError") as failed:
                await client.save(f"{stub.url}/file.zip", "anywhere")
        assert (["KeyError"] * 2, ()) == (
            [type(error.value.__cause__).__name__ for error in (caught, failed)],
            client.unresolved,
        )
        assert Order(id="o-1") == await create(client)


# --- secrets ----------------------------------------------------------------------------------------------


def repeats(params: Any) -> Exception:
    return ValueError(f"unexpected headers: {params.headers}")


def groups(params: Any) -> Exception:
    return ExceptionGroup("both", [KeyError("quota"), aiohttp.ServerDisconnectedError(params.headers)])


@pytest.mark.parametrize("error", [repeats, groups])
async def test_w11_an_exception_that_holds_the_token_is_not_the_cause(
    error: Callable[[Any], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    async def hook(_: Any, __: Any, params: Any) -> None:
        raise error(params)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(hook)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        Stub(order(1)) as stub,
        client_of(stub, session) as client,
    ):
        with pytest.raises(HookError) as caught:
            await client.orders.get("o-1")
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)
    assert "in hook" in caplog.text
    assert TOKEN not in shown


class Mute(Exception):
    """It cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("error", [FrozenError, Mute])
async def test_w3_an_exception_that_cannot_be_changed_or_shown_is_the_cause(error: type[Exception]) -> None:
    with raising("middleware: before", error) as options:
        async with (
            aiohttp.ClientSession(**options) as session,
            Stub(order(1)) as stub,
            client_of(stub, session) as client,
        ):
            with pytest.raises(HookError) as caught:
                await client.orders.get("o-1")
    assert (error, None) == (type(caught.value.__cause__), caught.value.__cause__.__traceback__)


# --- downloads --------------------------------------------------------------------------------------------

SIGNATURE = "c4n4ry0123456789abcdef"


@asynccontextmanager
async def storage(
    place: str, error: Callable[[], BaseException]
) -> AsyncIterator[tuple[Downloader, str, Stub]]:
    """A downloader over whose session such code runs, a signed URL, and the server of it."""
    code = Does("this", False, is_armed=True)
    with mock.patch.dict(ERRORS, {"this": error}), patched(PLACES[place], code, into_own=True):
        downloader = Downloader(clock=VirtualClock(), allow_private=True)
        async with Stub(answer(200, b"content", Set_Cookie="a=b")) as stub:
            try:
                yield downloader, f"http://localhost:{stub.port}/file.zip?X-Signature={SIGNATURE}", stub
            finally:
                await downloader.aclose()


OF_DOWNLOADS = [
    name
    for name, place in PLACES.items()
    if not (place.needs or place.is_apart or place.only_injected)
    and not name.startswith(
        ("connector", "session: request")
    )  # a download has a connector and a method of its own
]


@pytest.mark.parametrize("name", OF_DOWNLOADS)
async def test_w12_a_hook_that_fails_in_a_download_is_its_cause(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No part of the signed URL is in log or error."""
    async with storage(name, OF_USERS["KeyError"]) as (downloader, url, stub):
        with pytest.raises(DownloadError, match=r"raised KeyError \(places\.py, line ") as caught:
            await downloader.save(url, tmp_path)
        assert len(stub.received) <= 1
    cause = caught.value.__cause__
    assert ("KeyError", None) == (type(cause).__name__, cause.__traceback__)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True, max_group_depth=3)
    ours = [line for line in shown.format() if "tests/http/test_user_code.py" not in line]
    assert SIGNATURE not in "".join(ours) + caplog.text


@pytest.mark.parametrize("text", ["{url}", "{signature}"])
async def test_w12_an_exception_that_holds_the_signed_url_is_not_the_cause(text: str, tmp_path: Path) -> None:
    def error() -> Exception:
        return ValueError(text.format(url=url, signature=SIGNATURE))

    async with storage("trace: on_request_end", error) as (downloader, url, _):
        with pytest.raises(DownloadError) as caught:
            await downloader.save(url, tmp_path)
    assert None is caught.value.__cause__


@pytest.mark.parametrize("name", ["trace: on_request_start", "trace: on_request_end"])
async def test_w12_what_stops_a_download_comes_through_without_the_signed_url(
    name: str, tmp_path: Path
) -> None:
    async with storage(name, Own) as (downloader, url, _):
        with pytest.raises(Own) as caught:
            await downloader.save(url, tmp_path)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]
    assert "storage.py" in {Path(frame.f_code.co_filename).name for frame in frames}
    assert SIGNATURE not in repr([frame.f_locals for frame in frames])
