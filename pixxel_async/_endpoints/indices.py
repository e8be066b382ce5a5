"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Sequence

from pixxel_async._codec import checks
from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import ExpressionType, Index, IndexCreate, IndexList, IndexType

_LIST: Endpoint[IndexList] = Endpoint(
    id="ListIndices",
    method="GET",
    path="/v0/indices",
    returns=IndexList,
    request_class="read",
    paging=Paging(style="offset-query", items="indices", total=("pagination", "total")),
)
_CREATE: Endpoint[Index] = Endpoint(
    id="CreateIndex",
    method="POST",
    path="/v0/indices",
    returns=Index,
    request_class="create",
    trace=Trace(
        listing=_LIST,
        id="id",
        filter={"satellite_id": "satellite_id"},
        equal={"name": "name", "satellite_id": "satellite_id", "expression": "expression"},
    ),
)


class Indices(Resource):
    """Band formulas, preset and custom."""

    def list(
        self,
        *,
        satellite_id: str | None = None,
        type: IndexType | str | None = None,
        expression_type: ExpressionType | str | None = None,
        index_id: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        prefetch: bool = False,
    ) -> Paginator[Index]:
        """List indices.

        Preset indices and your own, narrowed by the given filters. There is no call for one index; filter
        by index_id instead.

        Vendor call: `ListIndices`, `GET /v0/indices`.

        Args:
            satellite_id: Only indices for this satellite.
            type: Only preset indices, or only your own.
            expression_type: Only indices with an expression of this kind.
            index_id: Only the index with this id.
            limit: Largest number of items in total. Default: all.
            page_size: Number of items per request.
            prefetch: Request the next page while you use this one.

        Returns:
            A paginator. Iterate with `async for` over the items (Index), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(
                _LIST,
                query={
                    "satellite_id": satellite_id,
                    "type": checks.optional("type", checks.enum_value(IndexType), type),
                    "expression_type": checks.optional(
                        "expression_type", checks.enum_value(ExpressionType), expression_type
                    ),
                    "index_id": index_id,
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
        description: str,
        rescale: Sequence[float],
        expression: str,
        colormap: str,
        satellite_id: str,
        expression_type: ExpressionType | str,
    ) -> Index:
        """Create a custom index.

        Stores your own band formula. Only custom indices can be created; one that already exists is a
        conflict. There is no call to change or delete an index.

        Vendor call: `CreateIndex`, `POST /v0/indices`.

        Args:
            name: Name of the index.
            description: Free text.
            rescale: Smallest and largest value of the colormap, as [min, max].
            expression: Formula over band names with + - * / and parentheses, such as (B08-B04)/(B08+B04).
                The vendor does not document the form of composites.
            colormap: Name of a colormap, such as rdylgn.
            satellite_id: Id of the satellite whose bands the formula names.
            expression_type: What the expression yields.

        Returns:
            The stored index.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            Conflict: a resource with this name or content already exists.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        return await self._send(
            Operation(
                _CREATE,
                body=IndexCreate(
                    name=name,
                    description=description,
                    rescale=rescale,
                    expression=expression,
                    colormap=colormap,
                    satellite_id=satellite_id,
                    expression_type=expression_type,
                ),
            )
        )
