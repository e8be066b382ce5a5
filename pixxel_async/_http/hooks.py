"""Functions of the user that are called at each attempt of a call. A hook that fails is logged; it cannot break the call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import attrs

from pixxel_async._base.log import CALLBACK_FAILED
from pixxel_async._http.events import CallEvent, OnRequest, OnResponse, OnRetry, RequestEvent
from pixxel_async._http.messages import Request
from pixxel_async.errors import ConfigurationError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_OURS = re.compile(
    r"accept|accept-encoding|authorization|connection|cookie|expect|host|keep-alive|range|te|trailer|"
    r"transfer-encoding|upgrade|user-agent|(?:content|proxy|if)-.*",
    re.IGNORECASE,
)
"""Headers that would change what a request means or where it goes."""


@attrs.define
class _Hook:
    """One hook, or none. What it raises goes into the log, once, and nowhere else."""

    name: str
    function: Callable[[Any], Any] | None
    is_logged: bool = False

    def __call__(self, event: CallEvent) -> None:
        if self.function is not None:
            try:
                self.function(event)
            except Exception as error:
                self.failed(error)

    def failed(self, error: Exception) -> None:
        if not self.is_logged:
            self.is_logged = True
            CALLBACK_FAILED(error, callback=self.name)


class Hooks:
    """The hooks of one client."""

    def __init__(
        self, on_request: OnRequest | None, on_response: OnResponse | None, on_retry: OnRetry | None
    ) -> None:
        self._on_request = _hook("on_request", on_request)
        self.response = _hook("on_response", on_response)
        """Called when an attempt has ended."""
        self.retry = _hook("on_retry", on_retry)
        """Called when another attempt will follow."""

    def request(self, event: RequestEvent, request: Request) -> Request:
        """Call the hook of an attempt; returns the request with the headers that the hook has added."""
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
    on_request: OnRequest | None, on_response: OnResponse | None, on_retry: OnRetry | None
) -> Hooks | None:
    """The hooks; None without any, so that a call checks nothing else.

    Raises:
        ConfigurationError: one is not a plain function.
    """
    if on_request is None and on_response is None and on_retry is None:
        return None
    return Hooks(on_request, on_response, on_retry)


def _hook(name: str, function: Callable[[Any], Any] | None) -> _Hook:
    if function is not None and (not callable(function) or inspect.iscoroutinefunction(function)):
        raise ConfigurationError(f"{name} must be a plain function: it is called, but not awaited")
    return _Hook(name, function)


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
