"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import (
    BlockRef,
    DataType,
    Insight,
    InsightCreate,
    InsightCreated,
    InsightEstimate,
    InsightList,
    InsightPackage,
    InsightPackageCreate,
)

_LIST: Endpoint[InsightList] = Endpoint(
    id="listInsights",
    method="GET",
    path="/v0/aoi/{aoi_id}/insights",
    returns=InsightList,
    request_class="read",
    paging=Paging(style="single", items="insights"),
)
_ESTIMATE: Endpoint[InsightEstimate] = Endpoint(
    id="createInsights",
    method="POST",
    path="/v0/aoi/{aoi_id}/insights",
    returns=InsightEstimate,
    request_class="read",
)
_CREATE: Endpoint[InsightCreated] = Endpoint(
    id="createInsights",
    method="POST",
    path="/v0/aoi/{aoi_id}/insights",
    returns=InsightCreated,
    request_class="create",
    billable=True,
    trace=Trace(
        listing=_LIST,
        id="id",
        equal={
            "name": "name",
            "metadata": "metadata",
            "input.name": "input.name",
            "input.value": "input.value",
        },
    ),
)
_DELETE: Endpoint[None] = Endpoint(
    id="deleteInsights",
    method="DELETE",
    path="/v0/aoi/{aoi_id}/insights/{insight_id}",
    returns=None,
    request_class="idempotent",
)
_REQUEST_DOWNLOAD: Endpoint[InsightPackage] = Endpoint(
    id="downloadInsights",
    method="PUT",
    path="/v0/aoi/{aoi_id}/insights/{insight_id}/download",
    returns=InsightPackage,
    request_class="idempotent",
)


class Insights(Resource):
    """Runs of one model over an AOI."""

    def list(
        self,
        aoi_id: str,
        *,
        id: str | None = None,
        status: str | None = None,
        created_by: str | None = None,
        created_on: times.Instant | None = None,
        limit: int | None = None,
    ) -> Paginator[Insight]:
        """List the insights of an AOI.

        There is no call that reads one insight; filter by id instead.

        The vendor calls this `listInsights`: `GET /v0/aoi/{aoi_id}/insights`.

        Args:
            aoi_id: Identifier of the AOI.
            id: Only the insight with this identifier.
            status: Only insights in this state, for instance running or completed.
            created_by: Only insights created by this user.
            created_on: Only insights created at this time, as RFC 3339 such as 2025-04-14T00:00:00Z.
                Whether it means the instant, the day or everything since is not documented.
            limit: How many items in all; every item when left out.

        Returns:
            A paginator: `async for` walks the items (Insight), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                path={"aoi_id": aoi_id},
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

    async def estimate(
        self,
        aoi_id: str,
        *,
        block: BlockRef,
        input: Sequence[DataType],
        name: str | None = None,
        project_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> InsightEstimate:
        """Ask what it costs to run a block on an AOI; nothing is created or charged.

        With estimate true the answer is only the price and nothing is created; otherwise the insight is
        created and its price in tokens is charged.

        The vendor calls this `createInsights`: `POST /v0/aoi/{aoi_id}/insights`.

        Args:
            aoi_id: Identifier of the AOI.
            block: Block to run.
            input: Inputs with their values: the inputs of the block's specification, filled in.
            name: Name of the insight.
            project_id: Project in whose name the insight runs.
            metadata: Free text labels of yours, kept with the insight and returned by the list.

        Returns:
            The price, when estimate is true.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return await self._send(
            Operation(
                _ESTIMATE,
                path={"aoi_id": aoi_id},
                body=InsightCreate(
                    block=block,
                    input=input,
                    name=name,
                    project_id=project_id,
                    metadata=metadata,
                    estimate=True,
                ),
            )
        )

    async def create(
        self,
        aoi_id: str,
        *,
        block: BlockRef,
        input: Sequence[DataType],
        name: str | None = None,
        project_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> InsightCreated:
        """Run a block on an AOI; its price in tokens is charged.

        With estimate true the answer is only the price and nothing is created; otherwise the insight is
        created and its price in tokens is charged.

        Charges tokens.

        The vendor calls this `createInsights`: `POST /v0/aoi/{aoi_id}/insights`.

        Args:
            aoi_id: Identifier of the AOI.
            block: Block to run.
            input: Inputs with their values: the inputs of the block's specification, filled in.
            name: Name of the insight.
            project_id: Project in whose name the insight runs.
            metadata: Free text labels of yours, kept with the insight and returned by the list.

        Returns:
            The insight was created, when estimate is false.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
            OutcomeUnknown: the answer was lost: it may have happened. `await error.reconcile()` looks
                whether it did.
        """
        return await self._send(
            Operation(
                _CREATE,
                path={"aoi_id": aoi_id},
                body=InsightCreate(
                    block=block,
                    input=input,
                    name=name,
                    project_id=project_id,
                    metadata=metadata,
                    estimate=False,
                ),
            )
        )

    async def delete(self, aoi_id: str, insight_id: str, *, project_id: str) -> None:
        """Delete an insight for good.

        This cannot be undone. The answer has no body.

        The vendor calls this `deleteInsights`: `DELETE /v0/aoi/{aoi_id}/insights/{insight_id}`.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Identifier of the insight.
            project_id: Project that the insight belongs to.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        await self._send(
            Operation(
                _DELETE,
                path={"aoi_id": aoi_id, "insight_id": insight_id},
                query={"project_id": checks.required("project_id", checks.text(min_length=1), project_id)},
            )
        )

    async def request_download(
        self,
        aoi_id: str,
        insight_id: str,
        *,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
    ) -> InsightPackage:
        """Ask for a package of the files of an insight.

        Starts the packing and tells how it stands. Repeat the same request until signed_url is filled;
        there is no other way to ask.

        The vendor calls this `downloadInsights`: `PUT /v0/aoi/{aoi_id}/insights/{insight_id}/download`.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Identifier of the insight.
            inputs: Names or ids of the inputs to pack.
            outputs: Names or ids of the outputs to pack.

        Returns:
            How the package stands.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return await self._send(
            Operation(
                _REQUEST_DOWNLOAD,
                path={"aoi_id": aoi_id, "insight_id": insight_id},
                body=None
                if inputs is None and outputs is None
                else InsightPackageCreate(inputs=inputs, outputs=outputs),
            )
        )

    def wait(
        self,
        aoi_id: str,
        insight_id: str,
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Insight], Any] | None = None,
    ) -> Poller[Insight]:
        """Wait until an insight is settled.

        Nothing is sent before you use what this returns.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Id of an insight.
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
        target = self._target(aoi_id)
        return self._wait(
            target,
            insight_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        aoi_id: str,
        insight_ids: Iterable[str],
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Insight], Any] | None = None,
    ) -> Waits[Insight]:
        """Wait until many insights are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each.

        Args:
            aoi_id: Identifier of the AOI.
            insight_ids: Ids of the insights, each once.
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
            self._target(aoi_id),
            insight_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self, aoi_id: str) -> PollTarget[Insight]:
        return PollTarget(
            _life_cycles.INSIGHT,
            lambda id: self._pick(self.list(aoi_id, id=id), "id", id),
            listing=lambda **narrow: self.list(aoi_id, **narrow),
            within=(aoi_id,),
        )

    def wait_download(
        self,
        aoi_id: str,
        insight_id: str,
        *,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[InsightPackage], Any] | None = None,
    ) -> PackagePoller[InsightPackage]:
        """Wait until an insight package is ready.

        Nothing is sent before you use what this returns.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Identifier of the insight.
            inputs: Names or ids of the inputs to pack.
            outputs: Names or ids of the outputs to pack.
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
            _life_cycles.INSIGHT_PACKAGE,
            lambda id: self.request_download(aoi_id, id, inputs=inputs, outputs=outputs),
            within=(aoi_id,),
        )
        return self._wait_package(
            target,
            insight_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )
