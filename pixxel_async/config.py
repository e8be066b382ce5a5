"""The settings of a client: from arguments, environment variables, and a profile in a file.

    # ~/.config/pixxel/config.toml, readable by its owner only
    [profiles.work]
    token = "..."
    base_url = "https://api.pixxel.space"
    auth_scheme = "Bearer"

An argument has precedence. Then follow a profile named by an argument, the environment, and the profile that the
environment names.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from pixxel_async._base.shown import shown
from pixxel_async._http.auth import Hidden, Secret
from pixxel_async._http.network import is_local, is_loopback
from pixxel_async.errors import ConfigurationError

__all__ = [
    "AUTH_SCHEME",
    "BASE_URL",
    "Profile",
    "Settings",
    "check_base_url",
    "log_as_asked",
    "read_profile",
    "settings",
]

BASE_URL = "https://api.pixxel.space"
AUTH_SCHEME = "Bearer"

_NO_TOKEN = (
    "no token: pass PixxelClient(token=...), set the environment variable PIXXEL_API_KEY, "
    "or name a profile that has one (profile=... or PIXXEL_PROFILE) in {file}"
)


@attrs.frozen(kw_only=True)
class Settings:
    """What a client needs to make calls."""

    token: Secret | Callable[[], str | Awaitable[str]]
    base_url: str
    """Normalized by `check_base_url`."""
    auth_scheme: str | None

    @property
    def origin(self) -> str:
        """Scheme, host and port of the API."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_local(self) -> bool:
        """Whether the API is on this machine."""
        return is_local(self.base_url)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Profile:
    """One table of the configuration file; None for a missing key."""

    token: Secret | None = None
    base_url: str | None = None
    auth_scheme: str | None = None


def settings(
    token: Secret | Callable[[], str | Awaitable[str]] | None = None,
    *,
    profile: str | None = None,
    base_url: str | None = None,
    auth_scheme: str | None = AUTH_SCHEME,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Combine the settings.

    Raises:
        ConfigurationError: no token, or an unusable base URL or configuration file; the message names place and remedy.
    """
    environment = _Environment(os.environ if environ is None else environ)
    file = environment.config_file()
    named = read_profile(file, profile) if profile is not None else Profile()
    fallback = Profile()
    if profile is None and (name := environment.get("PIXXEL_PROFILE")) is not None:
        fallback = read_profile(file, name)
    token = token or named.token or environment.token() or fallback.token
    if token is None:
        raise ConfigurationError(_NO_TOKEN.format(file=file))
    if auth_scheme == AUTH_SCHEME:
        chosen = _first(named.auth_scheme, fallback.auth_scheme, AUTH_SCHEME)
    else:
        chosen = auth_scheme or ""
    return Settings(
        token=token,
        base_url=check_base_url(
            _first(base_url, named.base_url, environment.get("PIXXEL_BASE_URL"), fallback.base_url, BASE_URL)
        ),
        auth_scheme=chosen,
    )


def _first(*values: str | None) -> str:
    return next(value for value in values if value is not None)


class _Environment:
    """Environment variables; an empty one counts as unset. Its repr does not show them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> str | None:
        return self._variables.get(name) or None

    def token(self) -> Secret | None:
        value = self.get("PIXXEL_API_KEY") or self.get("PIXXEL_TOKEN")
        return None if value is None else Secret(value)

    def config_file(self) -> Path:
        if named := self.get("PIXXEL_CONFIG_FILE"):
            return _expanded(named)
        if sys.platform == "win32":
            base = _expanded(self.get("APPDATA") or "~/AppData/Roaming")
        elif sys.platform == "darwin":
            base = _expanded("~/Library/Application Support")
        else:
            base = _expanded(self.get("XDG_CONFIG_HOME") or "~/.config")
        return base / "pixxel" / "config.toml"


def _expanded(path: str) -> Path:
    """The path with the home in place of `~`; unchanged if there is no home, as in some containers."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)


# --- the file ---------------------------------------------------------------------------------------------


def read_profile(file: Path, name: str) -> Profile:
    """One profile of a configuration file.

    Raises:
        ConfigurationError: the file is missing, broken, or open to others; the profile is unknown; a key is unknown or wrong.
    """
    parsed = _ConfigFile.read(file)
    problem = parsed.problem(name)
    if problem is not None:
        raise ConfigurationError(f"{file}: {problem}")
    return parsed.profile(name)


class _ConfigFile:
    """A parsed file. Its contents stay inside: an exception must not have a token among its locals."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables

    @classmethod
    def read(cls, file: Path) -> _ConfigFile:
        try:
            mode = file.stat().st_mode
        except (OSError, ValueError) as error:  # ValueError: no file system has such a path
            problem = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        else:
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                problem = f"others can read it, and it may hold a token: run  chmod 600 {file}"
            else:
                parsed = cls._parse(file)
                if not isinstance(parsed, str):
                    return parsed
                problem = parsed
        raise ConfigurationError(f"{file}: {problem}")

    @classmethod
    def _parse(cls, file: Path) -> _ConfigFile | str:
        """The file, or what is wrong with it."""
        try:
            return cls(tomllib.loads(file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")))
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            return "not UTF-8 text"
        except tomllib.TOMLDecodeError as error:
            where = re.search(r"\((at [^()]*)\)\s*$", str(error))
            return f"not valid TOML ({where[1] if where else 'somewhere'})"

    def problem(self, name: str) -> str | None:
        """What is wrong with the file or that profile, if anything."""
        for key in self._tables:
            if key != "profiles":
                return f"unknown key {key!r}; put profiles into tables [profiles.NAME]"
        profiles = self._tables.get("profiles", {})
        found = profiles.get(name) if isinstance(profiles, dict) and isinstance(name, str) else None
        if not isinstance(found, dict):
            known = ", ".join(sorted(profiles)) if isinstance(profiles, dict) and profiles else "none"
            return f"no profile {shown(name)}; it has: {known}"
        allowed = [field.name for field in attrs.fields(Profile)]
        for key, value in found.items():
            place = f"[profiles.{name}] {key}"
            if key not in allowed:
                return f"{place}: unknown key; known are {', '.join(allowed)}"
            if not isinstance(value, str):
                return f"{place}: must be a string, not {type(value).__name__}"
        return None

    def profile(self, name: str) -> Profile:
        table = dict(self._tables["profiles"][name])
        token = table.pop("token", None)
        return Profile(token=Secret(token) if token else None, **table)


# --- the base URL -----------------------------------------------------------------------------------------


def check_base_url(url: str) -> str:
    """The base URL without a slash at its end, with scheme and host in lower case.

    Raises:
        ConfigurationError: it is not an http(s) URL, has user info, query or fragment, or is http to another machine.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"the base URL must be text, not {type(url).__name__}")
    url = Hidden(url)
    checked, problem = _judged(url)
    if problem is not None:
        raise ConfigurationError(f"the base URL {problem}")
    return checked


def _judged(url: str) -> tuple[str, str | None]:
    """The base URL in its normal form, and what is wrong with it, in a text without secrets.

    Raises nothing: parts of the URL are among its locals.
    """
    problem = None
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        return "", "cannot be read as a URL"
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        return "", "must not hold a user name or password; give the token as token=..."
    if not url.isascii() or re.search(r"[\s\x00-\x1f\x7f\\]", url):
        problem = "holds blanks, control characters, backslashes or non-ASCII letters (use punycode)"
    elif parts.scheme not in ("http", "https") or not host:
        problem = "must begin with https:// and a host name"
    elif parts.query or parts.fragment or "?" in url or "#" in url:
        problem = "must not have a query or fragment: leave out what follows"
    elif parts.scheme == "http" and not is_loopback(host):
        problem = (
            "is http: the token would travel in clear; use https (http is allowed for this machine only)"
        )
    if problem is not None:
        # The text before an @, or after a ? or #, may be a secret.
        plain = re.split("[?#]", url.rpartition("@")[2])[0]
        return "", f"{shown(plain)} {problem}"
    name = f"[{host}]" if ":" in host else host
    default_port = {"http": 80, "https": 443}[parts.scheme]
    port_part = "" if port in (None, default_port) else f":{port}"
    return f"{parts.scheme}://{name}{port_part}{parts.path.rstrip('/')}", None


# --- the log ----------------------------------------------------------------------------------------------


def log_as_asked(environ: Mapping[str, str] | None = None) -> None:
    """Show the SDK's log on standard error from the level in PIXXEL_LOG on, if that is set."""
    level = (os.environ if environ is None else environ).get("PIXXEL_LOG", "").strip().upper()
    if not level:
        return
    if level not in logging.getLevelNamesMapping():
        raise ConfigurationError(f"PIXXEL_LOG is {level!r}; use DEBUG, INFO, WARNING or ERROR")
    logger = logging.getLogger("pixxel_async")
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
