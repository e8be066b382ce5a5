"""The storage host: files behind signed URLs, on a separate origin.

It behaves like an object store: errors in XML, strong ETags, `Range` with `If-Range`, and a signature over the exact
query. A signed URL needs no credentials. A request with the API's credentials is a leak: it is refused and recorded.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

import attrs
from aiohttp import web

from pixxel_async.sandbox._base.faults import Fault, Faults, reset_connection

CACHE_BYTES = 64 * 2**20
"""Size limit of the cache of built files, in bytes."""

_CREDENTIALS = ("Authorization", "Cookie", "Proxy-Authorization")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_PIECE = 64 * 1024


@attrs.frozen
class StorageRequest:
    """One request that reached the storage host."""

    method: str
    key: str
    status: int
    """0 when the connection was reset before a response."""
    range: str | None
    """The `Range` header as sent."""
    at: datetime


@attrs.frozen
class Leak:
    """Credentials that were sent to the storage host."""

    header: str
    key: str
    at: datetime


@attrs.frozen
class _Object:
    body: bytes
    etag: str
    modified: datetime


@attrs.frozen
class _Refusal(Exception):
    """A response other than the file: an HTTP status, the error's code in XML, and a message."""

    status: int
    code: str
    message: str
    headers: dict[str, str] = attrs.field(factory=dict)


class Storage:
    """Serves published files to every client with a signed URL.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        now: Returns the time that decides whether a URL has expired.
        faults: Faults to inject; their target is `storage`.
        secret: Key of the signatures.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        faults: Faults | None = None,
        secret: bytes = b"sandbox",
    ) -> None:
        self._host = host
        self._port = port
        self._now = now
        self._faults = faults or Faults()
        self._secret = secret
        self._builders: dict[str, Callable[[], bytes]] = {}
        self._objects: OrderedDict[str, _Object] = OrderedDict()
        self._building: dict[str, asyncio.Task[_Object]] = {}
        self._runner: web.AppRunner | None = None
        self._origin = ""
        self.requests: list[StorageRequest] = []
        """Every request so far."""
        self.leaks: list[Leak] = []
        """Every credential in a request; empty with a correct client."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as `http://127.0.0.1:40123`; known once started."""
        return self._origin

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{key:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._origin = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for task in self._building.values():
            task.cancel()

    def publish(self, name: str, build: Callable[[], bytes]) -> str:
        """Publish a file and return its key; `build` runs in a thread at the first request.

        A name that is already published keeps its file: use `replace` to change it.
        """
        self._builders.setdefault(name, build)
        return name

    def replace(self, name: str, build: Callable[[], bytes]) -> None:
        """Replace a published file; its ETag changes too."""
        self._builders[name] = build
        self._objects.pop(name, None)

    def sign(self, key: str, ttl_seconds: float) -> str:
        """A URL for a published file that is valid for `ttl_seconds`.

        Its query contains `%2F`, `%3D` and a bare `+`, and the signature covers the exact text. A client that decodes
        and encodes the query is refused.
        """
        expires = int(self._now().timestamp() + ttl_seconds)
        token = hashlib.sha256(f"{key}\n{expires}".encode() + self._secret).hexdigest()[:12]
        path = "/" + quote(key)
        query = f"X-Expires={expires}&X-Token=sb%2F{token[:6]}+{token[6:]}%3D%3D"
        return f"{self._origin}{path}?{query}&X-Signature={self._signature(f'{path}?{query}')}"

    def _signature(self, signed: str) -> str:
        return hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        key = unquote(request.raw_path.partition("?")[0]).removeprefix("/")
        faults = self._faults.take("storage")
        status = 0
        try:
            response = await self._respond(request, key, faults)
            status = response.status
            return response
        finally:
            self.requests.append(
                StorageRequest(request.method, key, status, request.headers.get("Range"), self._now())
            )

    async def _respond(self, request: web.Request, key: str, faults: list[Fault]) -> web.StreamResponse:
        broken: Fault | None = None
        for fault in faults:
            if fault.kind == "delay":
                await asyncio.sleep(fault.delay)
            else:
                broken = fault
        try:
            self._refuse_credentials(request, key)
            if broken is not None:
                await self._break(request, key, broken)
            self._check(request, key)
            file = await self._object(key)
            return await self._send(request, file, broken)
        except _Refusal as refusal:
            return _error(key, refusal)

    async def _break(self, request: web.Request, key: str, fault: Fault) -> None:
        """Apply the faults that do not need the file."""
        if fault.kind == "status":
            headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after}"}
            raise _Refusal(fault.status, "SandboxFault", "A fault of the sandbox.", headers)
        if fault.kind == "expire":
            raise _Refusal(403, "AccessDenied", "Request has expired")
        if fault.kind == "hang":
            await asyncio.Event().wait()
        if fault.kind == "reset":
            reset_connection(request.transport)
            raise ConnectionResetError("a fault of the sandbox")
        if fault.kind == "change" and key in self._builders:
            before = await self._object(key)
            self.replace(key, lambda: before.body + b"\n")

    def _refuse_credentials(self, request: web.Request, key: str) -> None:
        carried = [name for name in _CREDENTIALS if name in request.headers]
        if carried:
            self.leaks.extend(Leak(name, key, self._now()) for name in carried)
            message = f"A signed URL needs no credentials; do not send {carried[0]} with it."
            raise _Refusal(400, "InvalidArgument", message)

    def _check(self, request: web.Request, key: str) -> None:
        """Raise unless the request is a GET or HEAD whose exact URL was signed here and has not expired."""
        if request.method not in ("GET", "HEAD"):
            message = "The specified method is not allowed against this resource."
            raise _Refusal(405, "MethodNotAllowed", message, {"Allow": "GET, HEAD"})
        signed, _, signature = request.raw_path.rpartition("&X-Signature=")
        expires = re.search(r"[?&]X-Expires=(\d{1,12})&", signed)
        if expires is None:
            raise _Refusal(403, "AccessDenied", "Access Denied")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            message = "The request signature we calculated does not match the signature you provided."
            raise _Refusal(403, "SignatureDoesNotMatch", message)
        if self._now().timestamp() >= int(expires[1]):
            raise _Refusal(403, "AccessDenied", "Request has expired")
        if key not in self._builders:
            raise _Refusal(404, "NoSuchKey", "The specified key does not exist.")

    async def _object(self, key: str) -> _Object:
        """The file, from the cache, or built once for all concurrent requests."""
        kept = self._objects.get(key)
        if kept is not None:
            self._objects.move_to_end(key)
            return kept
        task = self._building.get(key)
        if task is None:
            task = self._building[key] = asyncio.create_task(self._build(key))
            task.add_done_callback(lambda _: self._building.pop(key, None))
        return await asyncio.shield(task)

    async def _build(self, key: str) -> _Object:
        body = await asyncio.to_thread(self._builders[key])
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        built = self._objects[key] = _Object(body, etag, self._now().replace(microsecond=0))
        while sum(len(each.body) for each in self._objects.values()) > CACHE_BYTES and len(self._objects) > 1:
            self._objects.popitem(last=False)
        return built

    async def _send(self, request: web.Request, file: _Object, fault: Fault | None) -> web.StreamResponse:
        headers = {
            "ETag": file.etag,
            "Last-Modified": format_datetime(file.modified, usegmt=True),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/zip" if file.body[:2] == b"PK" else "application/octet-stream",
        }
        wanted = _wanted_range(request, file)
        part = wanted or range(len(file.body))
        if wanted is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(file.body)}"
        response = web.StreamResponse(status=200 if wanted is None else 206, headers=headers)
        response.content_length = len(part)
        await response.prepare(request)
        if request.method == "GET":
            await _write(request, response, memoryview(file.body)[part.start : part.stop], fault)
        return response


async def _write(
    request: web.Request, response: web.StreamResponse, body: memoryview, fault: Fault | None
) -> None:
    if fault is None or fault.kind not in ("reset_after", "truncate"):
        await _write_pieces(response, body)
        await response.write_eof()
        return
    await response.write(b"")  # the headers, even if no part of the body follows
    await _write_pieces(response, body[: fault.after_bytes])
    transport = request.transport
    if transport is None:
        return
    if fault.kind == "truncate":
        transport.close()
        return
    # A reset discards bytes in transit, so wait until they have arrived.
    while transport.get_write_buffer_size() and not transport.is_closing():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    reset_connection(transport)


async def _write_pieces(response: web.StreamResponse, body: memoryview) -> None:
    for start in range(0, len(body), _PIECE):
        await response.write(bytes(body[start : start + _PIECE]))


def _wanted_range(request: web.Request, file: _Object) -> range | None:
    """The requested range; None for the whole file, which RFC 9110 requires for an invalid range.

    For several ranges the whole file is sent, which the RFC allows.
    """
    size = len(file.body)
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or match is None or not _same_file(request, file) or match[0] == "bytes=-":
        return None
    if not match[1]:
        part = range(max(size - int(match[2]), 0), size)
    elif match[2] and int(match[2]) < int(match[1]):
        return None
    else:
        part = range(int(match[1]), min(int(match[2] or size) + 1, size))
    if not part:
        message = "The requested range is not satisfiable"
        raise _Refusal(416, "InvalidRange", message, {"Content-Range": f"bytes */{size}"})
    return part


def _same_file(request: web.Request, file: _Object) -> bool:
    """Whether `If-Range`, if sent, matches the file: its strong ETag or its exact date."""
    condition = request.headers.get("If-Range")
    if condition is None or condition == file.etag:
        return True
    try:
        return parsedate_to_datetime(condition) == file.modified
    except ValueError:
        return False


def _error(key: str, refusal: _Refusal) -> web.Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
        f"<Key>{escape(key)}</Key></Error>"
    )
    return web.Response(
        status=refusal.status, text=body, content_type="application/xml", headers=refusal.headers
    )
