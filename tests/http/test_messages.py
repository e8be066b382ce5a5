"""The HTTP rules, as values: requests, answers, envelopes, redirects, Retry-After."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum
from math import inf, nan
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import errors
from pixxel_async._http.messages import (
    ExchangeFailed,
    Request,
    Response,
    Trouble,
    build_request,
    clean_text,
    error_from,
    error_from_failure,
    parse,
    redirect_refused,
    redirect_target,
    retry_after,
)
from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async.models import AOI, Delivery, Project

BASE = "https://api.example"
GET: Endpoint[AOI] = Endpoint(
    id="GetAoiById", method="GET", path="/v0/aoi/{aoi_id}", returns=AOI, request_class="read"
)


def request_of(**parts: Any) -> Request:
    return build_request(Operation(GET, **{"path": {"aoi_id": "a-1"}, **parts}), BASE)


class Colour(Enum):
    RED = "red one"


# --- requests ---


def test_a_request_is_built_byte_for_byte() -> None:
    request = request_of(
        path={"aoi_id": "a/b c"},
        query={
            "ids": ["x,y", "z"],
            "all": True,
            "none": None,
            "n": 3,
            "f": 0.5,
            "colour": Colour.RED,
            "q": "a&b=ü",
        },
    )
    assert (
        "https://api.example/v0/aoi/a%2Fb%20c?ids=x%2Cy,z&all=true&n=3&f=0.5&colour=red%20one&q=a%26b%3D%C3%BC"
        == request.url
    )
    assert ("GET", "/v0/aoi/a%2Fb%20c", None) == (request.method, request.path, request.body)
    assert {"Accept": "application/json", "Accept-Encoding": "gzip"}.items() <= request.headers.items()


def test_the_base_url_may_have_a_path() -> None:
    assert (
        "https://api.example/base/v0/aoi/a-1"
        == build_request(Operation(GET, path={"aoi_id": "a-1"}), f"{BASE}/base").url
    )


def test_a_body_is_json_and_says_so() -> None:
    request = request_of(body=AOI(aoi_id="a-1"))
    assert {"aoi_id": "a-1"} == json.loads(request.body or b"")
    assert "application/json" == request.headers["Content-Type"]
    assert "Content-Type" not in request_of().headers


@pytest.mark.parametrize("bad", ["", " ", ".", "..", "a\nb", "a\x00", "a\x7f", "\ud800"])
def test_s5_an_id_that_would_leave_its_place_is_refused(bad: str) -> None:
    with pytest.raises(errors.InvalidInput, match="GetAoiById: aoi_id "):
        request_of(path={"aoi_id": bad})


def test_an_id_that_is_no_string_is_refused() -> None:
    with pytest.raises(errors.InvalidInput, match="GetAoiById: aoi_id must be a string, not int"):
        request_of(path={"aoi_id": 7})


@given(st.text(min_size=1))
def test_s5_an_id_never_changes_the_shape_of_the_path(text: str) -> None:
    try:
        request = request_of(path={"aoi_id": text})
    except errors.InvalidInput:
        return
    parts = urlsplit(request.url)
    assert ["", "v0", "aoi", text] == [unquote(segment) for segment in parts.path.split("/")]
    assert ("https", "api.example", "", "") == (parts.scheme, parts.netloc, parts.query, parts.fragment)
    assert request.url.isascii()


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_query_values_arrive_as_they_are(query: dict[str, str]) -> None:
    try:
        request = request_of(query=query)
    except (errors.InvalidInput, UnicodeEncodeError):
        return
    assert query == dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))


@pytest.mark.parametrize("bad", [nan, inf, b"bytes", {"a": 1}, object(), "\ud800", ["a", nan]])
def test_a_query_value_that_is_no_text_or_number_is_refused(bad: Any) -> None:
    with pytest.raises(errors.InvalidInput, match="GetAoiById: q holds "):
        request_of(query={"q": bad})


def test_a_request_shows_neither_headers_nor_query_nor_body() -> None:
    request = Request("GET", f"{BASE}/v0?secret=1", "/v0", {"Authorization": "secret"}, b"secret")
    assert "secret" not in repr(request)
    assert "secret" not in repr(Response(200, {"set-cookie": "secret"}, b"secret"))


# --- answers ---


def endpoint(returns: Any, unwrap: str | None = None) -> Endpoint[Any]:
    return attrs.evolve(GET, returns=returns, unwrap=unwrap)


def answer(body: bytes, content_type: str = "application/json") -> Response:
    return Response(200, {"content-type": content_type}, body)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_e6_json_is_read_whatever_it_calls_itself(content_type: str) -> None:
    assert AOI(aoi_id="a-1") == parse(GET, answer(b'{"aoi_id": "a-1"}', content_type))


def test_other_kinds_of_answers_are_given_as_they_are() -> None:
    assert parse(endpoint(None), answer(b"whatever")) is None
    assert b"\x89PNG" == parse(endpoint(bytes), answer(b"\x89PNG", "image/png"))
    assert "a,ü\n" == parse(endpoint(str), answer("\ufeffa,ü\n".encode(), "text/csv"))


def test_a_result_is_unwrapped_where_it_stands_under_a_key() -> None:
    project = Project(id="p-1")
    wrapped = endpoint(Project, "project")
    assert project == parse(wrapped, answer(b'{"project": {"id": "p-1"}}'))
    assert project == parse(wrapped, answer(b'{"id": "p-1"}'))
    listed = endpoint(list[Delivery], "deliveries")
    assert [Delivery(delivery_id="d")] == parse(listed, answer(b'{"deliveries": [{"delivery_id": "d"}]}'))
    assert [] == parse(listed, answer(b'{"deliveries": null}'))


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"<!DOCTYPE html><html>", "text/html", "HTML page"),
        (b"  <HTML>", "application/json", "HTML page"),
        (b"<p>hi</p>", "text/html; charset=utf-8", "HTML page"),
        (b"", "application/json", "the answer is empty"),
        (b" \n", "application/json", "the answer is empty"),
        (b'{"aoi_id": "a', "application/json", "not JSON"),
        (b'{"aoi_id": 1} {"aoi_id": 2}', "application/json", "not JSON"),
        (b"\x89PNG\x00", "image/png", "not JSON"),
        (b"[" * 100_000, "application/json", "not JSON"),
    ],
)
def test_g1_g2_what_is_not_json_is_an_unexpected_body(body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(errors.UnexpectedBody, match=words) as caught:
        parse(GET, answer(body, content_type))
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.parametrize("returns", [bytes, str])
def test_a_page_instead_of_a_file_is_refused(returns: Any) -> None:
    with pytest.raises(errors.UnexpectedBody, match="HTML page"):
        parse(endpoint(returns), answer(b"<html>please log in</html>", "text/html"))


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b'"pong"', "application/json", "pong"),
        (b'"p\\u00f6ng"', "Application/JSON; charset=utf-8", "pöng"),
        (b'"pong"', "application/problem+json", "pong"),
        (b'"pong"', "text/plain", '"pong"'),
        (b'"pong"', "", '"pong"'),
        (b'"a","b"\n', "text/csv; header=present", '"a","b"\n'),
    ],
)
def test_a_text_is_a_json_string_where_it_says_so(body: bytes, content_type: str, text: str) -> None:
    assert text == parse(endpoint(str), answer(body, content_type))


def test_json_that_is_no_string_is_no_text() -> None:
    with pytest.raises(errors.SchemaError, match=r"\$: expected a string, got an object"):
        parse(endpoint(str), answer(b'{"status": "up"}', "application/json"))


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(errors.UnexpectedBody, match="UTF-8"):
        parse(endpoint(str), answer(b"\xff\xfe", "text/csv"))


def test_json_of_another_shape_names_its_place() -> None:
    with pytest.raises(errors.SchemaError, match=r"\$\.project\.name") as caught:
        parse(endpoint(Project, "project"), answer(b'{"project": {"id": "p", "name": {"a": 1}}}'))
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


# --- errors ---

KINDS = {
    **dict.fromkeys((400, 405, 413, 414, 415, 422), errors.BadRequest),
    401: errors.AuthenticationError,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    410: errors.NotFound,
    409: errors.Conflict,
    429: errors.RateLimited,
    **dict.fromkeys((500, 501, 502, 503, 504, 520, 599), errors.ServerError),
    **dict.fromkeys((206, 299, 304, 402, 408, 418, 425, 600, 999), errors.UnexpectedStatus),
}


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_d12_the_status_alone_decides_the_kind_of_error(status: int, kind: type[errors.APIError]) -> None:
    for body in (b"", b"{}", b"<html>", b"\xff"):
        error = error_from(Response(status, {}, body), redact=str)
        assert (kind, status) == (type(error), error.status)
        assert error.message


@pytest.mark.parametrize(
    ("body", "code", "message", "details"),
    [
        (
            {"error": {"code": "aoi_exists", "message": "taken", "details": {"name": "x"}}},
            "aoi_exists",
            "taken",
            {"name": "x"},
        ),
        ({"error": {"code": 42, "message": "taken"}}, "42", "taken", None),
        ({"error": {"message": None, "code": None, "details": ["a"]}}, None, "Conflict", ["a"]),
        ({"error": "taken"}, None, "taken", None),
        ({"error": "invalid", "error_description": "taken"}, "invalid", "taken", None),
        ({"error": None, "message": "taken"}, None, "taken", None),
        ({"error": ["taken"]}, None, "Conflict", {"error": ["taken"]}),
        ({"code": "c", "message": "taken", "details": None}, "c", "taken", None),
        ({"message": "taken"}, None, "taken", None),
        ({"detail": "taken"}, None, "taken", None),
        ({"detail": [{"loc": ["a"]}]}, None, "Conflict", {"detail": [{"loc": ["a"]}]}),
        ({"title": "taken", "errors": [1]}, None, "taken", [1]),
        ({"anything": {"else": 1}}, None, "Conflict", {"anything": {"else": 1}}),
        ([{"message": "a"}], None, "Conflict", [{"message": "a"}]),
        ("taken", None, "taken", None),
        (None, None, "Conflict", None),
        (17, None, "Conflict", 17),
    ],
)
def test_d6_d14_every_envelope_is_understood(body: Any, code: str | None, message: str, details: Any) -> None:
    error = error_from(Response(409, {}, json.dumps(body).encode()), redact=str)
    assert (code, message, details) == (error.code, error.message, error.details)


def test_d14_plain_text_pages_and_empty_bodies_are_understood() -> None:
    def message(body: bytes) -> str:
        return error_from(Response(502, {}, body), redact=str).message

    assert "upstream is away" == message(b"upstream is away\n")
    assert "Bad Gateway; the answer is an HTML page" == message(b"<html><h1>502</h1>")
    assert "Bad Gateway" == message(b"")


def test_g16_the_servers_words_are_made_safe_to_print() -> None:
    body = json.dumps(
        {
            "error": {
                "code": "c\x1b[31m" + "c" * 300,
                "message": "a\x1b]0;title\x07b\r\nc\x00\u202e",
                "details": {"k\x07": ["to\x00ken"]},
            }
        }
    ).encode()
    error = error_from(Response(400, {"x-request-id": "r\x1b[0m1"}, body), redact=str)
    assert ("ab c", "r1", {"k": ["to ken"]}) == (error.message, error.request_id, error.details)
    assert error.code is not None
    assert (100, "ccc") == (len(error.code), error.code[:3])
    assert 2000 == len(error_from(Response(400, {}, b"x" * 60_000), redact=str).message)


def test_g17_the_token_is_taken_out_before_a_text_is_cut_and_after_it_is_put_together() -> None:
    def redact(text: str) -> str:
        return text.replace("canary-token", "***")

    assert "x" * 1995 + " ***" == clean_text("x" * 1995 + " canary-token", redact)
    body = json.dumps(
        {"message": "not canary-\u202etoken", "details": {"canary-token": ["canary-token"]}}
    ).encode()
    assert {"***": ["***"]} == error_from(Response(400, {}, body), redact=redact).details
    assert "canary-token" not in clean_text("can\x1b[1mary-token", redact)


def test_g6_a_lone_surrogate_in_the_servers_words_can_be_written() -> None:
    body = b'{"error": {"code": "\\ud800", "message": "no \\udc00 way", "details": {"\\ud800": ["\\udfff"]}}}'
    error = error_from(Response(400, {}, body), redact=str)
    assert ("no way", {"": [""]}) == (error.message, error.details)
    assert f"{error} {error.code} {error.details}".encode()


def test_a_very_deep_error_is_cut() -> None:
    body = b'{"details":' * 200 + b"1" + b"}" * 200
    assert "…" in str(error_from(Response(400, {}, body), redact=str).details)


@pytest.mark.parametrize("name", ["x-request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"])
def test_the_servers_name_for_the_call_is_kept(name: str) -> None:
    assert "r-1" == error_from(Response(500, {name: "r-1"}, b""), redact=str).request_id


@pytest.mark.parametrize(
    ("trouble", "sent", "kind"),
    [
        (Trouble.DNS, False, errors.ConnectError),
        (Trouble.CONNECT, False, errors.ConnectError),
        (Trouble.CERTIFICATE, False, errors.TlsError),
        (Trouble.TLS, False, errors.TlsError),
        (Trouble.PROXY, False, errors.ProxyError),
        (Trouble.PROXY_AUTH, False, errors.ProxyError),
        (Trouble.LOST, False, errors.ConnectError),
        (Trouble.LOST, True, errors.ConnectionLost),
        (Trouble.TIMEOUT, False, errors.ConnectError),
        (Trouble.TIMEOUT, True, errors.ConnectionLost),
        (Trouble.HEAD, True, errors.ProtocolError),
        (Trouble.CUT, True, errors.ConnectionLost),
        (Trouble.GARBLED, True, errors.ProtocolError),
        (Trouble.TOO_LARGE, True, errors.ResponseTooLarge),
    ],
)
def test_a_failure_has_its_public_error(trouble: Trouble, sent: bool, kind: type[errors.CallError]) -> None:
    error = error_from_failure(ExchangeFailed(trouble, "sent", "what happened", sent=sent))
    assert (kind, "what happened") == (type(error), error.message)


# --- redirects ---


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v0/other?a=%2F", f"{BASE}/v0/other?a=%2F"),
        ("other", f"{BASE}/v0/aoi/other"),
        ("//api.example/x", f"{BASE}/x"),
        ("https://API.EXAMPLE/x", f"{BASE}/x"),
        ("https://api.example/x#fragment", f"{BASE}/x"),
        ("/a b", f"{BASE}/a%20b"),
        ("https://api.example:8443/x", None),
        ("http://api.example/x", None),
        ("https://api.example.evil/x", None),
        ("https://api.example@evil/x", None),
        ("https://user@api.example/x", None),
        ("//evil/x", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("/a\r\nb", None),
        ("/ü", None),
        ("https://[::1/x", None),
        ("", None),
    ],
)
def test_only_places_of_the_same_origin_are_targets(location: str, target: str | None) -> None:
    request = request_of()
    assert target == redirect_target(request, Response(302, {"location": location}, b""))


def test_a_refused_redirect_says_where_to_without_the_query() -> None:
    def message(location: str) -> str:
        response = Response(302, {"location": location}, b"")
        return redirect_refused(request_of(), response, redact=str).message

    assert "redirected to https://evil/x; this is not followed" == message("https://u:p@evil/x?token=secret")
    assert "redirected to nowhere; this is not followed" == message("")
    assert "redirected to an unreadable place; this is not followed" == message("https://[::1/x")


# --- Retry-After ---

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("120", 120.0),
        (http_date(NOW + timedelta(seconds=30)), 30.0),
        (http_date(NOW - timedelta(seconds=30)), 0.0),
        ("Fri, 01 May 2026 12:01:00", 60.0),
        *dict.fromkeys(
            (
                "nan",
                "inf",
                "-5",
                "1e9",
                " 7 ",
                "７",
                "٣",
                "9" * 400,
                "1_000",
                "+7",
                "0x10",
                "7s",
                "soon",
                "",
                "1.",
                ".5",
                "2.5.1",
            )
        ).items(),
    ],
)
def test_o3_retry_after_takes_plain_seconds_and_dates_only(value: str, seconds: float | None) -> None:
    assert seconds == retry_after({"retry-after": value}, NOW)


def test_o2_a_date_counts_from_the_answers_own_clock() -> None:
    """A server a day behind us still means the seconds that it means."""
    server = NOW - timedelta(days=1)
    headers = {"date": http_date(server), "retry-after": http_date(server + timedelta(seconds=5))}
    assert 5.0 == retry_after(headers, NOW)
    assert retry_after({}, NOW) is None


@given(st.text() | st.dates().map(str) | st.floats().map(str), st.text())
def test_o3_retry_after_never_fails_and_never_goes_back(value: str, date: str) -> None:
    seconds = retry_after({"retry-after": value, "date": date}, NOW)
    assert seconds is None or 0 <= seconds < inf
