"""The catalog of delivered images: search, deliveries to stores, downloads; and the stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shapely.geometry.base import BaseGeometry

from pixxel_async.sandbox._account import seeds
from pixxel_async.sandbox._account.catalog import deliver
from pixxel_async.sandbox._account.records import CatalogEntry, Delivery, Store
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Words
from pixxel_async.sandbox._base.refusal import bad_request, conflict
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import matching, page
from pixxel_async.sandbox._routes.polygon_rules import require_polygon
from pixxel_async.sandbox._routes.query import Item, condition, sort_keys
from pixxel_async.sandbox._world.geometry import on_map, rectangle, shape_of

routes = Handlers()

_DELIVERY_WORDS = Words(("CREATED", "IN_PROGRESS"), "SUCCESS", "FAILED")
_DOWNLOAD_WORDS = Words(("created", "in_progress"), "success", "failed")
_CATALOG_LIMIT = 2
"""The vendor's default."""
_SECRETS = {
    "S3": ("access_key_id", "secret_access_key"),
    "AZBLOB": ("account_name", "tenant_id", "client_id", "client_secret"),
    "GCS": ("project_id", "service_account_credentials"),
}


@routes("SearchCatalogs")
def search_catalogs(state: State, call: Call) -> Answer:
    """Search with all conditions; oldest first, unless the request sets an order."""
    body = call.body
    tests = _tests(body)
    found = [entry for entry in state.catalog.values() if all(test(entry) for test in tests)]
    for key, descending in reversed(sort_keys(body.get("sort_by"))):
        found.sort(key=_of_details(key), reverse=descending)
    shown, pagination = page(found, body, default_limit=_CATALOG_LIMIT)
    return Answer({"catalogs": [_catalog_json(state, entry) for entry in shown], "pagination": pagination})


@routes("GetCatalogById")
def get_catalog(state: State, call: Call) -> Answer:
    """One entry."""
    id = call.path["catalog_id"]
    if id not in state.catalog:
        raise call.unknown("catalog", id)
    return Answer(_catalog_json(state, state.catalog[id]))


@routes("ListDeliveries")
def list_deliveries(state: State, call: Call) -> Answer:
    """List deliveries, oldest first."""
    wanted = call.query
    found = matching(
        state.deliveries.values(),
        id=(wanted["delivery_id"], lambda delivery: delivery.id),
        catalog=(wanted["catalog_id"], lambda delivery: delivery.entry.id),
        task=(wanted["task_id"], lambda delivery: _task_id(delivery)),
        item=(wanted["order_item_id"], lambda delivery: delivery.entry.item.id),
    )
    return Answer({"deliveries": [_delivery_json(state, delivery) for delivery in found]})


@routes("CreateDelivery")
def create_delivery(state: State, call: Call) -> Answer:
    """Make one delivery for each entry; a second delivery of an entry to the same target is a conflict."""
    planned = [
        (entry, request["cloud_info"])
        for request in call.body["deliveries"]
        for entry in _wanted_entries(state, request)
    ]
    for place, (entry, cloud) in enumerate(planned):
        if cloud["config"] not in state.stores:
            raise bad_request("cloud_info.config: no such store", {"config": cloud["config"]})
        if _on_its_way(state, entry, cloud) or (entry, cloud) in planned[:place]:
            raise conflict("this image is delivered there already", {"catalog_id": entry.id})
    made = []
    for entry, cloud in planned:
        delivery = deliver(state, entry, cloud, call.access.user_id, state.now, by_hand=True)
        state.record(call.operation.id, delivery.id, f"{entry.id}: {cloud['config']} {cloud.get('path', '')}")
        made.append(_delivery_json(state, delivery))
    return Answer({"deliveries": made}, 201)


@routes("CreateDownload")
def create_download(state: State, call: Call) -> Answer:
    """Start packing; each call makes a new package."""
    entries = _wanted_entries(state, call.body)
    id = state.new_id("catalog_download")
    scenes = list({entry.task.scene.id: entry.task.scene for entry in entries}.values())
    bands = [band.name for band in scenes[0].sensor.bands]
    items = {entry.item.id: entry.item for entry in entries}.values()
    features = [feature for item in items for feature in item.geometry["features"]]
    geometry = {"type": "FeatureCollection", "features": features}
    state.catalog_downloads[id] = state.package("catalog_download", id, geometry, scenes, bands)
    state.record(call.operation.id, id, ",".join(sorted(entry.id for entry in entries)))
    return Answer(_download_json(state, id), 201)


@routes("GetDownloadById")
def get_download(state: State, call: Call) -> Answer:
    """Return the download; after success every call returns a new signed URL."""
    id = call.path["download_id"]
    if id not in state.catalog_downloads:
        raise call.unknown("download", id)
    return Answer(_download_json(state, id))


@routes("ListStores")
def list_stores(state: State, call: Call) -> Answer:
    """List stores without their secrets, which the sandbox does not keep."""
    return Answer({"stores": [_store_json(store) for store in state.stores.values()]})


@routes("CreateStore")
def create_store(state: State, call: Call) -> Answer:
    """Register a store; the vendor's required secrets of its type must be given."""
    body = call.body
    missing = [name for name in _SECRETS[body["type"]] if not body["secrets"].get(name)]
    if missing:
        raise bad_request(f"body.secrets: {', '.join(missing)} is missing", {"missing": missing})
    if any(store.name == body["name"] for store in state.stores.values()):
        raise conflict("a store of this name exists", {"name": body["name"]})
    id, labels = state.new_id("store"), body.get("labels", {})
    state.stores[id] = Store(
        id, body["name"], body["type"], body["configs"], labels, call.access.user_id, state.now
    )
    state.record(call.operation.id, id, body["name"])
    return Answer(_store_json(state.stores[id]))


@routes("DeleteStore")
def delete_store(state: State, call: Call) -> Answer:
    """Remove a store; one with unfinished deliveries is a conflict, an unknown one gets 400."""
    id = call.path["store_id"]
    if id not in state.stores:
        raise call.unknown("store", id)
    if any(d.cloud["config"] == id and not d.course.settled(state.now) for d in state.deliveries.values()):
        raise conflict("deliveries to this store are on their way", {"id": id})
    del state.stores[id]
    return Answer(status=204)


def _tests(body: dict[str, Any]) -> list[Callable[[CatalogEntry], bool]]:
    """The conditions of a search.

    Raises:
        Refusal: 400 when one cannot be read.
    """
    tests: list[Callable[[CatalogEntry], bool]] = []
    readers: dict[str, Callable[[CatalogEntry], str]] = {
        "ids": lambda entry: entry.id,
        "collections": lambda entry: entry.task.scene.collection,
        "item_ids": lambda entry: entry.task.scene.id,
        "order_ids": lambda entry: entry.item.order_id,
        "order_item_ids": lambda entry: entry.item.id,
    }
    for name, read in readers.items():
        if name in body:
            tests.append(_is_among(body[name], read))
    if "datetime" in body:
        start, end = _span(body["datetime"])
        tests.append(lambda entry: _in_span(entry.task.scene.datetime, start, end))
    if "bbox" in body:
        west, south, east, north = body["bbox"]
        box = on_map(rectangle(west, south, east, north))
        tests.append(lambda entry: _touches(box, entry))
    if "intersects" in body:
        require_polygon(body["intersects"], "body.intersects")
        area = on_map(shape_of(body["intersects"]))
        tests.append(lambda entry: _touches(area, entry))
    accepts = condition(body.get("query"))
    if accepts is not None:
        tests.append(lambda entry: accepts(_queried(entry)))
    return tests


def _is_among(wanted: list[str], read: Callable[[CatalogEntry], str]) -> Callable[[CatalogEntry], bool]:
    return lambda entry: read(entry) in wanted


def _of_details(key: Callable[[Item], Any]) -> Callable[[CatalogEntry], Any]:
    return lambda entry: key(entry.details)


def _span(text: str) -> tuple[datetime | None, datetime | None]:
    try:
        return times.interval(text)
    except ValueError:
        raise bad_request("body.datetime: must be an RFC 3339 time, or an interval start/end") from None


def _in_span(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or start <= moment) and (end is None or moment <= end)


def _touches(area: list[BaseGeometry], entry: CatalogEntry) -> bool:
    footprint = shape_of(entry.task.scene.footprint)
    return any(copy.intersects(footprint) for copy in area)


def _queried(entry: CatalogEntry) -> dict[str, Any]:
    """The item with project and use case, which the vendor's guide also uses in queries."""
    request = entry.item.request
    facts = {"project_id": request["project_id"], "usecase": request["usecase"]}
    return {**entry.details, "properties": {**entry.details["properties"], **facts}}


def _wanted_entries(state: State, request: dict[str, Any]) -> list[CatalogEntry]:
    """The entries of a request, named directly or through order items.

    Raises:
        Refusal: 400 for an unknown id, or an order item without entries.
    """
    entries = []
    for id in request.get("catalog_ids", []):
        if id not in state.catalog:
            raise bad_request("catalog_ids: no such catalog entry", {"id": id})
        entries.append(state.catalog[id])
    for id in request.get("order_item_ids", []):
        found = [entry for entry in state.catalog.values() if entry.item.id == id]
        if not found:
            raise bad_request("order_item_ids: nothing in the catalog for this order item", {"id": id})
        entries.extend(found)
    return entries


def _on_its_way(state: State, entry: CatalogEntry, cloud: dict[str, Any]) -> bool:
    return any(
        delivery.entry is entry and delivery.cloud == cloud and not delivery.course.failed(state.now)
        for delivery in state.deliveries.values()
    )


def _task_id(delivery: Delivery) -> str | None:
    """A delivery; only deliveries caused by an order have a task."""
    return None if delivery.by_hand else delivery.entry.task.id


def _catalog_json(state: State, entry: CatalogEntry) -> dict[str, Any]:
    deliveries = [delivery for delivery in state.deliveries.values() if delivery.entry is entry]
    status = deliveries[-1].course.word(state.now, _DELIVERY_WORDS) if deliveries else "UNSPECIFIED"
    bandset = entry.item.bandset
    created = times.zulu(entry.created_at)
    return {
        "id": entry.id,
        "org_id": seeds.ORG_ID,
        "task_id": entry.task.id,
        "bandset_id": bandset["id"] if bandset else None,
        "area": entry.area_km2,
        "delivery_status": status,
        "details": entry.details,
        "created_at": created,
        "created_by": entry.item.user_id,
        "updated_at": created,
        "updated_by": entry.item.user_id,
    }


def _delivery_json(state: State, delivery: Delivery) -> dict[str, Any]:
    now, course = state.now, delivery.course
    return {
        "delivery_id": delivery.id,
        "catalog_id": delivery.entry.id,
        "task_id": _task_id(delivery),
        "status": course.word(now, _DELIVERY_WORDS),
        "cloud_delivery": delivery.cloud,
        "target_path": f"{delivery.entry.item.order_id}/catalogs.zip" if course.succeeded(now) else "",
        "created_at": times.zulu(course.begins),
        "created_by": delivery.user_id,
        "updated_at": times.zulu(course.touched(now)),
        "updated_by": delivery.user_id,
    }


def _download_json(state: State, id: str) -> dict[str, Any]:
    package = state.catalog_downloads[id]
    status = package.course.word(state.now, _DOWNLOAD_WORDS)
    return {"id": id, "status": status, "signed_url": state.signed_url(package)}


def _store_json(store: Store) -> dict[str, Any]:
    created = times.zulu(store.created_at)
    return {
        "id": store.id,
        "name": store.name,
        "type": store.type,
        "configs": store.configs,
        "labels": store.labels,
        "created_at": created,
        "updated_at": created,
        "created_by": store.user_id,
    }
