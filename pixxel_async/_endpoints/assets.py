"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import Asset, AssetList

_LIST: Endpoint[AssetList] = Endpoint(
    id="ListAssets",
    method="GET",
    path="/v0/aois/{aoi_id}/assets",
    returns=AssetList,
    request_class="read",
    paging=Paging(style="offset-query", items="assets", total=("pagination", "total")),
)


class Assets(Resource):
    """Files that an AOI holds, such as mosaics, STAC items and rendered visualizations."""

    def list(
        self, aoi_id: str, *, limit: int | None = None, page_size: int | None = None, prefetch: bool = False
    ) -> Paginator[Asset]:
        """List assets of an AOI.

        Files that belong to one AOI, such as mosaics, STAC items and rendered visualizations. There is no
        call for one asset.

        Vendor call: `ListAssets`, `GET /v0/aois/{aoi_id}/assets`.

        Args:
            aoi_id: Id of the AOI.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Asset), or `await` it to get a list.

        Raises:
            NotFound: no resource has this id.
        """
        return self._paginate(
            Operation(_LIST, path={"aoi_id": aoi_id}), limit=limit, page_size=page_size, prefetch=prefetch
        )

    def wait(self, aoi_id: str, asset_id: str, **options: Unpack[WaitOptions[Asset]]) -> Poller[Asset]:
        """Wait until an asset is finished.

        No request is sent before you use the result.

        Args:
            aoi_id: Id of the AOI.
            asset_id: Id of an asset.
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
        return self._wait(target, asset_id, options)

    def wait_many(
        self, aoi_id: str, asset_ids: Iterable[str], **options: Unpack[WaitOptions[Asset]]
    ) -> MultiWait[Asset]:
        """Wait until several assets are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            aoi_id: Id of the AOI.
            asset_ids: Ids of the assets, without duplicates.
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
        return self._wait_many(self._target(aoi_id), asset_ids, options)

    def _target(self, aoi_id: str) -> PollTarget[Asset]:
        return PollTarget(
            _life_cycles.ASSET,
            lambda id: self._pick(self.list(aoi_id), "id", id),
            listing=lambda **narrow: self.list(aoi_id, **narrow),
            within=(aoi_id,),
        )
