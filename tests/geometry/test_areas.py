"""Areas in the forms people have them, and what is said about those that the API could not take."""

import json
import logging
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import geometry as geo
from pixxel_async._codec.model import Model, model
from pixxel_async.errors import GeometryError

RING = [[77.0, 12.0], [77.5, 12.0], [77.5, 12.5], [77.0, 12.0]]
FAR_RING = [[10.0, 50.0], [11.0, 50.0], [11.0, 51.0], [10.0, 50.0]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
MULTI = {"type": "MultiPolygon", "coordinates": [[RING], [FAR_RING]]}


@model
class AnswerGeometry(Model):
    type: str | None = None
    coordinates: list[list[list[float]]] | None = None


class Shape:
    """As Shapely says itself: tuples in place of lists."""

    def __init__(self, mapping):
        self.__geo_interface__ = mapping


def feature(geometry, **members):
    return {"type": "Feature", "geometry": geometry, "properties": {}, **members}


def collection(*features, **members):
    return {"type": "FeatureCollection", "features": list(features), **members}


def polygon_of(*ring):
    return {"type": "Polygon", "coordinates": [list(ring)]}


def with_vertex(position, *, at=1):
    ring = [*RING]
    ring[at] = position
    return polygon_of(*ring)


# What is taken


@pytest.mark.parametrize(
    "value",
    [
        POLYGON,
        {**POLYGON, "bbox": [77, 12, 77.5, 12.5]},
        {"type": "MultiPolygon", "coordinates": [[RING]]},
        feature(POLYGON),
        collection(feature(POLYGON)),
        Shape({"type": "Polygon", "coordinates": (tuple(tuple(position) for position in RING),)}),
        AnswerGeometry(type="Polygon", coordinates=[RING]),
        "POLYGON ((77 12, 77.5 12, 77.5 12.5, 77 12))",
        "  polygon((77 12,77.5 12,\n77.5 12.5,77 12))  ",
        "SRID=4326;POLYGON ((7.7e1 12, 77.5 +12, 77.5 12.5, 77 12))",
        "MULTIPOLYGON (((77 12, 77.5 12, 77.5 12.5, 77 12)))",
        {**POLYGON, "crs": None},
        {**POLYGON, "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
        collection(feature(POLYGON), crs={"type": "name", "properties": {"name": "EPSG:4326"}}),
    ],
)
def test_one_polygon_is_taken_in_every_form(value):
    assert POLYGON == geo.polygon(value)


def test_whole_numbers_become_floats_and_the_input_is_not_touched():
    given_value = {"type": "Polygon", "coordinates": [[[77, 12], [78, 12], [78, 13], [77, 12]]]}
    result = geo.polygon(given_value)
    assert {float} == {type(number) for position in result["coordinates"][0] for number in position}
    result["coordinates"][0].clear()
    assert 4 == len(given_value["coordinates"][0])


def test_holes_are_kept():
    hole = [[77.3, 12.1], [77.4, 12.1], [77.4, 12.2], [77.3, 12.1]]
    wkt = "POLYGON ((77 12, 77.5 12, 77.5 12.5, 77 12), (77.3 12.1, 77.4 12.1, 77.4 12.2, 77.3 12.1))"
    assert [RING, hole] == geo.polygon(wkt)["coordinates"]


def test_geometry_keeps_a_multipolygon():
    wkt = "MULTIPOLYGON (((77 12, 77.5 12, 77.5 12.5, 77 12)), ((10 50, 11 50, 11 51, 10 50)))"
    assert MULTI == geo.geometry(wkt)
    assert POLYGON == geo.geometry(POLYGON)


def test_feature_collection_keeps_all_features_and_their_properties():
    value = collection(feature(POLYGON, properties={"name": "north"}, id=7), feature(MULTI, properties=None))
    expected = collection(feature(POLYGON, properties={"name": "north"}), feature(MULTI))
    assert expected == geo.feature_collection(value)


def test_feature_collection_wraps_a_bare_geometry():
    assert collection(feature(POLYGON)) == geo.feature_collection(POLYGON)


@pytest.mark.parametrize("as_path", [Path, str])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_t6_a_geojson_file_is_read_with_or_without_byte_order_mark(tmp_path, as_path, encoding):
    path = tmp_path / "field é.geojson"
    path.write_text(json.dumps(collection(feature(POLYGON)), indent=1), encoding=encoding, newline="\r\n")
    assert POLYGON == geo.polygon(as_path(path))


@pytest.mark.parametrize(
    "value",
    [
        polygon_of(*([*position, 900.0] for position in RING)),
        "POLYGON Z ((77 12 900, 77.5 12 900, 77.5 12.5 900, 77 12 901))",
        "POLYGON ZM ((77 12 9 1, 77.5 12 9 1, 77.5 12.5 9 1, 77 12 9 1))",
    ],
)
def test_t2_altitudes_are_left_out_with_one_notice(value, caplog):
    with caplog.at_level(logging.WARNING, "pixxel_async"):
        assert POLYGON == geo.polygon(value)
    assert ["altitudes are dropped, the API takes longitude and latitude"] == caplog.messages


def test_nothing_is_said_about_two_dimensions(caplog):
    geo.polygon(POLYGON)
    assert [] == caplog.messages


def square(lon, lat, side):
    return [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]


@st.composite
def squares_with_holes(draw):
    lon, lat = draw(st.floats(-180, 170)), draw(st.floats(-90, 80))
    side = draw(st.floats(0.001, 10))
    holes = (square(lon + side * part, lat + side * part, side / 5) for part in (0.1, 0.4, 0.7))
    return [square(lon, lat, side), *islice(holes, draw(st.integers(0, 3)))]


@given(st.lists(squares_with_holes(), min_size=1, max_size=3))
def test_wkt_and_geojson_of_the_same_area_read_the_same(polygons):
    def parenthesised(parts):
        return f"({', '.join(parts)})"

    wkt = "MULTIPOLYGON " + parenthesised(
        parenthesised(parenthesised(f"{x!r} {y!r}" for x, y in ring) for ring in polygon)
        for polygon in polygons
    )
    expected = {"type": "MultiPolygon", "coordinates": polygons}
    assert expected == geo.geometry(expected) == geo.geometry(wkt)


# What is refused, and how


def refusal(read, value):
    with pytest.raises(GeometryError) as caught:
        read(value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            polygon_of(*RING[:-1]),
            "ring 0: has 3 vertices; a ring needs 4 or more, the last repeating the first",
        ),
        (
            polygon_of(*RING, [77.1, 12.0]),
            "ring 0: is not closed; repeat the first vertex [77.0, 12.0] at its end",
        ),
        (polygon_of(*[RING[0]] * 5), "ring 0: has fewer than 3 different vertices, so no area"),
        (
            polygon_of(RING[0], RING[1], RING[0], RING[0]),
            "ring 0: has fewer than 3 different vertices, so no area",
        ),
        (polygon_of(), "ring 0: has 0 vertices; a ring needs 4 or more, the last repeating the first"),
        ({"type": "Polygon", "coordinates": []}, "the Polygon is empty: it has no coordinates"),
        ({"type": "Polygon"}, "the Polygon is empty: it has no coordinates"),
        ({"type": "MultiPolygon", "coordinates": [[RING], []]}, "polygon 1: has no rings"),
        (
            {"type": "Polygon", "coordinates": RING},
            "ring 0, vertex 0: 77.0 is not a position; give [longitude, latitude]",
        ),
        ({"type": "Polygon", "coordinates": ["RING"]}, "ring 0: must be a list of positions, not a str"),
        (with_vertex([77.5]), "ring 0, vertex 1: [77.5] is not a position; give [longitude, latitude]"),
        (with_vertex(["77.5", 12]), "ring 0, vertex 1: '77.5' is text; give the number without quotes"),
        (with_vertex([None, 12]), "ring 0, vertex 1: None is not a number"),
        (with_vertex([True, 12]), "ring 0, vertex 1: True is not a number"),
        (with_vertex([77.5, float("nan")]), "ring 0, vertex 1: nan is not a finite number"),
        (with_vertex([float("inf"), 12]), "ring 0, vertex 1: inf is not a finite number"),
        (with_vertex([200, 12]), "ring 0, vertex 1: longitude 200.0 is outside -180 to 180"),
        (with_vertex([100, 95]), "ring 0, vertex 1: latitude 95.0 is outside -90 to 90"),
    ],
)
def test_t1_t2_a_refusal_names_ring_and_vertex(value, message):
    assert message == refusal(geo.geometry, value)


def test_t2_a_number_beyond_all_floats_is_not_finite():
    assert "ring 0, vertex 1: 1000" in (text := refusal(geo.geometry, with_vertex([10**400, 12])))
    assert text.endswith("is not a finite number")


def test_t2_swapped_longitude_and_latitude_are_suspected():
    tokyo = polygon_of([35.0, 139.0], [36.0, 139.0], [36.0, 140.0], [35.0, 139.0])
    expected = (
        "ring 0, vertex 0: latitude 139.0 is outside -90 to 90; longitude comes first, so the two may be swapped "
        "([139.0, 35.0])"
    )
    assert expected == refusal(geo.polygon, tokyo)


def test_t6_metres_of_a_projection_are_suspected():
    assert "perhaps metres of a map projection; transform the geometry to WGS 84" in refusal(
        geo.polygon, with_vertex([500000, 1400000])
    )


@pytest.mark.parametrize(
    "ring",
    [
        pytest.param([[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]], id="antimeridian"),
        pytest.param([[-120, 80], [0, 80], [120, 80], [-120, 80]], id="pole"),
    ],
)
def test_t4_an_area_over_the_antimeridian_or_a_pole_is_refused_with_advice(ring):
    message = refusal(geo.polygon, polygon_of(*ring))
    assert message.startswith("ring 0: the edge from vertex ")
    assert "cut an area that crosses the antimeridian or holds a pole into polygons on either side" in message


def test_a_refusal_names_feature_polygon_ring_and_vertex():
    bad_hole = [[77.1, 12.1], [77.2, 92.0], [77.2, 12.2], [77.1, 12.1]]
    value = collection(
        feature(POLYGON),
        feature(
            {"type": "MultiPolygon", "coordinates": [[RING], [RING, bad_hole]]}, properties={"name": "north"}
        ),
    )
    message = refusal(geo.feature_collection, value)
    assert message.startswith('feature 2 ("north"), polygon 1, ring 1, vertex 1: latitude 92.0 is outside')


def test_a_feature_without_name_is_named_by_its_id_and_controls_are_escaped():
    assert 'feature 1 ("f-7"): has no geometry' == refusal(geo.polygon, collection(feature(None, id="f-7")))
    evil = collection(feature(None, properties={"name": "\x1b[2J"}))
    assert "feature 1 ('\\x1b[2J'): has no geometry" == refusal(geo.polygon, evil)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (collection(), "a FeatureCollection without features"),
        (collection(feature(None)), "feature 1: has no geometry"),
        (collection(POLYGON), 'feature 1: not a GeoJSON Feature, its "type" must be "Feature"'),
        (
            feature({"type": "Point", "coordinates": [77, 12]}),
            "feature: a Polygon or MultiPolygon is needed, not a Point",
        ),
        ({"type": "Topology"}, "a Polygon or MultiPolygon is needed, not a Topology"),
        ({"coordinates": [RING]}, 'not GeoJSON: an object with a "type" is needed'),
        (
            MULTI,
            "a MultiPolygon of 2 parts, but this takes one polygon: make one call for each part",
        ),
        (
            collection(feature(POLYGON), feature(POLYGON)),
            "2 features, but this takes one area: make one call for each feature",
        ),
    ],
)
def test_t6_what_is_not_one_polygon_is_refused(value, message):
    assert message == refusal(geo.polygon, value)


@pytest.mark.parametrize("value", [None, 5, [RING], object(), b"POLYGON", Shape("text")])
def test_what_is_no_geometry_at_all_is_refused_with_the_forms_there_are(value):
    assert "give GeoJSON as a dict, WKT, the path of a GeoJSON file, or an object" in refusal(
        geo.polygon, value
    )


@pytest.mark.parametrize(
    ("wkt", "message"),
    [
        (
            "SRID=32643;POLYGON ((0 0, 1 0, 1 1, 0 0))",
            "WKT in SRID 32643: transform it to WGS 84 (SRID 4326)",
        ),
        ("POINT (77 12)", "WKT of a POINT: a POLYGON or MULTIPOLYGON is needed"),
        ("POLYGON EMPTY", "the Polygon is empty: it has no coordinates"),
        ("POLYGON ((0 0, 1 0, 1 1, 0 0)", "WKT whose parentheses do not match"),
        ("POLYGON ((0 0, 1 0, 1 1, 0 0)))", "WKT with a ')' at character 30 that is not expected there"),
        ("POLYGON ((0 0, 1 0, 1 1, 0 0)) x", "WKT with a 'x' at character 31 that is not expected there"),
        ("POLYGON ((0 0, 1 O, 1 1, 0 0))", "WKT with 'O' at character 17, where a number is needed"),
        ("POLYGON ((0 (0, 1 0, 1 1, 0 0))", "WKT with a '(' at character 12 that is not expected there"),
    ],
)
def test_wkt_that_cannot_be_used_is_refused(wkt, message):
    assert message == refusal(geo.polygon, wkt)


def test_t6_another_reference_system_is_refused_by_its_name():
    utm = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32643"}}
    message = refusal(geo.polygon, collection(feature(POLYGON), crs=utm))
    assert message.startswith("its coordinates are in urn:ogc:def:crs:EPSG::32643: transform them to WGS 84")


@pytest.mark.parametrize(
    "crs", ["EPSG:4326", {"type": "link", "properties": {"href": "x"}}, {"properties": []}]
)
def test_t6_a_reference_system_that_cannot_be_read_is_refused(crs):
    assert "its coordinates are in an unnamed reference system" in refusal(
        geo.polygon, {**POLYGON, "crs": crs}
    )


def test_t5_more_than_a_million_vertices_are_refused():
    ring = [RING[0]] * 1_000_001
    assert "ring 0: more than 1,000,000 vertices; simplify the outline" == refusal(
        geo.polygon, polygon_of(*ring)
    )


# Files that cannot be used


def test_a_missing_file_is_named():
    expected = "'fields.geojsn' is neither WKT nor a file that can be read: No such file or directory"
    assert expected == refusal(geo.polygon, "fields.geojsn")


@pytest.mark.parametrize("value", ["", "x" * 5000, "a\0b"], ids=["empty", "too long", "null byte"])
def test_text_that_is_no_path_is_refused(value):
    assert "is neither WKT nor a file that can be read" in refusal(geo.polygon, value)


def test_geojson_as_text_gets_its_own_advice():
    expected = "GeoJSON as text: parse it first, for example with json.loads()"
    assert expected == refusal(geo.polygon, json.dumps(POLYGON))


def test_a_broken_file_is_named_with_the_line(tmp_path):
    path = tmp_path / "fields.geojson"
    path.write_text('{"type": "Polygon",\n "coordinates": [[[1, 2],,]]}')
    assert refusal(geo.polygon, path).startswith(f"{path}, line 2, column 26: not JSON (")


def test_t6_a_file_that_is_not_geojson_gets_advice(tmp_path):
    path = tmp_path / "fields.kml"
    path.write_text("<kml/>")
    assert "only GeoJSON files can be read, so convert others first" in refusal(geo.polygon, path)
    path.write_text("[1, 2]")
    assert f'{path}: not GeoJSON: an object with a "type" is needed' == refusal(geo.polygon, path)


MEASURE = """
import resource, sys
from pathlib import Path
from pixxel_async import geometry
from pixxel_async.errors import GeometryError

def peak():
    if sys.platform == "linux":  # where ru_maxrss begins with that of the process which started this one
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20

before = peak()
try:
    vertices = len(geometry.polygon(sys.argv[1])["coordinates"][0])
except GeometryError as error:
    vertices = str(error).rpartition(": ")[2]
print(peak() - before, vertices)
"""


def nothing_for_200_mb(file):
    file.truncate(200 * 10**6)


def brackets_for_60_mb(file):
    file.write(b'{"type": "Polygon", "coordinates": [' + b"[]," * 20_000_000 + b"[]]}")


def many_vertices(file):
    ring = [[number / 1e4, 50.123456 + number % 2] for number in range(199_999)]
    file.write(json.dumps(polygon_of(*ring, [0.0, 40.0], ring[0])).encode())


@pytest.mark.parametrize(
    ("write", "result", "most"),
    [
        (nothing_for_200_mb, "larger than 64 MiB; split or simplify it", 80),
        (brackets_for_60_mb, "holds more than 2,000,000 lists and objects; split or simplify it", 80),
        (many_vertices, "200001", 120),
    ],
)
def test_t5_a_file_takes_bounded_memory(tmp_path, write, result, most):
    """In MiB. Vertices that are read cost at most 600 bytes each, so that a million fit into 600 MB."""
    path = tmp_path / "fields.geojson"
    with path.open("wb") as file:
        write(file)
    command = [sys.executable, "-c", MEASURE, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    grown, _, said = run.stdout.strip().partition(" ")
    assert (result, True) == (said, int(grown) <= most), f"{grown} MiB"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("fields.kml", b'<?xml version="1.0"?>\r\n<kml><Placemark/></kml>'),
        ("fields.csv", b"\xef\xbb\xbfname;wkt\r\nnorth;POLYGON ((77 12, 77.5 12, 77.5 12.5, 77 12))\r\n"),
        ("fields.shp", b"\x00\x00\x27\x0a" + bytes(96)),
        ("fields.gpkg", b"SQLite format 3\x00" + bytes(84)),
        ("fields.parquet", b"PAR1\x15\x04"),
        ("fields.zip", b"PK\x03\x04"),
        ("utf-16.geojson", json.dumps(POLYGON).encode("utf-16")),
        ("lines.geojsonl", b"\n".join([json.dumps(feature(POLYGON)).encode()] * 2)),
        ("empty.geojson", b""),
    ],
)
def test_t6_another_format_is_refused_with_file_and_remedy(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    message = refusal(geo.feature_collection, path)
    assert message.startswith(f"{path}, line ")
    assert "not JSON" in message
    assert message.endswith("convert others first, for example with ogr2ogr")


def test_t6_points_and_lines_are_named():
    for kind in ("Point", "LineString", "GeometryCollection"):
        message = refusal(geo.polygon, feature({"type": kind, "coordinates": [77, 12]}))
        assert f"feature: a Polygon or MultiPolygon is needed, not a {kind}" == message


def test_a_fault_inside_a_file_is_named_with_the_file(tmp_path):
    path = tmp_path / "fields.geojson"
    path.write_text(json.dumps(collection(feature(POLYGON), feature(polygon_of(*RING[:-1]), id=3))))
    assert refusal(geo.feature_collection, path).startswith(
        f'{path}: feature 2 ("3"), ring 0: has 3 vertices'
    )
    path.write_text(json.dumps(polygon_of(*RING[:-1])))
    assert refusal(geo.polygon, path).startswith(f"{path}, ring 0: has 3 vertices")


def test_t5_an_endless_file_is_not_read_to_its_end():
    assert "/dev/zero: larger than 64 MiB; split or simplify it" == refusal(geo.polygon, "/dev/zero")
