"""GeoJSON geometries as shapely ones: on the map, which ends at the antimeridian, and on pixel grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]
"""West, south, east and north in degrees."""

_UNREADABLE = (
    ShapelyError,
    TypeError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""Errors from reading values that are not numbers, or too deeply nested lists."""


def shape_of(value: Mapping[str, Any]) -> BaseGeometry:
    """Read any GeoJSON geometry, feature or feature collection.

    The shape is valid: if lines of a polygon cross, the even-odd rule decides. Heights are ignored, and overlaps of
    features count once.

    Raises:
        ValueError: it has no positions, or is not GeoJSON.
    """
    try:
        read = _read(value)
    except _UNREADABLE as fault:
        raise ValueError("not a GeoJSON geometry") from fault
    if read.is_empty:
        raise ValueError("the geometry has no positions")
    return read


def rectangle(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """The area of a bounding box; one whose east is less than its west crosses the antimeridian."""
    return shapely.box(west, south, east + 360 if east < west else east, north)


def on_map(area: BaseGeometry) -> list[BaseGeometry]:
    """The area, and its copies 360° further east or west if these reach the map.

    They are prepared for many comparisons.
    """
    turned = [translate(area, turn) for turn in (0, -360, 360)]
    copies = [copy for copy in turned if copy.bounds[0] <= 180 and copy.bounds[2] >= -180]
    shapely.prepare(copies)
    return copies


def polygons_of(area: BaseGeometry) -> list[shapely.Polygon]:
    """The polygons of an area."""
    parts = shapely.get_parts(shapely.get_parts(area))  # crossed lines may have resulted in a collection
    return [part for part in parts if part.geom_type == "Polygon"]


def centroid(geometry: Mapping[str, Any]) -> list[float]:
    """Centre of a GeoJSON geometry as [lon, lat], rounded to a centimetre."""
    centre = shape_of(geometry).centroid
    return [round(centre.x, 7), round(centre.y, 7)]


def raster(area: BaseGeometry, xs: Floats, ys: Floats) -> NDArray[np.bool_]:
    """The points of a grid within an area: one row per latitude, one column per longitude."""
    shapely.prepare(area)
    inside: NDArray[np.bool_] = shapely.intersects_xy(area, *np.meshgrid(xs, ys))
    return inside


def without_heights(coordinates: Sequence[Any]) -> Sequence[Any]:
    """Positions of two numbers: shapely accepts at most three, and the same number for all."""
    if coordinates and isinstance(coordinates[0], list | tuple):
        return [without_heights(part) for part in coordinates]
    return coordinates[:2]


def _read(value: Mapping[str, Any]) -> BaseGeometry:
    if value["type"] == "FeatureCollection":
        return shapely.union_all([_read(feature) for feature in value["features"]])
    if value["type"] == "Feature":
        return _read(value["geometry"])
    if value["type"] == "GeometryCollection":
        return shapely.GeometryCollection([_read(geometry) for geometry in value["geometries"]])
    read = shape({"type": value["type"], "coordinates": without_heights(value["coordinates"])})
    return read if read.is_valid else shapely.make_valid(read)
