"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Unpack

from pixxel_async._codec import checks
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import (
    SLD,
    ExpressionType,
    LegendItemUpdate,
    PngRequest,
    SLDRequest,
    Visualization,
    VisualizationCreate,
    VisualizationList,
    VisualizationMetadata,
    VisualizationMetadataRollback,
    VisualizationMetadataUpdate,
    VisualizationMode,
    VisualizationType,
)

_LIST: Endpoint[VisualizationList] = Endpoint(
    id="ListVisualizations",
    method="GET",
    path="/v0/aois/{aoi_id}/visualizations",
    returns=VisualizationList,
    request_class="read",
    paging=Paging(style="offset-query", items="visualization", total=("pagination", "total")),
)
_CREATE: Endpoint[Visualization] = Endpoint(
    id="CreateVisualization",
    method="POST",
    path="/v0/aois/{aoi_id}/visualizations",
    returns=Visualization,
    request_class="create",
    trace=Trace(listing=_LIST, id="id", filter={"index_id": "index_id"}, equal={"index_id": "index_id"}),
)
_UPDATE_METADATA: Endpoint[VisualizationMetadata] = Endpoint(
    id="UpdateVisualizationMetadata",
    method="PUT",
    path="/v0/aois/{aoi_id}/visualizations/{visualization_id}/metadata",
    returns=VisualizationMetadata,
    request_class="idempotent",
)
_ROLLBACK_METADATA: Endpoint[Visualization] = Endpoint(
    id="RollbackVisualizationMetadata",
    method="PATCH",
    path="/v0/aois/{aoi_id}/visualizations/{visualization_id}/metadata",
    returns=Visualization,
    request_class="create",
)
_PNG: Endpoint[bytes] = Endpoint(
    id="GenerateIndexPng",
    method="POST",
    path="/v0/aois/{aoi_id}/visualizations/{visualization_id}/png",
    returns=bytes,
    request_class="read",
)
_SLD: Endpoint[SLD] = Endpoint(
    id="GenerateVisualizationSLD",
    method="POST",
    path="/v0/aois/{aoi_id}/visualizations/{visualization_id}/sld",
    returns=SLD,
    request_class="read",
)


class Visualizations(Resource):
    """Indices rendered over the images of an AOI, with legends, PNG pictures and SLD styles."""

    def list(
        self,
        aoi_id: str,
        *,
        type: VisualizationType | str | None = None,
        user_id: str | None = None,
        expression_type: ExpressionType | str | None = None,
        index_id: str | None = None,
        visualization_id: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Visualization]:
        """List visualizations of an AOI.

        Visualizations of one AOI in short form, with ids, state and progress. Only create and rollback
        return expression, assets and legends. There is no call for one visualization; filter by
        visualization_id instead.

        Vendor call: `ListVisualizations`, `GET /v0/aois/{aoi_id}/visualizations`.

        Args:
            aoi_id: Id of the AOI.
            type: Only visualizations of this type.
            user_id: Only visualizations made by this user.
            expression_type: Only visualizations with an expression of this kind.
            index_id: Only visualizations of this index.
            visualization_id: Only the visualization with this id.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Visualization), or `await` it to get a
                list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                path={"aoi_id": aoi_id},
                query={
                    "type": checks.optional("type", checks.enum_value(VisualizationType), type),
                    "user_id": user_id,
                    "expression_type": checks.optional(
                        "expression_type", checks.enum_value(ExpressionType), expression_type
                    ),
                    "index_id": index_id,
                    "visualization_id": visualization_id,
                },
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def create(
        self,
        aoi_id: str,
        *,
        index_id: str,
        src_asset_ids: Sequence[str] | None = None,
        resolution: float | None = None,
    ) -> Visualization:
        """Create a visualization.

        Starts rendering an index over images of an AOI. The server makes the legends. A preset index gets
        dynamic and theoretical ones, a custom index expression dynamic ones only. Composite and grayscale
        get none.

        Vendor call: `CreateVisualization`, `POST /v0/aois/{aoi_id}/visualizations`.

        Args:
            aoi_id: Id of the AOI.
            index_id: Id of the index to render.
            src_asset_ids: Ids of the assets to render. Optional in the vendor's document, required in an
                older page.
            resolution: Size of a pixel on the ground in metres. Server default: that of the satellite.

        Returns:
            The new visualization, usually still in progress.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            NotFound: no resource has this id.
            Conflict: a resource with this name or content already exists.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        return await self._send(
            Operation(
                _CREATE,
                path={"aoi_id": aoi_id},
                body=VisualizationCreate(
                    index_id=index_id, src_asset_ids=src_asset_ids, resolution=resolution
                ),
            )
        )

    async def update_metadata(
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        visualization_mode: VisualizationMode | str,
        legend: Mapping[str, Sequence[LegendItemUpdate] | None],
        dynamic_bins: int | None = None,
    ) -> VisualizationMetadata:
        """Replace legends of one mode.

        Sets the legends of one mode for the given days and does not change the other mode. In dynamic mode
        the server can compute the classes from dynamic_bins. Returns the metadata only.

        Vendor call: `UpdateVisualizationMetadata`, `PUT
        /v0/aois/{aoi_id}/visualizations/{visualization_id}/metadata`.

        Args:
            aoi_id: Id of the AOI.
            visualization_id: Id of the visualization.
            visualization_mode: Mode of the legends to set; the other mode does not change.
            legend: Classes by day such as 2024_05_06. In dynamic mode null lets the server compute the
                classes from dynamic_bins.
            dynamic_bins: Number of classes of equal width to compute, 1-15. Needed in dynamic mode where a
                legend is null.

        Returns:
            The metadata after the change.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            NotFound: no resource has this id.
        """
        return await self._send(
            Operation(
                _UPDATE_METADATA,
                path={"aoi_id": aoi_id, "visualization_id": visualization_id},
                body=VisualizationMetadataUpdate(
                    visualization_mode=visualization_mode, legend=legend, dynamic_bins=dynamic_bins
                ),
            )
        )

    async def rollback_metadata(
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        index_id: str,
        dates: Sequence[str],
        visualization_mode: VisualizationMode | str,
    ) -> Visualization:
        """Recompute legends from the source data.

        Discards the edited legends of one mode for the given days and computes them again from the source
        data. Returns the whole visualization.

        Vendor call: `RollbackVisualizationMetadata`, `PATCH
        /v0/aois/{aoi_id}/visualizations/{visualization_id}/metadata`.

        Args:
            aoi_id: Id of the AOI.
            visualization_id: Id of the visualization.
            index_id: Id of the index.
            dates: Days of the images, such as 2024_05_06.
            visualization_mode: Mode of the legends to compute again.

        Returns:
            The whole visualization after the change.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            NotFound: no resource has this id.
            OutcomeUnknown: the response was lost, but the call may have succeeded. Check before you call
                again.
        """
        return await self._send(
            Operation(
                _ROLLBACK_METADATA,
                path={"aoi_id": aoi_id, "visualization_id": visualization_id},
                body=VisualizationMetadataRollback(
                    index_id=index_id, dates=dates, visualization_mode=visualization_mode
                ),
            )
        )

    async def png(
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        index_id: str,
        date: str,
        visualization_mode: VisualizationMode | str,
    ) -> bytes:
        """Render one day as a PNG.

        Renders the index of one day with its legend on top. Returns the picture itself. Errors are JSON,
        although the vendor labels them as pictures.

        Vendor call: `GenerateIndexPng`, `POST /v0/aois/{aoi_id}/visualizations/{visualization_id}/png`.

        Args:
            aoi_id: Id of the AOI.
            visualization_id: Id of the visualization.
            index_id: Id of the index to render.
            date: Day of the image, such as 2024_05_06.
            visualization_mode: Which legend to use.

        Returns:
            The picture as binary data.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            NotFound: no resource has this id.
        """
        return await self._send(
            Operation(
                _PNG,
                path={"aoi_id": aoi_id, "visualization_id": visualization_id},
                body=PngRequest(index_id=index_id, date=date, visualization_mode=visualization_mode),
            )
        )

    async def sld(
        self,
        aoi_id: str,
        visualization_id: str,
        *,
        dates: Sequence[str],
        visualization_modes: Sequence[VisualizationMode | str],
    ) -> SLD:
        """Generate SLD styles.

        Writes the legends of the given days and modes as Styled Layer Descriptor documents, for use in a
        map server or GIS.

        Vendor call: `GenerateVisualizationSLD`, `POST
        /v0/aois/{aoi_id}/visualizations/{visualization_id}/sld`.

        Args:
            aoi_id: Id of the AOI.
            visualization_id: Id of the visualization.
            dates: Days of the images, such as 2024_05_06.
            visualization_modes: Legends to write styles for.

        Returns:
            The styles by mode and day.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            NotFound: no resource has this id.
        """
        return await self._send(
            Operation(
                _SLD,
                path={"aoi_id": aoi_id, "visualization_id": visualization_id},
                body=SLDRequest(dates=dates, visualization_modes=visualization_modes),
            )
        )

    def wait(
        self, aoi_id: str, visualization_id: str, **options: Unpack[WaitOptions[Visualization]]
    ) -> Poller[Visualization]:
        """Wait until a visualization is finished.

        No request is sent before you use the result. The status partial_success also ends the wait: check
        it.

        Args:
            aoi_id: Id of the AOI.
            visualization_id: Id of a visualization.
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
        return self._wait(target, visualization_id, options)

    def wait_many(
        self, aoi_id: str, visualization_ids: Iterable[str], **options: Unpack[WaitOptions[Visualization]]
    ) -> MultiWait[Visualization]:
        """Wait until several visualizations are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits. The status
        partial_success also ends the wait: check it.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            aoi_id: Id of the AOI.
            visualization_ids: Ids of the visualizations, without duplicates.
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
        return self._wait_many(self._target(aoi_id), visualization_ids, options)

    def _target(self, aoi_id: str) -> PollTarget[Visualization]:
        return PollTarget(
            _life_cycles.VISUALIZATION,
            lambda id: self._pick(self.list(aoi_id, visualization_id=id), "id", id),
            listing=lambda **narrow: self.list(aoi_id, **narrow),
            within=(aoi_id,),
        )
