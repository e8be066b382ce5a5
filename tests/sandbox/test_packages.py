"""Packages of the sandbox, read back by other people's libraries."""

import datetime as dt
import io
import json
import re
import zipfile

import numpy as np
import pytest
import rasterio
from PIL import Image

from pixxel_async.sandbox._world.landscape import CLOUD, NO_DATA, WATER
from pixxel_async.sandbox._world.packages import IMAGE_KINDS, RESULT_KINDS, build_package
from pixxel_async.sandbox._world.scenes import Archive

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ARCHIVE = Archive(now=lambda: NOW)
FIELD = {
    "type": "Polygon",
    "coordinates": [
        [[75.80, 30.90], [75.86, 30.885], [75.90, 30.92], [75.84, 30.975], [75.80, 30.90]],
        [[75.83, 30.92], [75.84, 30.94], [75.86, 30.93], [75.83, 30.92]],
    ],
}
COLLECTIONS = ["sentinel-2-l2a", "pixxel-td-l2a", "pixxel-dd2"]


def scenes(collection: str, count: int = 1, geometry: dict = FIELD, **conditions):
    found, _ = ARCHIVE.search(collections=[collection], geometry=geometry, limit=count, **conditions)
    return found


def package(kind: str = "aoi_download", **arguments) -> zipfile.ZipFile:
    arguments = {"name": "dl-1", "geometry": FIELD, "scenes": scenes("pixxel-td-l2a")} | arguments
    return zipfile.ZipFile(io.BytesIO(build_package(kind=kind, **arguments)))


def raster(archive: zipfile.ZipFile, name: str) -> rasterio.DatasetReader:
    return rasterio.open(io.BytesIO(archive.read(name)))


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_image_files_are_named_after_the_scene(collection):
    """Bands, mask, thumbnail, footprint and frame, in the naming of the vendor's deliveries."""
    found = scenes(collection, 2)
    archive = package(scenes=found)
    expected = [
        f"{scene.id}/{scene.id}{ending}"
        for scene in found
        for ending in (".tif", ".mask.tif", ".jpeg", ".geojson", ".bbox.geojson")
    ]
    assert expected == archive.namelist()
    assert archive.testzip() is None
    assert re.fullmatch(r"[A-Z]+\d?[A-Z\d]_\d{6}_\d{8}_L2A_\d{8}_\d{8}/.*", archive.namelist()[0])


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_raster_lies_where_the_area_is(collection):
    """GDAL reads reference system, frame, bands, scale and no-data value."""
    scene = scenes(collection)[0]
    with raster(package(scenes=[scene]), f"{scene.id}/{scene.id}.tif") as image:
        assert image.crs.to_epsg() == 4326
        assert image.bounds.left <= 75.80 + 1e-9
        assert image.bounds.bottom <= 30.885 + 1e-9
        assert image.bounds.right >= 75.90 - 1e-9
        assert image.bounds.top >= 30.975 - 1e-9
        assert image.bounds.right - image.bounds.left < 0.1 + 2 * image.res[0]
        names = [band.name for band in scene.sensor.bands]
        assert list(image.descriptions) == names
        assert set(image.dtypes) == {"uint16"}
        assert image.nodata == 0
        assert image.scales == pytest.approx([1 / scene.sensor.quantification] * len(names))
        assert image.profile["compress"] == "deflate"
        assert image.tags()["PLATFORM"] == scene.platform


def test_pixels_are_data_inside_the_area_only():
    """Outside the polygon and in its hole there is no data, anywhere else there is."""
    scene = scenes("sentinel-2-l2a", start=dt.datetime(2025, 4, 1, tzinfo=dt.UTC))[0]
    with raster(package(scenes=[scene]), f"{scene.id}/{scene.id}.tif") as image:
        outside = [(75.801, 30.97), (75.899, 30.89), (75.843, 30.93)]
        inside = [(75.82, 30.91), (75.87, 30.92), (75.84, 30.96)]
        assert [value[3] for value in image.sample(outside)] == [0, 0, 0]
        assert all(value.min() > 0 for value in image.sample(inside))
        assert image.read().max() <= 10_000


def test_vegetation_is_bright_in_the_infrared():
    """NDVI of the pixels spreads from bare soil to full crops, so an index over them shows something."""
    scene = scenes("pixxel-td-l2a", max_cloud=3)[0]
    with raster(package(scenes=[scene]), f"{scene.id}/{scene.id}.tif") as image:
        red, infrared = (
            image.read(image.descriptions.index(name) + 1).astype(float) for name in ("B040", "B074")
        )
    valid = red > 0
    ndvi = (infrared[valid] - red[valid]) / (infrared[valid] + red[valid])
    assert np.percentile(ndvi, 5) < 0.25
    assert np.percentile(ndvi, 95) > 0.6


def test_neighbouring_areas_fit_together():
    """The same place has the same reflectance in pictures of different areas, but for the finer or coarser pixels."""
    scene = scenes("sentinel-2-l2a", max_cloud=0.5)[0]

    def square(west: float, south: float, side: float) -> dict:
        ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side]]
        return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}

    values = []
    for geometry in (square(75.80, 30.90, 0.02), square(75.81, 30.89, 0.02)):
        archive = package(scenes=[scene], geometry=geometry, size=220)
        with raster(archive, f"{scene.id}/{scene.id}.tif") as image:
            points = [(75.812 + 0.001 * i, 30.902 + 0.001 * j) for i in range(6) for j in range(6)]
            values.append(np.array([value[7] for value in image.sample(points)], dtype=float))
    close = np.isclose(values[0], values[1], rtol=0.1)
    assert close.mean() > 0.9


def test_mask_flags_the_clouds_that_the_image_shows():
    """Cloud bits cover about the share that the scene states, and lie on bright pixels."""
    geometry = {
        "type": "Polygon",
        "coordinates": [[[75.1, 30.1], [75.9, 30.1], [75.9, 30.9], [75.1, 30.9], [75.1, 30.1]]],
    }
    scene = scenes("sentinel-2-l2a", geometry=geometry, min_cloud=35, max_cloud=65)[0]
    archive = package(scenes=[scene], geometry=geometry)
    with raster(archive, f"{scene.id}/{scene.id}.mask.tif") as mask:
        flags = mask.read(1)
        assert mask.nodata == NO_DATA
        assert mask.tags()["FLAG_WATER"] == str(WATER)
    with raster(archive, f"{scene.id}/{scene.id}.tif") as image:
        blue = image.read(2)
    valid = flags != NO_DATA
    assert np.array_equal(valid, blue > 0)
    cloudy = (flags & CLOUD > 0) & valid
    assert 0.1 < cloudy[valid].mean() < 0.9
    assert np.median(blue[cloudy]) > 2 * np.median(blue[valid & ~cloudy])


def test_thumbnail_footprint_and_frame():
    scene = scenes("pixxel-td-l2a")[0]
    archive = package(scenes=[scene])
    thumbnail = Image.open(io.BytesIO(archive.read(f"{scene.id}/{scene.id}.jpeg")))
    assert (thumbnail.format, thumbnail.mode) == ("JPEG", "RGB")
    assert max(thumbnail.size) >= 128
    footprint = json.loads(archive.read(f"{scene.id}/{scene.id}.geojson"))
    assert footprint["geometry"] == scene.footprint
    frame = json.loads(archive.read(f"{scene.id}/{scene.id}.bbox.geojson"))["geometry"]["coordinates"][0]
    west, south, east, north = scene.bbox
    assert frame == [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.mark.parametrize("kind", sorted(RESULT_KINDS))
def test_result_is_a_raster_of_its_own(kind):
    """Green cover and classes, over the area, named after the download."""
    archive = package(kind, name="ins-7", scenes=scenes("sentinel-2-l2a", 3))
    with raster(archive, "ins-7/ins-7.tif") as image:
        assert image.descriptions == ("green_cover", "class")
        assert image.crs.to_epsg() == 4326
        cover, classes = image.read()
        assert image.nodata == -1
    valid = cover >= 0
    assert 0 <= cover[valid].min() < cover[valid].max() <= 1
    assert set(np.unique(classes[valid])) <= {1, 2, 3, 4}
    assert (classes[~valid] == -1).all()
    assert {"ins-7/ins-7.mask.tif", "ins-7/ins-7.jpeg", "ins-7/ins-7.geojson"} <= set(archive.namelist())


def test_same_arguments_give_the_same_bytes():
    """So an ETag outlives the cache: files carry the product's time, not today's. Another seed is another Earth."""
    arguments = {"kind": "aoi_download", "name": "dl-1", "geometry": FIELD, "scenes": scenes("pixxel-td-l2a")}
    first = build_package(**arguments)
    assert first == build_package(**arguments)
    assert first != build_package(**arguments, seed=1)
    made = arguments["scenes"][0].created.replace(second=0)
    for entry in zipfile.ZipFile(io.BytesIO(first)).infolist():
        assert dt.datetime(*entry.date_time, tzinfo=dt.UTC).replace(second=0) == made


def test_wanted_bands_only():
    """Bands that a scene does not have are left out; with none of them left, all are packed."""
    scene = scenes("sentinel-2-l2a")[0]
    for wanted, expected in (
        (["B08", "B04", "B040"], ["B04", "B08"]),
        (["B040"], [band.name for band in scene.sensor.bands]),
    ):
        archive = package(scenes=[scene], bands=wanted)
        with raster(archive, archive.namelist()[0]) as image:
            assert list(image.descriptions) == expected


def test_package_is_small_unless_a_greater_size_is_asked_for():
    """Half a megabyte by default; `size` makes greater ones, in tiles."""
    content = build_package(kind="aoi_download", name="x", geometry=FIELD, scenes=scenes("sentinel-2-l2a"))
    assert 50_000 < len(content) < 600_000
    greater = package(scenes=scenes("sentinel-2-l2a"), size=600)
    with raster(greater, greater.namelist()[0]) as image:
        assert 500 < max(image.shape) <= 600
        assert image.profile["tiled"]
        assert image.block_shapes[0] == (256, 256)
        assert image.read(1).any()


@pytest.mark.parametrize(("side", "least"), [(0.00005, 32), (0.002, 32), (1.2, 150)])
def test_areas_of_any_size_have_pixels(side, least):
    """From a garden to a county: the raster has a useful number of pixels."""
    ring = [[75.8, 30.9], [75.8 + side, 30.9], [75.8 + side, 30.9 + side], [75.8, 30.9 + side], [75.8, 30.9]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    archive = package(geometry=geometry, scenes=scenes("pixxel-td-l2a", geometry=geometry))
    with raster(archive, archive.namelist()[0]) as image:
        assert least <= max(image.shape) <= 200
        assert image.read(1).any()


def test_polar_and_antimeridian_areas_can_be_packed():
    for west, south in [(179.95, -16.5), (-180.0, 66.0), (20.0, 89.9), (20.0, -90.0)]:
        ring = [
            [west, south],
            [west + 0.05, south],
            [west + 0.05, south + 0.05],
            [west, south + 0.05],
            [west, south],
        ]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        archive = package(geometry=geometry, scenes=scenes("sentinel-2-l2a", geometry=geometry))
        with raster(archive, archive.namelist()[0]) as image:
            assert image.read(1).all(where=image.dataset_mask() > 0)
            assert (image.read(1) > 0).mean() > 0.5


def test_multipolygon_and_feature_collection():
    """Orders come as feature collections; every part of them has data."""
    parts = [[[x, 30.9], [x + 0.01, 30.9], [x + 0.01, 30.91], [x, 30.91], [x, 30.9]] for x in (75.8, 75.83)]
    multi = {"type": "MultiPolygon", "coordinates": [[part] for part in parts]}
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [part]}}
            for part in parts
        ],
    }
    scene = scenes("sentinel-2-l2a", geometry=multi)[0]
    for geometry in (multi, collection):
        archive = package(geometry=geometry, scenes=[scene])
        with raster(archive, archive.namelist()[0]) as image:
            samples = [
                value[0] > 0 for value in image.sample([(75.805, 30.905), (75.82, 30.905), (75.835, 30.905)])
            ]
            assert samples == [True, False, True]


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="unknown kind of package: 'parcel'"):
        build_package(kind="parcel", name="x", geometry=FIELD, scenes=scenes("pixxel-dd2"))
    for kind in IMAGE_KINDS | RESULT_KINDS:
        with pytest.raises(ValueError, match="no scene to pack for x"):
            build_package(kind=kind, name="x", geometry=FIELD, scenes=[])
