"""Files behind signed URLs: fetched whole, counted, hashed, and named only when they are complete.

A signed URL is a secret: whoever has it, has the file. It goes onto the wire byte for byte as it was signed, over a
session of its own that knows no token, cookie or proxy password, and in no error or log is its query shown.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import Enum, auto
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp
import attrs
from aiohttp.abc import ResolveResult
from yarl import URL

from pixxel_async._clock import Clock
from pixxel_async._files import (
    PartFile,
    Target,
    checked_name,
    claim,
    in_thread,
    require_space,
    safe_name,
)
from pixxel_async._sansio import USER_AGENT, clean_text, retry_after
from pixxel_async._unzip import unzip as _unzip
from pixxel_async.errors import ClientClosed, DownloadError, IntegrityError, InvalidInput

Progress = Callable[[int, int | None], Any]
"""Told the bytes so far and the bytes in all (None where the server does not tell). Starts over after a broken transfer."""
Refresh = Callable[[], Awaitable[str]]
"""Gives a new signed URL for the same file."""

_PIECE = 2**20
_CONNECT_LIMIT = 10.0
_HEAD_LIMIT = 60.0
_IDLE_LIMIT = 30.0
_SLOW_WINDOW, _SLOW_BYTES = 60.0, 60 * 2**10
"""A transfer below 1 KiB/s over a minute counts as broken."""
_ERROR_BYTES = 64 * 2**10
_TRIES = 5
_REFRESHES = 3
_REDIRECTS = 5
_BACKOFF_BASE, _BACKOFF_CAP = 0.5, 20.0
_RETRY_AFTER_CAP = 120.0
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}


@attrs.frozen
class SavedFile:
    """A file that was fetched whole."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    """Hash of the content, in hexadecimal."""
    length_verified: bool
    """Whether the server told the length and all of it came; if not, a cut could have gone unnoticed."""
    members: tuple[Path, ...] | None = None
    """The files of the unpacked archive, in its order; None if nothing was unpacked."""


class Downloader:
    """Fetches files over a session of its own, made at the first use and without any credentials."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        allow_private: bool = False,
        proxy_for: Callable[[str], str | None] | None = None,
        tls: ssl.SSLContext | bool = True,
    ) -> None:
        """Make a downloader.

        Args:
            clock: Time, sleep and jitter.
            allow_private: Accept http URLs and private addresses; for an API that is itself on this machine.
            proxy_for: Gives the URL of the proxy on the way to a URL, None for a direct way.
            tls: Whom to trust.
        """
        self._clock = clock or Clock()
        self._allow_private = allow_private
        self._proxy_for = proxy_for
        self._tls = tls
        self._resolver: _Resolver | None = None
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def aclose(self) -> None:
        """Close the session; a second time does nothing."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def check_target(
        self, directory: str | PathLike[str], *, filename: str, overwrite: bool, unzip: bool
    ) -> None:
        """Raise what `save` would raise about the place, before anybody waits for the URL."""
        await in_thread(claim, directory, checked_name(filename), overwrite, unzip)

    async def save(
        self,
        url: str,
        directory: str | PathLike[str],
        *,
        filename: str | None = None,
        overwrite: bool = False,
        on_progress: Progress | None = None,
        refresh: Refresh | None = None,
        unzip: bool = False,
    ) -> SavedFile:
        """Fetch a file; its name exists only when it is complete.

        Args:
            url: Where from, https; sent byte for byte.
            directory: Where to; made if missing.
            filename: Bare name of the file; the last part of the URL's path, cleaned, when left out.
            overwrite: Replace what has the name already.
            on_progress: Called with the bytes so far and the bytes in all.
            refresh: Called for a new URL when this one has expired, at most three times.
            unzip: Also unpack the file, a ZIP, into a folder beside it; the ZIP stays.

        Raises:
            InvalidInput: the URL or the file name cannot be used.
            FileInTheWay: the name is taken.
            DiskFull: not enough room.
            IntegrityError: the file, or the archive, is not whole.
            DownloadError: it could not be had for another reason, or the archive is unsafe to unpack.
        """
        if self._closed:
            raise ClientClosed("the client is closed: make a new PixxelClient")
        source = _Source.checked(url, InvalidInput, allow_private=self._allow_private)
        del url  # not for tracebacks that show local variables
        name = source.name if filename is None else checked_name(filename)
        target = await in_thread(claim, directory, name, overwrite, unzip)
        part = PartFile(target)
        try:
            await in_thread(part.open)
            length_verified = await self._fetch(_Plan(source), part, target, on_progress, refresh)
            await in_thread(part.publish)
        finally:
            await in_thread(part.close)
        members = None if target.folder is None else await _unpack(target.path, target.folder, overwrite)
        return SavedFile(target.path, part.size, part.sha256, length_verified, members)

    async def _fetch(
        self,
        plan: _Plan,
        part: PartFile,
        target: Target,
        on_progress: Progress | None,
        refresh: Refresh | None,
    ) -> bool:
        """Attempt after attempt, until one succeeds or nothing is left to try."""
        while True:
            try:
                return await self._attempt(plan, part, target, on_progress)
            except _Failed as caught:
                failed = caught
            except DownloadError as error:
                # The frames of an attempt hold the answer, and that its URL: tracebacks may show local variables.
                raise error.with_traceback(None) from error.__cause__
            # Outside of the handler: what went wrong in aiohttp must not be anyone's context.
            plan = await self._next_plan(plan, failed, refresh)

    async def _next_plan(self, plan: _Plan, failed: _Failed, refresh: Refresh | None) -> _Plan:
        if failed.then is _Then.REFRESH and refresh is not None and plan.refreshes < _REFRESHES:
            source = _Source.checked(await refresh(), DownloadError, allow_private=self._allow_private)
            return attrs.evolve(plan, source=source, refreshes=plan.refreshes + 1)
        wait = self._wait(plan.tries, failed.retry_after)
        if failed.then is not _Then.AGAIN or plan.tries == _TRIES or wait > _RETRY_AFTER_CAP:
            tries = f" (after {plan.tries} attempts)" if plan.tries > 1 else ""
            raise failed.kind(f"{plan.source}: {failed.reason}{tries}")
        await self._clock.sleep(wait)
        return attrs.evolve(plan, tries=plan.tries + 1)

    def _wait(self, tries: int, asked: float | None) -> float:
        if asked is not None:
            return asked + self._clock.rng.uniform(0, min(1.0, asked / 10) + 0.1)
        return self._clock.rng.uniform(0, min(_BACKOFF_CAP, _BACKOFF_BASE * 2 ** (tries - 1)))

    async def _attempt(
        self, plan: _Plan, part: PartFile, target: Target, on_progress: Progress | None
    ) -> bool:
        """Fetch it once, from the first byte; tells whether the length was verified."""
        response = await self._open(plan.source)
        try:
            await _check_status(response)
            length = response.content_length
            if length is not None:
                await in_thread(require_space, target.path.parent, length)
            await in_thread(part.restart, _is_gzip(response))
            await self._receive(response, part, _Expected(target.path.name, length), on_progress)
            await in_thread(part.check_end, length is not None)
        except IntegrityError as error:
            problem = str(error)
        else:
            return length is not None
        finally:
            response.close()
        raise _Failed(problem, _Then.AGAIN, IntegrityError)

    async def _open(self, source: _Source) -> aiohttp.ClientResponse:
        """Send the request, and follow redirects by our own rules; the answer's body is not yet read."""
        for _ in range(_REDIRECTS + 1):
            with _network():
                async with asyncio.timeout(_HEAD_LIMIT):
                    response = await self._get(source)
            if response.status not in {301, 302, 303, 307, 308}:
                return response
            response.close()
            location = response.headers.get("Location", "")
            try:
                source = source.redirected(location, allow_private=self._allow_private)
            except DownloadError as error:
                refused = str(error)
            else:
                continue
            raise _Failed(f"redirect refused: {refused}", _Then.STOP)
        raise _Failed(f"more than {_REDIRECTS} redirects", _Then.STOP)

    async def _get(self, source: _Source) -> aiohttp.ClientResponse:
        proxy = None if self._proxy_for is None else self._proxy_for(source.url)
        session, resolver = self._connections()
        if proxy is not None:
            resolver.proxies.add(urlsplit(proxy).hostname or "")
        return await session.get(
            URL(source.url, encoded=True), headers=_HEADERS, allow_redirects=False, proxy=proxy
        )

    def _connections(self) -> tuple[aiohttp.ClientSession, _Resolver]:
        if self._session is None or self._resolver is None:
            self._resolver = _Resolver(allow_private=self._allow_private)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=self._resolver, ssl=self._tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_LIMIT),
                skip_auto_headers=("Accept",),
                middlewares=(_send_once,),
                trust_env=False,  # would read .netrc
                auto_decompress=False,  # would hide a cut
                requote_redirect_url=False,  # would break signatures
                read_bufsize=_PIECE,
            )
        return self._session, self._resolver

    async def _receive(
        self,
        response: aiohttp.ClientResponse,
        part: PartFile,
        expected: _Expected,
        on_progress: Progress | None,
    ) -> None:
        """Read to the end, in pieces that are hashed and written in a thread while the next one arrives."""
        received = 0
        pace = _SlowGuard(self._clock)
        at_end = False
        while not at_end:
            pieces: list[bytes] = []
            size = 0
            while size < _PIECE and not at_end:
                chunk = await _read(response, is_all=received + size == expected.length)
                pieces.append(chunk)
                size += len(chunk)
                at_end = not chunk
                if not at_end:
                    pace.check(len(chunk))
            if received == 0:
                _refuse_error_page(response, b"".join(pieces), expected.name)
            received += size
            await in_thread(part.write, pieces)
            if on_progress is not None:
                on_progress(received, expected.length)
        if expected.length is not None and received != expected.length:
            raise _Failed(f"{received} of {expected.length} bytes came", _Then.AGAIN, IntegrityError)


async def _unpack(archive: Path, folder: Path, overwrite: bool) -> tuple[Path, ...]:
    stop = threading.Event()
    return await in_thread(_unzip, archive, folder, overwrite, stop, stop=stop)


# --- one attempt's values ---------------------------------------------------------------------------------


class _Source:
    """A signed URL that does not show itself: `str` and `repr` leave out the query."""

    __slots__ = ("url",)

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def checked(cls, url: str, kind: type[Exception], *, allow_private: bool) -> _Source:
        """Raises `kind` for what is no URL of a file on the internet."""
        source = cls(url)
        problem = _url_problem(url, allow_private=allow_private)
        if problem is not None:
            raise kind(f"{source}: the URL {problem}")
        return source

    def redirected(self, location: str, *, allow_private: bool) -> _Source:
        """Where a `Location` leads; DownloadError if nobody should go there."""
        if not location:
            raise DownloadError("no Location is given")
        url = location
        if not re.match("[a-z]+://", location, re.IGNORECASE):
            with suppress(ValueError):
                url = urljoin(self.url, location)
        return _Source.checked(url, DownloadError, allow_private=allow_private)

    @property
    def name(self) -> str:
        """A file name out of the path."""
        return safe_name(unquote(urlsplit(self.url).path.rsplit("/", 1)[-1])) or "download"

    def __str__(self) -> str:
        try:
            parts = urlsplit(self.url)
            place = (
                f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
            )
        except (ValueError, TypeError, AttributeError):
            return "unreadable URL"
        return clean_text(place, str, most=300) + ("?…" if parts.query else "")

    __repr__ = __str__


def _url_problem(url: object, *, allow_private: bool) -> str | None:
    if not isinstance(url, str) or not re.fullmatch("[!-~]+", url):
        return "holds blanks, control or non-ASCII characters, or is no text"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "cannot be read"
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        return "does not begin with https://"
    if not host or "@" in parts.netloc:
        return "names no host, or holds user info"
    if not allow_private and _is_private(host):
        return "leads to a private address"
    return None


def _is_private(host: str) -> bool:
    """Whether a literal address is not one of the public internet; names are judged when they are resolved."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


@attrs.frozen(eq=False, repr=False)
class _Plan:
    """What the next attempt does, and what was tried before it."""

    source: _Source
    tries: int = 1
    refreshes: int = 0


@attrs.frozen(eq=False, repr=False)
class _Expected:
    name: str
    length: int | None


class _Then(Enum):
    """What may help after a failed attempt."""

    AGAIN = auto()
    REFRESH = auto()
    STOP = auto()


class _Failed(Exception):
    """An attempt failed. Internal; holds words of ours only."""

    def __init__(
        self,
        reason: str,
        then: _Then,
        kind: type[DownloadError] = DownloadError,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.then = then
        self.kind = kind
        self.retry_after = retry_after


class _SlowGuard:
    """Finds a transfer that never stands still, and never gets on either."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._bytes = 0

    def check(self, size: int) -> None:
        self._bytes += size
        now = self._clock.monotonic()
        if now - self._since < _SLOW_WINDOW:
            return
        if self._bytes < _SLOW_BYTES:
            raise _Failed(f"only {self._bytes} bytes came in {now - self._since:.0f} s", _Then.AGAIN)
        self._since, self._bytes = now, 0


# --- aiohttp ----------------------------------------------------------------------------------------------


class _Resolver(aiohttp.ThreadedResolver):
    """Looks names up, and refuses those that lead into a private network, unless they are proxies."""

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
            and any(_is_private(each["host"]) for each in found)
        ):
            raise _Failed("the host's name leads to a private address", _Then.STOP)
        return found


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a request again by itself after a broken connection."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        pass
    raise _Failed("the connection broke", _Then.AGAIN)


@contextmanager
def _network() -> Generator[None, None, None]:
    """Turn what aiohttp raises into words of ours: its exceptions hold headers and URLs."""
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise _failure(error) from None


def _failure(error: Exception) -> _Failed:
    then = _Then.AGAIN
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ServerFingerprintMismatch):
        reason, then = "the server's certificate cannot be trusted, or TLS failed", _Then.STOP
    elif isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        reason = "the proxy refused"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        reason = "the host's name was not found"
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = "no connection"
    elif isinstance(error, TimeoutError):
        reason = "the server fell silent"
    elif isinstance(error, aiohttp.InvalidURL | ValueError):
        reason, then = "the URL cannot be requested", _Then.STOP
    elif isinstance(error, aiohttp.ClientResponseError):
        reason = "the answer is not proper HTTP"
    else:
        reason = "the connection broke"
    return _Failed(reason, then)


async def _read(response: aiohttp.ClientResponse, *, is_all: bool) -> bytes:
    """The next bytes, empty at the end. `is_all` when nothing is missing: a fault after that is none."""
    try:
        with _network():
            # Around every read: aiohttp's own limits do not notice all ways to stall.
            async with asyncio.timeout(_IDLE_LIMIT):
                return await response.content.readany()
    except _Failed:
        if not is_all:
            raise
    return b""


async def _check_status(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status == 200:
        return
    says = f"the server answered {status}"
    if status in {401, 403, 404, 410} or (status == 400 and await _says_expired(response)):
        raise _Failed(f"{says}: the link has expired, or the file is gone", _Then.REFRESH)
    if status in {206, 408, 425, 429} or status >= 500:
        headers = {name.lower(): value for name, value in response.headers.items()}
        asked = retry_after(headers, datetime.now(UTC))
        raise _Failed(says, _Then.AGAIN, retry_after=asked)
    raise _Failed(says, _Then.STOP)


async def _says_expired(response: aiohttp.ClientResponse) -> bool:
    body = b""
    while len(body) < _ERROR_BYTES and (chunk := await _read(response, is_all=False)):
        body += chunk
    return b"expired" in body.lower()


def _is_gzip(response: aiohttp.ClientResponse) -> bool:
    """Whether the content is encoded although nobody asked for it."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise _Failed("the content has an encoding that was not asked for", _Then.STOP)
    return encoding.endswith("gzip")


_BINARY_ENDINGS = frozenset(
    {".gz", ".h5", ".hdf", ".jp2", ".jpeg", ".jpg", ".nc", ".png", ".tar", ".tif", ".tiff", ".zip"}
)
_MARKUP_ENDINGS = frozenset({".htm", ".html", ".xhtml"})
_TEXT_TYPES = frozenset({"text/html", "text/xml", "text/plain", "application/xml", "application/json"})
_ERROR = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?Error[\s>]", re.IGNORECASE)
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)", re.IGNORECASE)
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml", re.IGNORECASE)


def _refuse_error_page(response: aiohttp.ClientResponse, head: bytes, name: str) -> None:
    """An error told with status 200 is no file; how sure that is depends on what the name promises."""
    ending = Path(name).suffix.lower()
    is_error = _ERROR.match(head) is not None
    if ending not in _MARKUP_ENDINGS:
        is_error = is_error or _PAGE.match(head) is not None
    if ending in _BINARY_ENDINGS:
        is_text = response.content_type in _TEXT_TYPES and bool(head) and b"\0" not in head[:1024]
        is_error = is_error or is_text or _XML.match(head) is not None
    if is_error:
        raise _Failed("a page of text came with status 200 instead of the file", _Then.STOP)
