"""The fields of the demonstration: real places, in GeoJSON that any reader takes."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from pixxel_async.bulk import open_source
from pixxel_async.sandbox._world.scenes import Archive

PATH = Path(__file__).parents[2] / "examples" / "fields.geojson"
FEATURES = json.loads(PATH.read_text("utf-8"))["features"]
NAMES = [feature["properties"]["name"] for feature in FEATURES]


def km2(geometry: dict) -> float:
    shape = shapely.geometry.shape(geometry)
    return float(shape.area * 111.32**2 * np.cos(np.radians(shape.centroid.y)))


def test_twelve_places_with_names_of_their_own():
    assert len(FEATURES) == 12
    assert len(set(NAMES)) == 12
    assert len({feature["properties"]["continent"] for feature in FEATURES}) >= 5
    for feature in FEATURES:
        assert all(feature["properties"][key] for key in ("crop", "region", "country"))


@pytest.mark.parametrize("feature", FEATURES, ids=NAMES)
def test_geometry_follows_the_rfc(feature):
    """RFC 7946: closed rings, outer ones counter-clockwise, holes clockwise, longitude first; size of a farm."""
    geometry = feature["geometry"]
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for outer, *holes in polygons:
        assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in (outer, *holes))
        assert shapely.LinearRing(outer).is_ccw
        assert not any(shapely.LinearRing(hole).is_ccw for hole in holes)
    assert shapely.geometry.shape(geometry).is_valid
    assert 0.5 <= km2(geometry) <= 20
    assert feature["properties"]["hectares"] == pytest.approx(100 * km2(geometry), rel=0.02)


def test_kinds_of_polygons():
    """With and without holes, and one in two parts, so that the demonstration shows them all."""
    assert [feature["geometry"]["type"] for feature in FEATURES].count("MultiPolygon") == 1
    holes = [len(feature["geometry"]["coordinates"]) - 1 for feature in FEATURES]
    assert 0 in holes
    assert max(holes) >= 2


def test_bulk_reader_takes_them():
    """Thirteen AOIs: the one in two parts becomes two."""
    in_parts = "nile-delta-kafr-el-sheikh"
    expected = [
        part for name in NAMES for part in ([f"{name}-1", f"{name}-2"] if name == in_parts else [name])
    ]
    assert expected == [field.name for field in open_source(PATH).read()]


@pytest.mark.parametrize("feature", FEATURES, ids=NAMES)
def test_sandbox_has_clear_scenes_of_all_of_it(feature):
    """From every collection, within any two months."""
    now = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    archive = Archive(now=lambda: now)
    for collection in ("sentinel-2-l2a", "pixxel-td-l2a", "pixxel-dd2"):
        scenes, _ = archive.search(
            collections=[collection],
            geometry=feature["geometry"],
            start=now - dt.timedelta(days=60),
            max_cloud=20,
        )
        assert scenes
        for scene in scenes:
            footprint = shapely.geometry.shape(scene.footprint)
            assert footprint.covers(shapely.geometry.shape(feature["geometry"]))
