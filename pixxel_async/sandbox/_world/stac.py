"""A scene as a STAC item, in the form of the vendor's archive."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from pixxel_async.sandbox._world.scenes import Scene
from pixxel_async.sandbox._world.sensors import Sensor


def stac_item(scene: Scene, origin: str) -> dict[str, Any]:
    """The STAC item of a scene: `bbox` has strings, and files have unsigned URLs on the storage host `origin`."""
    sensor = scene.sensor
    href = f"/v0/archives/collections/{scene.collection}"
    scale = 1 / sensor.quantification
    assets = {
        band.name: {
            "href": f"{origin}/archive/{scene.collection}/{scene.id}/{band.name}.tif",
            "type": "image/tiff; application=geotiff",
            "roles": ["data"],
            "title": band.name,
            "eo:bands": [
                {
                    "name": band.name,
                    "common_name": band.common_name,
                    "center_wavelength": band.wavelength,
                    "fwhm": band.fwhm,
                    "solar_irradiance": band.irradiance,
                }
            ],
            "raster:bands": [
                {"scale": scale, "nodata": 0, "offset": 0, "spatial_resolution": band.resolution}
            ],
        }
        for band in sensor.bands
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v1.0.0/schema.json",
            "https://stac-extensions.github.io/projection/v1.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
            "https://stac-extensions.github.io/view/v1.0.0/schema.json",
        ],
        "id": scene.id,
        "collection": scene.collection,
        "bbox": [f"{value:.6f}" for value in scene.bbox],
        "geometry": scene.footprint,
        "properties": _properties(scene, sensor),
        "assets": assets,
        "links": [
            {"rel": "self", "href": f"{href}/items/{scene.id}", "type": "application/geo+json"},
            {"rel": "collection", "href": href, "type": "application/json"},
        ],
    }


def _properties(scene: Scene, sensor: Sensor) -> dict[str, Any]:
    longitude, latitude = scene.centre
    code, transform, shape = _projection(scene, longitude, latitude)
    azimuth, elevation = _sun(scene.datetime, latitude)
    moment, created = (f"{value:%Y-%m-%dT%H:%M:%SZ}" for value in (scene.datetime, scene.created))
    return {
        "title": scene.id,
        "description": sensor.description,
        "license": sensor.license,
        "datetime": moment,
        "startdatetime": moment,
        "created": created,
        "updated": created,
        "constellation": sensor.satellite(scene.platform).name,
        "platform": scene.platform,
        "instruments": [sensor.instrument],
        "gsd": scene.gsd,
        "altitude": sensor.altitude,
        "eo:cloud_cover": scene.cloud_cover,
        "view:off_nadir": scene.off_nadir,
        "view:sun_azimuth": azimuth,
        "view:sun_elevation": elevation,
        "view:scene_center_lat": latitude,
        "view:scene_center_lon": longitude,
        "proj:code": code,
        "proj:shape": shape,
        "proj:transform": transform,
        "rd:product_level": "L2A",
        "rd:sat_id": scene.platform,
        "rd:type": "Reflectance",
        "rd:anomalous_pixels": 0,
        "rd:earth_sun_distance": _sun_distance(scene.datetime),
    }


def _projection(scene: Scene, longitude: float, latitude: float) -> tuple[str, list[float], list[int]]:
    """Zone, transform and size in pixels, approximated with the scale at the zone's centre."""
    zone = min(int((longitude + 180) // 6) + 1, 60)
    metres = 111_320.0
    west, south, east, north = scene.bbox
    narrow = max(math.cos(math.radians(latitude)), 0.01)
    columns = max(round((east - west) * metres * narrow / scene.gsd), 1)
    rows = max(round((north - south) * metres / scene.gsd), 1)
    if latitude >= 84 or latitude < -80:
        code, easting, northing = ("EPSG:32661" if latitude > 0 else "EPSG:32761"), 2_000_000.0, 2_000_000.0
    else:
        code = f"EPSG:{32600 + zone if latitude >= 0 else 32700 + zone}"
        easting = 500_000 + (west - (zone * 6 - 183)) * metres * narrow
        northing = north * metres + (0 if latitude >= 0 else 10_000_000)
    return code, [scene.gsd, 0, round(easting, 1), 0, -scene.gsd, round(northing, 1)], [rows, columns]


def _sun(moment: datetime, latitude: float) -> tuple[float, float]:
    """Azimuth and elevation at 10:30 local solar time; at least 5°, because the archive has no polar night."""
    day = moment.timetuple().tm_yday
    declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10) / 365.25))
    hour, phi = math.radians(-22.5), math.radians(latitude)
    height = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour)
    east = -math.sin(hour) * math.cos(declination)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(hour)
    azimuth = math.degrees(math.atan2(east, north)) % 360
    return round(azimuth, 2), round(max(math.degrees(math.asin(height)), 5.0), 2)


def _sun_distance(moment: datetime) -> float:
    return round(1 - 0.01672 * math.cos(2 * math.pi * (moment.timetuple().tm_yday - 4) / 365.25), 5)
