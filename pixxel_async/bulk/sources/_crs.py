"""Reference systems: WGS 84 longitude and latitude is what the API takes, and all else is transformed to it."""

from __future__ import annotations

import re

from pixxel_async.bulk.sources._extra import require_geo
from pixxel_async.bulk.sources._rows import Refused
from pixxel_async.geometry._areas import Ring, ToDegrees

_WGS_84 = re.compile(r"(CRS:?84|EPSG:.*\b4326)$", re.IGNORECASE)
_REMEDY = "give a reference system such as EPSG:32643"
_DIGITS = 9
"""A tenth of a millimetre; more is noise of the transformation."""


def projection(crs: str) -> ToDegrees | None:
    """How coordinates of a reference system become longitude and latitude; None: they are that already.

    Args:
        crs: A code such as EPSG:32643, or WKT, or PROJJSON. The first coordinate is taken to be east or longitude,
            whatever the system itself says, as GIS files have it.

    Raises:
        Refused: There is no such system, it cannot be transformed, or the extra is missing.
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
        raise Refused(f"{crs:.80} is no reference system that could be transformed", _REMEDY) from None

    def to_degrees(ring: Ring) -> Ring:
        xs, ys = transformer.transform([x for x, _ in ring], [y for _, y in ring])
        return [[round(x, _DIGITS), round(y, _DIGITS)] for x, y in zip(xs, ys, strict=True)]

    return to_degrees
