"""Code as a user writes it; mypy --strict and pyright read it, nothing runs it.

`assert_type` fails the check when a public signature changes its meaning.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type

from pixxel_async import (
    Absent,
    Ambiguous,
    Found,
    MultiWait,
    OutcomeUnknown,
    PixxelClient,
    RetryPolicy,
    WaitOptions,
)
from pixxel_async._download.downloader import SavedFile
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller
from pixxel_async.models import (
    AOI,
    BlockRef,
    CloudDelivery,
    Delivery,
    DeliveryRequest,
    Index,
    InsightCreated,
    InsightEstimate,
    Job,
    Order,
    OrderItemCreate,
    Project,
    SearchFilter,
    SearchSatellite,
    STACItem,
    Visualization,
)

FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.6, 12.9], [77.6, 13.0], [77.5, 12.9]]]}


async def reads(client: PixxelClient) -> None:
    """Single reads and listings have the model in their type."""
    assert_type(await client.aois.get("a-1"), AOI)
    assert_type(client.projects.list(limit=5), Paginator[Project])
    assert_type(await client.projects.list(), list[Project])
    async for index in client.indices.list(satellite_id="s-1", page_size=50, prefetch=True):
        assert_type(index, Index)
        assert_type(index.id, str)
        assert_type(index.name, str | None)
    async for page in client.aois.list(project_ids=["p-1"]).pages():
        assert_type(page.items, list[AOI])
    assert_type(await client.archives.item("c", "i"), STACItem)
    assert_type(
        await client.visualizations.png(
            "a", "v", index_id="i", date="2026_05_06", visualization_mode="dynamic"
        ),
        bytes,
    )
    assert_type(await client.reports.orders(tz="Europe/Berlin"), str)


async def searches(client: PixxelClient) -> None:
    """Request models are checked by the type checker, geometry may be many things."""
    images = client.search.images(
        start_date=datetime(2026, 4, 1, tzinfo=UTC),
        end_date="2026-06-01T00:00:00Z",
        satellites=[SearchSatellite(collection_id="sentinel-2-l2a", satellite_id="s-1")],
        geometry=FIELD,
        filters=[SearchFilter(id="eo:cloud_cover", min=0, max=20)],
        limit=10,
    )
    async for item in images:
        assert_type(item, STACItem)
        assert_type(item.id, str)
    found = await client.archives.search(
        collections=["pixxel-td-l2a"],
        intersects="POLYGON ((77.5 12.9, 77.6 12.9, 77.6 13.0, 77.5 12.9))",
        datetime=(datetime(2026, 4, 1, tzinfo=UTC), None),
    )
    assert_type(found, list[STACItem])


async def creates(client: PixxelClient) -> None:
    """A create is one request; a wait is a poller; a ready thing is a file."""
    aoi = await client.aois.create(
        name="north",
        description="",
        satellite_id="s",
        provider="pixxel",
        project_id="p",
        geometry=FIELD,
        item_ids=["i"],
    )
    assert_type(aoi, AOI)
    assert_type(aoi.aoi_id, str)
    assert_type(client.aois.wait(aoi.aoi_id, timeout=600), Poller[AOI])
    assert_type(await client.aois.wait(aoi.aoi_id), AOI)
    options: WaitOptions[AOI] = {"timeout": 600, "on_update": lambda aoi: assert_type(aoi, AOI)}
    assert_type(client.aois.wait_many([aoi.aoi_id], **options), MultiWait[AOI])
    async for snapshot in client.visualizations.wait("a", "v"):
        assert_type(snapshot, Visualization)
    saved = await client.downloads.wait("a", "d").save(directory="out", unzip=True)
    assert_type(saved, SavedFile)
    order = await client.orders.create(
        order_items=[OrderItemCreate(project_id="p", usecase="agriculture", geometry=FIELD, item_ids=["i"])],
        dry_run=True,
    )
    assert_type(order, Order)
    assert_type(order.id, str | None)
    delivery = DeliveryRequest(catalog_ids=["c"], cloud_info=CloudDelivery(config="st-1"))
    assert_type(await client.deliveries.create(deliveries=[delivery]), list[Delivery])
    block = BlockRef(name="b", version="1.0.0")
    assert_type(await client.insights.estimate("a", block=block, input=[]), InsightEstimate)
    assert_type(await client.insights.create("a", block=block, input=[]), InsightCreated)
    assert_type(await client.jobs.create("w", project_id="p"), Job)


async def reconciling(client: PixxelClient, error: OutcomeUnknown) -> str | None:
    """All that looking can come to can be told apart, and there is nothing else."""
    match await error.reconcile(settle_window=60, known_ids=["job-1"]):
        case Found(id):
            return id
        case Absent(since):
            assert_type(since, datetime)
        case Ambiguous(ids):
            assert_type(ids, tuple[str, ...])
    assert_type(await client.reconcile(error), Found | Absent | Ambiguous)
    return None


async def options() -> None:
    """Options are chosen when the client is made, or for some calls."""
    async with PixxelClient("token", timeout=60, retry=RetryPolicy()) as client:
        patient = client.with_options(timeout=600)
        assert_type(patient, PixxelClient)
        await patient.ping()
