"""What the creates of a client have made: whose each is, since when, and what is forgotten."""

from __future__ import annotations

import pytest

from pixxel_async._resource import creates as module
from pixxel_async._resource.creates import _Made

HERE, THERE = ("ListJobs", ("workflow_id", "w")), ("ListJobs", ("workflow_id", "x"))


def test_x6_each_place_has_its_own_and_the_first_owner_stays() -> None:
    made = _Made()
    made.add(HERE, "a", "one", 1.0)
    made.add(HERE, "a", "two", 2.0)
    made.learn(THERE, {"b": 3.0, "c": 4.0})
    assert ("one", None) == (made.owner(HERE, "a"), made.owner(THERE, "a"))
    assert ("", None, None) == (made.owner(THERE, "b"), made.owner(HERE, "b"), made.owner(HERE, "z"))
    assert [set(), {"a"}, {"a"}] == [made.before(HERE, moment) for moment in (1.0, 1.001, 9.0)]
    assert [set(), {"b"}, {"b", "c"}] == [made.before(THERE, moment) for moment in (3.0, 4.0, 5.0)]


def test_x6_what_is_deleted_is_forgotten_wherever_it_was_listed() -> None:
    made = _Made()
    for place, id in ((HERE, "a"), (HERE, "b"), (THERE, "a"), (THERE, "c")):
        made.add(place, id, "i", 1.0)
    made.forget(["a", "z"])
    assert ({"b"}, {"c"}) == (made.before(HERE, 9.0), made.before(THERE, 9.0))
    made.forget(["b", "c"])
    assert ({}, {}) == (made._by_place, made._order)


def test_x6_of_very_many_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    made = _Made()
    for number, id in enumerate("abcab"):
        made.add(HERE if id != "b" else THERE, id, "i", float(number))
    assert ({"a", "c"}, {"b"}) == (made.before(HERE, 99.0), made.before(THERE, 99.0))
    made.add(HERE, "d", "i", 5.0)
    made.add(HERE, "e", "i", 6.0)
    assert {"c", "d", "e"} == made.before(HERE, 99.0)
    assert [HERE] == [*made._by_place], "an empty place goes too"
