"""What the tests of the sandbox share: plain HTTP calls whose answers an independent validator holds against the spec."""

from __future__ import annotations

import functools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import yaml
from jsonschema import Draft202012Validator

from pixxel_async.sandbox import Sandbox

SPEC = yaml.load((Path(__file__).parents[2] / "openapi" / "pixxel.yaml").read_bytes(), yaml.CSafeLoader)
START = datetime(2026, 3, 1, 10, tzinfo=UTC)
PROJECT = "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a01"
OTHER_PROJECT = "5b0f3b5e-6b7c-4f0a-9a52-0c1d2e3f4a02"
SENTINEL = "0002a3a3-00a2-4b55-842b-44d8202c6d60"
S3_SECRETS = {"access_key_id": "AK", "secret_access_key": "SK"}


def square(west: float = 77.5, south: float = 12.9, side: float = 0.02) -> dict[str, Any]:
    """A square as a GeoJSON Polygon."""
    east, north = west + side, south + side
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def features(*geometries: dict[str, Any]) -> dict[str, Any]:
    """A FeatureCollection, of a square when nothing else is given."""
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": g, "properties": {}} for g in geometries or (square(),)],
    }


@attrs.frozen
class Reply:
    """An answer that agrees with the spec."""

    operation: str | None
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error(self) -> dict[str, Any]:
        """The vendor's envelope, opened."""
        error: dict[str, Any] = self.body["error"]
        assert set(error) == {"code", "message", "details"}
        return error


@attrs.define
class Api:
    """Calls to a sandbox. Every answer is checked; `seen` keeps which operations gave which status."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    seen: set[tuple[str, int]] = attrs.field(factory=set)

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """Send a request; a body goes out as JSON."""
        if body is not None:
            options["json"] = body
        async with self.session.request(method, self.sandbox.url + path, **options) as response:
            data = await response.read()
            is_json = response.content_type == "application/json"
            value = json.loads(data) if is_json and data else data
            operation = operation_of(method, path.partition("?")[0])
            if operation is not None:
                check(operation, response.status, response.content_type, value)
                self.seen.add((operation["operationId"], response.status))
            name = operation and operation["operationId"]
            headers = {key.lower(): text for key, text in response.headers.items()}
            return Reply(name, response.status, value, headers)

    async def get(self, path: str, **options: Any) -> Any:
        """The body of a GET that succeeds."""
        reply = await self.call("GET", path, **options)
        assert reply.status == 200, reply.body
        return reply.body

    async def post(self, path: str, body: Any = None) -> Any:
        """The body of a POST that succeeds."""
        reply = await self.call("POST", path, body)
        assert reply.status in (200, 201), reply.body
        return reply.body

    async def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Status and message of a call that is refused."""
        reply = await self.call(method, path, body, **options)
        assert reply.status >= 400, reply.body
        return reply.status, reply.error["message"]

    async def images(self, count: int = 2, geometry: dict[str, Any] | None = None) -> list[str]:
        """Ids of Sentinel-2 images of a place, of different days."""
        found = await self.post(
            "/v0/search",
            {
                "start_date": "2025-09-01T00:00:00.000Z",
                "end_date": "2026-02-25T00:00:00.000Z",
                "satellites": [{"collection_id": "sentinel-2-l2a", "satellite_id": SENTINEL}],
                "geometry": geometry or square(),
                "limit": 8,
            },
        )
        by_day = {item["properties"]["datetime"][:10]: id for id, item in found["items"].items()}
        return sorted(by_day.values())[:count]

    async def aoi_body(self, name: str = "delta-north", **other: Any) -> dict[str, Any]:
        """A body that creates an AOI of two days."""
        return {
            "name": name,
            "description": "north block",
            "satellite_id": SENTINEL,
            "provider": "planetary",
            "project_id": PROJECT,
            "geometry": square(),
            "item_ids": await self.images(),
            **other,
        }

    async def aoi(self, name: str = "delta-north", *, wait: bool = True, **other: Any) -> dict[str, Any]:
        """A new AOI, settled unless told otherwise."""
        made = await self.post("/v0/aois", await self.aoi_body(name, **other))
        if wait:
            self.sandbox.clock.advance(60)
            made = await self.get(f"/v0/aoi/{made['aoi_id']}")
        return dict(made)

    async def index_id(self, name: str = "NDVI") -> str:
        """Id of a preset index of Sentinel-2."""
        found = (await self.get(f"/v0/indices?satellite_id={SENTINEL}&type=preset&limit=50"))["indices"]
        return str(next(index["id"] for index in found if index["name"] == name))

    async def archive_item(self, **other: Any) -> dict[str, Any]:
        """An order item for two archive images."""
        return {
            "project_id": PROJECT,
            "usecase": "agriculture",
            "geometry": features(),
            "item_ids": await self.images(),
            **other,
        }

    def tasking_item(self, **other: Any) -> dict[str, Any]:
        """An order item for one capture, ten days ahead."""
        start = self.sandbox.clock.now() + timedelta(days=10)
        return {
            "project_id": PROJECT,
            "usecase": "agriculture",
            "geometry": features(),
            "bandset": {"bandset_id": "bs-01"},
            "recurrence": "ONCE",
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(days=8)).isoformat(),
            **other,
        }

    async def order(self, *items: dict[str, Any]) -> dict[str, Any]:
        """A placed order."""
        return dict(await self.post("/v0/orders", {"order_items": list(items)}))

    async def store(self, name: str = "farm-bucket") -> dict[str, Any]:
        """A new store."""
        configs = {"bucket": "farm-data", "region": "us-east-2"}
        body = {"name": name, "type": "S3", "configs": configs, "secrets": S3_SECRETS}
        return dict(await self.post("/v0/stores", body))


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The operation of the spec that a request belongs to; plain paths win over templates."""
    for template in sorted(SPEC["paths"], key=lambda template: template.count("{")):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in SPEC["paths"][template]:
            return dict(SPEC["paths"][template][method.lower()])
    return None


def check(operation: dict[str, Any], status: int, content_type: str, value: Any) -> None:
    """Fail unless status, content type and body are what the spec says."""
    answers = operation["responses"]
    answer = answers.get(str(status), answers["default"])
    if "$ref" in answer:
        answer = SPEC["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content = answer.get("content")
    if content is None:
        assert value == b"", (operation["operationId"], status)
        return
    assert content_type in content, (operation["operationId"], status, content_type)
    schema = content[content_type]["schema"]
    instance = value.decode("latin-1") if isinstance(value, bytes) else value
    faults = [
        f"{error.json_path}: {error.message}" for error in validator(json.dumps(schema)).iter_errors(instance)
    ]
    assert not faults, (operation["operationId"], status, faults[:3])


@functools.cache
def validator(schema: str) -> Draft202012Validator:
    """A validator of the jsonschema project, which the sandbox itself does not use."""
    return Draft202012Validator({**json.loads(schema), "components": SPEC["components"]})
