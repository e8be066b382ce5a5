"""100,000 rows through empty steps: `python -m benchmarks.bulk_rows [--rows N] [--concurrency N]`.

This measures the runner itself: it reads and checks the table, writes the intent to disk before each create, and the
result after it. Prints durable intents per second, and the memory of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bulk_sessions import write_table
from pixxel_async import Clock, PixxelClient
from pixxel_async.bulk import State, check, open_source
from pixxel_async.bulk._execution.engine import BeforeCreate
from pixxel_async.bulk._execution.run import _entries
from pixxel_async.bulk._execution.scheduler import Scheduler
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import Header
from pixxel_async.bulk._recipe.stages import Facts, Kind, Stage, Work
from pixxel_async.reconciling import Intent
from pixxel_async.testing import FakeTransport

NOW = datetime(2026, 9, 1, tzinfo=UTC)


class NoWork:
    """Runs empty steps."""

    requests = 0

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        if before_create is not None:
            await before_create(
                Intent(
                    id=f"{work.row:016x}",
                    operation="AOICreateAOI",
                    path={},
                    query={"aoi_name": work.name},
                    wanted={"name": [work.name], "geometry": [dict(work.geometry)]},
                    is_listed=True,
                    sent_at=NOW,
                    deadline=NOW + timedelta(seconds=120),
                    ahead=0.0,
                )
            )
        return {"id": f"{stage.name}-{work.row}"}

    async def aclose(self) -> None:
        pass


async def nothing(client: PixxelClient, work: Work) -> Facts:
    return {}


STAGES = (Stage("images", nothing), Stage("aoi", nothing, Kind.CREATE), Stage("aoi ready", nothing))


def resident_mib() -> float:
    """Current memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def measure(folder: Path, rows: int, concurrency: int) -> None:
    table = folder / "fields.geojson"
    write_table(table, rows)
    gc.collect()
    base = resident_mib()
    began = time.monotonic()
    source = open_source(table)
    check(source)
    checked = time.monotonic()
    header = Header(
        run_id="r",
        started=NOW,
        sdk="0",
        base_url="",
        token_print="",
        recipe={},
        input_sha256="",
        input_name="",
    )
    with Journal.create(folder / "run.journal", header) as journal:
        journal.add(_entries(source))
        added = time.monotonic()
        print(
            f"checked in {checked - began:.1f} s, added in {added - checked:.1f} s, {resident_mib():.0f} MiB"
        )
        async with PixxelClient(transport=FakeTransport({})) as client:
            scheduler = Scheduler(
                client,
                journal,
                STAGES,
                NoWork(),
                out=folder,
                concurrency=concurrency,
                after_row=None,
                clock=Clock(),
            )
            most, count = 0.0, 0
            async for result in scheduler.results():
                assert result.state is State.DONE
                count += 1
                if count % 10_000 == 0:
                    most = max(most, resident_mib())
            seconds = time.monotonic() - added
    print(f"{count} rows in {seconds:.1f} s: {count / seconds:.0f} durable intents a second")
    print(f"resident memory: {base:.0f} MiB before, {most:.0f} MiB at most")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--concurrency", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), options.rows, options.concurrency))
    return 0


if __name__ == "__main__":
    sys.exit(main())
