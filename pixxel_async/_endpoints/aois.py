"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Unpack

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.large_areas import with_area
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.geometry import GeometryInput
from pixxel_async.models import AOI, AOICreate, AOIList

_LIST: Endpoint[AOIList] = Endpoint(
    id="ListAOIs",
    method="GET",
    path="/v0/aois",
    returns=AOIList,
    request_class="read",
    paging=Paging(style="offset-query", items="aois", total=("pagination", "total")),
)
_CREATE: Endpoint[AOI] = Endpoint(
    id="AOICreateAOI",
    method="POST",
    path="/v0/aois",
    returns=AOI,
    request_class="create",
    trace=Trace(
        listing=_LIST,
        id="aoi_id",
        filter={"aoi_name": "name"},
        equal={
            "name": "name",
            "project_id": "project_id",
            "satellite_id": "satellite_id",
            "geometry": "geometry",
        },
    ),
)
_GET: Endpoint[AOI] = Endpoint(
    id="GetAoiById",
    method="GET",
    path="/v0/aoi/{aoi_id}",
    returns=AOI,
    request_class="read",
    key={"aoi_id": "aoi_id"},
)


class AOIs(Resource):
    """Areas of interest. Each is a polygon with the images of one satellite, clipped to it."""

    def list(
        self,
        *,
        created_at: times.Instant | None = None,
        updated_at: times.Instant | None = None,
        aoi_id: str | None = None,
        aoi_name: str | None = None,
        project_ids: Sequence[str] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[AOI]:
        """List areas of interest.

        Areas of interest that the credential may see, narrowed by the given filters.

        Vendor call: `ListAOIs`, `GET /v0/aois`.

        Args:
            created_at: Filter on the time of creation. The vendor does not say whether it takes an instant
                or a range; text is sent unchanged.
            updated_at: Filter on the time of the last change. The vendor does not say whether it takes an
                instant or a range; text is sent unchanged.
            aoi_id: Only the AOI with this id.
            aoi_name: Only AOIs of this name.
            project_ids: Only AOIs of these projects, sent as a comma-separated list.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (AOI), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "created_at": checks.optional("created_at", checks.time_filter, created_at),
                    "updated_at": checks.optional("updated_at", checks.time_filter, updated_at),
                    "aoi_id": aoi_id,
                    "aoi_name": aoi_name,
                    "project_ids": project_ids,
                },
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def create(
        self,
        *,
        name: str,
        description: str,
        satellite_id: str,
        provider: str,
        project_id: str,
        geometry: GeometryInput,
        item_ids: Sequence[str],
    ) -> AOI:
        """Create an area of interest.

        Starts clipping the named images to a polygon. The response arrives at once, with the status
        started. Poll the AOI until it is finished. A name that already exists is a conflict.

        Vendor call: `AOICreateAOI`, `POST /v0/aois`.

        Args:
            name: Display name; must not be in use.
            description: Free text.
            satellite_id: Id of the satellite, a UUID as listed among the satellites.
            provider: Source of the images: pixxel for images of Pixxel satellites, planetary for open data
                such as Landsat and Sentinel.
            project_id: Id of the project that it belongs to.
            geometry: Outline, one GeoJSON polygon with [lon, lat] in degrees. Multi-polygons are not
                accepted.
            item_ids: Ids of the images, as found by the image search.

        Returns:
            The new AOI, usually still in progress.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            Conflict: a resource with this name or content already exists.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        return await self._send(
            Operation(
                _CREATE,
                body=await with_area(
                    geometry,
                    lambda: AOICreate(
                        name=name,
                        description=description,
                        satellite_id=satellite_id,
                        provider=provider,
                        project_id=project_id,
                        geometry=geometry,
                        item_ids=item_ids,
                    ),
                ),
            )
        )

    async def get(self, aoi_id: str) -> AOI:
        """Get one area of interest.

        Reads one AOI with its state and progress. Unlike the list, the path has aoi in the singular.

        Vendor call: `GetAoiById`, `GET /v0/aoi/{aoi_id}`.

        Args:
            aoi_id: Id of the AOI.

        Returns:
            The AOI.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_GET, path={"aoi_id": aoi_id}))

    def wait(self, aoi_id: str, **options: Unpack[WaitOptions[AOI]]) -> Poller[AOI]:
        """Wait until an AOI is finished.

        No request is sent before you use the result. The status partial_success also ends the wait: check
        it.

        Args:
            aoi_id: Id of the AOI.
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
        target = self._target()
        return self._wait(target, aoi_id, options)

    def wait_many(self, aoi_ids: Iterable[str], **options: Unpack[WaitOptions[AOI]]) -> MultiWait[AOI]:
        """Wait until several AOIs are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits. The status
        partial_success also ends the wait: check it.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            aoi_ids: Ids of the AOIs, without duplicates.
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
        return self._wait_many(self._target(), aoi_ids, options)

    def _target(self) -> PollTarget[AOI]:
        return PollTarget(
            _life_cycles.AOI, lambda id: self.get(id), listing=lambda **narrow: self.list(**narrow)
        )
