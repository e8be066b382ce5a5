"""Processes that are killed in the middle of a run, and taken up: nothing lost, nothing bought twice, the cap kept."""

from __future__ import annotations

import asyncio
import signal
import sys
import zipfile
from pathlib import Path

from plots import table

from pixxel_async.bulk import State, results
from pixxel_async.sandbox import Sandbox

WORKER = Path(__file__).with_name("worker.py")


async def session(sandbox: Sandbox, folder: Path, *, kill_at: int | None, most: float = 1e6) -> bool:
    """Work on the run until it is done, or killed at so many requests from now; whether it was killed.

    One that is not killed is the last: it sends again what is held, for in a sandbox nothing comes late.
    """
    arguments = (sandbox.url, sandbox.token, folder / "fields.geojson", folder / "out", most)
    held = ["resend"] if kill_at is None else []
    before = len(sandbox.requests)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), *map(str, arguments), *held, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        while kill_at is not None and process.returncode is None:
            if len(sandbox.requests) - before >= kill_at:
                process.kill()
                break
            await asyncio.sleep(0.001)
        return await process.wait() == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_q1_q2_killed_anywhere_a_run_goes_on_and_buys_nothing_twice(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Killed at requests of every kind, those that create among them."""
    table(tmp_path, *"abcdef")
    for kill_at in (9, 13, 18):
        assert await session(sandbox, tmp_path, kill_at=kill_at)
    for _ in range(2):  # what is held is found out by the first, and sent again by the second
        assert not await session(sandbox, tmp_path, kill_at=None)
    rows = list(results(tmp_path / "out"))
    assert {State.DONE} == {row.state for row in rows}, [row.error for row in rows]
    for operation, step in (
        ("AOICreateAOI", "aoi"),
        ("createInsights", "insight cropstress"),
        ("createJob", "job weekly-stress"),
    ):
        made = [entry.resource_id for entry in sandbox.ledger.entries(operation)]
        assert sorted(made) == sorted(row.ids[step] for row in rows)
    for file in (file for row in rows for file in row.files):
        with zipfile.ZipFile(file) as package:
            assert package.testzip() is None
    assert sandbox.ledger.spent == sum(row.tokens for row in rows)


async def test_a_cap_holds_through_kills_and_changing_prices(sandbox: Sandbox, tmp_path: Path) -> None:
    table(tmp_path, *"abcdef")
    for kill_at, factor in ((14, 3.0), (16, 0.5), (18, 2.0)):
        if not await session(sandbox, tmp_path, kill_at=kill_at, most=500.0):
            break
        sandbox.price_factor = factor
    for _ in range(2):  # what is held is found out by the first, and sent again by the second
        await session(sandbox, tmp_path, kill_at=None)
    states = {row.state for row in results(tmp_path / "out")}
    assert states <= {State.DONE, State.BLOCKED}
    assert State.BLOCKED in states, "or this proves nothing"
    assert 250 < sandbox.ledger.spent <= 500


async def test_q7_a_resumed_run_keeps_to_the_rows_that_it_began_with(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What changed in the file since is another run's."""
    table(tmp_path, "a", "b")
    assert await session(sandbox, tmp_path, kill_at=9)
    table(tmp_path, "c", "b", "d")
    assert not await session(sandbox, tmp_path, kill_at=None)
    assert ["a", "b"] == [row.name for row in results(tmp_path / "out")]
    assert ["a-t1", "b-t1"] == sorted(entry.key for entry in sandbox.ledger.entries("AOICreateAOI"))
