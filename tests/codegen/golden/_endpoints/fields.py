"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import MultiWait
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.geometry import GeometryInput
from pixxel_async.models import Bucket, Field, FieldCreate, FieldList, FieldStatus

_LIST: Endpoint[FieldList] = Endpoint(
    id="ListFields",
    method="GET",
    path="/v0/fields",
    returns=FieldList,
    request_class="read",
    paging=Paging(style="offset-query", items="fields", total=("pagination", "total")),
)
_CREATE: Endpoint[Field] = Endpoint(
    id="CreateField",
    method="POST",
    path="/v0/fields",
    returns=Field,
    request_class="create",
    billable=True,
    free_when=("dry_run", True),
    trace=Trace(
        listing=_LIST,
        id="field_id",
        filter={"ids": "seed_ids"},
        equal={"geometry": "geometry", "bucket.name": "from"},
    ),
)
_GET: Endpoint[Field] = Endpoint(
    id="GetField",
    method="GET",
    path="/v0/field/{field_id}",
    returns=Field,
    request_class="read",
    unwrap="field",
    key={"field_id": "field_id"},
)
_DELETE: Endpoint[None] = Endpoint(
    id="DeleteField", method="DELETE", path="/v0/field/{field_id}", returns=None, request_class="idempotent"
)
_PNG: Endpoint[bytes] = Endpoint(
    id="DrawField", method="POST", path="/v0/field/{field_id}/png", returns=bytes, request_class="read"
)
_REPORT: Endpoint[str] = Endpoint(
    id="ReportFields", method="GET", path="/v0/fields/report", returns=str, request_class="read"
)


class Fields(Resource):
    """Pieces of land."""

    def list(
        self,
        *,
        ids: Sequence[str] | None = None,
        status: FieldStatus | str | None = None,
        created_at: times.Instant | None = None,
        min_area: float | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Field]:
        """List fields.

        Fields that the credential may see.

        Vendor call: `ListFields`, `GET /v0/fields`.

        Args:
            ids: Only these fields, as a comma list.
            status: Only fields in this state.
            created_at: Only fields of this time.
            min_area: Only fields of at least this many m².
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Field), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "ids": ids,
                    "status": checks.optional("status", checks.enum_value(FieldStatus), status),
                    "createdAt": checks.optional("created_at", checks.time_filter, created_at),
                    "min_area": checks.optional("min_area", checks.number(minimum=0), min_area),
                },
            ),
            limit=limit,
            page_size=page_size,
            prefetch=prefetch,
        )

    async def create(
        self,
        *,
        name: str,
        geometry: GeometryInput,
        rescale: Sequence[float],
        mode: FieldStatus | str,
        start: times.Instant | None = None,
        end: times.Instant | None = None,
        seen: times.Interval | None = None,
        seed_ids: Sequence[str] | None = None,
        plant_ids: Sequence[str] | None = None,
        days: Mapping[str, Sequence[str] | None] | None = None,
        depth: int | None = None,
        bucket: Bucket | None = None,
        secrets: Mapping[str, str] | None = None,
        anything: Any = None,
        dry_run: bool | None = None,
    ) -> Field:
        """Create a field.

        Starts to measure it.

        Give exactly one of seed_ids and plant_ids.

        Charges tokens, unless dry_run is True.

        Vendor call: `CreateField`, `POST /v0/fields`.

        Args:
            name: Name of it.
            geometry: Outline.
            rescale: Range.
            mode: State to start in.
            start: First day.
            end: Last day.
            seen: When it was seen.
            seed_ids: Seeds, each once.
            plant_ids: Plants.
            days: Years, null for none.
            depth: Depth in cm.
            bucket: Where to deliver to.
            secrets: Never returned.
            anything: Any JSON.
            dry_run: Only ask.

        Returns:
            The new field.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            Conflict: a resource with this name or content already exists.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        operation = Operation(
            _CREATE,
            body=FieldCreate(
                name=name,
                geometry=geometry,
                rescale=rescale,
                mode=mode,
                start=start,
                end=end,
                seen=seen,
                seed_ids=seed_ids,
                plant_ids=plant_ids,
                days=days,
                depth=depth,
                bucket=bucket,
                secrets=secrets,
                anything=anything,
                dry_run=dry_run,
            ),
        )
        del secrets  # not for tracebacks that show local variables
        return await self._send(operation)

    async def get(self, field_id: str) -> Field:
        """Get one field.

        Reads it with its state.

        Vendor call: `GetField`, `GET /v0/field/{field_id}`.

        Args:
            field_id: Id of the field.

        Returns:
            The field, wrapped.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_GET, path={"field_id": field_id}))

    async def delete(self, field_id: str, *, project_id: str) -> None:
        """Delete a field.

        It does not come back.

        Vendor call: `DeleteField`, `DELETE /v0/field/{field_id}`.

        Args:
            field_id: Id of the field.
            project_id: Project that it belongs to.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        await self._send(
            Operation(
                _DELETE,
                path={"field_id": field_id},
                query={"project_id": checks.required("project_id", checks.text(min_length=1), project_id)},
            )
        )

    async def png(self, field_id: str) -> bytes:
        """Draw a field.

        Answers with the picture itself.

        Vendor call: `DrawField`, `POST /v0/field/{field_id}/png`.

        Args:
            field_id: Id of the field.

        Returns:
            The picture.
        """
        return await self._send(Operation(_PNG, path={"field_id": field_id}))

    async def report(self) -> str:
        """Export all fields.

        One line per field.

        Vendor call: `ReportFields`, `GET /v0/fields/report`.

        Returns:
            CSV with a heading.
        """
        return await self._send(Operation(_REPORT))

    def wait(self, field_id: str, **options: Unpack[WaitOptions[Field]]) -> Poller[Field]:
        """Wait until a field is finished.

        No request is sent before you use the result. The status partly-ripe also ends the wait: check it.

        Args:
            field_id: Id of the field.
            timeout: Time limit in seconds. Default: no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot.

        Raises:
            WaitFailed: it failed (status withered). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = self._target()
        return self._wait(target, field_id, options)

    def wait_many(self, field_ids: Iterable[str], **options: Unpack[WaitOptions[Field]]) -> MultiWait[Field]:
        """Wait until several fields are finished, each independently.

        No request is sent before you use the result. A failure does not stop the other waits. The status
        partly-ripe also ends the wait: check it.

        More than twenty waits share list requests, if that takes fewer requests than polling each.

        Args:
            field_ids: Ids of the fields, without duplicates.
            timeout: Time limit in seconds. Default: no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            Iterate with `async for` to receive a `WaitResult` for each id as it finishes. `await` it to get
                their list in the order of the ids. `.result()` of a `WaitResult` returns the final
                snapshot, or raises the errors of `wait`.

        Raises:
            InvalidInput: an id is empty or a duplicate, or a time is not a positive number.
        """
        return self._wait_many(self._target(), field_ids, options)

    def _target(self) -> PollTarget[Field]:
        return PollTarget(
            _life_cycles.FIELD, lambda id: self.get(id), listing=lambda **narrow: self.list(**narrow)
        )
