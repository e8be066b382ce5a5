"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Bandset, BandsetList

_LIST: Endpoint[BandsetList] = Endpoint(
    id="ListBandsets",
    method="GET",
    path="/v0/bandsets",
    returns=BandsetList,
    request_class="read",
    paging=Paging(style="single", items="bandsets"),
)


class Bandsets(Resource):
    """Sets of spectral bands that a tasking order can ask for."""

    def list(self, *, limit: int | None = None) -> Paginator[Bandset]:
        """List the bandsets that can be ordered.

        Both default and custom bandsets. The price of a tasking is multiplied by the captures of its
        bandset.

        Vendor call: `ListBandsets`, `GET /v0/bandsets`.

        Args:
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Bandset), or `await` it to get a list.
        """
        return self._paginate(Operation(_LIST), limit=limit, page_size=None, prefetch=False)
