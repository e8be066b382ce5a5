"""Many waits at once: how few requests they cost, and that each ends as it would alone, whatever the listing does.

Time is virtual unless said.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import random
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar, copy_context
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async import (
    AuthenticationError,
    BadRequest,
    ConnectionLost,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PixxelClient,
    PixxelError,
    RateLimited,
    SchemaError,
    ServerError,
    ServiceUnavailable,
    UnexpectedBody,
    WaitFailed,
    WaitResult,
    WaitTimeout,
)
from pixxel_async.models import AOI
from pixxel_async.sandbox import Sandbox
from pixxel_async.testing import FakeRequest, FakeTransport, VirtualClock

LIST, GET = "GET /v0/aois", "GET /v0/aoi"


def no(kind: type[Any], status: int, **facts: Any) -> Exception:
    error: Exception = kind("no", status=status, **facts)
    return error


@attrs.define
class Thing:
    """An AOI of the fake API. Times are the clock's."""

    id: str
    ends: float = 30.0
    word: str = "success"
    project: str = "p-1"
    listed_from: float = 0.0
    there_from: float = 0.0

    def json(self, now: float) -> dict[str, Any]:
        word = self.word if now >= self.ends else "running"
        return {"aoi_id": self.id, "status": word, "project_id": self.project}


class Api:
    """AOIs in a listing and singly, with a note of every request and when it came."""

    def __init__(self, things: Iterable[Thing], clock: VirtualClock, others: int = 0) -> None:
        self.things = {thing.id: thing for thing in things}
        self.others = [Thing(f"other-{number}", project="p-9") for number in range(others)]
        self.clock = clock
        self.requests: list[tuple[float, str, FakeRequest]] = []
        self.trouble: Callable[[str], Exception | None] = lambda name: None
        self.listing: Callable[[FakeRequest], Any] | None = None
        """Answers list requests in place of what is true."""
        self.news = asyncio.Event()
        self.seconds = 0.0
        """What an answer takes."""
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        """Most requests under way at once, by name."""
        routes: dict[str, Any] = {LIST: self._list}
        routes |= {f"{GET}/{id}": self._get for id in self.things}
        self.transport = FakeTransport(routes)

    def counts(self) -> Counter[str]:
        return Counter(name for _, name, _ in self.requests)

    def rounds(self) -> dict[float, Counter[str]]:
        """Requests by time and name."""
        found: dict[float, Counter[str]] = {}
        for time, name, _ in self.requests:
            found.setdefault(time, Counter())[name] += 1
        return found

    async def happened(self, condition: Callable[[], bool]) -> None:
        """Wait for it."""
        while not condition():
            self.news.clear()
            await self.news.wait()

    async def _answer(self, name: str, request: FakeRequest) -> None:
        self.requests.append((self.clock.monotonic(), name, request))
        self.news.set()
        key = str(request)
        self.under_way[key] += 1
        self.most[key] = max(self.most[key], self.under_way[key])
        try:
            await (self.clock.sleep(self.seconds) if self.seconds else asyncio.sleep(0))
        finally:
            self.under_way[key] -= 1
        error = self.trouble(name)
        if error is not None:
            raise error

    async def _list(self, request: FakeRequest) -> Any:
        await self._answer(LIST, request)
        if self.listing is not None:
            answer = self.listing(request)
            return await answer if inspect.isawaitable(answer) else answer
        return self.listed(request)

    def listed(self, request: FakeRequest) -> Any:
        now = self.clock.monotonic()
        found = [each for each in (*self.others, *self.things.values()) if now >= each.listed_from]
        if "project_ids" in request.query:
            wanted = request.query["project_ids"].split(",")
            found = [each for each in found if each.project in wanted]
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        page = [each.json(now) for each in found[offset : offset + limit]]
        return {"aois": page, "pagination": {"offset": offset, "limit": limit, "total": len(found)}}

    async def _get(self, request: FakeRequest) -> Any:
        await self._answer(GET, request)
        thing, now = self.things[request.path.rpartition("/")[2]], self.clock.monotonic()
        if now < thing.there_from:
            raise no(NotFound, 404)
        return thing.json(now)


@asynccontextmanager
async def fake(things: Iterable[Thing], **options: Any) -> AsyncIterator[tuple[PixxelClient, Api]]:
    """A client of a fake API. Nothing of it runs on when it is left."""
    clock = VirtualClock()
    api = Api(things, clock, **options)
    before = asyncio.all_tasks()
    async with PixxelClient(transport=api.transport, clock=clock) as client:
        yield client, api
    assert before == asyncio.all_tasks()


def aois(number: int, **facts: Any) -> list[Thing]:
    return [Thing(f"a-{each}", **facts) for each in range(number)]


def words(ended: Iterable[WaitResult[AOI]]) -> Counter[str | None]:
    return Counter(type(each.error).__name__ if each.error else each.result().status for each in ended)


async def test_i8_five_thousand_waits_begun_at_once_cost_a_hundredth_of_it_a_round() -> None:
    """Single waits, each awaited by itself; the first look is no dearer than the later ones."""
    chance = random.Random(1)
    things = [Thing(f"a-{number}", ends=chance.uniform(0, 40)) for number in range(5_000)]
    async with fake(things) as (client, api):
        done = await asyncio.gather(*(client.aois.wait(thing.id)._finish() for thing in things))
        assert {"success"} == {aoi.status for aoi in done}
        assert [thing.id for thing in things] == [aoi.aoi_id for aoi in done]
        rounds = [counts for counts in api.rounds().values() if counts[LIST]]
        assert 51 == rounds[0][LIST] == max(counts[LIST] for counts in rounds)
        assert max(counts.total() for counts in rounds[:-1]) <= 60
        # Of the last few dozen each is read by itself: that is cheaper than fifty pages.
        assert api.counts()[GET] < 50 * 10


async def test_i8_the_rounds_are_jittered() -> None:
    """Of 25 pages five a second, ±20 %: 4 to 6 s apart, then as the waits' own intervals say, up to 36 s."""
    async with fake(aois(60, ends=400), others=2_400) as (client, api):
        for thing in api.others:
            thing.project = "p-1"
        await client.aois.wait_many(api.things)
        times = [time for time, counts in api.rounds().items() if 25 <= counts[LIST]]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(4 <= gap <= 6 for gap in gaps[:2])
        assert all(23.9 <= gap <= 36.1 for gap in gaps[-8:])
        assert len({round(gap, 3) for gap in gaps[-8:]}) == 8


async def test_few_waits_look_each_for_itself() -> None:
    async with fake(aois(20)) as (client, api):
        await client.aois.wait_many(api.things)
        assert {GET} == set(api.counts())


async def test_one_more_than_a_few_look_together() -> None:
    async with fake(aois(21)) as (client, api):
        await client.aois.wait_many(api.things)
        rounds = list(api.rounds().values())
        assert [1] * len(rounds) == [counts[LIST] for counts in rounds]
        assert 5 == max(counts[GET] for counts in rounds)


async def test_one_that_comes_later_looks_at_once() -> None:
    """However long the others still sleep."""
    async with fake([*aois(100, ends=500), Thing("late", ends=0)]) as (client, api):
        others = asyncio.ensure_future(client.aois.wait_many(list(api.things)[:-1])._finish())
        await api.happened(lambda: len(api.rounds()) == 8)
        looks = len(api.requests)
        assert "success" == (await client.aois.wait("late")).status
        assert [f"{GET}/late"] == [str(request) for _, _, request in api.requests[looks:]][:1]
        await others


async def test_a_listing_longer_than_the_waits_is_not_walked() -> None:
    """One page tells how long it is, another one that narrowing gains nothing."""
    async with fake(aois(25, project="p-9"), others=2_500) as (client, api):
        assert 25 == words(await client.aois.wait_many(api.things))["success"]
        assert 2 == api.counts()[LIST]


async def test_a_listing_is_narrowed_to_the_projects_of_the_things() -> None:
    async with fake([*aois(150), *aois(0)], others=1_000) as (client, api):
        await client.aois.wait_many(api.things)
        asked = [request.query.get("project_ids") for _, name, request in api.requests if name == LIST]
        assert [None] * 12 == asked[:12]
        assert {"p-1"} == set(asked[12:])
        assert 2 == api.rounds()[list(api.rounds())[1]][LIST]


async def test_i10_answers_slower_than_the_intervals_never_overlap() -> None:
    """Neither two sweeps, nor two looks at one thing; 40 s each, at intervals of 2 to 30 s."""
    for number in (5, 60):
        async with fake(aois(number, ends=300)) as (client, api):
            api.seconds = 40.0
            await client.aois.wait_many(api.things)
            assert {1} == set(api.most.values())


async def test_i10_two_waits_for_the_same_thing_share_their_looks() -> None:
    async with fake(aois(30)) as (client, api):
        waits = [client.aois.wait(id)._finish() for id in [*api.things, "a-0"]]
        assert ["success"] * 31 == [aoi.status for aoi in await asyncio.gather(*waits)]
        assert {1} == set(api.most.values())
        assert 1 == max(counts[LIST] for counts in api.rounds().values())


async def test_i7_waits_survive_sweeps_that_fail() -> None:
    """Five minutes of 500s, and then all end well."""
    async with fake(aois(300)) as (client, api):
        api.trouble = lambda name: no(ServerError, 500) if api.clock.monotonic() < 300 else None
        assert 300 == words(await client.aois.wait_many(api.things))["success"]
        outage = sum(time < 300 for time, _, _ in api.requests)
        assert outage <= 60  # single waits would poll 300 * 14 times


async def test_i7_waits_end_in_time_while_sweeps_fail() -> None:
    """Each takes its last look at its own time, and the trouble is told."""
    async with fake(aois(60)) as (client, api):
        api.trouble = lambda name: no(ServerError, 500)

        async def end_of(number: int) -> BaseException | None:
            with pytest.raises(WaitTimeout) as caught:
                await client.aois.wait(f"a-{number}", timeout=10 + number)
            return caught.value.__cause__

        causes = await asyncio.gather(*map(end_of, range(60)))
        looks = sorted(time for time, _, _ in api.requests)
        assert [] == [
            end for end in range(10, 70) if not any(end == pytest.approx(look, abs=0.01) for look in looks)
        ]
        assert {ServerError} == {type(cause) for cause in causes}


async def test_i1_waits_of_a_group_end_in_time() -> None:
    """With one last look together, however many end at once."""
    async with fake(aois(500, ends=10_000)) as (client, api):
        ended = await client.aois.wait_many(api.things, timeout=100)
        assert {"WaitTimeout": 500} == words(ended)
        assert pytest.approx(100, abs=0.01) == api.clock.monotonic()
        assert pytest.approx(100, abs=0.01) == list(api.rounds())[-1]
        assert 6 == list(api.rounds().values())[-1][LIST]
        assert {"running"} == {each.snapshot.status for each in ended if each.snapshot}


# --- listings that are broken ---


def failing(error: Exception) -> Callable[[Api], Callable[[FakeRequest], Any]]:
    return lambda _: lambda _: error


def page(rows: list[Any], total: int) -> dict[str, Any]:
    return {"aois": rows, "pagination": {"offset": 0, "limit": 100, "total": total}}


async def late(api: Api, request: FakeRequest) -> Any:
    await api.clock.sleep(20)
    return api.listed(request)


async def never(_: FakeRequest) -> None:
    await asyncio.Event().wait()


BROKEN: dict[str, Callable[[Api], Callable[[FakeRequest], Any]]] = {
    "500": failing(no(ServerError, 500)),
    "503 with Retry-After": failing(no(ServerError, 503, retry_after=1.0)),
    "reset": failing(ConnectionLost("reset")),
    "HTML": failing(UnexpectedBody("HTML")),
    "another shape": failing(SchemaError("shape")),
    "forbidden": failing(no(PermissionDenied, 403)),
    "not found": failing(no(NotFound, 404)),
    "down for itself": failing(ServiceUnavailable("down", retry_after=60.0)),
    "no answer": lambda _: never,
    "late": lambda api: lambda request: late(api, request),
    "null": lambda _: lambda _: {"aois": None},
    "empty": lambda _: lambda _: page([], 0),
    "others": lambda _: lambda _: page([Thing(f"x-{each}").json(0) for each in range(90)], 90),
    "stale": lambda api: lambda _: page([each.json(-1) for each in api.things.values()], len(api.things)),
    "the same page": lambda api: lambda _: page([each.json(-1) for each in api.things.values()][:10], 400),
}


@pytest.mark.parametrize("ends", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("kind", BROKEN, ids=[f"i12-{kind}" for kind in BROKEN])
async def test_waits_do_not_depend_on_the_listing(kind: str, ends: float) -> None:
    """30 of them end within twice the time of 20, which do not use it."""
    async with fake(aois(20, ends=ends)) as (client, api):
        await client.aois.wait_many(api.things)
        alone = api.clock.monotonic()
    async with fake(aois(30, ends=ends)) as (client, api):
        api.listing = BROKEN[kind](api)
        began = api.clock.monotonic()
        assert 30 == words(await client.aois.wait_many(api.things, timeout=600))["success"]
        # Nothing to be polled again takes no time; then the listing's own limit is the measure.
        assert api.clock.monotonic() - began <= max(2 * alone, 8.0)


async def test_i12_individual_polls_share_a_budget_of_ten_a_second() -> None:
    async with fake(aois(300)) as (client, api):
        api.listing = BROKEN["forbidden"](api)
        assert 300 == words(await client.aois.wait_many(api.things))["success"]
        times = [time for time, name, _ in api.requests if name == GET]
        assert all(later - earlier > 0.98 for earlier, later in zip(times, times[10:-20], strict=False))


async def test_i12_a_listing_that_fails_is_tried_again_and_used_when_it_is_back() -> None:
    async with fake(aois(200, ends=300)) as (client, api):
        api.listing = lambda request: (
            no(ServerError, 500) if api.clock.monotonic() < 60 else api.listed(request)
        )
        assert 200 == words(await client.aois.wait_many(api.things))["success"]
        late = Counter(name for time, name, _ in api.requests if time > 110)
        assert 5 <= late[LIST]
        assert late[GET] <= 5 * late[LIST]


async def test_i13_a_listing_that_is_stale_is_left_until_it_agrees_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What one of five samples has seen the end of is still in flight there."""
    things = [*aois(50, ends=20), *(Thing(f"slow-{each}", ends=600) for each in range(100))]
    async with fake(things) as (client, api):
        frozen = [each.json(0) for each in things]
        api.listing = lambda request: (
            page(frozen[:100], 100) if api.clock.monotonic() < 200 else api.listed(request)
        )
        ended = {each.id: each async for each in client.aois.wait_many(api.things)}
        assert 150 == words(ended.values())["success"]
        assert 1 == caplog.text.count("its listing is stale")
        agreed = [counts for time, counts in api.rounds().items() if time > 260]
        assert all(counts[GET] <= 5 for counts in agreed[:8])


async def test_i13_samples_are_taken_in_turn() -> None:
    async with fake(aois(25, ends=200)) as (client, api):
        await client.aois.wait_many(api.things)
        polled = [request.path for _, name, request in api.requests if name == GET]
        assert 25 == len(set(polled[:25]))


async def test_i12_an_outage_is_met_with_two_requests_a_round() -> None:
    """Three individual polls find out that it is not the listing alone, then one a round."""
    async with fake(aois(1_000, ends=30)) as (client, api):
        api.trouble = lambda name: no(ServerError, 500) if 10 < api.clock.monotonic() < 70 else None
        assert 1_000 == words(await client.aois.wait_many(api.things))["success"]
        normal = 1_000 * 60 / 30
        outage = sum(10 < time < 70 for time, _, _ in api.requests)
        assert outage <= 0.02 * normal


@pytest.mark.parametrize("stay", [10, 30])
async def test_i12_those_that_stay_in_an_outage_find_its_end(stay: int) -> None:
    """Few of them, or fewer than the listing has pages, so that it is not read any more."""
    async with fake(aois(60, ends=60, project="p-9"), others=4_500) as (client, api):
        api.trouble = lambda name: no(ServerError, 500) if 25 < api.clock.monotonic() < 150 else None
        waits = [asyncio.ensure_future(client.aois.wait(id, timeout=None)._finish()) for id in api.things]
        await api.happened(lambda: api.clock.monotonic() > 90)
        await api.clock.sleep(3)  # between two rounds
        for wait in waits[stay:]:
            wait.cancel()
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert ["success"] * stay == [each.status for each in ended if isinstance(each, AOI)]
        assert api.clock.monotonic() < 250


async def test_i12_a_list_request_runs_in_no_callers_context() -> None:
    """Nor keeps one alive."""
    mine: ContextVar[Any] = ContextVar("mine", default=None)
    seen: list[Any] = []

    class Mark:
        pass

    async with fake(aois(30, ends=100)) as (client, api):
        api.things["first"] = Thing("first", ends=0)
        api.transport.routes[f"{GET}/first"] = api._get

        def look(request: FakeRequest) -> Any:
            seen.append(mine.get())
            return api.listed(request)

        api.listing = look
        context, mark = copy_context(), Mark()
        context.run(mine.set, mark)
        gone = weakref.ref(mark)
        wait = asyncio.get_running_loop().create_task(client.aois.wait("first")._finish(), context=context)
        others = [asyncio.ensure_future(client.aois.wait(f"a-{each}")._finish()) for each in range(30)]
        del context, mark
        await wait
        del wait
        await asyncio.sleep(0)  # the event loop forgets the task, too
        gc.collect()
        assert gone() is None
        await asyncio.gather(*others)
        assert {None} == set(seen)


async def test_a_sweep_that_hangs_does_not_hold_a_wait_beyond_its_time() -> None:
    """In real time."""
    answer = asyncio.Event()

    async def hang(_: FakeRequest) -> Any:
        await answer.wait()

    async with PixxelClient(transport=FakeTransport({LIST: hang})) as client, asyncio.timeout(5):
        ended = await client.aois.wait_many([f"a-{number}" for number in range(30)], timeout=0.1)
    assert {"WaitTimeout": 30} == words(ended)
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_retry_after_of_a_sweep_holds_for_all() -> None:
    async with fake(aois(100)) as (client, api):
        api.trouble = lambda name: no(RateLimited, 429, retry_after=50.0) if not api.clock.slept else None
        await client.aois.wait_many(api.things)
        assert [0.0, 50.0] == [pytest.approx(time) for time in api.rounds()][:2]


async def test_what_the_listing_does_not_show_yet_is_read_ten_a_second() -> None:
    """D7: for a minute neither the listing nor a 404 proves that it is not there."""
    async with fake(aois(200, listed_from=45, there_from=20)) as (client, api):
        assert 200 == words(await client.aois.wait_many(api.things))["success"]
        seconds = Counter(int(time) for time, name, _ in api.requests if name == GET)
        assert max(seconds.values()) <= 10 + 5 + 20  # the budget, the samples, and the last few newcomers


async def test_what_the_listing_never_shows_is_waited_for_all_the_same() -> None:
    things = [*aois(100), *(Thing(f"hidden-{number}", listed_from=1e9) for number in range(60))]
    async with fake(things) as (client, api):
        assert {"success": 160} == words(await client.aois.wait_many(api.things))


async def test_what_is_not_there_after_a_minute_does_not_stop_the_others() -> None:
    things = [
        *aois(100, ends=200),
        *(Thing(f"gone-{each}", listed_from=1e9, there_from=1e9) for each in range(3)),
    ]
    async with fake(things) as (client, api):
        assert {"success": 100, "NotFound": 3} == words(await client.aois.wait_many(api.things))


@pytest.mark.parametrize(
    "error",
    [no(BadRequest, 400), no(PermissionDenied, 403), SchemaError("shape")],
    ids=lambda e: type(e).__name__,
)
async def test_where_the_listing_is_refused_each_looks_for_itself(error: Exception) -> None:
    """One request is lost on it in ten minutes."""
    async with fake(aois(50, ends=400)) as (client, api):
        api.trouble = lambda name: error if name == LIST else None
        assert 50 == words(await client.aois.wait_many(api.things))["success"]
        assert 1 == api.counts()[LIST]


async def test_a_token_that_is_refused_ends_all_waits_with_one_request() -> None:
    """N4."""
    async with fake(aois(500)) as (client, api):
        api.trouble = lambda name: no(AuthenticationError, 401) if api.clock.monotonic() > 10 else None
        ended = await client.aois.wait_many(api.things)
        assert {"AuthenticationError": 500} == words(ended)
        assert 500 == len({id(each.error) for each in ended})
        assert 1 == sum(list(api.rounds().values())[-1].values())


async def test_a_wait_that_is_cancelled_leaves_the_sweep_to_the_others() -> None:
    async with fake(aois(100)) as (client, api):
        waits = [asyncio.ensure_future(client.aois.wait(id)._finish()) for id in api.things]
        await api.happened(lambda: bool(api.requests))
        waits[0].cancel()
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert {"success"} == {aoi.status for aoi in ended[1:] if isinstance(aoi, AOI)}
        assert all(counts[GET] <= 5 for counts in api.rounds().values())


async def test_with_the_last_wait_the_sweep_ends() -> None:
    """P1: cancelled at any moment, nothing runs on."""
    for moment in range(0, 60, 3):
        async with fake(aois(120)) as (client, api):
            waits = [asyncio.ensure_future(client.aois.wait(id)._finish()) for id in api.things]
            for _ in range(moment):
                await asyncio.sleep(0)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            asked = len(api.requests)
            await asyncio.sleep(0)
            assert asked == len(api.requests)


async def test_when_few_are_left_each_looks_for_itself() -> None:
    async with fake([*aois(80, ends=10), *(Thing(f"slow-{each}", ends=300) for each in range(10))]) as (
        client,
        api,
    ):
        assert 90 == words(await client.aois.wait_many(api.things))["success"]
        late = [name for time, name, _ in api.requests if time > 60]
        assert {GET} == set(late)


async def test_i6_the_first_end_that_a_sweep_shows_is_the_end() -> None:
    async with fake(aois(50, ends=0)) as (client, api):
        seen: list[str | None] = []
        await client.aois.wait_many(api.things, on_update=lambda aoi: seen.append(aoi.status))
        assert ["success"] * 50 == seen
        assert 1 == len(api.requests)


async def test_jobs_end_with_all_that_a_job_holds() -> None:
    """The listing leaves out a job's tasks; a single job has them."""
    clock = VirtualClock()

    polled: list[float] = []

    def job(id: str) -> dict[str, Any]:
        return {"id": id, "status": "completed" if clock.monotonic() > 20 else "running"}

    def one(request: FakeRequest) -> dict[str, Any]:
        polled.append(clock.monotonic())
        return {**job(request.path.rpartition("/")[2]), "tasks": [{"id": "t-1"}]}

    ids = [f"j-{number}" for number in range(40)]
    routes: dict[str, Any] = {"GET /v0/workflows/w-1/jobs": lambda _: {"jobs": [job(id) for id in ids]}}
    for id in ids:
        routes[f"GET /v0/workflows/w-1/jobs/{id}"] = one
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        ended = await client.jobs.wait_many("w-1", ids)
    assert [["t-1"]] * 40 == [[task.id for task in each.result().tasks or []] for each in ended]
    assert 40 == sum(at > 20 for at in polled)


async def test_order_items_are_asked_for_by_their_ids() -> None:
    """A hundred at once."""
    clock = VirtualClock()
    asked: list[int] = []

    def items(request: FakeRequest) -> Any:
        ids = request.query["ids"].split(",")
        asked.append(len(ids))
        return {"order_items": [item(id) for id in ids], "pagination": {"total": len(ids)}}

    def item(id: str) -> dict[str, Any]:
        return {"id": id, "status": "FULFILLED" if clock.monotonic() > 100 else "ACTIVE"}

    ids = [f"oi-{number}" for number in range(250)]
    routes: dict[str, Any] = {"GET /v0/order-items": items}
    routes |= {f"GET /v0/order-items/{id}": lambda request: item(request.path[16:]) for id in ids}
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        ended = await client.order_items.wait_many(ids)
    assert {"FULFILLED"} == {each.result().status for each in ended}
    assert [100, 100, 50] == asked[:3]
    assert len(asked) <= 9


@pytest.mark.parametrize("total", [0, 5_000], ids=["none are found", "the filter is ignored"])
async def test_order_items_that_cannot_be_asked_for_together_are_read_singly(total: int) -> None:
    """That ids are taken as a comma list is an assumption: after a few answers without them nobody relies on it."""
    clock = VirtualClock()
    lists: list[float] = []

    def items(request: FakeRequest) -> Any:
        lists.append(clock.monotonic())
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        others = [{"id": f"other-{number}"} for number in range(offset, min(offset + limit, total))]
        return {"order_items": others, "pagination": {"total": total}}

    ids = [f"oi-{number}" for number in range(300)]
    routes: dict[str, Any] = {"GET /v0/order-items": items}
    routes |= {f"GET /v0/order-items/{id}": {"id": id, "status": "FULFILLED"} for id in ids}
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        ended = await client.order_items.wait_many(ids)
    assert {"FULFILLED"} == {each.result().status for each in ended}
    assert clock.monotonic() < 300
    assert 3 == max(Counter(lists).values())


async def test_a_last_look_together_waits_for_no_interval() -> None:
    """At 0 s, at 2 s, and at 3 s because then all are over."""
    async with fake(aois(500, ends=2.9)) as (client, api):
        assert {"success": 500} == words(await client.aois.wait_many(api.things, timeout=3))
        assert {LIST: 18, GET: 10} == api.counts()


async def test_each_is_given_as_it_ends() -> None:
    things = [Thing("slow", ends=60), Thing("bad", ends=5, word="failed"), Thing("fast", ends=0)]
    async with fake(things) as (client, _):
        ended = [done async for done in client.aois.wait_many(["slow", "bad", "fast"])]
        assert ["fast", "bad", "slow"] == [done.id for done in ended]
        assert isinstance(ended[1].error, WaitFailed)
        assert ended[1].snapshot is not None
        assert "failed" == ended[1].snapshot.status
        with pytest.raises(WaitFailed):
            ended[1].result()


async def test_awaiting_gives_all_in_the_order_of_the_ids() -> None:
    things = [Thing(f"a-{number}", ends=100 - number) for number in range(30)]
    async with fake(things) as (client, api):
        waits = client.aois.wait_many(iter(api.things))
        assert list(api.things) == [done.id for done in await waits]
        assert [] == await client.aois.wait_many([])


async def test_leaving_the_loop_early_ends_the_rest() -> None:
    things = [Thing("fast", ends=0), *aois(100, ends=1e6)]
    async with fake(things) as (client, api):
        async with aclosing(aiter(client.aois.wait_many(api.things, timeout=None))) as waits:
            async for done in waits:
                assert "fast" == done.id
                break
        asked = len(api.requests)
        for _ in range(20):
            await asyncio.sleep(0)
        assert asked == len(api.requests)


async def test_what_on_update_raises_comes_through_and_ends_the_rest() -> None:
    def refuse(aoi: AOI) -> None:
        raise ValueError(aoi.aoi_id)

    async with fake(aois(50)) as (client, api):
        with pytest.raises(ValueError, match="a-"):
            await client.aois.wait_many(api.things, on_update=refuse)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "b", "a"], r"ids\[2\]='a' repeats ids\[0\]: give each id once"),
        (["a", ""], r"ids\[1\]='': an id is text"),
        (["a", 7], r"ids\[1\]=7: an id is text"),
        ("a-1", "ids='a-1': give a list of ids"),
    ],
)
async def test_ids_that_make_no_sense_are_refused_before_anything_is_sent(ids: Any, message: str) -> None:
    async with fake([]) as (client, api):
        with pytest.raises(InvalidInput, match=message):
            client.aois.wait_many(ids)
        assert [] == api.requests


async def test_a_plain_for_says_what_to_write() -> None:
    async with fake([]) as (client, _):
        with pytest.raises(TypeError, match=r"async for done in waits.*await waits"):
            list(client.aois.wait_many(["a"]))


@settings(max_examples=60)
@given(
    ends=st.lists(
        st.tuples(st.floats(0, 400), st.sampled_from(["success", "failed", "partial_success"])), max_size=70
    ),
    others=st.sampled_from([0, 150, 3_000]),
    lag=st.sampled_from([0.0, 30.0, 1e9]),
    outage=st.tuples(st.floats(0, 200), st.floats(0, 100)),
    seconds=st.sampled_from([0.0, 0.2, 15.0]),
)
async def test_many_waits_end_as_each_would_alone(
    ends: list[tuple[float, str]], others: int, lag: float, outage: tuple[float, float], seconds: float
) -> None:
    """Whatever the listing does: lag, leave out, fail, be long or slow."""
    things = [Thing(f"a-{each}", end, word, listed_from=lag) for each, (end, word) in enumerate(ends)]
    async with fake(things, others=others) as (client, api):
        api.seconds = seconds
        begin, length = outage
        api.trouble = lambda name: (
            no(ServerError, 500) if begin <= api.clock.monotonic() < begin + length else None
        )
        ended = await client.aois.wait_many(api.things, timeout=None)
    expected = [thing.word if thing.word != "failed" else "WaitFailed" for thing in things]
    assert expected == [type(each.error).__name__ if each.error else each.result().status for each in ended]


@pytest.mark.parametrize("number", [1, 25])
async def test_i11_a_token_that_expires_is_replaced_by_a_newer_one(number: int) -> None:
    """N3, over real sockets: one wait, and many that look together."""
    async with Sandbox(speed=0) as sandbox:
        sandbox.tokens.issue("old")
        current = ["old"]
        async with sandbox.client(token=lambda: current[0]) as client:
            ids = await make_aois(client, number)

            def renew(aoi: AOI) -> None:
                if current[0] == "old":
                    current[0] = "new"
                    sandbox.tokens.issue("new")
                    sandbox.tokens.revoke("old")
                    sandbox.faults.add(
                        "api", "status", status=401
                    )  # what is expired for the API, before it says 403
                    sandbox.clock.advance(3_600)

            ended = await client.aois.wait_many(ids, on_update=renew, poll_interval=0.01)
    assert {"success": number} == words(ended)


@pytest.mark.parametrize("number", [1, 25])
async def test_i11_a_token_that_expires_for_good_ends_the_waits(number: int) -> None:
    """N4, over real sockets: with an error that says so."""
    async with Sandbox(speed=0) as sandbox, sandbox.client() as client:
        ids = await make_aois(client, number)
        ended = await client.aois.wait_many(
            ids, on_update=lambda _: sandbox.tokens.revoke(sandbox.token), poll_interval=0.01
        )
        assert {"PermissionDenied": number} == words(ended)
        assert all(isinstance(each.error, PixxelError) for each in ended)


async def make_aois(client: PixxelClient, number: int) -> list[str]:
    field = {
        "type": "Polygon",
        "coordinates": [[[75.40, 30.20], [75.43, 30.20], [75.43, 30.22], [75.40, 30.20]]],
    }
    [project] = await client.projects.list(limit=1)
    [sentinel] = [each for each in await client.satellites.list() if each.name == "Sentinel-2"]
    [image] = await client.archives.search(collections=["sentinel-2-l2a"], intersects=field, limit=1)
    made = [
        await client.aois.create(
            name=f"field-{each}",
            description="",
            satellite_id=sentinel.id,
            provider="planetary",
            project_id=project.id,
            geometry=field,
            item_ids=[image.id],
        )
        for each in range(number)
    ]
    return [aoi.aoi_id for aoi in made]
