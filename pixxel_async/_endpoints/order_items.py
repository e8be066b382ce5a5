"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Unpack

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import OrderItem, OrderItemList, OrderItemStatus, OrderItemType

_LIST: Endpoint[OrderItemList] = Endpoint(
    id="ListOrderItems",
    method="GET",
    path="/v0/order-items",
    returns=OrderItemList,
    request_class="read",
    paging=Paging(style="offset-query", items="order_items", total=("pagination", "total")),
)
_GET: Endpoint[OrderItem] = Endpoint(
    id="GetOrderItemById",
    method="GET",
    path="/v0/order-items/{order_item_id}",
    returns=OrderItem,
    request_class="read",
    key={"order_item_id": "id"},
)


class OrderItems(Resource):
    """Orders and order items, from the archive and for new captures."""

    def list(
        self,
        *,
        user_id: str | None = None,
        type: OrderItemType | str | None = None,
        status: OrderItemStatus | str | None = None,
        order_ids: Sequence[str] | None = None,
        created_by: str | None = None,
        created_at: times.Instant | None = None,
        project_ids: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        area: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[OrderItem]:
        """List order items across orders.

        Order items have their tasks, which show the progress of capture and delivery.

        Vendor call: `ListOrderItems`, `GET /v0/order-items`.

        Args:
            user_id: Only items of this user.
            type: Only items of this kind.
            status: Only items in this state.
            order_ids: Only items of these orders. Assumption: separated by commas.
            created_by: Only items created by this user.
            created_at: Only items created in this range. Its syntax is not documented; text is sent
                unchanged.
            project_ids: Only items of these projects. Assumption: separated by commas.
            ids: Only the items with these identifiers. Assumption: separated by commas.
            area: Only items whose area in km² is in this range. Its syntax is not documented; the text is
                sent unchanged.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (OrderItem), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "user_id": user_id,
                    "type": checks.optional("type", checks.enum_value(OrderItemType), type),
                    "status": checks.optional("status", checks.enum_value(OrderItemStatus), status),
                    "order_ids": order_ids,
                    "created_by": created_by,
                    "created_at": checks.optional("created_at", checks.time_filter, created_at),
                    "project_ids": project_ids,
                    "ids": ids,
                    "area": area,
                },
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def get(self, order_item_id: str) -> OrderItem:
        """Read one order item with its tasks.

        The tasks show the progress of capture and delivery. validation_errors shows what is wrong with the
        item.

        Vendor call: `GetOrderItemById`, `GET /v0/order-items/{order_item_id}`.

        Args:
            order_item_id: Identifier of the order item.

        Returns:
            The order item.
        """
        return await self._send(Operation(_GET, path={"order_item_id": order_item_id}))

    def wait(self, order_item_id: str, **options: Unpack[WaitOptions[OrderItem]]) -> Poller[OrderItem]:
        """Wait until an order item is finished.

        No request is sent before you use the result. The status partially_fulfilled or partially_completed
        also ends the wait: check it.

        Args:
            order_item_id: Identifier of the order item.
            timeout: Time limit in seconds. Default: 14 days; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 60.
            max_poll_interval: Largest interval between two polls in seconds. Default: 600.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot.

        Raises:
            WaitFailed: it failed (status failed or cancelled). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = self._target()
        return self._wait(target, order_item_id, options)

    def wait_many(
        self, order_item_ids: Iterable[str], **options: Unpack[WaitOptions[OrderItem]]
    ) -> MultiWait[OrderItem]:
        """Wait until several order items are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits. The status
        partially_fulfilled or partially_completed also ends the wait: check it.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            order_item_ids: Ids of the order items, without duplicates.
            timeout: Time limit in seconds. Default: 14 days; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 60.
            max_poll_interval: Largest interval between two polls in seconds. Default: 600.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            Iterate with `async for` to receive a `WaitResult` for each id as it finishes. `await` it to get
                their list in the order of the ids. `.result()` of a `WaitResult` returns the final
                snapshot, or raises the errors of `wait`.

        Raises:
            InvalidInput: an id is empty or a duplicate, or a time is not a positive number.
        """
        return self._wait_many(self._target(), order_item_ids, options)

    def _target(self) -> PollTarget[OrderItem]:
        return PollTarget(
            _life_cycles.ORDER_ITEM, lambda id: self.get(id), listing=lambda **narrow: self.list(**narrow)
        )
