"""Makes an order item from its request: the vendor's rules, the price, and its tasks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from pixxel_async.sandbox._account.prices import Price, archive_price, tasking_price
from pixxel_async.sandbox._account.records import OrderItem, OrderTask
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Course, Outcome, marked
from pixxel_async.sandbox._base.refusal import Refusal, bad_request
from pixxel_async.sandbox._routes.call import Call
from pixxel_async.sandbox._routes.polygon_rules import require_polygon
from pixxel_async.sandbox._world.geodesy import area_m2, most_distant_gap_km
from pixxel_async.sandbox._world.scenes import Scene

PAYMENT_SECONDS = 2.0
"""Time from the order to its payment; ours."""

_NOTICE = timedelta(hours=24)
_WIDEST_GAP_KM = 200
_LONGEST = timedelta(days=2 * 366)
_PROCESSING = timedelta(hours=36)
"""Longest time from a capture to its delivery."""
_MONTHS = {"MONTHLY": 1, "BIMONTHLY": 2, "QUARTERLY": 3}
_DEFAULTS = {
    "name": "",
    "cloud_cover": 20,
    "off_nadir": 20,
    "delivery_speed": "STANDARD",
    "no_of_occurrences": 0,
}


def plan_item(
    state: State, call: Call, request: dict[str, Any], order_id: str, index: int, *, dry_run: bool
) -> OrderItem:
    """The item of a request; a dry run uses no planned outcome.

    Raises:
        Refusal: 400 with the place when a rule is broken; 403 when the token may not use the project.
    """
    where = f"body.order_items[{index}]"
    wanted = {**_DEFAULTS, **request}
    _require_project(state, call, wanted["project_id"], where)
    area_km2 = _require_area(wanted["geometry"], where)
    _require_store(state, wanted.get("cloud_delivery"), where)
    id = state.new_id("order_item")
    outcome = marked(wanted["name"]) if dry_run else state.outcomes.take("order_item", wanted["name"])
    paid_at = times.later(state.now, PAYMENT_SECONDS)
    if wanted.get("item_ids"):
        kind, bandset = "ARCHIVE", None
        scenes = _require_images(state, wanted, where)
        wanted["recurrence"], wanted["delivery_speed"] = "NOT_APPLICABLE", "NOT_APPLICABLE"
        price = archive_price(area_km2, len(scenes), state.price_factor)
        tasks = _archive_tasks(state, scenes, outcome, paid_at, price)
    else:
        bandset = _require_bandset(state, wanted, where)
        kind = "TASKING" if wanted.get("recurrence") == "ONCE" else "RECURRING"
        windows = list(_require_windows(state, wanted, where))
        each = [_capture_price(state, area_km2, bandset, window) for window in windows]
        price = attrs.evolve(each[0], base=sum(one.base for one in each)) if len(each) > 1 else each[0]
        tasks = _capture_tasks(state, wanted, windows, outcome, each)
    return OrderItem(
        id=id,
        order_id=order_id,
        type=kind,
        request=wanted,
        geometry=wanted["geometry"],
        area_km2=math.ceil(area_km2),
        price=price,
        feasibility=_feasibility(kind, wanted["name"]),
        bandset=bandset,
        outcome=outcome,
        user_id=call.access.user_id,
        created_at=state.now,
        paid_at=paid_at,
        tasks=tasks,
    )


def task_fate(outcome: Outcome, number: int, count: int) -> Outcome:
    """The outcome of one of an item's tasks; if the item succeeds partially, only the last task fails."""
    if outcome is Outcome.PARTIAL and count > 1:
        return Outcome.FAIL if number == count - 1 else Outcome.SUCCESS
    return outcome


def _require_project(state: State, call: Call, project_id: str, where: str) -> None:
    if project_id not in state.projects:
        raise _refused(where, "project_id", "no such project")
    call.require_project(project_id)


def _require_area(geometry: dict[str, Any], where: str) -> float:
    for number, feature in enumerate(geometry["features"]):
        require_polygon(feature["geometry"], f"{where}.geometry.features[{number}].geometry", multi=True)
    if most_distant_gap_km(geometry) > _WIDEST_GAP_KM:
        raise _refused(where, "geometry", f"its polygons are more than {_WIDEST_GAP_KM} km apart")
    return area_m2(geometry) / 1e6


def _require_store(state: State, cloud: dict[str, Any] | None, where: str) -> None:
    if cloud is not None and cloud["config"] not in state.stores:
        raise _refused(where, "cloud_delivery.config", "no such store")


def _require_images(state: State, wanted: dict[str, Any], where: str) -> list[Scene]:
    if wanted.get("bandset"):
        raise _refused(where, "bandset", "is for tasking; an archive order has item_ids only")
    ids = list(dict.fromkeys(wanted["item_ids"]))
    for id in ids:
        if state.archive.scene(None, id) is None:
            raise _refused(where, "item_ids", f"no such image: {id}")
    scenes, _ = state.archive.search(ids=ids, geometry=wanted["geometry"], limit=len(ids))
    if len(scenes) < len(ids):
        outside = sorted(set(ids) - {scene.id for scene in scenes})
        raise _refused(where, "item_ids", f"images that do not touch the geometry: {', '.join(outside)}")
    return scenes


def _require_bandset(state: State, wanted: dict[str, Any], where: str) -> dict[str, Any]:
    for name in ("bandset", "recurrence", "start_date"):
        if not wanted.get(name):
            raise _refused(where, name, "is needed for tasking (item_ids would order from the archive)")
    bandset = state.bandsets.get(wanted["bandset"]["bandset_id"])
    if bandset is None:
        raise _refused(where, "bandset.bandset_id", "no such bandset")
    return bandset


def _require_windows(state: State, wanted: dict[str, Any], where: str) -> Iterator[tuple[datetime, datetime]]:
    """The capture windows: one, or for a recurring order one for each period, up to the start of the next."""
    start = _moment(wanted["start_date"], where, "start_date")
    if start < state.now + _NOTICE:
        raise _refused(where, "start_date", "must be at least 24 hours ahead")
    end = _moment(wanted["end_date"], where, "end_date") if wanted.get("end_date") else None
    if end is not None and not start < end <= start + _LONGEST:
        raise _refused(where, "end_date", "must be after start_date, by two years at most")
    if wanted["recurrence"] == "ONCE":
        if end is None:
            raise _refused(where, "end_date", "is needed unless the order recurs")
        yield start, end
        return
    if wanted["recurrence"] not in _MONTHS:
        raise _refused(where, "recurrence", "is needed for tasking")
    count = int(wanted["no_of_occurrences"])
    if (end is None) == (count == 0):
        raise _refused(where, "no_of_occurrences", "give either this or end_date for a recurring order")
    months = _MONTHS[wanted["recurrence"]]
    if count * months > 24:
        raise _refused(where, "no_of_occurrences", "a recurring order lasts two years at most")
    for number in range(count or 24):
        begins, stops = (_months_later(start, k * months) for k in (number, number + 1))
        if end is not None and begins >= end:
            return
        yield begins, min(stops, end or stops)


def _moment(text: str, where: str, name: str) -> datetime:
    try:
        return times.instant(text)
    except ValueError:
        raise _refused(where, name, "must be an RFC 3339 time") from None


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    return moment.replace(year=moment.year + years, month=month + 1, day=min(moment.day, 28))


def _capture_price(
    state: State, area_km2: float, bandset: dict[str, Any], window: tuple[datetime, datetime]
) -> Price:
    start, end = window
    day = timedelta(days=1)
    return tasking_price(area_km2, bandset["captures"], (end - start) / day, (start - state.now) / day)


def _archive_tasks(
    state: State, scenes: list[Scene], outcome: Outcome, paid_at: datetime, price: Price
) -> list[OrderTask]:
    tasks = []
    for number, scene in enumerate(scenes):
        id = state.new_id("order_task")
        seconds = state.seconds("archive_task", id)
        course = Course(times.later(paid_at, 1), seconds, task_fate(outcome, number, len(scenes)))
        window = (paid_at, times.later(paid_at, seconds))
        tasks.append(OrderTask(id, "ARCHIVE", scene, window, course, price.final // len(scenes)))
    return tasks


def _capture_tasks(
    state: State,
    wanted: dict[str, Any],
    windows: list[tuple[datetime, datetime]],
    outcome: Outcome,
    prices: list[Price],
) -> list[OrderTask]:
    """The tasks: each is captured within its window, and delivered up to 36 hours later."""
    model = _model_scene(state, wanted)
    tasks = []
    for number, (start, end) in enumerate(windows):
        id = state.new_id("order_task")
        captured = start + (end - start) * (0.1 + 0.8 * state.chance("capture", id))
        ready = captured + _PROCESSING * (0.2 + 0.8 * state.chance("processing", id))
        fate = task_fate(outcome, number, len(windows))
        course = Course(start, (ready - start).total_seconds(), fate)
        scene = _captured(model, captured, ready, min(model.cloud_cover, wanted["cloud_cover"]))
        tasks.append(OrderTask(id, "TASKING", scene, (start, end), course, prices[number].final))
    return tasks


def _model_scene(state: State, wanted: dict[str, Any]) -> Scene:
    """An archive image of the area, the model for the captures."""
    scenes, _ = state.archive.search(
        collections=["pixxel-td-l2a"],
        geometry=wanted["geometry"],
        start=state.now - timedelta(days=60),
        limit=1,
    )
    return scenes[0]


def _captured(model: Scene, captured: datetime, ready: datetime, cloud_cover: float) -> Scene:
    parts = model.id.split("_")
    parts[2], parts[4] = f"{captured:%Y%m%d}", f"{ready:%Y%m%d}"
    return attrs.evolve(model, id="_".join(parts), datetime=captured, created=ready, cloud_cover=cloud_cover)


def _feasibility(kind: str, name: str) -> str:
    """The result of the feasibility check; the marks in names are ours."""
    if kind == "ARCHIVE":
        return "NOT_APPLICABLE"
    if "[infeasible]" in name:
        return "WEAK_SUCCESS"
    return "FAILED" if "[uncheckable]" in name else "SUCCESS"


def _refused(where: str, name: str, fault: str) -> Refusal:
    return bad_request(f"{where}.{name}: {fault}", [{"path": f"{where}.{name}", "message": fault}])
