"""One HTTP exchange over aiohttp: the only socket to the API. Every end is an answer or an `ExchangeFailed` that knows its phase."""

from __future__ import annotations

import asyncio
import ssl
import sys
import warnings
import zlib
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from pixxel_async._sansio import SUCCESS, ExchangeFailed, Request, Response, Trouble, note_sent
from pixxel_async._time_limit import TimeLimit
from pixxel_async.auth import Hidden
from pixxel_async.config import is_loopback
from pixxel_async.errors import ClientClosed, ConfigurationError

CONNECT_LIMIT = 10.0
"""Seconds for name, TCP, TLS and proxy."""
HEAD_LIMIT = 60.0
"""Seconds until the head of the answer is complete, from the beginning of the exchange."""
IDLE_LIMIT = 30.0
"""Seconds between two pieces of a body."""
MOST_BYTES = 64 * 2**20
"""Bytes of an answer, compressed as well as inflated; no answer of this API comes near."""
MOST_ERROR_BYTES = 64 * 2**10
"""Bytes that are read of an error answer."""

_MOST_CONNECTIONS = 100
_MOST_MEMBERS = 64
"""Gzip streams of one body; no server needs two."""
_LARGE_BODY = 2**20
_NO_CONTENT_TYPE = ("Content-Type",)  # aiohttp would call a missing body application/octet-stream
_CONNECT_ONLY = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT)


class Exchange(Protocol):
    """What the transport needs of a socket."""

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        """Send one request and read its answer within `timeout` seconds; raises ExchangeFailed.

        `fresh` asks for a connection that no other request has used: one that the server may be about to close would
        leave open whether the request arrived.
        """
        ...

    async def aclose(self) -> None:
        """Close what it opened."""
        ...


class _Answer(aiohttp.ClientResponse):
    """Knows its transport also when aiohttp has let go of it."""

    transport: asyncio.Transport | None = None

    def start(self, connection: Any) -> Any:
        """Wait for the head."""
        self.transport = connection.transport
        return super().start(connection)


class _Progress:
    """How far an exchange got, seen from inside aiohttp as a middleware of its request."""

    __slots__ = ("head", "phase", "pieces", "sent")

    def __init__(self) -> None:
        self.sent = False
        self.phase = "connect"
        self.head: aiohttp.ClientResponse | None = None
        self.pieces: list[bytes] = []
        """The body, as far as it came."""

    async def watch(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Note whether the request was sent, and keep aiohttp from sending GET, PUT and DELETE again by itself."""
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise  # never resent by aiohttp, and tells what went wrong
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            self._look(request)
        except BaseException:
            self._look(request)
            raise
        raise _Broken

    def drop(self) -> None:
        """Close the connection of an answer that was not read to its end."""
        if self.head is not None:
            self.head.close()

    def _look(self, request: aiohttp.ClientRequest) -> None:
        # aiohttp puts the response there once the request has been given to the connection. Tracing would tell as
        # well, but its signals cost a tenth of a small call, and an injected session has none of ours.
        response = getattr(request, "response", True)
        self.sent = response is not None
        if self.sent:
            self.phase = "sent"
        if isinstance(response, _Answer):
            _end_sending(response)


def _end_sending(response: _Answer) -> None:
    """Let no connection stay open for the rest of a body that the other side does not take: closing it would wait for that."""
    transport = response.transport
    if transport is not None and transport.get_write_buffer_size():
        transport.abort()


class _Broken(aiohttp.ClientError):
    """A broken connection, in a class that does not make aiohttp send the request again."""


class AiohttpExchange:
    """Exchanges over sessions of its own, or over an injected one, which it neither changes nor closes.

    Args:
        base_url: the API.
        session: the session to use; its pool settings apply.
        proxy: URL of the proxy to use.
        tls: whom to trust; True for the system's authorities.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        self._injected = session
        self._proxy = None if proxy is None else URL(proxy)
        self._tls = tls
        # A request's middlewares replace those of its session: keep what an injected session brings (no public name).
        self._middlewares = tuple(getattr(session, "_middlewares", ()))
        self._host = urlsplit(base_url).netloc
        self._most = _MOST_CONNECTIONS if session is None else _most_connections(session)
        self._busy = 0
        """Exchanges under way; those beyond the most that there may be wait for a connection."""
        self._pooled: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def aclose(self) -> None:
        """Close the sessions that it made; it makes no others."""
        self._is_closed = True
        for session in (self._pooled, self._fresh):
            if session is not None:
                await session.close()

    async def exchange(self, request: Request, *, timeout: float, fresh: bool) -> Response:
        """Send one request and read its answer within `timeout` seconds; raises ExchangeFailed."""
        progress = _Progress()
        self._busy += 1
        try:
            now = asyncio.get_running_loop().time()
            end = now + timeout
            with TimeLimit(min(end, now + HEAD_LIMIT)) as limit:
                head = await self._session(fresh=fresh).request(
                    request.method,
                    URL(request.url, encoded=True),
                    data=_data(request.body),
                    headers=request.headers,
                    skip_auto_headers=_NO_CONTENT_TYPE if _is_empty_write(request) else None,
                    allow_redirects=False,
                    raise_for_status=False,
                    auto_decompress=False,
                    timeout=_CONNECT_ONLY,
                    middlewares=(progress.watch, *self._middlewares),
                    proxy=self._proxy,
                    ssl=self._tls,
                )
                progress.head, progress.phase, progress.sent = head, "body", True
                content = head.content
                if content.is_eof():  # came together with the head, as small answers do
                    progress.pieces.append(content.read_nowait())
                else:
                    await _read(head, progress.pieces, limit, end)
            is_success = head.status in SUCCESS
            body = await _body(head, progress.pieces) if is_success else _scrap(head, progress.pieces)
            return Response(head.status, head.headers, body)
        except asyncio.CancelledError as cancelled:
            progress.drop()
            if progress.sent:
                note_sent(cancelled, request)
            # Without aiohttp's frames: their locals hold the token, and a user's traceback may show locals.
            cancelled.__context__ = None
            raise cancelled.with_traceback(None)  # noqa: B904
        except Exception as error:
            progress.drop()
            failure = self._failure(error, progress)
        finally:
            self._busy -= 1
        if progress.head is not None and progress.head.status not in SUCCESS:
            # The status is known, and says more than a body that broke off.
            return Response(
                progress.head.status, progress.head.headers, _scrap(progress.head, progress.pieces)
            )
        # Outside of the handler: aiohttp's exceptions hold headers and URLs, and must be nobody's context.
        raise failure

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        if self._injected is not None:
            return self._injected
        session = self._fresh if fresh else self._pooled
        if session is None:
            if self._is_closed:
                raise ClientClosed("the client is closed: make a new PixxelClient")
            # No default header, no cookie, no netrc, nothing of the environment: each request says all it says.
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, force_close=fresh),
                cookie_jar=aiohttp.DummyCookieJar(),
                response_class=_Answer,
            )
            if fresh:
                self._fresh = session
            else:
                self._pooled = session
        return session

    def _failure(self, error: Exception, progress: _Progress) -> Exception:
        """What happened, in our words; with nothing in it of an exception that may hold the token."""
        if isinstance(error, ExchangeFailed | ClientClosed):
            return error.with_traceback(None)
        if (
            isinstance(error, ValueError)
            and self._injected is not None
            and not isinstance(error, aiohttp.ClientError)
        ):
            return ConfigurationError(
                "the injected session refuses to send the token: it must not have auth= or trust_env=True (.netrc)"
            )
        if self._is_closed and not progress.sent:
            return ClientClosed("the client was closed while this call was under way")
        if self._injected is not None and self._injected.closed:
            return ClientClosed("the injected session is closed")
        trouble, detail = self._connect_trouble(error)
        if trouble is not None:
            return ExchangeFailed(trouble, "connect", detail, sent=False)
        phase = progress.phase
        if phase == "connect" and self._busy > self._most:
            phase = "pool"
        trouble, detail = _trouble(error, phase)
        return ExchangeFailed(trouble, phase, detail, sent=progress.sent)

    def _connect_trouble(self, error: Exception) -> tuple[Trouble | None, str]:
        """The troubles that aiohttp knows to come before anything is sent."""
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
    """The troubles on the way, told by what aiohttp raised and when."""
    if isinstance(error, TimeoutError):
        return Trouble.TIMEOUT, _SILENCE[phase]
    if phase == "body":
        return Trouble.CUT, "the answer broke off"
    if isinstance(error, _Broken | OSError | aiohttp.ClientConnectionError):
        return Trouble.LOST, "the connection broke before an answer came"
    # Among them ClientResponseError(status=400): aiohttp's word for an answer that *it* cannot read.
    return Trouble.HEAD, "the answer is not HTTP"


# --- bodies -----------------------------------------------------------------------------------------------


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
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise _garbled("the answer is encoded in a way nobody asked for")
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


def _scrap(head: aiohttp.ClientResponse, pieces: list[bytes]) -> bytes:
    """What can be had of the body of an error answer."""
    body = b"".join(pieces)[:MOST_ERROR_BYTES]
    if "gzip" not in head.headers.get("Content-Encoding", "").lower():
        return body
    try:
        return zlib.decompressobj(31).decompress(body, MOST_ERROR_BYTES)
    except zlib.error:
        return b""


async def inflate(data: bytes) -> tuple[bytes, bool]:
    """Gunzip, and tell whether the stream came to its end. Other tasks have their turn after each MiB.

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
        if not inflater.eof or not data.startswith(b"\x1f\x8b"):
            return b"".join(pieces), inflater.eof
    raise _garbled(f"the answer is more than {_MOST_MEMBERS} gzip streams in a row")


# --- proxy and TLS ----------------------------------------------------------------------------------------


def proxy_of_environment(scheme: str, host: str) -> Hidden | None:
    """The proxy that the environment names for a host; none for this machine.

    Read by ourselves: aiohttp's trust_env would also read .netrc, and put its password in the place of our token.
    """
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxy = _named_in_environment(scheme)
    return check_proxy(proxy, "the proxy in the environment") if proxy else None


def _named_in_environment(scheme: str) -> Hidden | None:
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return Hidden(proxy) if proxy else None


def check_proxy(proxy: Hidden, name: str = "proxy") -> Hidden:
    """The URL of a proxy, complete.

    Raises:
        ConfigurationError: it is no HTTP proxy.
    """
    url = proxy if "://" in proxy else Hidden(f"http://{proxy}")
    if not _is_proxy(url):
        raise ConfigurationError(
            f"{name} must be the URL of an HTTP proxy, like http://proxy.example:3128; "
            "for SOCKS pass a session with a connector of its own"
        )
    return url


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(URL(url).host) and parts.port != 0
    except ValueError:
        return False


def tls_of(ca_file: str | PathLike[str] | None, *, insecure: bool) -> ssl.SSLContext | bool:
    """Whom to trust, in aiohttp's terms.

    Raises:
        ConfigurationError: the file holds no certificates.
    """
    if insecure:
        warnings.warn(
            "insecure=True: certificates are not checked, anyone on the way can read the token",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(Path(ca_file))
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "it holds no PEM certificate"
    else:
        return context
    raise ConfigurationError(f"ca_file {str(ca_file)!r} cannot be used: {problem}")
