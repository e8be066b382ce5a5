"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Satellite, SatelliteList

_LIST: Endpoint[SatelliteList] = Endpoint(
    id="ListSatellites",
    method="GET",
    path="/v0/satellites",
    returns=SatelliteList,
    request_class="read",
    paging=Paging(style="single", items="satellites"),
)


class Satellites(Resource):
    """Supported satellites with their bands and collections."""

    def list(self, *, limit: int | None = None) -> Paginator[Satellite]:
        """List supported satellites.

        All satellites whose images can be searched, with their bands and collections. The list is not
        paged.

        The vendor calls this `ListSatellites`: `GET /v0/satellites`.

        Args:
            limit: How many items in all; every item when left out.

        Returns:
            A paginator: `async for` walks the items (Satellite), `await` collects them.
        """
        return self._paginate(Operation(_LIST), limit=limit, page_size=None, prefetch=False)
