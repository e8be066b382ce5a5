"""How many durable intents a second a journal takes, and what 100,000 rows cost: `python -m benchmarks.journal`."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from pixxel_async.bulk._journal import Journal
from pixxel_async.bulk._journal_records import Entry, Header, StepState
from pixxel_async.bulk._result import State

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


async def creates(journal: Journal, rows: int, at_a_time: int) -> float:
    """Seconds for as many creates as rows: intent, result, and the row marked."""
    numbers = count(1)

    async def worker() -> None:
        while (row := next(numbers)) <= rows:
            await journal.intend(row, "aoi", {"name": f"n-{row}", "project_id": "p" * 36}, reserve=1.5)
            await asyncio.gather(
                journal.settle(row, "aoi", StepState.DONE, facts={"id": f"aoi-{row}"}),
                journal.mark(row, State.RUNNING, step="wait"),
            )

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_a_time)))
    return time.perf_counter() - started


def report(what: str, seconds: float, rows: int) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<44}{seconds:8.2f} s {rows / seconds:10,.0f} a second   at most {memory:4.0f} MiB")


def run(folder: Path, rows: int, at_a_time: int) -> bool:
    path = folder / "bench.journal"
    with Journal.create(path, header()) as journal:
        started = time.perf_counter()
        journal.add(entries(rows))
        report(f"add rows of {VERTICES} vertices", time.perf_counter() - started, rows)
        before = journal.commits
        many = min(rows, 20_000)
        seconds = asyncio.run(creates(journal, many, at_a_time))
        report(f"intend + settle + mark, {at_a_time} at a time", seconds, many)
        print(f"{'commits for them':<44}{journal.commits - before:8}")
        started = time.perf_counter()
        assert rows == sum(1 for _ in journal.rows())
        report("read all rows", time.perf_counter() - started, rows)
        started = time.perf_counter()
        journal.claimed("aoi")
        journal.tally()
        report("tally, and ids claimed", time.perf_counter() - started, rows)
    started = time.perf_counter()
    Journal.open(path).close()
    report(f"check and open, {path.stat().st_size / 2**20:.0f} MiB", time.perf_counter() - started, rows)
    return many / seconds >= GOAL


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
