"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pixxel_async._codec import checks
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.geometry import GeometryInput
from pixxel_async.models import (
    Crop,
    CropCreate,
    CropList,
    CropPackage,
    CropPackageCreate,
    CropSearch,
    CropSearchResult,
    Estimate,
)

_LIST: Endpoint[CropList] = Endpoint(
    id="ListCrops",
    method="GET",
    path="/v0/field/{field_id}/crops",
    returns=CropList,
    request_class="read",
    paging=Paging(style="single", items="crops"),
)
_ESTIMATE: Endpoint[Estimate] = Endpoint(
    id="SowCrop",
    method="POST",
    path="/v0/field/{field_id}/crops",
    returns=Estimate,
    request_class="read",
    unwrap="crops",
)
_SOW: Endpoint[list[Crop]] = Endpoint(
    id="SowCrop",
    method="POST",
    path="/v0/field/{field_id}/crops",
    returns=list[Crop],
    request_class="create",
    billable=True,
    unwrap="crops",
    trace=Trace(listing=_LIST, id="id", many=("seed", "bucket.name")),
)
_SEARCH: Endpoint[CropSearchResult] = Endpoint(
    id="SearchCrops",
    method="POST",
    path="/v0/field/{field_id}/crops/search",
    returns=CropSearchResult,
    request_class="read",
    paging=Paging(style="lens", items="found"),
)
_REQUEST_DOWNLOAD: Endpoint[CropPackage] = Endpoint(
    id="packCrop",
    method="PUT",
    path="/v0/field/{field_id}/crops/{crop_id}/download",
    returns=CropPackage,
    request_class="idempotent",
)


class Crops(Resource):
    """What grows on a field."""

    def list(
        self,
        field_id: str,
        *,
        id: str | None = None,
        states: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Paginator[Crop]:
        """List crops.

        The list comes whole.

        The vendor calls this `ListCrops`: `GET /v0/field/{field_id}/crops`.

        Args:
            field_id: Id of the field.
            id: Only this crop.
            states: Only crops in these states.
            limit: How many items in all; every item when left out.

        Returns:
            A paginator: `async for` walks the items (Crop), `await` collects them.
        """
        return self._paginate(
            Operation(_LIST, path={"field_id": field_id}, query={"id": id, "states": states}),
            limit=limit,
            page_size=None,
            prefetch=False,
        )

    async def estimate(self, field_id: str, *, seed: str) -> Estimate:
        """Ask what a crop costs.

        One call does both.

        The vendor calls this `SowCrop`: `POST /v0/field/{field_id}/crops`.

        Args:
            field_id: Id of the field.
            seed: Name of the seed.

        Returns:
            The price.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return await self._send(
            Operation(_ESTIMATE, path={"field_id": field_id}, body=CropCreate(seed=seed, estimate=True))
        )

    async def sow(self, field_id: str, *, seed: str) -> builtins.list[Crop]:
        """Sow crops.

        One call does both.

        Charges tokens.

        The vendor calls this `SowCrop`: `POST /v0/field/{field_id}/crops`.

        Args:
            field_id: Id of the field.
            seed: Name of the seed.

        Returns:
            The crops sown.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
            OutcomeUnknown: the answer was lost: it may have happened. `await error.reconcile()` looks
                whether it did.
        """
        return await self._send(
            Operation(_SOW, path={"field_id": field_id}, body=CropCreate(seed=seed, estimate=False))
        )

    def search(
        self,
        field_id: str,
        *,
        area: GeometryInput | None = None,
        frame: checks.BoundingBox | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Crop]:
        """Search crops.

        The answer is a map.

        The vendor calls this `SearchCrops`: `POST /v0/field/{field_id}/crops/search`.

        Args:
            field_id: Id of the field.
            area: Where.
            frame: In which box.
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (Crop), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return self._paginate(
            Operation(_SEARCH, path={"field_id": field_id}, body=CropSearch(area=area, frame=frame)),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def request_download(
        self, field_id: str, crop_id: str, *, inputs: Sequence[str] | None = None
    ) -> CropPackage:
        """Ask for a package.

        Repeat it until it is ready.

        The vendor calls this `packCrop`: `PUT /v0/field/{field_id}/crops/{crop_id}/download`.

        Args:
            field_id: Id of the field.
            crop_id: Id of the crop.
            inputs: Names of inputs.

        Returns:
            How the package stands.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return await self._send(
            Operation(
                _REQUEST_DOWNLOAD,
                path={"field_id": field_id, "crop_id": crop_id},
                body=None if inputs is None else CropPackageCreate(inputs=inputs),
            )
        )

    def wait(
        self,
        field_id: str,
        crop_id: str,
        *,
        timeout: float | None = 5400,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Crop], Any] | None = None,
    ) -> Poller[Crop]:
        """Wait until a crop is settled.

        Nothing is sent before you use what this returns.

        Args:
            field_id: Id of the field.
            crop_id: Id of a crop.
            timeout: Seconds to wait at most; 90 minutes when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 0.5 when left out.
            max_poll_interval: Most seconds between two looks; 5 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way.

        Raises:
            WaitFailed: it failed, in the server's words; status lost.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = self._target(field_id)
        return self._wait(
            target,
            crop_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        field_id: str,
        crop_ids: Iterable[str],
        *,
        timeout: float | None = 5400,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Crop], Any] | None = None,
    ) -> Waits[Crop]:
        """Wait until many crops are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each; what is shown on the way may then hold less than the end.

        Args:
            field_id: Id of the field.
            crop_ids: Ids of the crops, each once.
            timeout: Seconds to wait at most; 90 minutes when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 0.5 when left out.
            max_poll_interval: Most seconds between two looks; 5 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            `async for` gives a `Waited` for each as it ends, `await` the list of them in the order of the
                ids. `.result()` of one is its final snapshot, or raises what `wait` raises.

        Raises:
            InvalidInput: an id is empty or stands there twice, or a time is not a positive number.
        """
        return self._wait_many(
            self._target(field_id),
            crop_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self, field_id: str) -> PollTarget[Crop]:
        return PollTarget(
            _life_cycles.CROP,
            lambda id: self._pick(self.list(field_id, id=id), "id", id),
            listing=lambda **narrow: self.list(field_id, **narrow),
            within=(field_id,),
        )

    def wait_download(
        self,
        field_id: str,
        crop_id: str,
        *,
        inputs: Sequence[str] | None = None,
        timeout: float | None = 172800,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[CropPackage], Any] | None = None,
    ) -> PackagePoller[CropPackage]:
        """Wait until a crop package is ready.

        Nothing is sent before you use what this returns.

        Args:
            field_id: Id of the field.
            crop_id: Id of the crop.
            inputs: Names of inputs.
            timeout: Seconds to wait at most; 2 days when left out, None waits without end.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way,
                `.save(directory)` the package as a file.

        Raises:
            WaitFailed: it failed, in the server's words; status failed.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = PollTarget(
            _life_cycles.CROP_PACKAGE,
            lambda id: self.request_download(field_id, id, inputs=inputs),
            within=(field_id,),
        )
        return self._wait_package(
            target,
            crop_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )
