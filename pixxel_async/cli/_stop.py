"""Ctrl-C and the request to end: the first lets a run come to rest, the second stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from pixxel_async.cli._terminal import complain


class Stop:
    """Hears the signals while a run goes on."""

    def __init__(self) -> None:
        self.signal: int | None = None
        """The first that came."""
        self.drain: Callable[[], None] | None = None
        """Lets the run come to rest; None while there is nothing that could."""
        self._task: asyncio.Task[object] | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear them, for the task that is running now. Where signals cannot be heard, Ctrl-C cancels it as ever."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):  # Windows; another thread
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._heard, number)
        try:
            yield
        finally:
            self._hear_no_more()

    def _heard(self, number: int) -> None:
        is_first, self.signal = self.signal is None, self.signal or number
        if is_first and self.drain is not None:
            complain(
                "stopping: what is being created is still written down, at most 20 s; again to stop at once"
            )
            self.drain()
            return
        self._hear_no_more()  # a third one ends the process, wherever it is
        assert self._task is not None
        self._task.cancel()

    def _hear_no_more(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    @property
    def exit_code(self) -> int | None:
        """What a shell says of a command that a signal has ended; None if none came."""
        return None if self.signal is None else 128 + self.signal
