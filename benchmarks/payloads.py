"""The responses of the bench server: one AOI, a long listing, and a page of STAC items. All runs have the same bytes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from math import atan2
from typing import Any

import orjson

AOIS = 10_000
PAGE = 100
VERTICES = 50
ITEMS = 100
ASSETS = 10
BANDS = 20
START = datetime(2026, 1, 1, tzinfo=UTC)


def aoi(number: int) -> dict[str, Any]:
    """One AOI with a ring of `VERTICES` vertices, as in the response of GET /v0/aoi/{aoi_id}."""
    rng = random.Random(number)
    lon, lat = rng.uniform(-179, 179), rng.uniform(-80, 80)
    ring = [[lon + rng.uniform(0, 0.1), lat + rng.uniform(0, 0.1)] for _ in range(VERTICES - 1)]
    ring.sort(key=lambda point: atan2(point[1] - lat - 0.05, point[0] - lon - 0.05))  # around its middle
    created = (START + timedelta(seconds=number)).isoformat()
    return {
        "aoi_id": f"aoi-{number:06}",
        "name": f"field {number}",
        "description": "one of many",
        "satellite_id": "0002a3a3-00a2-4b55-842b-44d8202c6d60",
        "project_id": "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a01",
        "images": {"scene": {"id": f"scene-{number}"}},
        "eo_bands": ["B02", "B03", "B04", "B08"],
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "progress": 100,
        "status": "success",
        "is_favourite": False,
        "created_at": created,
        "updated_at": created,
        "user_id": "user-1",
        "area_in_sq_m": 123456.75,
        "centroid": [lon, lat],
    }


def aoi_page(rows: list[bytes], offset: int, limit: int) -> bytes:
    """A page of the listing of `AOIS` AOIs, joined from rows that are JSON already."""
    pagination = {"limit": limit, "offset": offset, "total": AOIS}
    return b'{"aois":[%b],"pagination":%b}' % (
        b",".join(rows[offset : offset + limit]),
        orjson.dumps(pagination),
    )


def stac_item(number: int) -> dict[str, Any]:
    """One STAC item with `ASSETS` assets of `BANDS` bands each."""
    bands = [
        {"name": f"B{band:03}", "center_wavelength": 400 + 5 * band, "fwhm": 5.5, "solar_irradiance": 1900.25}
        for band in range(BANDS)
    ]
    asset = {
        "href": "https://storage.example/file.tif",
        "type": "image/tiff",
        "roles": ["data"],
        "title": "bands",
        "eo:bands": bands,
        "raster:bands": [{"scale": 0.00002, "nodata": 0, "offset": 0, "spatial_resolution": 30}],
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"TD1_{number:06}_20260401_L2A_20260504_03001069",
        "collection": "pixxel-td-l2a",
        "bbox": ["77.50", "12.90", "77.60", "13.00"],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[77.5, 12.9], [77.6, 12.9], [77.6, 13.0], [77.5, 13.0], [77.5, 12.9]]],
        },
        "properties": {
            "datetime": (START + timedelta(hours=number)).isoformat(),
            "created": "2026-05-04T00:00:00Z",
            "constellation": "TD1",
            "platform": "TD1",
            "instruments": ["VNIR"],
            "gsd": 30,
            "eo:cloud_cover": 4.5,
            "view:off_nadir": 5,
            "proj:code": "EPSG:32643",
            "proj:shape": [400, 400],
            "rd:product_level": "L2A",
            "rd:type": "Reflectance",
        },
        "assets": {f"B{asset_number:03}": asset for asset_number in range(ASSETS)},
        "links": [{"rel": "self", "href": "https://api.example/item"}],
    }


def stac_page() -> bytes:
    """One page of `ITEMS` STAC items."""
    return orjson.dumps(
        {"type": "FeatureCollection", "features": [stac_item(n) for n in range(ITEMS)], "links": []}
    )
