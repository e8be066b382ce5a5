"""One measurement in a separate process: `python -m benchmarks.client WORK KIND PORT` prints CPU seconds.

KIND is `bare` (aiohttp and orjson, dicts) or `typed` (this SDK). Both do the same work and hold the same results.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
import orjson

from benchmarks import payloads

ROW = 3_000
MANY = 6_000
AT_A_TIME = 64
STAC_PAGES = 20
WARM_UP = 50

Work = Callable[[], Awaitable[None]]
Get = Callable[[], Awaitable[Any]]


async def in_a_row(get: Get, times: int) -> None:
    """`times` calls, one after the other."""
    for _ in range(times):
        await get()


async def at_a_time(get: Get, times: int) -> None:
    """`times` calls, `AT_A_TIME` of them at once."""
    numbers: Iterable[int] = iter(range(times))

    async def worker() -> None:
        for _ in numbers:
            await get()

    await asyncio.gather(*(worker() for _ in range(AT_A_TIME)))


async def measure(work: str, get: Get, listing: Get, stac: Get) -> float:
    """CPU seconds of this process for one work, after a warm-up that opens connections and compiles readers."""
    works: dict[str, Work] = {
        "row": lambda: in_a_row(get, ROW),
        "many": lambda: at_a_time(get, MANY),
        "listing": lambda: in_a_row(listing, 1),
        "stac": lambda: in_a_row(stac, STAC_PAGES),
    }
    await at_a_time(get, WARM_UP)
    await stac()
    if work == "listing":
        await listing()
    gc.collect()
    started = time.process_time()
    await works[work]()
    return time.process_time() - started


async def bare(work: str, base: str) -> float:
    """The work with aiohttp and orjson alone."""
    headers = {"Authorization": "Bearer bench"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def fetch(path: str) -> Any:
            async with session.get(base + path) as response:
                response.raise_for_status()
                return orjson.loads(await response.read())

        async def listing() -> None:
            aois: list[Any] = []
            while True:
                page = await fetch(f"/v0/aois?offset={len(aois)}&limit={payloads.PAGE}")
                aois += page["aois"]
                if len(aois) >= page["pagination"]["total"]:
                    break
            assert len(aois) == payloads.AOIS

        return await measure(
            work,
            lambda: fetch("/v0/aoi/aoi-000001"),
            listing,
            lambda: fetch(f"/v0/archives/collections/c/items?offset=0&limit={payloads.ITEMS}"),
        )


async def typed(work: str, base: str) -> float:
    """The work with the SDK."""
    from pixxel_async import PixxelClient  # here, so that the bare process does not import it

    async with PixxelClient("bench", base_url=base) as client:

        async def listing() -> None:
            aois = await client.aois.list(page_size=payloads.PAGE)
            assert len(aois) == payloads.AOIS

        async def stac() -> None:
            items = await client.archives.items("c", page_size=payloads.ITEMS, limit=payloads.ITEMS)
            assert len(items) == payloads.ITEMS

        return await measure(work, lambda: client.aois.get("aoi-000001"), listing, stac)


if __name__ == "__main__":
    _, work, kind, port = sys.argv
    run = {"bare": bare, "typed": typed}[kind]
    sys.stdout.write(f"{asyncio.run(run(work, f'http://127.0.0.1:{port}'))}\n")
