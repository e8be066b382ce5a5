"""Operations that the API takes away: told in time, and a clear error when they are gone."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stubs import Answer, Received, Stub, answer, json_answer

from pixxel_async import NotFound, PixxelClient, RetryPolicy
from pixxel_async._http.messages import retirement
from pixxel_async.models import Order
from pixxel_async.testing import VirtualClock

ORDER = {"id": "o-1"}
TOKEN = "canary-7f3a9b"


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Deprecation": "@1767225600"}, "deprecated since 2026-01-01"),
        ({"Deprecation": "Thu, 01 Jan 2026 00:00:00 GMT"}, "deprecated since 2026-01-01"),
        ({"Deprecation": "true"}, "deprecated"),
        ({"Deprecation": "@99999999999"}, "deprecated since 5138-11-16"),
        ({"Sunset": "Thu, 31 Dec 2026 23:59:59 GMT"}, "to end on 2026-12-31"),
        ({"Sunset": f"soon\x1b[2J, {TOKEN}"}, "to end on soon, ***"),
        (
            {"Deprecation": "@1767225600", "Sunset": "Thu, 31 Dec 2026 23:59:59 GMT"},
            "deprecated since 2026-01-01, to end on 2026-12-31",
        ),
        ({}, None),
    ],
)
def test_v2_what_headers_say_of_the_end_is_put_into_words(headers: dict[str, str], told: str | None) -> None:
    lower = {name.lower(): value for name, value in headers.items()}
    assert told == retirement(lower, lambda text: text.replace(TOKEN, "***"))


@given(st.text(), st.text())
def test_v2_no_header_makes_it_fail(deprecation: str, sunset: str) -> None:
    told = retirement({"deprecation": deprecation, "sunset": sunset}, str)
    assert told is not None
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", told)


async def test_v2_a_deprecated_operation_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """And used as ever; another operation is told by itself."""
    headers = {"Deprecation": "@1767225600", "Sunset": "Thu, 31 Dec 2026 23:59:59 GMT"}

    def leaving(request: Received) -> Answer:
        return json_answer({"id": request.target.rpartition("/")[2]}, **headers)

    async with Stub(leaving) as stub, PixxelClient(TOKEN, base_url=stub.url) as client:
        for _ in range(3):
            assert Order(id="o-1") == await client.orders.get("o-1")
        assert Order(id="o-2") == await client.with_options(timeout=5).orders.get("o-2")
    assert [
        (
            logging.WARNING,
            "GET /v0/orders/{order_id} (GetOrderById): the API says it is deprecated since 2026-01-01, "
            "to end on 2026-12-31; update pixxel-async",
        )
    ] == [(record.levelno, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("status", [404, 410])
async def test_v2_a_route_that_is_gone_is_a_clear_error(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    page = answer(
        status, b"<!doctype html><h1>Nothing here</h1>", Content_Type="text/html", Sunset="yesterday"
    )
    async with (
        Stub(page) as stub,
        PixxelClient(TOKEN, base_url=stub.url, clock=VirtualClock(), retry=RetryPolicy()) as client,
    ):
        with pytest.raises(NotFound, match=rf"GET /v0/orders/o-1: .*HTML page \(HTTP {status}\)") as caught:
            await client.orders.get("o-1")
        assert 1 == len(stub.received) == len(caught.value.attempts)
    assert ["to end on yesterday" in message for message in caplog.messages] == [True]
