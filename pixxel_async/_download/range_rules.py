"""When a broken download may go on where it ended: what is remembered of it, and what an answer to a `Range` makes of it.

Values and rules only; no file and no socket is touched here.
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
"""Headers of an answer, by lower-case name."""

_SIDECAR_VERSION = 1
_NUMBER = r"\d{1,19}"
_STRONG_ETAG = r'"[!#-~]{1,256}"'
_DATE = r"[A-Za-z0-9 ,:+-]{1,64}"
_CONTENT_RANGE = re.compile(rf"bytes ({_NUMBER})-({_NUMBER})/({_NUMBER})", re.ASCII)
_UNSATISFIED = re.compile(rf"bytes \*/({_NUMBER})", re.ASCII)
_SETTLED = timedelta(seconds=60)
"""A file that changed less than this before the answer could change again within the same second (RFC 9110, 8.8.2.2)."""

_size = and_(instance_of(int), ge(0))


@attrs.frozen
class Checksum:
    """What the content's hash has to be."""

    algorithm: str = attrs.field(validator=in_(("sha256", "sha512", "md5")))
    """As `hashlib` calls it."""
    digest: str = attrs.field(validator=matches_re("[0-9a-f]{32,128}"))


@attrs.frozen
class Known:
    """What tells one content of a file from another, in the words of its server."""

    size: int | None = attrs.field(default=None, validator=optional(_size))
    """Bytes."""
    etag: str | None = attrs.field(default=None, validator=optional(matches_re(_STRONG_ETAG)))
    """Only a strong one: two contents may share a weak one."""
    last_modified: str | None = attrs.field(default=None, validator=optional(matches_re(_DATE)))
    """Only if no second change can hide behind it."""
    checksum: Checksum | None = None

    @property
    def validator(self) -> str | None:
        """What goes into `If-Range`; without one a download cannot be resumed."""
        return self.etag or self.last_modified


NOTHING = Known()
"""What is known before an answer came."""


@attrs.frozen
class Sidecar:
    """What stands in `NAME.part.json`, beside the part file. Never the URL: that is a secret."""

    resource: str = attrs.field(validator=instance_of(str))
    """Which thing of the API the file belongs to; empty if nobody told."""
    known: Known
    synced: int = attrs.field(validator=_size)
    """So many bytes of the part file would survive a power cut; what follows them is not to be trusted."""

    def dumps(self) -> bytes:
        """As JSON."""
        flat = {"version": _SIDECAR_VERSION, "resource": self.resource, "synced": self.synced}
        return json.dumps(flat | attrs.asdict(self.known)).encode()

    @classmethod
    def loads(cls, data: bytes) -> Sidecar | None:
        """None for anything that `dumps` did not write: half a sidecar is none."""
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


# --- what answers say -------------------------------------------------------------------------------------


class WrongRange(Exception):
    """An answer to a `Range` that does not continue what we have."""


def described_by(headers: Headers) -> Known:
    """What an answer with status 200 says of its file."""
    if is_encoded(headers):  # length and validators are those of the encoded form, which is not what we keep
        return Known(size=_length(headers))
    return Known(_length(headers), _strong_etag(headers), _settled_date(headers), _checksum(headers))


def is_encoded(headers: Headers) -> bool:
    """Whether the body is not the file itself."""
    return headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def asked_for_rest(known: Known, offset: int) -> dict[str, str]:
    """The headers that ask for the rest from `offset`, or for all of it should the file have changed."""
    assert known.validator is not None
    return {"Range": f"bytes={offset}-", "If-Range": known.validator}


def rest(headers: Headers, known: Known, offset: int) -> Known:
    """What is known after a 206 that brings the rest from `offset`.

    Raises:
        WrongRange: it brings something else.
    """
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if found is None:
        raise WrongRange("a part of the file came that does not say which one")
    first, last, total = map(int, found.groups())
    if first != offset or not first <= last < total:
        raise WrongRange(f"bytes {first} to {last} of {total} came instead of those from {offset}")
    if is_encoded(headers):
        raise WrongRange("an encoded part of the file came")
    _same_file(headers, known, total)
    return attrs.evolve(known, size=total)


def has_all(headers: Headers, known: Known, offset: int) -> Known:
    """What is known after a 416 which says that nothing follows `offset` because the file ends there.

    Raises:
        WrongRange: it says something else.
    """
    found = _UNSATISFIED.fullmatch(headers.get("content-range", ""))
    if found is None or int(found[1]) != offset:
        raise WrongRange(f"the server has no bytes from {offset}")
    _same_file(headers, known, offset)
    return attrs.evolve(known, size=offset)


def _same_file(headers: Headers, known: Known, total: int) -> None:
    """Raise WrongRange where a server that ignores `If-Range` goes on with another file."""
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
    """Both dates are the server's, so that its clock may be wrong."""
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
    # Repr-Digest has colons around, as RFC 9530 wants it. S3's checksums of parts end in "-3", and do not match.
    return re.compile(rf"{prefix}:?([A-Za-z0-9+/]+=*):?(?:,.*)?")


_DIGESTS = (
    # Header, what stands in it, and the algorithm in hashlib; the strongest first. An ETag is no checksum.
    ("repr-digest", _digest("sha-256"), "sha256"),
    ("x-amz-checksum-sha256", _digest(""), "sha256"),
    ("repr-digest", _digest("sha-512"), "sha512"),
    ("x-goog-hash", _digest("md5"), "md5"),
    ("content-md5", _digest(""), "md5"),
)
_LENGTHS = {"sha256": 32, "sha512": 64, "md5": 16}


def _checksum(headers: Headers) -> Checksum | None:
    """The strongest checksum of the whole file that is offered."""
    for header, form, algorithm in _DIGESTS:
        found = form.fullmatch(headers.get(header, "").strip())
        if found is None:
            continue
        with suppress(ValueError):
            digest = base64.b64decode(found[1], validate=True)
            if len(digest) == _LENGTHS[algorithm]:
                return Checksum(algorithm, digest.hex())
    return None
