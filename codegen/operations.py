"""Reading operations and life cycles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import NoneType
from typing import Any

import attrs

from codegen.api import (
    PAGE_PARAMETERS,
    REQUEST_CLASSES,
    Answer,
    Call,
    LifeCycle,
    Operation,
    Paging,
    Parameter,
    Sweep,
    Trace,
)
from codegen.document import Node, SpecError
from codegen.schemas import read_schema, reference


def read_operation(path: str, method: str, node: Node, responses: Mapping[str, Answer]) -> Operation:
    """An operation; `responses` are the named ones of the document."""
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
        trace=_trace(node.maybe("x-reconcile")),
        key=_pairs(node.maybe("x-key")),
    )
    node.done()
    return operation


def _one_value(node: Node) -> tuple[str, Any]:
    if len(node.value) != 1:
        raise SpecError(node.place, "expected one body value")
    ((key, _),) = node.value.items()
    return key, node.take(key, (bool, str))


def _parameter(node: Node) -> Parameter:
    where = node.choice("in", ("path", "query"))
    value = read_schema(node.node("schema"))
    style = node.choice("style", ("form",), None)
    explode = node.take("explode", bool, True)
    if value.kind == "list" and (style != "form" or explode):
        raise SpecError(
            node.place, "a list in a query is comma-separated: give `style: form, explode: false`"
        )
    if value.kind != "list" and (style or not explode):
        raise SpecError(node.place, "`style` and `explode` are for lists only")
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
    value = read_schema(media.node("schema"))
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
    """Successful responses by status, and the documented error statuses."""
    answers, errors = {}, []
    for status, response in node.nodes():
        if not re.fullmatch(r"2\d\d|[45]\d\d|default", status):
            raise SpecError(response.place, f"`{status}` is not supported here")
        if "$ref" in response:
            name = reference(response, "#/components/responses/")
            response.done()
            if name not in known:
                raise SpecError(response.at("$ref"), f"there is no response {name!r}")
            answer = known[name]
        else:
            answer = read_response(response)
        if status.startswith("2"):
            answers[status] = answer
        else:
            errors.append(status)
    node.done()
    return answers, tuple(errors)


def read_response(node: Node) -> Answer:
    """A response, by the type of its body."""
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
    value = read_schema(body)
    if media_type == "text/csv":
        return Answer(node.place, "text", description=description)
    if media_type != "application/json":
        raise SpecError(media.place, f"the media type {media_type!r} is not supported")
    return Answer(node.place, "json", value, description)


def _calls(node: Node, answers: Mapping[str, Answer]) -> tuple[Call, ...]:
    if "x-variants" not in node:
        if len(answers) != 1:
            raise SpecError(node.at("responses"), "expected one 2xx response, or `x-variants`")
        (answer,) = answers.values()
        return (_call(node, node.at("x-method"), "x-method", "x-request-class", "x-billable", answer, {}),)
    node.text("summary")
    calls = []
    for index, variant in enumerate(node.take("x-variants", list)):
        child = Node(variant, node.at("x-variants", index))
        status = str(child.take("status", int))
        if status not in answers:
            raise SpecError(child.at("status"), f"there is no response {status}")
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


def _trace(node: Node | None) -> Trace | None:
    if node is None:
        return None
    filter, equal, many = (_pairs(node.maybe(key)) for key in ("filter", "equal", "many"))
    if len(many) > 1:
        raise SpecError(node.at("many"), "expected one pair of paths")
    trace = Trace(
        place=node.place,
        listing=node.text("operation"),
        id=node.text("id"),
        filter=filter,
        equal=equal,
        many=next(iter(many.items()), None),
    )
    node.done()
    return trace


def _pairs(node: Node | None) -> dict[str, str]:
    return {} if node is None else {key: node.text(key) for key in node.value}


def read_life_cycle(name: str, node: Node) -> LifeCycle:
    """An entry of `x-life-cycles`."""
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
        sweep=None if sweep is None else _read_sweep(sweep),
        first_interval=interval.take("first", (int, float)),
        most_interval=interval.take("most", (int, float)),
        timeout=node.take("timeout", (int, float, NoneType)),
    )
    if cycle.timeout is not None and not cycle.timeout > 0:
        raise SpecError(node.at("timeout"), "expected a positive number of seconds, or null for no limit")
    for part in (node, poll, interval, estimate):
        if part is not None:
            part.done()
    return cycle


def _read_sweep(node: Node) -> Sweep:
    narrow = _pairs(node.maybe("narrow"))
    if len(narrow) > 1:
        raise SpecError(node.at("narrow"), "expected one parameter")
    sweep = Sweep(
        place=node.place,
        operation=node.text("operation"),
        ids=node.text("ids", None),
        narrow=next(iter(narrow.items()), None),
        is_brief=node.take("brief", bool, False),
    )
    if sweep.ids is not None and sweep.narrow is not None:
        raise SpecError(node.at("narrow"), "`narrow` and `ids` cannot be combined")
    node.done()
    return sweep
