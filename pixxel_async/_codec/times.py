"""Points in time: read in any of the vendor's shapes, and written as RFC 3339, the shape that the API takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from pixxel_async._base.shown import shown
from pixxel_async.errors import InvalidInput

Instant: TypeAlias = str | datetime
"""A point in time: an aware `datetime`, or RFC 3339 text."""

Interval: TypeAlias = str | datetime | tuple[Instant | None, Instant | None]
"""A point in time or a pair of them, `None` for open; or the text `start/end`, `start/..` or `../end`."""

_RFC_3339 = r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
_REMEDY = "give an aware datetime, or text such as 2024-05-27T06:50:20Z"


def read_time(text: str) -> datetime | None:
    """A point in time from any of the vendor's shapes, without a zone if none is given; None if no shape matches."""
    for parse in _PARSERS:
        try:
            return parse(text)
        except ValueError:
            continue
    return None


_PARSERS: tuple[Callable[[str], datetime], ...] = (
    datetime.fromisoformat,
    lambda text: datetime.strptime(text, "%Y_%m_%d"),
    lambda text: datetime.strptime(text, "%d-%m-%Y"),
)


def rfc3339(moment: datetime) -> str:
    """An aware datetime in UTC with `Z`; fractions of a second only if there are any."""
    if moment.utcoffset() is None:
        raise InvalidInput(
            f"{moment!r} has no time zone: make it aware, for example with tzinfo=datetime.UTC"
        )
    try:
        return _text(moment.astimezone(UTC), "auto")
    except OverflowError:  # within a day of year 1 or 9999, outside the years of UTC
        return moment.isoformat()


def instant(value: Instant) -> str:
    """A point in time as the API takes it: RFC 3339 in UTC, with milliseconds if it has any.

    Raises:
        InvalidInput: It is not a point in time, or has no time zone.
    """
    moment = _moment(value)
    return _text(moment, "milliseconds" if moment.microsecond >= 1000 else "seconds")


def interval(value: Interval) -> str:
    """A STAC interval: one instant, or `start/end` with `..` for an open side. It keeps microseconds, to find an item again.

    Raises:
        InvalidInput: A side is not a point in time, both are open, or the end is before the start.
    """
    if isinstance(value, str) and "/" in value:
        sides: Sequence[Instant | None] = [None if side in ("", "..") else side for side in value.split("/")]
    elif isinstance(value, (tuple, list)):
        sides = value
    else:
        return _text(_moment(value), "auto")
    if len(sides) != 2:
        raise InvalidInput(f"{shown(value)} has {len(sides)} sides; an interval has a start and an end")
    start, end = (None if side is None else _moment(side) for side in sides)
    if start is None and end is None:
        raise InvalidInput(f"{shown(value)} is open on both sides; leave it out to mean any time")
    if start and end and start > end:
        raise InvalidInput(f"{shown(value)} ends before it starts; swap the two")
    return "/".join(".." if side is None else _text(side, "auto") for side in (start, end))


def _moment(value: Instant) -> datetime:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidInput(
                f"{shown(value)} has no time zone; give it one, for example value.replace(tzinfo=datetime.UTC)"
            )
        moment = value
    elif not isinstance(value, str) or not re.fullmatch(_RFC_3339, value):
        raise InvalidInput(f"{shown(value)} is not a point in time with its time zone; {_REMEDY}")
    else:
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError as error:
            raise InvalidInput(f"{shown(value)} is not a point in time: {error}") from None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{shown(value)} lies outside the years 1 to 9999 in UTC") from None


def _text(moment: datetime, precision: str) -> str:
    return moment.isoformat(timespec=precision).removesuffix("+00:00") + "Z"
