"""Reading a file of fields: what becomes a field, and all that is refused before anything is sent."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.bulk import Field, FieldFileError, read_fields

RING = [[10.0, 45.0], [10.1, 45.0], [10.1, 45.1], [10.0, 45.1], [10.0, 45.0]]


def feature(name: str | None, ring: Any = RING, **members: Any) -> dict[str, Any]:
    properties = {} if name is None else {"name": name}
    polygon = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": polygon, **members}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a FeatureCollection, or any text, to a file named plots.geojson."""

    def write(*features: Any, text: str | bytes | None = None) -> Path:
        path = tmp_path / "plots.geojson"
        collection = {"type": "FeatureCollection", "features": list(features)}
        content = json.dumps(collection, indent=1) if text is None else text
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def faults(path: Path, **options: Any) -> tuple[str, ...]:
    with pytest.raises(FieldFileError) as caught:
        read_fields(path, **options)
    assert str(path) in str(caught.value)
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    return caught.value.faults


def test_a_field_carries_row_name_polygon_and_properties(write: Any) -> None:
    north, south = read_fields(
        write(feature("north"), feature("south", properties={"name": "south", "crop": "rye"}))
    )
    assert Field(1, "north", {"type": "Polygon", "coordinates": [RING]}, {"name": "north"}) == north
    assert (2, "south", "rye") == (south.row, south.name, south.properties["crop"])


def test_a_name_comes_from_the_property_then_the_id_then_the_file_and_number(write: Any) -> None:
    path = write(feature("north", id="a"), feature(None, id=7), feature("  ", id="b"), feature(None))
    assert ["north", "7", "b", "plots-4"] == [field.name for field in read_fields(path)]


def test_another_property_can_hold_the_names(write: Any) -> None:
    path = write(feature(None, properties={"plot": 12}), feature(None, properties={"plot": "13b"}))
    assert ["12", "13b"] == [field.name for field in read_fields(path, name_property="plot")]


def test_a_property_that_no_feature_has_is_a_fault_that_lists_those_there_are(write: Any) -> None:
    (fault,) = faults(write(feature("north", properties={"crop": "rye", "name": "n"})), name_property="naem")
    assert "'naem'" in fault
    assert "crop, name" in fault


def test_each_polygon_of_a_multipolygon_becomes_a_field_of_its_own(write: Any) -> None:
    other = [[x + 1, y] for x, y in RING]
    twins = {"type": "MultiPolygon", "coordinates": [[RING], [other]]}
    alone = {"type": "MultiPolygon", "coordinates": [[RING]]}
    fields = read_fields(write(feature("twins", geometry=twins), feature("alone", geometry=alone)))
    assert [(1, "twins-1"), (2, "twins-2"), (3, "alone")] == [(field.row, field.name) for field in fields]
    assert {"type": "Polygon", "coordinates": [other]} == fields[1].geometry


def test_a_single_feature_is_a_file_of_one_field(write: Any) -> None:
    path = write(text=json.dumps(feature("north")))
    assert ["north"] == [field.name for field in read_fields(path)]


def test_all_faults_are_listed_at_once_each_with_number_name_and_line(write: Any) -> None:
    """One run shows all that must be repaired, not only the first of it."""
    open_ring = [*RING[:-1], [10.0, 45.05]]
    text = "\n".join(
        [
            '{"type": "FeatureCollection", "features": [',
            json.dumps(feature("good")) + ",",
            json.dumps(feature("open", open_ring)) + ",",
            json.dumps(feature("nan", [[10.0, float("nan")], *RING[1:]])) + ",",
            json.dumps(feature("text", [["ten", 45.0], *RING[1:]])) + ",",
            json.dumps(feature("swapped", [[45.0, 100.0], [45.0, 101.0], [46.0, 101.0], [45.0, 100.0]]))
            + ",",
            json.dumps(feature("point", geometry={"type": "Point", "coordinates": [1, 2]})) + ",",
            json.dumps(feature("nowhere", geometry=None)) + ",",
            json.dumps(feature("path", geometry="/etc/hostname")) + ",",
            json.dumps({"type": "Polygon", "coordinates": [RING]}) + ",",
            json.dumps(feature("good")) + ",",
            json.dumps("not even an object") + "]}",
        ]
    )
    found = faults(write(text=text))
    for number, name in [
        (2, "open"),
        (3, "nan"),
        (4, "text"),
        (5, "swapped"),
        (6, "point"),
        (7, "nowhere"),
        (8, "path"),
    ]:
        (fault,) = [
            fault for fault in found if fault.startswith(f'feature {number} ("{name}", line {number + 1}): ')
        ]
        assert len(fault) > 40, "it says what is wrong"
    assert any(fault.startswith('feature 9 ("plots-9", line 10): not a GeoJSON Feature') for fault in found)
    assert any(fault.startswith('feature 11 ("plots-11", line 12): not a GeoJSON Feature') for fault in found)
    assert (
        'feature 1 ("good", line 2) and feature 10 ("good", line 11) have the same name: rename one' in found
    )
    assert 10 == len(found)


def test_a_probable_swap_of_latitude_and_longitude_is_said(write: Any) -> None:
    (fault,) = faults(write(feature("swapped", [[45.0, 100.0], [45.0, 101.0], [46.0, 101.0], [45.0, 100.0]])))
    assert "swap" in fault or "order" in fault


def test_names_that_would_share_a_folder_are_a_fault(write: Any) -> None:
    """On some file systems `North` and `north`, or `a/b` and `a:b`, are one folder."""
    found = faults(write(feature("North"), feature("north"), feature("a/b"), feature("a:b")))
    assert ["folder 'north'", "folder 'a_b'"] == [
        fault.partition("the same ")[2].partition(":")[0] for fault in found
    ]


def test_a_part_of_a_multipolygon_may_not_take_anothers_name(write: Any) -> None:
    twins = {"type": "MultiPolygon", "coordinates": [[RING], [RING]]}
    (fault,) = faults(write(feature("a-1"), feature("a", geometry=twins)))
    assert "have the same name" in fault


def test_a_name_with_control_characters_is_a_fault(write: Any) -> None:
    (fault,) = faults(write(feature("north\x1b[2J")))
    assert "control characters" in fault
    assert "\x1b" not in fault


def test_faults_of_a_nasty_name_show_nothing_of_it(write: Any) -> None:
    found = faults(write(feature("\x1b]0;gotcha\x07", geometry=None)))
    assert "\x1b" not in "".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ('{"type": "FeatureCollection",\n"features": [\n{]}', "line 3, column 2"),
        ("[1, 2]", "outermost"),
        ('{"type": "Topology"}', "not a GeoJSON FeatureCollection"),
        ('{"type": "FeatureCollection", "features": {}}', "not a GeoJSON FeatureCollection"),
        ('{"type": "FeatureCollection", "features": []}', "no feature"),
        (b'{"type":\n"\xff"}', "line 2"),
        ("[" * 100_000, "not GeoJSON"),
        ('{"type": ' + "9" * 5000 + "}", "not GeoJSON"),
    ],
)
def test_what_is_not_geojson_is_said_with_its_place(write: Any, text: str | bytes, words: str) -> None:
    (fault,) = faults(write(text=text))
    assert words in fault


def test_coordinates_of_another_reference_system_are_refused(write: Any) -> None:
    """They may look like degrees and lie elsewhere."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3035"}}
    collection = {"type": "FeatureCollection", "crs": crs, "features": [feature("north")]}
    (fault,) = faults(write(text=json.dumps(collection)))
    assert "EPSG::3035" in fault
    assert "EPSG:4326" in fault


def test_a_byte_order_mark_is_no_fault(write: Any) -> None:
    path = write(text=b"\xef\xbb\xbf" + json.dumps(feature("north")).encode())
    assert ["north"] == [field.name for field in read_fields(path)]


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path / "absent.geojson")
    assert "cannot be read: No such file" in fault
    (fault,) = faults(tmp_path)
    assert "cannot be read: Is a directory" in fault


def test_the_error_survives_pickling(tmp_path: Path) -> None:
    """Batch systems send errors between processes."""
    error = FieldFileError(tmp_path, ["one", "two"])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(error), error.path, error.faults) == (str(copy), copy.path, copy.faults)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("north", "north"),
        ("a/b\\c", "a_b_c"),
        ("report.csv", "_report.csv"),
        ("..", "_"),
        ("con", "_con"),
        ("ﬁeld é", "ﬁeld é"),
    ],
)
def test_a_folder_is_safe_on_every_file_system(name: str, folder: str) -> None:
    assert folder == Field(1, name, {}).folder
