"""Number of requests per row: `python -m benchmarks.bulk_requests [--rows N]`.

All rows are in flight at once. Each AOI takes about ten minutes, and its package about ten seconds; then the package is
downloaded. The clocks of client and sandbox run faster than the wall clock.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bulk_sessions import write_table
from benchmarks.creates import SPEED, FastClock
from pixxel_async.bulk import Package, Recipe, Run, Search, State
from pixxel_async.sandbox import Sandbox, SandboxClock
from pixxel_async.sandbox._account.state import NOMINAL_SECONDS

BUSY = 600.0
"""Duration of an AOI in seconds."""
RECIPE = Recipe(
    images=Search(start="2026-06-01", end="2026-09-01", max_days=1),
    make=(),
    package=Package(),
    project="delta-farms",
    timeout=7200.0,
    run_id="bench",
)


async def measure(folder: Path, rows: int) -> None:
    write_table(folder / "fields.geojson", rows)
    NOMINAL_SECONDS["aoi"] = BUSY
    clock = SandboxClock(speed=SPEED, start=datetime(2026, 9, 1, tzinfo=UTC))
    began = time.monotonic()
    async with Sandbox(clock=clock) as sandbox, sandbox.client(clock=FastClock(1), timeout=3600.0) as client:
        states: Counter[State] = Counter()
        async with Run.start(
            client, folder / "fields.geojson", RECIPE, folder / "out", concurrency=rows
        ) as run:
            async for result in run:
                states[result.state] += 1
        requests = Counter(request.operation_id for request in sandbox.requests)
    seconds = time.monotonic() - began
    print(f"{dict(states)} in {seconds:.0f} s, {seconds * SPEED / 60:.0f} minutes of the client's time")
    for operation, count in requests.most_common():
        print(f"{count:8} {operation}")
    print(f"{requests.total() / rows:.1f} requests a row (goal: at most 12)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), options.rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
