"""What of a journal a power cut or a kill may not take: what is on the disk at each moment, and in which order it gets there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from disk_calls import DiskCalls
from journals import HEADER, Plot, begun

from pixxel_async.bulk._journal import journal as journal_module
from pixxel_async.bulk._journal import writes
from pixxel_async.bulk._journal.file import writing
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import JournalError, StepState
from pixxel_async.bulk._journal.witness import Witness, state_folder
from pixxel_async.bulk._state import State


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "run.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with begun(path.parent, [Plot(), Plot(), Plot()]) as journal:
        yield journal


def select(path: Path, query: str) -> list[Any]:
    """What another process reads."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_q4_a_journal_gets_its_name_when_it_is_whole_and_its_folder_follows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its witness after it, whole as well."""
    path.parent.mkdir()
    calls = DiskCalls(monkeypatch)
    with Journal.create(path, HEADER) as journal:
        name = journal._witness._path.name
    named = calls.of("rename", "fsync", "replace")
    assert ["rename run.journal.new run.journal", f"fsync {path.parent.name}"] == named[:2]
    assert [True, True] == [
        named[2].startswith(f"fsync .{name}."),
        named[3].startswith(f"replace .{name}.") and named[3].endswith(f" {name}"),
    ]
    assert 4 == len(named)
    assert not path.with_name("run.journal.new").exists()


def test_q4_a_journal_that_cannot_be_made_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()

    def rename(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(JournalError):
        Journal.create(path, HEADER)
    assert ["run.journal.lock"] == [each.name for each in path.parent.iterdir()]


def test_z7_the_journal_has_a_sessions_mark_before_its_witness(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the two leaves a doubt, never a false certainty."""
    seen: list[tuple[str, Any]] = []
    begin = Witness.begin

    def watched(witness: Witness, mark: str, count: int) -> None:
        seen.append((mark, select(path, "SELECT mark FROM session")))
        begin(witness, mark, count)

    monkeypatch.setattr(Witness, "begin", watched)
    begun(path.parent, [Plot()]).close()
    Journal.open(path).close()
    assert [[(mark,)] for mark, _ in seen] == [there for _, there in seen]
    assert 2 == len({mark for mark, _ in seen}), "each session has a mark of its own"

    def killed(witness: Witness, mark: str, count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Witness, "begin", killed)
    with pytest.raises(KeyboardInterrupt):
        Journal.open(path)
    monkeypatch.setattr(Witness, "begin", begin)
    with Journal.open(path) as journal:
        assert journal.doubted is not None


async def test_z7_a_witness_counts_what_is_on_the_disk_before_it_may_be_sent(
    path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what was cancelled, for it is written all the same; and not what was refused."""
    counts: list[tuple[int, int]] = []
    note = Witness.note

    def watched(witness: Witness, count: int) -> None:
        [(there,)] = select(path, "SELECT count(*) FROM step WHERE attempt > 0")
        counts.append((count, there))
        note(witness, count)

    monkeypatch.setattr(Witness, "note", watched)
    await journal.intend(1, "aoi", {})
    assert 1 == journal._witness.read()[1]  # type: ignore[index]
    await asyncio.gather(journal.intend(2, "aoi", {}), journal.intend(3, "aoi", {}))
    assert 3 == journal._witness.read()[1]  # type: ignore[index]
    with pytest.raises(JournalError):
        await journal.intend(1, "aoi", {})
    assert 3 == journal._witness.read()[1]  # type: ignore[index]
    task = asyncio.create_task(journal.intend(1, "job", {}))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert 4 == journal._witness.read()[1]  # type: ignore[index]
    assert [] == [each for each in counts[:3] if each[0] > each[1]], "written first"
    journal.close()
    with Journal.open(path) as again:
        assert (None, 4) == (again.doubted, again._announced)


async def test_z7_a_kill_in_a_later_session_is_no_doubt(path: Path, journal: Journal) -> None:
    """What earlier sessions announced counts as well."""
    await journal.intend(1, "aoi", {})
    journal.close()
    with Journal.open(path) as second:
        await second.intend(2, "aoi", {})
        assert 2 == second._witness.read()[1]  # type: ignore[index]
    with Journal.open(path) as third:
        assert third.doubted is None


@pytest.mark.parametrize("text", ["", "mark", "mark x\n", "mark 1 2\n", "other 00000000000000000000\n"])
def test_z7_a_witness_that_says_something_else_is_a_doubt(path: Path, journal: Journal, text: str) -> None:
    journal.close()
    journal._witness._path.write_text(text)
    with Journal.open(path) as again:
        assert again.doubted is not None


def test_z7_each_run_has_a_witness_of_its_own(tmp_path: Path) -> None:
    """By the API, the run and its beginning."""
    others = [
        attrs.evolve(HEADER, run_id="r2"),
        attrs.evolve(HEADER, base_url="https://other.example.com"),
        attrs.evolve(HEADER, started=HEADER.started + timedelta(seconds=1)),
    ]
    assert 4 == len({Witness(header)._path for header in (HEADER, *others)})
    assert Witness(HEADER)._path == Witness(attrs.evolve(HEADER, cap=1.0, input_name="x"))._path


@pytest.mark.parametrize(
    ("platform", "given", "expected"),
    [
        ("linux", "/state", "/state"),
        ("linux", "relative", "/home/me/.local/state"),
        ("linux", "", "/home/me/.local/state"),
        ("darwin", "", "/home/me/Library/Application Support"),
        ("darwin", "/state", "/state"),
        ("win32", "", "/local"),
    ],
)
def test_z7_state_is_kept_where_the_platform_has_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, given: str, expected: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("XDG_STATE_HOME", given)
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert Path(expected) == state_folder()


def test_z7_a_windows_without_local_data_has_a_place_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert Path("/home/me/AppData/Local") == state_folder()


def test_z7_where_nothing_can_be_kept_the_log_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    (path.parent / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(path.parent / "file"))
    with begun(path.parent, [Plot()]) as journal:
        asyncio.run(journal.intend(1, "aoi", {}))
        assert journal._witness.read() is None
    assert "cannot write the run's state outside" in caplog.text


def test_z7_a_discarded_run_leaves_nothing_behind(path: Path, journal: Journal) -> None:
    witness = journal._witness._path
    journal.close()
    journal.close()
    assert witness.exists()
    Journal.discard(path)
    assert not witness.exists()
    assert ["run.journal.lock"] == [each.name for each in path.parent.iterdir()]


@pytest.mark.parametrize("state", [StepState.INTENT, StepState.UNKNOWN, StepState.HELD])
def test_q1_a_journal_of_which_something_is_open_is_not_discarded(
    path: Path, journal: Journal, state: StepState
) -> None:
    asyncio.run(journal.intend(2, "aoi", {}))
    if state is not StepState.INTENT:
        asyncio.run(journal.settle(2, "aoi", state))
    journal.close()
    with pytest.raises(
        JournalError, match="row 2, step aoi: may exist in the account, and only this journal can identify it"
    ):
        Journal.discard(path)
    assert path.exists()
    Journal.discard(path, even_if_open=True)
    assert not path.exists()


@pytest.mark.parametrize("state", list(State))
async def test_q4_the_end_of_a_row_survives_a_power_cut(journal: Journal, state: State) -> None:
    """What its steps say as well need not: that it waits, or is under way."""
    said: list[str] = []
    await journal._writer.write(lambda page: page.connection.set_trace_callback(said.append), durable=False)
    await journal.record(1, "note", facts={})  # not durable
    said.clear()
    await journal.mark(1, state)
    expected = [] if state in (State.WAITING, State.RUNNING) else ["PRAGMA synchronous=FULL"]
    assert expected == [line for line in said if "synchronous" in line]


async def test_q4_all_that_decides_about_money_survives_a_power_cut(journal: Journal) -> None:
    """An announcement, its outcome, a corrected cost, a cap, a decision, rows that wait again; in a transaction each."""
    said: list[str] = []
    await journal._writer.write(lambda page: page.connection.set_trace_callback(said.append), durable=False)

    async def synced(call: Any) -> bool:
        await journal.record(1, "note", facts={})
        said.clear()
        if asyncio.iscoroutine(call):
            await call
        else:
            await asyncio.to_thread(call)
        assert "BEGIN IMMEDIATE" == next(line for line in said if "synchronous" not in line)
        assert "COMMIT" == said[-1]
        return "PRAGMA synchronous=FULL" == said[0]

    assert await synced(journal.intend(1, "aoi", {}, reserve=1.0))
    assert await synced(journal.settle(1, "aoi", StepState.DONE))
    assert await synced(journal.correct(1, "aoi", 2.0))
    assert await synced(lambda: journal.set_cap(5.0))
    await journal.intend(2, "aoi", {})
    await journal.settle(2, "aoi", StepState.HELD)
    assert await synced(lambda: journal.decide("resend"))
    assert await synced(lambda: journal.reset([State.FAILED]))
    assert not await synced(journal.record(1, "wait", facts={}))
    journal.begin(2, seconds=0.0)
    journal.note(2, "images", facts={})
    assert await synced(journal.intend(3, "aoi", {}))


async def test_q4_a_withdrawn_announcement_is_durable(journal: Journal) -> None:
    said: list[str] = []
    await journal._writer.write(lambda page: page.connection.set_trace_callback(said.append), durable=False)
    task = asyncio.create_task(journal.intend(1, "aoi", {}, reserve=1.0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await journal.record(1, "note", facts={})
    [step] = [each for each in journal.steps(1) if each.attempt]
    assert (StepState.NOT_DONE, "withdrawn before it was sent", 0.0) == (
        step.state,
        step.error,
        step.reserved,
    )
    assert "PRAGMA synchronous=FULL" in said


def test_z7_the_mark_of_a_session_survives_a_power_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the witness has it."""
    said: list[str] = []

    def traced(path: Path) -> sqlite3.Connection:
        connection = writing(path)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr(journal_module, "writing", traced)
    begun(path.parent, [Plot()]).close()
    at = next(number for number, line in enumerate(said) if line.startswith("INSERT INTO session"))
    levels = [line for line in said[:at] if "synchronous" in line]
    assert "PRAGMA synchronous=FULL" == levels[-1]


async def test_what_is_noted_without_waiting_is_written_before_what_follows(journal: Journal) -> None:
    journal.begin(2, seconds=4.5)
    journal.note(2, "images", facts={"scenes": ["s"]})
    await journal.intend(1, "aoi", {})
    row = journal.row(2)
    assert (State.RUNNING, 4.5, None, None) == (row.state, row.seconds, row.step, row.error)
    assert {"images": {"scenes": ["s"]}} == row.facts


async def test_an_announcement_that_is_cancelled_as_the_journal_closes_stays_open(
    path: Path, journal: Journal
) -> None:
    """The caller's cancellation is what it meets; the next session looks for what was never sent."""
    task = asyncio.create_task(journal.intend(1, "aoi", {}))
    await asyncio.sleep(0)
    journal.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with Journal.open(path) as again:
        assert [1] == [each.row for each in again.open_intents()]
        assert again.doubted is None


async def test_an_announcement_that_is_refused_and_cancelled_leaves_the_journal_as_it_was(path: Path) -> None:
    """Nothing was announced, so nothing is taken back."""
    with begun(path.parent, [Plot()], cap=1.0) as journal:
        task = asyncio.create_task(journal.intend(1, "aoi", {}, reserve=5.0))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert 1 == await journal.intend(1, "aoi", {}, reserve=1.0)
        assert [1] == [each.attempt for each in journal.steps(1)]


def test_what_was_never_announced_is_not_taken_back(journal: Journal) -> None:
    for made in ([], [1]):
        journal._writer.write_now(
            lambda page, made=made: writes.withdraw(page, 1, "aoi", made, "now"), durable=True
        )
    assert [] == journal.steps(1)


@pytest.mark.parametrize("state", [state for state in StepState if state is not StepState.DONE])
async def test_z5_only_what_is_done_has_a_cost_to_correct(journal: Journal, state: StepState) -> None:
    with pytest.raises(JournalError, match="row 1, step aoi: is not done"):
        await journal.correct(1, "aoi", 2.0)
    await journal.intend(1, "aoi", {}, reserve=1.0)
    if state is not StepState.INTENT:
        await journal.settle(1, "aoi", state)
    before = journal.tokens()
    with pytest.raises(JournalError, match="row 1, step aoi: is not done"):
        await journal.correct(1, "aoi", 2.0)
    assert before == journal.tokens()


async def test_the_costs_of_steps_are_summed_the_dearest_first(journal: Journal) -> None:
    """With what is reserved; what cost nothing is left out."""
    for row, step, reserve, cost in (
        (1, "a", 1.0, 0.5),
        (2, "a", 1.0, 0.25),
        (1, "b", 3.0, 2.0),
        (2, "c", 2.0, None),
        (1, "free", 0.0, 0.0),
        (3, "d", 0.5, None),
        (1, "e", 1.0, 0.75),
    ):
        await journal.intend(row, step, {}, reserve=reserve)
        if cost is not None:
            await journal.settle(row, step, StepState.DONE, facts={"id": step}, tokens=cost)
    expected = [
        ("b", 1, 2.0, 0.0),
        ("a", 2, 0.75, 0.0),
        ("e", 1, 0.75, 0.0),
        ("c", 1, 0.0, 2.0),
        ("d", 1, 0.0, 0.5),
    ]
    assert expected == [(each.step, each.rows, each.spent, each.reserved) for each in journal.costs()]
    assert {"a": 0.25, "b": 2.0, "e": 0.75} == journal.lowest_costs()


async def test_a_row_has_the_facts_of_its_last_done_steps_in_their_order(path: Path) -> None:
    """What failed has none, and its tokens count; a fact of tokens is what the account has."""
    moments = iter(range(1000))
    path.parent.mkdir(parents=True, exist_ok=True)
    now = lambda: HEADER.started + timedelta(seconds=next(moments))  # noqa: E731
    begun(path.parent, [Plot()]).close()
    with Journal.open(path, now=now) as journal:
        await journal.record(1, "z", facts={"n": 1})
        await journal.intend(1, "m", {}, reserve=1.0)
        await journal.settle(1, "m", StepState.DONE, facts={"id": "m-1"})
        await journal.settle(1, "m", StepState.FAILED)
        await journal.intend(1, "m", {}, reserve=2.0)
        await journal.settle(1, "m", StepState.DONE, facts={"id": "m-2", "tokens": None})
        await journal.record(1, "a", facts={"n": 2})
        row = journal.row(1)
        assert [("z", {"n": 1}), ("m", {"id": "m-2", "tokens": 2.0}), ("a", {"n": 2})] == [*row.facts.items()]
        assert (3.0, False) == (row.tokens, row.is_fresh)
        assert ["z", "m", "m", "a"] == [each.step for each in journal.steps(1)]
        made = [(each.id, each.since is not None) for page in journal.made("m") for each in page]
        assert [("m-1", True), ("m-2", True)] == made
