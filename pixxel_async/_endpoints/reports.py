"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.resource import Resource

_ORDERS: Endpoint[str] = Endpoint(
    id="DownloadOrderReport", method="GET", path="/v0/reports", returns=str, request_class="read"
)


class Reports(Resource):
    """Exports of the order history."""

    async def orders(self, *, tz: str | None = None) -> str:
        """Download the order history of the organization as CSV.

        Contains all orders of the organization. Only its owner may export it. The columns are not
        documented.

        Vendor call: `DownloadOrderReport`, `GET /v0/reports`.

        Args:
            tz: Time zone of the times in the report. Assumption: an IANA name such as Asia/Kolkata.

        Returns:
            The report as CSV text. The columns of the example are made up.
        """
        return await self._send(Operation(_ORDERS, query={"tz": tz}))
