"""Durable intents per second of a journal, and the cost of 100,000 rows: `python -m benchmarks.journal`."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pixxel_async.bulk._journal.claims import Claims
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import Entry, Header, StepState
from pixxel_async.bulk._state import State

GOAL = 1_500
VERTICES = 50


def header() -> Header:
    return Header(
        run_id="bench",
        started=datetime.now(UTC),
        sdk="0",
        base_url="https://example.invalid",
        token_print="00000000",
        recipe={},
        input_sha256="0" * 64,
        input_name="bench.geojson",
        cap=1e9,
    )


def entries(rows: int) -> Iterator[Entry]:
    for row in range(1, rows + 1):
        ring = [[row / 1e3 + vertex / 1e7, vertex / 1e7] for vertex in range(VERTICES)]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        yield Entry(row=row, key=f"k-{row}", name=f"n-{row}", folder=f"n-{row}", geometry=geometry)


async def at_once(at_a_time: int, rows: range, work: Callable[[int], Awaitable[object]]) -> None:
    numbers = iter(rows)

    async def worker() -> None:
        for row in numbers:
            await work(row)

    await asyncio.gather(*(worker() for _ in range(at_a_time)))


class Measure:
    """Elapsed time, CPU time and memory; the difference of the times shows the load of the machine."""

    def __init__(self, what: str, rows: int) -> None:
        self.what = what
        self.rows = rows
        self.rate = 0.0

    def __enter__(self) -> Measure:
        self.started = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self.started[0]
        cpu = time.process_time() - self.started[1]
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.rate = self.rows / seconds
        print(
            f"{self.what:<40}{seconds:8.2f} s {self.rate:10,.0f} a second "
            f"{self.rows / cpu:10,.0f} a CPU second   at most {memory:4.0f} MiB"
        )


def run(folder: Path, rows: int, at_a_time: int) -> bool:
    path = folder / "bench.journal"
    half = min(rows, 20_000) // 2
    with Journal.create(path, header()) as journal:

        async def intend(row: int) -> None:
            await journal.intend(row, "aoi", {"name": f"n-{row}", "project_id": "p" * 36}, reserve=1.5)

        async def create(row: int) -> None:
            await intend(row)
            await asyncio.gather(
                journal.settle(row, "aoi", StepState.DONE, facts={"id": f"aoi-{row}"}),
                journal.mark(row, State.RUNNING, step="wait"),
            )

        with Measure(f"add rows of {VERTICES} vertices", rows):
            journal.add(entries(rows))
        before = journal.commits
        with Measure(f"intend, {at_a_time} at a time", half) as intents:
            asyncio.run(at_once(at_a_time, range(1, half + 1), intend))
        print(f"  {half / (journal.commits - before):.0f} to a commit")
        with Measure(f"intend, settle and mark, {at_a_time} at a time", half):
            asyncio.run(at_once(at_a_time, range(half + 1, 2 * half + 1), create))
        with Measure("read all rows", rows):
            assert rows == sum(1 for _ in journal.rows())
        with Measure("tally, and ids claimed", rows):
            claims = Claims()
            for page in journal.made("aoi"):
                for made in page:
                    claims.add(made)
            journal.tally()
    with Measure(f"check and open, {path.stat().st_size / 2**20:.0f} MiB", rows):
        Journal.open(path).close()
    print(f"durable intents a second: {intents.rate:,.0f}, goal {GOAL:,}")
    return intents.rate >= GOAL


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journal", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--at-a-time", type=int, default=64)
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure (default: the system's temporary one)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        return 0 if run(Path(folder), options.rows, options.at_a_time) else 1


if __name__ == "__main__":
    sys.exit(main())
