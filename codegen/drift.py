"""Compare a document of the vendor with ours, structure by structure.

Differences that are not recorded in `openapi/deviations.yaml` are reported: a change of the vendor, or our own error.
A recorded deviation that matches no difference is also reported: the vendor may have corrected it.
Prose, examples, tags and the names of enum members in other languages are not compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import attrs

from codegen.document import Node, SpecError, in_file, load

METHODS: Final = ("get", "put", "post", "patch", "delete", "head", "options", "trace")
_NOT_COMPARED: Final = frozenset(
    {
        *("description", "title", "summary", "example", "examples", "externalDocs", "tags", "deprecated"),
        *(
            "x-enum-varnames",
            "x-order",
            "x-vendor-schema",
            "x-input",
            "x-sensitive",
            "x-ordered",
            "x-reads-as",
        ),
        *("x-server-default", "x-required-when-sent"),
    }
)
_WALKED: Final = frozenset(
    {
        "$ref",
        "allOf",
        "type",
        "nullable",
        "properties",
        "required",
        "items",
        "additionalProperties",
        "default",
    }
)
"""Keywords that `_Comparison.schema` handles; every other keyword is compared by its value."""


@attrs.frozen
class Difference:
    """One place at which the documents differ; the value is None on a side that lacks it."""

    at: str
    vendor: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.at}\n    vendor: {_shown(self.vendor)}\n    ours:   {_shown(self.ours)}"


@attrs.frozen
class Change:
    """One difference, or several of the same kind, recorded by a deviation."""

    at: str
    """Place of the difference; `*` matches any text."""
    values: Mapping[str, Any]
    """`vendor` and `ours`, if only these values match."""

    def covers(self, difference: Difference) -> bool:
        """Whether it records this difference."""
        return fnmatchcase(difference.at, self.at) and all(
            getattr(difference, side) == value for side, value in self.values.items()
        )

    def __str__(self) -> str:
        return " ".join([self.at, *(f"{side}={_shown(value)}" for side, value in self.values.items())])


@attrs.frozen
class Deviation:
    """An intended difference from the vendor's document."""

    id: str
    changes: tuple[Change, ...]


def main(ours: Path, deviations: Path, vendor: Path) -> int:
    """Print unrecorded differences and records that no longer apply; return 1 if there are any."""
    with in_file(vendor):
        theirs = load(vendor)
    with in_file(ours):
        own = load(ours)
    with in_file(deviations):
        recorded = read_deviations(deviations)
    differences = compare(theirs, own)
    new = [each for each in differences if not any(change.covers(each) for change in _changes(recorded))]
    stale = [
        f"{deviation.id}: {change}"
        for deviation in recorded
        for change in deviation.changes
        if not any(change.covers(each) for each in differences)
    ]
    for difference in new:
        print(f"not recorded: {difference}")
    for text in stale:
        print(f"no longer applies: {text}")
    print(
        f"{len(differences)} differences, {len(new)} of them not recorded; {len(stale)} records no longer apply"
    )
    return 1 if new or stale else 0


def read_deviations(path: Path) -> tuple[Deviation, ...]:
    """The recorded deviations, each with its reason and evidence."""
    found: list[Deviation] = []
    for index, entry in enumerate(load(path) or []):
        node = Node(entry, f"#/{index}")
        deviation = Deviation(node.text("id"), tuple(_read_changes(node)))
        for key in ("what", "why", "evidence"):
            node.text(key)
        node.done()
        if deviation.id in {each.id for each in found}:
            raise SpecError(node.at("id"), f"{deviation.id} is a duplicate")
        found.append(deviation)
    return tuple(found)


def _read_changes(node: Node) -> Iterator[Change]:
    for index, entry in enumerate(node.take("changes", list)):
        child = Node(entry, node.at("changes", index))
        at = child.text("at")
        values = {side: child.value[side] for side in ("vendor", "ours") if side in child}
        child.skip("vendor", "ours")
        child.done()
        yield Change(at, values)


def _changes(deviations: Iterable[Deviation]) -> Iterator[Change]:
    for deviation in deviations:
        yield from deviation.changes


def compare(vendor: Mapping[str, Any], ours: Mapping[str, Any]) -> list[Difference]:
    """Every difference between the documents, in the order of the vendor's document."""
    return list(_Comparison(vendor, ours).differences())


class _Comparison:
    """Two documents, and the mapping from the vendor's schemas to ours."""

    def __init__(self, vendor: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
        self.vendor = vendor
        self.ours = ours
        self.vendor_schemas: dict[str, Any] = vendor.get("components", {}).get("schemas", {})
        self.our_schemas: dict[str, Any] = ours.get("components", {}).get("schemas", {})
        self.our_names = {
            name: our_name
            for our_name, schema in self.our_schemas.items()
            for name in _names(schema.get("x-vendor-schema", []))
        }

    def differences(self) -> Iterator[Difference]:
        yield from self.operations()
        for name, schema in self.vendor_schemas.items():
            our_name = self.our_names.get(name)
            if our_name is None:
                yield Difference(f"schemas/{name}", "present", None)
            else:
                yield from self.component(name, schema, our_name)
        for name in self.our_names:
            if name not in self.vendor_schemas:
                yield Difference(f"schemas/{name}", None, "present")

    # Schemas

    def component(self, name: str, schema: Any, our_name: str) -> Iterator[Difference]:
        """A vendor schema and ours, which may be the union of several of the vendor's."""
        ours = self.our_schemas[our_name]
        elsewhere = {
            key
            for sibling in _names(ours["x-vendor-schema"])
            for key in self.vendor_schemas.get(sibling, {}).get("properties", {})
        }
        for difference in self.schema(f"schemas/{name}", schema, ours):
            head, _, key = difference.at.rpartition("/")
            is_of_sibling = head == f"schemas/{name}/properties" and key in elsewhere
            if not (is_of_sibling and difference.vendor is None):
                yield difference

    def schema(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        """Two schemas at one place."""
        vendor = _flat(vendor)
        reference, our_reference = _target(vendor), _target(ours)
        expected = self.our_names.get(reference)
        yield from _server_default(place, vendor, ours)
        if expected is not None and expected != our_reference:
            yield Difference(f"{place}/$ref", reference, our_reference or None)
        elif expected is not None:  # compared once, as components; the references may have further keywords
            yield from _keywords(place, vendor, ours)
            return
        vendor = _merged(vendor, self.vendor_schemas)
        ours = _merged(ours, self.our_schemas)
        yield from _one(f"{place}/type", _type(vendor), _type(ours))
        yield from _one(f"{place}/nullable", _nullable(vendor), _nullable(ours))
        yield from _keywords(place, vendor, ours)
        if _type(vendor) == _type(ours):  # otherwise their contents cannot be compared
            yield from self.properties(place, vendor, ours)
            for keyword in ("items", "additionalProperties"):
                yield from self.inner(f"{place}/{keyword}", vendor.get(keyword), ours.get(keyword))

    def properties(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        """The properties of two objects."""
        theirs, own = vendor.get("properties", {}), ours.get("properties", {})
        required = set(vendor.get("required", []))
        our_required = {*ours.get("required", []), *ours.get("x-required-when-sent", [])}
        for key in [*theirs, *(key for key in own if key not in theirs)]:
            at = f"{place}/properties/{key}"
            if key in theirs and key in own:
                yield from _one(f"{at}/required", key in required, key in our_required)
                yield from self.schema(at, theirs[key], own[key])
            else:
                yield Difference(at, _presence(key in theirs), _presence(key in own))

    def inner(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        """Elements of lists, values of maps; no value, True and {} all allow any value."""
        if isinstance(vendor, dict) and isinstance(ours, dict) and vendor and ours:
            yield from self.schema(place, vendor, ours)
            return
        values = [None if value in (None, True, {}) else value for value in (vendor, ours)]
        described = [_type(_flat(value)) if isinstance(value, dict) else value for value in values]
        yield from _one(place, *described)

    # Operations

    def operations(self) -> Iterator[Difference]:
        theirs, own = dict(_operations(self.vendor)), dict(_operations(self.ours))
        for key in [*theirs, *(key for key in own if key not in theirs)]:
            if key in theirs and key in own:
                yield from self.operation(f"paths/{own[key]['place']}", theirs[key], own[key])
            else:
                place = (theirs.get(key) or own[key])["place"]
                yield Difference(f"paths/{place}", _presence(key in theirs), _presence(key in own))

    def operation(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        theirs, own = vendor["operation"], ours["operation"]
        yield from _one(f"{place}/operationId", theirs.get("operationId"), own.get("operationId"))
        security = [_security(document, each) for document, each in ((self.vendor, theirs), (self.ours, own))]
        yield from _one(f"{place}/security", *security)
        yield from self.parameters(f"{place}/parameters", vendor["parameters"], ours["parameters"])
        yield from self.body(f"{place}/requestBody", theirs.get("requestBody"), own.get("requestBody"))
        yield from self.responses(f"{place}/responses", theirs["responses"], own["responses"])

    def parameters(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        for key in [*vendor, *(key for key in ours if key not in vendor)]:
            at = f"{place}/{key}"
            if key in vendor and key in ours:
                theirs, own = vendor[key], ours[key]
                yield from _one(f"{at}/name", theirs["name"], own["name"])
                yield from _one(f"{at}/required", theirs.get("required", False), own.get("required", False))
                for keyword, default in (("style", None), ("explode", None)):
                    yield from _one(
                        f"{at}/{keyword}", theirs.get(keyword, default), own.get(keyword, default)
                    )
                yield from self.schema(at, theirs.get("schema", {}), own.get("schema", {}))
            else:
                yield Difference(at, _presence(key in vendor), _presence(key in ours))

    def body(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        if vendor is None or ours is None:
            yield from _one(place, _presence(vendor is not None), _presence(ours is not None))
            return
        yield from _one(f"{place}/required", vendor.get("required", False), ours.get("required", False))
        yield from self.content(place, vendor, ours)

    def responses(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        for status in [*vendor, *(status for status in ours if status not in vendor)]:
            at = f"{place}/{status}"
            if status in vendor and status in ours:
                theirs = _response(self.vendor, vendor[status])
                yield from self.content(at, theirs, _response(self.ours, ours[status]))
            else:
                yield Difference(at, _presence(status in vendor), _presence(status in ours))

    def content(self, place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
        """The media types of a body, and the schemas of the common ones."""
        theirs, own = vendor.get("content", {}), ours.get("content", {})
        yield from _one(f"{place}/content", sorted(theirs), sorted(own))
        for media_type in theirs.keys() & own.keys():
            yield from self.schema(
                f"{place}/schema", theirs[media_type].get("schema", {}), own[media_type].get("schema", {})
            )


# Details of schemas


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _flat(schema: Any) -> Any:
    """A schema without the `allOf` that OpenAPI 3.0 needs for keywords beside a `$ref`."""
    parts = schema.get("allOf", [])
    if len(parts) == 1 and "$ref" not in schema:
        return {**{key: value for key, value in schema.items() if key != "allOf"}, **parts[0]}
    return schema


def _target(schema: Any) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _merged(schema: Any, components: Mapping[str, Any]) -> Any:
    """The schema merged with the target of its `$ref`; its own keys take precedence."""
    if "$ref" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_merged(_flat(components[_target(schema)]), components), **rest}


def _type(schema: Any) -> Any:
    """The type without null; several types are a sorted list."""
    types = [name for name in _names(schema.get("type", [])) if name != "null"]
    if not types:
        return schema.get("$ref", "object" if "properties" in schema else None)
    return types[0] if len(types) == 1 else sorted(types)


def _nullable(schema: Any) -> bool:
    return bool(schema.get("nullable")) or "null" in _names(schema.get("type", []))


def _keywords(place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
    """Differences in the keywords of the schemas themselves, without their contents."""
    for keyword in sorted((vendor.keys() | ours.keys()) - _NOT_COMPARED - _WALKED):
        yield from _one(
            f"{place}/{keyword}", _plain(keyword, vendor.get(keyword)), _plain(keyword, ours.get(keyword))
        )


def _server_default(place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
    yield from _one(f"{place}/default", vendor.get("default"), ours.get("x-server-default"))


def _plain(keyword: str, value: Any) -> Any:
    return sorted(value) if keyword == "enum" and value is not None else value


def _presence(is_there: bool) -> str | None:
    return "present" if is_there else None


def _one(place: str, vendor: Any, ours: Any) -> Iterator[Difference]:
    if vendor != ours:
        yield Difference(place, vendor, ours)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# Details of operations


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every operation by method and path, independent of the names of path parameters."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                place = f"{method.upper()} {path}"
                parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
                yield (
                    re.sub(r"{[^}]*}", "{}", place),
                    {"place": place, "operation": item[method], "parameters": _keyed(path, parameters)},
                )


def _keyed(path: str, parameters: Iterable[Any]) -> dict[str, Any]:
    """Parameters by `in:name`; those of the path by their position in it."""
    positions = {name: index for index, name in enumerate(re.findall(r"{([^}]*)}", path), start=1)}
    return {
        f"path:{positions.get(each['name'], each['name'])}"
        if each["in"] == "path"
        else f"{each['in']}:{each['name']}": each
        for each in parameters
    }


def _security(document: Mapping[str, Any], operation: Any) -> list[str]:
    """The security schemes of an operation, described without the schemes' names."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    described = []
    for requirement in operation.get("security", document.get("security", [])):
        for name in requirement:
            scheme = schemes[name]
            described.append(
                " ".join(str(scheme[key]) for key in ("type", "scheme", "in", "name") if key in scheme)
            )
    return described


def _response(document: Mapping[str, Any], response: Any) -> Any:
    if "$ref" in response:
        return document["components"]["responses"][_target(response)]
    return response
