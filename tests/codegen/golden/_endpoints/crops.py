"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Unpack

from pixxel_async._codec import checks
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import PackagePoller, Poller, WaitOptions
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

        Vendor call: `ListCrops`, `GET /v0/field/{field_id}/crops`.

        Args:
            field_id: Id of the field.
            id: Only this crop.
            states: Only crops in these states.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Crop), or `await` it to get a list.
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

        Vendor call: `SowCrop`, `POST /v0/field/{field_id}/crops`.

        Args:
            field_id: Id of the field.
            seed: Name of the seed.

        Returns:
            The price.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return await self._send(
            Operation(_ESTIMATE, path={"field_id": field_id}, body=CropCreate(seed=seed, estimate=True))
        )

    async def sow(self, field_id: str, *, seed: str) -> builtins.list[Crop]:
        """Sow crops.

        One call does both.

        Charges tokens.

        Vendor call: `SowCrop`, `POST /v0/field/{field_id}/crops`.

        Args:
            field_id: Id of the field.
            seed: Name of the seed.

        Returns:
            The crops sown.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
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

        Vendor call: `SearchCrops`, `POST /v0/field/{field_id}/crops/search`.

        Args:
            field_id: Id of the field.
            area: Where.
            frame: In which box.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Crop), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(_SEARCH, path={"field_id": field_id}),
            area=area,
            make_body=lambda: CropSearch(area=area, frame=frame),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def request_download(
        self, field_id: str, crop_id: str, *, inputs: Sequence[str] | None = None
    ) -> CropPackage:
        """Ask for a package.

        Repeat it until it is ready.

        Vendor call: `packCrop`, `PUT /v0/field/{field_id}/crops/{crop_id}/download`.

        Args:
            field_id: Id of the field.
            crop_id: Id of the crop.
            inputs: Names of inputs.

        Returns:
            How the package stands.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return await self._send(
            Operation(
                _REQUEST_DOWNLOAD,
                path={"field_id": field_id, "crop_id": crop_id},
                body=None if inputs is None else CropPackageCreate(inputs=inputs),
            )
        )

    def wait(self, field_id: str, crop_id: str, **options: Unpack[WaitOptions[Crop]]) -> Poller[Crop]:
        """Wait until a crop is finished.

        No request is sent before you use the result.

        Args:
            field_id: Id of the field.
            crop_id: Id of a crop.
            timeout: Time limit in seconds. Default: 90 minutes; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 0.5.
            max_poll_interval: Largest interval between two polls in seconds. Default: 5.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot.

        Raises:
            WaitFailed: it failed (status lost). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = self._target(field_id)
        return self._wait(target, crop_id, options)

    def wait_many(
        self, field_id: str, crop_ids: Iterable[str], **options: Unpack[WaitOptions[Crop]]
    ) -> MultiWait[Crop]:
        """Wait until several crops are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits.

        More than twenty waits share list requests, if that takes fewer requests than polling each.
        Snapshots before the last one may then lack fields.

        Args:
            field_id: Id of the field.
            crop_ids: Ids of the crops, without duplicates.
            timeout: Time limit in seconds. Default: 90 minutes; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 0.5.
            max_poll_interval: Largest interval between two polls in seconds. Default: 5.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            Iterate with `async for` to receive a `WaitResult` for each id as it finishes. `await` it to get
                their list in the order of the ids. `.result()` of a `WaitResult` returns the final
                snapshot, or raises the errors of `wait`.

        Raises:
            InvalidInput: an id is empty or a duplicate, or a time is not a positive number.
        """
        return self._wait_many(self._target(field_id), crop_ids, options)

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
        **options: Unpack[WaitOptions[CropPackage]],
    ) -> PackagePoller[CropPackage]:
        """Wait until a crop package is ready.

        No request is sent before you use the result.

        Args:
            field_id: Id of the field.
            crop_id: Id of the crop.
            inputs: Names of inputs.
            timeout: Time limit in seconds. Default: 2 days; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot. `.save(directory)` saves the package as a file.

        Raises:
            WaitFailed: it failed (status failed). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = PollTarget(
            _life_cycles.CROP_PACKAGE,
            lambda id: self.request_download(field_id, id, inputs=inputs),
            within=(field_id,),
        )
        return self._wait_package(target, crop_id, options)
