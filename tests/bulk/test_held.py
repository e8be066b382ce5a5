"""Held creates: what is known of each, and what a person decides about one row or all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve as changed
from books import check_books
from journals import Plot, left
from plots import table

from pixxel_async import InvalidInput, PixxelClient
from pixxel_async.bulk import Adopt, Job, Recipe, Run, State, Tokens, decide, results, status
from pixxel_async.sandbox import Sandbox

HELD = Plot(state=State.HELD, tokens=2.0, error="no answer")


def states(out: Path) -> list[State]:
    return [row.state for row in results(out)]


def test_z6_each_row_is_decided_for_itself(tmp_path: Path) -> None:
    out = left(tmp_path, HELD, HELD, HELD, HELD, Plot())
    assert 3 == decide(out, {1: "resend", 2: "forget", 3: Adopt("i-9")})
    assert [State.WAITING, State.FAILED, State.WAITING, State.HELD, State.WAITING] == states(out)
    assert {"insight stress": "i-9"} == list(results(out))[2].ids
    assert [0.0, 2.0, 2.0, 0.0, 0.0] == [row.tokens for row in results(out)]
    assert Tokens(spent=4.0, reserved=2.0, cap=10.0) == status(out).tokens
    assert [4] == [held.row for held in status(out).held]


@pytest.mark.parametrize("decision", ["resend", "forget"])
def test_z6_one_decision_may_be_for_all(tmp_path: Path, decision: Any) -> None:
    out = left(tmp_path, HELD, Plot(state=State.DONE, tokens=1.0), HELD)
    assert 2 == decide(out, decision)
    assert () == status(out).held


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        ({1: "resend", 2: "resend"}, "row 2: it has no held step"),
        ({9: "forget"}, "row 9: it has no held step"),
        ({1: "resend", 3: Adopt("i-2")}, "i-2 belongs to row 2"),
        ({1: Adopt("i-7"), 3: Adopt("i-7")}, "i-7 belongs to row 1"),
        ({1: "drop"}, "not a decision"),
        ("adopt", "not a decision"),
        (Adopt("i-7"), "not a decision"),
        (None, "not a decision"),
    ],
)
def test_z6_a_decision_that_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, decisions: Any, words: str
) -> None:
    out = left(tmp_path, HELD, Plot(state=State.DONE, tokens=1.0), HELD)
    with pytest.raises(InvalidInput, match=words):
        decide(out, decisions)
    assert [State.HELD, State.DONE, State.HELD] == states(out)


@pytest.mark.parametrize("id", ["", " ", 7, None])
def test_z6_what_is_adopted_has_an_id(id: Any) -> None:
    with pytest.raises(InvalidInput, match="Adopt: id"):
        Adopt(id)


async def test_z6_what_is_adopted_is_waited_for_and_not_bought_again(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A job whose answer was lost and that another job beside it hides."""
    job = changed(recipe, make=Job("weekly-stress"), package=None)
    sandbox.faults.add("createJob", "reset", after_effect=True)
    sandbox.faults.add("ListJobs", "lag", late=36_000.0, times=None)
    sandbox.faults.add("listJobs", "lag", late=36_000.0, times=None)
    quick = client.with_options(settle_window=0.3)
    async with Run.start(quick, table(tmp_path, "north"), job, tmp_path / "out") as run:
        assert [State.HELD] == [row.state async for row in run]
    sandbox.faults.clear()
    [held] = status(tmp_path / "out").held
    assert held.sent is not None
    assert (held.tokens, held.sought.split()[0]) == (80.0, "createJob")
    [made] = sandbox.ledger.entries("createJob")
    async with Run.resume(quick, tmp_path / "out", on_held={1: Adopt(made.resource_id)}) as run:
        [row] = [row async for row in run]
    assert (State.DONE, 80.0) == (row.state, row.tokens)
    assert [made] == sandbox.ledger.entries("createJob")
    check_books(tmp_path, sandbox)
