"""Runs that use the workers of a Dask cluster for their steps (extra: dask).

    async with distributed.Client("tcp://scheduler:8786", asynchronous=True) as dask:
        async with Run.start(client, "fields.geojson", recipe, "out", engine=DaskEngine(dask)) as run:
            async for result in run: ...

This process keeps the journal, all waits (they share list requests), searches and prices. The workers send creates,
fetch files, and run your own step (`after_row`). Each worker has one client.
"""

from pixxel_async.bulk.dask._engine import DaskEngine

__all__ = ["DaskEngine"]
