"""When a call is retried: what each outcome allows, how long to wait, and the retry budget of a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import backoff

from pixxel_async._base.clock import Clock
from pixxel_async._base.shown import MOST_SECONDS, is_seconds, shown
from pixxel_async._http.messages import ExchangeFailed, Trouble
from pixxel_async._http.operation import RequestClass
from pixxel_async.errors import ConfigurationError


def _check_attempts(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(
            f"RetryPolicy.{attribute.name} must be a whole number from 1 on, not {shown(value)}"
        )


def _check_seconds(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not is_seconds(value, or_zero=True):
        raise ConfigurationError(
            f"RetryPolicy.{attribute.name} must be seconds from 0 on, at most {MOST_SECONDS}, not {shown(value)}"
        )


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how soon a call is retried. Whether it may be retried depends on what a duplicate would do."""

    attempts: int = attrs.field(default=5, validator=_check_attempts)
    """Most attempts of one call; 1 turns retries off."""
    idempotent_attempts: int = attrs.field(default=4, validator=_check_attempts)
    """Most attempts of PUT and DELETE, if that is less."""
    base: float = attrs.field(default=0.5, validator=_check_seconds)
    """Upper bound of the first wait in seconds (twice as much after 429 and 503); it doubles each time."""
    cap: float = attrs.field(default=20.0, validator=_check_seconds)
    """Most seconds of a wait."""
    retry_after_cap: float = attrs.field(default=120.0, validator=_check_seconds)
    """If the server asks for a longer wait in seconds, the call fails at once."""
    jitter: Callable[[float], float] = backoff.full_jitter
    """Draws a wait between 0 and the given seconds; pass another function for repeatable runs."""

    @classmethod
    def none(cls) -> RetryPolicy:
        """No retries."""
        return cls(attempts=1)


# --- what an outcome allows -------------------------------------------------------------------------------


@attrs.frozen
class Verdict:
    """What an outcome other than success allows."""

    most: float = 1
    """How many attempts of a call may have such an outcome; infinite if only the policy limits it."""
    is_unknown: bool = False
    """The call may have been executed, and a duplicate would do it again."""
    is_accepted: bool = False
    """The API accepted the call."""
    is_slow: bool = False
    """The server is overloaded: wait twice as long."""
    was_sent: bool = True


_FINAL = Verdict()
_AGAIN = Verdict(most=float("inf"))
_ONCE_MORE = Verdict(most=2)
_UNKNOWN = Verdict(is_unknown=True)
_ACCEPTED = Verdict(is_unknown=True, is_accepted=True)

_HOPELESS = frozenset({Trouble.CERTIFICATE, Trouble.TLS, Trouble.PROXY_AUTH, Trouble.HOOK})
"""What would fail again."""
_TWICE = frozenset({Trouble.HEAD, Trouble.CUT, Trouble.GARBLED})


def _by_class(kind: RequestClass, harmless: Verdict, unknown: Verdict = _UNKNOWN) -> Verdict:
    """An outcome that leaves open whether the call was executed."""
    if kind in ("read", "idempotent"):
        return harmless
    if kind == "repeatable":
        return attrs.evolve(unknown, most=min(2, harmless.most), is_slow=harmless.is_slow)
    return unknown


def judge_failure(kind: RequestClass, failure: ExchangeFailed) -> Verdict:
    """What an exchange without an answer allows."""
    if failure.trouble in _HOPELESS:
        return _by_class(kind, _FINAL) if failure.sent else _FINAL
    if not failure.sent:
        return Verdict(most=2 if failure.trouble is Trouble.DNS else float("inf"), was_sent=False)
    unknown = _ACCEPTED if failure.phase == "body" else _UNKNOWN
    if failure.trouble is Trouble.TOO_LARGE:
        return _by_class(kind, _FINAL, unknown)
    return _by_class(kind, _ONCE_MORE if failure.trouble in _TWICE else _AGAIN, unknown)


def judge_status(kind: RequestClass, status: int) -> Verdict:
    """What a status outside the documented successes allows."""
    if status in (425, 429):  # refused before anything was done
        return attrs.evolve(_AGAIN, is_slow=status == 429)
    if status == 408 or (500 <= status < 600 and status not in (501, 505, 511)):
        return _by_class(kind, attrs.evolve(_AGAIN, is_slow=status == 503))
    if 400 <= status < 600:
        return _FINAL
    return _by_class(kind, _FINAL, _ACCEPTED if 200 <= status < 300 else _UNKNOWN)


def judge_body(kind: RequestClass) -> Verdict:
    """What a success whose body cannot be used allows."""
    return _by_class(kind, _ONCE_MORE, _ACCEPTED)


# --- how long to wait, and whether ------------------------------------------------------------------------


class RetryBudget:
    """What all calls of a client may spend on retries, so that an outage does not multiply the traffic.

    A token bucket: a retry takes tokens, a success returns some, and time refills it slowly.
    """

    def __init__(self, clock: Clock, *, most: float = 200.0, per_second: float = 2.0) -> None:
        self._clock = clock
        self._most = most
        self._per_second = per_second
        self._level = most
        self._filled_at = clock.monotonic()

    @property
    def level(self) -> float:
        """Tokens in the bucket now."""
        now = self._clock.monotonic()
        self._level = min(self._most, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        return self._level

    def take(self, cost: float) -> bool:
        """Spend tokens, if there are enough."""
        if self.level < cost:
            return False
        self._level -= cost
        return True

    def give(self, tokens: float) -> None:
        """Return tokens after a success."""
        if self._level < self._most:
            self._level = min(self._most, self._level + tokens)


CLEAN_SUCCESS = 0.1
"""Tokens that a call without retries returns; one with retries returns what it took."""


class Retries:
    """The retries of one call: decides about the next one, within policy, deadline and budget."""

    def __init__(self, kind: RequestClass, policy: RetryPolicy, budget: RetryBudget, deadline: float) -> None:
        self._policy = policy
        self._budget = budget
        self._deadline = deadline
        self._most = policy.attempts
        if kind == "idempotent":
            self._most = min(self._most, policy.idempotent_attempts)
        self._growth: Iterator[float] | None = None
        self.spent = 0.0
        """Tokens that it took."""
        self._was_unsent = False
        self._doubtful = 0
        self.refusal: str | None = None
        """Why there was no retry although the outcome allowed it; None if the attempts were used up."""

    def next_wait(
        self, verdict: Verdict, *, sendings: int, retry_after: float | None, now: float
    ) -> float | None:
        """Seconds to wait before the next attempt; None to give up. Takes from the budget."""
        self._doubtful += verdict.most < float("inf")
        if sendings >= self._most or self._doubtful >= verdict.most:
            return None
        wait = self._wait(verdict, retry_after)
        if retry_after is not None and wait > self._policy.retry_after_cap:
            self.refusal = f"the server asks to wait {retry_after:g} s, longer than retry_after_cap allows"
        elif now + wait > self._deadline:
            self.refusal = f"the next attempt would begin in {wait:.1f} s, after the call's deadline"
        elif not self._pay(self._cost(verdict, retry_after)):
            self.refusal = "the retry budget of the client is spent: too many calls fail"
        else:
            return wait
        return None

    def _wait(self, verdict: Verdict, retry_after: float | None) -> float:
        jitter = self._policy.jitter
        if retry_after is not None:
            # Never earlier than asked; a little later, so that clients with the same Retry-After do not return at once.
            return retry_after + jitter(min(1.0, retry_after / 10) + 0.1)
        if self._growth is None:
            self._growth = backoff.expo(factor=self._policy.base, max_value=self._policy.cap)
            next(self._growth)  # backoff's generators yield nothing at first
        ceiling = next(self._growth)
        return jitter(min(2 * ceiling, self._policy.cap) if verdict.is_slow else ceiling)

    def _cost(self, verdict: Verdict, retry_after: float | None) -> float:
        if not verdict.was_sent:
            first, self._was_unsent = not self._was_unsent, True
            return 2.0 if first else 0.0  # nothing reaches a server that cannot be reached
        return 1.0 if verdict.is_slow and retry_after is not None else 2.0

    def _pay(self, cost: float) -> bool:
        if not self._budget.take(cost):
            return False
        self.spent += cost
        return True
