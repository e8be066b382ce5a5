"""Rules for polygons that JSON Schema cannot express: closed, on the Earth, with an area."""

from __future__ import annotations

from typing import Any

import shapely

from pixxel_async.sandbox._base.refusal import Refusal, bad_request
from pixxel_async.sandbox._world.geometry import without_heights

_NO_AREA = 1e-13
"""Square degrees, a thousandth of a square metre at the equator."""


def require_polygon(geometry: dict[str, Any], where: str, *, multi: bool = False) -> None:
    """Refuse open rings, positions off the Earth, and polygons without area.

    Raises:
        Refusal: 400 with the place.
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
    if shapely.Polygon(without_heights(ring)).area < _NO_AREA:
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
