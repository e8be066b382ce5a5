"""One odd value harms only itself: every leaf of every answer of the spec, changed to every kind of JSON scalar."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async import SchemaError, _endpoints
from pixxel_async._codec.json_bytes import encode
from pixxel_async._codec.model import Model, json_value, members
from pixxel_async._http.messages import Response, parse
from pixxel_async._http.operation import Endpoint

SPEC = yaml.safe_load((Path(__file__).parents[2] / "openapi" / "pixxel.yaml").read_text("utf-8"))
SCHEMAS: dict[str, Any] = SPEC["components"]["schemas"]
SAMPLES = {"string": "text", "number": 1.5, "integer": 7, "boolean": True}
SCALARS = [
    *(None, True, False),
    *(0, -7, 2**53 + 1),
    *(0.5, 3.0),
    *("", "x", " 7", "12", "1.5", "1e3", "1e999", "07", "true", "NaN", "\u0663", "15-05-2024"),
]
Steps = tuple[str | int, ...]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def kind_of(schema: dict[str, Any]) -> str | None:
    """The type besides null; a number for what may also come as text; None for any JSON."""
    kinds = schema.get("type", [])
    names = [name for name in ([kinds] if isinstance(kinds, str) else kinds) if name != "null"]
    return names[0] if names else None


def completed(schema: dict[str, Any], example: Any) -> Any:
    """The example with every field that the schema has, and something in every list and map."""
    schema = resolved(schema)
    kind = kind_of(schema)
    if kind == "array":
        return [completed(schema["items"], each) for each in example or [None]]
    if kind == "object" and "properties" in schema:
        known = {key: completed(each, (example or {}).get(key)) for key, each in schema["properties"].items()}
        return {**(example or {}), **known}
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner = schema["additionalProperties"]
        return {key: completed(inner, each) for key, each in (example or {"some key": None}).items()}
    if example is not None:
        return example
    if kind is None or kind == "object":
        return {"deep": [1, "x", None, {"deeper": True}]}
    if "enum" in schema:
        return schema["enum"][0]
    return "2026-01-02T03:04:05Z" if schema.get("format") == "date-time" else SAMPLES[kind]


def responses() -> Iterator[Any]:
    """Of each operation that answers with JSON: how it is read, the answer's schema, and a complete answer."""
    endpoints = [
        each
        for module in vars(_endpoints).values()
        if inspect.ismodule(module)
        for each in vars(module).values()
        if isinstance(each, Endpoint)
    ]
    for operation in (each for path in SPEC["paths"].values() for each in path.values()):
        ours = [each for each in endpoints if each.id == operation["operationId"]]
        for status, answer in operation["responses"].items():
            media = answer.get("content", {}).get("application/json")
            if status == "default" or media is None:
                continue
            schema = media["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            (endpoint,) = [each for each in ours if len(ours) == 1 or each.returns.__name__ == name]
            example = completed(schema, media.get("example"))
            yield pytest.param(endpoint, schema, example, id=f"{endpoint.id} {status}")


RESPONSES = list(responses())


def leaves(value: Any, path: Steps = ()) -> Iterator[Steps]:
    if not isinstance(value, dict | list):
        yield path
        return
    for step, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(each, (*path, step))


def at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(value: Any, path: Steps, leaf: Any) -> Any:
    """A copy with another value at one place."""
    if not path:
        return leaf
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], leaf)
    return copy


def without(value: Any, path: Steps) -> Any:
    at(value, path[:-1]).pop(path[-1], None)
    return value


# What must come of it, said without the reader


@attrs.frozen
class Field:
    """The field of a model that a leaf belongs to: itself, or a list or map of scalars that it is in."""

    path: Steps
    schema: dict[str, Any]
    is_required: bool
    general: str
    """The path as the log shows it."""


def field_of(schema: dict[str, Any], path: Steps) -> Field | None:
    """None where the answer itself is a scalar."""
    found, general = None, "$"
    for depth, step in enumerate(path):
        schema = resolved(schema)
        if "properties" in schema and step in schema["properties"]:
            assert isinstance(step, str)
            is_required, schema = step in schema.get("required", []), schema["properties"][step]
            general += f".{step}" if step.isidentifier() else f"[{step!r}]"
            found = Field(path[: depth + 1], schema, is_required, general)
        elif isinstance(step, int):
            schema, general = schema.get("items", {}), f"{general}[]"
        else:
            schema, general = schema.get("additionalProperties", {}), f"{general}.*"
            schema = schema if isinstance(schema, dict) else {}
    return found


class Unreadable(Exception):
    """No value of the type can be made out of it without a loss."""


def as_read(schema: dict[str, Any], value: Any, name: str) -> Any:
    """The value of a field as JSON; times as seconds since 1970."""
    schema = resolved(schema)
    kind = kind_of(schema)
    if kind == "array":
        return [as_read(schema["items"], each, name) for each in value]
    if isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        return {key: as_read(schema["additionalProperties"], each, name) for key, each in value.items()}
    if kind in (None, "object") or (value is None and "null" in schema["type"]):
        return value
    if value is None:
        raise Unreadable
    if schema.get("format") == "date-time":
        return instant(value)
    if kind == "string":
        is_id = name == "id" or name.endswith(("_id", "Id"))
        if isinstance(value, str) or is_id:
            return value if isinstance(value, str) else refuse()
        return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else refuse()
    number = spelt(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise Unreadable
    if kind == "integer" and number != int(number):
        raise Unreadable
    return number


def refuse() -> Any:
    raise Unreadable


def spelt(text: str) -> Any:
    """What the standard library's parser, which takes nothing but JSON and a few words, makes of it."""
    try:
        return json.loads(text) if text == text.strip() else None
    except ValueError:
        return None


def instant(value: Any) -> float | None:
    if value == "":
        return None
    for shape in (
        "%Y-%m-%dT%H:%M:%S%z",
        "%Y-%m-%dT%H:%M:%S.%f%z",
        "%Y-%m-%d %H:%M:%S.%f%z",
        "%Y-%m-%d",
        "%d-%m-%Y",
    ):
        with suppress(ValueError, TypeError):
            moment = datetime.strptime(value, shape)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise Unreadable


# The property


def read(endpoint: Endpoint[Any], raw: Any) -> tuple[Any, list[str]]:
    """The result, and the fields that were reported as unreadable."""
    reported: list[str] = []
    response = Response(200, {"content-type": "application/json"}, encode(raw))
    return parse(endpoint, response, lambda path, problem: reported.append(path)), reported


def check(
    endpoint: Endpoint[Any], schema: dict[str, Any], raw: Any, good: Any, path: Steps, leaf: Any
) -> None:
    """One leaf changed: it is read, and all else is equal; a required id is an error that names it."""
    field = field_of(schema, path)
    odd = changed(raw, path, leaf)
    if field is None:
        expected = leaf if isinstance(leaf, str) else json.dumps(leaf)
        assert (expected, []) == read(endpoint, odd)
        return
    if field.is_required and not isinstance(leaf, str):
        with pytest.raises(SchemaError) as caught:
            read(endpoint, odd)
        assert exact(field.path) in str(caught.value)
        return
    result, reported = read(endpoint, odd)
    inner = inside(endpoint, raw, field.path)
    if inner is None:  # beside what is unwrapped
        assert (good, []) == (result, reported)
        return
    sent = at(odd, field.path)
    try:
        expected = None if sent is None else as_read(field.schema, sent, str(field.path[-1]))
    except Unreadable:
        expected = None
        assert [field.general] == reported
    else:
        assert [] == reported
    *outer, name = inner
    model = held(result, outer)
    value = getattr(model, attribute(model, name))
    assert expected == (value.timestamp() if isinstance(value, datetime) else json_value(value))
    is_kept = expected is None and sent is not None
    assert (sent if is_kept else None) == (model.extra or {}).get(name)
    came = json_value(result)
    assert not is_kept or sent == at(came, inner)
    assert without(json_value(good), inner) == without(came, inner)


def exact(path: Steps) -> str:
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if step.isidentifier() else f"[{step!r}]"
        for step in path
    )


def inside(endpoint: Endpoint[Any], raw: Any, path: Steps) -> Steps | None:
    """The path below what is unwrapped; None for what is beside it."""
    if endpoint.unwrap is None or endpoint.unwrap not in raw:
        return path
    return path[1:] if path[0] == endpoint.unwrap else None


def held(value: Any, path: Iterable[str | int]) -> Any:
    """The model at a path of JSON."""
    for step in path:
        value = getattr(value, attribute(value, step)) if isinstance(value, Model) else value[step]
    return value


def attribute(model: Model, wire: str | int) -> str:
    return next(member.attribute for member in members(type(model)) if member.wire == wire)


@pytest.mark.parametrize(("endpoint", "schema", "raw"), RESPONSES)
def test_g18_any_leaf_may_become_any_scalar(
    endpoint: Endpoint[Any], schema: dict[str, Any], raw: Any
) -> None:
    good, reported = read(endpoint, raw)
    assert [] == reported
    for path in leaves(raw):
        for leaf in SCALARS:
            check(endpoint, schema, raw, good, path, leaf)


@settings(deadline=None)
@given(data=st.data())
def test_g18_any_leaf_may_become_any_scalar_at_all(data: st.DataObject) -> None:
    endpoint, schema, raw = data.draw(st.sampled_from([each.values for each in RESPONSES]))
    path = data.draw(st.sampled_from(list(leaves(raw))))
    leaf = data.draw(scalars)
    check(endpoint, schema, raw, read(endpoint, raw)[0], path, leaf)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.from_regex(r"[-+]?[0-9]{1,20}(\.[0-9]{1,3})?(e[-+]?[0-9]{1,3})?", fullmatch=True)
)


def test_every_operation_with_a_json_answer_is_among_them() -> None:
    """The others answer with nothing, a picture or a table."""
    assert 55 == sum(len(path) for path in SPEC["paths"].values())
    assert 1200 < sum(len(list(leaves(each.values[2]))) for each in RESPONSES)
