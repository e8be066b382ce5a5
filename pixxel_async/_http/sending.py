"""One request inside aiohttp: whether it was sent, and whether code of the user ended it.

aiohttp runs user code around every request: trace hooks (also those that instrumentation libraries add to our own
session), middlewares, cookie jars, resolvers, request and response classes. Such code may raise, take long, be cancelled, or
send a request a second time. What is known of a request must not depend on it.
"""

from __future__ import annotations

import select
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import aiohttp

_NOT_OF_USERS = sys.stdlib_module_names | {"pixxel_async", "aiohttp", "aiosignal", "aiohappyeyeballs", "yarl"}
"""Packages whose frames are left out of the traceback of a failed hook, up to the first frame of another one."""


Used = WeakKeyDictionary[Any, Callable[[int], object]]


class Broken(aiohttp.ClientError):
    """A broken connection, in a class that does not make aiohttp send the request again."""


class SentOnce(aiohttp.ClientError):
    """User code tried to send a second time what may be sent only once."""


class SpokeFirst(aiohttp.ClientError):
    """A new connection on which the server wrote before it was asked."""


class _Stale(Exception):
    """A kept connection that cannot be used; the next one can. Never leaves this module."""


class Sending:
    """The innermost middleware of one request.

    Args:
        used: The connections on which requests were sent, each with a function that is true if something unread is on it;
            shared by all requests of a session.
        once: Refuse to send the request a second time.
        closes: Keep no connection after its answer.
    """

    __slots__ = (
        "_closes",
        "_has_ended",
        "_has_run",
        "_is_sent",
        "_once",
        "_parser",
        "_protocol",
        "_response",
        "_running",
        "_transport",
        "_used",
        "_watched",
        "error",
        "user_error",
    )

    def __init__(self, used: Used, *, once: bool, closes: bool = False) -> None:
        self._used = used
        self._once = once
        self._closes = closes
        self._has_run = False
        self._has_ended = False
        self._running = 0
        """More than one where user code sends the request in several tasks at once."""
        self._watched: tuple[aiohttp.ClientRequest, ...] = ()
        self._is_sent = False
        self._response: aiohttp.ClientResponse | None = None
        self._protocol: Any = None
        self._parser: Any = None
        self._transport: Any = None
        self.error: Exception | None = None
        """The exception that it raised last."""
        self.user_error: Exception | None = None
        """What user code raised below it, if that is what ended the request."""

    @property
    def was_sent(self) -> bool:
        """Whether the server may have received the request.

        False only with proof: this middleware ran, and ended before the request's `send` was entered. Where it never ran
        (code that replaces `ClientSession._request`), or still runs in another task, nothing is proved.
        """
        return self._is_sent or self._running > 0 or not self._has_run

    def raised_by_user(self, error: Exception) -> Exception | None:
        """What user code raised, if that is why the request ended with this error."""
        return self.user_error if error is self.error else user_error(error)

    def end(self) -> None:
        """The call goes on without this request: user code that was left behind must not send it later."""
        self._has_ended = True

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request, and read of its answer what must not be lost."""
        if self._once:
            self._check_once()
        self._has_run = True
        self._running += 1
        self.error = self.user_error = None
        try:
            try:
                self._watch(request)
                while True:
                    try:
                        response = await handler(request)
                        break
                    except _Stale:
                        continue  # aiohttp has closed that connection
            except Exception as error:
                self.user_error = _raised_below(error)
                self.error = _never_resent(error)
            else:
                self._is_sent = True
                try:
                    await self.received(response)
                except Exception as error:
                    self.user_error = _raised_below(error)
                    self.error = error
                else:
                    self.leave_idle(response)
                    return response
            raise self.error
        except BaseException:
            self._end_sending()
            raise
        finally:
            self._running -= 1
            if not (self._running or self._once):
                self._unwatch()

    async def received(self, response: aiohttp.ClientResponse) -> None:
        """Called with each answer, before any user code has seen it."""

    def _watch(self, request: aiohttp.ClientRequest) -> None:
        """Shadow the request's `send`, which aiohttp calls when it has a connection; where that fails, nothing is proved."""
        if request in self._watched:  # it is being sent in another task, too
            return
        send: Callable[[Any], Awaitable[aiohttp.ClientResponse]] | None = getattr(request, "send", None)
        if send is None:
            self._is_sent = True
            return

        async def noted(connection: Any) -> aiohttp.ClientResponse:
            if self._once:
                self._check_once()
            self._check_idle(connection)
            if self._closes:
                connection.protocol.force_close()
            self._is_sent = True
            self._response = await send(connection)
            return self._response

        try:
            request.send = noted  # type: ignore[method-assign, assignment]
        except (AttributeError, TypeError):  # a request class with slots
            self._is_sent = True
        else:
            self._watched += (request,)

    def _unwatch(self) -> None:
        """Remove the reference cycle. A create stays watched, because user code that kept the request must not send it later."""
        for request in self._watched:
            getattr(request, "__dict__", {}).pop("send", None)
        self._watched = ()

    def _check_once(self) -> None:
        if self._is_sent or self._has_ended:
            raise SentOnce("a create is sent once: code around the request tried to send it again")

    # --- kept connections ---

    def _check_idle(self, connection: Any) -> None:
        """Refuse a connection with unsolicited data, which would be taken for the response to this request."""
        protocol, transport = connection.protocol, connection.transport
        unread = self._used.get(protocol)
        # Of an injected session it may be known only by the answer to a request of the user.
        is_kept = unread is not None or getattr(protocol, "_payload", None) is not None
        if unread is None and transport is not None:
            unread = self._used[protocol] = _poll(transport)
        if protocol.should_close or (is_kept and unread is not None and unread(0)):
            if is_kept:
                raise _Stale
            raise SpokeFirst if protocol.is_connected() else Broken
        self._protocol, self._transport = protocol, transport
        self._parser = getattr(protocol, "_parser", None)

    def leave_idle(self, response: aiohttp.ClientResponse) -> None:
        """Let whatever comes on the connection from now on close it; called when the answer was read to its end.

        aiohttp's own parser would keep half a head that came early, unseen. It is replaced only where it is still the one of
        this request: another request may have the connection already.
        """
        protocol = self._protocol
        if (
            response is self._response
            and self._parser is not None
            and response.content.is_eof()
            and getattr(protocol, "_parser", None) is self._parser
        ):
            protocol._parser = _IDLE

    def _end_sending(self) -> None:
        """Let no connection stay open for the rest of a body that the other side does not take: closing it would wait for that."""
        transport = self._transport
        with suppress(AttributeError):  # a TLS transport that was closed twice has let go of its connection
            if transport is not None and self._running == 1 and transport.get_write_buffer_size():
                transport.abort()


class _Idle:
    """Replaces the parser of a connection while no request uses it."""

    def feed_data(self, data: bytes) -> Any:
        """Make aiohttp close the connection, as for any answer that cannot be read."""
        if data:
            raise ValueError("the server sent something that was not asked for")
        return (), False, b""  # aiohttp calls it so when the last of a body is taken out of its buffer

    def feed_eof(self) -> None:
        """The server has closed the connection, as it may."""


_IDLE = _Idle()


def _poll(transport: Any) -> Callable[[int], object]:
    """A function that finds out whether the system holds bytes, or the end, of a connection that were not read yet.

    That is so where user code has kept the event loop busy since they came.
    """
    sock = transport.get_extra_info("socket")
    if sock is None:
        return lambda _: False
    if not hasattr(select, "poll"):
        return lambda _: select.select([sock], [], [], 0)[0]
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll


def _never_resent(error: Exception) -> Exception:
    """The error, or one in its place that does not make aiohttp send GET, PUT and DELETE again by itself."""
    is_resent = isinstance(error, aiohttp.ServerDisconnectedError | OSError)
    if not is_resent or isinstance(error, aiohttp.ClientConnectorError):
        return error
    is_time_limit = isinstance(error, TimeoutError) and error.errno is None
    return error if is_time_limit else Broken()


# --- user code -----------------------------------------------------------------------------------


def user_error(error: Exception) -> Exception | None:
    """What user code raised: a trace hook, or anything that is no trouble of the network.

    User code that raises an error of the network, and is no trace hook, takes the network's part: a connector, a
    resolver, a middleware with a time limit. aiohttp wraps some errors in its own; then the cause is what was raised.
    """
    if isinstance(error, Broken | SentOnce | SpokeFirst):
        return None
    if not _is_of_network(error):
        return error
    raised: BaseException | None = error
    while isinstance(raised, Exception):
        if _is_of_hook(raised) or (not _is_of_network(raised) and _users_frames(raised)):
            return raised
        raised = raised.__cause__
    return None


def _raised_below(error: Exception) -> Exception | None:
    """The same below the innermost middleware, where only frames of the user make an error his: aiohttp itself raises a
    RuntimeError or an AttributeError where it finds a connection gone.
    """
    return user_error(error) if _is_of_network(error) or _users_frames(error) else None


def _is_of_network(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientError | OSError)


def _is_of_hook(error: BaseException) -> bool:
    return any(frame.f_globals.get("__name__") == "aiohttp.tracing" for frame, _ in _frames(error))


def is_of_connector(error: Exception) -> bool:
    """Whether a connector raised it, and no trace hook, while it made a connection."""
    return not _is_of_hook(error) and any(
        frame.f_globals.get("__name__") == "aiohttp.connector" for frame, _ in _frames(error)
    )


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    return traceback.walk_tb(error.__traceback__)


def _users_frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """The frames from the first one of the user on; none where there is none."""
    frames = list(_frames(error))
    packages = [str(frame.f_globals.get("__name__")).partition(".")[0] for frame, _ in frames]
    first = next((number for number, name in enumerate(packages) if name not in _NOT_OF_USERS), len(frames))
    return frames[first:]


def place_of(error: BaseException) -> str:
    """What user code raised and where, without the error's own text: `KeyError (service.py, line 14, in quota)`."""
    for frame, line in _users_frames(error):
        code = frame.f_code
        return f"{type(error).__name__} ({Path(code.co_filename).name}, line {line}, in {code.co_name})"
    return type(error).__name__


def hook_failed(error: Exception) -> str:
    """The same in a sentence, for an error of the SDK."""
    return f"code that aiohttp runs around the request raised {place_of(error)}"


def formatted(error: BaseException) -> str:
    """The traceback of an error from the first frame of the user on."""
    lines = traceback.StackSummary.extract(iter(_users_frames(error))).format()
    return "".join([*lines, *traceback.format_exception_only(error)]).rstrip()


def bare(error: Exception, is_secret: Callable[[str], bool]) -> Exception | None:
    """The error without tracebacks and chained errors, whose frames hold the token.

    None for aiohttp's, which hold it too, and for one whose text does.
    """
    if isinstance(error, aiohttp.ClientError) or is_secret("".join(traceback.format_exception_only(error))):
        return None
    if isinstance(error, ExceptionGroup) and not all(bare(each, is_secret) for each in error.exceptions):
        return None
    return stripped(error)


E = TypeVar("E", bound=BaseException)


def stripped(error: E) -> E:
    """The error without its traceback, and without the errors in whose handling it was raised."""
    for name in ("__context__", "__cause__"):
        # Not by assignment: a class of the user may forbid it, as frozen dataclasses do.
        BaseException.__setattr__(error, name, None)
    return error.with_traceback(None)
