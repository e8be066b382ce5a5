"""Validates requests and responses against the spec. Up to ten errors are reported, each with its place."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import orjson

from pixxel_async.sandbox._base.refusal import Refusal, bad_request
from pixxel_async.sandbox._base.spec import AnswerShape, Parameter, SpecOperation

_MOST_FAULTS = 10


def query_values(operation: SpecOperation, sent: Mapping[str, str]) -> dict[str, Any]:
    """The declared query parameters by name, parsed; parameters that are not declared are ignored.

    Raises:
        Refusal: 400 when one is missing or invalid.
    """
    return {p.name: _parsed(p, sent.get(p.name), "query") for p in operation.query_parameters}


def path_values(operation: SpecOperation, sent: Mapping[str, str]) -> dict[str, str]:
    """The path parameters by name; raises like `query_values`."""
    return {p.name: _parsed(p, sent[p.name], "path") for p in operation.path_parameters}


def body_value(operation: SpecOperation, content_type: str, data: bytes) -> Any:
    """The parsed body, or None if none is sent or expected.

    Raises:
        Refusal: 400 when it is missing, not JSON, or invalid.
    """
    if operation.body is None or not (data or operation.body_required):
        return None
    if not data:
        raise bad_request("the request needs a JSON body")
    if content_type not in ("", "application/json", "application/octet-stream"):
        raise bad_request(f"the body must be application/json, not {content_type}")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error}") from None
    _check(operation.body, value, "body")
    return value


def answer_faults(shape: AnswerShape, value: Any) -> list[dict[str, str]]:
    """The errors of the JSON value of a response; empty if it is valid."""
    return [] if shape.validator is None else _faults(shape.validator, value, "answer")


def _parsed(parameter: Parameter, text: str | None, where: str) -> Any:
    if text is None:
        if parameter.required:
            raise bad_request(f"the {where} parameter {parameter.name} is missing")
        return parameter.default
    value = _converted(parameter, text)
    _check(parameter.validator, value, f"{where}.{parameter.name}")
    return value


def _converted(parameter: Parameter, text: str) -> Any:
    """The text converted to its schema's type; other text is unchanged, and the schema rejects it."""
    if parameter.kind == "array":
        return [part for part in text.split(",") if part]
    if parameter.kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if parameter.kind in ("integer", "number"):
        try:
            return int(text) if parameter.kind == "integer" else float(text)
        except ValueError:
            return text
    return text


def _check(validator: jsonschema_rs.Validator, value: Any, where: str) -> None:
    if validator.is_valid(value):
        return
    faults = _faults(validator, value, where)
    raise Refusal(400, "bad_request", f"{faults[0]['path']}: {faults[0]['message']}", faults)


def _faults(validator: jsonschema_rs.Validator, value: Any, where: str) -> list[dict[str, str]]:
    errors = itertools.islice(validator.iter_errors(value), _MOST_FAULTS)
    return [{"path": _place(where, error.instance_path), "message": error.message[:500]} for error in errors]


def _place(root: str, parts: list[str | int]) -> str:
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
