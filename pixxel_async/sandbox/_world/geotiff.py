"""GeoTIFFs in longitude and latitude (EPSG:4326), with position, bands and no-data value for GDAL."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import tifffile
from numpy.typing import NDArray

from pixxel_async.sandbox._world.landscape import Grid

TILE = 256
"""Side of a tile in pixels; smaller pictures are written in one strip."""

_PIXEL_SCALE, _TIEPOINT, _GEO_KEYS, _GDAL_METADATA, _GDAL_NODATA = 33550, 33922, 34735, 42112, 42113
# Version 1.1.0 and three keys: a geographic model, pixels as areas, and the code of the reference system.
_WGS84 = (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)


def geotiff(
    layers: NDArray[Any],
    grid: Grid,
    names: Sequence[str],
    *,
    nodata: float,
    scale: float = 1,
    tags: dict[str, str] | None = None,
) -> bytes:
    """A compressed GeoTIFF.

    Args:
        layers: Pixels as bands, rows, columns.
        grid: Position of the pixels.
        names: A description for each band.
        nodata: The pixel value that means no data.
        scale: Factor for a pixel value, written for each band.
        tags: Further metadata of the file.
    """
    buffer = io.BytesIO()
    size = max(layers.shape[1:])
    tifffile.imwrite(
        buffer,
        layers,
        photometric="minisblack",
        planarconfig="separate" if len(layers) > 1 else None,
        compression="zlib",
        compressionargs={"level": 5},
        predictor=layers.dtype.kind in "iu" or None,
        tile=(TILE, TILE) if size > TILE else None,
        rowsperstrip=None if size > TILE else layers.shape[1],
        metadata=None,
        software=False,
        extratags=[
            (_PIXEL_SCALE, "d", 3, (grid.dx, grid.dy, 0.0), True),
            (_TIEPOINT, "d", 6, (0.0, 0.0, 0.0, grid.west, grid.north, 0.0), True),
            (_GEO_KEYS, "H", len(_WGS84), _WGS84, True),
            (_GDAL_METADATA, "s", 0, _metadata(names, scale, tags or {}), True),
            (_GDAL_NODATA, "s", 0, f"{nodata:g}", True),
        ],
    )
    return buffer.getvalue()


def _metadata(names: Sequence[str], scale: float, tags: dict[str, str]) -> str:
    items = [f'<Item name="{escape(name)}">{escape(value)}</Item>' for name, value in tags.items()]
    for sample, name in enumerate(names):
        items.append(f'<Item name="DESCRIPTION" sample="{sample}" role="description">{escape(name)}</Item>')
        if scale != 1:
            items.append(f'<Item name="SCALE" sample="{sample}" role="scale">{scale:g}</Item>')
    return f"<GDALMetadata>{''.join(items)}</GDALMetadata>"
