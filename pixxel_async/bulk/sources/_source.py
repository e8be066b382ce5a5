"""Sources: files of polygons as the fields of a bulk run."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from pixxel_async._base.files import checked_path
from pixxel_async._base.shown import shown
from pixxel_async.bulk._faults import BadRows, Fault, Problem
from pixxel_async.bulk._folders import file_name
from pixxel_async.bulk.sources._arrow import read_layer, read_parquet
from pixxel_async.bulk.sources._crs import projection
from pixxel_async.bulk.sources._csv import read_csv
from pixxel_async.bulk.sources._extra import require_geo
from pixxel_async.bulk.sources._geojson import read_geojson, read_geojson_lines
from pixxel_async.bulk.sources._rows import Refused, Row, Rows
from pixxel_async.errors import GeometryError, InvalidInput
from pixxel_async.geometry._areas import ToDegrees, checked, polygons_of

_log = logging.getLogger(__name__)

_LONGEST_NAME = 60
"""Maximum length in characters: with a run id, it fits the API's limit of 100 for an order item."""
_GEOJSON = frozenset({".geojson", ".json"})
_LINES = frozenset({".geojsonl", ".geojsons", ".jsonl", ".ndjson"})
_TABLES = frozenset({".csv", ".tsv"})
_LAYERS = frozenset({".gpkg", ".shp"})
_PARQUET = frozenset({".parquet", ".geoparquet"})
_PARTS_OF_SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@attrs.frozen
class Field:
    """One area to work on."""

    row: int
    """Number among all fields of the file, from 1."""
    key: str
    """Its identifier, unique in the file."""
    geometry: Mapping[str, Any]
    """GeoJSON Polygon, WGS 84, [lon, lat] in degrees; also MultiPolygon where features are kept whole."""
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    """Its other columns or properties, as JSON values."""
    source_row: int = 0
    """Its row in the file, from 1; a split MultiPolygon has several fields."""
    line: int | None = None
    """The first line of that row, in formats with lines."""
    part_of: str | None = None
    """Key of the split MultiPolygon; None: the field is the whole row."""

    @property
    def name(self) -> str:
        """Name of its resources: the key, shortened if it has more than 60 characters."""
        return _name_of(self.key)

    @property
    def folder(self) -> str:
        """Name of its folder: the name, made safe for every file system."""
        return folder_of(self.key)


def _name_of(key: str) -> str:
    if len(key) <= _LONGEST_NAME:
        return key
    return f"{key[: _LONGEST_NAME - 9]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def folder_of(key: str) -> str:
    """The folder of the field with this key."""
    return file_name(_name_of(key))


@attrs.frozen(eq=False)
class Source:
    """A file of fields that can be read several times, with one row in memory at a time."""

    path: Path
    key: str | None
    _rows: Rows = attrs.field(repr=False)
    whole_features: bool = False
    """Whether a MultiPolygon is one field; if not, each of its polygons is a field."""

    def with_whole_features(self, whole_features: bool) -> Source:
        """The same file, read for a kind of recipe: `source.with_whole_features(recipe.whole_features)`."""
        return attrs.evolve(self, whole_features=whole_features)

    @property
    def files(self) -> list[Path]:
        """The files of the source: one, or all existing files of a Shapefile."""
        if self.path.suffix.casefold() != ".shp":
            return [self.path]
        beside = {
            path.suffix.casefold(): path for path in self.path.parent.glob(f"{_escaped(self.path.stem)}.*")
        }
        return [beside[suffix] for suffix in _PARTS_OF_SHAPEFILE if suffix in beside]

    def read(self) -> Iterator[Field]:
        """The fields, in the order of the file.

        Raises:
            BadRows: At the first invalid row; `check` lists all of them.
        """
        for found in self.outcomes():
            if isinstance(found, Fault):
                raise BadRows(str(self.path), [found], 1)
            if found.problems:
                raise BadRows(str(self.path), [found.fault(found.problems[0])], 1)
            yield from found.fields

    def outcomes(self) -> Iterator[Outcome | Fault]:
        """The outcome of every row; a fault concerns the whole file, and is the last value."""
        count, is_flat = 0, True
        try:
            for row in self._rows():
                outcome = self._outcome(row, count)
                if outcome.had_altitudes and is_flat:
                    is_flat = False
                    _log.warning("%s: altitudes are dropped, the API takes longitude and latitude", self.path)
                count += len(outcome.fields)
                yield outcome
        except Refused as refused:
            yield Fault(None, refused.line, *refused.problem)
        except OSError as error:
            yield Fault(None, None, "", f"cannot be read: {error.strerror or error}", "")

    def _outcome(self, row: Row, count: int) -> Outcome:
        if row.problem and row.problem.field != "geometry":
            return Outcome(row, None, (), (row.problem,))
        key, problem = self._key(row)
        problems = [problem] if problem else []
        areas: list[Mapping[str, Any]] = []
        had_altitudes = False
        if row.problem:
            problems.append(row.problem)
        else:
            try:
                area, had_altitudes = _area(row.geometry, row.to_degrees)
                areas = _areas(area, whole=self.whole_features)
            except GeometryError as error:
                what, _, remedy = str(error).partition("; ")
                problems.append(Problem("geometry", what, remedy))
        if problems or key is None:
            return Outcome(row, key, (), tuple(problems))
        is_split = len(areas) > 1
        fields = tuple(
            Field(
                row=count + part,
                key=f"{key}-{part}" if is_split else key,
                geometry=area,
                properties=row.properties,
                source_row=row.number,
                line=row.line,
                part_of=key if is_split else None,
            )
            for part, area in enumerate(areas, 1)
        )
        return Outcome(row, key, fields, (), had_altitudes)

    def _key(self, row: Row) -> tuple[str | None, Problem | None]:
        """The key of a row, or its problem."""
        if self.key is not None:
            key = _text_of(row.properties.get(self.key))
            if key is None:
                return None, Problem(self.key, "is missing", "give each row a key of its own")
        else:
            given = (row.properties.get("name"), row.properties.get("id"), row.id)
            key = next(filter(None, map(_text_of, given)), None) or f"{self.path.stem}-{row.number}"
        if not key.isprintable():
            return None, Problem(self.key or "name", "has control characters", "rename it")
        return key, None


@attrs.frozen(eq=False, repr=False)
class Outcome:
    """The outcome of one row of a file."""

    row: Row
    key: str | None
    """None if it has no usable key."""
    fields: tuple[Field, ...]
    """Its polygons, or the whole feature as one; empty if there are problems."""
    problems: tuple[Problem, ...]
    had_altitudes: bool = False

    def fault(self, problem: Problem) -> Fault:
        """A problem of this row, with its location."""
        return Fault(self.row.number, self.row.line, *problem)


def open_source(
    path: str | Path,
    *,
    key: str | None = None,
    layer: str | None = None,
    crs: str | None = None,
    square_m: float | None = None,
    encoding: str | None = None,
) -> Source:
    """Open a file of polygons; the ending of its name determines the format. Nothing is read yet.

    `.geojson` and `.json` hold one GeoJSON text. `.geojsonl`, `.geojsons`, `.jsonl` and `.ndjson` hold one on each line,
    or after record separators (RFC 8142). `.csv` and `.tsv` have a column `wkt` with polygons, or `lon` and `lat`. The
    extra `geo` adds `.gpkg`, `.shp`, `.parquet` and `.geoparquet`. Altitudes are dropped.

    An AOI takes one polygon, so each polygon of a MultiPolygon becomes a field, KEY-1, KEY-2 and so on. An order takes a
    MultiPolygon whole. `plan` and `Run.start` read the file as their recipe requires (`with_whole_features`).

    Args:
        path: The file.
        key: Property that identifies the row, unique in the file. Left out: `name`, else `id`, else the id of the
            GeoJSON feature, else STEM-N from the file and the row.
        layer: Layer of a GeoPackage; needed if it has several.
        crs: Reference system of the coordinates, for instance EPSG:32643, if the file states none or a wrong one. All
            except WGS 84 longitude and latitude are transformed to it, which needs the extra `geo`.
        square_m: Side in metres of the square around each point of a table with `lon` and `lat`.
        encoding: Encoding of the text in a table or a Shapefile, for instance cp1252. Left out: the one that a Shapefile
            states, else UTF-8. Other formats are always UTF-8.

    Raises:
        InvalidInput: The format is not supported, an option does not fit it, or a library is not installed.
    """
    path = checked_path(path, "path")
    suffix = path.suffix.casefold()
    if layer is not None and suffix not in _LAYERS:
        raise InvalidInput(f"layer={shown(layer)}: only a .gpkg has layers, not {path.name}")
    if square_m is not None:
        if suffix not in _TABLES:
            raise InvalidInput(f"square_m={square_m}: only for tables with lon and lat, not for {path.name}")
        if not (isinstance(square_m, int | float) and 1 <= square_m <= 100_000 and math.isfinite(square_m)):
            raise InvalidInput(f"square_m={square_m}: must be from 1 to 100000 metres")
    if encoding is not None:
        _check_encoding(encoding, path)
    try:
        if crs is not None:
            projection(crs)
        if suffix in _LAYERS:
            require_geo(f"reading {suffix}", "pyogrio", "pyarrow")
        if suffix in _PARQUET:
            require_geo(f"reading {suffix}", "pyarrow")
    except Refused as refused:
        raise InvalidInput(f"{path}: {refused.problem.what}; {refused.problem.remedy}") from None
    return Source(path, key, _reader(path, suffix, key, layer, crs, square_m, encoding))


def _check_encoding(encoding: str, path: Path) -> None:
    if path.suffix.casefold() not in _TABLES | {".shp"}:
        raise InvalidInput(f"encoding={shown(encoding)}: only for tables and Shapefiles, not for {path.name}")
    ascii = bytes(range(128))
    try:
        is_usable = ascii.decode(encoding) == ascii.decode("ascii")
    except (LookupError, TypeError, ValueError):
        is_usable = False
    if not is_usable:  # lines, cells and fixed widths are split at ASCII bytes
        raise InvalidInput(
            f"encoding={shown(encoding)}: not an encoding that extends ASCII; give for example cp1252, or save the file as UTF-8"
        )


def _reader(
    path: Path,
    suffix: str,
    key: str | None,
    layer: str | None,
    crs: str | None,
    square_m: float | None,
    encoding: str | None,
) -> Rows:
    if suffix in _GEOJSON:
        return partial(read_geojson, path, crs)
    if suffix in _LINES:
        return partial(read_geojson_lines, path, crs)
    if suffix in _TABLES:
        delimiter = "\t" if suffix == ".tsv" else None
        return partial(
            read_csv, path, crs, key=key, delimiter=delimiter, square_m=square_m, encoding=encoding
        )
    if suffix in _LAYERS:
        return partial(read_layer, path, crs, key=key, layer=layer, encoding=encoding)
    if suffix in _PARQUET:
        return partial(read_parquet, path, crs, key=key)
    known = " ".join(sorted(_GEOJSON | _LINES | _TABLES | _LAYERS | _PARQUET))
    raise InvalidInput(
        f"{path}: cannot read {suffix or 'a file without an ending'}; the formats are {known}; "
        "convert others, for example with ogr2ogr -t_srs EPSG:4326 fields.geojsonl"
    )


def _area(raw: Any, to_degrees: ToDegrees | None) -> tuple[dict[str, Any], bool]:
    """A geometry in longitude and latitude, and whether altitudes were dropped.

    Raises:
        GeometryError: The geometry has no polygon, or the API would reject it.
    """
    if not isinstance(raw, Mapping):
        raise GeometryError("is missing; a Polygon or MultiPolygon is needed")
    return checked(raw, to_degrees)


def _areas(area: Mapping[str, Any], *, whole: bool) -> list[Mapping[str, Any]]:
    """Its polygons; with `whole`, several polygons stay one MultiPolygon."""
    polygons = polygons_of(area)
    if whole and len(polygons) > 1:
        return [area]
    return [{"type": "Polygon", "coordinates": rings} for rings in polygons]


def _text_of(value: Any) -> str | None:
    """A key as text; None if it is empty or not usable as a name."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value).strip() or None


def _escaped(stem: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in stem)
