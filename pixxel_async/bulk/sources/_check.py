"""Checks all rows of a source before any request."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from pixxel_async.bulk._faults import BadRows, Fault, Problem
from pixxel_async.bulk.sources._source import Field, Outcome, Source, folder_of
from pixxel_async.geometry._areas import polygons_of

Rule: TypeAlias = Callable[[Mapping[str, Any]], Iterable[Problem]]
"""Problems of a row's properties."""

MOST_FAULTS = 1000
"""Maximum number of listed faults; further faults are only counted."""

MOST_SPLIT = 100
"""Maximum number of listed features that were split."""

_AUTHALIC_RADIUS = 6_371.0071809
"""Radius in kilometres of the sphere with the area of the WGS 84 ellipsoid."""
_E2 = 0.00669437999014
"""Square of the ellipsoid's eccentricity."""


@attrs.frozen(kw_only=True)
class Checked:
    """The summary of a source without faults."""

    fields: int
    """Number of fields (areas)."""
    features: int
    """Number of rows in the file."""
    split: tuple[str, ...]
    """Rows split into several fields, for a person: `twins: rows 1-2 (twins-1 to twins-2)`; the first hundred."""
    bbox: tuple[float, float, float, float]
    """West, south, east and north of all of them, in degrees."""
    area_km2: float
    """Total area on the ellipsoid; overlaps count twice."""
    sha256: str
    """Digest of the file's bytes; for a Shapefile, of its files' digests and endings."""


def check(source: Source, *, rule: Callable[[Mapping[str, Any]], Iterable[Problem]] | None = None) -> Checked:
    """Read and check all rows once.

    Args:
        source: The source to read.
        rule: Called with the properties of each field; returns further problems, for instance `recipe.row_faults`.

    Raises:
        BadRows: There are faults; the first 1,000 are listed, and all are counted.
    """
    tally = _Tally()
    faults: list[Fault] = []
    count = 0
    for found in source.outcomes():
        for fault in _faults(found, tally, rule):
            count += 1
            if count <= MOST_FAULTS:
                faults.append(fault)
    if count:
        raise BadRows(str(source.path), faults, count)
    return Checked(
        fields=tally.fields,
        features=tally.features,
        split=tuple(tally.split),
        bbox=tally.bbox,
        area_km2=tally.area_km2,
        sha256=_digest(source.files),
    )


def _faults(found: Outcome | Fault, tally: _Tally, rule: Rule | None) -> Iterator[Fault]:
    """All faults of a row, also in relation to earlier rows."""
    if isinstance(found, Fault):
        yield found
        return
    problems = list(found.problems)
    if rule is not None and (found.key is not None or any(problem.field for problem in problems)):
        problems.extend(rule(found.row.properties))  # not if the row could not be read
    if found.key is not None:
        keys = [field.key for field in found.fields] or [found.key]
        problems.extend(filter(None, (tally.clash(key, found.row.number) for key in keys)))
    if found.fields:
        tally.add(found.fields)
    yield from map(found.fault, problems)


class _Tally:
    """Totals of all rows so far."""

    def __init__(self) -> None:
        self.fields = 0
        self.features = 0
        self.split: list[str] = []
        self.bbox = (math.inf, math.inf, -math.inf, -math.inf)
        self.area_km2 = 0.0
        # A hash of 8 bytes replaces a name: with 100,000 rows, two names collide in one of a billion files.
        self._keys: dict[bytes, int] = {}
        self._folders: dict[bytes, int] = {}

    def add(self, fields: Sequence[Field]) -> None:
        """Count the fields of a row."""
        self.features += 1
        self.fields += len(fields)
        first, last = fields[0], fields[-1]
        if first is not last and len(self.split) < MOST_SPLIT:
            self.split.append(f"{first.part_of}: rows {first.row}-{last.row} ({first.key} to {last.key})")
        for field in fields:
            self._measure(field.geometry)

    def _measure(self, area: Mapping[str, Any]) -> None:
        for outline, *_ in polygons_of(area):
            lons, lats = [position[0] for position in outline], [position[1] for position in outline]
            west, south, east, north = self.bbox
            self.bbox = (min(west, *lons), min(south, *lats), max(east, *lons), max(north, *lats))
        self.area_km2 += area_km2(area)

    def clash(self, key: str, row: int) -> Problem | None:
        """The problem of a key that equals an earlier key, or makes the same folder."""
        folder = folder_of(key)
        same = self._keys.setdefault(_short(key), row)
        near = self._folders.setdefault(_short(folder.casefold()), row)
        if same != row:
            return Problem("key", f"row {same} has the same, {key[:80]!r}", "rename one of the two")
        if near != row:
            what = (
                f"{key[:80]!r} makes the same folder as that of row {near} on some file systems, {folder!r}"
            )
            return Problem("key", what, "rename one of the two")
        return None


def _short(name: str) -> bytes:
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()


def area_km2(area: Mapping[str, Any]) -> float:
    """Area of a GeoJSON Polygon or MultiPolygon on the WGS 84 ellipsoid.

    For edges under 10 km, the relative error is at most 1e-5. Polygons that overlap count twice.
    """
    return sum(map(_polygon_km2, polygons_of(area)))


def _polygon_km2(rings: Sequence[Sequence[Sequence[float]]]) -> float:
    outer, *holes = map(_ring_km2, rings)
    return max(0.0, outer - sum(holes))


def _ring_km2(ring: Sequence[Sequence[float]]) -> float:
    """Sum of trapezoids in Lambert's cylindrical projection, which preserves areas."""
    heights = [_authalic(math.sin(math.radians(position[1]))) for position in ring]
    twice = 0.0
    for (start, end), (low, high) in zip(pairwise(ring), pairwise(heights), strict=True):
        # In that projection, an edge that is straight in longitude and latitude follows a sine.
        bend = 1 + math.radians(end[1] - start[1]) ** 2 / 12
        twice += (end[0] - start[0]) * (low + high) * bend
    return abs(math.radians(twice)) / 2 * _AUTHALIC_RADIUS**2


def _authalic(sine: float) -> float:
    """Sine of the authalic latitude from the sine of a latitude, as a series with errors below 1e-10."""
    square = _E2 * sine * sine
    return sine * (1 + square * (2 / 3 + square * (3 / 5 + square * (4 / 7 + square * 5 / 9)))) / _POLE


_POLE = 1 + _E2 * (2 / 3 + _E2 * (3 / 5 + _E2 * (4 / 7 + _E2 * 5 / 9)))


def _digest(files: list[Path]) -> str:
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(files) == 1:
        return digests[0]
    lines = [f"{digest}  {path.suffix.casefold()}\n" for digest, path in zip(digests, files, strict=True)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
