"""Reference systems: the API takes WGS 84 longitude and latitude, so all others are transformed to it."""

from __future__ import annotations

import re

from pixxel_async.bulk.sources._extra import require_geo
from pixxel_async.bulk.sources._rows import Refused
from pixxel_async.geometry._areas import Ring, ToDegrees

_WGS_84 = re.compile(r"(CRS:?84|EPSG:.*\b4326)$", re.IGNORECASE)
_REMEDY = "give a reference system such as EPSG:32643"
_DIGITS = 9
"""A tenth of a millimetre; further digits are noise of the transformation."""


def projection(crs: str) -> ToDegrees | None:
    """The transformation of a reference system to longitude and latitude; None: not needed.

    Args:
        crs: A code such as EPSG:32643, or WKT, or PROJJSON. The first coordinate is east or longitude, as in GIS
            files, whatever axis order the system defines.

    Raises:
        Refused: The system does not exist, it cannot be transformed, or the extra is missing.
    """
    if _WGS_84.search(crs):
        return None
    require_geo(f"transforming coordinates from {crs:.40}", "pyproj")
    import pyproj
    from pyproj.exceptions import CRSError, ProjError

    try:
        system = pyproj.CRS.from_user_input(crs)
        if system.equals(pyproj.CRS("OGC:CRS84"), ignore_axis_order=True):
            return None
        transformer = pyproj.Transformer.from_crs(system, "OGC:CRS84", always_xy=True)
    except (CRSError, ProjError):
        raise Refused(f"{crs:.80} is not a reference system that can be transformed", _REMEDY) from None

    def to_degrees(ring: Ring) -> Ring:
        xs, ys = transformer.transform([x for x, _ in ring], [y for _, y in ring])
        return [[round(x, _DIGITS), round(y, _DIGITS)] for x, y in zip(xs, ys, strict=True)]

    return to_degrees
