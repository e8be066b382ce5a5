"""Generated methods as a user calls them: what is sent, what comes back."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from pixxel_async import InvalidInput, PixxelClient, WaitError, WaitFailed, WaitTimeout, models
from pixxel_async._codec.model import Model, members
from pixxel_async._endpoints import insights, orders
from pixxel_async._http.operation import Operation
from pixxel_async.models import BlockRef, DataType, OrderCreate, OrderItemCreate, OrderItemStatus
from pixxel_async.testing import FakeRequest, FakeTransport, VirtualClock

FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.6, 12.9], [77.6, 13.0], [77.5, 12.9]]]}
DAY = 86_400
BLOCK = BlockRef(name="cropclassification", version="1.0.0")


async def test_filters_go_out_as_the_api_wants_them() -> None:
    """Lists with commas, enums as words, datetimes as RFC 3339; what is not given is left out."""
    transport = FakeTransport({"GET /v0/order-items": {"order_items": []}})
    async with PixxelClient(transport=transport) as client:
        await client.order_items.list(
            status=OrderItemStatus.ACTIVE,
            type="TASKING",
            ids=["a", "b"],
            created_at=datetime(2026, 1, 2, tzinfo=UTC),
            limit=1,
        )
    query = transport.requests[0].query
    assert {
        "status": "ACTIVE",
        "type": "TASKING",
        "ids": "a,b",
        "created_at": "2026-01-02T00:00:00Z",
    } == {key: value for key, value in query.items() if key not in ("limit", "offset")}


async def test_a_misspelt_filter_is_refused_before_anything_is_sent() -> None:
    transport = FakeTransport({})
    async with PixxelClient(transport=transport) as client:
        with pytest.raises(InvalidInput, match=r"^status: 'ACTIV' is not one of 'DRAFT', "):
            client.order_items.list(status="ACTIV")
    assert [] == transport.requests


@pytest.mark.parametrize("name", ["estimate", "create"])
async def test_d15_an_estimate_and_a_create_differ_in_one_value_of_the_body(name: str) -> None:
    transport = FakeTransport({"POST /v0/aoi/a-1/insights": {"id": "i-1", "estimate": 3}})
    async with PixxelClient(transport=transport) as client:
        await getattr(client.insights, name)("a-1", block=BLOCK, input=[DataType(name="x", value="0.8")])
    assert {
        "block": {"name": "cropclassification", "version": "1.0.0"},
        "input": [{"name": "x", "value": "0.8"}],
        "estimate": name == "estimate",
    } == transport.requests[0].json


def test_only_the_create_charges() -> None:
    assert Operation(insights._ESTIMATE).is_free
    assert "read" == Operation(insights._ESTIMATE).request_class
    assert not Operation(insights._CREATE).is_free


@pytest.mark.parametrize(("dry_run", "is_free"), [(True, True), (False, False), (None, False)])
def test_a_dry_run_is_a_free_read(dry_run: bool | None, is_free: bool) -> None:
    item = OrderItemCreate(project_id="p", usecase="u", geometry=FIELD, item_ids=["i"])
    operation = Operation(orders._CREATE, body=OrderCreate(order_items=[item], dry_run=dry_run))
    assert is_free == operation.is_free
    assert ("read" if is_free else "create") == operation.request_class


@pytest.mark.parametrize(
    ("files", "body"), [({}, None), ({"outputs": ["crop_map"]}, {"outputs": ["crop_map"]})]
)
async def test_an_optional_body_is_sent_when_there_is_something_to_say(files: Any, body: Any) -> None:
    transport = FakeTransport({"PUT /v0/aoi/a-1/insights/i-1/download": {"id": "i-1", "status": "pending"}})
    async with PixxelClient(transport=transport) as client:
        await client.insights.request_download("a-1", "i-1", **files)
    assert body == transport.requests[0].json


@pytest.mark.parametrize("wrap", [False, True])
async def test_a_block_may_come_wrapped(wrap: bool) -> None:
    """The document answers with the block, a page of the guide with a list of one."""
    block = {"id": "blk-1", "spec": {"name": "ndvi"}}
    transport = FakeTransport({"GET /v0/blocks/ndvi/versions/1.0.0": {"blocks": [block]} if wrap else block})
    async with PixxelClient(transport=transport) as client:
        found = await client.blocks.get("ndvi", "1.0.0")
    assert block == found.to_dict()


async def test_a_thing_that_is_only_listed_is_found_in_the_list() -> None:
    """The wait narrows the list where it can, and takes the entry with the id."""
    states = iter(["creating", "success"])

    def visualizations(request: FakeRequest) -> Any:
        assert "v-2" == request.query["visualization_id"]
        return {"visualization": [{"id": "v-1", "status": "failed"}, {"id": "v-2", "status": next(states)}]}

    transport = FakeTransport({"GET /v0/aois/a-1/visualizations": visualizations})
    async with PixxelClient(transport=transport, clock=VirtualClock()) as client:
        found = await client.visualizations.wait("a-1", "v-2")
    assert ("v-2", "success") == (found.id, found.status)


async def test_a_package_is_asked_for_again_with_the_same_files() -> None:
    """There is no call that only looks: another body would make another package."""
    answers = iter(
        [
            {"id": "i-1", "status": "pending"},
            {"id": "i-1", "status": "ready", "signed_url": "https://x.example/p"},
        ]
    )
    transport = FakeTransport({"PUT /v0/aoi/a-1/insights/i-1/download": lambda request: next(answers)})
    async with PixxelClient(transport=transport, clock=VirtualClock()) as client:
        package = await client.insights.wait_download("a-1", "i-1", outputs=["crop_map"])
    assert "https://x.example/p" == package.signed_url
    assert [{"outputs": ["crop_map"]}] * 2 == [request.json for request in transport.requests]


def test_no_model_shows_a_signed_url() -> None:
    """Who has it has the file: it is as good as a credential."""
    with_url = {
        f"{name}.{member.attribute}": member.is_sensitive
        for name, cls in vars(models.answers).items()
        if isinstance(cls, type) and issubclass(cls, Model) and cls is not Model
        for member in members(cls)
        if "signed_url" in member.attribute
    }
    kinds = ("AOIDownload", "CatalogDownload", "InsightPackage", "JobPackage", "TaskPackage")
    assert {f"{kind}.signed_url": True for kind in kinds} == with_url


@pytest.mark.parametrize(
    ("status", "kind"), [("failed", WaitFailed), ("pending", WaitTimeout), ("strange", WaitTimeout)]
)
async def test_a_wait_shows_no_signed_url(
    status: str, kind: type[WaitError], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the wait, nor its error with the last snapshot, nor the log."""
    caplog.set_level(logging.DEBUG)
    answer = {"id": "i-1", "status": status, "signed_url": "https://x.example/p?sig=hunter2"}
    transport = FakeTransport({"PUT /v0/aoi/a-1/insights/i-1/download": answer})
    async with PixxelClient(transport=transport, clock=VirtualClock()) as client:
        wait = client.insights.wait_download("a-1", "i-1", timeout=60)
        with pytest.raises(kind) as caught:
            await wait
    error = caught.value
    assert "https://x.example/p?sig=hunter2" == error.last.signed_url
    shown = [repr(wait), repr(wait.last), str(error), repr(error), f"{error.last}", caplog.text]
    assert "signed_url=***" in shown[1]
    assert [] == [text for text in shown if "x.example" in text or "hunter2" in text]


async def test_a_wait_lasts_as_long_as_its_thing_takes() -> None:
    """Captures take days, far longer than an hour."""
    clock = VirtualClock()

    def item(request: FakeRequest) -> Any:
        is_done = clock.monotonic() > 10 * DAY
        return {"id": "oi-1", "status": "FULFILLED" if is_done else "ACTIVE"}

    transport = FakeTransport({"GET /v0/order-items/oi-1": item})
    async with PixxelClient(transport=transport, clock=clock) as client:
        assert OrderItemStatus.FULFILLED is (await client.order_items.wait("oi-1")).status
        transport.routes["GET /v0/order-items/oi-1"] = {"id": "oi-1", "status": "ACTIVE"}
        started = clock.monotonic()
        with pytest.raises(WaitTimeout):
            await client.order_items.wait("oi-1")
    assert 14 * DAY == pytest.approx(clock.monotonic() - started)
