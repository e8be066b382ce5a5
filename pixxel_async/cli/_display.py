"""Shows a run in progress: a live table on a terminal, elsewhere a line per finished row."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pixxel_async.bulk import JournalError, Progress, Result, Run, State
from pixxel_async.cli._terminal import say
from pixxel_async.cli._words import counts, pace

MOST_LINES = 300
"""A run of at most this many rows prints a line for each row."""
MOST_TROUBLE = 50
"""A larger run prints a line for at most this many rows that did not succeed."""
LAST = 5
"""Finished rows that the live table shows."""
_BETWEEN_LINES = 5.0
_BETWEEN_UPDATES = 0.5
_STYLES = {State.DONE: "green", State.NO_IMAGE: "yellow", State.RUNNING: "cyan", State.WAITING: "dim"}
_TROUBLE = "bold red"


class Display(Protocol):
    """Shows the progress of a run."""

    every: float
    """Seconds between two updates."""

    def show(self, result: Result) -> None:
        """Show a row that has ended, for this session."""

    def update(self, progress: Progress) -> None:
        """Show the progress of the whole run."""


def _is_live(console: Console, *, live: bool) -> bool:
    return live and sys.stdout.isatty() and not console.is_dumb_terminal


@contextlib.contextmanager
def busy(what: str, *, live: bool) -> Iterator[None]:
    """Show a spinner while work without a progress display runs; on a terminal only."""
    console = Console(highlight=False)
    with console.status(what) if _is_live(console, live=live) else contextlib.nullcontext():
        yield


@contextlib.asynccontextmanager
async def display(run: Run, out: Path, *, live: bool) -> AsyncIterator[Callable[[Result], None]]:
    """Show a run in progress. Call the yielded function with every result."""
    begun = await run.progress()
    console = Console(highlight=False)
    with contextlib.ExitStack() as stack:
        if _is_live(console, live=live):
            screen = stack.enter_context(Live(console=console, auto_refresh=False, transient=True))
            shown: Display = LiveTable(begun, out, console, screen)
        else:
            shown = Lines(begun, out)
        updating = asyncio.create_task(_update(run.progress, shown))
        try:
            yield shown.show
        finally:
            updating.cancel()
            await asyncio.wait([updating])


async def _update(progress: Callable[[], Awaitable[Progress]], shown: Display) -> None:
    """Update the display regularly; less often if reading the progress takes long."""
    with contextlib.suppress(JournalError):  # the run meets the same error and reports it
        while True:
            began = time.monotonic()
            shown.update(await progress())
            await asyncio.sleep(max(shown.every, min(4 * (time.monotonic() - began), _BETWEEN_LINES)))


class _Counted:
    """Counts the rows that have ended."""

    def __init__(self, begun: Progress, out: Path) -> None:
        self.total = sum(begun.rows.values())
        self.ended = sum(count for state, count in begun.rows.items() if state.is_final)
        self._out = out
        self._troubles = 0

    def count(self, result: Result) -> str:
        """Count an ended row and return its line, for example `[ 3/12] done    north  out/north  8.2 s`."""
        self.ended += 1
        width = len(f"{self.total:,}")
        head = f"[{self.ended:{width},}/{self.total:,}] {result.state:<7} {result.name}"
        if result.files:
            head += f"  {result.files[0].parent}"
        elif result.urls:
            head += f"  {result.urls[0].rpartition('/')[0]}"
        head += f"  {result.seconds:.1f} s"
        return f"{head}: {result.error}" if result.error else head

    def has_line(self, result: Result) -> bool:
        """Whether a row that did not succeed gets a line of its own."""
        if result.state.is_success:
            return False
        self._troubles += 1
        return self._troubles <= MOST_TROUBLE


class Lines(_Counted):
    """One line for each finished row; in a large run, a summary every few seconds."""

    every = _BETWEEN_LINES

    def __init__(self, begun: Progress, out: Path) -> None:
        super().__init__(begun, out)
        self._printed = begun.rows

    def show(self, result: Result) -> None:
        """Print the line of a row."""
        line, has_line = self.count(result), self.has_line(result)
        if self.total <= MOST_LINES or has_line:
            say(line)

    def update(self, progress: Progress) -> None:
        """Print a summary of a large run, only if it has changed: an order may take days."""
        if self.total > MOST_LINES and progress.rows != self._printed:
            self._printed = progress.rows
            say(f"[{self.ended:,}/{self.total:,}] {counts(progress.rows)}; {pace(progress)}")


class LiveTable(_Counted):
    """Overall progress, and the rows that ended last."""

    every = _BETWEEN_UPDATES

    def __init__(self, begun: Progress, out: Path, console: Console, screen: Live) -> None:
        super().__init__(begun, out)
        self._console = console
        self._screen = screen
        self._started = time.monotonic()
        self._last: deque[str] = deque(maxlen=LAST)

    def show(self, result: Result) -> None:
        """Show a row; one that did not succeed stays on the screen."""
        line = self.count(result)
        if self.has_line(result):
            self._console.print(Text(line, _TROUBLE))
        elif result.state.is_success:
            self._last.append(line)

    def update(self, progress: Progress) -> None:
        """Draw the table."""
        self._screen.update(self.table(progress), refresh=True)

    def table(self, progress: Progress) -> RenderableType:
        """The content of the screen."""
        ended = sum(count for state, count in progress.rows.items() if state.is_final)
        line = Table.grid(padding=(0, 1))
        words = [
            Text(f"{count:,} {state}", _STYLES.get(state, _TROUBLE))
            for state in State
            if (count := progress.rows.get(state))
        ]
        line.add_row(
            Text(f"{ended:,}/{self.total:,}", "bold"),
            ProgressBar(total=self.total, completed=ended, width=24, complete_style="green"),
            Text("  ").join(words),
        )
        elapsed = time.monotonic() - self._started
        rest = Text(f"{int(elapsed) // 60}:{int(elapsed) % 60:02}  {pace(progress)}", "dim")
        last = (Text(f"  {text}", "dim", no_wrap=True, overflow="ellipsis") for text in self._last)
        return Group(line, rest, *last)
