"""The steps of a bulk run, each a plain call or two of the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pixxel_async.bulk._recipe import Recipe
from pixxel_async.bulk._target import Target, known
from pixxel_async.client import PixxelClient
from pixxel_async.errors import PixxelError
from pixxel_async.models import (
    Asset,
    AssetStatus,
    AssetType,
    SearchFilter,
    SearchSatellite,
    STACItem,
    VisualizationMode,
)


async def find_scenes(
    client: PixxelClient, geometry: Mapping[str, Any], target: Target, recipe: Recipe
) -> list[str]:
    """Ids of the images of the newest days on which a polygon was clear enough, newest first.

    Raises:
        PixxelError: There is none.
    """
    found = await client.search.images(
        start_date=recipe.start,
        end_date=recipe.end,
        satellites=[SearchSatellite(collection_id=target.collection_id, satellite_id=target.satellite_id)],
        geometry=dict(geometry),
        filters=[SearchFilter(id="eo:cloud_cover", min=0, max=recipe.max_cloud)],
    )
    if not found:
        raise PixxelError(
            f"no image of {recipe.satellite} from {recipe.start:%Y-%m-%d} to before {recipe.end:%Y-%m-%d} "
            f"has at most {recipe.max_cloud} % cloud: widen the dates or allow more cloud"
        )
    newest = sorted(found, key=_taken, reverse=True)
    days = list(dict.fromkeys(_day(scene) for scene in newest))[: recipe.max_days]
    return [scene.id for scene in newest if _day(scene) in days]


def _taken(scene: STACItem) -> tuple[datetime, str]:
    """When an image was taken; its id makes the order certain."""
    taken = scene.properties.datetime if scene.properties else None
    return taken or datetime.min.replace(tzinfo=UTC), scene.id


def _day(scene: STACItem) -> date:
    return _taken(scene)[0].date()


async def create_aoi(
    client: PixxelClient,
    name: str,
    geometry: Mapping[str, Any],
    scene_ids: Sequence[str],
    target: Target,
    recipe: Recipe,
) -> str:
    """Start an AOI of these images; its id."""
    aoi = await client.aois.create(
        name=name,
        description=f"{recipe.index} by pixxel bulk run {recipe.run_id}",
        satellite_id=target.satellite_id,
        provider=target.provider,
        project_id=target.project_id,
        geometry=dict(geometry),
        item_ids=scene_ids,
    )
    return aoi.aoi_id


async def create_visualization(client: PixxelClient, aoi_id: str, target: Target) -> str:
    """Start picturing the index over the AOI's images; the visualization's id."""
    images = [
        asset
        for asset in await ready_assets(client, aoi_id)
        if asset.asset_type is not AssetType.VISUALIZATION
    ]
    mosaics = [asset for asset in images if asset.asset_type is AssetType.MOSAIC]
    visualization = await client.visualizations.create(
        aoi_id,
        index_id=target.index_id,
        # The vendor's schema lets these out, its guide wants them.
        src_asset_ids=[asset.id for asset in mosaics or images],
    )
    return visualization.id


async def ready_assets(client: PixxelClient, aoi_id: str) -> list[Asset]:
    """The files of an AOI that are finished.

    Raises:
        PixxelError: There is none.
    """
    assets = [asset for asset in await client.assets.list(aoi_id) if asset.status is AssetStatus.SUCCESS]
    if not assets:
        raise PixxelError(f"the AOI {aoi_id} has no finished file")
    return assets


async def draw_png(
    client: PixxelClient, aoi_id: str, visualization_id: str, assets: Sequence[Asset], target: Target
) -> bytes:
    """The index on the newest day of the visualization, as a PNG picture with its legend."""
    rendered = [asset for asset in assets if asset.visualization_id == visualization_id]
    days = [asset.date for asset in rendered or assets if asset.date]
    return await client.visualizations.png(
        aoi_id,
        visualization_id,
        index_id=target.index_id,
        date=known(max(days, default=None), "AOI's files have no date").replace("-", "_"),
        visualization_mode=VisualizationMode.DYNAMIC,
    )


async def request_package(client: PixxelClient, aoi_id: str, assets: Sequence[Asset]) -> str:
    """Ask for these files in one package; the download's id."""
    download = await client.downloads.create(aoi_id, asset_ids=[asset.id for asset in assets])
    return download.download_id
