"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.geometry import GeometryInput
from pixxel_async.models import (
    Catalog,
    CatalogDownload,
    CatalogDownloadCreate,
    CatalogList,
    CatalogSearch,
    SortField,
)

_REQUEST_DOWNLOAD: Endpoint[CatalogDownload] = Endpoint(
    id="CreateDownload",
    method="POST",
    path="/v0/catalogs/download",
    returns=CatalogDownload,
    request_class="repeatable",
)
_GET_DOWNLOAD: Endpoint[CatalogDownload] = Endpoint(
    id="GetDownloadById",
    method="GET",
    path="/v0/catalogs/download/{download_id}",
    returns=CatalogDownload,
    request_class="read",
    key={"download_id": "id"},
)
_SEARCH: Endpoint[CatalogList] = Endpoint(
    id="SearchCatalogs",
    method="POST",
    path="/v0/catalogs/search",
    returns=CatalogList,
    request_class="read",
    paging=Paging(style="offset-body", items="catalogs", total=("pagination", "total")),
)
_GET: Endpoint[Catalog] = Endpoint(
    id="GetCatalogById",
    method="GET",
    path="/v0/catalogs/{catalog_id}",
    returns=Catalog,
    request_class="read",
    key={"catalog_id": "id"},
)


class Catalogs(Resource):
    """Delivered images of the organization, with search and download."""

    async def request_download(
        self, *, catalog_ids: Sequence[str] | None = None, order_item_ids: Sequence[str] | None = None
    ) -> CatalogDownload:
        """Ask for a package of catalog images.

        Every call makes a new package; read its state until signed_url is filled.

        Give exactly one of catalog_ids and order_item_ids.

        The vendor calls this `CreateDownload`: `POST /v0/catalogs/download`.

        Args:
            catalog_ids: Catalog entries to pack, each once.
            order_item_ids: Order items whose images are to be packed, each once.

        Returns:
            The package that was started.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return await self._send(
            Operation(
                _REQUEST_DOWNLOAD,
                body=CatalogDownloadCreate(catalog_ids=catalog_ids, order_item_ids=order_item_ids),
            )
        )

    async def get_download(self, download_id: str) -> CatalogDownload:
        """Read how a package of catalog images stands.

        signed_url is filled once the status is success.

        The vendor calls this `GetDownloadById`: `GET /v0/catalogs/download/{download_id}`.

        Args:
            download_id: Identifier of the download.

        Returns:
            How the package stands.

        Raises:
            NotFound: nothing exists under this id.
        """
        return await self._send(Operation(_GET_DOWNLOAD, path={"download_id": download_id}))

    def search(
        self,
        *,
        bbox: checks.BoundingBox | None = None,
        collections: Sequence[str] | None = None,
        datetime: times.Interval | None = None,
        ids: Sequence[str] | None = None,
        intersects: GeometryInput | None = None,
        item_ids: Sequence[str] | None = None,
        order_ids: Sequence[str] | None = None,
        order_item_ids: Sequence[str] | None = None,
        query: Mapping[str, Any] | None = None,
        sort_by: Sequence[SortField] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Catalog]:
        """Search the catalog of delivered images.

        The catalog is shared by the whole organization. Left to itself the server answers only 2 entries a
        page; the SDK asks for more.

        The vendor calls this `SearchCatalogs`: `POST /v0/catalogs/search`.

        Args:
            bbox: Bounding box west, south, east, north in degrees, longitude before latitude. A box over
                the antimeridian has west greater than east.
            collections: Ids of the STAC collections to search.
            datetime: Time of capture: one RFC 3339 instant, or start/end with .. for an open side.
            ids: Identifiers of catalog entries.
            intersects: Area that the images must touch, positions as longitude, latitude.
            item_ids: STAC item ids of images.
            order_ids: Orders that the images came from.
            order_item_ids: Order items that the images came from.
            query: Conditions on properties: name to a map of operator (gt, lt, eq) to value, or name to a
                bare value that must be equal.
            sort_by: Order of the result, most important first. Assumption: same form as sortby of the
                archive search; the vendor's schema shows maps of property to ASC or DESC instead.
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (Catalog), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return self._paginate(
            Operation(
                _SEARCH,
                body=CatalogSearch(
                    bbox=bbox,
                    collections=collections,
                    datetime=datetime,
                    ids=ids,
                    intersects=intersects,
                    item_ids=item_ids,
                    order_ids=order_ids,
                    order_item_ids=order_item_ids,
                    query=query,
                    sort_by=sort_by,
                ),
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def get(self, catalog_id: str) -> Catalog:
        """Read one catalog entry.

        details holds the image as a STAC item.

        The vendor calls this `GetCatalogById`: `GET /v0/catalogs/{catalog_id}`.

        Args:
            catalog_id: Identifier of the catalog entry.

        Returns:
            The catalog entry.
        """
        return await self._send(Operation(_GET, path={"catalog_id": catalog_id}))

    def wait_download(
        self,
        download_id: str,
        *,
        timeout: float | None = 3600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[CatalogDownload], Any] | None = None,
    ) -> PackagePoller[CatalogDownload]:
        """Wait until a catalog download is ready.

        Nothing is sent before you use what this returns.

        Args:
            download_id: Identifier of the download.
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
        target = PollTarget(_life_cycles.CATALOG_DOWNLOAD, lambda id: self.get_download(id))
        return self._wait_package(
            target,
            download_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )
