"""Creates with their answer lost at the end of the process, then looked up by a new client and a journal opened again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from clocks import FastClock
from plots import table

from pixxel_async import PixxelClient
from pixxel_async.bulk import Job, Recipe, Run, State, Visualization, results, status
from pixxel_async.sandbox import Sandbox

OPERATIONS = {
    "aoi": "AOICreateAOI",
    "visualization NDVI": "CreateVisualization",
    "job weekly-stress": "createJob",
}


def recipe_of(step: str, recipe: Recipe) -> Recipe:
    makes: dict[str, Any] = {
        "aoi": (),
        "visualization NDVI": Visualization(png=False),
        "job weekly-stress": Job("weekly-stress"),
    }
    return changed(recipe, make=makes[step], package=None)


def created(sandbox: Sandbox, step: str) -> list[str]:
    return [entry.resource_id for entry in sandbox.ledger.entries(OPERATIONS[step])]


async def ends_in_a_create(run: Run, sandbox: Sandbox, step: str, *, happened: bool) -> None:
    """Work until the answer to the second row's create does not come, and end there."""
    rows = aiter(run)
    await anext(rows)
    sent = sum(request.operation_id == OPERATIONS[step] for request in sandbox.requests)
    sandbox.faults.add(OPERATIONS[step], "hang", after_effect=happened)
    working = asyncio.create_task(anext(rows))
    while sum(request.operation_id == OPERATIONS[step] for request in sandbox.requests) <= sent:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)  # it takes effect
    working.cancel()
    await asyncio.wait([working])


@pytest.mark.parametrize("step", ["aoi", "visualization NDVI", "job weekly-stress"])
async def test_q2_a_create_whose_answer_was_lost_with_the_process_is_found_by_the_next(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path, step: str
) -> None:
    """It is the second row's, not what the first row made, although a job has no content of its own."""
    source = table(tmp_path, "a", "b")
    async with Run.start(client, source, recipe_of(step, recipe), tmp_path / "out", concurrency=1) as run:
        await ends_in_a_create(run, sandbox, step, happened=True)
    made = created(sandbox, step)
    assert 2 == len(made)
    async with (
        sandbox.client(clock=FastClock(), settle_window=0.3) as fresh,
        Run.resume(fresh, tmp_path / "out") as run,
    ):
        assert [State.DONE] == [row.state async for row in run]
    assert made == created(sandbox, step)
    assert made == [row.ids[step] for row in results(tmp_path / "out")]


@pytest.mark.parametrize(
    ("step", "state"),
    [("aoi", State.DONE), ("visualization NDVI", State.DONE), ("job weekly-stress", State.HELD)],
)
async def test_q2_a_create_that_ended_with_the_process_and_did_not_happen(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    off_books: None,  # the tokens of what is held stay reserved
    step: str,
    state: State,
) -> None:
    """It is sent again where the API refuses a second one, else held; it never gets what the first row made."""
    source = table(tmp_path, "a", "b")
    async with Run.start(client, source, recipe_of(step, recipe), tmp_path / "out", concurrency=1) as run:
        await ends_in_a_create(run, sandbox, step, happened=False)
    [first] = created(sandbox, step)
    async with (
        sandbox.client(clock=FastClock(), settle_window=0.3) as fresh,
        Run.resume(fresh, tmp_path / "out") as run,
    ):
        [row] = [row async for row in run]
    assert (state, {first} - {row.ids.get(step)}) == (row.state, {first}), row.error
    assert (state is State.HELD) == bool(status(tmp_path / "out").held)
