"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, WaitOptions
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
        """Request a package of catalog images.

        Every call makes a new package. Poll its state until signed_url is filled.

        Give exactly one of catalog_ids and order_item_ids.

        Vendor call: `CreateDownload`, `POST /v0/catalogs/download`.

        Args:
            catalog_ids: Catalog entries to pack, each once.
            order_item_ids: Order items whose images are to be packed, each once.

        Returns:
            The package that was started.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return await self._send(
            Operation(
                _REQUEST_DOWNLOAD,
                body=CatalogDownloadCreate(catalog_ids=catalog_ids, order_item_ids=order_item_ids),
            )
        )

    async def get_download(self, download_id: str) -> CatalogDownload:
        """Read the state of a package of catalog images.

        signed_url is filled once the status is success.

        Vendor call: `GetDownloadById`, `GET /v0/catalogs/download/{download_id}`.

        Args:
            download_id: Identifier of the download.

        Returns:
            State of the package.

        Raises:
            NotFound: no resource has this id.
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

        The whole organization shares the catalog. By default the server returns only 2 entries per page;
        the SDK requests more.

        Vendor call: `SearchCatalogs`, `POST /v0/catalogs/search`.

        Args:
            bbox: Bounding box west, south, east, north in degrees, longitude before latitude. A box over
                the antimeridian has west greater than east.
            collections: Ids of the STAC collections to search.
            datetime: Time of capture: one RFC 3339 instant, or start/end with .. for an open end.
            ids: Identifiers of catalog entries.
            intersects: Area that the images must touch, positions as longitude, latitude.
            item_ids: STAC item ids of images.
            order_ids: Orders that the images came from.
            order_item_ids: Order items that the images came from.
            query: Conditions by property. The value is a map of operators (gt, lt, eq), or a bare value
                that must be equal.
            sort_by: Order of the result, most important field first. Assumption: same form as sortby of the
                archive search. The vendor's schema shows maps of property to ASC or DESC instead.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Catalog), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(_SEARCH),
            area=intersects,
            make_body=lambda: CatalogSearch(
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
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def get(self, catalog_id: str) -> Catalog:
        """Read one catalog entry.

        The field details holds the image as a STAC item.

        Vendor call: `GetCatalogById`, `GET /v0/catalogs/{catalog_id}`.

        Args:
            catalog_id: Identifier of the catalog entry.

        Returns:
            The catalog entry.
        """
        return await self._send(Operation(_GET, path={"catalog_id": catalog_id}))

    def wait_download(
        self, download_id: str, **options: Unpack[WaitOptions[CatalogDownload]]
    ) -> PackagePoller[CatalogDownload]:
        """Wait until a catalog download is ready.

        No request is sent before you use the result.

        Args:
            download_id: Identifier of the download.
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
        target = PollTarget(_life_cycles.CATALOG_DOWNLOAD, lambda id: self.get_download(id))
        return self._wait_package(target, download_id, options)
