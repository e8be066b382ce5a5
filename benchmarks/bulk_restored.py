"""Journals that are replaced by older copies: `python -m benchmarks.bulk_restored [--points N] [--rows N] [--seed N]`.

For each point, a process works on two runs (AOI, picture, insight, job and packages; order and delivery). At a random request
both journals are copied, as a backup does; at a random later one the process is killed, and the copies take the place of the
journals. The runs are resumed, what is held is decided by the sandbox's books, and the runs are resumed again. Exit code 1 if
anything was bought twice or lost, if what was not found was not held, or if the accounts differ from the ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import attrs

from benchmarks.bulk_sessions import (
    RECIPES,
    SPEED,
    STEPS,
    Books,
    Outcome,
    Processes,
    copy_journal,
    is_begun,
    open_store,
    write_table,
)
from benchmarks.claims import Claims
from pixxel_async.bulk import State, status
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.sandbox import Sandbox, SandboxClock

SESSIONS = 6
"""Sessions after which all rows must have ended."""
AT_A_TIME = 3
"""Points that are measured at once: they mostly wait."""


@attrs.define
class Point:
    """What became of one point."""

    lacked: int = 0
    """Resources in the account that the copies did not have."""
    again: int = 0
    """Resources that the resumed runs made a second time."""
    unheld: int = 0
    """Resources that no row has, beyond the rows that are held for such."""
    held: int = 0
    requests: int = 0
    crashes: int = 0
    outcome: Outcome = attrs.field(factory=Outcome)


async def measure(folder: Path, options: argparse.Namespace, seed: int, share: tuple[float, float]) -> Point:
    """Copy the journals and put them back at these requests; shares of 0 for a run that is left alone."""
    write_table(folder / "fields.geojson", options.rows)
    outs, point = [folder / name for name in RECIPES], Point()
    clock = SandboxClock(speed=SPEED, start=datetime.now(UTC))
    async with Sandbox(clock=clock, seed=seed) as sandbox:
        await open_store(sandbox)
        books, processes = Books(sandbox, outs), Processes(sandbox, folder, options.concurrency)
        if share != (0.0, 0.0):
            await restore(sandbox, processes, outs, share)
            point.lacked = sum(len(books.unclaimed(step)) for steps in STEPS.values() for step in steps)
        for _ in range(SESSIONS):  # a row that failed has not searched for all that it lacks
            await processes.end(await processes.begin())
            if not any(status(out).rows.get(State.FAILED) for out in outs):
                break
        judge_before_decisions(books, outs, point)
        for _ in range(SESSIONS):  # a create after a decision may be lost too, on a busy machine
            if not (held := books.settle()):
                break
            point.held += held
            await processes.end(await processes.begin())
        point.outcome = books.judge()
        point.requests = len(sandbox.requests)
        point.crashes = processes.crashes + processes.tracebacks
    return point


async def restore(sandbox: Sandbox, processes: Processes, outs: list[Path], at: tuple[float, float]) -> None:
    """Let a process work until the second of these requests; put back the journals as they were at the first."""
    process = await processes.begin()
    while process.returncode is None and not all(map(is_begun, outs)):  # noqa: ASYNC110 - another process begins them
        await asyncio.sleep(0.005)
    for number in at:
        while process.returncode is None and len(sandbox.requests) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if number == at[0]:
            for out in outs:
                copy_journal(out / JOURNAL, out / "copy")
    await processes.end(process, 0.0)
    for out in outs:
        for ending in ("-wal", "-shm"):
            (out / f"{JOURNAL}{ending}").unlink(missing_ok=True)
        shutil.move(out / "copy", out / JOURNAL)


def judge_before_decisions(books: Books, outs: list[Path], point: Point) -> None:
    """What was made again under a name, and what is neither in a row nor held."""
    held = Counter(each.step for out in outs for each in status(out).held)
    for out in outs:
        rows = status(out).total
        for step in STEPS[out.name]:
            point.again += books.again(step, rows)
            missing = {books.name_of(step, id) or id for id in books.unclaimed(step)}
            point.unheld += max(0, len(missing) - held[step])


async def measure_all(folder: Path, options: argparse.Namespace) -> list[Point]:
    """All points."""
    rng = random.Random(options.seed)
    calm = await measure(folder / "calm", options, options.seed, (0.0, 0.0))
    print(f"{calm.requests} requests where nothing happens", flush=True)
    limit = asyncio.Semaphore(AT_A_TIME)

    async def one(number: int, share: tuple[float, float]) -> Point:
        async with limit:
            point = await measure(folder / f"{number}", options, options.seed + number, share)
        print(f"point {number}: {point}", flush=True)
        return point

    async with asyncio.TaskGroup() as group:
        tasks = []
        for number in range(options.points):
            first, second = sorted(rng.uniform(0, calm.requests) for _ in range(2))
            tasks.append(group.create_task(one(number, (first, second))))
    return [task.result() for task in tasks]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--concurrency", type=int, default=4)
    options = parser.parse_args()
    logging.disable()  # the sandbox logs each answer that a killed process does not take
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = str(Path(folder, "state"))  # the processes inherit it
        points = asyncio.run(measure_all(Path(folder), options))
    print(f"{time.monotonic() - began:.0f} s")
    claims = Claims()
    lacked = sum(point.lacked for point in points)
    claims.note(lacked > 0, "resources that the copies lacked", lacked, "> 0")
    claims.none("made twice", sum(point.again + point.outcome.twice for point in points))
    claims.none("not found and not held", sum(point.unheld for point in points))
    claims.note(True, "held, then decided", sum(point.held for point in points), "any")
    rows = sum(point.outcome.rows for point in points)
    done = sum(point.outcome.states[State.DONE] for point in points)
    claims.note(done == rows, "rows done", done, rows)
    claims.none("lost", sum(point.outcome.lost for point in points))
    claims.none("broken", sum(point.outcome.broken for point in points))
    claims.none("crashes and unexpected errors", sum(point.crashes for point in points))
    difference = sum(point.outcome.difference for point in points)
    claims.at_most("tokens between ledger, accounts and rows", difference, 0)
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
