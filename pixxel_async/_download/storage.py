"""One request to a storage host: no credentials, no cookies, own redirect rules, and a time limit around every read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from yarl import URL

from pixxel_async._base.time_limit import TimeLimit
from pixxel_async._download.range_rules import Headers
from pixxel_async._download.signed_url import SignedUrl, is_private
from pixxel_async._http.messages import USER_AGENT, retry_after
from pixxel_async._http.network import Network
from pixxel_async._http.sending import Sending, Used, bare, hook_failed, is_of_connector, place_of, stripped
from pixxel_async.errors import ClientClosed, ConfigurationError, DownloadError

BATCH = 2**20
"""Bytes to read before they are passed on."""

_CONNECT_LIMIT = 10.0
_HEAD_LIMIT = 60.0
_IDLE_LIMIT = 30.0
_END_LIMIT = 2.0
"""Seconds to wait for the end mark of a complete body."""
_ERROR_BYTES = 64 * 2**10
_REDIRECTS = 5
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}


class Then(Enum):
    """What may help after a failed attempt."""

    AGAIN = auto()
    REFRESH = auto()
    FROM_START = auto()
    """The response did not continue the bytes at hand."""
    ONCE_MORE = auto()
    """All bytes were received, but they do not match the checksum."""
    STOP = auto()


class Failed(Exception):
    """An attempt failed. Internal; its text has no URL or header."""

    def __init__(
        self,
        reason: str,
        then: Then,
        kind: type[DownloadError] = DownloadError,
        retry_after: float | None = None,
        *,
        is_overload: bool = False,
        cause: Exception | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.then = then
        self.kind = kind
        self.retry_after = retry_after
        self.is_overload = is_overload
        """Whether the host is overloaded, so that the concurrency limit must fall."""
        self.cause = cause
        """The exception of the user's code, without traceback."""


class Storage:
    """A session of its own, made at the first use."""

    def __init__(self, *, allow_private: bool, network: Network) -> None:
        self._allow_private = allow_private
        self._network = network
        self._resolver: _Resolver | None = None
        self._session: aiohttp.ClientSession | None = None
        self._used = Used()
        self._is_closed = False

    async def aclose(self) -> None:
        """Close the session for good; safe to call twice."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    async def get(self, source: SignedUrl, headers: Headers) -> StorageAnswer:
        """Request a file and follow redirects by the rules here; the body of the response is not yet read.

        Raises:
            Failed: no response, or a redirect that is not acceptable.
        """
        for _ in range(_REDIRECTS + 1):
            sending = Sending(self._used, once=False)
            with _network(), TimeLimit.within(_HEAD_LIMIT) as limit:
                response = await self._request(source, headers, sending, limit)
            if response.status not in {301, 302, 303, 307, 308}:
                return StorageAnswer(response, sending)
            response.close()
            location = response.headers.get("Location", "")
            try:
                source = source.redirected(location, allow_private=self._allow_private)
            except DownloadError as error:
                refused = str(error)
            else:
                continue
            raise Failed(f"redirect refused: {refused}", Then.STOP)
        raise Failed(f"more than {_REDIRECTS} redirects", Then.STOP)

    async def _request(
        self, source: SignedUrl, headers: Headers, sending: Sending, limit: TimeLimit
    ) -> aiohttp.ClientResponse:
        proxy = self._network.proxy_for(source.url)
        tls = await self._network.tls()
        session, resolver = self._connections(source)
        if proxy is not None:
            resolver.proxies.add(urlsplit(proxy).hostname or "")
        try:
            return await session.get(
                URL(source.url, encoded=True),
                headers={**_HEADERS, **headers},
                allow_redirects=False,
                proxy=proxy,
                ssl=tls,
                middlewares=(sending,),
            )
        except Failed:
            raise
        except Exception as error:
            raised = sending.raised_by_user(error)
            if raised is None or (self._is_closed and isinstance(raised, RuntimeError)):
                raise
            if self._network.has_factory and is_of_connector(raised):
                failed = _no_connection(raised, source)
            else:
                failed = _hook_failed(raised, source)
        except BaseException as stopped:  # cancelled, mostly
            # Without aiohttp's frames: their locals have the URL, and a user's traceback may show locals.
            raise stripped(stopped)  # noqa: B904
        if limit.is_cancelled:
            raise asyncio.CancelledError
        raise failed

    def _connections(self, source: SignedUrl) -> tuple[aiohttp.ClientSession, _Resolver]:
        if self._is_closed:
            raise ClientClosed("the client is closed: make a new PixxelClient")
        if self._session is None or self._resolver is None:
            self._resolver = _Resolver(allow_private=self._allow_private)
            self._session = self._made(self._resolver, source)
        return self._session, self._resolver

    def _made(self, resolver: _Resolver, source: SignedUrl) -> aiohttp.ClientSession:
        try:
            return aiohttp.ClientSession(
                connector=self._network.connector(resolver=resolver),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_LIMIT),
                skip_auto_headers=("Accept",),
                trust_env=False,  # would read .netrc
                auto_decompress=False,  # would hide a cut
                requote_redirect_url=False,  # would break signatures
                read_bufsize=BATCH,
            )
        except ConfigurationError:
            raise
        except Exception as error:  # of code that instruments it
            failed = _hook_failed(error, source)
        raise failed


class StorageAnswer:
    """A response whose body is read in blocks."""

    def __init__(self, response: aiohttp.ClientResponse, sending: Sending) -> None:
        self._response = response
        self._sending = sending
        self.status = response.status
        self.content_type = response.content_type
        self.headers: Headers = {
            name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers
        }

    async def read(self, *, is_all: bool = False) -> bytes:
        """The next bytes, empty at the end. With `is_all` nothing is missing, and a later error is ignored."""
        try:
            # Around every read: aiohttp's own limits do not detect all ways to stall.
            with _network(), TimeLimit.within(_END_LIMIT if is_all else _IDLE_LIMIT):
                return await self._response.content.readany()
        except Failed:
            came_before = self._unread()
            if not came_before and not is_all:
                raise
            return came_before

    @property
    def at_end(self) -> bool:
        """Whether it is known that nothing follows."""
        return self._response.content.at_eof()

    def _unread(self) -> bytes:
        """The bytes received before an error and not read yet.

        aiohttp keeps them, but its public ways to read raise the error at once. A server that cuts often would then
        send the same bytes repeatedly. If the private way is ever gone, only these bytes are lost.
        """
        read = getattr(self._response.content, "_read_nowait", None)
        unread: bytes = b"" if read is None else read(-1)
        return unread

    async def check_status(self) -> None:
        """Raise Failed, with the remedy, unless the body is the whole file."""
        if self.status == 200:
            return
        says = f"the server responded with {self.status}"
        if self.status in {401, 403, 404, 410} or (self.status == 400 and await self._says_expired()):
            raise Failed(f"{says}: the link has expired, or the file is gone", Then.REFRESH)
        if self.status in {408, 425, 429} or self.status >= 500:
            asked = retry_after(self.headers, datetime.now(UTC))
            is_overload = self.status in {429, 503}
            raise Failed(says, Then.AGAIN, retry_after=asked, is_overload=is_overload)
        raise Failed(says, Then.STOP)

    async def _says_expired(self) -> bool:
        body = b""
        while len(body) < _ERROR_BYTES and (chunk := await self.read()):
            body += chunk
        return b"expired" in body.lower()

    def close(self) -> None:
        """Drop the connection if anything is left on it."""
        self._sending.leave_idle(self._response)
        self._response.close()


# --- aiohttp ----------------------------------------------------------------------------------------------


class _Resolver(aiohttp.ThreadedResolver):
    """Looks up names, and refuses those with an address in a private network, unless they are proxies."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__()
        self._allow_private = allow_private
        self.proxies: set[str] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if (
            not self._allow_private
            and host not in self.proxies
            and any(is_private(each["host"]) for each in found)
        ):
            raise Failed("the host's name leads to a private address", Then.STOP)
        return found


def _no_connection(raised: Exception, source: SignedUrl) -> Failed:
    """A connector of the user may have its own errors for a proxy that is down or refuses."""
    reason = f"no connection: the connector raised {place_of(raised)}"
    return Failed(reason, Then.AGAIN, cause=bare(raised, source.is_shown_by))


def _hook_failed(raised: Exception, source: SignedUrl) -> Failed:
    reason = hook_failed(raised)  # before its traceback is taken
    return Failed(reason, Then.STOP, cause=bare(raised, source.is_shown_by))


@contextmanager
def _network() -> Generator[None, None, None]:
    """Translate aiohttp's exceptions, which hold headers and URLs, into texts without them."""
    try:
        yield
    # TimeoutError is an OSError. aiohttp raises a RuntimeError when a connection that is already closed is read.
    except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
        raise _failure(error) from None


def _failure(error: Exception) -> Failed:
    then = Then.AGAIN
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch):
        reason, then = "the server's certificate cannot be trusted, or TLS failed", Then.STOP
    elif isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        reason = "the proxy refused"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        reason = "the host's name was not found"
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = "no connection"
    elif isinstance(error, TimeoutError):
        reason = "the server stopped sending"
    elif isinstance(error, aiohttp.InvalidURL | ValueError):
        reason, then = "the URL cannot be requested", Then.STOP
    elif isinstance(error, aiohttp.ClientResponseError):
        reason = "the response is not valid HTTP"
    else:
        reason = "the connection broke"
    return Failed(reason, then, is_overload=isinstance(error, aiohttp.ConnectionTimeoutError))
