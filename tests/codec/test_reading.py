"""JSON to models and back: hand-made cases, then every answer schema of the spec under Hypothesis."""

import json
import threading
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from things import Mood, Named, Thing, json_values

from pixxel_async import models
from pixxel_async._codec import explaining
from pixxel_async._codec.explaining import StructureError
from pixxel_async._codec.json_bytes import encode, loads
from pixxel_async._codec.model import Model, members, model
from pixxel_async.models import answers

# Reading


def test_g9_missing_and_null_fields_are_none():
    assert Thing(name="a") == explaining.read({"name": "a", "count": None}, Thing)


def test_every_kind_of_field_is_read():
    raw = {
        "name": "a",
        "eo:size": 1.5,
        "count": 3,
        "is_new": False,
        "mood": "calm",
        "made_at": "2024-05-27T06:50:20Z",
        "tags": ["x"],
        "box": [1, 2.5],
        "outline": [[[1.0, 2.0]]],
        "labels": {"k": "v"},
        "anything": {"deep": [None]},
        "twin": {"name": "b"},
        "parts": [{"name": "c", "parts": []}],
        "by_key": {"d": {"count": 1}},
    }
    expected = Thing(
        name="a",
        size=1.5,
        count=3,
        is_new=False,
        mood=Mood.CALM,
        made_at=datetime(2024, 5, 27, 6, 50, 20, tzinfo=UTC),
        tags=["x"],
        box=[1, 2.5],
        outline=[[[1.0, 2.0]]],
        labels={"k": "v"},
        anything={"deep": [None]},
        twin=Thing(name="b"),
        parts=[Thing(name="c", parts=[])],
        by_key={"d": Thing(count=1)},
    )
    result = explaining.read(raw, Thing)
    assert expected == result
    assert Mood.CALM is result.mood


@pytest.mark.parametrize(
    ("raw", "returns", "expected"),
    [
        ([{"name": "a"}], list[Thing], [Thing(name="a")]),
        ({"k": {"name": "a"}}, dict[str, Thing], {"k": Thing(name="a")}),
        ({"k": [{"name": "a"}]}, dict[str, list[Thing]], {"k": [Thing(name="a")]}),
        ("pong", str, "pong"),
        ([1, {}], Any, [1, {}]),
    ],
)
def test_an_endpoint_may_return_more_than_one_model(raw, returns, expected):
    assert expected == explaining.read(raw, returns)


def test_g10_unknown_keys_are_kept_and_come_back():
    raw = {"name": "a", "new": {"x": None}, "parts": [{"newer": None}]}
    thing = explaining.read(raw, Thing)
    assert ({"new": {"x": None}}, {"newer": None}) == (thing.extra, thing.parts[0].extra)
    assert raw == thing.to_dict()


def test_a_model_without_surprises_has_no_extra():
    assert explaining.read({"name": "a", "count": None}, Thing).extra is None


def test_g11_an_unknown_word_survives():
    mood = explaining.read({"mood": "stormy"}, Thing).mood
    assert (Mood, "stormy") == (type(mood), mood)


IST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-27T06:50:20.056549Z", datetime(2024, 5, 27, 6, 50, 20, 56549, tzinfo=UTC)),
        ("2022-11-14T12:55:49.125928+00:00", datetime(2022, 11, 14, 12, 55, 49, 125928, tzinfo=UTC)),
        ("2022-11-14 12:55:49.125928+00:00", datetime(2022, 11, 14, 12, 55, 49, 125928, tzinfo=UTC)),
        ("2022-11-14T12:55:49+05:30", datetime(2022, 11, 14, 12, 55, 49, tzinfo=IST)),
        ("2024-05-27T06:50:20.123456789Z", datetime(2024, 5, 27, 6, 50, 20, 123456, tzinfo=UTC)),
        ("2022-11-14T12:55:49", datetime(2022, 11, 14, 12, 55, 49, tzinfo=UTC)),
        ("2022-11-14", datetime(2022, 11, 14, tzinfo=UTC)),
        ("2024_05_06", datetime(2024, 5, 6, tzinfo=UTC)),
        ("15-05-2024", datetime(2024, 5, 15, tzinfo=UTC)),
    ],
)
def test_g14_every_shape_of_timestamp_is_read(text, expected):
    thing = explaining.read({"made_at": text}, Thing)
    assert (expected, None) == (thing.made_at, thing.extra)
    assert thing.made_at is None or thing.made_at.tzinfo is not None


def test_g14_an_empty_time_is_none_without_a_warning_and_comes_back():
    """The API writes it for a time that has not come yet."""
    thing, unreadable = read({"made_at": ""}, Thing)
    assert (None, []) == (thing.made_at, unreadable)
    assert {"made_at": ""} == thing.to_dict()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"eo:size": "45.5"}, Thing(size=45.5)),
        ({"eo:size": "-1e3"}, Thing(size=-1000.0)),
        ({"eo:size": "0"}, Thing(size=0.0)),
        ({"eo:size": "9007199254740993"}, Thing(size=9007199254740993)),
        ({"box": ["77.5", 12, 1.5]}, Thing(box=[77.5, 12, 1.5])),
        ({"outline": [[["77.5", 1.5], [1, 2.5, 3]]]}, Thing(outline=[[[77.5, 1.5], [1, 2.5, 3]]])),
        ({"count": 3.0}, Thing(count=3)),
        ({"count": "12"}, Thing(count=12)),
        ({"count": "3.0"}, Thing(count=3)),
        ({"count": "9007199254740993"}, Thing(count=9007199254740993)),
        ({"name": 0.8}, Thing(name="0.8")),
        ({"name": 12}, Thing(name="12")),
        ({"name": False}, Thing(name="false")),
        ({"mood": 7}, Thing(mood=Mood("7"))),
        ({"spans": [["a", None], [1]]}, Thing(spans=[["a", None], ["1"]])),
        ({"tags": ["a", 1, True]}, Thing(tags=["a", "1", "true"])),
        ({"labels": {"k": 1.5}}, Thing(labels={"k": "1.5"})),
    ],
)
def test_g12_what_loses_nothing_is_read_in_silence(raw, expected):
    thing, unreadable = read(raw, Thing)
    assert expected == thing
    assert (None, []) == (thing.extra, unreadable)
    assert {type(each) for each in thing.to_dict().values()} == {
        type(each) for each in expected.to_dict().values()
    }


def read(raw, returns):
    """The result, and what was reported as unreadable."""
    unreadable = []
    result = explaining.read(
        raw, returns, on_unreadable=lambda path, problem: unreadable.append((path, problem))
    )
    return result, unreadable


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("eo:size", "abc", "expected a number, got a string"),
        ("eo:size", "", "expected a number, got a string"),
        ("eo:size", "nan", "expected a number, got a string"),
        ("eo:size", "1e999", "expected a number, got a string"),
        ("eo:size", "1_0", "expected a number, got a string"),
        ("eo:size", "+1", "expected a number, got a string"),
        ("eo:size", "01", "expected a number, got a string"),
        ("eo:size", ".5", "expected a number, got a string"),
        ("eo:size", " 1", "expected a number, got a string"),
        ("eo:size", "1\n", "expected a number, got a string"),
        ("eo:size", "\u0663", "expected a number, got a string"),
        ("eo:size", False, "expected a number, got a boolean"),
        ("count", "x", "expected a whole number, got a string"),
        ("count", "9" * 5000, "expected a whole number, got a string"),
        ("count", "3.5", "expected a whole number, got a string"),
        ("count", 3.5, "expected a whole number, got a number"),
        ("count", True, "expected a whole number, got a boolean"),
        ("is_new", "false", "expected true or false, got a string"),
        ("is_new", 0, "expected true or false, got a number"),
        ("made_at", 1716792620, "expected a time as a string, got a number"),
        ("made_at", "soon", "expected a time, got a string"),
        ("made_at", "2022-11-14 12:55:49 +0000 UTC", "expected a time, got a string"),
        ("made_at", "2024-13-01", "expected a time, got a string"),
        ("made_at", "31_12_2024", "expected a time, got a string"),
        ("made_at", "\ud800", "expected a time, got a string"),
        ("owner_id", 7, "expected a string, got a number"),
        ("tags", ["a", None], "expected a string, got null"),
        ("box", [1, "x"], "expected a number, got a string"),
        ("box", [1, True], "expected a number, got a boolean"),
        ("outline", [[[1.0, 2.0], [1.0, "x"]]], "expected a number, got a string"),
        ("outline", [[[1.0, 2.0], [1.0, None]]], "expected a number, got null"),
        ("outline", [[[1.0, False]]], "expected a number, got a boolean"),
        ("outline", [[[1.0, 2.0, "x"]]], "expected a number, got a string"),
        ("labels", {"k": None}, "expected a string, got null"),
    ],
)
def test_g12_g14_g18_an_optional_field_that_cannot_be_read_is_none_and_its_value_comes_back(
    key, value, problem
):
    """Wherever it is; all else is read, and the problem does not hold the value."""
    place = f".{key}" if key.isidentifier() else f"[{key!r}]"
    raw = {"name": "a", "parts": [{}, {"by_key": {"x y": {key: value, "anything": 1, "new": 2}}}]}
    thing, unreadable = read(raw, Thing)
    (deep,) = thing.parts[1].by_key.values()
    assert {key: value, "new": 2} == deep.extra
    deep.extra = {"new": 2}
    assert (Thing(anything=1).to_dict() | {"new": 2}) == deep.to_dict()
    deep.extra = {key: value, "new": 2}
    assert raw == thing.to_dict()
    assert [(f"$.parts[].by_key.*{place}", problem)] == unreadable


def test_a_field_set_later_stands_before_the_value_that_could_not_be_read():
    thing = explaining.read({"made_at": "soon", "count": "x"}, Thing)
    thing.made_at = datetime(2024, 5, 27, tzinfo=UTC)
    thing.count = 0
    assert {"made_at": "2024-05-27T00:00:00Z", "count": 0} == thing.to_dict()


def test_each_field_that_cannot_be_read_is_reported():
    _, unreadable = read([{"count": "x", "is_new": 1}, {"count": "y"}], list[Thing])
    assert ["$[].count", "$[].is_new", "$[].count"] == [path for path, _ in unreadable]


def test_an_index_of_the_callers_path_is_left_out():
    unreadable = []
    explaining.read(
        {"count": "x"},
        Thing,
        path="$.blocks[0]",
        on_unreadable=lambda path, problem: unreadable.append(path),
    )
    assert ["$.blocks[].count"] == unreadable


@pytest.mark.parametrize(
    ("raw", "returns", "message"),
    [
        ({"name": ["a"]}, Thing, "$.name: expected a string, got a list of 1"),
        ({"mood": []}, Thing, "$.mood: expected a string, got a list of 0"),
        ({"made_at": {}}, Thing, "$.made_at: expected a time as a string, got an object"),
        ({"eo:size": [1]}, Thing, "$['eo:size']: expected a number, got a list of 1"),
        ({"tags": "abc"}, Thing, "$.tags: expected a list, got a string 'abc'"),
        ({"tags": {}}, Thing, "$.tags: expected a list, got an object"),
        ({"tags": ["a", {}]}, Thing, "$.tags[1]: expected a string, got an object"),
        ({"outline": {}}, Thing, "$.outline: expected a list, got an object"),
        ({"outline": [{}]}, Thing, "$.outline[0]: expected a list, got an object"),
        ({"outline": [[[1.0, 2.0], "xy"]]}, Thing, "$.outline[0][1]: expected a list, got a string 'xy'"),
        ({"outline": [[{"1": 1, "2": 2}]]}, Thing, "$.outline[0][0]: expected a list, got an object"),
        ({"outline": [[1.0, 2.0]]}, Thing, "$.outline[0][0]: expected a list, got a number 1.0"),
        ({"spans": [["a", None], [{}]]}, Thing, "$.spans[1][0]: expected a string, got an object"),
        ({"labels": []}, Thing, "$.labels: expected an object, got a list of 0"),
        ({"labels": {"a b": []}}, Thing, "$.labels['a b']: expected a string, got a list of 0"),
        ({"twin": "b"}, Thing, "$.twin: expected an object, got a string 'b'"),
        ({"twin": ""}, Thing, "$.twin: expected an object, got a string ''"),
        ({"twin": []}, Thing, "$.twin: expected an object, got a list of 0"),
        ({"parts": [["name"]]}, Thing, "$.parts[0]: expected an object, got a list of 1"),
        ({"parts": [{}, ""]}, Thing, "$.parts[1]: expected an object, got a string ''"),
        ({"parts": [{"name": "a"}, "x"]}, Thing, "$.parts[1]: expected an object, got a string 'x'"),
        (
            {"parts": [{}, {"twin": {"count": {}}}]},
            Thing,
            "$.parts[1].twin.count: expected a whole number, got an object",
        ),
        ({"parts": [{}, None]}, Thing, "$.parts[1]: expected an object, got null"),
        ({"by_key": {"k": {"name": {}}}}, Thing, "$.by_key.k.name: expected a string, got an object"),
        ("text", int, "$: expected a whole number, got a string 'text'"),
        ([1, "x"], list[int], "$[1]: expected a whole number, got a string 'x'"),
        ([{"name": "a"}, 5], list[Thing], "$[1]: expected an object, got a number 5"),
        ({"name": "a"}, list[Thing], "$: expected a list, got an object"),
        ([], dict[str, Thing], "$: expected an object, got a list of 0"),
        (None, Thing, "$: expected an object, got null"),
        ("text", Thing, "$: expected an object, got a string 'text'"),
        ({"name": {"k": 1}, "count": "x"}, Thing, "$.name: expected a string, got an object"),
        ({}, Named, "$['thing:id']: missing"),
        ({"id": "n-1"}, Named, "$['thing:id']: missing"),
        ({"thing:id": None}, Named, "$['thing:id']: expected a string, got null"),
        ({"thing:id": 7}, Named, "$['thing:id']: expected a string, got a number 7"),
        ({"owner": {}}, Thing, "$.owner['thing:id']: missing"),
        ({"named": [{"thing:id": "n-1"}, {"note": "x"}]}, Thing, "$.named[1]['thing:id']: missing"),
        ({"named": [{"thing:id": 7}]}, Thing, "$.named[0]['thing:id']: expected a string, got a number 7"),
        (
            {"count": "x", "owner": {"thing:id": True}},
            Thing,
            "$.owner['thing:id']: expected a string, got true",
        ),
    ],
)
def test_g9_g15_a_container_of_the_wrong_kind_or_an_id_is_an_error_that_names_the_path(raw, returns, message):
    with pytest.raises(StructureError) as caught:
        explaining.read(raw, returns)
    assert message == str(caught.value)


def test_objects_of_any_keys_in_any_order_are_read_alike():
    """Readers are written for a set of keys, and for no more than a few of them."""
    whole = {
        "name": "a",
        "eo:size": 1,
        "count": 2,
        "made_at": "",
        "new": 3,
        "": 4,
        "tags": ["x"],
        "twin": {"count": 1},
    }
    random = Random(1)
    raws = [
        dict(random.sample(sorted(whole.items(), key=str), random.randint(0, len(whole)))) for _ in range(300)
    ]
    raws += [{f"new {number}": 1 for number in range(1000)}, {"name": "b"}]
    things = explaining.read(raws, list[Thing])
    assert raws == [thing.to_dict() for thing in things]
    assert [explaining.read({"name": None} | raw, Thing) for raw in raws] == things
    for raw, thing in zip(raws, things, strict=True):
        known = {member.wire: member.attribute for member in members(Thing)}
        assert (raw.keys() & known.keys()) - {"made_at"} == {
            key for key, name in known.items() if getattr(thing, name) is not None
        }


def test_a_required_field_is_read_beside_what_may_be_missing():
    raw = {"thing:id": "n-1", "note": None, "new": 1}
    named = explaining.read(raw, Named)
    assert ("n-1", None, {"new": 1}) == (named.id, named.note, named.extra)
    assert {"thing:id": "n-1", "new": 1} == named.to_dict()
    assert explaining.read({"thing:id": "n-1"}, Named).extra is None


def test_coordinates_are_passed_on_not_copied():
    """There may be millions."""
    outline = [[[1.5, 2.5], [3, 4]]]
    assert outline is explaining.read({"outline": outline}, Thing).outline


def test_the_path_starts_where_the_caller_says():
    with pytest.raises(StructureError) as caught:
        explaining.read({"name": []}, Thing, path="$.project")
    assert ("$.project.name", "expected a string, got a list of 0") == (
        caught.value.path,
        caught.value.message,
    )


def test_a_long_value_is_shortened_and_controls_are_escaped_in_messages():
    with pytest.raises(StructureError) as caught:
        explaining.read({"tags": "\x1b[2J" + "x" * 1000}, Thing)
    expected = f"$.tags: expected a list, got a string '\\x1b[2J{'x' * 36}…'"
    assert expected == str(caught.value)


def test_no_foreign_exception_hangs_on_the_error():
    with pytest.raises(StructureError) as caught:
        explaining.read({"name": []}, Thing)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_nesting_without_end_is_no_crash():
    raw: dict[str, Any] = {}
    for _ in range(10_000):
        raw = {"twin": raw}
    try:
        depth = depth_of(explaining.read(raw, Thing))
    except StructureError as error:
        assert error.message == "nested too deep"  # noqa: PT017  # whether it comes is up to the interpreter
    else:
        assert 10_000 == depth  # CPython 3.13.0 does not count these calls


def depth_of(thing: Thing) -> int:
    depth = 0
    while thing.twin is not None:
        thing, depth = thing.twin, depth + 1
    return depth


def test_the_first_readings_of_a_class_may_happen_in_many_threads():
    @model
    class Fresh(Model):
        parts: list[Thing] | None = None
        twin: Thing | None = None

    results: list[Any] = []
    barrier = threading.Barrier(8)

    def read() -> None:
        barrier.wait(10)
        results.append(explaining.read({"parts": [{"name": "a"}], "twin": {"name": "b"}}, Fresh))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [Fresh(parts=[Thing(name="a")], twin=Thing(name="b"))] * 8 == results


# Every answer schema of the spec

SPEC = yaml.safe_load((Path(__file__).parents[2] / "openapi" / "pixxel.yaml").read_text("utf-8"))
SCHEMAS: dict[str, Any] = SPEC["components"]["schemas"]
ANSWERS = sorted(
    name for name, cls in vars(answers).items() if attrs.has(cls) and cls is not Model and name in SCHEMAS
)

TIME_SHAPES = [
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%S.%f+00:00",
    "%Y-%m-%d %H:%M:%S.%f+00:00",
    "%Y-%m-%dT%H:%M:%S.%f+05:30",
    "%Y-%m-%d",
    "%Y_%m_%d",
    "%d-%m-%Y",
]
# Day and year have fixed widths on all platforms only from the year 1000 on.
moments = st.datetimes(min_value=datetime(1000, 1, 1))
timestamps = st.builds(datetime.strftime, moments, st.sampled_from(TIME_SHAPES)) | st.sampled_from(
    ["", "soon", "0"]
)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=8)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def kinds(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def answers_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON that a schema allows, with what is not required dropped and nulled, and unknown fields added."""
    if "$ref" in schema:
        return component(schema["$ref"].rpartition("/")[2])
    if not kinds(schema):
        return json_values
    if schema.get("x-reads-as") == "number":
        return numbers | numbers.map(repr)
    if schema.get("x-reads-as") == "text":
        return words | numbers | st.booleans()
    return st.one_of(*(of_kind(kind, schema) for kind in kinds(schema)))


@cache
def component(name: str) -> st.SearchStrategy[Any]:
    return answers_of(SCHEMAS[name])


def of_kind(kind: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if kind == "string":
        if "enum" in schema:
            return st.sampled_from(schema["enum"]) | words
        return timestamps if schema.get("format") == "date-time" else words
    if kind == "array":
        return st.lists(answers_of(schema["items"]), max_size=2)
    if kind == "object":
        return of_object(schema)
    return {
        "null": st.none(),
        "boolean": st.booleans(),
        "number": numbers,
        "integer": st.integers(-(2**53), 2**53),
    }[kind]


def of_object(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    other = answers_of(others) if isinstance(others, dict) else json_values
    unknown = words.filter(lambda key: key not in properties)
    if not properties:
        return st.dictionaries(unknown, other, max_size=2)
    required = schema.get("required", [])
    known = st.fixed_dictionaries(
        {key: answers_of(properties[key]) for key in required},
        optional={
            key: st.none() | answers_of(value) for key, value in properties.items() if key not in required
        },
    )
    return st.builds(dict.__or__, known, st.dictionaries(unknown, other, max_size=1))


def expected(raw: Any, schema: dict[str, Any]) -> Any:
    """What must come back for JSON of a schema: nulls gone, numbers as numbers, times as instants."""
    schema = resolved(schema)
    if schema.get("x-reads-as") == "number":
        return float(raw)
    if schema.get("x-reads-as") == "text" and raw is not None:
        return raw if isinstance(raw, str) else json.dumps(raw)
    if schema.get("format") == "date-time" and isinstance(raw, str):
        return instant(raw)
    if isinstance(raw, list) and "items" in schema:
        return [expected(item, schema["items"]) for item in raw]
    if isinstance(raw, dict) and "properties" in schema:
        properties = schema["properties"]
        return {
            key: expected(value, properties.get(key, {}))
            for key, value in raw.items()
            if not (key in properties and value is None)
        }
    if isinstance(raw, dict) and isinstance(schema.get("additionalProperties"), dict):
        return {key: expected(value, schema["additionalProperties"]) for key, value in raw.items()}
    return raw


def instant(text: str) -> Any:
    """Seconds since 1970, read in another way than the SDK does; the text itself if it is no time."""
    for shape in [
        *TIME_SHAPES[-3:],
        "%Y-%m-%dT%H:%M:%S.%f%z",
        "%Y-%m-%d %H:%M:%S.%f%z",
        "%Y-%m-%dT%H:%M:%S%z",
    ]:
        try:
            moment = datetime.strptime(text, shape)
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return text


def test_there_are_answer_schemas():
    assert {"AOI", "Order", "STACItemCollection", "Job", "Pagination"} <= set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_answer_that_the_spec_allows_is_read_and_comes_back(name, data):
    raw = data.draw(component(name))
    schema = {"$ref": f"#/components/schemas/{name}"}
    result = explaining.read(raw, getattr(models, name))
    assert isinstance(result, getattr(models, name))
    assert expected(raw, schema) == expected(result.to_dict(), schema)
    assert result == explaining.read(loads(encode(result)), type(result))


def path_of_error(raw: Any, returns: Any) -> str | None:
    try:
        explaining.read(raw, returns)
    except StructureError as error:
        return error.path
    return None


@pytest.mark.parametrize("name", ANSWERS)
def test_any_field_of_a_wrong_type_is_named(name):
    cls = getattr(models, name)
    least = dict.fromkeys(SCHEMAS[name].get("required", []), "x")
    for member in members(cls):
        step = f".{member.wire}" if member.wire.isidentifier() else f"[{member.wire!r}]"
        expected = None if member.type is Any else f"$[1]{step}"
        wrong = {} if member.type is Any or "list" in str(member.type) else [None]
        assert expected == path_of_error([least, least | {member.wire: wrong}], list[cls])


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_but_an_id_must_be_there(name):
    least = dict.fromkeys(SCHEMAS[name].get("required", []), "x")
    assert least == explaining.read(least, getattr(models, name)).to_dict()
    for key in least:
        assert f"$[0].{key}" == path_of_error([{}], list[getattr(models, name)])
        assert f"$[0].{key}" == path_of_error([{key: None}], list[getattr(models, name)])


def test_the_things_whose_ids_other_calls_take_have_them():
    with_id = {name for name in ANSWERS if "required" in SCHEMAS[name]}
    expected = {
        *("AOI", "AOIDownload", "Asset", "Bandset", "Catalog", "CatalogDownload", "Collection", "Delivery"),
        *("Index", "Insight", "InsightCreated", "Job", "Project", "STACItem", "Satellite"),
        *("SatelliteCollection", "Store", "Visualization", "Workflow"),
    }
    assert expected == with_id
