"""Whether what a listing shows is what a create must have made; for telling what became of a lost answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import attrs

from pixxel_async._convert import read_time
from pixxel_async._operation import Endpoint, Operation
from pixxel_async._whole_listing import Row

_TOLERANCE = 1e-6
"""Most difference of two numbers that are the same; 0.1 m where they are degrees."""
_HOUR = timedelta(hours=1)
_ANY_ZONE = timedelta(hours=26)
"""Between the first and the last zone on Earth, UTC+14 and UTC-12."""
_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


Place = tuple[Any, ...]
"""What tells one listing from another: its operation and the ids in its path."""


def place_of(listing: Endpoint[Any], path: Mapping[str, str]) -> Place:
    """The place of a listing."""
    return listing.id, *sorted(path.items())


@attrs.frozen(eq=False)
class Sought:
    """What is looked for, and where."""

    listing: Operation[Any]
    """The call that lists such things."""
    id: str
    """Key of a row's id."""
    wanted: dict[str, list[Any]]
    """By path in a row: the values that must be there, in any order."""
    many: str | None
    """The path at which each of several rows has one of the values."""

    @property
    def place(self) -> Place:
        """Where it would be listed."""
        return place_of(self.listing.endpoint, self.listing.path)

    def is_twin_of(self, other: Sought) -> bool:
        """Whether both would be found in the same place, and look the same."""
        return (self.listing.endpoint.id, self.listing.path, self.wanted) == (
            other.listing.endpoint.id,
            other.listing.path,
            other.wanted,
        )


def is_all(sought: Sought, certain: list[Row]) -> bool:
    """Whether these are just what one create makes."""
    if sought.many is None:
        return len(certain) == 1
    made = [value for each in certain for value in values(each.raw, sought.many)]
    wanted = sought.wanted.get(sought.many, [])
    return bool(made) and sorted(map(str, made)) == sorted(map(str, wanted))


def verdict(sought: Sought, row: dict[str, Any], since: datetime | None) -> bool | None:
    """Whether a listed row is what is sought; None when it could be.

    It is not where a value differs, or where it was certainly made before `since`.
    """
    is_certain = True
    for path, wanted in sought.wanted.items():
        there = values(row, path)
        if not there or not wanted:
            is_certain = False
        elif not _agrees(wanted, there, is_one_of_many=sought.many is not None):
            return False
    if since is not None:
        first, last = _made_between(row.get("created_at"))
        if last < since:
            return False
        is_certain = is_certain and first >= since
    return True if is_certain else None


def _made_between(stamp: Any) -> tuple[datetime, datetime]:
    """The moment that a stamp states, with UTC for a missing zone, and the last moment that it can mean.

    A clock may be an hour wrong, a stamp without zone may mean any zone, and a date may mean any moment of its day.
    """
    moment = read_time(stamp) if isinstance(stamp, str) else None
    if moment is None:
        return _EVER
    is_date = moment.timetz().replace(tzinfo=None) == time.min
    has_zone = moment.tzinfo is not None and not is_date
    doubt = _HOUR + (timedelta() if has_zone else _ANY_ZONE) + (timedelta(days=1) if is_date else timedelta())
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    try:
        return moment, moment + doubt
    except OverflowError:
        return _EVER


def _agrees(wanted: list[Any], there: list[Any], *, is_one_of_many: bool) -> bool:
    if is_one_of_many:
        return all(any(is_same(sent, listed) for sent in wanted) for listed in there)
    return len(wanted) == len(there) and all(
        any(is_same(sent, listed) for listed in there) for sent in wanted
    )


def values(value: Any, path: str) -> list[Any]:
    """What stands at a path, through lists; nothing for null and empty, which the API writes for what was left out."""
    found = [value]
    for step in path.split("."):
        found = [each.get(step) for each in found if isinstance(each, dict)]
        found = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in found if each not in (None, "", {})]


def is_same(sent: Any, listed: Any) -> bool:
    """Whether a listed value is what was sent; the API may have rounded it, spelt a time anew, or added keys."""
    if isinstance(sent, dict) and isinstance(listed, dict):
        return all(
            key in listed and is_same(value, listed[key])
            for key, value in sent.items()
            if value not in (None, "")
        )
    if isinstance(sent, list) and isinstance(listed, list):
        return len(sent) == len(listed) and all(map(is_same, sent, listed))
    if isinstance(sent, int | float) and isinstance(listed, int | float):
        return abs(sent - listed) <= _TOLERANCE
    return bool(sent == listed) or _instant(sent) == _instant(listed) is not None


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
