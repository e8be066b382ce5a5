"""Reads well-known binary polygons of GIS files: ISO and extended WKB, without heights and measures."""

from __future__ import annotations

import struct
from typing import Any

_POLYGON, _MULTI = 3, 6
_KINDS = {
    1: "Point",
    2: "LineString",
    _POLYGON: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    _MULTI: "MultiPolygon",
    7: "GeometryCollection",
}
_EXTENDED_Z, _EXTENDED_M, _EXTENDED_SRID = 0x80000000, 0x40000000, 0x20000000


def from_wkb(data: Any) -> dict[str, Any]:
    """GeoJSON of a polygon or multipolygon; for other kinds only the name.

    Raises:
        ValueError: The data is not WKB, or is cut off.
    """
    if not isinstance(data, bytes):
        raise ValueError(f"not well-known binary, but a value of type {type(data).__name__}")
    try:
        geometry, _ = _geometry(data, 0)
    except struct.error:
        raise ValueError("not well-known binary, or cut off") from None
    return geometry


def _geometry(data: bytes, at: int, *, is_part: bool = False) -> tuple[dict[str, Any], int]:
    order = "<" if data[at : at + 1] == b"\x01" else ">"
    (code,) = struct.unpack_from(f"{order}I", data, at + 1)
    at += 9 if code & _EXTENDED_SRID else 5
    kind, dimensions = code & 0x0FFFFFFF, 2
    if code & _EXTENDED_Z:
        dimensions += 1
    if code & _EXTENDED_M:
        dimensions += 1
    if kind > 1000:
        kind, thousands = kind % 1000, kind // 1000
        dimensions = 4 if thousands == 3 else 3
    if is_part and kind != _POLYGON:  # checked before the part is read: nested parts could be endless
        raise ValueError("a multipolygon with parts that are not polygons")
    if kind == _POLYGON:
        rings, at = _rings(data, at, order, dimensions)
        return {"type": "Polygon", "coordinates": rings}, at
    if kind == _MULTI:
        parts = []
        (count,) = struct.unpack_from(f"{order}I", data, at)
        at += 4
        for _ in range(count):
            part, at = _geometry(data, at, is_part=True)
            parts.append(part["coordinates"])
        return {"type": "MultiPolygon", "coordinates": parts}, at
    return {"type": _KINDS.get(kind, f"geometry of kind {kind}")}, len(data)


def _rings(data: bytes, at: int, order: str, dimensions: int) -> tuple[list[Any], int]:
    rings = []
    (count,) = struct.unpack_from(f"{order}I", data, at)
    at += 4
    for _ in range(count):
        (points,) = struct.unpack_from(f"{order}I", data, at)
        size = points * dimensions
        numbers = struct.unpack_from(f"{order}{size}d", data, at + 4)
        rings.append([list(pair) for pair in zip(numbers[::dimensions], numbers[1::dimensions], strict=True)])
        at += 4 + size * 8
    return rings, at
