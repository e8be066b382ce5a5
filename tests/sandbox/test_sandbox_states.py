"""Every long-running thing goes through its states in order, as the time goes on, to each of its ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sandbox_api import PROJECT, SPEC, Api

Read = Callable[[], Awaitable[Any]]


async def words(api: Api, read: Read, *, step: float, steps: int) -> list[str]:
    """The different words that `read` gives while the time goes on, in the order in which they come."""
    found = [await read()]
    for _ in range(steps):
        api.sandbox.clock.advance(step)
        word = await read()
        if word != found[-1]:
            found.append(word)
    return found


def enum(name: str) -> set[str]:
    return set(SPEC["components"]["schemas"][name]["enum"])


def reader(api: Api, path: str, *keys: Any) -> Read:
    """Reads one value out of the answer to a GET."""

    async def read() -> Any:
        value = await api.get(path)
        for key in keys:
            value = value[key]
        return value

    return read


AOI_COURSES = [
    ("plain", ["started", "running", "success"]),
    ("with an update [update]", ["started", "running", "updating", "success"]),
    ("half [partial]", ["started", "running", "partial_success"]),
    ("bad [fail]", ["started", "running", "failed"]),
    ("hanging [stuck]", ["started", "running"]),
]


@pytest.mark.parametrize(("name", "course"), AOI_COURSES)
async def test_an_aoi_goes_its_way(api: Api, name: str, course: list[str]):
    aoi = await api.aoi(name, wait=False)
    read = reader(api, f"/v0/aoi/{aoi['aoi_id']}", "status")
    assert course == await words(api, read, step=2, steps=60)


async def test_an_aoi_tells_its_images_and_bands_once_it_is_there(api: Api):
    aoi = await api.aoi(wait=False)
    assert (aoi["images"], aoi["eo_bands"], aoi["progress"]) == ({}, [], 0)
    api.sandbox.clock.advance(60)
    ready = await api.get(f"/v0/aoi/{aoi['aoi_id']}")
    assert sorted(id for ids in ready["images"].values() for id in ids) == await api.images()
    assert (ready["eo_bands"][0], ready["progress"]) == ("B01", 100)


async def test_progress_never_falls_and_ends_at_100(api: Api):
    aoi = await api.aoi(wait=False)
    read = reader(api, f"/v0/aoi/{aoi['aoi_id']}", "progress")
    seen = await words(api, read, step=1, steps=70)
    assert seen == sorted(seen)
    assert seen[-1] == 100


async def test_assets_are_made_one_after_the_other(api: Api):
    aoi = await api.aoi(wait=False)
    path = f"/v0/aois/{aoi['aoi_id']}/assets"
    for number in range(4):
        read = reader(api, path, "assets", number, "status")
        assert await read() == "started"
    seen = set()
    for _ in range(30):
        api.sandbox.clock.advance(2)
        states = [asset["status"] for asset in (await api.get(path))["assets"]]
        assert states == sorted(states, key=["success", "creating", "started"].index)
        seen.update(states)
    assert seen == {"started", "creating", "success"}


async def test_of_a_partial_aoi_one_image_is_missing_and_its_asset_has_failed(api: Api):
    aoi = await api.aoi("half [partial]")
    assets = (await api.get(f"/v0/aois/{aoi['aoi_id']}/assets"))["assets"]
    failed = [asset["name"] for asset in assets if asset["status"] == "failed"]
    kept = [id for ids in aoi["images"].values() for id in ids]
    assert sorted([*failed, *kept]) == await api.images()
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("outcome", "course"),
    [("success", ["STARTED", "SUCCESS"]), ("fail", ["STARTED", "FAILED"]), ("stuck", ["STARTED"])],
)
async def test_a_download_of_assets_goes_its_way(api: Api, outcome: str, course: list[str]):
    aoi = (await api.aoi())["aoi_id"]
    asset = (await api.get(f"/v0/aois/{aoi}/assets"))["assets"][0]["id"]
    api.sandbox.outcomes.plan("aoi_download", outcome)
    made = await api.post(f"/v0/aois/{aoi}/downloads", {"asset_ids": [asset]})
    path = f"/v0/aois/{aoi}/downloads/{made['download_id']}"
    assert made["signed_url"] == ""
    assert course == await words(api, reader(api, path, "status"), step=1, steps=20)
    url = (await api.get(path))["signed_url"]
    assert url.startswith(api.sandbox.storage_url) is (outcome == "success")


VISUALIZATION_COURSES = [
    ("", ["creating", "success"]),
    (" [partial]", ["creating", "partial_success"]),
    (" [fail]", ["creating", "failed"]),
    (" [stuck]", ["creating"]),
]


@pytest.mark.parametrize(("mark", "course"), VISUALIZATION_COURSES)
async def test_a_visualization_goes_its_way(api: Api, mark: str, course: list[str]):
    aoi = (await api.aoi())["aoi_id"]
    index = await api.post("/v0/indices", {**INDEX, "name": f"mine{mark}"})
    made = await api.post(f"/v0/aois/{aoi}/visualizations", {"index_id": index["id"]})
    path = f"/v0/aois/{aoi}/visualizations?visualization_id={made['id']}"
    assert course == await words(api, reader(api, path, "visualization", 0, "status"), step=1, steps=30)
    assets = (await api.get(f"/v0/aois/{aoi}/assets?limit=50"))["assets"]
    rendered = [asset["status"] for asset in assets if asset["visualization_id"] == made["id"]]
    expected = {
        "success": ["success"] * 2,
        "partial_success": ["success", "failed"],
        "failed": ["failed"] * 2,
    }
    assert rendered == expected.get(course[-1], ["creating"] * 2)


@pytest.mark.parametrize(
    ("preset", "kind", "modes"),
    [
        (True, "index", {"dynamic": 5, "theoretical": 5}),
        (False, "index", {"dynamic": 5, "theoretical": 0}),
        (False, "grayscale", None),
        (False, "composite", None),
    ],
)
async def test_a_visualization_gets_the_legends_that_the_vendor_promises(
    api: Api, preset: bool, kind: str, modes: dict[str, int] | None
):
    """Preset index: both modes. Custom index: dynamic. Composite and grayscale: none."""
    aoi = await api.aoi()
    expression = {"index": "(B08-B04)/(B08+B04)", "grayscale": "B08", "composite": "B04,B03,B02"}[kind]
    body = {**INDEX, "expression": expression, "expression_type": kind}
    index = await api.index_id() if preset else (await api.post("/v0/indices", body))["id"]
    path = f"/v0/aois/{aoi['aoi_id']}/visualizations"
    made = await api.post(path, {"index_id": index})
    assert (made["metadata"], made["assets"]) == ({"legend": {}}, [])
    api.sandbox.clock.advance(30)
    days = sorted(aoi["images"])
    rollback = {"index_id": index, "dates": days, "visualization_mode": "dynamic"}
    detail = (await api.call("PATCH", f"{path}/{made['id']}/metadata", rollback)).body
    legend = detail["metadata"]["legend"]
    assert sorted(legend) == (days if modes else [])
    for day in legend:
        assert {mode: len(classes) for mode, classes in legend[day].items()} == modes
        percent = sum(item["area_percentage"] for item in legend[day]["dynamic"])
        assert percent == pytest.approx(100, abs=0.1)
    assert [asset["asset_type"] for asset in detail["assets"]] == ["visualization"] * 2


@pytest.mark.parametrize(
    ("mark", "course"),
    [
        ("", ["pending", "running", "completed"]),
        (" [fail]", ["pending", "running", "failed"]),
        (" [stuck]", ["pending", "running"]),
    ],
)
async def test_an_insight_goes_its_way(api: Api, mark: str, course: list[str]):
    aoi = (await api.aoi())["aoi_id"]
    made = await insight(api, aoi, f"crops{mark}")
    path = f"/v0/aoi/{aoi}/insights?id={made}"
    assert course == await words(api, reader(api, path, "insights", 0, "status"), step=3, steps=50)
    ended = (await api.get(path))["insights"][0]
    assert (ended["output"] is not None) is (course[-1] == "completed")
    assert bool(ended["err_msg"]) is (course[-1] == "failed")


@pytest.mark.parametrize(
    ("outcome", "course"), [("success", ["pending", "ready"]), ("fail", ["pending", "failed"])]
)
async def test_packages_of_insights_jobs_and_tasks_are_read_by_asking_again(
    api: Api, outcome: str, course: list[str]
):
    """There is no GET for them: the same PUT starts the packing and then tells how it goes."""
    aoi = (await api.aoi())["aoi_id"]
    made = await insight(api, aoi, "crops")
    job = await api.post(f"/v0/workflows/wf-01/jobs?project_id={PROJECT}")
    api.sandbox.clock.advance(300)
    run = f"/v0/workflows/wf-01/jobs/{job['id']}"
    for kind, path in (
        ("insight_package", f"/v0/aoi/{aoi}/insights/{made}/download"),
        ("job_package", f"{run}/download"),
        ("task_package", f"{run}/tasks/{job['tasks'][0]['id']}/download"),
    ):
        api.sandbox.outcomes.plan(kind, outcome)

        async def status(path: str = path) -> Any:
            return (await api.call("PUT", path)).body["status"]

        assert course == await words(api, status, step=1, steps=15)
        url = (await api.call("PUT", path)).body["signed_url"]
        assert url.startswith(api.sandbox.storage_url) is (outcome == "success")


async def test_the_tasks_of_a_job_run_in_the_order_of_its_graph(api: Api):
    """No task begins before all those that it depends on are completed; the job ends with the last one."""
    job = await api.post(f"/v0/workflows/wf-02/jobs?project_id={PROJECT}")
    path = f"/v0/workflows/wf-02/jobs/{job['id']}"
    running_together = False
    for _ in range(60):
        api.sandbox.clock.advance(5)
        job = await api.get(path)
        tasks = {task["name"]: task for task in job["tasks"]}
        for task in tasks.values():
            if task["status"] != "pending":
                assert {tasks[name]["status"] for name in task["depends_on"]} <= {"completed"}
        running_together |= tasks["fusion"]["status"] == tasks["stress"]["status"] == "running"
        assert (job["status"] == "completed") is all(task["status"] == "completed" for task in tasks.values())
    assert running_together
    assert (job["status"], job["progress"]) == ("completed", "100")


@pytest.mark.parametrize(
    ("outcome", "course"),
    [
        ("success", ["pending", "running", "completed"]),
        ("fail", ["pending", "running", "failed"]),
        ("stuck", ["pending", "running"]),
    ],
)
async def test_a_job_goes_its_way(api: Api, outcome: str, course: list[str]):
    api.sandbox.outcomes.plan("job", outcome)
    job = await api.post(f"/v0/workflows/wf-02/jobs?project_id={PROJECT}")
    path = f"/v0/workflows/wf-02/jobs/{job['id']}"
    assert course == await words(api, reader(api, path, "status"), step=4, steps=80)
    last = (await api.get(path))["tasks"][-1]["status"]
    assert last == ("completed" if outcome == "success" else "pending")


async def test_a_failed_job_names_the_task_and_its_failure(api: Api):
    """The jobs of the seeded workflow wf-03 fail at their second task."""
    project = (await api.get("/v0/workflows?id=wf-03"))["workflows"][0]["project_id"]
    job = await api.post(f"/v0/workflows/wf-03/jobs?project_id={project}")
    api.sandbox.clock.advance(300)
    job = await api.get(f"/v0/workflows/wf-03/jobs/{job['id']}")
    failed = [(task["name"], task["failure_type"]) for task in job["tasks"] if task["status"] == "failed"]
    assert (job["status"], failed) == ("failed", [("stress", "MODEL_ERROR")])


ORDER_COURSES = [
    ("", ["DRAFT", "ACTIVE", "FULFILLED"], ["UNPAID", "PAID"], "PAID"),
    (
        "[partial]",
        ["DRAFT", "ACTIVE", "PARTIALLY_FULFILLED"],
        ["UNPAID", "PAID", "PARTIAL-REFUND"],
        "PAID",
    ),
    ("[fail]", ["DRAFT", "ACTIVE", "FAILED"], ["UNPAID", "PAID", "REFUND"], "REFUND"),
    ("[expire]", ["DRAFT", "ACTIVE", "FAILED"], ["UNPAID", "PAID", "REFUND"], "REFUND"),
    ("[cancel]", ["DRAFT", "ACTIVE", "CANCELLED"], ["UNPAID", "PAID", "REFUND"], "REFUND"),
    ("[stuck]", ["DRAFT", "ACTIVE"], ["UNPAID", "PAID"], "PAID"),
]


@pytest.mark.parametrize(("mark", "statuses", "payments", "order"), ORDER_COURSES)
async def test_an_archive_order_goes_its_way(
    api: Api, mark: str, statuses: list[str], payments: list[str], order: str
):
    made = await api.order(await api.archive_item(name=f"north {mark}"))
    path = f"/v0/order-items/{made['order_items'][0]['id']}"

    async def both() -> Any:
        item = await api.get(path)
        return item["status"], item["payment_status"]

    seen = await words(api, both, step=2, steps=85)
    assert list(dict.fromkeys(status for status, _ in seen)) == statuses
    assert list(dict.fromkeys(payment for _, payment in seen)) == payments
    assert (await api.get(f"/v0/orders/{made['id']}"))["status"] == order


async def test_an_order_is_paid_a_moment_after_it_is_placed(api: Api):
    made = await api.order(await api.archive_item())
    item = made["order_items"][0]
    unpaid = (made["status"], made["paid_at"], item["tokens_used"])
    assert unpaid == ("PAYMENT_IN_PROGRESS", "", None)
    api.sandbox.clock.advance(3)
    paid = await api.get(f"/v0/orders/{made['id']}")
    assert (paid["status"], paid["paid_at"]) == ("PAID", "2026-03-01T10:00:02.000000Z")
    assert paid["order_items"][0]["tokens_used"] == paid["total_amount"]


CAPTURE_COURSES = [
    ("", ["DRAFT", "SUBMITTED", "IN_PROGRESS", "FULFILLED"]),
    ("[partial]", ["DRAFT", "SUBMITTED", "IN_PROGRESS", "PARTIALLY_FULFILLED"]),
    ("[fail]", ["DRAFT", "SUBMITTED", "IN_PROGRESS", "FAILED"]),
    ("[cancel]", ["DRAFT", "SUBMITTED", "IN_PROGRESS", "CANCELLED"]),
    ("[expire]", ["DRAFT", "SUBMITTED", "IN_PROGRESS", "EXPIRED"]),
]


@pytest.mark.parametrize(("mark", "course"), CAPTURE_COURSES)
async def test_a_capture_goes_its_way(api: Api, mark: str, course: list[str]):
    """It is handed in, waits for its window, is taken and delivered."""
    made = await api.order(api.tasking_item(name=mark))
    path = f"/v0/order-items/{made['order_items'][0]['id']}"
    assert course == await words(api, reader(api, path, "tasks", 0, "status"), step=6 * 3600, steps=100)


async def test_a_recurring_order_is_charged_and_fulfilled_month_by_month(api: Api):
    item = api.tasking_item(recurrence="MONTHLY", no_of_occurrences=3)
    del item["end_date"]
    made = await api.order(item)
    path = f"/v0/order-items/{made['order_items'][0]['id']}"
    assert (await api.get(path))["type"] == "RECURRING"
    assert len(made["order_items"][0]["occurrences"]) == 3
    payments = await words(api, reader(api, path, "payment_status"), step=86400, steps=120)
    assert payments == ["UNPAID", "PARTIAL-MONTHLY", "PAID"]
    entries = api.sandbox.ledger.entries("SubmitOrder")
    assert [entry.tokens for entry in entries] == [0, *[made["total_amount"] // 3] * 3]
    found = await api.post("/v0/catalogs/search", {"order_ids": [made["id"]]})
    assert (found["pagination"]["total"], len(found["catalogs"])) == (3, 2)


FEASIBILITIES = [("", "SUCCESS"), ("[infeasible]", "WEAK_SUCCESS"), ("[uncheckable]", "FAILED")]


@pytest.mark.parametrize(("mark", "status"), FEASIBILITIES)
async def test_the_feasibility_of_a_tasking_is_known_a_moment_later(api: Api, mark: str, status: str):
    made = await api.order(api.tasking_item(name=mark))
    path = f"/v0/order-items/{made['order_items'][0]['id']}"
    course = await words(api, reader(api, path, "feasibility_status"), step=1, steps=3)
    assert course == ["UNSPECIFIED", status]
    faults = (await api.get(path))["validation_errors"]
    assert bool(faults) is (status == "WEAK_SUCCESS")


DELIVERY_COURSES = [
    ("in/", ["CREATED", "IN_PROGRESS", "SUCCESS"], ["PENDING", "SUCCESSFUL"]),
    ("in/[fail]", ["CREATED", "IN_PROGRESS", "FAILED"], ["PENDING", "FAILED"]),
]


@pytest.mark.parametrize(("path", "course", "task"), DELIVERY_COURSES)
async def test_what_was_ordered_with_a_store_is_delivered_there_by_itself(
    api: Api, path: str, course: list[str], task: list[str]
):
    store = await api.store()
    cloud = {"config": store["id"], "path": path}
    made = await api.order(await api.archive_item(cloud_delivery=cloud))
    item = f"/v0/order-items/{made['order_items'][0]['id']}"
    deliveries: list[str] = []
    tasks: list[str] = []
    for _ in range(110):
        api.sandbox.clock.advance(2)
        first = (await api.get(item))["tasks"][0]
        tasks.append(first["delivery_status"])
        found = (await api.get(f"/v0/catalogs/deliveries?task_id={first['id']}"))["deliveries"]
        deliveries += [delivery["status"] for delivery in found]
    assert list(dict.fromkeys(deliveries)) == course
    assert list(dict.fromkeys(tasks)) == task
    assert found[0]["target_path"] == (f"{made['id']}/catalogs.zip" if course[-1] == "SUCCESS" else "")


CATALOG_DOWNLOAD_COURSES = [
    ("success", ["created", "in_progress", "success"]),
    ("fail", ["created", "in_progress", "failed"]),
]


@pytest.mark.parametrize(("outcome", "course"), CATALOG_DOWNLOAD_COURSES)
async def test_a_download_from_the_catalog_goes_its_way(api: Api, outcome: str, course: list[str]):
    made = await api.order(await api.archive_item())
    api.sandbox.clock.advance(200)
    api.sandbox.outcomes.plan("catalog_download", outcome)
    items = [item["id"] for item in made["order_items"]]
    package = await api.post("/v0/catalogs/download", {"order_item_ids": items})
    path = f"/v0/catalogs/download/{package['id']}"
    assert course == await words(api, reader(api, path, "status"), step=1, steps=20)
    assert bool((await api.get(path))["signed_url"]) is (outcome == "success")


def test_these_courses_reach_every_word_that_the_vendor_lists():
    """The words that the tests above see come and go, laid side by side with the enums of the spec."""

    def said(courses: list[Any], column: int) -> set[str]:
        return {word for course in courses for word in course[column]}

    assert said(AOI_COURSES, 1) == enum("AOIStatus")
    assert said(VISUALIZATION_COURSES, 1) == enum("VisualizationStatus")
    assert said(ORDER_COURSES, 1) == enum("OrderItemStatus")
    assert said(ORDER_COURSES, 2) | {"PARTIAL-MONTHLY"} == enum("OrderItemPaymentStatus")
    assert said(CAPTURE_COURSES, 1) == enum("OrderTaskStatus")
    assert said(DELIVERY_COURSES, 1) | {"UNSPECIFIED"} == enum("DeliveryStatus")
    assert said(DELIVERY_COURSES, 2) | {"NOT_APPLICABLE"} == enum("OrderTaskDeliveryStatus")
    assert said(CATALOG_DOWNLOAD_COURSES, 1) == enum("CatalogDownloadStatus")
    paid = {order for *_, order in ORDER_COURSES} | {"PAYMENT_IN_PROGRESS", "UNPAID"}
    assert paid == enum("OrderStatus")
    checked = {status for _, status in FEASIBILITIES} | {"UNSPECIFIED", "NOT_APPLICABLE"}
    assert checked == enum("FeasibilityStatus")


async def test_an_archive_order_without_a_store_needs_neither_feasibility_nor_delivery(api: Api):
    """The words for what does not apply; its catalog entries have no delivery yet."""
    made = await api.order(await api.archive_item())
    api.sandbox.clock.advance(200)
    item = await api.get(f"/v0/order-items/{made['order_items'][0]['id']}")
    assert item["feasibility_status"] == "NOT_APPLICABLE"
    assert {task["delivery_status"] for task in item["tasks"]} == {"NOT_APPLICABLE"}
    entries = (await api.post("/v0/catalogs/search", {}))["catalogs"]
    assert {entry["delivery_status"] for entry in entries} == {"UNSPECIFIED"}


async def insight(api: Api, aoi: str, name: str) -> str:
    """A new insight of the first seeded block."""
    spec = (await api.get("/v0/blocks?mode=insight"))["blocks"][0]["spec"]
    body = {
        "name": name,
        "block": {"name": spec["name"], "version": spec["version"]},
        "input": [{**data, "value": "2024-01-01"} for data in spec["inputs"]],
    }
    return str((await api.post(f"/v0/aoi/{aoi}/insights", body))["id"])


INDEX = {
    "name": "mine",
    "description": "vegetation",
    "rescale": [-1, 1],
    "expression": "(B08-B04)/(B08+B04)",
    "colormap": "rdylgn",
    "satellite_id": "0002a3a3-00a2-4b55-842b-44d8202c6d60",
    "expression_type": "index",
}
