"""Ping, projects and satellites."""

from __future__ import annotations

from typing import Any

from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers

routes = Handlers()

_MEMBERS = 3
_PAGE_SIZE = 50
"""Default number of projects per page; the vendor documents none."""


@routes("Ping")
def ping(state: State, call: Call) -> Answer:
    """Return a short text; the text is ours."""
    return Answer("pong")


@routes("ListProjects")
def list_projects(state: State, call: Call) -> Answer:
    """List projects. Page numbers start at 1; 0 also means the first page. Both are ours."""
    visible = [_listed(project) for id, project in state.projects.items() if call.access.may_use(id)]
    size = call.query["page_size"] or _PAGE_SIZE
    start = (max(call.query["page_num"] or 1, 1) - 1) * size
    return Answer({"count": len(visible), "projects": visible[start : start + size]})


@routes("GetProjectById")
def get_project(state: State, call: Call) -> Answer:
    """Return one project, wrapped, without the number of members."""
    id = call.path["project_id"]
    if id not in state.projects:
        raise call.unknown("project", id)
    call.require_project(id)
    return Answer({"project": state.projects[id]})


@routes("ListSatellites")
def list_satellites(state: State, call: Call) -> Answer:
    """List all satellites, without pages."""
    return Answer({"satellites": list(state.satellites.values())})


def _listed(project: dict[str, Any]) -> dict[str, Any]:
    return {**project, "members_count": _MEMBERS}
