"""The image search and the STAC archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.refusal import bad_request
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import limit_and_offset
from pixxel_async.sandbox._routes.query import condition, sort_keys
from pixxel_async.sandbox._world.geometry import shape_of
from pixxel_async.sandbox._world.stac import stac_item

routes = Handlers()
T = TypeVar("T")

_CLOUD = "eo:cloud_cover"
_SEARCH_LIMIT = 100
"""Default limit of a search; the vendor documents none."""
_LONGEST_PAGE = 1000
"""Largest number of items on a page of the archive; a link `next` has the URL of the next page."""
_LOOKED_AT = 2000
"""Number of scenes for sorting and conditions on properties: the newest ones that meet the other conditions."""


@routes("SearchSatelliteImages")
def search_images(state: State, call: Call) -> Answer:
    """Search images, newest first, in a map by item id; there is no second page."""
    body = call.body
    start, end = (_instant(body[name], f"body.{name}") for name in ("start_date", "end_date"))
    if end <= start:
        raise bad_request("body.end_date: must be after start_date")
    least, most = _cloud_range(body.get("filters", []))
    limit = int(body.get("limit", _SEARCH_LIMIT))
    collections, satellites = _wanted_satellites(state, body["satellites"])
    scenes, total = state.archive.search(
        collections=collections,
        satellites=satellites,
        geometry=_geometry(body["geometry"], "body.geometry"),
        start=start,
        end=end,
        min_cloud=least,
        max_cloud=most,
        limit=limit,
    )
    items = {scene.id: stac_item(scene, state.storage.origin) for scene in scenes}
    return Answer({"items": items, "pagination": {"limit": limit, "skip": 0, "total": total}})


@routes("ListCollections")
def list_collections(state: State, call: Call) -> Answer:
    """List all collections, or those in `ids`."""
    wanted = call.query["ids"]
    found = [c for c in state.archive.collections() if wanted is None or c["id"] in wanted]
    return Answer({"collections": found})


@routes("GetCollectionById")
def get_collection(state: State, call: Call) -> Answer:
    """One collection."""
    return Answer(_collection(state, call))


@routes("ListItemInCollection")
def list_items(state: State, call: Call) -> Answer:
    """List items, newest first; a link `next` means that there are more."""
    collection = _collection(state, call)["id"]
    limit, offset = limit_and_offset(call.query, most=_LONGEST_PAGE)
    scenes, total = state.archive.search(
        collections=[collection], limit=limit, offset=offset, count_all=False
    )
    path = call.operation.path.replace("{collection_id}", collection)
    items = [stac_item(scene, state.storage.origin) for scene in scenes]
    return Answer(_features(items, path, limit, offset, total))


@routes("GetCollectionItemById")
def get_item(state: State, call: Call) -> Answer:
    """Return one item of a collection."""
    collection, id = _collection(state, call)["id"], call.path["item_id"]
    scene = state.archive.scene(collection, id)
    if scene is None:
        raise call.unknown("item", id)
    return Answer(stac_item(scene, state.storage.origin))


@routes("SearchItemInArchive")
def search_archive(state: State, call: Call) -> Answer:
    """Search by area, time, collection, id and property; newest first, unless the request sets an order."""
    body = call.body
    limit, offset = limit_and_offset(body, most=_LONGEST_PAGE)
    start, end = _interval(body.get("datetime"))
    accepts = condition(body.get("query"), aliases={"cloudcover": _CLOUD, "cloud_cover": _CLOUD})
    keys = sort_keys(body.get("sortby"))
    plain = accepts is None and not keys
    scenes, total = state.archive.search(
        collections=body.get("collections"),
        bbox=_bbox(body.get("bbox")),
        geometry=_geometry(body["intersects"], "body.intersects") if "intersects" in body else None,
        start=start,
        end=end,
        ids=body.get("ids"),
        limit=limit if plain else _LOOKED_AT,
        offset=offset if plain else 0,
        count_all=False,
    )
    items = [stac_item(scene, state.storage.origin) for scene in scenes]
    if plain:
        return Answer(_features(items, call.operation.path, limit, offset, total))
    if accepts is not None:
        items = [item for item in items if accepts(item)]
    for key, descending in reversed(keys):
        items.sort(key=key, reverse=descending)
    shown = items[offset : offset + limit]
    return Answer(_features(shown, call.operation.path, limit, offset, len(items)))


def _collection(state: State, call: Call) -> dict[str, Any]:
    id = call.path["collection_id"]
    for collection in state.archive.collections():
        if collection["id"] == id:
            return collection
    raise call.unknown("collection", id)


def _features(items: list[dict[str, Any]], path: str, limit: int, offset: int, total: int) -> dict[str, Any]:
    links = [{"rel": "self", "href": path, "type": "application/geo+json"}]
    if offset + limit < total:
        following = f"{path}?limit={limit}&offset={offset + limit}"
        links.append({"rel": "next", "href": following, "type": "application/geo+json"})
    return {"type": "FeatureCollection", "features": items, "links": links}


def _wanted_satellites(state: State, wanted: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    for index, pair in enumerate(wanted):
        place = f"body.satellites[{index}]"
        satellite = state.satellites.get(pair["satellite_id"])
        if satellite is None:
            raise bad_request(f"{place}.satellite_id: no such satellite", pair)
        if pair["collection_id"] not in [collection["id"] for collection in satellite["collections"]]:
            raise bad_request(f"{place}.collection_id: not a collection of this satellite", pair)
    return [pair["collection_id"] for pair in wanted], [pair["satellite_id"] for pair in wanted]


def _cloud_range(filters: list[dict[str, Any]]) -> tuple[float, float]:
    least, most = 0.0, 100.0
    for index, wanted in enumerate(filters):
        if wanted["id"] != _CLOUD:
            raise bad_request(f"body.filters[{index}].id: only {_CLOUD} can be filtered on")
        least, most = max(least, wanted["min"]), min(most, wanted["max"])
    return least, most


def _instant(text: str, where: str) -> datetime:
    return _read(times.instant, text, where, "must be an RFC 3339 time")


def _interval(text: str | None) -> tuple[datetime | None, datetime | None]:
    if text is None:
        return None, None
    return _read(times.interval, text, "body.datetime", "must be an RFC 3339 time, or an interval start/end")


def _read(read: Callable[[str], T], text: str, where: str, rule: str) -> T:
    try:
        return read(text)
    except ValueError:
        raise bad_request(f"{where}: {rule}", {"value": text}) from None


def _bbox(box: list[float] | None) -> list[float] | None:
    if box is not None and not (-90 <= box[1] <= box[3] <= 90 and all(-180 <= x <= 180 for x in box[::2])):
        raise bad_request("body.bbox: must be [west, south, east, north] in degrees", {"bbox": box})
    return box


def _geometry(geometry: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The geometry, if it is valid and on the Earth.

    Raises:
        Refusal: 400 otherwise.
    """
    try:
        west, south, east, north = shape_of(geometry).bounds
        sound = -360 <= west <= east <= 360 and -90 <= south <= north <= 90
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        sound = False
    if not sound:
        raise bad_request(f"{where}: not a GeoJSON geometry in degrees of longitude and latitude")
    return dict(geometry)
