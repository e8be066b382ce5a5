"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.resource import Resource

_PING: Endpoint[str] = Endpoint(id="Ping", method="GET", path="/ping", returns=str, request_class="read")


class Status(Resource):
    """Whether the service is up."""

    async def ping(self) -> str:
        """Ask whether the service is up.

        Returns a short text. Needs no credential. The text itself is not documented.

        Vendor call: `Ping`, `GET /ping`.

        Returns:
            The service is up.
        """
        return await self._send(Operation(_PING))
