"""Python names and types for those of the document."""

from __future__ import annotations

import keyword
import re
from typing import Any, Final

from codegen.api import Component, Schema, Spec
from codegen.document import SpecError

INPUT_TYPES: Final = {
    "polygon": "GeometryInput",
    "geometry": "GeometryInput",
    "feature-collection": "GeometryInput",
    "bbox": "checks.BoundingBox",
    "interval": "times.Interval",
    "instant": "times.Instant",
}
"""The accepted type for each `x-input`: types of `geometry`, and of `checks` and `times` in `_codec`."""


def attribute(wire: str) -> str:
    """The Python name of a wire name: `workflowId` is workflow_id, `eo:cloud_cover` is eo_cloud_cover, `from` is from_."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wire)
    name = re.sub(r"[^A-Za-z0-9]", "_", name).lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def class_name(resource: str, tag: str) -> str:
    """The class of a resource: its tag if both are the same text (`AOIs`), else its name in pascal case."""
    if tag.casefold() == resource.replace("_", ""):
        return tag
    return "".join(part.capitalize() for part in resource.split("_"))


def input_form(schema: Schema) -> str | None:
    """The kind of input for the value of a request; every date-time is an instant."""
    return "instant" if schema.format == "date-time" and schema.input is None else schema.input


def received_type(schema: Schema) -> str:
    """The annotation of a value in a response."""
    inner = received_type(schema.inner) if schema.inner is not None else ""
    found = {
        "string": "Timestamp" if schema.format == "date-time" else "str",
        "integer": "int",
        "number": "float",
        "boolean": "bool",
        "list": f"list[{inner}]",
        "map": f"dict[str, {inner}]",
        "component": schema.component,
        "any": "Any",
    }[schema.kind]
    return f"{found} | None" if schema.nullable else found


def sent_type(spec: Spec, schema: Schema) -> str:
    """The annotation of a value in a request, with all accepted types."""
    found = _sent_type(spec, schema)
    return f"{found} | None" if schema.nullable else found


def _sent_type(spec: Spec, schema: Schema) -> str:
    form = input_form(schema)
    if form is not None:
        return INPUT_TYPES[form]
    if schema.inner is not None:
        inner = sent_type(spec, schema.inner)
        return f"Sequence[{inner}]" if schema.kind == "list" else f"Mapping[str, {inner}]"
    if schema.kind == "component":
        is_enum = bool(spec.components[schema.component].words)
        return f"{schema.component} | str" if is_enum else schema.component
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "any": "Any"}[
        schema.kind
    ]


def check(spec: Spec, schema: Schema) -> str:
    """The check of a value in a request, as an expression over `pixxel_async._codec.checks`."""
    found = f"checks.secret({_check(spec, schema)})" if schema.sensitive else _check(spec, schema)
    return f"checks.maybe({found})" if schema.nullable else found


def _check(spec: Spec, schema: Schema) -> str:
    form = input_form(schema)
    if form is not None:
        return f"checks.{form.replace('-', '_')}"
    if schema.kind == "component":
        component = spec.components[schema.component]
        if component.words:
            return f"checks.enum_value({component.name})"
        return f"checks.instance({', '.join([component.name, *_required_when_sent(component)])})"
    name = {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "list": "each",
        "map": "table",
        "any": "anything",
    }[schema.kind]
    arguments = [] if schema.inner is None else [check(spec, schema.inner)]
    arguments += [f"{attribute(keyword_)}={limit!r}" for keyword_, limit in _limits(schema)]
    return f"checks.{name}({', '.join(arguments)})"


def _required_when_sent(component: Component) -> list[str]:
    return [repr(attribute(name)) for name in component.properties if name in component.required_when_sent]


def _limits(schema: Schema) -> list[tuple[str, Any]]:
    if "uniqueItems" in schema.limits and (
        schema.inner is None or schema.inner.kind not in ("string", "integer")
    ):
        raise SpecError(schema.place, "uniqueItems is supported for lists of text or integers only")
    return [("unique" if key == "uniqueItems" else key, value) for key, value in schema.limits.items()]
