"""Areas in any form, checked, as GeoJSON: see the package."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol, TypeAlias, TypeGuard

import orjson

from pixxel_async._base.log import ALTITUDES
from pixxel_async._base.shown import shown
from pixxel_async.errors import GeometryError
from pixxel_async.geometry._crossings import Stray, fault_between, has_area

_MOST_VERTICES = 1_000_000
_LARGEST_FILE = 64 * 2**20
"""Bytes; a million vertices with six decimals take less than half of it."""
_MOST_LISTS = 2 * _MOST_VERTICES
"""Lists and objects in a file. Brackets take far more memory per byte than numbers: 64 MiB of them take 2 GiB."""


class HasGeoInterface(Protocol):
    """An object that returns itself as GeoJSON, as Shapely geometries can."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        """GeoJSON as a mapping."""


class _HasToDict(Protocol):
    """A model: a geometry in a response of the API."""

    def to_dict(self) -> dict[str, Any]: ...


GeometryInput: TypeAlias = Mapping[str, Any] | str | os.PathLike[str] | HasGeoInterface | _HasToDict
"""GeoJSON, WKT, the path of a GeoJSON file, or an object with `__geo_interface__`."""

Ring: TypeAlias = list[list[float]]
ToDegrees: TypeAlias = Callable[[Ring], Ring]
"""Transforms positions of another reference system to longitude and latitude."""


def polygon(value: GeometryInput) -> dict[str, Any]:
    """The one polygon in `value`, as a GeoJSON Polygon.

    Raises:
        GeometryError: It has none or several, or the API could not accept it; the message names the place.
    """
    parts = polygons_of(geometry(value))
    if len(parts) > 1:
        raise GeometryError(
            f"a MultiPolygon of {len(parts)} parts, but this takes one polygon: make one call for each part"
        )
    return {"type": "Polygon", "coordinates": parts[0]}


def geometry(value: GeometryInput) -> dict[str, Any]:
    """The one area in `value`, as a GeoJSON Polygon or MultiPolygon.

    Raises:
        GeometryError: It has none or several, or the API could not accept it; the message names the place.
    """
    source = _source(value)
    features = list(_features(source))
    if len(features) != 1:
        raise GeometryError(
            f"{source.place}{len(features)} features, but this takes one area: make one call for each feature"
        )
    return _area(features[0])


def polygons_of(area: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """The polygons of a GeoJSON Polygon or MultiPolygon, each as its rings."""
    coordinates: Sequence[Sequence[Any]] = area["coordinates"]
    return coordinates if area["type"] == "MultiPolygon" else [coordinates]


def checked(raw: Mapping[str, object], to_degrees: ToDegrees | None = None) -> tuple[dict[str, Any], bool]:
    """A GeoJSON Polygon or MultiPolygon in longitude and latitude, and whether it had altitudes, which are left out.

    Every check of `geometry` applies, also if `to_degrees` transforms the coordinates from another system.

    Raises:
        GeometryError: The API could not accept it; the message names the place.
    """
    return _checked(raw, "", to_degrees)


def feature_collection(value: GeometryInput) -> dict[str, Any]:
    """All areas in `value`, as a GeoJSON FeatureCollection; properties are kept.

    Raises:
        GeometryError: It has none, or one that the API could not accept; the message names the place.
    """
    features = [
        {"type": "Feature", "geometry": _area(feature), "properties": feature.properties}
        for feature in _features(_source(value))
    ]
    return {"type": "FeatureCollection", "features": features}


# From the argument to GeoJSON


class _Source(NamedTuple):
    """GeoJSON as found."""

    raw: object
    place: str = ""
    """Name of the file, for messages."""


class _Feature(NamedTuple):
    """One geometry as found."""

    raw: object
    place: str
    properties: Mapping[str, object]


def _source(value: GeometryInput) -> _Source:
    if isinstance(value, Mapping):
        return _Source(value)
    if isinstance(value, str):
        return _Source(from_wkt(value)) if re.match(_WKT, value) else _from_file(value)
    if isinstance(value, os.PathLike):
        return _from_file(os.fsdecode(value))
    shape = getattr(value, "__geo_interface__", None)
    if isinstance(shape, Mapping):
        return _Source(shape)
    if callable(to_dict := getattr(value, "to_dict", None)):
        return _Source(to_dict())
    raise GeometryError(
        f"{shown(value)} is not a geometry: give GeoJSON as a dict, WKT, the path of a GeoJSON file, "
        "or an object with __geo_interface__"
    )


def _from_file(path: str) -> _Source:
    if path.lstrip().startswith("{"):
        raise GeometryError("GeoJSON as text: parse it first, for example with json.loads()")
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GeometryError(f"{path[:200]!r} is neither WKT nor a file that can be read: {reason}") from None
    if len(data) > _LARGEST_FILE:
        raise GeometryError(f"{path}: larger than {_LARGEST_FILE // 2**20} MiB; split or simplify it")
    if data.count(b"[") + data.count(b"{") > _MOST_LISTS:
        raise GeometryError(
            f"{path}: holds more than {_MOST_LISTS:,} lists and objects; split or simplify it"
        )
    try:
        return _Source(orjson.loads(data.removeprefix(b"\xef\xbb\xbf")), f"{path}: ")
    except orjson.JSONDecodeError as error:
        raise GeometryError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); only GeoJSON files can be "
            "read, so convert others first, for example with ogr2ogr"
        ) from None


def _features(source: _Source) -> Iterator[_Feature]:
    raw = source.raw
    if not isinstance(raw, Mapping) or (kind := raw.get("type")) is None:
        raise GeometryError(f'{source.place}not GeoJSON: an object with a "type" is needed')
    check_crs(raw, source.place)
    if kind == "FeatureCollection":
        found = raw.get("features")
        if not _is_array(found) or not found:
            raise GeometryError(f"{source.place}a FeatureCollection without features")
        for number, feature in enumerate(found, 1):
            yield _feature(feature, f"{source.place}feature {number}")
    elif kind == "Feature":
        yield _feature(raw, f"{source.place}feature")
    else:
        yield _Feature(raw, source.place.removesuffix(": "), {})


def _feature(raw: object, place: str) -> _Feature:
    if not isinstance(raw, Mapping) or raw.get("type") != "Feature":
        raise GeometryError(f'{place}: not a GeoJSON Feature, its "type" must be "Feature"')
    properties = raw.get("properties")
    properties = dict(properties) if isinstance(properties, Mapping) else {}
    name = properties.get("name", raw.get("id"))
    return _Feature(raw.get("geometry"), place if name is None else f"{place} ({_label(name)})", properties)


def check_crs(raw: Mapping[str, object], place: str) -> None:
    """Refuse GeoJSON whose member `crs` names another system than WGS 84, the only one of RFC 7946.

    The member is from an older version of GeoJSON that some programs still write.

    Raises:
        GeometryError: It does; the message begins with `place`.
    """
    crs = raw.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, Mapping) else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if not isinstance(name, str) or not re.search(r"(CRS:?84|EPSG:.*\b4326)$", name, re.IGNORECASE):
        raise GeometryError(
            f"{place}its coordinates are in {name or 'an unnamed reference system'}: transform them to WGS 84 "
            "(EPSG:4326), for example with ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES"
        )


# WKT


_WKT = (
    r"(?i)\s*(?:SRID\s*=\s*(?P<srid>\d+)\s*;\s*)?"
    r"(?P<kind>(?:MULTI)?(?:POINT|LINESTRING|POLYGON|CURVE|SURFACE)|GEOMETRYCOLLECTION|CURVEPOLYGON|TRIANGLE|TIN)"
    r"\s*(?:ZM|Z|M)?\s*(?=\(|EMPTY\b)"
)
_WKT_TOKEN = r"[(),]|[^\s(),]+"
_WKT_KINDS = {"POLYGON": "Polygon", "MULTIPOLYGON": "MultiPolygon"}


def from_wkt(text: str) -> dict[str, Any]:
    """GeoJSON of a polygon or multipolygon in WKT; its contents are not checked.

    Raises:
        GeometryError: It is not WKT, is another geometry, or is in another system than WGS 84.
    """
    head = re.match(_WKT, text)
    if head is None:
        raise GeometryError(f"{shown(text)} is not WKT; write POLYGON ((30.1 10.2, ...))")
    kind = head["kind"].upper()
    if head["srid"] not in (None, "4326"):
        raise GeometryError(f"WKT in SRID {head['srid']}: transform it to WGS 84 (SRID 4326)")
    if kind not in _WKT_KINDS:
        raise GeometryError(f"WKT of a {kind}: a POLYGON or MULTIPOLYGON is needed")
    if text[head.end() :].strip().upper() == "EMPTY":
        return {"type": _WKT_KINDS[kind], "coordinates": []}
    return {"type": _WKT_KINDS[kind], "coordinates": _wkt_lists(text, head.end())}


def _wkt_lists(text: str, start: int) -> object:
    """The nested lists of numbers between the parentheses of WKT."""
    open_lists: list[list[object]] = [[]]
    position: list[float] = []
    for token in re.compile(_WKT_TOKEN).finditer(text, start):
        symbol = token[0]
        if symbol == "(" and not position:
            open_lists.append([])
        elif symbol in ",)" and len(open_lists) > 1:
            if position:
                open_lists[-1].append(position)
                position = []
            if symbol == ")":
                closed = open_lists.pop()
                open_lists[-1].append(closed)
        elif symbol in "(,)" or len(open_lists) == 1:
            raise GeometryError(
                f"WKT with a {symbol!r} at character {token.start()} that is not expected there"
            )
        else:
            position.append(_wkt_number(symbol, token.start()))
    if len(open_lists) > 1 or len(open_lists[0]) != 1:
        raise GeometryError("WKT whose parentheses do not match")
    return open_lists[0][0]


def _wkt_number(symbol: str, index: int) -> float:
    try:
        return float(symbol)
    except ValueError:
        raise GeometryError(f"WKT with {symbol!r} at character {index}, where a number is needed") from None


# Checks


def _area(feature: _Feature) -> dict[str, Any]:
    """The geometry of a feature, checked, as plain GeoJSON."""
    area, has_altitudes = _checked(feature.raw, feature.place, None)
    if has_altitudes:
        ALTITUDES(place=_at(feature.place))
    return area


def _checked(raw: object, place: str, to_degrees: ToDegrees | None) -> tuple[dict[str, Any], bool]:
    if raw is None:
        raise GeometryError(f"{_at(place)}has no geometry")
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    coordinates = raw.get("coordinates") if isinstance(raw, Mapping) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise GeometryError(f"{_at(place)}a Polygon or MultiPolygon is needed, not {_kind(raw, kind)}")
    if not _is_array(coordinates) or not coordinates:
        raise GeometryError(f"{_at(place)}the {kind} is empty: it has no coordinates")
    polygons = _Polygons(to_degrees)
    if kind == "Polygon":
        result: list[Any] = polygons.rings(coordinates, place)
    else:
        result = [
            polygons.rings(rings, _below(place, "polygon", number))
            for number, rings in enumerate(coordinates)
        ]
    return {"type": kind, "coordinates": result}, polygons.has_altitudes


class _Polygons:
    """Checks and copies the polygons of one geometry, and counts vertices."""

    def __init__(self, to_degrees: ToDegrees | None) -> None:
        self._to_degrees = to_degrees
        self._vertices = 0
        self.has_altitudes = False

    def rings(self, raw: object, place: str) -> list[list[list[float]]]:
        """The rings of one polygon."""
        if not _is_array(raw) or not raw:
            raise GeometryError(f"{_at(place)}has no rings")
        rings = [self._ring(ring, _below(place, "ring", number)) for number, ring in enumerate(raw)]
        _check_rings(rings, place)
        return rings

    def _ring(self, raw: object, place: str) -> Ring:
        if not _is_array(raw):
            raise GeometryError(f"{place}: must be a list of positions, not a {type(raw).__name__}")
        self._vertices += len(raw)
        if self._vertices > _MOST_VERTICES:
            raise GeometryError(f"{place}: more than {_MOST_VERTICES:,} vertices; simplify the outline")
        ring = [self._position(position, place, number) for number, position in enumerate(raw)]
        if self._to_degrees is not None and ring:
            ring = self._transformed(ring, self._to_degrees, place)
        _check_range(ring, place)
        if len(ring) < 4:
            raise GeometryError(
                f"{place}: has {len(ring)} vertices; a ring needs 4 or more, the last repeating the first"
            )
        if ring[0] != ring[-1]:
            raise GeometryError(f"{place}: is not closed; repeat the first vertex {ring[0]} at its end")
        _check_edges(ring, place)
        if not has_area(ring):
            few = len({tuple(position) for position in ring}) < 3
            reason = "has fewer than 3 different vertices" if few else "has all its vertices on one line"
            raise GeometryError(f"{place}: {reason}, so no area")
        return ring

    def _position(self, raw: object, place: str, number: int) -> list[float]:
        if not _is_array(raw) or len(raw) < 2:
            _refuse(place, number, f"{shown(raw)} is not a position; give [longitude, latitude]")
        if len(raw) > 2:
            self.has_altitudes = True
        return [_number(raw[0], place, number), _number(raw[1], place, number)]

    def _transformed(self, ring: Ring, to_degrees: ToDegrees, place: str) -> Ring:
        found = to_degrees(ring)
        for number, position in enumerate(found):
            if not all(map(isfinite, position)):
                what = f"{ring[number]} has no longitude and latitude: it is outside its reference system"
                _refuse(place, number, what)
        return found


def _check_range(ring: Ring, place: str) -> None:
    for number, (longitude, latitude) in enumerate(ring):
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            _refuse(place, number, _out_of_range(longitude, latitude))


def _number(raw: object, place: str, number: int) -> float:
    if type(raw) is float and isfinite(raw):
        return raw
    if isinstance(raw, str):
        _refuse(place, number, f"{shown(raw)} is text; give the number without quotes")
    if isinstance(raw, bool) or not isinstance(raw, Real):
        _refuse(place, number, f"{shown(raw)} is not a number")
    try:
        value = float(raw)
    except OverflowError:
        value = float("inf")
    if not isfinite(value):
        _refuse(place, number, f"{shown(raw)} is not a finite number")
    return value


def _out_of_range(longitude: float, latitude: float) -> str:
    if abs(longitude) <= 90 < abs(latitude) <= 180:
        return (
            f"latitude {latitude} is outside -90 to 90; longitude comes first, so the two may be swapped "
            f"([{latitude}, {longitude}])"
        )
    if max(abs(longitude), abs(latitude)) > 360:
        return (
            f"[{longitude}, {latitude}] are not degrees, perhaps metres of a map projection; "
            "transform the geometry to WGS 84 (EPSG:4326)"
        )
    if abs(longitude) > 180:
        return f"longitude {longitude} is outside -180 to 180"
    return f"latitude {latitude} is outside -90 to 90"


def _check_edges(ring: Sequence[Sequence[float]], place: str) -> None:
    for number, (start, end) in enumerate(pairwise(ring)):
        if abs(end[0] - start[0]) > 180:
            raise GeometryError(
                f"{place}: the edge from vertex {number} to {number + 1} spans more than 180° of longitude; cut an "
                "area that crosses the antimeridian or holds a pole into polygons on either side of it, and give a "
                "truly wide one more vertices"
            )


def _check_rings(rings: Sequence[Sequence[Sequence[float]]], place: str) -> None:
    fault = fault_between(rings)
    if fault is None:
        return
    if isinstance(fault, Stray):
        _refuse(
            _below(place, "ring", fault.ring),
            fault.vertex,
            f"{rings[fault.ring][fault.vertex]} is outside ring 0 or in another hole, and rings after the first are "
            "holes; give separate areas as polygons of a MultiPolygon",
        )
    (first, start), (second, other) = fault.first, fault.second
    where = f"at [{', '.join(str(round(degrees, 7)) for degrees in fault.position)}]"
    if first == second:
        raise GeometryError(
            f"{_below(place, 'ring', first)}: crosses itself {where}, with its edges from vertex {start} to {start + 1} "
            f"and {other} to {other + 1}; give the vertices in their order around the area, or repair it, for example "
            "with shapely.make_valid"
        )
    raise GeometryError(
        f"{_below(place, 'ring', second)}: crosses ring {first} {where}: its edge from vertex {other} to {other + 1} "
        f"crosses the edge from {start} to {start + 1}; keep holes inside ring 0 and apart, or repair it, for example with "
        "shapely.make_valid"
    )


# Messages


def _refuse(place: str, number: int, problem: str) -> NoReturn:
    raise GeometryError(f"{place}, vertex {number}: {problem}")


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _below(place: str, kind: str, number: int) -> str:
    return f"{place}, {kind} {number}" if place else f"{kind} {number}"


def _kind(raw: object, kind: object) -> str:
    return f"a {kind}" if isinstance(kind, str) else f"a {type(raw).__name__}"


def _label(name: object) -> str:
    """A feature's name in quotes, without characters that disturb a terminal."""
    text = name[:60] if isinstance(name, str) else shown(name)
    return f'"{text}"' if text.isprintable() else ascii(text)


def _is_array(raw: object) -> TypeGuard[Sequence[object]]:
    return isinstance(raw, (list, tuple))
