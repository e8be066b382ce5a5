"""A web service over Pixxel: which clear images of a field are there?

    python examples/service.py --port 8080
    curl 'localhost:8080/images?days=30' -d '{"type": "Polygon", "coordinates": [[[75.4, 30.2], [75.43, 30.2], [75.43, 30.22], [75.4, 30.2]]]}'

One client serves all requests, and every request has a deadline. If a caller disconnects, its work is cancelled. Settings are
read from the environment. Without an account, run `pixxel sandbox` and set the two variables that it prints.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Handler

from pixxel_async import DeadlineExceeded, InvalidInput, PixxelClient, PixxelError, RateLimited

CLIENT = web.AppKey("client", PixxelClient)
SECONDS = 20.0


async def with_client(app: web.Application) -> AsyncIterator[None]:
    """Open the client with the application, and close it with it."""
    async with PixxelClient() as client:
        app[CLIENT] = client
        yield


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return an error status: an error of the caller, or of the Pixxel API."""
    try:
        async with asyncio.timeout(SECONDS):
            return await handler(request)
    except InvalidInput as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    except RateLimited as error:
        raise web.HTTPServiceUnavailable(headers={"Retry-After": f"{error.retry_after or 10:.0f}"}) from None
    except (TimeoutError, DeadlineExceeded):
        raise web.HTTPGatewayTimeout(text="Pixxel did not respond in time") from None
    except PixxelError as error:
        raise web.HTTPBadGateway(text=str(error)) from None


async def images(request: web.Request) -> web.Response:
    """Images of the posted GeoJSON polygon from the last days, at most 20 % cloudy, newest first."""
    client = request.app[CLIENT].with_options(timeout=SECONDS / 2)
    try:
        field, days = json.loads(await request.text()), int(request.query.get("days", "30"))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    now = datetime.now(UTC)
    found = await client.archives.search(
        collections=["sentinel-2-l2a"],
        intersects=field,
        datetime=(now - timedelta(days=days), now),
        query={"eo:cloud_cover": {"lt": 20}},
    )
    rows = [
        {
            "id": image.id,
            "taken": image.properties.datetime.isoformat(),
            "cloud": image.properties.eo_cloud_cover,
        }
        for image in found
        if image.properties and image.properties.datetime
    ]
    return web.json_response(sorted(rows, key=lambda row: str(row["taken"]), reverse=True))


def application() -> web.Application:
    """The service."""
    app = web.Application(middlewares=[plain_errors])
    app.cleanup_ctx.append(with_client)
    app.router.add_post("/images", images)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8080)
    web.run_app(
        application(),
        host="127.0.0.1",
        port=parser.parse_args().port,
        handler_cancellation=True,  # a disconnected caller cancels the handler, and so the call to Pixxel
    )
