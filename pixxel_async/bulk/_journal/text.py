"""How values stand in a journal: JSON and text without secrets, instants, whole millionths of tokens."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

import orjson

from pixxel_async._http.messages import clean_text
from pixxel_async.errors import InvalidInput

LONGEST_TEXT = 2000
"""Characters of the longest text that is kept of an error or a fact."""

_SECRETS = [
    (re.compile(r"(?<=://)[^\s/?#@\"']*@"), ""),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s?\"'<>]*)\?[^\s\"'<>]+", re.IGNORECASE), r"\1?…"),
    (re.compile(r"\b(bearer|basic)\s+[!-~]{6,}", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(\.[\w-]*)?"), "***"),
]
_HINTS = ("://", "bearer", "basic", "eyj")
"""Without any of these, in whatever case, no text is a secret by the rules above."""
_MICRO = 1_000_000
_MOST_TOKENS = 1e12
"""Sums of such amounts still fit into an integer of SQLite."""


def without_secrets(text: str) -> str:
    """Text without the query of any URL (it may be a signature), and without what looks like a credential.

    A second line of defence: the client's errors hold none.
    """
    for pattern, place in _SECRETS:
        text = pattern.sub(place, text)
    return text


def error_text(error: str | None) -> str | None:
    """What is kept of an error: one line without secrets, at most 2 kB."""
    return None if error is None else clean_text(error, without_secrets, most=LONGEST_TEXT)


def json_text(value: Mapping[str, Any], what: str) -> str:
    """JSON as it is.

    Raises:
        InvalidInput: It cannot be said in JSON.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        problem = str(error)
    raise InvalidInput(f"{what}: {problem}: only what JSON can hold is kept")


def safe_json(value: Mapping[str, Any], what: str, most: int | None = None) -> str:
    """JSON without secrets, and with no text longer than `most`."""
    text = json_text(value, what)
    if (most is None or len(text) <= most) and not _may_hold_secrets(text):
        return text  # as nearly always: to look into each value costs thirty times as much
    return json_text(_safe(value, most), what)


def _may_hold_secrets(text: str) -> bool:
    # Folded and searched four times, it takes a tenth of what one regular expression costs that ignores case.
    folded = text.casefold()
    return any(hint in folded for hint in _HINTS)


def _safe(value: Any, most: int | None) -> Any:
    if isinstance(value, str):
        text = without_secrets(value)
        return text if most is None or len(text) <= most else text[: most - 1] + "…"
    if isinstance(value, Mapping):
        return {_safe(key, most): _safe(item, most) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item, most) for item in value]
    return value


def from_json(text: str) -> Any:
    """What `json_text` was given."""
    return orjson.loads(text)


def instant_text(instant: datetime) -> str:
    """An instant, in UTC."""
    return instant.astimezone(UTC).isoformat()


def to_micro(tokens: float, what: str) -> int:
    """Tokens as whole millionths: sums of them are exact, and a cap that fits exactly is no matter of rounding.

    Raises:
        InvalidInput: It is no amount.
    """
    if not is_amount(tokens):
        raise InvalidInput(f"{what}: {tokens} must be a number of tokens, 0 or more")
    return round(tokens * _MICRO)


def is_amount(value: object) -> TypeGuard[float]:
    """Whether a value can be entered as an amount of tokens; a missing, negative or endless one cannot."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= _MOST_TOKENS
    )


def from_micro(micro: int) -> float:
    """Tokens."""
    return micro / _MICRO
