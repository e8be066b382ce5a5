"""Ctrl-C and SIGTERM: the first drains a run, the second stops it, a later one interrupts the report."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from pixxel_async.cli._terminal import complain


class Stop:
    """Handles the signals of one session, from its start to its last line.

    The process handles the signals, not the event loop. After the loop has ended, the default handler would end the
    command without its summary.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        """The first signal received."""
        self.drain: Callable[[], None] | None = None
        """Drains the run; None while there is nothing to drain."""
        self._raises = True
        """Whether a signal interrupts the running code."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._count = 0
        self._is_pending = False
        """Whether a signal was received after `ignore`."""

    @contextlib.contextmanager
    def handling(self) -> Iterator[None]:
        """Handle the signals. Outside the main thread Python cannot do that, and the signals keep their handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """Let signals drain, then cancel, the current task."""
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        try:
            yield
        finally:
            self._loop = None

    def ignore(self) -> None:
        """From now on only record signals: the rest of the work is short."""
        self._raises = False

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let one signal interrupt the block, also one received since `ignore`. It raises KeyboardInterrupt once."""
        self._raises = True
        try:
            if self._is_pending:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._count += 1
        self.signal = self.signal or number
        if self._loop is not None and self._count <= 2:
            self._loop.call_soon_threadsafe(self._stop, self._count)
        elif self._raises:
            self._raises = self._loop is not None  # a second signal does not interrupt the clean-up
            raise KeyboardInterrupt
        else:
            self._is_pending = True

    def _stop(self, count: int) -> None:
        if count == 1 and self.drain is not None:
            complain(
                "stopping: finishing creates in flight, at most 20 s; press Ctrl-C again to stop at once"
            )
            self.drain()
            return
        assert self._task is not None
        self._task.cancel()

    @property
    def exit_code(self) -> int | None:
        """The exit code of a command that a signal has ended; None without a signal."""
        return None if self.signal is None else 128 + self.signal
