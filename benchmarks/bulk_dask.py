"""A bulk run on a Dask cluster whose workers are killed: `python -m benchmarks.bulk_dask [--rows N] [--kills N] [--seed N]`.

Worker processes run rows of the full pipeline (AOI, insight, job, picture, package, files) against a sandbox. One after the
other is killed with SIGKILL at random moments. The ledger of the sandbox must then show no missing and no duplicate resource,
and no file may be corrupt. Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from benchmarks.bulk_kills import RECIPE, SETTLE, SPEED, TIMEOUT, Outcome, judge, write_table
from pixxel_async import PixxelClient
from pixxel_async.bulk import Run, State, results
from pixxel_async.bulk.dask import DaskEngine
from pixxel_async.sandbox import Sandbox, SandboxClock


async def killer(cluster: Client, rng: random.Random, kills: int, killed: list[int]) -> None:
    """Kill workers at random moments; their replacements too, but not during start-up."""
    known: set[int] = set()
    while len(killed) < kills:
        await asyncio.sleep(rng.uniform(0.3, 2.0))
        try:
            async with asyncio.timeout(2.0):  # Dask keeps trying to reach dead workers
                there = set((await cluster.run(os.getpid, on_error="ignore")).values())
        except TimeoutError:
            continue
        if old := sorted(known & there):
            killed.append(rng.choice(old))
            with suppress(ProcessLookupError):
                os.kill(killed[-1], signal.SIGKILL)
        known = there


async def measure(folder: Path, rows: int, kills: int, seed: int, workers: int) -> Outcome:
    """One run with this number of kills, if it lasts long enough."""
    table, out, killed = folder / "fields.geojson", folder / "out", list[int]()
    write_table(table, rows)
    clock = SandboxClock(speed=SPEED, start=datetime(2026, 9, 1, tzinfo=UTC))
    began = time.monotonic()
    async with (
        Sandbox(clock=clock) as sandbox,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            env={"PIXXEL_API_KEY": sandbox.token},
            asynchronous=True,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, asynchronous=True) as connection,
        PixxelClient(token=sandbox.token, base_url=sandbox.url, timeout=TIMEOUT, settle=SETTLE) as client,
    ):
        engine = DaskEngine(connection)
        killing = asyncio.create_task(killer(connection, random.Random(seed), kills, killed))
        async with Run.start(client, table, RECIPE, out, concurrency=32, engine=engine) as run:
            async for _ in run:
                pass
        killing.cancel()
        held = sum(row.state is State.HELD for row in results(out))
        # In a sandbox no effect is late: a held create has not happened.
        async with Run.resume(client, out, engine=engine, held="resend") as run:
            async for _ in run:
                pass
        return judge(sandbox, out, rows, len(killed), held, time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    # Otherwise a local cluster does not restart a worker that is killed twice within 15 s.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"})
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(
            measure(Path(folder), options.rows, options.kills, options.seed, options.workers)
        )
    print(outcome)
    return int(bool(outcome.lost or outcome.doubled or outcome.broken))


if __name__ == "__main__":
    sys.exit(main())
