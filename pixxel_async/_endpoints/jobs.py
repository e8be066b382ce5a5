"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import Job, JobList, JobPackage

_LIST: Endpoint[JobList] = Endpoint(
    id="listJobs",
    method="GET",
    path="/v0/workflows/{workflow_id}/jobs",
    returns=JobList,
    request_class="read",
    paging=Paging(style="single", items="jobs"),
)
_CREATE: Endpoint[Job] = Endpoint(
    id="createJob",
    method="POST",
    path="/v0/workflows/{workflow_id}/jobs",
    returns=Job,
    request_class="create",
    billable=True,
    trace=Trace(listing=_LIST, id="id"),
)
_GET: Endpoint[Job] = Endpoint(
    id="getJobById",
    method="GET",
    path="/v0/workflows/{workflow_id}/jobs/{job_id}",
    returns=Job,
    request_class="read",
    key={"workflow_id": "workflow_id", "job_id": "id"},
)
_REQUEST_DOWNLOAD: Endpoint[JobPackage] = Endpoint(
    id="downloadJob",
    method="PUT",
    path="/v0/workflows/{workflow_id}/jobs/{job_id}/download",
    returns=JobPackage,
    request_class="idempotent",
)


class Jobs(Resource):
    """Runs of a workflow."""

    def list(
        self,
        workflow_id: str,
        *,
        id: str | None = None,
        status: str | None = None,
        created_by: str | None = None,
        created_on: times.Instant | None = None,
        limit: int | None = None,
    ) -> Paginator[Job]:
        """List the jobs of a workflow.

        The entries lack tasks and definition; read the single job for these.

        Vendor call: `listJobs`, `GET /v0/workflows/{workflow_id}/jobs`.

        Args:
            workflow_id: Identifier of the workflow.
            id: Only the job with this identifier.
            status: Only jobs in this state, for instance running, completed or failed.
            created_by: Only jobs started by this user.
            created_on: Only jobs started at this time, as ISO 8601. The syntax of ranges is not documented;
                text is sent unchanged.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Job), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                path={"workflow_id": workflow_id},
                query={
                    "id": id,
                    "status": status,
                    "created_by": created_by,
                    "created_on": checks.optional("created_on", checks.time_filter, created_on),
                },
            ),
            limit=limit,
            page_size=None,
            prefetch=False,
        )

    async def create(self, workflow_id: str, *, project_id: str) -> Job:
        """Start a job of a workflow.

        Executes the workflow once; its price in tokens is charged. The request has no body.

        Charges tokens.

        Vendor call: `createJob`, `POST /v0/workflows/{workflow_id}/jobs`.

        Args:
            workflow_id: Identifier of the workflow.
            project_id: Project that the job belongs to.

        Returns:
            The job that was started.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        return await self._send(
            Operation(
                _CREATE,
                path={"workflow_id": workflow_id},
                query={"project_id": checks.required("project_id", checks.text(min_length=1), project_id)},
            )
        )

    async def get(self, workflow_id: str, job_id: str) -> Job:
        """Read one job with its tasks.

        The tasks show which processing block is running, waiting or failed.

        Vendor call: `getJobById`, `GET /v0/workflows/{workflow_id}/jobs/{job_id}`.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.

        Returns:
            The job.
        """
        return await self._send(Operation(_GET, path={"workflow_id": workflow_id, "job_id": job_id}))

    async def request_download(self, workflow_id: str, job_id: str) -> JobPackage:
        """Request a package of the results of a job.

        Starts the packing and returns its state. Repeat the same request until signed_url is filled; no
        other call returns the state. The request has no body.

        Vendor call: `downloadJob`, `PUT /v0/workflows/{workflow_id}/jobs/{job_id}/download`.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.

        Returns:
            State of the package.
        """
        return await self._send(
            Operation(_REQUEST_DOWNLOAD, path={"workflow_id": workflow_id, "job_id": job_id})
        )

    def wait(self, workflow_id: str, job_id: str, **options: Unpack[WaitOptions[Job]]) -> Poller[Job]:
        """Wait until a job is finished.

        No request is sent before you use the result.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.
            timeout: Time limit in seconds. Default: 1 hour; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot.

        Raises:
            WaitFailed: it failed (status failed). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = self._target(workflow_id)
        return self._wait(target, job_id, options)

    def wait_many(
        self, workflow_id: str, job_ids: Iterable[str], **options: Unpack[WaitOptions[Job]]
    ) -> MultiWait[Job]:
        """Wait until several jobs are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits.

        More than twenty waits share list requests, if that takes fewer requests than polling each.
        Snapshots before the last one may then lack fields.

        Args:
            workflow_id: Identifier of the workflow.
            job_ids: Ids of the jobs, without duplicates.
            timeout: Time limit in seconds. Default: 1 hour; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            Iterate with `async for` to receive a `WaitResult` for each id as it finishes. `await` it to get
                their list in the order of the ids. `.result()` of a `WaitResult` returns the final
                snapshot, or raises the errors of `wait`.

        Raises:
            InvalidInput: an id is empty or a duplicate, or a time is not a positive number.
        """
        return self._wait_many(self._target(workflow_id), job_ids, options)

    def _target(self, workflow_id: str) -> PollTarget[Job]:
        return PollTarget(
            _life_cycles.JOB,
            lambda id: self.get(workflow_id, id),
            listing=lambda **narrow: self.list(workflow_id, **narrow),
            within=(workflow_id,),
        )

    def wait_download(
        self, workflow_id: str, job_id: str, **options: Unpack[WaitOptions[JobPackage]]
    ) -> PackagePoller[JobPackage]:
        """Wait until a job package is ready.

        No request is sent before you use the result.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.
            timeout: Time limit in seconds. Default: 1 hour; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot. `.save(directory)` saves the package as a file.

        Raises:
            WaitFailed: it failed (status failed). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = PollTarget(
            _life_cycles.JOB_PACKAGE, lambda id: self.request_download(workflow_id, id), within=(workflow_id,)
        )
        return self._wait_package(target, job_id, options)
