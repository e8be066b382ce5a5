"""Bytes of JSON: what is written, and how tolerantly they are parsed."""

import json
import math
from datetime import date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from things import Mood, Number, Text, Thing, json_values

from pixxel_async._codec import explaining
from pixxel_async._codec.explaining import StructureError
from pixxel_async._codec.json_bytes import BodyError, encode, loads
from pixxel_async._codec.model import json_value
from pixxel_async.errors import InvalidInput

# Writing


def test_a_model_is_written_with_wire_names_and_without_none():
    assert b'{"eo:size":1.5,"mood":"calm"}' == encode(Thing(size=1.5, mood=Mood.CALM))


@pytest.mark.parametrize(
    "value",
    [
        Thing(anything={"parts": [Thing(name="a"), {"deep": Thing(size=2)}], "mood": Mood.CALM}),
        explaining.read({"name": "a", "new": {"deep": [1, None]}}, Thing),
        {Mood.CALM: (1, 2.5, True), "proxy": MappingProxyType({"a": {1}, "b": frozenset()})},
        [datetime(2024, 5, 27, 8, 50, tzinfo=timezone(timedelta(hours=2))), date(2024, 5, 27)],
        [Number(0.1), Text("a"), {Text("key"): 1}],
    ],
    ids=["models", "extra", "mappings", "times", "subclasses"],
)
def test_what_is_written_is_what_to_dict_says(value):
    """Although it is written without being made into plain values first."""
    assert json.loads(encode(value)) == json.loads(json.dumps(json_value(value), default=str))


def test_a_time_without_zone_is_not_written():
    with pytest.raises(InvalidInput, match="has no time zone: make it aware"):
        encode(Thing(anything={"since": datetime(2024, 5, 27)}))


def test_a_null_inside_free_json_is_written():
    assert b'{"anything":{"deep":[null]}}' == encode(Thing(anything={"deep": [None]}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Thing(box=[1.0, math.nan]), "$.box[1]: nan cannot be sent, JSON has only finite numbers"),
        (Thing(size=-math.inf), "$['eo:size']: -inf cannot be sent, JSON has only finite numbers"),
        ({"a": {"b c": [math.inf]}}, "$.a['b c'][0]: inf cannot be sent, JSON has only finite numbers"),
        ({"a": 2**64}, "$.a: 18446744073709551616 is too large to be sent"),
        ({"a": {1: 2}}, "$.a: the key 1 is not a string"),
        ({"a": "\ud800"}, "$.a: a text with a lone surrogate, which UTF-8 cannot carry"),
        ({"a": {"\ud800": 1}}, "$.a: the key '\\ud800' has a lone surrogate, which UTF-8 cannot carry"),
        ({"a": b"x"}, "$.a: a bytes cannot be sent as JSON"),
        ({"a": object()}, "$.a: a object cannot be sent as JSON"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_path(value, message):
    with pytest.raises(InvalidInput) as caught:
        encode(value)
    assert message == str(caught.value)


def test_endless_nesting_cannot_be_written():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidInput, match="nested too deep"):
        encode(value)


# Bytes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        ('{"a": "é"}'.encode("utf-16-le"), {"a": "é"}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[NaN, Infinity, -Infinity, 1e999, 1.5]", [None, None, None, None, 1.5]),
        (b'"pong"', "pong"),
        (b"  12 ", 12),
    ],
)
def test_g6_g7_json_is_read_tolerantly(data, expected):
    assert expected == loads(data)


def test_g5_not_a_number_is_none_in_a_field_and_makes_a_list_none():
    assert Thing() == explaining.read(loads(b'{"eo:size": NaN}'), Thing)
    thing = explaining.read(loads(b'{"box": [NaN, 1]}'), Thing)
    assert (None, {"box": [None, 1]}) == (thing.box, thing.extra)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not JSON: "),
        (b"<!DOCTYPE html>", "not JSON: "),
        (b'{"a": 1', "not JSON: "),
        (b'{"a": 1}{"a": 2}', "not JSON: "),
        (b"\x00\x01\x02\xff", "not JSON: "),
        ('{"a": "é"}'.encode("latin-1"), "not JSON: .* at byte 7, the text is not UTF-8"),
        (b"9" * 5000, "not usable JSON: "),
        (b"[" * 100_000, "JSON nested too deep"),
        (b'{"a":' * 100_000, "JSON nested too deep"),
    ],
    ids=["empty", "html", "cut", "doubled", "binary", "latin-1", "5000 digits", "deep lists", "deep objects"],
)
def test_g2_g4_g6_what_is_not_json_is_a_body_error(data, problem):
    with pytest.raises(BodyError, match=problem):
        loads(data)


@pytest.mark.parametrize(
    ("data", "returns"),
    [
        (b'{"name": {"\\ud800": 1}}', Thing),
        (b'{"tags": "\\ud800\\udfff"}', Thing),
        (b'{"labels": {"\\udc00": []}}', Thing),
        (b'{"by_key": {"\\udc00": {"name": []}}}', Thing),
    ],
)
def test_g6_a_lone_surrogate_makes_no_message_that_cannot_be_written(data, returns):
    with pytest.raises(StructureError) as caught:
        explaining.read(loads(data), returns)
    assert str(caught.value).encode()


@given(json_values)
def test_what_is_written_reads_back(value):
    assert value == loads(encode(value)) == json.loads(encode(value))


@given(st.binary(max_size=60) | st.text('[]{},:"\\u0eE+-.truefalsnNaIity ', max_size=60).map(str.encode))
def test_any_bytes_are_json_or_a_body_error(data):
    try:
        value = loads(data)
    except BodyError:
        return
    assert json_value(value) == value
