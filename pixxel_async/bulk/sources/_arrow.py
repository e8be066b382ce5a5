"""GeoPackage, Shapefile and GeoParquet, read in batches.

They need the extra `geo`; `open_source` checks that it is installed. Its libraries are slow to import, so the functions
import them at their first use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from pixxel_async.bulk._faults import Problem
from pixxel_async.bulk.sources._crs import projection
from pixxel_async.bulk.sources._rows import UTF_8, Refused, Row, check_columns, not_text, not_utf_8
from pixxel_async.bulk.sources._wkb import from_wkb
from pixxel_async.geometry._areas import ToDegrees

_OfColumn: TypeAlias = Callable[[str], Problem]
"""Makes the problem of a cell from the name of its column."""
_BATCH = 200
"""Rows in memory at a time."""
_NO_CRS = ("it does not state its reference system", "state it with crs (--crs)")


def read_layer(
    path: Path, crs: str | None, *, key: str | None, layer: str | None, encoding: str | None
) -> Iterator[Row]:
    """The features of a layer of a file that GDAL reads."""
    import pyarrow
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyogrio.raw import open_arrow

    path.open("rb").close()  # GDAL's error is less clear for a missing or unreadable file
    # GDAL drops bytes outside an encoding. With an empty encoding it keeps all bytes, and this module decodes them.
    options = {} if encoding is None else {"ENCODING": ""}
    try:
        name = _layer(pyogrio.list_layers(path), layer)
        with open_arrow(path, layer=name, batch_size=_BATCH, use_pyarrow=True, **options) as (meta, batches):
            geometry = meta["geometry_name"] or "wkb_geometry"
            undecoded = (
                partial(not_text, encoding=encoding) if path.suffix.casefold() == ".shp" else not_utf_8
            )
            columns = _decoded_names(meta, encoding)
            check_columns(columns, key)
            to_degrees = _projection(crs or meta["crs"])
            yield from _rows(batches, [*columns, geometry], geometry, to_degrees, undecoded, encoding)
    except (DataSourceError, DataLayerError, pyarrow.ArrowException) as error:
        raise Refused(f"cannot be read: {error}") from None


def _decoded_names(meta: Mapping[str, Any], encoding: str | None) -> list[str]:
    """Names of the columns. pyogrio decodes names that GDAL left as bytes, with the encoding that it states."""
    names = [str(name) for name in meta["fields"]]
    if (stated := meta["encoding"]) == "UTF-8":
        return names
    decoded = []
    for name in names:
        try:
            decoded.append(name.encode(stated).decode(encoding or UTF_8))
        except UnicodeDecodeError:
            raise Refused.by(not_text(name, encoding)) from None
    return decoded


def _layer(layers: Any, wanted: str | None) -> str:
    """The layer to read: the requested one, or the only one with geometries."""
    names = [str(name) for name, kind in layers if kind is not None]
    if wanted is not None and wanted not in names:
        raise Refused(f"no layer {wanted!r}; there are: {', '.join(names) or 'none'}", "name one of them")
    if wanted is None and len(names) != 1:
        there = f"has {len(names)} layers: {', '.join(names)}" if names else "has no layer with geometries"
        raise Refused(there, "name one of them with layer (--layer)" if names else "")
    return wanted or names[0]


def read_parquet(path: Path, crs: str | None, *, key: str | None) -> Iterator[Row]:
    """The rows of a GeoParquet file."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    path.open("rb").close()
    try:
        # A row group may be most of the file: read it in pieces, without read-ahead.
        with ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
            column, told = _geo(file.schema_arrow.metadata or {})
            names = file.schema_arrow.names
            if names.count(column) != 1:
                raise Refused(f"no single column {column!r}, which should hold the geometries")
            check_columns([name for name in names if name != column], key)
            to_degrees = _projection(crs or told)
            yield from _rows(file.iter_batches(batch_size=_BATCH), names, column, to_degrees, not_utf_8)
    except pyarrow.ArrowException as error:
        raise Refused(f"cannot be read: {error}") from None


def _geo(metadata: Mapping[bytes, bytes]) -> tuple[str, str | None]:
    """The column with the geometries, and their reference system."""
    try:
        geo = json.loads(metadata[b"geo"])
        name = geo["primary_column"]
        column = geo["columns"][name]
        encoding, crs = column["encoding"], column.get("crs", "OGC:CRS84")
    except (KeyError, TypeError, ValueError):
        raise Refused(
            "not GeoParquet: it does not state which column holds geometries",
            "write it with a program that supports GeoParquet, or convert it to .gpkg",
        ) from None
    if encoding != "WKB":
        raise Refused(f"geometries are written as {encoding}, which is not supported", "write them as WKB")
    return name, json.dumps(crs) if isinstance(crs, dict) else crs


def _projection(crs: str | None) -> ToDegrees | None:
    if not crs:
        raise Refused(_NO_CRS[0], _NO_CRS[1], field="crs")
    return projection(crs)


def _rows(
    batches: Any,
    names: Sequence[str],
    geometry: str,
    to_degrees: ToDegrees | None,
    undecoded: _OfColumn,
    encoding: str | None = None,
) -> Iterator[Row]:
    number = 0
    for batch in batches:
        columns = batch.rename_columns(list(names)).columns  # pyarrow omits a column whose name is not UTF-8
        for cells in zip(*(_cells(column, undecoded, encoding) for column in columns), strict=True):
            number += 1
            yield _row(number, dict(zip(names, cells, strict=True)), geometry, to_degrees)
    if not number:
        raise Refused("holds no row")


def _row(number: int, values: dict[str, Any], geometry: str, to_degrees: ToDegrees | None) -> Row:
    found = values.pop(geometry)
    for name, value in values.items():
        if isinstance(value, _Unreadable):
            return Row(number, problem=value.of(name))
    properties = {name: _plain(value) for name, value in values.items()}
    try:
        shape = None if found is None else from_wkb(found)
    except ValueError as error:
        return Row(number, properties=properties, problem=Problem("geometry", str(error), ""))
    return Row(number, None, properties, shape, None, to_degrees)


@attrs.frozen
class _Unreadable:
    """Placeholder for a cell that cannot be read."""

    of: _OfColumn


def _cells(column: Any, undecoded: _OfColumn, encoding: str | None) -> list[Any]:
    """The values of a column."""
    import pyarrow

    if encoding is not None and pyarrow.types.is_string(column.type):
        return [_decoded(value, undecoded, encoding) for value in column.cast(pyarrow.binary()).to_pylist()]
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pyarrow.ArrowException):  # of one cell, but the error does not name it
        return [_cell(value, undecoded) for value in column]
    return values


def _decoded(value: bytes | None, undecoded: _OfColumn, encoding: str) -> Any:
    try:
        return None if value is None else value.decode(encoding)
    except UnicodeDecodeError:
        return _Unreadable(undecoded)


def _cell(value: Any, undecoded: _OfColumn) -> Any:
    import pyarrow

    try:
        return value.as_py()
    except UnicodeDecodeError:
        return _Unreadable(undecoded)
    except (ValueError, OverflowError, pyarrow.ArrowException) as error:
        what = f"cannot be read: {str(error).partition('. ')[0]}"
        return _Unreadable(lambda column: Problem(column, what, "leave the column out, or correct the value"))


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return None if isinstance(value, bytes) else value
