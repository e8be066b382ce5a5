"""When a call is sent again: policy, budget, and the table that says what may be resent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import backoff

from pixxel_async.errors import ConfigurationError


def _at_least(bound: float) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not bound <= value < float("inf"):
            raise ConfigurationError(
                f"RetryPolicy.{attribute.name} must be a number of at least {bound:g}, not {value!r}"
            )

    return check


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how soon a call is sent again. Whether it may be at all depends on what a second sending would do."""

    attempts: int = attrs.field(default=5, validator=_at_least(1))
    """Most sendings of one call; 1 turns retries off."""
    base: float = attrs.field(default=0.5, validator=_at_least(0))
    """Seconds up to which the first wait is drawn (twice as much after 429 and 503); doubles each time."""
    cap: float = attrs.field(default=20.0, validator=_at_least(0))
    """Seconds above which the waits do not grow."""
    retry_after_cap: float = attrs.field(default=120.0, validator=_at_least(0))
    """Seconds of `Retry-After` above which the call gives up at once."""
    jitter: Callable[[float], float] = backoff.full_jitter
    """Draws a wait between 0 and the given seconds; pass another for exactly repeatable runs."""

    @classmethod
    def none(cls) -> RetryPolicy:
        """Send every call once."""
        return cls(attempts=1)
