"""What every resource of the client can do: send one call, read a listing, wait for a resource."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import attrs

from pixxel_async._base.active_calls import running_loop
from pixxel_async._base.clock import Clock
from pixxel_async._codec.model import Model
from pixxel_async._download.downloader import Downloader
from pixxel_async._http.auth import Auth
from pixxel_async._http.call import CallOptions, Transport
from pixxel_async._http.counters import Counters
from pixxel_async._http.operation import Operation
from pixxel_async._resource.creates import Creates
from pixxel_async._resource.large_areas import is_large
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller, PollerOptions, WaitOptions
from pixxel_async._resource.shared_polling import PollGroups, PollTarget
from pixxel_async.errors import ClientClosed
from pixxel_async.geometry import GeometryInput

T = TypeVar("T")


class LoopBinding:
    """Binds a client to the event loop and process of its first call, until `aclose()`: its sockets work nowhere else.

    Args:
        is_to_close: Whether the client must be closed: a used one that is not causes a ResourceWarning.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _closed = False

    def __init__(self, *, is_to_close: bool = True) -> None:
        self._process = os.getpid()
        self._is_to_close = is_to_close
        self._made_at = _caller() if _in_development() else ""

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:  # at exit the module may be empty
        is_open = self._loop is not None and not self._closed
        if is_open and self._is_to_close and os.getpid() == self._process:
            warn(
                f"a PixxelClient was used but not closed{self._made_at}: write `async with PixxelClient() as client`, "
                "or call `await client.aclose()`",
                ResourceWarning,
                source=self,
            )

    def check(self) -> None:
        """Bind to the running loop at the first call.

        Raises:
            ClientClosed: the client is closed, or was used in another event loop or process before.
            ConfigurationError: no event loop of asyncio is running.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # asyncio itself takes no loop along into a forked process
            loop = None
        if loop is self._loop and loop is not None and not self._closed:
            return
        if self._closed:
            raise ClientClosed("the client is closed: make a new PixxelClient")
        if os.getpid() != self._process:
            raise ClientClosed("the client was made before a fork: make another PixxelClient in each process")
        loop = running_loop()
        if self._loop is not None:
            raise ClientClosed(
                "the client is bound to another event loop: make one PixxelClient for each loop"
            )
        self._loop = loop

    def end(self) -> None:
        """Close. ConfigurationError without an event loop of asyncio: nothing could be closed then."""
        running_loop()
        self._closed = True


def _in_development() -> bool:
    """Whether `python -X dev`, or asyncio's debug mode, is on."""
    try:
        return sys.flags.dev_mode or asyncio.get_running_loop().get_debug()
    except RuntimeError:  # no event loop runs
        return bool(os.environ.get("PYTHONASYNCIODEBUG"))


def _caller() -> str:
    """File and line of the first caller outside this package."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pixxel_async."):
        frame = frame.f_back
    return f" (made at {frame.f_code.co_filename}:{frame.f_lineno})"


@attrs.frozen(eq=False, repr=False)
class ClientContext:
    """What the resources of one client share."""

    base_url: str
    auth: Auth | None
    """None if another transport replaces the network."""
    transport: Transport
    options: CallOptions
    downloader: Downloader
    clock: Clock
    binding: LoopBinding
    creates: Creates
    counters: Counters
    groups: PollGroups


class Resource:
    """Base of the resources: `client.aois`, `client.orders` and so on."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    async def _send(self, operation: Operation[T]) -> T:
        context = self._context
        context.binding.check()
        return await context.creates.send(operation, context.options)

    def _paginate(
        self,
        operation: Operation[Any],
        *,
        limit: int | None,
        page_size: int | None,
        prefetch: bool,
        area: GeometryInput | None = None,
        make_body: Callable[[], Model | None] | None = None,
    ) -> Paginator[Any]:
        if make_body is not None and not is_large(area):
            operation, make_body = attrs.evolve(operation, body=make_body()), None
        return Paginator(
            self._send, operation, limit=limit, page_size=page_size, prefetch=prefetch, make_body=make_body
        )

    def _wait(self, target: PollTarget[T], id: str, options: WaitOptions[T]) -> Poller[T]:
        return Poller(
            target.life_cycle, id, partial(target.read, id), **self._poller_options(target, options)
        )

    def _wait_many(self, target: PollTarget[T], ids: Iterable[str], options: WaitOptions[T]) -> MultiWait[T]:
        return MultiWait(ids, lambda id: self._wait(target, id, options))

    def _wait_package(self, target: PollTarget[T], id: str, options: WaitOptions[T]) -> PackagePoller[T]:
        return PackagePoller(
            target.life_cycle,
            id,
            partial(target.read, id),
            downloader=self._context.downloader,
            **self._poller_options(target, options),
        )

    def _poller_options(self, target: PollTarget[T], options: WaitOptions[T]) -> PollerOptions[T]:
        context = self._context
        return {
            "timeout": target.life_cycle.timeout,
            **options,
            "clock": context.clock,
            "group": context.groups.group_for(target, context.options),
            "counters": context.counters,
        }

    async def _pick(self, paginator: Paginator[T], attribute: str, id: str) -> T | None:
        """The first item whose attribute equals `id`: reads one resource if the API only lists them."""
        async for item in paginator:
            if getattr(item, attribute) == id:
                return item
        return None
