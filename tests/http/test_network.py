"""How a client connects: proxies, connectors of the user's, and the certificates that are trusted."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp_socks import ProxyConnector
from certificates import AUTHORITY, authority_file, server_tls
from socks import Socks
from stubs import Answer, Received, Stub, answer, json_answer

from pixxel_async import PixxelClient, RetryPolicy
from pixxel_async._http.auth import Hidden
from pixxel_async._http.network import check_proxy, proxy_of_environment
from pixxel_async.errors import (
    ConfigurationError,
    ConnectError,
    DownloadError,
    InvalidInput,
)
from pixxel_async.models import Order, OrderItemCreate
from pixxel_async.testing import VirtualClock

TOKEN = "canary-network-token"
FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.6, 12.9], [77.6, 13.0], [77.5, 12.9]]]}
API, HOST = "api.invalid", "storage.invalid"
"""A host name that only the proxy resolves."""


def served(request: Received) -> Answer:
    """The API and the storage host in one: an order for each POST, a file for each `.bin`."""
    if request.target.split("?")[0].endswith(".bin"):
        return answer(200, b"content")
    return json_answer({"id": "o-1"}, 201 if request.method == "POST" else 200)


async def create(client: PixxelClient) -> Order:
    item = OrderItemCreate(project_id="p", usecase="agriculture", geometry=FIELD, item_ids=["i"])
    return await client.orders.create(order_items=[item])


def client_of(url: str, **options: Any) -> PixxelClient:
    return PixxelClient(TOKEN, base_url=url, clock=VirtualClock(), **options)


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


# --- HTTP proxies -----------------------------------------------------------------------------------------


def test_a10_the_environment_names_the_proxy_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_proxies(monkeypatch)
    assert proxy_of_environment("https", "api.example") is None
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert "http://proxy.example:3128" == proxy_of_environment("https", "api.example")
    assert proxy_of_environment("https", "127.0.0.1") is None
    assert proxy_of_environment("http", "api.example") is None
    monkeypatch.setenv("NO_PROXY", ".example")
    assert proxy_of_environment("https", "api.example") is None
    monkeypatch.setenv("NO_PROXY", "other.org")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    with pytest.raises(ConfigurationError, match=r"the proxy in the environment must be .* for SOCKS"):
        proxy_of_environment("https", "api.example")


@pytest.mark.parametrize("proxy", ["", "http://", "ftp://x", "http://[::1", "http://x:port"])
def test_a_proxy_that_is_no_url_is_refused(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^proxy must be the URL of an HTTP proxy"):
        check_proxy(Hidden(proxy))


# --- connectors -------------------------------------------------------------------------------------------


@asynccontextmanager
async def behind_socks(folder: Path, **options: Any) -> AsyncIterator[tuple[PixxelClient, Socks, Stub, Stub]]:
    """A client whose API and storage host only a SOCKS proxy finds, as in production: https, and no loopback name."""
    async with (
        Stub(served, tls=server_tls(API)) as api,
        Stub(served, tls=server_tls(HOST)) as storage,
        Socks({API: api.port, HOST: storage.port}) as socks,
        client_of(
            f"https://{API}",
            connector=lambda: ProxyConnector.from_url(socks.url),
            ca_file=authority_file(folder),
            **options,
        ) as client,
    ):
        yield client, socks, api, storage


async def test_a11_reads_creates_and_files_go_through_a_socks_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With certificates by `ca_file`; the environment's proxy is not used."""
    without_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    async with behind_socks(tmp_path) as (client, socks, api, storage):
        assert Order(id="o-1") == await client.orders.get("o-1")
        assert Order(id="o-1") == await create(client)
        saved = await client.save(f"https://{HOST}/a.bin?signature=canary-1", tmp_path)
        assert b"content" == saved.path.read_bytes()
    assert [API, API, HOST] == socks.asked, "as names: the proxy resolves them"
    assert ["GET", "POST"] == [request.method for request in api.received]
    assert "authorization" not in storage.received[0].headers


@pytest.mark.parametrize(("fault", "raised"), [("refuses", "ProxyError"), ("away", "ProxyConnectionError")])
async def test_a11_a_connector_that_fails_is_a_connect_error_and_was_not_sent(
    fault: str, raised: str, tmp_path: Path
) -> None:
    """Its library has errors of its own for that. A read and a create are tried again, as with any connection."""
    async with behind_socks(tmp_path, retry=RetryPolicy(attempts=3)) as (client, socks, api, storage):
        if fault == "refuses":
            socks.hosts = {}
        else:
            socks.url = "socks5://user:canary-of-proxy@127.0.0.1:9"
        for call in (lambda: client.orders.get("o-1"), lambda: create(client)):
            with pytest.raises(
                ConnectError, match=rf"cannot connect to api\.invalid: the connector raised {raised} "
            ) as caught:
                await call()
            assert (3, raised) == (len(caught.value.attempts), type(caught.value.__cause__).__name__)
            assert "canary" not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(
            DownloadError, match=rf"no connection: the connector raised {raised} .* \(after 8 attempts\)"
        ):
            await client.save(f"https://{HOST}/a.bin?signature=canary-1", tmp_path)
        assert ((), [], []) == (client.unresolved, api.received, storage.received)


async def test_a12_through_a_socks_proxy_literal_private_addresses_are_refused(tmp_path: Path) -> None:
    """The proxy resolves names, so these are its own business."""
    async with behind_socks(tmp_path) as (client, socks, _, storage):
        with pytest.raises(InvalidInput, match="leads to a private address"):
            await client.save(f"https://127.0.0.1:{storage.port}/a.bin", tmp_path)
        storage.answers = [answer(302, Location=f"https://127.0.0.1:{storage.port}/a.bin")]
        with pytest.raises(DownloadError, match=r"redirect refused: .* leads to a private address"):
            await client.save(f"https://{HOST}/a.bin", tmp_path)
        assert [HOST] == socks.asked


def passes_on(resolver: Any = None) -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(resolver=resolver, limit=3)


def by_keyword(*, resolver: Any = None) -> aiohttp.BaseConnector:
    return passes_on(resolver)


FACTORIES: list[Callable[..., aiohttp.BaseConnector]] = [
    aiohttp.TCPConnector,
    partial(aiohttp.TCPConnector, limit=3),
    partial(aiohttp.TCPConnector, resolver=object()),
    passes_on,
    by_keyword,
]


@pytest.mark.parametrize("factory", FACTORIES)
async def test_a12_a_connector_that_takes_our_resolver_reaches_no_private_address(
    factory: Callable[..., aiohttp.BaseConnector], tmp_path: Path
) -> None:
    async with Stub(served) as stub, client_of("https://api.invalid", connector=factory) as client:
        with pytest.raises(DownloadError, match="the host's name leads to a private address"):
            await client.save(f"https://localhost:{stub.port}/a.bin", tmp_path)
        assert 0 == stub.connections


async def test_a11_a_create_has_a_connection_of_its_own_whatever_the_connector_keeps() -> None:
    async with Stub(served) as stub, client_of(stub.url, connector=passes_on) as client:
        for call in (client.orders.get, client.orders.get, create, create, client.orders.get):
            await (create(client) if call is create else call("o-1"))
        assert [1, 1, 2, 3, 1] == [request.connection for request in stub.received]


async def coroutine() -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector()


def raises() -> aiohttp.BaseConnector:
    raise KeyError("proxy")


def always_the_same() -> Callable[..., aiohttp.BaseConnector]:
    made: list[aiohttp.BaseConnector] = []

    def factory(resolver: Any = None) -> aiohttp.BaseConnector:
        made.append(made[0] if made else aiohttp.TCPConnector(resolver=resolver))
        return made[0]

    return factory


UNUSABLE = {
    "nothing": (lambda: None, "connector= returned a NoneType: it must return a new aiohttp connector"),
    "a coroutine": (coroutine, "connector= returned a coroutine: it must return a new"),
    "raises": (raises, r"connector= raised KeyError \(test_network\.py, line \d+, in raises\)"),
    "asks for more": (lambda host: None, "connector= raised TypeError"),
    "no resolver": (lambda: aiohttp.TCPConnector(limit=3), "give your function a parameter `resolver=None`"),
    "hidden resolver": (lambda **more: aiohttp.TCPConnector(**more), "a parameter `resolver=None`"),
}


@pytest.mark.parametrize(("factory", "says"), UNUSABLE.values(), ids=UNUSABLE)
async def test_s7_a_function_that_returns_no_usable_connector_is_refused(
    factory: Any, says: str, tmp_path: Path
) -> None:
    async with Stub(served) as stub, client_of(stub.url, connector=factory) as client:
        for call in (
            lambda: client.orders.get("o-1"),
            lambda: create(client),
            lambda: client.save(f"{stub.url}/a.bin", tmp_path),
        ):
            with pytest.raises(ConfigurationError, match=says):
                await call()
        assert (0, ()) == (stub.connections, client.unresolved)


async def test_s7_a_function_that_returns_a_connector_twice_is_refused(tmp_path: Path) -> None:
    """A create would find kept connections in it."""
    async with Stub(served) as stub, client_of(stub.url, connector=always_the_same()) as client:
        await client.orders.get("o-1")
        with pytest.raises(ConfigurationError, match="closed, or used by another session"):
            await create(client)
        with pytest.raises(ConfigurationError, match="closed, or used by another session"):
            await client.save(f"{stub.url}/a.bin", tmp_path)
        assert ["GET"] == [request.method for request in stub.received]


async def test_s7_a_connector_is_a_function_and_excludes_a_session() -> None:
    connector = aiohttp.TCPConnector()
    with pytest.raises(
        ConfigurationError, match=r"a function that returns .*, not a TCPConnector: each session"
    ):
        PixxelClient(TOKEN, connector=connector)  # type: ignore[arg-type]
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(ConfigurationError, match="connector cannot be combined with session: give the"):
            PixxelClient(TOKEN, session=session, connector=aiohttp.TCPConnector)


# --- TLS --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def client_by(way: str, url: str, **options: Any) -> AsyncIterator[PixxelClient]:
    """A client over sessions of its own, an injected one, or connectors of the user's."""
    if way == "session":
        async with aiohttp.ClientSession() as session, client_of(url, session=session, **options) as client:
            yield client
    else:
        more = {"connector": passes_on} if way == "connector" else {}
        async with client_of(url, **more, **options) as client:
            yield client


@pytest.mark.parametrize("way", ["own", "session", "connector"])
@pytest.mark.parametrize("setting", ["ca_file", "ssl_context"])
async def test_b8_calls_and_files_trust_the_same_authorities(setting: str, way: str, tmp_path: Path) -> None:
    trusted = authority_file(tmp_path)
    value = trusted if setting == "ca_file" else ssl.create_default_context(cafile=trusted)
    async with Stub(served, tls=server_tls()) as stub:
        async with client_by(way, stub.url, **{setting: value}) as client:
            assert Order(id="o-1") == await client.orders.get("o-1")
            assert Order(id="o-1") == await create(client)
            saved = await client.save(f"{stub.url}/a.bin", tmp_path)
            assert b"content" == saved.path.read_bytes()
        async with client_by(way, stub.url) as client:
            with pytest.raises(ConnectError, match="is not trusted"):
                await client.orders.get("o-1")
            with pytest.raises(DownloadError, match="certificate cannot be trusted"):
                await client.save(f"{stub.url}/b.bin", tmp_path)


async def test_b8_a_connector_keeps_its_own_context_where_the_client_has_none(tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=authority_file(tmp_path))
    factory = partial(aiohttp.TCPConnector, ssl=trusting)
    async with (
        Stub(served, tls=server_tls()) as stub,
        client_of(stub.url, connector=factory) as client,
    ):
        assert Order(id="o-1") == await client.orders.get("o-1")
        assert b"content" == (await client.save(f"{stub.url}/a.bin", tmp_path)).path.read_bytes()


async def test_b9_a_file_of_authorities_is_read_once_and_off_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By many calls and downloads that begin together, and by later ones."""
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.cert_pem.bytes())
    read_in: list[threading.Thread] = []

    class Context(ssl.SSLContext):
        def load_verify_locations(self, *args: Any, **options: Any) -> None:
            if str(path) in map(str, [*args, *options.values()]):
                read_in.append(threading.current_thread())
            super().load_verify_locations(*args, **options)

    monkeypatch.setattr(ssl, "create_default_context", lambda: Context(ssl.PROTOCOL_TLS_CLIENT))
    async with Stub(served, tls=server_tls()) as stub, client_of(stub.url, ca_file=path) as client:
        assert [] == read_in
        for _ in range(2):
            async with asyncio.TaskGroup() as group:
                for number in range(5):
                    group.create_task(client.orders.get("o-1"))
                    group.create_task(client.save(f"{stub.url}/{number}.bin", tmp_path, overwrite=True))
                group.create_task(create(client))
    assert 1 == len(read_in)
    assert threading.current_thread() is not read_in[0]
    assert 22 == len(stub.received)


async def test_b9_a_file_of_authorities_that_is_not_read_holds_no_call_beyond_its_time_limit(
    tmp_path: Path, leap: Callable[[float], None]
) -> None:
    """As on a network disk that does not answer. A call that is cancelled meanwhile spoils none of the others."""
    path = tmp_path / "ca.pem"
    os.mkfifo(path)
    async with (
        Stub(served, tls=server_tls()) as stub,
        client_of(stub.url, ca_file=path, retry=RetryPolicy(attempts=1)) as client,
    ):
        try:
            calls = [asyncio.create_task(create(client)) for _ in range(2)]
            for _ in range(5):
                await asyncio.sleep(0)
            calls[0].cancel()
            leap(200)
            with pytest.raises(ConnectError, match="ca_file could not be read in time"):
                await calls[1]
            assert calls[0].cancelled()
            assert (0, ()) == (stub.connections, client.unresolved)
        finally:  # else the thread would wait for ever
            reading = asyncio.create_task(client.orders.get("o-1"))
            await asyncio.to_thread(path.write_bytes, AUTHORITY.cert_pem.bytes())
            assert Order(id="o-1") == await reading


@pytest.mark.parametrize("way", ["own", "session", "connector"])
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_w10_a_file_of_authorities_that_cannot_be_used_ends_all_before_anything_is_sent(
    content: str | None, way: str, tmp_path: Path
) -> None:
    """It is read again by the next call: it may have been mounted meanwhile."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    problem = (
        "No such file" if content is None else "it holds no PEM certificate|no start line|NO_CERTIFICATE"
    )
    async with (
        Stub(served, tls=server_tls()) as stub,
        client_by(way, stub.url, ca_file=path) as client,
    ):
        for call in (
            lambda: client.orders.get("o-1"),
            lambda: create(client),
            lambda: client.save(f"{stub.url}/a.bin", tmp_path),
        ):
            with pytest.raises(
                ConfigurationError, match=rf"^ca_file '.*ca\.pem' cannot be used: .*({problem})"
            ):
                await call()
        assert (0, ()) == (stub.connections, client.unresolved)
        authority_file(tmp_path)
        assert Order(id="o-1") == await client.orders.get("o-1")


@contextmanager
def refused(says: str) -> Iterator[None]:
    with pytest.raises(ConfigurationError, match=f"^ssl_context .*{says}"):
        yield


@pytest.mark.filterwarnings("ignore:insecure=True")
def test_s7_a_context_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    with refused("must be an ssl.SSLContext, not a str; for a PEM file there is ca_file="):
        PixxelClient(TOKEN, ssl_context="ca.pem")  # type: ignore[arg-type]
    with refused("is for servers"):
        PixxelClient(TOKEN, ssl_context=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
    with refused("cannot be combined"):
        PixxelClient(TOKEN, ssl_context=context, ca_file=tmp_path / "ca.pem")
    with refused("cannot be combined"):
        PixxelClient(TOKEN, ssl_context=context, insecure=True)
