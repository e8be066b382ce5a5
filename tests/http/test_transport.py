"""Calls over real sockets: what is sent again and what never, what errors know, and what they must not.

Virtual time: back-off costs the tests nothing. Sendings are counted where they arrive.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
import traceback
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl

import attrs
import pytest
from certificates import server_tls
from stubs import CLOSE, HANG, RESET, Answer, Received, Step, Stub, Wait, answer, json_answer

from pixxel_async import errors
from pixxel_async._codec.json_bytes import encode
from pixxel_async._http.auth import Auth, Hidden, Secret
from pixxel_async._http.call import CallOptions
from pixxel_async._http.exchange import AiohttpExchange
from pixxel_async._http.messages import Response
from pixxel_async._http.network import Network
from pixxel_async._http.operation import Endpoint, Operation, Paging, RequestClass
from pixxel_async._http.retry import RetryPolicy
from pixxel_async._http.transport import HttpTransport, _parsed
from pixxel_async._resource.paging import Paginator
from pixxel_async.models import AOI, AOIList, InsightCreated, InsightEstimate, Order
from pixxel_async.testing import VirtualClock

CANARY = "canary-7f3a9b"
OK = json_answer({"aoi_id": "a-1"})


def operation(
    method: str = "GET", kind: RequestClass = "read", returns: Any = AOI, **parts: Any
) -> Operation[Any]:
    endpoint: Endpoint[Any] = Endpoint(
        id="TheCall", method=method, path="/v0/aoi/{aoi_id}", returns=returns, request_class=kind
    )
    return Operation(endpoint, path={"aoi_id": "a-1"}, **parts)


READ = operation()
WRITE = operation("PUT", "idempotent")
CREATE = operation("POST", "create")
REPEATABLE = operation("POST", "repeatable")
DELETE = operation("DELETE", "idempotent", None)


@attrs.define
class Line:
    """A transport to a stub, and the clock that it sleeps on."""

    transport: HttpTransport
    clock: VirtualClock
    options: CallOptions

    async def send(self, operation: Operation[Any], **changes: Any) -> Any:
        return await self.transport.send(operation, attrs.evolve(self.options, **changes))

    async def failure(self, operation: Operation[Any], **changes: Any) -> errors.CallError:
        with pytest.raises(errors.CallError) as caught:
            await self.send(operation, **changes)
        return caught.value


@asynccontextmanager
async def line_to(url: str, token: Any = Secret(CANARY)) -> AsyncIterator[Line]:  # noqa: B008
    clock = VirtualClock()
    transport = HttpTransport(AiohttpExchange(url), Auth(token, "Bearer", url), url, clock)
    try:
        yield Line(transport, clock, CallOptions(retry=RetryPolicy(jitter=lambda ceiling: ceiling)))
    finally:
        await transport.aclose()


TROUBLES: dict[str, Answer] = {
    "reset": [RESET],
    "close": [CLOSE],
    "not HTTP": [b"SSH-2.0\r\n", CLOSE],
    "cut": [*answer(200, b'{"aoi', length=50), CLOSE],
    "cut without length": [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b'{"aoi', CLOSE],
    "length too short": answer(200, b'{"aoi_id": "a-1"}', length=5),
    "not JSON": answer(200, b'{"aoi'),
    "page": answer(200, b"<html>", Content_Type="text/html"),
    "shape": json_answer({"aoi_id": {"a": 1}}),
    "408": answer(408),
    "500": answer(500),
    "503": answer(503),
    "524": answer(524),
}
REFUSALS = {"425": answer(425), "429": answer(429)}
ANSWERED = {"cut", "cut without length", "not JSON", "page", "shape"}


# --- what is sent again ---


@pytest.mark.parametrize("trouble", [*TROUBLES, *REFUSALS])
@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "idempotent"])
async def test_d1_d5_f1_f2_f3_g1_g2_a_harmless_call_survives_one_trouble_of_any_kind(
    trouble: str, call: Operation[Any]
) -> None:
    async with Stub((TROUBLES | REFUSALS)[trouble], OK) as stub, line_to(stub.url) as line:
        assert AOI(aoi_id="a-1") == await line.send(call)
        assert (2, 1) == (len(stub.received), len(line.clock.slept))


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_d1_d5_f1_f2_f3_g1_g2_a_create_that_may_have_happened_is_sent_once(trouble: str) -> None:
    async with Stub(TROUBLES[trouble], OK) as stub, line_to(stub.url) as line:
        error = await line.failure(CREATE)
        assert 1 == stub.count("POST")
    assert isinstance(error, errors.OutcomeUnknown)
    assert error.cause is not None
    assert (trouble in ANSWERED, error.attempts) == (error.accepted, error.cause.attempts)


@pytest.mark.parametrize("trouble", REFUSALS)
async def test_d5_o7_a_create_that_was_refused_is_sent_again(trouble: str) -> None:
    async with Stub(REFUSALS[trouble], OK) as stub, line_to(stub.url) as line:
        assert AOI(aoi_id="a-1") == await line.send(CREATE)
        assert 2 == stub.count("POST")


@pytest.mark.parametrize(
    "call", [READ, WRITE, CREATE, REPEATABLE], ids=["read", "idempotent", "create", "repeatable"]
)
async def test_a2_a_call_that_did_not_reach_the_server_is_sent_when_it_is_back(call: Operation[Any]) -> None:
    stub = Stub(OK)
    async with stub:
        url, port = stub.url, stub.port
    async with line_to(url) as line:
        sleep, line.clock.sleep = line.clock.sleep, None  # type: ignore[method-assign,assignment]
        server: list[Stub] = []

        async def sleep_and_start(seconds: float) -> None:
            if len(line.clock.slept) == 1:
                stub.fixed_port = port
                server.append(await stub.__aenter__())
            await sleep(seconds)

        line.clock.sleep = sleep_and_start  # type: ignore[method-assign]
        assert AOI(aoi_id="a-1") == await line.send(call)
        assert ([0.5, 1.0], 1) == (line.clock.slept, len(stub.received))
        await stub.__aexit__()


async def test_a1_a_server_that_stays_away_is_a_connect_error() -> None:
    async with Stub(OK) as stub:
        url = stub.url
    async with line_to(url) as line:
        error = await line.failure(CREATE)
    assert errors.ConnectError is type(error)
    assert [("connect", "no connection", 0.5), ("connect", "no connection", 1.0)] == [
        (attempt.phase, attempt.outcome, attempt.wait) for attempt in error.attempts[:2]
    ]
    assert (5, 0.0) == (len(error.attempts), error.attempts[-1].wait)
    assert url.removeprefix("http://") in str(error)


@pytest.mark.parametrize(
    ("trouble", "kind", "sendings"),
    [
        ("reset", errors.ConnectionLost, 5),
        ("close", errors.ConnectionLost, 5),
        ("503", errors.ServerError, 5),
        ("408", errors.UnexpectedStatus, 5),
        ("not HTTP", errors.ProtocolError, 2),
        ("cut", errors.ConnectionLost, 2),
        ("cut without length", errors.UnexpectedBody, 2),
        ("length too short", errors.ProtocolError, 2),
        ("page", errors.UnexpectedBody, 2),
        ("not JSON", errors.UnexpectedBody, 2),
        ("shape", errors.SchemaError, 2),
    ],
)
async def test_e1_f1_f2_f3_g1_a_lasting_trouble_ends_in_its_own_error(
    trouble: str, kind: type[errors.CallError], sendings: int
) -> None:
    async with Stub(TROUBLES[trouble]) as stub, line_to(stub.url) as line:
        error = await line.failure(READ)
        assert (kind, sendings, sendings) == (type(error), len(stub.received), len(error.attempts))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 414, 415, 422, 501, 505, 511])
@pytest.mark.parametrize("call", [READ, WRITE, CREATE], ids=["read", "idempotent", "create"])
async def test_d6_a_definite_answer_ends_the_call(status: int, call: Operation[Any]) -> None:
    async with (
        Stub(json_answer({"error": {"code": "no", "message": "never"}}, status)) as stub,
        line_to(stub.url) as line,
    ):
        error = await line.failure(call)
        assert isinstance(error, errors.APIError)
        assert (1, status, "no", "never") == (len(stub.received), error.status, error.code, error.message)


# --- what happens before an answer ---


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_a5_a_connection_that_ends_at_once_costs_no_second_effect(end: Step) -> None:
    """Nobody knows which came first, its end or our request: a read is resent, a create only if it was not sent."""
    async with Stub(OK, on_connect=[end]) as stub, line_to(stub.url) as line:
        sleep = line.clock.sleep

        async def sleep_and_mend(seconds: float) -> None:
            stub.on_connect = None
            await sleep(seconds)

        line.clock.sleep = sleep_and_mend  # type: ignore[method-assign]
        assert AOI(aoi_id="a-1") == await line.send(READ)
        assert (1, 2) == (len(stub.received), stub.connections)
    async with Stub(OK, on_connect=[end]) as stub, line_to(stub.url) as line:
        error = await line.failure(CREATE)
        assert 0 == len(stub.received)
    assert isinstance(error, errors.OutcomeUnknown if len(error.attempts) == 1 else errors.ConnectError)


async def test_a7_a_stale_connection_costs_a_read_one_resending() -> None:
    async with Stub([*OK, Wait(0.05), CLOSE], OK) as stub, line_to(stub.url) as line:
        await line.send(READ)
        assert AOI(aoi_id="a-1") == await line.send(READ)
        assert (2, 1) == (len(stub.received), len(line.clock.slept))


async def test_a7_what_is_repeatable_uses_a_kept_connection_once_and_a_create_none() -> None:
    """A stale one costs it a sending, of which it has two: the second must not go the same way."""
    async with Stub(OK, OK, OK, [*OK, Wait(0.05), CLOSE], OK) as stub, line_to(stub.url) as line:
        for call in (READ, CREATE, REPEATABLE, READ, REPEATABLE, READ):
            assert AOI(aoi_id="a-1") == await line.send(call)
        assert ([1, 2, 1, 1, 3, 4], 1) == (
            [request.connection for request in stub.received],
            len(line.clock.slept),
        )


@pytest.mark.parametrize(("call", "sendings"), [(READ, 2), (CREATE, 1)], ids=["read", "create"])
async def test_c1_a_reset_before_the_body_is_judged_by_class(call: Operation[Any], sendings: int) -> None:
    large = attrs.evolve(
        call,
        endpoint=attrs.evolve(call.endpoint, method="POST"),
        body=AOI(aoi_id="a-1", name="x" * 2**23),
    )
    async with Stub([RESET], OK, reads_bodies=False) as stub, line_to(stub.url) as line:
        if sendings == 1:
            assert isinstance(await line.failure(large), errors.OutcomeUnknown)
        else:
            assert AOI(aoi_id="a-1") == await line.send(large)
        assert sendings == len(stub.received)


@pytest.mark.parametrize("status", [401, 413])
async def test_c4_a_create_that_was_refused_unread_was_not_executed(status: int) -> None:
    large = attrs.evolve(CREATE, body=AOI(aoi_id="a-1", name="x" * 2**23))
    async with (
        Stub([*answer(status), HANG], reads_bodies=False) as stub,
        line_to(stub.url) as line,
    ):
        error = await line.failure(large)
        assert isinstance(error, errors.APIError)
        assert (status, 1) == (error.status, len(stub.received))


@pytest.mark.parametrize(
    ("stub", "proxied", "kind", "attempts"),
    [
        (Stub(OK, tls=server_tls()), False, errors.TlsError, 1),
        (Stub(on_connect=[b"HTTP/1.1 400 No\r\n\r\n", HANG]), False, errors.TlsError, 1),
        (Stub(on_connect=[RESET]), False, errors.ConnectError, 5),
        (Stub(answer(407)), True, errors.ProxyError, 1),
        (Stub(answer(502)), True, errors.ProxyError, 5),
        (Stub(on_connect=[RESET]), True, errors.ConnectError, 5),
    ],
    ids=["b1 certificate", "b7 no tls", "b5 reset", "a9 password", "a9 refused", "a9 reset"],
)
async def test_what_was_not_sent_is_tried_again_where_that_may_help(
    stub: Stub, proxied: bool, kind: type[errors.CallError], attempts: int
) -> None:
    """Also a create: nothing of it was sent."""
    async with stub:
        url = "https://api.example" if proxied else stub.url.replace("http:", "https:")
        network = Network(proxy=Hidden(f"http://user:{CANARY}@127.0.0.1:{stub.port}") if proxied else None)
        clock = VirtualClock()
        transport = HttpTransport(
            AiohttpExchange(url, network=network), Auth(Secret("t"), "Bearer", url), url, clock
        )
        with pytest.raises(errors.CallError) as caught:
            await transport.send(CREATE, CallOptions())
        await transport.aclose()
    assert (kind, attempts) == (type(caught.value), len(caught.value.attempts))
    assert {"connect"} == {attempt.phase for attempt in caught.value.attempts}
    assert CANARY not in str(caught.value)


# --- what is sent a second time ---


async def test_a_repeatable_call_is_sent_a_second_time_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with Stub([CLOSE], OK) as stub, line_to(stub.url) as line:
        assert AOI(aoi_id="a-1") == await line.send(REPEATABLE)
        assert 2 == stub.count("POST")
    assert [
        "POST /v0/aoi/a-1: sending it again, a duplicate costs nothing: the connection broke before an answer came"
    ] == caplog.messages
    async with Stub([CLOSE]) as stub, line_to(stub.url) as line:
        assert isinstance(await line.failure(REPEATABLE), errors.OutcomeUnknown)
        assert 2 == stub.count("POST")


@pytest.mark.parametrize("status", [200, 201])
async def test_d15_an_answer_is_read_as_what_was_asked(status: int) -> None:
    """An estimate may say 201 and a creation 200: neither becomes the other."""
    estimate: Endpoint[Any] = attrs.evolve(REPEATABLE.endpoint, request_class="read", returns=InsightEstimate)
    create = attrs.evolve(estimate, request_class="create", returns=InsightCreated)
    both = json_answer({"id": "i-1", "estimate": 3}, status)
    async with Stub(both) as stub, line_to(stub.url) as line:
        assert 3 == (await line.send(attrs.evolve(READ, endpoint=estimate))).estimate
        assert "i-1" == (await line.send(attrs.evolve(READ, endpoint=create))).id


async def test_a_free_call_to_a_billable_endpoint_is_a_read() -> None:
    endpoint: Endpoint[Any] = Endpoint(
        id="SubmitOrder",
        method="POST",
        path="/v0/orders",
        returns=Order,
        request_class="create",
        billable=True,
        free_when=("id", "dry"),
    )
    async with Stub([CLOSE], json_answer({"id": "o"})) as stub, line_to(stub.url) as line:
        assert Order(id="o") == await line.send(Operation(endpoint, body=Order(id="dry")))
    async with Stub([CLOSE], json_answer({"id": "o"})) as stub, line_to(stub.url) as line:
        assert isinstance(
            await line.failure(Operation(endpoint, body=Order(id="real"))), errors.OutcomeUnknown
        )
        assert 1 == len(stub.received)


@pytest.mark.parametrize("lost", [[CLOSE], answer(500)], ids=["close", "500"])
async def test_d11_a_delete_whose_answer_was_lost_is_done_when_nothing_is_left(lost: Answer) -> None:
    async with Stub(lost, answer(404)) as stub, line_to(stub.url) as line:
        assert await line.send(DELETE) is None
    async with Stub(answer(404)) as stub, line_to(stub.url) as line:
        assert isinstance(await line.failure(DELETE), errors.NotFound)
    async with Stub(answer(429), answer(404)) as stub, line_to(stub.url) as line:
        assert isinstance(await line.failure(DELETE), errors.NotFound)


# --- pages ---


async def test_h9_a_page_that_fails_is_read_again() -> None:
    """Nothing is lost or given twice, whatever becomes of the pages on their way."""
    endpoint = attrs.evolve(
        READ.endpoint,
        path="/v0/aois",
        returns=AOIList,
        paging=Paging("offset-query", "aois", ("pagination", "total")),
    )
    troubles = [[CLOSE], answer(503), [RESET], answer(200, b'{"ao'), [*answer(200, b"{", length=99), CLOSE]]

    def serve(request: Received) -> Answer:
        if len(stub.received) % 2:
            return troubles[len(stub.received) // 2 % len(troubles)]
        query = dict(parse_qsl(request.target.partition("?")[2]))
        start, size = int(query["offset"]), int(query["limit"])
        rows = [{"aoi_id": f"a-{number}"} for number in range(25)[start : start + size]]
        return json_answer({"aois": rows, "pagination": {"total": 25}})

    async with Stub(serve) as stub, line_to(stub.url) as line:
        rows = await Paginator[AOI](line.send, Operation(endpoint), page_size=5)
        assert [f"a-{number}" for number in range(25)] == [row.aoi_id for row in rows]
        assert 2 * 6 == len(stub.received)


# --- when ---


async def test_retry_after_is_waited_for() -> None:
    async with Stub(answer(429, Retry_After="7"), OK) as stub, line_to(stub.url) as line:
        await line.send(CREATE)
        assert [pytest.approx(7.8)] == line.clock.slept


async def test_a_wait_that_is_too_long_is_not_begun() -> None:
    async with Stub(answer(503, Retry_After="300")) as stub, line_to(stub.url) as line:
        error = await line.failure(READ)
        assert (1, []) == (len(stub.received), line.clock.slept)
    assert isinstance(error, errors.ServerError)
    assert 300.0 == error.retry_after
    assert [
        "Not sent again: the server asks to wait 300 s, longer than retry_after_cap allows."
    ] == error.__notes__


async def test_the_deadline_bounds_all_attempts_and_waits() -> None:
    async with Stub(answer(503)) as stub, line_to(stub.url) as line:
        error = await line.failure(READ, timeout=6.0)
        assert ([1.0, 2.0], 3) == (line.clock.slept, len(stub.received))
    assert isinstance(error, errors.ServerError)
    assert [
        "Not sent again: the next attempt would begin in 4.0 s, after the call's deadline."
    ] == error.__notes__


class RealTime(VirtualClock):
    """Virtual sleeps, but time that passes."""

    def monotonic(self) -> float:
        return super().monotonic() + asyncio.get_running_loop().time()


@pytest.mark.parametrize("call", [READ, CREATE], ids=["read", "create"])
async def test_c5_a_call_ends_at_its_deadline(call: Operation[Any]) -> None:
    async with Stub([HANG]) as stub, line_to(stub.url) as line:
        line.transport._clock = line.clock = RealTime()
        error = await line.failure(call, timeout=0.2)
        if call is CREATE:
            assert isinstance(error, errors.OutcomeUnknown)
            assert error.cause is not None
            error = error.cause
        assert errors.DeadlineExceeded is type(error)
        assert [("sent", "timeout")] == [(attempt.phase, attempt.outcome) for attempt in error.attempts]
    assert "the deadline of the call (0.2 s) passed; the last failure: no answer in time" == error.message


async def test_an_attempt_ends_before_the_call() -> None:
    async with Stub([HANG], OK) as stub, line_to(stub.url) as line:
        assert AOI(aoi_id="a-1") == await line.send(READ, attempt_timeout=0.1)


async def test_calls_share_one_budget_for_resending() -> None:
    async with Stub(answer(503)) as stub, line_to(stub.url) as line:
        line.transport._budget.take(199)
        error = await line.failure(READ)
        assert 1 == len(stub.received)
    assert [
        "Not sent again: the retry budget of the client is spent: too many calls fail."
    ] == error.__notes__


async def test_a_success_returns_to_the_budget_what_it_took() -> None:
    async with Stub(answer(500), answer(500), OK) as stub, line_to(stub.url) as line:
        line.transport._budget._per_second = 0
        line.transport._budget.take(100)
        await line.send(READ)
        assert 100 == line.transport._budget.level
        await line.send(READ)
        assert 100.1 == pytest.approx(line.transport._budget.level)


# --- the token ---


@pytest.mark.parametrize("call", [READ, WRITE, CREATE], ids=["read", "idempotent", "create"])
async def test_n3_a_refused_token_is_renewed_once(call: Operation[Any]) -> None:
    tokens = iter(["old-token", "new-token", "newest-token"])
    async with Stub(answer(401), OK) as stub, line_to(stub.url, lambda: next(tokens)) as line:
        assert AOI(aoi_id="a-1") == await line.send(call)
        assert ["Bearer old-token", "Bearer new-token"] == [
            request.headers["authorization"] for request in stub.received
        ]
        assert [] == line.clock.slept
    tokens = iter(["old-token", "new-token", "newest-token"])
    async with Stub(answer(401)) as stub, line_to(stub.url, lambda: next(tokens)) as line:
        assert isinstance(await line.failure(call), errors.AuthenticationError)
        assert 2 == len(stub.received)


async def test_a_token_that_does_not_change_is_not_tried_again() -> None:
    async with Stub(answer(401)) as stub, line_to(stub.url, lambda: "same-token") as line:
        assert isinstance(await line.failure(READ), errors.AuthenticationError)
        assert 1 == len(stub.received)


async def test_forbidden_with_an_outdated_token_is_tried_with_the_current_one() -> None:
    """Another call renewed it meanwhile; the API says 403 to expired tokens as well."""
    tokens = iter(["old-token", "new-token"])
    async with Stub([HANG], answer(401), OK) as stub, line_to(stub.url, lambda: next(tokens)) as line:
        generation = line.transport._auth.generation
        assert 0 == generation
        slow = asyncio.create_task(line.send(READ, attempt_timeout=0.3))
        await stub.asked()
        stub.answers[0] = answer(403)
        assert AOI(aoi_id="a-1") == await line.send(READ)
        assert AOI(aoi_id="a-1") == await slow
    assert ["Bearer old-token", "Bearer old-token", "Bearer new-token", "Bearer new-token"] == [
        request.headers["authorization"] for request in stub.received
    ]


async def test_a_provider_that_hangs_is_bound_by_the_deadline() -> None:
    async def provider() -> str:
        await asyncio.sleep(60)
        return "never"

    async with Stub(OK) as stub, line_to(stub.url, provider) as line:
        error = await line.failure(READ, timeout=0.1)
        assert [] == stub.received
    assert "the token provider did not answer within the call's deadline" == error.message


# --- redirects ---


async def test_m1_a_read_follows_its_own_origin_three_times() -> None:
    hops = [answer(302, Location=f"/v0/hop-{number}?a=%2F") for number in (1, 2, 3)]
    async with Stub(*hops, OK) as stub, line_to(stub.url) as line:
        assert AOI(aoi_id="a-1") == await line.send(READ)
        assert ["/v0/aoi/a-1", "/v0/hop-1?a=%2F", "/v0/hop-2?a=%2F", "/v0/hop-3?a=%2F"] == [
            request.target for request in stub.received
        ]
        assert {f"Bearer {CANARY}"} == {request.headers["authorization"] for request in stub.received}


async def test_m5_a_redirect_loop_ends() -> None:
    async with Stub(answer(302, Location="/v0/again")) as stub, line_to(stub.url) as line:
        error = await line.failure(READ)
        assert (4, errors.UnexpectedStatus) == (len(stub.received), type(error))


@pytest.mark.parametrize(
    "location", ["{other}/x?token=secret", "", "file:///etc/passwd", "//user@127.0.0.1/"]
)
async def test_m5_a_read_is_not_led_elsewhere(location: str) -> None:
    async with Stub(OK) as other:
        async with (
            Stub(answer(302, Location=location.format(other=other.url))) as stub,
            line_to(stub.url) as line,
        ):
            error = await line.failure(READ)
            assert (errors.UnexpectedStatus, 1) == (type(error), len(stub.received))
        assert [] == other.received
    assert "secret" not in str(error)
    assert "this is not followed" in str(error)


async def test_m5_a_redirect_without_a_target_is_refused() -> None:
    async with Stub(answer(301), OK) as stub, line_to(stub.url) as line:
        error = await line.failure(READ)
        assert (errors.UnexpectedStatus, 1) == (type(error), len(stub.received))
    assert "redirected to nowhere" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_m3_a_post_is_never_redirected(status: int) -> None:
    """aiohttp would make a GET of it, or send its body to a foreign host."""
    async with Stub(answer(status, Location="/v0/elsewhere"), OK) as stub, line_to(stub.url) as line:
        assert isinstance(await line.failure(CREATE), errors.OutcomeUnknown)
        assert ["POST"] == [request.method for request in stub.received]
    async with Stub(answer(status, Location="/v0/elsewhere"), OK) as stub, line_to(stub.url) as line:
        assert isinstance(await line.failure(operation("POST", "read")), errors.UnexpectedStatus)
        assert ["POST"] == [request.method for request in stub.received]


# --- what errors know, and what they must not ---


async def test_an_error_knows_its_call() -> None:
    busy = json_answer(
        {"error": {"code": "busy", "message": "later", "details": {"queue": 7}}}, 503, X_Request_Id="r-1"
    )
    async with Stub(busy) as stub, line_to(stub.url) as line:
        error = await line.failure(READ, retry=RetryPolicy(attempts=2, jitter=lambda ceiling: ceiling))
    assert isinstance(error, errors.ServerError)
    assert ("TheCall", "GET", "/v0/aoi/a-1") == (error.endpoint, error.method, error.path)
    assert (503, "busy", "later", {"queue": 7}, "r-1") == (
        error.status,
        error.code,
        error.message,
        error.details,
        error.request_id,
    )
    assert [("done", "503", 1.0, "r-1"), ("done", "503", 0.0, "r-1")] == [
        (attempt.phase, attempt.outcome, attempt.wait, attempt.request_id) for attempt in error.attempts
    ]


ECHO = f'{{"error": {{"code": "{CANARY}", "message": "you sent Bearer {CANARY}", "details": ["{CANARY}"]}}}}'.encode()
LEAKS: dict[str, Answer] = {
    "reset": [RESET],
    "not HTTP": [b"HTTP/1.1 what " + CANARY.encode() + b"\r\n\r\n", CLOSE],
    "cut": [*answer(200, b'{"aoi', length=50), CLOSE],
    "echo": answer(400, ECHO, X_Request_Id=CANARY),
    "unavailable": answer(503, ECHO, X_Request_Id=CANARY),
    "plain echo": answer(500, f"no {CANARY}".encode()),
    "shape": json_answer({"aoi_id": "a-1", "name": CANARY, "geometry": CANARY}),
    "page": answer(200, f"<html>{CANARY}".encode()),
    "redirect": answer(302, Location=f"https://elsewhere.example/{CANARY}"),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("call", [READ, CREATE], ids=["read", "create"])
async def test_no_error_shows_the_token(
    leak: str, call: Operation[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Stub(LEAKS[leak]) as stub, line_to(stub.url) as line:
        error = await line.failure(call)
    shown = [
        str(error),
        repr(error),
        repr(vars(error)),
        repr(getattr(error, "cause", None) and vars(error.cause)),  # type: ignore[attr-defined]
        repr(pickle.dumps(error)),
        repr(vars(copy.deepcopy(error))),
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
        caplog.text,
    ]
    assert [] == [text for text in shown if CANARY in text]


@pytest.mark.parametrize("leak", LEAKS)
async def test_nothing_foreign_hangs_on_an_error(leak: str) -> None:
    async with Stub(LEAKS[leak]) as stub, line_to(stub.url) as line:
        error = await line.failure(READ)
    assert (None, None) == (error.__cause__, error.__context__)


async def test_s6_the_log_has_a_line_per_attempt_and_nothing_private(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "pixxel_async")
    async with Stub([CLOSE], answer(503), OK) as stub, line_to(stub.url) as line:
        await line.send(operation(query={"name": "private"}))
    assert [
        "GET /v0/aoi/a-1: connection lost",
        "GET /v0/aoi/a-1: attempt 1 failed, retry",
        "GET /v0/aoi/a-1: 503",
        "GET /v0/aoi/a-1: attempt 2 failed, retry",
        "GET /v0/aoi/a-1: 200",
    ] == [message.partition(" in ")[0] for message in caplog.messages]


# --- options ---


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": float("inf")}, {"timeout": "5"}, {"attempt_timeout": -1}]
)
def test_a_call_without_a_bound_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(
        errors.ConfigurationError, match=f"{next(iter(options))} must be a positive number of seconds"
    ):
        CallOptions(**options)


async def test_a_users_own_timeout_stays_theirs() -> None:
    async with Stub([HANG]) as stub, line_to(stub.url) as line:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await line.send(READ)


@pytest.mark.parametrize("number", [1, 5, 25])
async def test_cancelling_leaves_nothing_behind(number: int) -> None:
    """Whatever turn of the event loop it falls into; the connection pool stays usable."""
    async with Stub(OK) as stub, line_to(stub.url) as line:
        for turns in range(number):
            task = asyncio.create_task(line.send(READ))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            assert isinstance(
                (await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError | AOI
            )
        assert AOI(aoi_id="a-1") == await line.send(READ)
        assert {asyncio.current_task()} == {
            task for task in asyncio.all_tasks() if "_serve" not in repr(task)
        }


LARGE = json_answer({"aoi_id": "a-1", "images": {str(number): "image" * 10 for number in range(2000)}})
WRONG = json_answer({"aoi_id": 7, "images": {str(number): "image" * 10 for number in range(2000)}})


@pytest.mark.parametrize("body", [LARGE, WRONG], ids=["large", "large and wrong"])
@pytest.mark.parametrize("thresholds", [(700, 10, 10), (0, 10, 10), (5000, 2000, 5)])
@pytest.mark.parametrize("was_enabled", [True, False])
async def test_the_garbage_collector_is_left_as_it_was(
    body: Answer, was_enabled: bool, thresholds: tuple[int, int, int]
) -> None:
    before = gc.get_threshold()
    async with Stub(body, body) as stub, line_to(stub.url) as line:
        gc.set_threshold(*thresholds)
        if not was_enabled:
            gc.disable()
        try:
            with suppress(errors.SchemaError):
                await line.send(READ)
            assert (was_enabled, thresholds) == (gc.isenabled(), gc.get_threshold())
        finally:
            gc.enable()
            gc.set_threshold(*before)


class Loop:
    """Garbage that only the collector finds."""

    def __init__(self, held: object) -> None:
        self.held, self.me = held, self


def test_what_is_dropped_in_a_cycle_is_collected_although_nothing_but_large_answers_is_read() -> None:
    """It outlives the passes over the youngest objects, so it needs one over older ones."""
    aois = {"aois": [{"aoi_id": f"a-{number}", "name": "n" * 30} for number in range(2000)]}
    endpoint: Endpoint[AOIList] = Endpoint(
        id="List", method="GET", path="/", returns=AOIList, request_class="read"
    )
    response = Response(200, {}, encode(aois))
    assert len(response.body) > 2**16
    dropped = []
    for _ in range(150):
        loop = Loop(_parsed(endpoint, response, lambda field, problem: None))
        _parsed(endpoint, response, lambda field, problem: None)  # promotes it
        dropped.append(weakref.ref(loop))
        del loop
    assert sum(each() is not None for each in dropped) < 120
