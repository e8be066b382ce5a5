"""The map: every area is seen where it is, from a single field to the whole world."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.bulk import State
from pixxel_async.bulk._report import _map
from pixxel_async.bulk._report._map import WIDTH, AreaMap


def square(lon: float, lat: float, size: float = 0.01) -> dict[str, Any]:
    west, south, east, north = lon, lat, min(lon + size, 180), min(lat + size, 90)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def drawn(*geometries: dict[str, Any], state: State = State.DONE) -> ElementTree.Element:
    area_map = AreaMap()
    for row, geometry in enumerate(geometries, 1):
        area_map.add(row, f"plot {row}", state, geometry, is_listed=True)
    return ElementTree.fromstring("".join(area_map.svg()))


def areas(svg: ElementTree.Element) -> list[ElementTree.Element]:
    return svg.findall(".//a")


def middle(area: ElementTree.Element) -> tuple[float, float]:
    """Where an area is on the drawing."""
    use = area.find("use")
    if use is not None:
        return tuple(float(use.get(axis, "")) + float(use.get("width", "")) / 2 for axis in "xy")  # type: ignore[return-value]
    points = outline(area)
    xs, ys = zip(*points, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def outline(area: ElementTree.Element) -> list[tuple[float, float]]:
    path = area.find("path")
    assert path is not None
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d", ""))]


def labels(svg: ElementTree.Element) -> list[str]:
    return [label.text or "" for label in svg.findall(".//g[@class='labels']/text")]


PLACES = st.tuples(st.floats(-180, 179), st.floats(-90, 89), st.sampled_from([1e-6, 0.001, 0.1, 1.0]))


@given(st.lists(PLACES, min_size=1, max_size=5), st.sampled_from(State))
def test_every_area_is_seen_within_the_frame(places: list[tuple[float, float, float]], state: State) -> None:
    svg = drawn(*(square(*place) for place in places), state=state)
    height = float(svg.get("viewBox", "").split()[3])
    assert len(places) == len(areas(svg))
    for row, area in enumerate(areas(svg), 1):
        assert f"plot {row}: {state.value}" == area.findtext("title")
        x, y = middle(area)
        assert 50 <= x <= WIDTH - 10
        assert 8 <= y <= height - 20
        seen = (
            6.0
            if area.find("use") is not None
            else math.dist(*sorted(outline(area))[:: len(outline(area)) - 1])
        )
        assert seen >= 6
    assert 2 <= len(labels(svg)) <= 30


@given(st.lists(PLACES, min_size=2, max_size=2, unique_by=lambda place: round(place[0], 2)))
def test_north_is_up_and_east_is_right(places: list[tuple[float, float, float]]) -> None:
    (lon, lat, _), (other_lon, other_lat, _) = places
    (x, y), (other_x, other_y) = map(middle, areas(drawn(square(lon, lat), square(other_lon, other_lat))))
    if abs(lat - other_lat) > 1:
        assert (lat < other_lat) == (y > other_y)
    if 1 < abs(lon - other_lon) < 170:
        assert (lon < other_lon) == (x < other_x)


def test_a_square_field_is_a_square_at_its_latitude() -> None:
    lat = 60.0
    ring = [[10, lat], [10.02, lat], [10.02, lat + 0.01], [10, lat + 0.01], [10, lat]]  # cos 60° is 1/2
    [area] = areas(drawn({"type": "Polygon", "coordinates": [ring]}))
    xs, ys = zip(*outline(area), strict=True)
    assert max(xs) - min(xs) == pytest.approx(max(ys) - min(ys), rel=0.01)


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    svg = drawn(square(10, 0), square(12, 0))
    (x, _), (other_x, _) = map(middle, areas(svg))
    scale = svg.find(".//g[@class='scale']")
    assert scale is not None
    km, length = float((scale.findtext("text") or "").split()[0]), 0.0
    length = float(re.findall(r"h([\d.]+)v", scale.find("path").get("d", ""))[0])  # type: ignore[union-attr]
    assert 2 * 111.2 / (other_x - x) == pytest.approx(km / length, rel=0.01)


def test_areas_on_both_sides_of_the_antimeridian_are_neighbours() -> None:
    svg = drawn(square(179.5, -17, 0.5), square(-180, -17, 0.5))
    (x, _), (other_x, _) = map(middle, areas(svg))
    assert 0 < other_x - x < WIDTH
    assert any(label.endswith("E") for label in labels(svg))
    assert any(label.endswith("W") for label in labels(svg))
    assert "180.0°" in labels(svg)


def test_labels_are_where_they_say() -> None:
    svg = drawn(square(10, 45, 1.0))
    xs, ys = zip(*outline(areas(svg)[0]), strict=True)
    at = {
        label.text: (float(label.get("x", "")), float(label.get("y", "")))
        for label in svg.findall(".//g[@class='labels']/text")
    }
    assert min(xs) == pytest.approx(at["10.0°E"][0], abs=0.2)
    assert max(ys) == pytest.approx(at["45.0°N"][1] - 4, abs=0.2)


def test_a_hole_stays_a_hole_and_parts_stay_parts() -> None:
    outer, inner = square(10, 45, 1.0)["coordinates"][0], square(10.2, 45.2, 0.5)["coordinates"][0]
    [area] = areas(
        drawn({"type": "MultiPolygon", "coordinates": [[outer, inner], [square(12, 45)["coordinates"][0]]]})
    )
    path = area.find("path")
    assert path is not None
    assert 3 == path.get("d", "").count("M") == path.get("d", "").count("z")


def test_z15_a_feature_of_many_polygons_is_drawn_with_all_its_corners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where it has so many that few vertices are left for each."""
    monkeypatch.setattr(_map, "_MOST_VERTICES_OF_ALL", 100)
    squares = [square(10 + x / 5, 45 + y / 5, 0.1)["coordinates"] for x in range(10) for y in range(10)]
    crowd = [square(10 + x / 5, 44, 0.1) for x in range(100)]
    [area, *_] = areas(drawn({"type": "MultiPolygon", "coordinates": squares}, *crowd))
    path = area.find("path")
    assert path is not None
    outlines = path.get("d", "").removeprefix("M").split("M")
    assert {4} == {len(each.removesuffix("z").split("L")) for each in outlines}
    assert 100 == len(outlines)


def test_z15_a_feature_on_both_sides_of_the_antimeridian_is_where_its_polygons_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_map, "MOST_SHAPES", 1)
    west, east = square(179.9, -17, 0.1), square(-180, -17, 0.1)
    both = {"type": "MultiPolygon", "coordinates": [west["coordinates"], east["coordinates"]]}
    svg = drawn(both, square(179.0, -17, 0.1), square(-179.1, -17, 0.1))
    places = sorted(
        float(cell.get("x", "")) for cell in svg.findall(".//rect") if "cell" in cell.get("class", "")
    )
    first, middle_one, last = places
    assert 0 < first < last < WIDTH
    assert (first + last) / 2 == pytest.approx(middle_one, abs=12)


def test_an_outline_of_many_vertices_is_drawn_with_few() -> None:
    ring = [[10 + math.cos(turn / 5000), 45 + math.sin(turn / 5000)] for turn in range(31_416)]
    [area] = areas(drawn({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}))
    assert 100 <= len(outline(area)) <= 256


def test_of_a_crowd_the_map_tells_how_many_are_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_map, "MOST_SHAPES", 3)
    area_map = AreaMap()
    for row, (lon, state) in enumerate(
        [(10, State.DONE), (10, State.DONE), (10, State.FAILED), (20, State.DONE)], 1
    ):
        area_map.add(row, "x", state, square(lon, 45), is_listed=True)
    svg = ElementTree.fromstring("".join(area_map.svg()))
    cells = [
        (cell.get("class"), cell.findtext("title"))
        for cell in svg.findall("rect")
        if cell.find("title") is not None
    ]
    assert [("cell s-failed", "1 failed, 2 done"), ("cell s-done", "1 done")] == cells


def test_names_on_the_map_are_only_words() -> None:
    area_map = AreaMap()
    area_map.add(1, "<script>&\x00", State.DONE, square(10, 45), is_listed=False)
    svg = ElementTree.fromstring("".join(area_map.svg()))
    assert "<script>&�: done" in [title.text for title in svg.iter("title")]
    assert [] == areas(svg)
