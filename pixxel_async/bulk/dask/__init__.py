"""Runs whose steps are done by the workers of a Dask cluster (extra: dask).

    async with distributed.Client("tcp://scheduler:8786", asynchronous=True) as dask:
        async with Run.start(client, "fields.geojson", recipe, "out", engine=DaskEngine(dask)) as run:
            async for result in run: ...

The run itself stays here: its journal, all waiting (the waits of one client look together), searches and prices. The workers
send what creates, fetch files, and do the step of your own (`after_row`), each with one client for all of it.
"""

from pixxel_async.bulk.dask._engine import DaskEngine

__all__ = ["DaskEngine"]
