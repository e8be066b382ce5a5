"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._codec import checks, times
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Workflow, WorkflowEstimate, WorkflowList

_LIST: Endpoint[WorkflowList] = Endpoint(
    id="listWorkflows",
    method="GET",
    path="/v0/workflows",
    returns=WorkflowList,
    request_class="read",
    paging=Paging(style="offset-query", items="workflows", total=("pagination", "total")),
)
_GET: Endpoint[Workflow] = Endpoint(
    id="getWorkflowsById",
    method="GET",
    path="/v0/workflows/{workflow_id}",
    returns=Workflow,
    request_class="read",
    key={"workflow_id": "id"},
)
_ESTIMATE: Endpoint[WorkflowEstimate] = Endpoint(
    id="getWorkflowCostEstimate",
    method="GET",
    path="/v0/workflows/{workflow_id}/estimate",
    returns=WorkflowEstimate,
    request_class="read",
)


class Workflows(Resource):
    """Graphs of blocks, made in the web application. The API can only read them."""

    def list(
        self,
        *,
        project_id: str | None = None,
        id: str | None = None,
        name: str | None = None,
        created_by: str | None = None,
        created_on: times.Instant | None = None,
        updated_at: times.Instant | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Workflow]:
        """List workflows.

        Workflows are made in the web application; there is no call that creates one. The entries lack the
        definition.

        Vendor call: `listWorkflows`, `GET /v0/workflows`.

        Args:
            project_id: Only workflows of this project.
            id: Only the workflow with this identifier.
            name: Only workflows with this name.
            created_by: Only workflows made by this user.
            created_on: Only workflows made at this time. The syntax of ranges is not documented; text is
                sent unchanged.
            updated_at: Only workflows changed at this time. The syntax of ranges is not documented; text is
                sent unchanged.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Workflow), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "project_id": project_id,
                    "id": id,
                    "name": name,
                    "created_by": created_by,
                    "created_on": checks.optional("created_on", checks.time_filter, created_on),
                    "updated_at": checks.optional("updated_at", checks.time_filter, updated_at),
                },
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def get(self, workflow_id: str, *, project_id: str) -> Workflow:
        """Read one workflow with its definition.

        In addition to a list entry it has the definition, its errors, and the price of one job.

        Vendor call: `getWorkflowsById`, `GET /v0/workflows/{workflow_id}`.

        Args:
            workflow_id: Identifier of the workflow.
            project_id: Project that the workflow belongs to.

        Returns:
            The workflow.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return await self._send(
            Operation(
                _GET,
                path={"workflow_id": workflow_id},
                query={"project_id": checks.required("project_id", checks.text(min_length=1), project_id)},
            )
        )

    async def estimate(self, workflow_id: str) -> WorkflowEstimate:
        """Estimate the price of one job of a workflow.

        Nothing is started or charged.

        Vendor call: `getWorkflowCostEstimate`, `GET /v0/workflows/{workflow_id}/estimate`.

        Args:
            workflow_id: Identifier of the workflow.

        Returns:
            The price in tokens.
        """
        return await self._send(Operation(_ESTIMATE, path={"workflow_id": workflow_id}))
