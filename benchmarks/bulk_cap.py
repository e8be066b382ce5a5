"""A cap while prices flip: `python -m benchmarks.bulk_cap [--rows N] [--seed N] [--concurrency N]`.

A run of insights, each on an AOI of its own, and a run of orders have caps that pay for a part of their rows. The price factor
changes every few milliseconds between a half and four, and of 15 % of all creates the answer is lost after the effect.
Both runs are resumed twice. For each announcement of a create that costs, the sandbox's ledger up to then is compared with
the cap. Exit code 1 if it exceeds the cap by more than the difference of prices in flight, if an account differs from the
ledger at the end, if an AOI was begun when the cheapest price did not fit, or if anything was bought twice.
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
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from benchmarks.bulk_sessions import RECIPES, SETTLE, SPEED, TIMEOUT, write_table
from benchmarks.claims import Claims
from pixxel_async import Intent, PixxelClient
from pixxel_async.bulk import Insight, Order, OrderRecipe, Recipe, Result, Run, State, results, status
from pixxel_async.bulk._execution.engine import BeforeCreate, LocalEngine
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._recipe.stages import Facts, Stage, Work
from pixxel_async.sandbox import Entry, Sandbox, SandboxClock

FACTORS = (0.5, 1.0, 2.0, 4.0)
FLIP = 0.02
"""Seconds for which a price holds."""
LOST = 0.15
SESSIONS = 3
FIELDS, ORDERS = RECIPES["fields"], RECIPES["orders"]
assert isinstance(FIELDS, Recipe)
assert isinstance(ORDERS, OrderRecipe)


@attrs.frozen
class Kind:
    """A run, and what it charges."""

    recipe: Recipe | OrderRecipe
    operation: str
    usual: float
    """Price of a row at the factor 1, in tokens."""
    known_by: str | None
    """The stage before which the account has the true cost of a row; None: only the row's end proves it."""


KINDS = {
    "insights": Kind(
        attrs.evolve(
            FIELDS,
            make=Insight("cropstress", inputs={"start_date": "2026-06-01", "end_date": "2026-08-01"}),
            package=None,
        ),
        "createInsights",
        21.0,
        None,
    ),
    "orders": Kind(
        attrs.evolve(ORDERS, order=Order(usecase="agriculture"), delivery=None, package=None),
        "SubmitOrder",
        300.0,
        "order items",
    ),
}


@attrs.frozen
class Admission:
    """A create that costs was announced."""

    row: int
    price: float
    """What was reserved for it."""
    in_flight: dict[int, float]
    """By row: what was reserved for it; of rows whose true cost the account need not have yet, this one among them."""


class Watched(LocalEngine):
    """Runs stages, and notes what the account is when creates are announced.

    Args:
        journal: Of the run.
        cap: Of the run.
        kind: What it charges.
    """

    def __init__(self, journal: Path, cap: float, kind: Kind) -> None:
        self._journal = journal
        self._known_by = kind.known_by
        self._cap = cap
        self._lowest = int(kind.usual * min(FACTORS))
        self._in_flight: dict[int, float] = {}
        self.admissions: list[Admission] = []
        self.begun_late = 0
        """AOIs that were announced when the lowest price did not fit."""

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        if stage.name == self._known_by:
            self._in_flight.pop(work.row, None)
        if before_create is None:
            return await super().do(client, stage, work, None)
        announce = before_create

        async def watch(intent: Intent) -> None:
            await announce(intent)
            self._note(stage, work.row)

        return await super().do(client, stage, work, watch)

    def _note(self, stage: Stage, row: int) -> None:
        with Journal.read(self._journal) as journal:
            if stage.price is None:
                account = journal.tokens()
                self.begun_late += self._cap - account.spent - account.reserved < self._lowest
                return
            price = next(each.reserved for each in reversed(journal.steps(row)) if each.step == stage.name)
        self._in_flight[row] = price
        self.admissions.append(Admission(row, price, {**self._in_flight}))

    async def follow(self, client: PixxelClient, then: Any, result: Result) -> None:
        """The row has its end, and the account has its true cost."""
        self._in_flight.pop(result.row, None)


async def ended(result: Result, client: PixxelClient) -> None:
    """A step of the user's own, for which `Watched.follow` is called."""


async def flip(sandbox: Sandbox, rng: random.Random) -> None:
    """Change the prices for as long as the run lasts."""
    while True:
        sandbox.price_factor = rng.choice(FACTORS)
        await asyncio.sleep(FLIP)


@attrs.frozen
class Outcome:
    """What came of one run."""

    cap: float
    spent: float
    """By the sandbox's ledger."""
    rows: dict[State, int]
    exceeded: float
    """Most tokens above the cap, at any announcement."""
    above_difference: float
    """Most tokens above the cap and the difference of prices in flight."""
    difference: float
    """Tokens between the ledger, the account and the rows at the end."""
    begun_late: int
    aois: int
    twice: int
    seconds: float


async def measure(kind: Kind, folder: Path, options: argparse.Namespace) -> Outcome:
    """One run in several sessions."""
    rng = random.Random(options.seed)
    cap = options.rows * kind.usual * options.part
    out, began = folder / "out", time.monotonic()
    write_table(folder / "fields.geojson", options.rows)
    clock = SandboxClock(speed=SPEED, start=datetime.now(UTC))
    async with (
        Sandbox(clock=clock, seed=options.seed) as sandbox,
        sandbox.client(timeout=TIMEOUT, settle_window=SETTLE) as client,
    ):
        async with Run.start(client, folder / "fields.geojson", kind.recipe, out):
            pass  # with a cap, the price of all rows would be refused here
        for operation in ("AOICreateAOI", kind.operation):
            sandbox.faults.add(operation, "reset", after_effect=True, times=None, probability=LOST)
        engine = Watched(out / JOURNAL, cap, kind)
        flipping = asyncio.create_task(flip(sandbox, rng))
        for _ in range(SESSIONS):
            async with Run.resume(
                client, out, max_tokens=cap, concurrency=options.concurrency, engine=engine, after_row=ended
            ) as run:
                async for _ in run:
                    pass
        flipping.cancel()
        with suppress(asyncio.CancelledError):
            await flipping
        charged = charges(sandbox, sandbox.ledger.entries(kind.operation), out)
        over, above = exceeded(engine.admissions, charged, cap)
        account, spent = status(out).tokens, sandbox.ledger.spent
        return Outcome(
            cap=cap,
            spent=spent,
            rows=dict(status(out).rows),
            exceeded=over,
            above_difference=above,
            difference=abs(spent - account.spent - account.reserved)
            + abs(spent - sum(row.tokens for row in results(out)) - account.reserved),
            begun_late=engine.begun_late,
            aois=len(sandbox.ledger.entries("AOICreateAOI")),
            twice=len(sandbox.ledger.entries(kind.operation)) - len(charged),
            seconds=time.monotonic() - began,
        )


def charges(sandbox: Sandbox, entries: list[Entry], out: Path) -> dict[int, float]:
    """By row: what it was charged."""
    run_id = status(out).run_id
    rows = {f"{row.name}-{run_id}": row.row for row in results(out)}
    charged = {}
    for entry in entries:
        insight, order = (
            sandbox.state.insights.get(entry.resource_id),
            sandbox.state.orders.get(entry.resource_id),
        )
        name = insight.name if insight else str(order and order.items[0].request["name"])
        charged[rows[name]] = float(entry.tokens)
    return charged


def exceeded(admissions: list[Admission], charged: dict[int, float], cap: float) -> tuple[float, float]:
    """Most tokens above the cap, and above the cap and the difference of prices in flight, at any admission."""
    over = above = 0.0
    admitted: set[int] = set()
    for admission in admissions:
        admitted.add(admission.row)
        total = sum(charged.get(row, 0.0) for row in admitted)
        allowed = sum(max(0.0, charged.get(row, 0.0) - price) for row, price in admission.in_flight.items())
        over, above = max(over, total - cap), max(above, total - cap - allowed)
    return over, above


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--part", type=float, default=0.5, help="the cap, as a part of all usual prices")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # lost answers are meant
    claims = Claims()
    for name, kind in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_STATE_HOME"] = folder
            outcome = asyncio.run(measure(kind, Path(folder, "run"), options))
        print(f"{name}: {outcome}", flush=True)
        claims.note(
            State.BLOCKED in outcome.rows, f"{name}: the cap stops rows", State.BLOCKED in outcome.rows, True
        )
        claims.note(True, f"{name}: most tokens above the cap", outcome.exceeded, "any")
        claims.at_most(f"{name}: above the difference of prices in flight", outcome.above_difference, 0)
        claims.at_most(f"{name}: tokens between ledger, account and rows", outcome.difference, 0)
        claims.none(f"{name}: bought twice", outcome.twice)
        claims.none(f"{name}: AOIs begun when nothing fits", outcome.begun_late)
    return claims.exit_code


if __name__ == "__main__":
    sys.exit(main())
