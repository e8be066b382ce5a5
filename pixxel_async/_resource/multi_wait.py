"""Waiting for many resources at once.

async for done in client.aois.wait_many(ids):
    print(done.id, done.error or done.snapshot.status)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing
from typing import Generic, NoReturn, TypeVar

import attrs

from pixxel_async._base.active_calls import running_loop
from pixxel_async._base.shown import shown
from pixxel_async._resource.polling import Poller
from pixxel_async.errors import InvalidInput, PixxelError

T = TypeVar("T")


@attrs.frozen
class WaitResult(Generic[T]):
    """The result of one of many waits."""

    id: str
    snapshot: T | None
    """The last snapshot; None if there was none."""
    error: PixxelError | None = None
    """Why the resource is not ready: a WaitError, or the CallError of a poll; None if it is ready."""

    def result(self) -> T:
        """The final snapshot; raises the error if there is one."""
        if self.error is not None:
            raise self.error
        assert self.snapshot is not None  # a wait without error has a final snapshot
        return self.snapshot


class MultiWait(Generic[T]):
    """Many waits that have not started. `async for` yields each result as it arrives, `await` all in the order of the ids.

    A failed wait does not stop the others. Leaving a loop early ends the rest; `contextlib.aclosing` does so at once.
    """

    def __init__(self, ids: Iterable[str], wait: Callable[[str], Poller[T]]) -> None:
        """Raises `InvalidInput` for a value that is not an id, and for a duplicate id."""
        self.ids = _checked(ids)
        self._pollers = {id: wait(id) for id in self.ids}

    async def _endings(self) -> AsyncGenerator[WaitResult[T], None]:
        loop = running_loop()
        ended: asyncio.Queue[asyncio.Task[WaitResult[T]]] = asyncio.Queue()
        tasks = [loop.create_task(_wait(poller)) for poller in self._pollers.values()]
        for task in tasks:
            task.add_done_callback(ended.put_nowait)
        try:
            for _ in tasks:
                yield (await ended.get()).result()
        finally:
            await _end(tasks)

    def __aiter__(self) -> AsyncGenerator[WaitResult[T], None]:
        return self._endings()

    async def _finish(self) -> list[WaitResult[T]]:
        async with aclosing(self._endings()) as endings:
            found = {waited.id: waited async for waited in endings}
        return [found[id] for id in self.ids]

    def __await__(self) -> Generator[object, None, list[WaitResult[T]]]:
        return self._finish().__await__()

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "waits are asynchronous: write `async for done in waits:`, or `all_done = await waits` for a list"
        )

    def __repr__(self) -> str:
        return f"<MultiWait of {len(self.ids)}>"


async def _wait(poller: Poller[T]) -> WaitResult[T]:
    try:
        return WaitResult(poller.id, await poller)
    except PixxelError as error:
        return WaitResult(poller.id, poller.last, error)


async def _end(tasks: list[asyncio.Task[WaitResult[T]]]) -> None:
    """Cancel them, wait for their end, and take their results so that asyncio does not warn about them."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()


def _checked(ids: Iterable[str]) -> tuple[str, ...]:
    if isinstance(ids, str):
        raise InvalidInput(f"ids={shown(ids)}: give a list of ids; use `wait` for a single one")
    found: dict[str, int] = {}
    for number, id in enumerate(ids):
        if not isinstance(id, str) or not id:
            raise InvalidInput(f"ids[{number}]={shown(id)}: an id is text and not empty")
        if id in found:
            raise InvalidInput(
                f"ids[{number}]={shown(id)} repeats ids[{found[id]}]: give each id once, for example with `dict.fromkeys(ids)`"
            )
        found[id] = number
    return tuple(found)
