"""Intents: what a create is about to make, told before it is sent, kept on disk, and looked for by another process."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from creates import (
    CREATES,
    World,
    create_index,
    create_job,
    create_store,
    create_visualization,
    made,
    open_world,
    order_item,
    other_client,
)
from hypothesis import given
from hypothesis import strategies as st
from stubs import CLOSE, HANG, Stub, answer

from pixxel_async import (
    Absent,
    Ambiguous,
    ConnectError,
    Found,
    Intent,
    InvalidInput,
    OutcomeUnknown,
    PixxelClient,
    RetryPolicy,
)
from pixxel_async._resource import creates as _creates
from pixxel_async.sandbox import Sandbox
from pixxel_async.testing import FakeTransport, VirtualClock

CREATE_JOB = "POST /v0/workflows/w/jobs"
LIST_JOBS = "GET /v0/workflows/w/jobs"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@attrs.define
class Notebook:
    """A callback that writes intents down."""

    intents: list[Intent] = attrs.field(factory=list)

    async def __call__(self, intent: Intent) -> None:
        await asyncio.sleep(0)
        self.intents.append(intent)


def announced(world: World) -> tuple[World, Notebook]:
    notebook = Notebook()
    return attrs.evolve(world, client=world.client.with_options(before_create=notebook)), notebook


def through_json(intent: Intent) -> Intent:
    return Intent.from_dict(json.loads(json.dumps(intent.to_dict())))


# --- before it is sent ---


@pytest.mark.parametrize("kind", CREATES)
async def test_an_intent_is_told_before_a_byte_is_sent(kind: str, world: World) -> None:
    told: list[tuple[int, Intent]] = []
    operation, create = CREATES[kind]

    async def before_create(intent: Intent) -> None:
        await asyncio.sleep(0.01)  # long enough for a request to arrive
        told.append((world.count(operation), intent))

    sent = world.count(operation)
    world.client = world.client.with_options(before_create=before_create)
    await create(world)
    [(count, intent)] = told
    assert sent == count
    assert sent + 1 == world.count(operation)
    assert (operation, True, False) == (intent.operation, intent.is_listed, intent.accepted)
    assert () == world.client.unresolved


async def test_what_the_callback_raises_keeps_the_create_from_being_sent(world: World) -> None:
    class NoRoom(Exception):
        pass

    async def before_create(intent: Intent) -> None:
        raise NoRoom

    sent = world.count("createJob")
    with pytest.raises(NoRoom):
        await create_job(attrs.evolve(world, client=world.client.with_options(before_create=before_create)))
    assert sent == world.count("createJob")
    assert () == world.client.unresolved
    await create_job(world)  # the client it came from has no such callback, and works


async def test_an_intent_is_told_once_for_all_sendings(world: World) -> None:
    world.sandbox.faults.add("createJob", "status", status=429)
    sent = world.count("createJob")
    with_notes, notebook = announced(world)
    await create_job(with_notes)
    assert 1 == len(notebook.intents)
    assert sent + 2 == world.count("createJob")


async def test_what_buys_nothing_has_no_intent(world: World) -> None:
    """Reads, dry runs, estimates, and packages, which cost nothing however often they are made."""
    world, notebook = announced(world)
    await world.client.jobs.list(world.facts["workflow"])
    await world.client.workflows.estimate(world.facts["workflow"])
    assets = await world.client.assets.list(world.facts["aoi"])
    await world.client.downloads.create(world.facts["aoi"], asset_ids=[str(assets[0].id)])
    await world.client.orders.create(order_items=[order_item(world)], dry_run=True)
    assert [] == notebook.intents


async def test_what_no_listing_shows_says_so(world: World) -> None:
    """Legends that are rolled back."""
    visualization = await create_visualization(world)
    world, notebook = announced(world)
    world.sandbox.faults.add("RollbackVisualizationMetadata", "reset")
    with pytest.raises(OutcomeUnknown) as caught:
        await world.client.visualizations.rollback_metadata(
            world.facts["aoi"],
            visualization.id,
            index_id=world.facts["index"],
            dates=["2026_03_01"],
            visualization_mode="dynamic",
        )
    [intent] = notebook.intents
    assert not intent.is_listed
    asked = len(world.sandbox.requests)
    assert Ambiguous(()) == await world.client.reconcile(through_json(intent))
    listed_once = attrs.evolve(intent, id="another", is_listed=True)  # of another version of the SDK
    assert Ambiguous(()) == await world.client.reconcile(through_json(listed_once))
    assert Ambiguous(()) == await caught.value.reconcile()
    assert asked == len(world.sandbox.requests)
    assert [intent.id] == [each.intent.id for each in world.client.unresolved]


async def test_any_callable_will_do_also_where_waits_are_compared_by_their_options(world: World) -> None:
    """One that has no hash."""
    world, notebook = announced(world)
    with pytest.raises(TypeError):
        hash(notebook)
    await world.client.aois.wait(world.facts["aoi"])


async def test_a_bad_argument_is_told_before_its_intent(world: World) -> None:
    world, notebook = announced(world)
    with pytest.raises(InvalidInput):
        await world.client.jobs.create("..", project_id="p")
    assert [] == notebook.intents


async def test_a_fake_transport_tells_intents_as_well() -> None:
    notebook = Notebook()
    transport = FakeTransport({CREATE_JOB: {"id": "j-1"}})
    async with PixxelClient(transport=transport) as client:
        await client.with_options(before_create=notebook).jobs.create("w", project_id="p")
    assert ["createJob"] == [each.operation for each in notebook.intents]


# --- on disk ---


@pytest.mark.parametrize("kind", CREATES)
async def test_another_process_finds_what_an_intent_on_disk_has_made(kind: str, world: World) -> None:
    with_notes, notebook = announced(world)
    error = await with_notes.lost(kind, after_effect=True)
    [intent] = notebook.intents
    assert error.intent is not None
    assert intent.id == error.intent.id
    assert "canary" not in json.dumps(intent.to_dict())
    other = other_client(world)
    async with other.client:
        found = await other.client.reconcile(through_json(intent))
    assert isinstance(found, Found)
    assert [found.id] == made(world, kind)


texts = st.text(max_size=9)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=9,
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.sampled_from([UTC]))


@given(
    st.builds(
        Intent,
        id=texts,
        operation=texts,
        path=st.dictionaries(texts, texts, max_size=2),
        query=st.dictionaries(texts, values, max_size=2),
        wanted=st.dictionaries(texts, st.lists(values, max_size=3), max_size=3),
        is_listed=st.booleans(),
        sent_at=moments,
        deadline=moments,
        ahead=st.none() | st.floats(-1e6, 1e6),
        accepted=st.booleans(),
    )
)
def test_an_intent_is_the_same_after_json_and_pickling(intent: Intent) -> None:
    assert intent == through_json(intent) == pickle.loads(pickle.dumps(intent))


@pytest.mark.parametrize(
    "change",
    [
        {"sent_at": None},
        {"sent_at": "yesterday"},
        {"deadline": "2026-03-01T10:00:00"},
        {"wanted": []},
        {"id": 7},
        {"is_listed": "yes"},
        {"ahead": "0"},
        {"unheard_of": 1},
    ],
)
def test_what_is_no_intent_is_refused(change: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {"path": {}, "query": {}, "wanted": {}, "is_listed": True, "ahead": None}
    good = Intent(id="a", operation="createJob", sent_at=now, deadline=now, **facts).to_dict()
    assert "a" == Intent.from_dict(good).id
    with pytest.raises(ValueError, match=r"not a result of Intent\.to_dict\(\)"):
        Intent.from_dict({**good, **change})
    with pytest.raises(ValueError, match=r"not a result of Intent\.to_dict\(\)"):
        Intent.from_dict({name: value for name, value in good.items() if name != "path"})


KILLED = """
import asyncio, json, sys
from pathlib import Path
from pixxel_async import PixxelClient

async def main(url, workflow, project, path):
    async def before_create(intent):
        Path(path).write_text(json.dumps(intent.to_dict()))

    async with PixxelClient("sandbox-token", base_url=url) as client:
        await client.with_options(before_create=before_create).jobs.create(workflow, project_id=project)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_q2_what_a_killed_process_bought_is_found_by_its_intent(tmp_path: Path) -> None:
    """Killed between the effect and the answer: all that is left is what was written down before."""
    async with Sandbox() as sandbox, sandbox.client() as client:
        [workflow, *_] = await client.workflows.list()
        sandbox.faults.add("createJob", "hang", after_effect=True)
        place = tmp_path / "intent.json"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", KILLED, sandbox.url, str(workflow.id), str(workflow.project_id), place),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stderr=subprocess.DEVNULL,
        )
        while not sandbox.ledger.entries("createJob"):
            assert process.returncode is None
            await asyncio.sleep(0.02)
        process.kill()
        assert -signal.SIGKILL == await process.wait()
        found = await client.reconcile(Intent.from_dict(json.loads(place.read_text())))
        assert isinstance(found, Found)
        assert [found.id] == [each.resource_id for each in sandbox.ledger.entries("createJob")]


# --- how long to look ---


async def looks(intent: Intent, clock: VirtualClock, **how: Any) -> tuple[Any, list[int]]:
    """What reconciling an intent comes to where nothing is listed, and when was looked, in seconds from its sending."""
    times: list[int] = []

    def listing(_: Any) -> Any:
        times.append(round((clock.now() - intent.sent_at).total_seconds()))
        return {"jobs": []}

    async with PixxelClient(transport=FakeTransport({LIST_JOBS: listing}), clock=clock) as client:
        return await client.reconcile(intent, **how), times


def job_intent(clock: VirtualClock, *, age: float = 0, timeout: float = 120, **other: Any) -> Intent:
    sent = clock.now() - timedelta(seconds=age)
    facts: dict[str, Any] = {"path": {"workflow_id": "w"}, "query": {}, "wanted": {}, "is_listed": True}
    return Intent(
        id="i",
        operation="createJob",
        sent_at=sent,
        deadline=sent + timedelta(seconds=timeout),
        ahead=0.0,
        **{**facts, **other},
    )


@pytest.mark.parametrize(
    ("age", "how", "expected"),
    [
        # It may have been sent until now, and is absent when the window has passed since.
        (5, {}, [5, 7, 15, 30, 60, 125]),
        (5, {"settle_window": 20}, [5, 7, 15, 25]),
        # No call lasts longer than its deadline: the window counts from there.
        (200, {}, [200, 240]),
        # One reading proves nothing, however late it is.
        (100_000, {}, [100_000, 100_005]),
        (5, {"settle_window": 0}, [5, 10]),
        # A clock that was set back tells nothing: the whole window, from now.
        (-50, {"settle_window": 10}, [-49, -47, -43, -40]),
    ],
)
async def test_an_intent_is_absent_when_the_window_has_passed_since_it_can_have_been_sent(
    age: float, how: dict[str, Any], expected: list[int], clock: VirtualClock
) -> None:
    outcome, times = await looks(job_intent(clock, age=age), clock, **how)
    assert isinstance(outcome, Absent)
    assert expected == times


async def test_what_was_accepted_stays_so_on_disk(clock: VirtualClock) -> None:
    """The API said yes: not listed is not the same as not done."""
    accepted = through_json(job_intent(clock, age=1000, accepted=True))
    assert (Ambiguous(()), [1000]) == await looks(accepted, clock)


async def test_r1_a_wall_clock_that_jumps_does_not_shorten_the_window() -> None:
    """Within a process, what counts is a clock that cannot be set."""

    class Jumping(VirtualClock):
        jump = timedelta()

        def now(self) -> datetime:
            return super().now() + self.jump

    clock = Jumping()
    routes = {CREATE_JOB: OutcomeUnknown("lost"), LIST_JOBS: {"jobs": []}}
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await client.jobs.create("w", project_id="p")
        assert caught.value.intent is not None
        clock.jump = timedelta(days=1)
        began = clock.monotonic()
        assert isinstance(await client.reconcile(caught.value.intent), Absent)
        assert 120 == clock.monotonic() - began


# --- which one it is ---


async def test_jobs_listed_before_make_an_intent_exact_in_another_process(world: World) -> None:
    """A job's request says nothing: it is the only one that was not there before."""
    stranger = other_client(world)
    async with stranger.client:
        await create_job(stranger)
    before = [str(job.id) for job in await world.client.jobs.list(world.facts["workflow"])]
    with_notes, notebook = announced(world)
    await with_notes.lost("job", after_effect=True)
    later = other_client(world)
    async with later.client:
        intent = through_json(notebook.intents[0])
        assert Ambiguous(tuple(made(world, "job"))) == await later.client.reconcile(intent, settle_window=0)
        found = await later.client.reconcile(intent, settle_window=0, known_ids=before)
    assert isinstance(found, Found)
    assert made(world, "job")[1:] == [found.id]


async def test_what_has_happened_is_found_as_well(world: World) -> None:
    """Whoever writes intents down and crosses none out is told of each what it made, and not that it is absent."""
    with_notes, notebook = announced(world)
    jobs = [await create_job(with_notes) for _ in range(3)]
    outcomes = [await world.client.reconcile(through_json(each)) for each in notebook.intents]
    assert [job.id for job in jobs] == [isinstance(each, Found) and each.id for each in outcomes]


async def test_two_new_jobs_are_for_a_person_to_tell(world: World) -> None:
    before = [str(job.id) for job in await world.client.jobs.list(world.facts["workflow"])]
    with_notes, notebook = announced(world)
    await with_notes.lost("job", after_effect=True)
    stranger = other_client(world)
    async with stranger.client:
        await create_job(stranger)
    later = other_client(world)
    async with later.client:
        outcome = await later.client.reconcile(through_json(notebook.intents[0]), known_ids=before)
    assert isinstance(outcome, Ambiguous)
    assert sorted(made(world, "job")) == sorted(outcome.ids)


async def test_what_is_still_under_way_cannot_be_looked_for(world: World) -> None:
    with_notes, notebook = announced(world)
    world.sandbox.faults.add("createJob", "hang")
    task = asyncio.create_task(create_job(with_notes))
    while world.count("createJob") < 1:  # noqa: ASYNC110 - the sandbox has no event to wait for
        await asyncio.sleep(0.01)
    with pytest.raises(InvalidInput, match="still in flight"):
        await world.client.reconcile(notebook.intents[0])
    with pytest.raises(OutcomeUnknown):
        await task
    assert isinstance(await world.client.reconcile(notebook.intents[0]), Absent)


async def test_an_intent_of_an_operation_that_is_gone_says_so(clock: VirtualClock) -> None:
    async with PixxelClient(transport=FakeTransport({}), clock=clock) as client:
        with pytest.raises(InvalidInput, match="'createMagic' of the intent"):
            await client.reconcile(attrs.evolve(job_intent(clock), operation="createMagic"))


# --- what is open ---


async def test_what_was_left_open_is_listed_until_it_is_settled(world: World) -> None:
    errors = [await world.lost(kind, after_effect=True) for kind in ("store", "job", "order", "index")]
    listed = world.client.with_options(timeout=5).unresolved
    assert [each.intent for each in errors] == [each.intent for each in listed]
    assert [each.message for each in errors] == [each.why for each in listed]
    assert [False] * 4 == [each.accepted for each in listed]
    assert isinstance(await errors[0].reconcile(), Found)
    assert isinstance(await world.client.reconcile(pickle.loads(pickle.dumps(errors[1]))), Found)
    assert errors[2].intent is not None
    assert isinstance(await world.client.reconcile(through_json(errors[2].intent)), Found)
    assert listed[3:] == world.client.unresolved
    assert isinstance(await listed[3].reconcile(), Found)
    assert () == world.client.unresolved


async def test_what_is_absent_is_settled_and_what_is_ambiguous_is_not(world: World) -> None:
    absent = await world.lost("job")
    accepted = await world.lost("store", "truncate", after_bytes=3)
    world.sandbox.faults.add("ListStores", "lag", late=3600.0, times=None)
    assert isinstance(await absent.reconcile(), Absent)
    assert Ambiguous(()) == await accepted.reconcile()
    [left] = world.client.unresolved
    assert left.intent == accepted.intent
    assert left.accepted
    left.forget()
    left.forget()
    assert () == world.client.unresolved


async def test_what_was_refused_or_done_is_not_open(world: World) -> None:
    await create_store(world)
    await create_index(world)
    for create in (create_store, create_index):
        with pytest.raises(Exception, match="409"):
            await create(world)
    world.sandbox.faults.add("createJob", "status", status=422)
    with pytest.raises(Exception, match="422"):
        await create_job(world)
    assert () == world.client.unresolved


async def test_a_package_whose_answer_was_lost_is_not_open(world: World) -> None:
    """A second one costs nothing."""
    assets = await world.client.assets.list(world.facts["aoi"])
    world.sandbox.faults.add("AOICreateDownload", "reset", times=2)
    with pytest.raises(OutcomeUnknown):
        await world.client.downloads.create(world.facts["aoi"], asset_ids=[str(assets[0].id)])
    assert () == world.client.unresolved


async def test_a_create_that_is_cancelled_after_it_was_sent_is_open(world: World) -> None:
    world.sandbox.faults.add("createJob", "hang", after_effect=True)
    client = world.client.with_options(attempt_timeout=60)
    task = asyncio.create_task(create_job(attrs.evolve(world, client=client)))
    while not made(world, "job"):  # noqa: ASYNC110 - the sandbox has no event to wait for
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert ["may have been executed" in note for note in caught.value.__notes__] == [True]
    [left] = client.unresolved
    assert "was cancelled after it was sent" in left.why
    found = await left.reconcile()
    assert isinstance(found, Found)
    assert made(world, "job") == [found.id]
    assert () == client.unresolved


async def test_a_create_that_is_cancelled_before_it_was_sent_is_not_open() -> None:
    """In the callback, at the token's provider, while connecting, and in the pause after a refusal."""

    async def forever(_: Any = None) -> Any:
        await asyncio.Event().wait()

    async def cancelled(client: PixxelClient, seconds: float) -> None:
        task = asyncio.create_task(client.jobs.create("w", project_id="p"))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert () == client.unresolved

    async with Stub(answer(429, Retry_After="60")) as stub:
        async with PixxelClient("token", base_url=stub.url) as client:
            await cancelled(client.with_options(before_create=forever), 0.01)
            assert 0 == len(stub.received)
            await cancelled(client, 0.1)
            assert 1 == len(stub.received)
        async with PixxelClient(forever, base_url=stub.url) as client:
            await cancelled(client, 0.01)
    async with PixxelClient("token", base_url="http://127.0.0.1:1") as client:
        await cancelled(client, 0.05)
    async with Stub([HANG], on_connect=[CLOSE]) as stub, PixxelClient("t", base_url=stub.url) as client:
        with pytest.raises((OutcomeUnknown, ConnectError)):
            await client.with_options(retry=RetryPolicy.none()).jobs.create("w", project_id="p")


async def test_p6_a_create_under_a_users_time_limit_is_their_timeout_and_stays_open(world: World) -> None:
    world.sandbox.faults.add("createJob", "hang", after_effect=True)
    client = world.client.with_options(attempt_timeout=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await create_job(attrs.evolve(world, client=client))
    assert ["createJob"] == [each.intent.operation for each in client.unresolved]


async def test_the_list_is_bounded_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_creates, "_REMEMBERED", 3)
    async with PixxelClient(transport=FakeTransport({CREATE_JOB: OutcomeUnknown("lost")})) as client:
        ids: list[str] = []
        for _ in range(5):
            with pytest.raises(OutcomeUnknown) as caught:
                await client.jobs.create("w", project_id="p")
            assert caught.value.intent is not None
            ids.append(caught.value.intent.id)
        assert ids[2:] == [each.intent.id for each in client.unresolved]
    assert ["more than 3 creates are unresolved: client.unresolved forgets the oldest"] == caplog.messages


async def test_what_is_open_keeps_nobodys_frames_alive(world: World) -> None:
    """A list that may stand for weeks must not hold what the callers had in hand."""

    class Large:
        pass

    async def lost() -> weakref.ref[Large]:
        large = Large()
        with pytest.raises(OutcomeUnknown):
            await create_job(world)
        return weakref.ref(large)

    async def cancelled() -> weakref.ref[Large]:
        large = Large()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await create_job(world)
        return weakref.ref(large)

    world.sandbox.faults.add("createJob", "hang", times=2)
    gone = [await lost(), await cancelled()]
    await asyncio.sleep(0)  # asyncio itself lets go of them in the next turn of its loop
    gc.collect()
    assert 2 == len(world.client.unresolved)
    assert [None, None] == [each() for each in gone]
