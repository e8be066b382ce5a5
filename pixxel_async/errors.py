"""Every error that this SDK raises on purpose. Each class states its cause and a remedy.

    PixxelError
    ├── ConfigurationError        a token, profile, base URL or option is missing or wrong
    ├── InvalidInput              the API cannot accept an argument; nothing was sent (also a ValueError)
    │   └── GeometryError         the same for a geometry; names feature, ring and vertex
    ├── ClientClosed              the client was used after aclose(), in another event loop or a forked process
    ├── CallError                 a call failed; carries endpoint, method, path, attempts
    │   ├── APIError              the API answered with an error status
    │   │   ├── BadRequest            400, 405, 413, 414, 415, 422
    │   │   ├── AuthenticationError   401
    │   │   ├── PermissionDenied      403
    │   │   ├── NotFound              404, 410
    │   │   ├── Conflict              409
    │   │   ├── RateLimited           429
    │   │   ├── ServerError           5xx
    │   │   └── UnexpectedStatus      any other status outside 2xx, redirects included
    │   ├── TransportError        there was no usable response
    │   │   ├── ConnectError          refused, name not found, connect timeout; nothing was sent
    │   │   │   ├── TlsError              the certificate or the name is wrong
    │   │   │   └── ProxyError            the proxy refused
    │   │   ├── ConnectionLost        reset, closed or silent after the request was sent
    │   │   ├── ProtocolError         the response is not valid HTTP
    │   │   └── ServiceUnavailable    not sent: the service is down, or asked for a long pause
    │   ├── UnexpectedAnswer      a 2xx response that is not what the spec says
    │   │   ├── UnexpectedBody        not JSON (HTML, truncated, binary)
    │   │   ├── SchemaError           JSON of another shape; names the path inside it
    │   │   └── ResponseTooLarge      more bytes than any response of this API
    │   ├── HookError             your code that aiohttp runs inside a call failed; it is the error's `__cause__`
    │   ├── DeadlineExceeded      the deadline of the call passed
    │   └── OutcomeUnknown        a create may or may not have been executed; `reconcile()` finds out
    ├── PaginationError           a listing does not advance
    ├── WaitError                 a wait ended before the resource was ready; carries the last snapshot
    │   ├── WaitTimeout               still in flight when the timeout passed
    │   ├── WaitFailed                the resource failed; has the server's message
    │   └── UnknownState              a status that is not documented, and does not change
    └── DownloadError             a file is not complete; its final name does not exist
        ├── IntegrityError            length or checksum differ
        ├── FileInTheWay              the final name exists and `overwrite` was not given
        └── DiskFull                  there is not enough space

Errors hold facts, never a header, a token, the query of a signed URL, or an object of aiohttp. Exceptions of aiohttp, cattrs
and backoff do not leave the SDK, not even as `__cause__`. Only `HookError` has a `__cause__`.
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
    """Base of every error of this SDK. Errors can be pickled and copied, with all their facts.

    Cause: see the subclass.

    Remedy: catch it where any failure of the SDK is handled alike; catch subclasses for more.
    """

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
    """The client cannot be set up.

    Cause: A setting is missing or wrong: token, profile, base URL, proxy, certificates, or an option of the client.

    Remedy: The message names the setting and what to change.
    """


class InvalidInput(PixxelError, ValueError):
    """The API cannot accept an argument. Nothing was sent.

    Cause: A value has the wrong type, form or range, or two arguments contradict each other.

    Remedy: The message names the argument, the value and what is allowed.
    """


class GeometryError(InvalidInput):
    """The API cannot accept a geometry. Nothing was sent.

    Cause: Among others: swapped coordinates, another reference system, edges that cross, holes outside of the outline.

    Remedy: The message names the feature, ring and vertex, and how to repair it.
    """


class ClientClosed(PixxelError):
    """The client cannot be used here, or not any more.

    Cause: It was closed, perhaps while this call was in flight, or it belongs to another event loop or process.

    Remedy: Make one `PixxelClient` for each event loop and process, and close it last.
    """


@attrs.frozen
class Attempt:
    """One attempt of a call and how it ended."""

    phase: str
    """How far it got: queued, connect, sent, head, body or done."""
    outcome: str
    """The status, or the kind of failure, for example `timeout`."""
    elapsed: float
    """Seconds this attempt took."""
    wait: float = 0.0
    """Seconds of back-off after it; 0 after the last."""
    request_id: str | None = None


class CallError(PixxelError):
    """A call failed. `str()` is one line for a person; the attributes are for code.

    Cause: see the subclass; `attempts` has each attempt.

    Remedy: see the subclass.
    """

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
        """One entry for each attempt, oldest first."""

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.method else ""
        tries = f" (after {len(self.attempts)} attempts)" if len(self.attempts) > 1 else ""
        return f"{call}{self.message}{tries}"


class APIError(CallError):
    """The API answered with an error status.

    Cause: `status`, `code` and `message` say what the API objects to.

    Remedy: see the subclass; for the vendor, note `request_id`.
    """

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
        """The vendor's code for the kind of error; the vendor publishes no list of codes."""
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        """Seconds after which to call again, if the server states them."""

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{super().__str__()} (HTTP {self.status}{code}){request}"


class BadRequest(APIError):
    """400, 405, 413, 414, 415, 422: the API refused the request and did not execute it.

    Cause: A value is not valid for the API: `message`, `code` and `details` hold its reasons.

    Remedy: Correct the arguments. An unknown id may also give 400.
    """


class AuthenticationError(APIError):
    """401: the API did not accept the token.

    Cause: The token is wrong, expired, or sent in the wrong form (`auth_scheme`).

    Remedy: Check the token and `auth_scheme`. With a function as token, the client asks it for a new one first.
    """


class PermissionDenied(APIError):
    """403: the account has no permission.

    Cause: The account may not use this resource. The vendor also answers this for a missing or expired token.

    Remedy: Check the token, and ask the owner of the project for permission.
    """


class NotFound(APIError):
    """404 or 410: there is no such resource. The vendor may also answer 400 for an unknown id.

    Cause: The id is wrong, belongs to another account, or the resource was deleted.

    Remedy: Check the id with the `list` method of the resource.
    """


class Conflict(APIError):
    """409: a resource with that name or content exists.

    Cause: the API takes each name, or each index of an AOI, only once.

    Remedy: `await error.existing()` returns the resource if it is what the create would have made; otherwise use another name.
    """

    intent: Intent | None = None
    """What the create would have made; None where the call was no create."""
    _look: Callable[[], Awaitable[Found | None]] | None = None

    def __str__(self) -> str:
        if self.intent is None or not self.intent.is_listed:
            return super().__str__()
        named = "".join(f" named {name!r}" for name in self.intent.wanted.get("name", ()))
        return f"{super().__str__()}; `await error.existing()` finds the resource{named}"

    async def existing(self) -> Found | None:
        """Find the resource that a create conflicts with. Reads one listing.

        Returns:
            The resource, if it is what the create would have made and can be used instead. None if another resource has the
            name, or if it is not listed.

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
    """429: too many requests, also after the retries of the client.

    Cause: The account sends more requests than its limit allows, perhaps from several processes.

    Remedy: Wait `retry_after` seconds, or use one client for all tasks: it lowers its concurrency by itself.
    """


class ServerError(APIError):
    """5xx: the service failed, also after the retries of the client.

    Cause: A fault of the service.

    Remedy: Call again later. For the vendor, note `request_id`.
    """


class UnexpectedStatus(APIError):
    """A status that the API does not document, redirects included.

    Cause: Mostly a wrong `base_url`, or a proxy or gateway that answers in the place of the API.

    Remedy: Check `base_url` and the proxy.
    """


class TransportError(CallError):
    """There was no usable response.

    Cause: The network, a proxy or the service failed; the subclasses say where.

    Remedy: Reads may be called again. A create that may have been received ends in `OutcomeUnknown` instead.
    """


class ConnectError(TransportError):
    """There was no connection: refused, name not found, timed out. Nothing was sent.

    Cause: The host is wrong, or the network, a firewall or the service is down.

    Remedy: Check `base_url` and the network; calling again is safe.
    """


class TlsError(ConnectError):
    """The server's certificate or name cannot be trusted, or it does not speak TLS. Nothing was sent.

    Cause: A proxy that intercepts TLS, a private certificate authority, a wrong host, or a wrong clock.

    Remedy: Give the certificate authority as `ca_file`, or correct `base_url`.
    """


class ProxyError(ConnectError):
    """The proxy refused to connect. Nothing was sent.

    Cause: The proxy wants credentials, does not allow the host, or is down.

    Remedy: Check `proxy`, or `HTTPS_PROXY` and `NO_PROXY` in the environment.
    """


class ConnectionLost(TransportError):
    """The connection broke, or fell silent, after the request was sent.

    Cause: The network, a gateway or the service failed.

    Remedy: The client has retried what may be retried; call again later.
    """


class ProtocolError(TransportError):
    """The response is not valid HTTP.

    Cause: The peer is not the API: a wrong port, or a broken proxy.

    Remedy: Check `base_url` and the proxy.
    """


class ServiceUnavailable(TransportError):
    """Not sent: the service is down, or asked for a pause that is longer than the deadline of the call.

    Cause: many calls in a row failed, or a response had a long `Retry-After`.

    Remedy: `await client.available()` returns when calls are sent again.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, since: datetime | None = None, **call: Any
    ) -> None:
        super().__init__(message, **call)
        self.retry_after = retry_after
        """Seconds after which a call may succeed; before that it would fail with the same error."""
        self.since = since
        """When the first of these failures happened, by our clock; None if the service only asked for a pause."""


class UnexpectedAnswer(CallError):
    """The status is a success, but the response is not what the spec says.

    Cause: The API has changed, or another server answered. A response about another resource than requested is also one.

    Remedy: Update pixxel-async. If that does not help, report the message.
    """


class UnexpectedBody(UnexpectedAnswer):
    """The body is not JSON.

    Cause: HTML of a captive portal or proxy, a truncated response, or binary data.

    Remedy: Check the network and `base_url`.
    """


class SchemaError(UnexpectedAnswer):
    """The body is JSON of another shape than the spec says; the message names the path inside it.

    Cause: The API has changed.

    Remedy: Update pixxel-async, or report the message.
    """


class ResponseTooLarge(UnexpectedAnswer):
    """The response is larger than the limit for responses of the API.

    Cause: Another server answered, or a report spans too long a time.

    Remedy: Ask for less, for example for a shorter period.
    """


class HookError(CallError):
    """Your code that aiohttp runs inside a call failed before there was a response.

    Cause: a trace hook, middleware, cookie jar or instrumentation raised. `__cause__` is what it raised, without its traceback,
    which is in the log. It is None for exceptions of aiohttp, which may hold the token.

    Remedy: correct that code. The call is not retried. A create that may have been sent ends in `OutcomeUnknown` with this error
    as its `cause`. Code that fails after the response does not end a call.
    """


class DeadlineExceeded(CallError):
    """The deadline of the call passed. Not an `asyncio.TimeoutError`.

    Cause: the API was slow, or the call waited too long for its turn; `attempts` has what was tried.

    Remedy: `client.with_options(timeout=...)`, or fewer calls at once.
    """


class OutcomeUnknown(CallError):
    """The API may have received and executed a create, but its result is not known.

    Cause: the connection or your code failed after the request was sent, or the response cannot be read.

    Remedy: `await error.reconcile()` finds out what happened. Do not send the create again before: that could buy twice. The SDK
    never does. This is not a subclass of a timeout error, so that `except TimeoutError: retry` cannot catch it.
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
        """The error that a read would have raised."""
        self.accepted = accepted
        """Whether the API accepted it, and only the resource that it made is not known."""
        self.ids = ids
        """Ids of what it made, if the API accepted it and only the rest of the response cannot be read. `reconcile` then
        returns `Found` at once."""
        self.intent: Intent | None = None
        """What the create would make, and when it was sent; None if a second one costs nothing (packages)."""

    async def reconcile(
        self, *, settle_window: float | None = None, known_ids: Iterable[str] | None = None
    ) -> Reconciliation:
        """Find out whether the create was executed. It is not sent again.

        The listing is read 1, 3, 7, 15, 30 and 60 s after the create was sent. `Found` is returned as soon as the create is
        listed, and without any request if `ids` is not empty. `Absent` needs two complete readings of the listing, at least
        5 s apart, the second after the settle window: before that, the server may still be at work, and its listings lag.

        Args:
            settle_window: Seconds after sending at which the settle window ends; default: the client's `settle_window`.
            known_ids: Ids that were listed before the create was sent. They are excluded, as are resources that were certainly
                created more than 5 minutes before sending. Resources with a name may lack their time of creation then.
                Resources without a name (jobs) need this for an exact result.

        Returns:
            Found, Absent, or Ambiguous: more than one row matches, or the listing says too little. Found and Absent remove
            the create from `client.unresolved`.

        Raises:
            ClientClosed: the error was copied or unpickled and has lost its client: `await client.reconcile(error)`.
            CallError: the readings after the settle window failed, or did not prove which rows exist; call it again later.
            PaginationError: the listing did not advance; call it again later.
        """
        if self.intent is None:
            return Ambiguous(())
        if self._look is None:
            raise ClientClosed(
                "this error has lost its client by being copied or pickled: use `await client.reconcile(error)`"
            )
        return await self._look(settle_window=settle_window, known_ids=known_ids)


class PaginationError(PixxelError):
    """A listing does not advance.

    Cause: The server repeats a page.

    Remedy: List again later. With a larger `page_size`, fewer pages are needed.
    """


class WaitError(PixxelError):
    """A wait ended before the resource was ready.

    Cause: see the subclass; `last` is the last snapshot.

    Remedy: see the subclass.
    """

    def __init__(self, message: str, *, kind: str, id: str, last: Any = None) -> None:
        super().__init__(message)
        self.kind = kind
        """Name of the life cycle, for example `aoi`."""
        self.id = id
        self.last = last
        """The last snapshot that was seen; None when there was none."""


class WaitTimeout(WaitError):
    """The resource was still in flight when the timeout passed. Nothing was cancelled.

    Cause: It takes longer than `timeout`.

    Remedy: Call `wait()` again with the same id, with a longer `timeout`.
    """


class WaitFailed(WaitError):
    """The resource failed; the message is the server's.

    Cause: For example no usable images, or a block that failed on its input.

    Remedy: Read the message and `last`, and create the resource again with other input.
    """


class UnknownState(WaitError):
    """For ten minutes the resource had the same status, one that is not documented, or none.

    Cause: the API has a new status, whose meaning only the vendor knows. Nothing was cancelled.

    Remedy: call `wait()` again with the same id, or update pixxel-async.
    """


class DownloadError(PixxelError):
    """A file is not complete. Its final name does not exist.

    Cause: The storage failed, the link expired, or the response was not the file.

    Remedy: Save again: the download resumes where it ended. The wait of a package gets a new link by itself.
    """


class IntegrityError(DownloadError):
    """Length or checksum of the file differ from what the server promised.

    Cause: The file changed or was damaged on the way.

    Remedy: Save again. If it happens again, request a new package.
    """


class FileInTheWay(DownloadError):
    """The final name exists.

    Cause: A file of this name was there before, and `overwrite` was not given.

    Remedy: Pass `overwrite=True`, another `filename`, or another directory.
    """


class DiskFull(DownloadError):
    """There is not enough space for the file.

    Cause: The disk or the quota is full.

    Remedy: Free space, then save again: the download resumes where it ended.
    """
