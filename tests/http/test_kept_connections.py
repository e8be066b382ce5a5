"""Bytes on a kept connection that no request has asked for, and answers about another resource than the one asked for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import attrs
import pytest
from certificates import authority_file, server_tls
from stubs import Answer, Received, Stub, Wait, answer, json_answer

from pixxel_async import PixxelClient, RetryPolicy, UnexpectedAnswer
from pixxel_async.testing import VirtualClock

TOKEN = "canary-7f3a9b2c5d"
TURNS = 20
"""Of the event loop, in which whatever was written on this machine is read."""
PARTIES = ("own session", "injected session", "storage")
WHOLE = b"".join(json_answer({"project": {"id": "another"}}))  # type: ignore[arg-type]
TIMED_OUT = b"".join(json_answer({"error": {"message": "idle for too long"}}, 408))  # type: ignore[arg-type]
FILE = b"".join(answer(200, b"content of another.bin"))  # type: ignore[arg-type]


@attrs.frozen
class Late:
    """What a server writes after it has answered a request."""

    early: bytes
    """Before the next request."""
    rest: bytes = b""
    """When the next request has come."""
    ends: bool = False


FORMS = {
    "a whole 408": Late(TIMED_OUT),
    "a whole 200": Late(WHOLE),
    "a whole file": Late(FILE),
    "half a head": Late(WHOLE[:20]),
    "half a body": Late(WHOLE[:-4]),
    "a bare line end": Late(b"\r\n"),
    "junk": Late(b"\x00\xff junk"),
    "an interim answer": Late(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "two answers": Late(TIMED_OUT + WHOLE),
    "an answer in two pieces": Late(WHOLE[:60], WHOLE[60:]),
    "a line end, then an answer": Late(b"\r\n", WHOLE),
    "an answer and the end": Late(WHOLE, ends=True),
    "the end": Late(b"", ends=True),
}
WAYS = ("read", "unread", "together", "with the body")
"""Whether the event loop has read it before the next call, or code of the user's keeps the loop busy from before it comes
until the next call, or it comes together with the answer before it, or with the body of that, after its head."""
UNSEEN = {("a line end, then an answer", "together"), ("a line end, then an answer", "with the body")}
"""Line ends before an answer are allowed, and this one belongs to the request by its time: only an id can tell."""


def answered(request: Received) -> Answer:
    """The resource, or the file, whose name is asked for."""
    name = request.target.rpartition("/")[2].partition("?")[0]
    if name.endswith(".bin"):
        return answer(200, f"content of {name}".encode())
    return json_answer({"project": {"id": name}})  # one of which the spec names no key


class Server(Stub):
    """Answers, and writes something late on the connection of the first request."""

    def __init__(self, late: Late, way: str, **how: Any) -> None:
        super().__init__(self._steps, **how)
        self._late = late
        self._way = way

    def _steps(self, request: Received) -> Answer:
        own = answered(request)
        if len(self.received) == 1 and self._way in WAYS[2:]:
            [whole] = own
            assert isinstance(whole, bytes)
            body = 0 if self._way == "together" else whole.index(b"\r\n\r\n") + 4
            return [whole[:body], *[Wait(0)] * TURNS, whole[body:] + self._late.early]
        if len(self.received) == 2:
            self._write(self._late.rest)
        return own

    def _write(self, data: bytes) -> None:
        writer = self.writers[0]
        if data and not writer.is_closing():
            writer.write(data)

    async def say(self) -> None:
        """Write what comes before the next request, and have it read or not."""
        if self._way not in WAYS[2:]:
            await quiet()
            self._write(self._late.early)
        if self._late.ends and not self.writers[0].is_closing():
            self.writers[0].get_extra_info("socket").shutdown(socket.SHUT_WR)
        if self._way != "unread":
            await quiet()


async def quiet() -> None:
    """Let the event loop read what has come."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


Call = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def caller(party: str, stub: Stub, folder: Path, **options: Any) -> AsyncIterator[Call]:
    """A call that names what it asks for, and gives the name of what it received."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing waits for it
    ca_file = authority_file(folder)
    async with AsyncExitStack() as stack:
        session = None
        if party == "injected session":
            connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca_file))
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        client = await stack.enter_async_context(
            PixxelClient(
                TOKEN, base_url=stub.url, ca_file=ca_file, session=session, clock=VirtualClock(), **options
            )
        )

        async def get(name: str) -> str:
            return str((await client.projects.get(name)).id)

        async def save(name: str) -> str:
            saved = await client.save(f"{stub.url}/{name}.bin?sig=1", folder)
            return saved.path.read_text().removeprefix("content of ").removesuffix(".bin")

        yield save if party == "storage" else get


@pytest.mark.parametrize("over", ["TCP", "TLS"])
@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("form", FORMS)
async def test_y1_late_bytes_are_nobodys_answer(form: str, party: str, over: str, tmp_path: Path) -> None:
    """The next call has its own answer, and at its first sending where what came could be seen before."""
    for way in WAYS:
        if (form, way) in UNSEEN:
            continue
        tls = server_tls() if over == "TLS" else None
        async with Server(FORMS[form], way, tls=tls) as stub, caller(party, stub, tmp_path / way) as call:
            assert "a" == await call("a")
            await stub.say()
            assert ["b", "c"] == [await call("b"), await call("c")], way
            if way not in WAYS[2:]:
                assert 3 == len(stub.received), way


@pytest.mark.parametrize("over", ["TCP", "TLS"])
@pytest.mark.parametrize("party", PARTIES)
async def test_a_connection_is_kept_where_nothing_comes_late(party: str, over: str, tmp_path: Path) -> None:
    """Each file and each read would cost a handshake otherwise."""
    async with (
        Stub(answered, tls=server_tls() if over == "TLS" else None) as stub,
        caller(party, stub, tmp_path) as call,
    ):
        for name in "abc":
            assert name == await call(name)
            await quiet()
    assert [1, 1, 1] == [request.connection for request in stub.received]


@pytest.mark.parametrize("form", ["a whole 200", "half a head", "an answer and the end"])
async def test_y1_late_bytes_after_a_request_of_the_users_own_are_nobodys_answer(form: str) -> None:
    """Code of the user's shares the session, and its connections."""
    async with Server(FORMS[form], "unread") as stub, aiohttp.ClientSession() as session:
        async with session.get(f"{stub.url}/mine") as response:
            await response.read()
        await stub.say()
        async with PixxelClient(
            TOKEN, base_url=stub.url, session=session, retry=RetryPolicy.none()
        ) as client:
            assert "b" == (await client.projects.get("b")).id
    assert [1, 2] == [request.connection for request in stub.received]


async def test_v4_a_protocol_that_has_had_an_answer_shows_it(tmp_path: Path) -> None:
    """By a private attribute; should it go, late bytes after requests of the user's own are seen less often (_sending)."""
    shown: list[Any] = []

    async def look(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        send = request.send

        async def noted(connection: Any) -> aiohttp.ClientResponse:
            shown.append(connection.protocol._payload)
            return await send(connection)

        request.send = noted  # type: ignore[method-assign, assignment]
        return await handler(request)

    async with Stub(answered) as stub, aiohttp.ClientSession(middlewares=(look,)) as session:
        for _ in range(2):
            async with session.get(f"{stub.url}/mine") as response:
                await response.read()
    assert [False, True] == [payload is not None for payload in shown]


# --- the id asked for -------------------------------------------------------------------------------------

UUID = "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a01"
OTHER = "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a02"
GETS: dict[str, tuple[str, str, Callable[[PixxelClient, str], Awaitable[Any]]]] = {
    "aois.get": ("/v0/aoi/{}", "aoi_id", lambda client, id: client.aois.get(id)),
    "archives.collection": (
        "/v0/archives/collections/{}",
        "id",
        lambda client, id: client.archives.collection(id),
    ),
    "archives.item": (
        "/v0/archives/collections/c/items/{}",
        "id",
        lambda client, id: client.archives.item("c", id),
    ),
    "catalogs.get": ("/v0/catalogs/{}", "id", lambda client, id: client.catalogs.get(id)),
    "catalogs.get_download": (
        "/v0/catalogs/download/{}",
        "id",
        lambda client, id: client.catalogs.get_download(id),
    ),
    "downloads.get": (
        "/v0/aois/a/downloads/{}",
        "download_id",
        lambda client, id: client.downloads.get("a", id),
    ),
    "jobs.get": ("/v0/workflows/w/jobs/{}", "id", lambda client, id: client.jobs.get("w", id)),
    "order_items.get": ("/v0/order-items/{}", "id", lambda client, id: client.order_items.get(id)),
    "orders.get": ("/v0/orders/{}", "id", lambda client, id: client.orders.get(id)),
    "workflows.get": ("/v0/workflows/{}", "id", lambda client, id: client.workflows.get(id, project_id="p")),
}


@pytest.mark.parametrize("method", GETS)
async def test_y2_an_answer_about_another_resource_is_refused(method: str) -> None:
    path, key, get = GETS[method]
    for asked, said, is_refused in (
        (UUID, UUID, False),
        (UUID, UUID.upper(), False),
        (UUID.upper(), UUID, False),
        (UUID, OTHER, True),
        (UUID, UUID.replace("-", ""), True),
        (UUID, f" {UUID}", True),
        ("name", "name", False),
        ("name", "Name", True),
        ("name", "", True),
    ):

        def steps(request: Received, key: str = key, said: str = said) -> Answer:
            return json_answer({"id": said, key: said})

        async with (
            Stub(steps) as stub,
            PixxelClient(TOKEN, base_url=stub.url, clock=VirtualClock()) as client,
        ):
            if is_refused:
                with pytest.raises(UnexpectedAnswer, match="about another resource") as caught:
                    await get(client, asked)
                assert said.strip() in str(caught.value)
                assert 2 == len(stub.received), "a read is sent once more"
            else:
                assert said == getattr(await get(client, asked), key)
            assert {path.format(asked)} == {urlsplit(each.target).path for each in stub.received}


@pytest.mark.parametrize(
    ("get", "answer"),
    [
        (lambda client: client.jobs.get("w", "j"), {"id": "j", "workflow_id": "another"}),
        (lambda client: client.archives.item("c", "i"), {"id": "i", "collection": "another"}),
    ],
    ids=["jobs.get", "archives.item"],
)
async def test_y2_every_id_of_the_path_counts(
    get: Callable[[PixxelClient], Awaitable[Any]], answer: dict[str, Any]
) -> None:
    async with (
        Stub(json_answer(answer)) as stub,
        PixxelClient(TOKEN, base_url=stub.url, clock=VirtualClock()) as client,
    ):
        with pytest.raises(UnexpectedAnswer, match="is 'another'"):
            await get(client)


async def test_y2_one_other_answer_is_asked_for_again() -> None:
    async with (
        Stub(json_answer({"id": "another"}), json_answer({"id": "o-1"})) as stub,
        PixxelClient(TOKEN, base_url=stub.url, clock=VirtualClock()) as client,
    ):
        assert "o-1" == (await client.orders.get("o-1")).id


async def test_y2_an_answer_without_the_id_of_an_order_is_read() -> None:
    """Orders may lack it: nothing is known is no difference."""
    async with (
        Stub(json_answer({"status": "PAID"})) as stub,
        PixxelClient(TOKEN, base_url=stub.url, clock=VirtualClock()) as client,
    ):
        assert "PAID" == (await client.orders.get("o-1")).status
