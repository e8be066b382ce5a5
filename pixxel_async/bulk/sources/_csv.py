"""Tables of text: polygons as WKT, or points with squares around them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from pixxel_async.bulk._faults import Problem
from pixxel_async.bulk.sources._crs import projection
from pixxel_async.bulk.sources._rows import LARGEST, UTF_8, Refused, Row, check_columns, not_text
from pixxel_async.errors import GeometryError
from pixxel_async.geometry import from_wkt
from pixxel_async.geometry._areas import ToDegrees

_WKT = ("wkt", "geometry", "geom", "the_geom", "wkt_geom")
_LONGITUDE = ("lon", "long", "longitude", "lng")
_LATITUDE = ("lat", "latitude")
_EARTH = 6_371_008.8
"""Mean radius in metres."""
_POLAR = 85.0


def read_csv(
    path: Path,
    crs: str | None,
    *,
    key: str | None,
    delimiter: str | None,
    square_m: float | None,
    encoding: str | None,
) -> Iterator[Row]:
    """The rows of a table; its first line has the names of the columns."""
    to_degrees = projection(crs) if crs else None
    # The module's limit for one cell, 128 KiB, is global: it is raised for all users, and never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), LARGEST))
    with path.open("rb") as file:
        lines = _lines(file, encoding or UTF_8)
        first = next(lines, "")
        table = csv.reader(_again(first, lines), delimiter=delimiter or _delimiter(first))
        columns = _Columns.of(_cells(table), key, square_m, encoding)
        number, line = 0, table.line_num + 1
        while (cells := _cells(table)) is not None:
            if any(cell.strip() for cell in cells):
                number += 1
                yield columns.row(number, line, cells, to_degrees)
            line = table.line_num + 1
        if not number:
            raise Refused("holds no row")


@attrs.frozen
class _Columns:
    """The roles of the columns."""

    names: list[str]
    wkt: int | None
    point: tuple[int, int] | None
    """Columns of longitude and latitude."""
    square_m: float | None
    encoding: str | None

    @classmethod
    def of(
        cls, header: list[str] | None, key: str | None, square_m: float | None, encoding: str | None
    ) -> _Columns:
        """Find the columns by their names.

        Raises:
            Refused: No column holds a geometry or the key, a name is not text, or two have the same name.
        """
        names = [name.strip() for name in header or []]
        if undecoded := next((name for name in names if not _is_text(name)), None):
            raise Refused.by(not_text(_with_bytes(undecoded), encoding), line=1)
        check_columns(names, key, line=1)
        wkt, lon, lat = (_first(names, known) for known in (_WKT, _LONGITUDE, _LATITUDE))
        if wkt is not None:
            return cls(names, wkt, None, None, encoding)
        if lon is None or lat is None:
            there = ", ".join(names) or "none"
            raise Refused(
                f"no column holds a geometry; there are: {there}", "name the column with WKT wkt", line=1
            )
        if square_m is None:
            raise Refused(
                "points have no area",
                "give polygons as WKT, or square_m, the side of a square around each",
                line=1,
            )
        return cls(names, None, (lon, lat), square_m, encoding)

    def row(self, number: int, line: int, cells: Sequence[str], to_degrees: ToDegrees | None) -> Row:
        """The row of a line."""
        if len(cells) != len(self.names):
            what = f"has {len(cells)} cells, but there are {len(self.names)} columns"
            return Row(
                number, line, problem=Problem("", what, "put cells with the separator in them in quotes")
            )
        for name, cell in zip(self.names, cells, strict=True):
            if not _is_text(cell):
                return Row(number, line, problem=not_text(name, self.encoding))
        used = (self.wkt,) if self.point is None else self.point
        properties = {
            name: cell.strip()
            for at, (name, cell) in enumerate(zip(self.names, cells, strict=True))
            if name and at not in used and cell.strip()
        }
        try:
            geometry = self._geometry(cells, to_degrees)
        except GeometryError as error:
            what, _, remedy = str(error).partition("; ")
            return Row(number, line, properties, problem=Problem("geometry", what, remedy))
        return Row(number, line, properties, geometry, to_degrees=None if self.point else to_degrees)

    def _geometry(self, cells: Sequence[str], to_degrees: ToDegrees | None) -> Any:
        if self.point is None:
            assert self.wkt is not None
            text = cells[self.wkt].strip()
            return from_wkt(text) if text else None
        lon, lat = (_number(cells[at], self.names[at]) for at in self.point)
        if to_degrees is not None:
            [[lon, lat]] = to_degrees([[lon, lat]])
        assert self.square_m is not None
        return _square(lon, lat, self.square_m)


def _square(lon: float, lat: float, side: float) -> Mapping[str, Any]:
    """A square around a point, with sides along the meridian and the parallel."""
    if not (-180 <= lon <= 180 and -_POLAR <= lat <= _POLAR):
        raise GeometryError(
            f"[{lon}, {lat}] is not a longitude and latitude in degrees; the latitude must be within ±{_POLAR:.0f}"
        )
    north = math.degrees(side / 2 / _EARTH)
    east = north / math.cos(math.radians(lat))
    west, south, east, north = lon - east, lat - north, lon + east, lat + north
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _number(cell: str, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise GeometryError(f"{name} {cell[:40]!r} is not a number; write degrees such as 77.5")
    return value


def _first(names: Sequence[str], known: Sequence[str]) -> int | None:
    folded = [name.casefold() for name in names]
    return next((folded.index(name) for name in known if name in folded), None)


def _is_text(cell: str) -> bool:
    """Whether all bytes were decoded; an invalid byte is a lone surrogate."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _with_bytes(text: str) -> str:
    r"""Text with undecoded bytes written as \xNN."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _delimiter(header: str) -> str:
    """The separator of the columns: the most frequent one in the header."""
    return max(",;\t|", key=header.count)


def _cells(table: Any) -> list[str] | None:
    """The next line's cells; None at the end."""
    line = table.line_num + 1
    try:
        cells: list[str] | None = next(table, None)
    except csv.Error as error:
        raise Refused(f"not CSV: {error}", "is a quotation mark not closed?", line=line) from None
    return cells


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The lines as text. An invalid byte becomes a lone surrogate, which is a fault of its cell."""
    for number, line in enumerate(iter(lambda: file.readline(LARGEST + 1), b"")):
        if not number and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Refused("not UTF-8 text, but UTF-16", "save the table as UTF-8", line=1)
        if len(line) > LARGEST:
            raise Refused(f"takes more than {LARGEST // 2**20} MiB", "simplify or split it", line=number + 1)
        yield (line if number else line.removeprefix(b"\xef\xbb\xbf")).decode(encoding, "surrogateescape")


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines
