"""A synthetic Earth: fields, woods, rivers, villages and ice as functions of longitude and latitude.

Position, day and seed decide everything. So adjacent pictures match, and two dates of one place show the same fields.
"""

from __future__ import annotations

import math
from functools import cached_property
from statistics import NormalDist
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from pixxel_async.sandbox._world.geometry import Bounds, Floats

Pixels = NDArray[np.float32]
Keys = NDArray[np.uint32]

CLOUD: Final = 1
SHADOW: Final = 2
WATER: Final = 4
SNOW: Final = 8
NO_DATA: Final = 128

KM_PER_DEGREE = 111.32
_DISTRICT_KM = 7.0
_SPREAD = 0.122
"""Standard deviation of `_fractal`; converts a share of clouds into a threshold."""

_WAVES = np.array(
    [400, 450, 500, 550, 600, 650, 680, 700, 720, 750, 800, 900, 1100, 1450, 1610, 2000, 2190, 2500.0]
)
_SPECTRA = {
    "crop": [20, 25, 32, 80, 52, 36, 30, 80, 220, 410, 460, 480, 470, 120, 220, 60, 110, 50],
    "soil": [60, 80, 105, 140, 172, 200, 212, 222, 234, 252, 275, 305, 350, 330, 385, 340, 360, 300],
    "wood": [14, 18, 22, 48, 33, 22, 19, 55, 160, 290, 330, 350, 340, 80, 140, 40, 60, 30],
    "water": [62, 60, 58, 52, 34, 22, 19, 16, 13, 11, 9, 6, 2, 1, 1, 1, 1, 1],
    "town": [95, 110, 128, 146, 158, 168, 174, 178, 183, 190, 200, 212, 232, 230, 250, 238, 240, 220],
    "snow": [900, 910, 915, 910, 905, 895, 890, 885, 880, 870, 850, 790, 620, 120, 110, 60, 60, 40],
    "cloud": [560, 560, 560, 565, 570, 575, 578, 580, 582, 585, 588, 590, 570, 420, 440, 330, 360, 250],
}


@attrs.frozen
class Grid:
    """Pixels in longitude and latitude, from the north-west corner, row by row."""

    west: float
    north: float
    dx: float
    """Width of a pixel in degrees."""
    dy: float
    """Height of a pixel in degrees."""
    columns: int
    rows: int

    @property
    def xs(self) -> Floats:
        """Longitudes of the centres of the columns."""
        return self.west + (np.arange(self.columns, dtype=np.float64) + 0.5) * self.dx

    @property
    def ys(self) -> Floats:
        """Latitudes of the centres of the rows, descending."""
        return self.north - (np.arange(self.rows, dtype=np.float64) + 0.5) * self.dy

    @property
    def pixel_km(self) -> float:
        """Height of a pixel in kilometres."""
        return self.dy * KM_PER_DEGREE

    @property
    def row_areas(self) -> Floats:
        """Area of one pixel of each row, in m²."""
        side = KM_PER_DEGREE * 1000
        return self.dx * self.dy * side * side * np.cos(np.radians(self.ys))


def grid_over(bounds: Bounds, size: int, *, gsd: float = 0.0) -> Grid:
    """A grid over `bounds`; its pixels are square on the ground at the middle latitude.

    Args:
        bounds: West, south, east and north.
        size: Largest number of pixels on the longer side.
        gsd: Smallest useful pixel in metres; small areas get fewer pixels, but at least 32.
    """
    west, south, east, north = bounds
    narrow = max(math.cos(math.radians((south + north) / 2)), 0.01)
    longest = max((east - west) * narrow, north - south, 1e-6)
    finest = min(gsd / 1000 / KM_PER_DEGREE, longest / 32)
    dy = max(longest / size, finest)
    dx = dy / narrow
    # A small excess over a whole number of pixels is a rounding error, not another column.
    columns = max(math.ceil((east - west) / dx - 1e-9), 1)
    rows = max(math.ceil((north - south) / dy - 1e-9), 1)
    return Grid(west, north, dx, dy, columns, rows)


class Landscape:
    """The land cover of a grid on a day of the year, as shares of crop, soil, wood, water, town and snow."""

    def __init__(self, grid: Grid, day_of_year: int, seed: int) -> None:
        self._grid = grid
        self._day = day_of_year
        self._seed = seed

    @cached_property
    def shares(self) -> dict[str, Pixels]:
        """Share of each kind in each pixel; the sum is 1."""
        rest = np.ones((self._grid.rows, self._grid.columns), dtype=np.float32)
        shares: dict[str, Pixels] = {}
        for kind, part in (
            ("snow", self._snow),
            ("water", self._water),
            ("town", self._town),
            ("wood", self._wood),
            ("crop", self._crop),
        ):
            shares[kind] = rest * part
            rest = rest - shares[kind]
        return shares | {"soil": rest}

    def reflectance(self, wavelength: float) -> Pixels:
        """Reflectance from 0 to 1 at a wavelength in nanometres."""
        total = np.zeros((self._grid.rows, self._grid.columns), dtype=np.float32)
        for kind, share in self.shares.items():
            bright = self._soil_brightness if kind == "soil" else np.float32(1)
            total += share * bright * np.float32(spectrum(kind, wavelength))
        return total * self._texture

    def _fractal(self, degrees: float, octaves: int, salt: int) -> Pixels:
        return fractal(self._grid, degrees, octaves, self._seed * 1009 + salt)

    @cached_property
    def _relief(self) -> Pixels:
        return self._fractal(0.21, 4, 1)

    @cached_property
    def _river(self) -> Pixels:
        """Distance to the centre of the nearest river, without unit: 0.01 is about 300 m."""
        distance: Pixels = np.abs(self._fractal(0.17, 4, 2) - np.float32(0.5))
        return distance

    @cached_property
    def _texture(self) -> Pixels:
        fine = fractal(self._grid, max(0.004, 6 * self._grid.dy), 2, self._seed * 1009 + 3)
        return 0.93 + np.float32(0.14) * fine

    @cached_property
    def _soil_brightness(self) -> Pixels:
        keys = self._parcels[0]
        return (0.75 + 0.3 * self._relief + 0.3 * chance(keys, 11)).astype(np.float32)

    @cached_property
    def _water(self) -> Pixels:
        river = _ramp(0.0045 - self._river, 0.0015)
        lake = _ramp(np.float32(0.235) - self._relief, 0.004)
        return np.maximum(river, lake)

    @cached_property
    def _wood(self) -> Pixels:
        forest = _ramp(self._fractal(0.05, 4, 4) - np.float32(0.66), 0.02)
        along_rivers = _ramp(0.009 - self._river, 0.003) * 0.8
        wooded: Pixels = np.maximum(forest, along_rivers) * np.float32(0.9)
        return wooded

    @cached_property
    def _snow(self) -> Pixels:
        polar = (np.abs(self._grid.ys)[:, None] - 72).astype(np.float32) / 10
        return np.clip(polar + self._relief - np.float32(0.5), 0, 1)

    @cached_property
    def _town(self) -> Pixels:
        """A village in some districts, less dense towards its edge."""
        columns, rows, x, y = self._districts
        keys = mix(columns, rows, self._seed + 5)
        from_middle = np.hypot(x - 2 - 3 * chance(keys, 1), y - 2 - 3 * chance(keys, 2))
        radius = np.where(chance(keys, 3) < 0.3, 0.2 + 0.6 * chance(keys, 4), 0)
        ragged = fractal(self._grid, 0.006, 2, self._seed + 6) - 0.5
        return (_ramp(radius - from_middle + 0.8 * radius * ragged, 0.25) * 0.75).astype(np.float32)

    @cached_property
    def _kilometres(self) -> tuple[Floats, Floats]:
        """A plane for the fields; its scale changes between bands of latitude, as in real surveys."""
        middles = (np.floor(self._grid.ys * 4) + 0.5) / 4
        x = np.cos(np.radians(middles))[:, None] * self._grid.xs[None, :] * KM_PER_DEGREE
        y = np.broadcast_to((self._grid.ys * KM_PER_DEGREE)[:, None], x.shape)
        return x, y

    @cached_property
    def _districts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
        """Column and row of the district, and the position in it in kilometres; borders are wavy."""
        x, y = self._kilometres
        x = x + 3 * (self._fractal(0.05, 2, 7) - 0.5)
        y = y + 3 * (self._fractal(0.05, 2, 8) - 0.5)
        columns, rows = np.floor(x / _DISTRICT_KM), np.floor(y / _DISTRICT_KM)
        within = x - columns * _DISTRICT_KM, y - rows * _DISTRICT_KM
        return columns.astype(np.int64), rows.astype(np.int64), *within

    @cached_property
    def _parcels(self) -> tuple[Keys, Floats, Floats]:
        """Number of the field, distance to its nearest edge in kilometres, and its share within the pivot's circle."""
        columns, rows, _, _ = self._districts
        x, y = self._kilometres
        district = mix(columns, rows, self._seed + 9)
        angle = 1.2 * chance(district, 1) - 0.6
        side = 0.16 + 0.26 * chance(district, 2)
        pivots = chance(district, 3) < 0.14
        side = np.where(pivots, 0.8, side)
        u, v = (
            (x * np.cos(angle) + y * np.sin(angle)) / side,
            (y * np.cos(angle) - x * np.sin(angle)) / side,
        )
        row = np.floor(v)
        strip = mix(row.astype(np.int64), district, 12)
        width = np.where(pivots, 1.0, 0.6 + 1.6 * chance(strip, 1))
        u = u / width + np.where(pivots, 0, 7 * chance(strip, 2))
        column = np.floor(u)
        keys = mix(column.astype(np.int64), strip, 13)
        u, v = u - column, v - row
        split = np.where(~pivots & (chance(keys, 4) < 0.35), 2, 1)
        half = np.floor(v * split)
        keys = mix(keys, half.astype(np.int64), 14)
        v = v * split - half
        edge = np.minimum(np.minimum(u, 1 - u) * width, np.minimum(v, 1 - v) / split) * side
        circle = np.where(
            pivots, _ramp(0.46 - np.hypot(u - 0.5, v - 0.5), self._grid.pixel_km / 0.8), np.float32(1)
        )
        return keys, edge, circle

    @cached_property
    def _crop(self) -> Pixels:
        """Green cover of the fields on the day: crops have seasons, two a year in the tropics; pastures vary less."""
        keys, edge, circle = self._parcels
        southern = np.where(self._grid.ys < 0, 182.6, 0)[:, None]
        harvests = np.where(np.abs(self._grid.ys) < 24, 2, 1)[:, None]
        kind = chance(keys, 5)
        peak = np.where(kind < 0.4, 105, 205) + 50 * (chance(keys, 6) - 0.5) + southern
        apart = np.abs((self._day - peak + 182.6 / harvests) % (365.25 / harvests) - 182.6 / harvests)
        season = np.exp(-np.square(apart / 58))
        # Between harvest and growth a field is ploughed, in stubble, or under a catch crop.
        between = 0.06 + 0.6 * chance(keys, 8) ** 2
        cover = np.where(
            kind < 0.68, between + (0.96 - between) * season, np.where(kind < 0.87, 0.4 + 0.35 * season, 0.75)
        ) * (0.7 + 0.35 * chance(keys, 7))
        soil = self._fractal(0.0045, 4, 15) - np.float32(0.5)  # soil depth and moisture within a field
        cover = (cover * (1 + 1.5 * soil) + 0.35 * soil) * circle + 0.12 * (1 - circle)
        track = 0.012
        reach = max(track, 0.7 * self._grid.pixel_km)
        bare = np.clip(1 - edge / reach, 0, 1) * (track / reach)
        grown: Pixels = np.clip(cover * (1 - 0.7 * bare), 0, 0.97).astype(np.float32)
        return grown


class Sky:
    """The clouds of one scene over a grid, and their shadows on the ground."""

    def __init__(self, grid: Grid, cloud_cover: float, seed: int) -> None:
        self._grid = grid
        self._seed = seed
        share = min(max(cloud_cover / 100, 0.0005), 0.9995)
        self._threshold = 0.5 + _SPREAD * NormalDist().inv_cdf(1 - share)

    @cached_property
    def cloud(self) -> Pixels:
        """Opacity of the clouds, from 0 to 1."""
        return self._density(self._grid)

    @cached_property
    def shadow(self) -> Pixels:
        """Share of the sunlight that the clouds block, from 0 to 1."""
        # The morning sun is in the east, so the shadow falls to the west.
        return np.float32(0.55) * self._density(attrs.evolve(self._grid, west=self._grid.west + 0.009))

    def over(self, ground: Pixels, wavelength: float) -> Pixels:
        """The reflectance at the camera, from that of the ground."""
        lit = ground * (1 - self.shadow)
        bright = np.float32(spectrum("cloud", wavelength))
        return lit + (bright - lit) * self.cloud

    def _density(self, grid: Grid) -> Pixels:
        thickness = fractal(grid, 0.09, 5, self._seed) - np.float32(self._threshold)
        density: Pixels = np.clip(thickness / np.float32(0.05), 0, 1) ** np.float32(0.7)
        return density


def spectrum(kind: str, wavelength: float) -> float:
    """Reflectance of pure crop, soil, wood, water, town, snow or cloud at a wavelength in nanometres."""
    return float(np.interp(wavelength, _WAVES, _SPECTRA[kind])) / 1000


def fractal(grid: Grid, degrees: float, octaves: int, seed: int) -> Pixels:
    """Smooth noise from 0 to 1 around 0.5, with features of `degrees` and of repeated halves of it."""
    total = np.zeros((grid.rows, grid.columns), dtype=np.float32)
    weight, weights = 0.5, 0.0
    for octave in range(octaves):
        total += np.float32(weight) * _noise(grid.xs / degrees, grid.ys / degrees, seed * 31 + octave)
        weights += weight
        weight *= 0.55
        degrees *= 0.47
    return total / np.float32(weights)


def _noise(xs: Floats, ys: Floats, salt: int) -> Pixels:
    """Random values on the integers, interpolated smoothly; only the needed ones are computed."""
    left, top = math.floor(xs.min()), math.floor(ys.min())
    nodes_x = np.arange(left, math.floor(xs.max()) + 2)
    nodes_y = np.arange(top, math.floor(ys.max()) + 2)
    values = chance(mix(nodes_x[None, :], nodes_y[:, None], salt), 0).astype(np.float32)
    column, across = _smooth(xs, left)
    row, down = _smooth(ys, top)
    rough = values[:, column] + (values[:, column + 1] - values[:, column]) * across[None, :]
    smooth: Pixels = rough[row] + (rough[row + 1] - rough[row]) * down[:, None]
    return smooth


def _smooth(positions: Floats, first: int) -> tuple[NDArray[np.int64], Pixels]:
    whole = np.floor(positions)
    part = positions - whole
    return (whole - first).astype(np.int64), (part * part * (3 - 2 * part)).astype(np.float32)


def mix(first: NDArray[np.integer], second: NDArray[np.integer], salt: int) -> Keys:
    """A hash for each pair of integers."""
    stirred = first.astype(np.uint32) * np.uint32(0x9E3779B1)
    stirred = (stirred ^ (stirred >> np.uint32(15))) * np.uint32(0x85EBCA77)
    stirred = stirred + second.astype(np.uint32) * np.uint32(0xC2B2AE3D)
    stirred = stirred + np.uint32((salt * 0x27D4EB2F) & 0xFFFFFFFF)
    stirred = (stirred ^ (stirred >> np.uint32(13))) * np.uint32(0x2C1B3C6D)
    stirred = (stirred ^ (stirred >> np.uint32(16))) * np.uint32(0x297A2D39)
    mixed: Keys = stirred ^ (stirred >> np.uint32(15))
    return mixed


def chance(keys: Keys, salt: int) -> Floats:
    """A number from 0 up to 1 for each key; each salt gives another one."""
    stirred = (keys + np.uint32((salt * 0x61C88647) & 0xFFFFFFFF)) * np.uint32(0x846CA68B)
    stirred = (stirred ^ (stirred >> np.uint32(15))) * np.uint32(0x7FEB352D)
    drawn: Floats = (stirred ^ (stirred >> np.uint32(16))) / 2.0**32
    return drawn


def _ramp(value: Floats | Pixels, width: float) -> Pixels:
    """0 below zero, 1 above `width`, linear in between."""
    return np.clip(value / width, 0, 1).astype(np.float32)
