"""A sandbox in which every kind of create can be made, and lost, in virtual time.

The sandbox's clock follows the client's, so that settle windows, late effects and lagging listings cost no time.
What was made is counted in the sandbox's ledger, what was sent where it arrived.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from pixxel_async import OutcomeUnknown, PixxelClient, RetryPolicy
from pixxel_async.models import BlockRef, CloudDelivery, DeliveryRequest, OrderItemCreate, StoreConfigs
from pixxel_async.sandbox import Sandbox, SandboxClock
from pixxel_async.testing import VirtualClock

FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.55, 12.9], [77.55, 12.95], [77.5, 12.9]]]}
LONG_AGO = datetime(2026, 3, 1, 10, tzinfo=UTC)


@attrs.define
class World:
    """A sandbox, a client of it, one clock for both, and what the creates need."""

    sandbox: Sandbox
    client: PixxelClient
    clock: VirtualClock
    facts: dict[str, Any]

    def count(self, operation: str) -> int:
        return sum(each.operation_id == operation for each in self.sandbox.requests)

    async def lost(self, kind: str, fault: str = "reset", **how: Any) -> OutcomeUnknown:
        """The error of a create that is struck by a fault."""
        operation, create = CREATES[kind]
        self.sandbox.faults.add(operation, fault, **how)  # type: ignore[arg-type]
        with pytest.raises(OutcomeUnknown) as caught:
            await create(self)
        return caught.value


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """A world whose sandbox keeps to the spec; its time is the client's."""
    clock = VirtualClock(rng=None)
    time = SandboxClock(start=LONG_AGO, monotonic=clock.monotonic)
    async with (
        Sandbox(clock=time, validate_answers=True) as sandbox,
        sandbox.client(clock=clock, attempt_timeout=0.5, retry=RetryPolicy(attempts=2)) as client,
    ):
        yield World(sandbox, client, clock, await facts(client, clock))
    assert [] == sandbox.defects


async def facts(client: PixxelClient, clock: VirtualClock) -> dict[str, Any]:
    [project] = await client.projects.list(limit=1)
    [sentinel] = [each for each in await client.satellites.list() if each.name == "Sentinel-2"]
    [image] = await client.archives.search(collections=["sentinel-2-l2a"], intersects=FIELD, limit=1)
    [workflow, *_] = await client.workflows.list(project_id=project.id)
    [block, *_] = await client.blocks.list(mode="insight")
    [ndvi, *_] = await client.indices.list(satellite_id=sentinel.id, type="preset")
    known = {"project": project.id, "satellite": sentinel.id, "image": image.id, "workflow": workflow.id}
    values = {"input_image": "s3://bucket/image.tif", "start_date": "2026-05-01", "end_date": "2026-08-01"}
    assert block.spec is not None
    for each in block.spec.inputs or []:
        each.value = values[str(each.name)]
    inputs = block.spec.inputs
    known |= {"block": BlockRef(name=str(block.spec.name), version=str(block.spec.version)), "inputs": inputs}
    known |= {"index": ndvi.id}
    aoi = await create_aoi(World(None, client, clock, known), name="ground")  # type: ignore[arg-type]
    store = await create_store(World(None, client, clock, known), name="ground")  # type: ignore[arg-type]
    await create_order(World(None, client, clock, known), name="ground")  # type: ignore[arg-type]
    clock.advance(86_400)
    [entry, *_] = await client.catalogs.search()
    return known | {"aoi": aoi.aoi_id, "store": store.id, "entry": entry.id}


async def create_aoi(world: World, name: str = "field") -> Any:
    return await world.client.aois.create(
        name=name,
        description="",
        satellite_id=world.facts["satellite"],
        provider="planetary",
        project_id=world.facts["project"],
        geometry=FIELD,
        item_ids=[world.facts["image"]],
    )


async def create_index(world: World) -> Any:
    return await world.client.indices.create(
        name="mine",
        description="",
        rescale=[-1, 1],
        expression="(B08-B04)/(B08+B04)",
        colormap="rdylgn",
        satellite_id=world.facts["satellite"],
        expression_type="index",
    )


async def create_visualization(world: World) -> Any:
    return await world.client.visualizations.create(world.facts["aoi"], index_id=world.facts["index"])


async def create_insight(world: World, **other: Any) -> Any:
    return await world.client.insights.create(
        world.facts["aoi"], block=world.facts["block"], input=world.facts["inputs"], **other
    )


async def create_job(world: World) -> Any:
    return await world.client.jobs.create(world.facts["workflow"], project_id=world.facts["project"])


def order_item(world: World, name: str | None = "north") -> OrderItemCreate:
    return OrderItemCreate(
        project_id=world.facts["project"],
        name=name,
        geometry=FIELD,
        item_ids=[world.facts["image"]],
        usecase="agriculture",
    )


async def create_order(world: World, name: str | None = "north") -> Any:
    return await world.client.orders.create(order_items=[order_item(world, name)])


async def create_store(world: World, name: str = "bucket") -> Any:
    return await world.client.stores.create(
        name=name,
        type="S3",
        configs=StoreConfigs(bucket="farm", region="us-east-2"),
        secrets={"access_key_id": "canary-id", "secret_access_key": "canary-secret"},
    )


async def create_delivery(world: World) -> Any:
    place = CloudDelivery(config=world.facts["store"], path="in/")
    return await world.client.deliveries.create(
        deliveries=[DeliveryRequest(catalog_ids=[world.facts["entry"]], cloud_info=place)]
    )


Create = Callable[[World], Awaitable[Any]]
CREATES: dict[str, tuple[str, Create]] = {
    "aoi": ("AOICreateAOI", create_aoi),
    "index": ("CreateIndex", create_index),
    "visualization": ("CreateVisualization", create_visualization),
    "insight": ("createInsights", create_insight),
    "job": ("createJob", create_job),
    "order": ("SubmitOrder", create_order),
    "store": ("CreateStore", create_store),
    "delivery": ("CreateDelivery", create_delivery),
}
LISTINGS = {
    "aoi": "ListAOIs",
    "index": "ListIndices",
    "visualization": "ListVisualizations",
    "insight": "listInsights",
    "job": "listJobs",
    "order": "ListOrders",
    "store": "ListStores",
    "delivery": "ListDeliveries",
}


def made(world: World, kind: str) -> list[str]:
    """Ids of what was made by the creates of a kind, without what the tests stand on."""
    entries = world.sandbox.ledger.entries(CREATES[kind][0])
    return [each.resource_id for each in entries if each.tokens >= 0][
        {"aoi": 1, "store": 1, "order": 1}.get(kind, 0) :
    ]


def other_client(world: World) -> World:
    return attrs.evolve(world, client=world.sandbox.client(clock=world.clock))
