"""From an operation to its result: build, sign, send and resend, parse."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar

import attrs

from pixxel_async._base.active_calls import Closing
from pixxel_async._base.clock import Clock
from pixxel_async._base.log import (
    ATTEMPT,
    CALL_RESENT,
    CREATE_OUTCOME_UNKNOWN,
    ENDPOINT_DEPRECATED,
    FIELD_UNREADABLE,
    RETRY,
    ROWS_MISSING,
)
from pixxel_async._base.shown import MOST_SECONDS, is_seconds, shown
from pixxel_async._http.auth import Auth, TokenGate
from pixxel_async._http.counters import Counters
from pixxel_async._http.events import RequestEvent, ResponseEvent, RetryEvent
from pixxel_async._http.exchange import Exchange
from pixxel_async._http.hooks import Hooks
from pixxel_async._http.messages import (
    SUCCESS,
    ExchangeFailed,
    Request,
    Response,
    Trouble,
    build_request,
    check_key,
    error_from,
    error_from_failure,
    lacks_rows,
    made_ids,
    note_sent,
    parse,
    redirect_refused,
    redirect_target,
    request_id,
    retirement,
    retry_after,
    rows_member,
    was_sent,
)
from pixxel_async._http.operation import Endpoint, Operation, RequestClass
from pixxel_async._http.retry import (
    CLEAN_SUCCESS,
    Retries,
    RetryBudget,
    RetryPolicy,
    Verdict,
    judge_body,
    judge_failure,
    judge_status,
)
from pixxel_async._http.throttle import NotAdmitted, Throttle
from pixxel_async.errors import (
    APIError,
    Attempt,
    AuthenticationError,
    CallError,
    ClientClosed,
    ConfigurationError,
    DeadlineExceeded,
    OutcomeUnknown,
    UnexpectedAnswer,
)
from pixxel_async.reconciling import SETTLE, BeforeCreate

T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_LARGE = 64 * 2**10
"""Bytes from which the collector's passes cost more than setting its thresholds."""
_PATIENT = 300
"""Passes over the youngest objects for one over those that survived some; 10 is Python's own number. More gain little, and
objects that were dropped in a cycle stay that much longer."""
_MAKES = frozenset({"create", "repeatable"})
"""What is worth knowing to have been executed, when the client is closed meanwhile."""

POLL_AFTER: ContextVar[float | None] = ContextVar("POLL_AFTER", default=None)
"""Seconds after which the newest answer in this context asks to be polled again."""


def _check_seconds(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not is_seconds(value):
        raise ConfigurationError(
            f"{attribute.name} must be a positive number of seconds, at most {MOST_SECONDS}, not {shown(value)}"
        )


@attrs.frozen(kw_only=True, cache_hash=True)
class CallOptions:
    """How long a call may take, and how it is resent."""

    timeout: float = attrs.field(default=120.0, validator=_check_seconds)
    """Seconds for the whole call: all attempts and the waits between them."""
    attempt_timeout: float = attrs.field(default=90.0, validator=_check_seconds)
    """Seconds for one attempt."""
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    settle: float = attrs.field(default=SETTLE, validator=_check_seconds)
    """Seconds after which a create that is not listed did not happen; for `OutcomeUnknown.reconcile`."""
    before_create: BeforeCreate | None = attrs.field(default=None, eq=False)
    """Awaited with what a create is about to make, before it is sent."""
    before_sending: Callable[[], Awaitable[None]] | None = attrs.field(default=None, eq=False)
    """What a transport awaits before the first byte of a call; what it raises ends the call."""


class Transport(Protocol):
    """Turns an operation into its result; `pixxel_async.testing` has one without a network."""

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Make the call; raises a CallError. Awaits `options.before_sending` before the first byte, if it is given."""
        ...

    async def available(self) -> None:
        """Return when calls are not held back."""
        ...

    async def aclose(self) -> None:
        """Close what it opened; a second time does nothing."""
        ...


class UnreadableFields:
    """The fields that one client could not read; the log names each once."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def of(self, endpoint: Endpoint[Any]) -> Callable[[str, str], None]:
        """What to call with the path of such a field in an answer of `endpoint`, and its problem."""

        def note(field: str, problem: str) -> None:
            if (endpoint.id, field) not in self._known:
                self._known.add((endpoint.id, field))
                FIELD_UNREADABLE(operation=endpoint.id, field=field, problem=problem)

        return note


class _Call:
    """One call on its way."""

    __slots__ = (
        "attempts",
        "deadline",
        "ids",
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
        """Made when something goes wrong."""
        self.attempts: list[Attempt] = []
        self.ids: tuple[str, ...] = ()
        """What an accepted create has made, where its answer cannot be read otherwise."""
        self.is_lost = False
        """Whether an attempt so far may have been executed without our knowing."""
        self.is_renewed = False
        """Whether the token was exchanged for a newer one already."""
        self.is_trial = False
        """Whether it is the one that tries a token which was refused again and again."""
        self.last: tuple[Response | ExchangeFailed, CallError, Verdict] | None = None
        """What the attempts so far came to; None before the first."""

    @property
    def needs_fresh_connection(self) -> bool:
        """Whether a connection that the server may be about to close would cost more than a sending.

        A create could not be sent again; what is repeatable can, but only once.
        """
        return self.kind == "create" or (self.kind == "repeatable" and bool(self.attempts))

    def told(self) -> tuple[int, str, RequestClass, str, str, int]:
        """What its events have in common."""
        request = self.request
        attempt = len(self.attempts) + 1
        return self.number, self.operation.endpoint.id, self.kind, request.method, request.path, attempt


class HttpTransport:
    """The transport that talks to the API."""

    def __init__(
        self,
        exchange: Exchange,
        auth: Auth,
        base_url: str,
        clock: Clock,
        *,
        hooks: Hooks | None = None,
        counters: Counters | None = None,
    ) -> None:
        self._exchange = exchange
        self._auth = auth
        self._base_url = base_url
        self._clock = clock
        self._budget = RetryBudget(clock)
        self._hooks = hooks
        self._counters = counters or Counters()
        self._throttle = Throttle(exchange, base_url, clock)
        self._gate = TokenGate(clock)
        self._dated: tuple[str, float] | None = None
        self._closing = Closing()
        self._unreadable = UnreadableFields()
        self._retiring: set[str] = set()
        """Operations of whose end the log was told."""
        self._without_rows: set[str] = set()
        """Listings of whose missing rows the log was told."""

    async def available(self) -> None:
        """Return when calls are not held back; until then, probe the service when that is due."""
        with self._closing.under_way():
            await self._throttle.available()

    async def aclose(self) -> None:
        """End the calls under way in ClientClosed, or OutcomeUnknown where one may have been executed; close the connections."""
        try:
            await self._closing.close()
        finally:
            await self._exchange.aclose()

    def ahead(self) -> float | None:
        """Seconds by which the API's time of day is ahead of ours, by its last answer; None while nothing is known."""
        if self._dated is None:
            return None
        text, heard = self._dated
        try:
            theirs = parsedate_to_datetime(text)
        except ValueError:
            return None
        if theirs.tzinfo is None:
            theirs = theirs.replace(tzinfo=UTC)
        return (theirs - self._clock.now()).total_seconds() + self._clock.monotonic() - heard

    async def send(self, operation: Operation[T], options: CallOptions) -> T:
        """Make the call.

        Raises:
            InvalidInput: the operation cannot be put into a request; nothing was sent.
            ClientClosed: the client was closed, perhaps in the meantime.
            CallError: every other way in which it can go wrong.
        """
        try:
            with self._closing.under_way():
                return await self._send(operation, options)
        except ClientClosed as closed:
            cut = closed.__cause__
            if operation.request_class not in _MAKES or not was_sent(cut):
                raise
        raise OutcomeUnknown(
            "this call may have been executed: the client was closed before its answer came. "
            "Look with another client: `await client.reconcile(error)`.",
            endpoint=operation.endpoint.id,
            method=operation.endpoint.method,
            path=operation.endpoint.path.format_map(operation.path),
        )

    async def _send(self, operation: Operation[T], options: CallOptions) -> T:
        counters = self._counters
        request = build_request(operation, self._base_url)
        counters.calls += 1
        call = _Call(counters.calls, operation, request, options, self._clock.monotonic())
        if self._auth.generation == 0:
            await self._renew(call, 0)
        if options.before_sending is not None:
            await options.before_sending()
        while True:
            if self._gate.is_shut:
                await self._pass_gate(call)
            not_admitted = None
            try:
                sent = await self._attempt(call, request)
            except NotAdmitted as caught:
                not_admitted = caught.with_traceback(None)
            if not_admitted is not None:
                raise self._held_back(call, not_admitted)
            if sent is None:
                continue
            outcome, started, generation = sent
            error: CallError
            if isinstance(outcome, ExchangeFailed):
                error, verdict = error_from_failure(outcome), judge_failure(call.kind, outcome)
            elif outcome.status in SUCCESS:
                try:
                    result = _parsed(operation.endpoint, outcome, self._unreadable)
                    if operation.endpoint.key:
                        check_key(operation, result)
                except UnexpectedAnswer as unexpected:
                    error, verdict = unexpected.with_traceback(None), judge_body(call.kind)
                    call.ids = made_ids(operation.endpoint, outcome)
                else:
                    if operation.endpoint.paging is not None:
                        self._warn_of_rows(operation.endpoint, result, outcome)
                    if self._gate.refusals:
                        self._gate.open()
                    self._budget.give(CLEAN_SUCCESS if call.retries is None else call.retries.spent)
                    return result
            elif _is_gone(call, outcome):
                return None  # type: ignore[return-value]  # the T of a DELETE
            else:
                error, verdict = self._answered(call, outcome), judge_status(call.kind, outcome.status)
                if verdict.is_accepted:
                    call.ids = made_ids(operation.endpoint, outcome)
            if not await self._may_go_on(call, outcome, error, verdict, generation, started):
                break
        if isinstance(error, AuthenticationError):
            self._gate.refuse(generation)
        raise self._last_word(call, outcome, error, verdict)

    async def _attempt(
        self, call: _Call, request: Request
    ) -> tuple[Response | ExchangeFailed, float, int] | None:
        """Send once: the outcome, when it was sent, and with which token. None: the token was refused meanwhile.

        Raises:
            NotAdmitted: it was not sent: the service is down, or the deadline passed in the queue.
        """
        clock, hooks, counters = self._clock, self._hooks, self._counters
        async with self._throttle.slot(call.operation.endpoint, call.kind, call.deadline) as ticket:
            if self._gate.is_shut and not call.is_trial:
                return None
            generation = self._auth.generation
            self._auth.sign(request)
            counters.requests += 1
            if hooks is not None:
                call.request = hooks.request(RequestEvent(*call.told()), request)
            started = ticket.sent_at
            time_limit = min(call.deadline - started, call.options.attempt_timeout)
            outcome: Response | ExchangeFailed
            try:
                outcome = await self._exchange.exchange(
                    call.request,
                    timeout=time_limit,
                    fresh=call.needs_fresh_connection,
                )
                if outcome.status in _REDIRECTS:
                    outcome = await self._follow(call, outcome, started)
            except ExchangeFailed as failed:
                outcome = failed.with_traceback(None)
            except BaseException as stopped:  # cancelled, mostly
                self._tell_outcome(call, stopped, clock.monotonic() - started)
                raise
            else:
                counters.bytes_received += len(outcome.body)
                if "date" in outcome.headers:
                    self._dated = outcome.headers["date"], clock.monotonic()
                if "sunset" in outcome.headers or "deprecation" in outcome.headers:
                    self._tell_of_end(call.operation.endpoint, outcome)
                if "retry-after" in outcome.headers and outcome.status in SUCCESS:
                    POLL_AFTER.set(retry_after(outcome.headers, datetime.now(UTC)))
            self._throttle.record(ticket, outcome, time_limit)
        if hooks is not None or ATTEMPT.is_on:
            self._tell_outcome(call, outcome, clock.monotonic() - started)
        return outcome, started, generation

    def _held_back(self, call: _Call, held_back: NotAdmitted) -> CallError:
        """The error that ends a call which is not sent, or not sent again."""
        if call.last is None:
            if isinstance(held_back.error, DeadlineExceeded):
                call.attempts.append(Attempt("queued", Trouble.TIMEOUT.value, call.options.timeout))
            return self._signed(held_back.error, call)
        error = self._last_word(call, *call.last)
        error.add_note(f"Not sent again: {held_back.reason}.")
        return error

    async def _pass_gate(self, call: _Call) -> None:
        """Raise AuthenticationError unless there is another token, or it is time to try this one again."""
        auth, gate = self._auth, self._gate
        is_renewed, call.is_renewed = call.is_renewed, True
        if gate.is_outdated(auth.generation) or (not is_renewed and await self._renew(call, auth.generation)):
            gate.open()
        elif gate.may_try():
            call.is_trial = True
        elif not call.is_trial:
            reason = "the API has refused this token again and again; give another one"
            raise self._held_back(call, NotAdmitted(AuthenticationError, reason, status=401))

    async def _follow(self, call: _Call, response: Response, started: float) -> Response:
        """Go where the API's own origin redirects a GET, within the same attempt."""
        request = call.request
        until = min(call.deadline, started + call.options.attempt_timeout)
        for _ in range(_MOST_REDIRECTS):
            target = redirect_target(request, response)
            if request.method != "GET" or target is None:
                break
            request = attrs.evolve(request, url=target, headers=_unsigned(request.headers))
            self._auth.sign(request)
            left = until - self._clock.monotonic()
            response = await self._exchange.exchange(request, timeout=left, fresh=False)
            if response.status not in _REDIRECTS:
                break
        return response

    def _answered(self, call: _Call, response: Response) -> APIError:
        """The error that an answer means."""
        if response.status in _REDIRECTS:
            return redirect_refused(call.request, response, redact=self._auth.redact)
        return error_from(
            response,
            redact=self._auth.redact,
            retry_after=retry_after(response.headers, datetime.now(UTC)),
        )

    async def _may_go_on(
        self,
        call: _Call,
        outcome: Response | ExchangeFailed,
        error: CallError,
        verdict: Verdict,
        generation: int,
        started: float,
    ) -> bool:
        """Write the attempt down; renew the token or sleep where a further attempt is due."""
        now = self._clock.monotonic()
        status = outcome.status if isinstance(outcome, Response) else 0
        if call.retries is None:
            call.retries = Retries(call.kind, call.options.retry, self._budget, call.deadline)
        wait: float | None
        if status in (401, 403) and await self._is_token_newer(call, status, generation):
            wait = 0.0
        else:
            asked = error.retry_after if isinstance(error, APIError) else None
            wait = call.retries.next_wait(
                verdict, sendings=len(call.attempts) + 1, retry_after=asked, now=now
            )
        if wait is not None:
            self._counters.retries += 1
            self._tell_retry(call, error, verdict, wait)
        call.attempts.append(_attempt_of(outcome, error, now - started, wait or 0.0))
        call.last = outcome, error, verdict
        call.is_lost = call.is_lost or status >= 500 or (not status and verdict.was_sent)
        if wait is None:
            return False
        if wait:
            await self._clock.sleep(wait)
        return True

    async def _is_token_newer(self, call: _Call, status: int, generation: int) -> bool:
        """Whether there is a token that the API has not refused yet in this call."""
        if call.is_renewed:
            return False
        call.is_renewed = True
        if self._auth.generation != generation:
            return True
        return status == 401 and await self._renew(call, generation)

    async def _renew(self, call: _Call, generation: int) -> bool:
        """Ask for a token within the call's deadline."""
        try:
            async with asyncio.timeout(call.deadline - self._clock.monotonic()) as limit:
                return await self._auth.renew(generation)
        except TimeoutError:
            if not limit.expired():
                raise
        raise self._signed(
            DeadlineExceeded("the token provider did not answer within the call's deadline"), call
        )

    def _last_word(
        self, call: _Call, outcome: Response | ExchangeFailed, error: CallError, verdict: Verdict
    ) -> CallError:
        """The error that ends the call."""
        if self._is_out_of_time(call, outcome):
            error = DeadlineExceeded(
                f"the call's deadline of {call.options.timeout:g} s passed; at last: {error.message}"
            )
        elif call.retries is not None and call.retries.refusal is not None:
            error.add_note(f"Not sent again: {call.retries.refusal}.")
        if not verdict.is_unknown:
            return self._signed(error, call)
        if verdict.is_accepted:
            message = f"the API accepted this call, but what came of it could not be read: {error.message}"
        else:
            message = f"this call may have been executed: {error.message}"
        CREATE_OUTCOME_UNKNOWN(
            call=call.number,
            operation=call.operation.endpoint.id,
            method=call.request.method,
            path=call.request.path,
            accepted=verdict.is_accepted,
            reason=self._auth.redact(error.message),
        )
        unknown = OutcomeUnknown(
            f"{message}. Look whether it happened before you send it again: `await error.reconcile()`.",
            cause=self._signed(error, call),
            accepted=verdict.is_accepted,
            ids=call.ids,
        )
        unknown.__cause__ = error.__cause__  # what code of the user's raised
        return self._signed(unknown, call)

    def _is_out_of_time(self, call: _Call, outcome: Response | ExchangeFailed) -> bool:
        return (
            isinstance(outcome, ExchangeFailed)
            and outcome.trouble is Trouble.TIMEOUT
            and self._clock.monotonic() > call.deadline - 0.01
        )

    def _signed(self, error: CallError, call: _Call) -> CallError:
        """The error with the facts of its call, and nothing else in it."""
        error.endpoint = call.operation.endpoint.id
        error.method = call.request.method
        error.path = call.request.path
        error.attempts = tuple(call.attempts)
        error.message = self._auth.redact(error.message)
        error.args = (error.message,)
        return error

    def _warn_of_rows(self, endpoint: Endpoint[Any], result: Any, response: Response) -> None:
        """Log once per listing that an answer has no rows, not even an empty list."""
        if lacks_rows(endpoint, result, response) and endpoint.id not in self._without_rows:
            self._without_rows.add(endpoint.id)
            ROWS_MISSING(operation=endpoint.id, key=rows_member(endpoint).wire)

    def _tell_of_end(self, endpoint: Endpoint[Any], response: Response) -> None:
        """Log once per operation that the API means to take it away. A warning could end a call that was carried out."""
        said = retirement(response.headers, self._auth.redact)
        if said is not None and endpoint.id not in self._retiring:
            self._retiring.add(endpoint.id)
            ENDPOINT_DEPRECATED(operation=endpoint.id, method=endpoint.method, path=endpoint.path, said=said)

    def _tell_outcome(
        self, call: _Call, outcome: Response | ExchangeFailed | BaseException, elapsed: float
    ) -> None:
        """How an attempt ended, for log and hooks."""
        word, size, named = _word(outcome), 0, None
        if isinstance(outcome, Response):
            size, named = len(outcome.body), request_id(outcome.headers, self._auth.redact)
        event = ResponseEvent(*call.told(), word, elapsed, size, named)
        try:
            ATTEMPT(**attrs.asdict(event, recurse=False))
            if self._hooks is not None:
                self._hooks.response(event)
        except BaseException as stopped:  # SystemExit, mostly: all else stays in the log
            if _may_be_executed(outcome):
                note_sent(stopped, call.request)
            raise

    def _tell_retry(self, call: _Call, error: CallError, verdict: Verdict, wait: float) -> None:
        event = RetryEvent(*call.told(), wait, self._auth.redact(error.message))
        (CALL_RESENT if verdict.is_unknown else RETRY)(**attrs.asdict(event, recurse=False))
        if self._hooks is not None:
            self._hooks.retry(event)


def _parsed(endpoint: Endpoint[T], response: Response, unreadable: UnreadableFields) -> T:
    """The result. While a large one is read, the garbage collector does not pass over what was read before.

    All of it is kept, so such a pass would find nothing, and take as long as the reading. Passes over the youngest objects
    stay: these are still in the processor's cache, so that one late pass over all of them would take longer.
    """
    if len(response.body) < _LARGE:
        return parse(endpoint, response, unreadable.of(endpoint))
    young, middle, old = gc.get_threshold()
    if middle >= _PATIENT:
        return parse(endpoint, response, unreadable.of(endpoint))
    gc.set_threshold(young, _PATIENT, old)
    try:
        return parse(endpoint, response, unreadable.of(endpoint))
    finally:
        gc.set_threshold(young, middle, old)


def _is_gone(call: _Call, response: Response) -> bool:
    """Whether an earlier DELETE of this call, whose answer was lost, did it."""
    return call.is_lost and call.request.method == "DELETE" and response.status in (404, 410)


def _word(outcome: Response | ExchangeFailed | BaseException) -> int | str:
    """What came of an attempt, in a word."""
    if isinstance(outcome, Response):
        return outcome.status
    if isinstance(outcome, ExchangeFailed):
        return outcome.trouble.value
    return "cancelled" if isinstance(outcome, asyncio.CancelledError) else type(outcome).__name__


def _may_be_executed(outcome: Response | ExchangeFailed | BaseException) -> bool:
    if isinstance(outcome, ExchangeFailed):
        return outcome.sent
    return isinstance(outcome, Response) or was_sent(outcome)


def _attempt_of(outcome: Response | ExchangeFailed, error: CallError, elapsed: float, wait: float) -> Attempt:
    if isinstance(outcome, ExchangeFailed):
        return Attempt(outcome.phase, outcome.trouble.value, elapsed, wait)
    named = error.request_id if isinstance(error, APIError) else None
    return Attempt("done", str(outcome.status), elapsed, wait, named)


def _unsigned(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "Authorization"}
