"""Bulk runs that are killed again and again: `python -m benchmarks.bulk_kills [--rows N] [--kills N] [--seed N]`.

A process works on two runs against a sandbox: AOI, picture, insight, job and packages of each row, and an order with its
delivery. Every create may fail before or after its effect, listings lag, and optional fields are left out of answers. The
process is killed with SIGKILL at random moments, and resumed. Now and then, and at the end, what is held is decided by the
sandbox's books. When a run is finished, another begins, until there were as many kills as were asked for. Then the books
are read: exit code 1 if anything is lost, bought twice, broken or crashed, or if the accounts differ from the ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bulk_sessions import RECIPES, SPEED, STEPS, Books, Outcome, Processes, open_store, write_table
from benchmarks.claims import Claims
from pixxel_async.bulk import JournalError, State, status
from pixxel_async.sandbox import Sandbox, SandboxClock

FAULTY = 0.3
"""Share of creates that a fault strikes."""
FAULTS: list[dict[str, Any]] = [
    {"kind": "reset"},
    {"kind": "reset", "after_effect": True},
    {"kind": "reset", "late": 0.8 * SPEED},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 500, "after_effect": True},
    {"kind": "status", "status": 504, "after_effect": True},
    {"kind": "truncate", "after_bytes": 5},
    {"kind": "hang"},
    {"kind": "hang", "after_effect": True},
]
LAG = 0.5 * SPEED
"""Sandbox seconds until something new is listed."""
LISTINGS = ("ListAOIs", "ListVisualizations", "listInsights", "listJobs", "ListOrders", "ListDeliveries")
LACK = 0.02
"""Chance of each optional field of each answer to be left out."""
LIFE = 6.0
"""Seconds that a session lives, on average: many are too short to prove an absence, some are not."""
LATEST = 1.0
"""Seconds after which a create of a killed process has its effect, or never."""
DECIDE_EVERY = 6
"""Kills between two decisions about what is held."""
SESSIONS = 12
"""Sessions in which a run must come to its end when it is no longer killed."""


def break_line(sandbox: Sandbox) -> None:
    """Switch all faults on."""
    for step in (*STEPS["fields"].values(), *STEPS["orders"].values(), "AOICreateDownload", "CreateDownload"):
        for fault in FAULTS:
            sandbox.faults.add(step, times=None, probability=FAULTY / len(FAULTS), **fault)
    for listing in LISTINGS:
        sandbox.faults.add(listing, "lag", late=LAG, times=None)
    sandbox.faults.add("api", "lack", share=LACK, times=None)


async def measure(folder: Path, options: argparse.Namespace) -> tuple[Outcome, int, int, int]:
    """The outcome of all runs, kills, crashes, and decisions of a person."""
    rng = random.Random(options.seed)
    clock = SandboxClock(speed=SPEED, start=datetime.now(UTC))
    outs: list[Path] = []
    kills = crashes = decisions = 0
    async with Sandbox(clock=clock, seed=options.seed) as sandbox:
        await open_store(sandbox)
        break_line(sandbox)
        while kills < options.kills:
            place = folder / f"{len(outs)}"
            write_table(place / "fields.geojson", options.rows)
            runs = [place / name for name in RECIPES]
            books, processes = Books(sandbox, outs), Processes(sandbox, place, options.concurrency)
            outs += runs
            is_left = SESSIONS
            while is_left and not is_finished(runs):
                life = rng.expovariate(1 / LIFE) if kills < options.kills else None
                is_left -= life is None
                if await processes.end(await processes.begin(), life):
                    decisions += books.settle()
                    continue
                kills += 1
                print(f"{kills} kills, {len(sandbox.requests)} requests", flush=True)
                if kills % DECIDE_EVERY == 0:
                    await asyncio.sleep(LATEST)
                    decisions += books.settle()
            crashes += processes.crashes + processes.tracebacks
            if processes.crashes + processes.tracebacks:
                print((place / "stderr").read_text()[-4000:], flush=True)
        return Books(sandbox, outs).judge(), kills, crashes, decisions


def is_finished(runs: list[Path]) -> bool:
    """Whether all rows are done."""
    try:
        return all(status(out).rows.keys() == {State.DONE} for out in runs)
    except JournalError:
        return False  # it is not begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--concurrency", type=int, default=16)
    options = parser.parse_args()
    logging.disable()  # the sandbox logs each answer that a killed process does not take
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder  # the processes inherit it
        outcome, kills, crashes, decisions = asyncio.run(measure(Path(folder), options))
    print(outcome)
    print(f"{decisions} creates were held and decided; {time.monotonic() - began:.0f} s")
    claims = Claims()
    claims.note(kills == options.kills, "sessions killed", kills, options.kills)
    done = outcome.states[State.DONE]
    claims.note(done == outcome.rows, "rows done", done, outcome.rows)
    for what in ("lost", "twice", "broken"):
        claims.none(what, getattr(outcome, what))
    claims.none("crashes and unexpected errors", crashes)
    claims.at_most("tokens between ledger, accounts and rows", outcome.difference, 0)
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
