"""Status: what stands in a run's folder, read while others work and after they are gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from journals import NOON, Plot, begun, left

from pixxel_async.bulk import HeldStep, JournalError, JournalInUse, State, Tokens, Worker, status
from pixxel_async.bulk._journal.journal import Journal


def test_status_counts_rows_and_tokens_and_names_what_is_held(tmp_path: Path) -> None:
    found = status(
        left(
            tmp_path,
            Plot(state=State.DONE, tokens=2.5),
            Plot(state=State.DONE, tokens=0.5),
            Plot(name="south", state=State.HELD, tokens=1.0, error="response lost"),
            Plot(),
        )
    )
    assert ("r1", NOON, "fields.geojson") == (found.run_id, found.started, found.input_name)
    assert {State.DONE: 2, State.HELD: 1, State.WAITING: 1} == found.rows
    assert 4 == found.total
    assert Tokens(spent=3.0, reserved=1.0, cap=10.0) == found.tokens
    held = HeldStep(
        row=3,
        name="south",
        step="insight stress",
        what="response lost",
        since=NOON,
        sought="createInsight",
        tokens=1.0,
    )
    assert (held,) == found.held
    assert not found.is_finished


def test_a_run_is_finished_when_all_rows_are_final(tmp_path: Path) -> None:
    plots = [Plot(state=state) for state in (State.DONE, State.PARTIAL, State.NO_IMAGE, State.FAILED)]
    assert status(left(tmp_path, *plots)).is_finished


def test_status_tells_who_works_on_it_and_that_nobody_does(tmp_path: Path) -> None:
    with begun(tmp_path, [Plot()]):
        assert Worker(os.getpid(), socket.gethostname()) == status(tmp_path).worker
    assert status(tmp_path).worker is None


def test_a_process_that_was_killed_works_on_nothing(tmp_path: Path) -> None:
    left(tmp_path, Plot())
    code = (
        "import os, sys; from pixxel_async.bulk._journal.journal import Journal\n"
        "Journal.open(sys.argv[1]); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "run.journal"], timeout=30, check=False)
    assert status(tmp_path).worker is None


def test_asking_keeps_no_run_out(tmp_path: Path) -> None:
    left(tmp_path, Plot())
    for _ in range(50):
        assert status(tmp_path).worker is None
        with Journal.open(tmp_path / "run.journal"):
            assert status(tmp_path).worker is not None
            with pytest.raises(JournalInUse):
                Journal.open(tmp_path / "run.journal")


def test_a_folder_without_a_run_has_no_status(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        status(tmp_path)
    assert [] == list(tmp_path.iterdir())
