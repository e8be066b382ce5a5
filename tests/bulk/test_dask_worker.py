"""A worker's side of a run on a cluster, without a cluster: what it does when the coordinator is slow, silent or gone."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from attrs import evolve as changed
from plots import polygon

from pixxel_async import ConfigurationError, PixxelClient, PixxelError, TransportError
from pixxel_async.bulk import Recipe, Result
from pixxel_async.bulk._recipe.account_names import resolve
from pixxel_async.bulk._recipe.stage_order import stages_of
from pixxel_async.bulk._recipe.stages import Kind, Stage, Work
from pixxel_async.bulk.dask import _worker as worker
from pixxel_async.bulk.dask._worker import Failure, Greeting, StageJob, ThenJob
from pixxel_async.reconciling import Intent
from pixxel_async.sandbox import Sandbox

SESSION = "s-1"


@pytest.fixture
def greeting(sandbox: Sandbox) -> Greeting:
    return Greeting(
        session=SESSION,
        version=version("pixxel-async"),
        base_url=sandbox.url,
        options={"settle_window": 1.0},
        salt="salt",
        token_print="",
        connect=partial(PixxelClient, token=sandbox.token, base_url=sandbox.url),
    )


@pytest.fixture
async def entered(greeting: Greeting) -> AsyncIterator[None]:
    assert None is await worker.enter(cloudpickle.dumps(greeting))
    yield
    await worker.leave(SESSION)
    assert {} == worker._sessions


@pytest.fixture
async def create(client: PixxelClient, recipe: Recipe, tmp_path: Path) -> bytes:
    """A row's AOI, to be made."""
    stages = {stage.name: stage for stage in stages_of(recipe, await resolve(client, recipe), "t1")}
    work = Work(row=1, name="a", geometry=polygon(1), properties={}, folder=tmp_path / "a", facts={})
    images = await stages["images"].do(client, work)
    return packed(StageJob(stages["aoi"], changed(work, facts={"images": images}), announces=True))


def packed(job: StageJob | ThenJob) -> bytes:
    data: bytes = cloudpickle.dumps(job)
    return data


async def outcomes(count: int) -> list[Any]:
    """The next ones, read as the coordinator reads them."""
    found: dict[int, Any] = {}
    async with asyncio.timeout(10):
        while len(found) < count:
            for number, _, outcome, _ in await worker.news(SESSION, max(found, default=0)) or []:
                found[number] = pickle.loads(outcome)
    return [found[number] for number in sorted(found)]


async def test_a_create_waits_for_the_word_of_the_coordinator(
    entered: None, create: bytes, sandbox: Sandbox
) -> None:
    await worker.begin(SESSION, "t", create)
    (intent,) = await outcomes(1)
    assert isinstance(intent, Intent)
    assert [] == sandbox.ledger.entries()
    await worker.go(SESSION, "t")
    made = (await outcomes(2))[1]
    assert [made["id"]] == [entry.resource_id for entry in sandbox.ledger.entries("AOICreateAOI")]


async def test_q2_a_create_is_not_sent_when_the_word_comes_too_late(
    entered: None, create: bytes, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HOLD", 0.05)
    await worker.begin(SESSION, "t", create)
    _, ended = await outcomes(2)
    await worker.go(SESSION, "t")
    assert isinstance(ended.error, TransportError)
    assert "not sent" in str(ended.error)
    assert [] == sandbox.ledger.entries()


async def test_a_word_that_comes_twice_sends_once(entered: None, create: bytes, sandbox: Sandbox) -> None:
    await worker.begin(SESSION, "t", create)
    await worker.begin(SESSION, "t", create)
    await outcomes(1)
    await worker.go(SESSION, "t")
    await worker.go(SESSION, "t")
    await outcomes(2)
    assert 1 == len(sandbox.ledger.entries("AOICreateAOI"))


async def test_news_that_was_lost_on_the_way_is_told_again(entered: None, create: bytes) -> None:
    await worker.begin(SESSION, "t", create)
    first = await worker.news(SESSION, 0)
    assert first == await worker.news(SESSION, 0)


async def test_without_a_word_of_the_coordinator_all_ends_and_nothing_is_sent(
    greeting: Greeting, create: bytes, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LEASE", 0.2)
    assert None is await worker.enter(cloudpickle.dumps(greeting))
    await worker.begin(SESSION, "t", create)
    async with asyncio.timeout(10):
        while worker._sessions:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    assert None is await worker.news(SESSION, 0), "who asks later is told that it is over"
    assert [] == sandbox.ledger.entries()


async def test_a_step_that_nobody_waits_for_is_ended(entered: None, create: bytes, sandbox: Sandbox) -> None:
    await worker.begin(SESSION, "t", create)
    await outcomes(1)
    await worker.drop(SESSION, "t")
    assert isinstance((await outcomes(2))[1].error, worker.Ended)
    assert [] == sandbox.ledger.entries()


async def test_an_error_that_cannot_travel_is_told_by_its_text(entered: None) -> None:
    class Odd(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("no")

    async def then(result: Result, client: PixxelClient) -> None:
        raise Odd("of the user's own")

    await worker.begin(SESSION, "t", packed(ThenJob(then, Result(row=1, name="a"))))
    (failure,) = await outcomes(1)
    assert "Odd: of the user's own" == str(failure.error)
    assert not isinstance(failure.error, PixxelError), "after a create was sent it would pass for an answer"


async def test_a_folder_that_is_not_shared_is_told_before_anything_is_fetched(
    entered: None, tmp_path: Path
) -> None:
    work = Work(row=1, name="a", geometry={}, properties={}, folder=tmp_path / "a", facts={})
    job = StageJob(Stage("file", fetched, Kind.FETCH), work, announces=False, probe=tmp_path / ".shared-1")
    await worker.begin(SESSION, "t", packed(job))
    (failure,) = await outcomes(1)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, ConfigurationError)
    assert f"{tmp_path} is another folder on a worker" in str(failure.error)


async def fetched(client: PixxelClient, work: Work) -> dict[str, Any]:
    raise AssertionError("it was fetched")


async def test_a_worker_of_another_version_takes_no_part(greeting: Greeting) -> None:
    refusal = await worker.enter(cloudpickle.dumps(changed(greeting, version="0.0.1")))
    assert "the run has 0.0.1: install the same" in str(refusal)
    assert {} == worker._sessions


async def test_a_worker_of_another_api_takes_no_part_and_leaves_nothing_open(
    greeting: Greeting, sandbox: Sandbox
) -> None:
    elsewhere = partial(PixxelClient, token=sandbox.token, base_url="http://127.0.0.1:9")
    refusal = await worker.enter(cloudpickle.dumps(changed(greeting, connect=elsewhere)))
    assert "it uses http://127.0.0.1:9, and the run http" in str(refusal)
    assert sandbox.token not in str(refusal)
