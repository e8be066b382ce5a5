"""Every operation of the spec is there and answers as the spec says."""

from __future__ import annotations

import pytest
from sandbox_api import OTHER_PROJECT, PROJECT, SENTINEL, SPEC, Api, features, square

from pixxel_async.sandbox._routes.handlers import all_handlers

OPERATIONS = {
    operation["operationId"]: operation
    for item in SPEC["paths"].values()
    for operation in item.values()
    if isinstance(operation, dict) and "operationId" in operation
}


def test_every_operation_of_the_spec_has_a_handler_and_no_handler_is_left_over():
    assert len(OPERATIONS) == 55
    assert set(OPERATIONS) == set(all_handlers())


async def test_a_tour_through_all_operations_gets_the_documented_success_from_each(api: Api):
    """Each of the 55 operations is called for good; `Api` holds every answer against the spec."""
    advance = api.sandbox.clock.advance
    await api.get("/ping")
    await api.get("/v0/projects")
    await api.get(f"/v0/projects/{PROJECT}")
    await api.get("/v0/satellites")

    aoi = (await api.aoi())["aoi_id"]
    await api.get("/v0/aois")
    assets = (await api.get(f"/v0/aois/{aoi}/assets"))["assets"]
    download = await api.post(f"/v0/aois/{aoi}/downloads", {"asset_ids": [assets[0]["id"]]})
    await api.get(f"/v0/aois/{aoi}/downloads/{download['download_id']}")

    index = await api.index_id()
    await api.post("/v0/indices", {**INDEX, "satellite_id": SENTINEL})
    visualization = (await api.post(f"/v0/aois/{aoi}/visualizations", {"index_id": index}))["id"]
    advance(30)
    await api.get(f"/v0/aois/{aoi}/visualizations")
    base, day = f"/v0/aois/{aoi}/visualizations/{visualization}", assets[0]["date"].replace("-", "_")
    classes = [{"color": "#d7191c", "label": "Low", "min": -1, "max": 0.2}]
    await api.call("PUT", f"{base}/metadata", {"visualization_mode": "theoretical", "legend": {day: classes}})
    rollback = {"index_id": index, "dates": [day], "visualization_mode": "theoretical"}
    await api.call("PATCH", f"{base}/metadata", rollback)
    picture = await api.post(f"{base}/png", {"index_id": index, "date": day, "visualization_mode": "dynamic"})
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    await api.post(f"{base}/sld", {"dates": [day], "visualization_modes": ["dynamic"]})

    block = (await api.get("/v0/blocks?mode=insight"))["blocks"][0]["spec"]
    await api.get(f"/v0/blocks/{block['name']}")
    await api.get(f"/v0/blocks/{block['name']}/versions/{block['version']}")
    wanted = {
        "name": "crops",
        "project_id": PROJECT,
        "block": {"name": block["name"], "version": block["version"]},
        "input": [{**data, "value": "2024-01-01"} for data in block["inputs"]],
    }
    await api.post(f"/v0/aoi/{aoi}/insights", {**wanted, "estimate": True})
    insight = (await api.post(f"/v0/aoi/{aoi}/insights", wanted))["id"]
    advance(200)
    await api.get(f"/v0/aoi/{aoi}/insights")
    await api.call("PUT", f"/v0/aoi/{aoi}/insights/{insight}/download")
    await api.call("DELETE", f"/v0/aoi/{aoi}/insights/{insight}?project_id={PROJECT}")

    await api.get("/v0/workflows")
    await api.get(f"/v0/workflows/wf-01?project_id={PROJECT}")
    await api.get("/v0/workflows/wf-01/estimate")
    job = await api.post(f"/v0/workflows/wf-01/jobs?project_id={PROJECT}")
    advance(300)
    await api.get("/v0/workflows/wf-01/jobs")
    await api.get(f"/v0/workflows/wf-01/jobs/{job['id']}")
    await api.call("PUT", f"/v0/workflows/wf-01/jobs/{job['id']}/download")
    await api.call("PUT", f"/v0/workflows/wf-01/jobs/{job['id']}/tasks/{job['tasks'][0]['id']}/download")

    await api.get("/v0/bandsets")
    order = await api.order(await api.archive_item())
    advance(300)
    await api.get("/v0/orders")
    await api.get(f"/v0/orders/{order['id']}")
    await api.get("/v0/order-items")
    await api.get(f"/v0/order-items/{order['order_items'][0]['id']}")
    await api.get("/v0/reports")

    await api.get("/v0/archives/collections")
    await api.get("/v0/archives/collections/sentinel-2-l2a")
    item = (await api.get("/v0/archives/collections/sentinel-2-l2a/items"))["features"][0]
    await api.get(f"/v0/archives/collections/sentinel-2-l2a/items/{item['id']}")
    await api.post("/v0/archives/search", {"intersects": square()})

    store = await api.store()
    await api.get("/v0/stores")
    entry = (await api.post("/v0/catalogs/search", {}))["catalogs"][0]["id"]
    await api.get(f"/v0/catalogs/{entry}")
    cloud = {"config": store["id"], "path": "incoming/"}
    await api.post("/v0/catalogs/deliveries", {"deliveries": [{"catalog_ids": [entry], "cloud_info": cloud}]})
    await api.get("/v0/catalogs/deliveries")
    package = await api.post("/v0/catalogs/download", {"catalog_ids": [entry]})
    await api.get(f"/v0/catalogs/download/{package['id']}")
    advance(60)
    await api.call("DELETE", f"/v0/stores/{store['id']}")

    documented = {
        (name, int(status))
        for name, operation in OPERATIONS.items()
        for status in operation["responses"]
        if status.startswith("2")
    }
    assert documented <= api.seen


INDEX = {
    "name": "NDVI-north",
    "description": "vegetation",
    "rescale": [-1, 1],
    "expression": "(B08-B04)/(B08+B04)",
    "colormap": "rdylgn",
    "expression_type": "index",
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_every_operation_but_ping_refuses_a_call_without_token(api: Api, name: str):
    """403 in the vendor's envelope, whatever else is wrong with the request."""
    method, path = next(
        (method.upper(), path)
        for path, item in SPEC["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and operation.get("operationId") == name
    )
    path = path.replace("{", "").replace("}", "")
    async with api.session.request(method, api.sandbox.url + path, headers={"Authorization": ""}) as answer:
        assert answer.status == (200 if name == "Ping" else 403)


async def test_order_items_of_two_projects_are_listed_apart(api: Api):
    """The filter by project finds those of that project and no others."""
    await api.order(await api.archive_item(project_id=OTHER_PROJECT, geometry=features(square())))
    await api.order(await api.archive_item())
    found = await api.get(f"/v0/order-items?project_ids={OTHER_PROJECT}")
    assert [item["project_id"] for item in found["order_items"]] == [OTHER_PROJECT]
