"""The ZIP packages of downloads: delivered images, or the result of a model."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry import mapping

from pixxel_async.sandbox._world.geometry import shape_of
from pixxel_async.sandbox._world.geotiff import geotiff
from pixxel_async.sandbox._world.landscape import CLOUD, NO_DATA, SHADOW, SNOW, WATER, grid_over
from pixxel_async.sandbox._world.scenes import Scene
from pixxel_async.sandbox._world.view import View

IMAGE_KINDS = frozenset({"aoi_download", "catalog_download"})
RESULT_KINDS = frozenset({"insight_package", "job_package", "task_package"})

_FLAGS = {"CLOUD": CLOUD, "SHADOW": SHADOW, "WATER": WATER, "SNOW": SNOW, "NO_DATA": NO_DATA}


def build_package(
    *,
    kind: str,
    name: str,
    geometry: Mapping[str, Any],
    scenes: Sequence[Scene],
    bands: Sequence[str] | None = None,
    seed: int = 0,
    size: int = 200,
) -> bytes:
    """A ZIP with georeferenced rasters over an area; the same bytes for the same arguments.

    A package of images has a folder for each scene, and file names from the scene: `.tif` with the bands,
    `.mask.tif` with bit flags, `.jpeg` in natural colours, `.geojson` the footprint, `.bbox.geojson` its bounding box.
    The package of a result has the same files, named after the result. Its bands are the share of green cover and the
    class of each pixel (1 water, 2 bare, 3 sparse, 4 green). A scene takes a tenth of a second, and more with a larger
    `size`: call it in a thread.

    Args:
        kind: One of `IMAGE_KINDS` or `RESULT_KINDS`.
        name: Id of the download; the name of the files of a result.
        geometry: The area; any GeoJSON with polygons. Pixels outside have no data.
        scenes: At least one.
        bands: Names of the bands to pack. Default: all. A scene without any of these bands, as in packages of
            several collections, is also packed with all.
        seed: The seed of the sandbox.
        size: Largest number of pixels on the longer side; fewer if the camera has a lower resolution.

    Raises:
        ValueError: the kind is unknown or there is no scene.
    """
    if not scenes:
        raise ValueError(f"no scene to pack for {name}")
    if kind in IMAGE_KINDS:
        members = [member for scene in scenes for member in _image_files(scene, geometry, bands, seed, size)]
    elif kind in RESULT_KINDS:
        members = list(_result_files(name, geometry, scenes, seed, size))
    else:
        raise ValueError(f"unknown kind of package: {kind!r}")
    return _zip(members, max(scene.created for scene in scenes))


def _image_files(
    scene: Scene, geometry: Mapping[str, Any], bands: Sequence[str] | None, seed: int, size: int
) -> Iterator[tuple[str, bytes]]:
    view = _view([scene], geometry, seed, size)
    there = [band.name for band in scene.sensor.bands]
    names = [band for band in there if bands is None or band in bands] or there
    layers = np.stack([view.numbers(band) for band in names])
    tags = {"DATETIME": f"{scene.datetime:%Y-%m-%dT%H:%M:%SZ}", "PLATFORM": scene.platform, "LEVEL": "L2A"}
    raster = geotiff(layers, view.grid, names, nodata=0, scale=1 / scene.sensor.quantification, tags=tags)
    yield f"{scene.id}/{scene.id}.tif", raster
    properties = {"id": scene.id, "datetime": tags["DATETIME"], "eo:cloud_cover": scene.cloud_cover}
    yield from _side_files(f"{scene.id}/{scene.id}", view, view.natural_colors(), scene.footprint, properties)


def _result_files(
    name: str, geometry: Mapping[str, Any], scenes: Sequence[Scene], seed: int, size: int
) -> Iterator[tuple[str, bytes]]:
    of_one_kind = [scene for scene in scenes if scene.collection == scenes[0].collection]
    view = _view(of_one_kind, geometry, seed, size)
    red, near_infrared = (view.reflectance(_nearest(view, wavelength)) for wavelength in (665, 842))
    total = np.where(view.valid, near_infrared + red, 1)
    ndvi = (near_infrared - red) / total
    cover = np.where(view.valid, np.clip((ndvi - 0.12) / 0.75, 0, 1), -1).astype(np.float32)
    classes = np.where(view.valid, 1 + np.digitize(ndvi, [0, 0.3, 0.55]), -1).astype(np.float32)
    raster = geotiff(np.stack([cover, classes]), view.grid, ["green_cover", "class"], nodata=-1)
    yield f"{name}/{name}.tif", raster
    palette = np.array([[38, 84, 160], [201, 160, 110], [196, 214, 112], [38, 128, 62]], dtype=np.uint8)
    picture = palette[np.clip(classes.astype(int) - 1, 0, 3)]
    properties = {"id": name, "scenes": [scene.id for scene in view.scenes]}
    yield from _side_files(f"{name}/{name}", view, picture, dict(geometry), properties)


def _side_files(
    stem: str, view: View, picture: NDArray[np.uint8], footprint: dict[str, Any], properties: dict[str, Any]
) -> Iterator[tuple[str, bytes]]:
    flags = {f"FLAG_{name}": str(value) for name, value in _FLAGS.items()}
    yield (
        f"{stem}.mask.tif",
        geotiff(view.quality()[None], view.grid, ["quality"], nodata=NO_DATA, tags=flags),
    )
    yield f"{stem}.jpeg", _jpeg(picture, view.valid)
    yield f"{stem}.geojson", _geojson(footprint, properties)
    yield f"{stem}.bbox.geojson", _geojson(mapping(shape_of(footprint).envelope), properties)


def _view(scenes: Sequence[Scene], geometry: Mapping[str, Any], seed: int, size: int) -> View:
    grid = grid_over(shape_of(geometry).bounds, size, gsd=scenes[0].gsd)
    return View(scenes, geometry, grid, seed)


def _nearest(view: View, wavelength: float) -> str:
    return min(view.sensor.bands, key=lambda band: abs(band.wavelength - wavelength)).name


def _jpeg(picture: NDArray[np.uint8], valid: NDArray[np.bool_]) -> bytes:
    """A thumbnail, at least 128 pixels wide or high; white means no data."""
    shown = Image.fromarray(np.where(valid[..., None], picture, 255).astype(np.uint8))
    if max(shown.size) < 128:
        factor = 128 / max(shown.size)
        shown = shown.resize((max(round(shown.width * factor), 1), max(round(shown.height * factor), 1)))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _geojson(geometry: dict[str, Any], properties: dict[str, Any]) -> bytes:
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    # A collection of features is not a geometry, so it is used unchanged.
    written = geometry if geometry.get("type") in ("Feature", "FeatureCollection") else feature
    return json.dumps(written, indent=1).encode()


def _zip(members: Sequence[tuple[str, bytes]], moment: datetime) -> bytes:
    """A ZIP. Rasters and pictures are stored, because they are compressed already; all files have the same time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in dict(members).items():
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.create_system = 3  # the same bytes on every system
            entry.external_attr = 0o644 << 16
            packed = name.endswith(".geojson")
            entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            archive.writestr(entry, content)
    return buffer.getvalue()
