"""What a run looks like while it goes on: the live table, and plain lines."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from pixxel_async.bulk import Progress, Result, State, Tokens
from pixxel_async.cli._display import LAST, MOST_LINES, MOST_TROUBLE, Lines, LiveTable

WAITING, DONE, FAILED, HELD = State.WAITING, State.DONE, State.FAILED, State.HELD


def progress(
    rows: Mapping[State, int], *, spent: float = 0.0, cap: float | None = None, left: float | None = None
) -> Progress:
    account = Tokens(spent=spent, reserved=0.0, cap=cap)
    return Progress(rows=rows, tokens=account, requests_per_second=12.34, seconds_left=left)


def ended(row: int, state: State = DONE, error: str | None = None) -> Result:
    return Result(row=row, name=f"f{row}", state=state, seconds=8.25, error=error)


def screen(begun: Progress, *results: Result, then: Progress | None = None) -> list[str]:
    """The lines that a terminal shows, and at last the table."""
    console = Console(file=io.StringIO(), width=90, record=True)
    table = LiveTable(begun, Path("out"), console, Live(console=console, auto_refresh=False))
    for result in results:
        table.show(result)
    console.print(table.table(then or begun))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_it_tells_states_requests_tokens_of_the_cap_and_the_time_left() -> None:
    now = progress({DONE: 1200, FAILED: 50, WAITING: 1250}, spent=4100, cap=50000, left=7800)
    lines = screen(now)
    assert lines[0].startswith("1,250/2,500")
    assert lines[0].endswith("1,250 not started  1,200 done  50 failed")
    assert lines[1].endswith("12.3 requests/s, 4,100 of 50,000 tokens, about 2 h 10 min left")
    assert 2 == len(lines)


def test_the_rows_that_ended_last_are_shown() -> None:
    lines = screen(progress({WAITING: 20}), *(ended(row) for row in range(1, LAST + 4)))
    assert ["f4", "f5", "f6", "f7", "f8"] == [line.split()[-3] for line in lines[2:]]


def test_trouble_stays_on_the_screen() -> None:
    lines = screen(progress({WAITING: 3}), ended(1), ended(2, FAILED, "no luck"), ended(3, HELD, "look"))
    assert ["[2/3] failed  f2  8.2 s: no luck", "[3/3] held    f3  8.2 s: look"] == lines[:2]


def test_p11_a_row_without_an_image_is_no_trouble() -> None:
    lines = screen(progress({WAITING: 2}), ended(1, State.NO_IMAGE, "no image of Sentinel-2"), ended(2))
    assert lines[0].startswith("0/2"), "no line above the table"
    assert ["[1/2] no image f1  8.2 s: no image of Sentinel-2", "[2/2] done    f2  8.2 s"] == [
        line.strip() for line in lines[2:]
    ]


def test_a_name_is_shown_as_it_is_not_as_markup() -> None:
    markup = Result(row=1, name="[bold]north[/]", state=FAILED, error="[red]no")
    assert "[1/1] failed  [bold]north[/]  0.0 s: [red]no" in screen(progress({WAITING: 1}), markup)


def test_rows_that_were_done_before_this_session_count() -> None:
    assert "[8/9] failed  f1  8.2 s: no" in screen(progress({DONE: 7, WAITING: 2}), ended(1, FAILED, "no"))


def test_each_row_of_a_small_run_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(progress({WAITING: 12}), Path("out"))
    lines.update(progress({WAITING: 12}))
    lines.show(Result(row=3, name="north", state=DONE, seconds=8.25, files=(Path("out/north/NDVI.png"),)))
    assert ["[ 1/12] done    north  out/north  8.2 s"] == capsys.readouterr().out.splitlines()


def test_of_a_large_run_sums_are_told_and_some_of_what_went_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    total = MOST_LINES + 1
    lines = Lines(progress({WAITING: total}), Path("out"))
    for row in range(1, total + 1):
        lines.show(ended(row, FAILED if row % 2 else DONE, "no" if row % 2 else None))
    lines.update(progress({WAITING: total}))
    lines.update(progress({DONE: 150, FAILED: 151}))
    lines.update(progress({DONE: 150, FAILED: 151}))
    told = capsys.readouterr().out.splitlines()
    assert MOST_TROUBLE + 1 == len(told)
    assert all(" failed " in line for line in told[:-1])
    assert "[301/301] 150 done, 151 failed; 12.3 requests/s" == told[-1], "once: nothing has moved since"
