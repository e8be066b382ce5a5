"""The journal of a bulk run: nothing that was acknowledged is lost, nothing is bought twice, and no other file is harmed."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pixxel_async.bulk._journal import file as _journal_file
from pixxel_async.bulk._journal.file import journal_error, writing
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.page import Page
from pixxel_async.bulk._journal.records import (
    CapReached,
    Entry,
    Header,
    JournalError,
    JournalInUse,
    StepRecord,
    StepState,
    Tokens,
)
from pixxel_async.bulk._journal.schema import VERSION, checksum
from pixxel_async.bulk._journal.view import JournalView
from pixxel_async.bulk._journal.writer import Writer
from pixxel_async.bulk._state import State
from pixxel_async.errors import DiskFull, InvalidInput

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HEADER = Header(
    run_id="r1",
    started=NOON,
    sdk="0.1.0",
    base_url="https://api.example.com",
    token_print="0a1b2c3d",
    recipe={"index": "NDVI", "days": [1, 2]},
    input_sha256="e3b0c442",
    input_name="fields.geojson",
    cap=10.0,
)


def entry(row: int, **changes: Any) -> Entry:
    geometry = {"type": "Polygon", "coordinates": [[[row, 0], [row + 1, 0], [row + 1, 1], [row, 0]]]}
    whole = Entry(row=row, key=f"k{row}", name=f"field {row}", folder=f"field-{row}", geometry=geometry)
    return attrs.evolve(whole, **changes)


def filled(path: Path, rows: int = 3, **changes: Any) -> Journal:
    journal = Journal.create(path, attrs.evolve(HEADER, **changes), now=lambda: NOON)
    journal.add(map(entry, range(1, rows + 1)))
    return journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with filled(path) as journal:
        yield journal


# --- rows -------------------------------------------------------------------------------------------------


def test_a_journal_gives_back_whose_run_it_is_and_its_rows(path: Path) -> None:
    given = [entry(1, properties={"crop": "Weizen", "ids": [1, None]}), entry(2)]
    with Journal.create(path, HEADER) as journal:
        assert not journal.is_filled
        assert 2 == journal.add(given)
    with Journal.open(path) as again:
        assert again.is_filled
        assert HEADER == again.header
        assert given == [record.entry for record in again.rows()]
        assert {State.WAITING: 2} == again.tally()


async def test_rows_are_paged_by_number_and_each_is_given_once_while_the_run_writes(path: Path) -> None:
    with filled(path, 1203) as journal:
        seen = []
        for record in journal.rows(State.WAITING, after=2):
            seen.append(record.entry.row)
            if record.entry.row % 500 == 0:  # one that was given, and one of a page to come
                await journal.mark(record.entry.row - 3, State.DONE)
                await journal.mark(record.entry.row + 100, State.DONE)
        assert [row for row in range(3, 1204) if row not in (600, 1100)] == seen


async def test_a_row_tells_how_far_it_got(journal: Journal) -> None:
    await journal.record(2, "search", facts={"scene_ids": ["s1", "s2"]})
    await journal.intend(2, "aoi", {"name": "field 2"}, reserve=2.5)
    await journal.settle(2, "aoi", StepState.DONE, facts={"id": "a-1"}, tokens=1.25)
    await journal.mark(2, State.RUNNING, step="wait", seconds=3.5)
    record = journal.row(2)
    assert (State.RUNNING, "wait", None, 1.25, 3.5, NOON) == (
        record.state,
        record.step,
        record.error,
        record.tokens,
        record.seconds,
        record.updated,
    )
    assert {"search": {"scene_ids": ["s1", "s2"]}, "aoi": {"id": "a-1"}} == record.facts
    await journal.mark(2, State.FAILED, step="wait", error="no luck")
    assert (State.FAILED, "no luck", 3.5) == (
        journal.row(2).state,
        journal.row(2).error,
        journal.row(2).seconds,
    )
    assert [2] == [each.entry.row for each in journal.rows(State.FAILED, State.DONE)]
    assert {State.WAITING: 2, State.FAILED: 1} == journal.tally()
    assert 1 == journal.reset([State.FAILED, State.HELD])
    assert (State.WAITING, None, None, {"id": "a-1"}) == (
        journal.row(2).state,
        journal.row(2).step,
        journal.row(2).error,
        journal.row(2).facts["aoi"],
    )


async def test_a_row_that_is_taken_up_again_keeps_the_time_that_was_worked_on_it(journal: Journal) -> None:
    await journal.mark(1, State.RUNNING, seconds=7.5)
    journal.begin(1, seconds=7.5)
    await journal.mark(2, State.RUNNING)  # whatever was asked for before is written now
    assert (State.RUNNING, 7.5) == (journal.row(1).state, journal.row(1).seconds)
    await journal.mark(1, State.HELD, step="job")
    assert (State.HELD, 7.5) == (journal.row(1).state, journal.row(1).seconds)


def test_rows_that_could_not_be_added_at_once_are_added_anew(path: Path) -> None:
    def broken() -> Iterator[Entry]:
        yield from map(entry, range(1, 1500))
        raise OSError("the input cannot be read any more")

    with Journal.create(path, HEADER) as journal:
        with pytest.raises(OSError, match="any more"):
            journal.add(broken())
        assert not journal.is_filled
        assert 2 == journal.add([entry(1), entry(2)])
        with pytest.raises(JournalError, match="rows already"):
            journal.add([entry(3)])
        assert [1, 2] == [record.entry.row for record in journal.rows()]


@pytest.mark.parametrize("distance", [1, 1500], ids=["beside each other", "in different batches"])
def test_q11_the_same_key_twice_is_refused_naming_both_rows(path: Path, distance: int) -> None:
    rows = [*map(entry, range(1, 1 + distance)), entry(1 + distance, key="k1")]
    with Journal.create(path, HEADER) as journal:
        with pytest.raises(InvalidInput, match=rf"rows 1 and {1 + distance} have the same key 'k1'"):
            journal.add(rows)
        assert not journal.is_filled


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (entry(0), "row 0: rows are numbered from 1"),
        (entry(1), "row 1 is given twice"),
        (
            entry(7, properties={"when": NOON.tzinfo}),
            "row 7: properties: .* use only values that JSON can hold",
        ),
        (entry(7, name="\ud800"), "row 7: .*UTF-8"),
    ],
    ids=["no row", "twice", "no JSON", "no text"],
)
def test_rows_that_cannot_be_kept_are_refused(path: Path, bad: Entry, message: str) -> None:
    with Journal.create(path, HEADER) as journal, pytest.raises(InvalidInput, match=message):
        journal.add([entry(1, key="first"), bad])


async def test_rows_that_are_not_there_are_refused(journal: Journal) -> None:
    for call in (
        journal.intend(9, "aoi", {}, reserve=1),
        journal.record(9, "search", facts={}),
        journal.mark(9, State.DONE),
    ):
        with pytest.raises(InvalidInput, match="row 9: the journal has no such row"):
            await call
    with pytest.raises(InvalidInput, match="row 9"):
        journal.row(9)
    assert Tokens(spent=0, reserved=0, cap=10) == journal.tokens()


# --- steps ------------------------------------------------------------------------------------------------


async def test_a_step_is_written_before_it_is_sent_and_settled_after(journal: Journal) -> None:
    assert 1 == await journal.intend(1, "aoi", {"name": "field 1"}, reserve=2)
    announced = StepRecord(
        row=1,
        step="aoi",
        attempt=1,
        state=StepState.INTENT,
        intent={"name": "field 1"},
        facts={},
        reserved=2.0,
        tokens=None,
        error=None,
        intent_at=NOON,
        settled_at=None,
    )
    assert [announced] == journal.steps(1) == list(journal.open_intents())
    await journal.settle(1, "aoi", StepState.DONE, facts={"id": "a-1"})
    done = attrs.evolve(
        announced, state=StepState.DONE, facts={"id": "a-1"}, reserved=0.0, tokens=2.0, settled_at=NOON
    )
    assert [done] == journal.steps(1)
    assert [] == list(journal.open_intents())


@pytest.mark.parametrize(
    ("state", "may"),
    [
        (StepState.DONE, False),
        (StepState.UNKNOWN, False),
        (StepState.HELD, False),
        (StepState.NOT_DONE, True),
        (StepState.FAILED, True),
    ],
)
async def test_only_what_did_not_happen_may_be_sent_again(
    journal: Journal, state: StepState, may: bool
) -> None:
    await journal.intend(1, "aoi", {})
    with pytest.raises(
        JournalError, match="row 1, step aoi: attempt 1 is 'intent', so it must not be sent again"
    ):
        await journal.intend(1, "aoi", {})
    await journal.settle(1, "aoi", state)
    if may:
        assert 2 == await journal.intend(1, "aoi", {})
        assert [1, 2] == [step.attempt for step in journal.steps(1)]
    else:
        with pytest.raises(JournalError, match=f"attempt 1 is '{state}'"):
            await journal.intend(1, "aoi", {})


async def test_what_is_settled_stays_but_what_it_made_may_turn_out_to_have_failed(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no intent to settle"):
        await journal.settle(1, "aoi", StepState.DONE)
    await journal.intend(1, "aoi", {}, reserve=3)
    await journal.settle(1, "aoi", StepState.UNKNOWN, error="lost")
    await journal.settle(1, "aoi", StepState.DONE, facts={"id": "a-1"}, tokens=2)
    for state in (StepState.NOT_DONE, StepState.UNKNOWN, StepState.DONE):
        with pytest.raises(JournalError, match="settled as 'done'"):
            await journal.settle(1, "aoi", state)
    with pytest.raises(InvalidInput, match="state"):
        await journal.settle(1, "aoi", StepState.INTENT)
    await journal.settle(1, "aoi", StepState.FAILED, error="its images are broken")
    assert {"a-1"} == {each.id for page in journal.made("aoi") for each in page}
    assert {} == journal.row(1).facts
    assert 2 == await journal.intend(1, "aoi", {}, reserve=3)
    assert Tokens(spent=2, reserved=3, cap=10) == journal.tokens()
    assert 2.0 == journal.row(1).tokens


async def test_open_intents_are_found_however_many_and_of_any_state(path: Path) -> None:
    with filled(path, 1300) as journal:
        await asyncio.gather(*(journal.intend(row, "aoi", {"row": row}) for row in range(1, 1301)))
        await journal.settle(2, "aoi", StepState.UNKNOWN)
        await journal.settle(3, "aoi", StepState.HELD)
        await journal.settle(4, "aoi", StepState.DONE, facts={"id": "a-4"})
        await journal.settle(5, "aoi", StepState.FAILED)
        assert [1, 2, *range(6, 1301)] == [step.row for step in journal.open_intents()]
        assert [3] == [step.row for step in journal.open_intents(StepState.HELD)]
        assert {"a-4"} == {each.id for page in journal.made("aoi") for each in page}
        assert set() == {each.id for page in journal.made("ao") for each in page}
        await journal.settle(6, "aoi", StepState.UNKNOWN, intent={"ids": ["a-6"]})
        assert {"a-4", "a-6"} == {each.id for page in journal.made("aoi") for each in page}, (
            "what an accepted create made is no other row's"
        )


async def test_many_that_come_together_share_a_commit(path: Path) -> None:
    with filled(path, 500) as journal:
        before = journal.commits
        await asyncio.gather(*(journal.intend(row, "aoi", {}) for row in range(1, 501)))
        assert 500 == len(list(journal.open_intents()))
        assert journal.commits - before < 100


async def test_intents_results_and_ends_survive_a_power_cut_and_notes_need_not(journal: Journal) -> None:
    """By what SQLite is told before each commit."""
    said: list[str] = []
    await journal._writer.write(lambda page: page.connection.set_trace_callback(said.append), durable=False)

    async def synced(call: Any) -> bool:
        said.clear()
        await call
        levels = [line for line in said if line.startswith("PRAGMA synchronous")]
        nonlocal level
        level = levels[-1] if levels else level
        assert said.index("COMMIT") > (said.index(levels[-1]) if levels else -1)
        return level == "PRAGMA synchronous=FULL"

    level = "PRAGMA synchronous=NORMAL"
    assert await synced(journal.intend(1, "aoi", {}))
    assert not await synced(journal.mark(1, State.RUNNING))
    assert await synced(journal.settle(1, "aoi", StepState.DONE))
    assert not await synced(journal.record(1, "wait", facts={}))
    assert await synced(journal.mark(1, State.DONE))
    assert not await synced(journal.mark(2, State.RUNNING))
    assert await synced(asyncio.gather(journal.mark(2, State.RUNNING), journal.intend(2, "aoi", {})))


# --- cancellation and the end -----------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancelled_intent_takes_itself_back(journal: Journal, turns: int) -> None:
    task = asyncio.create_task(journal.intend(1, "aoi", {}, reserve=4))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await journal.mark(2, State.RUNNING)  # whatever was asked for before is written now
    assert [] == list(journal.open_intents())
    assert Tokens(spent=0, reserved=0, cap=10) == journal.tokens()
    assert await journal.intend(1, "aoi", {}) in (1, 2)


async def test_a_cancelled_intent_leaves_that_of_another_alone(journal: Journal) -> None:
    await journal.intend(1, "aoi", {})
    task = asyncio.create_task(journal.intend(1, "aoi", {}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await journal.mark(2, State.RUNNING)
    assert [1] == [step.row for step in journal.open_intents()]


async def test_a_result_is_written_though_nobody_waits_for_it_any_more(path: Path) -> None:
    with filled(path) as journal:
        await journal.intend(1, "aoi", {})
        task = asyncio.create_task(journal.settle(1, "aoi", StepState.DONE, facts={"id": "a-1"}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with Journal.open(path) as again:
        assert {"aoi": {"id": "a-1"}} == again.row(1).facts


async def test_a_closed_journal_says_so_and_can_be_closed_again(journal: Journal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        await journal.intend(1, "aoi", {})
    with pytest.raises(JournalError, match="closed"):
        journal.tally()


def test_what_is_asked_of_the_writer_is_done_before_it_ends(path: Path) -> None:
    with filled(path, 5):
        writer = Writer(partial(writing, path), partial(journal_error, path))
        change = "UPDATE entry SET name = name || '+', sum = checksum(row, key, name || '+', folder, geometry, properties)"
        asked = [writer.post(lambda page: page.connection.execute(change), durable=False) for _ in range(40)]
        writer.close()
        assert all(request.done() for request in asked)
    with Journal.open(path) as again:
        assert "field 1" + 40 * "+" == again.row(1).entry.name


async def test_a_request_that_fails_takes_back_what_it_wrote_and_harms_no_other(journal: Journal) -> None:
    def half(page: Page) -> None:
        page.connection.execute("UPDATE progress SET state = 'DONE'")
        raise InvalidInput("no")

    outcomes = await asyncio.gather(
        journal.mark(1, State.RUNNING),
        journal._writer.write(half, durable=False),
        journal.mark(2, State.RUNNING),
        return_exceptions=True,
    )
    assert [None, InvalidInput, None] == [each and type(each) for each in outcomes]
    assert {State.WAITING: 1, State.RUNNING: 2} == journal.tally()


async def test_after_a_failure_of_the_disk_nothing_more_is_acknowledged(journal: Journal) -> None:
    """SQLite cannot tell what a commit after a failed one is worth; any error of its own stands for the disk's."""
    with pytest.raises(JournalError, match="no such table"):
        await journal._writer.write(
            lambda page: page.connection.execute("SELECT 1 FROM nowhere"), durable=True
        )
    with pytest.raises(JournalError, match="no such table"):
        await journal.intend(1, "aoi", {})
    assert [] == journal.steps(1)


async def test_a_full_disk_reaches_whoever_waits_and_the_journal_stays_whole(path: Path) -> None:
    """By the largest file that this process may write."""
    with filled(path, 400) as journal:
        await journal.intend(1, "aoi", {})
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = path.with_name(path.name + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, hard))
        try:
            calls = (journal.intend(row, "aoi", {"name": "n" * 4000}) for row in range(2, 401))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        failed = [each for each in outcomes if isinstance(each, BaseException)]
        assert failed
        assert {DiskFull} == {type(error) for error in failed}
        assert "no space left for the journal" in str(failed[0])
        assert 1 == await journal.intend(400, "package", {})
        there = {step.row for step in journal.open_intents()}
    acknowledged = {row for row, outcome in enumerate(outcomes, start=2) if outcome == 1}
    assert there == acknowledged | {1, 400}
    with Journal.open(path) as again:
        assert there == {step.row for step in again.open_intents()}


# --- tokens -----------------------------------------------------------------------------------------------


async def test_what_could_cost_more_than_the_cap_is_not_even_announced(journal: Journal) -> None:
    await journal.intend(1, "aoi", {}, reserve=6)
    await journal.settle(1, "aoi", StepState.DONE, tokens=5)
    await journal.intend(2, "aoi", {}, reserve=3)
    with pytest.raises(
        CapReached, match=r"may cost 2\.5 tokens, but of the 10 .* 5 are spent and 3 reserved"
    ) as caught:
        await journal.intend(3, "aoi", {}, reserve=2.5)
    error = caught.value
    assert (2.5, 5.0, 3.0, 10.0) == (error.needed, error.spent, error.reserved, error.cap)
    assert [] == journal.steps(3)
    assert 1 == await journal.intend(3, "free", {})
    await journal.settle(2, "aoi", StepState.NOT_DONE)
    assert 1 == await journal.intend(3, "aoi", {}, reserve=2.5)


async def test_a_cap_that_fits_exactly_is_no_matter_of_rounding(path: Path) -> None:
    with filled(path, cap=0.3) as journal:
        for row in (1, 2, 3):
            await journal.intend(row, "aoi", {}, reserve=0.1)
        assert Tokens(spent=0.0, reserved=0.3, cap=0.3) == journal.tokens()
        with pytest.raises(CapReached):
            await journal.intend(1, "job", {}, reserve=0.000001)
        journal.set_cap(0.4)
        await journal.intend(1, "job", {}, reserve=0.1)
        journal.set_cap(None)
        await journal.intend(2, "job", {}, reserve=1e9)


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
async def test_amounts_that_are_none_are_refused(journal: Journal, amount: float) -> None:
    with pytest.raises(InvalidInput, match=f"reserve: {amount}"):
        await journal.intend(1, "aoi", {}, reserve=amount)
    with pytest.raises(InvalidInput, match="cap"):
        journal.set_cap(amount)


async def test_what_is_held_is_released_as_a_person_decides(journal: Journal) -> None:
    for row in (1, 2):
        await journal.intend(row, "job", {}, reserve=2)
        await journal.settle(row, "job", StepState.HELD, error="two could be it")
        await journal.mark(row, State.HELD, step="job", error="two could be it")
    assert Tokens(spent=0, reserved=4, cap=10) == journal.tokens()
    assert 2 == journal.decide("resend")
    assert {State.WAITING: 3} == journal.tally()
    assert Tokens(spent=0, reserved=0, cap=10) == journal.tokens()
    assert 2 == await journal.intend(1, "job", {}, reserve=2)
    await journal.settle(1, "job", StepState.HELD)
    await journal.mark(1, State.HELD, step="job")
    assert 1 == journal.decide("forget")
    assert {State.WAITING: 2, State.FAILED: 1} == journal.tally()
    assert ("job", "given up: it may exist in the account") == (journal.row(1).step, journal.row(1).error)
    assert Tokens(spent=2, reserved=0, cap=10) == journal.tokens()
    assert 0 == journal.decide("resend")


class Spending(RuleBasedStateMachine):
    """Any order of announcing, settling, closing and opening again."""

    AMOUNTS = st.integers(0, 7_000_000)

    @initialize(cap=st.integers(0, 20_000_000))
    def begin(self, cap: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "run.journal"
        self.loop = asyncio.Runner()
        self.cap = cap
        self.spent = 0
        self.open: dict[int, int] = {}
        self.row = 0
        self.journal = filled(self.path, 100, cap=cap / 1e6)

    @rule(amounts=st.lists(AMOUNTS, min_size=1, max_size=6))
    def announce(self, amounts: list[int]) -> None:
        """Several at a time: which of them fit depends on their order only."""
        rows = range(self.row + 1, self.row + 1 + len(amounts))
        self.row += len(amounts)
        if self.row > 100:
            return

        async def together() -> list[Any]:
            calls = (
                self.journal.intend(row, "aoi", {}, reserve=amount / 1e6)
                for row, amount in zip(rows, amounts, strict=True)
            )
            return await asyncio.gather(*calls, return_exceptions=True)

        for row, amount, outcome in zip(rows, amounts, self.loop.run(together()), strict=True):
            fits = amount == 0 or self.spent + sum(self.open.values()) + amount <= self.cap
            assert (1 if fits else CapReached) == (outcome if outcome == 1 else type(outcome))
            if fits:
                self.open[row] = amount

    @rule(
        data=st.data(), state=st.sampled_from([state for state in StepState if state is not StepState.INTENT])
    )
    def settle(self, data: st.DataObject, state: StepState) -> None:
        if not self.open:
            return
        row = data.draw(st.sampled_from(sorted(self.open)))
        reserved = self.open[row]
        cost = data.draw(st.none() | st.integers(0, reserved))
        tokens = None if cost is None else cost / 1e6
        self.loop.run(self.journal.settle(row, "aoi", state, tokens=tokens))
        if state in (StepState.UNKNOWN, StepState.HELD):
            return
        del self.open[row]
        self.spent += cost if cost is not None else reserved if state is StepState.DONE else 0

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = Journal.open(self.path)

    @invariant()
    def the_account_is_right_and_never_above_the_cap(self) -> None:
        if hasattr(self, "journal"):
            tokens = self.journal.tokens()
            reserved = sum(self.open.values())
            assert Tokens(spent=self.spent / 1e6, reserved=reserved / 1e6, cap=self.cap / 1e6) == tokens
            assert self.spent + reserved <= self.cap

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.loop.close()
            self.folder.cleanup()


class TestSpending(Spending.TestCase):
    settings = settings(max_examples=12, stateful_step_count=12)


# --- death, damage, strangers -----------------------------------------------------------------------------

WRITES_UNTIL_KILLED = """
import asyncio, sys
from itertools import count
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState

async def main(journal):
    rows = count(1)
    async def worker():
        while True:
            row = next(rows)
            await journal.intend(row, "aoi", {"name": f"n{row}"}, reserve=1)
            print(f"intent {row}", flush=True)
            await journal.settle(row, "aoi", StepState.DONE, facts={"id": f"a-{row}"})
            print(f"done {row}", flush=True)
    await asyncio.gather(*(worker() for _ in range(8)))

asyncio.run(main(Journal.open(sys.argv[1])))
"""


def test_all_that_was_acknowledged_is_there_after_a_kill(path: Path) -> None:
    filled(path, 6_000, cap=None).close()
    command = [sys.executable, "-c", WRITES_UNTIL_KILLED, str(path)]
    acknowledged: dict[int, str] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            word, row = line.split()
            acknowledged[int(row)] = word
            if len(acknowledged) == 150:
                process.kill()
    assert -signal.SIGKILL == process.returncode
    with Journal.open(path) as journal:
        there = {row: journal.steps(row)[0] for row in acknowledged}
        assert [] == [row for row, word in acknowledged.items() if word == "done" and not there[row].facts]
        assert {f"n{row}" for row in acknowledged} == {
            step.intent["name"] for step in there.values() if step.intent
        }
        tokens = journal.tokens()
        assert len(list(journal.open_intents())) == tokens.reserved
        assert (
            tokens.spent
            == len({each.id for page in journal.made("aoi") for each in page})
            >= list(acknowledged.values()).count("done")
        )


def content(view: JournalView) -> tuple[Any, ...]:
    """All that a journal says."""
    records = list(view.rows())
    steps = [step for record in records for step in view.steps(record.entry.row)]
    return view.header, records, steps, view.tokens(), view.tally()


@pytest.fixture
async def killed(path: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """The files as a kill leaves them, the last steps in the log only; and the steps in the order of their writing."""
    history = []
    with filled(path, 30, cap=None) as journal:
        for row in range(1, 25):
            await journal.intend(row, "aoi", {"name": "n" * row * 100}, reserve=1)
            history.append(f"intent {row}")
            await journal.settle(row, "aoi", StepState.DONE, facts={"id": f"a-{row}"})
            history.append(f"done {row}")
        copy = tmp_path / "killed" / path.name
        copy.parent.mkdir()
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
    return copy, history


def written(view: JournalView) -> set[str]:
    steps = [step for row in view.rows() for step in view.steps(row.entry.row)]
    return {f"intent {step.row}" for step in steps} | {f"done {step.row}" for step in steps if step.facts}


def files(path: Path) -> dict[str, bytes]:
    """The journal and its log; SQLite's index of the log holds nothing of its own."""
    there = path.parent.glob(f"{path.name}*")
    return {each.name: each.read_bytes() for each in there if not each.name.endswith(("-shm", ".lock"))}


def test_q4_a_log_that_lost_its_end_opens_with_all_that_came_before(
    killed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    path, history = killed
    log = path.with_name(path.name + "-wal").read_bytes()
    chance = random.Random(4)
    known: set[int] = set()
    for number, size in enumerate(sorted({0, 31, 32, len(log), *chance.choices(range(len(log)), k=40)})):
        copy = tmp_path / str(number) / path.name
        copy.parent.mkdir()
        shutil.copy(path, copy)
        copy.with_name(copy.name + "-wal").write_bytes(log[:size])
        with suppress(JournalError), Journal.open(copy) as journal:
            steps = written(journal)
            assert set(history[: len(steps)]) == steps
            known.add(len(steps))
    assert len(history) == max(known)
    assert len(known) > 10


def test_q4_a_journal_that_lost_its_end_is_refused_or_whole(
    killed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    path, history = killed
    whole = tmp_path / "whole" / path.name
    whole.parent.mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", f"{whole}{end}")
    Journal.open(whole).close()  # all is in the one file now
    data = whole.read_bytes()
    refused = 0
    for number, size in enumerate(sorted(random.Random(5).sample(range(len(data)), k=40))):
        copy = tmp_path / str(number) / path.name
        copy.parent.mkdir()
        copy.write_bytes(data[:size])
        try:
            journal = Journal.open(copy)
        except JournalError:
            assert {copy.name: data[:size]} == {copy.name: b""} | {
                name: there for name, there in files(copy).items() if there
            }
            refused += 1
        else:
            with journal:
                assert set(history) == written(journal)
    assert refused > 30


def test_q5_a_second_run_is_refused_naming_process_and_host(path: Path) -> None:
    filled(path).close()
    holds = (
        "import sys; from pixxel_async.bulk._journal.journal import Journal; "
        "journal = Journal.open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holds, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "open\n" == process.stdout.readline()
        with pytest.raises(
            JournalInUse, match=f"process {process.pid} on {socket.gethostname()} has a run"
        ) as caught:
            Journal.open(path)
        assert (process.pid, socket.gethostname()) == (caught.value.pid, caught.value.host)
        with Journal.read(path) as view:
            assert {State.WAITING: 3} == view.tally()
        process.kill()
    Journal.open(path).close()


def test_q5_within_a_process_too(journal: Journal, path: Path) -> None:
    with pytest.raises(JournalInUse, match=f"process {os.getpid()} on"):
        Journal.open(path)
    with pytest.raises(JournalInUse):
        Journal.create(path, HEADER)


def other_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def newer(path: Path) -> None:
    filled(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def torn_page(path: Path) -> None:
    filled(path, 300).close()
    data = bytearray(path.read_bytes())
    data[5 * 4096 : 6 * 4096] = random.Random(6).randbytes(4096)
    path.write_bytes(data)


def other_tables(path: Path) -> None:
    filled(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE entry ADD COLUMN colour TEXT")
    connection.close()


def changed_value(path: Path) -> None:
    filled(path).close()
    path.write_bytes(path.read_bytes().replace(b'"id":"a-1"', b'"id":"a-2"').replace(b"field 2", b"field 4"))


def told(path: Path, *statements: str) -> None:
    """Change a journal with checksums that are right."""
    filled(path).close()
    with sqlite3.connect(path) as connection:
        connection.create_function("checksum", -1, checksum, deterministic=True)
        for statement in statements:
            connection.execute(statement)
    connection.close()


def pages_in_each_others_place(path: Path) -> None:
    """Two leaves of the steps: each is whole, and the rows are all there."""
    with filled(path, 40, cap=None) as journal:
        for row in range(1, 41):
            asyncio.run(journal.intend(row, "aoi", {"name": "n" * 600}))
    data = path.read_bytes()
    pages = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    one, other, *_ = (number for number, page in enumerate(pages) if page[0] == 10 and b"nnnn" in page)
    pages[one], pages[other] = pages[other], pages[one]
    path.write_bytes(b"".join(pages))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), "is not the journal of a bulk run"),
        (
            lambda path: path.write_bytes(b"Lorem ipsum dolor sit amet. " * 500),
            "is not the journal of a bulk run",
        ),
        (other_program, "database of another program"),
        (newer, r"newer version of pixxel-async \(journal version 4, this one reads 3\)"),
        (torn_page, "is damaged"),
        (other_tables, "is damaged .its tables"),
        (changed_value, "is damaged .a checksum in its table entry is wrong"),
        (pages_in_each_others_place, "is damaged"),
        (lambda path: told(path, "DELETE FROM entry WHERE row = 2"), "is damaged .rows are missing"),
        (
            lambda path: told(
                path, *(f"DELETE FROM {table} WHERE row = 2" for table in ("entry", "progress"))
            ),
            "is damaged .it has 2 of 3 rows",
        ),
        (
            lambda path: told(path, "UPDATE book SET spent = 5, sum = checksum(rows, cap, 5, reserved)"),
            "is damaged .its account of tokens does not agree",
        ),
    ],
    ids=[
        *("empty", "text", "other program", "newer", "torn", "other tables", "changed", "swapped"),
        *("half a row gone", "row gone", "account"),
    ],
)
def test_q6_what_is_no_sound_journal_of_ours_is_refused_and_left_as_it_is(
    path: Path, make: Any, message: str
) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=message) as caught:
        Journal.open(path)
    assert str(path) in str(caught.value)
    assert "the file was not changed" in str(caught.value)
    assert {path.name: before} == {path.name: b""} | {
        name: data for name, data in files(path).items() if data
    }
    with pytest.raises(JournalError, match="exists already"):
        Journal.create(path, HEADER)
    assert before == path.read_bytes()


async def test_q6_whatever_byte_is_changed_it_is_refused_or_reads_as_before(
    path: Path, tmp_path: Path
) -> None:
    with filled(path, 12) as journal:
        await journal.intend(1, "aoi", {"name": "n" * 6000}, reserve=1)
        await journal.settle(1, "aoi", StepState.DONE, facts={"id": "a-1"})
        await journal.intend(2, "aoi", {"name": "n" * 50}, reserve=1)
        await journal.mark(2, State.RUNNING, step="aoi")
        before = content(journal)
    data = files(path)[path.name]
    chance = random.Random(7)
    refused = 0
    for number in range(80):
        changed = bytearray(data)
        changed[chance.randrange(len(data) if number % 2 else 100)] ^= chance.randrange(1, 256)
        copy = tmp_path / str(number) / path.name
        copy.parent.mkdir()
        copy.write_bytes(changed)
        try:
            again = Journal.open(copy)
        except JournalError:
            assert bytes(changed) == files(copy)[copy.name], number
            refused += 1
        else:
            with again:
                assert before == content(again), number
    assert refused > 20


def test_no_journal_is_said_so_and_none_is_made(path: Path, tmp_path: Path) -> None:
    for open_it in (Journal.open, Journal.read):
        with pytest.raises(JournalError, match="there is no journal"):
            open_it(path)
    assert [] == list(tmp_path.iterdir())
    with pytest.raises(JournalError, match="No such file"):
        Journal.create(tmp_path / "nowhere" / "run.journal", HEADER)


def test_what_a_kill_left_of_a_journal_in_the_making_is_in_nobodys_way(path: Path) -> None:
    path.with_name(path.name + ".new").write_bytes(b"half")
    filled(path).close()
    assert {path.name, path.name + ".lock"} == {each.name for each in path.parent.iterdir()}


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "9p", "lustre", "fuse.sshfs"])
def test_q9_a_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = path.with_name("mounts")
    monkeypatch.setattr(_journal_file, "MOUNTS", mounts)
    place = str(path.parent.resolve()).replace(" ", r"\040")
    mounts.write_text(
        f"/dev/a / ext4 rw 0 0\nserver:/x {place} {kind} rw 0 0\n/dev/b {place}/deeper ext4 rw 0 0\n"
    )
    message = rf"is on a network file system \({kind}\).*put it on a local disk"
    with pytest.raises(JournalError, match=message):
        Journal.create(path, HEADER)
    assert [mounts] == list(path.parent.iterdir())
    mounts.write_text(
        f"server:/x / {kind} rw 0 0\nserver:/x {place} {kind} rw 0 0\n/dev/b {place} ext4 rw 0 0\n"
    )
    filled(path).close()
    mounts.write_text(f"server:/x / {kind} rw 0 0\n")
    with pytest.raises(JournalError, match=message):
        Journal.open(path)


def test_q9_places_with_blanks_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "my fields"
    place.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"a / ext4 rw 0 0\nb {tmp_path}/my ext3 rw 0 0\nc {tmp_path}/my\\040fields nfs rw 0 0\n"
    )
    monkeypatch.setattr(_journal_file, "MOUNTS", mounts)
    assert "nfs" == _journal_file.filesystem(place / "run.journal")
    monkeypatch.setattr(_journal_file, "MOUNTS", tmp_path / "none")
    assert _journal_file.filesystem(place / "run.journal") is None


async def test_q10_no_credential_is_in_any_file_of_a_journal(path: Path) -> None:
    canary = "c4n4ry5ecret"
    signed = f"https://store.example.com/a.zip?X-Amz-Signature={canary}&x=1"
    spoken = [
        signed,
        f'GET "{signed}": no answer',
        f"https://user:{canary}@store.example.com/a",
        f"S3://bucket/a?sig={canary}",
        f"Authorization: Bearer {canary}",
        f"eyJhbGciOiJIUzI1.eyJ{canary}.{canary}",
    ]
    with filled(path) as journal:
        for number, text in enumerate(spoken):
            step = f"s{number}"
            await journal.intend(1, step, {"input": text, "deep": [{text: text}]})
            await journal.settle(1, step, StepState.UNKNOWN, error=text)
            await journal.settle(
                1, step, StepState.DONE, facts={"id": str(number), "signed_url": text}, error=text
            )
            await journal.record(2, step, facts={"texts": [text]})
            await journal.mark(2, State.FAILED, step=step, error=text)
        logged = b"".join(each.read_bytes() for each in path.parent.iterdir())
        assert b"https://store.example.com/a.zip" in logged
        assert canary.encode() not in logged
        assert {"id": "0", "signed_url": "https://store.example.com/a.zip?…"} == journal.row(1).facts["s0"]
    assert {path.name} == files(path).keys()
    assert canary.encode() not in files(path)[path.name]


async def test_long_texts_of_a_server_are_cut_and_intents_are_not(journal: Journal) -> None:
    long = "x" * 5000
    await journal.intend(1, "aoi", {"name": long})
    await journal.settle(
        1, "aoi", StepState.DONE, facts={"id": "a", "message": long}, error=f"{long}\x1b[0m\n"
    )
    await journal.mark(1, State.FAILED, error=long)
    [step] = journal.steps(1)
    assert {"name": long} == step.intent
    assert [2000, 2000, 2000] == [
        len(step.facts["message"]),
        len(step.error or ""),
        len(journal.row(1).error or ""),
    ]


async def test_a_run_can_be_watched_from_outside(journal: Journal, path: Path) -> None:
    with Journal.read(path) as view:
        assert HEADER == view.header
        await journal.intend(1, "aoi", {}, reserve=1)
        await journal.mark(1, State.RUNNING, step="aoi")
        assert {State.WAITING: 2, State.RUNNING: 1} == view.tally()
        assert Tokens(spent=0, reserved=1, cap=10) == view.tokens()
        assert content(journal) == content(view)
    journal.close()
    with Journal.read(path) as view:
        assert State.RUNNING is view.row(1).state
