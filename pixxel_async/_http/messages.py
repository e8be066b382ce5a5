"""HTTP rules as pure functions: requests, responses, error envelopes, `Retry-After`. No socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import cache
from http import HTTPStatus
from math import isfinite
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import attrs

from pixxel_async import errors
from pixxel_async._base.version import VERSION
from pixxel_async._codec.explaining import OnUnreadable, StructureError
from pixxel_async._codec.json_bytes import BodyError, decode, encode, loads
from pixxel_async._codec.model import Member, members
from pixxel_async._http.operation import Endpoint, Operation

T = TypeVar("T")

Redact = Callable[[str], str]
"""Takes the token out of a text."""

SUCCESS = frozenset({200, 201, 202, 204})
"""The success statuses that the API documents. For example, a 206 that was not asked for has only a part of the data."""


@attrs.define
class Request:
    """One HTTP request, ready to be sent. Its repr shows neither headers nor query nor body."""

    method: str
    url: str = attrs.field(repr=False)
    """Absolute and fully encoded: it goes onto the wire byte for byte."""
    path: str
    headers: dict[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)


@attrs.define
class Response:
    """One HTTP answer, read completely (of an error: as much as could be read)."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """By lower-case name."""
    body: bytes = attrs.field(repr=False)


class Trouble(Enum):
    """Why an exchange gave no response. The value is the text in `Attempt.outcome`."""

    DNS = "name not found"
    CONNECT = "no connection"
    CERTIFICATE = "certificate"
    TLS = "no TLS"
    PROXY = "proxy"
    PROXY_AUTH = "proxy authentication"
    LOST = "connection lost"
    TIMEOUT = "timeout"
    HEAD = "not HTTP"
    CUT = "body cut"
    GARBLED = "body garbled"
    TOO_LARGE = "too large"
    HOOK = "hook failed"


class ExchangeFailed(Exception):
    """No answer came. Internal: the transport turns it into a public error."""

    def __init__(
        self, trouble: Trouble, phase: str, detail: str, *, sent: bool, cause: Exception | None = None
    ) -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.phase = phase
        """How far it got: pool, connect, sent, head or body."""
        self.detail = detail
        """A sentence without texts of the peer, URLs or headers."""
        self.sent = sent
        """Whether the API may have received the request."""
        self.cause = cause
        """What user code raised, without traceback."""


# --- requests ---------------------------------------------------------------------------------------------

USER_AGENT = f"pixxel-async/{VERSION}"
_JSON = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}
_FILE = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}

_PLAIN_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def build_request(operation: Operation[Any], base_url: str) -> Request:
    """The request of an operation, without credentials.

    Raises:
        InvalidInput: an id or a query value cannot be put into a URL.
    """
    endpoint = operation.endpoint
    path = endpoint.path
    if operation.path:
        path = path.format_map(
            {name: _segment(endpoint, name, value) for name, value in operation.path.items()}
        )
    url = base_url + path
    if operation.query and (query := _query(endpoint, operation.query)):
        url = f"{url}?{query}"
    headers = (_FILE if endpoint.returns in (bytes, str) else _JSON).copy()
    body = None
    if operation.body is not None:
        body = encode(operation.body)
        headers["Content-Type"] = "application/json"
    return Request(endpoint.method, url, path, headers, body)


def _segment(endpoint: Endpoint[Any], name: str, value: Any) -> str:
    """One id as one path segment: it cannot add segments or leave its place."""
    if isinstance(value, str) and _PLAIN_ID.fullmatch(value):
        return value
    place = f"{endpoint.id}: {name}"
    if not isinstance(value, str):
        raise errors.InvalidInput(f"{place} must be a string, not {type(value).__name__}")
    if not value.strip() or value in (".", "..") or _CONTROL.search(value):
        raise errors.InvalidInput(f"{place} is {value!r}, which cannot be an id")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        pass
    raise errors.InvalidInput(f"{place} holds a lone surrogate, which has no UTF-8 form")


def _query(endpoint: Endpoint[Any], query: Mapping[str, Any]) -> str:
    return "&".join(
        f"{quote(name, safe='')}={_query_value(endpoint, name, value)}"
        for name, value in query.items()
        if value is not None
    )


def _query_value(endpoint: Endpoint[Any], name: str, value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return str(value)
    if isinstance(value, str):
        try:
            return quote(value, safe="")
        except UnicodeEncodeError:
            problem = "a lone surrogate, which has no UTF-8 form"
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        # The API takes lists as one comma-separated value; a comma inside an item is encoded.
        return ",".join(_query_value(endpoint, name, item) for item in value)
    else:
        problem = repr(value)
    raise errors.InvalidInput(f"{endpoint.id}: {name} holds {problem}; give text, numbers or booleans")


# --- answers ----------------------------------------------------------------------------------------------


def parse(endpoint: Endpoint[T], response: Response, on_unreadable: OnUnreadable | None = None) -> T:
    """What a successful answer says. `on_unreadable` is called with each field that is None because it cannot be read.

    Raises:
        UnexpectedBody: it is not JSON (or, for a file, an HTML page).
        SchemaError: it is JSON of another shape.
    """
    returns = endpoint.returns
    result: Any
    if returns is None:
        return None  # type: ignore[return-value]  # T is None here, which a type checker cannot know
    if returns is bytes or (returns is str and not _is_json(response)):  # else it is a JSON string
        _refuse_page(response)
        result = response.body if returns is bytes else _text(response.body)
        return result  # type: ignore[no-any-return]
    error: errors.UnexpectedAnswer
    try:
        result = decode(response.body, returns, unwrap=endpoint.unwrap, on_unreadable=on_unreadable)
        return result  # type: ignore[no-any-return]
    except BodyError as wrong:
        error = _not_json(response, str(wrong))
    except StructureError as wrong:
        error = errors.SchemaError(f"the answer differs from the API's description: {wrong}")
    raise error


@cache
def rows_member(endpoint: Endpoint[Any]) -> Member:
    """The field of a listing's answer that holds its rows."""
    paging = endpoint.paging
    assert paging is not None
    return next(member for member in members(endpoint.returns) if member.attribute == paging.items)


def lacks_rows(endpoint: Endpoint[Any], result: Any, response: Response) -> bool:
    """Whether the answer of a listing does not have the key of its rows; null under that key is an empty listing."""
    if endpoint.paging is None or getattr(result, endpoint.paging.items) is not None:
        return False
    return rows_member(endpoint).wire not in loads(response.body)


def check_key(operation: Operation[Any], result: Any) -> None:
    """Refuse an answer about another resource than the one that was asked for.

    Raises:
        UnexpectedAnswer: An id in it differs, in more than the case of a UUID.
    """
    for parameter, attribute in operation.endpoint.key.items():
        asked, answered = operation.path[parameter], getattr(result, attribute, None)
        if answered is not None and answered != asked and not is_same_uuid(asked, answered):
            raise errors.UnexpectedAnswer(
                f"the answer is about another resource: {attribute} is {clean_text(str(answered), most=200)!r}, "
                f"{asked!r} was asked for"
            )


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def is_same_uuid(asked: str, answered: Any) -> bool:
    """Whether both are the same UUID; its letters may be large or small."""
    return bool(_UUID.fullmatch(asked)) and asked.lower() == str(answered).lower()


def made_ids(endpoint: Endpoint[Any], response: Response) -> tuple[str, ...]:
    """Ids of what an accepted create has made, out of an answer that cannot be read otherwise; none unless all are there."""
    if endpoint.trace is None:
        return ()
    try:
        raw = loads(response.body)
    except ValueError:
        return ()
    if endpoint.unwrap is not None and isinstance(raw, dict):
        raw = raw.get(endpoint.unwrap, raw)
    rows = raw if isinstance(raw, list) else [raw]
    ids = [id for row in rows if (id := id_in(row, endpoint.trace.id)) is not None]
    return tuple(ids) if len(ids) == len(rows) else ()


def id_in(row: Any, key: str) -> str | None:
    """The id in the JSON of a resource; None if it has none. A number is no id: nothing says how the API would spell it."""
    id = row.get(key) if isinstance(row, dict) else None
    return id if isinstance(id, str) and id else None


def _not_json(response: Response, problem: str) -> errors.UnexpectedBody:
    if not response.body.strip():
        return errors.UnexpectedBody("the answer is empty, JSON was expected")
    if _is_page(response):
        return errors.UnexpectedBody(_PAGE_INSTEAD)
    return errors.UnexpectedBody(f"the answer is not JSON: {problem}")


def _is_json(response: Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise errors.UnexpectedBody("the answer is not UTF-8 text")


_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)


def _is_page(response: Response) -> bool:
    return "html" in response.headers.get("content-type", "").lower() or bool(_PAGE.match(response.body))


_PAGE_INSTEAD = "the answer is an HTML page instead of data: a captive portal, a proxy, or a wrong base URL?"


def _refuse_page(response: Response) -> None:
    if _is_page(response):
        raise errors.UnexpectedBody(_PAGE_INSTEAD)


def redirect_target(request: Request, response: Response) -> str | None:
    """The URL to which a redirect leads, if it stays within the origin that it came from."""
    location = response.headers.get("location", "")
    if not location or not location.isascii() or _CONTROL.search(location):
        return None
    try:
        target = urlsplit(urljoin(request.url, location))
        home = urlsplit(request.url)
        is_same = (target.scheme, target.hostname, target.port) == (home.scheme, home.hostname, home.port)
    except ValueError:
        return None
    if not is_same or "@" in target.netloc:
        return None
    # Upon our own spelling of the origin, so that it is recognised as the API's.
    url = target._replace(scheme=home.scheme, netloc=home.netloc, fragment="").geturl()
    return quote(url, safe="%/:?#[]@!$&'()*+,;=~")


def redirect_refused(request: Request, response: Response, *, redact: Redact) -> errors.APIError:
    """The error of a redirect that is not followed. Its message has the target without query and user info."""
    location = response.headers.get("location", "")
    try:
        target = urlsplit(urljoin(request.url, location))
        place = f"{target.scheme}://{target.hostname or ''}{target.path}" if location else "nowhere"
    except ValueError:
        place = "an unreadable place"
    return errors.UnexpectedStatus(
        f"redirected to {clean_text(place, redact)}; this is not followed",
        status=response.status,
        request_id=request_id(response.headers, redact),
    )


# --- errors -----------------------------------------------------------------------------------------------

_STATUS_ERRORS: dict[int, type[errors.APIError]] = {
    **dict.fromkeys((400, 405, 413, 414, 415, 422), errors.BadRequest),
    401: errors.AuthenticationError,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    410: errors.NotFound,
    409: errors.Conflict,
    429: errors.RateLimited,
}

_REQUEST_ID = (
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "cf-ray",
)


def error_from(response: Response, *, redact: Redact, retry_after: float | None = None) -> errors.APIError:
    """The error that an answer means. Decided by the status alone; the body may be anything."""
    status = response.status
    if 500 <= status < 600:
        kind: type[errors.APIError] = errors.ServerError
    else:
        kind = _STATUS_ERRORS.get(status, errors.UnexpectedStatus)
    code, message, details = _envelope(response)
    return kind(
        clean_text(message, redact) or _phrase(status),
        status=status,
        code=None if code is None else clean_text(code, redact, most=100) or None,
        details=_clean(details, redact),
        request_id=request_id(response.headers, redact),
        retry_after=retry_after,
    )


def request_id(headers: Mapping[str, str], redact: Redact) -> str | None:
    """The server's id of the request, if it gives one."""
    for name in _REQUEST_ID:
        if value := headers.get(name):
            return clean_text(value, redact, most=200) or None
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _envelope(response: Response) -> tuple[str | None, str, Any]:
    """Code, message and details out of whatever an error answer holds."""
    if not response.body.strip():
        return None, "", None
    try:
        raw = loads(response.body)
    except ValueError:
        if _is_page(response):
            return None, f"{_phrase(response.status)}; the answer is an HTML page", None
        return None, response.body.decode("utf-8", "replace"), None
    if isinstance(raw, dict):
        inner = raw.get("error")
        return _facts(inner if isinstance(inner, dict) else raw)
    return (None, raw, None) if isinstance(raw, str) else (None, "", raw)


def _facts(raw: dict[str, Any]) -> tuple[str | None, str, Any]:
    code, word = raw.get("code"), raw.get("error")
    if isinstance(raw.get("error_description"), str):  # OAuth's way to say code and message
        code, word = word, raw["error_description"]
    candidates = (raw.get("message"), raw.get("detail"), raw.get("title"), raw.get("msg"), word)
    message = next((text for text in candidates if isinstance(text, str)), "")
    details = raw.get("details", raw.get("errors"))
    if code is None and not message and details is None:
        details = raw  # some operations promise a free-form object only
    return (str(code) if isinstance(code, str | int) and code != "" else None), message, details


_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\s]+")


def clean_text(text: str, redact: Redact = str, *, most: int = 2000) -> str:
    """A peer's text, safe to print: one line, no token, no terminal escapes, control or direction characters, cut to 2 kB."""
    # The token is removed after its parts were joined, and before the text is cut.
    line = redact(_UNPRINTABLE.sub(" ", _ESCAPES.sub("", text)).strip())
    return line if len(line) <= most else line[: most - 1] + "…"


def _clean(value: Any, redact: Redact, depth: int = 0) -> Any:
    if isinstance(value, str):
        return clean_text(value, redact)
    if depth > 20:
        return "…"
    if isinstance(value, dict):
        return {
            clean_text(key, redact, most=200): _clean(item, redact, depth + 1) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(item, redact, depth + 1) for item in value]
    return value


_FAILURES: dict[Trouble, type[errors.CallError]] = {
    Trouble.DNS: errors.ConnectError,
    Trouble.CONNECT: errors.ConnectError,
    Trouble.CERTIFICATE: errors.TlsError,
    Trouble.TLS: errors.TlsError,
    Trouble.PROXY: errors.ProxyError,
    Trouble.PROXY_AUTH: errors.ProxyError,
    Trouble.HEAD: errors.ProtocolError,
    Trouble.CUT: errors.ConnectionLost,
    Trouble.GARBLED: errors.ProtocolError,
    Trouble.TOO_LARGE: errors.ResponseTooLarge,
    Trouble.HOOK: errors.HookError,
}


def error_from_failure(failure: ExchangeFailed) -> errors.CallError:
    """The public error of an exchange that gave no answer."""
    lost = errors.ConnectionLost if failure.sent else errors.ConnectError
    error = _FAILURES.get(failure.trouble, lost)(failure.detail)
    error.__cause__ = failure.cause
    return error


# --- Deprecation and Sunset -------------------------------------------------------------------------------

_STRUCTURED_DATE = re.compile(r"@([0-9]{1,11})")


def retirement(headers: Mapping[str, str], redact: Redact) -> str | None:
    """What an answer says of the end of its operation, by RFC 9745 and RFC 8594, for a log; None if nothing."""
    since, until = headers.get("deprecation"), headers.get("sunset")
    if since is None and until is None:
        return None
    parts = []
    if since is not None:
        parts.append(f"deprecated since {day}" if (day := _day(since)) else "deprecated")
    if until is not None:
        parts.append(f"to end on {_day(until) or clean_text(until, redact, most=100)}")
    return ", ".join(parts)


def _day(value: str) -> str | None:
    """The day in a structured or an HTTP date."""
    seconds = _STRUCTURED_DATE.fullmatch(value)
    try:
        moment = datetime.fromtimestamp(int(seconds[1]), UTC) if seconds else _http_date(value)
    except (ValueError, OverflowError, OSError):  # a year that datetime does not have
        return None
    return None if moment is None else f"{moment:%Y-%m-%d}"


# --- cancellation ----------------------------------------------------------------------------------------

_WAS_SENT = "was sent: it may have been executed."


def note_sent(stopped: BaseException, request: Request) -> None:
    """Mark a cancellation, or another exception that stops a call, because the request may have been executed."""
    if request.method != "GET":
        notes = [*getattr(stopped, "__notes__", ()), f"{request.method} {request.path} {_WAS_SENT}"]
        # Not `add_note`: a class of the user may forbid its attributes to be set, as frozen dataclasses do.
        BaseException.__setattr__(stopped, "__notes__", notes)


def was_sent(stopped: BaseException | None) -> bool:
    """Whether an exception has this mark."""
    return any(note.endswith(_WAS_SENT) for note in getattr(stopped, "__notes__", ()))


# --- Retry-After ------------------------------------------------------------------------------------------

# Not float(): that takes nan, inf, 1e9, blanks and the digits of every script.
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a server asks us to wait; None if it does not, or not readably.

    A date counts from the answer's own `Date`, so that a wrong clock, ours or theirs, cancels out; `now` is used without one.
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    return max(0.0, (moment - (_http_date(headers.get("date", "")) or now)).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
