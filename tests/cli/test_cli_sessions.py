"""Plan, run, stop, resume and retry from the terminal, against a sandbox that outlives the commands."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from pixxel_async.bulk import State, results
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState
from pixxel_async.sandbox import Sandbox

FAST = 400.0

Write = Callable[..., Path]
Call = Callable[..., Awaitable[Any]]

JOB = '[search]\nstart = 2026-06-01\nend = 2026-09-01\n[[make]]\nstep = "job"\nworkflow = "weekly-stress"\n'
"""80 tokens a row."""
AOI = "make = []\npackage = false\n[search]\nstart = 2026-06-01\nend = 2026-09-01\n"
"""Only an AOI of each row: the quickest that makes something."""


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """An API that the environment names, as any is."""
    async with Sandbox(speed=FAST) as running:
        monkeypatch.setenv("PIXXEL_BASE_URL", running.url)
        monkeypatch.setenv("PIXXEL_API_KEY", running.token)
        yield running


@pytest.fixture
def call(pixxel: Callable[..., Any]) -> Call:
    """Call the command beside the API."""
    return lambda *arguments: asyncio.to_thread(pixxel, *arguments)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Path]:
    """Write a recipe for the project Delta Farms that looks often."""

    def write(text: str) -> Path:
        path = tmp_path / "recipe.toml"
        head = 'project = "delta-farms"\nrun_id = "t1"\npoll_interval = 0.02\nmax_poll_interval = 0.1\n'
        path.write_text(head + text, encoding="utf-8")
        return path

    return write


def states(out: Path) -> dict[str, State]:
    return {row.name: row.state for row in results(out)}


def made(api: Sandbox, operation: str = "AOICreateAOI") -> list[str]:
    return sorted(str(entry.key) for entry in api.ledger.entries(operation))


# --- whole runs -------------------------------------------------------------------------------------------


async def test_with_a_token_and_no_sandbox_the_same_command_works_for_real(
    api: Sandbox, call: Call, plots: Write, tmp_path: Path
) -> None:
    arguments = ("bulk", "run", plots("north"), "--out", tmp_path / "out")
    several = await call(*arguments)
    assert 2 == several.code
    assert "project: name the one to use" in several.err
    assert [] == api.ledger.entries()

    process = await begin("-v", *arguments, "--project", "river-watch", "--run-id", "r7")
    told, errors = map(bytes.decode, await process.communicate())
    assert 0 == process.returncode, errors
    assert "sandbox" not in told
    assert ["north-r7"] == made(api)
    assert "POST /v0/aois" in errors, "-v tells of the requests"
    assert api.token not in told + errors
    assert "X-Signature" not in told + errors


async def test_a_plan_tells_rows_creates_requests_and_tokens_and_makes_nothing(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path]
) -> None:
    ended = await call("bulk", "plan", plots("a", "b"), "--recipe", recipe(JOB))
    assert (0, "") == (ended.code, ended.err)
    told = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    assert ("2", "4 resources in the account", "160") == (told["rows"], told["creates"], told["tokens"])
    assert "requests" in told
    assert [] == api.ledger.entries()


async def test_z15_plan_and_status_state_how_many_features_the_rows_are(
    api: Sandbox, call: Call, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    """An order has one row for each feature, at one price; AOIs have one for each polygon, and say which."""
    squares = [[[[lon, 45], [lon + 0.01, 45], [lon, 45.01], [lon, 45]]] for lon in (10.0, 10.02)]
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"f{row}"},
            "geometry": {"type": "MultiPolygon", "coordinates": squares},
        }
        for row in range(1, 13)
    ]
    path = tmp_path / "twins.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    order = '[search]\nstart = 2026-06-01\nend = 2026-09-01\nmax_days = 1\n[order]\nusecase = "agriculture"\n'
    ended = await call("bulk", "plan", path, "--recipe", recipe(order))
    assert (0, "") == (ended.code, ended.err)
    assert ["rows       12", "creates    12 resources in the account"] == ended.out.splitlines()[:2]
    assert "tokens     3,600\n" in ended.out
    ended = await call("bulk", "plan", path, "--recipe", recipe(AOI))
    lines = ended.out.splitlines()
    assert "rows       24 from 12 features" == lines[0]
    assert "split      f1: rows 1-2 (f1-1 to f1-2)" == lines[1]
    assert "split      and more; report.csv has it for each row" == lines[11]
    assert "creates    24 resources in the account" == lines[12]
    out = tmp_path / "out"
    await call("bulk", "run", path, "--recipe", recipe(AOI), "--out", out)
    assert "rows       24 from 12 features: 24 done" in (await call("bulk", "status", out)).out


async def test_a_plan_above_the_cap_is_exit_code_2(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path]
) -> None:
    ended = await call("bulk", "plan", plots("a", "b"), "--recipe", recipe(JOB), "--max-tokens", "100")
    assert 2 == ended.code
    assert "tokens     160, of 100 allowed" in ended.out
    assert ended.err.startswith("pixxel: --max-tokens 100 is below the price of 160 tokens: ")


async def test_a_plan_tells_what_cannot_be_priced_yet_and_which_rows_have_no_image(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path]
) -> None:
    insight = JOB.replace('"job"\nworkflow = "weekly-stress"', '"insight"\nblock = "cropstress"')
    insight += "[make.inputs]\nstart_date = 2026-06-01\nend_date = 2026-08-01\n"
    ended = await call("bulk", "plan", plots("a"), "--recipe", recipe(insight))
    assert 0 == ended.code, ended.err
    assert "tokens     0 and more" in ended.out
    assert "unpriced   insight cropstress" in ended.out

    order = '[search]\nstart = 1999-06-01\nend = 2000-06-01\n[order]\nusecase = "agriculture"\n'
    ended = await call("bulk", "plan", plots("a"), "--recipe", recipe(order))
    assert (0, "") == (ended.code, ended.err), "nothing would fail"
    assert "no image   row 1 (a): no image" in ended.out


async def test_what_failed_is_told_with_the_command_that_tries_it_again(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "my out"
    api.outcomes.plan("aoi", "fail")
    first = await call(
        "bulk", "run", plots("a", "b"), "--recipe", recipe(AOI), "--out", out, "--concurrency", 1
    )
    assert 3 == first.code
    assert f"to retry failed rows: pixxel bulk retry-failed '{out}'" == first.out.splitlines()[-1]
    again = await call("bulk", "retry-failed", out)
    assert (0, "") == (again.code, again.err)
    assert again.out.startswith("2 rows: run t1 of plots.geojson, begun ")
    assert "[2/2] done    a" in again.out
    assert ["a-t1", "a-t1-2", "b-t1"] == made(api)


async def test_p11_rows_without_an_image_are_counted_by_themselves_and_are_exit_code_0(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    never = recipe(AOI.replace("2026", "1999"))
    again = f"to search again for rows without an image: pixxel bulk retry-failed {out} --no-image"
    ended = await call("bulk", "run", plots("a", "b"), "--recipe", never, "--out", out)
    assert (0, "") == (ended.code, ended.err)
    *_, counts, last = ended.out.splitlines()
    assert counts.startswith("2 no image in ")
    assert again == last
    with (out / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        assert ["no image", "no image"] == [row["state"] for row in csv.DictReader(file)]
    features = json.loads((out / "report.geojson").read_text())["features"]
    assert ["no image", "no image"] == [each["properties"]["state"] for each in features]
    stands = await call("bulk", "status", out)
    assert "rows       2: 2 no image" in stands.out
    assert again in stands.out
    for options, sent in (([], 0), (["--no-image"], 2)):
        before = len(api.requests)
        ended = await call("bulk", "retry-failed", out, *options)
        assert (0, "", sent) == (ended.code, ended.err, len(api.requests) - before)
    assert [] == api.ledger.entries()


@pytest.mark.parametrize("outcome", [None, "fail"])
async def test_s8_a_finished_run_is_said_to_be_finished_and_nothing_is_sent(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path, outcome: str | None
) -> None:
    out = tmp_path / "out"
    if outcome is not None:
        api.outcomes.plan("aoi", outcome)
    code = 0 if outcome is None else 3
    first = await call(
        "bulk", "run", plots("a", "b"), "--recipe", recipe(AOI), "--out", out, "--concurrency", 1
    )
    assert code == first.code
    before = len(api.requests)
    (out / "report.html").unlink()
    ended = await call("bulk", "resume", out)
    assert (code, "") == (ended.code, ended.err)
    _, finished, *_ = ended.out.splitlines()
    assert "the run is finished: nothing to do, no request sent" == finished
    assert (code == 3) == (f"pixxel bulk retry-failed {out}" in ended.out)
    assert before == len(api.requests)
    assert (out / "report.html").exists()


async def test_rows_above_the_cap_go_on_when_it_is_raised(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    """The price of an insight is told on the way only, so a run may meet its cap."""
    out = tmp_path / "out"
    insight = "package = false\n[search]\nstart = 2026-06-01\nend = 2026-09-01\nmax_days = 1\n"
    insight += '[[make]]\nstep = "insight"\nblock = "cropstress"\n'
    insight += "[make.inputs]\nstart_date = 2026-06-01\nend_date = 2026-08-01\n"
    first = await call(
        "bulk", "run", plots("a"), "--recipe", recipe(insight), "--out", out, "--max-tokens", "5"
    )
    assert 3 == first.code, first.out + first.err
    assert {"a": State.BLOCKED} == states(out)
    assert f"over budget: pixxel bulk resume {out} --max-tokens N" == first.out.splitlines()[-1]
    second = await call("bulk", "resume", out, "--max-tokens", "50")
    assert (0, "") == (second.code, second.err)
    assert f"{api.ledger.spent:g} of 50 tokens" == second.out.splitlines()[-1].split("; ")[1]
    assert 5 < api.ledger.spent <= 50


async def test_what_is_held_is_decided_by_a_person(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", out)
    with Journal.open(out / "run.journal") as journal:  # as after a purchase that nobody finds
        await journal.intend(1, "job x", {}, reserve=80.0)
        await journal.settle(1, "job x", StepState.HELD, error="lost")
        await journal.mark(1, State.HELD, step="job x", error="lost")
    stands = await call("bulk", "status", out)
    assert (0, "") == (stands.code, stands.err)
    assert re.search(r"^tokens     0 spent, 80 reserved, any number allowed$", stands.out, re.M)
    assert re.search(r"^held       row 1 \(a\), job x, since 20\S+ \S+ UTC: lost$", stands.out, re.M)
    assert f"{out} --forget (it exists) or --resend (it does not)" in stands.out.splitlines()[-1]
    ended = await call("bulk", "resume", out, "--forget")
    assert 3 == ended.code
    assert {"a": State.FAILED} == states(out)
    assert "1 failed in " in ended.out
    assert "; 80 tokens" in ended.out, "it may have been paid"


async def test_z6_held_rows_are_listed_and_decided_one_by_one(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a", "b", "c", "d"), "--recipe", recipe(AOI), "--out", out)
    with Journal.open(out / "run.journal") as journal:
        for row in (1, 2, 3, 4):
            intent = {
                "operation": "createJob",
                "path": {"workflow_id": "w"},
                "sent_at": "2026-07-01T12:00:00+00:00",
            }
            await journal.intend(row, "job x", intent, reserve=80.0)
            await journal.settle(row, "job x", StepState.HELD, error="lost")
            await journal.mark(row, State.HELD, step="job x", error="lost")
    listed = await call("bulk", "held", out)
    assert (0, "") == (listed.code, listed.err)
    assert [
        "row 1 (a): job x, sent 2026-07-01 12:00:00 UTC, 80 tokens reserved",
        "  why      lost",
        "  searched createJob workflow_id=w",
    ] == listed.out.splitlines()[:3]
    decided = await call("bulk", "held", out, "--resend", "1", "--forget", "2,3", "--adopt", "4=j-9")
    assert (0, "") == (decided.code, decided.err)
    assert ["decided: 4 rows", "held       nothing"] == decided.out.splitlines()[:2]
    assert {"a": State.WAITING, "b": State.FAILED, "c": State.FAILED, "d": State.WAITING} == states(out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resend", "x"], "'x' is not a row"),
        (["--adopt", "4"], "'4' is not a row with an id"),
        (["--resend", "1-3", "--forget", "2"], "a row has two decisions"),
        (["--resend", "1"], "row 1: it has no held step"),
    ],
)
async def test_z6_a_wrong_decision_is_one_line(
    api: Sandbox,
    call: Call,
    plots: Write,
    recipe: Callable[[str], Path],
    tmp_path: Path,
    options: list[str],
    words: str,
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", out)
    refused = await call("bulk", "held", out, *options)
    assert (2, "") == (refused.code, refused.out)
    assert words in refused.err


async def test_status_and_report_tell_of_a_run_that_goes_on(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a", "b"), "--recipe", recipe(AOI), "--out", out)
    (out / "report.csv").unlink()
    with Journal.open(out / "run.journal") as journal:
        await journal.mark(2, State.RUNNING)
        stands = await call("bulk", "status", out)
        written = await call("bulk", "report", out)
    assert (0, "") == (stands.code, stands.err)
    head, rows, tokens, worker = stands.out.splitlines()
    assert re.fullmatch(r"run t1 of plots.geojson, begun 20\d\d-\d\d-\d\d \d\d:\d\d UTC", head)
    assert "rows       2: 1 running, 1 done" == rows
    assert "tokens     0 spent, any number allowed" == tokens
    assert worker.startswith(f"worked on  by process {os.getpid()} on ")
    assert (0, "") == (written.code, written.err)
    assert written.out.startswith(f"report: {out / 'report.csv'}, report.json")
    assert 3 == len((out / "report.csv").read_text().splitlines())


async def test_a_report_that_cannot_be_written_is_told_and_is_exit_code_1(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "out" / "report.csv").mkdir(parents=True)
    ended = await call("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", tmp_path / "out")
    assert (1, 1) == (ended.code, len(ended.err.splitlines())), ended.err
    assert ended.err.startswith("pixxel: cannot write the report: ")
    assert ended.out.splitlines()[-1].startswith("1 done in "), "the work itself is done"


async def test_a_dask_cluster_does_what_creates_and_fetches(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        asynchronous=True,
    ) as cluster:
        arguments = ("--recipe", recipe(AOI), "--out", out, "--dask", cluster.scheduler_address)
        ended = await call("bulk", "run", plots("a", "b"), *arguments)
    assert (0, "") == (ended.code, ended.err)
    assert ["a-t1", "b-t1"] == made(api)


# --- stopping ---------------------------------------------------------------------------------------------


PATIENT = """
import sys
from pixxel_async.bulk._execution import scheduler as _drive
from pixxel_async.cli.__main__ import main
_drive.GRACE = 1e6
sys.exit(main())
"""
"""The command, but it does not stop by itself after a first signal."""


REPORTING = """
import sys, time
from pixxel_async.bulk import _report
from pixxel_async.cli.__main__ import main

real, rows = _report.row_facts, []

def slow(record):
    rows.append(record)
    if len(rows) == 2:
        print("reporting", file=sys.stderr, flush=True)
        time.sleep(1000)
    return real(record)

_report.row_facts = slow
sys.exit(main())
"""
"""The command; it says when it is in the middle of its report, and stays there."""


async def begin(
    *arguments: object, program: tuple[str, str] = ("-m", "pixxel_async.cli")
) -> asyncio.subprocess.Process:
    command = (sys.executable, *program, *map(str, arguments))
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)


async def a_create_is_sent(api: Sandbox) -> None:
    while not any(request.operation_id == "AOICreateAOI" for request in api.requests):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_p3_the_first_signal_lets_creates_end_and_tells_how_to_go_on(
    api: Sandbox,
    call: Call,
    plots: Write,
    recipe: Callable[[str], Path],
    tmp_path: Path,
    number: int,
    code: int,
    leap: Callable[[float], None],
) -> None:
    out = tmp_path / "out"
    api.faults.add("AOICreateAOI", "delay", delay=1000, times=2)
    path = plots("a", "b", "c", "d")
    process = await begin("bulk", "run", path, "--recipe", recipe(AOI), "--out", out, "--concurrency", 2)
    await a_create_is_sent(api)
    process.send_signal(number)
    assert process.stderr is not None
    assert b"stopping: " == (await process.stderr.readline())[:10]
    ending = asyncio.create_task(process.communicate())
    while not ending.done():  # the other create may come only now, and is delayed as well
        leap(1000)
        await asyncio.sleep(0.01)
    told, errors = map(bytes.decode, await ending)
    assert (code, "") == (process.returncode, errors)
    assert f"to continue: pixxel bulk resume {out}" == told.splitlines()[-1]
    with Journal.read(out / "run.journal") as journal:
        assert [] == list(journal.open_intents()), "what was being created is written down"
    assert 1 <= len(made(api)) <= 2
    report = json.loads((out / "report.json").read_text())
    assert ["a", "b", "c", "d"] == [row["name"] for row in report["rows"]], "whatever ends it is reported"
    api.faults.clear()  # a create that was withdrawn has left one
    ended = await call("bulk", "resume", out)
    assert (0, "") == (ended.code, ended.err)
    assert ["a-t1", "b-t1", "c-t1", "d-t1"] == made(api)


async def test_p3_the_second_signal_stops_at_once_and_nothing_is_made_twice(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    api.faults.add("AOICreateAOI", "hang", after_effect=True)
    path = plots("a", "b")
    arguments = ("bulk", "run", path, "--recipe", recipe(AOI), "--out", out, "--concurrency", 1)
    process = await begin(*arguments, program=("-c", PATIENT))
    await a_create_is_sent(api)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"again to stop at once" in await process.stderr.readline()
    process.send_signal(signal.SIGINT)
    told, errors = map(bytes.decode, await process.communicate())
    assert (130, "") == (process.returncode, errors)
    assert f"to continue: pixxel bulk resume {out}" == told.splitlines()[-1]
    with Journal.read(out / "run.journal") as journal:
        assert ["aoi"] == [record.step for record in journal.open_intents()]
    ended = await call("bulk", "resume", out)
    assert (0, "") == (ended.code, ended.err)
    assert ["a-t1", "b-t1"] == made(api)


async def test_p10_a_second_ctrl_c_in_the_report_leaves_the_summary_and_the_command_that_writes_it(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    api.faults.add("AOICreateAOI", "hang", after_effect=True)
    arguments = ("bulk", "run", plots("a", "b"), "--recipe", recipe(AOI), "--out", out, "--concurrency", 1)
    program = REPORTING.replace(
        "sys.exit", "from pixxel_async.bulk._execution import scheduler\nscheduler.GRACE = 0.1\nsys.exit"
    )
    process = await begin(*arguments, program=("-c", program))
    await a_create_is_sent(api)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"stopping: " == (await process.stderr.readline())[:10]
    assert b"reporting\n" == await process.stderr.readline()
    process.send_signal(signal.SIGINT)
    told, errors = map(bytes.decode, await process.communicate())
    assert (130, "") == (process.returncode, errors)
    summary, report, last = told.splitlines()[-3:]
    assert re.fullmatch(r"1 not started, 1 running in \S+ s; no report: writing was interrupted", summary)
    assert f"to write the report: pixxel bulk report {out}" == report
    assert f"to continue: pixxel bulk resume {out}" == last
    assert [] == [*out.glob("report.*"), *out.glob(".report*")], "whole or absent"
    written = await call(*report.partition("pixxel ")[2].split())
    assert (0, "") == (written.code, written.err)
    assert 2 == len(json.loads((out / "report.json").read_text())["rows"])
    ended = await call("bulk", "resume", out)
    assert (0, "") == (ended.code, ended.err)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_p10_a_first_signal_in_the_report_leaves_an_earlier_report_whole(
    api: Sandbox,
    call: Call,
    plots: Write,
    recipe: Callable[[str], Path],
    tmp_path: Path,
    number: int,
    code: int,
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a", "b"), "--recipe", recipe(AOI), "--out", out)
    before = {path.name: path.read_bytes() for path in out.glob("report.*")}
    process = await begin("bulk", "resume", out, program=("-c", REPORTING))
    assert process.stderr is not None
    assert b"reporting\n" == await process.stderr.readline()
    process.send_signal(number)
    told, errors = map(bytes.decode, await process.communicate())
    assert (code, "") == (process.returncode, errors)
    assert told.splitlines()[-2].startswith("2 done in ")
    assert f"to write the report: pixxel bulk report {out}" == told.splitlines()[-1]
    assert before == {path.name: path.read_bytes() for path in out.glob("report.*")}
    assert 4 == len(before)
    assert [] == list(out.glob(".report*"))


async def test_n4_a_token_that_is_revoked_ends_the_run_and_a_later_one_goes_on(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    """While the answers to creates are lost: whoever goes on has to look for them first."""
    out = tmp_path / "out"
    api.faults.add("AOICreateAOI", "reset", after_effect=True, times=None)
    api.faults.add("ListAOIs", "status", status=401, times=None)
    stopped = await call("bulk", "run", plots("a", "b", "c"), "--recipe", recipe(AOI), "--out", out)
    assert 1 == stopped.code
    assert 1 == len(stopped.err.splitlines())
    assert "401" in stopped.err
    last = stopped.out.splitlines()[-1]
    assert last.startswith(f"to continue: pixxel bulk resume {out}; ")
    assert last.endswith("add --other-token")
    still = await call("bulk", "resume", out)
    assert (1, 1) == (still.code, len(still.err.splitlines()))
    api.faults.clear()
    ended = await call("bulk", "resume", out)
    assert (0, "") == (ended.code, ended.err)
    assert ["a-t1", "b-t1", "c-t1"] == made(api)


# --- what cannot work -------------------------------------------------------------------------------------


async def test_a_cap_below_the_price_is_told_before_anything_is_made(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended = await call(
        "bulk", "run", plots("a", "b"), "--recipe", recipe(JOB), "--out", out, "--max-tokens", "100"
    )
    assert (2, "") == (ended.code, ended.out)
    assert ["pixxel: --max-tokens 100: the API states a price of 160 tokens for 2 rows; "] == [
        line[: line.index("allow")] for line in ended.err.splitlines()
    ]
    assert [] == api.ledger.entries()


async def test_a_run_of_another_token_or_another_api_is_not_taken_up(
    api: Sandbox,
    call: Call,
    plots: Write,
    recipe: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", out)
    api.tokens.issue("another-token")
    monkeypatch.setenv("PIXXEL_API_KEY", "another-token")
    other = await call("bulk", "resume", out)
    assert (2, "") == (other.code, other.out)
    assert "started with another token" in other.err
    assert "--other-token" in other.err
    agreed = await call("bulk", "resume", out, "--other-token")
    assert (0, "") == (agreed.code, agreed.err)
    elsewhere = await call("--base-url", "https://api.example", "bulk", "resume", out)
    assert (2, "") == (elsewhere.code, elsewhere.out)
    assert f"the run belongs to {api.url}, and this client uses https://api.example" in elsewhere.err


async def test_a_run_that_another_process_works_on_is_left_to_it(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await call("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", out)
    with Journal.open(out / "run.journal"):
        ended = await call("bulk", "resume", out)
    assert (2, "") == (ended.code, ended.out)
    assert f"process {os.getpid()} on " in ended.err


async def test_an_output_without_room_is_one_line_and_nothing_is_made(
    api: Sandbox, call: Call, plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    """By the largest file that this process may write."""
    arguments = ("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", tmp_path / "out")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        ended = await call(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert (2, "", 1) == (ended.code, ended.out, len(ended.err.splitlines())), ended.err
    assert "no space left" in ended.err
    assert [] == api.ledger.entries()


def test_s8_a_finished_run_of_a_sandbox_that_is_gone_is_said_to_be_finished(
    pixxel: Callable[..., Any], plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert 0 == pixxel("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", out, "--sandbox").code
    resumed = pixxel("bulk", "resume", out)
    assert (0, "") == (resumed.code, resumed.err)
    assert "the run is finished: " in resumed.out
    assert "1 done in " in resumed.out


def test_a_sandbox_run_that_was_stopped_can_be_begun_anew_but_not_resumed(
    pixxel: Callable[..., Any], plots: Write, recipe: Callable[[str], Path], tmp_path: Path
) -> None:
    """Even with creates open: they ended with their sandbox."""
    out = tmp_path / "out"
    arguments = ("bulk", "run", plots("a"), "--recipe", recipe(AOI), "--out", out, "--sandbox")
    assert 0 == pixxel(*arguments).code
    with Journal.open(out / "run.journal") as journal:
        asyncio.run(journal.intend(1, "another", {}))
        asyncio.run(journal.mark(1, State.RUNNING))
    stands = pixxel("bulk", "status", out)
    assert stands.out.splitlines()[-1].startswith(f"{out}: the run used a sandbox at ")
    resumed = pixxel("bulk", "resume", out)
    assert (2, "", 1) == (resumed.code, resumed.out, len(resumed.err.splitlines()))
    assert "the run used a sandbox at http://127.0.0.1:" in resumed.err
    assert 2 == pixxel(*arguments).code
    assert 0 == pixxel(*arguments, "--overwrite").code
