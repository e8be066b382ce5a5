"""Closes a client with calls in flight: each ends in ClientClosed, and then the connections are closed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pixxel_async.errors import ClientClosed, ConfigurationError

PATIENCE = 10.0
"""Seconds for calls in flight to end: to sync a file, or for a callback to return."""


def running_loop() -> asyncio.AbstractEventLoop:
    """The running event loop.

    Raises:
        ConfigurationError: no event loop of asyncio is running.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "no event loop of asyncio is running: call this in a coroutine that asyncio.run() runs, "
        "not in a thread without a loop, nor under trio"
    )


class Closing:
    """Records calls in flight, so that they can be ended."""

    def __init__(self) -> None:
        self._under_way: set[UnderWay] = set()
        self._is_closed = False
        self._ended = asyncio.Event()

    def under_way(self) -> UnderWay:
        """A context for a call that must end when the client is closed.

        Raises:
            ClientClosed: it is closed already, or during the call; then the cause is the cancellation that ended it.
        """
        if self._is_closed:
            raise ClientClosed("the client is closed: make a new PixxelClient")
        return UnderWay(self._under_way, self._ended)

    async def close(self) -> None:
        """End the calls in flight in other tasks, and wait until they have ended."""
        self._is_closed = True
        me = asyncio.current_task()
        others = [each for each in self._under_way if each.task is not me]
        for each in others:
            each.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not self._under_way.isdisjoint(others):
                    self._ended.clear()
                    await self._ended.wait()


class UnderWay:
    """Like `asyncio.timeout`, but ended from outside."""

    __slots__ = ("_among", "_cancelling", "_ended", "_is_over", "task")

    def __init__(self, among: set[UnderWay], ended: asyncio.Event) -> None:
        task = asyncio.current_task(running_loop())
        assert task is not None
        self.task = task
        self._among = among
        self._ended = ended
        self._cancelling = task.cancelling()
        self._is_over = False

    def end(self) -> None:
        """Cancel it."""
        if not self._is_over:
            self._is_over = True
            self.task.cancel()

    def __enter__(self) -> None:
        self._among.add(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._among.discard(self)
        if self._is_over:
            self._ended.set()
            # A cancellation by another task at the same time is passed on: it is counted as well.
            if self.task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
                raise ClientClosed("the client was closed while this call was in flight") from error
