"""A seeded archive with scenes of every place on Earth: nothing is stored, the seed decides everything.

The globe is cut into cells of one degree. Each collection passes over a cell every few days, and each pass is one
scene. Its id names the spacecraft, the cell and the day; all else is drawn from the seed for that cell and pass.
So the id is enough to find a scene, and the same search always finds the same scenes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import Any

import attrs
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pixxel_async.sandbox._world.geometry import Bounds, Floats, on_map, rectangle, shape_of
from pixxel_async.sandbox._world.sensors import (
    EPOCH,
    SENSOR_BY_COLLECTION,
    SENSORS,
    Sensor,
    collection_answers,
    satellite_answers,
)

CELL = 1.0
"""Side of a cell in degrees."""
COLUMNS = round(360 / CELL)
ROWS = round(180 / CELL)
OVERLAP = 0.1
"""Smallest margin of a footprint around its cell, in degrees: some scene contains a smaller area completely."""
REACH = 0.25
"""Largest margin of a footprint around its cell, in degrees."""
CELL_LIMIT = 1_000
"""Largest number of cells of an area in a search."""
SCENE_LIMIT = 10_000
"""Largest number of scenes in a search, newest first (or oldest first)."""

_Area = list[BaseGeometry]
"""The area of a search: a shape, and its copies 360° away if these reach the map."""
_START = dt.datetime.combine(EPOCH, dt.time(), dt.UTC)
_ID = re.compile(r"(?P<platform>[A-Z0-9]+)_(?P<cell>\d{6})_(?P<day>\d{8})_L2A_\d{8}_\d{8}", re.ASCII)


@attrs.frozen
class Scene:
    """One image of the archive."""

    id: str
    """Satellite, image (the number of its cell), day, level, product day, and resolution, version and bands."""
    collection: str
    satellite_id: str
    platform: str
    cell: int
    """Number of the cell it covers, counted from the south-west corner of the map, row by row."""
    datetime: dt.datetime
    created: dt.datetime
    """When the product was added to the archive."""
    cloud_cover: float
    """Percent, 0 to 100."""
    footprint: dict[str, Any]
    """GeoJSON Polygon."""
    bbox: Bounds
    gsd: float
    """Size of a pixel on the ground, in metres."""
    off_nadir: float
    """Degrees."""

    @property
    def sensor(self) -> Sensor:
        """Its collection, with the bands."""
        return SENSOR_BY_COLLECTION[self.collection]

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the centre of its cell."""
        row, column = divmod(self.cell, COLUMNS)
        return (column + 0.5) * CELL - 180, (row + 0.5) * CELL - 90

    @property
    def day(self) -> str:
        """The day of capture, in the form of visualizations: `2024_05_06`."""
        return self.datetime.strftime("%Y_%m_%d")


@attrs.frozen
class _Pass:
    """A scene with only the values for filters and sorting."""

    sensor: Sensor
    cell: int
    number: int
    """0 for the first pass over the cell."""
    moment: dt.datetime
    created: dt.datetime
    cloud_cover: float


@attrs.frozen
class _Filter:
    start: dt.datetime | None
    end: dt.datetime | None
    min_cloud: float
    max_cloud: float
    satellites: frozenset[str] | None
    now: dt.datetime


class Archive:
    """The scenes of the world, the same for the same seed.

    Args:
        seed: Decides days, clouds and footprints.
        now: Returns the current time; a scene appears one to three days after its capture.
    """

    def __init__(
        self, seed: int = 0, *, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    ) -> None:
        self.now = now
        self._key = str(seed).encode()
        # The pages of a search need the same passes repeatedly.
        self._pass = lru_cache(maxsize=2 * SCENE_LIMIT)(self._draw_pass)
        _cell_tree()  # here, so that the first search does not wait for it

    def collections(self) -> list[dict[str, Any]]:
        """The STAC collections."""
        return collection_answers()

    def satellites(self) -> list[dict[str, Any]]:
        """The satellites, with their bands."""
        return satellite_answers()

    def search(
        self,
        *,
        collections: Sequence[str] | None = None,
        bbox: Sequence[float] | None = None,
        geometry: dict[str, Any] | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        min_cloud: float = 0,
        max_cloud: float | None = None,
        ids: Sequence[str] | None = None,
        satellites: Sequence[str] | None = None,
        limit: int = 10,
        offset: int = 0,
        newest_first: bool = True,
        count_all: bool = True,
    ) -> tuple[list[Scene], int]:
        """The scenes that meet all conditions, sorted by time, and their total number.

        Args:
            collections: Ids of collections; None means all. Unknown ones are empty.
            bbox: West, south, east, north; crosses the antimeridian when east is less than west.
            geometry: Any GeoJSON geometry that the footprint must touch.
            start: Earliest time, included.
            end: Latest time, included.
            min_cloud: Smallest cloud cover, in percent.
            max_cloud: Largest cloud cover, in percent.
            ids: Only these scenes.
            satellites: Only scenes of these satellite ids.
            limit: Number of scenes to return.
            offset: Number of scenes to skip.
            newest_first: False for the oldest first.
            count_all: False to stop one scene after the returned ones, which is enough to know whether there are more.
                A search of the whole world is then about a hundred times faster.

        If an area fits into a scene, only scenes that contain it completely are found: a picture of one corner is useless
        in a demonstration. Otherwise, and for `ids`, the footprint must only touch the area. At most `SCENE_LIMIT`
        scenes in `CELL_LIMIT` cells are examined, so that a search of the whole world ends. Further scenes are
        neither returned nor counted.
        """
        wanted = _Filter(
            start=start,
            end=end,
            min_cloud=min_cloud,
            max_cloud=100 if max_cloud is None else max_cloud,
            satellites=None if satellites is None else frozenset(satellites),
            now=self.now(),
        )
        sensors = [sensor for sensor in SENSORS if collections is None or sensor.collection in collections]
        areas = _areas(bbox, geometry)
        if ids is None:
            passes: Iterable[_Pass] = self._passes(sensors, areas, wanted, newest_first=newest_first)
        else:
            passes = self._named(ids, sensors, areas, newest_first=newest_first)
        accepted = (each for each in islice(passes, SCENE_LIMIT) if self._accepts(each, wanted))
        found = list(accepted if count_all else islice(accepted, offset + limit + 1))
        return [self._scene(each) for each in found[offset : offset + limit]], len(found)

    def scene(self, collection: str | None, id: str) -> Scene | None:
        """The scene with this id, or None if the collection has none."""
        found = self._find(id)
        if found is None or found.created > self.now() or collection not in (None, found.sensor.collection):
            return None
        return self._scene(found)

    def _accepts(self, candidate: _Pass, wanted: _Filter) -> bool:
        return (
            (wanted.start is None or wanted.start <= candidate.moment)
            and (wanted.end is None or candidate.moment <= wanted.end)
            and wanted.min_cloud <= candidate.cloud_cover <= wanted.max_cloud
            and candidate.created <= wanted.now
            and (
                wanted.satellites is None
                or candidate.sensor.satellite(self._platform(candidate)).id in wanted.satellites
            )
        )

    def _passes(
        self, sensors: Sequence[Sensor], areas: Sequence[_Area], wanted: _Filter, *, newest_first: bool
    ) -> Iterator[_Pass]:
        """Every pass over the area, day by day."""
        first = _day_number(wanted.start) if wanted.start else 0
        last = _day_number(min(wanted.end, wanted.now) if wanted.end else wanted.now)
        days = range(max(first, 0), last + 1)
        by_turn = self._cells_by_turn(sensors, areas)
        for day in reversed(days) if newest_first else days:
            today = [
                self._pass(sensor, cell, day // sensor.revisit)
                for sensor in sensors
                if day >= sensor.first_day
                for cell in by_turn.get((sensor.collection, day % sensor.revisit), ())
            ]
            yield from sorted(today, key=_order, reverse=newest_first)

    def _cells_by_turn(
        self, sensors: Sequence[Sensor], areas: Sequence[_Area]
    ) -> dict[tuple[str, int], list[int]]:
        """The cells of each collection's footprints, by the day of the cycle on which they are passed."""
        by_turn: dict[tuple[str, int], list[int]] = {}
        near = _cells_near(areas[0]) if areas else list(range(CELL_LIMIT))
        for sensor in sensors:
            for cell in self._cells(sensor, near, areas):
                by_turn.setdefault((sensor.collection, self._phase(sensor, cell)), []).append(cell)
        return by_turn

    def _cells(self, sensor: Sensor, near: Sequence[int], areas: Sequence[_Area]) -> list[int]:
        """The cells whose footprints touch all areas; if some contain all of them, only these."""
        footprints = shapely.polygons(np.reshape([self._corners(sensor, cell) for cell in near], (-1, 4, 2)))
        touching, whole = (np.ones(len(near), dtype=bool) for _ in range(2))
        for area in areas:
            touching &= _touch(area, footprints)
            # A footprint is convex: it covers a shape if it covers its convex hull, which is fast to check.
            whole &= np.any([shapely.covers(footprints, shapely.convex_hull(copy)) for copy in area], axis=0)
        chosen = whole if whole.any() else touching
        return [cell for cell, fits in zip(near, chosen, strict=True) if fits]

    def _named(
        self, ids: Sequence[str], sensors: Sequence[Sensor], areas: Sequence[_Area], *, newest_first: bool
    ) -> list[_Pass]:
        found = {id: each for id in ids if (each := self._find(id))}
        inside = [
            each
            for each in found.values()
            if each.sensor in sensors
            and all(_touch(area, shapely.Polygon(self._corners(each.sensor, each.cell))) for area in areas)
        ]
        return sorted(inside, key=_order, reverse=newest_first)

    def _find(self, id: str) -> _Pass | None:
        parts = _ID.fullmatch(id)
        sensor = parts and next((each for each in SENSORS if parts["platform"] in each.platforms), None)
        if not parts or not sensor or int(parts["cell"]) >= COLUMNS * ROWS:
            return None
        try:
            day = _day_number(dt.datetime.strptime(parts["day"], "%Y%m%d").replace(tzinfo=dt.UTC))
        except ValueError:
            return None
        if day < sensor.first_day:
            return None
        found = self._pass(sensor, int(parts["cell"]), day // sensor.revisit)
        return found if self._id(found) == id else None

    def _draw_pass(self, sensor: Sensor, cell: int, number: int) -> _Pass:
        _, sky, minute, lag, _ = self._chances(sensor, cell, number)
        day = self._phase(sensor, cell) + number * sensor.revisit
        longitude = (cell % COLUMNS + 0.5) * CELL - 180
        solar_noon = 12 - longitude / 15
        # Sun-synchronous: 10:30 local solar time, so the time in UTC depends on the longitude.
        hours = (solar_noon - 1.5 + (minute - 0.5) / 3) % 24
        moment = _START + dt.timedelta(days=day, seconds=int(hours * 3600))
        created = moment + dt.timedelta(hours=24 + int(lag * 47))
        return _Pass(sensor, cell, number, moment, created, self._cloud_cover(sensor, cell, number, sky))

    def _cloud_cover(self, sensor: Sensor, cell: int, number: int, sky: float) -> float:
        """Cloud cover in percent: high near the equator, low in the subtropics, and sometimes clear anywhere."""
        if (number + int(self._place(sensor, cell)[1] * 97)) % sensor.clear_every == 0:
            return round(18 * sky, 1)
        latitude = abs((cell // COLUMNS) * CELL - 90)
        dryness = 0.7 if latitude < 12 else 2.2 if 17 < latitude < 33 else 1.1
        return float(round(100 * sky**dryness, 1))

    def _scene(self, found: _Pass) -> Scene:
        platform = self._platform(found)
        corners = self._corners(found.sensor, found.cell)
        ring = [[float(x), float(y)] for x, y in [*corners, corners[0]]]
        (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
        return Scene(
            id=self._id(found),
            collection=found.sensor.collection,
            satellite_id=found.sensor.satellite(platform).id,
            platform=platform,
            cell=found.cell,
            datetime=found.moment,
            created=found.created,
            cloud_cover=found.cloud_cover,
            footprint={"type": "Polygon", "coordinates": [ring]},
            bbox=(float(west), float(south), float(east), float(north)),
            gsd=found.sensor.gsd,
            off_nadir=round(12 * self._chances(found.sensor, found.cell, found.number)[4], 1),
        )

    def _id(self, found: _Pass) -> str:
        day, product_day = (f"{moment:%Y%m%d}" for moment in (found.moment, found.created))
        code = f"{round(found.sensor.gsd):03}01{len(found.sensor.bands):03}"
        return f"{self._platform(found)}_{found.cell:06}_{day}_L2A_{product_day}_{code}"

    def _platform(self, found: _Pass) -> str:
        platforms = found.sensor.platforms
        return platforms[(found.number + int(self._place(found.sensor, found.cell)[2] * 97)) % len(platforms)]

    def _phase(self, sensor: Sensor, cell: int) -> int:
        """Days from `EPOCH` to the first pass over a cell."""
        return int(self._place(sensor, cell)[0] * sensor.revisit)

    def _corners(self, sensor: Sensor, cell: int) -> Floats:
        """Corners of the footprint from the south-west, counter-clockwise: a slanted frame around the cell.

        The track of a descending pass is inclined to the west. At the antimeridian and the poles the frame is clipped
        to the map.
        """
        row, column = divmod(cell, COLUMNS)
        west, south = column * CELL - 180, row * CELL - 90
        east, north = west + CELL, south + CELL
        _, _, _, slant, turn = self._place(sensor, cell)
        margin, lean, tilt = OVERLAP, 0.04 + 0.06 * slant, 0.02 + 0.03 * turn
        corners = np.array(
            [
                [west - margin - lean, south - margin],
                [east + margin, south - margin - tilt],
                [east + margin + lean, north + margin],
                [west - margin, north + margin + tilt],
            ]
        )
        framed: Floats = np.clip(corners, (-180, -90), (180, 90)).round(6)
        return framed

    def _place(self, sensor: Sensor, cell: int) -> tuple[float, ...]:
        return _chances(self._key, sensor.collection, cell, -1)

    def _chances(self, sensor: Sensor, cell: int, number: int) -> tuple[float, ...]:
        return _chances(self._key, sensor.collection, cell, number)


@lru_cache(maxsize=8_192)
def _chances(key: bytes, collection: str, cell: int, number: int) -> tuple[float, ...]:
    """Five numbers from 0 up to 1; the same arguments give the same numbers."""
    message = struct.pack("<qq", cell, number) + collection.encode()
    digest = hashlib.blake2b(message, key=key, digest_size=20).digest()
    return tuple(value / 2**32 for value in struct.unpack("<5I", digest))


def _order(candidate: _Pass) -> tuple[dt.datetime, int, str]:
    return candidate.moment, candidate.cell, candidate.sensor.collection


def _day_number(moment: dt.datetime) -> int:
    return (moment - _START).days


def _areas(bbox: Sequence[float] | None, geometry: dict[str, Any] | None) -> list[_Area]:
    areas = []
    if geometry is not None:
        areas.append(on_map(shape_of(geometry)))
    if bbox is not None:
        middle = len(bbox) // 2  # six numbers if it has heights
        areas.append(on_map(rectangle(bbox[0], bbox[1], bbox[middle], bbox[middle + 1])))
    return areas


def _touch(area: _Area, footprints: Any) -> NDArray[np.bool_]:
    """Whether footprints touch an area; for a single one or an array of them."""
    touching: NDArray[np.bool_] = np.any([shapely.intersects(copy, footprints) for copy in area], axis=0)
    return touching


def _cells_near(area: _Area) -> list[int]:
    """The cells whose footprints can reach an area, at most `CELL_LIMIT`."""
    found = _cell_tree().query(area, predicate="intersects")[1]
    return [int(cell) for cell in np.unique(found)[:CELL_LIMIT]]


@cache
def _cell_tree() -> shapely.STRtree:
    """A tree of all cells, each with the largest margin of a footprint. Building it takes a tenth of a second."""
    row, column = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    west, south = column * CELL - 180, row * CELL - 90
    boxes = shapely.box(west - REACH, south - REACH, west + CELL + REACH, south + CELL + REACH)
    return shapely.STRtree(boxes)
