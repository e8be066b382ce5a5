"""A journal that was replaced by an older copy, or moved to another machine: nothing is bought again."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from books import check_books
from journals import Plot, begun, copy, restore
from plots import order_of, table

from pixxel_async import PixxelClient
from pixxel_async.bulk import Insight, Job, OrderRecipe, Recipe, Run, State, results
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState
from pixxel_async.sandbox import Sandbox

SEASON = {"start_date": "2026-06-01", "end_date": "2026-08-01"}


def doubted(path: Path) -> bool:
    with Journal.open(path) as journal:
        return journal.doubted is not None


async def announce(journal: Journal, row: int) -> None:
    await journal.intend(row, "aoi", {})
    await journal.settle(row, "aoi", StepState.DONE, facts={"id": f"a-{row}"})


async def test_z7_a_journal_that_nobody_touched_is_current(tmp_path: Path) -> None:
    with begun(tmp_path, [Plot(), Plot()]) as journal:
        assert journal.doubted is None
        await announce(journal, 1)
    for _ in range(3):
        assert not doubted(tmp_path / JOURNAL)


async def test_z7_a_journal_of_a_killed_session_is_current(tmp_path: Path) -> None:
    """It was not closed: what the witness has is what was announced."""
    other = tmp_path / "other"
    with begun(tmp_path, [Plot(), Plot()]) as journal:
        await announce(journal, 1)
        other.mkdir()
        for name in (JOURNAL, f"{JOURNAL}-wal"):
            shutil.copy(tmp_path / name, other / name)
        witness = journal._witness._path.read_bytes()
        path = journal._witness._path
    path.write_bytes(witness)
    assert not doubted(other / JOURNAL)


@pytest.mark.parametrize("closed", [True, False])
async def test_z7_a_copy_that_lacks_a_create_is_noticed(tmp_path: Path, closed: bool) -> None:
    """Also one that was taken in the same session, and one of which a later session knows only by its mark."""
    path = tmp_path / JOURNAL
    with begun(tmp_path, [Plot(), Plot(), Plot()]) as journal:
        await announce(journal, 1)
        saved = copy(path)
        await announce(journal, 2)
    if closed:
        assert not doubted(path)
    restore(path, saved)
    assert doubted(path)
    assert doubted(path), "the doubt stays with the rows that it concerns"


def test_z7_a_journal_without_a_witness_may_be_older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine, or for another user."""
    begun(tmp_path, [Plot()]).close()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert doubted(tmp_path / JOURNAL)


def test_z7_where_no_state_can_be_kept_a_run_works_and_is_doubted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    begun(tmp_path / "out", [Plot()]).close()
    assert doubted(tmp_path / "out" / JOURNAL)


def test_z7_a_journal_of_version_1_is_opened_and_doubted(tmp_path: Path) -> None:
    """It is as the version before wrote it: without the table of sessions."""
    begun(tmp_path, [Plot()]).close()
    path = tmp_path / JOURNAL
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TABLE session")
    connection.execute("PRAGMA user_version=1")
    connection.close()
    assert doubted(path)
    assert doubted(path), "and it is one of this version now"


def recipe_of(kind: str, recipe: Recipe) -> Recipe | OrderRecipe:
    if kind == "order":
        return order_of(recipe, package=None)
    makes: dict[str, Any] = {
        "aoi": (),
        "insight": Insight("cropstress", inputs=SEASON),
        "job": Job("weekly-stress"),
    }
    return changed(recipe, make=makes[kind], package=None)


@pytest.mark.parametrize("kind", ["aoi", "insight", "order", "job"])
async def test_z7_a_restored_journal_buys_nothing_again(
    client: PixxelClient,
    recipe: Recipe,
    sandbox: Sandbox,
    tmp_path: Path,
    off_books: None,  # a job that is sent again unseen is bought twice
    kind: str,
) -> None:
    """The copy knows of one row. What can be found is adopted, what cannot (jobs) is held, and the rest is made."""
    quick, out = client.with_options(settle_window=0.3), tmp_path / "out"
    source = table(tmp_path, *"abcd")
    async with Run.start(quick, source, recipe_of(kind, recipe), out, concurrency=1) as run:
        assert not run.may_be_older
        rows = aiter(run)
        await anext(rows)
        saved = copy(out / JOURNAL)
        await anext(rows)
        await anext(rows)
    before = list(sandbox.ledger.entries())
    restore(out / JOURNAL, saved)
    async with Run.resume(quick, out) as run:
        assert run.may_be_older
        ended = {row.name: row async for row in run}
    assert {} == sandbox.ledger.duplicates() or kind == "job"
    states = {State.HELD} if kind == "job" else {State.DONE}
    assert states == {row.state for row in ended.values()}, [row.error for row in ended.values()]
    new = sandbox.ledger.entries()[len(before) :]
    assert (1 if kind == "insight" else 0 if kind == "job" else 1) <= len(new) <= 2
    if kind != "job":
        check_books(tmp_path, sandbox)
        return
    async with Run.resume(quick, out, on_held="resend") as run:
        assert {State.DONE} == {row.state async for row in run}, (
            "what was decided is done, and not held again"
        )
    assert {State.DONE: 4} == {State.DONE: sum(row.state is State.DONE for row in results(out))}
