"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from pixxel_async._codec import checks
from pixxel_async._http.operation import Endpoint, Operation, Paging
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Block, BlockList, BlockMode

_LIST: Endpoint[BlockList] = Endpoint(
    id="listBlocks",
    method="GET",
    path="/v0/blocks",
    returns=BlockList,
    request_class="read",
    paging=Paging(style="single", items="blocks"),
)
_VERSIONS: Endpoint[BlockList] = Endpoint(
    id="getBlockVersions",
    method="GET",
    path="/v0/blocks/{name}",
    returns=BlockList,
    request_class="read",
    paging=Paging(style="single", items="blocks"),
)
_GET: Endpoint[Block] = Endpoint(
    id="getBlockByVersion",
    method="GET",
    path="/v0/blocks/{name}/versions/{version}",
    returns=Block,
    request_class="read",
    unwrap="blocks",
)


class Blocks(Resource):
    """Analytic models and other building blocks, by name and version."""

    def list(self, *, mode: BlockMode | str | None = None, limit: int | None = None) -> Paginator[Block]:
        """List the blocks that can be run.

        Blocks are published models and processing steps. Their specification lists the inputs that an
        insight needs.

        Vendor call: `listBlocks`, `GET /v0/blocks`.

        Args:
            mode: Only blocks for this use: insight or workflow.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Block), or `await` it to get a list.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
        """
        return self._paginate(
            Operation(_LIST, query={"mode": checks.optional("mode", checks.enum_value(BlockMode), mode)}),
            limit=limit,
            page_size=None,
            prefetch=False,
        )

    def versions(self, name: str, *, limit: int | None = None) -> Paginator[Block]:
        """List all versions of one block.

        Each entry is a whole block with the specification of that version.

        Vendor call: `getBlockVersions`, `GET /v0/blocks/{name}`.

        Args:
            name: Name of the block, for instance cropclassification.
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Block), or `await` it to get a list.

        Raises:
            NotFound: no resource has this id.
        """
        return self._paginate(
            Operation(_VERSIONS, path={"name": name}), limit=limit, page_size=None, prefetch=False
        )

    async def get(self, name: str, version: str) -> Block:
        """Read one version of a block.

        The vendor documents two forms of the response: the block itself, and a list named blocks. Both are
        accepted.

        Vendor call: `getBlockByVersion`, `GET /v0/blocks/{name}/versions/{version}`.

        Args:
            name: Name of the block, for instance cropclassification.
            version: Version of the block, for instance 1.0.0.

        Returns:
            The block.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_GET, path={"name": name, "version": version}))
