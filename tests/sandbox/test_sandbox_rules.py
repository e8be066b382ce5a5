"""What the sandbox refuses, how it says so, and that filters and pages are honest."""

from __future__ import annotations

import csv
import io
import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_api import OTHER_PROJECT, PROJECT, S3_SECRETS, SENTINEL, Api, features, square

from pixxel_async.sandbox._account.prices import Price, archive_price, tasking_price
from pixxel_async.sandbox._world.geodesy import area_m2, most_distant_gap_km
from pixxel_async.sandbox._world.geometry import centroid


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": 3}, "body.name"),
        ({"name": ""}, "body.name"),
        (
            {"geometry": {"type": "Polygon", "coordinates": [[["x", 1]]]}},
            "body.geometry.coordinates[0][0][0]",
        ),
        ({"geometry": {"type": "MultiPolygon", "coordinates": []}}, "body.geometry.type"),
        (
            {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}},
            "is not closed",
        ),
        ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [200, 0], [1, 1], [0, 0]]]}}, "[0][1]"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]]]}}, "no area"),
        ({"geometry": square(10.0, 50.0)}, "do not touch the geometry"),
        ({"satellite_id": "nobody"}, "body.satellite_id"),
        ({"satellite_id": "0005c5bb-0bd2-4c80-9393-4a808341c54c"}, "another satellite"),
        ({"provider": "pixxel"}, "body.provider"),
        ({"project_id": "nobody"}, "body.project_id"),
        ({"item_ids": []}, "body.item_ids"),
        ({"item_ids": ["S2A_000001_20250101_L2A_20250102_01001012"]}, "no such image"),
    ],
)
async def test_a_bad_aoi_is_refused_with_its_place(api: Api, change: dict[str, Any], place: str):
    status, message = await api.refused("POST", "/v0/aois", {**await api.aoi_body(), **change})
    assert status == 400
    assert place in message
    assert (await api.get("/v0/aois"))["aois"] == []


@pytest.mark.parametrize("data", [b"", b"{", b"[1, 2", b'{"a": NaN}', b"\xff", b"[" * 3000])
async def test_a_body_that_is_no_json_is_refused(api: Api, data: bytes):
    headers = {"Content-Type": "application/json"}
    status, message = await api.refused("POST", "/v0/aois", data=data, headers=headers)
    assert status == 400
    assert "JSON" in message


async def test_a_body_of_another_media_type_is_refused(api: Api):
    headers = {"Content-Type": "text/plain"}
    status, message = await api.refused("POST", "/v0/aois", data=b"{}", headers=headers)
    assert (status, message) == (400, "the body must be application/json, not text/plain")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=", "limit=1.5", "offset=-1", "created_at=yesterday", "updated_at=1/2"],
)
async def test_a_bad_query_is_refused(api: Api, query: str):
    status, message = await api.refused("GET", f"/v0/aois?{query}")
    assert status == 400
    assert query.partition("=")[0] in message


async def test_a_missing_required_query_parameter_is_refused(api: Api):
    refusal = await api.refused("POST", "/v0/workflows/wf-01/jobs")
    assert refusal == (400, "the query parameter project_id is missing")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v0/aoi/nobody", 404),
        ("GET", "/v0/projects/nobody", 404),
        ("GET", "/v0/aois/nobody/assets", 404),
        ("GET", "/v0/orders/nobody", 404),
        ("GET", "/v0/order-items/nobody", 400),
        ("GET", "/v0/catalogs/nobody", 400),
        ("GET", "/v0/catalogs/download/nobody", 404),
        ("GET", "/v0/blocks/nobody", 404),
        ("GET", "/v0/workflows/nobody/jobs", 400),
        ("GET", "/v0/aois/nobody/visualizations", 404),
        ("DELETE", "/v0/stores/nobody", 400),
        ("GET", "/v0/archives/collections/nobody", 404),
        ("GET", "/v0/archives/collections/sentinel-2-l2a/items/nobody", 404),
    ],
)
async def test_an_unknown_id_is_404_where_the_vendor_documents_that_and_400_where_it_does_not(
    api: Api, method: str, path: str, status: int
):
    reply = await api.call(method, path)
    assert (reply.status, reply.error["code"]) == (status, "not_found")


async def test_unknown_paths_and_methods_get_the_envelope_too(api: Api):
    assert (await api.call("GET", "/v1/aois")).error["code"] == "not_found"
    wrong = await api.call("DELETE", "/v0/aois")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, POST")
    assert wrong.error["code"] == "method_not_allowed"


async def test_what_exists_is_a_conflict(api: Api):
    """Names of AOIs, indices and stores; a visualization of the same; a delivery to the same place."""
    aoi = await api.aoi()
    body = await api.aoi_body()
    assert (await api.call("POST", "/v0/aois", body)).error["details"] == {"name": "delta-north"}
    index = {
        "name": "NDVI",
        "description": "",
        "rescale": [-1, 1],
        "expression": "B08",
        "colormap": "viridis",
        "satellite_id": SENTINEL,
        "expression_type": "index",
    }
    assert (await api.call("POST", "/v0/indices", index)).status == 409
    path, wanted = f"/v0/aois/{aoi['aoi_id']}/visualizations", {"index_id": await api.index_id()}
    await api.post(path, wanted)
    assert (await api.call("POST", path, wanted)).status == 409
    store = await api.store()
    configs, secrets = store["configs"], S3_SECRETS
    again = {"name": store["name"], "type": "S3", "configs": configs, "secrets": secrets}
    assert (await api.call("POST", "/v0/stores", again)).status == 409
    await api.order(await api.archive_item())
    api.sandbox.clock.advance(200)
    entry = (await api.post("/v0/catalogs/search", {}))["catalogs"][0]["id"]
    cloud = {"config": store["id"], "path": "in/"}
    delivery = {"deliveries": [{"catalog_ids": [entry], "cloud_info": cloud}]}
    await api.post("/v0/catalogs/deliveries", delivery)
    assert (await api.call("POST", "/v0/catalogs/deliveries", delivery)).status == 409
    assert (await api.call("DELETE", f"/v0/stores/{store['id']}")).status == 409


async def test_a_visualization_that_failed_may_be_made_again(api: Api):
    aoi = await api.aoi()
    path, wanted = f"/v0/aois/{aoi['aoi_id']}/visualizations", {"index_id": await api.index_id()}
    api.sandbox.outcomes.plan("visualization", "fail")
    await api.post(path, wanted)
    api.sandbox.clock.advance(60)
    assert (await api.call("POST", path, wanted)).status == 201


async def test_secrets_of_a_store_are_asked_for_by_type_and_never_come_back(api: Api):
    body = {
        "name": "s",
        "type": "GCS",
        "configs": {"bucket": "b", "region": "r"},
        "secrets": {"project_id": "CANARY"},
    }
    status, message = await api.refused("POST", "/v0/stores", body)
    assert (status, message) == (400, "body.secrets: service_account_credentials is missing")
    body["secrets"] = {"project_id": "CANARY", "service_account_credentials": "CANARY"}
    made = await api.post("/v0/stores", body)
    assert "CANARY" not in f"{made}{await api.get('/v0/stores')}"


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_cut_a_listing_without_loss_or_repetition(api: Api, limit: int):
    names = [f"field {number}" for number in range(7)]
    for name in names:
        await api.aoi(name, wait=False)
    found: list[str] = []
    while True:
        listing = await api.get(f"/v0/aois?limit={limit}&offset={len(found)}")
        assert listing["pagination"] == {"limit": limit, "offset": len(found), "total": 7}
        if not listing["aois"]:
            break
        found += [aoi["name"] for aoi in listing["aois"]]
    assert found == names


async def test_projects_are_paged_by_number(api: Api):
    ids = [project["id"] for project in (await api.get("/v0/projects"))["projects"]]
    pages = [await api.get(f"/v0/projects?page_num={number}&page_size=2") for number in (1, 2, 3)]
    assert [[project["id"] for project in page["projects"]] for page in pages] == [ids[:2], ids[2:], []]
    assert {page["count"] for page in pages} == {3}


async def test_aois_are_found_by_every_filter(api: Api):
    first = await api.aoi("first", wait=False)
    api.sandbox.clock.advance(100)
    await api.aoi("second", wait=False, project_id=OTHER_PROJECT)

    async def names(query: str) -> list[str]:
        return [aoi["name"] for aoi in (await api.get(f"/v0/aois?{query}"))["aois"]]

    assert await names(f"aoi_id={first['aoi_id']}") == ["first"]
    assert await names("aoi_name=second") == ["second"]
    assert await names(f"project_ids={PROJECT},{OTHER_PROJECT}") == ["first", "second"]
    assert await names(f"project_ids={OTHER_PROJECT}") == ["second"]
    assert await names("created_at=2026-03-01T10:01:00Z") == ["second"]
    assert await names("created_at=../2026-03-01T10:01:00Z") == ["first"]
    assert await names("updated_at=2026-03-02") == []


async def test_archive_search_filters_sorts_and_pages(api: Api):
    query = {"bbox": [77, 12, 78, 13], "query": {"cloudcover": {"lt": 20}}}
    newest = [{"field": "properties->>'datetime'", "direction": "desc"}]
    found = (await api.post("/v0/archives/search", {**query, "sortby": newest, "limit": 20}))["features"]
    assert len(found) == 20
    assert all(item["properties"]["eo:cloud_cover"] < 20 for item in found)
    days = [item["properties"]["datetime"] for item in found]
    assert days == sorted(days, reverse=True)
    second = await api.post("/v0/archives/search", {**query, "sortby": newest, "limit": 10, "offset": 10})
    assert [item["id"] for item in second["features"]] == [item["id"] for item in found[10:]]
    assert {link["rel"] for link in second["links"]} == {"self", "next"}
    bare = {"bbox": query["bbox"], "query": {"platform": "TD1"}}
    assert {
        i["properties"]["platform"] for i in (await api.post("/v0/archives/search", bare))["features"]
    } == {"TD1"}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"datetime": "2026-02-30"}, "body.datetime"),
        ({"datetime": "2026-02-01/2026-01-01"}, "body.datetime"),
        ({"bbox": [0, 50, 1, 40]}, "body.bbox"),
        ({"query": {"eo:cloud_cover": {"like": 1}}}, "body.query.eo:cloud_cover"),
        ({"intersects": {"type": "Polygon", "coordinates": "here"}}, "body.intersects"),
        ({"sortby": [{"field": "datetime", "direction": "upwards"}]}, "body.sortby[0].direction"),
    ],
)
async def test_a_bad_archive_search_is_refused_with_its_place(api: Api, body: dict[str, Any], place: str):
    status, message = await api.refused("POST", "/v0/archives/search", body)
    assert status == 400
    assert place in message


async def test_image_search_tells_how_many_there_are_and_gives_as_many_as_asked(api: Api):
    body = {
        "start_date": "2026-01-01T00:00:00.000Z",
        "end_date": "2026-02-25T00:00:00.000Z",
        "satellites": [{"collection_id": "sentinel-2-l2a", "satellite_id": SENTINEL}],
        "geometry": square(),
        "filters": [{"id": "eo:cloud_cover", "min": 0, "max": 30}],
        "limit": 2,
    }
    found = await api.post("/v0/search", body)
    assert (len(found["items"]), found["pagination"]["limit"]) == (2, 2)
    assert found["pagination"]["total"] > 2
    assert all(item["properties"]["eo:cloud_cover"] <= 30 for item in found["items"].values())
    assert all(id == item["id"] for id, item in found["items"].items())
    unordered = {**body, "end_date": body["start_date"]}
    refusal = await api.refused("POST", "/v0/search", unordered)
    assert refusal == (400, "body.end_date: must be after start_date")


async def test_catalog_search_by_every_condition(api: Api):
    order = await api.order(await api.archive_item())
    await api.order(await api.archive_item(usecase="forestry", project_id=OTHER_PROJECT))
    api.sandbox.clock.advance(300)

    async def total(**body: Any) -> int:
        return int((await api.post("/v0/catalogs/search", body))["pagination"]["total"])

    everything = await api.post("/v0/catalogs/search", {})
    assert (len(everything["catalogs"]), everything["pagination"]["total"]) == (2, 4)
    entry = everything["catalogs"][0]
    item, day = entry["details"]["id"], entry["details"]["properties"]["datetime"]
    assert await total(ids=[entry["id"]]) == 1
    assert await total(item_ids=[item]) == 2
    assert await total(order_ids=[order["id"]]) == 2
    assert await total(order_item_ids=[order["order_items"][0]["id"]]) == 2
    assert await total(collections=["pixxel-dd2"]) == 0
    assert await total(query={"project_id": PROJECT, "usecase": "agriculture"}) == 2
    assert await total(query={"eo:cloud_cover": {"gt": 100}}) == 0
    assert await total(datetime=day) == 2
    assert await total(datetime=f"{day}/..", bbox=[77, 12, 78, 13]) >= 2
    assert await total(bbox=[10, 12, 11, 13]) == 0
    assert await total(intersects=square()) == 4
    assert await total(intersects=square(-77, 12)) == 0
    by_day = {"sort_by": [{"field": "datetime", "direction": "desc"}], "limit": 4}
    days = [
        e["details"]["properties"]["datetime"]
        for e in (await api.post("/v0/catalogs/search", by_day))["catalogs"]
    ]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"project_id": "nobody"}, "project_id"),
        ({"bandset": None}, "bandset"),
        ({"bandset": {"bandset_id": "nobody"}}, "bandset.bandset_id"),
        ({"recurrence": None}, "recurrence"),
        ({"recurrence": "NOT_APPLICABLE"}, "recurrence"),
        ({"start_date": "2026-03-02T09:59:59Z"}, "start_date"),
        ({"start_date": "soon"}, "start_date"),
        ({"end_date": "2026-03-11T09:00:00Z"}, "end_date"),
        ({"end_date": "2028-12-01T00:00:00Z"}, "end_date"),
        ({"end_date": None}, "end_date"),
        ({"recurrence": "MONTHLY", "no_of_occurrences": 2}, "no_of_occurrences"),
        ({"recurrence": "QUARTERLY", "end_date": None, "no_of_occurrences": 9}, "no_of_occurrences"),
        ({"cloud_delivery": {"config": "nobody"}}, "cloud_delivery.config"),
        ({"geometry": features(square(), square(80.0, 12.9))}, "geometry"),
        ({"geometry": {"type": "FeatureCollection", "features": []}}, "geometry.features"),
        ({"name": "x" * 101}, "name"),
        ({"item_ids": ["nobody"]}, "bandset"),
        ({"item_ids": ["nobody"], "bandset": None}, "item_ids"),
        ({"cloud_cover": 101}, "cloud_cover"),
    ],
)
async def test_an_order_that_breaks_a_rule_is_refused_with_its_place(
    api: Api, change: dict[str, Any], place: str
):
    """Nothing of it is kept, not even its good items."""
    item = {name: value for name, value in {**api.tasking_item(), **change}.items() if value is not None}
    body = {"order_items": [api.tasking_item(), item]}
    status, message = await api.refused("POST", "/v0/orders", body)
    assert status == 400
    assert message.startswith(f"body.order_items[1].{place}")
    assert (await api.get("/v0/order-items"))["order_items"] == []
    assert api.sandbox.ledger.spent == 0


async def test_a_dry_run_tells_the_price_and_leaves_nothing_behind(api: Api):
    items = [await api.archive_item(), api.tasking_item()]
    tried = await api.post("/v0/orders", {"dry_run": True, "order_items": items})
    assert tried["status"] == "UNPAID"
    assert (await api.get("/v0/orders"))["orders"] == []
    assert api.sandbox.ledger.entries() == []
    placed = await api.order(*items)
    assert placed["total_amount"] == tried["total_amount"] == api.sandbox.ledger.spent


async def test_a_dry_run_uses_up_no_planned_outcome(api: Api):
    api.sandbox.outcomes.plan("order_item", "fail")
    item = await api.archive_item()
    await api.post("/v0/orders", {"dry_run": True, "order_items": [item]})
    await api.order(item)
    api.sandbox.clock.advance(200)
    assert (await api.get("/v0/order-items"))["order_items"][0]["status"] == "FAILED"


async def test_archive_and_catalog_write_an_image_in_their_own_ways(api: Api):
    """The same image: bbox in strings and `proj:code` here, in numbers and with `proj:epsg` there."""
    await api.order(await api.archive_item())
    api.sandbox.clock.advance(200)
    there = (await api.post("/v0/catalogs/search", {}))["catalogs"][0]["details"]
    here = await api.get(f"/v0/archives/collections/{there['collection']}/items/{there['id']}")
    assert [type(number) for number in here["bbox"]] == [str] * 4
    assert [float(number) for number in here["bbox"]] == there["bbox"]
    assert here["properties"]["proj:code"] == f"EPSG:{there['properties']['proj:epsg']}"
    assert "sat:orbit_state" in there["properties"]
    assert "sat:orbit_state" not in here["properties"]


async def test_order_items_are_found_by_every_filter(api: Api):
    first = (await api.order(await api.archive_item(name="small")))["order_items"][0]
    api.sandbox.clock.advance(100)
    wide = features(square(side=0.2))
    second = (await api.order(api.tasking_item(geometry=wide)))["order_items"][0]

    async def ids(query: str) -> list[str]:
        return [item["id"] for item in (await api.get(f"/v0/order-items?{query}"))["order_items"]]

    assert await ids(f"ids={first['id']},{second['id']}") == [first["id"], second["id"]]
    assert await ids(f"order_ids={second['order_id']}") == [second["id"]]
    assert await ids("type=ARCHIVE") == [first["id"]]
    assert await ids("status=DRAFT") == [second["id"]]
    assert await ids("user_id=user-42&created_by=nobody") == []
    assert await ids("created_at=2026-03-01T10:01:00Z") == [second["id"]]
    assert await ids("area=../100") == [first["id"]]
    assert await ids(f"area={second['area']}") == [second["id"]]
    assert (await api.refused("GET", "/v0/order-items?area=large"))[0] == 400
    assert (await api.refused("GET", "/v0/order-items?type=BOTH"))[0] == 400


async def test_the_report_has_a_line_for_each_item_in_the_wanted_time_zone(api: Api):
    await api.order(await api.archive_item(name="north, with a comma"))
    rows = list(csv.DictReader(io.StringIO((await api.get("/v0/reports?tz=Asia/Kolkata")).decode())))
    facts = [(row["name"], row["type"], row["created_at"]) for row in rows]
    assert facts == [("north, with a comma", "ARCHIVE", "2026-03-01 15:30:00")]
    assert (await api.refused("GET", "/v0/reports?tz=Mars/Olympus"))[0] == 400


async def test_legends_can_be_set_computed_and_rolled_back(api: Api):
    """PUT changes one mode only and measures the classes; PATCH brings the computed ones back."""
    aoi = await api.aoi()
    index = await api.index_id()
    made = await api.post(f"/v0/aois/{aoi['aoi_id']}/visualizations", {"index_id": index})
    path = f"/v0/aois/{aoi['aoi_id']}/visualizations/{made['id']}/metadata"
    day = sorted(aoi["images"])[0]
    unready = {"visualization_mode": "dynamic", "legend": {}}
    assert await api.refused("PUT", path, unready) == (400, "the visualization is not ready")
    api.sandbox.clock.advance(30)
    back = {"index_id": index, "dates": [day], "visualization_mode": "dynamic"}
    original = (await api.call("PATCH", path, back)).body["metadata"]["legend"]
    halves = [
        {"color": "#d7191c", "label": "Low", "min": -1, "max": 0.3},
        {"color": "#1a9641", "label": "High", "min": 0.3, "max": 1},
    ]
    body = {"visualization_mode": "dynamic", "legend": {day: halves}}
    changed = (await api.call("PUT", path, body)).body["legend"]
    assert [item["label"] for item in changed[day]["dynamic"]] == ["Low", "High"]
    total = sum(item["area"] for item in changed[day]["dynamic"])
    assert total == pytest.approx(aoi["area_in_sq_m"], rel=0.02)
    assert changed[day]["theoretical"] == original[day]["theoretical"]
    bins = {"visualization_mode": "dynamic", "legend": {day: None}}
    assert (await api.refused("PUT", path, bins))[1].startswith("body.dynamic_bins")
    computed = (await api.call("PUT", path, {**bins, "dynamic_bins": 3})).body["legend"]
    assert len(computed[day]["dynamic"]) == 3
    assert (await api.refused("PUT", path, {**body, "legend": {"1999_01_01": halves}}))[0] == 400
    assert (await api.refused("PATCH", path, {**back, "index_id": "nobody"}))[0] == 400
    assert (await api.call("PATCH", path, back)).body["metadata"]["legend"] == original


async def test_a_picture_is_drawn_with_the_legend_of_the_day(api: Api):
    """Other classes, another picture; a day without image is refused."""
    aoi = await api.aoi()
    index = await api.index_id()
    made = await api.post(f"/v0/aois/{aoi['aoi_id']}/visualizations", {"index_id": index})
    api.sandbox.clock.advance(30)
    base, day = f"/v0/aois/{aoi['aoi_id']}/visualizations/{made['id']}", sorted(aoi["images"])[0]
    wanted = {"index_id": index, "date": day, "visualization_mode": "dynamic"}
    before = await api.post(f"{base}/png", wanted)
    assert before == await api.post(f"{base}/png", wanted)
    bins = {"visualization_mode": "dynamic", "legend": {day: None}, "dynamic_bins": 2}
    await api.call("PUT", f"{base}/metadata", bins)
    assert before != await api.post(f"{base}/png", wanted)
    assert (await api.refused("POST", f"{base}/png", {**wanted, "date": "1999_01_01"}))[0] == 400


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"expression": "B08-"}, "body.expression"),
        ({"expression": "B99/B04"}, "body.expression"),
        ({"expression": "__import__('os')"}, "body.expression"),
        ({"expression": "1+1"}, "body.expression"),
        ({"expression": "B04,B03,B02"}, "body.expression"),
        ({"expression_type": "composite"}, "body.expression"),
        ({"rescale": [1, 1]}, "body.rescale"),
        ({"colormap": "mud"}, "body.colormap"),
        ({"satellite_id": "nobody"}, "body.satellite_id"),
    ],
)
async def test_a_bad_index_is_refused_with_its_place(api: Api, change: dict[str, Any], place: str):
    body = {
        "name": "mine",
        "description": "",
        "rescale": [-1, 1],
        "expression": "(B08-B04)/(B08+B04)",
        "colormap": "rdylgn",
        "satellite_id": SENTINEL,
        "expression_type": "index",
    }
    status, message = await api.refused("POST", "/v0/indices", {**body, **change})
    assert status == 400
    assert message.startswith(place)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"block": {"name": "cropclassification", "version": "9.9.9"}}, "body.block"),
        ({"block": {"name": "cloudgapfill", "version": "1.2.0"}}, "body.block"),
        ({"input": []}, "body.input"),
        ({"input": [{"name": "nothing", "value": "1"}]}, "body.input[0].name"),
        ({"input": [{"name": "start_date"}]}, "body.input[0]"),
        ({"project_id": "nobody"}, "body.project_id"),
    ],
)
async def test_a_bad_insight_is_refused_and_costs_nothing(api: Api, change: dict[str, Any], place: str):
    aoi = (await api.aoi())["aoi_id"]
    names = ("input_image", "start_date", "end_date")
    body = {
        "block": {"name": "cropclassification", "version": "1.0.0"},
        "input": [{"name": name, "value": "2024-01-01"} for name in names],
    }
    status, message = await api.refused("POST", f"/v0/aoi/{aoi}/insights", {**body, **change})
    assert status == 400
    assert message.startswith(place)
    assert api.sandbox.ledger.spent == 0


async def test_a_deleted_insight_is_gone(api: Api):
    aoi = (await api.aoi())["aoi_id"]
    names = ("input_image", "start_date", "end_date")
    body = {
        "block": {"name": "cropclassification", "version": "1.0.0"},
        "input": [{"name": name, "value": "2024-01-01"} for name in names],
    }
    id = (await api.post(f"/v0/aoi/{aoi}/insights", body))["id"]
    path = f"/v0/aoi/{aoi}/insights/{id}?project_id="
    assert (await api.refused("DELETE", path + OTHER_PROJECT))[0] == 400
    assert (await api.call("DELETE", path + PROJECT)).body == b""
    assert (await api.get(f"/v0/aoi/{aoi}/insights"))["insights"] == []
    assert (await api.refused("DELETE", path + PROJECT))[0] == 400


async def test_a_download_needs_assets_of_this_aoi_that_are_ready(api: Api):
    first, second = await api.aoi("first"), await api.aoi("second", wait=False)
    path = f"/v0/aois/{second['aoi_id']}/"
    foreign = (await api.get(f"/v0/aois/{first['aoi_id']}/assets"))["assets"][0]["id"]
    assert (await api.refused("POST", f"{path}downloads", {"asset_ids": [foreign]}))[0] == 404
    own = (await api.get(f"{path}assets"))["assets"][0]["id"]
    refusal = await api.refused("POST", f"{path}downloads", {"asset_ids": [own]})
    assert refusal == (400, "the asset is not ready")


async def test_a_delivery_names_entries_or_items_but_not_both(api: Api):
    store = await api.store()
    cloud = {"config": store["id"]}
    for wrong in ({}, {"catalog_ids": ["a"], "order_item_ids": ["b"]}):
        body = {"deliveries": [{**wrong, "cloud_info": cloud}]}
        assert (await api.refused("POST", "/v0/catalogs/deliveries", body))[0] == 400
        assert (await api.refused("POST", "/v0/catalogs/download", wrong))[0] == 400
    order = await api.order(await api.archive_item())
    item = order["order_items"][0]["id"]
    early = await api.refused("POST", "/v0/catalogs/download", {"order_item_ids": [item]})
    assert early[0] == 400
    api.sandbox.clock.advance(200)
    body = {"deliveries": [{"order_item_ids": [item], "cloud_info": cloud}]}
    made = (await api.post("/v0/catalogs/deliveries", body))["deliveries"]
    assert len({delivery["catalog_id"] for delivery in made}) == len(made) == 2
    assert {delivery["task_id"] for delivery in made} == {None}


@pytest.mark.parametrize(
    ("price", "base", "final"),
    [
        (archive_price(3, 1), 300, 300),
        (archive_price(150.2, 2), 906, 906),
        (tasking_price(100, 1, 7, 3), 800, 800),
        (tasking_price(100, 1, 6, 3), 800, 1000),
        (tasking_price(100, 1, 2, 3), 800, 1120),
        (tasking_price(100, 1, 1, 7), 800, 1200),
        (tasking_price(100, 1, 1, 6), 800, 1120),
        (tasking_price(100, 2, 30, 3), 1600, 1600),
    ],
)
def test_prices_follow_the_published_rules(price: Price, base: int, final: int):
    """At least 100 km² are billed, captures multiply, and short or fixed windows cost 25, 40 or 50 % more."""
    assert (price.base, price.final) == (base, final)


@given(
    west=st.floats(-170, 170), south=st.floats(-80, 79), width=st.floats(0.001, 5), height=st.floats(0.001, 1)
)
def test_areas_and_centres_of_boxes_are_right(west: float, south: float, width: float, height: float):
    """Against the closed formula for a box on the sphere."""
    east, north = west + width, south + height
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    box = {"type": "Polygon", "coordinates": [ring]}
    sines = math.sin(math.radians(north)) - math.sin(math.radians(south))
    exact = 6_371_007.2**2 * math.radians(width) * sines
    assert area_m2(box) == pytest.approx(exact, rel=1e-6)
    assert centroid(box) == pytest.approx([(west + east) / 2, (south + north) / 2], abs=1e-6)


def test_a_hole_takes_its_area_away():
    outer, inner = square(0, 0, 1.0), square(0.25, 0.25, 0.5)
    holed = {"type": "Polygon", "coordinates": [*outer["coordinates"], *inner["coordinates"]]}
    assert area_m2(holed) == pytest.approx(area_m2(outer) - area_m2(inner))


def test_what_features_share_counts_once():
    """Two squares of which each covers half of the other have the area of one and a half."""
    both = features(
        square(0, 0, 1.0), {"type": "MultiPolygon", "coordinates": [square(0.5, 0, 1.0)["coordinates"]]}
    )
    assert area_m2(both) == pytest.approx(1.5 * area_m2(square(0, 0, 1.0)))


def test_the_widest_gap_is_to_the_nearest_neighbour():
    """Three squares in a row, a degree apart: about 111 km less their width, however long the row."""
    row = features(square(0, 0, 0.1), square(1, 0, 0.1), square(2, 0, 0.1))
    assert most_distant_gap_km(row) == pytest.approx(0.9 * 111.19, rel=0.01)
    assert most_distant_gap_km(features()) == 0


@settings(max_examples=25)
@given(days=st.integers(2, 700), length=st.integers(1, 60))
async def test_any_window_from_tomorrow_on_is_priced_in_a_dry_run(api: Api, days: int, length: int):
    """Whatever its length, a window that begins in time is accepted and costs no less than the base price."""
    start = api.sandbox.clock.now() + timedelta(days=days)
    item = api.tasking_item(
        start_date=start.isoformat(), end_date=(start + timedelta(days=length)).isoformat()
    )
    tried = await api.post("/v0/orders", {"dry_run": True, "order_items": [item]})
    assert tried["total_amount"] >= tried["order_items"][0]["base_amount"] == 800
