"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller
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

        The entries leave out tasks and definition; read the single job for these.

        The vendor calls this `listJobs`: `GET /v0/workflows/{workflow_id}/jobs`.

        Args:
            workflow_id: Identifier of the workflow.
            id: Only the job with this identifier.
            status: Only jobs in this state, for instance running, completed or failed.
            created_by: Only jobs started by this user.
            created_on: Only jobs started at this time, as ISO 8601. The syntax of ranges is not documented;
                a text is sent as it is.
            limit: How many items in all; every item when left out.

        Returns:
            A paginator: `async for` walks the items (Job), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
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

        The vendor calls this `createJob`: `POST /v0/workflows/{workflow_id}/jobs`.

        Args:
            workflow_id: Identifier of the workflow.
            project_id: Project in whose name the job runs.

        Returns:
            The job that was started.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
            OutcomeUnknown: the answer was lost: it may have happened. `await error.reconcile()` looks
                whether it did.
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

        The tasks tell which processing block is at work, waits or has failed.

        The vendor calls this `getJobById`: `GET /v0/workflows/{workflow_id}/jobs/{job_id}`.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.

        Returns:
            The job.
        """
        return await self._send(Operation(_GET, path={"workflow_id": workflow_id, "job_id": job_id}))

    async def request_download(self, workflow_id: str, job_id: str) -> JobPackage:
        """Ask for a package of the results of a job.

        Starts the packing and tells how it stands. Repeat the same request until signed_url is filled;
        there is no other way to ask. The request has no body.

        The vendor calls this `downloadJob`: `PUT /v0/workflows/{workflow_id}/jobs/{job_id}/download`.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.

        Returns:
            How the package stands.
        """
        return await self._send(
            Operation(_REQUEST_DOWNLOAD, path={"workflow_id": workflow_id, "job_id": job_id})
        )

    def wait(
        self,
        workflow_id: str,
        job_id: str,
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Job], Any] | None = None,
    ) -> Poller[Job]:
        """Wait until a job is settled.

        Nothing is sent before you use what this returns.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.
            timeout: Seconds to wait at most; 1 hour when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way.

        Raises:
            WaitFailed: it failed, in the server's words; status failed.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = self._target(workflow_id)
        return self._wait(
            target,
            job_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        workflow_id: str,
        job_ids: Iterable[str],
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Job], Any] | None = None,
    ) -> Waits[Job]:
        """Wait until many jobs are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each; what is shown on the way may then hold less than the end.

        Args:
            workflow_id: Identifier of the workflow.
            job_ids: Ids of the jobs, each once.
            timeout: Seconds to wait at most; 1 hour when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            `async for` gives a `Waited` for each as it ends, `await` the list of them in the order of the
                ids. `.result()` of one is its final snapshot, or raises what `wait` raises.

        Raises:
            InvalidInput: an id is empty or stands there twice, or a time is not a positive number.
        """
        return self._wait_many(
            self._target(workflow_id),
            job_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self, workflow_id: str) -> PollTarget[Job]:
        return PollTarget(
            _life_cycles.JOB,
            lambda id: self.get(workflow_id, id),
            listing=lambda **narrow: self.list(workflow_id, **narrow),
            within=(workflow_id,),
        )

    def wait_download(
        self,
        workflow_id: str,
        job_id: str,
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[JobPackage], Any] | None = None,
    ) -> PackagePoller[JobPackage]:
        """Wait until a job package is ready.

        Nothing is sent before you use what this returns.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.
            timeout: Seconds to wait at most; 1 hour when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way,
                `.save(directory)` the package as a file.

        Raises:
            WaitFailed: it failed, in the server's words; status failed.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = PollTarget(
            _life_cycles.JOB_PACKAGE, lambda id: self.request_download(workflow_id, id), within=(workflow_id,)
        )
        return self._wait_package(
            target,
            job_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )
