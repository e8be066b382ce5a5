"""Runs on the workers of a Dask cluster, some of which are killed: real processes over loopback, one API for all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from distributed import Client, LocalCluster
from journals import copy, restore
from plots import table

from pixxel_async import ConfigurationError, InvalidInput, PixxelClient
from pixxel_async.bulk import Insight, Job, Recipe, Result, Run, State, results, to_toml
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk.dask import DaskEngine
from pixxel_async.sandbox import Sandbox

SANDBOX_TOKEN = "sandbox-token"


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalCluster]:
    """Three worker processes with a token in their environment; those that are killed are replaced."""
    with LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        env={"PIXXEL_API_KEY": SANDBOX_TOKEN},
    ) as cluster:
        yield cluster


@pytest.fixture
async def dask(workers: LocalCluster) -> AsyncIterator[Client]:
    async with Client(workers.scheduler_address, asynchronous=True, set_as_default=False) as client:
        yield client


async def finished(run: Run) -> dict[str, Result]:
    return {result.name: result async for result in run}


async def killed_when(dask: Client, is_time: Callable[[], bool]) -> None:
    """Kill one of the workers: the scheduler may still list one that was killed before."""
    while not is_time():  # noqa: ASYNC110 - a sandbox has no event for it
        await asyncio.sleep(0.005)
    while True:
        pids = await dask.run(os.getpid, on_error="ignore")
        for pid in sorted(pid for pid in pids.values() if isinstance(pid, int)):
            with contextlib.suppress(ProcessLookupError):
                return os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.005)


def was_posted(sandbox: Sandbox, ending: str) -> bool:
    return any(each.method == "POST" and each.path.endswith(ending) for each in sandbox.requests)


def is_sound(package: Path) -> bool:
    with zipfile.ZipFile(package) as archive:
        return archive.testzip() is None


async def test_steps_are_done_by_the_workers_with_the_token_of_their_environment(
    client: PixxelClient, dask: Client, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    source, engine = table(tmp_path, *"abcdef"), DaskEngine(dask)
    async with Run.start(client, source, recipe, tmp_path / "out", engine=engine) as run:
        rows = await finished(run)
        counted = client.stats.requests + engine.requests
    assert {State.DONE} == {row.state for row in rows.values()}, [row.error for row in rows.values()]
    assert counted == sum(each.operation_id != "storage" for each in sandbox.requests)
    assert 6 == len(sandbox.ledger.entries("AOICreateAOI"))
    for row in rows.values():
        picture, package = row.files
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert is_sound(package)
    assert 0 == client.stats.files, "nothing was fetched here"
    assert [] == list((tmp_path / "out").glob(".shared*"))


async def test_q2_killed_workers_lose_nothing_and_buy_nothing_twice(
    client: PixxelClient, dask: Client, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    """One is killed when its AOIs are made and the answers have not come, one while insights are bought."""
    sandbox.faults.add("AOICreateAOI", "hang", after_effect=True, times=6)
    inputs = {"start_date": "2026-06-01", "end_date": "2026-08-01"}
    stress = changed(recipe, make=Insight("cropstress", inputs=inputs))
    source, out = table(tmp_path, *"abcdef"), tmp_path / "out"
    quick, engine = client.with_options(timeout=2.0, settle_window=0.5), DaskEngine(dask)
    async with asyncio.TaskGroup() as killers:
        killers.create_task(killed_when(dask, lambda: 6 == len(sandbox.ledger.entries("AOICreateAOI"))))
        killers.create_task(killed_when(dask, lambda: bool(sandbox.ledger.entries("createInsights"))))
        async with Run.start(quick, source, stress, out, engine=engine) as run:
            rows = await finished(run)
    async with Run.resume(quick, out, engine=engine, on_held="resend") as run:
        rows |= await finished(run)
    assert {State.DONE} == {row.state for row in rows.values()}, [row.error for row in rows.values()]
    for operation, step in (("AOICreateAOI", "aoi"), ("createInsights", "insight cropstress")):
        made = [entry.resource_id for entry in sandbox.ledger.entries(operation)]
        assert sorted(made) == sorted(row.ids[step] for row in rows.values())
    assert sandbox.ledger.spent == sum(row.tokens for row in rows.values())
    assert all(is_sound(file) for row in rows.values() for file in row.files)


@pytest.mark.parametrize("kind", ["insight", "job"])
async def test_z7_workers_make_nothing_twice_from_a_restored_journal(
    client: PixxelClient,
    dask: Client,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    off_books: None,  # what is reserved for held jobs counts twice beside the jobs that the journal lacks
    kind: str,
) -> None:
    """The copy knows one row. Insights and AOIs that it lacks are adopted before a worker sends any; jobs are held."""
    inputs = {"start_date": "2026-06-01", "end_date": "2026-08-01"}
    make = Insight("cropstress", inputs=inputs) if kind == "insight" else Job("weekly-stress")
    quick, source, out = client.with_options(settle_window=0.3), table(tmp_path, *"abcd"), tmp_path / "out"
    wanted, engine = changed(recipe, make=make, package=None), DaskEngine(dask)
    async with Run.start(quick, source, wanted, out, concurrency=1, engine=engine) as run:
        rows = aiter(run)
        await anext(rows)
        saved = copy(out / JOURNAL)
        await anext(rows)
        await anext(rows)
    restore(out / JOURNAL, saved)
    async with Run.resume(quick, out, engine=engine) as run:
        assert run.may_be_older
        ended = await finished(run)
    assert 4 == len(sandbox.ledger.entries("AOICreateAOI"))
    insights, jobs = (len(sandbox.ledger.entries(name)) for name in ("createInsights", "createJob"))
    is_insight = kind == "insight"
    assert ((4, 0) if is_insight else (0, 3)) == (insights, jobs)
    expected = State.DONE if is_insight else State.HELD
    assert {expected} == {row.state for row in ended.values()}, [row.error for row in ended.values()]


async def test_files_go_into_a_store_and_ones_own_step_finds_them_although_a_worker_is_killed(
    client: PixxelClient, dask: Client, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    async def then(result: Result, client: PixxelClient) -> None:
        assert await client.aois.get(result.ids["aoi"])
        place = Path(result.urls[0].removeprefix("file://"))
        place.with_name("worker").write_text(str(os.getpid()))

    sandbox.faults.add("storage", "delay", delay=0.3, times=3)
    connect = partial(PixxelClient, token=sandbox.token, base_url=sandbox.url)
    engine = DaskEngine(dask, connect=connect, files=f"file://{tmp_path}/store/")
    source = table(tmp_path, *"abc")
    async with asyncio.TaskGroup() as killers:
        killers.create_task(killed_when(dask, partial(was_posted, sandbox, "/downloads")))
        async with Run.start(client, source, recipe, tmp_path / "out", engine=engine, after_row=then) as run:
            rows = await finished(run)
    assert {State.DONE} == {row.state for row in rows.values()}, [row.error for row in rows.values()]
    for name, row in rows.items():
        place = tmp_path / "store" / name
        assert (f"file://{place}/NDVI.png", f"file://{place}/{name}.zip") == row.urls
        assert () == row.files
        assert {"NDVI.png", f"{name}.zip", "worker"} == {path.name for path in place.iterdir()}
        assert is_sound(place / f"{name}.zip")
        assert os.getpid() != int((place / "worker").read_text())


async def test_the_command_has_the_workers_put_files_into_a_folder_that_all_share(
    workers: LocalCluster, sandbox: Sandbox, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "recipe.toml").write_text(to_toml(recipe))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pixxel_async.cli", "--base-url", sandbox.url, "bulk", "run"),
        *(table(tmp_path, "north"), "--recipe", tmp_path / "recipe.toml", "--out", tmp_path / "out"),
        *("--dask", workers.scheduler_address, "--files", tmp_path / "shared"),
        env={**os.environ, "PIXXEL_API_KEY": SANDBOX_TOKEN},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert 0 == process.returncode, told.decode()
    (row,) = results(tmp_path / "out")
    place = tmp_path / "shared/north"
    assert (place / "NDVI.png", place / "north.zip") == row.files
    assert is_sound(place / "north.zip")


async def test_workers_with_another_token_are_not_used(
    workers: LocalCluster, sandbox: Sandbox, recipe: Recipe, tmp_path: Path
) -> None:
    """They would make everything in another account. The cluster is named by its address here."""
    sandbox.tokens.issue("another-token")
    engine = DaskEngine(workers.scheduler_address)
    async with (
        sandbox.client(token="another-token") as other,
        Run.start(other, table(tmp_path, "a"), recipe, tmp_path / "out", engine=engine) as run,
    ):
        with pytest.raises(ConfigurationError, match=r"no worker .* can be used; tcp://.* another token"):
            await finished(run)
    assert [] == sandbox.ledger.entries()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"per_worker": 0}, "per_worker=0: give an integer"),
        ({"files": "out/files"}, "give the absolute path of a folder that all machines share, or a URL"),
        ({"files": "s4://bucket"}, "s4:// is not a store that fsspec supports"),
        ({"files": "sftp://me:hunter2@host/files"}, "holds a password"),
    ],
)
def test_what_cannot_be_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        DaskEngine("tcp://127.0.0.1:8786", **options)
    assert "hunter2" not in str(caught.value)
