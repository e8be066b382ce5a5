"""Every error this SDK raises on purpose.

    PixxelError
    ├── ConfigurationError        token, profile, base URL or option missing or wrong
    ├── InvalidInput              an argument the API could not accept; nothing was sent (also a ValueError)
    │   └── GeometryError         ... a geometry; names feature, ring and vertex
    ├── ClientClosed              the client was used after aclose(), in another loop or a forked process
    ├── CallError                 a call went wrong; carries endpoint, method, path, attempts
    │   ├── APIError              the API answered with an error status
    │   │   ├── BadRequest            400, 405, 413, 414, 415, 422
    │   │   ├── AuthenticationError   401
    │   │   ├── PermissionDenied      403
    │   │   ├── NotFound              404, 410
    │   │   ├── Conflict              409
    │   │   ├── RateLimited           429
    │   │   ├── ServerError           5xx
    │   │   └── UnexpectedStatus      anything else outside 2xx (redirects too)
    │   ├── TransportError        no usable answer came
    │   │   ├── ConnectError          refused, name not found, connect timeout; nothing was sent
    │   │   │   ├── TlsError              certificate or name wrong
    │   │   │   └── ProxyError            the proxy refused
    │   │   ├── ConnectionLost        reset, closed or silent after something was sent
    │   │   ├── ProtocolError         the peer does not speak HTTP as it should
    │   │   └── ServiceUnavailable    not sent: the service is down, or asked for a long pause
    │   ├── UnexpectedAnswer      2xx, but not what the spec says
    │   │   ├── UnexpectedBody        not JSON (HTML, cut, binary)
    │   │   ├── SchemaError           JSON of another shape; names the path inside it
    │   │   └── ResponseTooLarge      more bytes than any answer of this API
    │   ├── HookError             your code that aiohttp runs inside a call raised; it is the error's `__cause__`
    │   ├── DeadlineExceeded      the call's own deadline passed
    │   └── OutcomeUnknown        a create may or may not have happened; never resent blindly: `reconcile()`
    ├── PaginationError           a listing that does not advance
    ├── WaitError                 waiting ended without the thing being ready; carries the last snapshot
    │   ├── WaitTimeout               still in flight when the time was up
    │   ├── WaitFailed                the thing failed, in the server's words
    │   └── UnknownState              a status that nobody knows, and it does not change
    └── DownloadError             a file could not be had whole; no final name exists
        ├── IntegrityError            length or checksum differ
        ├── FileInTheWay              the final name exists and overwrite was not asked
        └── DiskFull                  not enough room

Errors hold facts, never a header, a token, a signed URL's query, or an aiohttp object. aiohttp's and
backoff's own exceptions do not leave the SDK, not even as `__cause__`. That is set for `HookError` only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

import attrs

from pixxel_async.reconciling import Ambiguous, Found, Intent, Reconciliation

__all__ = [
    "APIError",
    "Attempt",
    "AuthenticationError",
    "BadRequest",
    "CallError",
    "ClientClosed",
    "ConfigurationError",
    "Conflict",
    "ConnectError",
    "ConnectionLost",
    "DeadlineExceeded",
    "DiskFull",
    "DownloadError",
    "FileInTheWay",
    "GeometryError",
    "HookError",
    "IntegrityError",
    "InvalidInput",
    "NotFound",
    "OutcomeUnknown",
    "PaginationError",
    "PermissionDenied",
    "PixxelError",
    "ProtocolError",
    "ProxyError",
    "RateLimited",
    "ResponseTooLarge",
    "SchemaError",
    "ServerError",
    "ServiceUnavailable",
    "TlsError",
    "TransportError",
    "UnexpectedAnswer",
    "UnexpectedBody",
    "UnexpectedStatus",
    "UnknownState",
    "WaitError",
    "WaitFailed",
    "WaitTimeout",
]


class PixxelError(Exception):
    """Base of every error of this SDK. Errors can be pickled and copied, with all their facts."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt by calling the class with `args`, which knows nothing of keyword-only facts.
        # The way to the client stays behind.
        facts = {name: value for name, value in self.__dict__.items() if name != "_look"}
        return _rebuild, (type(self), self.args, facts)


def _rebuild(kind: type[PixxelError], args: tuple[Any, ...], facts: dict[str, Any]) -> PixxelError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class ConfigurationError(PixxelError):
    """The client cannot be set up: the message names the setting and the remedy."""


class InvalidInput(PixxelError, ValueError):
    """An argument that the API could not accept. Nothing was sent."""


class GeometryError(InvalidInput):
    """A geometry that the API could not accept; the message names the feature, ring and vertex."""


class ClientClosed(PixxelError):
    """The client was closed, or is used in another event loop or process than it was opened in."""


@attrs.frozen
class Attempt:
    """What one sending of a request came to."""

    phase: str
    """How far it got: queued, connect, sent, head, body or done."""
    outcome: str
    """A short word: the status, or the kind of failure."""
    elapsed: float
    """Seconds this attempt took."""
    wait: float = 0.0
    """Seconds of back-off after it; 0 for the last."""
    request_id: str | None = None


class CallError(PixxelError):
    """A call went wrong. `str()` is one line for a person; the attributes are for code."""

    def __init__(
        self,
        message: str,
        *,
        endpoint: str = "",
        method: str = "",
        path: str = "",
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.endpoint = endpoint
        """operationId of the call."""
        self.method = method
        self.path = path
        """Path as sent, without host and query."""
        self.attempts = attempts
        """One entry per sending, oldest first."""

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.method else ""
        tries = f" (after {len(self.attempts)} attempts)" if len(self.attempts) > 1 else ""
        return f"{call}{self.message}{tries}"


class APIError(CallError):
    """The API answered with an error status."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        details: Any = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        **call: Any,
    ) -> None:
        super().__init__(message, **call)
        self.status = status
        self.code = code
        """The vendor's short word for the kind of error; no list of them is published."""
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        """Seconds the server asked us to wait, if it did."""

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{super().__str__()} (HTTP {self.status}{code}){request}"


class BadRequest(APIError):
    """400, 405, 413, 414, 415, 422: the request is wrong as it stands and was not executed."""


class AuthenticationError(APIError):
    """401: the token was not accepted."""


class PermissionDenied(APIError):
    """403: no permission; the vendor also answers this when the token is missing or expired."""


class NotFound(APIError):
    """404 or 410. The vendor may also answer 400 for an unknown id."""


class Conflict(APIError):
    """409: a thing with that name or content exists."""

    intent: Intent | None = None
    """What the create would have made; None where the call was no create."""
    _look: Callable[[], Awaitable[Found | None]] | None = None

    async def existing(self) -> Found | None:
        """Look up what stands in the way of a create; one listing is read.

        Returns:
            The thing, when it is what the create would have made and can be used in its place. None when it is
            something else under the same name, or does not show.

        Raises:
            ClientClosed: the error was copied or unpickled and has lost its client.
            CallError: the listing could not be read.
        """
        if self.intent is None or not self.intent.is_listed:
            return None
        if self._look is None:
            raise ClientClosed(
                "this error has lost its client by being copied or pickled: look it up by its name"
            )
        return await self._look()


class RateLimited(APIError):
    """429: too many requests; see `retry_after`."""


class ServerError(APIError):
    """5xx: the service failed."""


class UnexpectedStatus(APIError):
    """A status that the API has no business to answer with, redirects included."""


class TransportError(CallError):
    """No usable answer came."""


class ConnectError(TransportError):
    """No connection: refused, name not found, timed out. Nothing was sent."""


class TlsError(ConnectError):
    """The server's certificate or name cannot be trusted, or it speaks no TLS."""


class ProxyError(ConnectError):
    """The proxy refused to connect."""


class ConnectionLost(TransportError):
    """The connection broke, or fell silent, after something was sent."""


class ProtocolError(TransportError):
    """The peer's answer is not proper HTTP."""


class ServiceUnavailable(TransportError):
    """Not sent, for it would have been in vain: the service is down, or asked for a pause beyond the call's deadline.

    `await client.available()` waits until calls are sent again.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, since: datetime | None = None, **call: Any
    ) -> None:
        super().__init__(message, **call)
        self.retry_after = retry_after
        """Seconds after which a call may find the service back; before that it would end like this one."""
        self.since = since
        """When the service was found down, by our clock; None when it only asked for a pause."""


class UnexpectedAnswer(CallError):
    """The call succeeded by its status, but the answer is not what the spec says."""


class UnexpectedBody(UnexpectedAnswer):
    """The body is not JSON: HTML of a captive portal, a cut answer, binary."""


class SchemaError(UnexpectedAnswer):
    """The body is JSON of another shape than the spec says; the message names the path inside it."""


class ResponseTooLarge(UnexpectedAnswer):
    """The answer is larger than the limit for API answers."""


class HookError(CallError):
    """Your code that aiohttp runs inside a call raised before an answer came: a trace hook, a middleware, a cookie jar.

    `__cause__` is what it raised, without its traceback, which is in the log; None for an exception of aiohttp, which may
    hold the token. The call is not sent again. A create that may have been sent ends in `OutcomeUnknown` with this error as
    its `cause`. Code that fails after the answer came does not end a call.
    """


class DeadlineExceeded(CallError):
    """The call's own deadline passed; `attempts` tells what was tried. Not an `asyncio.TimeoutError`."""


class OutcomeUnknown(CallError):
    """A create whose request may have been received, but whose result is not known.

    It is never resent by the SDK: that could buy twice. Look first whether the thing exists: `reconcile()`.
    Deliberately no subclass of any timeout error, so that `except TimeoutError: retry` cannot catch it.
    """

    _look: Callable[..., Awaitable[Reconciliation]] | None = None

    def __init__(
        self,
        message: str,
        *,
        cause: CallError | None = None,
        accepted: bool = False,
        ids: tuple[str, ...] = (),
        **call: Any,
    ) -> None:
        super().__init__(message, **call)
        self.cause = cause
        """What went wrong: the error that a harmless call would have raised."""
        self.accepted = accepted
        """Whether the API said that it did it, and only what it made is not known."""
        self.ids = ids
        """Ids of what it made, where the API accepted it and only the rest of the answer cannot be read; `reconcile` is
        `Found` at once."""
        self.intent: Intent | None = None
        """What it was about to make, and when it was sent; None where a second one would cost nothing (packages)."""

    async def reconcile(
        self, *, settle: float | None = None, before: Iterable[str] | None = None
    ) -> Reconciliation:
        """Find out whether it happened. Nothing is sent again; the listing is read 1, 3, 7, 15, 30 and 60 s after sending.

        `Found` comes as soon as the create is listed, and without any request if `ids` is not empty. `Absent` needs two
        complete readings of the listing, at least 5 s apart, the second one after the settle window: before that the
        server may still be at work, and its listings lag.

        Args:
            settle: Seconds after sending at which the settle window ends; the client's `settle` when left out.
            before: Ids that a listing had before the create was sent. It makes what has no name of its own (jobs)
                exact: these ids are excluded, and the time of creation, else at most 5 minutes before sending, is not
                compared.

        Returns:
            Found, Absent, or Ambiguous: more than one row could be it, or what is listed says too little. The first two
            take it off `client.unresolved`.

        Raises:
            ClientClosed: the error was copied or unpickled and has lost its client: `await client.reconcile(error)`.
            CallError: The readings after the settle window failed, or an answer did not prove which rows exist; call it
                again later.
            PaginationError: The listing did not advance; call it again later.
        """
        if self.intent is None:
            return Ambiguous(())
        if self._look is None:
            raise ClientClosed(
                "this error has lost its client by being copied or pickled: use `await client.reconcile(error)`"
            )
        return await self._look(settle=settle, before=before)


class PaginationError(PixxelError):
    """A listing that does not advance: the server repeats a page."""


class WaitError(PixxelError):
    """Waiting ended without the thing being ready."""

    def __init__(self, message: str, *, kind: str, id: str, last: Any = None) -> None:
        super().__init__(message)
        self.kind = kind
        """Name of the life cycle, for example `aoi`."""
        self.id = id
        self.last = last
        """The last snapshot that was seen; None when there was none."""


class WaitTimeout(WaitError):
    """Still in flight when the time was up. Nothing was cancelled: wait again with the same id."""


class WaitFailed(WaitError):
    """The thing itself failed; the message holds the server's words."""


class UnknownState(WaitError):
    """For ten minutes its status was one and the same word that the spec does not know, or none at all.

    What the word means only the vendor can tell. Nothing was cancelled: wait again with the same id to go on.
    """


class DownloadError(PixxelError):
    """A file could not be had whole. Its final name does not exist."""


class IntegrityError(DownloadError):
    """Length or checksum of the file differ from what was promised."""


class FileInTheWay(DownloadError):
    """The final name exists already and `overwrite` was not asked for."""


class DiskFull(DownloadError):
    """Not enough room for the file."""
