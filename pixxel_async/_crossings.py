"""Where the rings of a polygon cross, and which holes lie outside: faults that no vertex shows by itself.

The edges of a small outline are compared with those that they overlap. Over more, a line sweeps (Shamos and Hoey): it
keeps the edges under it in order, and two edges that cross must have been neighbours there, so that n edges take n log n
steps, wherever they lie.

Only a proper crossing counts, where each edge has an end clearly on either side of the other. Touching, sharing a vertex
or lying upon each other does not, and what is nearer than 1e-9° (0.1 mm) touches: rounding must never look like a fault.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, groupby, pairwise
from typing import Any, TypeAlias

import attrs

Position: TypeAlias = Sequence[float]
Ring: TypeAlias = Sequence[Position]

_TOUCHING = 1e-9
"""Degrees; computed distances from a line are right to 1e-13, so that none beyond it comes from rounding."""
_FEW = 200
"""Vertices up to which comparing is quicker: several times for a field, about the same where all edges overlap."""


@attrs.frozen
class Crossing:
    """Two edges that cross. An edge is a ring's number, and that of the vertex it begins at."""

    first: tuple[int, int]
    second: tuple[int, int]
    position: tuple[float, float]


@attrs.frozen
class Stray:
    """A vertex of a hole that lies outside of the outline, or in another hole."""

    ring: int
    vertex: int


def fault_between(rings: Sequence[Ring]) -> Crossing | Stray | None:
    """A fault of the edges of one polygon, if there is any. The rings are closed, the first is the outline."""
    if len(rings) > 1 or len(rings[0]) > _FEW:
        return _Sweep(rings).run()
    return _crossing_within(rings[0])


def _crossing_within(ring: Ring) -> Crossing | None:
    """Compare each edge with those that begin, from left to right, before it ends."""
    edges = []
    for number, (a, b) in enumerate(pairwise(ring)):
        left, right = (a[0], b[0]) if a[0] < b[0] else (b[0], a[0])
        low, high = (a[1], b[1]) if a[1] < b[1] else (b[1], a[1])
        edges.append((left, right, low, high, number))
    edges.sort()
    last = len(edges) - 1
    for place, (_, right, low, high, one) in enumerate(edges):
        for other_place in range(place + 1, len(edges)):
            left, _, bottom, top, other = edges[other_place]
            if left > right:
                break
            # Neighbours have a vertex in common; so have the first edge and the last.
            if bottom <= high and low <= top and 1 < abs(one - other) < last:
                first, second = (one, other) if one < other else (other, one)
                ends = ring[first], ring[first + 1], ring[second], ring[second + 1]
                if _do_cross(*ends):
                    return Crossing((0, first), (0, second), _meeting(*ends))
    return None


def has_area(ring: Ring) -> bool:
    """Whether the vertices do not all lie on one line."""
    if _side(*ring[:3]):
        return True  # as nearly always
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
    turn = dx * (c[1] - y) - dy * (c[0] - x)  # as in _side: most pairs end here, and calls would take longest
    if turn > slack:
        is_between = dx * (d[1] - y) - dy * (d[0] - x) < -slack
    else:
        is_between = turn < -slack and dx * (d[1] - y) - dy * (d[0] - x) > slack
    return is_between and _side(c, d, a) * _side(c, d, b) < 0


def _meeting(a: Position, b: Position, c: Position, d: Position) -> tuple[float, float]:
    """What the lines through two edges have in common."""
    dx, dy, ex, ey = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    part = ((c[0] - a[0]) * ey - (c[1] - a[1]) * ex) / (dx * ey - dy * ex)
    return a[0] + part * dx, a[1] + part * dy


_Edge: TypeAlias = tuple[float, float, float, float, float, int]
"""The end that the line comes to first (x, y), the way to the other end (x, y), how near is touching, and the number."""


class _Sweep:
    """A line that goes over the vertices of a polygon, from the least to the greatest.

    Vertices are numbered through all rings; an edge has the number of the vertex that it begins at.
    """

    def __init__(self, rings: Sequence[Ring]) -> None:
        self._points: list[Any] = list(chain.from_iterable(rings))
        """All lists or all tuples, so that they have an order."""
        self._begins = list(accumulate(map(len, rings), initial=0))
        """The first vertex of each ring, and the number of all."""
        self._gaps = {begin - 1 for begin in self._begins}
        """The last vertices of the rings: no edge begins there."""
        self._met: set[int] = set()
        """The rings that the line has come to."""
        self._under: list[_Edge] = []
        """The edges under the line, each to the left of those before it."""
        width, height = (sum(abs(b[axis] - a[axis]) for a, b in pairwise(self._points)) for axis in (0, 1))
        self._is_turned = width > height
        if self._is_turned:  # so that fewer edges are under the line at once
            self._points = [(y, x) for x, y in self._points]

    def run(self) -> Crossing | Stray | None:
        """Go on until there is a fault."""
        points, has_holes = self._points, len(self._begins) > 2
        order = sorted(range(len(points)), key=points.__getitem__)
        for point, group in groupby(order, key=points.__getitem__):
            vertices = list(group)
            if has_holes and (stray := self._stray(point, vertices)):
                return stray
            ending, starting = self._edges_at(point, vertices)
            if crossing := self._leave(point, ending) or self._enter(point, starting):
                return crossing
        return None

    def _edges_at(self, point: Position, vertices: Iterable[int]) -> tuple[list[int], list[_Edge]]:
        """Numbers of the edges that end at a point, and the edges that start there."""
        points, gaps = self._points, self._gaps
        x, y = point
        ending: list[int] = []
        starting: list[_Edge] = []
        for vertex in vertices:
            for number, other in ((vertex - 1, vertex - 1), (vertex, vertex + 1)):
                if number in gaps:
                    continue
                end_x, end_y = points[other]
                dx, dy = end_x - x, end_y - y
                if dx > 0 or (dx == 0 and dy > 0):
                    starting.append((x, y, dx, dy, _TOUCHING * (dx + abs(dy)), number))
                elif dx or dy:
                    ending.append(number)
        return ending, starting

    def _leave(self, point: Position, ending: Iterable[int]) -> Crossing | None:
        """Take out edges that end at a point; those on either side become neighbours."""
        under = self._under
        for number in ending:
            place = self._place_of(number, bisect_left(under, 0.0, key=_order_at(point)))
            del under[place]
            if 0 < place < len(under) and (crossing := self._crossing(under[place - 1], under[place])):
                return crossing
        return None

    def _place_of(self, number: int, first: int) -> int:
        """Where an edge is; it was found where it should be, unless many touch."""
        under = self._under
        places = chain(range(first, len(under)), range(first))
        return next(place for place in places if under[place][5] == number)

    def _enter(self, point: Position, starting: Iterable[_Edge]) -> Crossing | None:
        """Put in edges that start at a point; among those that touch it, they are ordered by direction."""
        under = self._under
        for edge in starting:
            place = bisect_left(under, 0.0, key=_order_at(point, edge))
            if place and (crossing := self._crossing(under[place - 1], edge)):
                return crossing
            if place < len(under) and (crossing := self._crossing(edge, under[place])):
                return crossing
            under.insert(place, edge)
        return None

    def _crossing(self, first: _Edge, second: _Edge) -> Crossing | None:
        """The crossing of two edges, told as they stand in the rings."""
        a, b = sorted((first[5], second[5]))
        points = self._points
        ends = points[a], points[a + 1], points[b], points[b + 1]
        if not _do_cross(*ends):
            return None
        x, y = _meeting(*ends)
        return Crossing(self._named(a), self._named(b), (y, x) if self._is_turned else (x, y))

    def _stray(self, point: Position, vertices: Sequence[int]) -> Stray | None:
        """Whether a hole begins at a point that is not inside the area: the number of edges before it is even."""
        named = dict(map(self._named, reversed(vertices)))
        for ring in named.keys() - self._met:
            self._met.add(ring)
            order = _order_at(point)
            before = bisect_left(self._under, 0.0, key=order)
            does_touch = len(named) > 1 or (before < len(self._under) and order(self._under[before]) == 0)
            if ring and before % 2 == 0 and not does_touch:
                return Stray(ring, named[ring])
        return None

    def _named(self, number: int) -> tuple[int, int]:
        """Ring and vertex."""
        ring = bisect_right(self._begins, number) - 1
        return ring, number - self._begins[ring]


def _order_at(point: Position, new: _Edge | None = None) -> Callable[[_Edge], float]:
    """Tells of an edge under the line whether it comes before a point (negative), touches it (0) or comes after it.

    Given the edge that is to start there, those that touch the point come before it or after it by direction.
    """
    x, y = point

    def order(edge: _Edge) -> float:
        start_x, start_y, dx, dy, slack, _ = edge
        turn = dx * (y - start_y) - dy * (x - start_x)
        if turn > slack:
            return -1
        if turn < -slack:
            return 1
        return 0 if new is None else dy * new[2] - dx * new[3]

    return order
