"""Areas and distances on the Earth as a sphere, which shapely does not support."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from pixxel_async.sandbox._world.geometry import Floats, polygons_of, shape_of

_RADIUS = 6_371_007.2
"""Radius in metres of the sphere with the Earth's surface area."""


def area_m2(geometry: dict[str, Any]) -> float:
    """Area in m² of any GeoJSON with polygons, without holes; overlaps count once."""
    return sum(
        _ring_area(polygon.exterior) - sum(map(_ring_area, polygon.interiors))
        for polygon in polygons_of(shape_of(geometry))
    )


def most_distant_gap_km(geometry: dict[str, Any]) -> float:
    """The widest gap between a polygon and its nearest neighbour, between corners, in km; 0 for a single one."""
    polygons = polygons_of(shape_of(geometry))
    if len(polygons) < 2:
        return 0.0
    corners = [np.radians(shapely.get_coordinates(polygon.exterior)) for polygon in polygons]
    return max(
        min(_nearest_km(own, other) for place, other in enumerate(corners) if place != index)
        for index, own in enumerate(corners)
    )


def _ring_area(ring: shapely.LinearRing) -> float:
    lon, lat = np.radians(shapely.get_coordinates(ring)).T
    heights = 2 + np.sin(lat[:-1]) + np.sin(lat[1:])
    return abs(float(np.sum(np.diff(lon) * heights))) * _RADIUS**2 / 2


def _nearest_km(a: Floats, b: Floats) -> float:
    lon, lat = a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]
    chord = np.sin(lat / 2) ** 2 + np.cos(a[:, None, 1]) * np.cos(b[None, :, 1]) * np.sin(lon / 2) ** 2
    return float(2 * _RADIUS / 1000 * np.arcsin(np.sqrt(chord.min())))
