"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.resource import Resource

_PING: Endpoint[str] = Endpoint(id="Ping", method="GET", path="/ping", returns=str, request_class="read")


class Status(Resource):
    """Whether the service answers."""

    async def ping(self) -> str:
        """Ask whether the service is up.

        Needs no credential.

        Vendor call: `Ping`, `GET /ping`.

        Returns:
            A short text.
        """
        return await self._send(Operation(_PING))
