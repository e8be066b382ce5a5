"""The collections of the sandbox: their satellites, bands and revisit times.

Published ids and names are the vendor's (TD1, TD2, Sentinel-2 and the collections' ids). Ours are
the choice and numbering of Pixxel's bands, the Firefly satellite's id, its place in `pixxel-dd2`, and the revisit days.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs

EPOCH = date(2022, 1, 1)
"""The first day of any pass."""


@attrs.frozen
class Band:
    """A spectral band."""

    name: str
    wavelength: float
    """Centre in nanometres."""
    fwhm: float
    """Full width at half maximum, in nanometres."""
    irradiance: float
    """Solar irradiance in this band, in W/m²/µm."""
    common_name: str
    resolution: float
    """Size of a pixel on the ground, in metres."""


@attrs.frozen
class Satellite:
    """A satellite of `GET /v0/satellites`, and the names of its spacecraft."""

    id: str
    name: str
    platforms: tuple[str, ...]


@attrs.frozen(eq=False)
class Sensor:
    """A collection: one kind of product from one kind of camera. Each has one instance, so it compares by identity."""

    collection: str
    title: str
    description: str
    provider: str
    """The `provider` of new AOIs: `pixxel` or `planetary`."""
    license: str
    satellites: tuple[Satellite, ...]
    bands: tuple[Band, ...]
    rgb: tuple[str, str, str]
    gsd: float
    """Size of a pixel on the ground, in metres."""
    quantification: int
    """Pixel value of reflectance 1; `raster:bands.scale` is its reciprocal."""
    instrument: str
    altitude: float
    """Altitude of the orbit, in kilometres."""
    revisit: int
    """Days between two passes over the same place."""
    clear_every: int
    """At least one pass in this many is nearly free of clouds."""
    first_day: int
    """Days from `EPOCH` to the collection's first pass."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every spacecraft of the collection."""
        return tuple(name for satellite in self.satellites for name in satellite.platforms)

    def satellite(self, platform: str) -> Satellite:
        """The satellite of a spacecraft."""
        return next(satellite for satellite in self.satellites if platform in satellite.platforms)

    def band(self, name: str) -> Band:
        """The band with this name.

        Raises:
            ValueError: the collection has no such band.
        """
        for band in self.bands:
            if band.name == name:
                return band
        known = ", ".join(band.name for band in self.bands)
        raise ValueError(f"{self.collection} has no band {name!r}; its bands are {known}")


def _pixxel_bands(resolution: float) -> tuple[Band, ...]:
    table = (
        ("B001", 473, 1990, "blue"),
        ("B013", 533, 1880, "green"),
        ("B018", 558, 1840, "green"),
        ("B033", 633, 1630, "red"),
        ("B040", 668, 1530, "red"),
        ("B047", 703, 1420, "rededge"),
        ("B055", 743, 1280, "rededge"),
        ("B063", 783, 1180, "rededge"),
        ("B074", 838, 1030, "nir"),
        ("B081", 873, 950, "nir08"),
    )
    return tuple(Band(name, wave, 5, sun, common, resolution) for name, wave, sun, common in table)


_SENTINEL_BANDS = (
    Band("B01", 443, 20, 1884, "coastal", 60),
    Band("B02", 490, 65, 1959, "blue", 10),
    Band("B03", 560, 35, 1823, "green", 10),
    Band("B04", 665, 30, 1512, "red", 10),
    Band("B05", 705, 15, 1424, "rededge", 20),
    Band("B06", 740, 15, 1287, "rededge", 20),
    Band("B07", 783, 20, 1162, "rededge", 20),
    Band("B08", 842, 115, 1041, "nir", 10),
    Band("B8A", 865, 20, 955, "nir08", 20),
    Band("B09", 945, 20, 813, "nir09", 60),
    Band("B11", 1610, 90, 245, "swir16", 20),
    Band("B12", 2190, 180, 85, "swir22", 20),
)

SENSORS = (
    Sensor(
        collection="sentinel-2-l2a",
        title="Sentinel-2 L2A",
        description="Surface reflectance of the Sentinel-2 constellation (synthetic).",
        provider="planetary",
        license="proprietary",
        satellites=(Satellite("0002a3a3-00a2-4b55-842b-44d8202c6d60", "Sentinel-2", ("S2A", "S2B")),),
        bands=_SENTINEL_BANDS,
        rgb=("B04", "B03", "B02"),
        gsd=10,
        quantification=10_000,
        instrument="MSI",
        altitude=786,
        revisit=5,
        clear_every=4,
        first_day=0,
    ),
    Sensor(
        collection="pixxel-td-l2a",
        title="Pixxel-TD L2A",
        description="Surface reflectance of Pixxel's technology demonstrators (synthetic).",
        provider="pixxel",
        license="proprietary",
        satellites=(
            Satellite("0004ab8d-0ad1-4d62-8a3f-fe18a7000e70", "Pixxel-TD1", ("TD1",)),
            Satellite("0005c5bb-0bd2-4c80-9393-4a808341c54c", "Pixxel-TD2", ("TD2",)),
        ),
        bands=_pixxel_bands(30),
        rgb=("B040", "B018", "B001"),
        gsd=30,
        quantification=50_000,
        instrument="VNIR",
        altitude=530,
        revisit=9,
        clear_every=3,
        first_day=0,
    ),
    Sensor(
        collection="pixxel-dd2",
        title="Pixxel-DD2",
        description="Surface reflectance of the Firefly constellation (synthetic).",
        provider="pixxel",
        license="proprietary",
        satellites=(
            Satellite("0006f1ef-0f1e-4f1e-8f1e-f1ef1e000001", "Pixxel-FF", ("FF01", "FF02", "FF03")),
        ),
        bands=_pixxel_bands(5),
        rgb=("B040", "B018", "B001"),
        gsd=5,
        quantification=50_000,
        instrument="VNIR",
        altitude=550,
        revisit=14,
        clear_every=2,
        first_day=1127,  # 2025-02-01: the first three were launched in January 2025
    ),
)

SENSOR_BY_COLLECTION = {sensor.collection: sensor for sensor in SENSORS}


def satellite_answers() -> list[dict[str, Any]]:
    """The satellites as `GET /v0/satellites` lists them."""
    return [_satellite(sensor, satellite) for sensor in SENSORS for satellite in sensor.satellites]


def _satellite(sensor: Sensor, satellite: Satellite) -> dict[str, Any]:
    bands = [
        {
            "name": band.name,
            "wavelength": band.wavelength,
            "offset": 0,
            "scale": 1 / sensor.quantification,
            "spatial_resolution": band.resolution,
        }
        for band in sensor.bands
    ]
    collection = {
        "id": sensor.collection,
        "name": "L2A",
        "provider": sensor.provider,
        "queryables": ["eo:cloud_cover"],
        "rescale": [0, sensor.quantification],
    }
    red, green, blue = sensor.rgb
    return {
        "id": satellite.id,
        "name": satellite.name,
        "bands": bands,
        "collections": [collection],
        "rgb_composite": {"red": red, "green": green, "blue": blue},
    }


def collection_answers() -> list[dict[str, Any]]:
    """The collections as STAC 1.0.0 describes them."""
    return [_collection(sensor) for sensor in SENSORS]


def _collection(sensor: Sensor) -> dict[str, Any]:
    start = date.fromordinal(EPOCH.toordinal() + sensor.first_day)
    href = f"/v0/archives/collections/{sensor.collection}"
    producer = "Pixxel" if sensor.provider == "pixxel" else "ESA"
    return {
        "id": sensor.collection,
        "type": "Collection",
        "title": sensor.title,
        "description": sensor.description,
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "license": sensor.license,
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[f"{start.isoformat()}T00:00:00Z", None]]},
        },
        "summaries": {
            "constellation": [satellite.name for satellite in sensor.satellites],
            "platform": list(sensor.platforms),
            "instruments": [sensor.instrument],
            "gsd": [sensor.gsd],
        },
        "providers": [
            {"name": producer, "description": "Synthetic data of the sandbox", "roles": ["producer"]}
        ],
        "links": [
            {"rel": "self", "href": href, "type": "application/json"},
            {"rel": "items", "href": f"{href}/items", "type": "application/geo+json"},
        ],
        "created_at": f"{start.isoformat()}T00:00:00Z",
        "updated_at": f"{start.isoformat()}T00:00:00Z",
    }
