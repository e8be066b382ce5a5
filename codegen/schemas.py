"""Reads schemas: only the part of JSON Schema that the generators support."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from codegen.api import INPUTS, Component, Schema
from codegen.document import Node, SpecError

_SCALARS: Final = ("string", "integer", "number", "boolean")
_READS_AS: Final = {
    "number": ("number", ["number", "string"]),
    "text": ("string", ["string", "number", "boolean"]),
}
"""For a value of several types: the type that the SDK reads, and the types in responses."""
_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "list": ("minItems", "maxItems", "uniqueItems"),
}


def read_component(name: str, node: Node) -> Component:
    """A named schema."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise SpecError(node.place, f"the name {name!r} is not a class name")
    node.skip("x-vendor-schema")
    description = node.text("description")
    kind = node.choice("type", ("object", "string"))
    if kind == "string":
        values = node.texts("enum")
        node.done()
        if len(set(values)) != len(values):
            raise SpecError(node.at("enum"), "has a duplicate value")
        return Component(name, node.place, description, words=values)
    properties = {key: read_schema(child) for key, child in node.node("properties").nodes()}
    component = Component(
        name,
        node.place,
        description,
        properties=properties,
        required=frozenset(node.texts("required", [])),
        required_when_sent=frozenset(node.texts("x-required-when-sent", [])),
        exactly_one=_exactly_one(node),
        ordered=node.texts("x-ordered", []),
    )
    node.done()
    for keyword, names in (
        ("required", component.required),
        ("x-required-when-sent", component.required_when_sent),
        ("oneOf", component.exactly_one),
        ("x-ordered", component.ordered),
    ):
        for missing in sorted(set(names) - set(properties)):
            raise SpecError(node.at(keyword), f"there is no property {missing!r}")
    if component.ordered and len(component.ordered) != 2:
        raise SpecError(node.at("x-ordered"), "expected two properties")
    return component


def _exactly_one(node: Node) -> tuple[str, ...]:
    """The only supported use of `oneOf`: a list of `{required: [one]}`."""
    names = []
    for index, branch in enumerate(node.take("oneOf", list, [])):
        choice = Node(branch, node.at("oneOf", index))
        required = choice.texts("required")
        choice.done()
        if len(required) != 1:
            raise SpecError(choice.place, "expected `required` with one property")
        names.append(required[0])
    return tuple(names)


def read_schema(node: Node) -> Schema:
    """The schema of a value."""
    node.skip("x-server-default")
    place, description = node.place, node.take("description", str, "")
    common: dict[str, Any] = {"description": description, "sensitive": node.take("x-sensitive", bool, False)}
    common["input"] = node.choice("x-input", INPUTS, None)
    if "$ref" in node:
        found = Schema(place, "component", component=reference(node, "#/components/schemas/"), **common)
    elif "type" not in node:
        found = Schema(place, "any", **common)
    else:
        found = _typed(node, common)
    node.done()
    return found


def _typed(node: Node, common: dict[str, Any]) -> Schema:
    kind, nullable = _kind(node)
    common["nullable"] = nullable
    if kind == "array":
        inner = read_schema(node.node("items"))
        return Schema(node.place, "list", inner=inner, limits=_limits(node, "list"), **common)
    if kind == "object":
        if "properties" in node:
            raise SpecError(
                node.at("properties"),
                "inline objects are not supported; give it a name under components/schemas",
            )
        return Schema(node.place, "map", inner=_map_values(node), **common)
    wire_format = node.choice("format", ("date-time",), None) if kind == "string" else None
    return Schema(node.place, kind, format=wire_format, limits=_limits(node, kind), **common)


def _map_values(node: Node) -> Schema:
    values = node.take("additionalProperties", (dict, bool))
    if values is False:
        raise SpecError(
            node.at("additionalProperties"), "false is not supported: the map would have no values"
        )
    return (
        Schema(node.at("additionalProperties"), "any")
        if values is True
        else read_schema(node.node("additionalProperties"))
    )


def _kind(node: Node) -> tuple[Any, bool]:
    """The type of a schema, and whether null is allowed; of several types, the one that the SDK reads."""
    types = node.take("type", (str, list))
    names = [types] if isinstance(types, str) else list(types)
    nullable = "null" in names
    names = [name for name in names if name != "null"]
    if "x-reads-as" in node:
        target = node.choice("x-reads-as", tuple(_READS_AS))
        kind, among = _READS_AS[target]
        if sorted(names) != sorted(among):
            raise SpecError(node.at("type"), f"x-reads-as: {target} needs the types {among}, not {types!r}")
        names = [kind]
    if len(names) != 1 or names[0] not in (*_SCALARS, "array", "object"):
        raise SpecError(node.at("type"), f"cannot express the type {types!r}")
    return names[0], nullable


def _limits(node: Node, kind: str) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "pattern": str,
        "uniqueItems": bool,
        "minimum": (int, float),
        "maximum": (int, float),
    }
    return {
        keyword: node.take(keyword, kinds.get(keyword, int))
        for keyword in _LIMITS.get(kind, ())
        if keyword in node
    }


def reference(node: Node, prefix: str) -> str:
    """The name of the target of a `$ref`."""
    target: str = node.text("$ref")
    if not target.startswith(prefix):
        raise SpecError(node.at("$ref"), f"{target!r} does not start with {prefix}")
    return target.removeprefix(prefix)
