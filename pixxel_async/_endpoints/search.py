"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Sequence

from pixxel_async._codec import times
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.geometry import GeometryInput
from pixxel_async.models import ImageSearch, ImageSearchResult, SearchFilter, SearchSatellite, STACItem

_IMAGES: Endpoint[ImageSearchResult] = Endpoint(
    id="SearchSatelliteImages",
    method="POST",
    path="/v0/search",
    returns=ImageSearchResult,
    request_class="read",
    paging=Paging(style="lens", items="items", total=("pagination", "total")),
)


class Search(Resource):
    """Search for images over a place and a time span, to build an AOI from."""

    def images(
        self,
        *,
        start_date: times.Instant,
        end_date: times.Instant,
        satellites: Sequence[SearchSatellite],
        geometry: GeometryInput,
        filters: Sequence[SearchFilter] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[STACItem]:
        """Search for images.

        Finds images of the given satellites over a geometry and a time span, in the own archive and at open
        data providers. The ids of the found items go into a new AOI.

        The vendor calls this `SearchSatelliteImages`: `POST /v0/search`.

        Args:
            start_date: Start of the time span.
            end_date: End of the time span, after the start.
            satellites: Satellites to search, each with a collection.
            geometry: Place, a GeoJSON geometry with [lon, lat] in degrees.
            filters: Further conditions on the images.
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (STACItem), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return self._paginate(
            Operation(
                _IMAGES,
                body=ImageSearch(
                    start_date=start_date,
                    end_date=end_date,
                    satellites=satellites,
                    geometry=geometry,
                    filters=filters,
                ),
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )
