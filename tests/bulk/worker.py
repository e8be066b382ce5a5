"""A process that works on a run, to be killed: `python worker.py URL TOKEN TABLE OUT MAX_TOKENS [resend]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from pixxel_async import PixxelClient
from pixxel_async.bulk import Insight, Job, Package, Recipe, Run, Search

sys.path.append(
    str(Path(__file__).parents[1] / "support")
)  # a program of its own does not see the tests' modules
from clocks import FastClock

RECIPE = Recipe(
    images=Search(start="2026-06-01", end="2026-09-01", max_days=1),
    make=(
        Insight("cropstress", inputs={"start_date": "2026-06-01", "end_date": "2026-08-01"}),
        Job("weekly-stress"),
    ),
    package=Package(),
    project="delta-farms",
    poll_interval=0.05,
    max_poll_interval=0.2,
    timeout=200.0,
    run_id="t1",
)


async def work(url: str, token: str, table: str, out: str, max_tokens: float, held: Any) -> None:
    """Begin the run, or take it up."""
    async with PixxelClient(token=token, base_url=url, settle_window=0.2, clock=FastClock()) as client:
        if (Path(out) / "run.journal").exists():
            session = Run.resume(client, out, on_held=held, concurrency=4)
        else:
            session = Run.start(client, table, RECIPE, out, max_tokens=max_tokens, concurrency=4)
        async with session as run:
            async for _ in run:
                pass


if __name__ == "__main__":
    url, token, table, out, most, *held = sys.argv[1:]
    asyncio.run(work(url, token, table, out, float(most), held[0] if held else None))
