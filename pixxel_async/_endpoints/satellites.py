"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

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

        Vendor call: `ListSatellites`, `GET /v0/satellites`.

        Args:
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Satellite), or `await` it to get a list.
        """
        return self._paginate(Operation(_LIST), limit=limit, page_size=None, prefetch=False)
