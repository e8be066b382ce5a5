"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Sequence

from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Order, OrderCreate, OrderItemCreate, OrderList

_LIST: Endpoint[OrderList] = Endpoint(
    id="ListOrders",
    method="GET",
    path="/v0/orders",
    returns=OrderList,
    request_class="read",
    paging=Paging(style="offset-query", items="orders", total=("pagination", "total")),
)
_CREATE: Endpoint[Order] = Endpoint(
    id="SubmitOrder",
    method="POST",
    path="/v0/orders",
    returns=Order,
    request_class="create",
    billable=True,
    free_when=("dry_run", True),
    trace=Trace(
        listing=_LIST,
        id="id",
        equal={
            "order_items.project_id": "order_items.project_id",
            "order_items.name": "order_items.name",
            "order_items.usecase": "order_items.usecase",
            "order_items.start_date": "order_items.start_date",
            "order_items.item_ids": "order_items.images.item_id",
        },
    ),
)
_GET: Endpoint[Order] = Endpoint(
    id="GetOrderById",
    method="GET",
    path="/v0/orders/{order_id}",
    returns=Order,
    request_class="read",
    key={"order_id": "id"},
)


class Orders(Resource):
    """Orders and order items, from the archive and for new captures."""

    def list(
        self,
        *,
        user_id: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Order]:
        """List orders.

        Orders have their items, but without the tasks of the items.

        Vendor call: `ListOrders`, `GET /v0/orders`.

        Args:
            user_id: Only orders of this user.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Order), or `await` it to get a list.
        """
        return self._paginate(
            Operation(_LIST, query={"user_id": user_id}), limit=limit, page_size=page_size, prefetch=prefetch
        )

    async def create(self, *, order_items: Sequence[OrderItemCreate], dry_run: bool | None = None) -> Order:
        """Place an order, or do a dry run.

        Orders archive images or tasks a satellite; the price in tokens is charged. With dry_run true the
        response is the same, but nothing is placed or charged.

        Charges tokens, unless dry_run is True.

        Vendor call: `SubmitOrder`, `POST /v0/orders`.

        Args:
            order_items: What is ordered, at least one item.
            dry_run: True checks and prices the order without placing it: nothing is deducted. Server
                default: false.

        Returns:
            The order, placed or as a dry run.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        return await self._send(
            Operation(_CREATE, body=OrderCreate(order_items=order_items, dry_run=dry_run))
        )

    async def get(self, order_id: str) -> Order:
        """Read one order.

        Its items lack their tasks; read the order items for these.

        Vendor call: `GetOrderById`, `GET /v0/orders/{order_id}`.

        Args:
            order_id: Identifier of the order.

        Returns:
            The order.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_GET, path={"order_id": order_id}))
