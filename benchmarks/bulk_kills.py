"""A bulk run that is killed repeatedly: `python -m benchmarks.bulk_kills [--rows N] [--kills N] [--seed N]`.

A process works on rows of the full pipeline (AOI, insight, job, picture, package, files) against a sandbox. It is killed with
SIGKILL at random moments, and resumed each time. The ledger of the sandbox must then show no missing and no duplicate resource,
and no file may be corrupt. The requests of all sessions are compared with those of a run without kills. That run also measures
the time of a row, so that the kills are spread over the whole run. Otherwise, or after too few kills, the exit code is 1.
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

from benchmarks.claims import Claims
from pixxel_async import PixxelClient
from pixxel_async.bulk import (
    Insight,
    Job,
    JournalError,
    Package,
    Recipe,
    Result,
    Run,
    Search,
    State,
    Visualization,
    results,
    status,
)
from pixxel_async.sandbox import Sandbox, SandboxClock

SPEED = 30.0
TIMEOUT, SETTLE = 5.0, 1.0
"""The settle window in seconds. The sandbox acts at once here, so no effect is late."""
HASTE = 0.6
"""Share of the estimated remaining time, divided among the remaining kills: the run must not end before the last."""
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


async def work(url: str, token: str, table: Path, out: Path, concurrency: int, held: Any) -> None:
    """The killed process: start the run, or resume it."""
    print("at work", flush=True)  # a kill before this, while Python imports, would prove nothing
    async with PixxelClient(token=token, base_url=url, timeout=TIMEOUT, settle=SETTLE) as client:
        if (out / "run.journal").exists():
            run = Run.resume(client, out, concurrency=concurrency, held=held)
        else:
            run = Run.start(client, table, RECIPE, out, concurrency=concurrency)
        async with run as session:
            async for _ in session:
                pass


@attrs.frozen(kw_only=True)
class Outcome:
    """The results from the ledger and the disk."""

    requests: int
    seconds: float
    kills: int
    held: int
    """Rows with an unknown purchase, which were sent again on a person's decision."""
    states: Counter[State]
    lost: int
    """Unfinished rows, and resources shared by several rows."""
    doubled: int
    """Resources in the account that belong to no row."""
    broken: int


async def measure(folder: Path, options: argparse.Namespace, kills: int, each: float) -> Outcome:
    """One run with this number of kills; `each` is the time of a row in seconds."""
    rng = random.Random(options.seed)
    table, out = folder / "fields.geojson", folder / "out"
    write_table(table, options.rows)
    clock = SandboxClock(speed=SPEED, start=datetime(2026, 9, 1, tzinfo=UTC))
    began = time.monotonic()
    async with Sandbox(clock=clock) as sandbox:
        command = [
            *(sys.executable, "-m", "benchmarks.bulk_kills", "--work", sandbox.url, sandbox.token),
            *(str(table), str(out), str(options.concurrency)),
        ]
        done = 0
        while done < kills:
            life = HASTE * each * left(out, options.rows) / (kills - done)
            if await ended(command, rng.uniform(0.0, 2 * life)):
                break
            done += 1
        if done < kills:
            print(f"the run ended after {done} kills", flush=True)
        else:
            await ended(command)
        held = sum(row.state is State.HELD for row in results(out))
        await ended([*command, "resend"])
        return judge(sandbox, out, options.rows, done, held, time.monotonic() - began)


def left(out: Path, rows: int) -> int:
    """Number of unfinished rows."""
    try:
        return rows - status(out).rows.get(State.DONE, 0)
    except JournalError:
        return rows  # it was killed before it had a journal


async def ended(command: list[str], life: float | None = None) -> bool:
    """Whether a session ended before it was killed."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        code = await asyncio.wait_for(process.wait(), life)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    if code:
        raise SystemExit(f"the run ended with code {code}")
    return True


def judge(sandbox: Sandbox, out: Path, rows: int, kills: int, held: int, seconds: float) -> Outcome:
    """Compare journal, ledger and disk."""
    ended: list[Result] = list(results(out))
    claimed = [id for row in ended for id in row.ids.values()]
    made = {entry.resource_id for name in CREATES for entry in sandbox.ledger.entries(name)}
    return Outcome(
        requests=len(sandbox.requests),
        seconds=seconds,
        kills=kills,
        held=held,
        states=Counter(row.state for row in ended),
        lost=rows
        - sum(row.state is State.DONE for row in ended)
        + rows * len(CREATES)
        - len(made & {*claimed}),
        doubled=len(made - {*claimed}),
        broken=sum(is_broken(file) for row in ended for file in row.files)
        + sum(1 for _ in out.rglob("*.part")),
    )


def is_broken(file: Path) -> bool:
    """Whether a file is corrupt, as far as its own checksums show."""
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
    parser.add_argument("--work", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        url, token, table, out, concurrency, *held = options.work
        asyncio.run(work(url, token, Path(table), Path(out), int(concurrency), *(held or [None])))
        return 0
    calm = one(options, 0, 0.0)
    killed = one(options, options.kills, calm.seconds / options.rows)
    claims = Claims()
    claims.note(killed.kills == options.kills, "sessions killed", killed.kills, options.kills)
    for what in ("lost", "doubled", "broken"):
        claims.none(f"{what}, undisturbed", getattr(calm, what))
        claims.none(f"{what}, killed", getattr(killed, what))
    more = killed.requests / calm.requests - 1
    claims.at_most("more requests than undisturbed", 100 * more, 10, " %", is_hard=False)
    return claims.exit_code


def one(options: argparse.Namespace, kills: int, each: float) -> Outcome:
    """Measure in a temporary folder, and print."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(measure(Path(folder), options, kills, each))
    print(outcome, flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
