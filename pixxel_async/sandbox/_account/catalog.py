"""Adds images to the catalog, and delivers them from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pixxel_async.sandbox._account.records import CatalogEntry, Delivery, OrderItem, OrderTask
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base.course import Course
from pixxel_async.sandbox._world.stac import stac_item

_SHARED_PROPERTIES = (
    "datetime",
    "created",
    "updated",
    "constellation",
    "platform",
    "instruments",
    "gsd",
    "eo:cloud_cover",
    "proj:shape",
    "proj:transform",
    "view:off_nadir",
    "view:sun_azimuth",
    "view:sun_elevation",
)
"""Properties with the same form in archive and catalog."""


def enter_into_catalog(state: State, item: OrderItem, task: OrderTask) -> None:
    """Fulfil a task: make an entry, and a delivery if the order requests one."""
    entry = CatalogEntry(
        id=state.new_id("catalog"),
        item=item,
        task=task,
        area_km2=float(item.area_km2),
        details=_details(state, task),
        created_at=task.course.ends,
    )
    state.catalog[entry.id] = entry
    cloud = item.request.get("cloud_delivery")
    if cloud is not None and cloud["config"] in state.stores:
        deliver(state, entry, cloud, item.user_id, task.course.ends, by_hand=False)


def deliver(
    state: State, entry: CatalogEntry, cloud: dict[str, Any], user_id: str, begins: datetime, *, by_hand: bool
) -> Delivery:
    """Start the delivery of an entry; a mark in the path decides its outcome."""
    id = state.new_id("delivery")
    outcome = state.outcomes.take("delivery", cloud.get("path"))
    course = Course(begins, state.seconds("delivery", id), outcome)
    state.deliveries[id] = Delivery(id, entry, by_hand, cloud, course, user_id)
    return state.deliveries[id]


def _details(state: State, task: OrderTask) -> dict[str, Any]:
    """The STAC item in the catalog's form: numeric bbox, `proj:epsg`, orbit properties."""
    scene = task.scene
    item = stac_item(scene, state.storage.origin)
    properties = item["properties"]
    orbit = {
        "proj:epsg": int(properties["proj:code"].removeprefix("EPSG:")),
        "sat:orbit_state": "descending",
        "sat:relative_orbit": scene.cell % 143 + 1,
        "view:satellite_look_angle": scene.off_nadir,
    }
    shared = {name: properties[name] for name in _SHARED_PROPERTIES if name in properties}
    return {**item, "bbox": list(scene.bbox), "properties": {**shared, **orbit}}
