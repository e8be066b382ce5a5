"""Areas, centres and distances on the Earth taken as a sphere, and what makes a polygon one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pixxel_async.sandbox._refusal import Refusal, bad_request

_RADIUS = 6_371_007.2
"""Radius in metres of the sphere that has the Earth's surface."""


def area_m2(geometry: dict[str, Any]) -> float:
    """Area of a Polygon or MultiPolygon in m², holes taken off."""
    return sum(
        _ring_area(rings[0]) - sum(_ring_area(hole) for hole in rings[1:]) for rings in polygons(geometry)
    )


def centroid(geometry: dict[str, Any]) -> list[float]:
    """Centre of the first polygon's outline as [lon, lat]."""
    ring = next(polygons(geometry))[0]
    x0, y0 = ring[0][0], ring[0][1]
    doubled = sum_x = sum_y = 0.0
    for (ax, ay, *_), (bx, by, *_) in itertools.pairwise(ring):
        ax, ay, bx, by = ax - x0, ay - y0, bx - x0, by - y0  # near the origin, so that little is cancelled
        cross = ax * by - bx * ay
        doubled += cross
        sum_x += (ax + bx) * cross
        sum_y += (ay + by) * cross
    return [round(x0 + sum_x / (3 * doubled), 7), round(y0 + sum_y / (3 * doubled), 7)]


def most_distant_gap_km(geometry: dict[str, Any]) -> float:
    """The widest gap between a polygon and its nearest neighbour, corner to corner in km; 0 for a single one."""
    corners = [np.radians(np.array([p[:2] for p in rings[0]])) for rings in polygons(geometry)]
    if len(corners) < 2:
        return 0.0
    gaps = [
        min(_nearest_km(own, other) for place, other in enumerate(corners) if place != index)
        for index, own in enumerate(corners)
    ]
    return max(gaps)


def polygons(geometry: dict[str, Any]) -> Iterator[list[list[list[float]]]]:
    """The polygons of a Polygon, MultiPolygon, Feature or FeatureCollection, each a list of rings."""
    kind = geometry["type"]
    if kind == "FeatureCollection":
        for feature in geometry["features"]:
            yield from polygons(feature["geometry"])
    elif kind == "MultiPolygon":
        yield from geometry["coordinates"]
    else:
        yield geometry["coordinates"]


def require_polygon(geometry: dict[str, Any], where: str, *, multi: bool = False) -> None:
    """Refuse what JSON Schema cannot: open rings, positions off the Earth, polygons without area.

    Raises:
        Refusal: 400 that names the place.
    """
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    kinds = ("Polygon", "MultiPolygon") if multi else ("Polygon",)
    if kind not in kinds:
        raise bad_request(f"{where}.type: must be {' or '.join(kinds)}", {"type": kind})
    if not isinstance(coordinates, list) or not coordinates:
        raise _no_polygon(f"{where}.coordinates", "has no rings")
    for index, rings in enumerate(coordinates if kind == "MultiPolygon" else [coordinates]):
        place = f"{where}.coordinates" + (f"[{index}]" if kind == "MultiPolygon" else "")
        if not isinstance(rings, list) or not rings:
            raise _no_polygon(place, "has no rings")
        for number, ring in enumerate(rings):
            _require_ring(ring, f"{place}[{number}]")


def _require_ring(ring: Any, where: str) -> None:
    if not isinstance(ring, list) or len(ring) < 4:
        raise _no_polygon(where, "a ring has at least four positions")
    for index, position in enumerate(ring):
        if not _is_position(position):
            raise _no_polygon(f"{where}[{index}]", "a position is [lon, lat] in degrees")
    if ring[0][:2] != ring[-1][:2]:
        raise _no_polygon(where, "the ring is not closed")
    if _ring_area(ring) < 1e-3:
        raise _no_polygon(where, "the ring has no area")


def _no_polygon(where: str, fault: str) -> Refusal:
    return bad_request(f"{where}: {fault}", [{"path": where, "message": fault}])


def _is_position(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in value)
        and -180 <= value[0] <= 180
        and -90 <= value[1] <= 90
    )


def _ring_area(ring: list[list[float]]) -> float:
    total = 0.0
    for a, b in itertools.pairwise(ring):
        total += math.radians(b[0] - a[0]) * (2 + math.sin(math.radians(a[1])) + math.sin(math.radians(b[1])))
    return abs(total) * _RADIUS**2 / 2


def _nearest_km(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    lon, lat = a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]
    chord = np.sin(lat / 2) ** 2 + np.cos(a[:, None, 1]) * np.cos(b[None, :, 1]) * np.sin(lon / 2) ** 2
    return float(2 * _RADIUS / 1000 * np.arcsin(np.sqrt(chord.min())))
