"""A call: the options it is made with, what makes it (`Transport`), and its state while it is under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import attrs

from pixxel_async._base.shown import MOST_SECONDS, is_seconds, shown
from pixxel_async._http.messages import ExchangeFailed, Redact, Request, Response, Trouble
from pixxel_async._http.operation import Operation, RequestClass
from pixxel_async._http.retry import Retries, RetryPolicy, Verdict
from pixxel_async.errors import Attempt, CallError, ConfigurationError
from pixxel_async.reconciling import SETTLE_WINDOW, BeforeCreate

T = TypeVar("T")
E = TypeVar("E", bound=CallError)


def _check_seconds(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not is_seconds(value):
        raise ConfigurationError(
            f"{attribute.name} must be a positive number of seconds, at most {MOST_SECONDS}, not {shown(value)}"
        )


@attrs.frozen(kw_only=True, cache_hash=True)
class CallOptions:
    """How long a call may take, and how it is retried."""

    timeout: float = attrs.field(default=120.0, validator=_check_seconds)
    """Seconds for the whole call: all attempts and the waits between them."""
    attempt_timeout: float = attrs.field(default=90.0, validator=_check_seconds)
    """Seconds for one attempt."""
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    settle_window: float = attrs.field(default=SETTLE_WINDOW, validator=_check_seconds)
    """Seconds after sending after which a create that is not listed was not executed; for `OutcomeUnknown.reconcile`."""
    before_create: BeforeCreate | None = attrs.field(default=None, eq=False)
    """Awaited with the intent of a create, before it is sent."""
    before_sending: Callable[[], Awaitable[None]] | None = attrs.field(default=None, eq=False)
    """Awaited before the first byte of a call is sent; if it raises, the call ends."""


class Transport(Protocol):
    """Makes calls. `pixxel_async.testing` has one without a network."""

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Make the call; raises a CallError. Awaits `options.before_sending` before the first byte, if it is given."""
        ...

    async def available(self) -> None:
        """Return when calls are sent."""
        ...

    async def aclose(self) -> None:
        """Close its connections; a second time does nothing."""
        ...


class Call:
    """One call while it is under way."""

    __slots__ = (
        "attempts",
        "deadline",
        "is_lost",
        "is_renewed",
        "is_trial",
        "kind",
        "last",
        "number",
        "operation",
        "options",
        "request",
        "retries",
    )

    def __init__(
        self, number: int, operation: Operation[Any], request: Request, options: CallOptions, now: float
    ) -> None:
        self.number = number
        self.operation = operation
        self.request = request
        self.kind = operation.request_class
        self.options = options
        self.deadline = now + options.timeout
        self.retries: Retries | None = None
        """Made at the first failure."""
        self.attempts: list[Attempt] = []
        self.is_lost = False
        """Whether an earlier attempt may have been executed."""
        self.is_renewed = False
        """Whether a newer token was asked for already."""
        self.is_trial = False
        """Whether this call tries again a token that was refused several times."""
        self.last: tuple[Response | ExchangeFailed, CallError, Verdict] | None = None
        """Outcome, error and verdict of the last attempt; None before the first."""

    @property
    def needs_fresh_connection(self) -> bool:
        """Whether to use a new connection, because the server may be about to close a kept one.

        A create that was sent on such a connection could not be sent again; a repeatable call only once.
        """
        return self.kind == "create" or (self.kind == "repeatable" and bool(self.attempts))

    def event_fields(self) -> tuple[int, str, RequestClass, str, str, int]:
        """The fields that all its events have in common."""
        request = self.request
        attempt = len(self.attempts) + 1
        return self.number, self.operation.endpoint.id, self.kind, request.method, request.path, attempt

    def is_gone(self, response: Response) -> bool:
        """Whether an earlier DELETE of this call, whose answer was lost, did it."""
        return self.is_lost and self.request.method == "DELETE" and response.status in (404, 410)

    def is_out_of_time(self, outcome: Response | ExchangeFailed, now: float) -> bool:
        """Whether an attempt ended because the call's deadline passed."""
        is_timeout = isinstance(outcome, ExchangeFailed) and outcome.trouble is Trouble.TIMEOUT
        return is_timeout and now > self.deadline - 0.01

    def error(self, error: E, redact: Redact) -> E:
        """The error with the facts of this call, and without the token."""
        error.endpoint = self.operation.endpoint.id
        error.method = self.request.method
        error.path = self.request.path
        error.attempts = tuple(self.attempts)
        error.message = redact(error.message)
        error.args = (error.message,)
        return error
