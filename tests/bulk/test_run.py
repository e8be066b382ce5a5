"""Runs against the sandbox, over real sockets: many rows at a time, all that can stop one, and taking up what was left."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from plots import polygon, table

from pixxel_async import AuthenticationError, InvalidInput, PixxelClient, RetryPolicy
from pixxel_async._codec import json_bytes
from pixxel_async._codec.json_bytes import loads
from pixxel_async.bulk import (
    BadRows,
    Insight,
    Items,
    Job,
    JournalError,
    Order,
    OrderRecipe,
    Package,
    Property,
    Recipe,
    Result,
    Run,
    Search,
    State,
    Visualization,
    plan,
    status,
)
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.sandbox import Sandbox

NEVER = Search(start="1999-06-01", end="2000-06-01")
"""Dates without an image of any row."""
SEASON = {"start_date": "2026-06-01", "end_date": "2026-08-01"}


@pytest.fixture
def only_aoi(recipe: Recipe) -> Recipe:
    """The least that a recipe can do."""
    return changed(recipe, make=(), package=None)


async def finished(run: Run) -> dict[str, Result]:
    return {result.name: result async for result in run}


async def started(
    client: PixxelClient, source: Path, recipe: Recipe | OrderRecipe, out: Path, **options: Any
) -> dict[str, Result]:
    async with Run.start(client, source, recipe, out / "out", **options) as run:
        return await finished(run)


async def resumed(client: PixxelClient, out: Path, **options: Any) -> dict[str, Result]:
    async with Run.resume(client, out / "out", **options) as run:
        return await finished(run)


def tasks() -> set[asyncio.Task[Any]]:
    """All tasks but those of the sandbox: its connections stay open, and it makes packages on its own."""
    mine = ("pixxel_async/sandbox", "aiohttp/web_protocol")
    return {
        task
        for task in asyncio.all_tasks()
        if not any(place in task.get_coro().cr_code.co_filename for place in mine)
    }


# --- what comes of a row ----------------------------------------------------------------------------------


async def test_a_row_ends_as_picture_package_and_result(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    began = time.monotonic()
    row = (await started(client, table(tmp_path, "north"), recipe, tmp_path))["north"]
    assert (State.DONE, None, None) == (row.state, row.step, row.error)
    assert 0 < row.seconds < time.monotonic() - began
    picture, package = row.files
    assert tmp_path / "out/north/NDVI.png" == picture
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert tmp_path / "out/north/north.zip" == package
    with zipfile.ZipFile(package) as archive:
        assert any(name.endswith(".tif") for name in archive.namelist())
    (aoi,) = sandbox.ledger.entries("AOICreateAOI")
    assert ("north-t1", row.ids["aoi"]) == (aoi.key, aoi.resource_id)
    assert [] == sandbox.defects


async def test_packages_are_unpacked_when_asked_for(
    client: PixxelClient, recipe: Recipe, tmp_path: Path
) -> None:
    unzipping = changed(recipe, make=(), package=Package(unzip=True))
    row = (await started(client, table(tmp_path, "north"), unzipping, tmp_path))["north"]
    assert any(file.suffix == ".tif" for file in row.files)
    assert all(file.is_file() for file in row.files)


async def test_an_insight_is_paid_computed_and_fetched(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    inputs = {"start_date": "2026-06-01", "end_date": Property("harvest")}
    stress = changed(recipe, make=Insight("cropstress", inputs=inputs), package=Package())
    source = table(tmp_path, "north", harvest="2026-08-01")
    row = (await started(client, source, stress, tmp_path))["north"]
    assert State.DONE is row.state, row.error
    assert row.tokens == sandbox.ledger.spent > 0
    assert ["insight cropstress.zip", "north.zip"] == [file.name for file in row.files]


async def test_jobs_are_told_apart_although_they_have_no_content(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Three at a time on one workflow, one of them with its answer lost."""
    sandbox.faults.add("createJob", "reset", after_effect=True)
    jobs = changed(recipe, make=Job("weekly-stress"), package=None)
    quick = client.with_options(settle_window=0.3)
    rows = await started(quick, table(tmp_path, "a", "b", "c"), jobs, tmp_path)
    assert {State.DONE} == {row.state for row in rows.values()}
    made = [entry.resource_id for entry in sandbox.ledger.entries("createJob")]
    assert sorted(made) == sorted(row.ids["job weekly-stress"] for row in rows.values())
    assert 240.0 == sum(row.tokens for row in rows.values()) == sandbox.ledger.spent


async def test_an_order_is_priced_placed_and_fetched(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    ordering = OrderRecipe(
        images=recipe.images,
        order=Order(usecase="agriculture"),
        project=recipe.project,
        poll_interval=0.02,
        max_poll_interval=0.1,
    )
    row = (await started(client, table(tmp_path, "north"), ordering, tmp_path))["north"]
    assert State.DONE is row.state, row.error
    assert 300.0 == row.tokens == sandbox.ledger.spent
    assert ["north.zip"] == [file.name for file in row.files]


async def test_rows_may_name_their_images(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    found = await client.archives.search(collections=["sentinel-2-l2a"], intersects=polygon(1), limit=2)
    named = changed(only_aoi, images=Items())
    source = table(tmp_path, "north", item_ids=",".join(image.id for image in found))
    row = (await started(client, source, named, tmp_path))["north"]
    assert State.DONE is row.state, row.error
    posts = [request.path for request in sandbox.requests if request.method == "POST"]
    assert ["/v0/archives/search", "/v0/aois"] == posts, "and no search of its own"


async def test_p4_a_row_that_fails_stops_nobody_else(
    client: PixxelClient, only_aoi: Recipe, tmp_path: Path
) -> None:
    source = table(tmp_path, "north", "south [fail]", "east")
    rows = await started(client, source, only_aoi, tmp_path, concurrency=2)
    assert {"north": State.DONE, "south [fail]": State.FAILED, "east": State.DONE} == {
        name: row.state for name, row in rows.items()
    }
    assert "aoi ready" == rows["south [fail]"].step
    assert rows["south [fail]"].error is not None


async def test_a_row_that_succeeds_in_part_has_its_files_and_says_so(
    client: PixxelClient, recipe: Recipe, tmp_path: Path
) -> None:
    row = (await started(client, table(tmp_path, "north [partial]"), recipe, tmp_path))["north [partial]"]
    assert State.PARTIAL is row.state
    assert all(file.is_file() for file in row.files)


async def test_p11_a_row_without_an_image_is_no_failure_and_the_remedy_is_said(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    never = changed(recipe, images=NEVER)
    row = (await started(client, table(tmp_path, "north"), never, tmp_path))["north"]
    assert (State.NO_IMAGE, "images") == (row.state, row.step)
    assert "widen the dates or allow more cloud" in (row.error or "")
    assert [] == sandbox.ledger.entries()
    assert status(tmp_path / "out").is_finished


async def test_p11_a_row_without_an_image_is_searched_again_only_on_request(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    await started(client, table(tmp_path, "north"), changed(recipe, images=NEVER), tmp_path)
    before = len(sandbox.requests)
    assert {} == await resumed(client, tmp_path)
    assert {} == await resumed(client, tmp_path, retry_failed=True)
    assert before == len(sandbox.requests)
    again = await resumed(client, tmp_path, retry_no_image=True)
    assert {"north": State.NO_IMAGE} == {name: row.state for name, row in again.items()}
    assert before < len(sandbox.requests)


async def test_p11_an_earlier_version_recorded_such_a_row_as_failed_and_it_can_be_tried_again(
    client: PixxelClient, recipe: Recipe, tmp_path: Path
) -> None:
    await started(client, table(tmp_path, "north"), changed(recipe, images=NEVER), tmp_path)
    path = tmp_path / "out" / "run.journal"
    with Journal.open(path) as journal:
        await journal.mark(1, State.FAILED, step="images", error="no image of Sentinel-2")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE session")
        connection.execute("PRAGMA user_version=1")
    assert {State.FAILED: 1} == status(tmp_path / "out").rows
    assert {} == await resumed(client, tmp_path)
    again = await resumed(client, tmp_path, retry_failed=True)
    assert State.NO_IMAGE is again["north"].state
    assert {State.NO_IMAGE: 1} == status(tmp_path / "out").rows


async def test_a_step_of_the_users_own_follows_the_files_and_is_not_done_twice(
    client: PixxelClient, only_aoi: Recipe, tmp_path: Path
) -> None:
    seen: list[str] = []

    async def then(result: Result, client: PixxelClient) -> None:
        assert await client.aois.get(result.ids["aoi"])
        if result.name == "bad" and len(seen) < 3:
            raise ZeroDivisionError("of the user's own")
        seen.append(result.name)

    rows = await started(client, table(tmp_path, "good", "bad", "fine"), only_aoi, tmp_path, after_row=then)
    assert ["fine", "good"] == sorted(seen)
    assert "ZeroDivisionError: of the user's own" == rows["bad"].error
    seen.append("later")
    assert {"bad"} == set(await resumed(client, tmp_path, retry_failed=True, after_row=then))
    assert "bad" == seen[-1]


# --- lost answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "make"), [("AOICreateAOI", ()), ("CreateVisualization", Visualization(png=False))]
)
async def test_q2_a_lost_answer_is_looked_for_and_the_row_goes_on(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path, operation: str, make: Any
) -> None:
    sandbox.faults.add(operation, "reset", after_effect=True)
    quick = client.with_options(settle_window=0.3)
    row = await started(quick, table(tmp_path, "north"), changed(recipe, make=make, package=None), tmp_path)
    assert State.DONE is row["north"].state
    assert 1 == len(sandbox.ledger.entries(operation))


async def test_a_look_that_fails_is_repeated_and_nothing_is_sent_meanwhile(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("AOICreateAOI", "reset", after_effect=True)
    sandbox.faults.add("ListAOIs", "status", status=500)
    quick = client.with_options(settle_window=0.01, retry=RetryPolicy.none())
    row = (await started(quick, table(tmp_path, "north"), only_aoi, tmp_path))["north"]
    (made,) = sandbox.ledger.entries("AOICreateAOI")
    assert (State.DONE, made.resource_id) == (row.state, row.ids.get("aoi")), row.error


async def test_an_aoi_that_did_not_happen_is_sent_again(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("AOICreateAOI", "reset", after_effect=False)
    quick = client.with_options(settle_window=0.3)
    row = (await started(quick, table(tmp_path, "north"), only_aoi, tmp_path))["north"]
    assert State.DONE is row.state
    assert 1 == len(sandbox.ledger.entries("AOICreateAOI"))


async def test_an_aoi_that_shows_only_when_it_is_sent_again_is_adopted(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It happens after the settle window, which is too short here; the API refuses a second one of the name."""
    sandbox.faults.add("AOICreateAOI", "reset", after_effect=True)
    sandbox.faults.add("ListAOIs", "lag", late=36_000.0, times=2)
    quick = client.with_options(settle_window=0.01)
    row = (await started(quick, table(tmp_path, "north"), only_aoi, tmp_path))["north"]
    (made,) = sandbox.ledger.entries("AOICreateAOI")
    sent = [request.status for request in sandbox.requests if request.operation_id == "AOICreateAOI"]
    assert [None, 409] == sent, "or this proves nothing"
    assert (State.DONE, made.resource_id) == (row.state, row.ids["aoi"])


async def test_a_purchase_that_cannot_be_found_is_held_until_a_person_decides(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("createJob", "reset", after_effect=False)
    job = changed(recipe, make=Job("weekly-stress"), package=None)
    quick = client.with_options(settle_window=0.3)
    first = (await started(quick, table(tmp_path, "north"), job, tmp_path, max_tokens=100))["north"]
    assert (State.HELD, "job weekly-stress") == (first.state, first.step)
    again = (await resumed(quick, tmp_path))["north"]
    assert State.HELD is again.state, "looked for again, and not bought unasked"
    assert 0 == sandbox.ledger.spent
    decided = (await resumed(quick, tmp_path, on_held="resend"))["north"]
    assert State.DONE is decided.state
    assert 1 == len(sandbox.ledger.entries("createJob"))


async def test_what_is_forgotten_counts_as_spent_for_it_may_have_been(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    off_books: None,  # it was not bought
) -> None:
    sandbox.faults.add("createJob", "reset", after_effect=False)
    job = changed(recipe, make=Job("weekly-stress"), package=None)
    quick = client.with_options(settle_window=0.3)
    await started(quick, table(tmp_path, "north"), job, tmp_path)
    async with Run.resume(quick, tmp_path / "out", on_held="forget") as run:
        assert {} == await finished(run)
        progress = await run.progress()
    assert {State.FAILED: 1} == progress.rows
    assert progress.tokens.spent > 0 == progress.tokens.reserved


# --- interruption -----------------------------------------------------------------------------------------


async def test_p9_no_more_than_so_many_rows_are_under_way_and_a_slow_taker_slows_the_run(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    source = table(tmp_path, *"abcdefg")
    async with (
        Run.start(client, source, only_aoi, tmp_path / "o", concurrency=2) as run,
    ):
        results = aiter(run)
        await anext(results)
        while (await run.progress()).rows.get(State.DONE, 0) < 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert 3 >= len(sandbox.ledger.entries("AOICreateAOI")), (
            "two finished, none taken: nothing new begins"
        )
        assert 6 == len([result async for result in results])


async def test_leaving_the_loop_stops_the_rest_and_another_session_goes_on(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    before = tasks()
    source = table(tmp_path, "a", "b", "c", "d")
    async with Run.start(client, source, recipe, tmp_path / "out") as run:
        async for _ in run:
            break
    assert before == tasks()
    async with Run.resume(client.with_options(settle_window=0.5), tmp_path / "out") as run:
        rest = await finished(run)
        assert {State.DONE: 4} == (await run.progress()).rows
    assert {"a", "b", "c", "d"} > set(rest)
    assert 4 == len(sandbox.ledger.entries("AOICreateAOI"))


async def test_p3_a_drain_writes_down_what_is_being_created_and_begins_nothing(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add("AOICreateAOI", "delay", delay=0.3, times=2)
    source = table(tmp_path, *"abcdef")
    async with (
        Run.start(client, source, recipe, tmp_path / "out", concurrency=2) as run,
    ):
        results = asyncio.create_task(_all(aiter(run)))
        while not any(request.path == "/v0/aois" for request in sandbox.requests):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        run.drain()
        assert [] == await results
        assert [] == list(run._journal.open_intents()), "nothing is left open"
    made = len(sandbox.ledger.entries("AOICreateAOI"))
    assert 1 <= made <= 2
    assert 6 == len(await resumed(client, tmp_path))
    assert 6 == len(sandbox.ledger.entries("AOICreateAOI"))


async def _all(results: AsyncIterator[Result]) -> list[Result]:
    return [result async for result in results]


async def test_n4_a_token_that_is_refused_stops_the_run_and_another_session_goes_on(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    source = table(tmp_path, *"abcdef")
    sandbox.faults.add("GetAoiById", "status", status=401, times=None)
    sandbox.faults.add("ListAOIs", "status", status=401, times=None)
    with pytest.raises(AuthenticationError):
        await started(client, source, recipe, tmp_path)
    sandbox.faults.clear()
    async with sandbox.client() as fresh:
        rows = await resumed(fresh.with_options(settle_window=0.3), tmp_path)
    assert {State.DONE} == {row.state for row in rows.values()}
    assert 6 == len(sandbox.ledger.entries("AOICreateAOI"))


async def test_retrying_makes_anew_what_failed_and_nothing_else(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.outcomes.plan("aoi", "fail")
    rows = await started(client, table(tmp_path, "north", "south"), only_aoi, tmp_path, concurrency=1)
    assert (State.FAILED, State.DONE) == (rows["north"].state, rows["south"].state)
    assert {} == await resumed(client, tmp_path), "what failed stays failed"
    assert {"north": State.DONE} == {
        name: row.state for name, row in (await resumed(client, tmp_path, retry_failed=True)).items()
    }
    made = [entry.key for entry in sandbox.ledger.entries("AOICreateAOI")]
    assert ["north-t1", "north-t1-2", "south-t1"] == sorted(made)


# --- tokens -----------------------------------------------------------------------------------------------


async def test_a_plan_tells_what_it_would_cost_and_makes_nothing(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    job = changed(recipe, make=(Job("weekly-stress"), Insight("cropstress", inputs=SEASON)))
    told = await plan(client, table(tmp_path, "a", "b", "c"), job)
    assert (3, 9, 240.0, ("insight cropstress",)) == (told.rows, told.creates, told.tokens, told.unpriced)
    assert 1 == len([each for each in sandbox.requests if each.path.endswith("/estimate")])
    assert [] == sandbox.ledger.entries()


async def test_p11_a_plan_lists_rows_without_an_image_apart_from_those_that_would_fail(
    client: PixxelClient, recipe: Recipe, tmp_path: Path
) -> None:
    never = OrderRecipe(
        images=NEVER,
        order=Order(usecase="agriculture"),
        project=recipe.project,
    )
    told = await plan(client, table(tmp_path, "a", "b"), never)
    assert ((), 2) == (told.faults, len(told.no_image))
    assert "row 1 (a): no image" in "\n".join(sorted(told.no_image))


async def test_a_cap_below_the_price_is_refused_before_anything_is_made(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    job = changed(recipe, make=Job("weekly-stress"))
    with pytest.raises(InvalidInput, match="max_tokens=100: the API states a price of 240 tokens for 3 rows"):
        await started(client, table(tmp_path, "a", "b", "c"), job, tmp_path, max_tokens=100)
    assert [] == sandbox.ledger.entries()
    assert not (tmp_path / "out/run.journal").exists()


async def test_a_cap_is_never_exceeded_and_can_be_raised(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    """24 tokens each: of three, two fit into 50."""
    stress = changed(recipe, make=Insight("cropstress", inputs=SEASON), package=None)
    rows = await started(client, table(tmp_path, "a", "b", "c"), stress, tmp_path, max_tokens=50)
    states = sorted(row.state for row in rows.values())
    each = sandbox.ledger.spent / 2
    assert [State.DONE, State.DONE, State.BLOCKED] == states
    assert 25 > each > 50 / 3, "or this proves nothing"
    last = await resumed(client, tmp_path, max_tokens=3 * each)
    assert [State.DONE] == [row.state for row in last.values()]
    assert 3 * each == sandbox.ledger.spent


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put values into all answers from now on, where the keys are in them."""

    def change(*, only: str | None = None, **values: Any) -> None:
        def odd(body: bytes) -> Any:
            raw = loads(body)
            if isinstance(raw, dict) and (only is None or raw.get(only)):
                raw.update({key: value for key, value in values.items() if key in raw})
            return raw

        monkeypatch.setattr(json_bytes, "loads", odd)

    return change


@pytest.mark.parametrize("price", ["", "a lot", False])
@pytest.mark.parametrize("what", ["insight", "job", "order"])
async def test_g18_an_unknown_price_is_not_spent(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    answers: Callable[..., None],
    what: str,
    price: Any,
) -> None:
    """A price that cannot be read is no price of 0."""
    recipes: dict[str, Recipe | OrderRecipe] = {
        "insight": changed(recipe, make=Insight("cropstress", inputs=SEASON), package=None),
        "job": changed(recipe, make=Job("weekly-stress"), package=None),
        "order": OrderRecipe(
            images=recipe.images, order=Order(usecase="agriculture"), project=recipe.project
        ),
    }
    answers(estimate=price, estimated_cost=price, total_amount=price)
    row = (await started(client, table(tmp_path, "a"), recipes[what], tmp_path, max_tokens=1000))["a"]
    assert (State.FAILED, 0) == (row.state, row.tokens)
    assert "price" in str(row.error)
    assert 0 == sandbox.ledger.spent
    assert (0, 0) == (status(tmp_path / "out").tokens.spent, status(tmp_path / "out").tokens.reserved)


async def test_g18_a_cost_that_cannot_be_read_counts_as_the_price_asked_for(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    answers: Callable[..., None],
) -> None:
    answers(only="created_by", cost="a lot")
    job = changed(recipe, make=Job("weekly-stress"), package=None)
    row = (await started(client, table(tmp_path, "a"), job, tmp_path, max_tokens=1000))["a"]
    assert State.DONE is row.state, row.error
    assert 80 == row.tokens == sandbox.ledger.spent == status(tmp_path / "out").tokens.spent


async def test_g18_an_order_item_with_an_id_that_cannot_be_read_is_not_skipped(
    client: PixxelClient, recipe: Recipe, tmp_path: Path, answers: Callable[..., None]
) -> None:
    """Skipped, it would count as fulfilled and delivered."""
    ordering = OrderRecipe(images=recipe.images, order=Order(usecase="agriculture"), project=recipe.project)
    answers(order_items=[{"id": "i-1"}, {"id": 2}])
    row = (await started(client, table(tmp_path, "a"), ordering, tmp_path))["a"]
    assert (State.FAILED, "order items") == (row.state, row.step)
    assert "has an item without an id" in str(row.error)


# --- what cannot work -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "change", "words"),
    [
        ({"satellite": "Sentinel-9"}, {}, "'Sentinel-9': no such satellite; there are: .*Sentinel-2 or 0002"),
        ({"collection": "l9"}, {}, "'l9': no such collection; there are: .*sentinel-2-l2a"),
        (
            {},
            {"project": None},
            "project: name the one to use; there are: Delta Farms or delta-farms or 5b0f",
        ),
        ({}, {"project": "beta"}, "'beta': no such project"),
        ({}, {"make": Visualization("NDVII")}, "'NDVII': no such preset index; there are: .*NDVI or "),
        ({}, {"make": Insight("cropstres")}, "no such block; there are: cropclassification, cropstress"),
        ({}, {"make": Insight("cropstress", version="9")}, "the block has no version '9'"),
        (
            {},
            {"make": Insight("cropstress", inputs={"day": "1"})},
            "the block has no input day; its inputs are",
        ),
    ],
)
async def test_a_name_that_does_not_exist_is_refused_with_those_that_do(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    images: dict[str, Any],
    change: dict[str, Any],
    words: str,
) -> None:
    wrong = changed(recipe, images=changed(recipe.images, **images), **change)
    with pytest.raises(InvalidInput, match=words):
        await started(client, table(tmp_path, "north"), wrong, tmp_path)
    assert {"GET"} == {request.method for request in sandbox.requests}


def _a_file(out: Path) -> None:
    out.touch()


def _a_run(out: Path) -> None:
    out.mkdir()
    (out / "run.journal").touch()


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (_a_file, {}, "cannot be written"),
        (_a_run, {}, "holds a run already: resume it"),
        (lambda out: None, {"concurrency": 0}, "concurrency=0"),
    ],
)
async def test_what_cannot_work_is_refused_before_any_request(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    prepare: Callable[[Path], None],
    options: dict[str, Any],
    words: str,
    off_books: None,  # one file is no journal
) -> None:
    prepare(tmp_path / "out")
    with pytest.raises(InvalidInput, match=words):
        await started(client, table(tmp_path, "north"), recipe, tmp_path, **options)
    assert 0 == len(sandbox.requests)


async def test_t7_bad_rows_are_all_told_and_nothing_is_sent(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    named = changed(recipe, images=Items(property="scenes"))
    with pytest.raises(BadRows) as caught:
        await started(client, table(tmp_path, "a", "b", "a"), named, tmp_path)
    assert 4 == len(caught.value.faults), str(caught.value)
    assert 0 == len(sandbox.requests)


async def test_a_run_of_another_token_or_api_is_refused_unless_told(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    await started(client, table(tmp_path, "north"), only_aoi, tmp_path)
    sandbox.tokens.issue("another-token")
    async with sandbox.client(token="another-token") as other:
        with pytest.raises(InvalidInput, match="started with another token"):
            await resumed(other, tmp_path)
        assert {} == await resumed(other, tmp_path, other_token=True)
    async with PixxelClient(token="t", base_url="http://127.0.0.1:9") as elsewhere:
        with pytest.raises(InvalidInput, match="the run belongs to"):
            await resumed(elsewhere, tmp_path)


async def test_a_recipe_that_is_run_twice_names_things_anew_and_a_resumed_run_keeps_its_names(
    client: PixxelClient, only_aoi: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    source, unnamed = table(tmp_path, "north", "south"), changed(only_aoi, run_id=None)
    ids = []
    for out in (tmp_path / "first", tmp_path / "second"):
        async with Run.start(client, source, unnamed, out / "out", concurrency=1) as run:
            ids.append(run.run_id)
            await anext(aiter(run))
        assert {State.DONE} == {result.state for result in (await resumed(client, out)).values()}
        assert {State.DONE: 2} == status(out / "out").rows
        assert ids[-1] == status(out / "out").run_id
    assert ids[0] != ids[1]
    expected = {f"{name}-{run_id}" for name in ("north", "south") for run_id in ids}
    assert expected == {aoi.name for aoi in await client.aois.list()}


async def test_an_earlier_run_is_given_up_only_if_nothing_of_it_is_open(
    client: PixxelClient,
    recipe: Recipe,
    only_aoi: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    off_books: None,  # a row stays held
) -> None:
    source = table(tmp_path, "north")
    await started(client, source, only_aoi, tmp_path)
    again = changed(only_aoi, run_id="t2")
    assert {"north"} == set(await started(client, source, again, tmp_path, overwrite=True))
    sandbox.faults.add("createJob", "reset", after_effect=False)
    job = changed(recipe, make=Job("weekly-stress"), run_id="t3")
    quick = client.with_options(settle_window=0.2)
    await started(quick, source, job, tmp_path, overwrite=True)
    with pytest.raises(JournalError, match="row 1, step job weekly-stress: may exist in the account"):
        await started(quick, source, changed(job, run_id="t4"), tmp_path, overwrite=True)
