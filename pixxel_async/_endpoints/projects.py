"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Project, ProjectList

_LIST: Endpoint[ProjectList] = Endpoint(
    id="ListProjects",
    method="GET",
    path="/v0/projects",
    returns=ProjectList,
    request_class="read",
    paging=Paging(style="page-number", items="projects", total=("count",)),
)
_GET: Endpoint[Project] = Endpoint(
    id="GetProjectById",
    method="GET",
    path="/v0/projects/{project_id}",
    returns=Project,
    request_class="read",
    unwrap="project",
)


class Projects(Resource):
    """Projects that the credential may see; most other resources belong to one."""

    def list(
        self, *, limit: int | None = None, page_size: int | None = None, prefetch: bool = False
    ) -> Paginator[Project]:
        """List projects.

        Projects that the credential may see. Errors of this call may lack the usual error envelope.

        Vendor call: `ListProjects`, `GET /v0/projects`.

        Args:
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Project), or `await` it to get a list.
        """
        return self._paginate(Operation(_LIST), limit=limit, page_size=page_size, prefetch=prefetch)

    async def get(self, project_id: str) -> Project:
        """Get one project.

        Reads one project by its id. Errors of this call may lack the usual error envelope.

        Vendor call: `GetProjectById`, `GET /v0/projects/{project_id}`.

        Args:
            project_id: Id of the project.

        Returns:
            The project, wrapped under one key.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_GET, path={"project_id": project_id}))
