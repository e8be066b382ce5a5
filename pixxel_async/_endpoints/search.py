"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

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
    """Search for images by area and time span, to create an AOI from."""

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

        Finds images of the given satellites within a geometry and a time span. Covers Pixxel's archive and
        open data providers. Pass the ids of the items to a new AOI.

        Vendor call: `SearchSatelliteImages`, `POST /v0/search`.

        Args:
            start_date: Start of the time span.
            end_date: End of the time span, after the start.
            satellites: Satellites to search, each with a collection.
            geometry: Area, as a GeoJSON geometry with [lon, lat] in degrees.
            filters: Further conditions on the images.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (STACItem), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(_IMAGES),
            area=geometry,
            make_body=lambda: ImageSearch(
                start_date=start_date,
                end_date=end_date,
                satellites=satellites,
                geometry=geometry,
                filters=filters,
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )
