"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

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

        The vendor calls this `ListAssets`: `GET /v0/aois/{aoi_id}/assets`.

        Args:
            aoi_id: Id of the AOI.
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (Asset), `await` collects them.

        Raises:
            NotFound: nothing exists under this id.
        """
        return self._paginate(
            Operation(_LIST, path={"aoi_id": aoi_id}), limit=limit, page_size=page_size, prefetch=prefetch
        )

    def wait(self, aoi_id: str, asset_id: str, **options: Unpack[WaitOptions[Asset]]) -> Poller[Asset]:
        """Wait until an asset is settled.

        Nothing is sent before you use what this returns.

        Args:
            aoi_id: Id of the AOI.
            asset_id: Id of an asset.
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
        return self._wait(target, asset_id, options)

    def wait_many(
        self, aoi_id: str, asset_ids: Iterable[str], **options: Unpack[WaitOptions[Asset]]
    ) -> MultiWait[Asset]:
        """Wait until many assets are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each.

        Args:
            aoi_id: Id of the AOI.
            asset_ids: Ids of the assets, each once.
            timeout: Seconds to wait at most; 1 hour when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            `async for` gives a `WaitResult` for each as it ends, `await` the list of them in the order of
                the ids. `.result()` of one is its final snapshot, or raises what `wait` raises.

        Raises:
            InvalidInput: an id is empty or stands there twice, or a time is not a positive number.
        """
        return self._wait_many(self._target(aoi_id), asset_ids, options)

    def _target(self, aoi_id: str) -> PollTarget[Asset]:
        return PollTarget(
            _life_cycles.ASSET,
            lambda id: self._pick(self.list(aoi_id), "id", id),
            listing=lambda **narrow: self.list(aoi_id, **narrow),
            within=(aoi_id,),
        )
