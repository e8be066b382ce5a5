"""Encoding of values in a journal: JSON and text without secrets, instants, integer millionths of tokens."""

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
"""Maximum length of the text of an error or a fact, in characters."""

_SECRETS = [
    (re.compile(r"(?<=://)[^\s/?#@\"']*@"), ""),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s?\"'<>]*)\?[^\s\"'<>]+", re.IGNORECASE), r"\1?…"),
    (re.compile(r"\b(bearer|basic)\s+[!-~]{6,}", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(\.[\w-]*)?"), "***"),
]
_HINTS = ("://", "bearer", "basic", "eyj")
"""A text without any of these, in any case, is not a secret by the rules above."""
_MICRO = 1_000_000
_MOST_TOKENS = 1e12
"""Sums of such amounts fit into an integer of SQLite."""


def without_secrets(text: str) -> str:
    """Text without credentials, and without the query of any URL, which may be a signature.

    The client's errors hold none; this is a second check.
    """
    for pattern, place in _SECRETS:
        text = pattern.sub(place, text)
    return text


def error_text(error: str | None) -> str | None:
    """The stored text of an error: one line without secrets, at most 2 kB."""
    return None if error is None else clean_text(error, without_secrets, most=LONGEST_TEXT)


def json_text(value: Mapping[str, Any], what: str) -> str:
    """A value as JSON, unchanged.

    Raises:
        InvalidInput: JSON cannot hold the value.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        problem = str(error)
    raise InvalidInput(f"{what}: {problem}: use only values that JSON can hold")


def safe_json(value: Mapping[str, Any], what: str, most: int | None = None) -> str:
    """A value as JSON without secrets, and with texts of at most `most` characters."""
    text = json_text(value, what)
    if (most is None or len(text) <= most) and not _may_hold_secrets(text):
        return text  # the common case: checking each value costs thirty times as much
    return json_text(_safe(value, most), what)


def _may_hold_secrets(text: str) -> bool:
    # Four searches in folded text take a tenth of the time of one case-insensitive regular expression.
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
    """The value that `json_text` encoded."""
    return orjson.loads(text)


def instant_text(instant: datetime) -> str:
    """An instant as text, in UTC."""
    return instant.astimezone(UTC).isoformat()


def to_micro(tokens: float, what: str) -> int:
    """Tokens as integer millionths: sums and comparisons with a cap are exact.

    Raises:
        InvalidInput: The value is not an amount.
    """
    if not is_amount(tokens):
        raise InvalidInput(f"{what}: {tokens} must be a number of tokens, 0 or more")
    return round(tokens * _MICRO)


def is_amount(value: object) -> TypeGuard[float]:
    """Whether a value is a valid amount of tokens: a finite number, 0 or more."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= _MOST_TOKENS
    )


def from_micro(micro: int) -> float:
    """Tokens."""
    return micro / _MICRO
