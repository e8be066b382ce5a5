"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Unpack

from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import DeliveriesCreate, Delivery, DeliveryList, DeliveryRequest

_LIST: Endpoint[DeliveryList] = Endpoint(
    id="ListDeliveries",
    method="GET",
    path="/v0/catalogs/deliveries",
    returns=DeliveryList,
    request_class="read",
    paging=Paging(style="single", items="deliveries"),
)
_CREATE: Endpoint[list[Delivery]] = Endpoint(
    id="CreateDelivery",
    method="POST",
    path="/v0/catalogs/deliveries",
    returns=list[Delivery],
    request_class="create",
    unwrap="deliveries",
    trace=Trace(
        listing=_LIST,
        id="delivery_id",
        equal={"deliveries.cloud_info.config": "cloud_delivery.config"},
        many=("deliveries.catalog_ids", "catalog_id"),
    ),
)


class Deliveries(Resource):
    """Copies of catalog entries into a store."""

    def list(
        self,
        *,
        delivery_id: str | None = None,
        catalog_id: str | None = None,
        task_id: str | None = None,
        order_item_id: str | None = None,
        limit: int | None = None,
    ) -> Paginator[Delivery]:
        """List deliveries to stores.

        There is no call that reads one delivery; filter by delivery_id instead.

        Vendor call: `ListDeliveries`, `GET /v0/catalogs/deliveries`.

        Args:
            delivery_id: Only the delivery with this identifier.
            catalog_id: Only deliveries of this catalog entry.
            task_id: Only deliveries caused by this order task.
            order_item_id: Only deliveries of the images of this order item.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Delivery), or `await` it to get a list.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "delivery_id": delivery_id,
                    "catalog_id": catalog_id,
                    "task_id": task_id,
                    "order_item_id": order_item_id,
                },
            ),
            limit=limit,
            page_size=None,
            prefetch=False,
        )

    async def create(self, *, deliveries: Sequence[DeliveryRequest]) -> builtins.list[Delivery]:
        """Deliver images to stores.

        Each entry names catalog entries or order items, and one destination. Assumption: the response has
        one delivery per catalog entry. Read their state from the list.

        Vendor call: `CreateDelivery`, `POST /v0/catalogs/deliveries`.

        Args:
            deliveries: Images to deliver, with their targets; at least one entry.

        Returns:
            The deliveries that were created.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            Conflict: a resource with this name or content already exists.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        return await self._send(Operation(_CREATE, body=DeliveriesCreate(deliveries=deliveries)))

    def wait(self, delivery_id: str, **options: Unpack[WaitOptions[Delivery]]) -> Poller[Delivery]:
        """Wait until a delivery is finished.

        No request is sent before you use the result.

        Args:
            delivery_id: Id of a delivery.
            timeout: Time limit in seconds. Default: 1 day; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 10.
            max_poll_interval: Largest interval between two polls in seconds. Default: 60.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot.

        Raises:
            WaitFailed: it failed (status failed). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = self._target()
        return self._wait(target, delivery_id, options)

    def wait_many(
        self, delivery_ids: Iterable[str], **options: Unpack[WaitOptions[Delivery]]
    ) -> MultiWait[Delivery]:
        """Wait until several deliveries are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            delivery_ids: Ids of the deliveries, without duplicates.
            timeout: Time limit in seconds. Default: 1 day; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 10.
            max_poll_interval: Largest interval between two polls in seconds. Default: 60.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            Iterate with `async for` to receive a `WaitResult` for each id as it finishes. `await` it to get
                their list in the order of the ids. `.result()` of a `WaitResult` returns the final
                snapshot, or raises the errors of `wait`.

        Raises:
            InvalidInput: an id is empty or a duplicate, or a time is not a positive number.
        """
        return self._wait_many(self._target(), delivery_ids, options)

    def _target(self) -> PollTarget[Delivery]:
        return PollTarget(
            _life_cycles.DELIVERY,
            lambda id: self._pick(self.list(delivery_id=id), "delivery_id", id),
            listing=lambda **narrow: self.list(**narrow),
        )
