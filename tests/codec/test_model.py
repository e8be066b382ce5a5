"""What all models share, seen on small models of our own."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import attrs
import pytest

from pixxel_async._codec.model import Model, Sensitive, WireName, json_value, members, model
from pixxel_async._codec.open_enum import OpenEnum


class Mood(OpenEnum):
    CALM = "calm"


@model
class Band(Model):
    name: str | None = None
    cloud_cover: Annotated[float | None, WireName("eo:cloud_cover")] = None
    mood: Mood | None = None
    seen_at: datetime | None = None
    secrets: Annotated[dict[str, str] | None, WireName("theSecrets"), Sensitive()] = None
    parts: "list[Band] | None" = None


class Counter:
    """Counts how often it is asked to convert."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, value: str) -> str:
        self.calls += 1
        return value.upper()


shout = Counter()


@model
class Shout(Model):
    text: str = attrs.field(converter=shout)


def with_extra(instance: Model, **extra: Any) -> Any:
    instance.extra = extra
    return instance


def test_models_are_made_by_keyword_and_start_empty():
    band = Band(name="B01")
    assert ("B01", None, None) == (band.name, band.cloud_cover, band.extra)
    with pytest.raises(TypeError):
        Band("B01")
    with pytest.raises(TypeError):
        Band(extra={})


def test_a_misspelt_attribute_is_an_error():
    with pytest.raises(AttributeError):
        Band().nmae = "B01"


def test_the_wire_name_stands_beside_the_field():
    expected = ["name", "eo:cloud_cover", "mood", "seen_at", "theSecrets", "parts"]
    assert expected == [member.wire for member in members(Band)]


@model
class Twin(Model):
    text: str | None = None


@model
class OtherTwin(Model):
    text: str | None = None


def test_models_are_equal_by_class_fields_and_extra():
    assert Band(name="B01", parts=[Band(name="b")]) == Band(name="B01", parts=[Band(name="b")])
    assert Band(name="B01") != Band(name="B02")
    assert Band(name="B01") != with_extra(Band(name="B01"), new=1)
    assert Twin(text="a") != OtherTwin(text="a")
    assert Twin() != None  # noqa: E711  # the very comparison is tested


def test_models_can_change_so_they_are_not_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Band())


def test_repr_shows_what_is_set_and_hides_what_is_sensitive():
    band = Band(name="B01", cloud_cover=0.0, secrets={"secret_access_key": "hunter2"}, parts=[])
    assert "Band(name='B01', cloud_cover=0.0, secrets=***, parts=[])" == repr(band)
    assert "Band(extra={'new': 1})" == repr(with_extra(Band(), new=1))


def test_repr_hides_what_is_sensitive_and_could_not_be_read():
    band = with_extra(Band(), theSecrets={"secret_access_key": None, "other": "hunter2"}, new=1)
    assert "Band(extra={'theSecrets': ***, 'new': 1})" == repr(band)
    assert "hunter2" in str(band.to_dict())


def test_models_survive_copying_and_pickling_with_their_extra():
    band = with_extra(Band(mood=Mood("wild"), parts=[Band(name="b")]), new=[1])
    copies = [pickle.loads(pickle.dumps(band, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    copies += [copy.copy(band), copy.deepcopy(band)]
    assert [band] * len(copies) == copies
    assert copies[-1].parts[0] is not band.parts[0]
    assert copies[-1].extra["new"] is not band.extra["new"]


def test_a_pickle_of_an_older_release_has_none_for_a_newer_field():
    band = Band.__new__(Band)
    band.__setstate__({"name": "B01"})
    assert Band(name="B01") == band


def test_unpickling_does_not_convert_a_second_time():
    sent = Shout(text="hello")
    calls = shout.calls
    assert "HELLO" == pickle.loads(pickle.dumps(sent)).text
    assert calls == shout.calls


def test_to_dict_has_wire_names_and_leaves_out_none():
    band = Band(
        cloud_cover=12.5,
        mood=Mood.CALM,
        seen_at=datetime(2024, 5, 27, 8, 50, tzinfo=timezone(timedelta(hours=2))),
        parts=[Band(mood=Mood("wild"))],
    )
    expected = {
        "eo:cloud_cover": 12.5,
        "mood": "calm",
        "seen_at": "2024-05-27T06:50:00Z",
        "parts": [{"mood": "wild"}],
    }
    assert expected == band.to_dict()
    assert str is type(band.to_dict()["mood"])


def test_to_dict_puts_unknown_keys_back_in_their_place():
    band = Band(parts=[with_extra(Band(name="b"), new={"deep": [1, None]})])
    assert {"parts": [{"name": "b", "new": {"deep": [1, None]}}]} == band.to_dict()


def test_to_dict_shares_no_list_with_the_model():
    band = Band(parts=[Band(name="b")])
    band.to_dict()["parts"].append("changed")
    assert [Band(name="b")] == band.parts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2.5, None, True, "x"), [1, 2.5, None, True, "x"]),
        ({Mood.CALM: [Band(name="b")]}, {"calm": [{"name": "b"}]}),
        ({"dates": {"2024_05_06": 1}}, {"dates": {"2024_05_06": 1}}),
        ([datetime(2024, 5, 27, 6, 50, 20, 56549, tzinfo=UTC)], ["2024-05-27T06:50:20.056549Z"]),
    ],
)
def test_containers_become_json_values(value, expected):
    assert expected == json_value(value)
