"""Areas in any form, as the GeoJSON that the API accepts.

An area may be GeoJSON (a geometry, a Feature, a FeatureCollection), a file of it, or WKT. It may also be an object with
`__geo_interface__` (Shapely, GeoPandas and others), or a geometry from one of the API's responses. The result is plain
GeoJSON: WGS 84, positions [longitude, latitude] in degrees.

Errors name the place: features are counted from 1; polygons, rings and vertices from 0, as in `coordinates`. The checks
cover types, lengths, closure, ranges and the antimeridian. Rings must have an area and must not cross themselves or
each other, and holes must be inside the first ring. The API checks whether rings touch, whether parts of a
MultiPolygon overlap, and the direction of rings.
"""

from pixxel_async.geometry._areas import (
    GeometryInput,
    HasGeoInterface,
    feature_collection,
    from_wkt,
    geometry,
    polygon,
)

__all__ = [
    "GeometryInput",
    "HasGeoInterface",
    "feature_collection",
    "from_wkt",
    "geometry",
    "polygon",
]
