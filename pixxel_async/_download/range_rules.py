"""When an interrupted download may resume: what is recorded of it, and how to read the response to a `Range`.

Values and rules only; this module uses no file and no socket.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime

import attrs
from attrs.validators import and_, ge, in_, instance_of, matches_re, optional

Headers = Mapping[str, str]
"""Headers of a response, by lower-case name."""

_SIDECAR_VERSION = 1
_NUMBER = r"\d{1,19}"
_STRONG_ETAG = r'"[!#-~]{1,256}"'
_DATE = r"[A-Za-z0-9 ,:+-]{1,64}"
_CONTENT_RANGE = re.compile(rf"bytes ({_NUMBER})-({_NUMBER})/({_NUMBER})", re.ASCII)
_UNSATISFIED = re.compile(rf"bytes \*/({_NUMBER})", re.ASCII)
_SETTLED = timedelta(seconds=60)
"""A file that changed less than this before the response could change again within the same second (RFC 9110, 8.8.2.2)."""

_size = and_(instance_of(int), ge(0))


@attrs.frozen
class Checksum:
    """The expected hash of the content."""

    algorithm: str = attrs.field(validator=in_(("sha256", "sha512", "md5")))
    """As `hashlib` calls it."""
    digest: str = attrs.field(validator=matches_re("[0-9a-f]{32,128}"))


@attrs.frozen
class Known:
    """What identifies one content of a file, as its server states it."""

    size: int | None = attrs.field(default=None, validator=optional(_size))
    """Bytes."""
    etag: str | None = attrs.field(default=None, validator=optional(matches_re(_STRONG_ETAG)))
    """Only a strong one: two contents may share a weak one."""
    last_modified: str | None = attrs.field(default=None, validator=optional(matches_re(_DATE)))
    """Only if a second change within its resolution is impossible."""
    checksum: Checksum | None = None

    @property
    def validator(self) -> str | None:
        """The value for `If-Range`; without one a download cannot resume."""
        return self.etag or self.last_modified


NOTHING = Known()
"""What is known before the first response."""


@attrs.frozen
class Sidecar:
    """The content of `NAME.part.json`, beside the part file. Never the URL: that is a secret."""

    resource: str = attrs.field(validator=instance_of(str))
    """The resource of the API that the file belongs to; empty if unknown."""
    known: Known
    synced: int = attrs.field(validator=_size)
    """Bytes of the part file that survive a power cut; those after them are not reliable."""

    def dumps(self) -> bytes:
        """As JSON."""
        flat = {"version": _SIDECAR_VERSION, "resource": self.resource, "synced": self.synced}
        return json.dumps(flat | attrs.asdict(self.known)).encode()

    @classmethod
    def loads(cls, data: bytes) -> Sidecar | None:
        """None for text that `dumps` did not write: half a sidecar counts as none."""
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            raw = json.loads(data)
            if raw.pop("version") == _SIDECAR_VERSION:
                checksum = raw.pop("checksum")
                return cls(
                    raw.pop("resource"),
                    synced=raw.pop("synced"),
                    known=Known(**raw, checksum=None if checksum is None else Checksum(**checksum)),
                )
        return None

    def fits(self, resource: str, length: int) -> bool:
        """Whether a part file of this length may be resumed for this resource."""
        most = length if self.known.size is None else min(length, self.known.size)
        return self.resource == resource and self.known.validator is not None and 0 < self.synced <= most


# --- what responses state ---------------------------------------------------------------------------------


class WrongRange(Exception):
    """A response to a `Range` that does not continue the bytes at hand."""


def described_by(headers: Headers) -> Known:
    """What a response with status 200 states about its file."""
    if is_encoded(headers):  # length and validators are those of the encoded form, which is not kept
        return Known(size=_length(headers))
    return Known(_length(headers), _strong_etag(headers), _settled_date(headers), _checksum(headers))


def is_encoded(headers: Headers) -> bool:
    """Whether the body is an encoded form of the file."""
    return headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def asked_for_rest(known: Known, offset: int) -> dict[str, str]:
    """The headers that request the rest from `offset`, or the whole file if it has changed."""
    assert known.validator is not None
    return {"Range": f"bytes={offset}-", "If-Range": known.validator}


def rest(headers: Headers, known: Known, offset: int) -> Known:
    """What is known after a 206 with the rest from `offset`.

    Raises:
        WrongRange: it has other bytes.
    """
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if found is None:
        raise WrongRange("the server sent a part of the file without its position")
    first, last, total = map(int, found.groups())
    if first != offset or not first <= last < total:
        raise WrongRange(f"bytes {first} to {last} of {total} were sent instead of those from {offset}")
    if is_encoded(headers):
        raise WrongRange("the server sent an encoded part of the file")
    _same_file(headers, known, total)
    return attrs.evolve(known, size=total)


def has_all(headers: Headers, known: Known, offset: int) -> Known:
    """What is known after a 416 which states that the file ends at `offset`.

    Raises:
        WrongRange: it states something else.
    """
    found = _UNSATISFIED.fullmatch(headers.get("content-range", ""))
    if found is None or int(found[1]) != offset:
        raise WrongRange(f"the server has no bytes from {offset}")
    _same_file(headers, known, offset)
    return attrs.evolve(known, size=offset)


def _same_file(headers: Headers, known: Known, total: int) -> None:
    """Raise WrongRange if a server that ignores `If-Range` continues with another file."""
    if known.size is not None and known.size != total:
        raise WrongRange(f"the file has {total} bytes now, not {known.size}")
    if known.etag is not None and headers.get("etag", known.etag) != known.etag:
        raise WrongRange("the file has another ETag now")
    date = known.last_modified
    if known.etag is None and headers.get("last-modified", date) != date:
        raise WrongRange("the file has another date now")


def _length(headers: Headers) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch(_NUMBER, text, re.ASCII) else None


def _strong_etag(headers: Headers) -> str | None:
    etag = headers.get("etag", "")
    return etag if re.fullmatch(_STRONG_ETAG, etag) else None


def _settled_date(headers: Headers) -> str | None:
    """Both dates are the server's, so its clock may be wrong."""
    date = headers.get("last-modified")
    if date is None:
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        age = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(date)
        if age >= _SETTLED and re.fullmatch(_DATE, date):
            return date
    return None


def _digest(name: str) -> re.Pattern[str]:
    prefix = rf"(?:.*[,\s])?{name}=" if name else ""
    # Repr-Digest has colons around the value (RFC 9530). S3's checksums of parts end in "-3", and do not match.
    return re.compile(rf"{prefix}:?([A-Za-z0-9+/]+=*):?(?:,.*)?")


_DIGESTS = (
    # Header, its content, and the algorithm in hashlib; the strongest first. An ETag is not a checksum.
    ("repr-digest", _digest("sha-256"), "sha256"),
    ("x-amz-checksum-sha256", _digest(""), "sha256"),
    ("repr-digest", _digest("sha-512"), "sha512"),
    ("x-goog-hash", _digest("md5"), "md5"),
    ("content-md5", _digest(""), "md5"),
)
_LENGTHS = {"sha256": 32, "sha512": 64, "md5": 16}


def _checksum(headers: Headers) -> Checksum | None:
    """The strongest checksum of the whole file that is stated."""
    for header, form, algorithm in _DIGESTS:
        found = form.fullmatch(headers.get(header, "").strip())
        if found is None:
            continue
        with suppress(ValueError):
            digest = base64.b64decode(found[1], validate=True)
            if len(digest) == _LENGTHS[algorithm]:
                return Checksum(algorithm, digest.hex())
    return None
