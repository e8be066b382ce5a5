"""The archive of the sandbox: scenes for any place and time, always the same ones."""

import datetime as dt

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async.sandbox._world.scenes import Archive
from pixxel_async.sandbox._world.sensors import SENSORS
from pixxel_async.sandbox._world.stac import stac_item

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ARCHIVE = Archive(seed=7, now=lambda: NOW)


class Host:
    origin = "http://storage.test"


def square(west: float, south: float, side: float = 0.02) -> dict:
    east, north = west + side, south + side
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def day(year: int, month: int, number: int) -> dt.datetime:
    return dt.datetime(year, month, number, tzinfo=dt.UTC)


def covers(scene, geometry: dict) -> bool:
    """Whether every corner lies to the left of every side of the footprint, which runs counter-clockwise."""
    footprint = np.array(scene.footprint["coordinates"][0])
    sides = np.diff(footprint, axis=0)
    to_corners = np.array(geometry["coordinates"][0])[:, None] - footprint[:-1]
    return bool(np.all(sides[:, 0] * to_corners[..., 1] >= sides[:, 1] * to_corners[..., 0] - 1e-9))


places = st.tuples(st.floats(-180, 179.9), st.floats(-90, 89.9))
windows = st.integers(0, (NOW - day(2022, 1, 1)).days - 64)


@settings(max_examples=150)
@given(place=places, first=windows, side=st.floats(0.0001, 0.1))
def test_every_place_has_a_clear_scene_in_every_two_months(place, first, side):
    """Each collection that flies has a scene of at most 20 % clouds over all of any small polygon in any 60 days."""
    geometry = square(*place, side=side)
    start = day(2022, 1, 1) + dt.timedelta(days=first)
    for sensor in SENSORS:
        if first < sensor.first_day:
            continue
        scenes, total = ARCHIVE.search(
            collections=[sensor.collection],
            geometry=geometry,
            start=start,
            end=start + dt.timedelta(days=60),
            max_cloud=20,
        )
        assert total >= 1
        for scene in scenes:
            assert scene.cloud_cover <= 20
            assert covers(scene, geometry)


@settings(max_examples=100)
@given(place=places, first=windows)
def test_what_is_found_meets_the_search_and_is_found_by_its_id(place, first):
    """Footprint, time and order hold for every scene, and its id alone gives the same scene again."""
    geometry = square(*place)
    start = day(2022, 1, 1) + dt.timedelta(days=first)
    end = start + dt.timedelta(days=30)
    scenes, total = ARCHIVE.search(geometry=geometry, start=start, end=end, limit=1000)
    assert total == len(scenes)
    assert [scene.datetime for scene in scenes] == sorted((s.datetime for s in scenes), reverse=True)
    for scene in scenes:
        assert start <= scene.datetime <= end
        assert covers(scene, geometry)
        assert ARCHIVE.scene(scene.collection, scene.id) == scene


@settings(max_examples=20)
@given(west=st.floats(-179, 175), south=st.floats(-89, 85), width=st.floats(4, 5), height=st.floats(4, 5))
def test_no_footprint_over_the_area_is_missed(west, south, width, height):
    """A search of an area finds every scene that searches of its parts find."""
    when = {"start": day(2025, 6, 1), "end": day(2025, 6, 6), "limit": 10_000}
    whole, _ = ARCHIVE.search(bbox=(west, south, west + width, south + height), **when)
    for part in range(4):
        x, y = west + width * (part % 2) / 2, south + height * (part // 2) / 2
        inside, _ = ARCHIVE.search(bbox=(x, y, x + width / 2, y + height / 2), **when)
        assert {scene.id for scene in inside} <= {scene.id for scene in whole}


@settings(max_examples=40)
@given(west=st.floats(-170, 168), south=st.floats(-85, 83), side=st.floats(0.0001, 0.1))
def test_every_scene_that_covers_a_small_area_is_found(west, south, side):
    """And no other: of all scenes around it, those are left out that miss a corner of the area."""
    geometry = square(west, south, side)
    when = {"start": day(2025, 6, 1), "end": day(2025, 6, 12), "limit": 10_000}
    found, _ = ARCHIVE.search(geometry=geometry, **when)
    around, _ = ARCHIVE.search(bbox=(west - 1.5, south - 1.5, west + 1.5, south + 1.5), **when)
    assert [scene for scene in around if covers(scene, geometry)] == found


@pytest.mark.parametrize(
    ("box", "centres"),
    [
        ((10.5, 10.5, 10.5, 10.5), {(10.5, 10.5)}),
        ((10.5, 10.4, 10.5, 10.6), {(10.5, 10.5)}),
        ((10.5, 10.5, 11.5, 10.5), {(10.5, 10.5), (11.5, 10.5)}),
    ],
)
def test_bbox_may_be_a_point_or_a_line(box, centres):
    scenes, _ = ARCHIVE.search(bbox=box, start=day(2025, 6, 1), end=day(2025, 6, 30), limit=1000)
    assert {scene.centre for scene in scenes} == centres


def test_line_and_point_are_covered_to_their_ends():
    """A line that leaves a footprint only at its last point needs the scenes of both; a point on the way does not."""
    when = {"start": day(2025, 6, 1), "end": day(2025, 6, 30), "limit": 1000}
    line = {"type": "LineString", "coordinates": [[10.5, 10.5], [10.6, 10.5], [11.5, 10.5]]}
    point = {"type": "MultiPoint", "coordinates": [[10.5, 10.5], [10.6, 10.5]]}
    assert {scene.centre for scene in ARCHIVE.search(geometry=line, **when)[0]} == {
        (10.5, 10.5),
        (11.5, 10.5),
    }
    assert {scene.centre for scene in ARCHIVE.search(geometry=point, **when)[0]} == {(10.5, 10.5)}


def test_footprint_covers_its_cell():
    """Neighbouring scenes leave no gap, also at the antimeridian and the poles, and stay on the map."""
    for longitude, latitude in [(0.1, 0.1), (179.9, 12.2), (-179.9, 12.2), (30.2, 89.9), (30.2, -89.9)]:
        scenes, _ = ARCHIVE.search(geometry={"type": "Point", "coordinates": [longitude, latitude]})
        assert scenes
        for scene in scenes:
            west, south = scene.centre[0] - 0.5, scene.centre[1] - 0.5
            cell = shapely.box(west, south, west + 1, south + 1)
            footprint = shapely.geometry.shape(scene.footprint)
            assert footprint.covers(cell)
            assert footprint.exterior.is_ccw
            assert footprint.within(shapely.box(-180, -90, 180, 90))
            assert footprint.bounds == pytest.approx(scene.bbox)


def test_bbox_across_the_antimeridian_finds_both_sides():
    scenes, _ = ARCHIVE.search(bbox=(179.2, -17, -179.2, -16.9), limit=1000)
    assert {scene.centre[0] > 0 for scene in scenes} == {True, False}
    beyond, _ = ARCHIVE.search(geometry=square(179.2, -17, 1.6), limit=1000)
    assert {scene.centre[0] > 0 for scene in beyond} == {True, False}


def test_hole_that_swallows_a_footprint_is_left_out():
    ring = square(10, 10, 6)["coordinates"][0]
    hole = square(11.5, 11.5, 4)["coordinates"][0][::-1]
    geometry = {"type": "Polygon", "coordinates": [ring, hole]}
    when = {"start": day(2025, 1, 1), "end": day(2025, 1, 5), "limit": 10_000}
    centres = {scene.centre for scene in ARCHIVE.search(geometry=geometry, **when)[0]}
    assert (13.5, 13.5) not in centres
    assert (10.5, 10.5) in centres


def test_seed_decides():
    """Two archives of one seed agree, another seed has another sky."""
    query = {"geometry": square(75.8, 30.9), "start": day(2024, 1, 1), "end": day(2024, 6, 1), "limit": 1000}
    same = Archive(seed=7, now=lambda: NOW).search(**query)
    assert same == ARCHIVE.search(**query)
    assert same != Archive(seed=8, now=lambda: NOW).search(**query)


def test_pages_put_together_are_the_whole():
    query = {"geometry": square(75.8, 30.9), "start": day(2024, 1, 1), "end": day(2024, 6, 1)}
    whole, total = ARCHIVE.search(**query, limit=1000)
    pages = [ARCHIVE.search(**query, limit=7, offset=offset) for offset in range(0, total, 7)]
    assert [scene for page, _ in pages for scene in page] == whole
    assert {count for _, count in pages} == {total}


def test_filters_narrow_the_search():
    query = {"geometry": square(75.8, 30.9), "start": day(2025, 3, 1), "end": day(2025, 9, 1), "limit": 1000}
    everything, _ = ARCHIVE.search(**query)
    td2 = "0005c5bb-0bd2-4c80-9393-4a808341c54c"
    by_satellite, _ = ARCHIVE.search(**query, satellites=[td2])
    assert by_satellite == [scene for scene in everything if scene.platform == "TD2"]
    cloudy, _ = ARCHIVE.search(**query, min_cloud=50)
    assert cloudy == [scene for scene in everything if scene.cloud_cover >= 50]
    oldest_first, _ = ARCHIVE.search(**query, newest_first=False)
    assert oldest_first == everything[::-1]
    named, total = ARCHIVE.search(
        **query, ids=[everything[3].id, everything[5].id, "nothing", everything[3].id]
    )
    assert (named, total) == ([everything[3], everything[5]], 2)
    elsewhere, _ = ARCHIVE.search(geometry=square(0, 0), ids=[everything[3].id])
    assert elsewhere == []
    assert ARCHIVE.search(**query, collections=["unknown"]) == ([], 0)
    assert {scene.collection for scene in everything} == {sensor.collection for sensor in SENSORS}


def test_scene_appears_when_its_product_is_made():
    """Nothing from the future: neither in a search nor by its id."""
    newest = ARCHIVE.search(geometry=square(75.8, 30.9))[0][0]
    assert newest.created <= NOW
    before = Archive(seed=7, now=lambda: newest.created - dt.timedelta(seconds=1))
    assert before.scene(None, newest.id) is None
    assert newest not in before.search(geometry=square(75.8, 30.9))[0]
    assert dt.timedelta(days=1) <= newest.created - newest.datetime <= dt.timedelta(days=3)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "nothing",
        "TD1_064800_20240430_L2A_20240502_03001010",
        "TD1_000000_20241399_L2A_20240502_03001010",
        "FF01_174031_20240427_L2A_20240428_00501010",
        "XX9_174031_20240427_L2A_20240428_03001010",
        "TD2_00056_20230815_L2A_004010_01001001",
    ],
)
def test_id_that_names_no_scene_gives_none(id):
    assert ARCHIVE.scene(None, id) is None


def test_id_must_be_right_in_every_part():
    """Another product day, spacecraft, pass day or code is another id, which the archive does not know."""
    scene = ARCHIVE.search(collections=["pixxel-td-l2a"], geometry=square(75.8, 30.9))[0][0]
    platform, image, taken, level, made, code = scene.id.split("_")
    other = "TD2" if platform == "TD1" else "TD1"
    for parts in (
        (other, image, taken, level, made, code),
        (platform, image, taken, level, taken, code),
        (platform, image, f"{scene.datetime + dt.timedelta(days=1):%Y%m%d}", level, made, code),
        (platform, image, taken, level, made, "03001069"),
        (platform, image, taken, "L1C", made, code),
    ):
        assert ARCHIVE.scene(None, "_".join(parts)) is None
    assert ARCHIVE.scene(None, scene.id) == scene


def test_id_follows_the_vendors_file_naming():
    """Satellite, six-digit image, day, level, product day; resolution, version and number of bands."""
    scene = ARCHIVE.search(collections=["pixxel-td-l2a"], geometry=square(75.8, 30.9))[0][0]
    platform, image, taken, level, made, code = scene.id.split("_")
    assert platform == scene.platform
    assert image == f"{scene.cell:06}"
    assert taken == f"{scene.datetime:%Y%m%d}"
    assert level == "L2A"
    assert made == f"{scene.created:%Y%m%d}"
    assert code == f"03001{len(scene.sensor.bands):03}"
    assert ARCHIVE.scene("sentinel-2-l2a", scene.id) is None


def test_item_has_the_archives_shape():
    """Strings in `bbox`, one asset per band with its own `eo:bands` and `raster:bands`, files on the storage host."""
    scene = ARCHIVE.search(collections=["pixxel-td-l2a"], geometry=square(75.8, 30.9))[0][0]
    item = stac_item(scene, Host.origin)
    assert [float(text) for text in item["bbox"]] == pytest.approx(scene.bbox)
    assert all(isinstance(text, str) for text in item["bbox"])
    assert item["properties"]["eo:cloud_cover"] == scene.cloud_cover
    assert item["properties"]["proj:code"] == "EPSG:32643"
    assert 5 <= item["properties"]["view:sun_elevation"] <= 90
    assert list(item["assets"]) == [band.name for band in scene.sensor.bands]
    asset = item["assets"]["B040"]
    assert asset["href"].startswith(f"{Host.origin}/")
    assert asset["raster:bands"] == [{"scale": 0.00002, "nodata": 0, "offset": 0, "spatial_resolution": 30}]
    assert asset["eo:bands"][0]["center_wavelength"] == 668


def test_a_search_of_the_whole_world_for_all_time_ends():
    """It looks at so many scenes at most, and says how many it found among them."""
    world, total = ARCHIVE.search(bbox=(-180, -90, 180, 90))
    assert len(world) == 10
    assert 1000 < total <= 10_000
