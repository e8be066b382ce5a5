"""A map of a run's areas as one SVG: true to scale at its middle; small areas stay visible."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from pixxel_async.bulk._report._markup import ORDER, sign_id, style, text
from pixxel_async.bulk._state import State
from pixxel_async.geometry._areas import polygons_of

MOST_SHAPES = 5000
"""Maximum number of areas drawn one by one; with more, the map shows counts on a grid."""
_MOST_VERTICES = 256
"""Maximum number of vertices kept of one area, unless it has very many rings."""
_FEWEST_VERTICES = 8
"""Minimum number of vertices of one ring: with fewer, a square would become a triangle or a line."""
_MOST_VERTICES_OF_ALL = 200_000
WIDTH = 1000
_LEFT, _TOP, _RIGHT, _BOTTOM = 54, 12, 14, 54
"""Margins for the labels, and for the scale below them, in pixels."""
_LEAST_HEIGHT, _MOST_HEIGHT = 300, 600
_LEAST_DEGREES = 0.01
"""Minimum extent: a smaller map would not show its location."""
_KM_PER_DEGREE = 111.2
_CELL = 6
_NEAR = 0.7
"""Minimum distance of drawn vertices, in pixels."""
_STATES = tuple(State)

Point = tuple[float, float]


@attrs.frozen
class _Area:
    row: int
    name: str
    state: State
    rings: list[array[float]]
    """lon, lat, lon, lat, ..."""
    is_listed: bool


class AreaMap:
    """Collects the areas one by one; draws the map when all are known."""

    def __init__(self) -> None:
        self._areas: list[_Area] = []
        self._middles = array("d")
        """lon, lat of every area."""
        self._states = array("B")
        self._east = _Span()
        self._around = _Span()
        """The extent with longitudes from 0 to 360, for areas on both sides of the antimeridian."""
        self._north = _Span()

    def add(self, row: int, name: str, state: State, geometry: Mapping[str, Any], *, is_listed: bool) -> None:
        """Add an area; `is_listed`: the table has its row, so the area links to it."""
        polygons = polygons_of(geometry)
        own_east, own_around, own_north = _Span(), _Span(), _Span()
        for polygon in polygons:
            for lon, lat, *_ in polygon[0]:
                own_east.take(lon)
                own_north.take(lat)
                own_around.take(lon % 360)
        self._around.take(own_around.low, own_around.high)
        self._east.take(own_east.low, own_east.high)
        self._north.take(own_north.low, own_north.high)
        nearer = own_around if own_around.size < own_east.size else own_east
        self._middles.extend(((nearer.middle + 180) % 360 - 180, own_north.middle))
        self._states.append(_STATES.index(state))
        if len(self._areas) <= MOST_SHAPES:  # one more than drawn shows that there are too many
            rings = [ring for polygon in polygons for ring in polygon]
            most = max(_MOST_VERTICES // len(rings), _FEWEST_VERTICES)
            flat = [_flat(ring, most) for ring in rings]
            self._areas.append(_Area(row, name, state, flat, is_listed))

    def __len__(self) -> int:
        return len(self._states)

    def svg(self) -> Iterator[str]:
        """The SVG, in pieces."""
        view = _View.of(self._east, self._around, self._north)
        yield (
            f'<svg class="map" viewBox="0 0 {WIDTH} {view.height:.0f}" role="img" aria-labelledby="map-name map-what">'
            '<title id="map-name">Map of the areas</title>'
            f'<desc id="map-what">{text(view.description(len(self)))}</desc>'
        )
        yield from view.graticule()
        yield from self._shapes(view) if len(self) <= MOST_SHAPES else self._crowd(view)
        yield from view.scale_bar()
        yield "</svg>"

    def _shapes(self, view: _View) -> Iterator[str]:
        size = 15 if len(self) <= 150 else 11 if len(self) <= 1000 else 7
        most = max(12, _MOST_VERTICES_OF_ALL // len(self))
        by_state = defaultdict(list)
        for area in self._areas:
            by_state[area.state].append(area)
        for state in reversed(ORDER):  # the most important state is on top
            if state in by_state:
                yield f'<g class="{style(state)}">'
                for area in by_state[state]:
                    yield _shape(area, view, size, most)
                yield "</g>"

    def _crowd(self, view: _View) -> Iterator[str]:
        cells: defaultdict[tuple[int, int], Counter[State]] = defaultdict(Counter)
        for index, state in enumerate(self._states):
            x, y = view.point(self._middles[2 * index], self._middles[2 * index + 1])
            cells[int(x / _CELL), int(y / _CELL)][_STATES[state]] += 1
        for (x, y), counts in cells.items():
            worst = next(state for state in ORDER if counts[state])
            words = ", ".join(f"{counts[state]:,} {state.value}" for state in ORDER if counts[state])
            yield (
                f'<rect class="cell {style(worst)}" x="{x * _CELL}" y="{y * _CELL}" width="{_CELL - 1}" height="{_CELL - 1}">'
                f"<title>{words}</title></rect>"
            )


def _flat(ring: Sequence[Sequence[float]], most: int) -> array[float]:
    step = math.ceil(len(ring) / most)
    return array("d", (value for position in ring[::step] for value in position[:2]))


def _shape(area: _Area, view: _View, size: int, most: int) -> str:
    rings = [
        [view.point(lon, lat) for lon, lat in zip(ring[::2], ring[1::2], strict=True)] for ring in area.rings
    ]
    xs, ys = zip(*(point for ring in rings for point in ring), strict=True)
    extent = max(max(xs) - min(xs), max(ys) - min(ys))
    parts = [f"<title>{text(area.name)}: {text(area.state.value)}</title>"]
    if extent >= size * 0.8:
        parts.append(f'<path d="{"".join(_path(ring, most // len(rings)) for ring in rings)}"/>')
    if extent < size * 0.8 or area.state is not State.DONE:
        x, y = (min(xs) + max(xs) - size) / 2, (min(ys) + max(ys) - size) / 2
        parts.append(
            f'<use href="#{sign_id(area.state)}" x="{x:.1f}" y="{y:.1f}" width="{size}" height="{size}"/>'
        )
    if area.is_listed:  # not reachable with the Tab key: the table has the same links
        return f'<a href="#r{area.row}" tabindex="-1">{"".join(parts)}</a>'
    return f"<g>{''.join(parts)}</g>"


def _path(ring: list[Point], most: int) -> str:
    kept = ring[:1]
    for point in ring[1 : -1 : math.ceil(len(ring) / max(most, _FEWEST_VERTICES))]:
        if math.dist(point, kept[-1]) >= _NEAR:
            kept.append(point)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept) + "z"


class _Span:
    """An interval that grows with its values."""

    def __init__(self, low: float = math.inf, high: float = -math.inf) -> None:
        self.low, self.high = low, high

    def take(self, *values: float) -> None:
        self.low, self.high = min(self.low, *values), max(self.high, *values)

    @property
    def size(self) -> float:
        return self.high - self.low

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


@attrs.frozen
class _View:
    """The projection onto the drawing: linear in both axes, with equal scales at the middle latitude."""

    west: float
    north: float
    height: float
    per_lat: float
    """Pixels per degree of latitude."""
    per_lon: float
    is_around: bool

    @classmethod
    def of(cls, east: _Span, around: _Span, north: _Span) -> _View:
        is_around = around.size < east.size
        lon = around if is_around else east
        shrink = max(math.cos(math.radians(north.middle)), 0.1)
        wide = max(lon.size * shrink, _LEAST_DEGREES) * 1.12
        high = max(north.size, _LEAST_DEGREES) * 1.12
        inner = WIDTH - _LEFT - _RIGHT
        per_lat = min(inner / wide, (_MOST_HEIGHT - _TOP - _BOTTOM) / high)
        height = max(high * per_lat + _TOP + _BOTTOM, _LEAST_HEIGHT)
        return cls(
            west=lon.middle - inner / 2 / per_lat / shrink,
            north=north.middle + (height - _TOP - _BOTTOM) / 2 / per_lat,
            height=height,
            per_lat=per_lat,
            per_lon=per_lat * shrink,
            is_around=is_around,
        )

    def point(self, lon: float, lat: float) -> Point:
        if self.is_around:
            lon %= 360
        return _LEFT + (lon - self.west) * self.per_lon, _TOP + (self.north - lat) * self.per_lat

    @property
    def _right(self) -> int:
        return WIDTH - _RIGHT

    @property
    def _bottom(self) -> float:
        return self.height - _BOTTOM

    def description(self, count: int) -> str:
        east = self.west + (self._right - _LEFT) / self.per_lon
        south = self.north - (self._bottom - _TOP) / self.per_lat
        return (
            f"{count:,} areas between {_longitude(self.west, 2)} and {_longitude(east, 2)}, "
            f"{_latitude(max(south, -90), 2)} and {_latitude(min(self.north, 90), 2)}; the table of rows has the same information as text"
        )

    def graticule(self) -> Iterator[str]:
        """The frame, and grid lines at round degrees with their labels."""
        yield (
            f'<rect class="sea" x="{_LEFT}" y="{_TOP}" width="{self._right - _LEFT}" height="{self._bottom - _TOP:.1f}"/>'
        )
        lines, labels = [], []
        step, digits = _step((self._right - _LEFT) / self.per_lon / 8)
        for number in range(math.ceil(self.west / step), 400_000_000):
            x = _LEFT + (number * step - self.west) * self.per_lon
            if x > self._right:
                break
            lines.append(f"M{x:.1f} {_TOP}V{self._bottom:.1f}")
            labels.append(
                f'<text x="{x:.1f}" y="{self._bottom + 18:.1f}" text-anchor="middle">{_longitude(number * step, digits)}</text>'
            )
        step, digits = _step((self._bottom - _TOP) / self.per_lat / 6)
        for number in range(math.floor(min(self.north, 90) / step), -400_000_000, -1):
            y = _TOP + (self.north - number * step) * self.per_lat
            if y > self._bottom or number * step < -90:
                break
            lines.append(f"M{_LEFT} {y:.1f}H{self._right}")
            labels.append(
                f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_latitude(number * step, digits)}</text>'
            )
        yield f'<path class="graticule" d="{"".join(lines)}"/><g class="labels">{"".join(labels)}</g>'

    def scale_bar(self) -> Iterator[str]:
        """A scale bar of a round length."""
        km = _even(150 / self.per_lat * _KM_PER_DEGREE)
        length = km / _KM_PER_DEGREE * self.per_lat
        words = f"{km:,g} km" if km >= 1 else f"{km * 1000:g} m"
        right, y = self._right, self.height - 8
        yield (
            f'<g class="scale"><path d="M{right - length:.1f} {y - 5:.1f}v5h{length:.1f}v-5"/>'
            f'<text x="{right - length - 8:.1f}" y="{y:.1f}" text-anchor="end">{words}</text></g>'
        )


def _step(least: float) -> tuple[float, int]:
    """A round number of degrees, and the number of digits to show it."""
    for step in (5.0, 10.0, 15.0, 30.0, 45.0):
        if least <= step and least > 2:
            return step, 0
    if least > 2:
        return 90.0, 0
    power = math.floor(math.log10(least))
    step = next(even for even in (1, 2, 5, 10) if even * 10.0**power >= least * 0.999) * 10.0**power
    return step, max(0, -math.floor(math.log10(step) + 1e-9))


def _even(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50, ... up to `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(even for even in (5, 2, 1) if even * power <= most * 1.001) * power


def _longitude(degrees: float, digits: int) -> str:
    degrees = (degrees + 180) % 360 - 180
    return _degrees(degrees, digits, "E" if degrees > 0 else "W")


def _latitude(degrees: float, digits: int) -> str:
    return _degrees(degrees, digits, "N" if degrees > 0 else "S")


def _degrees(degrees: float, digits: int, side: str) -> str:
    number = f"{abs(degrees):.{digits}f}"
    return f"{number}°" + (side if float(number) not in (0, 180) else "")
