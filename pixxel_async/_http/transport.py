"""A call from its operation to its result: build, sign, send, retry, parse."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import attrs

from pixxel_async._base.active_calls import Closing
from pixxel_async._base.clock import Clock
from pixxel_async._base.collector import young_passes_only
from pixxel_async._base.log import (
    ATTEMPT,
    CALL_RESENT,
    CREATE_OUTCOME_UNKNOWN,
    RETRY,
)
from pixxel_async._codec.explaining import OnUnreadable
from pixxel_async._http.answer_warnings import AnswerWarnings
from pixxel_async._http.auth import Auth, TokenGate
from pixxel_async._http.call import Call, CallOptions
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
    made_ids,
    note_sent,
    parse,
    redirect_refused,
    redirect_target,
    request_id,
    retry_after,
    was_sent,
)
from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._http.retry import (
    CLEAN_SUCCESS,
    Retries,
    RetryBudget,
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
    DeadlineExceeded,
    OutcomeUnknown,
    UnexpectedAnswer,
)

T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_LARGE = 64 * 2**10
"""Bytes from which the collector's passes cost more than setting its thresholds."""
_MAKES = frozenset({"create", "repeatable"})
"""What is worth knowing to have been executed, when the client is closed meanwhile."""

POLL_AFTER: ContextVar[float | None] = ContextVar("POLL_AFTER", default=None)
"""Seconds after which the newest answer in this context asks to be polled again."""


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
        self._warnings = AnswerWarnings(auth.redact)

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
        """Seconds by which the API's clock is ahead of the local clock, by its last response; None if unknown."""
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
            "Find out with another client: `await client.reconcile(error)`.",
            endpoint=operation.endpoint.id,
            method=operation.endpoint.method,
            path=operation.endpoint.path.format_map(operation.path),
        )

    async def _send(self, operation: Operation[T], options: CallOptions) -> T:
        counters = self._counters
        request = build_request(operation, self._base_url)
        counters.calls += 1
        call = Call(counters.calls, operation, request, options, self._clock.monotonic())
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
            if isinstance(outcome, Response) and outcome.status in SUCCESS:
                try:
                    return self._result(call, operation, outcome)
                except UnexpectedAnswer as unexpected:
                    error, verdict = unexpected.with_traceback(None), judge_body(call.kind)
            elif isinstance(outcome, Response) and call.is_gone(outcome):
                return None  # type: ignore[return-value]  # the T of a DELETE
            else:
                error, verdict = self._judged(call, outcome)
            if not await self._may_go_on(call, outcome, error, verdict, generation, started):
                raise self._last_word(call, outcome, error, verdict)

    def _result(self, call: Call, operation: Operation[T], response: Response) -> T:
        """What a successful answer says. Raises UnexpectedAnswer if it says something else than was asked."""
        endpoint = operation.endpoint
        result = _parsed(endpoint, response, self._warnings.unreadable_field_of(endpoint))
        if endpoint.key:
            check_key(operation, result)
        if endpoint.paging is not None:
            self._warnings.check_rows(endpoint, result, response)
        if self._gate.refusals:
            self._gate.open()
        self._budget.give(CLEAN_SUCCESS if call.retries is None else call.retries.spent)
        return result

    def _judged(self, call: Call, outcome: Response | ExchangeFailed) -> tuple[CallError, Verdict]:
        """The error that an unsuccessful attempt means, and what may follow it."""
        if isinstance(outcome, ExchangeFailed):
            return error_from_failure(outcome), judge_failure(call.kind, outcome)
        return self._answered(call, outcome), judge_status(call.kind, outcome.status)

    async def _attempt(
        self, call: Call, request: Request
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
                call.request = hooks.request(RequestEvent(*call.event_fields()), request)
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
                    self._warnings.check_retirement(call.operation.endpoint, outcome)
                if "retry-after" in outcome.headers and outcome.status in SUCCESS:
                    POLL_AFTER.set(retry_after(outcome.headers, datetime.now(UTC)))
            self._throttle.record(ticket, outcome, time_limit)
        if hooks is not None or ATTEMPT.is_on:
            self._tell_outcome(call, outcome, clock.monotonic() - started)
        return outcome, started, generation

    def _held_back(self, call: Call, held_back: NotAdmitted) -> CallError:
        """The error that ends a call which is not sent, or not sent again."""
        if call.last is None:
            if isinstance(held_back.error, DeadlineExceeded):
                call.attempts.append(Attempt("queued", Trouble.TIMEOUT.value, call.options.timeout))
            return call.error(held_back.error, self._auth.redact)
        error = self._last_word(call, *call.last)
        error.add_note(f"Not sent again: {held_back.reason}.")
        return error

    async def _pass_gate(self, call: Call) -> None:
        """Raise AuthenticationError unless there is another token, or this call may try this one again."""
        auth, gate = self._auth, self._gate
        is_renewed, call.is_renewed = call.is_renewed, True
        if gate.is_outdated(auth.generation) or (not is_renewed and await self._renew(call, auth.generation)):
            gate.open()
        elif gate.may_try():
            call.is_trial = True
        elif not call.is_trial:
            reason = "the API has refused this token several times; give another one"
            raise self._held_back(call, NotAdmitted(AuthenticationError, reason, status=401))

    async def _follow(self, call: Call, response: Response, started: float) -> Response:
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

    def _answered(self, call: Call, response: Response) -> APIError:
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
        call: Call,
        outcome: Response | ExchangeFailed,
        error: CallError,
        verdict: Verdict,
        generation: int,
        started: float,
    ) -> bool:
        """Record the attempt; renew the token or sleep if there is another attempt. Returns whether there is one."""
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
            if isinstance(error, AuthenticationError):
                self._gate.refuse(generation)
            return False
        if wait:
            await self._clock.sleep(wait)
        return True

    async def _is_token_newer(self, call: Call, status: int, generation: int) -> bool:
        """Whether there is a token that the API has not refused yet in this call."""
        if call.is_renewed:
            return False
        call.is_renewed = True
        if self._auth.generation != generation:
            return True
        return status == 401 and await self._renew(call, generation)

    async def _renew(self, call: Call, generation: int) -> bool:
        """Ask for a token within the call's deadline."""
        try:
            async with asyncio.timeout(call.deadline - self._clock.monotonic()) as limit:
                return await self._auth.renew(generation)
        except TimeoutError:
            if not limit.expired():
                raise
        raise call.error(
            DeadlineExceeded("the token provider did not answer within the call's deadline"),
            self._auth.redact,
        )

    def _last_word(
        self, call: Call, outcome: Response | ExchangeFailed, error: CallError, verdict: Verdict
    ) -> CallError:
        """The error that ends the call."""
        if call.is_out_of_time(outcome, self._clock.monotonic()):
            error = DeadlineExceeded(
                f"the deadline of the call ({call.options.timeout:g} s) passed; the last failure: {error.message}"
            )
        elif call.retries is not None and call.retries.refusal is not None:
            error.add_note(f"Not sent again: {call.retries.refusal}.")
        if not verdict.is_unknown:
            return call.error(error, self._auth.redact)
        if verdict.is_accepted:
            message = f"the API accepted this call, but its response cannot be read: {error.message}"
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
            f"{message}. Before you send it again, find out: `await error.reconcile()`.",
            cause=call.error(error, self._auth.redact),
            accepted=verdict.is_accepted,
            ids=made_ids(call.operation.endpoint, outcome) if isinstance(outcome, Response) else (),
        )
        unknown.__cause__ = error.__cause__  # what user code raised
        return call.error(unknown, self._auth.redact)

    def _tell_outcome(
        self, call: Call, outcome: Response | ExchangeFailed | BaseException, elapsed: float
    ) -> None:
        """How an attempt ended, for log and hooks."""
        word, size, named = _word(outcome), 0, None
        if isinstance(outcome, Response):
            size, named = len(outcome.body), request_id(outcome.headers, self._auth.redact)
        event = ResponseEvent(*call.event_fields(), word, elapsed, size, named)
        try:
            ATTEMPT(**attrs.asdict(event, recurse=False))
            if self._hooks is not None:
                self._hooks.response(event)
        except BaseException as stopped:  # SystemExit, mostly: all else stays in the log
            if _may_be_executed(outcome):
                note_sent(stopped, call.request)
            raise

    def _tell_retry(self, call: Call, error: CallError, verdict: Verdict, wait: float) -> None:
        event = RetryEvent(*call.event_fields(), wait, self._auth.redact(error.message))
        (CALL_RESENT if verdict.is_unknown else RETRY)(**attrs.asdict(event, recurse=False))
        if self._hooks is not None:
            self._hooks.retry(event)


def _parsed(endpoint: Endpoint[T], response: Response, on_unreadable: OnUnreadable) -> T:
    """The result. While a large one is read, the garbage collector does not pass over what was read before."""
    if len(response.body) < _LARGE:
        return parse(endpoint, response, on_unreadable)
    with young_passes_only():
        return parse(endpoint, response, on_unreadable)


def _word(outcome: Response | ExchangeFailed | BaseException) -> int | str:
    """The outcome of an attempt, for events."""
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
