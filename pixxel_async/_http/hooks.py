"""Functions that users hand in to be told something: hooks cannot break a call, and what blocks the event loop is noticed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs

from pixxel_async._base.clock import Clock
from pixxel_async._base.log import CALLBACK_FAILED, CALLBACK_SLOW
from pixxel_async._http.events import CallEvent, OnRequest, OnResponse, OnRetry, RequestEvent
from pixxel_async._http.messages import Request
from pixxel_async.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])

_SLOW = 0.1
"""Seconds that a callback may keep the event loop before the log says so."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_OURS = re.compile(
    r"accept|accept-encoding|authorization|connection|cookie|expect|host|keep-alive|range|te|trailer|"
    r"transfer-encoding|upgrade|user-agent|(?:content|proxy|if)-.*",
    re.IGNORECASE,
)
"""Headers with which a request would mean something else, or reach somebody else."""


def timed(name: str, callback: F | None, clock: Clock) -> F | None:
    """The callback; the first time that it keeps the event loop for long, the log says so."""
    if callback is None:
        return None
    is_told = False

    def called(*arguments: Any) -> Any:
        nonlocal is_told
        began = clock.monotonic()
        try:
            return callback(*arguments)
        finally:
            elapsed = clock.monotonic() - began
            if elapsed > _SLOW and not is_told:
                is_told = True
                CALLBACK_SLOW(callback=name, elapsed=elapsed)

    return cast(F, called)


@attrs.define
class _Hook:
    """One hook, or none. What it raises goes into the log, once, and nowhere else."""

    name: str
    function: Callable[[Any], Any] | None
    is_told: bool = False

    def __call__(self, event: CallEvent) -> None:
        if self.function is not None:
            try:
                self.function(event)
            except Exception as error:
                self.failed(error)

    def failed(self, error: Exception) -> None:
        if not self.is_told:
            self.is_told = True
            CALLBACK_FAILED(error, callback=self.name)


class Hooks:
    """The hooks of one client."""

    def __init__(
        self,
        clock: Clock,
        on_request: OnRequest | None,
        on_response: OnResponse | None,
        on_retry: OnRetry | None,
    ) -> None:
        self._on_request = _hook("on_request", on_request, clock)
        self.response = _hook("on_response", on_response, clock)
        """Tells how an attempt ended."""
        self.retry = _hook("on_retry", on_retry, clock)
        """Tells that there will be another attempt."""

    def request(self, event: RequestEvent, request: Request) -> Request:
        """Tell of an attempt; gives the request with the headers that the hook has put in."""
        self._on_request(event)
        if not event.headers:
            return request
        try:
            _check_headers(event.headers)
        except ValueError as error:
            self._on_request.failed(error)
            return request
        return attrs.evolve(request, headers={**request.headers, **event.headers})


def hooks_of(
    clock: Clock, on_request: OnRequest | None, on_response: OnResponse | None, on_retry: OnRetry | None
) -> Hooks | None:
    """The hooks; None without any, so that a call need look no further.

    Raises:
        ConfigurationError: one is not a plain function.
    """
    if on_request is None and on_response is None and on_retry is None:
        return None
    return Hooks(clock, on_request, on_response, on_retry)


def _hook(name: str, function: Callable[[Any], Any] | None, clock: Clock) -> _Hook:
    if function is not None and (not callable(function) or inspect.iscoroutinefunction(function)):
        raise ConfigurationError(f"{name} must be a plain function: it is called, but not awaited")
    return _Hook(name, timed(name, function, clock))


def _check_headers(headers: dict[Any, Any]) -> None:
    """Raises ValueError; shows names only, for a value may be secret."""
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or _OURS.fullmatch(name):
            raise ValueError(
                f"on_request: a header {name!r} cannot be added; nothing was added to this request"
            )
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ValueError(
                f"on_request: the header {name} must be printable ASCII text; nothing was added to this request"
            )
