"""Processes that are killed while they add rows to a journal: every command gives one advice, and it works."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from journals import HEADER
from plots import table

from pixxel_async import PixxelClient
from pixxel_async.bulk import JournalError, Recipe, Run, State, results, status
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.sandbox import Sandbox

STOPS = """
import sys, threading
from pixxel_async.bulk._journal import journal, writes
from pixxel_async.cli.__main__ import main

point, at = sys.argv.pop(1), int(sys.argv.pop(1))
journal.BATCH = 1
real, calls = getattr(writes, point), []

def stopping(*args, **options):
    calls.append(None)
    if len(calls) == at:
        print("here", flush=True)
        threading.Event().wait()
    return real(*args, **options)

setattr(writes, point, stopping)
sys.exit(main())
"""
"""The command; it says where it is in the adding of rows, and waits there."""
RECIPE = (
    'project = "delta-farms"\nrun_id = "t1"\npoll_interval = 0.02\nmake = []\npackage = false\n[search]\n'
)
RECIPE += "start = 2026-06-01\nend = 2026-09-01\nmax_days = 1\n"
POINTS = [
    pytest.param("begin_adding", 1, id="after the header"),
    pytest.param("add", 1, id="before the first row"),
    pytest.param("add", 3, id="in the middle"),
    pytest.param("end_adding", 1, id="before the mark that all are there"),
]


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of the command that begins a run of four rows."""
    monkeypatch.setenv("PIXXEL_BASE_URL", sandbox.url)
    monkeypatch.setenv("PIXXEL_API_KEY", sandbox.token)
    monkeypatch.setenv("PIXXEL_CONFIG_FILE", str(tmp_path / "none.toml"))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    path = table(tmp_path, "a", "b", "c", "d")
    words = ("bulk", "run", path, "--recipe", tmp_path / "recipe.toml", "--out", tmp_path / "out")
    return [str(word) for word in words]


async def kill(run: list[str], point: str, at: int) -> None:
    """Begin it, and kill it where it is while it adds rows."""
    command = (sys.executable, "-c", STOPS, point, str(at), *run)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert b"here\n" == await process.stdout.readline()
    finally:
        process.kill()
        assert -signal.SIGKILL == await process.wait()


async def call(*words: object) -> tuple[int, list[str]]:
    """Exit code and lines of a command."""
    pipe, both = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    command = (sys.executable, "-m", "pixxel_async.cli", *map(str, words))
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=both)
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode().splitlines()


@pytest.mark.parametrize(("point", "at"), POINTS)
async def test_q12_killed_while_rows_are_added_all_commands_give_one_advice_and_it_works(
    sandbox: Sandbox, run: list[str], tmp_path: Path, point: str, at: int
) -> None:
    out = tmp_path / "out"
    await kill(run, point, at)
    assert [] == sandbox.ledger.entries()
    code, lines = await call("bulk", "status", out)
    advice = lines[-1]
    assert 0 == code
    assert f"repeat the same command, pixxel bulk run with --out {out} " in advice
    for command in ("resume", "retry-failed"):
        assert (2, [f"pixxel: {advice}"]) == await call("bulk", command, out)
    code, lines = await call(*run)
    assert 0 == code, lines
    assert ["a", "b", "c", "d"] == [row.name for row in results(out) if row.state is State.DONE]
    assert ["a-t1", "b-t1", "c-t1", "d-t1"] == sorted(str(each.key) for each in sandbox.ledger.entries())


async def test_q12_the_same_in_python(
    sandbox: Sandbox, client: PixxelClient, recipe: Recipe, run: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await kill(run, "add", 2)
    found = status(out)
    assert not found.is_finished
    with pytest.raises(JournalError) as refused:
        async with Run.resume(client, out):
            pass
    assert found.unfilled == str(refused.value)
    assert "Run.start" in str(refused.value)
    async with Run.start(client, tmp_path / "fields.geojson", recipe, out) as begun:
        assert {State.WAITING: 4} == (await begun.progress()).rows
    assert status(out).unfilled is None


async def test_q12_rows_that_are_being_added_are_left_to_their_process(
    run: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with Journal.create(out / "run.journal", HEADER):
        code, lines = await call("bulk", "status", out)
        assert 0 == code
        assert lines[-1].startswith(f"worked on  by process {os.getpid()} on "), "no advice"
        for command in (("bulk", "resume", str(out)), run):
            code, lines = await call(*command)
            assert 2 == code
            assert f"process {os.getpid()} on " in lines[-1]
        assert not status(out).is_finished


async def test_q12_a_copy_without_the_log_has_no_row_and_is_not_taken_for_a_run_that_sent_nothing(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy"
    source = table(tmp_path, "a", "b")
    copy.mkdir()
    async with Run.start(client, source, recipe, out) as begun:
        async for _ in begun:
            shutil.copy(
                out / "run.journal", copy / "run.journal"
            )  # all but the header is still in run.journal-wal
    made = len(sandbox.ledger.entries())
    advice = status(copy).unfilled or ""
    assert "its run may have sent creates" in advice
    for starting in (Run.start(client, source, recipe, copy), Run.resume(client, copy)):
        with pytest.raises(JournalError) as refused:
            async with starting:
                pass
        assert advice == str(refused.value)
    assert made == len(sandbox.ledger.entries()) > 0
    shutil.rmtree(copy)


async def test_q12_a_journal_of_another_machine_without_its_rows_is_given_up_as_the_advice_says(
    client: PixxelClient, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with Journal.create(out / "run.journal", HEADER):
        pass
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    source, advice = table(tmp_path, "a"), status(out).unfilled or ""
    assert f"--out {out} and --overwrite" in advice
    with pytest.raises(JournalError) as refused:
        async with Run.start(client, source, recipe, out):
            pass
    assert advice == str(refused.value)
    async with Run.start(client, source, recipe, out, overwrite=True) as begun:
        assert [State.DONE] == [row.state async for row in begun]
