"""`openapi/pixxel.yaml` as values: what the generators know about the API, read strictly.

Every construct is either understood here or stops the generator with its place. Nothing is passed over in
silence: an unknown key, an inline object, a composition such as `allOf`, an unknown parameter style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from codegen.document import Node, SpecError, below, in_file, load

METHODS: Final = ("get", "put", "post", "patch", "delete")
REQUEST_CLASSES: Final = ("read", "idempotent", "create", "repeatable")
INPUTS: Final = ("polygon", "geometry", "feature-collection", "interval", "instant")
SCALARS: Final = ("string", "integer", "number", "boolean")
PAGE_PARAMETERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "page-number": ("query", ("page_num", "page_size")),
    "offset-query": ("query", ("offset", "limit")),
    "offset-body": ("body", ("offset", "limit")),
    "stac-query": ("query", ("offset", "limit")),
    "stac-body": ("body", ("offset", "limit")),
    "lens": ("body", ("limit",)),
    "single": ("query", ()),
}
"""Where each paging style keeps the parameters that belong to the paginator."""

_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "list": ("minItems", "maxItems", "uniqueItems"),
}


@attrs.frozen
class Schema:
    """A value: the type of a property, a parameter, an element or an answer."""

    place: str
    kind: Literal["string", "integer", "number", "boolean", "list", "map", "any", "component"]
    description: str = ""
    component: str = ""
    """Name of the component, for the kind `component`."""
    inner: Schema | None = None
    """Elements of a list, values of a map."""
    nullable: bool = False
    format: str | None = None
    limits: Mapping[str, Any] = attrs.field(factory=dict)
    """JSON Schema limits by keyword."""
    input: str | None = None
    """Forms that the SDK accepts in place of the wire form, one of `INPUTS`."""
    sensitive: bool = False

    def components(self) -> Iterator[str]:
        """The components it names, at any depth."""
        if self.kind == "component":
            yield self.component
        if self.inner is not None:
            yield from self.inner.components()


@attrs.frozen
class Component:
    """A named schema: an object with properties, or an enum with words."""

    name: str
    place: str
    description: str
    properties: Mapping[str, Schema] = attrs.field(factory=dict)
    """Wire name to schema; empty for an enum."""
    required: frozenset[str] = frozenset()
    required_when_sent: frozenset[str] = frozenset()
    """What a request must give in an object that answers may hold with less."""
    words: tuple[str, ...] = ()
    """The words of an enum; empty for an object."""
    exactly_one: tuple[str, ...] = ()
    """Properties of which exactly one must be given."""
    ordered: tuple[str, ...] = ()
    """Two instants, the first strictly before the second."""


@attrs.frozen
class Parameter:
    """A path or query parameter."""

    name: str
    where: Literal["path", "query"]
    required: bool
    schema: Schema


@attrs.frozen
class Paging:
    """How a listing is paged, in wire names."""

    place: str
    style: str
    items: str
    total: tuple[str, ...]


@attrs.frozen
class Answer:
    """What a successful call brings."""

    place: str
    kind: Literal["json", "bytes", "text", "nothing"]
    schema: Schema | None = None
    description: str = ""


@attrs.frozen
class Call:
    """One method of the SDK. An operation is one call, or several that fix some values of its body."""

    place: str
    resource: str
    name: str
    summary: str
    request_class: str
    billable: bool
    answer: Answer
    fixed: Mapping[str, Any] = attrs.field(factory=dict)
    """Wire names of the body with the values this call gives them."""


@attrs.frozen
class Operation:
    """An operation of the API."""

    place: str
    id: str
    method: str
    path: str
    tag: str
    description: str
    calls: tuple[Call, ...]
    parameters: tuple[Parameter, ...]
    body: str | None
    """Name of the component that is sent."""
    body_required: bool
    statuses: tuple[str, ...]
    """Documented error statuses."""
    paging: Paging | None
    unwrap: str | None
    free_when: tuple[str, Any] | None


@attrs.frozen
class LifeCycle:
    """How a long-running thing lives, in wire names."""

    name: str
    place: str
    resource: str
    method: str
    model: str
    id: str
    status: str
    progress: str | None
    error: str | None
    signed_url: str | None
    in_flight: tuple[str, ...]
    success: tuple[str, ...]
    partial: tuple[str, ...]
    failure: tuple[str, ...]
    operation: str
    match: tuple[str, ...]
    select: str | None
    filter: str | None
    estimate: tuple[str, float] | None
    first_interval: float
    most_interval: float


@attrs.frozen
class Spec:
    """The whole document."""

    components: Mapping[str, Component]
    operations: tuple[Operation, ...]
    life_cycles: tuple[LifeCycle, ...]
    tags: Mapping[str, str]
    """Tag to description."""

    @property
    def received(self) -> frozenset[str]:
        """Components that stand in answers."""
        answers = [call.answer.schema for each in self.operations for call in each.calls]
        return self._reachable(value for value in answers if value is not None)

    @property
    def sent(self) -> frozenset[str]:
        """Components that the SDK's users write; what a converter makes out of other forms is not among them."""
        bodies = [Schema("", "component", component=each.body) for each in self.operations if each.body]
        queries = [parameter.schema for each in self.operations for parameter in each.parameters]
        return self._reachable([*bodies, *queries], written=True)

    def _reachable(self, values: Iterable[Schema], *, written: bool = False) -> frozenset[str]:
        found: set[str] = set()
        left = [name for value in values for name in value.components()]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                for value in self.components[name].properties.values():
                    if not (written and value.input):
                        left.extend(value.components())
        return frozenset(found)

    def operation(self, id: str) -> Operation | None:
        """The operation of that id."""
        return next((each for each in self.operations if each.id == id), None)


def read(path: Path) -> Spec:
    """The document at `path`, or `SpecError` at the first thing that is not understood."""
    with in_file(path):
        return parse(load(path))


def parse(document: Any) -> Spec:
    """The document as `Spec`, or `SpecError` at the first thing that is not understood."""
    root = Node(document, "#")
    root.skip("info", "servers")
    version = root.text("openapi")
    if not version.startswith("3.1."):
        raise SpecError("#/openapi", f"expected 3.1, found {version}")
    root.take("security", list, [])
    tags = _tags(root.take("tags", list, []))
    parts = root.node("components")
    parts.skip("securitySchemes")
    components = {name: _component(name, node) for name, node in parts.node("schemas").nodes()}
    responses = {name: _response(node) for name, node in parts.node("responses").nodes()}
    parts.done()
    operations = tuple(
        _operation(path, method, node, responses, components)
        for path, item in root.node("paths").nodes()
        for method, node in _path_item(item)
    )
    cycles = root.maybe("x-life-cycles")
    life_cycles = tuple(_life_cycle(name, node) for name, node in cycles.nodes()) if cycles else ()
    root.done()
    spec = Spec(components, operations, life_cycles, tags)
    _check(spec)
    return spec


# Schemas


def _component(name: str, node: Node) -> Component:
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise SpecError(node.place, f"the name {name!r} is not a class name")
    node.skip("x-vendor-schema")
    description = node.text("description")
    kind = node.choice("type", ("object", "string"))
    if kind == "string":
        words = node.texts("enum")
        node.done()
        if len(set(words)) != len(words):
            raise SpecError(node.at("enum"), "a word stands here twice")
        return Component(name, node.place, description, words=words)
    properties = {key: schema(child) for key, child in node.node("properties").nodes()}
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
    """The only use of `oneOf` that is understood: a list of `{required: [one]}`."""
    names = []
    for index, branch in enumerate(node.take("oneOf", list, [])):
        choice = Node(branch, node.at("oneOf", index))
        required = choice.texts("required")
        choice.done()
        if len(required) != 1:
            raise SpecError(choice.place, "expected `required` with one property")
        names.append(required[0])
    return tuple(names)


def schema(node: Node) -> Schema:
    """The schema of a value."""
    node.skip("x-server-default")
    place, description = node.place, node.take("description", str, "")
    common: dict[str, Any] = {"description": description, "sensitive": node.take("x-sensitive", bool, False)}
    common["input"] = node.choice("x-input", INPUTS, None)
    if "$ref" in node:
        found = Schema(place, "component", component=_ref(node, "#/components/schemas/"), **common)
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
        inner = schema(node.node("items"))
        return Schema(node.place, "list", inner=inner, limits=_limits(node, "list"), **common)
    if kind == "object":
        if "properties" in node:
            raise SpecError(
                node.at("properties"), "an inline object; give it a name under components/schemas"
            )
        return Schema(node.place, "map", inner=_map_values(node), **common)
    wire_format = node.choice("format", ("date-time",), None) if kind == "string" else None
    return Schema(node.place, kind, format=wire_format, limits=_limits(node, kind), **common)


def _map_values(node: Node) -> Schema:
    values = node.take("additionalProperties", (dict, bool))
    if values is False:
        raise SpecError(node.at("additionalProperties"), "a map without values")
    return (
        Schema(node.at("additionalProperties"), "any")
        if values is True
        else schema(node.node("additionalProperties"))
    )


def _kind(node: Node) -> tuple[Any, bool]:
    """The one type of a schema and whether null is allowed; numbers sent as text count as numbers."""
    types = node.take("type", (str, list))
    names = [types] if isinstance(types, str) else list(types)
    nullable = "null" in names
    names = [name for name in names if name != "null"]
    if "x-reads-as" in node:
        node.choice("x-reads-as", ("number",))
        if sorted(names) != ["number", "string"]:
            raise SpecError(node.at("type"), f"x-reads-as: number belongs to [number, string], not {types!r}")
        names = ["number"]
    if len(names) != 1 or names[0] not in (*SCALARS, "array", "object"):
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


def _ref(node: Node, prefix: str) -> str:
    target: str = node.text("$ref")
    if not target.startswith(prefix):
        raise SpecError(node.at("$ref"), f"{target!r} does not start with {prefix}")
    return target.removeprefix(prefix)


# Operations


def _tags(tags: list[Any]) -> dict[str, str]:
    found = {}
    for index, tag in enumerate(tags):
        node = Node(tag, below("#/tags", index))
        found[node.text("name")] = node.text("description")
        node.done()
    return found


def _path_item(item: Node) -> Iterator[tuple[str, Node]]:
    for method, node in item.nodes():
        if method not in METHODS:
            raise SpecError(node.place, f"`{method}` is not understood here")
        yield method, node


def _operation(
    path: str,
    method: str,
    node: Node,
    responses: Mapping[str, Answer],
    components: Mapping[str, Component],
) -> Operation:
    node.take("security", list, [])
    parameters = tuple(
        _parameter(Node(each, node.at("parameters", index)))
        for index, each in enumerate(node.take("parameters", list, []))
    )
    answers, statuses = _responses(node.node("responses"), responses)
    body, body_required = _body(node.maybe("requestBody"))
    free_when = node.maybe("x-free-when")
    tags = node.texts("tags")
    if len(tags) != 1:
        raise SpecError(node.at("tags"), "expected one tag")
    operation = Operation(
        place=node.place,
        id=node.text("operationId"),
        method=method.upper(),
        path=path,
        tag=tags[0],
        description=node.text("description"),
        calls=_calls(node, answers),
        parameters=parameters,
        body=body,
        body_required=body_required,
        statuses=statuses,
        paging=_paging(node.maybe("x-paging")),
        unwrap=node.text("x-unwrap", None),
        free_when=None if free_when is None else _one_value(free_when),
    )
    node.done()
    _check_parameters(operation)
    _check_body_values(operation, components)
    return operation


def _one_value(node: Node) -> tuple[str, Any]:
    if len(node.value) != 1:
        raise SpecError(node.place, "expected one body value")
    ((key, _),) = node.value.items()
    return key, node.take(key, (bool, str))


def _parameter(node: Node) -> Parameter:
    where = node.choice("in", ("path", "query"))
    value = schema(node.node("schema"))
    style = node.choice("style", ("form",), None)
    explode = node.take("explode", bool, True)
    if value.kind == "list" and (style != "form" or explode):
        raise SpecError(node.place, "a list in a query is sent with commas: `style: form, explode: false`")
    if value.kind != "list" and (style or not explode):
        raise SpecError(node.place, "`style` and `explode` belong to lists")
    if value.kind in ("map", "any") or (value.kind == "list" and (value.inner or value).kind != "string"):
        raise SpecError(value.place, f"a parameter cannot be of the kind {value.kind}")
    parameter = Parameter(
        name=node.text("name"),
        where=where,
        required=node.take("required", bool, False),
        schema=attrs.evolve(value, description=node.text("description")),
    )
    node.done()
    return parameter


def _body(node: Node | None) -> tuple[str | None, bool]:
    if node is None:
        return None, False
    node.take("description", str, "")
    required = node.take("required", bool, False)
    media = _json_media(node.node("content"))
    value = schema(media.node("schema"))
    media.done()
    node.done()
    if value.kind != "component":
        raise SpecError(value.place, "a request body must be a $ref to a component")
    return value.component, required


def _json_media(content: Node) -> Node:
    media = content.node("application/json")
    content.done()
    media.skip("example")
    return media


def _responses(node: Node, known: Mapping[str, Answer]) -> tuple[dict[str, Answer], tuple[str, ...]]:
    """Successful answers by status, and the documented error statuses."""
    answers, errors = {}, []
    for status, response in node.nodes():
        if not re.fullmatch(r"2\d\d|[45]\d\d|default", status):
            raise SpecError(response.place, f"`{status}` is not understood here")
        if "$ref" in response:
            name = _ref(response, "#/components/responses/")
            response.done()
            if name not in known:
                raise SpecError(response.at("$ref"), f"there is no response {name!r}")
            answer = known[name]
        else:
            answer = _response(response)
        if status.startswith("2"):
            answers[status] = answer
        else:
            errors.append(status)
    node.done()
    return answers, tuple(errors)


def _response(node: Node) -> Answer:
    description = node.text("description")
    content = node.maybe("content")
    node.done()
    if content is None:
        return Answer(node.place, "nothing", description=description)
    if len(content.value) != 1:
        raise SpecError(content.place, "expected one media type")
    ((media_type, media),) = content.nodes()
    media.skip("example")
    body = media.node("schema")
    media.done()
    if media_type == "image/png":
        body.skip("type", "description", "contentMediaType")
        body.done()
        return Answer(node.place, "bytes", description=description)
    value = schema(body)
    if media_type == "text/csv":
        return Answer(node.place, "text", description=description)
    if media_type != "application/json":
        raise SpecError(media.place, f"the media type {media_type!r} is not understood")
    return Answer(node.place, "json", value, description)


def _calls(node: Node, answers: Mapping[str, Answer]) -> tuple[Call, ...]:
    if "x-variants" not in node:
        if len(answers) != 1:
            raise SpecError(node.at("responses"), "expected one 2xx answer, or `x-variants`")
        (answer,) = answers.values()
        return (_call(node, node.at("x-method"), "x-method", "x-request-class", "x-billable", answer, {}),)
    node.text("summary")
    calls = []
    for index, variant in enumerate(node.take("x-variants", list)):
        child = Node(variant, node.at("x-variants", index))
        status = str(child.take("status", int))
        if status not in answers:
            raise SpecError(child.at("status"), f"there is no answer {status}")
        fixed = child.take("set", dict)
        calls.append(_call(child, child.place, "method", "request-class", "billable", answers[status], fixed))
        child.done()
    return tuple(calls)


def _call(
    node: Node,
    place: str,
    method: str,
    request_class: str,
    billable: str,
    answer: Answer,
    fixed: dict[str, Any],
) -> Call:
    name: str = node.text(method)
    if not re.fullmatch(r"([a-z_]+\.)?[a-z_]+", name):
        raise SpecError(node.at(method), f"{name!r} is not of the form resource.method")
    resource, _, verb = name.rpartition(".")
    return Call(
        place=place,
        resource=resource or "status",
        name=verb,
        summary=node.text("summary"),
        request_class=node.choice(request_class, REQUEST_CLASSES),
        billable=node.take(billable, bool, False),
        answer=answer,
        fixed=fixed,
    )


def _paging(node: Node | None) -> Paging | None:
    if node is None:
        return None
    total: str = node.take("total", str, "")
    style = node.choice("style", tuple(PAGE_PARAMETERS))
    paging = Paging(node.place, style, node.text("items"), tuple(total.split(".")) if total else ())
    node.done()
    return paging


# Life cycles


def _life_cycle(name: str, node: Node) -> LifeCycle:
    poll, interval = node.node("poll"), node.node("interval")
    estimate, sweep = node.maybe("estimate"), node.maybe("sweep")
    node.text("evidence")
    resource, _, method = node.text("wait").rpartition(".")
    cycle = LifeCycle(
        name=name,
        place=node.place,
        resource=resource,
        method=method,
        model=node.text("model"),
        id=node.text("id"),
        status=node.text("status"),
        progress=node.text("progress", None),
        error=node.text("error", None),
        signed_url=node.text("signed_url", None),
        in_flight=node.texts("in_flight"),
        success=node.texts("success"),
        partial=node.texts("partial", []),
        failure=node.texts("failure"),
        operation=poll.text("operation"),
        match=poll.texts("match"),
        select=poll.text("select", None),
        filter=poll.text("filter", None),
        estimate=None
        if estimate is None
        else (estimate.text("property"), estimate.take("seconds", (int, float))),
        first_interval=interval.take("first", (int, float)),
        most_interval=interval.take("most", (int, float)),
    )
    if sweep is not None:
        sweep.text("operation")
        sweep.text("by")
    for part in (node, poll, interval, estimate, sweep):
        if part is not None:
            part.done()
    return cycle


# What only shows when the whole is known


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
        for call in operation.calls:
            _once(seen, f"{call.resource}.{call.name}", call.place)
            if call.answer.schema is not None:
                _check_components(spec, call.answer.schema)
    for cycle in spec.life_cycles:
        _once(seen, f"{cycle.resource}.{cycle.method}", cycle.place)
        _check_life_cycle(spec, cycle)


def _once(seen: dict[str, str], name: str, place: str) -> None:
    if name in seen:
        raise SpecError(place, f"{name} stands at {seen[name]} already")
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
        raise SpecError(operation.place, "a parameter stands here twice")


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
        raise SpecError(below(place, "match"), f"expected {expected}: what identifies one {cycle.name}")
    if (cycle.select is None) is (operation.paging is not None):
        raise SpecError(place, "`select` belongs to an operation that lists")
    query = {each.name for each in operation.parameters if each.where == "query"}
    if cycle.filter is not None and cycle.filter not in query:
        raise SpecError(below(place, "filter"), f"{cycle.operation} has no query parameter {cycle.filter!r}")
