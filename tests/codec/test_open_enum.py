"""Words out of lists that may grow."""

import copy
import json
import pickle

import orjson
import pytest

from pixxel_async._codec.open_enum import OpenEnum


class Status(OpenEnum):
    SUCCESS = "success"
    FAILED = "failed"


def test_a_word_of_the_list_is_its_member():
    assert Status.SUCCESS is Status("success")
    assert Status.SUCCESS.is_known


def test_a_word_outside_the_list_equals_and_hashes_as_its_text():
    word = Status("paused")
    assert ("paused", Status("paused"), hash("paused")) == (word, word, hash(word))
    assert isinstance(word, Status)
    assert "paused" == f"{word}" == word.value == word.name
    assert not word.is_known


def test_a_word_outside_the_list_is_not_added_to_it():
    Status("paused")
    assert [Status.SUCCESS, Status.FAILED] == list(Status)


def test_repr_tells_whether_the_word_is_in_the_list():
    assert "<Status.SUCCESS: 'success'>" == repr(Status.SUCCESS)
    assert "<Status 'paused', not in the list>" == repr(Status("paused"))


@pytest.mark.parametrize("word", [Status.SUCCESS, Status("paused")], ids=["known", "unknown"])
def test_words_survive_copying_and_pickling_with_their_type(word):
    copies = [pickle.loads(pickle.dumps(word, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    copies += [copy.copy(word), copy.deepcopy(word)]
    assert [(Status, str(word))] * len(copies) == [(type(one), str(one)) for one in copies]


def test_a_known_word_stays_the_same_object_through_pickling():
    assert Status.FAILED is pickle.loads(pickle.dumps(Status.FAILED))


def test_words_are_written_as_json_text():
    assert '["success", "paused"]' == json.dumps([Status.SUCCESS, Status("paused")])
    assert b'["success","paused"]' == orjson.dumps([Status.SUCCESS, Status("paused")])


@pytest.mark.parametrize("value", [None, 3, b"success", ["success"]])
def test_only_text_can_be_a_word(value):
    with pytest.raises(ValueError, match="is not a valid Status"):
        Status(value)
