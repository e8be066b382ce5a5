"""Every check holds on every path: in each format, with coordinates in degrees or in another reference system."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow
import pyproj
import pytest
import shapely
from geofiles import feature, polygon, square, write
from pyarrow import parquet

from pixxel_async import InvalidInput
from pixxel_async.bulk.sources import BadRows, check, open_source

UTM_32N = "EPSG:32632"
_NUMBERS = re.compile(r"-?\d+\.\d+|at \[.*")
RING = square(10.0, 45.0)
BOWTIE = [[10.0, 45.0], [10.1, 45.1], [10.1, 45.0], [10.0, 45.1], [10.0, 45.0]]
FLAT = [[10.0, 45.0], [10.1, 45.0], [10.1, 45.0], [10.0, 45.0]]

NO_AREAS: dict[str, Any] = {
    "point": {"type": "Point", "coordinates": [10.0, 45.0]},
    "line": {"type": "LineString", "coordinates": RING[:3]},
    "points": {"type": "MultiPoint", "coordinates": RING[:3]},
    "lines": {"type": "MultiLineString", "coordinates": [RING[:3]]},
    "collection": {"type": "GeometryCollection", "geometries": [polygon(RING)]},
    "empty polygon": {"type": "Polygon", "coordinates": []},
    "empty multipolygon": {"type": "MultiPolygon", "coordinates": []},
    "bowtie": polygon(BOWTIE),
    "bowtie among parts": {"type": "MultiPolygon", "coordinates": [[RING], [BOWTIE]]},
    "no area": polygon(FLAT),
    "hole outside": polygon(RING, square(10.3, 45.3)),
}
"""What every format can hold."""
MALFORMED: dict[str, Any] = {
    "null": None,
    "number": 5,
    "list": [polygon(RING)],
    "no type": {"coordinates": [RING]},
    "no coordinates": {"type": "Polygon"},
    "coordinates null": {"type": "Polygon", "coordinates": None},
    "coordinates text": {"type": "Polygon", "coordinates": "10 45"},
    "coordinates object": {"type": "Polygon", "coordinates": {"a": 1}},
    "type a list": {"type": ["Polygon"], "coordinates": [RING]},
    "a feature": feature(polygon(RING)),
    "rings are numbers": polygon(5),
    "positions are numbers": polygon([10.0, 45.0]),
    "position of one": polygon([[10.0], *RING[1:]]),
    "position empty": polygon([[], *RING[1:]]),
    "position null": polygon([None, *RING[1:]]),
    "text": polygon([["10.0", 45.0], *RING[1:]]),
    "boolean": polygon([[True, False], *RING[1:]]),
    "coordinate null": polygon([[10.0, None], *RING[1:]]),
    "coordinate a list": polygon([[10.0, [45.0]], *RING[1:]]),
    "no rings": {"type": "MultiPolygon", "coordinates": [[]]},
    "no positions": polygon([]),
    "not closed": polygon(RING[:-1]),
    "three positions": polygon([RING[0], RING[1], RING[0]]),
    "too deep": {"type": "Polygon", "coordinates": [[RING]]},
    "not deep enough": {"type": "MultiPolygon", "coordinates": [RING]},
    "deep": {"type": "Polygon", "coordinates": json.loads("[" * 900 + "1, 2, 3" + "]" * 900)},
    "altitude first": polygon([[10.0, 45.0, 3.0], 5]),
}
"""What only JSON can hold."""


def to_utm(coordinates: Any) -> Any:
    """All pairs of numbers transformed, and everything else as it is."""
    to = pyproj.Transformer.from_crs("OGC:CRS84", UTM_32N, always_xy=True)
    if not isinstance(coordinates, list):
        return coordinates
    if len(coordinates) == 2 and all(type(number) is float for number in coordinates):
        return list(to.transform(*coordinates))
    return [to_utm(each) for each in coordinates]


def in_utm(geometry: Any) -> Any:
    if not isinstance(geometry, dict) or geometry is MALFORMED["deep"]:
        return geometry
    changed = {key: to_utm(value) for key, value in geometry.items() if key == "coordinates"}
    return {**geometry, **changed}


def told(path: Path, **options: Any) -> list[tuple[int | None, str, str]]:
    """Row, field, and what is wrong, without coordinates."""
    with pytest.raises(BadRows) as caught:
        check(open_source(path, **options))
    kinds = [_NUMBERS.sub("N", fault.what) for fault in caught.value.faults]
    return [(fault.row, fault.field, kind) for fault, kind in zip(caught.value.faults, kinds, strict=True)]


def alike(suffix: str, geometry: Any, folder: Path) -> list[tuple[int | None, str, str]]:
    """The fault of a row between two good ones, the same in degrees and in metres."""
    rows = [feature(polygon(square(lon, 46.0)), name=str(lon)) for lon in (9.0, 11.0)]
    degrees = [rows[0], feature(geometry, name="bad"), rows[1]]
    metres = [feature(in_utm(row["geometry"]), **row["properties"]) for row in degrees]
    expected = told(write(folder / f"degrees{suffix}", degrees))
    path = write(folder / f"metres{suffix}", metres, crs=UTM_32N)
    options = {"crs": UTM_32N} if suffix in (".csv", ".geojsonl", ".geojsons") else {}
    assert expected == told(path, **options)
    assert [(2, "geometry")] == [fault[:2] for fault in expected]
    return expected


@pytest.mark.parametrize("geometry", NO_AREAS.values(), ids=list(NO_AREAS))
@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl", ".geojsons", ".gpkg", ".parquet"])
def test_t9_what_is_no_area_is_the_same_fault_in_every_format_and_system(
    suffix: str, geometry: Any, tmp_path: Path
) -> None:
    assert alike(".json", geometry, tmp_path) == alike(suffix, geometry, tmp_path)


@pytest.mark.parametrize("name", ["bowtie", "bowtie among parts", "no area", "hole outside"])
def test_t9_a_table_has_the_same_faults_in_every_system(name: str, tmp_path: Path) -> None:
    assert alike(".json", NO_AREAS[name], tmp_path) == alike(".csv", NO_AREAS[name], tmp_path)


@pytest.mark.parametrize("name", ["no area", "bowtie"])
def test_t9_a_shapefile_has_the_same_faults_in_every_system(name: str, tmp_path: Path) -> None:
    assert alike(".json", NO_AREAS[name], tmp_path) == alike(".shp", NO_AREAS[name], tmp_path)


@pytest.mark.parametrize("geometry", MALFORMED.values(), ids=list(MALFORMED))
@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl"])
def test_t9_malformed_geometry_is_the_same_fault_in_every_system(
    suffix: str, geometry: Any, tmp_path: Path
) -> None:
    alike(suffix, geometry, tmp_path)


def test_t9_a_place_outside_of_its_reference_system_is_a_fault_of_its_row(tmp_path: Path) -> None:
    far = polygon(square(1e300, 1e300))
    path = write(tmp_path / "plots.geojson", [feature(far, name="a")], crs=UTM_32N)
    with pytest.raises(BadRows, match=r"vertex 0: \[1e\+300, 1e\+300\] has no longitude and latitude"):
        check(open_source(path))


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_t9_altitudes_are_left_out_in_every_system(suffix: str, tmp_path: Path) -> None:
    flat, high = in_utm(polygon(RING)), in_utm(polygon(RING))
    high["coordinates"] = [[[*position, 310.0] for position in ring] for ring in high["coordinates"]]
    found = [
        field.geometry
        for name, geometry in (("flat", flat), ("high", high))
        for field in open_source(
            write(tmp_path / f"{name}{suffix}", [feature(geometry, name="a")], crs=UTM_32N)
        ).read()
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("place", ["feature", "geometry"])
@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl"])
@pytest.mark.parametrize("system", ["EPSG:4326", UTM_32N])
def test_t9_a_reference_system_of_one_feature_is_refused_in_every_system_of_the_file(
    system: str, suffix: str, place: str, tmp_path: Path
) -> None:
    member = {"type": "name", "properties": {"name": "EPSG:4269"}}
    row = feature(polygon(RING) if system == "EPSG:4326" else in_utm(polygon(RING)), name="a")
    (row if place == "feature" else row["geometry"])["crs"] = member
    path = write(tmp_path / f"plots{suffix}", [row], crs=system)
    assert [(1, "geometry")] == [fault[:2] for fault in told(path)]
    assert 1 == check(open_source(path, crs=system)).fields  # the option overrides what a file says wrongly


# --- what a file holds besides geometries -----------------------------------------------------------------


def shapefile(path: Path, name: str, *, encoding: str) -> Path:
    """A Shapefile whose .dbf has text in an encoding that it does not state."""
    write(path, [feature(polygon(RING), name="a"), feature(polygon(square(11.0, 46.0)), name="Nxrd")])
    table = path.with_suffix(".dbf")
    data = table.read_bytes().replace(b"Nxrd", name.encode(encoding))
    table.write_bytes(data[:29] + b"\0" + data[30:])  # no code page
    path.with_suffix(".cpg").unlink()
    return path


def undecodable(suffix: str, folder: Path) -> Path:
    """Two rows, of which the second has a name in cp1252."""
    path = folder / f"plots{suffix}"
    if suffix == ".shp":
        return shapefile(path, "Nörd", encoding="cp1252")
    write(path, [feature(polygon(RING), name="a"), feature(polygon(square(11.0, 46.0)), name="Nxrd")])
    if suffix == ".parquet":
        table = parquet.read_table(path)
        names = pyarrow.array([b"a", "Nörd".encode("cp1252")]).view(pyarrow.string())
        parquet.write_table(table.set_column(0, "name", names), path)
    else:
        path.write_bytes(path.read_bytes().replace(b"Nxrd", "Nörd".encode("cp1252")))
    return path


def takes_encoding(path: Path) -> bool:
    """Whether the option that the remedy may name is accepted for a file."""
    try:
        open_source(path, encoding="cp1252")
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize("suffix", [".shp", ".csv", ".tsv", ".gpkg", ".parquet"])
def test_t10_t11_a_name_that_cannot_be_decoded_is_a_fault_of_its_row_and_column(
    suffix: str, tmp_path: Path
) -> None:
    path = undecodable(suffix, tmp_path)
    with pytest.raises(BadRows) as caught:
        check(open_source(path))
    (fault,) = caught.value.faults
    assert (2, "name", "not UTF-8 text") == (fault.row, fault.field, fault.what)
    remedies = {
        True: "give the encoding of the file, for example cp1252, or save it as UTF-8",
        False: "correct the value and write the file again: its format is always UTF-8",
    }
    assert remedies[takes_encoding(path)] == fault.remedy
    assert str(caught.value).startswith(f"{path}:\n")


def without_crs(folder: Path) -> Path:
    path = write(folder / "plots.shp", [feature(polygon(RING), name="a")])
    path.with_suffix(".prj").unlink()
    return path


def nameless_crs(folder: Path) -> Path:
    path = write(folder / "plots.geojson", [feature(polygon(RING), name="a")])
    path.write_text(path.read_text().replace("{", '{"crs": {"type": "link"}, ', 1))
    return path


def two_layers(folder: Path) -> Path:
    for layer in ("a", "b"):
        write(folder / "plots.gpkg", [feature(polygon(RING), name=layer)], layer=layer)
    return folder / "plots.gpkg"


def points(folder: Path) -> Path:
    path = folder / "plots.csv"
    path.write_text("name,lon,lat\na,10,45\n")
    return path


@pytest.mark.parametrize(
    ("make", "option", "value"),
    [
        (without_crs, "crs", "EPSG:4326"),
        (nameless_crs, "crs", "EPSG:4326"),
        (two_layers, "layer", "a"),
        (points, "square_m", 100.0),
        (partial(undecodable, ".csv"), "encoding", "cp1252"),
        (partial(undecodable, ".shp"), "encoding", "cp1252"),
    ],
)
def test_t11_an_option_that_a_remedy_names_cures_the_fault(
    make: Callable[[Path], Path], option: str, value: Any, tmp_path: Path
) -> None:
    path = make(tmp_path)
    with pytest.raises(BadRows) as caught:
        check(open_source(path))
    (fault,) = caught.value.faults
    assert option in fault.remedy
    assert 1 <= check(open_source(path, **{option: value})).fields


@pytest.mark.parametrize("suffix", [".shp", ".csv"])
def test_t10_the_encoding_that_is_given_is_used(suffix: str, tmp_path: Path) -> None:
    path = undecodable(suffix, tmp_path)
    assert ["a", "Nörd"] == [field.key for field in open_source(path, encoding="cp1252").read()]
    with pytest.raises(BadRows, match=r"row 2( \(line 3\))?, name: not ascii text"):
        check(open_source(path, encoding="ascii"))


@pytest.mark.parametrize(("encoding", "name"), [("cp1252", "N\xd6rd"), ("utf-8", "N\xd6d"), ("gbk", "蓆th")])
def test_t10_the_encoding_that_is_given_overrides_what_the_shapefile_says(
    encoding: str, name: str, tmp_path: Path
) -> None:
    path = shapefile(tmp_path / "plots.shp", name, encoding=encoding)
    path.with_suffix(".cpg").write_text("ISO-8859-7")
    assert ["a", name] == [field.key for field in open_source(path, encoding=encoding).read()]


def test_t10_no_byte_that_an_encoding_lacks_is_dropped(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "plots.shp", "N\x81rd", encoding="latin-1")
    with pytest.raises(BadRows, match="row 2, name: not cp1252 text"):
        check(open_source(path, encoding="cp1252"))


@pytest.mark.parametrize("suffix", [".shp", ".csv"])
def test_t10_column_names_have_the_encoding_of_the_file(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"plots{suffix}", [feature(polygon(RING), name="a", crxp="rye")])
    table = path.with_suffix(".dbf") if suffix == ".shp" else path
    data = table.read_bytes().replace(b"crxp", "cröp".encode("cp1252"))
    if suffix == ".shp":
        data = data[:29] + b"\0" + data[30:]
        path.with_suffix(".cpg").unlink()
    table.write_bytes(data)
    (field,) = open_source(path, encoding="cp1252").read()
    assert "rye" == field.properties["cröp"]
    with pytest.raises(BadRows, match="not UTF-8 text; give the encoding of the file"):
        check(open_source(path))


def parquet_file(path: Path, **columns: Any) -> Path:
    geometry = {"encoding": "WKB", "geometry_types": []}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    table = pyarrow.table(columns).replace_schema_metadata({"geo": json.dumps(geo)})
    parquet.write_table(table, path)
    return path


WKB = shapely.to_wkb(shapely.box(10.0, 45.0, 10.1, 45.1))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"name": ["a"]}, "no single column 'geometry'"),
        ({"geometry": ["text"]}, "row 1, geometry: not well-known binary, but a value of type str"),
        ({"geometry": [5]}, "row 1, geometry: not well-known binary, but a value of type int"),
        ({"geometry": [WKB], "when": pyarrow.array([1], pyarrow.timestamp("ns"))}, "row 1, when: cannot be read"),
        ({"geometry": [WKB], "day": pyarrow.array([2**30], pyarrow.date32())}, "row 1, day: cannot be read"),
    ],
)  # fmt: skip
def test_t10_a_value_that_cannot_be_read_is_a_fault_of_its_place(
    columns: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRows, match=words):
        check(open_source(parquet_file(tmp_path / "plots.parquet", **columns)))


def test_t10_columns_of_one_name_are_refused_in_parquet_too(tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "plots.parquet", geometry=[WKB], a=["x"], b=["y"])
    table = parquet.read_table(path)
    metadata = table.schema.metadata
    parquet.write_table(table.rename_columns(["geometry", "a", "a"]).replace_schema_metadata(metadata), path)
    with pytest.raises(BadRows, match="two columns have the name 'a'"):
        check(open_source(path))


def test_t9_parts_in_parts_of_well_known_binary_are_refused_however_deep(tmp_path: Path) -> None:
    nested = struct.pack("<BII", 1, 6, 1) * 5000
    with pytest.raises(BadRows, match="row 1, geometry: a multipolygon with parts that are not polygons"):
        check(open_source(parquet_file(tmp_path / "plots.parquet", geometry=[nested])))


@pytest.mark.parametrize("crs", ["OGC:CRS84", UTM_32N])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_t9_a_coordinate_that_is_not_finite_is_a_fault_of_its_row(
    number: float, crs: str, tmp_path: Path
) -> None:
    ring = (10.0, 45.0, number, 45.0, 10.1, 45.1, 10.0, 45.0)
    path = parquet_file(tmp_path / "plots.parquet", geometry=[struct.pack("<BIII8d", 1, 3, 1, 4, *ring)])
    with pytest.raises(BadRows, match=f"row 1, geometry: ring 0, vertex 1: {number} is not a finite number"):
        check(open_source(path, crs=crs))
