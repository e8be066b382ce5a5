"""A field that cannot be read: the call succeeds, and the log names the field once per client."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from stubs import Stub, json_answer

from pixxel_async import PixxelClient
from pixxel_async.models import SearchSatellite
from pixxel_async.testing import FakeTransport

TOKEN = "canary-7f3a9b"
EVENT = "answer.unreadable"
ORDERS = {
    "orders": [
        {"id": "o-1", "paid_at": "", "order_items": [{"id": "i-1", "area": 121.4}, {"id": "i-2", "area": 7}]},
        {"id": "o-2", "total_amount": "S3CRET", "order_items": [{"id": "i-3", "area": "S3CRET"}]},
    ],
    "pagination": {"limit": 10, "offset": 0, "total": 2},
}


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """The facts of what was logged of such fields so far."""
    facts: list[dict[str, Any]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.pixxel["event"] == EVENT:  # type: ignore[attr-defined]
                assert "S3CRET" not in record.getMessage()
                facts.append({"level": record.levelname, **record.pixxel})  # type: ignore[attr-defined]

    listener = Listener()
    logging.getLogger("pixxel_async").addHandler(listener)
    yield facts
    logging.getLogger("pixxel_async").removeHandler(listener)


def fields(told: list[dict[str, Any]]) -> list[str]:
    return [f"{each['operation']} {each['field']}" for each in told]


async def test_g18_each_field_is_named_once_per_client(told: list[dict[str, Any]]) -> None:
    """However many rows, pages and calls hold it; the client's siblings are the same client, another one is not."""
    async with (
        Stub(*[json_answer(ORDERS)] * 4) as stub,
        PixxelClient(TOKEN, base_url=stub.url) as client,
        PixxelClient(TOKEN, base_url=stub.url) as other,
    ):
        [first, second] = await client.orders.list(limit=2)
        assert [None, 7, None] == [item.area for order in (first, second) for item in order.order_items or []]
        assert ORDERS["orders"] == [first.to_dict(), second.to_dict()]
        once = ["ListOrders $.orders[].order_items[].area", "ListOrders $.orders[].total_amount"]
        assert once == fields(told)
        await client.orders.list(limit=2)
        await client.with_options(timeout=5).orders.list(limit=2)
        assert once == fields(told)
        await other.orders.list(limit=2)
        assert once * 2 == fields(told)
    assert {
        "level": "WARNING",
        "event": EVENT,
        "operation": "ListOrders",
        "field": "$.orders[].order_items[].area",
        "problem": "expected a whole number, got a number",
    } == told[0]


async def test_g18_another_operation_is_named_by_itself(told: list[dict[str, Any]]) -> None:
    [order, _] = ORDERS["orders"]  # type: ignore[misc]
    transport = FakeTransport({"GET /v0/orders": ORDERS, "GET /v0/orders/o-1": order})
    async with PixxelClient(transport=transport) as client:
        await client.orders.list(limit=2)
        assert None is (await client.orders.get("o-1")).order_items[0].area  # type: ignore[index]
        await client.orders.get("o-1")
    assert [
        "ListOrders $.orders[].order_items[].area",
        "ListOrders $.orders[].total_amount",
        "GetOrderById $.order_items[].area",
    ] == fields(told)


async def test_g18_no_key_of_a_map_is_in_the_name(told: list[dict[str, Any]]) -> None:
    """Else each image of a search would have a warning of its own."""
    images = {f"S3CRET-{number}": {"id": f"i-{number}", "bbox": [1, 2, 3, None]} for number in range(3)}
    transport = FakeTransport({"POST /v0/search": {"items": images}})
    async with PixxelClient(transport=transport) as client:
        found = await client.search.images(
            start_date="2026-01-01T00:00:00Z",
            end_date="2026-02-01T00:00:00Z",
            satellites=[SearchSatellite(collection_id="c", satellite_id="s")],
            geometry={
                "type": "Polygon",
                "coordinates": [[[75.4, 30.2], [75.43, 30.2], [75.43, 30.22], [75.4, 30.2]]],
            },
        )
    assert [None] * 3 == [image.bbox for image in found]
    assert ["SearchSatelliteImages $.items.*.bbox"] == fields(told)
