"""Shows any argument in an error message in a few characters. Also: which numbers are a time in seconds."""

from __future__ import annotations

MOST_SECONDS = 10**9
"""About 31 years. Event loops and dates cannot count beyond that."""

_LONGEST = 80


def shown(value: object) -> str:
    """The repr of a value, shortened; its type if it has none, as integers of more than 4,300 digits."""
    try:
        text = repr(value)
    except Exception:
        return f"a value of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def is_seconds(value: object, *, or_zero: bool = False) -> bool:
    """Whether a value is a valid wait in seconds: above 0, at most `MOST_SECONDS`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= MOST_SECONDS or (or_zero and value == 0)
