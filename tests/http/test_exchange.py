"""One HTTP exchange over real sockets: what came, how far it got, and that aiohttp neither hides nor adds anything."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import traceback
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from certificates import authority_file, server_tls
from hypothesis import given
from hypothesis import strategies as st
from stubs import CLOSE, HANG, RESET, Answer, Stub, Wait, answer, json_answer, open_sockets

from pixxel_async._base.time_limit import TimeLimit
from pixxel_async._http import exchange as _exchange
from pixxel_async._http.auth import Hidden
from pixxel_async._http.exchange import AiohttpExchange, inflate
from pixxel_async._http.messages import ExchangeFailed, Request, Response, Trouble
from pixxel_async._http.network import Network
from pixxel_async.errors import ClientClosed, ConfigurationError

CANARY = "canary-7f3a9b"
OK = json_answer({"id": "a"})


def request_to(
    stub: Stub, method: str = "GET", body: bytes | None = None, path: str = "/v0/things"
) -> Request:
    headers = {"Authorization": f"Bearer {CANARY}", "Accept-Encoding": "gzip"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    return Request(method, stub.url + path, path, headers, body)


async def outcome_of(
    stub: Stub,
    request: Request | None = None,
    *,
    timeout: float = 10.0,
    fresh: bool = False,
    session: aiohttp.ClientSession | None = None,
    **options: Any,
) -> Response | ExchangeFailed:
    """The answer or the failure of one exchange; `options` are those of its network."""
    exchange = AiohttpExchange(stub.url, session=session, network=Network(**options))
    try:
        return await exchange.exchange(request or request_to(stub), timeout=timeout, fresh=fresh)
    except ExchangeFailed as failed:
        failure = failed
    finally:
        await exchange.aclose()
    assert (None, None) == (failure.__cause__, failure.__context__)
    return failure


def facts(outcome: Response | ExchangeFailed) -> tuple[Trouble, str, bool]:
    assert isinstance(outcome, ExchangeFailed)
    return outcome.trouble, outcome.phase, outcome.sent


def body_of(outcome: Response | ExchangeFailed) -> bytes:
    assert isinstance(outcome, Response), outcome
    return outcome.body


# --- answers ---


async def test_an_answer_comes_with_status_headers_and_body() -> None:
    async with Stub(json_answer({"id": "a"}, 201, X_Request_Id="r-1")) as stub:
        outcome = await outcome_of(stub)
    assert isinstance(outcome, Response)
    assert (201, "r-1", b'{"id": "a"}') == (outcome.status, outcome.headers["x-request-id"], outcome.body)


async def test_c9_what_goes_out_is_what_was_said_and_nothing_else() -> None:
    async with Stub(OK) as stub:
        target = "/v0/a%2Fb?x=%2F&y=a+b%20c"
        await outcome_of(stub, request_to(stub, "POST", b"{}", target))
        await outcome_of(stub, request_to(stub, "POST", None))
    first, second = stub.received
    assert ("POST", target, b"{}") == (first.method, first.target, first.body)
    assert {
        "host",
        "authorization",
        "accept",
        "accept-encoding",
        "user-agent",
        "content-length",
    } == second.headers.keys()
    assert ("gzip", "0") == (second.headers["accept-encoding"], second.headers["content-length"])


async def test_a_large_body_goes_out_whole_and_without_a_warning() -> None:
    body = bytes(range(256)) * 2**13
    async with Stub(OK) as stub:
        await outcome_of(stub, request_to(stub, "POST", body))
    assert ("application/json", body) == (stub.received[0].headers["content-type"], stub.received[0].body)


async def test_a_slow_answer_in_pieces_is_put_together() -> None:
    head, pieces = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        [b"3\r\nabc\r\n", b"3\r\ndef\r\n", b"0\r\n\r\n"],
    )
    async with Stub([head, Wait(0.02), pieces[0], Wait(0.02), pieces[1], Wait(0.02), pieces[2]]) as stub:
        assert b"abcdef" == body_of(await outcome_of(stub))


async def test_e4_interim_answers_are_skipped() -> None:
    async with Stub([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", *OK]) as stub:
        assert b'{"id": "a"}' == body_of(await outcome_of(stub))


async def test_an_answer_without_a_body_is_empty() -> None:
    async with Stub([b"HTTP/1.1 204 No Content\r\n\r\n"]) as stub:
        assert b"" == body_of(await outcome_of(stub))


# --- connections ---


async def test_a7_reads_share_a_connection_and_creates_have_one_of_their_own() -> None:
    """A connection that the server is about to close would leave open whether a create arrived."""
    async with Stub(OK) as stub:
        exchange = AiohttpExchange(stub.url)
        for fresh in (False, False, True, True, False):
            await exchange.exchange(request_to(stub), timeout=10, fresh=fresh)
        await exchange.aclose()
        await exchange.aclose()
    assert [1, 1, 2, 3, 1] == [request.connection for request in stub.received]


async def test_f12_bytes_after_the_body_spoil_only_their_connection() -> None:
    async with Stub([*OK, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake"], OK) as stub:
        exchange = AiohttpExchange(stub.url)
        first = await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        await asyncio.sleep(0.05)
        second = await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        await exchange.aclose()
    assert (first.body, 2) == (second.body, stub.connections)


async def test_cookies_are_forgotten() -> None:
    async with Stub(json_answer({}, Set_Cookie="a=b")) as stub:
        exchange = AiohttpExchange(stub.url)
        for _ in range(2):
            await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        await exchange.aclose()
    assert "cookie" not in stub.received[1].headers


async def test_n6_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp's trust_env would put its password in the place of the token, or refuse."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with Stub(OK) as stub:
        await outcome_of(stub)
    assert f"Bearer {CANARY}" == stub.received[0].headers["authorization"]


# --- not sent ---


async def test_a1_a_refused_connection_was_not_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        stub = Stub(OK)
        stub.port = unused.getsockname()[1]
        outcome = await outcome_of(stub)
    assert (Trouble.CONNECT, "connect", False) == facts(outcome)
    assert f"cannot connect to 127.0.0.1:{stub.port}: " in str(outcome)


async def test_a4_a_name_that_does_not_resolve_was_not_sent() -> None:
    exchange = AiohttpExchange("https://nothing.invalid")
    with pytest.raises(ExchangeFailed, match=r"cannot find the address of nothing\.invalid: ") as caught:
        await exchange.exchange(Request("GET", "https://nothing.invalid/", "/", {}), timeout=10, fresh=False)
    await exchange.aclose()
    assert (Trouble.DNS, "connect", False) == facts(caught.value)


async def test_b4_a_handshake_that_hangs_was_not_sent() -> None:
    async with Stub(on_connect=[HANG]) as stub:
        secure = Request("POST", stub.url.replace("http", "https"), "/", {})
        outcome = await outcome_of(stub, secure, timeout=0.2)
    assert (Trouble.TIMEOUT, "connect", False) == facts(outcome)


async def test_b5_a_handshake_that_is_reset_was_not_sent() -> None:
    async with Stub(on_connect=[RESET]) as stub:
        outcome = await outcome_of(stub, Request("POST", stub.url.replace("http", "https"), "/", {}))
    assert (Trouble.CONNECT, "connect", False) == facts(outcome)


async def test_waiting_for_a_free_connection_was_not_sent() -> None:
    async with (
        Stub([HANG]) as stub,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
    ):
        exchange = AiohttpExchange(stub.url, session=session)
        first = asyncio.create_task(exchange.exchange(request_to(stub), timeout=10, fresh=False))
        await stub.asked()
        with pytest.raises(ExchangeFailed) as caught:
            await exchange.exchange(request_to(stub, "POST"), timeout=0.1, fresh=True)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert (Trouble.TIMEOUT, "pool", False) == facts(caught.value)
    assert 1 == len(stub.received)


# --- sent ---


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("fresh", [False, True])
async def test_c8_a_broken_connection_is_told_once_and_never_hidden(
    method: str, end: Any, fresh: bool
) -> None:
    """aiohttp would send GET, PUT and DELETE a second time by itself."""
    async with Stub([end]) as stub:
        outcome = await outcome_of(
            stub, request_to(stub, method, b"{}" if method in ("PUT", "POST") else None), fresh=fresh
        )
    assert (Trouble.LOST, "sent", True) == facts(outcome)
    assert 1 == len(stub.received)


async def test_a7_a_stale_connection_is_told_and_not_hidden() -> None:
    async with Stub([*OK, Wait(0.05), CLOSE], OK) as stub:
        exchange = AiohttpExchange(stub.url)
        await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        with pytest.raises(ExchangeFailed) as caught:
            # Sent before the close is seen: the server never reads it.
            await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        await exchange.aclose()
    assert (Trouble.LOST, "sent", True) == facts(caught.value)
    assert 1 == len(stub.received)


async def test_c5_silence_ends_at_the_time_limit() -> None:
    async with Stub([HANG]) as stub:
        outcome = await outcome_of(stub, timeout=0.1)
    assert (Trouble.TIMEOUT, "sent", True) == facts(outcome)


async def test_e5_a_head_in_drops_ends_at_the_limit_for_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each drop would start aiohttp's read timeout anew."""
    monkeypatch.setattr(_exchange, "HEAD_LIMIT", 0.3)
    drops = [step for letter in b"HTTP/1.1 200 OK\r\n" * 3 for step in (bytes([letter]), Wait(0.02))]
    async with Stub([*drops, HANG]) as stub:
        outcome = await outcome_of(stub)
    assert (Trouble.TIMEOUT, "sent", True) == facts(outcome)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 abc\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Nul: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
    ],
    ids=["status", "ssh", "long", "many", "nul", "lengths"],
)
async def test_e1_e2_e7_what_is_not_http_is_no_status_400(head: bytes) -> None:
    """aiohttp's own ClientResponseError(400) for an answer it cannot read is not the API's 400."""
    async with Stub([head, HANG]) as stub:
        outcome = await outcome_of(stub)
    assert (Trouble.HEAD, "sent", True) == facts(outcome)


@pytest.mark.parametrize("line", [b"X-Many: 1\r\n", b"x" * 9], ids=["headers", "one header"])
async def test_e2_of_an_endless_head_little_is_read(line: bytes) -> None:
    async with Stub([b"HTTP/1.1 200 OK\r\nX-First: ", *[line * 2**16] * 500]) as stub:
        assert (Trouble.HEAD, "sent", True) == facts(await outcome_of(stub))
        assert stub.written <= BUFFERS


async def test_e8_interim_answers_without_end_end_at_the_limit_for_heads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_exchange, "HEAD_LIMIT", 0.2)
    async with Stub([b"HTTP/1.1 103 Early Hints\r\n\r\n", Wait(0.01)] * 1000) as stub:  # type: ignore[operator]
        assert (Trouble.TIMEOUT, "sent", True) == facts(await outcome_of(stub))


async def test_f13_a_body_of_two_lengths_is_not_http() -> None:
    """Whoever stands between may have believed the other one."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    async with Stub([head, b"2\r\n{}\r\n0\r\n\r\n"]) as stub:
        assert (Trouble.HEAD, "sent", True) == facts(await outcome_of(stub))


# --- requests that are not read ---

LARGE = b"x" * 2**23


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_c1_a_reset_before_the_body_was_sent(end: Any) -> None:
    """Nobody knows what the server makes of a head without its body."""
    async with Stub([end], reads_bodies=False) as stub:
        assert (Trouble.LOST, "sent", True) == facts(await outcome_of(stub, request_to(stub, "POST", LARGE)))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open sockets are counted there")
@pytest.mark.parametrize("fresh", [False, True])
async def test_c5_a_body_that_nobody_takes_leaves_no_socket_open(fresh: bool) -> None:
    """To close it in good order would mean to wait until the other side takes the rest."""
    over = asyncio.Event()

    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await over.wait()
        writer.transport.abort()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        exchange = AiohttpExchange(url)
        request = Request("POST", f"{url}/v0/things", "/v0/things", {}, LARGE)
        with pytest.raises(ExchangeFailed, match="no answer in time"):
            await exchange.exchange(request, timeout=0.2, fresh=fresh)
        await exchange.aclose()
        await asyncio.sleep(0)  # a transport that is given up closes its socket a turn later
        listening = [each for each in open_sockets(port) if each[1] is None]
        assert 1 == len(listening)
        assert 1 == len(open_sockets(port)) - len(listening), "the server's end"
        over.set()


@pytest.mark.parametrize("status", [401, 413])
async def test_c4_a_status_before_the_body_is_told(status: int) -> None:
    async with Stub([*answer(status, b"no"), HANG], reads_bodies=False) as stub:
        outcome = await outcome_of(stub, request_to(stub, "POST", LARGE), fresh=True)
    assert isinstance(outcome, Response)
    assert (status, b"no") == (outcome.status, outcome.body)


# --- bodies ---


def chunked(*pieces: bytes) -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces]


@pytest.mark.parametrize(
    "steps",
    [
        [*answer(body=b"{}", length=20), CLOSE],
        [*answer(body=b"{}", length=20), RESET],
        [*chunked(b"2\r\n{}\r\n"), CLOSE],
        [*chunked(b"20\r\n{}"), RESET],
    ],
    ids=["length-close", "length-reset", "chunks-close", "chunk-reset"],
)
async def test_f1_f2_a_body_that_breaks_off_is_no_answer(steps: Answer) -> None:
    async with Stub(steps) as stub:
        assert (Trouble.CUT, "body", True) == facts(await outcome_of(stub))


async def test_f4_a_broken_chunk_ends_at_the_limit_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp reports it to nobody, not even when the peer closes."""
    monkeypatch.setattr(_exchange, "IDLE_LIMIT", 0.2)
    async with Stub([*chunked(b"2\r\n{}\r\n"), Wait(0.05), b"nonsense\r\n\r\n", Wait(0.05), CLOSE]) as stub:
        outcome = await asyncio.wait_for(outcome_of(stub), 5)
    assert isinstance(outcome, ExchangeFailed)
    assert ("body", True) == (outcome.phase, outcome.sent)


async def test_a_body_that_falls_silent_ends_at_the_limit_for_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_exchange, "IDLE_LIMIT", 0.1)
    async with Stub([*answer(body=b"{}", length=20), HANG]) as stub:
        assert (Trouble.TIMEOUT, "body", True) == facts(await outcome_of(stub))


PACKED = gzip.compress(b'{"id": "a"}')


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_compressed_answer_is_inflated(encoding: str) -> None:
    async with Stub(answer(body=PACKED, Content_Encoding=encoding)) as stub:
        assert b'{"id": "a"}' == body_of(await outcome_of(stub))


@pytest.mark.parametrize(
    ("body", "encoding", "trouble"),
    [
        (PACKED[:-4], "gzip", Trouble.CUT),
        (PACKED[:-12], "gzip", Trouble.CUT),
        (b'{"id": "a"}', "gzip", Trouble.GARBLED),
        (PACKED[:-8] + b"\x00" * 8, "gzip", Trouble.GARBLED),
        (zlib.compress(b"{}"), "deflate", Trouble.GARBLED),
        (b"{}", "br", Trouble.GARBLED),
        (gzip.compress(bytes(65 * 2**20)), "gzip", Trouble.TOO_LARGE),
    ],
    ids=["no-checksum", "cut", "not-gzip", "checksum", "deflate", "brotli", "bomb"],
)
async def test_f6_f7_f8_a_bad_compressed_answer_is_found(
    body: bytes, encoding: str, trouble: Trouble
) -> None:
    """A stream that is cut inside a right length is success for aiohttp."""
    async with Stub(answer(body=body, Content_Encoding=encoding)) as stub:
        assert (trouble, "body", True) == facts(await outcome_of(stub))


@given(st.lists(st.binary(), max_size=3), st.integers(1, 40))
def test_inflating_gives_what_was_compressed_or_tells_that_it_is_cut(members: list[bytes], cut: int) -> None:
    packed = b"".join(map(gzip.compress, members))
    whole = b"".join(members)
    assert (whole, bool(members)) == asyncio.run(inflate(packed))
    assert not asyncio.run(inflate(packed[:-cut]))[1] or len(members) > 1 or not packed


async def test_while_a_large_answer_is_inflated_other_tasks_have_their_turns() -> None:
    """In one go, 64 MiB would keep them waiting for most of a second."""
    inflating = asyncio.create_task(inflate(gzip.compress(bytes(20 * 2**20))))
    turns = 0
    while not inflating.done():
        turns += 1
        await asyncio.sleep(0)
    assert (20 * 2**20, True) == (len((await inflating)[0]), turns >= 20)


async def test_inflating_can_be_cancelled() -> None:
    inflating = asyncio.create_task(inflate(gzip.compress(bytes(20 * 2**20))))
    await asyncio.sleep(0)
    inflating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await inflating


async def test_f8_inflating_without_end_takes_no_more_memory_than_an_answer_may() -> None:
    bomb = gzip.compress(bytes(2**24)) * 60
    tracemalloc.start()
    with pytest.raises(ExchangeFailed, match="larger than 64 MiB"):
        await inflate(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 * 2**20


async def test_f14_a_flood_of_gzip_streams_is_refused() -> None:
    """Each costs a copy of all that follow: 64 MiB of empty ones would keep the event loop for hours."""
    with pytest.raises(ExchangeFailed, match="more than 64 gzip streams") as caught:
        await inflate(gzip.compress(b"") * 100_000)
    assert (Trouble.GARBLED, "body", True) == facts(caught.value)


async def test_f9_an_answer_that_says_it_is_too_large_is_not_read() -> None:
    async with Stub([*answer(body=b"{", length=65 * 2**20), HANG]) as stub:
        assert (Trouble.TOO_LARGE, "body", True) == facts(await outcome_of(stub))


BUFFERS = 16 * 2**20
"""More bytes than lie in the buffers between two sockets of one machine."""
PIECE = b"100000\r\n" + b"x" * 2**20 + b"\r\n"


async def test_f9_an_answer_that_grows_too_large_is_dropped() -> None:
    """Of 500 MiB, 64 are read."""
    async with Stub(chunked(*[PIECE] * 500)) as stub:
        assert (Trouble.TOO_LARGE, "body", True) == facts(await outcome_of(stub))
        assert stub.written <= 64 * 2**20 + BUFFERS


async def test_f11_of_an_endless_error_little_is_read() -> None:
    """And the connection, which would bring the rest, is given up."""
    head = b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with Stub([head, *[PIECE] * 1000], OK) as stub:
        exchange = AiohttpExchange(stub.url)
        first = await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        second = await exchange.exchange(request_to(stub), timeout=10, fresh=False)
        await exchange.aclose()
        assert (500, b"x" * 2**16) == (first.status, first.body)
        assert (200, b'{"id": "a"}', [1, 2]) == (
            second.status,
            second.body,
            [request.connection for request in stub.received],
        )
        assert stub.written <= BUFFERS


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([*answer(500, b"oops", length=50), CLOSE], b"oops"),
        ([*answer(500, b"oops", length=50), Wait(0.1), RESET], b"oops"),
        ([*answer(500, b"oops", length=50), HANG], b"oops"),
        ([*answer(500, b"x" * 200_000, length=10**9), HANG], b"x" * 2**16),
        (answer(500, gzip.compress(b"oops"), Content_Encoding="gzip"), b"oops"),
        (answer(500, gzip.compress(b"oops")[:-6], Content_Encoding="gzip"), b"oops"),
        (answer(500, gzip.compress(bytes(2**21)), Content_Encoding="gzip"), bytes(2**16)),
        (answer(500, b"oops", Content_Encoding="gzip"), b""),
        (answer(500, b"oops", Content_Encoding="br"), b"oops"),
    ],
    ids=["cut", "reset", "hang", "endless", "gzip", "gzip-cut", "bomb", "not-gzip", "brotli"],
)
async def test_f11_the_status_of_an_error_is_told_whatever_becomes_of_its_body(
    steps: Answer, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_exchange, "IDLE_LIMIT", 0.2)
    async with Stub(steps) as stub:
        outcome = await outcome_of(stub)
    assert isinstance(outcome, Response)
    assert (500, expected) == (outcome.status, outcome.body)


# --- injected sessions ---


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"X-Mine": "1"}, raise_for_status=True) as session:
        yield session


async def test_an_injected_session_is_used_and_left_as_it_was(session: aiohttp.ClientSession) -> None:
    async with Stub(answer(404, PACKED, Content_Encoding="gzip")) as stub:
        assert b'{"id": "a"}' == body_of(await outcome_of(stub, session=session))
        assert not session.closed
        assert {"X-Mine": "1"} == dict(session.headers)
    assert "1" == stub.received[0].headers["x-mine"]


@pytest.mark.parametrize("fresh", [False, True])
async def test_an_injected_session_tells_what_was_sent(session: aiohttp.ClientSession, fresh: bool) -> None:
    async with Stub([CLOSE]) as stub:
        outcome = await outcome_of(stub, request_to(stub, "PUT"), session=session, fresh=fresh)
    assert (Trouble.LOST, "sent", True) == facts(outcome)
    assert 1 == len(stub.received)


async def test_the_middlewares_of_an_injected_session_still_run() -> None:
    async def mark(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers["X-Marked"] = "1"
        return await handler(request)

    async with Stub(OK) as stub, aiohttp.ClientSession(middlewares=[mark]) as session:
        await outcome_of(stub, session=session)
    assert "1" == stub.received[0].headers["x-marked"]


async def test_a_session_that_cannot_send_the_token_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with Stub(OK) as stub, aiohttp.ClientSession(trust_env=True) as session:
        with pytest.raises(
            ConfigurationError, match="the injected session refuses to send the token"
        ) as caught:
            await outcome_of(stub, session=session)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


async def test_a_session_that_was_closed_is_told_so(session: aiohttp.ClientSession) -> None:
    await session.close()
    async with Stub(OK) as stub:
        with pytest.raises(ClientClosed, match="the injected session is closed"):
            await outcome_of(stub, session=session)


# --- cancellation ---


@pytest.mark.parametrize(
    ("method", "notes"), [("GET", None), ("POST", ["POST /v0/things was sent: it may have been executed."])]
)
async def test_a_cancelled_exchange_says_that_it_was_sent_and_shows_no_token(
    method: str, notes: list[str] | None
) -> None:
    async with Stub([HANG]) as stub:
        task = asyncio.create_task(outcome_of(stub, request_to(stub, method)))
        await stub.asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert notes == getattr(caught.value, "__notes__", None)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert CANARY not in shown


async def test_a_cancellation_in_the_very_moment_of_a_limit_goes_on() -> None:
    """It must not become a timeout, which would be retried."""
    loop = asyncio.get_running_loop()
    when = loop.time() + 0.05

    async def limited() -> None:
        with TimeLimit(when):
            await asyncio.sleep(5)

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    loop.call_at(when, task.cancel)
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


async def test_a_limit_is_not_mixed_up_with_those_around_it() -> None:
    async with Stub([HANG]) as stub:
        async with asyncio.timeout(5) as outer:
            assert (Trouble.TIMEOUT, "sent", True) == facts(await outcome_of(stub, timeout=0.1))
        assert not outer.expired()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await outcome_of(stub, timeout=5)
    task = asyncio.current_task()
    assert task is not None
    assert 0 == task.cancelling()


# --- proxies ---


async def test_a_proxy_gets_the_request_and_its_own_credentials() -> None:
    async with Stub(OK) as proxy:
        target = Request("GET", "http://127.0.0.1:9/v0", "/v0", {"Authorization": "Bearer x"})
        await outcome_of(proxy, target, proxy=Hidden(f"http://user:pass@127.0.0.1:{proxy.port}"))
    assert "http://127.0.0.1:9/v0" == proxy.received[0].target
    assert "Basic dXNlcjpwYXNz" == proxy.received[0].headers["proxy-authorization"]


@pytest.mark.parametrize(
    ("status", "trouble"), [(407, Trouble.PROXY_AUTH), (502, Trouble.PROXY), (403, Trouble.PROXY)]
)
async def test_a9_a_proxy_that_refuses_is_told_by_its_name_and_not_sent(
    status: int, trouble: Trouble
) -> None:
    async with Stub(answer(status)) as proxy:
        target = Request("POST", "https://127.0.0.1:9/v0", "/v0", {"Authorization": f"Bearer {CANARY}"})
        outcome = await outcome_of(
            proxy, target, proxy=Hidden(f"http://user:{CANARY}@127.0.0.1:{proxy.port}")
        )
    assert (trouble, "connect", False) == facts(outcome)
    assert f"the proxy 127.0.0.1:{proxy.port} refused to connect" in str(outcome)
    assert CANARY not in str(outcome)
    assert "authorization" not in proxy.received[0].headers


async def test_a9_a_proxy_that_is_away_was_not_sent() -> None:
    async with Stub(OK) as stub:
        outcome = await outcome_of(stub, proxy=Hidden("http://127.0.0.1:9"))
    assert (Trouble.PROXY, "connect", False) == facts(outcome)


# --- TLS ---


@pytest.mark.parametrize("end", [CLOSE, HANG])
async def test_b7_what_speaks_no_tls_is_told_at_once(end: Any) -> None:
    async with Stub(on_connect=[b"HTTP/1.1 400 Bad Request\r\n\r\n", end]) as stub:
        outcome = await outcome_of(stub, Request("POST", stub.url.replace("http", "https"), "/", {}))
    assert (Trouble.TLS, "connect", False) == facts(outcome)
    assert f"no TLS with 127.0.0.1:{stub.port} (WRONG_VERSION_NUMBER): is it really https there?" == str(
        outcome
    )


async def test_b1_a_certificate_of_an_unknown_authority_is_refused_with_the_remedy() -> None:
    async with Stub(OK, tls=server_tls()) as stub:
        outcome = await outcome_of(stub)
    assert (Trouble.CERTIFICATE, "connect", False) == facts(outcome)
    assert "pass its PEM file as ca_file=" in str(outcome)
    assert [] == stub.received


async def test_b1_b2_a_further_authority_can_be_trusted_but_not_another_name(tmp_path: Path) -> None:
    trusted = authority_file(tmp_path)
    async with Stub(OK, tls=server_tls()) as stub:
        assert b'{"id": "a"}' == body_of(await outcome_of(stub, ca_file=trusted))
    async with Stub(OK, tls=server_tls("elsewhere.example")) as stub:
        assert (Trouble.CERTIFICATE, "connect", False) == facts(await outcome_of(stub, ca_file=trusted))


async def test_b6_trusting_everybody_works_and_warns() -> None:
    async with Stub(OK, tls=server_tls("elsewhere.example")) as stub:
        with pytest.warns(RuntimeWarning, match="certificates are not checked"):
            assert b'{"id": "a"}' == body_of(await outcome_of(stub, insecure=True))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")  # that they are outdated is the point
@pytest.mark.filterwarnings("ignore:insecure=True")
async def test_tls_before_1_2_is_refused_even_where_everybody_is_trusted(tmp_path: Path) -> None:
    outdated = server_tls()
    outdated.set_ciphers("ALL:@SECLEVEL=0")
    outdated.minimum_version, outdated.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    trusted = authority_file(tmp_path)
    careless = ssl.create_default_context(cafile=trusted)
    careless.set_ciphers("ALL:@SECLEVEL=0")
    careless.minimum_version = ssl.TLSVersion.TLSv1
    async with Stub(OK, tls=outdated) as stub:
        for options in ({"ca_file": trusted}, {"insecure": True}):
            trouble, phase, sent = facts(await outcome_of(stub, **options))
            assert (Trouble.CONNECT, "connect", False) == (trouble, phase, sent)
        assert [] == stub.received
        assert b'{"id": "a"}' == body_of(await outcome_of(stub, ssl_context=careless)), "others are served"
