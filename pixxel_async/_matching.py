"""Whether what a listing shows is what a create must have made; for telling what became of a lost answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from pixxel_async._operation import Operation
from pixxel_async._wire import Model, members, unstructure

_TOLERANCE = 1e-6
"""Most difference of two numbers that are the same; 0.1 m where they are degrees."""
_UNREADABLE = object()
"""The value of a field that could not be read."""


class _Undecided(Exception):
    """What is compared could not be read: it may be the same."""


@attrs.frozen(eq=False)
class Sought:
    """What is looked for, and where."""

    listing: Operation[Any]
    """The call that lists such things."""
    id: str
    """Attribute of a listed thing that identifies it."""
    wanted: dict[str, list[Any]]
    """By path in a listed thing: the values that must stand there, in any order."""
    many: str | None
    """The path at which each of several things has one of the values."""

    def is_twin_of(self, other: Sought) -> bool:
        """Whether both would be found in the same place, and look the same."""
        return (self.listing.endpoint.id, self.listing.path, self.wanted) == (
            other.listing.endpoint.id,
            other.listing.path,
            other.wanted,
        )


def is_all(sought: Sought, certain: list[Any]) -> bool:
    """Whether these are just what one create makes."""
    if sought.many is None:
        return len(certain) == 1
    made = [value for each in certain for value in values(_as_read(each), sought.many)]
    wanted = sought.wanted.get(sought.many, [])
    return bool(made) and sorted(map(str, made)) == sorted(map(str, wanted))


def verdict(sought: Sought, row: Any, since: datetime | None) -> bool | None:
    """Whether a listed thing is what is sought; None when it does not tell."""
    thing = _as_read(row)
    is_told = getattr(row, sought.id) is not None
    if since is not None:
        created = getattr(row, "created_at", None)
        if not isinstance(created, datetime):
            is_told = False
        elif created < since:
            return False
    for path, wanted in sought.wanted.items():
        there = values(thing, path)
        if not there or not wanted:
            is_told = False
            continue
        try:
            if not _agrees(wanted, there, is_one_of_many=sought.many is not None):
                return False
        except _Undecided:
            is_told = False
    return True if is_told else None


def _as_read(value: Any) -> Any:
    """As `to_dict()` gives it, with a mark in place of what could not be read."""
    if isinstance(value, Model):
        extra = value.extra or {}
        return {
            member.wire: _as_read(found) if found is not None else _UNREADABLE
            for member in members(type(value))
            if (found := getattr(value, member.attribute)) is not None or member.wire in extra
        }
    if isinstance(value, list):
        return [_as_read(each) for each in value]
    return unstructure(value)


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
        found = [
            each.get(step) if isinstance(each, dict) else each
            for each in found
            if isinstance(each, dict) or each is _UNREADABLE
        ]
        found = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in found if each not in (None, "", {})]


def is_same(sent: Any, listed: Any) -> bool:
    """Whether a listed value is what was sent; the API may have rounded it, spelt a time anew, or added keys."""
    if listed is _UNREADABLE:
        raise _Undecided
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
