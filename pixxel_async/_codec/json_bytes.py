"""Bytes of JSON to models and back: the entry to the codec."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, TypeVar, get_origin

import orjson

from pixxel_async._base.shown import shown
from pixxel_async._codec import explaining
from pixxel_async._codec.explaining import OnUnreadable, path_step
from pixxel_async._codec.model import json_default, json_value
from pixxel_async.errors import InvalidInput

T = TypeVar("T")


class BodyError(ValueError):
    """Bytes that are not JSON."""


def decode(
    data: bytes, kind: type[T], *, unwrap: str | None = None, on_unreadable: OnUnreadable | None = None
) -> T:
    """Turn JSON into what an endpoint returns: a model, a list or map of models, or a scalar.

    Args:
        data: UTF-8, or any form that `loads` accepts.
        kind: The type of the result.
        unwrap: A key that has, or may have, the result.
        on_unreadable: Called with each optional field that is None because it cannot be read.

    Raises:
        BodyError: It is not JSON.
        StructureError: It is JSON of another shape.
    """
    raw, path = loads(data), "$"
    if raw is None and kind is str:
        raw = "null"  # like any scalar in place of text: as JSON writes it
    if unwrap is not None and isinstance(raw, dict) and unwrap in raw:
        raw, path = raw[unwrap], f"$.{unwrap}"
        is_list = get_origin(kind) is list
        if raw is None and is_list:
            raw = []
        elif isinstance(raw, list) and len(raw) == 1 and not is_list:  # one object, wrapped in a list
            raw, path = raw[0], f"{path}[0]"
    return explaining.read(raw, kind, path=path, on_unreadable=on_unreadable)


def loads(data: bytes) -> Any:
    """Parse JSON. Accepts a byte order mark, UTF-16 and lone surrogates; reads NaN and infinities as null.

    Raises BodyError if it is not JSON, is nested too deep, or has an absurdly long number.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        return json.loads(data, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise BodyError("JSON nested too deep") from None
    except json.JSONDecodeError:
        raise BodyError(f"not JSON: {strict}") from None
    except UnicodeDecodeError as error:
        raise BodyError(f"not JSON: {error.reason} at byte {error.start}, the text is not UTF-8") from None
    except ValueError as error:
        raise BodyError(f"not usable JSON: {error}") from None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def encode(value: object) -> bytes:
    """JSON for a request body, UTF-8. Raises InvalidInput, naming the path, for values that JSON does not have."""
    try:
        # An outline of a million vertices is written without a copy.
        data = orjson.dumps(value, json_default, orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError:
        return _encode_slowly(value)
    return _encode_slowly(value) if b"null" in data else data  # orjson writes null for NaN and infinities


def _encode_slowly(value: object) -> bytes:
    """Write more types, and find the value that cannot be written."""
    try:
        ready = json_value(value)
    except RecursionError:
        raise InvalidInput("nested too deep to be sent as JSON") from None
    try:
        data = orjson.dumps(ready)
    except orjson.JSONEncodeError as error:
        raise next(_unsendable(ready, "$"), InvalidInput(f"cannot be sent as JSON: {error}")) from None
    if b"null" in data:
        for problem in _unsendable(ready, "$"):
            raise problem
    return data


def _unsendable(value: object, path: str) -> Iterator[InvalidInput]:
    """The values that JSON or orjson cannot express, in the order of the document."""
    match value:
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    yield InvalidInput(f"{path}: the key {shown(key)} is not a string")
                elif not _is_text(key):
                    yield InvalidInput(
                        f"{path}: the key {shown(key)} has a lone surrogate, which UTF-8 cannot carry"
                    )
                yield from _unsendable(item, path + path_step(key))
        case list():
            for index, item in enumerate(value):
                yield from _unsendable(item, f"{path}[{index}]")
        case float() if not math.isfinite(value):
            yield InvalidInput(f"{path}: {value!r} cannot be sent, JSON has only finite numbers")
        case int() if not -(2**63) <= value < 2**64:
            yield InvalidInput(f"{path}: {shown(value)} is too large to be sent")
        case str() if not _is_text(value):
            yield InvalidInput(f"{path}: a text with a lone surrogate, which UTF-8 cannot carry")
        case None | bool() | int() | float() | str():
            return
        case _:
            yield InvalidInput(f"{path}: a {type(value).__name__} cannot be sent as JSON")


def _is_text(text: str) -> bool:
    """Whether UTF-8 can carry it: not lone surrogates, which JSON escapes can contain."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
