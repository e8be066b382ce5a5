"""The token: how it is kept secret, and how a request to the API's origin gets it."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import re
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import attrs

from pixxel_async._base.clock import Clock
from pixxel_async._http.messages import Request
from pixxel_async.errors import ConfigurationError

_LONGEST = 8192
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_COMPLETE = re.compile(r"(Bearer|Basic) ", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9._~+-]*")
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
_REFUSALS, _REFUSED = 3, 60.0
"""Final 401s in a row after which the token is not sent any more, and the seconds until one call tries it again."""
_SHORTEST_REDACTED = 4  # a shorter "secret" is none, and taking it out would garble every text


def _stay(self: object) -> NoReturn:
    """In the place of `__reduce__`."""
    raise TypeError(
        f"{type(self).__name__} is not pickled or copied: what is secret would leave the process in clear"
    )


class Secret:
    """A string that only `reveal()` returns: not `repr()`, `str()`, logs, tracebacks or pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    __reduce__ = _stay


class Hidden(str):
    """A text that holds a password, for libraries that want a `str`. Only its repr, all that tracebacks show, hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"

    __reduce__ = _stay


def hide(text: str | None, name: str) -> Hidden | None:
    """Wrap a setting that may hold a password; None stays.

    Raises:
        ConfigurationError: it is not text.
    """
    if text is None or isinstance(text, str):
        return None if text is None else Hidden(text)
    raise ConfigurationError(f"{name} must be text, not {type(text).__name__}")


TokenSource = str | Secret | Callable[[], "str | Awaitable[str]"]
"""A token, or a function (`async` or not) that gives the current one; it is asked again when the API answers 401."""


def conceal(token: TokenSource | None) -> Secret | Callable[[], str | Awaitable[str]] | None:
    """Wrap a plain token before anything can raise: a traceback may show the locals of every frame."""
    return Secret(token) if isinstance(token, str) else token


def _without_quotes(secret: Secret) -> Secret:
    """The token without a pair of quotation marks around it, or around what follows its scheme: from a file, say."""
    value = secret.reveal()
    if not isinstance(value, str):
        return secret
    value = _unquoted(value)
    scheme = _COMPLETE.match(value)
    start = scheme.end() if scheme else 0
    return Secret(value[:start] + _unquoted(value[start:]))


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and _QUOTES.get(text[0]) == text[-1] else text


def _fault(secret: Secret) -> str | None:
    """What is wrong with a token, in a text that does not repeat it."""
    value = secret.reveal()
    if not isinstance(value, str):
        return f"must be a string, not {type(value).__name__}"
    if len(value) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    bare = _COMPLETE.sub("", value, count=1)
    if not bare.strip():
        return "is empty"
    if not _PRINTABLE.fullmatch(bare):
        return "holds blanks, line breaks or characters that no token has: was it copied whole, and nothing else?"
    if bare[0] in _QUOTES or bare[-1] in _QUOTES:
        return "begins or ends with a quotation mark: was it copied whole, and nothing else?"
    return None


class Auth:
    """Signs requests to one origin, and takes the token out of texts that repeat it.

    Args:
        token: the token or its provider; None where none is needed.
        scheme: text before the token; None or "" sends the token alone. A token that begins with `Bearer ` or `Basic ` is complete.
        origin: scheme, host and port of the API.
    """

    def __init__(
        self,
        token: Secret | Callable[[], str | Awaitable[str]] | None,
        scheme: str | None,
        origin: str,
    ) -> None:
        if token is not None and not isinstance(token, Secret) and not callable(token):
            raise ConfigurationError(
                f"the token must be text, or a function that gives it, not {type(token).__name__}"
            )
        if scheme and not (isinstance(scheme, str) and _SCHEME.fullmatch(scheme)):
            raise ConfigurationError(
                "auth_scheme must be a scheme such as Bearer, or None to send the token alone"
            )
        self._home = f"{origin}/"
        self._scheme = scheme
        self._provider = None if isinstance(token, Secret) else token
        self._asking = asyncio.Lock()
        self._header: str | None = None
        self._known: list[str] = []  # as they may be repeated in a text; the longest first
        self.generation = 0
        """Counts the different tokens so far."""
        if isinstance(token, Secret):
            self._take(token)

    __reduce__ = _stay

    def sign(self, request: Request) -> None:
        """Add the token, if the request goes to the API's own origin. The only place that does."""
        if self._header is not None and request.url.startswith(self._home):
            request.headers["Authorization"] = self._header

    async def prepare(self) -> None:
        """Ask the provider for the first token."""
        if self._provider is not None and self._header is None:
            await self.renew(0)

    async def renew(self, generation: int) -> bool:
        """After a 401 to a token of that generation: whether there is another one now."""
        async with self._asking:
            if self.generation == generation and self._provider is not None:
                answer: Any = self._provider()
                if inspect.isawaitable(answer):
                    answer = await answer
                answer = Secret(answer)
                self._take(answer)
        return self.generation != generation

    def fingerprint(self, salt: str) -> str:
        """Eight hexadecimal digits of a salted hash of the token; empty while there is none."""
        if self._header is None:
            return ""
        return hashlib.sha256(f"{salt}\n{self._header}".encode()).hexdigest()[:8]

    def redact(self, text: str) -> str:
        """The text without the token."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, "***")
        return text

    def _take(self, secret: Secret) -> None:
        given, secret = secret, _without_quotes(secret)
        if secret != given:
            warnings.warn(
                "the token is in quotation marks, which are left out: give it without them",
                RuntimeWarning,
                stacklevel=4,  # the code that makes the client
            )
        fault = _fault(secret)
        if fault is not None:
            raise ConfigurationError(f"the token {fault}")
        header = self._complete(secret)
        if header != self._header:
            self._header = header
            self.generation += 1
            bare = _COMPLETE.sub("", secret.reveal(), count=1)
            # An old token may still be repeated by a late answer; more than a few are not alive at once.
            self._known = [bare, *self._known[:3]] if len(bare) >= _SHORTEST_REDACTED else self._known

    def _complete(self, secret: Secret) -> str:
        value = secret.reveal()
        return value if not self._scheme or _COMPLETE.match(value) else f"{self._scheme} {value}"


@attrs.define(eq=False)
class TokenGate:
    """Stops calls whose token the API refuses: after three refusals in a row, one call in 60 seconds tries it again."""

    _clock: Clock
    _generation: int = 0
    _tried_at: float = 0.0
    refusals: int = 0
    """Final 401s in a row."""
    is_shut: bool = False
    """Whether calls are held back."""

    def refuse(self, generation: int) -> None:
        """Count a call that ended in 401, with the token of that generation."""
        if generation != self._generation:
            self.open()
            self._generation = generation
        self.refusals += 1
        self._tried_at = self._clock.monotonic()
        self.is_shut = self.refusals >= _REFUSALS

    def is_outdated(self, generation: int) -> bool:
        """Whether it was another token that was refused."""
        return generation != self._generation

    def may_try(self) -> bool:
        """Whether this call may try the token again; true for one call only."""
        now = self._clock.monotonic()
        if now - self._tried_at < _REFUSED:
            return False
        self._tried_at = now
        return True

    def open(self) -> None:
        """Send all calls again: the API accepted a token, or there is a new one."""
        self.refusals = 0
        self.is_shut = False
