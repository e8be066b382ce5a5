"""Detects rings of a polygon that cross, and holes outside the outline.

Only edges that overlap along one axis are compared: the longer axis, measured by the edges. Only a proper crossing
counts, where each edge has an end clearly on either side of the other. Touching, sharing a vertex or overlapping does not
count, and edges nearer than 1e-9° (0.1 mm) touch: rounding must not cause an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import NamedTuple, TypeAlias

Position: TypeAlias = Sequence[float]
Ring: TypeAlias = Sequence[Position]

_TOUCHING = 1e-9
"""Degrees; computed distances from a line are exact to 1e-13, so that rounding explains none beyond it."""
_MOST_PAIRS = 20_000_000
"""Most pairs to compare, within seconds; the API checks the rest. Few outlines have as many. A round one of 100,000
vertices has a fiftieth of it, a slanted comb of 10,000 half."""


class Crossing(NamedTuple):
    """Two edges that cross. An edge is the number of a ring, and that of its first vertex."""

    first: tuple[int, int]
    second: tuple[int, int]
    position: tuple[float, float]


class Stray(NamedTuple):
    """A vertex of a hole that is outside the outline, or in another hole."""

    ring: int
    vertex: int


def fault_between(rings: Sequence[Ring]) -> Crossing | Stray | None:
    """A fault of the edges of one polygon, if there is any. The rings are closed; the first is the outline."""
    return _crossing(rings) or _stray(rings)


def _crossing(rings: Sequence[Ring]) -> Crossing | None:
    """Compare each edge with those that begin, along the axis, before it ends."""
    edges = _edges(rings, axis=_axis(rings))
    pairs = 0
    for place, (_, right, low, high, first, a, b) in enumerate(edges, 1):
        for at in range(place, len(edges)):
            left, _, bottom, top, second, c, d = edges[at]
            if left > right:
                break
            is_near = bottom <= high and low <= top
            if (
                is_near and b is not c and a is not d and _do_cross(a, b, c, d)
            ):  # neighbours have a vertex in common
                first, second = sorted((first, second))
                return Crossing(first, second, _meeting(a, b, c, d))
            pairs += 1
        if pairs > _MOST_PAIRS:
            break
    return None


_Edge: TypeAlias = tuple[float, float, float, float, tuple[int, int], Position, Position]
"""Its range along the axis (from, to) and across it (from, to), its name, and its ends."""


def _edges(rings: Sequence[Ring], *, axis: int) -> list[_Edge]:
    """All edges in their order along the axis."""
    edges: list[_Edge] = []
    for ring, vertices in enumerate(rings):
        for vertex, (a, b) in enumerate(pairwise(vertices)):
            left, right = (a[axis], b[axis]) if a[axis] < b[axis] else (b[axis], a[axis])
            low, high = (
                (a[1 - axis], b[1 - axis]) if a[1 - axis] < b[1 - axis] else (b[1 - axis], a[1 - axis])
            )
            edges.append((left, right, low, high, (ring, vertex), a, b))
    edges.sort()
    return edges


def _axis(rings: Sequence[Ring]) -> int:
    """The axis along which edges overlap least: they are short compared with its extent."""
    shares = []
    for axis in (0, 1):
        values = [position[axis] for position in chain.from_iterable(rings)]
        extent = max(values) - min(values)
        shares.append(sum(abs(b - a) for a, b in pairwise(values)) / extent if extent else len(values))
    return 0 if shares[0] <= shares[1] else 1


def _stray(rings: Sequence[Ring]) -> Stray | None:
    """Find a hole that begins outside the outline or in another hole. One that begins on an edge is not checked."""
    vertices = sum(map(len, rings))
    for ring in range(1, len(rings)):
        if ring * vertices > _MOST_PAIRS:
            break
        others = [*rings[:ring], *rings[ring + 1 :]]
        if _is_in_area(rings[ring][0], others) is False:
            return Stray(ring, 0)
    return None


def _is_in_area(position: Position, rings: Sequence[Ring]) -> bool | None:
    """Whether a position is in the outline and in no hole: an odd number of edges is on its left. None: on an edge."""
    y = position[1]
    is_odd = False
    for a, b in chain.from_iterable(map(pairwise, rings)):
        is_level = (a[1] > y) != (b[1] > y)
        if not is_level and min(abs(a[1] - y), abs(b[1] - y)) > _TOUCHING:
            continue
        side = _side(a, b, position)
        if side == 0 and _is_beside(position, a, b):
            return None
        is_odd ^= is_level and (side < 0) == (b[1] > a[1])
    return is_odd


def _is_beside(position: Position, a: Position, b: Position) -> bool:
    """Whether a position is in the box around an edge."""
    return all(
        min(a[axis], b[axis]) - _TOUCHING <= position[axis] <= max(a[axis], b[axis]) + _TOUCHING
        for axis in (0, 1)
    )


def has_area(ring: Ring) -> bool:
    """Whether the vertices do not all lie on one line."""
    if _side(*ring[:3]):
        return True  # the usual case
    start = ring[0]
    end = next((position for position in ring if _distance(start, position) > _TOUCHING), start)
    return any(_side(start, end, position) for position in ring)


def _distance(start: Position, end: Position) -> float:
    return abs(end[0] - start[0]) + abs(end[1] - start[1])


def _side(start: Position, end: Position, position: Position) -> int:
    """On which side of the line from start to end a position lies: 1 left, -1 right, 0 on it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    turn = dx * (position[1] - start[1]) - dy * (position[0] - start[0])
    slack = _TOUCHING * (abs(dx) + abs(dy))
    return (turn > slack) - (turn < -slack)


def _do_cross(a: Position, b: Position, c: Position, d: Position) -> bool:
    x, y = a
    dx, dy = b[0] - x, b[1] - y
    slack = _TOUCHING * (abs(dx) + abs(dy))
    turn = dx * (c[1] - y) - dy * (c[0] - x)  # as in _side, without its calls: most pairs end here
    if turn > slack:
        is_between = dx * (d[1] - y) - dy * (d[0] - x) < -slack
    else:
        is_between = turn < -slack and dx * (d[1] - y) - dy * (d[0] - x) > slack
    return is_between and _side(c, d, a) * _side(c, d, b) < 0


def _meeting(a: Position, b: Position, c: Position, d: Position) -> tuple[float, float]:
    """The intersection of the lines through two edges."""
    dx, dy, ex, ey = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    part = ((c[0] - a[0]) * ey - (c[1] - a[1]) * ex) / (dx * ey - dy * ex)
    return a[0] + part * dx, a[1] + part * dy
