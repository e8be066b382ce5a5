"""Resume a run of 100,000 rows with 500 open creates: `python -m benchmarks.bulk_resume [--rows N] [--open N] [--folder PATH]`.

The journal is that of a killed session. The benchmark measures the time until the first new row ends, and the longest stall
of the event loop. A fake API lists all open creates.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bulk_rows import STAGES, NoWork
from benchmarks.claims import Claims
from benchmarks.journal import entries, header
from pixxel_async import Clock, PixxelClient
from pixxel_async.bulk._execution.scheduler import Scheduler
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState
from pixxel_async.bulk._state import State
from pixxel_async.testing import FakeTransport

GOAL, STALL = 5.0, 50.0
"""Seconds; milliseconds."""
NEW = 1000
"""Rows that the killed session had not started."""
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def intent(row: int) -> dict[str, Any]:
    sent = AN_HOUR_AGO.isoformat()
    facts: dict[str, Any] = {
        "id": f"{row:016x}",
        "operation": "AOICreateAOI",
        "path": {},
        "query": {"aoi_name": f"n-{row}"},
    }
    return {
        **facts,
        "wanted": {"name": [f"n-{row}"]},
        "is_listed": True,
        "sent_at": sent,
        "deadline": sent,
        "ahead": 0.0,
    }


async def leave(path: Path, rows: int, left_open: int) -> None:
    """The journal of the killed session: its last creates are open."""
    with Journal.create(path, header()) as journal:
        journal.add(entries(rows))
        begun = range(1, rows - NEW + 1)
        for start in range(0, len(begun), 2000):
            await asyncio.gather(
                *(_create(journal, row, begun[-1] - left_open) for row in begun[start : start + 2000])
            )


async def _create(journal: Journal, row: int, last: int) -> None:
    await journal.record(row, "images", facts={})
    await journal.intend(row, "aoi", intent(row))
    if row <= last:
        await journal.settle(row, "aoi", StepState.DONE, facts={"id": f"aoi-{row}"})
        await journal.mark(row, State.DONE)
    else:
        await journal.mark(row, State.RUNNING)


def listed(operation: Any) -> Any:
    name = operation.query["aoi_name"]
    row = {"aoi_id": f"aoi-{name[2:]}", "name": name, "created_at": AN_HOUR_AGO.isoformat()}
    return {"aois": [row], "pagination": {"total": 1}}


class Heartbeat:
    """The longest time that a ready task had to wait for the event loop."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - began - 0.001)


async def resume(path: Path, rows: int) -> tuple[float, float, float]:
    """Seconds to open and check, to the first new row, and of the longest stall."""
    heart = Heartbeat()
    beating = asyncio.create_task(heart.beat())
    began = time.perf_counter()
    journal = await asyncio.to_thread(Journal.open, path)
    opened = time.perf_counter() - began
    try:
        async with PixxelClient(transport=FakeTransport({"GET /v0/aois": listed})) as client:
            scheduler = Scheduler(
                client,
                journal,
                STAGES,
                NoWork(),
                out=path.parent,
                concurrency=64,
                after_row=None,
                clock=Clock(),
            )
            async for result in scheduler.results():
                if result.row > rows - NEW:
                    break
    finally:
        await asyncio.to_thread(journal.close)
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
    return opened, time.perf_counter() - began, heart.longest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "run.journal"
        asyncio.run(leave(path, options.rows, options.open))
        opened, first, stall = asyncio.run(resume(path, options.rows))
    print(f"{options.rows:,} rows, {options.open} open creates: opened and checked in {opened:.2f} s")
    claims = Claims()
    claims.at_most("seconds until the first new row of a resumed run", first, GOAL, " s", is_hard=False)
    claims.at_most("longest stall of its event loop", stall * 1000, STALL, " ms", is_hard=False)
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
