"""The storage host of the sandbox over real sockets: what signed URLs allow, and what they do not."""

import asyncio
import datetime as dt
import hashlib
import threading
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import aiohttp
import pytest
from yarl import URL

from pixxel_async.sandbox._account import storage as _storage
from pixxel_async.sandbox._account.storage import Leak, Storage
from pixxel_async.sandbox._base.faults import Faults

CONTENT = bytes(range(256)) * 1000


class Time:
    def __init__(self) -> None:
        self.value = dt.datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.value

    def advance(self, seconds: float) -> None:
        self.value += dt.timedelta(seconds=seconds)


@pytest.fixture
def now():
    return Time()


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
async def storage(now, faults):
    host = Storage(now=now, faults=faults)
    await host.start()
    yield host
    await host.stop()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as opened:
        yield opened


@pytest.fixture
def url(storage):
    return URL(storage.sign(storage.publish("job/dl-1.zip", lambda: CONTENT), 60), encoded=True)


async def fetch(session, url, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.request(method, url, headers=named) as answer:
        return answer.status, answer.headers, await answer.read()


async def read_all(answer: aiohttp.ClientResponse, arrived: bytearray) -> None:
    while piece := await answer.content.readany():
        arrived += piece


def error_code(body: bytes) -> str | None:
    return ElementTree.fromstring(body).findtext("Code")


async def test_signed_url_gives_the_file(storage, session, url, now):
    """Whole, with a strong ETag of its content, its date, and the promise of ranges."""
    status, headers, body = await fetch(session, url)
    assert (status, body) == (200, CONTENT)
    assert headers["ETag"] == f'"{hashlib.sha256(CONTENT).hexdigest()[:32]}"'
    assert parsedate_to_datetime(headers["Last-Modified"]) == now().replace(microsecond=0)
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Length"] == str(len(CONTENT))
    assert storage.origin == f"http://127.0.0.1:{url.port}"
    assert [(seen.method, seen.key, seen.status) for seen in storage.requests] == [
        ("GET", "job/dl-1.zip", 200)
    ]


async def test_head_gives_the_headers_alone(session, url):
    status, headers, body = await fetch(session, url, "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(CONTENT)))


async def test_url_expires_on_the_clock(session, url, now):
    now.advance(59.5)
    assert (await fetch(session, url))[0] == 200
    now.advance(0.5)
    status, headers, body = await fetch(session, url)
    assert (status, error_code(body)) == (403, "AccessDenied")
    assert headers["Content-Type"].startswith("application/xml")


async def test_signature_covers_the_query_as_it_stands(session, url):
    """A client that decodes and encodes the URL again breaks it, and so does any other change."""
    assert "%2F" in url.raw_query_string
    assert "+" in url.raw_query_string
    requoted = URL(str(url))
    assert str(requoted) != str(url)
    broken = [
        requoted,
        URL(str(url).replace("+", "%20"), encoded=True),
        URL(str(url).replace("%2F", "%2f"), encoded=True),
        URL(str(url).replace("dl-1", "dl-2"), encoded=True),
        URL(str(url)[:-1] + ("0" if str(url)[-1] != "0" else "1"), encoded=True),
        URL(str(url) + "&more=1", encoded=True),
    ]
    for each in broken:
        status, _, body = await fetch(session, each)
        assert (status, error_code(body)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("query", ["", "?X-Expires=99999999999", "?X-Signature=00"])
async def test_without_signature_nothing_is_shown(storage, session, query):
    storage.publish("job/dl-1.zip", lambda: CONTENT)
    status, _, body = await fetch(session, URL(f"{storage.origin}/job/dl-1.zip{query}", encoded=True))
    assert (status, error_code(body)) == (403, "AccessDenied")


async def test_signed_key_that_was_never_published_is_missing(storage, session):
    status, _, body = await fetch(session, URL(storage.sign("no/such.zip", 60), encoded=True))
    assert (status, error_code(body)) == (404, "NoSuchKey")


async def test_other_methods_are_refused(session, url):
    status, headers, _ = await fetch(session, url, "PUT")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, 256_000),
        ("bytes=100-199", 100, 200),
        ("bytes=255999-", 255_999, 256_000),
        ("bytes=200000-999999", 200_000, 256_000),
        ("bytes=-10", 255_990, 256_000),
        ("bytes=-999999", 0, 256_000),
    ],
)
async def test_range_gives_part_of_the_file(session, url, asked, start, stop):
    status, headers, body = await fetch(session, url, Range=asked)
    assert (status, body) == (206, CONTENT[start:stop])
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/256000"
    assert headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-", "bytes=-0"])
async def test_range_beyond_the_end_is_not_satisfiable(session, url, asked):
    status, headers, body = await fetch(session, url, Range=asked)
    assert (status, error_code(body)) == (416, "InvalidRange")
    assert headers["Content-Range"] == "bytes */256000"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "bytes=a-b", "items=0-5", "bytes=0-1,5-6"])
async def test_what_is_no_single_range_gives_the_whole_file(session, url, asked):
    status, _, body = await fetch(session, url, Range=asked)
    assert (status, body) == (200, CONTENT)


async def test_if_range_gives_the_part_only_of_the_same_file(storage, session, url, now):
    """A matching ETag or date gives the part; once the file is another, the whole new one."""
    _, headers, _ = await fetch(session, url)
    for condition in (headers["ETag"], headers["Last-Modified"]):
        assert (await fetch(session, url, Range="bytes=10-", If_Range=condition))[0] == 206
    for condition in (f"W/{headers['ETag']}", '"other"', "nonsense", "Sun, 01 Mar 2026 11:59:59 GMT"):
        assert (await fetch(session, url, Range="bytes=10-", If_Range=condition))[0] == 200
    now.advance(5)
    storage.replace("job/dl-1.zip", lambda: b"something else")
    status, changed, body = await fetch(session, url, Range="bytes=10-", If_Range=headers["ETag"])
    assert (status, body) == (200, b"something else")
    assert changed["ETag"] != headers["ETag"]


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "Proxy-Authorization"])
async def test_credentials_are_refused_and_remembered(storage, session, url, header, now):
    """So a test can prove that none arrive here; their values are not kept."""
    status, _, body = await fetch(session, url, **{header: "Bearer secret-token"})
    assert (status, error_code(body)) == (400, "InvalidArgument")
    assert storage.leaks == [Leak(header, "job/dl-1.zip", now())]
    assert "secret-token" not in repr(storage.leaks) + repr(storage.requests)


async def test_file_is_built_once_however_many_ask(storage, session):
    """Many at the same time share one build in a thread; later ones get it from the cache."""
    built = []
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def build() -> bytes:
        loop.call_soon_threadsafe(begun.set)
        release.wait(5)
        built.append(threading.current_thread())
        return CONTENT

    url = URL(storage.sign(storage.publish("big.zip", build), 60), encoded=True)
    asking = [asyncio.create_task(fetch(session, url)) for _ in range(10)]
    await begun.wait()
    release.set()
    assert {(status, len(body)) for status, _, body in await asyncio.gather(*asking)} == {(200, len(CONTENT))}
    assert (await fetch(session, url))[0] == 200
    assert len(built) == 1
    assert built[0] is not threading.main_thread()


async def test_name_keeps_what_was_published_first(storage, session, url):
    assert storage.publish("job/dl-1.zip", lambda: b"other") == "job/dl-1.zip"
    assert (await fetch(session, url))[2] == CONTENT


async def test_cache_forgets_what_was_longest_unused_and_builds_it_again(storage, session, monkeypatch):
    """The cache is bounded by bytes; what was dropped comes back with the same ETag."""
    monkeypatch.setattr(_storage, "CACHE_BYTES", 2500)
    built = []

    def publish(name: str) -> URL:
        def build() -> bytes:
            built.append(name)
            return name.encode() * 1000

        return URL(storage.sign(storage.publish(name, build), 60), encoded=True)

    urls = {name: publish(name) for name in "abc"}
    tags = [(await fetch(session, urls[name]))[1]["ETag"] for name in "abacab"]
    assert built == ["a", "b", "c", "b"]
    assert tags[1] == tags[5]


async def test_build_that_fails_is_a_server_error_and_can_be_tried_again(storage, session):
    attempts = iter([ValueError("no scene"), CONTENT])

    def build() -> bytes:
        result = next(attempts)
        if isinstance(result, Exception):
            raise result
        return result

    url = URL(storage.sign(storage.publish("x", build), 60), encoded=True)
    assert (await fetch(session, url))[0] == 500
    assert (await fetch(session, url))[2] == CONTENT


async def test_names_may_hold_any_character(storage, session):
    key = storage.publish("Äcker & Höfe/50 % + #1?.zip", lambda: CONTENT)
    assert (await fetch(session, URL(storage.sign(key, 60), encoded=True)))[0] == 200
    assert storage.requests[0].key == key


class TestFaults:
    """What a test can make go wrong with a download, and that it stops after the given number of times."""

    async def test_status(self, session, url, faults):
        faults.add("storage", "status", status=503, retry_after=7)
        status, headers, body = await fetch(session, url)
        assert (status, headers["Retry-After"], error_code(body)) == (503, "7", "SandboxFault")
        assert (await fetch(session, url))[0] == 200

    async def test_expire(self, session, url, faults):
        faults.add("storage", "expire")
        status, _, body = await fetch(session, url)
        assert (status, error_code(body)) == (403, "AccessDenied")
        assert (await fetch(session, url))[0] == 200

    async def test_change(self, session, url, faults):
        """The object is another one from now on, with another ETag."""
        _, before, _ = await fetch(session, url)
        faults.add("storage", "change")
        status, after, body = await fetch(session, url, Range="bytes=10-", If_Range=before["ETag"])
        assert (status, body != CONTENT, after["ETag"] != before["ETag"]) == (200, True, True)
        assert (await fetch(session, url))[1]["ETag"] == after["ETag"]

    async def test_delay(self, session, url, faults):
        faults.add("storage", "delay", delay=0.15)
        began = asyncio.get_running_loop().time()
        assert (await fetch(session, url))[0] == 200
        assert asyncio.get_running_loop().time() - began >= 0.15

    async def test_reset(self, storage, session, url, faults):
        """A connection that is reset without an answer; never reached by a retry of the client itself."""
        faults.add("storage", "reset", times=None)
        with pytest.raises(aiohttp.ClientConnectionError):
            await fetch(session, url)
        assert storage.requests[0].status == 0

    @pytest.mark.parametrize("kind", ["truncate", "reset_after"])
    @pytest.mark.parametrize("after", [0, 1, 100_000])
    async def test_body_breaks_off(self, session, url, faults, kind, after):
        """The headers and exactly so many bytes arrive."""
        faults.add("storage", kind, after_bytes=after)
        arrived = bytearray()
        async with session.get(url) as answer:
            assert answer.status == 200
            assert answer.content_length == len(CONTENT)
            with pytest.raises(aiohttp.ClientError):
                await read_all(answer, arrived)
        assert arrived == CONTENT[:after]
        assert (await fetch(session, url))[2] == CONTENT

    async def test_hang(self, storage, session, url, faults):
        """Never answered; the sandbox stops all the same."""
        faults.add("storage", "hang")
        with pytest.raises(TimeoutError):
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=0.2)):
                pass
        await asyncio.wait_for(storage.stop(), 2)


async def test_stopped_host_listens_no_more(storage, session, url):
    await storage.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await fetch(session, url)
