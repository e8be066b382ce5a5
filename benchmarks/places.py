"""Every place where aiohttp runs code that a user supplies or replaces: for `benchmarks.hooks` and tests/http/test_user_code.py.

The list comes from the source of aiohttp's client, connector, tracing and cookie jar. It lacks hooks that never run in a call
of this SDK, which follows no redirect (`on_request_redirect`) and reads bodies itself (`on_response_chunk_received`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any, Protocol
from unittest import mock

import aiohttp
import attrs
from aiohttp import payload
from aiohttp.abc import AbstractResolver, ResolveResult


class Code(Protocol):
    """User code."""

    def runs(self) -> None:
        """Called at a synchronous place."""

    async def waits(self) -> None:
        """Called at an asynchronous place."""


class When(Enum):
    """Knowledge about a request when code at a place fails."""

    BEFORE = auto()
    """Nothing: the innermost middleware did not run."""
    UNSENT = auto()
    """It ran, and `send` was not entered."""
    SENT = auto()
    """`send` was entered, and there is no response."""
    AFTER = auto()
    """The response was read."""


@attrs.frozen
class Place:
    """One place; `patched` installs user code there."""

    when: When
    options: Callable[[Code], dict[str, Any]] = lambda _: {}
    """Arguments for a session."""
    patch: Callable[[Code], list[Any]] = lambda _: []
    """Patches for places without a session argument."""
    is_trace: bool = False
    """Whether the code is a trace hook: its exceptions are the user's, even those of aiohttp."""
    is_sync: bool = False
    """Whether the place is synchronous."""
    is_apart: bool = False
    """Whether it runs in the task that writes the body, where a BaseException ends."""
    catches: bool = False
    """Whether the surrounding code catches its exceptions."""
    only_injected: bool = False
    """Whether the SDK's own session lacks this place: it has middlewares per request only, and a create uses no kept
    connection."""
    needs: str = ""
    """Further condition for the code to run: a kept connection, concurrent calls, or a failure."""


@contextmanager
def patched(place: Place, code: Code, *, into_own: bool) -> Iterator[None]:
    """Install the code at its place, as instrumentation libraries do; with `into_own`, in every new session."""
    patches = place.patch(code)
    if into_own:
        patches.append(mock.patch.object(aiohttp.ClientSession, "__init__", _init(place, code)))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()


def _init(place: Place, code: Code) -> Callable[..., None]:
    init = aiohttp.ClientSession.__init__

    def instrumented(self: aiohttp.ClientSession, *arguments: Any, **options: Any) -> None:
        own = options.get("connector")
        options |= place.options(code)
        connector = options.get("connector")
        if connector is not own and own is not None:
            connector._force_close = own.force_close
        init(self, *arguments, **options)

    return instrumented


# --- trace hooks ---


def _trace(signal: str, **connector: Any) -> Callable[[Code], dict[str, Any]]:
    def options(code: Code) -> dict[str, Any]:
        async def hook(*_: Any) -> None:
            await code.waits()

        trace = aiohttp.TraceConfig()
        getattr(trace, signal).append(hook)
        more = {"connector": aiohttp.TCPConnector(**connector)} if connector else {}
        return {"trace_configs": [trace], **more}

    return options


def _context(code: Code) -> dict[str, Any]:
    def context(**_: Any) -> SimpleNamespace:
        code.runs()
        return SimpleNamespace()

    return {"trace_configs": [aiohttp.TraceConfig(trace_config_ctx_factory=context)]}  # type: ignore[arg-type]


# --- middlewares ---


def _middleware(name: str) -> Callable[[Code], dict[str, Any]]:
    return lambda code: {"middlewares": [globals()[name](code)]}


def before(code: Code) -> Any:
    async def middleware(request: Any, handler: Any) -> Any:
        await code.waits()
        return await handler(request)

    return middleware


def after(code: Code) -> Any:
    async def middleware(request: Any, handler: Any) -> Any:
        response = await handler(request)
        await code.waits()
        return response

    return middleware


def audits(code: Code) -> Any:
    """Reads the body."""

    async def middleware(request: Any, handler: Any) -> Any:
        response = await handler(request)
        assert isinstance(await response.read(), bytes)
        await code.waits()
        return response

    return middleware


def retries(code: Code) -> Any:
    """Sends again after any failure, its own included."""

    async def middleware(request: Any, handler: Any) -> Any:
        for _ in range(2):
            try:
                response = await handler(request)
                await code.waits()
            except Exception:
                continue
            if response.status < 400:
                return response
        return await handler(request)

    return middleware


def delegates(code: Code) -> Any:
    """Calls the handler in another task."""

    async def middleware(request: Any, handler: Any) -> Any:
        response = await asyncio.create_task(handler(request))
        await code.waits()
        return response

    return middleware


def abandons(code: Code) -> Any:
    """Calls the handler in another task, and does not wait for it if its own code fails."""

    async def middleware(request: Any, handler: Any) -> Any:
        sending = asyncio.create_task(handler(request))
        sending.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(0)
        await code.waits()
        return await sending

    return middleware


def hedges(code: Code) -> Any:
    """Calls the handler twice at the same time, and takes the first response."""

    async def middleware(request: Any, handler: Any) -> Any:
        both = [asyncio.create_task(handler(request)) for _ in range(2)]
        try:
            failed = None
            for first in asyncio.as_completed(both):
                try:
                    response = await first
                    await code.waits()
                except Exception as error:
                    failed = error
                else:
                    return response
            raise failed or AssertionError
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    return middleware


def swallows(code: Code) -> Any:
    """Replaces every failure by its own response."""

    async def middleware(request: Any, handler: Any) -> Any:
        try:
            response = await handler(request)
            await code.waits()
        except Exception:
            return made_up(request, 400)
        return response

    return middleware


def made_up(request: Any, status: int, body: bytes = b"{}") -> aiohttp.ClientResponse:
    """A response that no server has sent."""
    response = aiohttp.ClientResponse(
        request.method,
        request.url,
        writer=None,  # type: ignore[arg-type]
        continue100=None,
        timer=None,  # type: ignore[arg-type]
        request_info=request.request_info,
        traces=[],
        loop=asyncio.get_running_loop(),
        session=None,  # type: ignore[arg-type]
        **({"stream_writer": mock.Mock(output_size=0)} if _takes_writer() else {}),
    )
    response.status, response.reason = status, "Made up"
    response._headers = {"content-type": "application/json"}  # type: ignore[assignment]
    response._body = body
    response.content = aiohttp.StreamReader(
        mock.Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop()
    )
    response.content.feed_eof()
    return response


def _takes_writer() -> bool:
    return "stream_writer" in aiohttp.ClientResponse.__init__.__code__.co_varnames


# --- classes that a session uses ---


def _class(
    name: str, base: type, member: str, wrap: Callable[[Code, Any], Any]
) -> Callable[[Code], dict[str, Any]]:
    """A subclass with one user method."""

    def options(code: Code) -> dict[str, Any]:
        kind = type(f"Users{base.__name__}", (base,), {member: wrap(code, getattr(base, member))})
        return {name: kind() if name in ("cookie_jar", "connector") else kind}

    return options


def _sync_first(code: Code, method: Any) -> Any:
    def replaced(self: Any, *arguments: Any, **options: Any) -> Any:
        code.runs()
        return method(self, *arguments, **options)

    return replaced


def _first(code: Code, method: Any) -> Any:
    async def replaced(self: Any, *arguments: Any, **options: Any) -> Any:
        await code.waits()
        return await method(self, *arguments, **options)

    return replaced


def _last(code: Code, method: Any) -> Any:
    async def replaced(self: Any, *arguments: Any, **options: Any) -> Any:
        result = await method(self, *arguments, **options)
        await code.waits()
        return result

    return replaced


def _last_of_connect(code: Code, method: Any) -> Any:
    async def replaced(self: Any, *arguments: Any, **options: Any) -> Any:
        connection = await method(self, *arguments, **options)
        try:
            await code.waits()
        except BaseException:
            connection.close()
            raise
        return connection

    return replaced


def _property(code: Code, old: Any) -> Any:
    def get(self: Any) -> Any:
        code.runs()
        return old.__get__(self)

    return property(get)


def _resolver(code: Code) -> dict[str, Any]:
    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            await code.waits()
            return [
                ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)
            ]

        async def close(self) -> None: ...

    return {"connector": aiohttp.TCPConnector(resolver=Resolver())}


def _socket_factory(code: Code) -> dict[str, Any]:
    def make(address: Any) -> socket.socket:
        code.runs()
        return socket.socket(*address[:3])

    return {"connector": aiohttp.TCPConnector(socket_factory=make)}


def _method(owner: Any, name: str, wrap: Callable[[Code, Any], Any]) -> Callable[[Code], list[Any]]:
    return lambda code: [mock.patch.object(owner, name, wrap(code, getattr(owner, name)))]


BEFORE, UNSENT, SENT, AFTER = When
_request, _response = aiohttp.ClientRequest, aiohttp.ClientResponse

PLACES: dict[str, Place] = {
    "trace: context": Place(BEFORE, _context, is_trace=True, is_sync=True),
    "trace: on_request_start": Place(BEFORE, _trace("on_request_start"), is_trace=True),
    "trace: on_connection_create_start": Place(UNSENT, _trace("on_connection_create_start"), is_trace=True),
    "trace: on_connection_create_end": Place(UNSENT, _trace("on_connection_create_end"), is_trace=True),
    "trace: on_connection_reuseconn": Place(
        UNSENT, _trace("on_connection_reuseconn"), is_trace=True, needs="kept", only_injected=True
    ),
    "trace: on_connection_queued_start": Place(
        UNSENT, _trace("on_connection_queued_start", limit=1), is_trace=True, needs="crowd"
    ),
    "trace: on_connection_queued_end": Place(
        UNSENT, _trace("on_connection_queued_end", limit=1), is_trace=True, needs="crowd"
    ),
    "trace: on_dns_resolvehost_start": Place(UNSENT, _trace("on_dns_resolvehost_start"), is_trace=True),
    "trace: on_dns_resolvehost_end": Place(UNSENT, _trace("on_dns_resolvehost_end"), is_trace=True),
    "trace: on_dns_cache_miss": Place(UNSENT, _trace("on_dns_cache_miss"), is_trace=True),
    "trace: on_dns_cache_hit": Place(
        UNSENT, _trace("on_dns_cache_hit", force_close=True), is_trace=True, needs="kept"
    ),
    "trace: on_request_headers_sent": Place(SENT, _trace("on_request_headers_sent"), is_trace=True),
    "trace: on_request_chunk_sent": Place(
        SENT, _trace("on_request_chunk_sent"), is_trace=True, is_apart=True
    ),
    "trace: on_request_end": Place(AFTER, _trace("on_request_end"), is_trace=True),
    "trace: on_request_exception": Place(
        SENT, _trace("on_request_exception"), is_trace=True, needs="failure"
    ),
    "middleware: before": Place(BEFORE, _middleware("before"), only_injected=True),
    "middleware: after": Place(AFTER, _middleware("after"), only_injected=True),
    "middleware: audits": Place(AFTER, _middleware("audits"), only_injected=True),
    "middleware: retries": Place(AFTER, _middleware("retries"), only_injected=True, catches=True),
    "middleware: delegates": Place(AFTER, _middleware("delegates"), only_injected=True),
    "middleware: abandons": Place(SENT, _middleware("abandons"), only_injected=True),
    "middleware: hedges": Place(AFTER, _middleware("hedges"), only_injected=True, catches=True),
    "middleware: swallows": Place(AFTER, _middleware("swallows"), only_injected=True, catches=True),
    "cookies: filter_cookies": Place(
        BEFORE, _class("cookie_jar", aiohttp.CookieJar, "filter_cookies", _sync_first), is_sync=True
    ),
    "cookies: update_cookies_from_headers": Place(
        AFTER,
        _class("cookie_jar", aiohttp.CookieJar, "update_cookies_from_headers", _sync_first),
        is_sync=True,
    ),
    "connector: before connect": Place(UNSENT, _class("connector", aiohttp.TCPConnector, "connect", _first)),
    "connector: after connect": Place(
        UNSENT, _class("connector", aiohttp.TCPConnector, "connect", _last_of_connect)
    ),
    "connector: resolver": Place(UNSENT, _resolver),
    "connector: socket_factory": Place(UNSENT, _socket_factory, is_sync=True),
    "request: made": Place(BEFORE, _class("request_class", _request, "__init__", _sync_first), is_sync=True),
    "request: connection_key": Place(
        UNSENT, _class("request_class", _request, "connection_key", _property), is_sync=True
    ),
    "request: before send": Place(SENT, _class("request_class", _request, "send", _first)),
    "request: after send": Place(SENT, _class("request_class", _request, "send", _last)),
    "response: made": Place(SENT, _class("response_class", _response, "__init__", _sync_first), is_sync=True),
    "response: before start": Place(SENT, _class("response_class", _response, "start", _first)),
    "response: after start": Place(SENT, _class("response_class", _response, "start", _last)),
    "session: before _request": Place(BEFORE, patch=_method(aiohttp.ClientSession, "_request", _first)),
    "session: after _request": Place(AFTER, patch=_method(aiohttp.ClientSession, "_request", _last)),
    "session: request": Place(
        BEFORE, patch=_method(aiohttp.ClientSession, "request", _sync_first), is_sync=True
    ),
    "payload: write": Place(
        SENT, patch=_method(payload.BytesPayload, "write_with_length", _first), is_apart=True
    ),
}
