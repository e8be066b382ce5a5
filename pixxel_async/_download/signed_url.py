"""Signed URLs: secrets that are sent byte for byte, lead only to the internet, and never show their query."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

from pixxel_async._base.files import safe_name
from pixxel_async._http.messages import clean_text
from pixxel_async.errors import DownloadError

_SIGNATURE = 16
"""Least characters of a signature."""


class SignedUrl:
    """A signed URL that does not show itself: `str` and `repr` leave out the query."""

    __slots__ = ("url",)

    def __init__(self, url: str) -> None:
        self.url = url

    def checked(self, kind: type[Exception], *, allow_private: bool) -> Self:
        """Itself; raises `kind` if it is not the URL of a file on the internet."""
        problem = _url_problem(self.url, allow_private=allow_private)
        if problem is not None:
            raise kind(f"{self}: the URL {problem}")
        return self

    def redirected(self, location: str, *, allow_private: bool) -> SignedUrl:
        """The target of a `Location`; DownloadError if it is missing or not acceptable."""
        if not location:
            raise DownloadError("no Location is given")
        url = location
        if not re.match("[a-z]+://", location, re.IGNORECASE):
            with suppress(ValueError):
                url = urljoin(self.url, location)
        return SignedUrl(url).checked(DownloadError, allow_private=allow_private)

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """A file name from the path."""
        return safe_name(unquote(urlsplit(self.url).path.rsplit("/", 1)[-1])) or "download"

    def is_shown_by(self, text: str) -> bool:
        """Whether a text contains its query, or a value of it that could be a signature."""
        query = urlsplit(self.url).query
        values = [value for pair in query.split("&") if len(value := pair.partition("=")[2]) >= _SIGNATURE]
        return any(each in text or unquote(each) in text for each in [query, *values] if each)

    def __str__(self) -> str:
        try:
            parts = urlsplit(self.url)
            place = (
                f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
            )
        except (ValueError, TypeError, AttributeError):
            return "unreadable URL"
        return clean_text(place, str, most=300) + ("?…" if parts.query else "")

    __repr__ = __str__


def _url_problem(url: object, *, allow_private: bool) -> str | None:
    if not isinstance(url, str) or not re.fullmatch("[!-~]+", url):
        return "holds blanks, control or non-ASCII characters, or is not text"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "cannot be read"
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        return "does not begin with https://"
    if not host or "@" in parts.netloc:
        return "names no host, or holds user info"
    if not allow_private and is_private(host):
        return "leads to a private address"
    return None


def is_private(host: str) -> bool:
    """Whether a literal address is outside the public internet; names are checked when they are resolved."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
