"""What aiohttp itself does, where this SDK is built around it. No code of ours runs here.

Each test names the module that counts on it. When one fails after an update of aiohttp, look there: a workaround may have
become needless, or no longer work.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from stubs import CLOSE, Stub, Wait, answer, json_answer
from yarl import URL

OK = json_answer({"id": "a"})
TOKEN = {"Authorization": "Bearer canary-7f3a9b"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


# --- sending again (_exchange, _storage) ---


@pytest.mark.parametrize(
    ("method", "sendings"), [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1)]
)
async def test_v4_aiohttp_sends_again_by_itself(
    session: aiohttp.ClientSession, method: str, sendings: int
) -> None:
    """Over a fresh connection as well, after a disconnect that leaves open whether the request was carried out."""
    async with Stub([CLOSE]) as stub:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.request(method, stub.url)
        assert sendings == len(stub.received)


async def test_v4_a_middleware_that_raises_another_error_stops_it(session: aiohttp.ClientSession) -> None:
    async def once(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ServerDisconnectedError:
            pass
        raise aiohttp.ClientError

    async with Stub([CLOSE]) as stub:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(stub.url, middlewares=(once,))
        assert (aiohttp.ClientError, 1) == (type(caught.value), len(stub.received))


async def test_v4_the_middlewares_of_a_request_replace_those_of_its_session() -> None:
    """So that an injected session's are handed on, read from a private attribute."""
    seen = []

    async def mark(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        seen.append(request)
        return await handler(request)

    async with aiohttp.ClientSession(middlewares=(mark,)) as session, Stub(OK) as stub:
        await session.get(stub.url, middlewares=())
        assert [] == seen
        await session.get(stub.url, middlewares=session._middlewares)
        assert 1 == len(seen)


# --- credentials (_exchange: the proxy is read from the environment by ourselves) ---


async def test_v4_trust_env_cannot_be_used_beside_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry for the host in .netrc makes every request with a token fail; older versions sent its password instead."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with aiohttp.ClientSession(trust_env=True) as session, Stub(OK) as stub:
        with pytest.raises(ValueError, match="Cannot combine AUTHORIZATION header with AUTH argument"):
            await session.get(stub.url, headers=TOKEN)
        assert [] == stub.received


async def test_v4_an_error_holds_headers_and_query(session: aiohttp.ClientSession) -> None:
    """For this reason none of aiohttp's errors leaves the SDK, not even as a cause."""
    async with Stub(answer(403, Set_Cookie="session=cookie-canary")) as stub:
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await session.get(f"{stub.url}/?signature=secret", headers=TOKEN, raise_for_status=True)
    assert "canary-7f3a9b" in repr(caught.value)
    assert "cookie-canary" in repr(caught.value)
    assert "signature=secret" in str(caught.value)


# --- answers (_exchange, _storage: time limits, lengths and ends of our own) ---


async def test_v4_a_broken_chunk_after_the_head_is_never_reported() -> None:
    """Neither the end of the connection nor `sock_read` ends the wait."""
    head_came = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await head_came.wait()
        writer.write(b"no size\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    url = URL.build(scheme="http", host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    timeout = aiohttp.ClientTimeout(total=None, sock_read=0.05)
    async with server, aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
        head_came.set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4) as outer:
                await response.read()
        assert outer.expired(), "aiohttp noticed: the limits around each read may be needless now"


async def test_v4_a_body_without_length_that_is_cut_passes_for_whole(session: aiohttp.ClientSession) -> None:
    async with Stub([b"HTTP/1.1 200 OK\r\n\r\n" + b"half of it", CLOSE]) as stub:
        response = await session.get(stub.url)
        assert b"half of it" == await response.read()


async def test_v4_a_gzip_stream_that_is_cut_passes_for_whole(session: aiohttp.ClientSession) -> None:
    whole = gzip.compress(b"some text " * 1000)
    async with Stub(answer(200, whole[:-20], Content_Encoding="gzip")) as stub:
        response = await session.get(stub.url)
        assert len(await response.read()) < 10_000


async def test_v4_a_part_that_nobody_asked_for_passes_for_the_whole(session: aiohttp.ClientSession) -> None:
    async with Stub(answer(206, b"part", Content_Range="bytes 0-3/900")) as stub:
        response = await session.get(stub.url, raise_for_status=True)
        assert b"part" == await response.read()


@pytest.mark.parametrize(
    "head", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n"]
)
async def test_v4_an_answer_that_cannot_be_read_looks_like_status_400(
    session: aiohttp.ClientSession, head: bytes
) -> None:
    async with Stub([head, CLOSE]) as stub:
        with pytest.raises(aiohttp.ClientResponseError) as caught:
            await session.get(stub.url)
    assert 400 == caught.value.status


async def test_v4_what_came_before_a_fault_can_still_be_read() -> None:
    """By a private method; should it go, those bytes are fetched once more (_storage)."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    async with aiohttp.ClientSession() as session, Stub([head + b"came", CLOSE]) as stub:
        content = (await session.get(stub.url)).content
        async with asyncio.timeout(10):
            while content.exception() is None:  # noqa: ASYNC110 - aiohttp has no event for it
                await asyncio.sleep(0.001)
        with pytest.raises(aiohttp.ClientPayloadError):
            await content.readany()
        assert b"came" == content._read_nowait(-1)


# --- URLs and redirects (_exchange, _storage, _signed_url) ---


async def test_v4_a_url_given_as_text_is_rewritten(session: aiohttp.ClientSession) -> None:
    """Which breaks signatures; `URL(..., encoded=True)` goes out as it is."""
    target = "/a%2Fb?signature=a%2Fb%3D&name=%7e"
    async with Stub(OK) as stub:
        await session.get(stub.url + target)
        await session.get(URL(stub.url + target, encoded=True))
        rewritten, kept = (request.target for request in stub.received)
    assert (True, target) == (target != rewritten, kept)


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_v4_a_redirected_post_becomes_a_get(session: aiohttp.ClientSession, status: int) -> None:
    async with Stub(answer(status, Location="/v0/elsewhere"), OK) as stub:
        async with session.post(f"{stub.url}/v0/orders", json={"a": 1}) as response:
            assert 200 == response.status
        assert [("POST", "/v0/orders"), ("GET", "/v0/elsewhere")] == [
            (request.method, request.target) for request in stub.received
        ]


@pytest.mark.parametrize("status", [307, 308])
async def test_v4_a_redirected_body_goes_to_a_foreign_host(
    session: aiohttp.ClientSession, status: int
) -> None:
    """And with it every header but the few that aiohttp knows to be secret."""
    async with Stub(OK) as foreign, Stub(answer(status, Location=foreign.url)) as stub:
        await session.post(stub.url, json={"a": 1}, headers={**TOKEN, "X-Api-Key": "secret"})
        (request,) = foreign.received
    assert (b'{"a": 1}', "secret") == (request.body, request.headers["x-api-key"])
    assert "authorization" not in request.headers


# --- whether a request was sent (_sending) ---


async def test_v4_send_can_be_shadowed_on_a_request_and_is_what_aiohttp_calls(
    session: aiohttp.ClientSession,
) -> None:
    """When it has a connection, and before it writes anything."""
    shadowed = []

    async def watch(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        send = request.send

        async def noted(connection: Any) -> aiohttp.ClientResponse:
            transport = connection.transport
            shadowed.append((connection.protocol is not None, transport.get_write_buffer_size()))
            raise ZeroDivisionError

        request.send = noted  # type: ignore[method-assign]
        try:
            return await handler(request)
        except ZeroDivisionError:
            request.send = send  # type: ignore[method-assign]
        assert [] == stub.received
        return await handler(request)

    async with Stub(OK) as stub:
        await session.post(stub.url, json={"a": 1}, middlewares=(watch,))
        assert ([(True, 0)], 1) == (shadowed, len(stub.received))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="aiohttp writes the body in a task that begins later")
async def test_v4_the_body_is_written_before_the_request_has_its_response() -> None:
    """So that `request.response` does not prove that a request was unsent."""
    responses = []

    class Response(aiohttp.ClientResponse):
        def __init__(self, *_: Any, **__: Any) -> None:
            raise ZeroDivisionError

    async def look(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        finally:
            responses.append(request.response)

    async with Stub(OK) as stub, aiohttp.ClientSession(response_class=Response) as session:
        with pytest.raises(ZeroDivisionError):
            await session.post(stub.url, json={"a": 1}, middlewares=(look,))
        await stub.asked()
        assert ([None], b'{"a": 1}') == (responses, stub.received[0].body)


# --- kept connections (_sending) ---


@asynccontextmanager
async def kept_connection(session: aiohttp.ClientSession, late: bytes) -> AsyncIterator[tuple[Any, Stub]]:
    """The protocol of a connection on which something may come late, and its server."""
    protocols = []

    async def look(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        protocols.append(response._protocol)
        return response

    async with Stub([*OK, Wait(0.02), late]) as stub:
        async with session.get(stub.url, middlewares=(look,)) as response:
            await response.read()
        yield protocols[0], stub


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(0.001)


async def test_v4_an_answer_that_was_not_asked_for_marks_the_connection(
    session: aiohttp.ClientSession,
) -> None:
    """`should_close` sees it, but only when asked again: by itself aiohttp takes it for the next request's answer."""
    async with kept_connection(session, answer(408)[0]) as (protocol, stub):
        assert not protocol.should_close
        await until(lambda: protocol.should_close)
        async with session.get(stub.url) as response:
            assert (408, 1) == (response.status, stub.connections)


async def test_v4_half_a_head_that_was_not_asked_for_does_not_mark_it(
    session: aiohttp.ClientSession,
) -> None:
    """Therefore the parser of an idle connection is replaced by one that raises."""
    fed = []

    class Watched:
        def feed_data(self, data: bytes) -> Any:
            fed.append(data)
            return parser.feed_data(data)

        def feed_eof(self) -> Any:
            return parser.feed_eof()

    async with kept_connection(session, b"HTTP/1.1 408 Late\r\n") as (protocol, _):
        parser, protocol._parser = protocol._parser, Watched()
        await until(lambda: bool(fed))
        assert not protocol.should_close


async def test_v4_a_parser_that_raises_closes_the_connection(session: aiohttp.ClientSession) -> None:
    class Idle:
        def feed_data(self, data: bytes) -> Any:
            raise ValueError

        def feed_eof(self) -> None: ...

    async with kept_connection(session, b"H") as (protocol, stub):
        assert protocol._parser is not None
        protocol._parser = Idle()
        await until(lambda: protocol.should_close)
        assert not protocol.is_connected()
        async with session.get(stub.url) as response:
            assert (200, 2) == (response.status, stub.connections)
