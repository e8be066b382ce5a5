"""The runner against the sandbox, over real sockets: many fields at a time, and everything that can stop one."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from plots import fields

from pixxel_async import InvalidInput, PixxelClient
from pixxel_async.bulk import Field, Recipe, Result, State, Step, run
from pixxel_async.models import SearchSatellite
from pixxel_async.sandbox import Sandbox

LIMIT = 30.0
"""Seconds that a test may take; none needs more than a few."""

Run = Callable[..., Any]


@pytest.fixture
def bulk(client: PixxelClient, recipe: Recipe, tmp_path: Path) -> Run:
    """Start a run of some fields into a temporary folder."""

    def start(wanted: list[Field], **options: Any) -> Any:
        return run(client, wanted, options.pop("recipe", recipe), **{"out": tmp_path, **options})

    return start


async def collected(results: AsyncIterator[Result]) -> dict[str, Result]:
    async with asyncio.timeout(LIMIT):
        return {result.name: result async for result in results}


def tasks() -> set[asyncio.Task[Any]]:
    """All tasks but those of the sandbox's server, whose connections the client keeps open."""
    everything = asyncio.all_tasks()
    return {task for task in everything if "RequestHandler" not in repr(task.get_coro())}


async def test_a_field_ends_as_picture_package_and_row(bulk: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    results = await collected(bulk(fields("north")))
    row = results["north"]
    assert (State.DONE, None, None) == (row.state, row.step, row.error)
    assert tmp_path / "north" / "NDVI.png" == row.png
    assert row.png.read_bytes().startswith(b"\x89PNG")
    assert tmp_path / "north" / "north.zip" == row.package
    with zipfile.ZipFile(row.package) as package:
        assert any(name.endswith(".tif") for name in package.namelist())
    (aoi,) = sandbox.ledger.entries("AOICreateAOI")
    assert ("north-t1", row.aoi_id) == (aoi.key, aoi.resource_id)
    assert [row.visualization_id] == [
        entry.resource_id for entry in sandbox.ledger.entries("CreateVisualization")
    ]
    assert [row.download_id] == [entry.resource_id for entry in sandbox.ledger.entries("AOICreateDownload")]
    assert 0 < row.seconds < LIMIT
    assert [] == sandbox.defects


async def test_packages_are_unpacked_when_asked_for(bulk: Run, recipe: Recipe, tmp_path: Path) -> None:
    row = (await collected(bulk(fields("north"), recipe=changed(recipe, unzip=True))))["north"]
    assert any(file.suffix == ".tif" for file in row.files)
    assert all(file.is_file() and tmp_path / "north" / "north" in file.parents for file in row.files)


async def test_every_step_is_told_in_order(bulk: Run) -> None:
    updates: list[Result] = []
    await collected(bulk(fields("north"), on_update=updates.append))
    steps = [update.step for update in updates if update.step is not None]
    assert list(Step) == list(dict.fromkeys(steps))
    assert [State.DONE] == [update.state for update in updates if update.state is not State.RUNNING]


async def test_the_aoi_is_made_of_all_images_of_the_newest_clear_days(
    bulk: Run, client: PixxelClient, recipe: Recipe
) -> None:
    """All of a day, because a field at the border of two images is in neither as a whole."""
    edge = Field(
        1, "edge", {"type": "Polygon", "coordinates": [[[9.9, 45.2], [10.1, 45.2], [10, 45.3], [9.9, 45.2]]]}
    )
    row = (await collected(bulk([edge], recipe=changed(recipe, max_cloud=40, max_days=2))))["edge"]
    (sentinel,) = [one for one in await client.satellites.list() if one.name == "Sentinel-2"]
    every = await client.search.images(
        start_date=recipe.start,
        end_date=recipe.end,
        satellites=[SearchSatellite(collection_id="sentinel-2-l2a", satellite_id=str(sentinel.id))],
        geometry=dict(edge.geometry),
    )
    clear = [one for one in every if one.properties.eo_cloud_cover <= 40]
    days = sorted({one.properties.datetime.date() for one in clear})[-2:]
    wanted = {one.id for one in clear if one.properties.datetime.date() in days}
    assert len(clear) > len(wanted) > 2, "or this proves nothing"
    assert any(one.properties.datetime.date() >= days[0] for one in every if one not in clear), "nor this"
    assert wanted == set(row.scene_ids)
    assert len(wanted) == len(row.scene_ids)


async def test_the_picture_shows_the_newest_day(bulk: Run, client: PixxelClient, recipe: Recipe) -> None:
    row = (await collected(bulk(fields("north"), recipe=changed(recipe, max_days=2))))["north"]
    assets = await client.assets.list(row.aoi_id)
    days = sorted({asset.date.replace("-", "_") for asset in assets})
    (index,) = await client.visualizations.list(row.aoi_id)
    pictures = {
        day: await client.visualizations.png(
            row.aoi_id, row.visualization_id, index_id=index.index_id, date=day, visualization_mode="dynamic"
        )
        for day in days
    }
    assert len(set(pictures.values())) == len(days) > 1, "the days look different, or this proves nothing"
    assert pictures[days[-1]] == row.png.read_bytes()


async def test_a_field_that_fails_stops_nobody_else(bulk: Run) -> None:
    results = await collected(bulk(fields("north", "south [fail]", "east"), concurrency=2))
    assert {"north": State.DONE, "south [fail]": State.FAILED, "east": State.DONE} == {
        name: row.state for name, row in results.items()
    }
    failed = results["south [fail]"]
    assert Step.WAIT_AOI is failed.step
    assert failed.aoi_id in failed.error
    assert failed.package is None


async def test_a_field_that_succeeds_in_part_has_its_files_and_says_so(bulk: Run) -> None:
    row = (await collected(bulk(fields("north [partial]"))))["north [partial]"]
    assert State.PARTIAL is row.state
    assert "the AOI succeeded only in part" in row.error
    assert row.package.is_file()


async def test_without_a_clear_image_nothing_is_created_and_the_remedy_is_said(
    bulk: Run, recipe: Recipe, sandbox: Sandbox
) -> None:
    never = changed(recipe, start=recipe.start.replace(year=1999), end=recipe.start.replace(year=2000))
    row = (await collected(bulk(fields("north"), recipe=never)))["north"]
    assert (State.FAILED, Step.SEARCH) == (row.state, row.step)
    assert "widen the dates or allow more cloud" in row.error
    assert [] == sandbox.ledger.entries()


@pytest.mark.parametrize(
    ("operation", "step", "advice"),
    [
        ("AOICreateAOI", Step.CREATE_AOI, "look whether the AOI 'north-t1' exists"),
        ("CreateVisualization", Step.CREATE_VISUALIZATION, "look at the visualizations of the AOI "),
    ],
)
async def test_a_lost_answer_is_unknown_not_failed_and_nothing_is_made_twice(
    bulk: Run, sandbox: Sandbox, operation: str, step: Step, advice: str
) -> None:
    sandbox.faults.add(operation, "reset", after_effect=True)
    row = (await collected(bulk(fields("north"))))["north"]
    assert (State.UNKNOWN, step) == (row.state, row.step)
    assert advice in row.error
    assert 1 == len(sandbox.ledger.entries(operation))


async def test_a_field_whose_files_cannot_be_written_fails_alone(bulk: Run, tmp_path: Path) -> None:
    (tmp_path / "north").write_text("a file where the folder should be")
    results = await collected(bulk(fields("north", "south"), overwrite=True))
    assert (State.FAILED, State.DONE) == (results["north"].state, results["south"].state)
    assert Step.PNG is results["north"].step
    assert str(tmp_path / "north") in results["north"].error


async def test_no_more_than_so_many_fields_are_under_way(bulk: Run) -> None:
    now: dict[str, State] = {}
    most = 0

    def watch(result: Result) -> None:
        nonlocal most
        now[result.name] = result.state
        most = max(most, list(now.values()).count(State.RUNNING))

    results = await collected(bulk(fields(*"abcdefg"), concurrency=3, on_update=watch))
    assert 7 == len(results)
    assert 3 == most


async def test_a_slow_taker_slows_the_run(bulk: Run) -> None:
    """A service that cannot keep up is not buried: nothing new begins before a result is taken."""
    ended: dict[str, Result] = {}
    begun: set[str] = set()
    two = asyncio.Event()

    def watch(result: Result) -> None:
        begun.add(result.name)
        if result.state is State.DONE:
            ended[result.name] = result
        if len(ended) == 2:
            two.set()

    async with (
        asyncio.timeout(LIMIT),
        aclosing(bulk(fields(*"abcd"), concurrency=2, on_update=watch)) as results,
    ):
        first = await anext(results)
        await two.wait()
        assert 2 == len(begun)
        assert first.name in ended
        assert 3 == len([result async for result in results])


async def test_cancelling_leaves_nothing_running_and_tells_what_was_made(bulk: Run, sandbox: Sandbox) -> None:
    last: dict[str, Result] = {}
    waiting = asyncio.Event()

    def watch(result: Result) -> None:
        last[result.name] = result
        if result.name == "north [stuck]" and result.step is Step.WAIT_AOI:
            waiting.set()

    before = tasks()
    task = asyncio.create_task(collected(bulk(fields("north [stuck]", "south [stuck]"), on_update=watch)))
    async with asyncio.timeout(LIMIT):
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert before == tasks()
    assert {State.INTERRUPTED} == {row.state for row in last.values()}
    assert last["north [stuck]"].aoi_id in [
        entry.resource_id for entry in sandbox.ledger.entries("AOICreateAOI")
    ]


async def test_cancelling_while_a_create_is_out_says_what_to_look_for(bulk: Run, sandbox: Sandbox) -> None:
    sandbox.faults.add("AOICreateAOI", "hang")
    last: list[Result] = []
    out = asyncio.Event()

    def watch(result: Result) -> None:
        last.append(result)
        if result.step is Step.CREATE_AOI:
            out.set()

    task = asyncio.create_task(collected(bulk(fields("north"), on_update=watch)))
    async with asyncio.timeout(LIMIT):
        await out.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert State.INTERRUPTED is last[-1].state
    assert "look whether the AOI 'north-t1' exists" in last[-1].error


async def test_leaving_the_loop_early_stops_the_rest(bulk: Run) -> None:
    before = tasks()
    async with asyncio.timeout(LIMIT), aclosing(bulk(fields("a", "b [stuck]", "c [stuck]"))) as results:
        async for result in results:
            assert "a" == result.name
            break
    assert before == tasks()


async def test_a_mistake_in_the_program_is_not_a_failed_field(bulk: Run) -> None:
    """It passes, and takes no other field's task along unfinished."""

    def broken(result: Result) -> None:
        if result.state is State.RUNNING and result.step is Step.WAIT_AOI:
            raise ZeroDivisionError

    before = tasks()
    with pytest.raises(ZeroDivisionError):
        await collected(bulk(fields("a", "b", "c"), on_update=broken))
    assert before == tasks()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"satellite": "Sentinel-9"}, "'Sentinel-9': no such satellite; there are: .*Sentinel-2 or 0002a3a3"),
        ({"collection": "l9"}, "'l9': no such collection; there are: .*sentinel-2-l2a"),
        (
            {"project": None},
            "project: name the one to use; there are: Delta Farms or delta-farms or 5b0f3b5e",
        ),
        ({"project": "beta"}, "'beta': no such project"),
        ({"index": "NDVII"}, "'NDVII': no such preset index; there are: .*NDVI or "),
    ],
)
async def test_a_name_that_does_not_exist_is_refused_with_those_that_do(
    bulk: Run, recipe: Recipe, sandbox: Sandbox, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        await collected(bulk(fields("north"), recipe=changed(recipe, **change)))
    assert {"GET"} == {request.method for request in sandbox.requests}


async def test_names_are_found_in_any_case_and_by_id(bulk: Run, recipe: Recipe) -> None:
    wanted = changed(
        recipe,
        satellite="0002A3A3-00A2-4B55-842B-44D8202C6D60",
        project="DELTA farms",
        index="ndvi",
        collection="sentinel-2-L2A",
    )
    assert State.DONE is (await collected(bulk(fields("north"), recipe=wanted)))["north"].state


def _a_file(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "file").touch()
    return {"out": tmp_path / "file"}


def _earlier_report(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "report.json").touch()
    return {}


def _earlier_field(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "north").mkdir()
    return {}


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_a_file, "cannot be written"),
        (_earlier_report, "holds report.json of an earlier run"),
        (_earlier_field, "holds north of an earlier run"),
        (lambda _: {"concurrency": 0}, "concurrency"),
    ],
)
async def test_what_cannot_work_is_refused_before_any_request(
    bulk: Run, sandbox: Sandbox, tmp_path: Path, prepare: Callable[[Path], dict[str, Any]], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        await collected(bulk(fields("north"), **prepare(tmp_path)))
    assert 0 == len(sandbox.requests)


async def test_fields_that_share_a_folder_are_refused_before_any_request(bulk: Run, sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInput, match="'North' and 'north' would share a folder"):
        await collected(bulk(fields("North", "south", "north")))
    assert 0 == len(sandbox.requests)


async def test_files_of_an_earlier_run_are_replaced_when_asked_for(
    bulk: Run, tmp_path: Path, recipe: Recipe
) -> None:
    await collected(bulk(fields("north"), recipe=changed(recipe, unzip=True)))
    again = changed(recipe, run_id="t2", unzip=True)
    assert State.DONE is (await collected(bulk(fields("north"), recipe=again, overwrite=True)))["north"].state


async def test_without_fields_nothing_comes(bulk: Run) -> None:
    assert {} == await collected(bulk([]))
