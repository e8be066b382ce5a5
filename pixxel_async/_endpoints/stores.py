"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Mapping

from pixxel_async._http.operation import Endpoint, Operation, Paging, Trace
from pixxel_async._resource.paging import Paginator
from pixxel_async._resource.resource import Resource
from pixxel_async.models import Store, StoreConfigs, StoreCreate, StoreList, StoreType

_LIST: Endpoint[StoreList] = Endpoint(
    id="ListStores",
    method="GET",
    path="/v0/stores",
    returns=StoreList,
    request_class="read",
    paging=Paging(style="single", items="stores"),
)
_CREATE: Endpoint[Store] = Endpoint(
    id="CreateStore",
    method="POST",
    path="/v0/stores",
    returns=Store,
    request_class="create",
    trace=Trace(listing=_LIST, id="id", equal={"name": "name", "type": "type", "configs": "configs"}),
)
_DELETE: Endpoint[None] = Endpoint(
    id="DeleteStore", method="DELETE", path="/v0/stores/{store_id}", returns=None, request_class="idempotent"
)


class Stores(Resource):
    """Your cloud buckets, as targets of deliveries."""

    def list(self, *, limit: int | None = None) -> Paginator[Store]:
        """List the stores that images can be delivered to.

        The response never contains credentials.

        Vendor call: `ListStores`, `GET /v0/stores`.

        Args:
            limit: Largest number of items in total. Default: all.

        Returns:
            A paginator. Iterate with `async for` over the items (Store), or `await` it to get a list.
        """
        return self._paginate(Operation(_LIST), limit=limit, page_size=None, prefetch=False)

    async def create(
        self,
        *,
        name: str,
        type: StoreType | str,
        configs: StoreConfigs,
        secrets: Mapping[str, str],
        labels: Mapping[str, str] | None = None,
    ) -> Store:
        """Register a bucket to deliver to.

        The name must be new; a name in use is a conflict.

        Vendor call: `CreateStore`, `POST /v0/stores`.

        Args:
            name: Name of the store, unique in your account.
            type: Cloud provider of the bucket.
            configs: Location of the bucket.
            secrets: Credentials by name. S3 needs access_key_id and secret_access_key; AZBLOB needs
                account_name, tenant_id, client_id and client_secret; GCS needs project_id and
                service_account_credentials. Never returned by the server.
            labels: Your own labels.

        Returns:
            The store, without its credentials.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            Conflict: a resource with this name or content already exists.
            OutcomeUnknown: the response was lost, but the resource may exist. `await error.reconcile()`
                finds out.
        """
        operation = Operation(
            _CREATE, body=StoreCreate(name=name, type=type, configs=configs, secrets=secrets, labels=labels)
        )
        del secrets  # not for tracebacks that show local variables
        return await self._send(operation)

    async def delete(self, store_id: str) -> None:
        """Remove a store.

        Deletes the registration of the bucket and its credentials. Assumption: files in the bucket stay.

        Vendor call: `DeleteStore`, `DELETE /v0/stores/{store_id}`.

        Args:
            store_id: Identifier of the store.
        """
        await self._send(Operation(_DELETE, path={"store_id": store_id}))
