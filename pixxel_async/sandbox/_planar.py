"""Plane geometry in longitude and latitude: what a GeoJSON geometry covers, touches and contains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]


@attrs.frozen
class Shape:
    """A GeoJSON geometry as arrays: polygons as rings, and every edge, line and point as a segment."""

    polygons: tuple[tuple[Floats, ...], ...]
    """Rings of each polygon, outer ring first, as arrays of (longitude, latitude) rows; closed."""
    segments: Floats
    """One row (x0, y0, x1, y1) per edge; a point is a segment of no length."""

    bounds: Bounds = attrs.field(init=False)
    """West, south, east and north in degrees."""

    @bounds.default
    def _bounds(self) -> Bounds:
        xs, ys = self.segments[:, 0::2], self.segments[:, 1::2]
        return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())

    def contains(self, x: float, y: float) -> bool:
        """Whether the point lies in a polygon and not in one of its holes."""
        return any(self._crossings(rings, x, y) % 2 == 1 for rings in self.polygons)

    def touches(self, convex: Floats) -> bool:
        """Whether anything of the geometry lies in a convex polygon, whose corners run counter-clockwise."""
        west, south, east, north = self.bounds
        (left, low), (right, high) = convex.min(axis=0), convex.max(axis=0)
        if right < west or left > east or high < south or low > north:
            return False
        return self.crosses(convex) or self.contains(float(convex[0, 0]), float(convex[0, 1]))

    def crosses(self, convex: Floats) -> bool:
        """Whether an edge, line or point of the geometry lies in a convex polygon (Cyrus–Beck clipping)."""
        sides = np.roll(convex, -1, axis=0) - convex
        inward = np.stack([-sides[:, 1], sides[:, 0]])
        level = np.sum(inward.T * convex, axis=1)
        start = self.segments[:, :2] @ inward - level
        stop = self.segments[:, 2:] @ inward - level
        outside = np.any((start < 0) & (stop < 0), axis=1)
        if outside.all():
            return False
        start, stop = start[~outside], stop[~outside]
        with np.errstate(divide="ignore", invalid="ignore"):
            at = start / (start - stop)
        enters = np.where(start < 0, at, 0.0).max(axis=1)
        leaves = np.where(stop < 0, at, 1.0).min(axis=1)
        return bool(np.any(enters <= leaves))

    def within(self, convex: Floats) -> bool:
        """Whether all of the geometry lies in a convex polygon, whose corners run counter-clockwise."""
        sides = np.roll(convex, -1, axis=0) - convex
        inward = np.stack([-sides[:, 1], sides[:, 0]])
        return bool(np.all(self.segments[:, :2] @ inward >= np.sum(inward.T * convex, axis=1)))

    def raster(self, xs: Floats, ys: Floats) -> NDArray[np.bool_]:
        """Which points of a grid lie in the polygons: one row per latitude, one column per longitude.

        `xs` rises from west to east; `ys` may run either way.
        """
        covered = np.zeros((len(ys), len(xs)), dtype=bool)
        for rings in self.polygons:
            covered |= _even_odd(rings, xs, ys)
        return covered

    @staticmethod
    def _crossings(rings: tuple[Floats, ...], x: float, y: float) -> int:
        count = 0
        for ring in rings:
            x0, y0, x1, y1 = ring[:-1, 0], ring[:-1, 1], ring[1:, 0], ring[1:, 1]
            spans = (y0 <= y) != (y1 <= y)
            x0, y0, x1, y1 = x0[spans], y0[spans], x1[spans], y1[spans]
            count += int(np.count_nonzero(x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x))
        return count


def shape_of(value: Mapping[str, Any]) -> Shape:
    """Read any GeoJSON geometry, feature or feature collection.

    Raises:
        ValueError: there is no position in it, or its type is unknown.
    """
    polygons: list[tuple[Floats, ...]] = []
    segments: list[Floats] = []
    for geometry in _simple_geometries(value):
        kind, coordinates = geometry["type"], geometry["coordinates"]
        if kind == "Point":
            segments.append(_edges(np.array([coordinates[:2]] * 2, dtype=float)))
        elif kind == "LineString":
            segments.append(_edges(_positions(coordinates)))
        elif kind == "Polygon":
            rings = tuple(_positions(ring) for ring in coordinates)
            polygons.append(rings)
            segments.extend(_edges(ring) for ring in rings)
        else:
            raise ValueError(f"not a GeoJSON geometry: {kind!r}")
    if not segments:
        raise ValueError("the geometry has no positions")
    return Shape(tuple(polygons), np.concatenate(segments))


def rectangle(west: float, south: float, east: float, north: float) -> Shape:
    """The area of a bounding box; one whose east is less than its west crosses the antimeridian."""
    if east < west:
        east += 360
    ring = np.array([[west, south], [east, south], [east, north], [west, north], [west, south]], dtype=float)
    return Shape(((ring,),), _edges(ring))


def _simple_geometries(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The points, lines and polygons that anything in GeoJSON is made of."""
    kind = value.get("type")
    if kind == "FeatureCollection":
        for feature in value["features"]:
            yield from _simple_geometries(feature)
    elif kind == "Feature":
        yield from _simple_geometries(value["geometry"])
    elif kind == "GeometryCollection":
        for geometry in value["geometries"]:
            yield from _simple_geometries(geometry)
    elif isinstance(kind, str) and kind.startswith("Multi"):
        for coordinates in value["coordinates"]:
            yield {"type": kind.removeprefix("Multi"), "coordinates": coordinates}
    else:
        yield value


def _positions(coordinates: Sequence[Sequence[float]]) -> Floats:
    return np.array([position[:2] for position in coordinates], dtype=float)


def _edges(positions: Floats) -> Floats:
    return np.hstack([positions[:-1], positions[1:]])


def _even_odd(rings: tuple[Floats, ...], xs: Floats, ys: Floats) -> NDArray[np.bool_]:
    """Each edge flips all points east of it, on the rows that it spans; an odd number of flips is inside."""
    flips = np.zeros((len(ys), len(xs) + 1), dtype=np.uint8)
    for ring in rings:
        for x0, y0, x1, y1 in _edges(ring).tolist():
            rows = np.flatnonzero((ys >= min(y0, y1)) & (ys < max(y0, y1)))
            if len(rows):
                crossing = x0 + (ys[rows] - y0) * (x1 - x0) / (y1 - y0)
                flips[rows, np.searchsorted(xs, crossing)] ^= 1
    inside: NDArray[np.bool_] = np.bitwise_xor.accumulate(flips[:, :-1], axis=1).view(np.bool_)
    return inside
