"""Blocks, and insights: runs of a block over an AOI."""

from __future__ import annotations

from typing import Any

import orjson

from pixxel_async.sandbox._account.prices import insight_price
from pixxel_async.sandbox._account.records import Insight
from pixxel_async.sandbox._account.seeds import SeededBlock
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Words
from pixxel_async.sandbox._base.refusal import bad_request
from pixxel_async.sandbox._routes.aois import the_aoi
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import matching, within

routes = Handlers()

_WORDS = Words(("pending", "running"), "completed", "failed")
_PACKAGE_WORDS = Words(("pending",), "ready", "failed")


@routes("listBlocks")
def list_blocks(state: State, call: Call) -> Answer:
    """List all versions of all blocks; `mode` selects by use."""
    mode = call.query["mode"]
    return Answer({"blocks": [block.answer for block in state.blocks if mode is None or mode in block.modes]})


@routes("getBlockVersions")
def get_block_versions(state: State, call: Call) -> Answer:
    """List all versions of one block."""
    name = call.path["name"]
    versions = [block.answer for block in state.blocks if block.name == name]
    if not versions:
        raise call.unknown("block", name)
    return Answer({"blocks": versions})


@routes("getBlockByVersion")
def get_block_by_version(state: State, call: Call) -> Answer:
    """Return the block itself, as in the vendor's spec, not in a list as in its guide."""
    name, version = call.path["name"], call.path["version"]
    block = _block(state, name, version)
    if block is None:
        raise call.unknown("block", f"{name} {version}")
    return Answer(block.answer)


@routes("createInsights")
def create_insight(state: State, call: Call) -> Answer:
    """Return the price, or run the block and charge the price."""
    aoi, body = the_aoi(state, call), call.body
    wanted = body["block"]
    block = _block(state, wanted["name"], wanted["version"])
    if block is None or "insight" not in block.modes:
        raise bad_request("body.block: no such block for insights", wanted)
    project_id = body.get("project_id", aoi.project_id)
    if project_id not in state.projects:
        raise bad_request("body.project_id: no such project", {"project_id": project_id})
    call.require_project(project_id)
    _require_inputs(block, body["input"])
    cost = insight_price(aoi.area_m2, state.price_factor)
    if body.get("estimate"):
        return Answer({"estimate": cost})
    id, name = state.new_id("insight"), body.get("name", "")
    state.insights[id] = Insight(
        id=id,
        aoi=aoi,
        name=name,
        block=block,
        input=body["input"],
        metadata=body.get("metadata", {}),
        project_id=project_id,
        cost=cost,
        user_id=call.access.user_id,
        course=state.course("insight", id, name, nominal=block.seconds),
    )
    content = orjson.dumps([body["input"], wanted], option=orjson.OPT_SORT_KEYS).decode()
    state.record(call.operation.id, id, f"{aoi.id}: {name} {content}", cost)
    return Answer({"id": id, "message": "insight created"}, 201)


@routes("listInsights")
def list_insights(state: State, call: Call) -> Answer:
    """List insights. `created_on` is an instant, for all time since then, or an interval; this is not documented."""
    aoi, wanted, now = the_aoi(state, call), call.query, state.now
    created = within(wanted["created_on"], "created_on")
    found = matching(
        (
            insight
            for insight in state.insights.values()
            if insight.aoi is aoi and created(insight.course.begins)
        ),
        id=(wanted["id"], lambda insight: insight.id),
        status=(wanted["status"], lambda insight: insight.course.word(now, _WORDS)),
        created_by=(wanted["created_by"], lambda insight: insight.user_id),
    )
    return Answer({"insights": [_json(state, insight) for insight in found]})


@routes("downloadInsights")
def download_insight(state: State, call: Call) -> Answer:
    """Pack the files at the first request; return the state at every request."""
    insight = _insight(state, call)
    if not insight.course.succeeded(state.now):
        raise bad_request("the insight is not completed", {"id": insight.id})
    wanted = orjson.dumps(call.body or {}, option=orjson.OPT_SORT_KEYS).decode()
    if wanted not in insight.packages:
        aoi, bands = insight.aoi, insight.aoi.assets[0].bands
        id = insight.id if not insight.packages else f"{insight.id}-{len(insight.packages) + 1}"
        insight.packages[wanted] = state.package("insight_package", id, aoi.geometry, aoi.scenes, bands)
        state.record(call.operation.id, insight.id, f"{insight.id}: {wanted}")
    package = insight.packages[wanted]
    status = package.course.word(state.now, _PACKAGE_WORDS)
    return Answer({"id": insight.id, "status": status, "signed_url": state.signed_url(package)})


@routes("deleteInsights")
def delete_insight(state: State, call: Call) -> Answer:
    """Delete the insight; at a second request it is unknown."""
    insight, project_id = _insight(state, call), call.query["project_id"]
    if project_id != insight.project_id:
        raise bad_request("project_id: the insight belongs to another project", {"project_id": project_id})
    del state.insights[insight.id]
    return Answer()


def _block(state: State, name: str, version: str) -> SeededBlock | None:
    return next((block for block in state.blocks if (block.name, block.version) == (name, version)), None)


def _insight(state: State, call: Call) -> Insight:
    aoi, id = the_aoi(state, call), call.path["insight_id"]
    insight = state.insights.get(id)
    if insight is None or insight.aoi is not aoi:
        raise call.unknown("insight", id)
    return insight


def _require_inputs(block: SeededBlock, sent: list[dict[str, Any]]) -> None:
    """Refuse unknown and missing inputs, and inputs without a value."""
    names = [wanted["name"] for wanted in block.answer["spec"]["inputs"]]
    given = [entry.get("name") for entry in sent]
    for index, entry in enumerate(sent):
        if entry.get("name") not in names:
            raise bad_request(f"body.input[{index}].name: the block's inputs are {', '.join(names)}")
        if not entry.get("value") and not (entry.get("stac_url") and entry.get("asset_source")):
            raise bad_request(f"body.input[{index}]: needs a value, or stac_url with asset_source")
    missing = [name for name in names if name not in given]
    if missing:
        raise bad_request(f"body.input: {', '.join(missing)} is missing", {"missing": missing})


def _json(state: State, insight: Insight) -> dict[str, Any]:
    now, course = state.now, insight.course
    outputs = [
        {**output, "value": f"s3://sandbox/{insight.id}/{output['name']}.tif"}
        for output in insight.block.answer["spec"]["outputs"]
    ]
    return {
        "id": insight.id,
        "name": insight.name,
        "status": course.word(now, _WORDS),
        "progress": course.progress(now),
        "aoi_id": insight.aoi.id,
        "cost": insight.cost,
        "estimated_time_in_min": round(course.seconds / 60, 2),
        "input": insight.input,
        "output": outputs if course.succeeded(now) else None,
        "metadata": insight.metadata,
        "err_msg": "no cloud-free image" if course.failed(now) else "",
        "created_by": insight.user_id,
        "created_at": times.zulu(course.begins),
        "deleted_at": None,
    }
