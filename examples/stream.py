"""Counts the clear images of a place. Reads a year of the archive as a stream, a page at a time.

    python examples/stream.py 75.4 30.2

Settings are read from the environment. Without an account, run `pixxel sandbox` and set the two variables that it prints.
"""
# ruff: noqa: T201 - a program that prints to the terminal

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from pixxel_async import PixxelClient


async def main(lon: float, lat: float) -> None:
    """Print a line per month, then the first image that is almost free of clouds."""
    now = datetime.now(UTC)
    covers: dict[str, list[float]] = defaultdict(list)
    async with PixxelClient() as client:
        images = client.archives.search(
            collections=["sentinel-2-l2a"],
            bbox=[lon, lat, lon + 0.01, lat + 0.01],
            datetime=(now - timedelta(days=365), now),
            page_size=20,
            prefetch=True,  # requests the next page while this one is counted
        )
        async for image in images:  # never holds more than two pages
            facts = image.properties
            if facts and facts.datetime and facts.eo_cloud_cover is not None:
                covers[f"{facts.datetime:%Y-%m}"].append(facts.eo_cloud_cover)
        print("One character per image: # at most 20 % cloud, . more")
        for month in sorted(covers):
            print(month, "".join("#" if cover <= 20 else "." for cover in covers[month]))

        # A second iteration starts from the beginning; aclosing ends it early.
        async with aclosing(aiter(images)) as again:
            async for image in again:
                cover = image.properties.eo_cloud_cover if image.properties else None
                if cover is not None and cover < 5:
                    print("almost cloudless:", image.id)
                    break


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lon", type=float, help="degrees east")
    parser.add_argument("lat", type=float, help="degrees north")
    place = parser.parse_args()
    asyncio.run(main(place.lon, place.lat))
