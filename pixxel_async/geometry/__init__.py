"""Areas in any form, as the GeoJSON that the API takes.

An area may be given as GeoJSON (a geometry, a Feature, a FeatureCollection), as a file of it, as WKT, as an object
with `__geo_interface__` (Shapely, GeoPandas and others), or as a geometry from one of the API's responses. The result
is plain GeoJSON: WGS 84, positions [longitude, latitude] in degrees.

Errors name the place: features are counted from 1; polygons, rings and vertices from 0, as in `coordinates`. Checked are
types, lengths, closure, ranges, the antimeridian, and that rings have an area, cross neither themselves nor each other,
and lie inside the first if they are holes. Not checked is whether rings touch, whether parts of a MultiPolygon overlap,
or the direction of a ring: the API judges that.
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
