"""Checks of requests. Each takes a value and its place, and returns the value as it is sent, or raises.

The generated request models hold them as converters (`name: str = attrs.field(converter=checks.text(min_length=1))`),
the generated methods use them on query parameters (`checks.optional("type", checks.enum_value(IndexType), type)`).
Every error is an `InvalidInput` that names the place, the value and the remedy.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Generic, TypeAlias, TypeVar, Union, get_args, get_origin

import attrs

from pixxel_async import geometry as areas
from pixxel_async._base.shown import shown
from pixxel_async._codec import times
from pixxel_async._codec.model import Model, members
from pixxel_async._codec.open_enum import OpenEnum
from pixxel_async.errors import InvalidInput

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1
"""Of the integers that can be written as JSON."""

BoundingBox: TypeAlias = Sequence[float]
"""West, south, east and north in degrees; over the antimeridian, west is greater than east."""

V = TypeVar("V")
N = TypeVar("N", int, float)
Test: TypeAlias = Callable[[object, str], V]
"""`(value, place) -> value`, raises `InvalidInput`."""


class Check(attrs.Converter, Generic[V]):  # type: ignore[type-arg]  # the base is generic for type checkers only
    """A test that attrs runs when a field is set. It accepts `None` if that is the field's default."""

    __slots__ = ("test",)

    def __init__(self, test: Test[V]) -> None:
        super().__init__(self._of_field, takes_self=True, takes_field=True)
        self.test = test

    def _of_field(self, value: object, model: object, field: attrs.Attribute[object]) -> V | None:
        if value is None and field.default is None:
            return None
        return self.test(value, f"{type(model).__name__}.{field.name}")

    # attrs asks for it once per check; a stored one halves the cost.
    _of_field.__signature__ = inspect.signature(_of_field)  # type: ignore[attr-defined]


def required(name: str, check: Check[V], value: object) -> V:
    """The checked value of an argument that must be given."""
    return check.test(value, name)


def optional(name: str, check: Check[V], value: object) -> V | None:
    """The checked value of an argument; `None` means not given."""
    return None if value is None else check.test(value, name)


# Single values


def text(*, min_length: int = 0, max_length: int | None = None, pattern: str | None = None) -> Check[str]:
    """Text. With a `min_length`, blanks alone are not enough."""

    def test(value: object, place: str) -> str:
        if not isinstance(value, str):
            raise _refused(place, f"expected text, got {shown(value)}", _quoted(value))
        if min_length and not value.strip():
            raise _refused(place, "must not be empty")
        if len(value) < min_length:
            raise _refused(place, f"{shown(value)} is shorter than {min_length} characters")
        if max_length is not None and len(value) > max_length:
            raise _refused(place, f"{len(value)} characters are too many, at most {max_length} are accepted")
        if pattern is not None and not re.search(pattern, value):
            raise _refused(place, f"{shown(value)} does not have the form {pattern}")
        return value

    return Check(test)


def integer(*, minimum: float | None = None, maximum: float | None = None) -> Check[int]:
    """A whole number."""

    def test(value: object, place: str) -> int:
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise _refused(place, f"expected a whole number, got {shown(value)}")
        return _within(int(value), place, minimum, maximum)

    return Check(test)


def number(*, minimum: float | None = None, maximum: float | None = None) -> Check[float]:
    """A finite number."""

    def test(value: object, place: str) -> float:
        if not isinstance(value, Real) or isinstance(value, bool):
            raise _refused(place, f"expected a number, got {shown(value)}")
        try:
            plain: float = int(value) if isinstance(value, Integral) else float(value)
        except OverflowError:  # for example a fraction
            plain = math.inf
        if isinstance(plain, float) and not math.isfinite(plain):
            raise _refused(place, f"expected a finite number, got {shown(value)}")
        return _within(plain, place, minimum, maximum)

    return Check(test)


def boolean() -> Check[bool]:
    """True or False, not a value that only counts as one."""

    def test(value: object, place: str) -> bool:
        if not isinstance(value, bool):
            raise _refused(place, f"expected True or False, got {shown(value)}")
        return value

    return Check(test)


def enum_value(enum: type[OpenEnum]) -> Check[OpenEnum]:
    """A member of `enum` or one of its values. To send another value, wrap it in the enum."""

    def test(value: object, place: str) -> OpenEnum:
        if isinstance(value, enum):
            return value
        if isinstance(value, str) and not isinstance(value, Enum) and enum(value).is_known:
            return enum(value)
        known = ", ".join(repr(member.value) for member in enum)
        raise _refused(
            place,
            f"{shown(value)} is not one of {known}",
            f"to send another value, write {enum.__name__}(...)",
        )

    return Check(test)


def instance(model: type[Model], *required: str) -> Check[Model]:
    """An object of a model class whose fields have the annotated types; the `required` ones are given."""

    def test(value: object, place: str) -> Model:
        if not isinstance(value, model):
            raise _refused(
                place, f"expected {model.__name__}, got {shown(value)}", f"write {model.__name__}(...)"
            )
        for member in members(model):
            found = getattr(value, member.attribute)
            if found is not None:
                _fits(found, member.type, f"{place}.{member.attribute}")
            elif member.attribute in required:
                raise _refused(f"{place}.{member.attribute}", "is missing")
        return value

    return Check(test)


# Values made of other values


def each(
    item: Check[V], *, min_items: int = 0, max_items: int | None = None, unique: bool = False
) -> Check[list[V]]:
    """A list or tuple whose every element passes `item`."""

    def test(value: object, place: str) -> list[V]:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise _refused(place, f"expected a list, got {shown(value)}", "write [...] around a single value")
        found = [item.test(element, f"{place}[{index}]") for index, element in enumerate(value)]
        if len(found) < min_items:
            raise _refused(place, f"{len(found)} elements are too few, at least {min_items} needed")
        if max_items is not None and len(found) > max_items:
            raise _refused(place, f"{len(found)} elements are too many, at most {max_items} are accepted")
        if unique and len(set(found)) < len(found):
            twice = next(element for element in found if found.count(element) > 1)
            raise _refused(place, f"{shown(twice)} is in the list twice")
        return found

    return Check(test)


def table(item: Check[V]) -> Check[dict[str, V]]:
    """A mapping from text to values that pass `item`."""

    def test(value: object, place: str) -> dict[str, V]:
        if not isinstance(value, Mapping):
            raise _refused(place, f"expected a mapping, got {shown(value)}")
        for key in value:
            if not isinstance(key, str):
                raise _refused(place, f"the key {shown(key)} is not text", _quoted(key))
        return {key: item.test(element, f"{place}[{shown(key)}]") for key, element in value.items()}

    return Check(test)


def anything() -> Check[object]:
    """Any JSON value; a value that JSON does not have is refused when the body is written."""
    return Check(lambda value, place: value)


def maybe(item: Check[V]) -> Check[V | None]:
    """What passes `item`, or None, which is sent as null."""
    return Check(lambda value, place: None if value is None else item.test(value, place))


def secret(item: Check[V]) -> Check[V]:
    """What passes `item`; a refusal does not show the value."""

    def test(value: object, place: str) -> V:
        try:
            return item.test(value, place)
        except InvalidInput:
            pass
        raise _refused(place, "is not of the expected form; this message does not show its value")

    return Check(test)


# Values with several accepted forms


def _form(convert: Callable[[Any], V]) -> Check[V]:
    def test(value: object, place: str) -> V:
        try:
            return convert(value)
        except InvalidInput as error:
            raise type(error)(f"{place}: {error}") from None

    return Check(test)


polygon = _form(areas.polygon)
geometry = _form(areas.geometry)
feature_collection = _form(areas.feature_collection)
interval = _form(times.interval)
instant = _form(times.instant)
time_filter = _form(lambda value: value if isinstance(value, str) else times.instant(value))
"""An instant, or unchanged text: the form of a filter on a time is not documented."""


def _box(value: object, place: str) -> list[float]:
    box = _numbers.test(value, place)
    order = "give [west, south, east, north] in degrees"
    if len(box) != 4:
        remedy = "leave out the two heights" if len(box) == 6 else order
        raise _refused(place, f"has {len(box)} numbers, not 4", remedy)
    west, south, east, north = box
    for name, latitude in (("south", south), ("north", north)):
        if abs(latitude) > 90:
            raise _refused(place, f"{name} {latitude} is outside -90 to 90", order)
    for name, longitude in (("west", west), ("east", east)):
        if abs(longitude) > 180:
            remedy = f"{order}; over the antimeridian, west is greater than east"
            raise _refused(place, f"{name} {longitude} is outside -180 to 180", remedy)
    if south > north:
        raise _refused(place, f"south {south} is greater than north {north}", order)
    return box


_numbers = each(number())
bbox = Check(_box)
"""Four numbers. West may be greater than east: such a box crosses the antimeridian."""


# Rules about several fields of one model


def exactly_one_of(model: Model, *names: str) -> None:
    """Exactly one of the named fields is given."""
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) != 1:
        found = f"{' and '.join(given)} are" if given else "none is"
        raise _refused(type(model).__name__, f"give exactly one of {', '.join(names)}; {found} given")


def in_order(model: Model, first: str, second: str) -> None:
    """The instant `first` is strictly before the instant `second`, if both are given."""
    start, end = getattr(model, first), getattr(model, second)
    if start and end and datetime.fromisoformat(start) >= datetime.fromisoformat(end):
        raise _refused(type(model).__name__, f"{first} {shown(start)} is not before {second} {shown(end)}")


# Details


def _fits(value: object, annotation: object, place: str) -> None:
    """Check a value against the annotation of a response model's field."""
    if isinstance(annotation, UnionType) or get_origin(annotation) is Union:
        annotation = next(kind for kind in get_args(annotation) if kind is not NoneType)
    check = _check_of(annotation)
    if check is not None:
        check.test(value, place)


def _check_of(annotation: object) -> Check[Any] | None:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is list:
        return each(_check_of(inner[0]) or anything())
    if origin is dict:
        return table(_check_of(inner[1]) or anything())
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return instance(annotation)
    if isinstance(annotation, type) and issubclass(annotation, OpenEnum):
        return enum_value(annotation)
    plain: dict[object, Callable[[], Check[Any]]] = {str: text, int: integer, float: number, bool: boolean}
    return plain[annotation]() if annotation in plain else None


def _within(value: N, place: str, minimum: float | None, maximum: float | None) -> N:
    if minimum is not None and value < minimum:
        raise _refused(place, f"{shown(value)} is below {minimum}")
    if maximum is not None and value > maximum:
        raise _refused(place, f"{shown(value)} is above {maximum}")
    if isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise _refused(place, f"{shown(value)} has more than 64 bits", "give a smaller number")
    return value


def _refused(place: str, message: str, remedy: str = "") -> InvalidInput:
    return InvalidInput(f"{place}: {message}" + (f"; {remedy}" if remedy else ""))


def _quoted(value: object) -> str:
    """The remedy for a number in place of text."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f'write "{text}"' if is_number and len(text := shown(value)) < 30 else ""
