"""Streams GeoJSON: a FeatureCollection, a single Feature or geometry, or one of these per line or record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from pixxel_async.bulk._faults import Problem
from pixxel_async.bulk.sources._crs import projection
from pixxel_async.bulk.sources._json_stream import BOM, JsonStream
from pixxel_async.bulk.sources._rows import LARGEST, Refused, Row
from pixxel_async.errors import GeometryError
from pixxel_async.geometry._areas import ToDegrees, check_crs

_GEOMETRIES = frozenset(
    {"Polygon", "MultiPolygon", "Point", "MultiPoint", "LineString", "MultiLineString", "GeometryCollection"}
)
_RECORD = b"\x1e"
"""RFC 8142 puts it before each record; a record may have several lines."""


def read_geojson(path: Path, crs: str | None) -> Iterator[Row]:
    """The features of one GeoJSON text."""
    with path.open("rb") as file:
        yield from _Collection(JsonStream(file), crs).rows()


def read_geojson_lines(path: Path, crs: str | None) -> Iterator[Row]:
    """The features of a text with one on each line, or with a record separator before each."""
    to_degrees = projection(crs) if crs else None
    with path.open("rb") as file:
        for number, (line, text) in enumerate(_records(file), 1):
            if len(text) > LARGEST:
                what = f"takes more than {LARGEST // 2**20} MiB"
                raise Refused(what, "simplify or split it", line=line)
            value = _loaded(text)
            if isinstance(value, dict) and value.get("type") in _GEOMETRIES:
                value = {"type": "Feature", "geometry": value}
            yield _row(number, line, value, to_degrees, crs)


class _Collection:
    """Reads one GeoJSON text."""

    def __init__(self, stream: JsonStream, crs: str | None) -> None:
        self._stream = stream
        self._crs = crs
        self._members: dict[str, Any] = {}
        """Members of the outermost object, without `features`."""
        self._is_collection = False
        self._to_degrees: ToDegrees | None = None

    def rows(self) -> Iterator[Row]:
        """All features."""
        stream = self._stream
        if stream.peek() != b"{":
            raise Refused("not GeoJSON: the outermost value must be an object", line=stream.line)
        for key in stream.members():
            head = stream.peek()
            if key == "features" and head == b"[":
                yield from self._features()
                continue
            line = stream.line
            value = self._members[key] = _loaded(stream.value())
            if isinstance(value, Problem):
                raise Refused(value.what, line=line)
        if stream.peek():
            what = "there is more text after the outermost object"
            raise Refused(what, "name a file with a feature on each line .geojsonl", line=stream.line)
        yield from self._end()

    def _features(self) -> Iterator[Row]:
        self._is_collection = True
        self._to_degrees = self._projection()
        number = 0
        for number, (line, text) in enumerate(self._stream.elements(), 1):
            yield _row(number, line, _loaded(text), self._to_degrees, self._crs)
        if not number:
            raise Refused("holds no feature")

    def _end(self) -> Iterator[Row]:
        """Check what depends on all members, because they may be in any order."""
        kind = self._members.get("type")
        to_degrees = self._projection()
        without_crs = {key: value for key, value in self._members.items() if key != "crs"}
        if self._is_collection:
            if kind != "FeatureCollection":
                raise Refused('not GeoJSON: its "type" must be "FeatureCollection"')
            if to_degrees and not self._to_degrees:
                raise Refused("its reference system is after its features", "put the member crs before them")
        elif kind == "Feature":
            yield _row(1, 1, without_crs, to_degrees, self._crs)
        elif kind in _GEOMETRIES:
            yield _row(1, 1, {"type": "Feature", "geometry": without_crs}, to_degrees, self._crs)
        else:
            raise Refused("not a GeoJSON FeatureCollection or Feature of polygons")

    def _projection(self) -> ToDegrees | None:
        """The transformation for the member `crs`, which some programs still write; RFC 7946 removed it."""
        member = self._members.get("crs")
        if self._crs or member is None:
            return projection(self._crs) if self._crs else None
        properties = member.get("properties") if isinstance(member, Mapping) else None
        name = properties.get("name") if isinstance(properties, Mapping) else None
        if not isinstance(name, str):
            raise Refused("its reference system has no name", "state it with crs (--crs)", field="crs")
        return projection(name)


def _row(number: int, line: int, value: Any, to_degrees: ToDegrees | None, crs: str | None) -> Row:
    """The row of a feature. Its own member `crs` must be WGS 84, unless the option `crs` overrides it."""
    if isinstance(value, Problem):
        return Row(number, line, problem=value)
    if not isinstance(value, Mapping) or value.get("type") != "Feature":
        return Row(
            number, line, problem=Problem("", 'not a GeoJSON Feature: its "type" must be "Feature"', "")
        )
    properties = value.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    geometry = value.get("geometry")
    try:
        for part in (value, geometry) if crs is None else ():
            if isinstance(part, Mapping):
                check_crs(part, "")
    except GeometryError as error:
        what, _, remedy = str(error).partition(": ")
        return Row(number, line, properties, id=value.get("id"), problem=Problem("geometry", what, remedy))
    return Row(number, line, properties, geometry, value.get("id"), to_degrees)


def _loaded(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Problem("", f"not JSON: {error.msg}", "")


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The records of a file, each with its line number."""
    record, begin = b"", 1
    separated = False
    for line, text in enumerate(_limited_lines(file), 1):
        text = text.removeprefix(BOM) if line == 1 else text
        separated = separated or text.startswith(_RECORD)
        if text.startswith(_RECORD) or not separated:
            if record.strip():
                yield begin, record
            record, begin = text.removeprefix(_RECORD), line
        else:
            record += text
            if len(record) > LARGEST:
                break
    if record.strip():
        yield begin, record


def _limited_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines; a line above the limit is cut, and is the last."""
    while line := file.readline(LARGEST + 1):
        yield line
        if len(line) > LARGEST:
            return
