"""Filters and pages of listings. If the vendor does not document a filter's syntax, it is ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.refusal import bad_request

T = TypeVar("T")

DEFAULT_LIMIT = 10
"""Page length, if the vendor documents none."""
_LARGEST = 2**53
"""JSON readers may change larger integers."""


def page(
    items: Sequence[T], wanted: Mapping[str, Any], *, default_limit: int = DEFAULT_LIMIT
) -> tuple[Sequence[T], dict[str, int]]:
    """The items of the page with this `limit` and `offset`, and the vendor's `pagination` object."""
    limit, offset = limit_and_offset(wanted, default_limit=default_limit)
    return items[offset : offset + limit], {"limit": limit, "offset": offset, "total": len(items)}


def limit_and_offset(
    wanted: Mapping[str, Any], *, default_limit: int = DEFAULT_LIMIT, most: int = _LARGEST
) -> tuple[int, int]:
    """Offset and length of a page; an integer may be sent as 10.0.

    Raises:
        Refusal: 400 for a number that is too large for the response.
    """
    limit, offset = int(wanted.get("limit") or default_limit), int(wanted.get("offset") or 0)
    if max(limit, offset) > _LARGEST:
        raise bad_request(f"limit, offset: must be below {_LARGEST}")
    return min(limit, most), offset


def within(text: str | None, name: str) -> Callable[[datetime], bool]:
    """Whether a time is within a filter: an instant means all time since then, `start/end` an interval.

    Raises:
        Refusal: 400 when the text is neither.
    """
    if text is None:
        return lambda moment: True
    try:
        start, end = times.since(text)
    except ValueError:
        raise bad_request(
            f"{name}: must be an RFC 3339 time, or an interval start/end with .. for an open end"
        ) from None
    return lambda moment: (start is None or start <= moment) and (end is None or moment <= end)


def between(text: str | None, name: str) -> Callable[[float], bool]:
    """Whether a number is within a filter: one number means equality, `low/high` a range with `..` for an open end.

    Raises:
        Refusal: 400 when the text is neither.
    """
    if text is None:
        return lambda number: True
    low_text, _, high_text = text.partition("/") if "/" in text else (text, "", text)
    try:
        low = float("-inf") if low_text in ("", "..") else float(low_text)
        high = float("inf") if high_text in ("", "..") else float(high_text)
    except ValueError:
        raise bad_request(f"{name}: must be a number, or a range low/high with .. for an open end") from None
    return lambda number: low <= number <= high


def matching(items: Iterable[T], **wanted: tuple[Any, Callable[[T], Any]]) -> list[T]:
    """The items whose attribute equals the wanted value, or is in the wanted list; None accepts all."""
    tests = [(value, read) for value, read in wanted.values() if value is not None]
    return [
        item
        for item in items
        if all(
            read(item) in value if isinstance(value, list) else read(item) == value for value, read in tests
        )
    ]
