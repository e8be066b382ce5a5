"""Events that hooks receive about calls, and counts of what a client has done.

    def timed(event: ResponseEvent) -> None:
        print(event.operation, event.outcome, event.elapsed)

    client = PixxelClient(on_response=timed)

A hook is a plain function, called in the task that makes the call, so that context variables are those of the caller.
Events hold facts only: no query, no body, no token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from pixxel_async._http.operation import RequestClass


@attrs.frozen
class CallEvent:
    """The fields of every event."""

    call: int
    """Number of the call within its client, from 1 on. Events of one call have the same number."""
    operation: str
    """The vendor's operationId, for example `GetAoiById`."""
    request_class: RequestClass
    """What sending it twice would do: read, idempotent, create or repeatable."""
    method: str
    path: str
    """As it is sent, percent-encoded; without the query."""
    attempt: int
    """Number of the attempt within the call, from 1 on."""


@attrs.frozen
class RequestEvent(CallEvent):
    """An attempt starts."""

    headers: dict[str, str] = attrs.field(factory=dict, repr=False, eq=False)
    """Put headers here to send them with this attempt, such as `traceparent`. Names that the client needs for itself
    (`Authorization`, `Host`, `Cookie`, `Content-…` and the like) are refused, values must be printable ASCII."""


@attrs.frozen
class ResponseEvent(CallEvent):
    """An attempt ended. One follows each `RequestEvent`."""

    outcome: int | str
    """The status, or the kind of failure: `timeout`, `connection lost` …, `cancelled`, or the name of an exception."""
    elapsed: float
    """Seconds that it took."""
    size: int
    """Bytes of the response body, uncompressed."""
    request_id: str | None
    """The server's id of the request, if it gives one."""


@attrs.frozen
class RetryEvent(CallEvent):
    """The attempt failed, and there will be another."""

    wait: float
    """Seconds until then."""
    reason: str
    """What went wrong, in one line."""


OnRequest = Callable[[RequestEvent], Any]
OnResponse = Callable[[ResponseEvent], Any]
OnRetry = Callable[[RetryEvent], Any]


@attrs.frozen(kw_only=True)
class Stats:
    """What a client and its siblings from `with_options` have done so far. With a fake transport, calls count nothing."""

    calls: int
    """Calls to the API; each page of a listing and each poll of a wait is one."""
    requests: int
    """Attempts of these calls."""
    retries: int
    """Attempts that followed a failed one of the same call."""
    bytes_received: int
    """Bytes of the API's answers, uncompressed, without heads."""
    bytes_downloaded: int
    """Bytes of files that were fetched; what broke off counts as well."""
    files: int
    """Files that were saved whole."""
    waits: int
    """Waits that were begun."""
    waiting: int
    """Waits that are under way."""
    unresolved: int
    """Creates whose outcome is unknown; `client.unresolved` has them."""
