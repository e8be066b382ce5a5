"""The journal of a bulk run: nothing that was acknowledged is lost, nothing is bought twice, and no other file is harmed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from pixxel_async.bulk._journal import Journal
from pixxel_async.bulk._journal_records import (
    Entry,
    Header,
    StepState,
)
from pixxel_async.bulk._result import State

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HEADER = Header(
    run_id="r1",
    started=NOON,
    sdk="0.1.0",
    base_url="https://api.example.com",
    token_print="0a1b2c3d",
    recipe={"index": "NDVI", "days": [1, 2]},
    input_sha256="e3b0c442",
    input_name="fields.geojson",
    cap=10.0,
)


def entry(row: int, **changes: Any) -> Entry:
    geometry = {"type": "Polygon", "coordinates": [[[row, 0], [row + 1, 0], [row + 1, 1], [row, 0]]]}
    whole = Entry(row=row, key=f"k{row}", name=f"field {row}", folder=f"field-{row}", geometry=geometry)
    return attrs.evolve(whole, **changes)


def filled(path: Path, rows: int = 3, **changes: Any) -> Journal:
    journal = Journal.create(path, attrs.evolve(HEADER, **changes), now=lambda: NOON)
    journal.add(map(entry, range(1, rows + 1)))
    return journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with filled(path) as journal:
        yield journal


# --- rows -------------------------------------------------------------------------------------------------


def test_a_journal_gives_back_whose_run_it_is_and_its_rows(path: Path) -> None:
    given = [entry(1, properties={"crop": "Weizen", "ids": [1, None]}), entry(2)]
    with Journal.create(path, HEADER) as journal:
        assert not journal.is_filled
        assert 2 == journal.add(given)
    with Journal.open(path) as again:
        assert again.is_filled
        assert HEADER == again.header
        assert given == [record.entry for record in again.rows()]
        assert {State.WAITING: 2} == again.tally()


async def test_rows_are_paged_by_number_and_each_is_given_once_while_the_run_writes(path: Path) -> None:
    with filled(path, 1203) as journal:
        seen = []
        for record in journal.rows(State.WAITING, after=2):
            seen.append(record.entry.row)
            if record.entry.row % 500 == 0:  # one that was given, and one of a page to come
                await journal.mark(record.entry.row - 3, State.DONE)
                await journal.mark(record.entry.row + 100, State.DONE)
        assert [row for row in range(3, 1204) if row not in (600, 1100)] == seen


async def test_a_row_tells_how_far_it_got(journal: Journal) -> None:
    await journal.record(2, "search", facts={"scene_ids": ["s1", "s2"]})
    await journal.intend(2, "aoi", {"name": "field 2"}, reserve=2.5)
    await journal.settle(2, "aoi", StepState.DONE, facts={"id": "a-1"}, tokens=1.25)
    await journal.mark(2, State.RUNNING, step="wait", seconds=3.5)
    record = journal.row(2)
    assert (State.RUNNING, "wait", None, 1.25, 3.5, NOON) == (
        record.state,
        record.step,
        record.error,
        record.tokens,
        record.seconds,
        record.updated,
    )
    assert {"search": {"scene_ids": ["s1", "s2"]}, "aoi": {"id": "a-1"}} == record.facts
    await journal.mark(2, State.FAILED, step="wait", error="no luck")
    assert (State.FAILED, "no luck", 3.5) == (
        journal.row(2).state,
        journal.row(2).error,
        journal.row(2).seconds,
    )
    assert [2] == [each.entry.row for each in journal.rows(State.FAILED, State.DONE)]
    assert {State.WAITING: 2, State.FAILED: 1} == journal.tally()
    assert 1 == journal.reset([State.FAILED, State.HELD])
    assert (State.WAITING, None, None, {"id": "a-1"}) == (
        journal.row(2).state,
        journal.row(2).step,
        journal.row(2).error,
        journal.row(2).facts["aoi"],
    )
