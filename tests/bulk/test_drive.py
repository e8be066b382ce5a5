"""The scheduler of rows, run directly: what one row meets, what all would meet, and what is written down of it."""

from __future__ import annotations

import errno
import gc
import threading
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from engines import FakeEngine, driving, intent_of, made, results, session, stage
from journals import NOON, Plot, begun

from pixxel_async import (
    AuthenticationError,
    BadRequest,
    ConfigurationError,
    DeadlineExceeded,
    DiskFull,
    OutcomeUnknown,
    PixxelClient,
    PixxelError,
    RateLimited,
    ServerError,
    TlsError,
    TransportError,
    UnexpectedBody,
    WaitFailed,
)
from pixxel_async.bulk import State
from pixxel_async.bulk._execution.scheduler import Scheduler
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState
from pixxel_async.bulk._journal.view import JournalView
from pixxel_async.bulk._recipe.stages import Facts, Kind, Price, Stage, Work
from pixxel_async.models import Insight
from pixxel_async.testing import VirtualClock

AOI = stage("aoi")


def work_of(row: int, name: str | None = None) -> Work:
    return Work(row=row, name=name or "abcd"[row - 1], geometry={}, properties={}, folder=Path(), facts={})


def stamp() -> str:
    return NOON.isoformat()


def failing(error: Exception, row: int = 2):  # type: ignore[no-untyped-def]  # an Act
    async def act(stage: Stage, work: Work) -> Facts:
        if work.row == row:
            raise error
        return await made(stage, work)

    return act


@pytest.mark.parametrize("error", [TypeError("unexpected"), KeyError("id"), PixxelError("refused")])
async def test_z2_an_error_fails_its_row_alone(tmp_path: Path, error: Exception) -> None:
    """A stage that creates nothing."""
    rows = await results(tmp_path, [stage("images", Kind.READ)], FakeEngine(failing(error)))
    assert [State.DONE, State.FAILED, State.DONE] == [rows[row].state for row in (1, 2, 3)]
    assert str(error) in str(rows[2].error)


async def test_z2_a_create_that_ended_in_an_unexpected_error_is_held(tmp_path: Path) -> None:
    """It was announced, and may have been sent: no later session sends it unasked."""
    rows = await results(tmp_path, [AOI], FakeEngine(failing(TypeError("unexpected"))))
    assert [State.DONE, State.HELD, State.DONE] == [rows[row].state for row in (1, 2, 3)]
    with Journal.read(tmp_path / "run.journal") as journal:
        [held] = journal.open_intents(StepState.HELD)
        assert [] == [*journal.open_intents()]
    assert "unexpected" in str(held.error)


async def test_z2_a_create_that_was_refused_fails_its_row(tmp_path: Path) -> None:
    rows = await results(tmp_path, [AOI], FakeEngine(failing(BadRequest("no", status=400))))
    assert State.FAILED is rows[2].state
    with Journal.read(tmp_path / "run.journal") as journal:
        assert [StepState.NOT_DONE] == [each.state for each in journal.steps(2)]


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("refused", status=401),
        ConfigurationError("no token"),
        TlsError("unknown authority"),
        DiskFull("no room"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("kind", [Kind.READ, Kind.CREATE, Kind.FETCH])
async def test_z2_what_every_row_would_meet_ends_the_run(
    tmp_path: Path, error: Exception, kind: Kind
) -> None:
    with pytest.raises(type(error)):
        await results(tmp_path, [stage("any", kind)], FakeEngine(failing(error)))


async def test_z2_a_full_disk_that_the_system_reports_ends_the_run(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(DiskFull):
        await results(tmp_path, [stage("picture", Kind.FETCH)], FakeEngine(failing(full)))


async def test_z2_bookkeeping_that_fails_fails_its_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Here the row's facts hold what no code expects; the log has the traceback."""
    through = Scheduler._through

    async def odd(scheduler: Scheduler, row: object) -> object:
        if row.number == 2:  # type: ignore[attr-defined]
            raise ValueError("a bug")
        return await through(scheduler, row)  # type: ignore[arg-type]

    monkeypatch.setattr(Scheduler, "_through", odd)
    rows = await results(tmp_path, [AOI], FakeEngine(made))
    assert [State.DONE, State.FAILED, State.DONE] == [rows[row].state for row in (1, 2, 3)]
    assert ["row 2: unexpected error"] == [each.getMessage() for each in caplog.records]
    assert "ValueError: a bug" in caplog.text


async def test_z2_an_open_create_that_cannot_be_read_is_held(tmp_path: Path) -> None:
    """An intent of another version ends neither the session nor its other rows."""
    with begun(tmp_path, [Plot(name="a"), Plot(name="b")]) as journal:
        await journal.intend(1, "aoi", {"operation": "what a later version writes"})
        async with driving(journal, [AOI], FakeEngine(made)) as drive:
            rows = {each.row: each async for each in drive.results()}
        assert [State.HELD, State.DONE] == [rows[1].state, rows[2].state]
        assert "cannot be read" in str(rows[1].error)


async def test_z1_a_journal_that_holds_null_for_tokens_is_resumed(tmp_path: Path) -> None:
    """As versions before wrote it where an answer had no cost; the account has the price."""
    with begun(tmp_path, [Plot(name="a")]) as journal:
        await journal.intend(1, "aoi", {}, reserve=2.0)
        await journal.settle(1, "aoi", StepState.DONE, facts={"id": "a-1", "tokens": None})
        await journal.mark(1, State.RUNNING)
        async with driving(journal, [AOI, stage("more", Kind.READ)], FakeEngine(made)) as drive:
            [row] = [each async for each in drive.results()]
    assert (State.DONE, 2.0) == (row.state, row.tokens)


@pytest.mark.parametrize("cost", [None, -1.0, float("nan"), 1e300, True, "5"])
async def test_z1_a_cost_that_is_no_amount_counts_as_the_price(tmp_path: Path, cost: object) -> None:
    async def act(stage: Stage, work: Work) -> Facts:
        return {"id": "i", "tokens": cost}

    rows = await results(tmp_path, [stage("insight", price=3.0)], FakeEngine(act), rows=1)
    assert (State.DONE, 3.0) == (rows[1].state, rows[1].tokens)
    with Journal.read(tmp_path / "run.journal") as journal:
        assert (3.0, 0.0) == (journal.tokens().spent, journal.tokens().reserved)


async def test_z1_the_cost_of_the_answer_wins_over_the_price(tmp_path: Path) -> None:
    async def act(stage: Stage, work: Work) -> Facts:
        return {"id": "i", "tokens": 2.5}

    rows = await results(tmp_path, [stage("insight", price=3.0)], FakeEngine(act), rows=1)
    with Journal.read(tmp_path / "run.journal") as journal:
        assert (2.5, 2.5) == (rows[1].tokens, journal.tokens().spent)


@pytest.mark.parametrize("is_listed", [True, False])
async def test_z1_a_create_whose_answer_has_no_id_is_found_or_held(tmp_path: Path, is_listed: bool) -> None:
    """The API accepted it, so it is not sent again."""

    async def nameless(stage: Stage, work: Work) -> Facts:
        return {"id": None}

    rows = [{"aoi_id": "aoi-9", "name": "f1", "created_at": stamp()}] if is_listed else []
    answers = {"GET /v0/aois": {"aois": rows, "pagination": {"total": len(rows)}}}
    engine = FakeEngine(nameless)
    found = (await results(tmp_path, [AOI], engine, rows=1, answers=answers))[1]
    assert (State.DONE if is_listed else State.HELD) is found.state, found.error
    assert ({"aoi": "aoi-9"} if is_listed else {}) == found.ids
    assert [("aoi", 1)] == engine.begun


@pytest.mark.parametrize("cost", [None, 2.0, 3.0, 5.0, 0.0])
async def test_z5_the_cost_that_a_wait_states_corrects_the_account(
    tmp_path: Path, cost: float | None
) -> None:
    """In the journal, in the row's result, and in a later session; it may even exceed the cap."""

    async def act(stage: Stage, work: Work) -> Facts:
        return {"cost": cost} if stage.name == "ready" else await made(stage, work)

    stages = [stage("insight", price=3.0), stage("ready", Kind.READ, makes="insight")]
    rows = await results(tmp_path, stages, FakeEngine(act), rows=2, cap=6.0)
    expected = 3.0 if cost is None else cost
    assert {expected} == {row.tokens for row in rows.values()}
    with Journal.open(tmp_path / "run.journal") as journal:  # it checks the account
        assert (2 * expected, 0.0) == (journal.tokens().spent, journal.tokens().reserved)
        assert {expected} == {row.tokens for row in journal.rows()}
        assert [expected] == [each["tokens"] for row, each in _facts(journal) if row == 1]


def _facts(journal: Journal) -> list[tuple[int, Any]]:
    return [(row.entry.row, row.facts["insight"]) for row in journal.rows()]


async def test_z5_what_failed_keeps_the_cost_that_the_api_states(tmp_path: Path) -> None:
    async def act(stage: Stage, work: Work) -> Facts:
        if stage.name == "ready":
            raise WaitFailed("no clear image", kind="insight", id="i", last=Insight(id="i", cost=1.0))
        return await made(stage, work)

    stages = [stage("insight", price=3.0), stage("ready", Kind.READ, makes="insight")]
    rows = await results(tmp_path, stages, FakeEngine(act), rows=1)
    assert State.FAILED is rows[1].state
    with Journal.read(tmp_path / "run.journal") as journal:
        assert (1.0, StepState.FAILED) == (journal.tokens().spent, journal.steps(1)[0].state)


async def test_z5_a_create_that_was_found_costs_what_its_listing_states(tmp_path: Path) -> None:
    """Here an order, with its answer lost."""

    async def lost(stage: Stage, work: Work) -> Facts:
        raise OutcomeUnknown("lost")

    listed = {"id": "o-1", "created_at": stamp(), "total_amount": 7.0, "order_items": []}
    rows = await results(
        tmp_path,
        [stage("order", price=3.0)],
        FakeEngine(lost, "SubmitOrder"),
        rows=1,
        answers={"GET /v0/orders": {"orders": [listed], "pagination": {"total": 1}}},
    )
    assert (State.DONE, 7.0) == (rows[1].state, rows[1].tokens), rows[1].error


# --- rows that cannot be paid -----------------------------------------------------------------------------


def aois(engine: FakeEngine) -> int:
    return sum(name == "aoi" for name, _ in engine.begun)


@pytest.mark.parametrize("concurrency", [1, 4, 64])
async def test_z4_no_aoi_is_made_whose_insight_cannot_be_paid(tmp_path: Path, concurrency: int) -> None:
    """Of 30 rows two fit: the first tells the price, and no more are begun than can be paid."""
    engine = FakeEngine(made)
    stages = [AOI, stage("aoi ready", Kind.READ), stage("insight", price=24.0)]
    rows = await results(tmp_path, stages, engine, rows=30, cap=50.0, concurrency=concurrency)
    assert 2 == aois(engine)
    assert {State.DONE: 2, State.BLOCKED: 28} == Counter(row.state for row in rows.values())
    assert any("not started: it needs 24 tokens at least" in str(row.error) for row in rows.values())


async def test_z4_with_nothing_left_nothing_is_begun(tmp_path: Path) -> None:
    """Not even to learn the price."""
    engine = FakeEngine(made)
    rows = await results(tmp_path, [AOI, stage("insight", price=24.0)], engine, cap=0.0)
    assert (0, {State.BLOCKED}) == (aois(engine), {row.state for row in rows.values()})


@pytest.mark.parametrize("cap", [0.0, 1e6])
async def test_z4_what_charges_nothing_needs_no_budget(tmp_path: Path, cap: float) -> None:
    rows = await results(tmp_path, [AOI], FakeEngine(made), cap=cap)
    assert {State.DONE} == {row.state for row in rows.values()}


async def test_z4_a_row_that_ends_without_its_charge_makes_room(tmp_path: Path) -> None:
    """One fits. The first two fail before they are charged, so a third is begun."""

    async def act(stage: Stage, work: Work) -> Facts:
        if stage.name == "aoi ready" and aois(engine) < 3:
            raise PixxelError("its images are broken")
        return await made(stage, work)

    engine = FakeEngine(act)
    stages = [AOI, stage("aoi ready", Kind.READ), stage("insight", price=24.0)]
    rows = await results(tmp_path, stages, engine, rows=5, cap=30.0, concurrency=5)
    assert 3 == aois(engine)
    assert {State.FAILED: 2, State.DONE: 1, State.BLOCKED: 2} == Counter(row.state for row in rows.values())


async def test_z4_a_price_that_rises_is_learned_once(tmp_path: Path) -> None:
    """The lower one that was paid before counts no more."""
    asked: list[float] = []

    async def ask(client: PixxelClient, work: Work) -> float:
        asked.append(10.0 if len(asked) < 3 else 90.0)
        return asked[-1]

    engine = FakeEngine(made)
    insight = attrs.evolve(stage("insight"), price=Price(ask))
    rows = await results(tmp_path, [AOI, insight], engine, rows=30, cap=100.0, concurrency=1)
    assert (4, 3) == (aois(engine), sum(row.state is State.DONE for row in rows.values()))


async def test_z4_a_later_session_knows_the_price(tmp_path: Path) -> None:
    stages = [AOI, stage("insight", price=24.0)]
    with begun(tmp_path, [Plot(name=name) for name in "abcd"], cap=30.0) as journal:
        async with driving(journal, stages, FakeEngine(made), concurrency=1) as drive:
            first = aiter(drive.results())
            await anext(first)
            await first.aclose()
        engine = FakeEngine(made)
        async with driving(journal, stages, engine) as drive:
            assert {State.BLOCKED} == {each.state async for each in drive.results()}
    assert 0 == aois(engine)


# --- reads of the journal ---------------------------------------------------------------------------------


async def test_z3_no_read_of_the_journal_is_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of rows, nor of open creates, nor of what others have made."""
    readers: set[str] = set()
    for name in ("_select", "_page"):
        read = getattr(JournalView, name)

        def watched(*arguments: Any, read: Any = read) -> Any:
            readers.add(threading.current_thread().name)
            return read(*arguments)

        monkeypatch.setattr(JournalView, name, watched)
    with begun(tmp_path, [Plot(name=name) for name in "abcd"]) as journal:
        for row in (1, 2, 3):
            await journal.intend(row, "aoi", intent_of(AOI, work_of(row)).to_dict())
        await journal.settle(1, "aoi", StepState.DONE, facts={"id": "aoi-1"})
        await journal.settle(2, "aoi", StepState.HELD)
        readers.clear()
        listed = {
            "aois": [{"aoi_id": "aoi-9", "name": "c", "created_at": stamp()}],
            "pagination": {"total": 1},
        }
        async with driving(journal, [AOI], FakeEngine(made), answers={"GET /v0/aois": listed}) as drive:
            rows = {each.row: each async for each in drive.results()}
    assert {"aoi": "aoi-9"} == rows[3].ids, rows[3].error
    assert readers
    assert threading.main_thread().name not in readers


async def test_z3_what_a_step_has_made_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its creates are open; meanwhile the garbage collector makes no long pass, which stops the event loop."""
    reads: list[str] = []
    before, during = gc.get_threshold(), set()
    read = JournalView.made

    def watched(view: JournalView, step: str) -> Any:
        reads.append(step)
        during.add(gc.get_threshold()[1])
        yield from read(view, step)

    monkeypatch.setattr(JournalView, "made", watched)
    names = [f"f{row}" for row in range(1, 21)]
    rows = [{"aoi_id": f"id-{name}", "name": name, "created_at": stamp()} for name in names]
    listed = {"aois": rows, "pagination": {"total": len(rows)}}
    with begun(tmp_path, [Plot(name=name) for name in names]) as journal:
        for row, name in enumerate(names, 1):
            await journal.intend(row, "aoi", intent_of(AOI, work_of(row, name)).to_dict())
        async with driving(journal, [AOI], FakeEngine(made), answers={"GET /v0/aois": listed}) as drive:
            found = {each.row: each.ids["aoi"] async for each in drive.results()}
    assert {row: f"id-{name}" for row, name in enumerate(names, 1)} == found
    assert ["aoi"] == reads
    assert {300} == during
    assert before == gc.get_threshold()


# --- pauses, order, parallelism ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        TransportError("reset"),
        ServerError("down", status=503),
        RateLimited("slowly", status=429),
        DeadlineExceeded("late"),
        UnexpectedBody("a page"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_z8_what_passes_is_tried_again_after_growing_pauses(tmp_path: Path, error: Exception) -> None:
    """Eight times, and then its row has failed."""
    times: list[float] = []
    clock = VirtualClock(rng=Random(1))  # its first pause is far below a second

    async def act(stage: Stage, work: Work) -> Facts:
        times.append(clock.monotonic())
        raise error

    rows = await results(tmp_path, [stage("images", Kind.READ)], FakeEngine(act), rows=1, clock=clock)
    assert State.FAILED is rows[1].state
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] < 0.6
    assert 7 == len(pauses)
    assert [] == [
        (number, pause)
        for number, pause in enumerate(pauses)
        if not 2**number / 2 <= pause <= min(2**number, 60)
    ]


async def test_z8_a_pause_is_as_long_as_the_api_asks(tmp_path: Path) -> None:
    times: list[float] = []
    clock = VirtualClock()

    async def act(stage: Stage, work: Work) -> Facts:
        times.append(clock.monotonic())
        if len(times) == 1:
            raise RateLimited("slowly", status=429, retry_after=30.0)
        return {}

    await results(tmp_path, [stage("images", Kind.READ)], FakeEngine(act), rows=1, clock=clock)
    assert 30.0 == times[1] - times[0]


@pytest.mark.parametrize(("together", "most"), [(None, 4), ("job", 1)])
async def test_z8_creates_that_cannot_be_told_apart_go_one_at_a_time(
    tmp_path: Path, together: str | None, most: int
) -> None:
    """Others go as many at a time as rows are under way."""
    under_way: list[int] = []
    count = 0
    clock = VirtualClock()

    async def act(stage: Stage, work: Work) -> Facts:
        nonlocal count
        count += 1
        under_way.append(count)
        await clock.sleep(5.0)
        count -= 1
        return await made(stage, work)

    stages = [stage("any", one_at_a_time=together)]
    rows = await results(tmp_path, stages, FakeEngine(act), rows=8, concurrency=4, clock=clock)
    assert {State.DONE} == {row.state for row in rows.values()}
    assert most == max(under_way)


async def test_z8_rows_are_begun_in_their_order_and_go_through_their_stages_in_order(tmp_path: Path) -> None:
    engine = FakeEngine(made)
    stages = [stage("images", Kind.READ), AOI, stage("picture", Kind.FETCH)]
    await results(tmp_path, stages, engine, rows=5, concurrency=1)
    assert [(each.name, row) for row in range(1, 6) for each in stages] == engine.begun


async def test_z8_a_try_after_a_failure_waits_until_the_api_is_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage is waited out, and then the pause follows."""
    events: list[str] = []

    async def available(client: PixxelClient) -> None:
        events.append("available")

    async def act(stage: Stage, work: Work) -> Facts:
        events.append("try")
        if len(events) < 4:
            raise ServerError("down", status=503)
        return {}

    monkeypatch.setattr(PixxelClient, "available", available)
    await results(tmp_path, [stage("images", Kind.READ)], FakeEngine(act), rows=1)
    assert ["try", "available", "try", "available", "try"] == events


def opened_by(names: list[str], calls: list[str]) -> dict[str, Any]:
    """A listing of AOIs of these names; it notes when it is read."""
    rows = [{"aoi_id": f"id-{name}", "name": name, "created_at": stamp()} for name in names]

    def listing(_: object) -> Any:
        calls.append("listing")
        return {"aois": rows, "pagination": {"total": len(rows)}}

    return {"GET /v0/aois": listing}


async def left_open(journal: Journal, rows: range) -> None:
    for row in rows:
        await journal.intend(row, "aoi", intent_of(AOI, work_of(row, f"f{row}")).to_dict())


async def test_q2_what_is_open_is_settled_before_anything_is_made(tmp_path: Path) -> None:
    """Although the row with it comes last; and what is found is not looked up again."""
    calls: list[str] = []
    others: list[int] = []

    async def act(step: Stage, work: Work) -> Facts:
        calls.append(f"create {work.row}")
        others.extend(each.row for each in journal.open_intents() if each.row != work.row)
        return await made(step, work)

    with begun(tmp_path, [Plot(name=f"f{row}") for row in range(1, 6)]) as journal:
        await left_open(journal, range(4, 6))
        answers = opened_by(["f4", "f5"], calls)
        rows = await session(journal, [AOI], FakeEngine(act), answers=answers, concurrency=1)
    assert ([], ["create 1", "create 2", "create 3"]) == (others, calls[-3:])
    assert {"listing"} == set(calls[:-3])
    assert ["id-f4", "id-f5"] == [rows[row].ids["aoi"] for row in (4, 5)]


async def test_q2_what_is_open_of_a_step_that_the_recipe_lacks_is_left_alone(tmp_path: Path) -> None:
    with begun(tmp_path, [Plot(name="f1")]) as journal:
        await journal.intend(1, "job", intent_of(AOI, work_of(1)).to_dict())
        async with driving(journal, [AOI], FakeEngine(made)) as drive:
            [row] = [each async for each in drive.results()]
        assert State.DONE is row.state
        assert ["job"] == [each.step for each in journal.open_intents()]


@pytest.mark.parametrize(
    "error", [AuthenticationError("refused", status=401), DiskFull("no room"), TlsError("unknown authority")]
)
async def test_q2_an_error_of_all_rows_while_open_creates_are_searched_for_ends_the_run(
    tmp_path: Path, error: Exception
) -> None:
    """As itself, once; and nothing is made."""
    engine = FakeEngine(made)
    with begun(tmp_path, [Plot(name=f"f{row}") for row in range(1, 4)]) as journal:
        await left_open(journal, range(1, 3))
        async with driving(journal, [AOI], engine, answers={"GET /v0/aois": error}) as drive:
            with pytest.raises(type(error)) as caught:
                [each async for each in drive.results()]
        assert 2 == len([*journal.open_intents()])
    assert error is caught.value or str(error) == str(caught.value)
    assert [] == engine.begun


async def test_q2_a_search_that_fails_leaves_its_row_to_itself(tmp_path: Path) -> None:
    """Another row with an open create is settled, and new rows are made."""

    def listing(request: Any) -> Any:
        rows = [{"aoi_id": "id-f2", "name": "f2", "created_at": stamp()}]
        return {"aois": rows, "pagination": {"total": 1}}

    with begun(tmp_path, [Plot(name=f"f{row}") for row in range(1, 4)]) as journal:
        await left_open(journal, range(2, 3))
        await journal.intend(1, "aoi", {**intent_of(AOI, work_of(1)).to_dict(), "operation": "gone"})
        engine = FakeEngine(made)
        async with driving(journal, [AOI], engine, answers={"GET /v0/aois": listing}) as drive:
            rows = {each.row: each async for each in drive.results()}
    assert {"aoi": "id-f2"} == rows[2].ids
    assert State.DONE is rows[3].state
    assert State.DONE is not rows[1].state
    assert [("aoi", 3)] == engine.begun


@pytest.mark.parametrize("state", list(State))
async def test_q1_a_session_takes_up_what_is_left_to_do(tmp_path: Path, state: State) -> None:
    """Not what is done or has failed."""
    with begun(tmp_path, [Plot(name="f1")]) as journal:
        await journal.mark(1, state)
        rows = await session(journal, [AOI], FakeEngine(made))
    left = {State.WAITING, State.RUNNING, State.HELD, State.BLOCKED}
    assert ({1} if state in left else set()) == rows.keys()


async def test_q1_a_row_keeps_what_was_done_and_the_time_that_it_took(tmp_path: Path) -> None:
    """Steps that are done are not done again; the time of all sessions adds up."""
    clock = VirtualClock()

    async def act(step: Stage, work: Work) -> Facts:
        await clock.sleep(3.0)
        return await made(step, work)

    engine = FakeEngine(act)
    stages = [stage("images", Kind.READ), AOI, stage("picture", Kind.FETCH)]
    with begun(tmp_path, [Plot(name="f1")]) as journal:
        await journal.record(1, "images", facts={"scenes": ["s"]})
        await journal.mark(1, State.RUNNING, seconds=10.0)
        async with driving(journal, stages, engine, clock=clock) as drive:
            [row] = [each async for each in drive.results()]
        assert [("aoi", 1), ("picture", 1)] == engine.begun
        assert (16.0, 16.0) == (row.seconds, journal.row(1).seconds)
        assert {"images", "aoi", "picture"} == journal.row(1).facts.keys()


@pytest.mark.parametrize("is_partial", [True, False])
async def test_q1_a_row_with_a_part_is_partial_and_has_no_step_when_it_is_done(
    tmp_path: Path, is_partial: bool
) -> None:
    async def act(step: Stage, work: Work) -> Facts:
        return {"id": "x", "partial": is_partial}

    rows = await results(tmp_path, [AOI], FakeEngine(act), rows=1)
    assert (State.PARTIAL if is_partial else State.DONE, None) == (rows[1].state, rows[1].step)


@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError(errno.EACCES, "Permission denied"), "Permission denied"), (PixxelError("refused"), "refused")],
)
async def test_z2_what_fails_names_its_step(tmp_path: Path, error: Exception, words: str) -> None:
    stages = [AOI, stage("picture", Kind.FETCH)]

    async def act(step: Stage, work: Work) -> Facts:
        if step.name == "picture":
            raise error
        return await made(step, work)

    rows = await results(tmp_path, stages, FakeEngine(act), rows=1)
    assert (State.FAILED, "picture") == (rows[1].state, rows[1].step)
    assert words in str(rows[1].error)
