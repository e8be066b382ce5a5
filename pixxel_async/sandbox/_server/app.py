"""The server of the sandbox: it receives requests, applies faults, calls the handlers and sends the responses."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from aiohttp import web

from pixxel_async.sandbox._account.ledger import Ledger
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._account.storage import Storage
from pixxel_async.sandbox._base.auth import Access, Tokens, token_expired
from pixxel_async.sandbox._base.clock import SandboxClock
from pixxel_async.sandbox._base.course import Outcomes
from pixxel_async.sandbox._base.faults import (
    TOGETHER,
    Fault,
    Faults,
    hide_younger,
    reset_connection,
)
from pixxel_async.sandbox._base.refusal import Refusal
from pixxel_async.sandbox._base.spec import SpecOperation, operations
from pixxel_async.sandbox._routes.call import Answer, Call, Handler
from pixxel_async.sandbox._routes.handlers import all_handlers
from pixxel_async.sandbox._server.validation import answer_faults, body_value, path_values, query_values
from pixxel_async.sandbox._world.scenes import Archive

if TYPE_CHECKING:
    from pixxel_async.client import PixxelClient

_log = logging.getLogger(__name__)

_LARGEST_BODY = 64 * 1024 * 1024
_REMEMBERED_REQUESTS = 100_000
_NOBODY = Access("anonymous")


@attrs.define
class RequestRecord:
    """A request that arrived at the API."""

    method: str
    path: str
    query: str
    operation_id: str | None
    """None when no operation has this method and path."""
    at: datetime
    """Sandbox time of its arrival."""
    status: int | None = None
    """Status of the response; None before the response, and if a fault suppressed it."""
    elapsed: float = 0.0
    """Real seconds until the response."""


class Sandbox:
    """A local Pixxel API with its own storage host; `async with` starts and stops it.

    Args:
        token: The token with all permissions; `tokens.issue` registers others.
        host: Address to listen on.
        port: Port of the API; 0 selects a free one.
        storage_port: Port of the storage host; 0 selects a free one.
        speed: Sandbox seconds per real second; 0 pauses the clock until `clock.advance`.
        seed: Decides ids, durations and the archive; the same calls give the same responses.
        clock: Your own clock, instead of `speed`.
        strict_auth: Accept `Bearer TOKEN` only, not the bare token or `Basic`.
        url_lifetime: Lifetime of a signed URL in sandbox seconds.
        validate_answers: Validate every response against the spec; an invalid one becomes a 500 and is
            recorded in `defects`. For tests of the sandbox itself.
    """

    def __init__(
        self,
        *,
        token: str = "sandbox-token",
        host: str = "127.0.0.1",
        port: int = 0,
        storage_port: int = 0,
        speed: float = 1.0,
        seed: int = 0,
        clock: SandboxClock | None = None,
        strict_auth: bool = False,
        url_lifetime: float = 3600.0,
        validate_answers: bool = False,
    ) -> None:
        self.token = token
        self.clock = clock or SandboxClock(speed=speed)
        self.faults = Faults(seed)
        self.tokens = Tokens(strict=strict_auth)
        self.tokens.issue(token)
        self.storage = Storage(host, storage_port, now=self.clock.now, faults=self.faults)
        self.state = State(
            clock=self.clock,
            seed=seed,
            archive=Archive(seed, now=self.clock.now),
            storage=self.storage,
            url_lifetime=url_lifetime,
        )
        self.requests: deque[RequestRecord] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.defects: list[dict[str, Any]] = []
        self._host = host
        self._port = port
        self._validate_answers = validate_answers
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Base URL of the API.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if self._url is None:
            raise RuntimeError("the sandbox is not running; use it inside `async with Sandbox() as sandbox:`")
        return self._url

    @property
    def storage_url(self) -> str:
        """Origin of the storage host and of the signed URLs."""
        return self.storage.origin

    @property
    def ledger(self) -> Ledger:
        """All resources made and tokens charged so far."""
        self.state.settle()
        return self.state.ledger

    @property
    def outcomes(self) -> Outcomes:
        """The planned outcomes of resources; tests add them."""
        return self.state.outcomes

    @property
    def price_factor(self) -> float:
        """Factor for the prices of insights and archive images from now on; for tests of changing prices."""
        return self.state.price_factor

    @price_factor.setter
    def price_factor(self, factor: float) -> None:
        self.state.price_factor = factor

    def client(self, **options: Any) -> PixxelClient:
        """A client for this sandbox; `options` are those of `PixxelClient`."""
        from pixxel_async.client import PixxelClient  # the server does not need the SDK's client

        return PixxelClient(**{"token": self.token, "base_url": self.url, **options})

    async def start(self) -> None:
        """Start to listen; `async with` calls it."""
        self._stopping.clear()
        await self.storage.start()
        application = web.Application(client_max_size=_LARGEST_BODY)
        handlers = all_handlers()
        for operation in operations().values():
            endpoint = _Endpoint(self, operation, handlers[operation.id])
            application.router.add_route(operation.method, operation.path, endpoint.serve)
        application.router.add_route("*", "/{rest:.*}", self._unknown_route)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop listening and close open connections; the state stays readable."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.storage.stop()
        self._url = None

    async def __aenter__(self) -> Sandbox:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def checked(self, operation: SpecOperation, answer: Answer) -> Answer:
        """The response, or a 500 if responses are validated and this one is invalid."""
        if not self._validate_answers or answer.build is not None:
            return answer
        shape = operation.answer(answer.status)
        value = answer.body if shape.content_type != "application/json" else orjson.loads(_encoded(answer))
        faults = answer_faults(shape, value)
        if (answer.body is None) != (shape.content_type is None):
            faults.append({"path": "answer", "message": "the presence of the body differs from the spec"})
        if not faults:
            return answer
        self.defects.append({"operation": operation.id, "status": answer.status, "faults": faults})
        raise Refusal(
            500, "answer_off_spec", f"the response of the sandbox is invalid by the spec: {faults[0]}", faults
        )

    async def hang(self, transport: asyncio.Transport | None) -> None:
        """Send no response until the peer or the sandbox closes the connection."""
        await self._stopping.wait()
        reset_connection(transport)

    async def _unknown_route(self, request: web.Request) -> web.StreamResponse:
        """404, or 405 when the path exists with another method; in the vendor's envelope."""
        methods = sorted(
            operation.method for operation in operations().values() if _leads_to(operation.path, request.path)
        )
        refusal = (
            Refusal(405, "method_not_allowed", f"{request.method} is not allowed here", {"allow": methods})
            if methods
            else Refusal(404, "not_found", "no such path", {"path": request.path})
        )
        record = RequestRecord(request.method, request.path, request.query_string, None, self.clock.now())
        record.status = refusal.status
        self.requests.append(record)
        response = _response(_refused(refusal))
        if methods:
            response.headers["Allow"] = ", ".join(methods)
        return response


class _Endpoint:
    """Processes the requests of one operation."""

    def __init__(self, sandbox: Sandbox, operation: SpecOperation, handler: Handler) -> None:
        self._sandbox = sandbox
        self._operation = operation
        self._handler = handler
        self._names = (operation.id, f"{operation.method} {operation.path}", "api")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Respond to a request, or apply its faults."""
        sandbox = self._sandbox
        began = time.perf_counter()
        record = RequestRecord(
            request.method, request.path, request.query_string, self._operation.id, sandbox.clock.now()
        )
        sandbox.requests.append(record)
        faults = sandbox.faults.take(*self._names)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            record.status = 413
            return _response(_refused(Refusal(413, "too_large", "the body is too large")))
        for fault in faults:
            if fault.kind == "delay" and not fault.after_effect:
                await asyncio.sleep(fault.delay)
        struck = next((fault for fault in faults if fault.kind not in TOGETHER), None)
        if struck is not None and not struck.after_effect and struck.kind in ("status", "reset", "hang"):
            if struck.late:
                self._postpone(struck.late, request, body)
            return await self._strike(struck, request, record)
        answer = await self._answer(request, body, expired=struck is not None and struck.kind == "expire")
        for fault in faults:
            if fault.kind == "delay" and fault.after_effect:
                await asyncio.sleep(fault.delay)
            if fault.kind == "lag":
                hide_younger(answer.body, sandbox.clock.now() - timedelta(seconds=fault.late))
            if fault.kind == "lack":
                answer = self._lacking(answer, fault.share)
        if struck is not None and struck.kind in ("status", "reset", "hang"):
            return await self._strike(struck, request, record)
        response = _response(answer)
        response.headers["Date"] = format_datetime(sandbox.clock.now(), usegmt=True)
        if struck is not None and struck.kind in ("reset_after", "truncate"):
            return await _cut(struck, request, response)
        record.status, record.elapsed = response.status, time.perf_counter() - began
        return response

    async def _answer(self, request: web.Request, body: bytes, *, expired: bool) -> Answer:
        try:
            if expired:
                raise token_expired()
            answer = self._sandbox.checked(self._operation, self._handled(request, body))
            if answer.build is not None:
                made = await asyncio.to_thread(answer.build)
                return attrs.evolve(answer, body=made, build=None)
            return answer
        except Refusal as refusal:
            return _refused(refusal)
        except Exception:
            _log.exception("the sandbox failed at %s", self._operation.id)
            return _refused(Refusal(500, "internal", "the sandbox failed; see its log"))

    def _handled(self, request: web.Request, body: bytes) -> Answer:
        sandbox, operation = self._sandbox, self._operation
        access = _NOBODY
        if operation.secured:
            access = sandbox.tokens.admit(request.headers.get("Authorization"), sandbox.clock.now())
        call = Call(
            operation=operation,
            access=access,
            path=path_values(operation, request.match_info),
            query=query_values(operation, request.query) if operation.query_parameters else {},
            body=body_value(operation, request.content_type, body),
        )
        sandbox.state.settle()
        return self._handler(sandbox.state, call)

    def _lacking(self, answer: Answer, share: float) -> Answer:
        """A copy of an answer, without some of its optional fields."""
        validator = self._operation.answer(answer.status).validator
        if validator is None or answer.content_type != "application/json":
            return answer
        body = orjson.loads(_encoded(answer))
        self._sandbox.faults.leave_out(body, share, validator.is_valid)
        return attrs.evolve(answer, body=body)

    def _postpone(self, seconds: float, request: web.Request, body: bytes) -> None:
        """Apply the effect of the request after its connection is gone."""

        def happen() -> None:
            with suppress(Refusal):
                self._handled(request, body)

        self._sandbox.state.at(self._sandbox.clock.now() + timedelta(seconds=seconds), happen)

    async def _strike(self, fault: Fault, request: web.Request, record: RequestRecord) -> web.StreamResponse:
        if fault.kind == "status":
            record.status = fault.status
            response = _response(_refused(Refusal(fault.status, "fault", "an injected fault")))
            response.headers["Date"] = format_datetime(self._sandbox.clock.now(), usegmt=True)
            if fault.retry_after is not None:
                response.headers["Retry-After"] = str(fault.retry_after)
            return response
        if fault.kind == "hang":
            await self._sandbox.hang(request.transport)
        else:
            reset_connection(request.transport)
        return web.Response()  # is not sent: the connection is gone


async def _cut(fault: Fault, request: web.Request, response: web.Response) -> web.StreamResponse:
    """Announce the whole body, send a part of it, then reset or close the connection."""
    body = response.body if isinstance(response.body, bytes) else b""
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(body)
    partial.force_close()
    await partial.prepare(request)
    await partial.write(body[: fault.after_bytes])
    if request.transport is not None:
        if fault.kind == "truncate":
            request.transport.close()
        else:
            await asyncio.sleep(0.01)  # sends the written bytes; a reset discards unsent ones
            reset_connection(request.transport)
    return partial


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.envelope(), refusal.status)


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status)
    return web.Response(body=_encoded(answer), status=answer.status, content_type=answer.content_type)


def _encoded(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    if answer.content_type != "application/json":
        return str(answer.body).encode()
    return orjson.dumps(answer.body)


def _leads_to(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) is not None
