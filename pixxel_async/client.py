"""The client: has the transport, the downloader and one attribute per resource."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from functools import cache
from os import PathLike
from types import TracebackType
from typing import Any, Self

import aiohttp
import attrs

from pixxel_async import _endpoints as resources
from pixxel_async._base.clock import Clock
from pixxel_async._download.downloader import Downloader, Progress, SavedFile
from pixxel_async._http.auth import Auth, TokenSource, conceal, hide
from pixxel_async._http.call import CallOptions, Transport
from pixxel_async._http.counters import Counters
from pixxel_async._http.events import OnRequest, OnResponse, OnRetry, Stats
from pixxel_async._http.exchange import AiohttpExchange
from pixxel_async._http.hooks import hooks_of
from pixxel_async._http.network import ConnectorFactory, Network
from pixxel_async._http.operation import Endpoint
from pixxel_async._http.retry import RetryPolicy
from pixxel_async._http.transport import HttpTransport
from pixxel_async._resource.creates import Creates
from pixxel_async._resource.resource import ClientContext, LoopBinding
from pixxel_async._resource.shared_polling import PollGroups
from pixxel_async.config import AUTH_SCHEME, BASE_URL, log_as_asked, settings
from pixxel_async.errors import OutcomeUnknown
from pixxel_async.reconciling import (
    SETTLE_WINDOW,
    Ambiguous,
    BeforeCreate,
    Intent,
    Reconciliation,
    Unresolved,
)

__all__ = [
    "PixxelClient",
]


@cache
def _endpoints() -> dict[str, Endpoint[Any]]:
    """All routes by operationId; collected at the first use."""
    modules = [value for value in vars(resources).values() if inspect.ismodule(value)]
    return {
        each.id: each for module in modules for each in vars(module).values() if isinstance(each, Endpoint)
    }


class PixxelClient:
    """A client of the Pixxel API, bound to one event loop.

    Use it as a context manager, or call `aclose()` at the end.

        async with PixxelClient() as client:
            async for order in client.orders.list(limit=50): ...

    Args:
        token: The token, or a function (`async` or not) that returns the current one and is called again after a 401.
            Default: the token of `profile`, PIXXEL_API_KEY, PIXXEL_TOKEN, or the profile that PIXXEL_PROFILE names.
        profile: Name of a profile in the configuration file; see `pixxel_async.config`.
        base_url: Address of the API. Default: PIXXEL_BASE_URL, the profile's, or the vendor's public address.
        auth_scheme: Text before the token. None or "" sends the token alone, as for older API keys; a token that begins with
            `Bearer ` or `Basic ` is sent as it is. The profile's wins over the default.
        timeout: Seconds for one call with all its attempts and waits.
        attempt_timeout: Seconds for one attempt of it.
        retry: How often and how soon to retry a call.
        settle_window: Seconds after sending after which `OutcomeUnknown.reconcile` may report a create as absent. It must
            exceed the delay of the API and its gateways.
        session: An aiohttp session to use instead of the client's, without `auth` and `trust_env`; it is neither changed nor
            closed. Creates use its kept connections, which the server may have closed meanwhile. A few more creates then
            end in OutcomeUnknown. Downloads have a separate session.
        proxy: URL of an HTTP proxy. Default: the environment's; none for calls over your `session` and for your
            `connector`.
        ca_file: PEM file of certificate authorities to trust beside the system's. It is read once, in a thread, before the
            first request. It applies to downloads too, and to calls over your `session` or `connector`.
        ssl_context: A context to use instead, for example with a client certificate. Not together with `ca_file` or
            `insecure`.
        insecure: Trust every certificate. Warns.
        connector: Function that returns a new aiohttp connector, for example of a SOCKS proxy; not together with `session`.
            It is called for each session of the client: calls, creates, downloads. If it has a parameter `resolver`, it
            receives the client's for downloads, which refuses names that lead to private addresses. Otherwise the proxy
            resolves names, and only literal private addresses are refused; a plain TCPConnector is a ConfigurationError.
        on_request: Called before each attempt of a call; may add headers to it. See `RequestEvent`.
        on_response: Called after each attempt.
        on_retry: Called when an attempt failed and another follows.
        transport: Replaces the network; see `pixxel_async.testing`. No token is needed then, and no hook is called.
        clock: Time and random numbers; see `pixxel_async.testing`.

    Raises:
        ConfigurationError: a setting is missing or unusable.
    """

    def __init__(
        self,
        token: TokenSource | None = None,
        *,
        profile: str | None = None,
        base_url: str | None = None,
        auth_scheme: str | None = AUTH_SCHEME,
        timeout: float = 120.0,
        attempt_timeout: float = 90.0,
        retry: RetryPolicy | None = None,
        settle_window: float = SETTLE_WINDOW,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        ca_file: str | PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        insecure: bool = False,
        connector: ConnectorFactory | None = None,
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        on_retry: OnRetry | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        token = conceal(token)  # on its own line: the next may raise
        proxy, base_url = hide(proxy, "proxy"), hide(base_url, "base_url")
        log_as_asked()
        clock = clock or Clock()
        options = CallOptions(
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            retry=retry or RetryPolicy(),
            settle_window=settle_window,
        )
        network = Network(
            proxy=proxy, ca_file=ca_file, ssl_context=ssl_context, insecure=insecure, connector=connector
        )
        hooks, counters = hooks_of(on_request, on_response, on_retry), Counters()
        url, is_local = BASE_URL, False
        auth: Auth | None = None
        ahead: Callable[[], float | None] = lambda: None  # noqa: E731
        if transport is None:
            chosen = settings(token, profile=profile, base_url=base_url, auth_scheme=auth_scheme)
            url, is_local = chosen.base_url, chosen.is_local
            auth = Auth(chosen.token, chosen.auth_scheme, chosen.origin)
            exchange = AiohttpExchange(url, session=session, network=network, redact=auth.redact)
            transport = http = HttpTransport(exchange, auth, url, clock, hooks=hooks, counters=counters)
            ahead = http.ahead
        downloader = Downloader(clock=clock, allow_private=is_local, network=network, counters=counters)
        binding = LoopBinding(is_to_close=auth is not None)
        creates = Creates(transport, clock, ahead, binding.check, lambda name: _endpoints().get(name))
        groups = PollGroups(clock)
        context = ClientContext(
            url, auth, transport, options, downloader, clock, binding, creates, counters, groups
        )
        self._open(context, is_owner=True)

    def _open(self, context: ClientContext, *, is_owner: bool) -> None:
        self._context = context
        self._is_owner = is_owner
        self._status = resources.Status(context)
        self.projects = resources.Projects(context)
        self.aois = resources.AOIs(context)
        self.satellites = resources.Satellites(context)
        self.search = resources.Search(context)
        self.indices = resources.Indices(context)
        self.visualizations = resources.Visualizations(context)
        self.blocks = resources.Blocks(context)
        self.insights = resources.Insights(context)
        self.assets = resources.Assets(context)
        self.downloads = resources.Downloads(context)
        self.workflows = resources.Workflows(context)
        self.jobs = resources.Jobs(context)
        self.tasks = resources.Tasks(context)
        self.bandsets = resources.Bandsets(context)
        self.orders = resources.Orders(context)
        self.order_items = resources.OrderItems(context)
        self.archives = resources.Archives(context)
        self.reports = resources.Reports(context)
        self.stores = resources.Stores(context)
        self.deliveries = resources.Deliveries(context)
        self.catalogs = resources.Catalogs(context)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        attempt_timeout: float | None = None,
        retry: RetryPolicy | None = None,
        settle_window: float | None = None,
        before_create: BeforeCreate | None = None,
    ) -> PixxelClient:
        """A client with other options for its calls; options left out are unchanged.

        It shares connections, token and retry budget with this one. Only the original client closes them.

            report = await client.with_options(timeout=600).reports.orders(...)

        Args:
            timeout: Seconds for one call with all its attempts and waits.
            attempt_timeout: Seconds for one attempt of it.
            retry: How often and how soon to retry a call.
            settle_window: Seconds after sending after which `reconcile` may report a create as absent.
            before_create: Awaited with an `Intent` once for each create, before its first byte is sent. A program that
                stores the intent can find the outcome even after it was killed. An exception prevents the create and is
                raised to the caller. The call's `timeout` does not include its time. Not called for
                packages (`downloads.create`, `catalogs.request_download`): a second one costs nothing.
        """
        changes: dict[str, Any] = {
            "timeout": timeout,
            "attempt_timeout": attempt_timeout,
            "retry": retry,
            "settle_window": settle_window,
            "before_create": before_create,
        }
        options = attrs.evolve(
            self._context.options, **{name: value for name, value in changes.items() if value is not None}
        )
        sibling = object.__new__(type(self))
        sibling._open(attrs.evolve(self._context, options=options), is_owner=False)
        return sibling

    @property
    def call_options(self) -> dict[str, Any]:
        """The options of its calls, as `with_options` of a client in another process takes them."""
        options = self._context.options
        return {
            name: getattr(options, name) for name in ("timeout", "attempt_timeout", "retry", "settle_window")
        }

    @property
    def stats(self) -> Stats:
        """What this client and its siblings have done so far."""
        return self._context.counters.snapshot(unresolved=len(self._context.creates.open))

    @property
    def base_url(self) -> str:
        """Address of the API."""
        return self._context.base_url

    async def token_print(self, salt: str) -> str:
        """Eight hexadecimal digits that differ for another token or salt: to detect a change of account.

        The token cannot be computed from them. Empty for a client without a token.
        """
        self._context.binding.check()
        auth = self._context.auth
        if auth is None:
            return ""
        await auth.prepare()
        return auth.fingerprint(salt)

    async def ping(self) -> str:
        """Ask whether the service is up; returns its response, a short text."""
        return await self._status.ping()

    async def available(self) -> None:
        """Wait until calls are sent: at once, unless the service is down or has asked for a pause.

        After ten consecutive failures of an endpoint, or of the API, its calls end in ServiceUnavailable and are not sent.
        New calls, and tasks that wait here, then send `GET /ping` at intervals. When it succeeds, one call is a trial. Use this
        for bulk work that prefers a pause to failures; limit the time with `asyncio.timeout`.

        Raises:
            ClientClosed: the client is closed, or was closed meanwhile.
        """
        self._context.binding.check()
        await self._context.transport.available()

    @property
    def unresolved(self) -> tuple[Unresolved, ...]:
        """The creates of this client and its siblings with unknown outcome, oldest first.

        They ended in `OutcomeUnknown`, or were cancelled after they had been sent. Each can be looked up with its
        `reconcile()`; Found and Absent remove it from the list. Of more than 10,000 the oldest are dropped.
        """
        return self._context.creates.open

    async def reconcile(
        self,
        what: OutcomeUnknown | Intent,
        *,
        settle_window: float | None = None,
        known_ids: Iterable[str] | None = None,
        made: Mapping[str, datetime] | None = None,
        own: bool = False,
    ) -> Reconciliation:
        """Find out whether a create was executed: its response was lost, or another process was about to send it.

        Pass an error, also a pickled one, or an intent, also a stored one. The create must not be in flight.
        `error.reconcile` does the same for an error that has not left its client. Nothing is sent again.

        Args:
            what: The error or the intent.
            settle_window: Seconds after sending at which the settle window ends; default: the client's `settle_window`. If
                an intent is only known to be sent before its `deadline`, they count from then, or from now if
                that is earlier.
            known_ids: Ids that a listing had before the create was sent; see `OutcomeUnknown.reconcile`. The keys of a dict
                are not copied, so what you add meanwhile counts.
            made: Ids that your own records list as created in the same listing, with aware times. The client knows what it
                made itself. A listing without a total (insights, jobs, stores, deliveries) proves no absence while it
                lacks one of these that is older than the settle window.
            own: Whether a result of another create of this client also counts. For lost records of what it made, when
                `known_ids` has all that are left.

        Raises:
            InvalidInput: the create is in flight in this client, or was not made by this version of the SDK.
            CallError: The readings after the settle window failed, or a response did not prove which rows exist; call it
                again later.
            PaginationError: The listing did not advance; call it again later.
        """
        context = self._context
        context.binding.check()
        intent = what.intent if isinstance(what, OutcomeUnknown) else what
        if intent is None:
            return Ambiguous(())
        return await context.creates.reconcile(
            intent, context.options, settle_window=settle_window, known_ids=known_ids, made=made, own=own
        )

    async def save(
        self,
        url: str,
        directory: str | PathLike[str],
        *,
        filename: str | None = None,
        overwrite: bool = False,
        on_progress: Progress | None = None,
        unzip: bool = False,
    ) -> SavedFile:
        """Download the file behind a signed URL, complete and verified. The token is not sent there.

        The URL of a package expires; `.save()` of the package's wait requests a new one.

        Args:
            url: The signed URL.
            directory: Target folder; made if missing.
            filename: File name without a folder. Default: the last part of the URL's path, cleaned.
            overwrite: Replace an existing file.
            on_progress: Called with the bytes so far and the total bytes (None if the server does not state them).
            unzip: Also unpack the file, a ZIP, into a folder beside it.

        Raises:
            FileInTheWay: the name is taken.
            DownloadError: the file could not be downloaded completely.
        """
        self._context.binding.check()
        saving = self._context.downloader.save(
            url, directory, filename=filename, overwrite=overwrite, on_progress=on_progress, unzip=unzip
        )
        del url  # not for tracebacks that show local variables
        return await saving

    async def aclose(self) -> None:
        """Close the client's own connections; safe to call twice. A sibling from `with_options` closes nothing.

        Calls, waits and downloads in other tasks end at once in `ClientClosed`, and a later download resumes. Creates that
        may have been executed end in `OutcomeUnknown`.
        """
        if self._is_owner:
            self._context.binding.end()
            async with AsyncExitStack() as stack:  # the last is closed first, and each even if others fail
                stack.push_async_callback(self._context.downloader.aclose)
                stack.push_async_callback(self._context.transport.aclose)
                stack.push_async_callback(self._context.groups.aclose)

    async def __aenter__(self) -> Self:
        self._context.binding.check()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
