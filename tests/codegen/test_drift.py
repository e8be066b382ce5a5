"""The vendor's document against ours: what differs is recorded, or it is news."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen.__main__ import main
from codegen.document import SpecError
from codegen.drift import Difference, compare, read_deviations

VENDOR: dict[str, Any] = {
    "openapi": "3.0.0",
    "paths": {
        "/v0/fields/{id}": {
            "get": {
                "operationId": "GetField",
                "security": [{"Key": []}],
                "parameters": [
                    {"in": "path", "name": "id", "required": True, "schema": {"type": "string"}},
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "default": 10}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/farm.Field"}}
                        }
                    }
                },
            }
        }
    },
    "components": {
        "securitySchemes": {"Key": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        "schemas": {
            "farm.Field": {
                "type": "object",
                "properties": {
                    "state": {
                        "allOf": [{"$ref": "#/components/schemas/farm.State"}],
                        "description": "Its state.",
                    },
                    "owner": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
            },
            "farm.State": {"type": "string", "enum": ["sown", "ripe"], "x-enum-varnames": ["A", "B"]},
        },
    },
}
OURS: dict[str, Any] = {
    "openapi": "3.1.0",
    "security": [{"Token": []}],
    "paths": {
        "/v0/fields/{id}": {
            "get": {
                "operationId": "GetField",
                "tags": ["Fields"],
                "x-method": "fields.get",
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "description": "Id.",
                        "schema": {"type": "string"},
                    },
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "x-server-default": 10}},
                ],
                "responses": {
                    "200": {
                        "description": "The field.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Field"}}},
                    }
                },
            }
        }
    },
    "components": {
        "securitySchemes": {"Token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        "schemas": {
            "Field": {
                "type": "object",
                "x-vendor-schema": "farm.Field",
                "properties": {
                    "state": {"$ref": "#/components/schemas/FieldState"},
                    "owner": {"$ref": "#/components/schemas/Owner"},
                },
            },
            "FieldState": {"type": "string", "enum": ["ripe", "sown"], "x-vendor-schema": "farm.State"},
            "Owner": {"type": "object", "properties": {"name": {"type": "string", "description": "Name."}}},
        },
    },
}
GET = "paths/GET /v0/fields/{id}"
Run = Callable[..., int]


def changed(document: dict[str, Any], value: Any, *keys: str | int) -> dict[str, Any]:
    """The document with another value at a place."""
    document = copy.deepcopy(document)
    node: Any = document
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    return document


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`python -m codegen drift` on documents and deviations given as values."""

    def run(vendor: Any, ours: Any, deviations: Any = ()) -> int:
        for name, value in (
            ("vendor.json", vendor),
            ("ours.yaml", ours),
            ("deviations.yaml", list(deviations)),
        ):
            text = json.dumps(value) if name.endswith("json") else yaml.safe_dump(value)
            (tmp_path / name).write_text(text, encoding="utf-8")
        spec, recorded = str(tmp_path / "ours.yaml"), str(tmp_path / "deviations.yaml")
        return main(["--spec", spec, "drift", str(tmp_path / "vendor.json"), "--deviations", recorded])

    return run


def deviation(**change: Any) -> dict[str, Any]:
    return {"id": "one", "what": "So.", "why": "Because.", "evidence": "Seen.", "changes": [change]}


def test_documents_that_say_the_same_are_clean(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Prose, tags, order of words, `allOf` around one reference and inline objects that we name do not count."""
    assert 0 == run(VENDOR, OURS)
    assert "0 differences, 0 of them not recorded; 0 records no longer apply\n" == capsys.readouterr().out


FIELD = ("components", "schemas", "farm.Field", "properties")
OPERATION = ("paths", "/v0/fields/{id}", "get")
NEWS = {
    "operation": ({"responses": {}}, ("paths", "/v0/fields/{id}", "put"), "paths/PUT /v0/fields/{id}"),
    "path": ({"get": {"responses": {}}}, ("paths", "/v0/crops"), "paths/GET /v0/crops"),
    "operationId": ("ReadField", (*OPERATION, "operationId"), f"{GET}/operationId"),
    "name of a path parameter": (
        "field",
        (*OPERATION, "parameters", 0, "name"),
        f"{GET}/parameters/path:field",
    ),
    "parameter": (
        {"in": "query", "name": "q", "schema": {}},
        (*OPERATION, "parameters", 1),
        f"{GET}/parameters/query:q",
    ),
    "default": (
        20,
        (*OPERATION, "parameters", 1, "schema", "default"),
        f"{GET}/parameters/query:limit/default",
    ),
    "required parameter": (
        True,
        (*OPERATION, "parameters", 1, "required"),
        f"{GET}/parameters/query:limit/required",
    ),
    "body": ({"content": {}}, (*OPERATION, "requestBody"), f"{GET}/requestBody"),
    "status": ({"description": "Gone."}, (*OPERATION, "responses", "410"), f"{GET}/responses/410"),
    "media type": (
        {"text/csv": {}},
        (*OPERATION, "responses", "200", "content"),
        f"{GET}/responses/200/content",
    ),
    "security": ([], (*OPERATION, "security"), f"{GET}/security"),
    "word": (
        ["sown", "ripe", "lost"],
        ("components", "schemas", "farm.State", "enum"),
        "schemas/farm.State/enum",
    ),
    "schema": ({"type": "object"}, ("components", "schemas", "farm.Crop"), "schemas/farm.Crop"),
    "property": ({"type": "string"}, (*FIELD, "soil"), "schemas/farm.Field/properties/soil"),
    "type": (
        {"type": "integer"},
        (*FIELD, "owner", "properties", "name"),
        "schemas/farm.Field/properties/owner/properties/name/type",
    ),
    "reference": ({"type": "string"}, (*FIELD, "state"), "schemas/farm.Field/properties/state/enum"),
    "limit": (
        3,
        (*FIELD, "owner", "properties", "name", "maxLength"),
        "schemas/farm.Field/properties/owner/properties/name/maxLength",
    ),
    "format": (
        "uuid",
        (*FIELD, "owner", "properties", "name", "format"),
        "schemas/farm.Field/properties/owner/properties/name/format",
    ),
    "null": (True, (*FIELD, "owner", "nullable"), "schemas/farm.Field/properties/owner/nullable"),
    "required property": (
        ["state"],
        ("components", "schemas", "farm.Field", "required"),
        "schemas/farm.Field/properties/state/required",
    ),
    "additional properties": (
        {"type": "string"},
        (*FIELD, "owner", "additionalProperties"),
        "schemas/farm.Field/properties/owner/additionalProperties",
    ),
    "unknown keyword": (
        2,
        (*FIELD, "owner", "minProperties"),
        "schemas/farm.Field/properties/owner/minProperties",
    ),
}


@pytest.mark.parametrize("name", NEWS)
def test_v1_what_the_vendor_changes_is_news(name: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    value, keys, place = NEWS[name]
    assert 1 == run(changed(VENDOR, value, *keys), OURS)
    assert f"not recorded: {place}\n    vendor: " in capsys.readouterr().out


def test_both_values_are_told() -> None:
    vendor = changed(VENDOR, ["ripe"], "components", "schemas", "farm.State", "enum")
    assert [Difference("schemas/farm.State/enum", ["ripe"], ["ripe", "sown"])] == compare(vendor, OURS)


def test_names_in_a_path_may_differ_and_are_then_a_difference_of_the_parameter() -> None:
    """`/v0/fields/{field_id}` is the same call as `/v0/fields/{id}`."""
    text = json.dumps(VENDOR).replace("{id}", "{fieldId}").replace('"name": "id"', '"name": "fieldId"')
    assert [Difference(f"{GET}/parameters/path:1/name", "fieldId", "id")] == compare(json.loads(text), OURS)


def test_a_schema_of_ours_may_join_several_of_the_vendors() -> None:
    """What only a sibling has is no difference; what none of them has is one."""
    vendor = changed(
        VENDOR,
        {"type": "object", "properties": {"age": {"type": "integer"}}},
        "components",
        "schemas",
        "farm.Old",
    )
    ours = changed(OURS, ["farm.Field", "farm.Old"], "components", "schemas", "Field", "x-vendor-schema")
    ours["components"]["schemas"]["Field"]["properties"]["age"] = {"type": "integer"}
    assert [] == compare(vendor, ours)
    ours["components"]["schemas"]["Field"]["properties"]["mood"] = {"type": "string"}
    assert [
        Difference("schemas/farm.Field/properties/mood", None, "present"),
        Difference("schemas/farm.Old/properties/mood", None, "present"),
    ] == compare(vendor, ours)


def test_a_schema_that_the_vendor_took_away_is_news() -> None:
    ours = changed(
        OURS, ["farm.State", "farm.Gone"], "components", "schemas", "FieldState", "x-vendor-schema"
    )
    assert [Difference("schemas/farm.Gone", None, "present")] == compare(VENDOR, ours)


def test_a_recorded_deviation_is_silent(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ours = changed(OURS, ["sown"], "components", "schemas", "FieldState", "enum")
    recorded = [deviation(at="schemas/farm.*/enum", vendor=["ripe", "sown"], ours=["sown"])]
    assert 0 == run(VENDOR, ours, recorded)
    assert "1 differences, 0 of them not recorded; 0 records no longer apply\n" == capsys.readouterr().out


def test_a_record_covers_only_the_values_it_names(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The vendor adds a word where we have a record: both the news and the record that is void are told."""
    ours = changed(OURS, ["sown"], "components", "schemas", "FieldState", "enum")
    vendor = changed(VENDOR, ["lost", "ripe", "sown"], "components", "schemas", "farm.State", "enum")
    recorded = [deviation(at="schemas/farm.State/enum", vendor=["ripe", "sown"], ours=["sown"])]
    assert 1 == run(vendor, ours, recorded)
    assert (
        "not recorded: schemas/farm.State/enum\n"
        '    vendor: ["lost", "ripe", "sown"]\n'
        '    ours:   ["sown"]\n'
        'no longer applies: one: schemas/farm.State/enum vendor=["ripe", "sown"] ours=["sown"]\n'
        "1 differences, 1 of them not recorded; 1 records no longer apply\n"
    ) == capsys.readouterr().out


def test_a_record_that_matches_nothing_fails(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == run(VENDOR, OURS, [deviation(at=f"{GET}/operationId", vendor=None)])
    assert f"no longer applies: one: {GET}/operationId vendor=null\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"id": "one", "what": "So.", "why": "Because.", "changes": []}, "#/0"),
        ({**deviation(at="x"), "who": "me"}, "#/0/who"),
        (deviation(vendor=1), "#/0/changes/0"),
        (deviation(at="x", theirs=1), "#/0/changes/0/theirs"),
    ],
)
def test_an_incomplete_record_is_refused(entry: Any, place: str, tmp_path: Path) -> None:
    """Without evidence a deviation is an opinion."""
    path = tmp_path / "deviations.yaml"
    path.write_text(yaml.safe_dump([entry]), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_deviations(path)
    assert place == caught.value.place
