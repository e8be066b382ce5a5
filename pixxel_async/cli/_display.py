"""What a run looks like: a live table on a terminal, a line per finished field elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pixxel_async.bulk import Report, Result, State
from pixxel_async.cli._terminal import say

Show = Callable[[Result], None]

MOST_LINES = 12
"""Fields under way that are shown one by one."""
_STYLES = {State.DONE: "green", State.RUNNING: "cyan", State.WAITING: "dim"}
_TROUBLE = "bold red"


@contextlib.contextmanager
def display(report: Report, out: Path, *, live: bool) -> Iterator[Show]:
    """Show a run while it goes on; what it gives must be called with every update, and keeps the report."""
    console = Console(highlight=False)
    if not live or not sys.stdout.isatty() or console.is_dumb_terminal:
        yield _Lines(report, out).show
        return
    table = _LiveTable(report, out, console)
    with Live(get_renderable=table.render, console=console, refresh_per_second=5, transient=True):
        yield table.show


class _Lines:
    """One line per finished field."""

    def __init__(self, report: Report, out: Path) -> None:
        self._report = report
        self._out = out

    def show(self, result: Result) -> None:
        self._report.update(result)
        if result.state is not State.RUNNING:
            say(finished_line(result, self._report, self._out))


def finished_line(result: Result, report: Report, out: Path) -> str:
    """A finished field in a line, for example `[ 3/12] done  north  3 images  out/north  8.2 s`."""
    rows = len(report.rows)
    ended = rows - report.counts[State.WAITING] - report.counts[State.RUNNING]
    head = f"[{ended:{len(str(rows))}}/{rows}] {result.state:<7} {result.name}"
    if result.package is not None:
        images = "1 image" if len(result.scene_ids) == 1 else f"{len(result.scene_ids)} images"
        head += f"  {images}  {result.package.parent}  {result.seconds:.1f} s"
    return f"{head}: {result.error}" if result.error else head


class _LiveTable:
    """Overall progress, and the step that each field under way is in."""

    def __init__(self, report: Report, out: Path, console: Console) -> None:
        self._report = report
        self._out = out
        self._console = console
        self._started = time.monotonic()
        self._begun: dict[int, float] = {}

    def show(self, result: Result) -> None:
        self._report.update(result)
        self._begun.setdefault(result.row, time.monotonic())
        if result.state not in (State.RUNNING, State.DONE):  # trouble stays on the screen
            self._console.print(Text(finished_line(result, self._report, self._out), _TROUBLE))

    def render(self) -> RenderableType:
        """What the screen shows now; called from the thread that refreshes it."""
        running = [row for row in self._report.rows if row.state is State.RUNNING]
        parts: list[RenderableType] = [self._overall(), self._steps(running[:MOST_LINES])]
        if len(running) > MOST_LINES:
            parts.append(Text(f"  and {len(running) - MOST_LINES} more under way", "dim"))
        return Group(*parts)

    def _overall(self) -> RenderableType:
        counts = self._report.counts
        total = len(self._report.rows)
        ended = total - counts[State.WAITING] - counts[State.RUNNING]
        line = Table.grid(padding=(0, 1))
        words = [
            Text(f"{count} {state}", _STYLES.get(state, _TROUBLE))
            for state in State
            if (count := counts[state])
        ]
        line.add_row(
            Text(f"{ended}/{total}", "bold"),
            ProgressBar(total=total, completed=ended, width=24, complete_style="green"),
            Text("  ").join(words),
            Text(_clock(time.monotonic() - self._started), "dim"),
        )
        return line

    def _steps(self, rows: list[Result]) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(max_width=32, no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(justify="right", style="dim")
        for row in rows:
            seconds = time.monotonic() - self._begun.get(row.row, time.monotonic())
            table.add_row(Text(f"  {row.name}"), Text(row.step.value if row.step else ""), f"{seconds:.0f} s")
        return table


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
