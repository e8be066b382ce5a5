"""Outlines that cross are refused, and nothing else is: held against Shapely, which the SDK itself does not need."""

from itertools import combinations, pairwise
from math import cos, radians, sin

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import composite

from pixxel_async import geometry as geo
from pixxel_async.errors import GeometryError, InvalidInput
from pixxel_async.geometry._crossings import Stray, fault_between
from pixxel_async.sandbox import Sandbox

SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
BOW = [[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]
REPAIR = "or repair it, for example with shapely.make_valid"


def around(points):
    return [*points, points[0]]


def inside(ring, scale=0.125, by=(1.5, 1.5)):
    """The ring, small, in the middle of `SQUARE`."""
    return [[x * scale + by[0], y * scale + by[1]] for x, y in ring]


def long(ring):
    """The same ring, its first vertex repeated."""
    return [ring[0]] * 16 + ring


def refusal(*rings):
    with pytest.raises(GeometryError) as caught:
        geo.polygon({"type": "Polygon", "coordinates": list(rings)})
    return str(caught.value)


def is_taken(*rings):
    geo.polygon({"type": "Polygon", "coordinates": list(rings)})
    return True


def turned(points, degrees):
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return [[c * x - s * y, s * x + c * y] for x, y in points]


@composite
def stars(draw, *, most=40, least_radius=0.3):
    """Rings around 70° east, 20° north whose every point is seen from there."""
    count = draw(st.integers(4, most))
    unit = st.floats(0, 0.8)
    return around(
        [
            [70 + radius * cos(angle), 20 + radius * sin(angle)]
            for number in range(count)
            for angle in [radians((number + draw(unit)) * 360 / count)]
            for radius in [draw(st.floats(least_radius, 1))]
        ]
    )


# What is refused, and how


@pytest.mark.parametrize("form", [list, long])
def test_t8_an_outline_like_a_bow_tie_is_told_with_its_edges_and_the_place(form):
    start = len(form(BOW)) - len(BOW)
    assert (
        f"ring 0: crosses itself at [2.0, 2.0], with its edges from vertex {start} to {start + 1} and {start + 2} to "
        f"{start + 3}; give the vertices in their order around the area, {REPAIR}"
    ) == refusal(form(BOW))


@pytest.mark.parametrize("form", [list, long])
def test_t8_a_crossing_behind_a_notch_is_told(form):
    """Its edges are no neighbours where they begin: there is a notch between them."""
    ring = [[0, 0], [10, 60], [10, 0], [0, 60], [0, 40], [3, 30], [0, 20], [0, 0]]
    assert refusal(form(ring)).startswith("ring 0: crosses itself at [5.0, 30.0]")


def test_t8_a_hole_that_crosses_itself_is_told():
    assert refusal(SQUARE, inside(BOW)).startswith("ring 1: crosses itself at [1.75, 1.75]")


def test_t8_a_hole_that_crosses_the_outline_or_another_hole_is_told():
    beyond = [[3, 1], [5, 1], [5, 3], [3, 1]]
    assert (
        "ring 1: crosses ring 0 at [4.0, 1.0]: its edge from vertex 0 to 1 crosses the edge from 1 to 2; keep holes "
        f"inside ring 0 and apart, {REPAIR}"
    ) == refusal(SQUARE, beyond)
    across = [[1, 2], [3, 2], [3, 2.5], [1, 2]]
    along = [[2, 1], [2, 3], [2.5, 3], [2, 1]]
    assert refusal(SQUARE, across, along).startswith("ring 2: crosses ring 1 at [2.0, 2.0]")


@pytest.mark.parametrize("by", [(9, 1), (-9, 1), (1, 9), (1, -9), (3.9, 3.9)])
def test_t8_a_hole_outside_of_its_outline_is_told(by):
    triangle = [[0, 0], [4, 0], [0, 4], [0, 0]]
    message = refusal(triangle, inside(triangle, by=by))
    assert message.startswith(f"ring 1, vertex 0: [{float(by[0])}, {float(by[1])}] is outside ring 0 or")
    assert message.endswith("; give separate areas as polygons of a MultiPolygon")


def test_t8_a_hole_in_a_hole_is_told():
    assert refusal(SQUARE, inside(SQUARE), inside(SQUARE, 0.06, (1.6, 1.6))).startswith(
        "ring 2, vertex 0: [1.6, 1.6]"
    )


def test_t8_the_part_of_a_multipolygon_is_named():
    with pytest.raises(GeometryError, match=r"^feature, polygon 1, ring 0: crosses itself at \[2\.0, 2\.0\]"):
        geo.geometry(
            {
                "type": "Feature",
                "geometry": {"type": "MultiPolygon", "coordinates": [[inside(SQUARE)], [BOW]]},
            }
        )


@pytest.mark.parametrize("line", [[[0, 0], [1, 1], [2, 2], [0, 0]], [[0, 0], [1e-12, 0], [0, 1e-12], [0, 0]]])
def test_t1_a_ring_without_area_is_told(line):
    assert "ring 0: has all its vertices on one line, so no area" == refusal(line)


async def test_t8_calls_with_such_an_area_or_a_box_that_is_none_send_nothing():
    bow = {"type": "Polygon", "coordinates": [BOW]}
    async with Sandbox() as sandbox, sandbox.client() as client:
        with pytest.raises(GeometryError, match=r"^AOICreate\.geometry: ring 0: crosses itself"):
            await client.aois.create(
                name="north", description="", satellite_id="s", provider="pixxel", project_id="p", geometry=bow,
                item_ids=["i"],
            )  # fmt: skip
        for search in (client.archives.search, client.catalogs.search):
            with pytest.raises(GeometryError, match=r"^\w+Search\.intersects: ring 0: crosses itself"):
                await search(intersects=bow, limit=1)
            with pytest.raises(
                InvalidInput, match=r"^\w+Search\.bbox: south 9 is greater than north 8; give \["
            ):
                await search(bbox=[0, 9, 1, 8], limit=1)
        assert 0 == len(sandbox.requests)


# What is let through: the API judges it


@pytest.mark.parametrize("form", [list, long])
@pytest.mark.parametrize(
    "ring",
    [
        pytest.param([[0, 0], [4, 0], [4, 4], [2, 0], [0, 4], [0, 0]], id="touches its own edge"),
        pytest.param([[0, 0], [2, 2], [4, 0], [4, 4], [2, 2], [0, 4], [0, 0]], id="touches its own vertex"),
        pytest.param([[0, 0], [4, 0], [4, 4], [6, 6], [4, 4], [0, 4], [0, 0]], id="has a spike"),
        pytest.param([[0, 0], [0, 0], [4, 0], [4, 4], [4, 4], [4, 4], [0, 4], [0, 0]], id="stands still"),
        pytest.param([[0, 0], [4, 0], [4, 4], [2, -1e-10], [0, 4], [0, 0]], id="crosses by rounding"),
        pytest.param([[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]], id="runs clockwise"),
    ],
)
def test_a_ring_that_touches_itself_is_taken(ring, form):
    assert is_taken(form(ring))


@pytest.mark.parametrize(
    "hole",
    [
        [[0, 0], [1, 2], [2, 1], [0, 0]],
        [[0, 2], [2, 1], [2, 3], [0, 2]],
        [[1, 0], [2, 0], [2, 1], [1, 0]],
        [[1, 1], [4, 1], [4, 3], [1, 1]],
        SQUARE,
    ],
)
def test_a_hole_that_touches_the_outline_is_taken(hole):
    assert is_taken(SQUARE, hole)


def test_parts_of_a_multipolygon_may_lie_upon_each_other():
    twins = {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}
    assert 2 == len(geo.geometry(twins)["coordinates"])


# Whatever the shape


@given(stars(), st.booleans())
def test_a_star_is_taken_either_way_round(star, is_clockwise):
    assert is_taken(star[::-1] if is_clockwise else star)


@given(stars(), st.lists(stars(most=20), max_size=4), st.floats(0, 360))
def test_a_star_with_small_stars_as_holes_is_taken(star, holes, degrees):
    centres = turned([[0.1, 0.1], [-0.1, 0.1], [-0.1, -0.1], [0.1, -0.1]], degrees)
    assert shapely.Polygon(star).contains(shapely.Point(70, 20))
    assume(shapely.Polygon(star).exterior.distance(shapely.Point(70, 20)) > 0.2)
    small = [
        [[70 + x + (lon - 70) / 20, 20 + y + (lat - 20) / 20] for lon, lat in hole]
        for hole, (x, y) in zip(holes, centres, strict=False)
    ]
    assert is_taken(star, *small)


@given(st.data(), st.integers(4, 60), st.floats(0, 360))
def test_t8_a_circle_with_a_piece_turned_round_is_refused(data, count, degrees):
    """Two edges of it are then diagonals that cross; fewer than all but two vertices may be turned."""
    circle = turned(
        [[cos(radians(n * 360 / count)), sin(radians(n * 360 / count))] for n in range(count)], degrees
    )
    assert is_taken(around(circle))
    first = data.draw(st.integers(0, count - 2))
    last = data.draw(st.integers(first + 1, min(count - 1, first + count - 3)))
    circle[first : last + 1] = circle[first : last + 1][::-1]
    assert "ring 0: crosses itself at " in refusal(around(circle))


grid = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(list)
"""So few places that edges touch, lie upon each other and meet in vertices all the time."""
free = st.tuples(st.integers(0, 10**4), st.integers(0, 10**4)).map(
    lambda point: [point[0] / 64, point[1] / 128]
)
"""Exact as floats: else a vertex upon an edge is beside it by a rounding, which Shapely sees, and which counts as touching."""
some_rings = st.one_of(
    *(st.lists(points, min_size=3, max_size=12, unique_by=tuple).map(around) for points in (grid, free))
)


def has_crossing(*rings):
    """By Shapely: lines cross if they share a point inside of both, and not a stretch."""
    edges = [shapely.LineString(edge) for ring in rings for edge in pairwise(ring)]
    return any(one.crosses(other) for one, other in combinations(edges, 2))


@given(some_rings)
def test_exactly_the_rings_with_a_proper_crossing_are_refused(ring):
    answers = {fault_between([ring]) is not None, fault_between([long(ring)]) is not None}
    assert {has_crossing(ring)} == answers


@given(st.lists(some_rings, min_size=2, max_size=3))
def test_rings_of_one_polygon_are_refused_if_they_cross_and_only_if_the_polygon_is_invalid(rings):
    fault = fault_between(rings)
    if has_crossing(*rings):
        assert fault is not None
    if fault is not None:
        assert not shapely.Polygon(rings[0], rings[1:]).is_valid


@given(stars(most=12), stars(most=12), st.floats(-2, 2), st.floats(-2, 2))
def test_a_hole_that_crosses_nothing_is_taken_if_and_only_if_it_is_inside(star, hole, x, y):
    hole = [[70 + x + (lon - 70) / 4, 20 + y + (lat - 20) / 4] for lon, lat in hole]
    area, outline = shapely.Polygon(star), shapely.LineString(hole)
    assume(area.exterior.distance(outline) > 1e-6)
    expected = None if area.contains(outline) else Stray
    found = fault_between([star, hole])
    assert expected is (None if found is None else type(found))


@pytest.mark.parametrize("degrees", [0, 90, 40])
def test_t5_a_comb_with_thousands_of_teeth_is_judged_whichever_way_they_point(degrees):
    """Where all pairs are compared, or an axis is favoured, it takes minutes."""
    teeth = [[number // 2 / 1000, 0.5 + (number % 4 in (1, 2))] for number in range(10_000)]
    comb = around(turned([*teeth, [5, 0], [0, 0]], degrees))
    assert is_taken(comb)
    comb[5001], comb[5002] = comb[5002], comb[5001]
    assert refusal(comb).startswith("ring 0: crosses itself at ")
