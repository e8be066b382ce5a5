"""The API calls of each stage: one or two. They are functions of a module, so another process can run them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urljoin

from pixxel_async._download.downloader import SavedFile
from pixxel_async._http.operation import Phase
from pixxel_async._resource.large_areas import with_area
from pixxel_async.bulk._folders import file_name
from pixxel_async.bulk._output import write_atomically
from pixxel_async.bulk._recipe.account_names import Block, Target, known, workflow_id
from pixxel_async.bulk._recipe.recipes import Delivery, Insight, Items, Job, Order, Search, Waiting
from pixxel_async.bulk._recipe.stages import Facts, NoImage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.errors import InvalidInput, PixxelError, SchemaError
from pixxel_async.models import (
    AOIStatus,
    Asset,
    AssetSource,
    AssetStatus,
    AssetType,
    CloudDelivery,
    DataType,
    DeliveryRequest,
    OrderItemCreate,
    SearchFilter,
    SearchSatellite,
    STACItem,
    VisualizationMode,
    VisualizationStatus,
)

# --- images -----------------------------------------------------------------------------------------------


async def find_images(client: PixxelClient, work: Work, *, search: Search, target: Target) -> Facts:
    """Ids of the images of the newest days with little enough cloud, newest first.

    Raises:
        NoImage: There is no such image.
        SchemaError: The response contradicts itself.
    """
    listing = client.search.images(
        start_date=search.start,
        end_date=search.end,
        satellites=[SearchSatellite(collection_id=target.collection_id, satellite_id=target.satellite_id)],
        geometry=dict(work.geometry),
        filters=[SearchFilter(id="eo:cloud_cover", min=0, max=search.max_cloud)],
    )
    found: list[STACItem] = []
    async for page in listing.pages():
        found += page.items
        if page.total and not found:  # no proof that there is no image
            raise SchemaError(f"the search counts {page.total} images and lists none")
    if not found:
        raise NoImage(
            f"no image of {search.satellite} from {search.start:%Y-%m-%d} to before {search.end:%Y-%m-%d} "
            f"has at most {search.max_cloud} % cloud: widen the dates or allow more cloud"
        )
    newest = sorted(found, key=_taken, reverse=True)
    days = list(dict.fromkeys(_taken(image)[0].date() for image in newest))[: search.max_days]
    return {"item_ids": [image.id for image in newest if _taken(image)[0].date() in days]}


def _taken(image: STACItem) -> tuple[datetime, str]:
    """Sort key: the time of the image, then its id for a stable order."""
    taken = image.properties.datetime if image.properties else None
    return taken or datetime.min.replace(tzinfo=UTC), image.id


async def given_images(client: PixxelClient, work: Work, *, items: Items) -> Facts:
    """Ids that the row itself names."""
    return {"item_ids": items.of(work.properties)}


def _name(work: Work, run_id: str) -> str:
    """A unique AOI name, as the API requires: from the row, the run and the number of failed AOIs."""
    name = f"{work.name}-{run_id}"
    return name if not work.failed else f"{name}-{work.failed + 1}"


# --- AOI, and what is made of it --------------------------------------------------------------------------


async def create_aoi(client: PixxelClient, work: Work, *, target: Target, run_id: str) -> Facts:
    """Create an AOI of the images."""
    aoi = await client.aois.create(
        name=_name(work, run_id),
        description=f"row {work.row} of bulk run {run_id}",
        satellite_id=target.satellite_id,
        provider=target.provider,
        project_id=target.project_id,
        geometry=dict(work.geometry),
        item_ids=work.facts["images"]["item_ids"],
    )
    return {"id": aoi.aoi_id}


async def wait_aoi(client: PixxelClient, work: Work, *, waiting: Waiting) -> Facts:
    """Wait until the AOI's images are ready."""
    aoi = await client.aois.wait(work.id("aoi"), **waiting)
    return {"partial": aoi.status is AOIStatus.PARTIAL_SUCCESS}


async def create_visualization(client: PixxelClient, work: Work, *, index_id: str) -> Facts:
    """Create a visualization of an index over the AOI's mosaics, or its images if it has none."""
    aoi_id = work.id("aoi")
    visualization = await client.visualizations.create(
        aoi_id,
        index_id=index_id,
        # The vendor's schema omits these fields, but its guide requires them.
        src_asset_ids=[asset.id for asset in await _images(client, aoi_id)],
    )
    return {"id": visualization.id}


async def wait_visualization(client: PixxelClient, work: Work, *, stage: str, waiting: Waiting) -> Facts:
    """Wait until it is drawn."""
    drawn = await client.visualizations.wait(work.id("aoi"), work.id(stage), **waiting)
    return {"partial": drawn.status is VisualizationStatus.PARTIAL_SUCCESS}


async def draw_png(client: PixxelClient, work: Work, *, stage: str, index: str, index_id: str) -> Facts:
    """Fetch the index of the newest day as a PNG picture with its legend."""
    aoi_id, visualization_id = work.id("aoi"), work.id(stage)
    assets = await _ready_assets(client, aoi_id)
    rendered = [asset for asset in assets if asset.visualization_id == visualization_id]
    days = [asset.date for asset in rendered or assets if asset.date]
    picture = await client.visualizations.png(
        aoi_id,
        visualization_id,
        index_id=index_id,
        date=known(max(days, default=None), "AOI's files have no date").replace("-", "_"),
        visualization_mode=VisualizationMode.DYNAMIC,
    )
    name = file_name(index, ".png")
    await asyncio.to_thread(write_atomically, work.folder / name, picture)
    return {"file": name, "size": len(picture)}


async def request_package(client: PixxelClient, work: Work) -> Facts:
    """Request all finished files of the AOI in one package. A second package costs nothing."""
    aoi_id = work.id("aoi")
    assets = await _ready_assets(client, aoi_id)
    download = await client.downloads.create(aoi_id, asset_ids=[asset.id for asset in assets])
    return {"id": download.download_id}


async def fetch_package(client: PixxelClient, work: Work, *, unzip: bool, waiting: Waiting) -> Facts:
    """Wait for the package and fetch it."""
    package = client.downloads.wait(work.id("aoi"), work.id("package"), **waiting)
    name = file_name(work.folder.name, ".zip")
    return _fetched(await package.save(work.folder, filename=name, overwrite=True, unzip=unzip))


async def _ready_assets(client: PixxelClient, aoi_id: str) -> list[Asset]:
    assets = [asset for asset in await client.assets.list(aoi_id) if asset.status is AssetStatus.SUCCESS]
    if not assets:
        raise PixxelError(f"the AOI {aoi_id} has no finished file")
    return assets


async def _images(client: PixxelClient, aoi_id: str) -> list[Asset]:
    """The AOI's mosaics, or its images if it has none."""
    assets = await _ready_assets(client, aoi_id)
    images = [asset for asset in assets if asset.asset_type is not AssetType.VISUALIZATION]
    return [asset for asset in images if asset.asset_type is AssetType.MOSAIC] or images


def _fetched(saved: SavedFile) -> Facts:
    folder = saved.path.parent
    members = [path.relative_to(folder).as_posix() for path in saved.members or ()]
    return {"file": saved.path.name, "members": members, "size": saved.size, "sha256": saved.sha256}


# --- insights and jobs ------------------------------------------------------------------------------------


async def price_insight(client: PixxelClient, work: Work, *, insight: Insight, block: Block) -> float:
    """Price in tokens of the block's run over this AOI."""
    wanted = await _insight_inputs(client, work, insight, block)
    answer = await client.insights.estimate(work.id("aoi"), block=block.ref, input=wanted)
    return known(answer.estimate, f"estimate of block {block.name} has no price")


async def create_insight(
    client: PixxelClient, work: Work, *, insight: Insight, block: Block, project_id: str, run_id: str
) -> Facts:
    """Create a run of the block over the AOI; its metadata identify row and run."""
    made = await client.insights.create(
        work.id("aoi"),
        block=block.ref,
        input=await _insight_inputs(client, work, insight, block),
        name=_name(work, run_id),
        project_id=project_id,
        metadata={"pixxel_async": f"{run_id}:{work.row}:{insight.label}"},
    )
    return {"id": made.id}


async def _insight_inputs(client: PixxelClient, work: Work, insight: Insight, block: Block) -> list[DataType]:
    """The block's inputs with values; a raster without a value gets the AOI's newest mosaic, or image."""
    values = insight.values(work.properties)
    filled = []
    for described in block.inputs:
        wanted = DataType(**described)
        name = known(wanted.name, f"block {block.name} has an input without a name")
        if name in values:
            wanted.value = values[name]
        elif wanted.format == "raster":
            asset = max(await _images(client, work.id("aoi")), key=lambda asset: (asset.date or "", asset.id))
            wanted.stac_url = await _stac_url(client, block, work.facts["images"]["item_ids"][0])
            # The value of the vendor's example; we assume the same for a single image.
            wanted.asset_source = AssetSource(id=asset.id, type="raw_mosaic")
        else:
            raise InvalidInput(f"{insight.label}: the block's input {name!r} has no value: add it to inputs")
        filled.append(wanted)
    return filled


async def _stac_url(client: PixxelClient, block: Block, item_id: str) -> str:
    """URL of an image's STAC item, from its own link."""
    item = await client.archives.item(block.collection_id, item_id)
    link = next((link.href for link in item.links or [] if link.rel == "self"), None)
    return urljoin(client.base_url, known(link, f"STAC item {item_id} has no link to itself"))


async def wait_insight(client: PixxelClient, work: Work, *, stage: str, waiting: Waiting) -> Facts:
    """Wait until it is computed."""
    done = await client.insights.wait(work.id("aoi"), work.id(stage), **waiting)
    return {"cost": done.cost}


async def fetch_insight(
    client: PixxelClient, work: Work, *, stage: str, unzip: bool, waiting: Waiting
) -> Facts:
    """Wait for its package and fetch it."""
    package = client.insights.wait_download(work.id("aoi"), work.id(stage), **waiting)
    name = file_name(stage, ".zip")
    return _fetched(await package.save(work.folder, filename=name, overwrite=True, unzip=unzip))


async def price_job(client: PixxelClient, work: Work, *, job: Job, workflows: Mapping[str, str]) -> float:
    """Price in tokens of a job of the workflow."""
    workflow_id = _workflow(work, job, workflows)
    answer = await client.workflows.estimate(workflow_id)
    return known(answer.estimated_cost, f"estimate of workflow {workflow_id} has no price")


async def create_job(
    client: PixxelClient, work: Work, *, job: Job, workflows: Mapping[str, str], project_id: str
) -> Facts:
    """Create a job of the workflow."""
    made = await client.jobs.create(_workflow(work, job, workflows), project_id=project_id)
    return {"id": made.id, "tokens": made.cost}


async def wait_job(
    client: PixxelClient,
    work: Work,
    *,
    stage: str,
    job: Job,
    workflows: Mapping[str, str],
    waiting: Waiting,
) -> Facts:
    """Wait until it has ended."""
    done = await client.jobs.wait(_workflow(work, job, workflows), work.id(stage), **waiting)
    return {"cost": done.cost}


async def fetch_job(
    client: PixxelClient,
    work: Work,
    *,
    stage: str,
    job: Job,
    workflows: Mapping[str, str],
    unzip: bool,
    waiting: Waiting,
) -> Facts:
    """Wait for its package and fetch it."""
    package = client.jobs.wait_download(_workflow(work, job, workflows), work.id(stage), **waiting)
    name = file_name(stage, ".zip")
    return _fetched(await package.save(work.folder, filename=name, overwrite=True, unzip=unzip))


def _workflow(work: Work, job: Job, workflows: Mapping[str, str]) -> str:
    return workflow_id(job, job.of(work.properties), workflows)


# --- orders -----------------------------------------------------------------------------------------------


async def price_order(
    client: PixxelClient, work: Work, *, order: Order, project_id: str, run_id: str
) -> float:
    """Price of the order in tokens, from a dry run."""
    item = await _order_item(work, order, project_id, run_id)
    answer = await client.orders.create(order_items=[item], dry_run=True)
    return known(answer.total_amount, "dry run has no price")


async def create_order(
    client: PixxelClient, work: Work, *, order: Order, project_id: str, run_id: str
) -> Facts:
    """Create an order of the row's images."""
    item = await _order_item(work, order, project_id, run_id)
    placed = await client.orders.create(order_items=[item])
    return {"id": placed.id, "tokens": placed.total_amount}


async def _order_item(work: Work, order: Order, project_id: str, run_id: str) -> OrderItemCreate:
    area = dict(work.geometry)
    return await with_area(
        area,
        lambda: OrderItemCreate(
            project_id=project_id,
            name=_name(work, run_id)[-100:],
            geometry=area,
            item_ids=work.facts["images"]["item_ids"],
            usecase=order.usecase,
        ),
    )


async def list_order_items(client: PixxelClient, work: Work) -> Facts:
    """List the items of the order; waits and deliveries need their ids."""
    placed = await client.orders.get(work.id("order"))
    fault = f"order {work.id('order')} has an item without an id"
    ids = [known(item.id, fault) for item in placed.order_items or []]
    if not ids:
        raise SchemaError(f"the order {work.id('order')} has no items")
    return {"ids": ids, "cost": placed.total_amount}


async def wait_order(client: PixxelClient, work: Work, *, waiting: Waiting) -> Facts:
    """Wait until all its items are ready."""
    partial = False
    for id in work.facts["order items"]["ids"]:
        wait = client.order_items.wait(id, **waiting)
        await wait
        partial = partial or wait.phase is Phase.PARTIAL
    return {"partial": partial}


async def create_delivery(client: PixxelClient, work: Work, *, delivery: Delivery, store_id: str) -> Facts:
    """Create a delivery of the order's images to the store."""
    cloud = CloudDelivery(config=store_id, path=delivery.path)
    request = DeliveryRequest(order_item_ids=work.facts["order items"]["ids"], cloud_info=cloud)
    made = await client.deliveries.create(deliveries=[request])
    ids = [each.delivery_id for each in made]
    return {"id": ids[0] if ids else None, "ids": ids}


async def wait_delivery(client: PixxelClient, work: Work, *, waiting: Waiting) -> Facts:
    """Wait until the images are in the store."""
    for id in work.facts["delivery"]["ids"]:
        await client.deliveries.wait(id, **waiting)
    return {}


async def request_images(client: PixxelClient, work: Work) -> Facts:
    """Request the order's images in one package. A second package costs nothing."""
    package = await client.catalogs.request_download(order_item_ids=work.facts["order items"]["ids"])
    return {"id": package.id}


async def fetch_images(client: PixxelClient, work: Work, *, unzip: bool, waiting: Waiting) -> Facts:
    """Wait for that package and fetch it."""
    package = client.catalogs.wait_download(work.id("package"), **waiting)
    name = file_name(work.folder.name, ".zip")
    return _fetched(await package.save(work.folder, filename=name, overwrite=True, unzip=unzip))
