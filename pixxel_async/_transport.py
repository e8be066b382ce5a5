"""From an operation to its result: build, send and resend, parse."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import attrs

from pixxel_async._operation import Operation
from pixxel_async._retry import RetryPolicy
from pixxel_async.errors import ConfigurationError

T = TypeVar("T")


def _seconds(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{attribute.name} must be a positive number of seconds, not {value!r}")


@attrs.frozen(kw_only=True)
class CallOptions:
    """How long a call may take, and how it is retried."""

    timeout: float = attrs.field(default=120.0, validator=_seconds)
    """Seconds for the whole call: all attempts and the waits between them."""
    attempt_timeout: float = attrs.field(default=90.0, validator=_seconds)
    """Seconds for one attempt."""
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)


class Transport(Protocol):
    """Turns an operation into its result; `pixxel_async.testing` has one without a network."""

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Make the call."""
        ...

    async def aclose(self) -> None:
        """Close what it opened."""
        ...
