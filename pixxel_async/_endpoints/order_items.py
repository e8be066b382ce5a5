"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller
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

        Order items come with their tasks, which tell how capture and delivery go.

        The vendor calls this `ListOrderItems`: `GET /v0/order-items`.

        Args:
            user_id: Only items of this user.
            type: Only items of this kind.
            status: Only items in this state.
            order_ids: Only items of these orders. Assumption: separated by commas.
            created_by: Only items created by this user.
            created_at: Only items created in this range. Its syntax is not documented; a text is sent as it
                is.
            project_ids: Only items of these projects. Assumption: separated by commas.
            ids: Only the items with these identifiers. Assumption: separated by commas.
            area: Only items whose area in km² is in this range. Its syntax is not documented; the text is
                sent as it is.
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (OrderItem), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "user_id": user_id,
                    "type": checks.optional("type", checks.word(OrderItemType), type),
                    "status": checks.optional("status", checks.word(OrderItemStatus), status),
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

        The tasks tell how capture and delivery go; validation_errors what is wrong with the item.

        The vendor calls this `GetOrderItemById`: `GET /v0/order-items/{order_item_id}`.

        Args:
            order_item_id: Identifier of the order item.

        Returns:
            The order item.
        """
        return await self._send(Operation(_GET, path={"order_item_id": order_item_id}))

    def wait(
        self,
        order_item_id: str,
        *,
        timeout: float | None = 1209600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[OrderItem], Any] | None = None,
    ) -> Poller[OrderItem]:
        """Wait until an order item is settled.

        Nothing is sent before you use what this returns. partially_fulfilled or partially_completed counts
        as an end, too: look at its status.

        Args:
            order_item_id: Identifier of the order item.
            timeout: Seconds to wait at most; 14 days when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 60 when left out.
            max_poll_interval: Most seconds between two looks; 600 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way.

        Raises:
            WaitFailed: it failed, in the server's words; status failed or cancelled.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = self._target()
        return self._wait(
            target,
            order_item_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        order_item_ids: Iterable[str],
        *,
        timeout: float | None = 1209600,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[OrderItem], Any] | None = None,
    ) -> Waits[OrderItem]:
        """Wait until many order items are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.
        partially_fulfilled or partially_completed counts as an end, too: look at its status.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each.

        Args:
            order_item_ids: Ids of the order items, each once.
            timeout: Seconds to wait at most; 14 days when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 60 when left out.
            max_poll_interval: Most seconds between two looks; 600 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            `async for` gives a `Waited` for each as it ends, `await` the list of them in the order of the
                ids. `.result()` of one is its final snapshot, or raises what `wait` raises.

        Raises:
            InvalidInput: an id is empty or stands there twice, or a time is not a positive number.
        """
        return self._wait_many(
            self._target(),
            order_item_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self) -> PollTarget[OrderItem]:
        return PollTarget(
            _life_cycles.ORDER_ITEM, lambda id: self.get(id), listing=lambda **narrow: self.list(**narrow)
        )
