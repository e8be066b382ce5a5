"""A construct that the generators do not understand stops them with its place; nothing is passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codegen import endpoints, models, spec
from codegen.document import SpecError

Edit = Callable[[str, Any], Any]

FIELDS = "/paths/~1v0~1fields"
FIELD = "/components/schemas/Field"
CREATE = "/components/schemas/FieldCreate"
GET = "/paths/~1v0~1field~1{field_id}/get"
DELETE = "/paths/~1v0~1field~1{field_id}/delete"
PNG = "/paths/~1v0~1field~1{field_id}~1png/post"
LIST = "/paths/~1v0~1field~1{field_id}~1crops/get"
CYCLE = "/x-life-cycles/crop"
TEXT = {"type": "string", "description": "Text."}


def refusal(document: Any) -> SpecError:
    """The error with which the generators stop."""
    with pytest.raises(SpecError) as caught:
        generate(document)
    return caught.value


def generate(document: Any) -> None:
    parsed = spec.parse(document)
    endpoints.emit(parsed)
    models.emit(parsed)


UNKNOWN = {
    "allOf": (
        f"{FIELD}/properties/geometry",
        {"allOf": [{"$ref": "#/components/schemas/Polygon"}]},
        "/allOf",
    ),
    "anyOf": (f"{FIELD}/properties/soil/anyOf", [TEXT], ""),
    "inline object": (
        f"{FIELD}/properties/soil",
        {"type": "object", "properties": {"ph": TEXT}},
        "/properties",
    ),
    "map without values": (f"{FIELD}/properties/notes/additionalProperties", False, ""),
    "map of unknown values": (f"{FIELD}/properties/notes", {"type": "object"}, ""),
    "two types": (f"{FIELD}/properties/from/type", ["string", "integer"], ""),
    "number or text without x-reads-as": (
        f"{FIELD}/properties/bbox/items",
        {"type": ["number", "string"]},
        "/type",
    ),
    "text without x-reads-as": (
        f"{FIELD}/properties/depth",
        {"type": ["string", "number", "boolean"]},
        "/type",
    ),
    "text that is never a boolean": (
        f"{FIELD}/properties/depth",
        {"type": ["string", "number"], "x-reads-as": "text"},
        "/type",
    ),
    "unknown reading": (
        f"{FIELD}/properties/depth",
        {"type": ["string", "number"], "x-reads-as": "words"},
        "/x-reads-as",
    ),
    "unknown type": (f"{FIELD}/properties/from/type", "file", ""),
    "unknown format": (f"{FIELD}/properties/from/format", "uuid", ""),
    "limit of another type": (f"{FIELD}/properties/from/minimum", 3, ""),
    "limit that is no number": (f"{CREATE}/properties/depth/minimum", "low", ""),
    "const": (f"{FIELD}/properties/from/const", "me", ""),
    "inline enum": (f"{FIELD}/properties/from/enum", ["me"], ""),
    "default": (f"{CREATE}/properties/dry_run/default", False, ""),
    "unknown extension of a property": (f"{FIELD}/properties/from/x-order", 3, ""),
    "unknown input": (f"{CREATE}/properties/geometry/x-input", "circle", ""),
    "schema that does not exist": (
        f"{FIELD}/properties/geometry/$ref",
        "#/components/schemas/Circle",
        f"#{FIELD}/properties/geometry",
    ),
    "reference into another file": (f"{FIELD}/properties/geometry/$ref", "other.yaml#/Circle", ""),
    "another use of oneOf": (f"{CREATE}/oneOf", [{"required": ["seed_ids", "plant_ids"]}], "/0"),
    "required property that does not exist": (f"{CREATE}/required", ["weight"], ""),
    "order of one": (f"{CREATE}/x-ordered", ["start"], ""),
    "component of another type": ("/components/schemas/Polygon/type", "array", ""),
    "component without a class name": (
        "/components/schemas/farm.Field",
        {"type": "string", "enum": ["a"]},
        "",
    ),
    "unknown extension of a component": (f"{FIELD}/x-table", "fields", ""),
    "extension of an operation": (f"{FIELDS}/get/x-cached", True, ""),
    "callbacks": (f"{FIELDS}/get/callbacks", {}, ""),
    "parameters of a path": (f"{FIELDS}/parameters", [], ""),
    "unknown method": (f"{FIELDS}/trace", {}, ""),
    "header parameter": (f"{FIELDS}/get/parameters/2/in", "header", ""),
    "parameter style": (f"{FIELDS}/get/parameters/2/style", "pipeDelimited", ""),
    "exploded list": (f"{FIELDS}/get/parameters/2/explode", True, f"#{FIELDS}/get/parameters/2"),
    "map as a parameter": (
        f"{FIELDS}/get/parameters/3/schema",
        {"type": "object", "additionalProperties": True},
        "",
    ),
    "unknown request class": (f"{FIELDS}/get/x-request-class", "maybe", ""),
    "unknown paging": (f"{FIELDS}/get/x-paging/style", "cursor", ""),
    "unknown items": (f"{FIELDS}/get/x-paging/items", "rows", ""),
    "unknown total": (f"{FIELDS}/get/x-paging/total", "pagination.sum", ""),
    "unknown status": (f"{FIELDS}/get/responses/3XX", {"description": "Elsewhere."}, ""),
    "unknown media type": (
        f"{FIELDS}/get/responses/200/content",
        {"application/xml": {"schema": TEXT}},
        "/application~1xml",
    ),
    "two media types": (
        f"{FIELDS}/get/responses/200/content/text~1csv",
        {"schema": TEXT},
        f"#{FIELDS}/get/responses/200/content",
    ),
    "body of plain text": (f"{FIELDS}/post/requestBody/content/application~1json/schema", TEXT, ""),
    "webhooks": ("/webhooks", {}, ""),
    "OpenAPI 3.0": ("/openapi", "3.0.3", ""),
    "life cycle of an unknown model": (f"{CYCLE}/model", "Weed", ""),
    "life cycle of an unknown property": (f"{CYCLE}/status", "mood", ""),
    "life cycle without evidence": (f"{CYCLE}/evidence", None, f"#{CYCLE}"),
    "life cycle without a timeout": (f"{CYCLE}/timeout", None, f"#{CYCLE}"),
    "life cycle with no time": (f"{CYCLE}/timeout", 0, ""),
    "life cycle of an unknown operation": (f"{CYCLE}/poll/operation", "GetCrop", f"#{CYCLE}/poll"),
    "life cycle that matches something else": (f"{CYCLE}/poll/match", ["crop_id"], ""),
    "sweep by what is no list": (f"{CYCLE}/sweep/operation", "packCrop", ""),
    "sweep by a listing of another resource": (f"{CYCLE}/sweep/operation", "ListFields", ""),
    "sweep narrowed by an unknown parameter": (f"{CYCLE}/sweep/narrow", {"seeds": "state"}, ""),
    "sweep narrowed by what takes no list": (f"{CYCLE}/sweep/narrow", {"id": "state"}, ""),
    "sweep narrowed by an unknown property": (f"{CYCLE}/sweep/narrow", {"states": "mood"}, ""),
    "sweep narrowed twice": (f"{CYCLE}/sweep/narrow", {"states": "state", "id": "id"}, ""),
    "sweep by ids and narrowed": (f"{CYCLE}/sweep/ids", "states", f"#{CYCLE}/sweep/narrow"),
    "sweep by ids that takes no list": ("/x-life-cycles/field/sweep/ids", "status", ""),
    "sweep with an unknown key": (f"{CYCLE}/sweep/by", "id", ""),
    "sweep for packages": (
        "/x-life-cycles/crop_package/sweep",
        {"operation": "ListCrops"},
        "",
    ),
    "what to look for without a listing": (f"{FIELDS}/post/x-reconcile/operation", "GetField", ""),
    "what to look for in a listing below": (f"{FIELDS}/post/x-reconcile/operation", "ListCrops", ""),
    "what to look for by an unknown id": (f"{FIELDS}/post/x-reconcile/id", "name", ""),
    "what to look for by an unknown filter": (
        f"{FIELDS}/post/x-reconcile/filter",
        {"name": "name"},
        "/name",
    ),
    "what to look for in an unknown place of the body": (
        f"{FIELDS}/post/x-reconcile/equal",
        {"bucket.size": "from"},
        "/bucket.size",
    ),
    "what to look for in an unknown place of the thing": (
        f"{FIELDS}/post/x-reconcile/equal",
        {"name": "owner.name"},
        "/name",
    ),
    "two that are many": (
        f"{FIELDS}/post/x-reconcile/many",
        {"seed_ids": "from", "plant_ids": "from"},
        "",
    ),
    "looking for what nobody creates": (
        f"{FIELDS}/get/x-reconcile",
        {"operation": "ListFields", "id": "field_id"},
        "",
    ),
    "a key that is no parameter of the path": (f"{GET}/x-key", {"crop_id": "field_id"}, "/crop_id"),
    "a key that is a parameter of the query": (f"{LIST}/x-key", {"states": "crops"}, "/states"),
    "a key that the answer does not have": (f"{GET}/x-key", {"field_id": "owner"}, "/field_id"),
    "a key that only the wrapper has": (f"{GET}/x-key", {"field_id": "field"}, "/field_id"),
    "a key of an answer that is no object": (f"{PNG}/x-key", {"field_id": "field_id"}, "/field_id"),
    "a key of an answer without content": (f"{DELETE}/x-key", {"field_id": "field_id"}, "/field_id"),
    "a key that lies deeper": (f"{GET}/x-key", {"field_id": "geometry.type"}, "/field_id"),
    "a key that is no text": (f"{GET}/x-key", {"field_id": 5}, "/field_id"),
    "life cycle with an unknown filter": (f"{CYCLE}/poll/filter", "crop", ""),
}
"""What is put where, and the place of the error: so much further in, or somewhere else."""


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_understood_stops_with_its_place(name: str, edited: Edit) -> None:
    pointer, value, further = UNKNOWN[name]
    place = refusal(edited(pointer, value)).place
    assert (further if further.startswith("#") else f"#{pointer}{further}") == place


COLLISIONS = {
    "with an option of a listing": (
        f"{FIELDS}/get/parameters/3/name",
        "prefetch",
        f"#{FIELDS}/get/parameters/3/schema",
    ),
    "between body and path": (
        "/components/schemas/CropCreate/properties/field_id",
        TEXT,
        "#/components/schemas/CropCreate/properties/field_id",
    ),
    "with self": (
        "/components/schemas/CropCreate/properties/self",
        TEXT,
        "#/components/schemas/CropCreate/properties/self",
    ),
    "with an option of a wait": (
        "/components/schemas/CropPackageCreate/properties/timeout",
        TEXT,
        "#/components/schemas/CropPackageCreate/properties/timeout",
    ),
    "of two properties": (f"{FIELD}/properties/minutes_left", TEXT, f"#{FIELD}/properties/minutes_left"),
    "with what models need": (f"{FIELD}/properties/to_dict", TEXT, f"#{FIELD}/properties/to_dict"),
    "of two methods": (f"{FIELDS}/post/x-method", "fields.list", f"#{FIELDS}/post/x-method"),
    "of two operations": (f"{FIELDS}/post/operationId", "ListFields", f"#{FIELDS}/post"),
}


@pytest.mark.parametrize("name", COLLISIONS)
def test_a_collision_of_names_stops_with_its_place(name: str, edited: Edit) -> None:
    pointer, value, place = COLLISIONS[name]
    assert place == refusal(edited(pointer, value)).place


@pytest.mark.parametrize("name", ["geometry", "status", "datetime", "minutesLeft", "soil", "labels"])
def test_answers_require_ids_only(name: str, edited: Edit) -> None:
    """Anything else that is required would turn an answer of use into an error."""
    error = refusal(edited(f"{FIELD}/required", ["field_id", name]))
    assert f"#{FIELD}/required" == error.place
    assert f"{name}: only an id can be required in a response" in error.message


def test_an_id_that_may_be_null_cannot_be_required(edited: Edit) -> None:
    """The field of the class has no room for None."""
    error = refusal(edited(f"{FIELD}/properties/field_id/type", ["string", "null"]))
    assert f"#{FIELD}/required" == error.place


def test_requests_have_no_null(edited: Edit) -> None:
    """`None` means leave out, so that null could not be said."""
    place = f"{CREATE}/properties/name"
    assert f"#{place}" == refusal(edited(f"{place}/type", ["string", "null"])).place


def test_every_property_is_described(edited: Edit) -> None:
    place = f"{FIELD}/properties/from"
    assert f"#{place}" == refusal(edited(f"{place}/description", None)).place


def test_a_page_parameter_that_the_style_needs_must_exist(edited: Edit) -> None:
    """Else the paginator would set a parameter that the API does not have."""
    error = refusal(edited(f"{FIELDS}/get/parameters/0/name", "start"))
    assert f"#{FIELDS}/get/x-paging" == error.place
    assert "offset-query needs 'offset' in the query" == error.message


def test_a_type_that_the_model_generator_loses_stops(edited: Edit) -> None:
    """datamodel-code-generator 0.89.0 forgets what a map holds that may be null; nothing would say so."""
    place = f"{FIELD}/properties/labels"
    maps = {"type": ["object", "null"], "additionalProperties": {"type": "string"}}
    error = refusal(edited(place, {"type": "array", "items": maps, "description": "Labels."}))
    assert f"#{place}" == error.place
    assert "list[dict[str, str] | None] | None is expected" in error.message


@pytest.mark.parametrize("operation", ["get", "post"])
def test_v3_an_operation_that_does_not_say_what_a_second_sending_does_stops(
    operation: str, edited: Edit
) -> None:
    """Nothing is guessed: what was overlooked is neither resent nor held back."""
    error = refusal(edited(f"{FIELDS}/{operation}/x-request-class", None))
    assert (f"#{FIELDS}/{operation}", True) == (error.place, "x-request-class" in error.message)
