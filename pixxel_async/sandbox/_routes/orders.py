"""Bandsets, orders, order items and the report of all orders."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from pixxel_async.sandbox._account import seeds
from pixxel_async.sandbox._account.catalog import enter_into_catalog
from pixxel_async.sandbox._account.ledger import Entry
from pixxel_async.sandbox._account.records import Order, OrderItem, OrderTask
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Outcome, Words
from pixxel_async.sandbox._base.refusal import bad_request
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import between, matching, page, within
from pixxel_async.sandbox._routes.ordering import plan_item

routes = Handlers()

_FEASIBILITY_SECONDS = 1.0
_BAD_ENDS = {Outcome.CANCEL: "CANCELLED", Outcome.EXPIRE: "EXPIRED"}


@routes("ListBandsets")
def list_bandsets(state: State, call: Call) -> Answer:
    """List all bandsets."""
    return Answer({"bandsets": list(state.bandsets.values())})


@routes("ListOrders")
def list_orders(state: State, call: Call) -> Answer:
    """List orders, oldest first; ten per page by default."""
    wanted = call.query["user_id"]
    found = [
        order for order in state.orders.values() if wanted in (None, order.user_id) and _visible(call, order)
    ]
    shown, pagination = page(found, call.query)
    return Answer({"orders": [_order_json(state, order) for order in shown], "pagination": pagination})


@routes("SubmitOrder")
def submit_order(state: State, call: Call) -> Answer:
    """Plan all items first, so that an invalid item has no effect; a dry run stops after that."""
    call.access.require_owner()
    dry_run, requests = call.body.get("dry_run", False), call.body["order_items"]
    id = state.new_id("order")
    items = [
        plan_item(state, call, request, id, index, dry_run=dry_run) for index, request in enumerate(requests)
    ]
    order = Order(id, call.access.user_id, state.now, items[0].paid_at, items)
    if dry_run:
        return Answer(_order_json(state, order, dry_run=True), 201)
    state.orders[id] = order
    content = hashlib.sha256(orjson.dumps(requests, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    at_once = sum(item.price.final for item in items if item.type != "RECURRING")
    state.record(call.operation.id, id, content, at_once)
    for number, item in enumerate(items):
        state.order_items[item.id] = item
        _plan_happenings(state, item, f"{content}/{number}")
    return Answer(_order_json(state, order), 201)


@routes("GetOrderById")
def get_order(state: State, call: Call) -> Answer:
    """Return one order; its items lack their tasks."""
    id = call.path["order_id"]
    if id not in state.orders:
        raise call.unknown("order", id)
    for item in state.orders[id].items:
        call.require_project(item.request["project_id"])
    return Answer(_order_json(state, state.orders[id]))


@routes("ListOrderItems")
def list_order_items(state: State, call: Call) -> Answer:
    """List order items with their tasks. `filters` explains filters whose syntax the vendor does not document."""
    wanted, now = call.query, state.now
    created, area = within(wanted["created_at"], "created_at"), between(wanted["area"], "area")
    found = matching(
        (item for item in state.order_items.values() if call.access.may_use(item.request["project_id"])),
        id=(wanted["ids"], lambda item: item.id),
        order=(wanted["order_ids"], lambda item: item.order_id),
        project=(wanted["project_ids"], lambda item: item.request["project_id"]),
        user=(wanted["user_id"], lambda item: item.user_id),
        created_by=(wanted["created_by"], lambda item: item.user_id),
        type=(wanted["type"], lambda item: item.type),
        status=(wanted["status"], lambda item: _status(item, now)),
    )
    found = [item for item in found if created(item.created_at) and area(item.area_km2)]
    shown, pagination = page(found, wanted)
    return Answer(
        {"order_items": [_item_with_tasks(state, item) for item in shown], "pagination": pagination}
    )


@routes("GetOrderItemById")
def get_order_item(state: State, call: Call) -> Answer:
    """Return one item with its tasks."""
    id = call.path["order_item_id"]
    if id not in state.order_items:
        raise call.unknown("order item", id)
    item = state.order_items[id]
    call.require_project(item.request["project_id"])
    return Answer(_item_with_tasks(state, item))


@routes("DownloadOrderReport")
def download_report(state: State, call: Call) -> Answer:
    """Return a line for each item; the columns are ours."""
    call.access.require_owner()
    zone = _zone(call.query["tz"])
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(
        [
            "order_id",
            "order_item_id",
            "name",
            "type",
            "status",
            "area_km2",
            "tokens",
            "ordered_by",
            "created_at",
        ]
    )
    for order in state.orders.values():
        created = order.created_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        for item in order.items:
            name, status = item.request["name"], _status(item, state.now)
            facts = (name, item.type, status, item.area_km2, item.price.final, order.user_id, created)
            writer.writerow([order.id, item.id, *facts])
    return Answer(table.getvalue(), content_type="text/csv")


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        raise bad_request("tz: must be an IANA time zone such as Asia/Kolkata", {"tz": name}) from None


def _visible(call: Call, order: Order) -> bool:
    return all(call.access.may_use(item.request["project_id"]) for item in order.items)


def _plan_happenings(state: State, item: OrderItem, key: str) -> None:
    """Schedule the events of an item: charges of recurring captures, catalog entries, refunds."""
    for number, task in enumerate(item.tasks):
        if item.type == "RECURRING":
            charge = Entry(task.window[0], "SubmitOrder", task.id, f"{key}/{number}", task.price)
            state.at(task.window[0], partial(state.ledger.record, charge))
        if task.course.outcome in (Outcome.SUCCESS, Outcome.UPDATE, Outcome.PARTIAL):
            state.at(task.course.ends, partial(enter_into_catalog, state, item, task))
    refund = _refund(item)
    if refund:
        entry = Entry(item.settles_at, "SubmitOrder", item.id, f"{key}/refund", -refund)
        state.at(item.settles_at, partial(state.ledger.record, entry))


def _refund(item: OrderItem) -> int:
    """Schedule the refund at the end of the item: all tokens after a failure, half after a partial success."""
    if item.outcome is Outcome.STUCK:
        return 0
    lost = {Outcome.FAIL: 1.0, Outcome.CANCEL: 1.0, Outcome.EXPIRE: 1.0, Outcome.PARTIAL: 0.5}
    return sum(int(task.price * lost.get(task.course.outcome, 0)) for task in item.tasks)


def _settled(item: OrderItem, now: datetime) -> bool:
    return all(task.course.settled(now) for task in item.tasks)


def _status(item: OrderItem, now: datetime) -> str:
    if now < item.paid_at:
        return "DRAFT"
    if not _settled(item, now):
        return "ACTIVE"
    words = {
        Outcome.PARTIAL: "PARTIALLY_FULFILLED",
        Outcome.FAIL: "FAILED",
        Outcome.EXPIRE: "FAILED",
        Outcome.CANCEL: "CANCELLED",
    }
    return words.get(item.outcome, "FULFILLED")


def _payment(item: OrderItem, now: datetime) -> str:
    if now < item.paid_at:
        return "UNPAID"
    if _settled(item, now) and _refund(item):
        return "PARTIAL-REFUND" if item.outcome is Outcome.PARTIAL else "REFUND"
    if item.type == "RECURRING" and now < item.tasks[-1].window[0]:
        return "PARTIAL-MONTHLY"
    return "PAID"


def _order_json(state: State, order: Order, *, dry_run: bool = False) -> dict[str, Any]:
    now = state.now
    paid = not dry_run and now >= order.paid_at
    refunded = paid and all(_payment(item, now) == "REFUND" for item in order.items)
    in_progress = "UNPAID" if dry_run else "PAYMENT_IN_PROGRESS"
    updated = order.paid_at if paid else order.created_at
    return {
        "id": order.id,
        "org_id": seeds.ORG_ID,
        "user_id": order.user_id,
        "status": "REFUND" if refunded else "PAID" if paid else in_progress,
        "total_amount": sum(item.price.final for item in order.items),
        "transaction_id": f"tx-{order.id[:8]}" if paid else "",
        "paid_at": times.zulu(order.paid_at) if paid else "",
        "created_at": times.offset(order.created_at),
        "created_by": order.user_id,
        "updated_at": times.offset(updated),
        "updated_by": order.user_id,
        "order_items": [_item_json(state, item, dry_run=dry_run) for item in order.items],
    }


def _item_json(state: State, item: OrderItem, *, dry_run: bool = False) -> dict[str, Any]:
    now, request, price = state.now, item.request, item.price
    paid = not dry_run and now >= item.paid_at
    checked = now >= times.later(item.created_at, _FEASIBILITY_SECONDS)
    uplifts = [_uplift(item)] if price.uplift else []
    archive = item.type == "ARCHIVE"
    bandset = item.bandset
    answer = {
        "id": item.id,
        "order_id": item.order_id,
        "org_id": seeds.ORG_ID,
        "user_id": item.user_id,
        "project_id": request["project_id"],
        "name": request["name"],
        "type": item.type,
        "status": "DRAFT" if dry_run else _status(item, now),
        "payment_status": "UNPAID" if dry_run else _payment(item, now),
        "usecase": request["usecase"],
        "area": item.area_km2,
        "start_date": None if archive else request["start_date"],
        "end_date": None if archive else times.zulu(item.tasks[-1].window[1]),
        "recurrence": request["recurrence"],
        "no_of_occurrences": request["no_of_occurrences"],
        "occurrences": _occurrences(item) if item.type == "RECURRING" else [],
        "cloud_cover": request["cloud_cover"],
        "off_nadir": request["off_nadir"],
        "delivery_speed": request["delivery_speed"],
        "image_type": "VNIR",
        "number_of_bands": len(bandset["bands"] if bandset else item.tasks[0].scene.sensor.bands),
        "images": _images(item) if archive else [],
        "base_amount": price.base,
        "final_amount": price.final,
        "uplifts": uplifts,
        "tokens_used": price.final if paid and item.type != "RECURRING" else None,
        "transaction_id": f"tx-{item.order_id[:8]}" if paid else "",
        "feasibility_status": item.feasibility if archive or checked else "UNSPECIFIED",
        "last_feasibility_check": (
            times.zulu(times.later(item.created_at, _FEASIBILITY_SECONDS))
            if checked and not archive
            else None
        ),
        "created_at": times.zulu(item.created_at),
        "created_by": item.user_id,
        "updated_at": times.zulu(_touched(item, now)),
        "updated_by": item.user_id,
    }
    if bandset is not None:
        answer["bandset"] = {"bandset_id": bandset["id"], "bands": bandset["bands"]}
    if request.get("cloud_delivery"):
        answer["cloud_delivery"] = request["cloud_delivery"]
    return answer


def _item_with_tasks(state: State, item: OrderItem) -> dict[str, Any]:
    infeasible = item.feasibility == "WEAK_SUCCESS"
    faults = [{"cloud_cover": ["not feasible with these parameters"]}] if infeasible else []
    tasks = [_task_json(state, item, task) for task in item.tasks]
    return {**_item_json(state, item), "tasks": tasks, "validation_errors": faults}


def _task_json(state: State, item: OrderItem, task: OrderTask) -> dict[str, Any]:
    now, (start, end) = state.now, task.window
    charged = now >= (start if item.type == "RECURRING" else item.paid_at)
    return {
        "id": task.id,
        "order_item_id": item.id,
        "type": task.type,
        "status": _task_status(item, task, now),
        "start_date": times.day_first(start),
        "end_date": times.day_first(end),
        "number_of_strips": 1 + item.area_km2 // 1000,
        "tokens_used": task.price if charged else None,
        "transaction_id": f"tx-{task.id[:8]}" if charged else "",
        "delivery_status": _delivery_status(state, item, task),
        "created_at": times.zulu(item.created_at),
        "created_by": item.user_id,
        "updated_at": times.zulu(max(item.created_at, task.course.touched(now))),
        "updated_by": item.user_id,
    }


def _task_status(item: OrderItem, task: OrderTask, now: datetime) -> str:
    if now < item.paid_at:
        return "DRAFT"
    if now < task.course.begins:
        return "SUBMITTED"
    failure = _BAD_ENDS.get(task.course.outcome, "FAILED")
    return task.course.word(now, Words(("IN_PROGRESS",), "FULFILLED", failure, "PARTIALLY_FULFILLED"))


def _delivery_status(state: State, item: OrderItem, task: OrderTask) -> str:
    if not item.request.get("cloud_delivery"):
        return "NOT_APPLICABLE"
    for delivery in state.deliveries.values():
        if delivery.entry.task is task and not delivery.by_hand:
            words = Words(("PENDING",), "SUCCESSFUL", "FAILED")
            return delivery.course.word(state.now, words)
    return "FAILED" if task.course.failed(state.now) else "PENDING"


def _touched(item: OrderItem, now: datetime) -> datetime:
    if now < item.paid_at:
        return item.created_at
    begun = [task.course.touched(now) for task in item.tasks if now >= task.course.begins]
    return max([item.paid_at, *begun])


def _uplift(item: OrderItem) -> dict[str, Any]:
    assert item.price.uplift is not None
    title, percentage = item.price.uplift.title, item.price.uplift.percentage
    return {"title": title, "subtitle": "", "percentage": percentage, "amount": item.price.extra}


def _occurrences(item: OrderItem) -> list[dict[str, str]]:
    return [
        {"start": times.offset(task.window[0]), "end": times.offset(task.window[1])} for task in item.tasks
    ]


def _images(item: OrderItem) -> list[dict[str, Any]]:
    return [{"item_id": task.scene.id, "geometry": task.scene.footprint} for task in item.tasks]
