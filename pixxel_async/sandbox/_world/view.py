"""A view of an area from scenes: a mosaic of their bands, and the quality of each pixel."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixxel_async.sandbox._world.geometry import Floats, raster, shape_of
from pixxel_async.sandbox._world.landscape import (
    CLOUD,
    NO_DATA,
    SHADOW,
    SNOW,
    WATER,
    Grid,
    Landscape,
    Sky,
)
from pixxel_async.sandbox._world.scenes import Scene


class View:
    """Scenes of one collection on a grid, the clearest on top, clipped to an area.

    Args:
        scenes: At least one.
        geometry: The area, any GeoJSON with polygons.
        grid: The pixels.
        seed: The seed of the sandbox; decides the landscape.

    Raises:
        ValueError: there is no scene, or they are of more than one collection.
    """

    def __init__(self, scenes: Sequence[Scene], geometry: Mapping[str, Any], grid: Grid, seed: int) -> None:
        if len({scene.collection for scene in scenes}) != 1:
            raise ValueError("a picture needs scenes of one collection")
        self.scenes = sorted(scenes, key=lambda scene: (scene.cloud_cover, scene.id))
        self.sensor = self.scenes[0].sensor
        self.grid = grid
        self._inside = raster(shape_of(geometry), grid.xs, grid.ys)
        days = {scene.datetime.timetuple().tm_yday for scene in scenes}
        self._grounds = {day: Landscape(grid, day, seed) for day in days}
        self._skies = [Sky(grid, scene.cloud_cover, hash_of(scene.id)) for scene in self.scenes]

    @cached_property
    def order(self) -> NDArray[np.int16]:
        """The scene of each pixel; -1 outside the area and outside all scenes."""
        order = np.full((self.grid.rows, self.grid.columns), -1, dtype=np.int16)
        for number, scene in enumerate(self.scenes):
            covered = raster(shape_of(scene.footprint), self.grid.xs, self.grid.ys)
            order[(order < 0) & covered & self._inside] = number
        return order

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether each pixel has data."""
        return self.order >= 0

    def reflectance(self, band: str) -> Floats:
        """Reflectance of a band from 0 to 1; 0 means no data.

        Raises:
            ValueError: the collection has no such band.
        """
        wavelength = self.sensor.band(band).wavelength
        seen = np.zeros(self.order.shape, dtype=np.float64)
        for number, (scene, sky) in enumerate(zip(self.scenes, self._skies, strict=True)):
            mine = self.order == number
            if mine.any():
                ground = self._ground(scene).reflectance(wavelength)
                seen[mine] = sky.over(ground, wavelength)[mine]
        return seen

    def numbers(self, band: str) -> NDArray[np.uint16]:
        """Stored pixel values of a band: at least 1, and 0 for no data."""
        scaled = np.clip(np.round(self.reflectance(band) * self.sensor.quantification), 1, 65_535)
        return np.where(self.valid, scaled, 0).astype(np.uint16)

    def quality(self) -> NDArray[np.uint8]:
        """Bit flags of each pixel: cloud, shadow, water, snow, no data."""
        flags = np.zeros(self.order.shape, dtype=np.uint8)
        for number, (scene, sky) in enumerate(zip(self.scenes, self._skies, strict=True)):
            mine = self.order == number
            shares = self._ground(scene).shares
            for flag, where in (
                (CLOUD, sky.cloud > 0.3),
                (SHADOW, (sky.shadow > 0.2) & (sky.cloud <= 0.3)),
                (WATER, shares["water"] > 0.5),
                (SNOW, shares["snow"] > 0.5),
            ):
                flags[mine & where] |= flag
        flags[~self.valid] = NO_DATA
        return flags

    def natural_colors(self) -> NDArray[np.uint8]:
        """Red, green and blue with a contrast for viewing, 0 to 255."""
        channels = [np.clip(self.reflectance(name) / 0.24, 0, 1) ** 0.8 for name in self.sensor.rgb]
        painted: NDArray[np.uint8] = (np.stack(channels, axis=-1) * 255).astype(np.uint8)
        return painted

    def _ground(self, scene: Scene) -> Landscape:
        return self._grounds[scene.datetime.timetuple().tm_yday]


def hash_of(id: str) -> int:
    """A stable number for an id, unlike the built-in `hash`."""
    return zlib.crc32(id.encode())
