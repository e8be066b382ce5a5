"""Whether a listed row is the result of a create, to find out what became of a lost response."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import attrs

from pixxel_async._codec.scalars import json_type
from pixxel_async._codec.times import read_time
from pixxel_async._http.messages import is_same_uuid
from pixxel_async._http.operation import Operation
from pixxel_async._resource.whole_listing import Place, Row, place_of

_TOLERANCE = 1e-6
"""Largest difference of two numbers that count as equal; 0.1 m if they are degrees."""
_HOUR = timedelta(hours=1)
_ANY_ZONE = timedelta(hours=26)
"""Between the first and the last time zone on Earth, UTC+14 and UTC-12."""
_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 2000, 2999
"""Stamps outside this range are placeholders for a missing one, such as 0001-01-01, 1970-01-01 and 9999-12-31."""


@attrs.frozen(eq=False)
class Sought:
    """What to search for, and where."""

    listing: Operation[Any]
    """The call that lists such resources."""
    id: str
    """Key of a row's id."""
    wanted: dict[str, list[object]]
    """By path in a row: the values that must be there, in any order."""
    many: str | None
    """The path at which each of several rows has one of the values."""

    @property
    def place(self) -> Place:
        """The listing that would have it."""
        return place_of(self.listing.endpoint, self.listing.path)

    def is_twin_of(self, other: Sought) -> bool:
        """Whether both have the same listing and the same content."""
        return (self.listing.endpoint.id, self.listing.path, self.wanted) == (
            other.listing.endpoint.id,
            other.listing.path,
            other.wanted,
        )


def is_all(sought: Sought, certain: list[Row]) -> bool:
    """Whether these rows are exactly what one create makes."""
    if sought.many is None:
        return len(certain) == 1
    made = [value for each in certain for value in values(each.raw, sought.many)]
    wanted = sought.wanted.get(sought.many, [])
    return bool(made) and sorted(map(str, made)) == sorted(map(str, wanted))


def verdict(
    sought: Sought, row: dict[str, object], since: datetime | None, *, may_lack_time: bool = False
) -> bool | None:
    """Whether a listed row is the one searched for; None if it may be.

    It is not if a value differs, or if it was certainly made before `since`. A row without an exact creation time may be
    the one, unless it `may_lack_time`.
    """
    is_certain = True
    for path, wanted in sought.wanted.items():
        there = values(row, path)
        if not there or not wanted:
            is_certain = False
        elif not _agrees(wanted, there, is_one_of_many=sought.many is not None):
            if not _may_agree(wanted, there):
                return False
            is_certain = False
    if since is not None:
        first, last = _made_between(row.get("created_at"))
        if last < since:
            return False
        is_certain = is_certain and (may_lack_time or first >= since)
    return True if is_certain else None


def _made_between(stamp: object) -> tuple[datetime, datetime]:
    """The moment that a stamp states, with UTC for a missing zone, and the last moment that it can mean.

    A clock may be an hour wrong. A stamp without a zone may mean any zone, and a date any moment of its day.
    """
    moment = _moment(stamp)
    return _EVER if moment is None else (_in_utc(moment), _in_utc(moment) + _doubt(moment) + _HOUR)


def _moment(value: object) -> datetime | None:
    """A time as it was written; None for other values and for placeholders."""
    moment = read_time(value) if isinstance(value, str) else None
    return None if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR else moment


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _doubt(moment: datetime) -> timedelta:
    """How far the intended moment may be from the one read: the zone or the time of day may be missing."""
    if moment.time() == time.min:
        return _ANY_ZONE + timedelta(days=1)
    return _ANY_ZONE if moment.tzinfo is None else timedelta()


def _agrees(wanted: list[object], there: list[object], *, is_one_of_many: bool) -> bool:
    if is_one_of_many:
        return all(any(is_same(sent, listed) for sent in wanted) for listed in there)
    return len(wanted) == len(there) and all(
        any(is_same(sent, listed) for listed in there) for sent in wanted
    )


def _may_agree(wanted: list[object], there: list[object]) -> bool:
    """Whether no listed value contradicts what was sent: the listing may leave out a part of it."""
    return len(there) <= len(wanted) and all(
        any(_may_be_same(sent, listed) for sent in wanted) for listed in there
    )


def values(value: object, path: str) -> list[object]:
    """The values at a path, through lists; none for null and empty, which the API writes for values left out."""
    found = [value]
    for step in path.split("."):
        found = [each.get(step) for each in found if isinstance(each, dict)]
        found = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in found if each not in (None, "", {})]


def is_same(sent: object, listed: object) -> bool:
    """Whether a listed value equals the one sent. The API may round it, add keys or write a time in another form."""
    if isinstance(sent, dict) and isinstance(listed, dict):
        return _agree_by_key(sent, listed, is_same)
    if isinstance(sent, list) and isinstance(listed, list):
        return len(sent) == len(listed) and all(map(is_same, sent, listed))
    if isinstance(sent, int | float) and isinstance(listed, int | float):
        return abs(sent - listed) <= _TOLERANCE
    if isinstance(sent, str) and isinstance(listed, str):
        return sent == listed or is_same_uuid(sent, listed) or _is_same_moment(sent, listed)
    return bool(sent == listed)


def _agree_by_key(
    sent: dict[str, object], listed: dict[str, object], agree: Callable[[object, object], bool]
) -> bool:
    """Whether the given parts agree; the API may leave out null and empty ones."""
    given = {key: value for key, value in sent.items() if value not in (None, "")}
    return all(key in listed and agree(value, listed[key]) for key, value in given.items())


def _is_same_moment(sent: str, listed: str) -> bool:
    first, second = _moment(sent), _moment(listed)
    if first is None or second is None or first.tzinfo is None:
        return False
    return _in_utc(first) == _in_utc(second)


def _may_be_same(sent: object, listed: object) -> bool:
    """Whether a listed value does not contradict what was sent.

    It may be a time without the zone or the time of day, or a value of another JSON type, which cannot be compared.
    """
    if is_same(sent, listed):
        return True
    if isinstance(sent, dict) and isinstance(listed, dict):
        return _agree_by_key(sent, listed, _may_be_same)
    if isinstance(sent, list) and isinstance(listed, list):
        return _has_null(listed) or (len(sent) == len(listed) and all(map(_may_be_same, sent, listed)))
    if json_type(sent) != json_type(listed):
        return True
    return isinstance(sent, str) and isinstance(listed, str) and _may_be_same_moment(sent, listed)


def _may_be_same_moment(sent: str, listed: str) -> bool:
    first, second = _moment(sent), _moment(listed)
    if first is None or second is None or len(sent) == len(listed):
        return False
    return abs(_in_utc(first) - _in_utc(second)) <= max(_doubt(first), _doubt(second))


def _has_null(value: object) -> bool:
    """Whether a part of a list, such as a coordinate, is missing."""
    return value is None or (isinstance(value, list) and any(map(_has_null, value)))
