"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller
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

        The vendor calls this `ListDeliveries`: `GET /v0/catalogs/deliveries`.

        Args:
            delivery_id: Only the delivery with this identifier.
            catalog_id: Only deliveries of this catalog entry.
            task_id: Only deliveries caused by this order task.
            order_item_id: Only deliveries of the images of this order item.
            limit: How many items in all; every item when left out.

        Returns:
            A paginator: `async for` walks the items (Delivery), `await` collects them.
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

        The vendor calls this `CreateDelivery`: `POST /v0/catalogs/deliveries`.

        Args:
            deliveries: Images to deliver, with their targets; at least one entry.

        Returns:
            The deliveries that were created.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
            Conflict: a thing of that name or content exists already.
            OutcomeUnknown: the answer was lost: it may have happened. `await error.reconcile()` looks
                whether it did.
        """
        return await self._send(Operation(_CREATE, body=DeliveriesCreate(deliveries=deliveries)))

    def wait(
        self,
        delivery_id: str,
        *,
        timeout: float | None = 86400,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Delivery], Any] | None = None,
    ) -> Poller[Delivery]:
        """Wait until a delivery is settled.

        Nothing is sent before you use what this returns.

        Args:
            delivery_id: Id of a delivery.
            timeout: Seconds to wait at most; 1 day when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 10 when left out.
            max_poll_interval: Most seconds between two looks; 60 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way.

        Raises:
            WaitFailed: it failed, in the server's words; status failed.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = self._target()
        return self._wait(
            target,
            delivery_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        delivery_ids: Iterable[str],
        *,
        timeout: float | None = 86400,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Delivery], Any] | None = None,
    ) -> Waits[Delivery]:
        """Wait until many deliveries are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each.

        Args:
            delivery_ids: Ids of the deliveries, each once.
            timeout: Seconds to wait at most; 1 day when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 10 when left out.
            max_poll_interval: Most seconds between two looks; 60 when left out.
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
            delivery_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self) -> PollTarget[Delivery]:
        return PollTarget(
            _life_cycles.DELIVERY,
            lambda id: self._pick(self.list(delivery_id=id), "delivery_id", id),
            listing=lambda **narrow: self.list(**narrow),
        )
