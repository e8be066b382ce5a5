"""What is sent is checked before it is sent; a refusal names the place, the value and the remedy."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._codec import checks
from pixxel_async._codec.model import Model, model
from pixxel_async._codec.open_enum import OpenEnum
from pixxel_async.errors import GeometryError, InvalidInput

FIELD = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}


class Colour(OpenEnum):
    """Colours."""

    RED = "red"
    BLUE = "blue"


@model
class Place(Model):
    """A place, as answers hold it."""

    store: str | None = None
    depth: float | None = None
    colour: Colour | None = None
    path: list[str] | None = None
    labels: dict[str, str] | None = None


@model
class Order(Model):
    """A request that uses every check."""

    name: str = attrs.field(converter=checks.text(min_length=2, max_length=5))
    day: str | None = attrs.field(default=None, converter=checks.text(pattern="^[0-9]+$"))
    count: int | None = attrs.field(default=None, converter=checks.integer(minimum=0, maximum=9))
    share: float | None = attrs.field(default=None, converter=checks.number(minimum=0))
    dry: bool | None = attrs.field(default=None, converter=checks.boolean())
    colour: Colour | str | None = attrs.field(default=None, converter=checks.enum_value(Colour))
    place: Place | None = attrs.field(default=None, converter=checks.instance(Place, "store"))
    ids: Any = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1, max_items=3, unique=True)
    )
    days: Any = attrs.field(default=None, converter=checks.table(checks.maybe(checks.each(checks.integer()))))
    secrets: Any = attrs.field(default=None, converter=checks.secret(checks.table(checks.text())))
    area: Any = attrs.field(default=None, converter=checks.polygon)
    box: Any = attrs.field(default=None, converter=checks.bbox)
    start: Any = attrs.field(default=None, converter=checks.instant)
    end: Any = attrs.field(default=None, converter=checks.instant)

    def __attrs_post_init__(self) -> None:
        checks.in_order(self, "start", "end")


@model
class Choice(Model):
    """A request that takes one of two things."""

    left: str | None = None
    right: str | None = None

    def __attrs_post_init__(self) -> None:
        checks.exactly_one_of(self, "left", "right")


def refusal(make: Callable[[], Any]) -> str:
    with pytest.raises(InvalidInput) as caught:
        make()
    return str(caught.value)


REFUSED = {
    "number for text": ({"name": 42}, 'Order.name: expected text, got 42; write "42"'),
    "nothing for what is required": ({"name": None}, "Order.name: expected text, got None"),
    "blanks": ({"name": "   "}, "Order.name: must not be empty"),
    "too short": ({"name": "a"}, "Order.name: 'a' is shorter than 2 characters"),
    "too long": ({"name": "abcdef"}, "Order.name: 6 characters are too many, at most 5 are accepted"),
    "another form": ({"day": "monday"}, "Order.day: 'monday' does not have the form ^[0-9]+$"),
    "fraction": ({"count": 1.0}, "Order.count: expected a whole number, got 1.0"),
    "truth as a number": ({"count": True}, "Order.count: expected a whole number, got True"),
    "below": ({"count": -1}, "Order.count: -1 is below 0"),
    "above": ({"count": 10}, "Order.count: 10 is above 9"),
    "number as text": ({"share": "0.5"}, "Order.share: expected a number, got '0.5'"),
    "not a number": ({"share": math.nan}, "Order.share: expected a finite number, got nan"),
    "infinite": ({"share": math.inf}, "Order.share: expected a finite number, got inf"),
    "number as truth": ({"dry": 1}, "Order.dry: expected True or False, got 1"),
    "unknown word": (
        {"colour": "Red"},
        "Order.colour: 'Red' is not one of 'red', 'blue'; to send another value, write Colour(...)",
    ),
    "mapping for a model": (
        {"place": {"store": "s"}},
        "Order.place: expected Place, got {'store': 's'}; write Place(...)",
    ),
    "model without what is needed": ({"place": Place(depth=1)}, "Order.place.store: is missing"),
    "model with a wrong type": (
        {"place": Place(store="s", depth="deep")},  # type: ignore[arg-type]
        "Order.place.depth: expected a number, got 'deep'",
    ),
    "model with a wrong element": (
        {"place": Place(store="s", path=["a", 1])},  # type: ignore[list-item]
        'Order.place.path[1]: expected text, got 1; write "1"',
    ),
    "model with a wrong value in a map": (
        {"place": Place(store="s", labels={"a": 1})},  # type: ignore[dict-item]
        "Order.place.labels['a']: expected text, got 1; write \"1\"",
    ),
    "text for a list": (
        {"ids": "abc"},
        "Order.ids: expected a list, got 'abc'; write [...] around a single value",
    ),
    "set for a list": (
        {"ids": {1}},
        "Order.ids: expected a list, got {1}; write [...] around a single value",
    ),
    "wrong element": ({"ids": ["a", None]}, "Order.ids[1]: expected text, got None"),
    "too few": ({"ids": []}, "Order.ids: 0 elements are too few, at least 1 needed"),
    "too many": ({"ids": list("abcd")}, "Order.ids: 4 elements are too many, at most 3 are accepted"),
    "twice": ({"ids": ["a", "b", "a"]}, "Order.ids: 'a' is in the list twice"),
    "list for a mapping": ({"days": []}, "Order.days: expected a mapping, got []"),
    "number as a key": ({"days": {2024: None}}, 'Order.days: the key 2024 is not text; write "2024"'),
    "wrong value in a mapping": (
        {"days": {"a": ["1"]}},
        "Order.days['a'][0]: expected a whole number, got '1'",
    ),
    "instant without a zone": ({"start": datetime(2026, 1, 2)}, None),
    "order of two times": (
        {"start": "2026-01-02T00:00:00Z", "end": "2026-01-02T01:00:00+01:00"},
        "Order: start '2026-01-02T00:00:00Z' is not before end '2026-01-02T00:00:00Z'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_accepted_is_refused_with_its_place(name: str) -> None:
    fields, message = REFUSED[name]
    found = refusal(lambda: Order(**{"name": "north", **fields}))
    if message is None:
        assert found.startswith("Order.start: ")
    else:
        assert message == found


def test_what_is_right_passes_as_it_goes_over_the_wire() -> None:
    order = Order(
        name="north",
        count=3,
        share=0,
        colour="red",
        place=Place(store="s", depth=2, colour=Colour.BLUE, path=["a"], labels={}),
        ids=("a", "b"),
        days={"2024": [1], "2025": None},
        start=datetime(2026, 1, 2, tzinfo=UTC),
        end="2026-01-03T00:00:00Z",
        area=FIELD,
    )
    assert {
        "name": "north",
        "count": 3,
        "share": 0,
        "colour": "red",
        "place": {"store": "s", "depth": 2, "colour": "blue", "path": ["a"], "labels": {}},
        "ids": ["a", "b"],
        "days": {"2024": [1], "2025": None},
        "start": "2026-01-02T00:00:00Z",
        "end": "2026-01-03T00:00:00Z",
        "area": FIELD,
    } == order.to_dict()
    assert Colour.RED is order.colour


def test_a_list_is_copied() -> None:
    """What the caller does to the list afterwards does not change what is sent."""
    ids = ["a"]
    order = Order(name="north", ids=ids)
    ids.append("b")
    assert ["a"] == order.ids


def test_a_word_that_the_list_lacks_is_sent_when_it_is_wrapped() -> None:
    """The vendor may know words that this release does not."""
    assert {"name": "north", "colour": "green"} == Order(name="north", colour=Colour("green")).to_dict()


def test_a_member_of_another_enum_is_no_word() -> None:
    class Mood(OpenEnum):
        """Moods."""

        RED = "red"

    assert refusal(lambda: Order(name="north", colour=Mood.RED)).startswith("Order.colour: ")


def test_a_secret_is_kept_out_of_the_refusal() -> None:
    found = refusal(lambda: Order(name="north", secrets={"key": 123456}))
    assert "Order.secrets: is not of the expected form; this message does not show its value" == found


def test_a_refused_secret_leaves_no_trace_in_the_error() -> None:
    """Neither a cause nor a context that a traceback would print."""
    with pytest.raises(InvalidInput) as caught:
        Order(name="north", secrets={"key": 123456})
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_a_geometry_error_keeps_its_class_and_gets_the_place() -> None:
    with pytest.raises(GeometryError) as caught:
        Order(name="north", area={"type": "Point", "coordinates": [0, 0]})
    assert str(caught.value).startswith("Order.area: ")


@pytest.mark.parametrize(
    "box",
    [
        [77, 12, 78.5, 13],
        (77.0, 12.0, 77.0, 12.0),
        [-180, -90, 180, 90],
        pytest.param([179, -17, -179, -16], id="antimeridian"),
    ],
)
def test_a_bounding_box_is_sent_as_it_is(box: Any) -> None:
    assert list(box) == Order(name="north", box=box).box


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([77, 12, 78], "has 3 numbers, not 4; give [west, south, east, north] in degrees"),
        ([77, 12, 0, 78, 13, 900], "has 6 numbers, not 4; leave out the two heights"),
        ([77, 13, 78, 12], "south 13 is greater than north 12; give [west, south, east, north] in degrees"),
        ([12, 139, 13, 140], "south 139 is outside -90 to 90; give [west, south, east, north] in degrees"),
        ([0, 0, 1, 90.5], "north 90.5 is outside -90 to 90; give [west, south, east, north] in degrees"),
        (
            [179, -17, 181, -16],
            "east 181 is outside -180 to 180; give [west, south, east, north] in degrees; over the antimeridian, "
            "west is greater than east",
        ),
        ("77,12,78,13", "expected a list, got '77,12,78,13'; write [...] around a single value"),
    ],
)
def test_t2_a_bounding_box_that_is_none_is_refused(box: Any, message: str) -> None:
    assert f"Order.box: {message}" == refusal(lambda: Order(name="north", box=box))


@pytest.mark.parametrize("number", [math.nan, math.inf, "12", None, True])
def test_t2_a_bounding_box_of_other_than_numbers_is_refused(number: Any) -> None:
    assert refusal(lambda: Order(name="north", box=[77, number, 78, 13])).startswith(
        "Order.box[1]: expected a "
    )


@pytest.mark.parametrize("fields", [{}, {"left": "a", "right": "b"}])
def test_exactly_one_of_two_is_given(fields: dict[str, str]) -> None:
    assert refusal(lambda: Choice(**fields)).startswith("Choice: give exactly one of left, right; ")
    assert "a" == Choice(left="a").left


def test_an_attribute_set_later_is_checked_as_well() -> None:
    order = Order(name="north")
    assert "Order.count: 10 is above 9" == refusal(lambda: setattr(order, "count", 10))


def test_requests_can_be_pickled_and_copied() -> None:
    order = Order(name="north", colour="red", ids=["a"])
    assert order == pickle.loads(pickle.dumps(order)) == copy.deepcopy(order)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**400, 10**5000, Fraction(10**400)], ids=range(5))
def test_a_number_that_json_cannot_carry_is_refused(value: Any) -> None:
    assert refusal(lambda: Order(name="north", share=value)).startswith("Order.share: ")


@pytest.mark.parametrize("value", [2**64 - 1, Fraction(1, 4)])
def test_a_number_that_json_can_carry_is_a_number(value: Any) -> None:
    assert value == Order(name="north", share=value).share


def test_arguments_are_named_as_the_caller_wrote_them() -> None:
    assert checks.optional("type", checks.enum_value(Colour), None) is None
    assert "type: 'x' is not one of 'red', 'blue'" in refusal(
        lambda: checks.optional("type", checks.enum_value(Colour), "x")
    )
    assert "id: expected text, got None" == refusal(lambda: checks.required("id", checks.text(), None))


def test_a_filter_on_a_time_takes_text_as_it_is() -> None:
    """What such a filter may look like is not documented; a datetime is unmistakable."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert "last week" == checks.optional("created_at", checks.time_filter, "last week")
    assert "2026-01-02T00:00:00Z" == checks.optional("created_at", checks.time_filter, moment)


def test_long_values_are_cut_in_messages() -> None:
    assert len(refusal(lambda: Order(name="north", day="x" * 10_000))) < 200


@given(st.integers() | st.floats() | st.booleans() | st.none() | st.text() | st.lists(st.integers()))
def test_only_text_of_the_right_length_is_a_name(value: Any) -> None:
    """Whatever comes in, it is either taken unchanged or refused with the place."""
    is_right = isinstance(value, str) and 2 <= len(value) <= 5 and bool(value.strip())
    if is_right:
        assert value == Order(name=value).name
    else:
        assert refusal(lambda: Order(name=value)).startswith("Order.name: ")


def is_short(value: float) -> bool:
    return isinstance(value, float) or value < 2**64


@given(st.integers() | st.floats() | st.booleans() | st.none() | st.text())
def test_a_number_is_finite_and_within_its_limits(value: Any) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is None or (is_number and math.isfinite(value) and 0 <= value and is_short(value)):
        assert value == Order(name="north", share=value).share
    else:
        assert refusal(lambda: Order(name="north", share=value)).startswith("Order.share: ")
