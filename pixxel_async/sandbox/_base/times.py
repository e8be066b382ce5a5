"""The vendor's formats of times, and the formats of filters on times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def zulu(moment: datetime) -> str:
    """`2024-05-27T06:50:20.056549Z`: orders, catalog, deliveries, stores, STAC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def offset(moment: datetime) -> str:
    """`2022-11-14T12:55:49.125928+00:00`: AOIs, orders."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def spaced(moment: datetime) -> str:
    """`2022-11-14 12:55:49.125928+00:00`: assets, indices, visualizations."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def day_first(moment: datetime) -> str:
    """`15-05-2024`: the window of an order task."""
    return moment.strftime("%d-%m-%Y")


def instant(text: str) -> datetime:
    """An RFC 3339 time or a plain date (its first moment); without an offset it counts as UTC.

    Raises:
        ValueError: The text is neither.
    """
    moment = datetime.fromisoformat(text.replace("z", "Z"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def interval(text: str) -> tuple[datetime | None, datetime | None]:
    """A STAC time: one instant (both ends are equal), or `start/end` with `..` or empty text for an open end.

    Raises:
        ValueError: The text is neither, or ends before it begins.
    """
    if "/" not in text:
        moment = instant(text)
        return moment, moment
    start_text, end_text = text.split("/", 1)
    start = None if start_text in ("", "..") else instant(start_text)
    end = None if end_text in ("", "..") else instant(end_text)
    if start and end and end < start:
        raise ValueError(f"{text} ends before it begins")
    return start, end


def since(text: str) -> tuple[datetime | None, datetime | None]:
    """The interval of a filter such as `created_at`; an instant means all time since then."""
    return interval(text) if "/" in text else (instant(text), None)


def later(moment: datetime, seconds: float) -> datetime:
    """A time `seconds` after another."""
    return moment + timedelta(seconds=seconds)
