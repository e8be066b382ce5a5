"""Creates with their answer lost at the end of the process, then looked up by a new client and a journal opened again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from clocks import FastClock
from plots import order_of, table

from pixxel_async import Intent, PixxelClient
from pixxel_async.bulk import (
    Adopt,
    Delivery,
    Insight,
    Job,
    OrderRecipe,
    Recipe,
    Result,
    Run,
    State,
    Visualization,
    decide,
    results,
    status,
)
from pixxel_async.bulk._execution.engine import BeforeCreate, LocalEngine
from pixxel_async.bulk._recipe.stages import Facts, Stage, Work
from pixxel_async.models import StoreConfigs
from pixxel_async.sandbox import Sandbox

OPERATIONS = {
    "aoi": "AOICreateAOI",
    "visualization NDVI": "CreateVisualization",
    "insight cropstress": "createInsights",
    "job weekly-stress": "createJob",
    "order": "SubmitOrder",
    "delivery": "CreateDelivery",
}
SEASON = {"start_date": "2026-06-01", "end_date": "2026-08-01"}


def recipe_of(step: str, recipe: Recipe) -> Recipe | OrderRecipe:
    if step in ("order", "delivery"):
        delivery = Delivery(store="farm") if step == "delivery" else None
        return order_of(recipe, delivery=delivery, package=None)
    makes: dict[str, Any] = {
        "aoi": (),
        "visualization NDVI": Visualization(png=False),
        "insight cropstress": Insight("cropstress", inputs=SEASON),
        "job weekly-stress": Job("weekly-stress"),
    }
    return changed(recipe, make=makes[step], package=None)


@pytest.fixture
async def store(client: PixxelClient) -> None:
    """Where deliveries go."""
    secrets = {"access_key_id": "id", "secret_access_key": "key"}
    configs = StoreConfigs(bucket="farm", region="us-east-2")
    await client.stores.create(name="farm", type="S3", configs=configs, secrets=secrets)


def created(sandbox: Sandbox, step: str) -> list[str]:
    return [entry.resource_id for entry in sandbox.ledger.entries(OPERATIONS[step])]


class Ending(LocalEngine):
    """The second row's create gets no answer, and the session ends there.

    Args:
        sandbox: Takes the create.
        step: The stage that creates.
        happened: Whether the create takes effect.
    """

    def __init__(self, sandbox: Sandbox, step: str, *, happened: bool) -> None:
        self._sandbox = sandbox
        self._step = step
        self._happened = happened
        self.is_announced = asyncio.Event()

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        if (work.row, stage.name) != (2, self._step):
            return await super().do(client, stage, work, before_create)
        assert before_create is not None
        announce = before_create

        async def then_hang(intent: Intent) -> None:
            await announce(intent)
            self._sandbox.faults.add(OPERATIONS[self._step], "hang", after_effect=self._happened)
            self._sandbox.requests.clear()
            self.is_announced.set()

        return await super().do(client, stage, work, then_hang)

    async def work(self, run: Run) -> None:
        """Until the answer to the second row's create does not come."""
        rows = aiter(run)
        await anext(rows)
        working = asyncio.create_task(anext(rows))
        await self.is_announced.wait()
        while not self._sandbox.requests:  # noqa: ASYNC110 - a sandbox has no event for it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # it takes effect
        working.cancel()
        await asyncio.wait([working])


async def resumed(sandbox: Sandbox, out: Path) -> Result:
    """The second row, as a new client and the journal opened again leave it."""
    async with sandbox.client(clock=FastClock(), settle_window=0.3) as fresh, Run.resume(fresh, out) as run:
        [row] = [row async for row in run]
    return row


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("step", list(OPERATIONS))
async def test_q2_a_create_whose_answer_was_lost_with_the_process_is_found_by_the_next(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path, step: str
) -> None:
    """It is the second row's, not what the first row made, although a job has no content of its own."""
    source = table(tmp_path, "a", "b")
    engine, wanted = Ending(sandbox, step, happened=True), recipe_of(step, recipe)
    async with Run.start(client, source, wanted, tmp_path / "out", concurrency=1, engine=engine) as run:
        await engine.work(run)
    made = created(sandbox, step)
    assert 2 == len(made)
    row = await resumed(sandbox, tmp_path / "out")
    if step == "delivery":
        # It was asked for by order item, and the listing names catalog entries: a person compares them.
        assert (State.HELD, True) == (row.state, made[1] in (row.error or "")), row.error
        decide(tmp_path / "out", {2: Adopt(made[1])})
        row = await resumed(sandbox, tmp_path / "out")
    assert State.DONE is row.state, row.error
    assert made == created(sandbox, step)
    assert made == [row.ids[step] for row in results(tmp_path / "out")]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("aoi", State.DONE),
        ("visualization NDVI", State.DONE),
        ("insight cropstress", State.HELD),
        ("job weekly-stress", State.HELD),
        ("order", State.HELD),
        ("delivery", State.HELD),
    ],
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
    engine, wanted = Ending(sandbox, step, happened=False), recipe_of(step, recipe)
    async with Run.start(client, source, wanted, tmp_path / "out", concurrency=1, engine=engine) as run:
        await engine.work(run)
    [first] = created(sandbox, step)
    row = await resumed(sandbox, tmp_path / "out")
    assert (state, {first} - {row.ids.get(step)}) == (row.state, {first}), row.error
    assert (state is State.HELD) == bool(status(tmp_path / "out").held)
