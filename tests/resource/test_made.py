"""What the creates of a client have made: whose each is, since when, and what is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from creates import CREATES, FIELD, World

from pixxel_async import Absent, Ambiguous, Found, OutcomeUnknown, PixxelClient
from pixxel_async._resource import creates as module
from pixxel_async._resource.creates import _Made
from pixxel_async.testing import FakeTransport, VirtualClock

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


# --- what is listed, and when it was made -------------------------------------------------------------------


async def lost(
    kind: str, listed: Callable[[VirtualClock], Iterator[list[dict[str, Any]]]], **how: Any
) -> Any:
    """What becomes of a lost create whose listing shows these rows, reading by reading; the last stays."""
    clock = VirtualClock()
    readings = listed(clock)
    rows: list[dict[str, Any]] = []

    def listing(_: object) -> Any:
        nonlocal rows
        rows = next(readings, rows)
        total = {"pagination": {"total": len(rows)}}
        return {"aois": rows, **total} if kind == "aoi" else {"jobs": rows}

    path = {"aoi": "/v0/aois", "job": "/v0/workflows/w/jobs"}[kind]
    routes = {f"POST {path}": OutcomeUnknown("lost"), f"GET {path}": listing}
    known = {"satellite": "s", "project": "p", "image": "i", "workflow": "w"}
    async with PixxelClient(transport=FakeTransport(routes), clock=clock) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await CREATES[kind][1](World(None, client, clock, known))  # type: ignore[arg-type]
        return await caught.value.reconcile(**how)


def row(id: str, clock: VirtualClock, hours: float | None) -> dict[str, Any]:
    """A row that was made so many hours ago; None: it does not say when."""
    stamp = None if hours is None else (clock.now() - timedelta(hours=hours)).isoformat()
    content = {"name": "field", "project_id": "p", "satellite_id": "s", "geometry": FIELD}
    return {"aoi_id": id, "id": id, "created_at": stamp, **content}


@pytest.mark.parametrize(
    ("kind", "hours", "before", "expected"),
    [
        ("aoi", 0, None, Found),
        ("aoi", 0, ["x"], Found),
        ("aoi", None, None, Ambiguous),
        ("aoi", None, ["x"], Found),  # its name is enough
        ("aoi", 24, None, Absent),
        ("aoi", 24, ["x"], Absent),
        ("aoi", 0, ["r"], Absent),
        ("job", 0, None, Found),
        ("job", 0, ["x"], Found),
        ("job", None, None, Ambiguous),
        ("job", None, ["x"], Ambiguous),  # it has nothing else
        ("job", 24, ["x"], Absent),
        ("job", 0.5, ["x"], Ambiguous),  # a clock may be an hour wrong
        ("job", 0, ["r"], Absent),
    ],
)
async def test_x5_what_was_made_before_is_passed_over_and_what_does_not_say_when_may_be_it(
    kind: str, hours: float | None, before: list[str] | None, expected: type
) -> None:
    outcome = await lost(kind, lambda clock: iter([[row("r", clock, hours)]]), known_ids=before)
    assert expected is type(outcome)


async def test_x5_what_may_be_it_is_no_answer_before_the_window_ends() -> None:
    """A later reading shows the one that is."""

    def listed(clock: VirtualClock) -> Iterator[list[dict[str, Any]]]:
        yield [row("stranger", clock, None)]
        yield [row("stranger", clock, None), row("own", clock, 0)]

    assert "own" == (await lost("job", listed)).id
