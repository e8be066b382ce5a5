"""One HTTP exchange over aiohttp, the only socket to the API. It ends in a response, or in `ExchangeFailed` with its phase."""

from __future__ import annotations

import asyncio
import ssl
import sys
import zlib
from collections.abc import Awaitable
from contextlib import suppress
from io import BytesIO
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from pixxel_async._base.log import HOOK_FAILED
from pixxel_async._base.time_limit import TimeLimit
from pixxel_async._http.messages import SUCCESS, ExchangeFailed, Redact, Request, Response, Trouble, note_sent
from pixxel_async._http.network import Network
from pixxel_async._http.sending import (
    Broken,
    Sending,
    SentOnce,
    SpokeFirst,
    Used,
    bare,
    formatted,
    hook_failed,
    is_of_connector,
    place_of,
    stripped,
)
from pixxel_async.errors import ClientClosed, ConfigurationError

CONNECT_LIMIT = 10.0
"""Seconds for name, TCP, TLS and proxy."""
HEAD_LIMIT = 60.0
"""Seconds until the head of the answer is complete, from the beginning of the exchange."""
IDLE_LIMIT = 30.0
"""Seconds between two pieces of a body."""
MOST_BYTES = 64 * 2**20
"""Most bytes of a response, compressed and inflated; responses of this API are far smaller."""
MOST_ERROR_BYTES = 64 * 2**10
"""Bytes that are read of an error answer."""

_MOST_MEMBERS = 64
"""Gzip streams of one body; no server needs two."""
_LARGE_BODY = 2**20
_GZIP = b"\x1f\x8b"
_NO_CONTENT_TYPE = ("Content-Type",)  # aiohttp would call a missing body application/octet-stream
_CONNECT_ONLY = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT)


class Exchange(Protocol):
    """What the transport needs of a socket."""

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        """Send one request and read its answer within `timeout` seconds; raises ExchangeFailed.

        `fresh` is for what must not be sent twice. It asks for a connection that no other request has used: one that the
        server may be about to close would leave open whether the request arrived. And it refuses code around the request
        that would send it again.
        """
        ...

    async def aclose(self) -> None:
        """Close what it opened."""
        ...


class _Progress(Sending):
    """How far an exchange got, and its answer as soon as that is whole."""

    __slots__ = ("answer", "deadline", "head", "limit")

    def __init__(self, used: Used, limit: TimeLimit, deadline: float, *, once: bool, closes: bool) -> None:
        super().__init__(used, once=once, closes=closes)
        self.limit = limit
        self.deadline = deadline
        self.head: aiohttp.ClientResponse | None = None
        self.answer: Response | None = None

    async def received(self, response: aiohttp.ClientResponse) -> None:
        """Read the body at once: user code that fails later must not lose the answer."""
        # All else is local: user code may send a read in several tasks at once.
        self.head = response
        pieces: list[bytes] = []
        if response.status in SUCCESS:
            if not _took_what_came(response, pieces):
                await _read(response, pieces, self.limit, self.deadline)
            self._keep(response, await _body(response, pieces))
            return
        try:
            with suppress(Exception):
                if not _took_what_came(response, pieces):
                    await _read(response, pieces, self.limit, self.deadline)
        finally:  # the status is known even if the body is incomplete
            self._keep(response, _scrap(response, pieces))
            if not response.content.is_eof():
                response.close()

    async def replaced(self, response: aiohttp.ClientResponse) -> None:
        """Called when user code has put another answer in the place of the API's.

        Where the API answered a create, or may have received it, that alone says what became of it.
        """
        if not (self._once and self._is_sent):
            await self.received(response)
        elif self.answer is None:
            raise self.error or Broken()

    def _keep(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.answer = Response(response.status, response.headers, body)
        response._body = body  # for user code that reads it: the connection has no more

    @property
    def phase(self) -> str:
        """connect, sent or body."""
        if self.head is not None:
            return "body"
        return "sent" if self.was_sent else "connect"

    def drop(self) -> None:
        """Close the connection of an answer that was not read to its end."""
        if self.head is not None:
            with suppress(Exception):  # its class may be the user's
                self.head.close()


class AiohttpExchange:
    """Exchanges over sessions of its own, or over an injected one, which it neither changes nor closes.

    Args:
        base_url: the API.
        session: the session to use; its pool settings apply.
        network: how to connect. An injected session keeps its connector, and no proxy of the environment is used with it.
        redact: takes the token out of a text.

    Raises:
        ConfigurationError: `session` is no session of aiohttp, or is combined with a connector.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: aiohttp.ClientSession | None = None,
        network: Network | None = None,
        redact: Redact = str,
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise ConfigurationError(
                f"session must be an aiohttp.ClientSession, not a {type(session).__name__}"
            )
        self._injected = session
        self._network = network or Network()
        if session is not None and self._network.has_factory:
            raise ConfigurationError(
                "connector cannot be combined with session: give the session the connector that it should use"
            )
        proxy = self._network.proxy_for(base_url) if session is None else self._network.proxy
        self._proxy = None if proxy is None else URL(proxy)
        # A request's middlewares replace those of its session: keep what an injected session brings (no public name).
        self._middlewares = tuple(getattr(session, "_middlewares", ()))
        self._host = urlsplit(base_url).netloc
        self._most = sys.maxsize if session is None else _most_connections(session)
        self._busy = 0
        """Exchanges under way; those beyond the most that there may be wait for a connection."""
        self._pooled: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._used = Used()
        self._redact = redact
        self._reported: set[str] = set()
        """Failures of user code that were logged."""
        self._is_closed = False

    async def aclose(self) -> None:
        """Close the sessions that it made; it makes no others."""
        self._is_closed = True
        for session in (self._pooled, self._fresh):
            if session is not None:
                await session.close()

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        """Send one request and read its answer within `timeout` seconds; raises ExchangeFailed."""
        now = asyncio.get_running_loop().time()
        end = now + timeout
        tls = self._network.known_tls
        if tls is None:
            tls = await self._tls_by(end)
        session = self._session(fresh=fresh)
        limit = TimeLimit(min(end, now + HEAD_LIMIT))
        progress = _Progress(self._used, limit, end, once=fresh, closes=fresh and self._injected is None)
        self._busy += 1
        try:
            with limit:
                head = await self._requested(session, request, progress, tls)
                if head is not progress.head or progress.answer is None:
                    await progress.replaced(head)
        except Exception as error:
            progress.end()
            progress.drop()
            failure = self._failure(error, progress)
        except BaseException as stopped:  # cancelled, mostly
            if progress.was_sent:
                note_sent(stopped, request)
            progress.end()
            progress.drop()
            # Without aiohttp's frames: their locals hold the token, and a user's traceback may show locals.
            raise stripped(stopped)  # noqa: B904
        finally:
            self._busy -= 1
        if progress.answer is not None:
            return progress.answer
        if limit.is_cancelled:
            cancelled = asyncio.CancelledError()
            if progress.was_sent:
                note_sent(cancelled, request)
            raise cancelled
        # Outside of the handler: aiohttp's exceptions hold headers and URLs, and must not become its context.
        raise failure

    def _requested(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        progress: _Progress,
        tls: ssl.SSLContext | bool,
    ) -> Awaitable[aiohttp.ClientResponse]:
        """The request as aiohttp takes it, to be awaited; all that aiohttp would do by itself is turned off."""
        return session.request(
            request.method,
            URL(request.url, encoded=True),
            data=_data(request.body),
            headers=request.headers,
            skip_auto_headers=_NO_CONTENT_TYPE if _is_empty_write(request) else None,
            allow_redirects=False,
            raise_for_status=False,
            auto_decompress=False,
            timeout=_CONNECT_ONLY,
            middlewares=(*self._middlewares, progress),
            proxy=self._proxy,
            ssl=tls,
        )

    async def _tls_by(self, end: float) -> ssl.SSLContext | bool:
        """The TLS settings; the disk with `ca_file` may not respond."""
        try:
            with TimeLimit(end):
                return await self._network.tls()
        except TimeoutError:
            pass
        raise ExchangeFailed(Trouble.TIMEOUT, "connect", "ca_file could not be read in time", sent=False)

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        """The session to use; raises what is certain before anything is sent."""
        if self._is_closed:
            raise ClientClosed("the client is closed: make a new PixxelClient")
        if self._injected is not None:
            _check_usable(self._injected)
            return self._injected
        session = self._fresh if fresh else self._pooled
        if session is None:
            session = self._made(fresh=fresh)
            if fresh:
                self._fresh = session
            else:
                self._pooled = session
        return session

    def _made(self, *, fresh: bool) -> aiohttp.ClientSession:
        try:
            # No default header, cookie, netrc or environment: a request has only what we give it.
            session = aiohttp.ClientSession(
                connector=self._network.connector(force_close=fresh),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        except ConfigurationError:
            raise
        except Exception as error:  # of code that instruments it
            failure = self._hook_failed(error, "connect", sent=False)
        else:
            self._most = _most_connections(session)
            return session
        raise failure

    def _failure(self, error: Exception, progress: _Progress) -> Exception:
        """The failure as an exception of the SDK, without parts of an exception that may hold the token."""
        if progress.answer is not None:
            is_late = progress.limit.is_over and isinstance(error, TimeoutError)
            self._report((error.__context__ if is_late else None) or error)
            return error
        sent = progress.was_sent
        if progress.error is not None and (isinstance(error, SentOnce) or progress.head is not None):
            error = progress.error  # what ended the request, whatever user code has made of it
        if isinstance(error, ExchangeFailed):
            return stripped(error)
        if not sent and self._is_closed:
            return ClientClosed("the client was closed while this call was in flight")
        if not sent and self._injected is not None and self._injected.closed:
            return ClientClosed("the injected session is closed")
        raised = self._raised_by_user(error, progress)
        if raised is not None:
            if self._network.has_factory and not sent and is_of_connector(raised):
                return self._no_connection(raised)
            return self._hook_failed(raised, progress.phase, sent=sent)
        if not sent:
            trouble, detail = self._connect_trouble(error)
            if trouble is not None:
                return ExchangeFailed(trouble, "connect", detail, sent=False)
        phase = progress.phase
        if phase == "connect" and self._busy > self._most:
            phase = "pool"
        trouble, detail = _trouble(error, phase)
        return ExchangeFailed(trouble, phase, detail, sent=sent)

    def _raised_by_user(self, error: Exception, progress: _Progress) -> Exception | None:
        """What user code raised, if that ended the request without an answer."""
        is_ours = error is not progress.error and progress.limit.is_over and isinstance(error, TimeoutError)
        return None if is_ours else progress.raised_by_user(error)

    def _hook_failed(self, raised: Exception, phase: str, *, sent: bool) -> ExchangeFailed:
        self._report(raised)
        detail = hook_failed(raised)  # before its traceback is taken
        return ExchangeFailed(Trouble.HOOK, phase, detail, sent=sent, cause=self._bare(raised))

    def _no_connection(self, raised: Exception) -> ExchangeFailed:
        """A connector of the user may have errors of its own for a proxy that is down or refuses."""
        detail = f"cannot connect to {self._host}: the connector raised {place_of(raised)}"
        return ExchangeFailed(Trouble.CONNECT, "connect", detail, sent=False, cause=self._bare(raised))

    def _bare(self, raised: Exception) -> Exception | None:
        return bare(raised, lambda text: self._redact(text) != text)

    def _report(self, raised: BaseException) -> None:
        """Log the failure of user code; once for each place where it fails."""
        place = place_of(raised)
        if place not in self._reported:
            self._reported.add(place)
            HOOK_FAILED(error=place, traceback=self._redact(f"\n{formatted(raised)}"))

    def _connect_trouble(self, error: Exception) -> tuple[Trouble | None, str]:
        """The failures that aiohttp raises before anything is sent."""
        host = self._host
        match error:
            case aiohttp.ClientHttpProxyError():
                trouble = Trouble.PROXY_AUTH if error.status == 407 else Trouble.PROXY
                return (
                    trouble,
                    f"the proxy {self._proxy_host} refused to connect to {host} (HTTP {error.status})",
                )
            case aiohttp.ClientProxyConnectionError():
                return Trouble.PROXY, f"cannot connect to the proxy {self._proxy_host}: {_reason(error)}"
            case aiohttp.ClientConnectorDNSError():
                return Trouble.DNS, f"cannot find the address of {host}: {_reason(error)}"
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ServerFingerprintMismatch():
                return Trouble.CERTIFICATE, (
                    f"the certificate of {host} is not trusted; if a certificate authority of your own signed it, "
                    "pass its PEM file as ca_file="
                )
            case aiohttp.ClientConnectorSSLError() if not isinstance(error.os_error, ssl.SSLEOFError):
                reason = getattr(error.os_error, "reason", None) or "unknown reason"
                return Trouble.TLS, f"no TLS with {host} ({reason}): is it really https there?"
            case aiohttp.ClientConnectorError():
                return Trouble.CONNECT, f"cannot connect to {host}: {_reason(error)}"
            case aiohttp.ConnectionTimeoutError():
                return Trouble.TIMEOUT, f"cannot connect to {host} within {CONNECT_LIMIT:g} s"
        return None, ""

    @property
    def _proxy_host(self) -> str:
        return "" if self._proxy is None else f"{self._proxy.host}:{self._proxy.port}"


def _check_usable(session: aiohttp.ClientSession) -> None:
    """Raise what would make every request over an injected session fail."""
    if session.closed:
        raise ClientClosed("the injected session is closed")
    if session.auth is not None or session.trust_env:
        raise ConfigurationError(
            "the injected session refuses to send the token: it must not have auth= or trust_env=True (.netrc)"
        )
    loop = asyncio.get_running_loop()
    if getattr(session, "_loop", loop) is not loop:  # its public name is deprecated
        raise ConfigurationError(
            "the injected session belongs to another event loop: make it in the one that uses the client"
        )


def _most_connections(session: aiohttp.ClientSession) -> int:
    connector = session.connector
    return (connector.limit if connector is not None else 0) or sys.maxsize


def _data(body: bytes | None) -> bytes | BytesIO | None:
    # aiohttp warns of larger pieces of bytes: they are copied in one go.
    return body if body is None or len(body) <= _LARGE_BODY else BytesIO(body)


def _is_empty_write(request: Request) -> bool:
    return request.body is None and request.method != "GET"


def _reason(error: aiohttp.ClientConnectorError) -> str:
    return error.os_error.strerror or type(error.os_error).__name__


_SILENCE = {
    "pool": "no connection became free in time",
    "connect": "no connection in time",
    "sent": "no answer in time",
    "body": "the answer fell silent",
}


def _trouble(error: Exception, phase: str) -> tuple[Trouble, str]:
    """The kind of failure after the connection was made, from what aiohttp raised and when."""
    if isinstance(error, TimeoutError):
        return Trouble.TIMEOUT, _SILENCE[phase]
    if phase == "body":
        return Trouble.CUT, "the answer broke off"
    if isinstance(error, SpokeFirst):
        return Trouble.HEAD, "the server sent something before it was asked"
    is_of_answers = isinstance(error, aiohttp.ClientError) and not isinstance(
        error, aiohttp.ClientConnectionError
    )
    if is_of_answers and not isinstance(error, Broken | SentOnce):
        # Among them ClientResponseError(status=400), which aiohttp raises for a response that it cannot parse.
        return Trouble.HEAD, "the answer is not HTTP"
    return Trouble.LOST, "the connection broke before an answer came"


# --- bodies -----------------------------------------------------------------------------------------------


def _took_what_came(response: aiohttp.ClientResponse, pieces: list[bytes]) -> bool:
    """Take the body without waiting; whether it was there as a whole."""
    if (body := _already_read(response)) is not None:
        pieces.append(body)
    elif response.content.is_eof():  # came together with the head, as small answers do
        pieces.append(response.content.read_nowait())
    else:
        return False
    return True


async def _read(response: aiohttp.ClientResponse, pieces: list[bytes], limit: TimeLimit, end: float) -> None:
    """Collect the body. Each piece has its own time limit: aiohttp never reports a broken chunk after the head."""
    content = response.content
    is_success = response.status in SUCCESS
    most = MOST_BYTES if is_success else MOST_ERROR_BYTES
    if is_success and (response.content_length or 0) > most:
        raise _too_large()
    loop = asyncio.get_running_loop()
    size = 0
    while size <= most:
        limit.move(min(end, loop.time() + IDLE_LIMIT))
        piece = await content.readany()
        if not piece:
            return
        pieces.append(piece)
        size += len(piece)
    if is_success:
        raise _too_large()
    response.close()  # enough of an error


def _too_large() -> ExchangeFailed:
    return ExchangeFailed(
        Trouble.TOO_LARGE, "body", f"the answer is larger than {MOST_BYTES // 2**20} MiB", sent=True
    )


def _garbled(detail: str) -> ExchangeFailed:
    return ExchangeFailed(Trouble.GARBLED, "body", detail, sent=True)


async def _body(head: aiohttp.ClientResponse, pieces: list[bytes]) -> bytes:
    """The body of an answer that came whole. aiohttp would take a gzip stream that was cut for complete."""
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    encoding = head.headers.get("Content-Encoding", "")
    if not encoding or not body or encoding.lower() == "identity":
        return body
    if not body.startswith(_GZIP) and _already_read(head) is not None:  # and decoded
        return body
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise _garbled("the response has a Content-Encoding that was not asked for")
    try:
        body, is_whole = await inflate(body)
    except zlib.error:
        is_gzip = False
    else:
        is_gzip = True
    if not is_gzip:
        raise _garbled("the answer says that it is gzip, and is not")
    if not is_whole:
        raise ExchangeFailed(Trouble.CUT, "body", "the answer broke off", sent=True)
    return body


def _already_read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, if user code has read it: its stream is empty then. Mocks may not have it."""
    return getattr(response, "_body", None)


def _scrap(head: aiohttp.ClientResponse, pieces: list[bytes]) -> bytes:
    """The readable part of the body of an error response."""
    body = b"".join(pieces)[:MOST_ERROR_BYTES]
    if "gzip" not in head.headers.get("Content-Encoding", "").lower():
        return body
    try:
        return zlib.decompressobj(31).decompress(body, MOST_ERROR_BYTES)
    except zlib.error:
        return b""


async def inflate(data: bytes) -> tuple[bytes, bool]:
    """Gunzip: the data, and whether the stream is complete. Other tasks have their turn after each MiB.

    Raises:
        ExchangeFailed: there is more in it than an answer may have, and the rest is not inflated; or it is in very many
            pieces, each of which costs a copy of the rest.
        zlib.error: it is no gzip.
    """
    pieces: list[bytes] = []
    size = 0
    for _ in range(_MOST_MEMBERS):
        inflater = zlib.decompressobj(31)
        while not inflater.eof:
            piece = inflater.decompress(data, 2**20)
            data = inflater.unconsumed_tail
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise _too_large()
            if not piece and not data:
                break
            if data:
                await asyncio.sleep(0)
        data = inflater.unused_data
        if not inflater.eof or not data.startswith(_GZIP):
            return b"".join(pieces), inflater.eof
    raise _garbled(f"the answer is more than {_MOST_MEMBERS} gzip streams in a row")
