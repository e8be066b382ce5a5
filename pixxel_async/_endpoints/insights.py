"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Unpack

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller, WaitOptions
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

        Vendor call: `listInsights`, `GET /v0/aoi/{aoi_id}/insights`.

        Args:
            aoi_id: Identifier of the AOI.
            id: Only the insight with this identifier.
            status: Only insights in this state, for instance running or completed.
            created_by: Only insights created by this user.
            created_on: Only insights created at this time, as RFC 3339 such as 2025-04-14T00:00:00Z. The
                vendor does not document whether it means the instant, the day or all time since.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Insight), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
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
        """Estimate the price of running a block on an AOI; nothing is created or charged.

        With estimate true, the response holds the price and nothing is created. Otherwise the insight is
        created and its price in tokens is charged.

        Vendor call: `createInsights`, `POST /v0/aoi/{aoi_id}/insights`.

        Args:
            aoi_id: Identifier of the AOI.
            block: Block to run.
            input: The inputs of the block's specification, with their values.
            name: Name of the insight.
            project_id: Project that the insight belongs to.
            metadata: Your own labels, stored with the insight and returned by the list.

        Returns:
            The price, when estimate is true.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
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

        With estimate true, the response holds the price and nothing is created. Otherwise the insight is
        created and its price in tokens is charged.

        Charges tokens.

        Vendor call: `createInsights`, `POST /v0/aoi/{aoi_id}/insights`.

        Args:
            aoi_id: Identifier of the AOI.
            block: Block to run.
            input: The inputs of the block's specification, with their values.
            name: Name of the insight.
            project_id: Project that the insight belongs to.
            metadata: Your own labels, stored with the insight and returned by the list.

        Returns:
            The insight was created, when estimate is false.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
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
        """Delete an insight permanently.

        This cannot be undone. The response has no body.

        Vendor call: `deleteInsights`, `DELETE /v0/aoi/{aoi_id}/insights/{insight_id}`.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Identifier of the insight.
            project_id: Project that the insight belongs to.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
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
        """Request a package of the files of an insight.

        Starts the packing and returns its state. Repeat the same request until signed_url is filled; no
        other call returns the state.

        Vendor call: `downloadInsights`, `PUT /v0/aoi/{aoi_id}/insights/{insight_id}/download`.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Identifier of the insight.
            inputs: Names or ids of the inputs to pack.
            outputs: Names or ids of the outputs to pack.

        Returns:
            State of the package.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
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

    def wait(self, aoi_id: str, insight_id: str, **options: Unpack[WaitOptions[Insight]]) -> Poller[Insight]:
        """Wait until an insight is finished.

        No request is sent before you use the result.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Id of an insight.
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
        target = self._target(aoi_id)
        return self._wait(target, insight_id, options)

    def wait_many(
        self, aoi_id: str, insight_ids: Iterable[str], **options: Unpack[WaitOptions[Insight]]
    ) -> MultiWait[Insight]:
        """Wait until several insights are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            aoi_id: Identifier of the AOI.
            insight_ids: Ids of the insights, without duplicates.
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
        return self._wait_many(self._target(aoi_id), insight_ids, options)

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
        **options: Unpack[WaitOptions[InsightPackage]],
    ) -> PackagePoller[InsightPackage]:
        """Wait until an insight package is ready.

        No request is sent before you use the result.

        Args:
            aoi_id: Identifier of the AOI.
            insight_id: Identifier of the insight.
            inputs: Names or ids of the inputs to pack.
            outputs: Names or ids of the outputs to pack.
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
            _life_cycles.INSIGHT_PACKAGE,
            lambda id: self.request_download(aoi_id, id, inputs=inputs, outputs=outputs),
            within=(aoi_id,),
        )
        return self._wait_package(target, insight_id, options)
