"""The whole table of methods, over real sockets: every one that the spec names is called once and gives what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from pixxel_async import PixxelClient, models
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller
from pixxel_async.models import (
    BandsetRef,
    BlockRef,
    CloudDelivery,
    DataType,
    DeliveryRequest,
    OrderItemCreate,
)
from pixxel_async.sandbox import Sandbox
from pixxel_async.testing import VirtualClock

SPEC = yaml.safe_load((Path(__file__).parents[2] / "openapi" / "pixxel.yaml").read_text(encoding="utf-8"))
FIELD = {
    "type": "Polygon",
    "coordinates": [[[77.5, 12.9], [77.52, 12.9], [77.52, 12.92], [77.5, 12.92], [77.5, 12.9]]],
}


def methods_of_the_spec() -> Iterator[str]:
    """`resource.method` of every operation and of every wait, for one and for many; packages are waited for singly."""
    for item in SPEC["paths"].values():
        for operation in item.values():
            variants = operation.get("x-variants") or [{"method": operation["x-method"]}]
            yield from (variant["method"] for variant in variants)
    for life in SPEC["x-life-cycles"].values():
        yield life["wait"]
        if "signed_url" not in life:
            yield f"{life['wait']}_many"


class Recorder:
    """The client, noting which of its methods are called."""

    def __init__(self, client: PixxelClient) -> None:
        self.client = client
        self.called: set[str] = set()

    def __call__(self, name: str, /, *arguments: Any, **options: Any) -> Any:
        """Call `resource.method`, or a method of the client itself."""
        self.called.add(name)
        target: Any = self.client
        for part in name.split("."):
            target = getattr(target, part)
        return target(*arguments, **options)


class Ticking(VirtualClock):
    """Virtual time that takes the sandbox along: while the client sleeps, the API's things get on."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self.advance = advance

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await super().sleep(seconds)


async def ends(waits: MultiWait[Any]) -> list[str]:
    """The last words of many waits."""
    return [done.result().status for done in await waits]


async def tour(call: Recorder, now: datetime, directory: Path) -> None:
    """One sensible life with the API, through all of its methods."""
    assert "pong" == await call("ping")
    project = (await call("projects.list", limit=1))[0].id
    assert project == (await call("projects.get", project)).id
    satellite = next(each for each in await call("satellites.list") if each.name == "Sentinel-2")
    collection = satellite.collections[0].id

    scenes = await call(
        "search.images",
        start_date=now - timedelta(days=60),
        end_date=now,
        satellites=[models.SearchSatellite(collection_id=collection, satellite_id=satellite.id)],
        geometry=FIELD,
        limit=2,
    )
    aoi = await call(
        "aois.create",
        name="tour",
        description="",
        satellite_id=satellite.id,
        provider=satellite.collections[0].provider,
        project_id=project,
        geometry=FIELD,
        item_ids=[scene.id for scene in scenes],
    )
    assert "success" == (await call("aois.wait", aoi.aoi_id)).status
    assert aoi.aoi_id == (await call("aois.get", aoi.aoi_id)).aoi_id
    assert [aoi.aoi_id] == [each.aoi_id for each in await call("aois.list", aoi_name="tour")]
    assert ["success"] == await ends(call("aois.wait_many", [aoi.aoi_id]))
    asset = (await call("assets.list", aoi.aoi_id))[0]
    assert ["success"] == await ends(call("assets.wait_many", aoi.aoi_id, [asset.id]))
    assert "success" == (await call("assets.wait", aoi.aoi_id, asset.id)).status
    day = (
        asset.date.strftime("%Y_%m_%d") if isinstance(asset.date, datetime) else asset.date.replace("-", "_")
    )

    await visualize(call, aoi.aoi_id, satellite.id, day)
    download = await call("downloads.create", aoi.aoi_id, asset_ids=[asset.id])
    saved = await call("downloads.wait", aoi.aoi_id, download.download_id).save(directory, unzip=True)
    assert saved.members
    assert "SUCCESS" == (await call("downloads.get", aoi.aoi_id, download.download_id)).status
    await analyse(call, aoi.aoi_id, project, directory)
    await order(call, project, collection, now, directory)


async def visualize(call: Recorder, aoi_id: str, satellite_id: str, day: str) -> None:
    index = await call(
        "indices.create",
        name="tour",
        description="",
        rescale=[-1, 1],
        expression="(B08-B04)/(B08+B04)",
        colormap="rdylgn",
        satellite_id=satellite_id,
        expression_type="index",
    )
    assert [index.id] == [each.id for each in await call("indices.list", index_id=index.id)]
    made = await call("visualizations.create", aoi_id, index_id=index.id)
    ready = await call("visualizations.wait", aoi_id, made.id)
    assert (made.id, "success") == (ready.id, ready.status)
    assert ["success"] == await ends(call("visualizations.wait_many", aoi_id, [made.id]))
    assert [made.id] == [each.id for each in await call("visualizations.list", aoi_id)]
    classes = [models.LegendItemUpdate(color="#d7191c", label="Low", min=-1, max=0.2)]
    legend = await call(
        "visualizations.update_metadata",
        aoi_id,
        made.id,
        visualization_mode="theoretical",
        legend={day: classes},
    )
    assert ["Low"] == [each.label for each in legend.legend[day].theoretical]
    options: dict[str, Any] = {"index_id": index.id, "visualization_mode": "dynamic"}
    rolled_back = await call("visualizations.rollback_metadata", aoi_id, made.id, dates=[day], **options)
    assert made.id == rolled_back.id
    assert (await call("visualizations.png", aoi_id, made.id, date=day, **options)).startswith(b"\x89PNG")
    style = await call("visualizations.sld", aoi_id, made.id, dates=[day], visualization_modes=["dynamic"])
    assert "StyledLayerDescriptor" in style.sld["dynamic"][day]


async def analyse(call: Recorder, aoi_id: str, project: str, directory: Path) -> None:
    block = (await call("blocks.list", mode="insight"))[0].spec
    assert block.name == (await call("blocks.versions", block.name))[0].spec.name
    assert block.name == (await call("blocks.get", block.name, block.version)).spec.name
    wanted: dict[str, Any] = {
        "block": BlockRef(name=block.name, version=block.version),
        "input": [DataType(**(data.to_dict() | {"value": "2024-01-01"})) for data in block.inputs],
        "name": "tour",
        "project_id": project,
    }
    assert (await call("insights.estimate", aoi_id, **wanted)).estimate > 0
    insight = await call("insights.create", aoi_id, **wanted)
    assert "completed" == (await call("insights.wait", aoi_id, insight.id)).status
    assert ["completed"] == await ends(call("insights.wait_many", aoi_id, [insight.id]))
    assert [insight.id] == [each.id for each in await call("insights.list", aoi_id)]
    assert (await call("insights.request_download", aoi_id, insight.id)).status in ("pending", "ready")
    assert (await call("insights.wait_download", aoi_id, insight.id).save(directory)).size > 0
    assert await call("insights.delete", aoi_id, insight.id, project_id=project) is None

    workflow = (await call("workflows.list", limit=1))[0]
    assert workflow.id == (await call("workflows.get", workflow.id, project_id=workflow.project_id)).id
    assert (await call("workflows.estimate", workflow.id)).estimated_cost > 0
    job = await call("jobs.create", workflow.id, project_id=workflow.project_id)
    done = await call("jobs.wait", workflow.id, job.id)
    assert "completed" == done.status
    assert ["completed"] == await ends(call("jobs.wait_many", workflow.id, [job.id]))
    assert job.id in [each.id for each in await call("jobs.list", workflow.id)]
    task = (await call("jobs.get", workflow.id, job.id)).tasks[0]
    assert (await call("jobs.request_download", workflow.id, job.id)).status in ("pending", "ready")
    assert (await call("jobs.wait_download", workflow.id, job.id).save(directory)).size > 0
    assert (await call("tasks.request_download", workflow.id, job.id, task.id)).status in ("pending", "ready")
    assert (await call("tasks.wait_download", workflow.id, job.id, task.id).save(directory)).size > 0


async def order(call: Recorder, project: str, collection: str, now: datetime, directory: Path) -> None:
    assert collection in [each.id for each in await call("archives.collections")]
    assert collection == (await call("archives.collection", collection)).id
    item = (await call("archives.items", collection, limit=1))[0]
    assert item.id == (await call("archives.item", collection, item.id)).id
    found = await call("archives.search", intersects=FIELD, datetime=(now - timedelta(days=90), now), limit=3)

    bandset = (await call("bandsets.list"))[0]
    tasking = OrderItemCreate(
        project_id=project,
        usecase="agriculture",
        geometry=FIELD,
        bandset=BandsetRef(bandset_id=bandset.id),
        recurrence="ONCE",
        start_date=now + timedelta(days=5),
        end_date=now + timedelta(days=15),
    )
    assert (await call("orders.create", order_items=[tasking], dry_run=True)).total_amount > 0
    archive = OrderItemCreate(
        project_id=project, usecase="agriculture", geometry=FIELD, item_ids=[found[0].id]
    )
    placed = await call("orders.create", order_items=[archive])
    assert [placed.id] == [each.id for each in await call("orders.list")]
    assert placed.id == (await call("orders.get", placed.id)).id
    line = (await call("order_items.list"))[0]
    assert "FULFILLED" == (await call("order_items.wait", line.id)).status
    assert ["FULFILLED"] == await ends(call("order_items.wait_many", [line.id]))
    assert line.id == (await call("order_items.get", line.id)).id
    assert placed.id in await call("reports.orders")

    store = await call(
        "stores.create",
        name="tour",
        type="S3",
        configs=models.StoreConfigs(bucket="tour", region="us-east-2"),
        secrets={"access_key_id": "AK", "secret_access_key": "SK"},
    )
    assert store.id in [each.id for each in await call("stores.list")]
    entry = (await call("catalogs.search", limit=1))[0]
    assert entry.id == (await call("catalogs.get", entry.id)).id
    target = CloudDelivery(config=store.id, path="incoming/")
    delivery = (
        await call(
            "deliveries.create", deliveries=[DeliveryRequest(catalog_ids=[entry.id], cloud_info=target)]
        )
    )[0]
    assert "SUCCESS" == (await call("deliveries.wait", delivery.delivery_id)).status
    assert ["SUCCESS"] == await ends(call("deliveries.wait_many", [delivery.delivery_id]))
    assert delivery.delivery_id in [each.delivery_id for each in await call("deliveries.list")]
    package = await call("catalogs.request_download", catalog_ids=[entry.id])
    assert (await call("catalogs.wait_download", package.id).save(directory)).size > 0
    assert "success" == (await call("catalogs.get_download", package.id)).status
    assert await call("stores.delete", store.id) is None


async def test_every_method_of_the_table_works_against_the_sandbox(tmp_path: Path) -> None:
    async with Sandbox(speed=0, validate_answers=True) as sandbox:
        clock = Ticking(sandbox.clock.advance)
        async with sandbox.client(clock=clock) as client:
            call = Recorder(client)
            await tour(call, sandbox.clock.now(), tmp_path)
        assert set(methods_of_the_spec()) == call.called
        assert [] == sandbox.defects
        assert [] == sandbox.storage.leaks
        assert {} == sandbox.ledger.duplicates()


def test_every_method_of_the_spec_is_on_the_client_and_none_is_left_over() -> None:
    client = PixxelClient("token")
    there = {
        f"{name}.{method}"
        for name, resource in vars(client).items()
        if not name.startswith("_")
        for method in vars(type(resource))
        if not method.startswith("_")
    }
    assert set(methods_of_the_spec()) == there | {"ping"}


def test_listings_and_waits_say_so_in_their_type() -> None:
    """What is iterated is made at once, and asks for nothing until then."""
    client = PixxelClient("token")
    assert isinstance(client.aois.list(), Paginator)
    assert isinstance(client.aois.wait("a-1"), Poller)
