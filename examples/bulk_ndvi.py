"""An NDVI picture of every field in a GeoJSON file, four fields at a time; what fails for one stops no other.

    python examples/bulk_ndvi.py examples/fields.geojson pictures

`pixxel bulk run` does more (packages, a report, a display); this is how to write such a thing with the client alone.
Settings come from the environment; to try it without an account, run `pixxel sandbox` and set the two variables that it
prints.
"""
# ruff: noqa: T201 - a program that talks on the terminal

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pixxel_async import OutcomeUnknown, PixxelClient, PixxelError
from pixxel_async.models import SearchFilter, SearchSatellite

AT_A_TIME = 4


class Target(NamedTuple):
    """Ids that all fields share."""

    satellite_id: str
    collection_id: str
    provider: str
    project_id: str
    index_id: str


async def find_target(client: PixxelClient) -> Target:
    """Sentinel-2, its only collection, its NDVI, and the first project."""
    [satellite] = [each for each in await client.satellites.list() if each.name == "Sentinel-2"]
    [collection] = satellite.collections or []
    [project] = await client.projects.list(limit=1)
    [ndvi] = [each for each in await client.indices.list(satellite_id=satellite.id) if each.name == "NDVI"]
    return Target(satellite.id, collection.id, collection.provider or "planetary", project.id, ndvi.id)


async def picture(client: PixxelClient, target: Target, name: str, geometry: Any) -> bytes:
    """Search, create an AOI of the newest clear image, wait, render, wait, draw."""
    now = datetime.now(UTC)
    images = await client.search.images(
        start_date=now - timedelta(days=90),
        end_date=now,
        satellites=[SearchSatellite(collection_id=target.collection_id, satellite_id=target.satellite_id)],
        geometry=geometry,
        filters=[SearchFilter(id="eo:cloud_cover", min=0, max=20)],
    )
    dated = [  # of an answer only ids are certain, anything else may be None
        (image.properties.datetime, image.id)
        for image in images
        if image.properties and image.properties.datetime
    ]
    if not dated:
        raise PixxelError("no clear image in 90 days")
    taken, newest = max(dated)
    aoi = await client.aois.create(
        name=f"{name} {time.time_ns():x}",  # the API takes each name once
        description="NDVI",
        satellite_id=target.satellite_id,
        provider=target.provider,
        project_id=target.project_id,
        geometry=geometry,
        item_ids=[newest],
    )
    await client.aois.wait(aoi.aoi_id)
    visualization = await client.visualizations.create(aoi.aoi_id, index_id=target.index_id)
    await client.visualizations.wait(aoi.aoi_id, visualization.id)
    return await client.visualizations.png(
        aoi.aoi_id,
        visualization.id,
        index_id=target.index_id,
        date=f"{taken:%Y_%m_%d}",
        visualization_mode="dynamic",
    )


async def main(fields: Path, out: Path) -> int:
    """Exit code: 0 when every field has its picture, 1 otherwise."""
    features = json.loads(await asyncio.to_thread(fields.read_text, "utf-8"))["features"]
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    gate = asyncio.Semaphore(AT_A_TIME)

    async with PixxelClient() as client:
        target = await find_target(client)

        async def one(feature: dict[str, Any]) -> bool:
            name = feature["properties"]["name"]
            try:
                async with gate:
                    png = await picture(client, target, name, feature["geometry"])
            except OutcomeUnknown as error:
                print(f"{name}: look before you run this again: {error}")
                return False
            except PixxelError as error:  # anything else is a bug, and stops the run
                print(f"{name}: {error}")
                return False
            await asyncio.to_thread((out / f"{name}.png").write_bytes, png)
            print(f"{name}: {len(png)} bytes")
            return True

        async with asyncio.TaskGroup() as group:  # ends as a whole: Ctrl-C leaves nothing running
            tasks = [group.create_task(one(feature)) for feature in features]
    return 0 if all(task.result() for task in tasks) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fields", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.fields, given.out)))
