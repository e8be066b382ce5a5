"""Writes the same rows in every format that sources read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyogrio
import shapely
from pyarrow import parquet

Feature = dict[str, Any]
SUFFIXES = (".geojson", ".json", ".geojsonl", ".geojsons", ".csv", ".tsv", ".gpkg", ".shp", ".parquet")


def square(lon: float, lat: float, side: float = 0.1) -> list[list[float]]:
    return [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: Any, **properties: Any) -> Feature:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write(path: Path, features: Sequence[Feature], *, crs: str = "EPSG:4326", layer: str = "fields") -> Path:
    """The features, in the format that the file's name ends in; all have the same properties, which are text."""
    suffix = path.suffix
    if suffix in (".geojson", ".json"):
        member = {} if crs == "EPSG:4326" else {"crs": {"type": "name", "properties": {"name": crs}}}
        head = json.dumps({"type": "FeatureCollection", **member})[:-1]
        lines = ",\n".join(map(json.dumps, features))
        path.write_text(f'{head}, "features": [\n{lines}\n]}}\n', encoding="utf-8")
    elif suffix == ".geojsonl":
        path.write_text("".join(f"{json.dumps(one)}\n" for one in features), encoding="utf-8")
    elif suffix == ".geojsons":
        path.write_text("".join(f"\x1e{json.dumps(one, indent=1)}\n" for one in features), encoding="utf-8")
    elif suffix in (".csv", ".tsv"):
        path.write_text(_table(features, "\t" if suffix == ".tsv" else ","), encoding="utf-8", newline="")
    elif suffix == ".parquet":
        _parquet(path, features, crs)
    else:
        _layer(path, features, crs, layer)
    return path


def _names(features: Sequence[Feature]) -> list[str]:
    return list(features[0]["properties"])


def _table(features: Sequence[Feature], delimiter: str) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter=delimiter)
    table.writerow([*_names(features), "wkt"])
    for one in features:
        table.writerow([*one["properties"].values(), wkt(one["geometry"])])
    return text.getvalue()


def wkt(geometry: dict[str, Any]) -> str:
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    texts = [
        "(" + ", ".join(f"({', '.join(f'{x!r} {y!r}' for x, y in ring)})" for ring in p) + ")" for p in parts
    ]
    return f"POLYGON {texts[0]}" if geometry["type"] == "Polygon" else f"MULTIPOLYGON ({', '.join(texts)})"


def _wkb(features: Sequence[Feature]) -> list[bytes]:
    return [shapely.to_wkb(shapely.geometry.shape(one["geometry"])) for one in features]


def _layer(path: Path, features: Sequence[Feature], crs: str, layer: str) -> None:
    columns = [
        np.array([one["properties"][name] for one in features], dtype=object) for name in _names(features)
    ]
    shapefile = path.suffix == ".shp"
    pyogrio.raw.write(
        path,
        geometry=np.array(_wkb(features), dtype=object),
        field_data=columns,
        fields=np.array(_names(features), dtype=object),
        geometry_type="Polygon" if shapefile else "Unknown",
        crs=crs,
        driver="ESRI Shapefile" if shapefile else "GPKG",
        layer=path.stem if shapefile else layer,
        encoding="UTF-8",
        append=path.exists(),
    )


def _parquet(path: Path, features: Sequence[Feature], crs: str) -> None:
    columns: dict[str, Any] = {
        name: [one["properties"][name] for one in features] for name in _names(features)
    }
    columns["geometry"] = pyarrow.array(_wkb(features), pyarrow.binary())
    member = {} if crs == "EPSG:4326" else {"crs": crs}
    column = {"encoding": "WKB", "geometry_types": [], **member}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    table = pyarrow.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})
    parquet.write_table(table, path)
