"""What a client tells about itself: hooks, counts and log, by the events that really happen."""

from __future__ import annotations

import ast
import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import attrs
import pytest
from stubs import CLOSE, HANG, Answer, Received, Stub, answer, json_answer

from pixxel_async import (
    ConfigurationError,
    OutcomeUnknown,
    PixxelClient,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    RetryPolicy,
    Stats,
)
from pixxel_async._base import log as _log_events
from pixxel_async._base.log import EVENTS, LogEvent
from pixxel_async._http.events import CallEvent
from pixxel_async.testing import VirtualClock

CANARY = "canary-7f3a9b"
PAGE = Path(__file__).parents[2] / "docs" / "observing.md"
PACKAGE = Path(__file__).parents[2] / "pixxel_async"
CLIENT = [
    path
    for room in (".", "_base", "_http", "_download", "_resource", "geometry")
    for path in (PACKAGE / room).glob("*.py")
]
ORDER = json_answer({"id": "o-1"}, X_Request_Id="r-1")
PAGE = Path(__file__).parents[2] / "docs" / "observing.md"
PACKAGE = Path(__file__).parents[2] / "pixxel_async"
CLIENT = [
    path
    for room in (".", "_base", "_http", "_download", "_resource", "geometry")
    for path in (PACKAGE / room).glob("*.py")
]


@asynccontextmanager
async def client_of(stub: Stub, **options: Any) -> AsyncIterator[PixxelClient]:
    policy = RetryPolicy(jitter=lambda ceiling: ceiling)
    options = {"clock": VirtualClock(), "retry": policy, **options}
    async with PixxelClient(CANARY, base_url=stub.url, **options) as client:
        yield client


class Ear:
    """Hooks that remember what they were told."""

    def __init__(self) -> None:
        self.heard: list[CallEvent] = []

    @property
    def hooks(self) -> dict[str, Callable[[Any], None]]:
        return dict.fromkeys(("on_request", "on_response", "on_retry"), self.heard.append)


def told(call: int, attempt: int, path: str = "/v0/orders/o-1") -> tuple[Any, ...]:
    return call, "GetOrderById", "read", "GET", path, attempt


# --- hooks ---


async def test_hooks_hear_of_every_attempt_and_every_retry() -> None:
    ear = Ear()
    async with Stub([CLOSE], answer(503), ORDER) as stub, client_of(stub, **ear.hooks) as client:
        await client.orders.get("o-1")
        await client.orders.get("o-1")
    size = len(b'{"id": "o-1"}')
    assert [
        RequestEvent(*told(1, 1)),
        ("connection lost", 0, None),
        RetryEvent(*told(1, 1), 0.5, "the connection broke before an answer came"),
        RequestEvent(*told(1, 2)),
        (503, 0, None),
        RetryEvent(*told(1, 2), 2.0, "Service Unavailable"),
        RequestEvent(*told(1, 3)),
        (200, size, "r-1"),
        RequestEvent(*told(2, 1)),
        (200, size, "r-1"),
    ] == [
        (event.outcome, event.size, event.request_id) if isinstance(event, ResponseEvent) else event
        for event in ear.heard
    ]


async def test_an_event_shows_neither_query_nor_body_nor_token() -> None:
    ear = Ear()
    async with (
        Stub(json_answer({"id": "v-1"}), json_answer({"orders": []})) as stub,
        client_of(stub, **ear.hooks) as client,
    ):
        await client.visualizations.create("a-1", index_id="private")
        await client.orders.list(user_id="private")
    assert 2 == len(stub.received)
    assert [] == [event for event in ear.heard if "private" in repr(event) or CANARY in repr(event)]


async def test_a_hook_may_add_headers_to_one_attempt() -> None:
    def trace(event: RequestEvent) -> None:
        event.headers[f"X-Attempt-{event.attempt}"] = "here"
        event.headers["traceparent"] = f"00-{event.call}-{event.attempt}"

    async with Stub(answer(503), ORDER) as stub, client_of(stub, on_request=trace) as client:
        await client.orders.get("o-1")
    assert ["00-1-1", "00-1-2"] == [request.headers["traceparent"] for request in stub.received]
    assert [{"x-attempt-1"}, {"x-attempt-2"}] == [
        {name for name in request.headers if name.startswith("x-")} for request in stub.received
    ]
    assert {f"Bearer {CANARY}"} == {request.headers["authorization"] for request in stub.received}


async def test_the_header_of_a_hook_stays_on_the_request_when_it_is_redirected() -> None:
    def trace(event: RequestEvent) -> None:
        event.headers["traceparent"] = "00-1"

    async with (
        Stub(answer(302, Location="/moved"), ORDER) as stub,
        client_of(stub, on_request=trace) as client,
    ):
        await client.orders.get("o-1")
    assert ["00-1", "00-1"] == [request.headers["traceparent"] for request in stub.received]


REFUSED = [
    ("Authorization", "Bearer mine"),
    ("authorization", "Bearer mine"),
    ("Host", "elsewhere.example"),
    ("Cookie", "a=b"),
    ("Content-Length", "3"),
    ("Content-Encoding", "br"),
    ("Accept-Encoding", "br"),
    ("Transfer-Encoding", "chunked"),
    ("Proxy-Authorization", "Basic x"),
    ("Range", "bytes=1-"),
    ("X-Trace\r\nHost", "x"),
    ("", "x"),
    (b"X-Trace", "x"),
    ("X-Trace", "a\r\nHost: b"),
    ("X-Trace", "é"),
    ("X-Trace", ""),
    ("X-Trace", 7),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
async def test_a_header_that_is_not_the_hooks_is_refused_and_the_call_goes_on(
    name: Any, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def meddle(event: RequestEvent) -> None:
        event.headers["X-Fine"] = "fine"
        event.headers[name] = value

    def shape(received: Received) -> dict[str, str]:
        return {name: value for name, value in received.headers.items() if name != "host"}

    async with Stub(ORDER) as stub:
        async with client_of(stub) as client:
            await client.orders.get("o-1")
        async with client_of(stub, on_request=meddle) as client:
            await client.orders.get("o-1")
            await client.orders.get("o-1")
    plain, *others = map(shape, stub.received)
    assert [plain, plain] == others
    [record] = caplog.records
    assert "on_request" in record.getMessage()
    assert record.exc_info is not None
    assert str(value) not in str(record.exc_info[1]) or not value


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry"])
async def test_p5_a_hook_that_raises_neither_breaks_nor_doubles_a_call(
    hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(event: CallEvent) -> None:
        raise LookupError("a fault of the user's")

    async with (
        Stub(answer(503), ORDER, ORDER, answer(503), ORDER) as stub,
        client_of(stub, **{hook: stumble}) as client,
    ):
        for _ in range(3):
            assert "o-1" == (await client.orders.get("o-1")).id
    assert 5 == len(stub.received)
    [record] = caplog.records
    assert ("ERROR", f"{hook} failed; the call continues, further failures of it are not logged") == (
        record.levelname,
        record.getMessage(),
    )
    assert record.exc_info is not None
    assert "a fault of the user's" == str(record.exc_info[1])


async def test_a_hook_runs_in_the_callers_context() -> None:
    """So that a trace begun by the caller is the parent of what a hook begins."""
    request: ContextVar[str] = ContextVar("request")
    heard: list[tuple[str, str]] = []

    def listen(event: CallEvent) -> None:
        heard.append((request.get(), event.path))

    async def handle(name: str) -> None:
        request.set(name)
        await client.orders.get(name)

    def order(request: Received) -> Answer:
        return json_answer({"id": request.target.rpartition("/")[2]})

    async with Stub(order) as stub, client_of(stub, on_request=listen, on_response=listen) as client:
        await asyncio.gather(*(handle(f"o-{number}") for number in range(8)))
    assert 16 == len(heard)
    assert [] == [(name, path) for name, path in heard if path != f"/v0/orders/{name}"]


async def test_an_attempt_that_is_cancelled_has_its_end() -> None:
    """Whoever measures, or draws spans, is not left with one that never ends."""
    ear = Ear()
    async with Stub([HANG]) as stub, client_of(stub, **ear.hooks) as client:
        task = asyncio.create_task(client.orders.get("o-1"))
        await stub.asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    _, end = ear.heard
    assert isinstance(end, ResponseEvent)
    assert "cancelled" == end.outcome


async def test_a_hook_is_a_plain_function() -> None:
    async def late(event: RequestEvent) -> None: ...

    for wrong in (late, "print"):
        with pytest.raises(ConfigurationError, match="on_retry must be a plain function"):
            PixxelClient(CANARY, on_retry=wrong)  # type: ignore[arg-type]


# --- callbacks of waits and downloads ---


async def test_p5_a_failing_on_update_ends_the_wait_which_can_be_taken_up_again() -> None:
    def stumble(snapshot: Any) -> None:
        raise LookupError("a fault of the user's")

    aoi = json_answer({"aoi_id": "a-1", "status": "success"})
    async with Stub(aoi) as stub, client_of(stub) as client:
        with pytest.raises(LookupError):
            await client.aois.wait("a-1", on_update=stumble)
        assert (1, 0) == (client.stats.waits, client.stats.waiting)
        assert "a-1" == (await client.aois.wait("a-1")).aoi_id


async def test_p5_a_failing_on_progress_ends_the_download_which_a_later_one_goes_on_with(
    tmp_path: Path,
) -> None:
    content = bytes(range(256)) * 2**15  # more than is read before the first report

    def send(received: Received) -> Answer:
        start = int(received.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        span = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        return answer(206 if start else 200, content[start:], ETag='"1"', **span)

    def stumble(received: int, total: int | None) -> None:
        raise LookupError("a fault of the user's")

    async with Stub(send) as stub, client_of(stub) as client:
        with pytest.raises(LookupError):
            await client.save(f"{stub.url}/x.bin?s=1", tmp_path, on_progress=stumble)
        assert (tmp_path / "x.bin.part.json").is_file()
        saved = await client.save(f"{stub.url}/x.bin?s=1", tmp_path)
    assert (True, content) == (saved.resumed, saved.path.read_bytes())


# --- counts ---


async def test_a_client_counts_what_it_does(tmp_path: Path) -> None:
    file = [*answer(200, b"12345", length=9, ETag='"1"'), CLOSE]
    rest = answer(206, b"6789", ETag='"1"', Content_Range="bytes 5-8/9")
    aoi = json_answer({"aoi_id": "a-1", "status": "success"})
    async with Stub(answer(503), ORDER, aoi, file, rest) as stub, client_of(stub) as client:
        sibling = client.with_options(timeout=5)
        await sibling.orders.get("o-1")
        changes = aiter(client.aois.wait("a-1"))
        await anext(changes)
        assert (1, 1) == (client.stats.waits, client.stats.waiting)
        await changes.aclose()
        await client.save(f"{stub.url}/x", tmp_path)
        expected = Stats(
            calls=2,
            requests=3,
            retries=1,
            bytes_received=len(b'{"id": "o-1"}{"aoi_id": "a-1", "status": "success"}'),
            bytes_downloaded=9,
            files=1,
            waits=1,
            waiting=0,
            unresolved=0,
        )
        assert (expected, expected) == (client.stats, sibling.stats)


async def test_a_create_whose_outcome_is_open_is_counted() -> None:
    async with Stub([CLOSE]) as stub, client_of(stub) as client:
        with pytest.raises(OutcomeUnknown):
            await client.visualizations.create("a-1", index_id="i-1")
        assert 1 == client.stats.unresolved


async def test_a_snapshot_of_the_counts_stays_as_it_is() -> None:
    async with Stub(ORDER) as stub, client_of(stub) as client:
        before = client.stats
        await client.orders.get("o-1")
        assert (0, 1) == (before.calls, client.stats.calls)


# --- a closed client ---


async def test_p8_a_client_that_is_closed_over_a_call_tells_hooks_of_its_end() -> None:
    """It ends in an error of ours, and with it the attempt; nothing is left open."""
    ear = Ear()
    async with Stub([HANG]) as stub, client_of(stub, retry=RetryPolicy.none(), **ear.hooks) as client:
        task = asyncio.create_task(client.orders.get("o-1"))
        await stub.asked()
        await client.aclose()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
    assert not isinstance(outcome, asyncio.CancelledError)
    assert [RequestEvent, ResponseEvent] == [type(event) for event in ear.heard]


# --- the log ---


@attrs.frozen
class Row:
    """A line of the table of events in docs/observing.md."""

    event: str
    logger: str
    level: str
    text: str
    facts: frozenset[str]


def table() -> dict[str, Row]:
    rows = re.findall(
        r"^\| `(\w+\.\w+)` \| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", PAGE.read_text("utf-8"), re.M
    )
    return {
        event: Row(event, logger, level, text, frozenset(re.findall(r"`(\w+)`", facts)))
        for event, logger, level, text, facts in rows
    }


def test_the_table_has_every_event_with_its_logger_level_and_text() -> None:
    assert {
        (
            name,
            event.logger.name,
            logging.getLevelName(event.level),
            re.sub(r"%\((\w+)\)[^a-z]*[a-z]", r"{\1}", event.text),
        )
        for name, event in EVENTS.items()
    } == {(row.event, f"pixxel_async.{row.logger}", row.level, row.text) for row in table().values()}


def sources() -> Iterator[ast.Module]:
    """The modules of the client; bulk runs, sandbox and command line have their own ways to tell."""
    for path in CLIENT:
        yield ast.parse(path.read_text("utf-8"))


def test_where_an_event_is_logged_it_is_given_the_facts_of_the_table() -> None:
    names = {value.name: name for name, value in vars(_log_events).items() if isinstance(value, LogEvent)}
    given: dict[str, list[set[str | None]]] = {}
    for module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                given.setdefault(node.func.id, []).append({keyword.arg for keyword in node.keywords})
    wrong = {
        row.event: facts
        for row in table().values()
        for facts in given.get(names[row.event], [])
        if None not in facts and facts != row.facts  # `**` is seen by the next test
    }
    assert {} == wrong


def test_nothing_is_logged_but_the_events_of_the_table() -> None:
    """Else nobody would know of it, nor be able to tell it from others."""
    loggers = [
        ast.unparse(node)
        for module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "logging.getLogger"
    ]
    ours = {event.logger.name for event in EVENTS.values()} | {
        "pixxel_async"
    }  # config sets the level of this one
    assert ours == {ast.literal_eval(each.removeprefix("logging.getLogger")) for each in loggers}


@pytest.fixture
def log() -> Iterator[list[logging.LogRecord]]:
    """The records from DEBUG on."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("pixxel_async")
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


async def test_calls_waits_and_downloads_log_the_facts_of_the_table(
    log: list[logging.LogRecord], tmp_path: Path
) -> None:
    def package(status: str) -> Answer:
        url = f"{stub.url}/p.zip?X-Signature=0" if status == "success" else None
        return json_answer({"download_id": "d-1", "status": status, "signed_url": url})

    def stumble(event: CallEvent) -> None:
        raise LookupError("a fault of the user's")

    async with Stub(answer(503)) as stub, client_of(stub, on_response=stumble) as client:
        retiring = json_answer({"id": "o-1"}, Sunset="Sat, 01 Jan 2028 00:00:00 GMT")
        half = [*answer(200, b"PK\x03\x04 ", length=9, ETag='"1"'), CLOSE]
        rest = answer(206, b"6789", ETag='"1"', Content_Range="bytes 5-8/9")
        stub.answers += [retiring, [CLOSE], package("started"), [CLOSE]]
        stub.answers += [
            package("odd"),
            answer(500),
            package("success"),
            half,
            answer(403),
            package("success"),
            rest,
        ]
        await client.orders.get("o-1")
        await client.downloads.create("a-1", asset_ids=["s-1"])
        with pytest.raises(OutcomeUnknown):
            await client.visualizations.create("a-1", index_id="i-1")
        impatient = client.with_options(retry=RetryPolicy.none())
        await impatient.downloads.wait("a-1", "d-1").save(tmp_path)
    logged = {record.pixxel["event"] for record in log}  # type: ignore[attr-defined]
    rare = {
        "call.forgotten",
        "wait.sweep_failed",
        "wait.sweep_refused",
        "wait.sweep_stale",
        "download.resumed",
    }
    assert logged == {name for name in EVENTS if re.match("call|wait|download", name) and name not in rare}
    documented = {name: row.facts | {"event"} for name, row in table().items()}
    assert [] == [
        record.pixxel  # type: ignore[attr-defined]
        for record in log
        if documented[record.pixxel["event"]] != record.pixxel.keys()  # type: ignore[attr-defined]
    ]
    assert [] == [text for text in map(logging.LogRecord.getMessage, log) if "Signature" in text]
