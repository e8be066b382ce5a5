"""An independent judge: schemathesis makes requests out of the spec and looks at what the sandbox answers."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import aiohttp
import attrs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from sandbox_api import PROJECT, SPEC, START, Api
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from pixxel_async.sandbox import Sandbox, SandboxClock


def without_answer_formats(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec without `format` in what answers hold: there the vendor's seven ways to write a time are the truth."""
    copy: dict[str, Any] = json.loads(json.dumps(spec))
    schemas = copy["components"]["schemas"]
    asked = re.findall(r'"requestBody": .*?schemas/(\w+)"', json.dumps(spec))
    for name in set(schemas) - parts(schemas, asked):
        for schema in schemas[name].get("properties", {}).values():
            schema.pop("format", None)
    return copy


def parts(schemas: dict[str, Any], names: list[str]) -> set[str]:
    """These schemas and all that they refer to."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += re.findall(r"schemas/(\w+)", json.dumps(schemas[name]))
    return found


SCHEMA = schemathesis.openapi.from_dict(without_answer_formats(SPEC))
OPERATIONS = {
    operation.definition.raw["operationId"]: operation
    for operation in (result.ok() for result in SCHEMA.get_all_operations())
}
BOUNDED = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@attrs.frozen
class Target:
    """A sandbox in a thread of its own, for schemathesis waits for its answers; with one thing of every kind."""

    sandbox: Sandbox
    ids: dict[str, str]
    session: requests.Session


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    ready: threading.Event = threading.Event()
    found: dict[str, Any] = {}

    async def live() -> None:
        clock = SandboxClock(speed=0, start=START)
        async with Sandbox(clock=clock, validate_answers=True) as sandbox:
            headers = {"Authorization": f"Bearer {sandbox.token}"}
            async with aiohttp.ClientSession(headers=headers) as session:
                found["ids"] = await things(Api(sandbox, session))
            found["sandbox"], found["stop"] = sandbox, asyncio.Event()
            found["loop"] = asyncio.get_running_loop()
            ready.set()
            await found["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert ready.wait(30)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {found['sandbox'].token}"
        yield Target(found["sandbox"], found["ids"], session)
    found["loop"].call_soon_threadsafe(found["stop"].set)
    thread.join(30)
    assert found["sandbox"].defects == []


async def things(api: Api) -> dict[str, str]:
    """Path parameters that lead to something."""
    aoi = (await api.aoi())["aoi_id"]
    asset = (await api.get(f"/v0/aois/{aoi}/assets"))["assets"][0]["id"]
    download = await api.post(f"/v0/aois/{aoi}/downloads", {"asset_ids": [asset]})
    wanted = {"index_id": await api.index_id()}
    visualization = await api.post(f"/v0/aois/{aoi}/visualizations", wanted)
    inputs = [{"name": n, "value": "2024-01-01"} for n in ("input_image", "start_date", "end_date")]
    block = {"name": "cropclassification", "version": "1.0.0"}
    insight = await api.post(f"/v0/aoi/{aoi}/insights", {"block": block, "input": inputs})
    job = await api.post(f"/v0/workflows/wf-01/jobs?project_id={PROJECT}")
    store = await api.store()
    order = await api.order(await api.archive_item())
    api.sandbox.clock.advance(400)
    entry = (await api.post("/v0/catalogs/search", {}))["catalogs"][0]
    return {
        "aoi_id": aoi,
        "download_id": download["download_id"],
        "visualization_id": visualization["id"],
        "insight_id": insight["id"],
        "workflow_id": "wf-01",
        "job_id": job["id"],
        "task_id": job["tasks"][0]["id"],
        "store_id": store["id"],
        "order_id": order["id"],
        "order_item_id": order["order_items"][0]["id"],
        "catalog_id": entry["id"],
        "collection_id": "sentinel-2-l2a",
        "item_id": entry["details"]["id"],
        "project_id": PROJECT,
        "name": "cropclassification",
        "version": "1.0.0",
    }


def path_values(operation: schemathesis.APIOperation, ids: dict[str, str]) -> dict[str, str]:
    raw = operation.definition.raw.get("parameters", [])
    return {p["name"]: ids[p["name"]] for p in raw if p["in"] == "path"}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_requests_that_agree_with_the_spec_get_answers_that_do(target: Target, name: str):
    """No server error, and status, content type and body as documented."""
    operation = OPERATIONS[name]
    values = path_values(operation, target.ids)

    @BOUNDED
    @given(case=operation.as_strategy(path_parameters=values or None))
    def judge(case: schemathesis.Case) -> None:
        answer = case.call(base_url=target.sandbox.url, session=target.session, timeout=10)
        case.validate_response(
            answer,
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    judge()


WITH_BODY = sorted(name for name, o in OPERATIONS.items() if o.definition.raw.get("requestBody"))


@pytest.mark.parametrize("name", WITH_BODY)
def test_requests_that_disagree_with_the_spec_are_refused(target: Target, name: str):
    """Bodies that schemathesis has spoilt are answered with 4xx, never carried out."""
    operation = OPERATIONS[name]
    values = path_values(operation, target.ids)

    @BOUNDED
    @given(case=operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=values or None))
    def judge(case: schemathesis.Case) -> None:
        answer = case.call(base_url=target.sandbox.url, session=target.session, timeout=10)
        case.validate_response(answer, checks=[not_a_server_error, negative_data_rejection])

    judge()
