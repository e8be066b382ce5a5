"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pixxel_async._codec import checks, times
from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.multi_wait import Waits
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.polling import Poller
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

        The vendor calls this `ListFields`: `GET /v0/fields`.

        Args:
            ids: Only these fields, as a comma list.
            status: Only fields in this state.
            created_at: Only fields of this time.
            min_area: Only fields of at least this many m².
            limit: How many items in all; every item when left out.
            page_size: How many items one request asks for.
            prefetch: Ask for the next page while this one is used.

        Returns:
            A paginator: `async for` walks the items (Field), `await` collects them.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "ids": ids,
                    "status": checks.optional("status", checks.word(FieldStatus), status),
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

        The vendor calls this `CreateField`: `POST /v0/fields`.

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
            InvalidInput: an argument is not what the API accepts; nothing was sent.
            Conflict: a thing of that name or content exists already.
            OutcomeUnknown: the answer was lost: it may have happened. `await error.reconcile()` looks
                whether it did.
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

        The vendor calls this `GetField`: `GET /v0/field/{field_id}`.

        Args:
            field_id: Id of the field.

        Returns:
            The field, wrapped.

        Raises:
            NotFound: nothing exists under this id.
        """
        return await self._send(Operation(_GET, path={"field_id": field_id}))

    async def delete(self, field_id: str, *, project_id: str) -> None:
        """Delete a field.

        It does not come back.

        The vendor calls this `DeleteField`: `DELETE /v0/field/{field_id}`.

        Args:
            field_id: Id of the field.
            project_id: Project that it belongs to.

        Raises:
            InvalidInput: an argument is not what the API accepts; nothing was sent.
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

        The vendor calls this `DrawField`: `POST /v0/field/{field_id}/png`.

        Args:
            field_id: Id of the field.

        Returns:
            The picture.
        """
        return await self._send(Operation(_PNG, path={"field_id": field_id}))

    async def report(self) -> str:
        """Export all fields.

        One line per field.

        The vendor calls this `ReportFields`: `GET /v0/fields/report`.

        Returns:
            CSV with a heading.
        """
        return await self._send(Operation(_REPORT))

    def wait(
        self,
        field_id: str,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Field], Any] | None = None,
    ) -> Poller[Field]:
        """Wait until a field is settled.

        Nothing is sent before you use what this returns. partly-ripe counts as an end, too: look at its
        status.

        Args:
            field_id: Id of the field.
            timeout: Seconds to wait at most; without end when left out.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
            on_update: Called, and awaited where that is possible, with each snapshot that differs from the
                last.

        Returns:
            A poller: `await` gives the final snapshot, `async for` each change on the way.

        Raises:
            WaitFailed: it failed, in the server's words; status withered.
            WaitTimeout: it was still in flight when the time was up; wait again with the same id.
            UnknownState: for ten minutes its status was one that the spec does not know, or none.
        """
        target = self._target()
        return self._wait(
            target,
            field_id,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def wait_many(
        self,
        field_ids: Iterable[str],
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        max_poll_interval: float | None = None,
        on_update: Callable[[Field], Any] | None = None,
    ) -> Waits[Field]:
        """Wait until many fields are settled, each for itself.

        Nothing is sent before you use what this returns. One that fails does not stop the others. partly-
        ripe counts as an end, too: look at its status.

        More than twenty look together: the listing is read, where that takes fewer requests than reading
        each.

        Args:
            field_ids: Ids of the fields, each once.
            timeout: Seconds to wait at most; without end when left out.
            poll_interval: Seconds before the second look, from which on they grow; 2 when left out.
            max_poll_interval: Most seconds between two looks; 30 when left out.
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
            field_ids,
            timeout=timeout,
            poll_interval=poll_interval,
            max_poll_interval=max_poll_interval,
            on_update=on_update,
        )

    def _target(self) -> PollTarget[Field]:
        return PollTarget(
            _life_cycles.FIELD, lambda id: self.get(id), listing=lambda **narrow: self.list(**narrow)
        )
