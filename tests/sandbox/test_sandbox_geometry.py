"""GeoJSON as the sandbox reads it, measured against cases worked out by hand and against GDAL."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import geometry_mask

from pixxel_async.sandbox._world.geometry import on_map, raster, rectangle, shape_of

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
HOLE = [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]
ISLAND = [[1.5, 1.5], [2.5, 1.5], [2.5, 2.5], [1.5, 2.5], [1.5, 1.5]]
BOW = [[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]
HALVES = np.arange(0.25, 4, 0.5)


def covered(geometry: dict[str, Any]) -> list[str]:
    """The covered ones of 8 × 8 points, drawn with the north on top."""
    points = raster(shape_of(geometry), HALVES, HALVES[::-1])
    return ["".join("#" if point else "." for point in row) for row in points]


def feature(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": None}


def test_holes_and_islands():
    geometry = {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [ISLAND]]}
    assert covered(geometry) == [
        "########",
        "########",
        "##....##",
        "##.##.##",
        "##.##.##",
        "##....##",
        "########",
        "########",
    ]


def test_crossed_lines_bound_every_second_part():
    """A polygon like a bow tie is two triangles, as a program that draws it would fill it."""
    assert covered({"type": "Polygon", "coordinates": [BOW]}) == [
        "#......#",
        "##....##",
        "###..###",
        "########",
        "########",
        "###..###",
        "##....##",
        "#......#",
    ]


def test_features_that_overlap_are_covered_together():
    """None of them takes anything away from another, and points and lines between them cover nothing."""
    parts = [
        {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
        {"type": "Polygon", "coordinates": [ISLAND]},
        {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
        {"type": "Point", "coordinates": [1.25, 1.3]},
    ]
    together = {"type": "FeatureCollection", "features": [feature(part) for part in parts]}
    apart = {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [ISLAND]]}
    assert covered(together) == covered(apart)


def test_heights_do_not_matter():
    """Positions may have any numbers after longitude and latitude, and not all of them as many."""
    high = [[*position, *range(number)] for number, position in enumerate(SQUARE)]
    assert covered({"type": "Polygon", "coordinates": [high]}) == ["#" * 8] * 8


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": "10"},
        {"type": "Point", "coordinates": [10]},
        {"type": "Point", "coordinates": [10, None]},
        {"type": "Point", "coordinates": [10**400, 1]},
        {"type": "Point", "coordinates": {"lon": 1, "lat": 1}},
        {"type": "LineString", "coordinates": [[1, 1]]},
        {"type": "Polygon", "coordinates": SQUARE},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Triangle", "coordinates": [SQUARE]},
        {"type": 3, "coordinates": [1, 1]},
        {"type": "Feature", "geometry": None},
        {"type": "FeatureCollection", "features": []},
        {"type": "GeometryCollection", "geometries": [{"type": "Nothing"}]},
        {"coordinates": [1, 1]},
    ],
)
def test_what_is_no_geometry_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"not a GeoJSON geometry|no positions"):
        shape_of(value)


def test_endless_nest_is_a_value_error():
    nest: list[Any] = []
    for _ in range(5_000):
        nest = [nest]
    with pytest.raises(ValueError, match="not a GeoJSON geometry"):
        shape_of({"type": "Polygon", "coordinates": nest})


@pytest.mark.parametrize(
    ("box", "bounds"),
    [
        ((10, 1, 12, 2), [(10, 1, 12, 2)]),
        ((179, 1, -179, 2), [(179, 1, 181, 2), (-181, 1, -179, 2)]),
        ((-180, 1, -179, 2), [(-180, 1, -179, 2), (180, 1, 181, 2)]),
        ((10, 1, 10, 1), [(10, 1, 10, 1)]),
        ((10, 1, 10, 2), [(10, 1, 10, 2)]),
    ],
)
def test_area_lies_on_the_map_once_or_on_both_edges(box, bounds):
    assert [copy.bounds for copy in on_map(rectangle(*box))] == bounds


@settings(max_examples=100)
@given(
    radii=st.lists(st.floats(0.2, 3), min_size=3, max_size=12),
    west=st.floats(-4, 1),
    step=st.floats(0.05, 0.4),
)
def test_raster_agrees_with_gdal(radii, west, step):
    """Stars of any form with a hole, burnt onto the same pixels; but for pixels whose middle is a hair from an edge."""
    turns = [math.tau * number / len(radii) for number in range(len(radii))]
    tips = [[r * math.cos(turn), r * math.sin(turn)] for r, turn in zip(radii, turns, strict=True)]
    hole = [[0.01, 0.02], [0.06, 0.02], [0.03, -0.07], [0.01, 0.02]]
    star = {"type": "Polygon", "coordinates": [[*tips, tips[0]], hole]}
    xs, ys = west + step * (np.arange(24) + 0.5), 3 - step * (np.arange(30) + 0.5)
    pixels = Affine(step, 0, west, 0, -step, 3)
    mine = raster(shape_of(star), xs, ys)
    burnt = geometry_mask([star], (len(ys), len(xs)), pixels, invert=True)
    for row, column in np.argwhere(mine != burnt):
        assert edge_distance(star, xs[column], ys[row]) < 1e-6


def edge_distance(polygon: dict[str, Any], x: float, y: float) -> float:
    """From a point to the nearest edge."""
    nearest = math.inf
    for ring in polygon["coordinates"]:
        for (ax, ay), (bx, by) in itertools.pairwise(ring):
            length = math.hypot(bx - ax, by - ay)
            along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length**2 if length else 0.0
            along = min(max(along, 0.0), 1.0)
            nearest = min(nearest, math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)))
    return nearest
