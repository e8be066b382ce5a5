"""The poller: when it looks, what it makes of what it sees, and how it ends. Time is virtual throughout."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from stubs import Stub, json_answer

from pixxel_async import PixxelClient
from pixxel_async._base.clock import Clock
from pixxel_async._codec.model import Model, model
from pixxel_async._http.operation import LifeCycle, Phase
from pixxel_async._resource.polling import Poller
from pixxel_async.errors import (
    AuthenticationError,
    BadRequest,
    CallError,
    ConnectionLost,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PixxelError,
    RateLimited,
    SchemaError,
    ServerError,
    TlsError,
    UnexpectedBody,
    UnknownState,
    WaitError,
    WaitFailed,
    WaitTimeout,
)
from pixxel_async.testing import FakeTransport, VirtualClock


@model
class Job(Model):
    status: str | None = None
    err_msg: str | None = None
    minutes: float | None = None
    url: str | None = None


JOB: LifeCycle[Job] = LifeCycle(
    name="job",
    id="id",
    status="status",
    in_flight=frozenset({"pending", "running"}),
    success=frozenset({"completed"}),
    partial=frozenset({"partial_success"}),
    failure=frozenset({"failed"}),
    error="err_msg",
    estimate=("minutes", 60),
    first_interval=2,
    most_interval=30,
)
PACKAGE = attrs.evolve(JOB, name="package", signed_url="url")

RUNNING = Job(status="running")
DONE = Job(status="completed")


class _Middle(random.Random):
    """Chance that always takes the middle, so that intervals can be written down."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def steady_clock() -> VirtualClock:
    return VirtualClock(rng=_Middle())


class Script:
    """What each look sees; the last entry again and again. An exception is raised."""

    def __init__(self, *sights: Job | Exception | None) -> None:
        self.sights = sights
        self.looks = 0

    async def read(self) -> Job | None:
        self.looks += 1
        sight = self.sights[min(self.looks, len(self.sights)) - 1]
        await asyncio.sleep(0)
        if isinstance(sight, Exception):
            raise sight
        return sight


def poller(
    script: Script, clock: VirtualClock | None = None, cycle: LifeCycle[Job] = JOB, **options: Any
) -> Poller[Job]:
    return Poller(cycle, "j-1", script.read, clock=clock or steady_clock(), **options)


def api_error(kind: type[Any], **facts: Any) -> Exception:
    error: Exception = kind("no", status=500, **facts)
    return error


async def test_await_gives_the_final_snapshot() -> None:
    wait = poller(Script(Job(status="pending"), RUNNING, DONE))
    assert Phase.IN_FLIGHT is wait.phase
    assert DONE == await wait
    assert Phase.SUCCESS is wait.phase


async def test_i2_partial_success_is_a_result_that_says_so() -> None:
    wait = poller(Script(Job(status="PARTIAL-SUCCESS")))
    assert "PARTIAL-SUCCESS" == (await wait).status
    assert Phase.PARTIAL is wait.phase


async def test_async_for_gives_the_snapshots_that_differ() -> None:
    pending, running = Job(status="pending"), RUNNING
    wait = poller(Script(pending, pending, running, running, running, DONE))
    assert [pending, running, DONE] == [snapshot async for snapshot in wait]


async def test_i2_a_failure_is_shown_and_then_raised_in_the_servers_words() -> None:
    """Terminal escapes do not reach the terminal (G16)."""
    failed = Job(status="failed", err_msg="no \x1b[31mclear\x1b[0m\nsky")
    seen = []
    with pytest.raises(WaitFailed, match=r"^job j-1 ended as 'failed': no clear sky$") as caught:
        await poller(Script(RUNNING, failed), on_update=seen.append)
    assert [RUNNING, failed] == seen
    assert ("job", "j-1", failed) == (caught.value.kind, caught.value.id, caught.value.last)


async def test_a_failure_without_words_tells_its_status() -> None:
    with pytest.raises(WaitFailed, match=r"^job j-1 ended as 'FAILED'$"):
        await poller(Script(Job(status="FAILED")))


async def test_nothing_is_read_before_it_is_awaited_and_each_wait_starts_anew() -> None:
    script = Script(DONE)
    wait = poller(script)
    assert 0 == script.looks
    assert await wait == await wait
    assert 2 == script.looks


async def test_a_plain_for_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"async for snapshot in wait.*await wait"):
        list(poller(Script(DONE)))


async def test_the_first_look_is_at_once_then_they_become_rarer() -> None:
    """2 s, growing by half, at most 30 s."""
    clock = steady_clock()
    await poller(Script(*[RUNNING] * 9, DONE), clock)
    assert [2.0, 3.0, 4.5, 6.75, 10.125, 15.1875, 22.78125, 30.0, 30.0] == clock.slept


async def test_intervals_jitter_by_a_fifth() -> None:
    clock = VirtualClock()
    await poller(Script(*[RUNNING] * 300, DONE), clock)
    steady = clock.slept[8:]
    assert all(24 <= pause <= 36 for pause in steady)
    assert min(steady) < 25
    assert max(steady) > 35


@pytest.mark.parametrize(
    ("minutes", "second_look"),
    [(1, 30), (10, 60), (0.01, 2), (None, 2), (0, 2), (-3, 2), (float("nan"), 2), ("soon", 2), (True, 2)],
)
async def test_the_servers_estimate_sets_the_second_look(minutes: Any, second_look: float) -> None:
    """Half of it, within 2-60 s; nonsense is ignored."""
    clock = steady_clock()
    await poller(Script(Job(status="running", minutes=minutes), RUNNING, DONE), clock)
    assert second_look == clock.slept[0]
    assert clock.slept[1] in (2.0, 3.0)


async def test_intervals_can_be_chosen() -> None:
    chosen: dict[str, list[float]] = {}
    sights = (Job(status="running", minutes=100), RUNNING, RUNNING, DONE)
    for name, options in {
        "first": {"poll_interval": 40.0},
        "most": {"max_poll_interval": 5.0},
        "both": {"poll_interval": 1.0, "max_poll_interval": 1.0},
    }.items():
        clock = steady_clock()
        await poller(Script(*sights), clock, **options)
        chosen[name] = clock.slept
    assert {"first": [40, 40, 40], "most": [5, 2, 3], "both": [1, 1, 1]} == chosen


@pytest.mark.parametrize("name", ["timeout", "poll_interval", "max_poll_interval"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "5", True])
def test_senseless_times_are_refused_when_the_wait_is_made(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"{name}=.*positive number of seconds"):
        poller(Script(DONE), **{name: value})


async def test_i1_the_time_runs_out_with_a_last_look() -> None:
    """The error knows the id, the last snapshot, and how to go on."""
    clock = steady_clock()
    script = Script(RUNNING)
    with pytest.raises(
        WaitTimeout,
        match=r"job j-1 is still 'running' after 10 s; nothing was cancelled: call `wait\(\)` again",
    ) as caught:
        await poller(script, clock, timeout=10)
    assert [2.0, 3.0, 4.5, 0.5] == clock.slept
    assert 5 == script.looks
    assert ("j-1", RUNNING) == (caught.value.id, caught.value.last)


async def test_what_becomes_ready_at_the_last_moment_is_seen() -> None:
    assert DONE == await poller(Script(RUNNING, RUNNING, DONE), timeout=4)


@pytest.mark.parametrize("hang", [lambda clock: asyncio.Event().wait(), lambda clock: clock.sleep(1_000)])
async def test_i1_a_poll_that_hangs_ends_with_the_time_of_the_clock(hang: Callable[[Any], Any]) -> None:
    """At 5 s of it, and at once where it is virtual."""
    clock = steady_clock()
    wait = Poller(JOB, "j-1", lambda: hang(clock), clock=clock, timeout=5)
    async with asyncio.timeout(2):
        with pytest.raises(WaitTimeout, match=r"was not seen after 5 s"):
            await wait
    assert 5 == clock.monotonic()


async def test_i1_a_last_poll_that_hangs_takes_two_seconds() -> None:
    clock = steady_clock()

    async def read() -> Job:
        if clock.monotonic() >= 4:
            await clock.sleep(1_000)
        return RUNNING

    with pytest.raises(WaitTimeout, match=r"is still 'running' after 4 s"):
        await Poller(JOB, "j-1", read, clock=clock, timeout=4)
    assert 6 == clock.monotonic()


@pytest.mark.parametrize(("asked", "pause"), [("50", 50.0), ("1", 2.0), ("100000", 900.0), ("soon", 2.0)])
async def test_retry_after_of_a_success_is_obeyed(asked: str, pause: float) -> None:
    """At most a quarter of an hour; over a real socket."""
    running, done = ({"aoi_id": "a-1", "status": word} for word in ("running", "success"))
    clock = steady_clock()
    async with (
        Stub(json_answer(running, Retry_After=asked), json_answer(done)) as stub,
        PixxelClient("token", base_url=stub.url, clock=clock) as client,
    ):
        await client.aois.wait("a-1")
    assert [pause] == clock.slept


async def test_i1_a_look_that_hangs_ends_with_the_time() -> None:
    wait = Poller(JOB, "j-1", asyncio.Event().wait, clock=Clock(), timeout=0.1)  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        with pytest.raises(WaitTimeout, match=r"was not seen after 0\.1 s"):
            await wait


async def test_a_timeout_around_us_stays_the_callers_own() -> None:
    """P6."""
    wait = Poller(JOB, "j-1", asyncio.Event().wait, clock=Clock(), timeout=60)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await wait


@pytest.mark.parametrize(
    "error",
    [
        ConnectionLost("reset"),
        DeadlineExceeded("slow"),
        UnexpectedBody("HTML"),
        api_error(ServerError),
        api_error(RateLimited),
        api_error(NotFound),
    ],
)
async def test_i7_passing_trouble_does_not_end_a_wait(error: Exception) -> None:
    """Not even when the first look finds nothing yet."""
    assert DONE == await poller(Script(error, RUNNING, error, DONE))


@pytest.mark.parametrize(
    "error",
    [
        api_error(AuthenticationError),
        api_error(PermissionDenied),
        api_error(BadRequest),
        SchemaError("shape"),
        TlsError("certificate"),
        ValueError("a bug"),
        TimeoutError("of somebody else"),
    ],
)
async def test_lasting_trouble_ends_a_wait_at_once(error: Exception) -> None:
    script = Script(RUNNING, error, DONE)
    with pytest.raises(type(error)) as caught:
        await poller(script)
    assert error is caught.value
    assert 2 == script.looks


async def test_d7_what_is_not_there_after_a_minute_is_not_there() -> None:
    """D7, for calls that answer 404 and for lists that leave it out."""
    for sight, kind in ((api_error(NotFound), NotFound), (None, WaitError)):
        clock = steady_clock()
        with pytest.raises(kind) as caught:
            await poller(Script(sight), clock, cycle=attrs.evolve(JOB, first_interval=60, most_interval=600))
        assert PixxelError in type(caught.value).__mro__
        assert 60 < sum(clock.slept) <= 70


async def test_i7_trouble_to_the_end_is_told_with_the_timeout() -> None:
    error = ConnectionLost("reset")
    with pytest.raises(WaitTimeout, match="was not seen after 5 s") as caught:
        await poller(Script(error), timeout=5)
    assert error is caught.value.__cause__


async def test_retry_after_of_a_look_is_kept() -> None:
    clock = steady_clock()
    await poller(Script(api_error(RateLimited, retry_after=50.0), DONE), clock)
    assert [50.0] == clock.slept


@pytest.mark.parametrize("word", ["paused", None])
async def test_i3_unknown_words_are_in_flight_and_told_once(
    word: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    strange = Job(status=word)
    assert DONE == await poller(Script(strange, strange, RUNNING, strange, DONE))
    shown = "without a status" if word is None else "'paused'"
    assert [f"job j-1: unknown status {shown} counts as in flight"] == caplog.messages


@pytest.mark.parametrize("word", ["paused", None])
async def test_i3_an_unknown_word_that_does_not_change_ends_the_wait(word: str | None) -> None:
    """After ten minutes, with the last snapshot; the looks go on until then."""
    clock = steady_clock()
    strange = Job(status=word)
    with pytest.raises(
        UnknownState, match="for 10 minutes, which the spec does not list; call `wait"
    ) as caught:
        await poller(Script(RUNNING, strange), clock)
    assert 600 <= clock.monotonic() - clock.slept[0] <= 630
    assert strange is caught.value.last


async def test_i3_unknown_words_that_change_or_become_known_do_not_end_the_wait() -> None:
    strange, stranger = Job(status="paused"), Job(status="parked")
    sights = [strange] * 20 + [stranger] * 20 + [RUNNING] + [stranger] * 20
    clock = steady_clock()
    assert DONE == await poller(Script(*sights, DONE), clock)
    assert clock.monotonic() > 1_500


async def test_i6_the_first_end_is_the_end() -> None:
    """What is worked on once more after its success does not take the wait up again."""
    script = Script(RUNNING, DONE, Job(status="running"))
    assert DONE == await poller(script)
    assert 2 == script.looks


async def test_i10_answers_slower_than_the_interval_come_one_after_the_other() -> None:
    """The interval is counted from the answer."""
    clock = steady_clock()
    began: list[float] = []

    async def read() -> Job:
        began.append(clock.monotonic())
        clock.advance(40)
        return RUNNING if len(began) < 4 else DONE

    await Poller(JOB, "j-1", read, clock=clock)
    assert [0, 42, 85, 129.5] == began


@pytest.mark.parametrize("url", [None, ""])
async def test_i5_a_package_without_a_url_is_not_ready(url: str | None) -> None:
    bare = Job(status="completed", url=url)
    ready = Job(status="completed", url="https://storage.example/p.zip")
    wait = poller(Script(bare, bare, ready), cycle=PACKAGE)
    assert ready == await wait
    assert Phase.SUCCESS is wait.phase


async def test_i5_a_package_that_never_gets_its_url_is_given_up() -> None:
    """After ten more looks."""
    bare = Job(status="completed")
    script = Script(RUNNING, bare)
    with pytest.raises(WaitError, match="package j-1 is 'completed', but the API states no URL") as caught:
        await poller(script, cycle=PACKAGE)
    assert 12 == script.looks
    assert bare is caught.value.last
    assert not isinstance(caught.value, WaitTimeout | WaitFailed)


async def test_on_update_may_be_asynchronous_and_sees_what_async_for_sees() -> None:
    seen = []

    async def note(snapshot: Job) -> None:
        await asyncio.sleep(0)
        seen.append(snapshot)

    wait = poller(Script(RUNNING, RUNNING, DONE), on_update=note)
    assert [snapshot async for snapshot in wait] == seen


@pytest.mark.parametrize("kind", [ValueError, ConnectionLost])
async def test_what_on_update_raises_comes_through(kind: Callable[[str], Exception]) -> None:
    """Also an error that would be passing trouble in a look."""
    error = kind("mine")

    def refuse(_: Job) -> None:
        raise error

    with pytest.raises((ValueError, CallError)) as caught:
        await poller(Script(RUNNING, DONE), on_update=refuse)
    assert error is caught.value


async def test_i10_one_thing_is_never_looked_at_twice_at_once() -> None:
    """Also when one poller is awaited by several tasks."""
    at_once = most = 0

    async def read() -> Job:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1
        return DONE

    wait = Poller(JOB, "j-1", read, clock=steady_clock())
    assert [DONE] * 5 == await asyncio.gather(*(wait._finish() for _ in range(5)))
    assert 1 == most


async def test_cancelling_stops_the_looks() -> None:
    looks = 0
    third_look = asyncio.Event()

    async def read() -> Job:
        nonlocal looks
        looks += 1
        if looks == 3:
            third_look.set()
        return RUNNING

    task = asyncio.ensure_future(Poller(JOB, "j-1", read, clock=steady_clock())._finish())
    await third_look.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stopped_at = looks
    await asyncio.sleep(0.01)
    assert stopped_at == looks


async def test_an_option_that_no_wait_has_is_refused_at_once() -> None:
    """The options are keyword arguments with types of their own; a misspelt one must not be ignored."""
    client = PixxelClient(transport=FakeTransport({}))
    with pytest.raises(TypeError, match="timeot"):
        client.aois.wait("a-1", timeot=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="timeot"):
        client.aois.wait_many(["a-1"], timeot=5)  # type: ignore[call-arg]


async def test_the_time_of_a_wait_is_that_of_its_life_cycle_unless_given() -> None:
    client = PixxelClient(transport=FakeTransport({}))
    assert (3600.0, None, 5.0) == tuple(
        client.aois.wait("a-1", **options)._timeout
        for options in ({}, {"timeout": None}, {"timeout": 5.0})  # type: ignore[arg-type]
    )
