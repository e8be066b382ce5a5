"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from typing import Unpack

from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.polling import PackagePoller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import TaskPackage

_REQUEST_DOWNLOAD: Endpoint[TaskPackage] = Endpoint(
    id="downloadTask",
    method="PUT",
    path="/v0/workflows/{workflow_id}/jobs/{job_id}/tasks/{task_id}/download",
    returns=TaskPackage,
    request_class="idempotent",
)


class Tasks(Resource):
    """Single blocks within a job and their results."""

    async def request_download(self, workflow_id: str, job_id: str, task_id: str) -> TaskPackage:
        """Request a package of the results of one task of a job.

        Starts the packing and returns its state. Repeat the same request until signed_url is filled; no
        other call returns the state. The request has no body.

        Vendor call: `downloadTask`, `PUT
        /v0/workflows/{workflow_id}/jobs/{job_id}/tasks/{task_id}/download`.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.
            task_id: Identifier of the task, as in tasks of the job.

        Returns:
            State of the package.
        """
        return await self._send(
            Operation(
                _REQUEST_DOWNLOAD, path={"workflow_id": workflow_id, "job_id": job_id, "task_id": task_id}
            )
        )

    def wait_download(
        self, workflow_id: str, job_id: str, task_id: str, **options: Unpack[WaitOptions[TaskPackage]]
    ) -> PackagePoller[TaskPackage]:
        """Wait until a task package is ready.

        No request is sent before you use the result.

        Args:
            workflow_id: Identifier of the workflow.
            job_id: Identifier of the job.
            task_id: Identifier of the task, as in tasks of the job.
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
            _life_cycles.TASK_PACKAGE,
            lambda id: self.request_download(workflow_id, job_id, id),
            within=(
                workflow_id,
                job_id,
            ),
        )
        return self._wait_package(target, task_id, options)
