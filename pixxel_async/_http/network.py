"""How the sessions of a client connect: over which proxy or connector, and which certificates they trust."""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import ssl
import warnings
import weakref
from collections.abc import Callable
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from pixxel_async._base.active_calls import running_loop
from pixxel_async._base.files import checked_path
from pixxel_async._http.auth import Hidden
from pixxel_async._http.sending import place_of, stripped
from pixxel_async.errors import ConfigurationError

ConnectorFactory = Callable[..., aiohttp.BaseConnector]
"""Returns a new connector at each call; called with `resolver=` for files, if it has a parameter of that name."""


class Network:
    """What all sessions of one client have in common.

    Args:
        proxy: URL of an HTTP proxy; the environment's when left out, unless `connector` is given.
        ca_file: PEM file of authorities to trust beside the system's.
        ssl_context: Used in the place of a context of our own.
        insecure: Trust every certificate. Warns.
        connector: Makes the connectors.

    Raises:
        ConfigurationError: a setting cannot be used, or two exclude each other.
    """

    def __init__(
        self,
        *,
        proxy: Hidden | None = None,
        ca_file: str | PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        insecure: bool = False,
        connector: ConnectorFactory | None = None,
    ) -> None:
        self.proxy = None if proxy is None else check_proxy(proxy)
        if ssl_context is not None:
            _check_context(ssl_context, is_alone=ca_file is None and not insecure)
        if insecure:
            warnings.warn(
                "insecure=True: certificates are not checked, anyone on the way can read the token",
                RuntimeWarning,
                stacklevel=3,
            )
        if connector is not None and not callable(connector):
            raise ConfigurationError(
                "connector must be a function that returns a new aiohttp connector, "
                f"not a {type(connector).__name__}: each session of the client needs its own"
            )
        self.known_tls: ssl.SSLContext | bool | None = ssl_context
        """What `tls()` returns, once that is known."""
        if insecure:
            self.known_tls = False
        elif ssl_context is None and ca_file is None:
            self.known_tls = True
        self._ca_file = None if ca_file is None else checked_path(ca_file, "ca_file", ConfigurationError)
        self._reading: asyncio.Future[ssl.SSLContext | str] | None = None
        self._factory = connector
        self._takes_resolver = connector is not None and _takes_resolver(connector)
        self._made: weakref.WeakSet[aiohttp.BaseConnector] = weakref.WeakSet()
        self._of_environment = cache(proxy_of_environment)  # it is long, and not read again for each file

    @property
    def has_factory(self) -> bool:
        """Whether its connectors are made by user code."""
        return self._factory is not None

    def proxy_for(self, url: str) -> str | None:
        """The URL of the proxy on the way to a URL; None for a direct way, or the connector's."""
        if self.proxy is not None or self._factory is not None:
            return self.proxy
        parts = urlsplit(url)
        return self._of_environment(parts.scheme, parts.hostname or "")

    async def tls(self) -> ssl.SSLContext | bool:
        """Which certificates to trust, in aiohttp's terms. `ca_file` is read in a thread, once for all that ask.

        Raises:
            ConfigurationError: the file cannot be read, or holds no certificates. The next call reads it again.
        """
        if self.known_tls is not None:
            return self.known_tls
        if self._reading is None:
            assert self._ca_file is not None
            self._reading = running_loop().run_in_executor(None, _context_of, self._ca_file)
        reading = self._reading
        context = await asyncio.shield(reading)
        if self._reading is reading:
            self._reading = None
        if isinstance(context, str):
            raise ConfigurationError(context)
        self.known_tls = context
        return context

    def connector(
        self, *, resolver: AbstractResolver | None = None, force_close: bool = False
    ) -> aiohttp.BaseConnector:
        """The connector of a new session. One that the user's function makes may ignore both arguments.

        Raises:
            ConfigurationError: the user's function failed, or what it returned cannot be used.
        """
        if self._factory is None:
            return aiohttp.TCPConnector(resolver=resolver, force_close=force_close)
        options = {"resolver": resolver} if self._takes_resolver and resolver is not None else {}
        try:
            made = self._factory(**options)
        except Exception as error:
            failed = ConfigurationError(f"connector= raised {place_of(error)}")
            cause = stripped(error)
        else:
            self._check(made)
            self._made.add(made)
            return made
        raise failed from cause

    def _check(self, made: Any) -> None:
        if inspect.iscoroutine(made):
            made.close()
        if not isinstance(made, aiohttp.BaseConnector):
            raise ConfigurationError(
                f"connector= returned a {type(made).__name__}: it must return a new aiohttp connector"
            )
        if made.closed or made in self._made:
            raise ConfigurationError(
                "connector= returned a connector that is closed, or used by another session: "
                "it must return a new one at each call"
            )
        if type(made) is aiohttp.TCPConnector and not self._takes_resolver:
            raise ConfigurationError(
                "connector= returned a TCPConnector without the resolver that keeps files from private addresses: "
                "give your function a parameter `resolver=None` and pass it to the TCPConnector"
            )


def _takes_resolver(factory: ConnectorFactory) -> bool:
    try:
        parameter = inspect.signature(factory).parameters.get("resolver")
    except (TypeError, ValueError):  # it does not say which parameters it has
        return False
    return parameter is not None and parameter.kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )


# --- TLS --------------------------------------------------------------------------------------------------


def _check_context(context: ssl.SSLContext, *, is_alone: bool) -> None:
    if not isinstance(context, ssl.SSLContext):
        raise ConfigurationError(
            f"ssl_context must be an ssl.SSLContext, not a {type(context).__name__}; for a PEM file there is ca_file="
        )
    if context.protocol is ssl.PROTOCOL_TLS_SERVER:
        raise ConfigurationError(
            "ssl_context is for servers: make it with ssl.create_default_context(), whose purpose is SERVER_AUTH"
        )
    if not is_alone:
        raise ConfigurationError(
            "ssl_context cannot be combined with ca_file or insecure: change the context itself, "
            "for example with its load_verify_locations()"
        )


def _context_of(ca_file: Path) -> ssl.SSLContext | str:
    """A context that also trusts the authorities in a file; text if it cannot be used."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "it holds no PEM certificate"
        return f"ca_file {str(ca_file)!r} cannot be used: {problem}"
    return context


# --- proxies ----------------------------------------------------------------------------------------------


def proxy_of_environment(scheme: str, host: str) -> Hidden | None:
    """The proxy that the environment names for a host; none for this machine.

    Read by ourselves: aiohttp's trust_env would also read .netrc, and put its password in the place of our token.
    """
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxy = _named_in_environment(scheme)
    return check_proxy(proxy, "the proxy in the environment") if proxy else None


def _named_in_environment(scheme: str) -> Hidden | None:
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return Hidden(proxy) if proxy else None


def check_proxy(proxy: Hidden, name: str = "proxy") -> Hidden:
    """The URL of a proxy, complete.

    Raises:
        ConfigurationError: it is not the URL of an HTTP proxy.
    """
    url = proxy if "://" in proxy else Hidden(f"http://{proxy}")
    if not _is_proxy(url):
        raise ConfigurationError(
            f"{name} must be the URL of an HTTP proxy, like http://proxy.example:3128; "
            "for SOCKS pass connector=, a function that returns the connector of a SOCKS library"
        )
    return url


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(URL(url).host) and parts.port != 0
    except ValueError:
        return False


# --- hosts ---


def is_local(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
