"""Requests with large areas: their check does not hold up the event loop."""

from __future__ import annotations

import asyncio
import json
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import InvalidInput, PixxelClient
from pixxel_async.testing import FakeRequest, FakeTransport


def circle(vertices: int, *, lon: float = 77.0) -> list[list[float]]:
    ring = [
        [lon + 0.1 * cos(2 * pi * at / vertices), 12 + 0.1 * sin(2 * pi * at / vertices)]
        for at in range(vertices)
    ]
    return [*ring, ring[0]]


def polygon(vertices: int) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [circle(vertices)]}


def feature(vertices: int) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": polygon(vertices)}


def multipolygon(vertices: int) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": [[circle(vertices)]]}


def collection(vertices: int) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [feature(vertices)]}


def wkt(vertices: int) -> str:
    return f"POLYGON (({', '.join(f'{lon:.9f} {lat:.9f}' for lon, lat in circle(vertices))}))"


class Shape:
    """An object that does not say how large it is."""

    def __init__(self, vertices: int) -> None:
        self.__geo_interface__ = polygon(vertices)


async def create(client: PixxelClient, area: Any) -> None:
    await client.aois.create(
        name="n",
        description="d",
        satellite_id="s",
        provider="pixxel",
        project_id="p",
        geometry=area,
        item_ids=["i"],
    )


async def search(client: PixxelClient, area: Any) -> None:
    assert [] == await client.archives.search(intersects=area)


async def turns_of_others(area: Any, call: Any = create) -> int:
    """How often another task had its turn before the request was sent."""
    turns = 0
    seen: list[int] = []

    async def tick() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    def answer(request: FakeRequest) -> dict[str, Any]:
        seen.append(turns)
        return {"aoi_id": "a-1", "features": []}

    routes = {"POST /v0/aois": answer, "POST /v0/archives/search": answer}
    async with PixxelClient(transport=FakeTransport(routes)) as client:
        other = asyncio.create_task(tick())
        await asyncio.sleep(0)
        turns = 0
        await call(client, area)
        other.cancel()
    return seen[0]


@pytest.mark.parametrize("form", [polygon, feature, multipolygon, collection, wkt])
@pytest.mark.parametrize("call", [create, search])
async def test_only_a_large_area_is_checked_in_a_thread(form: Any, call: Any) -> None:
    assert 0 == await turns_of_others(form(1000), call)
    assert 0 < await turns_of_others(form(5000), call)


async def test_a_file_and_an_object_of_unknown_size_are_read_in_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "field.geojson"
    path.write_text(json.dumps(polygon(9)))
    for area in (path, str(path), Shape(9)):
        assert 0 < await turns_of_others(area)


@pytest.mark.parametrize("call", [create, search])
async def test_a_fault_of_a_large_area_is_raised_by_the_call(call: Any) -> None:
    broken = polygon(5000)
    broken["coordinates"][0][4000][1] = 99.0
    with pytest.raises(InvalidInput, match="vertex 4000: latitude 99"):
        await turns_of_others(broken, call)
