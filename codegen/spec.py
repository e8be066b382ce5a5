"""Reads `openapi/pixxel.yaml` strictly.

An unsupported construct stops the generator with an error that names its place. Examples: an unknown key, an inline
object, a composition such as `allOf`, an unknown parameter style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from codegen.api import PAGE_PARAMETERS, Component, LifeCycle, Operation, Schema, Spec, Sweep
from codegen.document import Node, SpecError, below, in_file, load
from codegen.operations import read_life_cycle, read_operation, read_response
from codegen.schemas import read_component

_METHODS: Final = ("get", "put", "post", "patch", "delete")


def read(path: Path) -> Spec:
    """The document at `path`, or `SpecError` at the first unsupported construct."""
    with in_file(path):
        return parse(load(path))


def parse(document: Any) -> Spec:
    """The document as `Spec`, or `SpecError` at the first unsupported construct."""
    root = Node(document, "#")
    root.skip("info", "servers")
    version = root.text("openapi")
    if not version.startswith("3.1."):
        raise SpecError("#/openapi", f"expected 3.1, found {version}")
    root.take("security", list, [])
    tags = _tags(root.take("tags", list, []))
    parts = root.node("components")
    parts.skip("securitySchemes")
    components = {name: read_component(name, node) for name, node in parts.node("schemas").nodes()}
    responses = {name: read_response(node) for name, node in parts.node("responses").nodes()}
    parts.done()
    operations = tuple(
        read_operation(path, method, node, responses)
        for path, item in root.node("paths").nodes()
        for method, node in _path_item(item)
    )
    cycles = root.maybe("x-life-cycles")
    life_cycles = tuple(read_life_cycle(name, node) for name, node in cycles.nodes()) if cycles else ()
    root.done()
    spec = Spec(components, operations, life_cycles, tags)
    _check(spec)
    return spec


def _tags(tags: list[Any]) -> dict[str, str]:
    found = {}
    for index, tag in enumerate(tags):
        node = Node(tag, below("#/tags", index))
        found[node.text("name")] = node.text("description")
        node.done()
    return found


def _path_item(item: Node) -> Iterator[tuple[str, Node]]:
    for method, node in item.nodes():
        if method not in _METHODS:
            raise SpecError(node.place, f"`{method}` is not supported here")
        yield method, node


# Checks that need the whole document


def _check(spec: Spec) -> None:
    for component in spec.components.values():
        for value in component.properties.values():
            _check_components(spec, value)
    seen: dict[str, str] = {}
    for operation in spec.operations:
        _once(seen, operation.id, operation.place)
        if operation.tag not in spec.tags:
            raise SpecError(below(operation.place, "tags", 0), f"there is no tag {operation.tag!r}")
        for parameter in operation.parameters:
            _check_components(spec, parameter.schema)
        _check_parameters(operation)
        _check_body_values(operation, spec.components)
        _check_trace(spec, operation)
        _check_key(spec, operation)
        for call in operation.calls:
            _once(seen, f"{call.resource}.{call.name}", call.place)
            if call.answer.schema is not None:
                _check_components(spec, call.answer.schema)
    for cycle in spec.life_cycles:
        _once(seen, f"{cycle.resource}.{cycle.method}", cycle.place)
        _check_life_cycle(spec, cycle)


def _once(seen: dict[str, str], name: str, place: str) -> None:
    if name in seen:
        raise SpecError(place, f"{name} is already defined at {seen[name]}")
    seen[name] = place


def _check_components(spec: Spec, value: Schema) -> None:
    for name in value.components():
        if name not in spec.components:
            raise SpecError(value.place, f"there is no schema {name!r}")


def _check_parameters(operation: Operation) -> None:
    """Path parameters are those of the path, in its order, and required."""
    in_path = [each for each in operation.parameters if each.where == "path"]
    if [each.name for each in in_path] != re.findall(r"{([^}]*)}", operation.path):
        raise SpecError(operation.place, "path parameters differ from the path, in name or order")
    if not all(each.required and each.schema.kind == "string" for each in in_path):
        raise SpecError(operation.place, "a path parameter must be required text")
    keys = [(each.where, each.name) for each in operation.parameters]
    if len(set(keys)) != len(keys):
        raise SpecError(operation.place, "has a duplicate parameter")


def _check_body_values(operation: Operation, components: Mapping[str, Component]) -> None:
    """The body, the values that calls fix in it, and the parameters that a paging style needs exist."""
    if operation.body is not None and operation.body not in components:
        raise SpecError(below(operation.place, "requestBody"), f"there is no schema {operation.body!r}")
    body = components[operation.body].properties if operation.body else {}
    for call in operation.calls:
        for key in call.fixed:
            if key not in body:
                raise SpecError(call.place, f"the body has no property {key!r}")
    if operation.free_when and operation.free_when[0] not in body:
        raise SpecError(operation.place, f"the body has no property {operation.free_when[0]!r}")
    if operation.paging:
        where, names = PAGE_PARAMETERS[operation.paging.style]
        query = {each.name for each in operation.parameters if each.where == "query"}
        for name in names:
            if name not in (query if where == "query" else body):
                raise SpecError(
                    operation.paging.place, f"{operation.paging.style} needs {name!r} in the {where}"
                )


def _check_trace(spec: Spec, operation: Operation) -> None:
    """The listing is above, and of the same resource; all names and paths exist."""
    trace = operation.trace
    if trace is None:
        return
    creates = [call for call in operation.calls if call.request_class == "create"]
    if not creates:
        raise SpecError(trace.place, "only a create can have `x-reconcile`")
    above = spec.operations[: spec.operations.index(operation)]
    listing = next((each for each in above if each.id == trace.listing), None)
    if listing is None or listing.paging is None or len(listing.calls) != 1:
        raise SpecError(below(trace.place, "operation"), "expected a listing above this operation")
    if {call.resource for call in creates} != {listing.calls[0].resource}:
        raise SpecError(below(trace.place, "operation"), "expected a listing of the same resource")
    query = {each.name for each in listing.parameters if each.where == "query"}
    for name, path in trace.filter.items():
        if name not in query:
            raise SpecError(below(trace.place, "filter", name), f"{trace.listing} has no such parameter")
        _check_path(spec, operation.body, path, below(trace.place, "filter", name))
    answer = listing.calls[0].answer.schema
    items = spec.components[answer.component].properties.get(listing.paging.items) if answer else None
    if items is None or items.inner is None:
        return  # `codegen.endpoints` reports the error of the listing itself
    item = items.inner.component
    _check_path(spec, item, trace.id, below(trace.place, "id"))
    for key, pairs in (("equal", trace.equal), ("many", dict([trace.many] if trace.many else []))):
        for here, there in pairs.items():
            _check_path(spec, operation.body, here, below(trace.place, key, here))
            _check_path(spec, item, there, below(trace.place, key, here))


def _check_key(spec: Spec, operation: Operation) -> None:
    """The parameters are in the path, and the response has the properties."""
    for name, path in operation.key.items():
        place = below(operation.place, "x-key", name)
        if f"{{{name}}}" not in operation.path:
            raise SpecError(place, f"the path has no parameter {name!r}")
        if "." in path:
            raise SpecError(place, f"{path!r} is a nested property: name a property of the response itself")
        for call in operation.calls:
            schema = call.answer.schema
            component = schema.component if schema is not None else None
            if operation.unwrap and component:
                inner = spec.components[component].properties.get(operation.unwrap)
                component = inner.component if inner is not None else component
            _check_path(spec, component, path, place)


def _check_path(spec: Spec, component: str | None, path: str, place: str) -> None:
    """Properties of properties, through lists; values of maps are not checked."""
    for step in path.split("."):
        known = spec.components[component].properties if component else {}
        if step not in known:
            raise SpecError(place, f"{component or 'the call'} has no property {step!r}")
        component = next(iter(known[step].components()), None)


def _check_life_cycle(spec: Spec, cycle: LifeCycle) -> None:
    model = spec.components.get(cycle.model)
    if model is None:
        raise SpecError(below(cycle.place, "model"), f"there is no schema {cycle.model!r}")
    for keyword in ("id", "status", "progress", "error", "signed_url"):
        name = getattr(cycle, keyword)
        if name is not None and name not in model.properties:
            raise SpecError(below(cycle.place, keyword), f"{cycle.model} has no property {name!r}")
    if cycle.estimate and cycle.estimate[0] not in model.properties:
        raise SpecError(
            below(cycle.place, "estimate"), f"{cycle.model} has no property {cycle.estimate[0]!r}"
        )
    operation = spec.operation(cycle.operation)
    place = below(cycle.place, "poll")
    if operation is None or len(operation.calls) != 1:
        raise SpecError(place, f"there is no operation {cycle.operation!r} with one method")
    if operation.calls[0].resource != cycle.resource:
        raise SpecError(place, f"{cycle.operation} is a method of {operation.calls[0].resource}")
    path = [each.name for each in operation.parameters if each.where == "path"]
    expected = path if cycle.select is None else [*path, cycle.select]
    if list(cycle.match) != expected:
        raise SpecError(below(place, "match"), f"expected {expected}, which identify one {cycle.name}")
    if (cycle.select is None) is (operation.paging is not None):
        raise SpecError(place, "`select` needs a listing, and a listing needs `select`")
    query = {each.name for each in operation.parameters if each.where == "query"}
    if cycle.filter is not None and cycle.filter not in query:
        raise SpecError(below(place, "filter"), f"{cycle.operation} has no query parameter {cycle.filter!r}")
    if cycle.sweep is not None:
        _check_sweep(spec, cycle, cycle.sweep, model)


def _check_sweep(spec: Spec, cycle: LifeCycle, sweep: Sweep, model: Component) -> None:
    """A listing of the same resource and the same parents, whose filters take lists."""
    if cycle.is_package:
        raise SpecError(sweep.place, "packages have no `sweep`: each is polled individually")
    operation = spec.operation(sweep.operation)
    if operation is None or operation.paging is None or len(operation.calls) != 1:
        raise SpecError(below(sweep.place, "operation"), f"there is no listing {sweep.operation!r}")
    if operation.calls[0].resource != cycle.resource:
        resource = operation.calls[0].resource
        raise SpecError(below(sweep.place, "operation"), f"{sweep.operation} is a method of {resource}")
    path = [each.name for each in operation.parameters if each.where == "path"]
    if path != list(cycle.match[:-1]):
        raise SpecError(below(sweep.place, "operation"), f"expected a listing within {cycle.match[:-1]}")
    lists = {
        each.name for each in operation.parameters if each.where == "query" and each.schema.kind == "list"
    }
    for keyword, name in (("ids", sweep.ids), ("narrow", sweep.narrow and sweep.narrow[0])):
        if name is not None and name not in lists:
            raise SpecError(below(sweep.place, keyword), f"{sweep.operation} takes no list {name!r}")
    if sweep.narrow is not None and sweep.narrow[1] not in model.properties:
        raise SpecError(below(sweep.place, "narrow"), f"{cycle.model} has no property {sweep.narrow[1]!r}")
