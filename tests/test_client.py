"""The client as a whole: its door, its life, its options, and the fakes for users' tests."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from certificates import server_tls
from stubs import CLOSE, HANG, RESET, Answer, Received, Stub, answer, json_answer

import pixxel_async
from pixxel_async import (
    ClientClosed,
    ConfigurationError,
    DownloadError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PixxelClient,
    RetryPolicy,
    SchemaError,
    ServerError,
    errors,
)
from pixxel_async._endpoints import __all__ as resource_classes
from pixxel_async.models import AOI, Order
from pixxel_async.testing import FakeTransport, VirtualClock

CANARY = "canary-7f3a9b"
ORDER = json_answer({"id": "o-1"})


# --- the door ---


def test_the_list_of_names_is_sorted_and_true() -> None:
    names = pixxel_async.__all__
    assert sorted(names) == names
    assert set(names) == {
        name
        for name, value in vars(pixxel_async).items()
        if getattr(value, "__module__", "").startswith("pixxel_async.")
    } | {"__version__"}


def test_every_error_is_at_the_door() -> None:
    assert {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    } <= set(pixxel_async.__all__)


def test_the_version_is_that_of_the_distribution() -> None:
    assert version("pixxel-async") == pixxel_async.__version__


def test_every_resource_is_an_attribute() -> None:
    client = PixxelClient(transport=FakeTransport({}))
    attached = {type(value).__name__ for name, value in vars(client).items() if not name.startswith("_")}
    assert set(resource_classes) - {"Status"} == attached


# --- settings ---


async def test_the_token_and_the_address_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stub(ORDER) as stub:
        monkeypatch.setenv("PIXXEL_API_KEY", CANARY)
        monkeypatch.setenv("PIXXEL_BASE_URL", stub.url)
        async with PixxelClient() as client:
            assert Order(id="o-1") == await client.orders.get("o-1")
    assert f"Bearer {CANARY}" == stub.received[0].headers["authorization"]


def test_n1_without_a_token_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIXXEL_API_KEY", "PIXXEL_TOKEN", "PIXXEL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"no token: pass PixxelClient\(token="):
        PixxelClient()


@pytest.mark.parametrize(
    "options",
    [
        {"token": f"{CANARY} oops"},
        {"token": CANARY, "base_url": "http://api.example"},
        {"token": CANARY, "timeout": 0},
        {"token": "token", "proxy": f"http://user:{CANARY}@proxy.example", "base_url": "http://api.example"},
        {"token": "token", "proxy": f"http://user:{CANARY}@proxy.example:port"},
        {"token": "token", "proxy": f"socks5://user:{CANARY}@proxy.example"},
        {"token": "token"},
    ],
    ids=[
        "bad token",
        "bad address",
        "bad limit",
        "proxy and bad address",
        "bad proxy",
        "SOCKS",
        "SOCKS in the environment",
    ],
)
def test_s6_a_wrong_setting_shows_no_secret_in_a_frame_of_ours(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports of crashes show the local variables of every frame."""
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://user:{CANARY}@proxy.example:1080")
    with pytest.raises(ConfigurationError) as caught:
        PixxelClient(**options)
    assert [] == leaking_frames(caught.value)
    assert CANARY not in str(caught.value)


async def test_s6_a_provider_of_a_bad_token_shows_it_in_no_frame_of_ours() -> None:
    async def provider() -> str:
        return f"{CANARY} oops"

    async with Stub(ORDER) as stub, PixxelClient(provider, base_url=stub.url) as client:
        with pytest.raises(ConfigurationError) as caught:
            await client.orders.get("o-1")
        assert [] == stub.received
    assert [] == leaking_frames(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": 0}, "timeout must be"),
        ({"proxy": "ftp://x"}, "proxy must be the URL of an HTTP proxy"),
        ({"base_url": "http://api.example"}, "is http"),
        ({"auth_scheme": "two words"}, "auth_scheme must be a scheme"),
        ({"ca_file": "a\0b"}, "ca_file='a.x00b' is not a path"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_sent(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        PixxelClient("token", **options)


async def test_an_injected_session_stays_open() -> None:
    async with Stub(ORDER) as stub, aiohttp.ClientSession() as session:
        async with PixxelClient("token", base_url=stub.url, session=session) as client:
            await client.orders.get("o-1")
        assert not session.closed


# --- calls ---


async def test_the_service_answers_a_ping() -> None:
    async with Stub(json_answer("pong")) as stub, PixxelClient("token", base_url=stub.url) as client:
        assert "pong" == await client.ping()
        assert ["/ping"] == [request.target for request in stub.received]


async def test_a_file_is_saved_without_the_token(tmp_path: Path) -> None:
    async with (
        Stub(answer(200, b"PK data", Content_Type="application/zip")) as stub,
        PixxelClient(CANARY, base_url=stub.url) as client,
    ):
        saved = await client.save(f"{stub.url}/package.zip?signature=1", directory=tmp_path)
        assert (tmp_path / "package.zip", b"PK data") == (saved.path, saved.path.read_bytes())
    assert CANARY not in repr([request.headers for request in stub.received])


async def test_a10_each_host_is_judged_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API of this machine is reached directly, the host of a file over the proxy that the environment names."""
    for name in ("all_proxy", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    async with Stub(json_answer("pong")) as stub, Stub(answer(200, b"PK data")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with PixxelClient(CANARY, base_url=stub.url) as client:
            assert "pong" == await client.ping()
            saved = await client.save("http://storage.example/a.zip", directory=tmp_path)
            assert b"PK data" == saved.path.read_bytes()
        assert ["/ping"] == [request.target for request in stub.received]
        assert ["http://storage.example/a.zip"] == [request.target for request in proxy.received]
    assert CANARY not in repr([request.headers for request in proxy.received])


async def test_b6_nothing_but_code_lets_certificates_go_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable does it, and no key of the configuration file."""
    for name, value in {"PIXXEL_INSECURE": "1", "PYTHONHTTPSVERIFY": "0", "CURL_INSECURE": "1"}.items():
        monkeypatch.setenv(name, value)
    async with Stub(json_answer("pong"), tls=server_tls()) as stub:
        async with PixxelClient(CANARY, base_url=stub.url) as client:
            with pytest.raises(errors.TlsError):
                await client.ping()
        with pytest.warns(RuntimeWarning, match="certificates are not checked"):
            trusting = PixxelClient(CANARY, base_url=stub.url, insecure=True)
        async with trusting:
            assert "pong" == await trusting.ping()
    config = tmp_path / "config.toml"
    config.write_text("[profiles.home]\ntoken = 'x'\ninsecure = 'true'\n")
    config.chmod(0o600)
    monkeypatch.setenv("PIXXEL_CONFIG_FILE", str(config))
    with pytest.raises(ConfigurationError, match="insecure: unknown key"):
        PixxelClient(profile="home")


BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin"


@pytest.mark.parametrize("place", ["build_request", "judge_status", "error_from"])
async def test_s6_a_crash_in_the_middle_of_a_call_shows_no_token(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours, that is: nothing expects it, and it comes through as it is."""

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(f"pixxel_async._http.transport.{place}", crash)
    async with Stub(answer(400)) as stub, PixxelClient(CANARY, base_url=stub.url) as client:
        with pytest.raises(RuntimeError, match="a mistake") as caught:
            await client.orders.get("o-1")
    assert [] == leaking_frames(caught.value)


@pytest.mark.parametrize(
    "steps",
    [[HANG], [BEGUN, HANG], [RESET], answer(404)],
    ids=["cancelled", "cancelled in the middle", "reset", "404"],
)
async def test_l8_a_failed_file_shows_no_signature_in_a_frame(steps: Answer, tmp_path: Path) -> None:
    """Whoever has the URL has the file; reports of crashes show the local variables of every frame."""
    clock = VirtualClock()
    async with Stub(steps) as stub, PixxelClient("token", base_url=stub.url, clock=clock) as client:
        saving = asyncio.create_task(
            client.save(f"{stub.url}/package.zip?signature={CANARY}", directory=tmp_path)
        )
        await stub.asked()
        await asyncio.sleep(0.02)  # until the beginning has come; sooner is another place to cancel at
        if HANG in steps:
            saving.cancel()
        with pytest.raises((asyncio.CancelledError, DownloadError)) as caught:
            await saving
    assert [] == leaking_frames(caught.value)


@pytest.mark.parametrize(
    "place", ["ftp://storage.example/a", "https://u@storage.example/a", "storage.example/ a"]
)
async def test_l8_a_url_that_is_refused_shows_no_signature_in_a_frame(place: str, tmp_path: Path) -> None:
    async with PixxelClient("token") as client:
        with pytest.raises(InvalidInput, match="the URL") as caught:
            await client.save(f"{place}?signature={CANARY}", directory=tmp_path)
    assert [] == leaking_frames(caught.value)
    assert CANARY not in str(caught.value)


def leaking_frames(error: BaseException | None) -> list[str]:
    """The frames, but those of this file, whose local variables show the canary; of all errors in the chain."""
    found = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        found += [
            f"{frame.name}: {frame.locals}"
            for frame in shown.stack
            if frame.filename != __file__ and CANARY in repr(frame.locals)
        ]
        error = error.__cause__ or error.__context__
    return found


async def test_n5_one_forbidden_thing_does_not_keep_from_the_others() -> None:
    """Nor is the token doubted: the provider is asked for the first one only."""
    asked = []

    def provider() -> str:
        asked.append(1)
        return "token"

    def serve(request: Received) -> Answer:
        name = request.target.rpartition("/")[2]
        return answer(403) if name == "o-3" else json_answer({"id": name})

    async with Stub(serve) as stub, PixxelClient(provider, base_url=stub.url) as client:
        found = await asyncio.gather(
            *(client.orders.get(f"o-{number}") for number in range(8)), return_exceptions=True
        )
        assert ([3], 8, 1) == (
            [number for number, each in enumerate(found) if isinstance(each, PermissionDenied)],
            len(stub.received),
            len(asked),
        )
        assert [Order(id=f"o-{number}") for number in (0, 1, 2, 4, 5, 6, 7)] == found[:3] + found[4:]


async def test_n6_netrc_is_read_neither_for_calls_nor_for_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text(
        "machine 127.0.0.1 login user password secret\ndefault login u password p\n"
    )
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    async with Stub(ORDER) as stub, PixxelClient("token", base_url=stub.url) as client:
        await client.orders.get("o-1")
        await client.save(f"{stub.url}/o-1.json?signature=1", directory=tmp_path)
        assert ["Bearer token", None] == [request.headers.get("authorization") for request in stub.received]


@pytest.mark.parametrize(
    ("id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("../../v0/projects", "..%2F..%2Fv0%2Fprojects"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("100%", "100%25"),
        ("a%2Fb", "a%252Fb"),
        ("a#b;c", "a%23b%3Bc"),
        ("é", "%C3%A9"),
    ],
)
async def test_s5_an_id_arrives_as_one_segment(id: str, segment: str) -> None:
    async with Stub(json_answer({"id": id})) as stub, PixxelClient("token", base_url=stub.url) as client:
        await client.orders.get(id)
        assert [f"/v0/orders/{segment}"] == [request.target for request in stub.received]


@pytest.mark.parametrize("id", ["", " ", ".", "..", "a\nb", "a\r\nX-Header: b", "a\0"])
async def test_s5_what_cannot_be_an_id_is_not_sent(id: str) -> None:
    async with Stub(ORDER) as stub, PixxelClient("token", base_url=stub.url) as client:
        with pytest.raises(InvalidInput, match="order_id"):
            await client.orders.get(id)
        assert [] == stub.received


async def test_options_hold_for_a_sibling_only() -> None:
    async with (
        Stub(answer(503)) as stub,
        PixxelClient("token", base_url=stub.url, clock=VirtualClock()) as client,
    ):
        with pytest.raises(ServerError):
            await client.with_options(retry=RetryPolicy.none()).orders.get("o-1")
        assert 1 == len(stub.received)
        with pytest.raises(ServerError):
            await client.orders.get("o-1")
        assert 6 == len(stub.received)
        with pytest.raises(ConfigurationError, match="timeout must be"):
            client.with_options(timeout=-1)


# --- life ---


async def test_a_closed_client_says_so() -> None:
    client = PixxelClient("token", base_url="http://127.0.0.1:1")
    await client.aclose()
    await client.aclose()
    for use in (
        client.ping(),
        client.save("https://x", "."),
        client.__aenter__(),
        client.with_options().ping(),
    ):
        with pytest.raises(ClientClosed, match="the client is closed: make a new PixxelClient"):
            await use


async def test_a_sibling_closes_nothing() -> None:
    async with Stub(ORDER) as stub, PixxelClient("token", base_url=stub.url) as client:
        async with client.with_options(timeout=5) as sibling:
            await sibling.orders.get("o-1")
        assert Order(id="o-1") == await client.orders.get("o-1")
        assert 1 == stub.connections


def test_a_client_stays_in_its_event_loop() -> None:
    client = PixxelClient(transport=FakeTransport({"GET /ping": "pong"}))
    assert "pong" == asyncio.run(client.ping())
    with pytest.raises(ClientClosed, match="bound to another event loop"):
        asyncio.run(client.ping())


FORKED = """
import asyncio, os, warnings
from pixxel_async import ClientClosed, PixxelClient
from pixxel_async.testing import FakeTransport
warnings.simplefilter("ignore")  # Python 3.12 warns of a fork beside threads

client = PixxelClient(transport=FakeTransport({"GET /ping": "pong"}))
asyncio.run(client.ping())
if os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
try:
    asyncio.run(client.ping())
except ClientClosed as error:
    os._exit(0 if "before a fork" in str(error) else 2)
os._exit(3)
"""


def test_a_client_stays_in_its_process() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    assert (
        0
        == subprocess.run([sys.executable, "-c", FORKED], env=environment, timeout=60, check=False).returncode
    )


# --- fakes ---


async def test_the_fake_transport_answers_and_remembers() -> None:
    async def by_id(request: Any) -> Any:
        return {"id": request.path.rpartition("/")[2]}

    transport = FakeTransport(
        {
            "GET /v0/orders/o-1": {"id": "o-1"},
            "GET /v0/orders/o-2": by_id,
            "GET /v0/orders/o-3": NotFound("no such order", status=404),
            "GET /v0/orders/o-4": {"id": {"a": 1}},
            "GET /v0/aois": lambda request: {"aois": [{"aoi_id": "a", "name": request.query["aoi_name"]}]},
        }
    )
    async with PixxelClient(transport=transport) as client:
        assert Order(id="o-1") == await client.orders.get("o-1")
        assert Order(id="o-2") == await client.orders.get("o-2")
        with pytest.raises(NotFound, match="no such order"):
            await client.orders.get("o-3")
        with pytest.raises(SchemaError, match=r"\$\.id"):
            await client.orders.get("o-4")
        assert [AOI(aoi_id="a", name="north")] == await client.aois.list(aoi_name="north", limit=1)
        with pytest.raises(
            LookupError, match=r"no response to 'GET /v0/orders/o-5'; it has \['GET /v0/aois', "
        ):
            await client.orders.get("o-5")
        with pytest.raises(InvalidInput, match="order_id"):
            await client.orders.get("..")
    assert ["GET /v0/orders/o-1", "north"] == [
        str(transport.requests[0]),
        transport.requests[4].query["aoi_name"],
    ]


async def test_virtual_sleepers_wake_in_order_at_once() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.monotonic()))

    await asyncio.gather(sleeper("a", 100), sleeper("b", 30, 30), sleeper("c", 45))
    assert [("b", 30.0), ("c", 45.0), ("b", 60.0), ("a", 100.0)] == woken
    assert [100, 30, 45, 30] == clock.slept


async def test_a_virtual_sleeper_can_be_cancelled() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await clock.sleep(20)
    assert 20.0 == clock.monotonic()


async def test_a_broken_connection_is_not_met_with_a_hidden_resend() -> None:
    """With aiohttp's own second sending, every number of attempts would be wrong."""
    async with (
        Stub([CLOSE]) as stub,
        PixxelClient("token", base_url=stub.url, clock=VirtualClock()) as client,
    ):
        with pytest.raises(errors.ConnectionLost) as caught:
            await client.orders.get("o-1")
        assert 5 == len(stub.received) == len(caught.value.attempts)
