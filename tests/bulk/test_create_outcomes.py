"""Every outcome of a create, in the session that sent it and in the next: what is sent, and what the journal says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from engines import FakeEngine, driving, intent_of, made, session, stage
from journals import NOON, Plot, begun

from pixxel_async import BadRequest, Conflict, Found, OutcomeUnknown, PixxelError, WaitFailed
from pixxel_async.bulk import Result, State
from pixxel_async.bulk._journal.claims import Made
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepRecord, StepState
from pixxel_async.bulk._journal.view import JournalView
from pixxel_async.bulk._recipe.stages import Facts, Kind, Stage, Work
from pixxel_async.testing import VirtualClock

AOI = stage("aoi", price=3.0)
AGAIN = stage("aoi", price=3.0, again_if_absent=True)
JOB = stage("job", price=3.0, one_at_a_time="job")
LATER = NOON + timedelta(minutes=1)


def aois(*names: str, created_at: Any = LATER) -> dict[str, Any]:
    """A listing of AOIs of these names."""
    stamp = None if created_at is None else created_at.isoformat()
    rows = [{"aoi_id": f"a-{at}", "name": name, "created_at": stamp} for at, name in enumerate(names, 1)]
    return {"GET /v0/aois": {"aois": rows, "pagination": {"total": len(rows)}}}


def jobs(*ids: str, created_at: Any = LATER) -> dict[str, Any]:
    stamp = None if created_at is None else created_at.isoformat()
    rows = [{"id": id, "created_at": stamp} for id in ids]
    return {"GET /v0/workflows/w/jobs": {"jobs": rows}}


class Script:
    """What each sending of each row meets, in order; after that all goes well."""

    def __init__(self, outcomes: Mapping[int, list[Any]]) -> None:
        self.left = {row: list(each) for row, each in outcomes.items()}
        self.failed: list[int] = []
        """What each sending was told of failed ones before."""

    async def __call__(self, stage: Stage, work: Work) -> Facts:
        if stage.kind is not Kind.CREATE:
            return {}
        self.failed.append(work.failed)
        outcome = next(iter(self.left.get(work.row, ())), None)
        if outcome is None:
            return await made(stage, work)
        self.left[work.row].pop(0)
        if outcome == "hang":
            await asyncio.Event().wait()
        if isinstance(outcome, Exception):
            raise outcome
        return dict(outcome)


def conflict(found: str | None, cost: float | None = None) -> Conflict:
    """A conflict with what has this id."""
    error = Conflict("exists", status=409)
    error.intent = intent_of(AOI, Work(1, "f1", {}, {}, Path(), {}))

    async def look() -> Found | None:
        thing = None if cost is None else attrs.make_class("Thing", ["cost"])(cost)
        return None if found is None else Found(found, thing, (found,))

    error._look = look
    return error


async def ends_while(journal: Journal, stages: list[Stage], engine: FakeEngine, sent: int) -> None:
    """A session whose process ends after so many creates were sent."""
    async with driving(journal, stages, engine, concurrency=1) as drive:

        async def work() -> None:
            async for _ in drive.results():
                pass

        working = asyncio.create_task(work())
        while len(engine.begun) < sent:  # noqa: ASYNC110
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait([working])


async def outcome(
    folder: Path, step: Stage, script: list[Any], answers: dict[str, Any], *, cap: float | None = 1e6
) -> tuple[Result, list[StepState], int]:
    """What becomes of one row: its result, the attempts in its journal, and how often it was sent."""
    engine = FakeEngine(Script({1: script}), "createJob" if step is JOB else "AOICreateAOI")
    with begun(folder, [Plot(name="f1")], cap=cap) as journal:
        if script[:1] == ["hang"]:
            await ends_while(journal, [step], engine, 1)
            journal.close()
            journal = Journal.open(journal.path)
        with journal:
            rows = await session(journal, [step], engine, answers=answers)
            return rows[1], [each.state for each in journal.steps(1)], len(engine.begun)


LOST = OutcomeUnknown("lost")
DONE, NOT_DONE, HELD = StepState.DONE, StepState.NOT_DONE, StepState.HELD


@pytest.mark.parametrize("process_ends", [False, True])
@pytest.mark.parametrize(
    ("step", "answers", "states", "sent", "id", "words"),
    [
        (AOI, aois("other", "f1"), [DONE], 1, "a-2", ""),
        (AGAIN, aois("f1"), [DONE], 1, "a-1", ""),
        (AOI, aois("other"), [HELD], 1, None, "no matching resource is listed"),
        (AGAIN, aois("other"), [NOT_DONE, DONE], 2, "aoi-1", ""),
        (AGAIN, aois(), [NOT_DONE, DONE], 2, "aoi-1", ""),
        (AOI, aois("f1", "f1"), [HELD], 1, None, "a-1, a-2"),
        (AGAIN, aois("f1", "other", "f1"), [HELD], 1, None, "a-1, a-3"),
        (AOI, aois("f1", created_at=None), [DONE], 1, "a-1", ""),  # its name is the run's own
        (AGAIN, aois("f1", created_at=NOON - timedelta(days=1)), [NOT_DONE, DONE], 2, "aoi-1", ""),
        (JOB, jobs("j-1"), [DONE], 1, "j-1", ""),
        (JOB, jobs("j-1", "j-2"), [HELD], 1, None, "j-1, j-2"),
        (JOB, jobs(), [HELD], 1, None, "no matching resource is listed"),
        (
            JOB,
            jobs("old", created_at=NOON - timedelta(days=1)),
            [HELD],
            1,
            None,
            "no matching resource is listed",
        ),  # of an earlier run
        (JOB, jobs("old", created_at=None), [HELD], 1, None, "one of these: old"),
    ],
)
async def test_q2_a_lost_answer_is_found_sent_again_or_held(
    tmp_path: Path,
    step: Stage,
    answers: dict[str, Any],
    states: list[StepState],
    sent: int,
    id: str | None,
    words: str,
    process_ends: bool,
) -> None:
    """The same whether the session goes on or its process ends: there, journal, client and engine are new."""
    row, there, count = await outcome(tmp_path, step, ["hang" if process_ends else LOST], answers)
    assert (states, sent, id) == (there, count, row.ids.get(step.name)), row.error
    with Journal.read(tmp_path / "run.journal") as journal:
        account = journal.tokens()
        facts = journal.row(1).facts.get(step.name)
    held = states[-1] is HELD
    assert (State.HELD if held else State.DONE) is row.state
    assert ((0.0, 3.0) if held else (3.0, 0.0)) == (account.spent, account.reserved)
    ids = {"ids": [id]} if sent == 1 else {}  # as the stage itself gives them, of what was found too
    assert (None if held else {"id": id, "tokens": 3.0} | ids) == facts
    if held:
        assert words in str(row.error)


@pytest.mark.parametrize(
    ("script", "states", "sent", "tokens", "id"),
    [
        ([{"id": "x"}], [DONE], 1, 3.0, "x"),
        ([{"id": "x", "tokens": 2.0}], [DONE], 1, 2.0, "x"),
        ([BadRequest("no", status=400)], [NOT_DONE], 1, 0.0, None),
        ([conflict("old")], [NOT_DONE], 1, 0.0, None),
        ([LOST, conflict("x")], [NOT_DONE, DONE], 2, 3.0, "x"),
        ([LOST, conflict("x", cost=1.5)], [NOT_DONE, DONE], 2, 1.5, "x"),
        ([LOST, conflict(None)], [NOT_DONE, NOT_DONE], 2, 0.0, None),
        ([LOST, Conflict("exists", status=409)], [NOT_DONE, NOT_DONE], 2, 0.0, None),
        (["hang", conflict("x")], [NOT_DONE, DONE], 2, 3.0, "x"),
        ([LOST, LOST], [NOT_DONE, NOT_DONE, DONE], 3, 3.0, "aoi-1"),
        ([LOST, TypeError("bug")], [NOT_DONE, HELD], 2, 0.0, None),
        ([{"id": None}], [HELD], 1, 0.0, None),  # the API said that it did it: never sent again
    ],
)
async def test_q2_each_answer_leaves_its_state_in_the_journal(
    tmp_path: Path, script: list[Any], states: list[StepState], sent: int, tokens: float, id: str | None
) -> None:
    """A thing that is in the way is taken only by a row that may have made it."""
    row, there, count = await outcome(tmp_path, AGAIN, script, aois())
    assert (states, sent, id, tokens) == (there, count, row.ids.get("aoi"), row.tokens)
    expected = {DONE: State.DONE, NOT_DONE: State.FAILED, HELD: State.HELD}[states[-1]]
    assert expected is row.state
    assert ("aoi" if row.error else None) == row.step
    with Journal.read(tmp_path / "run.journal") as journal:
        assert (tokens, 3.0 if row.state is State.HELD else 0.0) == (
            journal.tokens().spent,
            journal.tokens().reserved,
        )
        for step in journal.steps(1):
            assert (step.state is DONE) != bool(step.error), "a reason is kept for all else"
            assert step.settled_at is not None


async def test_z4_a_create_that_does_not_fit_is_neither_announced_nor_sent(tmp_path: Path) -> None:
    """Its price is known only when it is asked for; what was made before stays, and is not made again."""
    engine = FakeEngine(Script({}))
    stages = [stage("ground"), AOI]
    with begun(tmp_path, [Plot(name="f1"), Plot(name="f2")], cap=5.0) as journal:
        rows = await session(journal, stages, engine, concurrency=1)
        assert [State.DONE, State.BLOCKED] == [rows[row].state for row in (1, 2)]
        assert [("ground", 1), ("aoi", 1)] == engine.begun, "nor is what cannot be used"
        journal.set_cap(6.0)
        rows = await session(journal, stages, engine)
        assert [("ground", 2), ("aoi", 2)] == engine.begun[2:]
        journal.set_cap(None)


@pytest.mark.parametrize("cap", [0.0, 2.999999, 3.0])
async def test_z4_a_cap_is_kept_where_a_price_is_first_asked(tmp_path: Path, cap: float) -> None:
    row, there, sent = await outcome(tmp_path, AOI, [], aois(), cap=cap)
    assert ((State.DONE, [DONE], 1) if cap == 3.0 else (State.BLOCKED, [], 0)) == (row.state, there, sent)
    assert row.error is None or "may cost 3 tokens" in row.error


@pytest.mark.parametrize("process_ends", [False, True])
@pytest.mark.parametrize(("listed", "id"), [(["job-1"], None), (["job-1", "j-2"], "j-2")])
async def test_q2_what_one_row_made_is_not_given_to_another(
    tmp_path: Path, listed: list[str], id: str | None, process_ends: bool
) -> None:
    """A job has no content of its own: only the journal knows whose it is."""
    engine = FakeEngine(Script({2: ["hang" if process_ends else LOST]}), "createJob")
    with begun(tmp_path, [Plot(name="f1"), Plot(name="f2")]) as journal:
        if process_ends:
            await ends_while(journal, [JOB], engine, 2)
            journal.close()
            journal = Journal.open(journal.path)
        with journal:
            rows = await session(journal, [JOB], engine, answers=jobs(*listed))
            assert id == rows[2].ids.get("job"), rows[2].error
            assert [("job", 1), ("job", 2)] == engine.begun
            assert "job-1" == journal.row(1).facts["job"]["id"]


async def test_q2_of_several_open_creates_each_gets_what_it_made(tmp_path: Path) -> None:
    """Two lost jobs, one after the other: what the first was given is not the second's."""
    script = Script({2: [LOST], 3: [LOST]})
    seen: list[str] = ["job-1"]

    def listing(_: object) -> Any:
        rows = [{"id": id, "created_at": LATER.isoformat()} for id in seen]
        seen.append(f"new-{len(seen)}")
        return {"jobs": rows}

    with begun(tmp_path, [Plot(name=name) for name in ("f1", "f2", "f3")]) as journal:
        engine = FakeEngine(script, "createJob")
        routes = {"GET /v0/workflows/w/jobs": listing}
        rows = await session(journal, [JOB], engine, answers=routes, concurrency=1)
    assert ["job-1", "new-1", "new-2"] == [rows[row].ids["job"] for row in (1, 2, 3)]


@pytest.mark.parametrize("process_ends", [False, True])
async def test_x8_an_id_in_an_accepted_answer_is_its_rows_alone(tmp_path: Path, process_ends: bool) -> None:
    """The first row's answer could only be read as far as its id; the second row's was lost."""
    accepted = OutcomeUnknown("unreadable", accepted=True, ids=("j-1",))
    work = Work(1, "f1", {}, {}, Path(), {})
    accepted.intent = attrs.evolve(intent_of(JOB, work, "createJob"), accepted=True, ids=("j-1",))
    engine = FakeEngine(Script({1: [LOST if process_ends else accepted], 2: [LOST]}), "createJob")
    with begun(tmp_path, [Plot(name="f1"), Plot(name="f2")]) as journal:
        if process_ends:  # right after the answer
            await journal.intend(1, "job", intent_of(JOB, work, "createJob").to_dict(), reserve=3.0)
            await journal.settle(1, "job", StepState.UNKNOWN, intent=accepted.intent.to_dict())
        rows = await session(journal, [JOB], engine, answers=jobs("j-1", "j-2"), concurrency=1)
    assert ["j-1", "j-2"] == [rows[row].ids.get("job") for row in (1, 2)], rows[2].error


async def test_q2_an_answer_that_states_when_it_was_sent_is_what_is_sought(tmp_path: Path) -> None:
    """More is known after the loss than before: the journal keeps the later intent."""
    lost = OutcomeUnknown("lost")
    late = attrs.evolve(intent_of(AOI, Work(1, "f1", {}, {}, Path(), {})), sent_at=LATER, deadline=LATER)
    lost.intent = late
    row, _, _ = await outcome(tmp_path, AOI, [lost], aois())
    assert State.HELD is row.state
    with Journal.read(tmp_path / "run.journal") as journal:
        [step] = journal.steps(1)
    assert late.to_dict() == step.intent


async def test_q2_a_lost_answer_is_unknown_with_its_reason_while_it_is_searched_for(tmp_path: Path) -> None:
    """So that `status` can say it."""
    seen: list[tuple[StepState, Any, float]] = []
    with begun(tmp_path, [Plot(name="f1")]) as journal:

        def listing(_: object) -> Any:
            seen.extend((each.state, each.error, each.reserved) for each in journal.steps(1))
            return aois("f1")["GET /v0/aois"]

        engine = FakeEngine(Script({1: [LOST]}))
        await session(journal, [AOI], engine, answers={"GET /v0/aois": listing})
    assert [(StepState.UNKNOWN, "lost", 3.0)] == seen


async def test_q2_a_refusal_before_the_announcement_leaves_no_attempt(tmp_path: Path) -> None:
    """A price that cannot be asked, and an argument that is wrong: nothing was announced, so nothing is settled."""

    class Refusing(FakeEngine):
        async def do(self, *arguments: Any) -> Facts:
            raise BadRequest("wrong argument", status=400)

    with begun(tmp_path, [Plot(name="f1")]) as journal:
        rows = await session(journal, [AOI], Refusing(made))
        assert (State.FAILED, []) == (rows[1].state, journal.steps(1))


def _last(journal: Journal) -> StepRecord:
    """The latest attempt at row 1's AOI."""
    return max((each for each in journal.steps(1) if each.step == "aoi"), key=lambda each: each.attempt)


async def test_what_failed_is_made_again_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """The create receives the number of earlier failures; their cost stays spent."""

    class Failing(FakeEngine):
        waits = 0

        async def do(self, client: Any, stage: Stage, work: Work, before_create: Any) -> Facts:
            if stage.kind is Kind.READ:
                self.waits += 1
                if self.waits < 3:
                    raise WaitFailed("broken", kind="aoi", id="a", last=None)
            return await super().do(client, stage, work, before_create)

    script = Script({})
    engine = Failing(script)
    stages = [AOI, stage("ready", Kind.READ, makes="aoi")]
    with begun(tmp_path, [Plot(name="f1")]) as journal:
        for state, tokens in ((State.FAILED, 3.0), (State.FAILED, 6.0), (State.DONE, 9.0)):
            rows = await session(journal, stages, engine)
            assert (state, tokens) == (rows[1].state, journal.row(1).tokens)
            assert tokens == journal.tokens().spent
            assert (None if state is State.DONE else "broken") == _last(journal).error
            if state is State.FAILED:
                assert {} == await session(journal, stages, engine), "it waits for the user"
                journal.reset([State.FAILED])
    assert [0, 1, 2] == script.failed


# --- a journal that may be out of date --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "answers", "cap", "states", "sent", "account"),
    [
        (AOI, aois("f1"), 10.0, [DONE], 0, (3.0, 0.0)),
        (AOI, aois("f1"), 0.0, [DONE], 0, (3.0, 0.0)),  # paid already, whatever the cap is
        (AOI, aois("other"), 10.0, [DONE], 1, (3.0, 0.0)),
        (AOI, aois("f1", "f1"), 10.0, [HELD], 0, (0.0, 3.0)),
        (AOI, aois("f1", created_at=None), 10.0, [DONE], 0, (3.0, 0.0)),
        (AOI, aois("f1", created_at=NOON - timedelta(days=1)), 10.0, [DONE], 1, (3.0, 0.0)),
        (AOI, aois("f1", created_at=NOON + timedelta(days=90)), 10.0, [DONE], 0, (3.0, 0.0)),
        (JOB, jobs(), 10.0, [HELD], 0, (0.0, 3.0)),
    ],
)
async def test_z7_what_a_journal_may_lack_is_searched_for_since_the_run_began(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: Stage,
    answers: dict[str, Any],
    cap: float,
    states: list[StepState],
    sent: int,
    account: tuple[float, float],
) -> None:
    """Nothing is announced or sent before the search; nothing older than the run counts."""
    begun(tmp_path, [Plot(name="f1")], cap=cap).close()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    engine = FakeEngine(Script({}), "createJob" if step is JOB else "AOICreateAOI")
    with Journal.open(tmp_path / "run.journal") as journal:
        assert journal.doubted is not None
        stages = [attrs.evolve(step, price=step.price)]
        if cap == 0.0:  # an earlier stage without a price lets the row begin
            stages.insert(0, stage("ground"))
            await journal.intend(1, "ground", {})
            await journal.settle(1, "ground", DONE, facts={"id": "g"})
        rows = await session(journal, stages, engine, answers=answers)
        there = [each for each in journal.steps(1) if each.step == step.name]
        assert (states, sent) == ([each.state for each in there], len(engine.begun)), rows[1].error
        assert account == (journal.tokens().spent, journal.tokens().reserved)
        if states == [HELD]:
            assert "the journal may be out of date" in str(rows[1].error)
            assert "a-1, a-2" in str(rows[1].error) or answers != aois("f1", "f1")


async def test_z7_what_was_announced_after_the_doubt_is_not_searched_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed in the session that noticed the doubt; the next sends it at once."""
    begun(tmp_path, [Plot(name="f1")]).close()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    clock = VirtualClock()
    answers: dict[str, Any] = aois("other")
    with Journal.open(tmp_path / "run.journal") as journal:
        engine = FakeEngine(Script({1: [BadRequest("no", status=400)]}))
        await session(journal, [AOI], engine, answers=answers, clock=clock)
        journal.reset([State.FAILED])
    with Journal.open(tmp_path / "run.journal") as journal:
        rows = await session(journal, [AOI], FakeEngine(Script({})))  # without an answer to a search
        assert State.DONE is rows[1].state, rows[1].error


async def test_z7_the_window_of_what_the_journal_may_lack_ended_with_the_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that it lacks was sent after that: two readings prove an absence, without another wait."""

    class Announcing(FakeEngine):
        async def do(self, client: Any, stage: Stage, work: Work, before_create: Any) -> Facts:
            now = clock.now()
            intent = attrs.evolve(intent_of(stage, work), sent_at=now, deadline=now + timedelta(seconds=60))
            await before_create(intent)
            return await made(stage, work)

    begun(tmp_path, [Plot(name="f1")]).close()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    clock = VirtualClock()
    with Journal.open(tmp_path / "run.journal", now=lambda: clock.now() - timedelta(hours=1)) as journal:
        began = clock.monotonic()
        rows = await session(journal, [AOI], Announcing(made), answers=aois(), clock=clock)
        assert (State.DONE, 5.0) == (rows[1].state, clock.monotonic() - began)


@pytest.mark.parametrize("is_doubted", [True, False])
async def test_x6_a_listing_that_lacks_what_the_journal_knows_proves_no_absence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_doubted: bool
) -> None:
    """Neither of what the journal may lack, nor of what is open: nothing is sent, nothing is settled."""
    insight = attrs.evolve(AGAIN, name="insight")

    class Insights(FakeEngine):
        async def do(self, client: Any, stage: Stage, work: Work, before_create: Any) -> Facts:
            await before_create(intent_for(work))
            self.begun.append((stage.name, work.row))
            return {"id": f"new-{work.row}"}

    def intent_for(work: Work) -> Any:
        content = {"path": {"aoi_id": "a"}, "wanted": {"name": [work.name]}}
        return attrs.evolve(intent_of(insight, work, "createInsights"), **content)

    with begun(tmp_path, [Plot(name="f1"), Plot(name="f2")]) as journal:
        for row in (1, 2):
            work = Work(row, f"f{row}", {}, {}, Path(), {})
            if row == 1 or not is_doubted:
                await journal.intend(row, "insight", intent_for(work).to_dict())
        await journal.settle(1, "insight", DONE, facts={"id": "i-1"})
        await journal.mark(1, State.DONE)
    if is_doubted:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    engine = Insights(made)
    with Journal.open(tmp_path / "run.journal") as journal:
        answers = {"GET /v0/aoi/a/insights": {"insights": []}}
        async with driving(journal, [insight], engine, answers=answers) as drive:
            [row] = [each async for each in drive.results()]
    assert [] == engine.begun
    assert "lacks i-1" in str(row.error)


async def test_z7_a_stage_that_announces_nothing_is_an_error_of_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(FakeEngine):
        async def do(self, client: Any, stage: Stage, work: Work, before_create: Any) -> Facts:
            return {}

    begun(tmp_path, [Plot(name="f1")]).close()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    with Journal.open(tmp_path / "run.journal") as journal:
        rows = await session(journal, [AOI], Silent(made))
    assert "without an announcement" in str(rows[1].error)


async def test_p3_a_drain_ends_while_the_journal_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the step has made takes long to read."""
    reads: list[str] = []

    def endless(view: JournalView, step: str) -> Iterator[list[Made]]:
        while True:
            reads.append(step)
            yield []

    monkeypatch.setattr(JournalView, "made", endless)
    with begun(tmp_path, [Plot(name="f1")]) as journal:
        await journal.intend(1, "aoi", intent_of(AOI, Work(1, "f1", {}, {}, Path(), {})).to_dict())
        async with driving(journal, [AOI], FakeEngine(made), answers=aois("f1")) as drive:

            async def work() -> list[Result]:
                return [row async for row in drive.results()]

            working = asyncio.create_task(work())
            while not reads:  # noqa: ASYNC110
                await asyncio.sleep(0)
            drive.drain()
            assert [] == await working
        count = len(reads)
        await asyncio.sleep(0.01)
        assert len(reads) - count <= 1, "no read is left behind"
        assert [StepState.INTENT] == [each.state for each in journal.steps(1)]


# --- a session that is drained ----------------------------------------------------------------------------


async def test_p3_a_drain_lets_creates_end_and_stops_all_else(tmp_path: Path) -> None:
    """Row 1 is being created, row 2 waits for something, row 3 has not begun."""
    sent, answer = asyncio.Event(), asyncio.Event()
    stopped: list[str] = []

    async def act(step: Stage, work: Work) -> Facts:
        if step.kind is Kind.READ and work.row == 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stopped.append(step.name)
                raise
        if step.kind is Kind.CREATE:
            sent.set()
            await answer.wait()
        return await made(step, work)

    engine = FakeEngine(act)
    stages = [stage("images", Kind.READ), AOI, stage("ready", Kind.READ)]
    with begun(tmp_path, [Plot(name=name) for name in "abc"]) as journal:
        async with driving(journal, stages, engine, concurrency=2) as drive:

            async def work() -> list[Result]:
                return [row async for row in drive.results()]

            working = asyncio.create_task(work())
            await sent.wait()
            drive.drain()
            await asyncio.sleep(0)
            answer.set()
            assert [] == await working
            assert ["images"] == stopped
        assert [DONE] == [each.state for each in journal.steps(1) if each.attempt]
        assert "ready" not in journal.row(1).facts
        assert [("images", 1), ("images", 2), ("aoi", 1)] == engine.begun


async def test_p3_a_drain_ends_after_its_grace(tmp_path: Path, leap: Any) -> None:
    """A create whose answer does not come stays open, for the next session."""
    sent = asyncio.Event()

    async def act(step: Stage, work: Work) -> Facts:
        sent.set()
        await asyncio.Event().wait()
        return {}

    with begun(tmp_path, [Plot(name="a")]) as journal:
        async with driving(journal, [AOI], FakeEngine(act)) as drive:

            async def work() -> list[Result]:
                return [row async for row in drive.results()]

            working = asyncio.create_task(work())
            await sent.wait()
            drive.drain()
            leap(19.9)
            for _ in range(50):
                await asyncio.sleep(0)
            assert not working.done()
            drive.drain()  # a second one does not begin the grace again
            leap(0.2)
            assert [] == await working
        assert [StepState.INTENT] == [each.state for each in journal.steps(1)]


@pytest.mark.parametrize("error", [PixxelError("refused"), None])
async def test_p3_a_create_that_ends_is_no_longer_under_way(tmp_path: Path, error: Exception | None) -> None:
    """A drain stops its row at once, at what comes after it."""
    waiting = asyncio.Event()

    async def act(step: Stage, work: Work) -> Facts:
        if step.kind is Kind.READ:
            waiting.set()
            await asyncio.Event().wait()
        if error is not None and work.row == 1:
            raise error
        return await made(step, work)

    stages = [AOI, stage("ready", Kind.READ)]
    with begun(tmp_path, [Plot(name="a"), Plot(name="b")]) as journal:
        async with driving(journal, stages, FakeEngine(act), concurrency=1) as drive:

            async def work() -> list[Result]:
                return [row async for row in drive.results()]

            working = asyncio.create_task(work())
            await waiting.wait()
            drive.drain()
            rows = await working
            assert ([] if error is None else [1]) == [row.row for row in rows]
