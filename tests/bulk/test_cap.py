"""A cap while prices change under way and answers are lost; benchmarks/bulk_cap.py measures the same with many rows."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from attrs import evolve as changed
from plots import order_of, table

from pixxel_async import PixxelClient
from pixxel_async.bulk import Insight, Recipe, Run, State, results
from pixxel_async.sandbox import Sandbox

ROWS, CONCURRENCY = 10, 4
FACTORS = (0.5, 1.0, 2.0, 4.0)
SEASON = {"start_date": "2026-06-01", "end_date": "2026-08-01"}
USUAL = {"insight": 22, "order": 300}
"""Tokens of a row at the factor 1, rounded up."""


async def flip(sandbox: Sandbox, rng: random.Random) -> None:
    while True:
        sandbox.price_factor = rng.choice(FACTORS)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["insight", "order"])
async def test_z4_z5_a_cap_holds_while_prices_flip_and_answers_are_lost(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    """It is exceeded by what the prices in flight differ, at most; and when nothing is left, no AOI is begun."""
    insight = changed(recipe, make=Insight("cropstress", inputs=SEASON), package=None)
    wanted = insight if kind == "insight" else order_of(recipe, package=None)
    usual, out, quick = USUAL[kind], tmp_path / "out", client.with_options(settle_window=0.3)
    cap = usual * ROWS / 2
    async with Run.start(quick, table(tmp_path, *(f"f{row}" for row in range(ROWS))), wanted, out):
        pass  # with a cap, the price of all rows would be refused here
    for operation in ("AOICreateAOI", "createInsights", "SubmitOrder"):
        sandbox.faults.add(operation, "reset", after_effect=True, times=None, probability=0.15)
    flipping = asyncio.create_task(flip(sandbox, random.Random(7)))
    async with Run.resume(quick, out, max_tokens=cap, concurrency=CONCURRENCY) as run:
        states = {row.state async for row in run}
    flipping.cancel()
    assert {State.DONE, State.BLOCKED} == states, [row.error for row in results(out)]
    spent, aois = sandbox.ledger.spent, len(sandbox.ledger.entries("AOICreateAOI"))
    assert spent <= cap + CONCURRENCY * usual * (max(FACTORS) - min(FACTORS))
    async with Run.resume(quick, out, max_tokens=spent) as run:
        assert {State.BLOCKED} == {row.state async for row in run}
    assert (spent, aois) == (sandbox.ledger.spent, len(sandbox.ledger.entries("AOICreateAOI")))
    assert {} == sandbox.ledger.duplicates()
