"""How a string, number, boolean, id, time or enum value in JSON becomes the value of a field."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

from pixxel_async._codec.times import read_time


class Mismatch(Exception):
    """A value of the wrong type."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"expected {expected}, got {_describe(value)}")
        self.problem = f"expected {expected}, got {json_type(value)}"
        """The message without the value."""


def _describe(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"a string {value if len(value) <= 40 else value[:40] + '…'!r}"
        case int() | float():
            return f"a number {value!r}"
        case list():
            return f"a list of {len(value)}"
    return json_type(value)


def json_type(value: object) -> str:
    """The JSON type of a value, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
    return f"a {type(value).__name__}"


class Id(str):
    """Marks the type of an id. An id is never converted from another value: other calls use it unchanged."""

    __slots__ = ()


def read_id(value: object) -> str:
    """A string only."""
    if type(value) is not str:
        raise Mismatch("a string", value)
    return value


def read_text(value: object) -> str:
    """A string; a number or a boolean as JSON writes it."""
    if type(value) is str:
        return value
    if type(value) in (int, float, bool):
        return json.dumps(value)
    raise Mismatch("a string", value)


def read_boolean(value: object) -> bool:
    """True or false only."""
    if type(value) is not bool:
        raise Mismatch("true or false", value)
    return value


def read_integer(value: object) -> int:
    """A whole number, also from a string; JSON has one kind of number, so 3.0 is 3."""
    number = _number_in(value) if type(value) is str else value
    if type(number) is int:
        return number
    if type(number) is float and number.is_integer():
        return int(number)
    raise Mismatch("a whole number", value)


def read_number(value: object) -> float:
    """A number, also from a string: the vendor sends some progress values and STAC boxes as strings."""
    if type(value) is float or type(value) is int:
        return value
    number = _number_in(value) if type(value) is str else None
    if number is None or not math.isfinite(number):
        raise Mismatch("a number", value)
    return as_float if (as_float := float(number)) == number else number  # an int of many digits stays one


_NUMERAL = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
"""JSON's own grammar: no plus, no leading zero, no digits of other scripts."""


def _number_in(text: str) -> float | None:
    """The number in a text, whole ones as int: a float may lose digits. None if there is none."""
    if not re.fullmatch(_NUMERAL, text):
        return None
    # For thousands of digits int() raises an error, and float() returns infinity.
    return int(text) if len(text) < 300 and text.lstrip("-").isdecimal() else float(text)


def read_instant(value: object) -> datetime | None:
    """A point in time from any of the vendor's shapes, UTC if no zone is given; None for an empty string."""
    if type(value) is not str:
        raise Mismatch("a time as a string", value)
    moment = read_time(value)
    if moment is None and value:
        raise Mismatch("a time", value)
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


SCALARS: dict[object, Callable[[object], object]] = {
    str: read_text,
    Id: read_id,
    bool: read_boolean,
    int: read_integer,
    float: read_number,
    datetime: read_instant,
}
"""The function that reads each type."""
PASSED_ON: dict[object, frozenset[type]] = {
    str: frozenset({str}),
    Id: frozenset({str}),
    bool: frozenset({bool}),
    int: frozenset({int}),
    float: frozenset({float, int}),
}
"""The types that the parser delivers for each type and that need no reading."""
