"""A bulk run that is killed again and again: `python -m benchmarks.bulk_kills [--rows N] [--kills N] [--seed N]`.

A process works on rows of the full pipeline (AOI, insight, job, picture, package, files) against a sandbox. It is killed with
SIGKILL at random moments, and resumed each time. Then the sandbox's books are read: nothing may be missing, bought twice, or
broken on the disk. The requests of all sessions are compared with those of a run that nobody disturbs. Exit code 1
unless nothing was lost, doubled or broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from pixxel_async import PixxelClient
from pixxel_async.bulk import (
    Insight,
    Job,
    Package,
    Recipe,
    Result,
    Run,
    Search,
    State,
    Visualization,
    results,
)
from pixxel_async.sandbox import Sandbox, SandboxClock

SPEED = 30.0
TIMEOUT, SETTLE = 5.0, 1.0
"""Seconds; the sandbox acts at once here, so that nothing comes later. A killed session's creates are looked for as long."""
RECIPE = Recipe(
    images=Search(start="2026-06-01", end="2026-09-01", max_days=1),
    make=(
        Visualization(),
        Insight("cropstress", inputs={"start_date": "2026-06-01", "end_date": "2026-08-01"}),
        Job("weekly-stress"),
    ),
    package=Package(),
    project="delta-farms",
    poll_interval=0.5,
    max_poll_interval=1.0,
    run_id="bench",
)
CREATES = ("AOICreateAOI", "CreateVisualization", "createInsights", "createJob")


def write_table(path: Path, rows: int) -> None:
    """Small squares side by side."""
    features = []
    for row in range(rows):
        west, south = 10 + row % 50 / 50, 45 + row // 50 / 50
        east, north = west + 0.01, south + 0.01
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "geometry": geometry, "properties": {"name": f"row-{row}"}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


async def work(url: str, token: str, table: Path, out: Path, concurrency: int, resend: bool) -> None:
    """What the process does that is killed: begin the run, or go on with it."""
    options: dict[str, Any] = {"concurrency": concurrency}
    async with PixxelClient(token=token, base_url=url, timeout=TIMEOUT, settle=SETTLE) as client:
        begun = (out / "run.journal").exists()
        run = (
            Run.resume(client, out, **options) if begun else Run.start(client, table, RECIPE, out, **options)
        )
        async with run as session:
            async for _ in session:
                pass


@attrs.frozen
class Outcome:
    """What the books and the disk say."""

    requests: int
    seconds: float
    kills: int
    held: int
    """Rows of which nobody could tell whether a purchase had happened; a person lets them be sent again."""
    states: Counter[State]
    lost: int
    doubled: int
    broken: int


async def measure(folder: Path, rows: int, kills: int, seed: int, concurrency: int) -> Outcome:
    """One run, killed so often."""
    rng = random.Random(seed)
    table, out = folder / "fields.geojson", folder / "out"
    write_table(table, rows)
    clock = SandboxClock(speed=SPEED, start=datetime(2026, 9, 1, tzinfo=UTC))
    began = time.monotonic()
    held_rows: list[int] = []
    async with Sandbox(clock=clock) as sandbox:
        command = [
            *(sys.executable, "-m", "benchmarks.bulk_kills", "--work", sandbox.url, sandbox.token),
            *(str(table), str(out), str(concurrency)),
        ]
        for number in range(kills):
            process = await asyncio.create_subprocess_exec(*command, "keep")
            try:
                await asyncio.wait_for(process.wait(), rng.uniform(0.5, 4.0))
            except TimeoutError:
                process.kill()
                await process.wait()
            else:
                print(f"done after {number} kills: take more rows")
                kills = number
                break
        for held in ("keep", "resend"):
            process = await asyncio.create_subprocess_exec(*command, held)
            if code := await process.wait():
                raise SystemExit(f"the run ended with code {code}")
            held_rows.append(sum(row.state is State.HELD for row in results(out)))
        return judge(sandbox, out, rows, kills, held_rows[0], time.monotonic() - began)


def judge(sandbox: Sandbox, out: Path, rows: int, kills: int, held: int, seconds: float) -> Outcome:
    """Compare journal, books and disk."""
    ended: list[Result] = list(results(out))
    lost = rows - len(ended) + sum(row.state is not State.DONE for row in ended)
    doubled = 0
    for operation in CREATES:
        made = [entry.resource_id for entry in sandbox.ledger.entries(operation)]
        known = {id for row in ended for id in row.ids.values()}
        doubled += len(set(made) - known)
    return Outcome(
        requests=len(sandbox.requests),
        seconds=seconds,
        kills=kills,
        held=held,
        states=Counter(row.state for row in ended),
        lost=lost,
        doubled=doubled,
        broken=sum(is_broken(file) for row in ended for file in row.files)
        + sum(1 for _ in out.rglob("*.part")),
    )


def is_broken(file: Path) -> bool:
    """Whether a file is not what it was on the server, as far as it tells by itself."""
    if file.suffix != ".zip":
        return not file.read_bytes().startswith(b"\x89PNG")
    with zipfile.ZipFile(file) as archive:
        return archive.testzip() is not None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--work", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        url, token, table, out, concurrency, resend = options.work
        asyncio.run(work(url, token, Path(table), Path(out), int(concurrency), resend == "resend"))
        return 0
    outcomes = {}
    for name, kills in (("undisturbed", 0), ("killed", options.kills)):
        with tempfile.TemporaryDirectory() as folder:
            outcomes[name] = asyncio.run(
                measure(Path(folder), options.rows, kills, options.seed, options.concurrency)
            )
        print(f"{name}: {outcomes[name]}", flush=True)
    more = outcomes["killed"].requests / outcomes["undisturbed"].requests - 1
    print(f"requests: {more:+.1%} by {outcomes['killed'].kills} kills")
    return int(any(each.lost or each.doubled or each.broken for each in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
