"""Downloads over real sockets into real directories: whole files or none, and no secrets on the way."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import pickle
import resource
import signal
import threading
import time
import traceback
import zipfile
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from certificates import authority_file, server_tls
from downloads import fetch
from hypothesis import given, settings
from hypothesis import strategies as st
from stubs import CLOSE, HANG, RESET, Answer, Step, Stub, Wait, answer

from pixxel_async._base.files import LONGEST_NAME, in_thread, safe_name
from pixxel_async._codec.model import Model, model
from pixxel_async._download import signed_url, storage
from pixxel_async._download.downloader import Downloader, SavedFile
from pixxel_async._download.signed_url import SignedUrl
from pixxel_async._http.auth import Hidden
from pixxel_async._http.network import Network
from pixxel_async._http.operation import LifeCycle
from pixxel_async._resource.polling import PackagePoller
from pixxel_async.errors import (
    ClientClosed,
    DiskFull,
    DownloadError,
    FileInTheWay,
    IntegrityError,
    InvalidInput,
    WaitFailed,
)
from pixxel_async.testing import VirtualClock

CANARY = "sig=c4n4ry"
CONTENT = bytes(range(256)) * 20


def archive(**files: bytes) -> bytes:
    """The same bytes at any time of day: they stand in the ids of tests, and two workers must collect the same ones."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        for name, data in files.items():
            content.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def chunked(body: bytes, *, end: bytes = b"0\r\n\r\n", **headers: str) -> Answer:
    """An answer that does not tell its length."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{lines}\r\n".encode()
    return [head, f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b"", end]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# --- whole files ------------------------------------------------------------------------------------------


async def test_a_file_arrives_whole_with_its_hash(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub(answer(200, CONTENT)) as stub:
        saved = await downloader.save(f"{stub.url}/out/scene.tif?{CANARY}", tmp_path / "new" / "folder")
    expected = SavedFile(
        tmp_path / "new" / "folder" / "scene.tif", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), True
    )
    assert expected == saved
    assert CONTENT == saved.path.read_bytes()
    assert ["scene.tif"] == names(saved.path.parent)


@settings(max_examples=15)
@given(
    size=st.integers(0, 3 * 2**20 + 7), cuts=st.lists(st.floats(0, 1), max_size=3), tells_length=st.booleans()
)
def test_any_size_survives_any_cuts(tmp_path: Path, size: int, cuts: list[float], tells_length: bool) -> None:
    """Whatever breaks on the way: the same bytes, the same count, and progress that ends at the size (J1, J14)."""
    content = (os.urandom(1024) * (size // 1024 + 1))[:size]
    broken: list[Answer] = [
        [*answer(200, content[: int(at * size)], length=size + 1), RESET if number % 2 else CLOSE]
        for number, at in enumerate(cuts)
    ]
    seen: list[tuple[int, int | None]] = []

    async def run() -> tuple[SavedFile, int]:
        whole = answer(200, content) if tells_length else chunked(content)
        async with Stub(*broken, whole) as stub:
            downloader = Downloader(clock=VirtualClock(), allow_private=True)
            try:
                saved = await downloader.save(
                    f"{stub.url}/x.bin",
                    tmp_path,
                    overwrite=True,
                    on_progress=lambda done, total: seen.append((done, total)),
                )
            finally:
                await downloader.aclose()
            return saved, len(stub.received)

    saved, requests = asyncio.run(run())
    assert hashlib.sha256(content).hexdigest() == saved.sha256
    assert content == saved.path.read_bytes()
    assert (size, tells_length) == (saved.size, saved.length_verified)
    assert (size, size if tells_length else None) == seen[-1]
    assert len(cuts) + 1 == requests


async def test_a_file_cut_every_time_gets_no_name(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    """Eight attempts, seven growing waits, nothing left behind."""
    async with Stub([*answer(200, b"half", length=9), CLOSE]) as stub:
        with pytest.raises(DownloadError, match=r"/x\.tif: the connection broke \(after 8 attempts\)$"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert 8 == len(stub.received)
    assert all(pause <= most for pause, most in zip(clock.slept, (0.5, 1, 2, 4, 8, 16, 20), strict=True))
    assert [] == names(tmp_path)


async def test_j10_a_zip_without_length_must_have_its_end(downloader: Downloader, tmp_path: Path) -> None:
    """A body that ends with the connection cannot be seen to be cut, but its content can (J10)."""
    content = archive(a=b"1" * 1000)
    cut: Answer = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + content[:-9], CLOSE]
    async with Stub(cut, cut, chunked(content)) as stub:
        saved = await downloader.save(f"{stub.url}/x.zip", tmp_path)
        assert (content, False) == (saved.path.read_bytes(), saved.length_verified)
        stub.answers = [cut]
        with pytest.raises(IntegrityError, match="the ZIP has no end"):
            await downloader.save(f"{stub.url}/y.zip", tmp_path)


async def test_j11_a_bad_chunk_cannot_hang_it(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp never reports a malformed chunk; the limit around every read does (finding 4). Thirty seconds cut short."""
    monkeypatch.setattr(storage, "_IDLE_LIMIT", 0.1)
    bad: Answer = [*chunked(b"good", end=b""), b"ZZ\r\n", HANG]
    stalled: Answer = [*answer(200, b"half", length=9), HANG]
    async with asyncio.timeout(10), Stub(bad, stalled, answer(200, b"all of it")) as stub:
        saved = await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert b"all of it" == saved.path.read_bytes()


async def test_j11_a_transfer_that_only_drips_is_broken_off(tmp_path: Path) -> None:
    """Below 1 KiB/s over a minute (J11); the minute passes on our clock."""

    class Hurried(VirtualClock):
        def monotonic(self) -> float:
            self.advance(20)
            return super().monotonic()

    drip: Answer = [*answer(200, b"", length=99), *[b"d", Wait(0.01)] * 5, HANG]
    downloader = Downloader(clock=Hurried(), allow_private=True)
    async with asyncio.timeout(10), Stub(drip, answer(200, CONTENT)) as stub:
        saved = await downloader.save(f"{stub.url}/x.tif", tmp_path)
    await downloader.aclose()
    assert len(CONTENT) == saved.size
    assert 2 == len(stub.received)


# --- what goes onto the wire ------------------------------------------------------------------------------


async def test_only_these_headers_are_sent_and_no_cookie_is_kept(
    downloader: Downloader, tmp_path: Path
) -> None:
    async with Stub(answer(200, b"x", Set_Cookie="a=b; Path=/")) as stub:
        for name in ("a.tif", "b.tif"):
            await downloader.save(f"{stub.url}/{name}", tmp_path)
        host = stub.url.removeprefix("http://")
    expected = {"host": host, "accept-encoding": "identity", "user-agent": "pixxel-async/0.1.0"}
    assert [expected, expected] == [request.headers for request in stub.received]


@pytest.mark.parametrize(
    "path",
    ["/a%2Fb/x.tif?s=%2F%2f+%20&e=~%7E!'()*", "/x.tif?a=b=c&&d", "/%E0%A4%95.tif", "/a/../x.tif"],
)
async def test_l4_signed_urls_are_sent_byte_for_byte(
    downloader: Downloader, tmp_path: Path, path: str
) -> None:
    """L4; a redirect's too."""
    async with Stub(answer(200, b"x")) as stub:
        await downloader.save(f"{stub.url}{path}", tmp_path)
        stub.answers = [answer(200), answer(302, Location=f"{stub.url}{path}"), answer(200, b"x")]
        await downloader.save(f"{stub.url}/y.tif", tmp_path)
    assert path == stub.received[0].target
    assert path == stub.received[-1].target


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example/x",
        "file:///etc/passwd",
        "https://user:secret@storage.example/x",
        "https://169.254.169.254/latest",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://storage.example:99999/x",
        "https://storage.example/x y",
        "https://storage.example/x\r\nHost: other",
        "https://storage.example/ü",
        "https:///x",
        "",
        None,
    ],
)
async def test_l6_urls_that_lead_nowhere_good_are_refused(url: Any, tmp_path: Path) -> None:
    """L6, M5: before anything is sent, and as a redirect's target."""
    downloader = Downloader()
    with pytest.raises(InvalidInput, match="the URL ") as caught:
        await downloader.save(url, tmp_path)
    assert "secret" not in str(caught.value)
    if url:
        with pytest.raises(DownloadError):
            SignedUrl("https://storage.example/a").redirected(url, allow_private=False)
    await downloader.aclose()


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("::ffff:10.0.0.1", True),
        ("fe80::1", True),
        ("100.64.0.1", True),
    ],
)
def test_which_addresses_are_private(host: str, is_private: bool) -> None:
    """An IPv4 address in the dress of IPv6 is what it is."""
    assert is_private == signed_url.is_private(host)


async def test_l6_a_name_that_leads_into_a_private_network_is_refused(tmp_path: Path) -> None:
    """L6: judged by what the name resolves to, and not tried again."""
    downloader = Downloader(clock=VirtualClock())
    async with Stub(answer(200, b"x")) as stub:
        with pytest.raises(
            DownloadError, match=r"https://localhost:\d+/x: the host's name leads to a private address$"
        ):
            await downloader.save(f"https://localhost:{stub.port}/x", tmp_path)
    await downloader.aclose()
    assert 0 == stub.connections


async def test_m4_m5_redirects_are_followed_by_our_rules(downloader: Downloader, tmp_path: Path) -> None:
    """M4, M5."""
    hop = answer(307, Location="/next?a=%2F")
    async with Stub(*[hop] * 5, answer(200, b"x")) as stub:
        await downloader.save(f"{stub.url}/x.tif", tmp_path)
        assert ["/x.tif", *["/next?a=%2F"] * 5] == [request.target for request in stub.received]
        stub.answers = [hop]
        with pytest.raises(DownloadError, match="more than 5 redirects"):
            await downloader.save(f"{stub.url}/y.tif", tmp_path)
        for headers, words in (
            ({}, "no Location"),
            ({"Location": "file:///etc/passwd"}, "https://"),
            ({"Location": f"ftp://x/?{CANARY}"}, r"ftp://x/\?…"),
        ):
            stub.answers = [answer(302, **headers)]
            with pytest.raises(DownloadError, match=f"redirect refused: .*{words}"):
                await downloader.save(f"{stub.url}/y.tif", tmp_path)


async def test_a_certificate_that_cannot_be_trusted_is_not_tried_again(
    clock: VirtualClock, tmp_path: Path
) -> None:
    """B1: waiting does not make it trustworthy."""
    trusting = Network(ca_file=authority_file(tmp_path))
    async with (
        Stub(answer(200, b"x"), tls=server_tls()) as stub,
        aclosing(Downloader(clock=clock, allow_private=True)) as strict,
        aclosing(Downloader(clock=clock, allow_private=True, network=trusting)) as downloader,
    ):
        with pytest.raises(DownloadError, match=r"certificate cannot be trusted, or TLS failed$"):
            await strict.save(f"{stub.url}/x.tif", tmp_path)
        assert [] == clock.slept
        assert b"x" == (await downloader.save(f"{stub.url}/x.tif", tmp_path)).path.read_bytes()


async def test_a_proxy_is_used_when_there_is_one(clock: VirtualClock, tmp_path: Path) -> None:
    """A9; its password is in no error."""
    async with Stub(answer(200, b"x"), answer(502)) as proxy:
        way = proxy.url.replace("http://", "http://user:pass@")
        downloader = Downloader(clock=clock, allow_private=True, network=Network(proxy=Hidden(way)))
        saved = await downloader.save("http://storage.example/one.tif", tmp_path)
        assert b"x" == saved.path.read_bytes()
        assert "http://storage.example/one.tif" == proxy.received[0].target
        with pytest.raises(DownloadError) as caught:
            await downloader.save("http://storage.example/one2.tif", tmp_path)
        assert "pass" not in str(caught.value)
        await downloader.aclose()


# --- answers that are no file -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", [CLOSE, RESET])
async def test_every_sending_is_ours_and_counted(downloader: Downloader, tmp_path: Path, step: Step) -> None:
    """aiohttp would send each of them twice."""
    async with Stub(answer(200, b"x"), [step]) as stub:
        await downloader.save(f"{stub.url}/x.tif", tmp_path)  # so that a pooled connection is there
        with pytest.raises(DownloadError, match=r"the connection broke \(after 8 attempts\)"):
            await downloader.save(f"{stub.url}/y.tif", tmp_path)
    assert 1 + 8 == len(stub.received)


async def test_nobody_there_is_told(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub([CLOSE]) as stub:
        url = stub.url
    with pytest.raises(DownloadError, match=r"no connection \(after 8 attempts\)"):
        await downloader.save(f"{url}/x.tif", tmp_path)


@pytest.mark.parametrize("status", [500, 503, 429, 408, 206])
async def test_passing_trouble_is_tried_again(downloader: Downloader, tmp_path: Path, status: int) -> None:
    """A 206 that nobody asked for holds a part of the file only."""
    async with Stub(answer(status, b"part"), answer(200, b"whole")) as stub:
        saved = await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert b"whole" == saved.path.read_bytes()
    assert 2 == len(stub.received)


async def test_retry_after_is_kept_up_to_two_minutes(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    async with Stub(answer(503, Retry_After="7"), answer(200, b"x")) as stub:
        await downloader.save(f"{stub.url}/x.tif", tmp_path)
        assert 7 <= clock.slept[0] <= 7.8
        stub.answers = [answer(429, Retry_After="1000")]
        with pytest.raises(DownloadError, match=r"the server responded with 429$"):
            await downloader.save(f"{stub.url}/y.tif", tmp_path)
    assert 3 == len(stub.received)


@pytest.mark.parametrize("status", [400, 405, 416, 304, 204])
async def test_other_statuses_end_it_at_once(downloader: Downloader, tmp_path: Path, status: int) -> None:
    async with Stub([*answer(status), CLOSE]) as stub:
        with pytest.raises(DownloadError, match=f"the server responded with {status}$"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert 1 == len(stub.received)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (403, b"<Error><Code>AccessDenied"),
        (404, b""),
        (410, b""),
        (400, b"<Code>ExpiredToken</Code>"),
    ],
)
async def test_l1_an_expired_url_is_refreshed(
    downloader: Downloader, tmp_path: Path, status: int, body: bytes
) -> None:
    """L1; the name stays that of the first URL."""
    async with Stub(answer(status, body), answer(200, b"x")) as stub:

        async def refresh() -> str:
            return f"{stub.url}/other-name.tif?fresh"

        saved = await fetch(downloader, f"{stub.url}/x.tif?old", tmp_path, refresh=refresh)
        assert ["/x.tif?old", "/other-name.tif?fresh"] == [request.target for request in stub.received]
        assert "x.tif" == saved.path.name
        stub.answers = [answer(status, body)]
        with pytest.raises(
            DownloadError, match=f"responded with {status}: the link has expired, or the file is gone$"
        ):
            await downloader.save(f"{stub.url}/y.tif", tmp_path)


async def test_l2_urls_that_expire_again_and_again_are_given_up(
    downloader: Downloader, tmp_path: Path
) -> None:
    """After three refreshes (L2)."""
    refreshed = 0
    async with Stub(answer(403)) as stub:

        async def refresh() -> str:
            nonlocal refreshed
            refreshed += 1
            return f"{stub.url}/x.tif?{refreshed}"

        with pytest.raises(DownloadError, match="expired"):
            await fetch(downloader, f"{stub.url}/x.tif", tmp_path, refresh=refresh)
    assert 3 == refreshed
    assert 4 == len(stub.received)


@pytest.mark.parametrize(
    ("name", "body", "type"),
    [
        ("x.zip", b"<!DOCTYPE html><p>Login", "text/html"),
        ("x.zip", b"\n <html>", "application/zip"),
        ("x.bin", b"<html>", "text/plain"),
        ("x.tif", b"<?xml version='1.0'?><Error><Code>SlowDown", "application/octet-stream"),
        ("x.xml", b"\xef\xbb\xbf<?xml version='1.0'?>\n<Error><Code>SlowDown", "application/xml"),
        ("x.tif", b"<?xml version='1.0'?><other/>", "application/xml"),
        ("x.tif", b'{"error": "no"}', "application/json"),
        ("x.zip", b"Access denied", "text/html; charset=utf-8"),
    ],
)
async def test_j9_an_error_page_with_status_200_is_no_file(
    downloader: Downloader, tmp_path: Path, name: str, body: bytes, type: str
) -> None:
    """J9."""
    async with Stub(answer(200, body, Content_Type=type)) as stub:
        with pytest.raises(DownloadError, match="sent a page of text with status 200"):
            await downloader.save(f"{stub.url}/{name}", tmp_path)
    assert [] == names(tmp_path)


@pytest.mark.parametrize(
    ("name", "body", "type"),
    [
        ("x.xml", b"<?xml version='1.0'?><metadata/>", "application/xml"),
        ("x.html", b"<!doctype html>", "text/html"),
        ("item", b'{"id": "a"}', "application/json"),
        ("x.tif", b"II*\0data", "text/html"),
        ("x.zip", archive(a=b""), "text/plain"),
    ],
)
async def test_what_is_asked_for_as_text_may_be_text(
    downloader: Downloader, tmp_path: Path, name: str, body: bytes, type: str
) -> None:
    """And a wrong type does not spoil right bytes."""
    async with Stub(answer(200, body, Content_Type=type)) as stub:
        assert body == (await downloader.save(f"{stub.url}/{name}", tmp_path)).path.read_bytes()


async def test_j12_encoded_content_is_decoded_and_must_be_whole(
    downloader: Downloader, tmp_path: Path
) -> None:
    """J12: a gzip stream cut inside a right length is seen."""
    packed = gzip.compress(CONTENT * 500, mtime=0) + gzip.compress(b"second")
    async with Stub(answer(200, packed, Content_Encoding="gzip")) as stub:
        saved = await downloader.save(f"{stub.url}/x.csv", tmp_path)
        assert CONTENT * 500 + b"second" == saved.path.read_bytes()
        assert (len(CONTENT) * 500 + 6, hashlib.sha256(CONTENT * 500 + b"second").hexdigest()) == (
            saved.size,
            saved.sha256,
        )
        for body, encoding, words in (
            (packed[:-9], "gzip", "the gzip stream has no end"),
            (CONTENT, "gzip", "not the gzip stream that it claims"),
            (gzip.compress(bytes(50 * 2**20)), "gzip", "grows more than 200 times"),
            (CONTENT, "br", "an encoding that was not requested"),
        ):
            stub.answers = [answer(200, body, Content_Encoding=encoding)]
            with pytest.raises(DownloadError, match=words):
                await downloader.save(f"{stub.url}/y.csv", tmp_path)
    assert ["x.csv"] == names(tmp_path)


# --- names ------------------------------------------------------------------------------------------------


@given(st.text(max_size=300) | st.from_regex(r"[ ./\\]*(con|NUL|Com1)?(\.[a-z]{0,4})?[ .]*", fullmatch=True))
def test_safe_names_are_safe(text: str) -> None:
    """One part, encodable, short, visible, not reserved; making safe what is safe changes nothing."""
    name = safe_name(text)
    assert len(name.encode()) <= LONGEST_NAME
    assert name == safe_name(name)
    assert not set(name) & set('/\\:<>"|?*\0\n\u202e')
    assert name == name.strip(" .")
    assert name.partition(".")[0].casefold() not in {"con", "nul", "com1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scene.tif", "scene.tif"),
        ("../../etc/passwd", "passwd"),
        ("a\\b\\c.zip", "c.zip"),
        ("con.txt", "_con.txt"),
        ("e\u0301.tif", "é.tif"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("2026-01-01T10:00:00.tif", "2026-01-01T10_00_00.tif"),
        ("..", ""),
        ("\ud800.tif", "tif"),
    ],
)
def test_k6_what_becomes_of_names(text: str, expected: str) -> None:
    """K6."""
    assert expected == safe_name(text)


def test_long_names_keep_their_ending_and_their_difference() -> None:
    first, second = (safe_name("n" * 300 + end + ".tif") for end in "ab")
    assert first != second
    assert first.endswith(".tif")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b/", "download"),
        ("", "download"),
        ("/a%2F..%2Fb.tif", "b.tif"),
        ("/%2e%2e", "download"),
        ("/x%00y.zip", "xy.zip"),
    ],
)
async def test_the_name_comes_from_the_url_cleaned(
    downloader: Downloader, tmp_path: Path, path: str, expected: str
) -> None:
    async with Stub(answer(200, b"x")) as stub:
        saved = await downloader.save(f"{stub.url}{path}", tmp_path)
    assert tmp_path / expected == saved.path


@pytest.mark.parametrize("name", ["a/b.tif", "../x", "", ".", "x\n", "n" * 200, "a:b"])
async def test_a_chosen_name_is_taken_or_refused_never_changed(
    downloader: Downloader, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInput, match=r"is not a safe file name: (use|give a bare name)"):
        await downloader.save("http://127.0.0.1:1/x", tmp_path, filename=name)
    assert [] == names(tmp_path)


# --- the disk ---------------------------------------------------------------------------------------------


async def test_k3_an_existing_file_is_never_touched_unasked(downloader: Downloader, tmp_path: Path) -> None:
    """K3; nothing is requested either."""
    (tmp_path / "x.tif").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    async with Stub(answer(200, b"new")) as stub:
        with pytest.raises(FileInTheWay, match="exists already: pass overwrite=True"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path)
        with pytest.raises(FileInTheWay, match="is a directory"):
            await downloader.save(f"{stub.url}/folder", tmp_path, overwrite=True)
        assert (0, b"mine") == (len(stub.received), (tmp_path / "x.tif").read_bytes())
        saved = await downloader.save(f"{stub.url}/x.tif", tmp_path, overwrite=True)
    assert b"new" == saved.path.read_bytes()


async def test_a_file_made_meanwhile_is_not_replaced(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub(answer(200, b"new")) as stub:
        with pytest.raises(FileInTheWay, match="made by another program meanwhile"):
            await downloader.save(
                f"{stub.url}/x.tif",
                tmp_path,
                on_progress=lambda *_: (tmp_path / "x.tif").write_bytes(b"theirs"),
            )
    assert b"theirs" == (tmp_path / "x.tif").read_bytes()
    assert ["x.tif"] == names(tmp_path)


async def test_while_it_grows_only_the_part_file_exists(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    async with Stub(answer(200, CONTENT)) as stub:
        await downloader.save(
            f"{stub.url}/x.tif", tmp_path, on_progress=lambda *_: seen.append(names(tmp_path))
        )
    assert [["x.tif.part"]] == seen


async def test_j15_two_downloads_do_not_write_one_file(downloader: Downloader, tmp_path: Path) -> None:
    """J15: the second is refused; what a dead process left over is overwritten (K4)."""
    writing = asyncio.Event()
    async with Stub([*answer(200, b"a", length=2), HANG], answer(200, b"ab")) as stub:
        first = asyncio.ensure_future(
            downloader.save(f"{stub.url}/x.tif", tmp_path, on_progress=lambda *_: writing.set())
        )
        while not stub.received:  # noqa: ASYNC110 - the stub has no event
            await asyncio.sleep(0.01)
        with pytest.raises(FileInTheWay, match="is being written by another download"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        (tmp_path / "x.tif.part").write_bytes(b"left over, and longer than the file")
        saved = await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert b"ab" == saved.path.read_bytes()
    assert ["x.tif"] == names(tmp_path)


async def test_a_link_in_place_of_the_part_file_is_not_followed(
    downloader: Downloader, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "x.tif.part").symlink_to(victim)
    async with Stub(answer(200, b"new")) as stub:
        with pytest.raises(DownloadError, match=r"x\.tif\.part"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert b"precious" == victim.read_bytes()


async def test_k1_too_little_room_is_told_before_anything_is_fetched(
    downloader: Downloader, tmp_path: Path
) -> None:
    """K1."""
    async with Stub([*answer(200, b"x", length=10**18), HANG]) as stub:
        with pytest.raises(DiskFull, match="1000000000000000000 bytes are needed"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path)
    assert [] == names(tmp_path)


async def test_a_disk_that_fills_up_is_told_and_left_clean(downloader: Downloader, tmp_path: Path) -> None:
    """K1, by the largest file that this process may write."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with Stub(chunked(bytes(3 * 2**20))) as stub:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
        try:
            with pytest.raises(DiskFull, match=r"x\.bin\.part: File too large"):
                await downloader.save(f"{stub.url}/x.bin", tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
    assert [] == names(tmp_path)


async def test_p1_a_cancellation_is_not_lost_when_the_disk_fills_up_meanwhile(
    downloader: Downloader, tmp_path: Path
) -> None:
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    task: asyncio.Task[SavedFile]
    async with Stub([*answer(200, bytes(2**20), length=2**22), HANG]) as stub:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, hard))
        try:
            task = asyncio.ensure_future(
                downloader.save(f"{stub.url}/x.bin", tmp_path, on_progress=lambda *_: task.cancel())
            )
            with pytest.raises(asyncio.CancelledError):
                await task
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
    assert [] == names(tmp_path)


async def test_a_directory_that_cannot_be_is_told(downloader: Downloader, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="file/sub"):
        await downloader.save("http://127.0.0.1:1/x.tif", tmp_path / "file" / "sub")


async def test_cancelling_leaves_nothing_behind(downloader: Downloader, tmp_path: Path) -> None:
    """P1: no part file, no task, no open connection."""
    before = asyncio.all_tasks()
    async with Stub([*answer(200, b"half", length=9), HANG]) as stub:
        task = asyncio.ensure_future(downloader.save(f"{stub.url}/x.tif", tmp_path))
        while not stub.received:  # noqa: ASYNC110 - the stub has no event
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [] == names(tmp_path)
        assert not downloader._storage._session.connector._acquired  # type: ignore[union-attr]
    assert before == asyncio.all_tasks()


async def test_a_cancelled_thread_ends_before_its_file_is_closed() -> None:
    started, stop = threading.Event(), threading.Event()
    ended = []

    def work() -> None:
        started.set()
        stop.wait(10)
        time.sleep(0.05)
        ended.append("work")

    task = asyncio.ensure_future(in_thread(work, stop=stop))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["work"] == ended


async def test_what_on_progress_raises_comes_through(downloader: Downloader, tmp_path: Path) -> None:
    def refuse(done: int, total: int | None) -> None:
        raise ConnectionError(f"{done} of {total}")

    async with Stub(answer(200, b"abc")) as stub:
        with pytest.raises(ConnectionError, match="3 of 3"):
            await downloader.save(f"{stub.url}/x.tif", tmp_path, on_progress=refuse)
    assert 1 == len(stub.received)
    assert [] == names(tmp_path)


# --- secrets and ends -------------------------------------------------------------------------------------


def everything_in(error: BaseException) -> str:
    """All that somebody could print of an error."""
    shown = [str(error), repr(error), repr(vars(error)), repr(pickle.loads(pickle.dumps(error)))]
    shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "\n".join(shown)


FAULTS: dict[str, Callable[[], Answer]] = {
    "refused": lambda: [CLOSE],
    "reset": lambda: [RESET],
    "cut": lambda: [*answer(200, b"x", length=9), CLOSE],
    "not http": lambda: [b"SSH-2.0-x\r\n\r\n", CLOSE],
    "status": lambda: answer(418),
    "expired": lambda: answer(403),
    "redirect": lambda: answer(302, Location=f"ftp://x/?{CANARY}"),
    "page": lambda: answer(200, b"<html>"),
    "too large": lambda: [*answer(200, b"x", length=10**18), HANG],
    "not gzip": lambda: answer(200, b"x", Content_Encoding="gzip"),
    "bomb": lambda: answer(200, gzip.compress(bytes(50 * 2**20)), Content_Encoding="gzip"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_l8_no_error_shows_the_signature_or_anything_of_aiohttp(
    tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """L8, finding 6."""
    caplog.set_level("DEBUG")
    downloader = Downloader(clock=VirtualClock(), allow_private=True)
    async with Stub(FAULTS[fault]()) as stub:
        error = None
        try:
            await downloader.save(f"{stub.url}/x.tif?{CANARY}", tmp_path)
        except DownloadError as caught:
            error = caught
    await downloader.aclose()
    assert error is not None
    shown = everything_in_own_frames(error)
    assert CANARY not in shown
    assert CANARY not in caplog.text
    assert (None, None) == (error.__cause__, error.__context__)


def everything_in_own_frames(error: BaseException) -> str:
    """Without the frame of the test itself, which has to know the URL."""
    assert error.__traceback__ is not None
    return everything_in(error.with_traceback(error.__traceback__.tb_next))


async def test_closing_twice_is_fine_and_afterwards_nothing_is_fetched(tmp_path: Path) -> None:
    downloader = Downloader(allow_private=True)
    async with Stub(answer(200, b"x")) as stub:
        await downloader.save(f"{stub.url}/x.tif", tmp_path)
        await downloader.aclose()
        await downloader.aclose()
        with pytest.raises(ClientClosed):
            await downloader.save(f"{stub.url}/y.tif", tmp_path)


# --- packages ---------------------------------------------------------------------------------------------


@model
class Package(Model):
    status: str | None = None
    signed_url: str | None = None


PACKAGE: LifeCycle[Package] = LifeCycle(
    name="job_package",
    id="id",
    status="status",
    in_flight=frozenset({"pending"}),
    success=frozenset({"ready"}),
    failure=frozenset({"failed"}),
    signed_url="signed_url",
)


def package(
    downloader: Downloader, clock: VirtualClock, *snapshots: Package, id: str = "j-1"
) -> PackagePoller[Package]:
    sights = iter(snapshots)

    async def read() -> Package:
        return next(sights)

    return PackagePoller(PACKAGE, id, read, clock=clock, downloader=downloader)


async def test_a_package_is_waited_for_and_saved_under_its_id(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    content = archive(**{"a.txt": b"1"})
    async with Stub(answer(200, content)) as stub:
        wait = package(
            downloader,
            clock,
            Package(status="pending"),
            Package(status="ready", signed_url=""),
            Package(status="ready", signed_url=f"{stub.url}/server-name.zip"),
        )
        saved = await wait.save(tmp_path, unzip=True)
    assert (tmp_path / "job_package-j-1.zip", content) == (saved.path, saved.path.read_bytes())
    assert (tmp_path / "job_package-j-1" / "a.txt",) == saved.members
    assert 2 == len(clock.slept)


async def test_an_expired_package_is_read_again(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    """L1: repeating the read gives a new URL, perhaps after a while."""
    async with Stub(answer(403), answer(200, archive(a=b"1"))) as stub:
        wait = package(
            downloader,
            clock,
            Package(status="ready", signed_url=f"{stub.url}/x?old"),
            Package(status="pending"),
            Package(status="ready", signed_url=f"{stub.url}/x?new"),
        )
        await wait.save(tmp_path, filename="x.zip")
    assert ["/x?old", "/x?new"] == [request.target for request in stub.received]


async def test_half_a_package_is_known_by_its_kind_and_id(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    """So that another package, saved under the same name, does not go on with it."""
    async with Stub([*answer(200, b"PK", length=9, ETag='"v1"'), CLOSE], answer(418)) as stub:
        with pytest.raises(DownloadError):
            await package(downloader, clock, Package(status="ready", signed_url=stub.url)).save(tmp_path)
    sidecar = json.loads((tmp_path / "job_package-j-1.zip.part.json").read_bytes())
    assert "job_package j-1" == sidecar["resource"]


async def test_a_taken_name_is_told_before_the_wait(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    (tmp_path / "job_package-j-1.zip").touch()
    with pytest.raises(FileInTheWay):
        await package(downloader, clock).save(tmp_path)


async def test_a_failed_package_saves_nothing(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    with pytest.raises(WaitFailed):
        await package(downloader, clock, Package(status="failed")).save(tmp_path)
    assert [] == names(tmp_path)
