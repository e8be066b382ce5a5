"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.geometry import GeometryInput
from pixxel_async.models import (
    ArchiveSearch,
    Collection,
    CollectionList,
    SortField,
    STACItem,
    STACItemCollection,
)

_COLLECTIONS: Endpoint[CollectionList] = Endpoint(
    id="ListCollections",
    method="GET",
    path="/v0/archives/collections",
    returns=CollectionList,
    request_class="read",
    paging=Paging(style="single", items="collections"),
)
_COLLECTION: Endpoint[Collection] = Endpoint(
    id="GetCollectionById",
    method="GET",
    path="/v0/archives/collections/{collection_id}",
    returns=Collection,
    request_class="read",
    key={"collection_id": "id"},
)
_ITEMS: Endpoint[STACItemCollection] = Endpoint(
    id="ListItemInCollection",
    method="GET",
    path="/v0/archives/collections/{collection_id}/items",
    returns=STACItemCollection,
    request_class="read",
    paging=Paging(style="stac-query", items="features"),
)
_ITEM: Endpoint[STACItem] = Endpoint(
    id="GetCollectionItemById",
    method="GET",
    path="/v0/archives/collections/{collection_id}/items/{item_id}",
    returns=STACItem,
    request_class="read",
    key={"collection_id": "collection", "item_id": "id"},
)
_SEARCH: Endpoint[STACItemCollection] = Endpoint(
    id="SearchItemInArchive",
    method="POST",
    path="/v0/archives/search",
    returns=STACItemCollection,
    request_class="read",
    paging=Paging(style="stac-body", items="features"),
)


class Archives(Resource):
    """The STAC 1.0.0 archive of collections and items."""

    def collections(
        self, *, ids: Sequence[str] | None = None, limit: int | None = None
    ) -> Paginator[Collection]:
        """List STAC collections.

        Collections of the archive. The list is not paged.

        Vendor call: `ListCollections`, `GET /v0/archives/collections`.

        Args:
            ids: Only the collections with these ids. Assumption: a comma-separated list.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Collection), or `await` it to get a list.
        """
        return self._paginate(
            Operation(_COLLECTIONS, query={"ids": ids}), limit=limit, page_size=None, prefetch=False
        )

    async def collection(self, collection_id: str) -> Collection:
        """Get one STAC collection.

        Reads one collection of the archive by its id.

        Vendor call: `GetCollectionById`, `GET /v0/archives/collections/{collection_id}`.

        Args:
            collection_id: Id of the collection, for instance pixxel-td-l2a.

        Returns:
            The collection.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_COLLECTION, path={"collection_id": collection_id}))

    def items(
        self,
        collection_id: str,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[STACItem]:
        """List STAC items of a collection.

        Items of one collection, page by page. The response has no total.

        Vendor call: `ListItemInCollection`, `GET /v0/archives/collections/{collection_id}/items`.

        Args:
            collection_id: Id of the collection.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (STACItem), or `await` it to get a list.
        """
        return self._paginate(
            Operation(_ITEMS, path={"collection_id": collection_id}),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def item(self, collection_id: str, item_id: str) -> STACItem:
        """Get one STAC item.

        Reads one item of a collection by its id.

        Vendor call: `GetCollectionItemById`, `GET
        /v0/archives/collections/{collection_id}/items/{item_id}`.

        Args:
            collection_id: Id of the collection.
            item_id: Id of the item within the collection.

        Returns:
            The item.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_ITEM, path={"collection_id": collection_id, "item_id": item_id}))

    def search(
        self,
        *,
        collections: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        bbox: checks.BoundingBox | None = None,
        intersects: GeometryInput | None = None,
        datetime: times.Interval | None = None,
        query: Mapping[str, Any] | None = None,
        sortby: Sequence[SortField] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[STACItem]:
        """Search STAC items.

        Finds items of the archive by area, time, collection, id or property. All fields of the body are
        optional. The response has no total.

        Vendor call: `SearchItemInArchive`, `POST /v0/archives/search`.

        Args:
            collections: Only items of these collections.
            ids: Only items with these ids.
            bbox: Only items that touch this box, [west, south, east, north] in degrees. Assumption: as in
                STAC, a box over the antimeridian has west greater than east.
            intersects: Only items that touch this geometry, [lon, lat] in degrees.
            datetime: Only items of this instant or interval, RFC 3339. An interval is start/end, with ..
                for an open end.
            query: Conditions by property. The value is a map of operators (gt, lt, eq) such as lt 20, or a
                bare value that must be equal.
            sortby: Order of the items, most important field first.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (STACItem), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(_SEARCH),
            area=intersects,
            make_body=lambda: ArchiveSearch(
                collections=collections,
                ids=ids,
                bbox=bbox,
                intersects=intersects,
                datetime=datetime,
                query=query,
                sortby=sortby,
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )
