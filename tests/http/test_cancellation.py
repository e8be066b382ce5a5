"""Cancellation at every await of every kind of call, users' own time limits, and closing with work under way.

Real sockets and files. `cancelled_at` counts the awaits at which a call is suspended, and cancels it at one of them; a
test goes through them all, until the call gets through before it is cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from stubs import HANG, RESET, Answer, Received, Stub, Wait, answer, json_answer, open_sockets

from pixxel_async import (
    ClientClosed,
    DeadlineExceeded,
    Found,
    Intent,
    OutcomeUnknown,
    PixxelClient,
    RetryPolicy,
)
from pixxel_async._download import storage
from pixxel_async.testing import VirtualClock

pytestmark = pytest.mark.usefixtures("nothing_left")

# --- the API and the storage ---


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        content.writestr("a.txt", b"a" * 3000)
        content.writestr("b/c.txt", b"b" * 3000)
    return buffer.getvalue()


ARCHIVE = archive()
HEAD = f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: {len(ARCHIVE)}\r\n\r\n'.encode()
FILE: Answer = [HEAD, ARCHIVE[:900], Wait(0.001), ARCHIVE[900:1800], Wait(0.001), ARCHIVE[1800:]]


def api() -> Callable[[Received], Answer]:
    """Every first request of a kind goes wrong where that may be tried again; things get ready at the third look."""
    counts: dict[str, int] = {}

    def serve(request: Received) -> Answer:
        path = request.target.partition("?")[0]
        counts[path] = count = counts.get(path, 0) + 1
        if path == "/file.zip":
            return FILE
        if path.startswith("/v0/aoi/"):
            return json_answer({"aoi_id": "a", "status": "success" if count % 3 == 0 else "running"})
        if path.endswith("/jobs"):
            return answer(429) if count % 2 else json_answer({"id": f"j-{count}"}, 201)
        if path == "/v0/orders":
            offset = int(request.target.partition("offset=")[2].partition("&")[0] or 0)
            rows = [{"id": f"o-{offset + number}"} for number in range(2) if offset + number < 6]
            return json_answer({"orders": rows, "pagination": {"total": 6}})
        return answer(503) if count % 2 else json_answer({"id": "o-1"})

    return serve


@attrs.define
class Line:
    client: PixxelClient
    stub: Stub
    directory: Path
    number: int = 0

    def fresh(self) -> Path:
        self.number += 1
        return self.directory / str(self.number)


@asynccontextmanager
async def line(directory: Path, **options: Any) -> AsyncIterator[Line]:
    """A client and a server."""
    async with (
        Stub(api()) as stub,
        PixxelClient("token", base_url=stub.url, clock=VirtualClock(), **options) as client,
    ):
        yield Line(client, stub, directory)


@pytest.fixture
async def nothing_left(tmp_path: Path) -> AsyncIterator[None]:
    """After the test no task, no socket of its stubs and no file in its folder may be open."""
    yield
    assert [] == await leftover_tasks()
    await asyncio.sleep(0)
    gc.collect()
    assert [] == open_sockets(*Stub.ports)
    assert [] == open_files(tmp_path)


def open_files(directory: Path) -> list[str]:
    """The files of this process that are open below a folder."""
    links = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - some go while they are listed
        with suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/self/fd/{name}"))  # noqa: PTH115
    return [link for link in links if link.startswith(f"{directory}/")]


async def leftover_tasks() -> list[asyncio.Task[Any]]:
    """Tasks beside the test's and the server's that do not end by themselves at once."""
    for _ in range(100):
        left = [
            task
            for task in asyncio.all_tasks()
            if task is not asyncio.current_task() and "Stub._serve" not in repr(task.get_coro())
        ]
        if not left:
            return []
        await asyncio.sleep(0)
    return left


# --- cancelling at one await after another ---

Mode = Callable[[asyncio.Task[Any], Any], None]


def while_waiting(task: asyncio.Task[Any], _: Any) -> None:
    """What it waits for has not come."""
    asyncio.get_running_loop().call_soon(task.cancel)


def when_waking(task: asyncio.Task[Any], future: Any) -> None:
    """What it waits for has just come, and it is about to see it."""
    if future is None:
        task.cancel()
    else:
        future.add_done_callback(lambda _: task.cancel())


@attrs.define
class Counted:
    """An awaitable that is cancelled at one of its suspensions, and at the one after that if `twice`."""

    work: Coroutine[Any, Any, Any]
    at: int
    mode: Mode
    twice: bool = False
    suspensions: int = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        steps = self.work.__await__()
        resume: Callable[[], Any] = lambda: steps.send(None)  # noqa: E731
        while True:
            try:
                future = resume()
            except StopIteration as done:
                return done.value
            self.suspensions += 1
            if self.suspensions == self.at:
                self.mode(task, future)
            elif self.twice and self.suspensions == self.at + 1:
                while_waiting(task, future)
            try:
                yield future
            except BaseException as error:  # thrown into what is wrapped, which decides
                thrown = error
                resume = lambda: steps.throw(thrown)  # noqa: E731, B023
            else:
                resume = lambda: steps.send(None)  # noqa: E731


async def cancelled_at(work: Coroutine[Any, Any, Any], at: int, mode: Mode, *, twice: bool) -> bool:
    """Whether it was cancelled before it was through."""
    counted = Counted(work, at, mode, twice)

    async def run() -> Any:
        return await counted

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if counted.suspensions < at:
        await task  # it got through, and must not have failed
        return False
    with pytest.raises(asyncio.CancelledError):
        await task
    return True


# --- the kinds of calls ---


async def get(line: Line) -> None:
    assert "o-1" == (await line.client.orders.get("o-1")).id


async def listing(line: Line) -> None:
    assert 6 == len(await line.client.orders.list(page_size=2))


async def walk_ahead(line: Line) -> None:
    async with aclosing(aiter(line.client.orders.list(page_size=2, prefetch=True))) as orders:
        assert 6 == len([order async for order in orders])


async def create(line: Line) -> None:
    async def before_create(intent: Intent) -> None:
        await asyncio.sleep(0)

    client = line.client.with_options(before_create=before_create)
    assert (await client.jobs.create("w", project_id="p")).id


async def wait(line: Line) -> None:
    assert "success" == (await line.client.aois.wait("a")).status


async def walk_wait(line: Line) -> None:
    async with aclosing(aiter(line.client.aois.wait("a"))) as snapshots:
        async for _ in snapshots:
            await asyncio.sleep(0)


async def download(line: Line) -> None:
    saved = await line.client.save(f"{line.stub.url}/file.zip?signature=1", line.fresh())
    assert ARCHIVE == saved.path.read_bytes()


async def unpacked(line: Line) -> None:
    saved = await line.client.save(f"{line.stub.url}/file.zip?signature=1", line.fresh(), unzip=True)
    assert saved.members is not None
    assert 3000 == saved.members[1].stat().st_size


CALLS: dict[str, Callable[[Line], Coroutine[Any, Any, None]]] = {
    each.__name__: each for each in (get, listing, walk_ahead, create, wait, walk_wait, download, unpacked)
}
LEAST_AWAITS = dict.fromkeys(CALLS, 5) | {"wait": 8, "walk_wait": 8, "download": 7, "unpacked": 7}
"""A test that came across fewer would not have seen all of the call."""
MODES: dict[str, tuple[Mode, bool]] = {
    "waiting": (while_waiting, False),
    "waking": (when_waking, False),
    "twice": (while_waiting, True),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("call", CALLS)
async def test_p1_a_call_that_is_cancelled_at_any_await_leaves_nothing_behind(
    call: str, mode: str, tmp_path: Path
) -> None:
    """No task, socket or file; and the client works on."""
    how, twice = MODES[mode]
    at, through = 1, False
    while not through:
        async with line(tmp_path / str(at)) as there:
            through = not await cancelled_at(CALLS[call](there), at, how, twice=twice)
            assert [] == await leftover_tasks()
            assert all(each.intent.operation == "createJob" for each in there.client.unresolved)
            await get(there)
        at += 1
    assert at > LEAST_AWAITS[call]
    assert_whole(tmp_path)


def assert_whole(directory: Path) -> None:
    """A later download may go on with what was cancelled, as `.part`; what has its name is complete."""
    for file in directory.glob("*/*/file.zip"):
        assert ARCHIVE == file.read_bytes()
    for folder in directory.glob("*/*/file"):
        assert ["a.txt", "b"] == sorted(path.name for path in folder.iterdir())
    assert [] == list(directory.glob("*/*/.file.*"))


async def test_p1_a_page_that_is_read_ahead_is_dropped_with_its_walk() -> None:
    """Also one whose answer never comes."""
    page = json_answer({"orders": [{"id": "o-1"}], "pagination": {"total": 9}})
    async with Stub(page, [HANG]) as stub, PixxelClient("token", base_url=stub.url) as client:
        reached = asyncio.Event()

        async def walk() -> None:
            async with aclosing(aiter(client.orders.list(page_size=1, prefetch=True))) as orders:
                async for _ in orders:
                    reached.set()
                    await asyncio.Event().wait()

        task = asyncio.create_task(walk())
        await reached.wait()
        while len(stub.received) < 2:  # noqa: ASYNC110 - the stub tells of its first request only
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [] == await leftover_tasks()


@pytest.mark.parametrize("mode", MODES)
async def test_p1_a_token_provider_that_is_cancelled_is_asked_again(mode: str, tmp_path: Path) -> None:
    asked = 0

    async def provide() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.001)
        return "token"

    how, twice = MODES[mode]
    async with Stub(json_answer({"id": "o-1"})) as stub:
        at, through = 1, False
        while not through:
            async with PixxelClient(provide, base_url=stub.url) as client:
                through = not await cancelled_at(client.orders.get("o-1"), at, how, twice=twice)  # type: ignore[arg-type]
                assert "o-1" == (await client.orders.get("o-1")).id
            at += 1
        assert asked >= 5


@pytest.mark.parametrize("mode", MODES)
async def test_p1_closing_that_is_cancelled_can_be_done_again(mode: str, tmp_path: Path) -> None:
    how, twice = MODES[mode]
    at, through = 1, False
    while not through:
        async with line(tmp_path) as there:
            there.stub.answers = [[HANG]]
            calls = [asyncio.create_task(there.client.orders.get("o-1")) for _ in range(2)]  # type: ignore[arg-type]
            await there.stub.asked()
            through = not await cancelled_at(there.client.aclose(), at, how, twice=twice)
            await there.client.aclose()
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, ClientClosed)
        at += 1


# --- time limits ---


LIMITED: dict[str, tuple[Answer, float]] = {
    "before an answer": ([HANG], 0.05),
    "in the body": ([*answer(200, b'{"id"', length=50), HANG], 0.05),
    "in a back-off": (answer(503, Retry_After="0.3"), 0.05),
}


@pytest.mark.parametrize("where", LIMITED)
async def test_p6_a_users_time_limit_is_their_timeout_error(where: str) -> None:
    steps, seconds = LIMITED[where]
    async with Stub(steps) as stub, PixxelClient("token", base_url=stub.url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(seconds) as limit:
                await client.orders.get("o-1")
        assert limit.expired()
        assert TimeoutError is type(caught.value)
        stub.answers = [json_answer({"id": "o-1"})]
        assert "o-1" == (await client.orders.get("o-1")).id


@pytest.mark.parametrize("where", ["before an answer", "in the body"])
async def test_p6_our_time_limit_is_no_timeout_error(where: str) -> None:
    """Also within a longer one of the user's, which goes on."""
    async with Stub(LIMITED[where][0]) as stub, PixxelClient("token", base_url=stub.url) as client:
        async with asyncio.timeout(60) as limit:
            with pytest.raises(DeadlineExceeded) as caught:
                await client.with_options(timeout=0.05).orders.get("o-1")
        assert not limit.expired()
        assert not isinstance(caught.value, TimeoutError)


async def test_p6_a_users_time_limit_ends_waits_and_downloads(tmp_path: Path) -> None:
    async with Stub([HEAD, ARCHIVE[:900], HANG]) as stub, PixxelClient("token", base_url=stub.url) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.save(f"{stub.url}/file.zip", tmp_path)
        stub.answers = [json_answer({"aoi_id": "a", "status": "pending"})]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.aois.wait("a")


# --- closing ---


async def closed_over(client: PixxelClient, call: Awaitable[Any], until: Callable[[], bool]) -> Any:
    """What a call comes to when the client is closed while it is under way."""
    task = asyncio.ensure_future(call)
    while not until():  # noqa: ASYNC110 - the stub has no event for all of it
        await asyncio.sleep(0.005)
    async with asyncio.timeout(5):  # at once, not at the end of some limit of the call
        await client.aclose()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
    return outcome


@pytest.mark.parametrize("where", LIMITED)
async def test_p8_closing_ends_a_call_wherever_it_is(where: str) -> None:
    failed = asyncio.Event()
    async with Stub(LIMITED[where][0]) as stub:
        client = PixxelClient("token", base_url=stub.url, on_retry=lambda _: failed.set())
        is_there = failed.is_set if where == "in a back-off" else lambda: bool(stub.received)
        outcome = await closed_over(client, client.orders.get("o-1"), is_there)
    assert ClientClosed is type(outcome)
    assert "the client was closed while this call was in flight" == str(outcome)


async def test_p8_closing_ends_a_call_that_waits_for_its_token() -> None:
    asked = asyncio.Event()

    async def provide() -> str:
        asked.set()
        await asyncio.Event().wait()
        return "never"

    client = PixxelClient(provide, base_url="http://127.0.0.1:1")
    outcomes = [await closed_over(client, client.orders.get("o-1"), asked.is_set)]
    assert [ClientClosed] == [type(each) for each in outcomes]


async def test_p8_closing_leaves_a_create_that_was_sent_unknown() -> None:
    """It may have been executed: another client looks."""
    async with Stub([HANG]) as stub:
        client = PixxelClient("token", base_url=stub.url)
        error = await closed_over(
            client, client.jobs.create("w", project_id="p"), lambda: bool(stub.received)
        )
        assert isinstance(error, OutcomeUnknown)
        assert ("createJob", "POST", "/v0/workflows/w/jobs") == (error.endpoint, error.method, error.path)
        assert [error.intent] == [each.intent for each in client.unresolved]
        with pytest.raises(ClientClosed):
            await client.unresolved[0].reconcile()
        assert error.intent is not None
        made = {"id": "j-1", "created_at": error.intent.sent_at.isoformat()}
        stub.answers = [json_answer({"jobs": [made]})]
        async with PixxelClient("token", base_url=stub.url, clock=VirtualClock()) as other:
            found = await other.reconcile(error)
        assert isinstance(found, Found)
        assert "j-1" == found.id


async def test_p8_closing_ends_a_create_that_was_not_sent() -> None:
    refused = asyncio.Event()
    async with Stub(answer(429, Retry_After="60")) as stub:
        client = PixxelClient("token", base_url=stub.url, on_retry=lambda _: refused.set())
        outcome = await closed_over(client, client.jobs.create("w", project_id="p"), refused.is_set)
    assert ClientClosed is type(outcome)
    assert () == client.unresolved


@pytest.mark.parametrize("number", [1, 30])
async def test_p8_closing_ends_waits_between_their_looks(number: int) -> None:
    """Of one thing, and of so many that they look together."""

    def serve(request: Received) -> Answer:
        rows = [{"aoi_id": f"a-{each}", "status": "running"} for each in range(number)]
        one = {"aoi_id": request.target.rpartition("/")[2], "status": "running"}
        many = {"aois": rows, "pagination": {"total": number}}
        return json_answer(one if "/v0/aoi/" in request.target else many)

    async with Stub(serve) as stub:
        client = PixxelClient("token", base_url=stub.url)
        seen: set[str] = set()
        waits = [
            asyncio.ensure_future(
                _final(client.aois.wait(f"a-{each}", on_update=lambda one: seen.add(one.aoi_id)))
            )
            for each in range(number)
        ]
        outcome = await closed_over(
            client, asyncio.gather(*waits, return_exceptions=True), lambda: len(seen) == number
        )
        assert [ClientClosed] * number == [type(each) for each in outcome]


async def _final(wait: Awaitable[Any]) -> Any:
    return await wait


async def test_p8_closing_ends_a_listing_that_is_read_ahead() -> None:
    async with Stub(json_answer({"orders": [{"id": "o-1"}], "pagination": {"total": 9}}), [HANG]) as stub:
        client = PixxelClient("token", base_url=stub.url)
        walk = client.orders.list(page_size=1, prefetch=True)

        async def read() -> Any:
            async for _ in walk:
                pass

        outcome = await closed_over(client, read(), lambda: len(stub.received) == 2)
    assert isinstance(outcome, ClientClosed)


async def test_p8_closing_ends_a_download_and_a_later_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "BATCH", 1)  # what came is written at once
    async with Stub([HEAD, ARCHIVE[:900], HANG]) as stub:
        client = PixxelClient("token", base_url=stub.url)
        outcome = await closed_over(
            client,
            client.save(f"{stub.url}/file.zip", tmp_path),
            lambda: bool(stub.received),
        )
        assert ClientClosed is type(outcome)
        assert not (tmp_path / "file.zip").exists()
        stub.answers = [FILE]
        async with PixxelClient("token", base_url=stub.url) as other:
            saved = await other.save(f"{stub.url}/file.zip", tmp_path)
    assert ARCHIVE == saved.path.read_bytes()


async def test_p8_closing_waits_until_all_have_cleaned_up() -> None:
    asked = asyncio.Event()

    async def provide() -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
        return "never"

    client = PixxelClient(provide, base_url="http://127.0.0.1:1")
    task = asyncio.create_task(client.orders.get("o-1"))  # type: ignore[arg-type]
    await asked.wait()
    await client.aclose()
    assert task.done()
    assert isinstance(task.exception(), ClientClosed)


async def test_p8_closing_twice_at_once_waits_for_the_same_end() -> None:
    async with Stub([HANG]) as stub:
        client = PixxelClient("token", base_url=stub.url)
        calls = [asyncio.create_task(client.orders.get("o-1")) for _ in range(3)]  # type: ignore[arg-type]
        await stub.asked()
        await asyncio.gather(client.aclose(), client.aclose())
        await client.aclose()
        outcomes = [each.exception() for each in calls if each.done()]
        assert [ClientClosed] * 3 == [type(each) for each in outcomes]


async def test_p8_a_callback_may_close_the_client_under_its_own_call() -> None:
    """It does not wait for itself; its call ends in ClientClosed when it is to go on."""

    closed: list[bool] = []

    async def before_create(intent: Intent) -> None:
        await client.aclose()
        closed.append(True)

    async with Stub(json_answer({"id": "j-1"})) as stub:
        client = PixxelClient("token", base_url=stub.url)
        with pytest.raises(ClientClosed):
            await client.with_options(before_create=before_create).jobs.create("w", project_id="p")
        assert ([True], []) == (closed, stub.received)


async def test_p8_a_users_own_cancellation_is_not_turned_into_our_error() -> None:
    """Both at once: the task was cancelled, so it is cancelled."""
    async with Stub([HANG]) as stub:
        client = PixxelClient("token", base_url=stub.url)
        task = asyncio.create_task(client.orders.get("o-1"))  # type: ignore[arg-type]
        await stub.asked()
        task.cancel()
        await client.aclose()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_p8_a_call_whose_answer_is_there_when_the_client_is_closed_ends_all_the_same() -> None:
    async with Stub(json_answer({"id": "o-1"})) as stub:
        client = PixxelClient("token", base_url=stub.url)
        task = asyncio.create_task(client.orders.get("o-1"))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await client.aclose()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        assert ClientClosed is type(outcome)


async def test_p8_a_reset_at_closing_is_nothing_more() -> None:
    async with Stub([RESET]) as stub:
        client = PixxelClient("token", base_url=stub.url, retry=RetryPolicy.none())
        tasks = [asyncio.create_task(client.orders.get("o-1")) for _ in range(4)]  # type: ignore[arg-type]
        await stub.asked()
        await client.aclose()
        assert 4 == len(await asyncio.gather(*tasks, return_exceptions=True))
