"""Reading files of polygons: every format gives the same fields, and all that is wrong is told before anything is sent."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import logging
import pickle
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import shapely
from geofiles import SUFFIXES, feature, polygon, square, wkt, write
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async import InvalidInput
from pixxel_async.bulk._recipe.recipes import Items, Recipe
from pixxel_async.bulk.sources import BadRows, Fault, Field, Problem, check, open_source
from pixxel_async.bulk.sources._check import area_km2
from pixxel_async.bulk.sources._json_stream import JsonStream

NORTH, SOUTH = polygon(square(10.0, 45.0)), polygon(square(10.0, 44.0), square(10.02, 44.02, 0.05))
PLOTS = [feature(NORTH, name="north", crop="rye"), feature(SOUTH, name="south", crop="spelt")]
UTM_32N = "EPSG:32632"


def fields(path: Path, **options: Any) -> list[Field]:
    return list(open_source(path, **options).read())


def faults(path: Path, **options: Any) -> tuple[Fault, ...]:
    with pytest.raises(BadRows) as caught:
        check(open_source(path, **options))
    assert str(path) in str(caught.value)
    return caught.value.faults


def fault(path: Path, **options: Any) -> str:
    (only,) = faults(path, **options)
    return str(only)


def text_file(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# What becomes a field


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_fields_with_key_polygon_and_properties(suffix: str, tmp_path: Path) -> None:
    found = fields(write(tmp_path / f"plots{suffix}", PLOTS))
    expected = [("north", "rye", NORTH), ("south", "spelt", SOUTH)]
    for number, (key, crop, outline) in enumerate(expected, 1):
        field = found[number - 1]
        assert (number, number, key, key, key) == (
            field.row,
            field.source_row,
            field.key,
            field.name,
            field.folder,
        )
        assert {"name": key, "crop": crop} == field.properties
        # Rings of a Shapefile turn the other way.
        assert shapely.equals(shapely.geometry.shape(outline), shapely.geometry.shape(field.geometry))
        assert suffix == ".shp" or outline == field.geometry
    assert 2 == len(found)


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)


@st.composite
def polygons(draw: st.DrawFn) -> dict[str, Any]:
    side = draw(st.floats(0.001, 1))
    lon, lat = draw(st.floats(-179, 178)), draw(st.floats(-89, 88))
    hole = [square(lon + side / 4, lat + side / 4, side / 4)] if draw(st.booleans()) else []
    return polygon(square(lon, lat, side), *hole)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(WORDS, min_size=1, max_size=5, unique=True))
    shapes = polygons() | st.lists(polygons(), min_size=1, max_size=3).map(
        lambda parts: {"type": "MultiPolygon", "coordinates": [part["coordinates"] for part in parts]}
    )
    return [feature(draw(shapes), plot=key, crop=draw(WORDS)) for key in keys]


@settings(max_examples=15)
@given(tables())
def test_any_table_means_the_same_in_every_format(rows: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        suffixes = [suffix for suffix in SUFFIXES if suffix != ".shp"]  # which turns rings round
        paths = [write(Path(folder, f"plots{suffix}"), rows) for suffix in suffixes]
        expected = [
            (key, part, row["properties"])
            for row in rows
            for key, part in _parts(row["properties"]["plot"], row["geometry"])
        ]
        for path in paths:
            found = fields(path, key="plot")
            assert expected == [(field.key, field.geometry, field.properties) for field in found], path.suffix


def _parts(key: str, geometry: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if geometry["type"] == "Polygon":
        return [(key, geometry)]
    parts = [polygon(*rings) for rings in geometry["coordinates"]]
    return (
        [(f"{key}-{at}", part) for at, part in enumerate(parts, 1)] if len(parts) > 1 else [(key, parts[0])]
    )


def test_a_key_comes_from_name_then_id_then_the_feature_then_the_file_and_row(tmp_path: Path) -> None:
    rows = [
        feature(NORTH, name="north", id="a"),
        feature(NORTH, name="  ", id=7),
        {**feature(NORTH, name=None), "id": "x"},
        feature(NORTH, name=True),
    ]
    assert ["north", "7", "x", "plots-4"] == [
        field.key for field in fields(write(tmp_path / "plots.json", rows))
    ]


def test_each_polygon_of_a_multipolygon_is_a_field_of_its_own(tmp_path: Path) -> None:
    twins = {"type": "MultiPolygon", "coordinates": [NORTH["coordinates"], SOUTH["coordinates"]]}
    alone = {"type": "MultiPolygon", "coordinates": [NORTH["coordinates"]]}
    path = write(tmp_path / "plots.geojsonl", [feature(twins, name="twins"), feature(alone, name="alone")])
    expected = [(1, 1, 1, "twins-1", NORTH), (2, 1, 1, "twins-2", SOUTH), (3, 2, 2, "alone", NORTH)]
    assert expected == [(one.row, one.source_row, one.line, one.key, one.geometry) for one in fields(path)]


def test_a_single_feature_or_geometry_is_a_source_of_one_field(tmp_path: Path) -> None:
    one = text_file(tmp_path / "one.geojson", json.dumps(feature(NORTH, name="north")))
    bare = text_file(tmp_path / "bare.geojson", json.dumps(NORTH))
    lines = text_file(tmp_path / "lines.ndjson", json.dumps(NORTH))
    assert ["north", "bare-1", "lines-1"] == [fields(path)[0].key for path in (one, bare, lines)]


def test_a_long_key_makes_a_short_name_that_is_still_its_own() -> None:
    """The name of an order item may have 100 characters, of which a run id takes up to 33."""
    one, other = (Field(1, "long " * 30 + end, NORTH) for end in "ab")
    assert 60 == len(one.name) == len(other.name)
    assert one.name != other.name
    assert one.folder != other.folder
    assert "a_b" == Field(1, "a/b", NORTH).folder


def test_altitudes_are_left_out_and_that_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    high = polygon([[*position, 310.0] for position in square(10.0, 45.0)])
    path = write(tmp_path / "plots.geojson", [feature(high, name=name) for name in "ab"])
    layer = write(tmp_path / "plots.gpkg", [feature(high, name=name) for name in "ab"])
    with caplog.at_level(logging.WARNING):
        assert [NORTH, NORTH] == [field.geometry for field in fields(path)]
    assert [f"{path}: altitudes are dropped, the API takes longitude and latitude"] == caplog.messages
    assert [NORTH, NORTH] == [field.geometry for field in fields(layer)]


def test_values_of_a_table_with_types_are_such_as_json_can_say(tmp_path: Path) -> None:
    import pyarrow

    path = write(tmp_path / "plots.parquet", [feature(NORTH, name="north")])
    from datetime import UTC, date, datetime
    from decimal import Decimal

    values = {
        "sown": date(2026, 4, 2),
        "seen": datetime(2026, 4, 2, 5, tzinfo=UTC),
        "price": Decimal("1.50"),
        "yield": float("nan"),
        "bands": [1.5, None],
        "blob": b"\x00",
        "count": 3,
    }
    table = pyarrow.parquet.read_table(path)
    for name, value in values.items():
        table = table.append_column(name, pyarrow.array([value]))
    pyarrow.parquet.write_table(table, path)
    (field,) = fields(path)
    expected = {
        "name": "north",
        "sown": "2026-04-02",
        "seen": "2026-04-02T05:00:00+00:00",
        "price": "1.50",
        "yield": None,
        "bands": [1.5, None],
        "blob": None,
        "count": 3,
    }
    assert expected == json.loads(json.dumps(field.properties))


def test_a_source_can_be_read_again_and_given_up_in_the_middle(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        source = open_source(write(tmp_path / f"plots{suffix}", PLOTS))
        half = source.read()
        next(half)
        half.close()
        assert (
            ["north", "south"] == [field.key for field in source.read()] == [one.key for one in source.read()]
        )


def test_a_layer_is_named_where_there_are_several(tmp_path: Path) -> None:
    path = write(tmp_path / "farm.gpkg", PLOTS[:1], layer="north")
    write(path, PLOTS[1:], layer="south")
    assert "has 2 layers: north, south; name one of them with layer (--layer)" == fault(path)
    assert ["south"] == [field.key for field in fields(path, layer="south")]
    assert "no layer 'sauth'; there are: north, south; name one of them" == fault(path, layer="sauth")


# Tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_t6_tables_may_have_a_byte_order_mark_any_line_end_and_separator(
    delimiter: str, mark: str, end: str, tmp_path: Path
) -> None:
    rows = [
        ["name", "wkt", "crop"],
        ["north", f'"{wkt(NORTH)}"', "rye"],
        ["", "", ""],
        ["south", f'"{wkt(SOUTH)}"', ""],
    ]
    text = mark + end.join(delimiter.join(row) for row in rows)
    north, south = fields(text_file(tmp_path / "plots.csv", text))
    assert (1, 2, "north", NORTH, {"name": "north", "crop": "rye"}) == (
        north.source_row, north.line, north.key, north.geometry, north.properties
    )  # fmt: skip
    assert (2, 4, SOUTH, {"name": "south"}) == (
        south.source_row,
        south.line,
        south.geometry,
        south.properties,
    )


def test_a_row_over_several_lines_is_known_by_its_first(tmp_path: Path) -> None:
    text = f'name,wkt\n"a\nb","{wkt(NORTH)}"\nsecond,"{wkt(NORTH)}"\nthird,\n'
    name, empty = faults(text_file(tmp_path / "plots.csv", text))
    assert "row 1 (line 2), name: has control characters; rename it" == str(name)
    assert "row 3 (line 5), geometry: is missing; a Polygon or MultiPolygon is needed" == str(empty)


def test_points_become_squares_where_a_side_is_given(tmp_path: Path) -> None:
    path = text_file(tmp_path / "points.csv", "name,Lon,Lat\nequator,10.0,0\nnorth,10.0,60\n")
    assert fault(path).startswith("line 1: points have no area; give polygons as WKT, or square_m")
    checked = check(open_source(path, square_m=1000))
    assert pytest.approx(2.0, rel=0.01) == checked.area_km2
    equator, north = (shapely.geometry.shape(field.geometry) for field in fields(path, square_m=1000))
    assert (10.0, 0.0) == pytest.approx((equator.centroid.x, equator.centroid.y), abs=1e-9)
    west, south, east, north_end = north.bounds
    assert pytest.approx(2 * (north_end - south), rel=1e-4) == east - west


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: no column holds a geometry; there are: none; name the column with WKT wkt"),
        ("name,area\na,1\n", "line 1: no column holds a geometry; there are: name, area"),
        ("name,wkt,name\n", "line 1: two columns have the name 'name'; rename one"),
        ("name,wkt\n", "holds no row"),
        ("name,wkt\nn,POLYGON ((1 2, 3 4, 5 6, 1 2))\n", "row 1 (line 2): has 5 cells, but there are 2 columns; put"),
        ("name,wkt\nn\n", "row 1 (line 2): has 1 cells, but there are 2 columns"),
        ("name,wkt\nn,/etc/hostname\n", "row 1 (line 2), geometry: '/etc/hostname' is not WKT; write POLYGON"),
        ("name,wkt\nn,POINT (1 2)\n", "row 1 (line 2), geometry: WKT of a POINT: a POLYGON or MULTIPOLYGON is needed"),
        ("name,wkt\nn,POLYGON EMPTY\n", "row 1 (line 2), geometry: the Polygon is empty"),
        ("name,wkt\nn,SRID=3857;POLYGON EMPTY\n", "row 1 (line 2), geometry: WKT in SRID 3857: transform it"),
        ('name,wkt\nn,"POLYGON ((1 2\n', "row 1 (line 2), geometry: WKT whose parentheses do not match"),
        (b"name,wkt\n\xe9,x\n", "row 1 (line 2), name: not UTF-8 text; give the encoding of the file"),
        ("name,wkt\n".encode("utf-16"), "line 1: not UTF-8 text, but UTF-16; save the table as UTF-8"),
    ],
)  # fmt: skip
def test_t6_what_is_wrong_with_a_table_is_said_with_its_line(
    text: str | bytes, words: str, tmp_path: Path
) -> None:
    assert fault(text_file(tmp_path / "plots.csv", text)).startswith(words)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("n,200,5", "geometry: [200.0, 5.0] is not a longitude and latitude"),
        (
            "n,5,88",
            "geometry: [5.0, 88.0] is not a longitude and latitude in degrees; the latitude must be within ±85",
        ),
        ("n,east,5", "geometry: lon 'east' is not a number; write degrees such as 77.5"),
        ("n,,5", "geometry: lon '' is not a number"),
        ("n,nan,5", "geometry: lon 'nan' is not a number"),
    ],
)
def test_a_point_that_is_none_is_refused(row: str, words: str, tmp_path: Path) -> None:
    path = text_file(tmp_path / "points.csv", f"name,lon,lat\n{row}\n")
    assert fault(path, square_m=100).startswith(f"row 1 (line 2), {words}")


# Reference systems


def utm(geometry: dict[str, Any]) -> dict[str, Any]:
    import pyproj

    to_utm = pyproj.Transformer.from_crs("OGC:CRS84", UTM_32N, always_xy=True)
    rings = [[list(to_utm.transform(x, y)) for x, y in ring] for ring in geometry["coordinates"]]
    return polygon(*rings)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".parquet"])
def test_t6_coordinates_of_another_system_are_transformed(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"plots{suffix}", [feature(utm(NORTH), name="north")], crs=UTM_32N)
    (field,) = fields(path)
    found = shapely.geometry.shape(field.geometry)
    assert shapely.geometry.shape(NORTH).hausdorff_distance(found) < 1e-7


@pytest.mark.parametrize("suffix", [".geojsonl", ".geojsons", ".csv", ".tsv", ".geojson"])
def test_where_a_file_does_not_tell_its_system_an_option_does(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"plots{suffix}", [feature(utm(NORTH), name="north")])
    assert "are not degrees, perhaps metres of a map projection; transform the geometry" in fault(path)
    (field,) = fields(path, crs=UTM_32N)
    assert shapely.geometry.shape(NORTH).hausdorff_distance(shapely.geometry.shape(field.geometry)) < 1e-7


def test_points_are_transformed_before_squares_are_made(tmp_path: Path) -> None:
    [[x, y], *_] = utm(NORTH)["coordinates"][0]
    path = text_file(tmp_path / "points.csv", f"name,lon,lat\nn,{x},{y}\n")
    (field,) = fields(path, square_m=100, crs=UTM_32N)
    middle = shapely.geometry.shape(field.geometry).centroid
    assert (10.0, 45.0) == pytest.approx((middle.x, middle.y), abs=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "OGC:CRS84"])
def test_wgs_84_needs_no_transformation_and_no_extra(
    crs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyproj", None)
    path = write(tmp_path / "plots.geojson", PLOTS, crs=crs)
    assert [NORTH, SOUTH] == [field.geometry for field in fields(path)]


def test_a_system_that_is_told_wrongly_or_not_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plots.prj").unlink(missing_ok=True)
    shapefile = write(tmp_path / "plots.shp", PLOTS)
    (tmp_path / "plots.prj").unlink()
    assert "crs: it does not state its reference system; state it with crs (--crs)" == fault(shapefile)
    assert 2 == len(fields(shapefile, crs="EPSG:4326"))

    mars = write(tmp_path / "mars.geojson", PLOTS, crs="MARS:1")
    assert "MARS:1 is not a reference system that can be transformed; give" in fault(mars)
    assert 2 == len(fields(mars, crs="EPSG:4326"))
    with pytest.raises(InvalidInput, match="MARS:1 is not a reference system"):
        open_source(mars, crs="MARS:1")

    linked = {"type": "FeatureCollection", "crs": {"type": "link"}, "features": PLOTS}
    path = text_file(tmp_path / "linked.geojson", json.dumps(linked))
    assert "crs: its reference system has no name; state it with crs (--crs)" == fault(path)

    late = {"type": "FeatureCollection", "features": PLOTS, "crs": {"properties": {"name": UTM_32N}}}
    path = text_file(tmp_path / "late.geojson", json.dumps(late))
    assert fault(path).startswith("its reference system is after its features")


def test_what_cannot_be_transformed_is_a_fault_of_its_row(tmp_path: Path) -> None:
    rows = [
        feature(polygon([["a", "b"]]), name="text"),
        feature(polygon(5), name="number"),
        feature(None, name="none"),
    ]
    found = faults(write(tmp_path / "plots.geojson", rows, crs=UTM_32N))
    assert [1, 2, 3] == [each.row for each in found]
    assert {"geometry"} == {each.field for each in found}
    far = write(tmp_path / "far.geojson", [feature(polygon(square(1e300, 1e300)), name="far")], crs=UTM_32N)
    assert "row 1 (line 2), geometry: ring 0, vertex 0" in fault(far)


@pytest.mark.parametrize(
    ("suffix", "missing"), [(".gpkg", "pyogrio"), (".shp", "pyarrow"), (".parquet", "pyarrow")]
)
def test_without_the_extra_the_error_says_how_to_install_it(
    suffix: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InvalidInput, match=rf'needs {missing}; pip install "pixxel-async\[geo\]"'):
        open_source(tmp_path / f"plots{suffix}")


def test_without_the_extra_another_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyproj", None)
    path = write(tmp_path / "plots.geojson", PLOTS, crs=UTM_32N)
    assert f'transforming coordinates from {UTM_32N} needs pyproj; pip install "pixxel-async[geo]"' == fault(
        path
    )
    with pytest.raises(InvalidInput, match="needs pyproj"):
        open_source(path, crs=UTM_32N)


# What is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "a.kml"}, r"a.kml: cannot read \.kml; the formats are .*; convert others, for example with ogr2ogr"),
        ({"path": "fields"}, "cannot read a file without an ending"),
        ({"path": "a.csv", "layer": "x"}, "layer='x': only a .gpkg has layers"),
        ({"path": "a.geojson", "square_m": 5}, "only for tables with lon and lat, not for a.geojson"),
        ({"path": "a.csv", "square_m": 0}, "must be from 1 to 100000 metres"),
        ({"path": "a.gpkg", "encoding": "cp1252"}, "encoding='cp1252': only for tables and Shapefiles, not for a.gpkg"),
        ({"path": "a.shp", "encoding": "cp9999"}, "encoding='cp9999': not an encoding that extends ASCII; give for example"),
        ({"path": "a.csv", "encoding": "utf-16"}, "encoding='utf-16': not an encoding that extends ASCII"),
        ({"path": "a.csv", "encoding": "cp037"}, "encoding='cp037': not an encoding that extends ASCII"),
        ({"path": "a.csv", "square_m": float("nan")}, "must be from 1 to 100000 metres"),
    ],
)  # fmt: skip
def test_t6_formats_and_options_that_do_not_fit_are_refused_at_once(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        open_source(**options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: not GeoJSON: the outermost value must be an object"),
        ("<kml/>", "line 1: not GeoJSON: the outermost value must be an object"),
        ("[1, 2]", "line 1: not GeoJSON: the outermost value must be an object"),
        ('{"type": "Feature"\n', "line 2: not JSON: the end of the file where ',' is needed"),
        ('{type: "Feature"}', "line 1: not JSON: a key in quotes is needed"),
        ('{"type": }', "line 1: not JSON: a value is missing"),
        ('{"type": nothing}', "line 1: not JSON: "),
        ('{"type": "Topology"}', "not a GeoJSON FeatureCollection or Feature of polygons"),
        ('{"type": "FeatureCollection", "features": {}}', "not a GeoJSON FeatureCollection or Feature of polygons"),
        ('{"type": "FeatureCollection", "features": []}', "holds no feature"),
        ('{"type": "Feature", "geometry": null}\n{"type"', "line 2: there is more text after the outermost object; name"),
        ('{"type": "Feature", "geometry": null}', "row 1 (line 1), geometry: is missing; a Polygon or MultiPolygon"),
        ('{"a": ' + "[" * 100_000, "line 1: not JSON: the value that starts here does not end"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", "line 1: not JSON: "),
        (b'{"type":\n"\xff"}', "line 2: not JSON: "),
    ],
)  # fmt: skip
def test_t6_what_is_not_geojson_is_said_with_its_line(text: str | bytes, words: str, tmp_path: Path) -> None:
    assert fault(text_file(tmp_path / "plots.geojson", text)).startswith(words)


@pytest.mark.parametrize(
    ("feature_text", "expected"),
    [
        ("{]}", ["row 1 (line 2): not JSON: ", "line 2: not JSON: the end of the file where ',' is needed"]),
        ('{"type": "Feature"}\n{', ["row 1 (line 2), geometry: is missing", "line 3: not JSON: '{' where ',' is needed"]),
        ('{"type": "Feature", "a": [', ["line 2: not JSON: the value that starts here does not end; is the file whole?"]),
    ],
)  # fmt: skip
def test_a_broken_feature_does_not_hide_what_is_wrong_besides(
    feature_text: str, expected: list[str], tmp_path: Path
) -> None:
    path = text_file(
        tmp_path / "plots.geojson", '{"type": "FeatureCollection", "features": [\n' + feature_text
    )
    for start, found in zip(expected, faults(path), strict=True):
        assert str(found).startswith(start)


def test_a_collection_that_does_not_call_itself_one_is_refused_at_its_end(tmp_path: Path) -> None:
    path = text_file(
        tmp_path / "plots.geojson", json.dumps({"features": [{"type": "Feature"}], "type": "Set"})
    )
    assert [
        "row 1 (line 1), geometry: is missing",
        'not GeoJSON: its "type" must be "FeatureCollection"',
    ] == [str(each).partition(";")[0] for each in faults(path)]


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".parquet"])
def test_what_is_not_of_its_format_is_refused(suffix: str, tmp_path: Path) -> None:
    path = text_file(tmp_path / f"plots{suffix}", b"not of this kind " * 100)
    assert fault(path).startswith("cannot be read: ")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_file_and_a_folder_are_named(suffix: str, tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" == fault(tmp_path / f"absent{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    assert "cannot be read: Is a directory" == fault(tmp_path / f"folder{suffix}")


def test_parquet_without_geometries_is_refused(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    plain, native = tmp_path / "plain.parquet", tmp_path / "native.parquet"
    parquet.write_table(pyarrow.table({"a": [1]}), plain)
    assert fault(plain).startswith(
        "not GeoParquet: it does not state which column holds geometries; write it"
    )
    geo = {"primary_column": "g", "columns": {"g": {"encoding": "polygon"}}}
    parquet.write_table(pyarrow.table({"g": [1]}).replace_schema_metadata({"geo": json.dumps(geo)}), native)
    assert "geometries are written as polygon, which is not supported; write them as WKB" == fault(native)


@pytest.mark.parametrize(
    "blob", [b"", b"\x01", b"\x01\x03\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", b"\x07" * 9]
)
def test_wkb_that_is_none_is_a_fault_of_its_row(blob: bytes, tmp_path: Path) -> None:
    import pyarrow

    path = write(tmp_path / "plots.parquet", PLOTS)
    table = pyarrow.parquet.read_table(path)
    column = pyarrow.array([blob, table["geometry"][1].as_py()], pyarrow.binary())
    pyarrow.parquet.write_table(table.set_column(2, "geometry", column), path)
    assert fault(path).startswith("row 1, geometry: ")


@pytest.mark.parametrize("kind", ["POINT (1 2)", "LINESTRING (1 2, 3 4)", "GEOMETRYCOLLECTION (POINT (1 2))"])
def test_geometries_that_are_no_areas_are_refused_by_their_kind(kind: str, tmp_path: Path) -> None:
    shape = json.loads(shapely.to_geojson(shapely.from_wkt(kind)))
    for suffix in (".geojson", ".gpkg", ".parquet"):
        path = write(tmp_path / f"plots{suffix}", [feature(shape, name="n")])
        assert f"a Polygon or MultiPolygon is needed, not a {shape['type']}" in fault(path)


# All at once


def test_t8_all_faults_are_listed_at_once_each_with_row_line_field_and_remedy(tmp_path: Path) -> None:
    """One run shows all that must be repaired, not only the first of it."""
    text = "\n".join(
        [
            '{"type": "FeatureCollection", "features": [',
            json.dumps(feature(NORTH, name="good")) + ",",
            json.dumps(feature(polygon(square(10, 45)[:-1]), name="open")) + ",",
            '{"type": "Feature", "geometry": {broken}},',
            json.dumps(
                feature(polygon([[45.0, 100.0], [45.0, 101.0], [46.0, 101.0], [45.0, 100.0]]), name="swap")
            )
            + ",",
            json.dumps(
                feature(polygon([[179.9, 0], [-179.9, 0], [-179.9, 1], [179.9, 0]]), name="antimeridian")
            )
            + ",",
            json.dumps(feature(NORTH, name="good")) + ",",
            json.dumps(feature(NORTH, name="GOOD")) + ",",
            json.dumps(feature(NORTH, name="bell\x07")) + ",",
            json.dumps(NORTH) + ",",
            json.dumps(feature(polygon([[10, 45], [11, 46], [11, 45], [10, 46], [10, 45]]), name="bow"))
            + ",",
            '"text"]}',
        ]
    )
    found = faults(text_file(tmp_path / "plots.geojson", text))
    expected = [
        (2, 3, "geometry", "ring 0: is not closed", "repeat the first vertex"),
        (3, 4, "", "not JSON: ", ""),
        (4, 5, "geometry", "ring 0, vertex 0: latitude 100.0 is outside -90 to 90", "longitude comes first"),
        (
            5,
            6,
            "geometry",
            "ring 0: the edge from vertex 0 to 1 spans more than 180°",
            "cut an area that crosses",
        ),
        (6, 7, "key", "row 1 has the same, 'good'", "rename one of the two"),
        (7, 8, "key", "'GOOD' makes the same folder as that of row 1 on some file systems, 'GOOD'", "rename"),
        (8, 9, "name", "has control characters", "rename it"),
        (9, 10, "", 'not a GeoJSON Feature: its "type" must be "Feature"', ""),
        (
            10,
            11,
            "geometry",
            "ring 0: crosses itself at [10.5, 45.5]",
            "give the vertices in their order",
        ),
        (11, 12, "", 'not a GeoJSON Feature: its "type" must be "Feature"', ""),
    ]
    assert [row for row, *_ in expected] == [each.row for each in found]
    for (row, line, name, what, remedy), each in zip(expected, found, strict=True):
        assert (row, line, name) == (each.row, each.line, each.field)
        assert each.what.startswith(what)
        assert each.remedy.startswith(remedy)


def plot(number: int) -> dict[str, Any]:
    lon, lat = -170 + number % 300, -60 + number // 300
    return feature(polygon(square(float(lon), float(lat), 0.01)), name=f"plot-{number}")


@pytest.mark.parametrize("suffix", [".geojson", ".csv"])
def test_t7_of_10_000_rows_all_3_bad_ones_are_listed(suffix: str, tmp_path: Path) -> None:
    """No client is at hand, so nothing can be sent before."""
    rows = [plot(number) for number in range(1, 10_001)]
    for number in (17, 5_000, 10_000):
        rows[number - 1]["geometry"]["coordinates"][0].pop()
    found = faults(write(tmp_path / f"plots{suffix}", rows))
    assert [17, 5_000, 10_000] == [each.row for each in found]
    assert all("is not closed" in each.what for each in found)
    if suffix == ".csv":
        assert [18, 5_001, 10_001] == [each.line for each in found]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_q11_a_key_that_is_there_twice_names_both_rows(suffix: str, tmp_path: Path) -> None:
    rows = [plot(1), plot(2), plot(3), plot(1)]
    (found,) = faults(write(tmp_path / f"plots{suffix}", rows))
    lines = {".csv": "row 4 (line 5)", ".tsv": "row 4 (line 5)", ".geojsonl": "row 4 (line 4)"}
    assert str(found).startswith(lines.get(suffix, "row 4"))
    assert str(found).endswith(", key: row 1 has the same, 'plot-1'; rename one of the two")


def test_q11_a_part_of_a_multipolygon_may_not_take_anothers_key(tmp_path: Path) -> None:
    twins = {"type": "MultiPolygon", "coordinates": [NORTH["coordinates"], SOUTH["coordinates"]]}
    path = write(tmp_path / "plots.geojsonl", [feature(NORTH, name="a-2"), feature(twins, name="a")])
    assert "row 2 (line 2), key: row 1 has the same, 'a-2'; rename one of the two" == fault(path)


def test_of_very_many_faults_the_first_thousand_are_listed_and_all_counted(tmp_path: Path) -> None:
    path = text_file(tmp_path / "plots.csv", "name,wkt\n" + "n,\n" * 1_501)
    with pytest.raises(BadRows, match=r"\n  and 2,001 more$") as caught:
        check(open_source(path))
    assert (1_000, 3_001) == (len(caught.value.faults), caught.value.count)


def test_what_a_recipe_needs_is_looked_for_in_every_row(tmp_path: Path) -> None:
    rows = [
        feature(NORTH, name="a", item_ids="i-1,i-2"),
        feature(NORTH, name="b", item_ids=" "),
        feature(None, name="c", item_ids=""),
    ]
    recipe = Recipe(images=Items(), make=[])
    with pytest.raises(BadRows) as caught:
        check(open_source(write(tmp_path / "plots.geojsonl", rows)), rule=recipe.row_faults)
    assert [
        "row 2 (line 2), item_ids: is missing; give each row item ids, for example 'id-1,id-2'",
        "row 3 (line 3), geometry: is missing; a Polygon or MultiPolygon is needed",
        "row 3 (line 3), item_ids: is missing; give each row item ids, for example 'id-1,id-2'",
    ] == [str(each) for each in caught.value.faults]


def test_a_key_that_rows_lack_is_told(tmp_path: Path) -> None:
    rows = [feature(NORTH, plot=1), feature(NORTH), feature(NORTH, plot=[2])]
    found = faults(write(tmp_path / "plots.geojsonl", rows), key="plot")
    assert ["row 2 (line 2), plot: is missing", "row 3 (line 3), plot: is missing"] == [
        str(each).partition(";")[0] for each in found
    ]
    for suffix in (".csv", ".gpkg", ".parquet"):
        path = write(tmp_path / f"plots{suffix}", PLOTS)
        assert "no column 'plot'; there are: name, crop" in fault(path, key="plot")


def test_reading_stops_at_the_first_row_that_cannot_be_used(tmp_path: Path) -> None:
    rows = write(tmp_path / "plots.geojsonl", [feature(NORTH, name="a"), feature(None, name="b")]).open()
    reading = open_source(Path(rows.name)).read()
    rows.close()
    assert "a" == next(reading).key
    with pytest.raises(BadRows, match="row 2"):
        next(reading)


def test_the_error_survives_pickling() -> None:
    error = BadRows("plots.csv", [Fault(1, None, *Problem("a", "b", "c"))], 7)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(error), error.path, error.faults, 7) == (str(copy), copy.path, copy.faults, copy.count)


# What is known of a source without faults


def test_a_checked_source_tells_count_box_area_and_digest(tmp_path: Path) -> None:
    path = write(tmp_path / "plots.geojson", PLOTS)
    checked = check(open_source(path))
    assert (2, (10.0, 44.0, 10.1, 45.1)) == (checked.fields, checked.bbox)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checked.sha256
    assert pytest.approx(_geodesic(NORTH) + _geodesic(SOUTH), rel=1e-5) == checked.area_km2


def _geodesic(geometry: dict[str, Any]) -> float:
    import pyproj

    shape = shapely.geometry.polygon.orient(shapely.geometry.shape(geometry))
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) / 1e6


@given(st.floats(-80, 79), st.floats(0.001, 0.1))
def test_areas_agree_with_geodesic_ones_at_any_latitude(lat: float, side: float) -> None:
    """To a hundred-thousandth; the judge's edges are the shortest way over the ground, so it gets them in short pieces."""
    for shape in (
        polygon(square(10, lat, side)),
        polygon([[10, lat], [10 + side, lat + side / 3], [10, lat + side], [10, lat]]),
    ):
        pieces = shapely.segmentize(shapely.geometry.shape(shape), side / 100)
        assert pytest.approx(_geodesic(shapely.geometry.mapping(pieces)), rel=1e-5) == area_km2(shape)


def test_the_digest_of_a_shapefile_covers_all_its_files(tmp_path: Path) -> None:
    path = write(tmp_path / "plots.shp", PLOTS)
    before = check(open_source(path)).sha256
    assert before == check(open_source(path)).sha256
    assert ["plots.shp", "plots.shx", "plots.dbf", "plots.prj", "plots.cpg"] == [
        each.name for each in open_source(path).files
    ]
    write(
        path.with_name("other.shp"),
        [feature(one["geometry"], **{**one["properties"], "crop": "x"}) for one in PLOTS],
    )
    path.with_name("other.dbf").replace(path.with_suffix(".dbf"))
    assert before != check(open_source(path)).sha256


# Large files


def peak(path: Path) -> int:
    """Bytes that reading a file takes at most."""
    tracemalloc.start()
    for _ in open_source(path).read():
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("suffix", [".geojson", ".geojsons", ".csv"])
def test_t5_ten_times_the_rows_take_no_more_memory(suffix: str, tmp_path: Path) -> None:
    few, many = ([plot(number) for number in range(1, count)] for count in (60, 600))
    small, large = write(tmp_path / f"few{suffix}", few), write(tmp_path / f"many{suffix}", many)
    peak(small)  # what is loaded with the first file is not counted
    assert peak(large) < 1.5 * max(peak(small), 300_000)


@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl", ".csv"])
def test_t5_a_row_without_end_is_given_up(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"huge{suffix}"
    heads = {
        ".geojson": b'{"features": [\n{"a": [',
        ".geojsonl": b'\n{"a": [',
        ".csv": b'name,wkt\nn,"POLYGON ((',
    }
    with path.open("wb") as file:
        file.write(heads[suffix])
        for _ in range(65):
            file.write(b"1.5, " * (2**20 // 5 + 1))
    (found,) = faults(path)
    assert 2 == found.line
    assert any(word in str(found) for word in ("more than 64 MiB", "larger than field limit"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60)
@given(
    st.dictionaries(st.text(), st.lists(JSON, max_size=4), max_size=4),
    st.integers(1, 40),
    st.sampled_from([None, 1, "\r\n\t"]),
    st.booleans(),
)
def test_any_json_is_taken_apart_whatever_pieces_it_comes_in(
    document: dict[str, list[Any]], chunk: int, indent: Any, is_ascii: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    try:
        text.decode()
    except UnicodeDecodeError:
        return  # lone surrogates are no text
    stream = JsonStream(io.BytesIO(text), chunk)
    lines = []
    found = {}
    for key in stream.members():
        elements = list(stream.elements())
        found[key] = [json.loads(element) for _, element in elements]
        lines += [line for line, _ in elements]
    assert document == found
    assert b"" == stream.peek()
    assert lines == sorted(lines)
    assert stream.line == text.count(b"\n") + 1
    if indent is None:
        assert set(lines) <= {1}


@settings(max_examples=50)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()[:-1]), st.integers(1, 9))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes, chunk: int) -> None:
    with TemporaryDirectory() as folder:
        for suffix in (".geojson", ".geojsonl", ".csv", ".tsv"):
            path = text_file(Path(folder, f"any{suffix}"), content)
            outcomes = list(itertools.islice(open_source(path).outcomes(), 100))
            assert outcomes or not content.strip(b"\x1e \r\n\t\x0b\x0c\xef\xbb\xbf")
