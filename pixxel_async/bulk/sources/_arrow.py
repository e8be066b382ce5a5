"""GeoPackage, Shapefile and GeoParquet, read in batches.

They need the extra `geo`; `open_source` has seen that it is there. Its libraries are heavy, and loaded when they are used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

from pixxel_async.bulk._faults import Problem
from pixxel_async.bulk.sources._crs import projection
from pixxel_async.bulk.sources._rows import Project, Refused, Row, unknown_column
from pixxel_async.bulk.sources._wkb import from_wkb

_BATCH = 200
"""Rows in memory at a time."""
_NO_CRS = ("it does not say in which reference system it is", "say it with crs")


def read_layer(path: Path, crs: str | None, *, key: str | None, layer: str | None) -> Iterator[Row]:
    """The features of a layer of whatever GDAL reads."""
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyogrio.raw import open_arrow

    path.open("rb").close()  # GDAL would say less of a file that is not there, or not ours
    try:
        name = _layer(pyogrio.list_layers(path), layer)
        with open_arrow(path, layer=name, batch_size=_BATCH, use_pyarrow=True) as (meta, batches):
            geometry = meta["geometry_name"] or "wkb_geometry"
            columns = [name for name in batches.schema.names if name != geometry]
            if key is not None and key not in columns:
                raise unknown_column(key, columns)
            project = _projection(crs or meta["crs"])
            yield from _rows(batches, geometry, project)
    except (DataSourceError, DataLayerError) as error:
        raise Refused(f"cannot be read: {error}") from None


def _layer(layers: Any, wanted: str | None) -> str:
    """The layer to read: the wanted one, or the only one that has geometries."""
    names = [str(name) for name, kind in layers if kind is not None]
    if wanted is not None and wanted not in names:
        raise Refused(f"no layer {wanted!r}; there are: {', '.join(names) or 'none'}", "name one of them")
    if wanted is None and len(names) != 1:
        there = f"has {len(names)} layers: {', '.join(names)}" if names else "has no layer with geometries"
        raise Refused(there, "name one of them with layer" if names else "")
    return wanted or names[0]


def read_parquet(path: Path, crs: str | None, *, key: str | None) -> Iterator[Row]:
    """The rows of a GeoParquet file."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    path.open("rb").close()
    try:
        # A row group may be most of the file: read it piece by piece, not ahead.
        with ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
            column, told = _geo(file.schema_arrow.metadata or {})
            columns = [name for name in file.schema_arrow.names if name != column]
            if key is not None and key not in columns:
                raise unknown_column(key, columns)
            project = _projection(crs or told)
            yield from _rows(file.iter_batches(batch_size=_BATCH), column, project)
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
            "not GeoParquet: it does not say which column holds geometries",
            "write it with a program that knows GeoParquet, or convert it to .gpkg",
        ) from None
    if encoding != "WKB":
        raise Refused(f"geometries are written as {encoding}, which is not supported", "write them as WKB")
    return name, json.dumps(crs) if isinstance(crs, dict) else crs


def _projection(crs: str | None) -> Project | None:
    if not crs:
        raise Refused(_NO_CRS[0], _NO_CRS[1], field="crs")
    return projection(crs)


def _rows(batches: Any, geometry: str, project: Project | None) -> Iterator[Row]:
    number = 0
    for batch in batches:
        for values in batch.to_pylist():
            number += 1
            found = values.pop(geometry)
            properties = {name: _plain(value) for name, value in values.items()}
            try:
                shape = None if found is None else from_wkb(found)
            except ValueError as error:
                yield Row(number, properties=properties, problem=Problem("geometry", str(error), ""))
            else:
                yield Row(number, None, properties, shape, None, project)
    if not number:
        raise Refused("holds no row")


def _plain(value: Any) -> Any:
    """A value as JSON can say it."""
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
