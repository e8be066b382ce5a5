"""Broken downloads go on where they ended, or begin anew: over real sockets, and never with a file of two contents."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import hashlib
import itertools
import json
import os
import random
import re
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from downloads import fetch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stubs import CLOSE, HANG, RESET, Answer, Received, Step, Stub, Wait, answer

from pixxel_async._base.clock import Clock
from pixxel_async._download import partial_file as _part
from pixxel_async._download import storage
from pixxel_async._download.downloader import Downloader
from pixxel_async._download.range_rules import Known, Sidecar
from pixxel_async.errors import DiskFull, DownloadError, FileInTheWay, IntegrityError
from pixxel_async.testing import VirtualClock

CANARY = "sig=c4n4ry"
CONTENT = random.Random(1).randbytes(3 * 2**20 + 17)
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LONG_BEFORE = "Sun, 06 Nov 1994 08:48:37 GMT"
JUST_BEFORE = "Sun, 06 Nov 1994 08:48:38 GMT"

Answering = Callable[[Received], Answer]


@attrs.define
class Store:
    """An object as an honest store keeps it; it counts the bytes of bodies that it sends."""

    content: bytes = CONTENT
    headers: dict[str, str] = attrs.field(factory=lambda: {"ETag": '"v1"'})
    sent: int = 0

    def __call__(self, request: Received) -> Answer:
        return self.until(len(self.content))(request)

    def until(self, end: int, then: Step = CLOSE) -> Answering:
        """Answers whose body breaks off at this offset of the content."""

        def answer_to(request: Received) -> Answer:
            start = self.start(request)
            if start >= len(self.content) > 0:
                return answer(416, Content_Range=f"bytes */{len(self.content)}")
            body = self.content[start : max(end, start)]
            self.sent += len(body)
            head = dict(self.headers)
            if start:
                head["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
            length = len(self.content) - start
            steps = answer(206 if start else 200, body, length=length, **head)
            return steps if len(body) == length else [*steps, then]

        return answer_to

    def start(self, request: Received) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        condition = request.headers.get("if-range")
        valid = {self.headers.get("ETag"), self.headers.get("Last-Modified")}
        return int(wanted[1]) if wanted and condition in valid else 0


def part_of_206(start: int, end: int, total: int, body: bytes, **headers: str) -> Answer:
    return answer(206, body, Content_Range=f"bytes {start}-{end}/{total}", **headers)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def ranges(stub: Stub) -> list[str | None]:
    return [request.headers.get("range") for request in stub.received]


LEFT = ["x.bin.part", "x.bin.part.json"]


def leave(
    directory: Path, data: bytes, known: Known, *, synced: int | None = None, resource: str = ""
) -> None:
    """What a download that died has left."""
    (directory / "x.bin.part").write_bytes(data)
    sidecar = Sidecar(resource, known, len(data) if synced is None else synced)
    (directory / "x.bin.part.json").write_bytes(sidecar.dumps())


def known(content: bytes = CONTENT, **changes: Any) -> Known:
    return attrs.evolve(Known(len(content), '"v1"'), **changes)


# --- within one call --------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=12), then=st.sampled_from([CLOSE, HANG]))
@example(cuts=[1, 2, 3, 2**20, 2**20 + 1, len(CONTENT) - 1, len(CONTENT)], then=CLOSE)
def test_j1_cuts_anywhere_cost_no_byte_twice(tmp_path: Path, cuts: list[int], then: Step) -> None:
    """Cut or stalled at any offsets, the file is right, and at most 1.05 times its size was fetched."""
    store = Store()

    async def run() -> str:
        async with Stub(*[store.until(cut, then) for cut in cuts], store) as stub:
            downloader = Downloader(clock=VirtualClock(), allow_private=True)
            try:
                return (await downloader.save(f"{stub.url}/x.bin", tmp_path, overwrite=True)).sha256
            finally:
                await downloader.aclose()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "_IDLE_LIMIT", 0.05)
        # Cuts that bring nothing new count as attempts in vain; here they may be more than eight.
        patch.setattr("pixxel_async._download.downloader._TRIES", 99)
        assert hashlib.sha256(CONTENT).hexdigest() == asyncio.run(run())
    assert CONTENT == (tmp_path / "x.bin").read_bytes()
    assert store.sent <= 1.05 * len(CONTENT)
    assert ["x.bin"] == names(tmp_path)


async def test_j1_a_cut_asks_for_the_rest_of_this_very_file(downloader: Downloader, tmp_path: Path) -> None:
    store = Store()
    seen: list[tuple[int, int | None]] = []
    async with Stub(store.until(2**20), store) as stub:
        saved = await downloader.save(
            f"{stub.url}/x.bin", tmp_path, on_progress=lambda *progress: seen.append(progress)
        )
    assert [None, "bytes=1048576-"] == ranges(stub)
    assert [None, '"v1"'] == [request.headers.get("if-range") for request in stub.received]
    assert (True, False) == (saved.length_verified, saved.resumed)
    assert (seen, (len(CONTENT), len(CONTENT))) == (sorted(seen), seen[-1])


async def test_attempts_that_get_on_are_not_counted(
    downloader: Downloader, clock: VirtualClock, tmp_path: Path
) -> None:
    """Thirty cuts with progress are survived; eight in a row without it are not, and what came is kept."""
    store = Store()
    step = len(CONTENT) // 32
    async with Stub(*[store.until(step * number) for number in range(1, 31)], store) as stub:
        await downloader.save(f"{stub.url}/x.bin", tmp_path)
        assert 31 == len(stub.received)
        assert max(clock.slept) <= 0.5
        stub.received.clear()
        stub.answers = [store.until(step), store.until(2 * step), store.until(2 * step)]
        with pytest.raises(DownloadError, match=r"the connection broke \(after 10 attempts\)"):
            await downloader.save(f"{stub.url}/x.bin", tmp_path, overwrite=True)
    assert 2 * step == (tmp_path / "x.bin.part").stat().st_size


async def test_what_begins_anew_each_time_is_no_progress(downloader: Downloader, tmp_path: Path) -> None:
    """A file that changes at every look, or that cannot be resumed, does not go on for ever."""
    numbers = iter(range(99))

    def changing(request: Received) -> Answer:
        return [*answer(200, b"half", length=9, ETag=f'"{next(numbers)}"'), CLOSE]

    async with Stub(changing) as stub:
        with pytest.raises(DownloadError, match="after 9 attempts"):
            await downloader.save(f"{stub.url}/x.bin", tmp_path)


async def test_j2_a_changed_object_is_fetched_from_the_start(downloader: Downloader, tmp_path: Path) -> None:
    old, new = Store(), Store(CONTENT[::-1], {"ETag": '"v2"'})
    async with Stub(old.until(2**21), new.until(2**20), new) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert ["bytes=2097152-", "bytes=1048576-"] == ranges(stub)[1:]
    assert new.content == saved.path.read_bytes()
    assert hashlib.sha256(new.content).hexdigest() == saved.sha256


HALF = CONTENT[:1000]
WRONG: dict[str, Answer] = {
    "another offset": part_of_206(999, len(CONTENT) - 1, len(CONTENT), CONTENT[999:]),
    "another total": part_of_206(1000, len(CONTENT), len(CONTENT) + 1, CONTENT[1000:] + b"!"),
    "beyond its total": part_of_206(1000, len(CONTENT), len(CONTENT), CONTENT[1000:] + b"!"),
    "backwards": part_of_206(1000, 10, len(CONTENT), b""),
    "no total": answer(206, CONTENT[1000:], Content_Range=f"bytes 1000-{len(CONTENT) - 1}/*"),
    "no range": answer(206, CONTENT[1000:]),
    "another unit": answer(206, b"x", Content_Range="rows 1000-1000/1001"),
    "multipart": answer(206, b"--x\r\n", Content_Type="multipart/byteranges; boundary=x"),
    "encoded": part_of_206(1000, len(CONTENT) - 1, len(CONTENT), b"x", Content_Encoding="gzip"),
    "another etag": part_of_206(1000, len(CONTENT) - 1, len(CONTENT), CONTENT[1000:], ETag='"v2"'),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_j4_a_wrong_part_is_discarded(downloader: Downloader, tmp_path: Path, wrong: str) -> None:
    """Twice it begins anew, the third time it gives up; no byte of it gets into the file."""
    store = Store()
    async with Stub(store.until(1000), WRONG[wrong], store) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
        assert [None, "bytes=1000-", None] == ranges(stub)
        assert CONTENT == saved.path.read_bytes()
        stub.received.clear()
        stub.answers = [*[store.until(1000), WRONG[wrong]] * 2, store.until(1000), WRONG[wrong]]
        with pytest.raises(IntegrityError, match=r"\(after 6 attempts\)"):
            await downloader.save(f"{stub.url}/y.bin", tmp_path)
    assert ["x.bin"] == names(tmp_path)


async def test_j5_a_server_that_ignores_if_range_is_caught_by_the_checksum(
    downloader: Downloader, tmp_path: Path
) -> None:
    """New bytes under an old beginning, of the same size and without an ETag: the promise of the first answer holds."""
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    store = Store(headers={"ETag": '"v1"', "Repr-Digest": f"sha-256=:{digest}:"})
    liar = part_of_206(1000, len(CONTENT) - 1, len(CONTENT), bytes(len(CONTENT) - 1000))
    async with Stub(store.until(1000), liar, store) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
        assert (CONTENT, True) == (saved.path.read_bytes(), saved.checksum_verified)
        assert [None, "bytes=1000-", None] == ranges(stub)
        stub.received.clear()
        stub.answers = [store.until(1000), liar, store.until(1000), liar]
        with pytest.raises(IntegrityError, match="its checksum is not the one that the server stated"):
            await downloader.save(f"{stub.url}/y.bin", tmp_path)
    assert ["x.bin"] == names(tmp_path)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-amz-checksum-sha256", base64.b64encode(hashlib.sha256(b"abc").digest()).decode()),
        ("Repr-Digest", f"sha-256=:{base64.b64encode(hashlib.sha256(b'abc').digest()).decode()}:"),
        ("Repr-Digest", f"x=:AA==:, sha-512=:{base64.b64encode(hashlib.sha512(b'abc').digest()).decode()}:"),
        ("Content-MD5", base64.b64encode(hashlib.md5(b"abc").digest()).decode()),
        ("x-goog-hash", f"crc32c=AAAAAA==, md5={base64.b64encode(hashlib.md5(b'abc').digest()).decode()}"),
    ],
)
async def test_an_offered_checksum_is_verified(
    downloader: Downloader, tmp_path: Path, header: str, value: str
) -> None:
    """Whichever it is; and once more from the start before it is an error."""
    async with Stub(
        answer(200, b"abd", **{header: value}),
        answer(200, b"abc", **{header: value}),
        answer(200, b"abd", **{header: value}),
    ) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
        assert (True, b"abc") == (saved.checksum_verified, saved.path.read_bytes())
        with pytest.raises(IntegrityError, match=r"checksum .* \(after 2 attempts\)"):
            await downloader.save(f"{stub.url}/y.bin", tmp_path)
    assert 4 == len(stub.received)
    assert ["x.bin"] == names(tmp_path)


async def test_what_is_no_checksum_of_the_file_is_not_taken_for_one(
    downloader: Downloader, tmp_path: Path
) -> None:
    """An ETag that looks like an MD5, S3's checksum of the checksums of parts, and garbage."""
    composite = base64.b64encode(bytes(32)).decode() + "-3"
    headers = {"ETag": f'"{"0" * 32}"', "x-amz-checksum-sha256": composite, "Content-MD5": "AAAA"}
    async with Stub(answer(200, b"abc", **headers)) as stub:
        assert not (await downloader.save(f"{stub.url}/x.bin", tmp_path)).checksum_verified


async def test_j6_a_part_file_that_is_complete_is_not_fetched_again(
    downloader: Downloader, tmp_path: Path
) -> None:
    """416 with the right size means: nothing is missing."""
    leave(tmp_path, CONTENT, known())
    store = Store()
    async with Stub(store) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (CONTENT, 0, True) == (saved.path.read_bytes(), store.sent, saved.resumed)
    assert hashlib.sha256(CONTENT).hexdigest() == saved.sha256
    assert ["x.bin"] == names(tmp_path)


@pytest.mark.parametrize(
    "refusal",
    [
        answer(416, Content_Range="bytes */999"),
        answer(416, Content_Range=f"bytes */{len(CONTENT)}", ETag='"v2"'),
        answer(416),
    ],
)
async def test_j6_a_416_that_does_not_fit_starts_over(
    downloader: Downloader, tmp_path: Path, refusal: Answer
) -> None:
    leave(tmp_path, bytes(len(CONTENT)), known())
    async with Stub(refusal, Store()) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (CONTENT, False) == (saved.path.read_bytes(), saved.resumed)


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({"ETag": 'W/"v1"'}, None),
        ({"ETag": "v1"}, None),
        ({}, None),
        ({"Last-Modified": LONG_BEFORE, "Date": DATE}, LONG_BEFORE),
        ({"Last-Modified": JUST_BEFORE, "Date": DATE}, None),
        ({"Last-Modified": LONG_BEFORE}, None),
        ({"Last-Modified": "yesterday", "Date": DATE}, None),
        ({"ETag": 'W/"v1"', "Last-Modified": LONG_BEFORE, "Date": DATE}, LONG_BEFORE),
        ({"ETag": '"v1"', "Last-Modified": LONG_BEFORE, "Date": DATE}, '"v1"'),
    ],
)
async def test_j7_only_what_tells_contents_apart_lets_it_resume(
    downloader: Downloader, tmp_path: Path, headers: dict[str, str], condition: str | None
) -> None:
    """A strong ETag, or a date that is a minute older than the answer by the server's own clock (R3)."""
    store = Store(headers=headers)
    async with Stub(store.until(1000), store) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert CONTENT == saved.path.read_bytes()
    assert condition == stub.received[1].headers.get("if-range")
    assert (condition is None) == (stub.received[1].headers.get("range") is None)


async def test_j9_an_error_page_costs_nothing_that_was_there(downloader: Downloader, tmp_path: Path) -> None:
    store = Store()
    page = answer(200, b"<!DOCTYPE html>Please log in", Content_Type="text/html")
    async with Stub(store.until(2**20), page, store) as stub:
        with pytest.raises(DownloadError, match="sent a page of text"):
            await downloader.save(f"{stub.url}/x.bin", tmp_path)
        assert LEFT == names(tmp_path)
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (CONTENT, True, len(CONTENT)) == (saved.path.read_bytes(), saved.resumed, store.sent)


async def test_j10_what_has_no_length_can_still_be_resumed(downloader: Downloader, tmp_path: Path) -> None:
    """A TIFF that ends before its directory was cut, and the rest tells how long it is."""
    tiff = b"II*\0" + (3000).to_bytes(4, "little") + CONTENT[:5000]
    store = Store(tiff)
    cut: Answer = [b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nConnection: close\r\n\r\n' + tiff[:2000], CLOSE]
    async with Stub(cut, store) as stub:
        saved = await downloader.save(f"{stub.url}/x.tif", tmp_path)
        assert (tiff, True) == (saved.path.read_bytes(), saved.length_verified)
        stub.received.clear()
        stub.answers = [[b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + tiff, CLOSE]]
        assert not (await downloader.save(f"{stub.url}/y.tif", tmp_path)).length_verified


async def test_j11_a_stalled_transfer_is_resumed(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty seconds of silence, cut short."""
    monkeypatch.setattr(storage, "_IDLE_LIMIT", 0.1)
    store = Store()
    async with asyncio.timeout(10), Stub(store.until(2**20, HANG), store) as stub:
        await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert [None, "bytes=1048576-"] == ranges(stub)


async def test_j12_encoded_content_is_never_resumed(downloader: Downloader, tmp_path: Path) -> None:
    """Its ETag and its offsets are those of the encoded form."""
    packed = gzip.compress(CONTENT)
    whole = answer(200, packed, Content_Encoding="gzip", ETag='"v1"')
    cut: Answer = [
        *answer(200, packed[:-9], length=len(packed), Content_Encoding="gzip", ETag='"v1"'),
        CLOSE,
    ]
    async with Stub(cut, whole) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert [None, None] == ranges(stub)
    assert CONTENT == saved.path.read_bytes()


async def test_j14_an_empty_object_is_an_empty_file(downloader: Downloader, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    async with Stub(Store(b"")) as stub:
        saved = await downloader.save(
            f"{stub.url}/x.bin", tmp_path, on_progress=lambda *progress: seen.append(progress)
        )
    assert (b"", 0, True, [(0, 0)]) == (saved.path.read_bytes(), saved.size, saved.length_verified, seen)


async def test_j16_a_fault_after_the_last_byte_is_none(downloader: Downloader, tmp_path: Path) -> None:
    """A body sent in chunks whose end mark is bad, at a length that an earlier answer had told."""
    store = Store()
    rest = CONTENT[1000:]
    head = f"HTTP/1.1 206 Some\r\nContent-Range: bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}\r\n"
    chunk = f"Transfer-Encoding: chunked\r\n\r\n{len(rest):x}\r\n".encode() + rest + b"\r\n"
    async with Stub(store.until(1000), [head.encode() + chunk, b"ZZ\r\n", CLOSE]) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert CONTENT == saved.path.read_bytes()
    assert 2 == len(stub.received)


async def test_more_bytes_than_promised_are_no_file(downloader: Downloader, tmp_path: Path) -> None:
    store = Store()
    rest = CONTENT[1000:] + b"!"
    head = f"HTTP/1.1 206 Some\r\nContent-Range: bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}\r\n"
    chunk = f"Transfer-Encoding: chunked\r\n\r\n{len(rest):x}\r\n".encode() + rest + b"\r\n0\r\n\r\n"
    async with Stub(store.until(1000), [head.encode() + chunk], store) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert CONTENT == saved.path.read_bytes()
    assert [None, "bytes=1000-", None] == ranges(stub)


# --- signed URLs ------------------------------------------------------------------------------------------


async def test_l1_an_expiry_between_resumes_goes_on_from_the_offset(
    downloader: Downloader, tmp_path: Path
) -> None:
    store = Store()
    async with Stub(store.until(2**20), answer(403), store.until(2**21), answer(410), store) as stub:

        async def refresh() -> str:
            return f"{stub.url}/fresh?{len(stub.received)}"

        saved = await fetch(downloader, f"{stub.url}/x.bin", tmp_path, refresh=refresh)
        assert ["/x.bin", "/x.bin", "/fresh?2", "/fresh?2", "/fresh?4"] == [
            request.target for request in stub.received
        ]
    assert (CONTENT, len(CONTENT)) == (saved.path.read_bytes(), store.sent)


async def test_l2_refreshes_are_counted_anew_after_a_mebibyte(downloader: Downloader, tmp_path: Path) -> None:
    """Each URL lives for a quarter of the file: ten of them are fine; without progress three are too many."""
    store = Store()
    refreshed = 0
    steps: list[Answering | Answer] = []
    for number in range(1, 4):
        steps += [answer(403), answer(403), store.until(number * (2**20 + 1))]

    async with Stub(*steps, answer(403)) as stub:

        async def refresh() -> str:
            nonlocal refreshed
            refreshed += 1
            return f"{stub.url}/x.bin?{refreshed}"

        with pytest.raises(DownloadError, match="expired"):
            await fetch(downloader, f"{stub.url}/x.bin", tmp_path, refresh=refresh)
    assert 3 * 2 + 3 == refreshed
    assert LEFT == names(tmp_path)


@pytest.mark.parametrize("honest", [True, False])
async def test_l3_a_new_url_of_another_object_starts_over(
    downloader: Downloader, tmp_path: Path, honest: bool
) -> None:
    """Whether the server honours `If-Range` or goes on with the other object."""
    old, new = Store(), Store(CONTENT[::-1], {"ETag": '"v2"'})
    wrong = part_of_206(1000, len(CONTENT) - 1, len(CONTENT), new.content[1000:], ETag='"v2"')
    async with Stub(old.until(1000), answer(403), *([] if honest else [wrong]), new) as stub:

        async def refresh() -> str:
            return f"{stub.url}/other"

        saved = await fetch(downloader, f"{stub.url}/x.bin", tmp_path, refresh=refresh)
    assert new.content == saved.path.read_bytes()


async def test_l7_r3_no_clock_but_the_servers_is_asked(downloader: Downloader, tmp_path: Path) -> None:
    """An expiry long past by our clock, in the URL, is not looked at; the answer is."""
    async with Stub(Store()) as stub:
        await downloader.save(f"{stub.url}/x.bin?X-Amz-Date=19940101T000000Z&X-Amz-Expires=1", tmp_path)
    assert 1 == len(stub.received)


async def test_l8_the_sidecar_never_holds_the_url(downloader: Downloader, tmp_path: Path) -> None:
    async with Stub(Store().until(1000)) as stub:
        with pytest.raises(DownloadError):
            await fetch(downloader, f"{stub.url}/x.bin?{CANARY}", tmp_path, resource="job_package j-1")
    text = (tmp_path / "x.bin.part.json").read_text()
    expected = {
        "version": 1,
        "resource": "job_package j-1",
        "size": len(CONTENT),
        "etag": '"v1"',
        "last_modified": None,
        "checksum": None,
        "synced": 1000,
    }
    assert expected == json.loads(text)
    assert (False, False) == (CANARY in text, stub.url in text)


async def test_m4_a_redirect_of_the_rest_keeps_its_range_and_nothing_else(
    downloader: Downloader, tmp_path: Path
) -> None:
    store = Store()
    async with Stub(store.until(1000), answer(307, Location="/elsewhere", Set_Cookie="a=b"), store) as stub:
        await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert {"host", "accept-encoding", "user-agent", "range", "if-range"} == set(stub.received[2].headers)


# --- from one call to the next ----------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["error", "cancelled", "callback"])
async def test_a_later_call_goes_on_where_this_one_ended(
    downloader: Downloader, tmp_path: Path, end: str
) -> None:
    """After an error, a cancellation, or an exception of the user's own callback."""
    store = Store()

    def fail(done: int, total: int | None) -> None:
        raise ConnectionError

    async with Stub(store.until(2**20, HANG if end == "cancelled" else CLOSE), answer(418)) as stub:
        progressed = asyncio.Event()
        on_progress = fail if end == "callback" else lambda *_: progressed.set()
        task = asyncio.ensure_future(downloader.save(f"{stub.url}/x.bin", tmp_path, on_progress=on_progress))
        if end == "cancelled":
            await progressed.wait()
            task.cancel()
        with pytest.raises((DownloadError, ConnectionError, asyncio.CancelledError)):
            await task
        assert LEFT == names(tmp_path)
        stub.answers = [store]
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (CONTENT, True, len(CONTENT)) == (saved.path.read_bytes(), saved.resumed, store.sent)
    assert hashlib.sha256(CONTENT).hexdigest() == saved.sha256
    assert ["x.bin"] == names(tmp_path)


async def test_what_another_thing_left_is_not_gone_on_with(downloader: Downloader, tmp_path: Path) -> None:
    """Even if the server would not notice."""
    leave(tmp_path, bytes(1000), known(), resource="job_package j-1")
    async with Stub(Store()) as stub:
        saved = await fetch(downloader, f"{stub.url}/x.bin", tmp_path, resource="job_package j-2")
    assert ([None], CONTENT) == (ranges(stub), saved.path.read_bytes())


async def test_a_changed_object_is_noticed_by_a_later_call(downloader: Downloader, tmp_path: Path) -> None:
    """J2 across calls."""
    leave(tmp_path, bytes(1000), known(etag='"v0"'))
    async with Stub(Store()) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (["bytes=1000-"], CONTENT, False) == (ranges(stub), saved.path.read_bytes(), saved.resumed)


async def test_a_promised_checksum_outlives_the_call(downloader: Downloader, tmp_path: Path) -> None:
    """J5 across calls: a beginning that went bad on the disk is seen, although the rest promises nothing."""
    for header in ("Repr-Digest", "Content-MD5"):
        algorithm = "sha256" if header == "Repr-Digest" else "md5"
        value = base64.b64encode(hashlib.new(algorithm, CONTENT).digest()).decode()
        store = Store(
            headers={"ETag": '"v1"', header: f"sha-256=:{value}:" if algorithm == "sha256" else value}
        )
        async with Stub(store.until(1000), answer(418), store) as stub:
            with pytest.raises(DownloadError):
                await downloader.save(f"{stub.url}/x.bin", tmp_path, overwrite=True)
            with (tmp_path / "x.bin.part").open("r+b") as file:
                file.write(b"bad")
            store.headers = {"ETag": '"v1"'}
            saved = await downloader.save(f"{stub.url}/x.bin", tmp_path, overwrite=True)
        assert [None, "bytes=1000-", "bytes=1000-", None] == ranges(stub)
        assert CONTENT == saved.path.read_bytes()


async def test_k1_a_disk_that_fills_up_keeps_what_came(downloader: Downloader, tmp_path: Path) -> None:
    """By the largest file that this process may write."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = Store()

    def in_two(request: Received) -> Answer:
        """A little more than fits into one batch, and the rest when that is on disk."""
        whole = b"".join(step for step in store(request) if isinstance(step, bytes))
        return [whole[: 2**20 + 2**12], Wait(0.5), whole[2**20 + 2**12 :]]

    async with Stub(in_two, store) as stub:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20 + 2**19, hard))
        try:
            with pytest.raises(DiskFull, match=r"x\.bin\.part: File too large"):
                await downloader.save(f"{stub.url}/x.bin", tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        kept = json.loads((tmp_path / "x.bin.part.json").read_bytes())["synced"]
        assert 2**20 <= kept <= 2**20 + 2**19
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert f"bytes={kept}-" == ranges(stub)[-1]
    assert CONTENT == saved.path.read_bytes()


BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the files of the folder have so many blocks, as a disk does: it takes what fits, and then refuses."""

    def blocks(size: int) -> int:
        return -(-size // BLOCK)

    def limit(most: int) -> None:
        write = os.write

        def limited(handle: int, data: Any) -> int:
            own = os.fstat(handle)
            at = os.lseek(handle, 0, os.SEEK_CUR)
            others = [path.stat() for path in tmp_path.iterdir()]
            taken = sum(blocks(each.st_size) for each in others if not os.path.samestat(each, own))
            fits = max(0, max(most - taken, blocks(own.st_size)) * BLOCK - at)
            if not fits:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(handle, data[:fits])

        monkeypatch.setattr(os, "write", limited)

    return limit


@pytest.mark.parametrize("room", [257, 300, 511, 512])
async def test_k1_a_full_disk_in_the_first_mebibytes_leaves_something_to_resume(
    room: int,
    downloader: Downloader,
    tmp_path: Path,
    small_disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Although there is no block left for a sidecar."""
    monkeypatch.setattr(storage, "BATCH", 2**16)  # it comes in small pieces
    store = Store()
    async with Stub(store) as stub:
        small_disk(room)
        with pytest.raises(DiskFull, match=r"x\.bin\.part: No space left"):
            await downloader.save(f"{stub.url}/x.bin", tmp_path)
        monkeypatch.undo()
        assert ["x.bin.part", "x.bin.part.json"] == names(tmp_path)
        kept = json.loads((tmp_path / "x.bin.part.json").read_bytes())["synced"]
        assert room * BLOCK - 2**19 <= kept <= room * BLOCK
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert f"bytes={kept}-" == ranges(stub)[-1]
    assert (CONTENT, True) == (saved.path.read_bytes(), saved.resumed)


async def test_k1_a_full_disk_on_which_nothing_can_be_kept_is_left_clean(
    downloader: Downloader,
    tmp_path: Path,
    small_disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file system without another inode: what came would be of no use without a sidecar."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "BATCH", 2**16)
    monkeypatch.setattr(_part._SidecarFile, "write", refuse)
    async with Stub(Store()) as stub:
        small_disk(257)
        with pytest.raises(DiskFull):
            await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert [] == names(tmp_path)


async def test_k1_the_rest_needs_room_for_the_rest_only(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told when it comes to it: a disk that was full when the download began may have been cleared since."""
    free: list[int] = []
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=free.pop(0) if free[1:] else free[0])
    )
    left = len(CONTENT) - 1000
    leave(tmp_path, CONTENT[:1000], known())
    async with Stub(Store()) as stub:
        free[:] = [left]  # one per cent is to spare
        with pytest.raises(DiskFull, match=f"{left} bytes are needed"):
            await downloader.save(f"{stub.url}/x.bin", tmp_path)
        free[:] = [0, left + left // 50]
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (True, CONTENT) == (saved.resumed, saved.path.read_bytes())
    assert ["bytes=1000-"] * 2 == ranges(stub)


async def test_k3_a_file_in_the_way_leaves_the_part_for_overwrite(
    downloader: Downloader, tmp_path: Path
) -> None:
    """A name that is taken while the file grows: nothing of it is fetched again after `overwrite=True`."""
    store = Store()
    async with Stub(store) as stub:
        with pytest.raises(FileInTheWay, match="made by another program meanwhile"):
            await downloader.save(
                f"{stub.url}/x.bin",
                tmp_path,
                on_progress=lambda *_: (tmp_path / "x.bin").write_bytes(b"mine"),
            )
        assert b"mine" == (tmp_path / "x.bin").read_bytes()
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path, overwrite=True)
    assert (CONTENT, len(CONTENT)) == (saved.path.read_bytes(), store.sent)
    assert ["x.bin"] == names(tmp_path)


GARBAGE: dict[str, bytes] = {
    "empty": b"",
    "torn": Sidecar("", known(), 1000).dumps()[:-9],
    "tail": Sidecar("", known(), 1000).dumps() + b"}",
    "not json": b"\xff\0",
    "deep": b"[" * 60000,
    "a list": b"[]",
    "newer": Sidecar("", known(), 1000).dumps().replace(b'"version": 1', b'"version": 2'),
    "weak": Sidecar("", known(), 1000).dumps().replace(b'\\"v1\\"', b'W/\\"v1\\"'),
    "smuggling": Sidecar("", known(), 1000).dumps().replace(b"v1", b"v1\\r\\nX: y"),
    "negative": Sidecar("", known(), 1000).dumps().replace(b"1000", b"-1"),
    "text": Sidecar("", known(), 1000).dumps().replace(b"1000", b'"1000"'),
    "no validator": Sidecar("", known(etag=None), 1000).dumps(),
    "beyond the part": Sidecar("", known(), 1001).dumps(),
    "beyond the object": Sidecar("", Known(999, '"v1"'), 1000).dumps(),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_k4_a_sidecar_that_cannot_be_right_starts_over(
    downloader: Downloader, tmp_path: Path, garbage: str
) -> None:
    (tmp_path / "x.bin.part").write_bytes(bytes(1000))
    (tmp_path / "x.bin.part.json").write_bytes(GARBAGE[garbage])
    async with Stub(Store()) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert ([None], CONTENT, False) == (ranges(stub), saved.path.read_bytes(), saved.resumed)
    assert ["x.bin"] == names(tmp_path)


async def test_k4_a_part_longer_than_the_object_starts_over(downloader: Downloader, tmp_path: Path) -> None:
    """The object has become shorter under the same ETag."""
    leave(tmp_path, CONTENT, known())
    async with Stub(Store(CONTENT[:1000])) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert CONTENT[:1000] == saved.path.read_bytes()


async def test_k5_a_torn_tail_is_cut_off(downloader: Downloader, tmp_path: Path) -> None:
    """What follows the last synced byte may be anything after a power cut."""
    leave(tmp_path, CONTENT[:1000] + bytes(5000), known(), synced=1000)
    async with Stub(Store()) as stub:
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert (["bytes=1000-"], CONTENT) == (ranges(stub), saved.path.read_bytes())
    assert hashlib.sha256(CONTENT).hexdigest() == saved.sha256


async def test_k5_a_restart_revokes_the_sidecar_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut between two steps of beginning anew never leaves old promises over new bytes."""
    leave(tmp_path, bytes(1000), known(etag='"v0"'))
    events: list[str] = []
    truncate = os.ftruncate

    def watched(handle: int, length: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().suffix == ".part":
            sidecar = Sidecar.loads((tmp_path / "x.bin.part.json").read_bytes())
            events.append(f"{length} under {sidecar and (sidecar.known.etag, sidecar.synced)}")
        truncate(handle, length)

    monkeypatch.setattr(os, "ftruncate", watched)
    downloader = Downloader(clock=VirtualClock(), allow_private=True)
    async with Stub(Store()) as stub:
        await downloader.save(f"{stub.url}/x.bin", tmp_path)
    await downloader.aclose()
    assert ["""1000 under ('"v0"', 1000)""", """0 under ('"v1"', 0)"""] == events


async def test_what_comes_whole_needs_no_sidecar(downloader: Downloader, tmp_path: Path) -> None:
    """Nothing is synced yet, so there is nothing to promise: small files are spared a file and an fsync."""
    seen: list[list[str]] = []
    async with Stub(Store()) as stub:
        await downloader.save(
            f"{stub.url}/x.bin", tmp_path, on_progress=lambda *_: seen.append(names(tmp_path))
        )
    assert ["x.bin.part"] == seen[0]
    assert seen[0] == seen[-1]


class Hurrying(Clock):
    """Six seconds pass from one look to the next, in whatever thread."""

    def __init__(self) -> None:
        super().__init__()
        self._times = itertools.count(0.0, 6.0)

    def monotonic(self) -> float:
        return next(self._times)


async def test_sync_points_come_by_bytes_and_by_time(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data first, then the sidecar; a jump of the wall clock would change nothing (R1): only `Clock` is asked."""
    synced: list[int] = []
    sync = _part.PartFile.sync

    def watched(part: _part.PartFile) -> None:
        sync(part)
        synced.append(json.loads((tmp_path / "x.bin.part.json").read_bytes())["synced"])

    monkeypatch.setattr(_part.PartFile, "sync", watched)
    async with Stub(Store(), Store()) as stub:
        monkeypatch.setattr(_part, "SYNC_BYTES", 2 * 2**20)
        await downloader.save(f"{stub.url}/x.bin", tmp_path)
        assert 1 == len(synced)
        assert 2 * 2**20 <= synced[0]
        synced.clear()
        monkeypatch.setattr(_part, "SYNC_BYTES", 2**40)
        hurried = Downloader(clock=Hurrying(), allow_private=True)
        await hurried.save(f"{stub.url}/x.bin", tmp_path, overwrite=True)
        await hurried.aclose()
    assert len(synced) >= 2
    assert synced[0] < len(CONTENT) == synced[-1]


PROGRAM = """
import asyncio, sys
from pixxel_async._download import partial_file as _part
from pixxel_async._download.downloader import Downloader
_part.SYNC_BYTES = 2**20
asyncio.run(Downloader(allow_private=True).save(sys.argv[1], sys.argv[2]))
"""


async def test_k5_a_killed_process_is_gone_on_with(downloader: Downloader, tmp_path: Path) -> None:
    """SIGKILL in the middle; the next one fetches only what was not yet on the disk. J15: meanwhile nobody else may write."""
    store = Store()
    async with Stub(store.until(len(CONTENT) - 5, HANG), store) as stub:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, f"{stub.url}/x.bin", str(tmp_path)
        )
        try:
            sidecar = tmp_path / "x.bin.part.json"
            synced = 0
            while synced < 2**20:
                await asyncio.sleep(0.02)
                with suppress(OSError, ValueError):
                    synced = json.loads(sidecar.read_bytes())["synced"]
            with pytest.raises(FileInTheWay, match="is being written by another download"):
                await downloader.save(f"{stub.url}/x.bin", tmp_path)
        finally:
            process.kill()
            await process.wait()
        synced = json.loads(sidecar.read_bytes())["synced"]
        saved = await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert f"bytes={synced}-" == ranges(stub)[-1]
    assert (CONTENT, True) == (saved.path.read_bytes(), saved.resumed)
    assert hashlib.sha256(CONTENT).hexdigest() == saved.sha256


async def test_a_hash_of_what_is_there_can_be_cancelled(
    downloader: Downloader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is requested, and nothing is lost."""
    leave(tmp_path, CONTENT, known())
    monkeypatch.setattr(_part, "_BLOCK", 16)
    hashed: list[int] = []
    update = _part._Hashes.update

    def watched(hashes: _part._Hashes, data: bytes) -> None:
        update(hashes, data)
        hashed.append(len(data))

    monkeypatch.setattr(_part._Hashes, "update", watched)
    async with Stub(Store()) as stub:
        task = asyncio.ensure_future(downloader.save(f"{stub.url}/x.bin", tmp_path))
        while not hashed:  # noqa: ASYNC110 - a thread fills it
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [] == stub.received
    assert sum(hashed) < len(CONTENT)
    assert len(CONTENT) == json.loads((tmp_path / "x.bin.part.json").read_bytes())["synced"]
    assert CONTENT == (tmp_path / "x.bin.part").read_bytes()


async def test_a_link_in_place_of_the_sidecar_is_not_followed(downloader: Downloader, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "x.bin.part.json").symlink_to(victim)
    async with Stub(Store()) as stub:
        with pytest.raises(DownloadError):
            await downloader.save(f"{stub.url}/x.bin", tmp_path)
    assert b"precious" == victim.read_bytes()


# --- everything at once -----------------------------------------------------------------------------------

SMALL = [random.Random(seed).randbytes(20_000) for seed in (2, 3)]
EVENTS = st.one_of(
    st.tuples(st.sampled_from(["cut", "reset"]), st.integers(0, 20_000)),
    st.tuples(
        st.sampled_from(
            ["expired", "changed", "page", "503", "wrong range", "another etag", "416", "cancel"]
        ),
        st.just(0),
    ),
)


@settings(max_examples=120)
@given(calls=st.lists(st.lists(EVENTS, max_size=6), min_size=1, max_size=3), offers_checksum=st.booleans())
@example(
    calls=[[("cut", 9), ("changed", 0), ("cut", 5), ("wrong range", 0)], [("page", 0)]], offers_checksum=False
)
def test_any_interleaving_ends_with_the_right_file_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, calls: list[list[tuple[str, int]]], offers_checksum: bool
) -> None:
    """Cuts, expiries, changed objects, wrong ranges, pages, cancelled calls: one of the contents, whole, or none.

    At last comes a call that nothing disturbs: whatever was left, it ends with the newest content.
    """
    directory = tmp_path_factory.mktemp("any")
    version = 0

    def store() -> Store:
        content = SMALL[version % 2]
        headers = {"ETag": f'"v{version}"'}
        if offers_checksum:
            headers["x-amz-checksum-sha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return Store(content, headers)

    async def run() -> None:
        nonlocal version
        tasks: list[asyncio.Task[Any]] = []
        pending: list[tuple[str, int]] = []

        def respond(request: Received) -> Answer:
            nonlocal version
            kind, at = pending.pop(0) if pending else ("", 0)
            total = len(SMALL[0])
            if kind == "changed":
                version += 1
            if kind in ("cut", "reset"):
                return store().until(at, CLOSE if kind == "cut" else RESET)(request)
            if kind == "expired":
                return answer(403)
            if kind == "page":
                return answer(200, b"<html>Welcome", Content_Type="text/html")
            if kind == "503":
                return answer(503)
            if kind == "416":
                return answer(416, Content_Range="bytes */77")
            if kind == "wrong range":
                return part_of_206(3, total - 1, total, SMALL[version % 2][3:])
            if kind == "another etag":
                start = store().start(request)
                return part_of_206(start, total - 1, total, bytes(total - start), ETag='"other"')
            if kind == "cancel":
                tasks[-1].cancel()
            return store()(request)

        async with Stub(respond) as stub:
            downloader = Downloader(clock=VirtualClock(), allow_private=True)

            async def refresh() -> str:
                return f"{stub.url}/x.bin"

            try:
                for events in [*calls, []]:
                    pending[:] = events
                    before = version
                    tasks.append(
                        asyncio.ensure_future(
                            fetch(downloader, f"{stub.url}/x.bin", directory, overwrite=True, refresh=refresh)
                        )
                    )
                    try:
                        saved = await tasks[-1]
                    except (DownloadError, asyncio.CancelledError):
                        assert events
                        continue
                    contents = {
                        hashlib.sha256(SMALL[each % 2]).hexdigest() for each in range(before, version + 1)
                    }
                    assert saved.sha256 in contents
                    assert saved.sha256 == hashlib.sha256(saved.path.read_bytes()).hexdigest()
            finally:
                await downloader.aclose()

    asyncio.run(run())
    assert SMALL[version % 2] == (directory / "x.bin").read_bytes()
    assert ["x.bin"] == names(directory)
