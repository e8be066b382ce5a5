"""Each generated method against the examples of openapi/pixxel.yaml: the request goes out as the example has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen import naming, spec
from codegen.api import PAGE_PARAMETERS, Call, Operation, Schema
from codegen.formatting import ROOT
from pixxel_async import PixxelClient, models
from pixxel_async.testing import FakeTransport

PATH = ROOT / "openapi" / "pixxel.yaml"
DOCUMENT = yaml.safe_load(Path(PATH).read_text(encoding="utf-8"))
SPEC = spec.read(PATH)
CALLS = {
    f"{call.resource}.{call.name}": (operation, call)
    for operation in SPEC.operations
    for call in operation.calls
}


def given(schema: Schema, value: Any) -> Any:
    """An example's value as a user would write it: objects of the API as models."""
    if schema.input is not None or value is None:
        return value
    if schema.kind == "list" and schema.inner is not None:
        return [given(schema.inner, element) for element in value]
    if schema.kind == "map" and schema.inner is not None:
        return {key: given(schema.inner, element) for key, element in value.items()}
    if schema.kind == "component" and isinstance(value, Mapping):
        return getattr(models, schema.component)(**fields(schema.component, value))
    return value


def fields(component: str, value: Mapping[str, Any]) -> dict[str, Any]:
    properties = SPEC.components[component].properties
    return {naming.attribute(key): given(properties[key], element) for key, element in value.items()}


def arguments(operation: Operation, call: Call) -> tuple[list[str], dict[str, Any], dict[str, Any] | None]:
    """Positional and keyword arguments of a call, and the body that must come of them."""
    source = DOCUMENT["paths"][operation.path][operation.method.lower()]
    path = [each.name for each in operation.parameters if each.where == "path"]
    keyword = {
        naming.attribute(each.name): "p-1"
        for each in operation.parameters
        if each.where == "query" and each.required
    }
    if operation.body is None:
        return path, keyword, None
    body = dict(source["requestBody"]["content"]["application/json"]["example"]) | dict(call.fixed)
    hidden = PAGE_PARAMETERS[operation.paging.style][1] if operation.paging else ()
    sent = {key: value for key, value in body.items() if key not in hidden}
    mine = {key: value for key, value in sent.items() if key not in call.fixed}
    return path, keyword | fields(operation.body, mine), sent


def answer(operation: Operation, call: Call) -> Any:
    """The example of the answer, or something that can stand for a file."""
    responses = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    (_, status) = re.split(r"/responses/", call.answer.place)
    content = responses[status].get("content", {})
    return {"bytes": b"\x89PNG", "nothing": b""}.get(
        call.answer.kind, next((media.get("example") for media in content.values()), None)
    )


@pytest.mark.parametrize("name", CALLS)
async def test_the_example_is_sent_and_the_example_is_read(name: str) -> None:
    operation, call = CALLS[name]
    positional, keyword, body = arguments(operation, call)
    sent_path = operation.path.format(**{parameter: parameter for parameter in positional})
    example = answer(operation, call)
    transport = FakeTransport({f"{operation.method} {sent_path}": example})
    async with PixxelClient(transport=transport) as client:
        owner = client if call.resource == "status" else getattr(client, call.resource)
        method = getattr(owner, call.name)
        if operation.paging:
            result = await method(*positional, **keyword, limit=1)
            assert 1 == len(result)
        else:
            result = await method(*positional, **keyword)
    (request,) = transport.requests
    assert f"{operation.method} {sent_path}" == str(request)
    if body is not None:
        hidden = {"limit", "offset"} if operation.paging else set()
        assert body == {key: value for key, value in request.json.items() if key not in hidden}
    assert (result is None) == (call.answer.kind == "nothing")


def test_every_operation_of_the_document_is_a_method() -> None:
    assert 55 == len(SPEC.operations)
    assert 56 == len(CALLS)


HARMLESS = {
    "archives.search": "read",
    "catalogs.search": "read",
    "insights.estimate": "read",
    "search.images": "read",
    "visualizations.png": "read",
    "visualizations.sld": "read",
    "downloads.create": "repeatable",
    "catalogs.request_download": "repeatable",
}
"""Calls by POST that make nothing, or nothing that costs."""


def test_v3_a_post_that_may_be_sent_twice_stands_in_the_list_above() -> None:
    """So that a new one is looked at by a person; PATCH (a roll-back) makes something as well."""
    found = {
        name: call.request_class for name, (operation, call) in CALLS.items() if operation.method == "POST"
    }
    assert HARMLESS == {name: kind for name, kind in found.items() if kind != "create"}
    assert {"GET": {"read"}, "PUT": {"idempotent"}, "DELETE": {"idempotent"}, "PATCH": {"create"}} == {
        method: {call.request_class for operation, call in CALLS.values() if operation.method == method}
        for method in ("GET", "PUT", "DELETE", "PATCH")
    }


def test_v3_what_is_charged_is_a_create() -> None:
    assert {"create"} == {call.request_class for _, call in CALLS.values() if call.billable}
