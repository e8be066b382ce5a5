"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller
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
    """Areas of interest, a polygon with the images of one satellite cut to it."""

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

        The vendor calls this `ListAOIs`: `GET /v0/aois`.

        Args:
            created_at: Filter on the time of creation. The vendor does not say whether an instant or a
                range is meant; text is sent as it is.
            updated_at: Filter on the time of the last change. The vendor does not say whether an instant or
                a range is meant; text is sent as it is.
            aoi_id: Only the AOI with this id.
            aoi_name: Only AOIs of this name.
            project_ids: Only AOIs of these projects, sent as a comma list.
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (AOI), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
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

        Starts cutting the named images to a polygon. The answer comes at once with the status started; read
        the AOI again until it is settled. A name that exists already is a conflict.

        The vendor calls this `AOICreateAOI`: `POST /v0/aois`.

        Args:
            name: Name for people; must not be taken yet.
            description: Free text.
            satellite_id: Id of the satellite, a UUID as listed among the satellites.
            provider: Where the images come from, pixxel for images of its own satellites, planetary for
                open data such as Landsat and Sentinel.
            project_id: Id of the project it shall belong to.
            geometry: Outline, one GeoJSON polygon with [lon, lat] in degrees. Multi-polygons do not fit.
            item_ids: Ids of the images, as found by the image search.

        Returns:
            The new AOI, usually still in the making.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
            Conflict: a thing of that name or content exists already.
            OutcomeUnknown: the answer was lost: it may have happened. `await error.reconcile()` looks
                whether it did.
        """
        return await self._send(
            Operation(
                _CREATE,
                body=AOICreate(
                    name=name,
                    description=description,
                    satellite_id=satellite_id,
                    provider=provider,
                    project_id=project_id,
                    geometry=geometry,
                    item_ids=item_ids,
                ),
            )
        )

    async def get(self, aoi_id: str) -> AOI:
        """Get one area of interest.

        Reads one AOI with its state and progress. The path is singular here, unlike the list.

        The vendor calls this `GetAoiById`: `GET /v0/aoi/{aoi_id}`.

        Args:
            aoi_id: Id of the AOI.

        Returns:
            The AOI.

        Raises:
            NotFound: nothing exists under this id.
        """
        return await self._send(Operation(_GET, path={"aoi_id": aoi_id}))

    def wait(
        self,
        aoi_id: str,
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[AOI], Any] | None = None,
    ) -> Poller[AOI]:
        """Wait until an AOI is settled.

        Nothing is sent before you use what this returns. partial_success counts as an end, too: look at its
        status.

        Args:
            aoi_id: Id of the AOI.
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
        target = self._target()
        return self._wait(
            target,
            aoi_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        aoi_ids: Iterable[str],
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[AOI], Any] | None = None,
    ) -> Waits[AOI]:
        """Wait until many AOIs are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.
        partial_success counts as an end, too: look at its status.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each.

        Args:
            aoi_ids: Ids of the AOIs, each once.
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
            self._target(),
            aoi_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self) -> PollTarget[AOI]:
        return PollTarget(
            _life_cycles.AOI, lambda id: self.get(id), listing=lambda **narrow: self.list(**narrow)
        )
