"""What a step has made, by listing; and what a person may decide of what is held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from journals import NOON

from pixxel_async import InvalidInput
from pixxel_async.bulk import Adopt
from pixxel_async.bulk._journal import claims as module
from pixxel_async.bulk._journal.claims import Claims, Made
from pixxel_async.bulk._journal.decisions import check_decisions

HERE, THERE = {"workflow_id": "w"}, {"workflow_id": "x"}
LATER = NOON + timedelta(hours=1)


def test_x6_ids_are_given_out_once_by_place_and_all_stay_known() -> None:
    claims = Claims()
    ids = claims.ids
    for made in (Made("a", HERE, NOON), Made("b", THERE, LATER), Made("c", HERE, None), Made("d", {}, NOON)):
        claims.add(made)
    assert ["a", "b", "c", "d"] == [*ids]
    assert {"a": NOON} == claims.news(HERE)
    assert {} == claims.news(HERE)
    assert {"b": LATER} == claims.news(THERE)
    assert {"d": NOON} == claims.news({})
    claims.add(Made("a", HERE, LATER))  # as it is read a second time
    assert {} == claims.news(HERE)
    claims.add(Made("c", HERE, LATER))  # now it is known since when it exists
    claims.add(Made("e", HERE, NOON))
    assert {"c": LATER, "e": NOON} == claims.news({**HERE})
    assert ["a", "b", "c", "d", "e"] == [*ids]


def test_x6_of_very_many_the_newest_are_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEWEST", 3)
    claims = Claims()
    for id in "abcde":
        claims.add(Made(id, HERE, NOON))
    claims.add(Made("z", THERE, NOON))
    assert ["c", "d", "e"] == [*claims.news(HERE)]
    assert ["z"] == [*claims.news(THERE)]
    assert 6 == len(claims.ids)


@pytest.mark.parametrize(
    "decisions",
    ["resend", "forget", {}, {1: "resend"}, {1: "forget", 2: Adopt("a"), 3: "resend"}, {7: Adopt("x")}],
)
def test_z6_what_is_a_decision_is_taken(decisions: Any) -> None:
    check_decisions(decisions)


@pytest.mark.parametrize(
    "decisions",
    [
        "adopt", "", None, 1, True, Adopt("a"), ["resend"], {"1": "resend"}, {1.0: "resend"}, {True: "resend"},
        {None: "forget"}, {1: None}, {1: "drop"}, {1: True}, {1: ["resend"]}, {1: "resend", 2: "drop"},
        {1: "resend", "2": "resend"}, {1: {2: "resend"}},
    ],
)  # fmt: skip
def test_z6_what_is_no_decision_is_refused(decisions: Any) -> None:
    with pytest.raises(InvalidInput, match="not a decision; give 'resend' or 'forget'"):
        check_decisions(decisions)


@pytest.mark.parametrize("id", ["", " ", "\t\n", 7, None, True, ["a"]])
def test_z6_an_id_that_is_none_is_refused(id: Any) -> None:
    with pytest.raises(InvalidInput, match="Adopt: id must be the id of the created resource"):
        Adopt(id)
