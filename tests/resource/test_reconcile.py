"""What became of creates whose answer was lost: found, absent or ambiguous, over real sockets and in virtual time."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from types import NoneType
from typing import Any, get_args, get_origin

import attrs
import pytest
from creates import (
    CREATES,
    FIELD,
    LISTINGS,
    World,
    create_insight,
    create_job,
    create_order,
    create_store,
    made,
    open_world,
    other_client,
)

from pixxel_async import (
    Absent,
    Ambiguous,
    Attempt,
    ClientClosed,
    ConfigurationError,
    Conflict,
    Found,
    InvalidInput,
    OutcomeUnknown,
    PermissionDenied,
    PixxelClient,
    ServiceUnavailable,
    UnexpectedAnswer,
    _endpoints,
)
from pixxel_async._codec import json_bytes
from pixxel_async._codec.json_bytes import loads
from pixxel_async._codec.model import Model, members
from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.matching import Sought, is_same, values, verdict
from pixxel_async.models import CloudDelivery, DeliveryRequest, OrderItemCreate, StoreConfigs
from pixxel_async.sandbox import Sandbox
from pixxel_async.testing import FakeTransport, VirtualClock

AFTER_THE_EFFECT: dict[str, dict[str, Any]] = {
    "reset": {"fault": "reset", "after_effect": True},
    "500": {"fault": "status", "status": 500, "after_effect": True},
    "gateway": {"fault": "status", "status": 504, "after_effect": True},
    "cut": {"fault": "truncate", "after_bytes": 5},
    "hang": {"fault": "hang", "after_effect": True},
    "late": {"fault": "reset", "late": 2.5},
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.mark.parametrize("kind", CREATES)
@pytest.mark.parametrize("fault", AFTER_THE_EFFECT)
async def test_c3_c5_c6_d1_d2_what_happened_is_found_and_was_sent_once(
    kind: str, fault: str, world: World
) -> None:
    sent = world.count(CREATES[kind][0])
    error = await world.lost(kind, **AFTER_THE_EFFECT[fault])
    assert (fault == "cut") == error.accepted
    found = await error.reconcile()
    assert isinstance(found, Found)
    assert [found.id] == made(world, kind)
    shown = found.snapshot[0] if isinstance(found.snapshot, list) else found.snapshot
    assert found.id in (
        getattr(shown, "id", None),
        getattr(shown, "aoi_id", None),
        getattr(shown, "delivery_id", None),
    )
    assert sent + 1 == world.count(CREATES[kind][0])


@pytest.mark.parametrize("kind", CREATES)
async def test_g18_what_is_listed_with_a_field_that_cannot_be_read_is_never_absent(
    kind: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever field of the row it is: it may be what was made, and an absence would make a second one."""
    error = await world.lost(kind, after_effect=True)
    [id] = made(world, kind)
    listing = next(
        each for each in vars(resources(kind)).values() if getattr(each, "id", "") == LISTINGS[kind]
    )
    for path in unreadable_places(listing.returns):
        monkeypatch.setattr(json_bytes, "loads", lambda body, path=path: spoilt(loads(body), path))
        try:
            outcome = await error.reconcile()
        except UnexpectedAnswer:
            continue  # a row without its id proves nothing at all
        if isinstance(outcome, Found):
            assert id == outcome.id, path
        else:
            assert isinstance(outcome, Ambiguous), path
            assert outcome.ids, path


def resources(kind: str) -> Any:
    names = {"index": "indices", "store": "stores", "delivery": "deliveries"}
    return getattr(_endpoints, names.get(kind, f"{kind}s"))


def unreadable_places(kind: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each optional field of scalars below a model, with a value that makes it unreadable."""
    for member in members(kind):
        inner = model_in(member.type)
        if inner is not None:
            yield from (((member.wire, *path), value) for path, value in unreadable_places(inner))
        elif (wanted := without_none(member.type)) is not member.type:
            odd = unreadable(wanted, is_id=member.wire.endswith("id"))
            if odd is not None:
                yield (member.wire,), odd


def model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)


def without_none(annotation: Any) -> Any:
    return get_args(annotation)[0] if NoneType in get_args(annotation) else annotation


def unreadable(wanted: Any, *, is_id: bool) -> Any:
    """None where any value can be read."""
    if get_origin(wanted) is list:
        return [unreadable(get_args(wanted)[0], is_id=is_id) if get_origin(get_args(wanted)[0]) else None]
    if get_origin(wanted) is dict:
        return {"odd": None} if get_args(wanted)[1] is str else None
    if wanted is str:
        return 7 if is_id else None
    return "odd" if wanted in (int, float, bool, datetime) else None


def spoilt(raw: Any, place: tuple[tuple[str, ...], Any]) -> Any:
    """With the value at the path, in each row."""
    (step, *rest), value = place
    for each in raw if isinstance(raw, list) else [raw]:
        if isinstance(each, dict) and step in each:
            each[step] = spoilt(each[step], (tuple(rest), value)) if rest else value
    return raw


@pytest.mark.parametrize("kind", ["aoi", "index", "visualization", "store", "delivery"])
async def test_d9_what_was_lost_and_is_sent_again_all_the_same_is_found_by_its_conflict(
    kind: str, world: World
) -> None:
    """The API refuses a second one: it leads to the first, which was ours, and there is one."""
    error = await world.lost(kind, after_effect=True)
    with pytest.raises(Conflict) as caught:
        await CREATES[kind][1](world)
    existing, found = await caught.value.existing(), await error.reconcile()
    assert isinstance(existing, Found)
    assert isinstance(found, Found)
    assert [existing.id] == [found.id] == made(world, kind)


async def test_d4_a_create_does_not_wait_for_what_a_503_asks(world: World) -> None:
    """A gateway may say so after it has passed the request on."""
    world.clock.slept.clear()
    sent = world.count("createJob")
    error = await world.lost("job", "status", status=503, retry_after=1, after_effect=True)
    assert ([], sent + 1) == (world.clock.slept, world.count("createJob"))
    found = await error.reconcile()
    assert isinstance(found, Found)
    assert [found.id] == made(world, "job")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_m3_a_create_that_is_redirected_stays_where_it_is(status: int, world: World) -> None:
    """It is neither followed nor made a GET; whether it was executed, the listing tells."""
    sent = len(world.sandbox.requests)
    error = await world.lost("job", "status", status=status, after_effect=True)
    assert ["POST"] == [each.method for each in list(world.sandbox.requests)[sent:]]
    assert "not followed" in str(error)
    assert isinstance(await error.reconcile(), Found)


@pytest.mark.parametrize("kind", CREATES)
async def test_what_did_not_happen_is_absent_only_when_the_window_has_passed(kind: str, world: World) -> None:
    listed = world.count(LISTINGS[kind])
    error = await world.lost(kind, "status", status=503)
    began = world.clock.monotonic()
    outcome = await error.reconcile()
    assert isinstance(outcome, Absent)
    assert 120 == round(world.clock.monotonic() - began)
    assert 7 == world.count(LISTINGS[kind]) - listed
    assert [] == made(world, kind)
    assert error.intent is not None
    assert outcome.since <= error.intent.sent_at


async def test_looks_are_soon_at_first_and_rare_later(world: World) -> None:
    error = await world.lost("job")
    world.clock.slept.clear()
    await error.reconcile()
    assert [1, 2, 4, 8, 15, 30, 60] == [round(seconds) for seconds in world.clock.slept]


async def test_a_late_look_is_taken_at_once(world: World) -> None:
    """Forty seconds after sending there is nothing to wait for before the first look."""
    error = await world.lost("job")
    world.clock.advance(40)
    world.clock.slept.clear()
    await error.reconcile()
    assert [0, 20, 60] == [round(seconds) for seconds in world.clock.slept]


@pytest.mark.parametrize(("settle", "seconds"), [(7.0, 7), (4.0, 6), (0.0, 5)])
async def test_the_window_is_a_setting(settle: float, seconds: int, world: World) -> None:
    """And two readings of the listing at least 5 s apart end it, the first of them 1 s after sending."""
    world.client = world.client.with_options(settle_window=settle or 4.0)
    error = await world.lost("job")
    began = world.clock.monotonic()
    assert isinstance(await (error.reconcile() if settle else error.reconcile(settle_window=0.0)), Absent)
    assert seconds == round(world.clock.monotonic() - began)


@pytest.mark.parametrize("settle", [-1, float("nan"), float("inf"), "1", True])
async def test_a_window_that_is_none_is_refused(settle: Any, world: World) -> None:
    error = await world.lost("job")
    listed = world.count("listJobs")
    with pytest.raises(InvalidInput, match="settle_window="):
        await error.reconcile(settle_window=settle)
    assert listed == world.count("listJobs")
    with pytest.raises(ConfigurationError, match="settle_window must be"):
        world.client.with_options(settle_window=settle)


@pytest.mark.parametrize("kind", CREATES)
async def test_a_listing_that_lags_hides_nothing(kind: str, world: World) -> None:
    world.sandbox.faults.add(LISTINGS[kind], "lag", late=20, times=None)
    found = await (await world.lost(kind, "reset", late=2.5)).reconcile()
    assert isinstance(found, Found)
    assert [found.id] == made(world, kind)


async def test_a_window_shorter_than_the_server_is_late_buys_twice(world: World) -> None:
    """Why the window is as long as it is."""
    error = await world.lost("order", "reset", late=30)
    assert isinstance(await error.reconcile(settle_window=4), Absent)
    await create_order(world)
    world.clock.advance(60)
    assert 2 == len(made(world, "order"))


# --- which one it is ---


@pytest.mark.parametrize("kind", ["job", "insight", "order"])
async def test_two_that_could_be_it_are_for_a_person_to_tell(kind: str, world: World) -> None:
    """Somebody else made the same at the same time."""
    other = other_client(world)
    async with other.client:
        await CREATES[kind][1](other)
        error = await world.lost(kind, after_effect=True)
        outcome = await error.reconcile()
    assert isinstance(outcome, Ambiguous)
    assert sorted(made(world, kind)) == sorted(outcome.ids)
    assert 2 == len(outcome.ids)


@pytest.mark.parametrize("kind", ["job", "insight", "order"])
async def test_what_the_client_made_before_is_not_taken_for_it(kind: str, world: World) -> None:
    await CREATES[kind][1](world)
    assert isinstance(await (await world.lost(kind)).reconcile(), Absent)
    found = await (await world.lost(kind, after_effect=True)).reconcile()
    assert isinstance(found, Found)
    assert made(world, kind)[1:] == [found.id]


async def test_a_listing_from_before_makes_a_job_exact(world: World) -> None:
    other = other_client(world)
    async with other.client:
        await create_job(other)
    before = [str(job.id) for job in await world.client.jobs.list(world.facts["workflow"])]
    error = await world.lost("job", after_effect=True)
    found = await error.reconcile(known_ids=before)
    assert isinstance(found, Found)
    assert made(world, "job")[1:] == [found.id]


@pytest.mark.parametrize(("minutes", "expected"), [(6, Ambiguous), (60, Ambiguous), (70, Absent)])
async def test_what_is_older_is_not_taken_for_it(minutes: int, expected: type, world: World) -> None:
    """Unless a clock that is an hour wrong would explain its age: a job has nothing else that tells it apart."""
    other = other_client(world)
    async with other.client:
        await create_job(other)
    world.clock.advance(minutes * 60)
    assert expected is type(await (await world.lost("job")).reconcile())


async def test_of_two_lost_ones_each_thing_is_given_to_one(world: World) -> None:
    """One took effect, one did not: found once, absent once."""
    first = await world.lost("job", after_effect=True)
    second = await world.lost("job")
    outcomes = [await first.reconcile(), await second.reconcile(settle_window=1)]
    assert [Found, Absent] == [type(each) for each in outcomes]
    assert isinstance(await first.reconcile(), Found)  # asked again, it is the same


async def test_a_twin_under_way_is_waited_for(world: World) -> None:
    """What is listed may be what the other create, whose answer is still to come, has made."""
    error = await world.lost("job", after_effect=True)
    world.sandbox.faults.add("createJob", "hang")
    twin = asyncio.create_task(create_job(world))
    while world.count("createJob") < 2:  # noqa: ASYNC110 - the sandbox has no event to wait for
        await asyncio.sleep(0.01)
    assert isinstance(await error.reconcile(settle_window=3), Ambiguous)
    with pytest.raises(OutcomeUnknown):
        await twin
    assert isinstance(await error.reconcile(settle_window=3), Found)


@pytest.mark.parametrize("other", ["store", "insight"])
async def test_another_create_under_way_is_not_waited_for(other: str, world: World) -> None:
    """Of another kind, or of the same with other content."""
    error = await world.lost("insight", after_effect=True)
    operation, create = CREATES[other]
    world.sandbox.faults.add(operation, "hang")
    there = world.count(operation)
    under_way = asyncio.create_task(
        create_insight(world, metadata={"run": "other"}) if other == "insight" else create(world)
    )
    while world.count(operation) == there:  # noqa: ASYNC110 - the sandbox has no event to wait for
        await asyncio.sleep(0.01)
    assert isinstance(await error.reconcile(settle_window=3), Found)
    with pytest.raises(OutcomeUnknown):
        await under_way


@pytest.mark.parametrize(
    "other",
    [{"name": "south"}, {"name": None}],
)
async def test_an_order_of_something_else_is_not_taken_for_it(other: dict[str, Any], world: World) -> None:
    stranger = other_client(world)
    async with stranger.client:
        await create_order(stranger, **other)
    error = await world.lost("order")
    outcome = await error.reconcile()
    # An order without a name does not say that it is not ours.
    assert isinstance(outcome, Absent if other["name"] else Ambiguous)


async def test_a_larger_order_is_not_taken_for_it(world: World) -> None:
    """Somebody else orders the same twice over."""
    item = OrderItemCreate(
        project_id=world.facts["project"],
        name="north",
        geometry=FIELD,
        item_ids=[world.facts["image"]],
        usecase="agriculture",
    )
    stranger = other_client(world)
    async with stranger.client:
        await stranger.client.orders.create(order_items=[item, item])
    assert isinstance(await (await world.lost("order")).reconcile(), Absent)


async def test_metadata_tell_insights_apart(world: World) -> None:
    other = other_client(world)
    async with other.client:
        await create_insight(other, metadata={"run": "1"})
    world.sandbox.faults.add("createInsights", "reset", after_effect=True)
    with pytest.raises(OutcomeUnknown) as caught:
        await create_insight(world, metadata={"run": "2"})
    found = await caught.value.reconcile()
    assert isinstance(found, Found)
    assert {"run": "2"} == found.snapshot.metadata


async def test_one_delivery_of_two_is_ambiguous() -> None:
    """All that was asked for, or a person decides."""
    rows = [{"delivery_id": "d-1", "catalog_id": "c-1", "cloud_delivery": {"config": "st"}}]
    outcome = await deliveries_reconciled(rows)
    assert Ambiguous(("d-1",)) == outcome
    rows.append({"delivery_id": "d-2", "catalog_id": "c-2", "cloud_delivery": {"config": "st"}})
    rows.append({"delivery_id": "d-3", "catalog_id": "c-3", "cloud_delivery": {"config": "st"}})
    outcome = await deliveries_reconciled(rows)
    assert isinstance(outcome, Found)
    assert ("d-1", ["d-1", "d-2"]) == (outcome.id, [each.delivery_id for each in outcome.snapshot])


async def deliveries_reconciled(rows: list[dict[str, Any]]) -> Any:
    clock = VirtualClock()
    listed = [{**row, "created_at": clock.now().isoformat()} for row in rows]
    routes = {
        "POST /v0/catalogs/deliveries": OutcomeUnknown("lost"),
        "GET /v0/catalogs/deliveries": {"deliveries": listed},
    }
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await client.deliveries.create(
                deliveries=[
                    DeliveryRequest(catalog_ids=["c-1", "c-2"], cloud_info=CloudDelivery(config="st"))
                ]
            )
        return await caught.value.reconcile()


async def test_a_listing_that_tells_too_little_is_ambiguous() -> None:
    """Orders without their items: there is one, and whether it is ours is not told."""
    clock = VirtualClock()
    order = {"id": "o-1", "created_at": clock.now().isoformat(), "order_items": []}
    routes = {"POST /v0/orders": OutcomeUnknown("lost"), "GET /v0/orders": {"orders": [order]}}
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await create_order(World(None, client, clock, {"project": "p", "image": "i"}))  # type: ignore[arg-type]
        assert Ambiguous(("o-1",)) == await caught.value.reconcile()


async def test_what_was_accepted_is_never_absent(world: World) -> None:
    """The API said yes: not listed is not the same as not done."""
    world.sandbox.faults.add("listJobs", "lag", late=1e6, times=None)
    error = await world.lost("job", "truncate", after_bytes=3)
    assert error.accepted
    assert Ambiguous(()) == await error.reconcile()


async def test_what_nothing_lists_is_ambiguous_at_once(world: World) -> None:
    world.sandbox.faults.add("AOICreateDownload", "reset", times=None)
    assets = await world.client.assets.list(world.facts["aoi"])
    with pytest.raises(OutcomeUnknown) as caught:
        await world.client.downloads.create(world.facts["aoi"], asset_ids=[str(assets[0].id)])
    asked = len(world.sandbox.requests)
    assert Ambiguous(()) == await caught.value.reconcile()
    assert asked == len(world.sandbox.requests)


# --- when looking goes wrong, clocks, other places ---


async def test_a_look_that_fails_is_followed_by_the_next(world: World) -> None:
    error = await world.lost("job", after_effect=True)
    world.sandbox.faults.add("listJobs", "status", status=503, times=4)
    assert isinstance(await error.reconcile(), Found)


async def test_the_last_look_must_succeed(world: World) -> None:
    error = await world.lost("job")
    world.sandbox.faults.add("listJobs", "status", status=503, times=None)
    with pytest.raises(ServiceUnavailable, match="the last: HTTP 503"):
        await error.reconcile()
    world.sandbox.faults.clear()
    await world.client.available()  # the endpoint is down until a call has succeeded
    assert isinstance(await error.reconcile(), Absent)


async def test_a_look_that_is_forbidden_is_told_at_once(world: World) -> None:
    error = await world.lost("job")
    began = world.clock.monotonic()
    world.sandbox.faults.add("listJobs", "status", status=403)
    with pytest.raises(PermissionDenied):
        await error.reconcile()
    assert 1 == round(world.clock.monotonic() - began)


@pytest.mark.parametrize("hours", [-30, 0, 30])
@pytest.mark.parametrize("is_first_call", [False, True])
async def test_a_wrong_clock_of_ours_hides_nothing(hours: int, is_first_call: bool) -> None:
    """The API's own `Date` puts a clock right that is ahead; one that is behind does no harm."""

    class Wrong(VirtualClock):
        def now(self) -> datetime:
            return super().now() + timedelta(hours=hours)

    clock = Wrong()
    async with Sandbox() as sandbox, sandbox.client() as other, sandbox.client(clock=clock) as client:
        [workflow, *_] = await (other if is_first_call else client).workflows.list()
        sandbox.faults.add("createJob", "reset", after_effect=True)
        with pytest.raises(OutcomeUnknown) as caught:
            await client.jobs.create(str(workflow.id), project_id=str(workflow.project_id))
        assert isinstance(await caught.value.reconcile(), Found)


async def test_a_sandbox_that_runs_faster_than_we_do_hides_nothing() -> None:
    """Its time has gone on by far more than five minutes between the effect and the answer."""
    async with Sandbox(speed=5000) as sandbox, sandbox.client(clock=VirtualClock()) as client:
        [workflow, *_] = await client.workflows.list()
        sandbox.faults.add("createJob", "delay", delay=0.3, after_effect=True)
        sandbox.faults.add("createJob", "status", status=500, after_effect=True)
        with pytest.raises(OutcomeUnknown) as caught:
            await client.jobs.create(str(workflow.id), project_id=str(workflow.project_id))
        assert isinstance(await caught.value.reconcile(), Found)


async def test_time_counts_from_the_sending_not_from_the_failure() -> None:
    """Ninety seconds without an answer are ninety seconds of the window."""
    clock = VirtualClock()
    lost = OutcomeUnknown(
        "lost", attempts=(Attempt("connect", "refused", 1.0), Attempt("head", "timeout", 90.0))
    )
    routes = {"POST /v0/workflows/w/jobs": lost, "GET /v0/workflows/w/jobs": {"jobs": []}}
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await client.jobs.create("w", project_id="p")
        assert caught.value.intent is not None
        assert clock.now() - timedelta(seconds=90) == caught.value.intent.sent_at
        assert isinstance(await caught.value.reconcile(), Absent)
    assert [0, 30] == clock.slept


async def test_an_unpickled_error_is_reconciled_by_a_client(world: World) -> None:
    """An hour later, in another process: no waiting any more, and the same answer."""
    error = pickle.loads(pickle.dumps(await world.lost("store", after_effect=True)))
    with pytest.raises(ClientClosed, match=r"await client\.reconcile\(error\)"):
        await error.reconcile()
    world.clock.advance(3600)
    other = other_client(world)
    async with other.client:
        began = world.clock.monotonic()
        found = await other.client.reconcile(error)
        assert began == world.clock.monotonic()
    assert isinstance(found, Found)
    assert made(world, "store") == [found.id]


async def test_an_error_holds_no_secret(world: World) -> None:
    error = await world.lost("store", after_effect=True)
    assert b"canary" not in pickle.dumps(error)
    assert error.intent is not None
    assert "canary" not in repr(error.intent.to_dict())
    assert world.sandbox.token.encode() not in pickle.dumps(error)


async def test_a_closed_client_does_not_look(world: World) -> None:
    client = world.sandbox.client(clock=world.clock)
    error = await attrs.evolve(world, client=client).lost("job", after_effect=True)
    await client.aclose()
    with pytest.raises(ClientClosed):
        await client.reconcile(error)
    with pytest.raises(ClientClosed):
        await error.reconcile()


# --- conflicts ---


@pytest.mark.parametrize("kind", ["aoi", "index", "visualization", "store", "delivery"])
async def test_d10_a_conflict_leads_to_the_same_thing_that_is_there(kind: str, world: World) -> None:
    await CREATES[kind][1](world)
    world.clock.advance(600)
    with pytest.raises(Conflict) as caught:
        await CREATES[kind][1](world)
    assert "`await error.existing()` finds the resource" in str(caught.value)
    existing = await caught.value.existing()
    assert existing is not None
    assert made(world, kind) == [existing.id]
    with pytest.raises(ClientClosed, match="lost its client"):
        await pickle.loads(pickle.dumps(caught.value)).existing()


async def test_d9_looking_at_a_conflict_takes_nothing_from_what_was_lost(world: World) -> None:
    error = await world.lost("store", after_effect=True)
    with pytest.raises(Conflict) as caught:
        await create_store(world)
    assert isinstance(await caught.value.existing(), Found)
    assert isinstance(await error.reconcile(), Found)


async def test_d9_d10_a_conflict_with_something_else_leads_nowhere(world: World) -> None:
    """The name is taken by another bucket."""
    await create_store(world)
    with pytest.raises(Conflict) as caught:
        await world.client.stores.create(
            name="bucket",
            type="S3",
            configs=StoreConfigs(bucket="another", region="us-east-2"),
            secrets={"access_key_id": "a", "secret_access_key": "b"},
        )
    assert await caught.value.existing() is None


@pytest.mark.parametrize(
    ("sent", "listed", "same"),
    [
        ([77.5, 12.9], [77.5000004, 12.9], True),
        ([77.5, 12.9], [77.50001, 12.9], False),
        ("2026-03-01T00:00:00Z", "2026-03-01T05:30:00+05:30", True),
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", False),
        ({"a": "1"}, {"a": "1", "b": "2"}, True),
        ({"a": "1", "b": None}, {"a": "1"}, True),
        ({"a": "1", "b": "2"}, {"a": "1"}, False),
        ("1", 1, False),
    ],
)
def test_rounded_respelt_and_enriched_values_are_the_same(sent: Any, listed: Any, same: bool) -> None:
    assert same == is_same(sent, listed)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("field", True),
        ("other", False),
        (5, None),
        ({"name": "field"}, None),
        (False, None),
        ([[None]], None),
    ],
)
def test_a_value_that_cannot_be_compared_is_no_difference(listed: Any, expected: bool | None) -> None:
    """A false difference would make an absence, and buy twice."""
    endpoint = Endpoint[Any](id="L", method="GET", path="/", returns=None, request_class="read")
    sought = Sought(Operation(endpoint), "id", {"name": ["field"]}, None)
    assert expected is verdict(sought, {"id": "a", "name": listed}, None)


def test_a_path_goes_through_lists_and_leaves_out_what_is_empty() -> None:
    value = {"items": [{"ids": ["a", "b"]}, {"ids": ["c"]}, {"ids": None}, {"ids": ""}, {}]}
    assert ["a", "b", "c"] == values(value, "items.ids")
