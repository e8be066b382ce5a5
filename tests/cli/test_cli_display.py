"""What the live table shows."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from pixxel_async.bulk import Field, Report, Result, State, Step
from pixxel_async.cli._display import MOST_LINES, _LiveTable


def screen(states: list[State]) -> list[str]:
    """The table's lines for fields named f1, f2 ... in these states."""
    report = Report([Field(row, f"f{row}", {}) for row in range(1, len(states) + 1)])
    console = Console(file=io.StringIO(), width=80, record=True)
    table = _LiveTable(report, Path("out"), console)
    for row, state in enumerate(states, 1):
        if state is not State.WAITING:
            table.show(Result(row=row, name=f"f{row}", state=state, step=Step.PNG, error="no luck"))
    console.print(table.render())
    return console.export_text().splitlines()


def test_it_counts_the_states_and_shows_the_steps_of_fields_under_way() -> None:
    lines = screen([State.DONE, State.RUNNING, State.WAITING])
    assert lines[0].startswith("1/3")
    assert "1 not started  1 running  1 done" in lines[0]
    assert ["f2", "draw the PNG"] == [part.strip() for part in lines[1].split("  ") if part.strip()][:2]
    assert 2 == len(lines)


def test_many_fields_under_way_are_summed_up() -> None:
    lines = screen([State.RUNNING] * (MOST_LINES + 3))
    assert 1 + MOST_LINES + 1 == len(lines)
    assert "and 3 more under way" in lines[-1]


def test_trouble_stays_on_the_screen_and_success_does_not() -> None:
    lines = screen([State.DONE, State.FAILED, State.UNKNOWN])
    assert ["[2/3] failed  f2: no luck", "[3/3] unknown f3: no luck"] == lines[:2]


def test_a_name_is_shown_as_it_is_not_as_markup() -> None:
    report = Report([Field(1, "[bold]north[/]", {})])
    console = Console(file=io.StringIO(), width=80, record=True)
    table = _LiveTable(report, Path("out"), console)
    table.show(Result(row=1, name="[bold]north[/]", state=State.RUNNING, step=Step.PNG))
    console.print(table.render())
    assert "[bold]north[/]" in console.export_text()
