"""Ctrl-C and the request to end: the first drains a run, the second stops it, a later one ends what takes long after it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from pixxel_async.cli._terminal import complain


class Stop:
    """Handles the signals of one session, from its begin to its last line.

    Signals are handled by the process and not by the event loop: between the end of the loop and the end of the command none
    may find the default handler, which would end the command without its summary.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        """The first that came."""
        self.drain: Callable[[], None] | None = None
        """Drains the run; None while there is nothing to drain."""
        self._raises = True
        """Whether a signal interrupts the code that is running, wherever it is."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._count = 0
        self._is_pending = False
        """Whether one came while signals were only noted."""

    @contextlib.contextmanager
    def handling(self) -> Iterator[None]:
        """Handle the signals. In a thread, where that cannot be done, they have the effect that they have elsewhere."""
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
        """Let signals drain and stop the task that is running now, in its event loop."""
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        try:
            yield
        finally:
            self._loop = None

    def ignore(self) -> None:
        """From now on only note signals: what is left to do is short."""
        self._raises = False

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let one signal interrupt what takes long, also one that came since `ignore`. It raises KeyboardInterrupt, once."""
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
            self._raises = self._loop is not None  # what cleans up after it is not interrupted again
            raise KeyboardInterrupt
        else:
            self._is_pending = True

    def _stop(self, count: int) -> None:
        if count == 1 and self.drain is not None:
            complain(
                "stopping: what is being created is still written down, at most 20 s; again to stop at once"
            )
            self.drain()
            return
        assert self._task is not None
        self._task.cancel()

    @property
    def exit_code(self) -> int | None:
        """What a shell says of a command that a signal has ended; None if none came."""
        return None if self.signal is None else 128 + self.signal
