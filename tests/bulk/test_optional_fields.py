"""Answers that lack a field: one after the other, in every recipe. The run ends, and its books are in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from attrs import evolve as changed
from books import check_books
from plots import order_of, table

from pixxel_async import PixxelClient
from pixxel_async.bulk import Insight, Job, OrderRecipe, Package, Recipe, Run, State, Visualization, status
from pixxel_async.sandbox import Sandbox

SEASON = {"start_date": "2026-06-01", "end_date": "2026-08-01"}
ROWS = 45
"""More than any answer has fields, so that each field is missing once."""


def paths(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All fields of an answer, through lists."""
    if isinstance(value, list):
        for each in value[:1]:
            yield from paths(each, place)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*place, key)
            yield from paths(item, (*place, key))


def without(value: Any, path: tuple[str, ...]) -> Any:
    """An answer without one field."""
    if isinstance(value, list):
        return [without(each, path) for each in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {key: item for key, item in value.items() if key != path[0]}
    return {**value, path[0]: without(value[path[0]], path[1:])}


CREATES = {"AOICreateAOI", "CreateVisualization", "createInsights", "createJob", "SubmitOrder"}
STEPS = {"aoi", "visualization", "insight", "job", "order"}


class Lacking:
    """Takes another field out of each answer of an operation, until each was missing once."""

    def __init__(self) -> None:
        self.left: dict[str, list[tuple[str, ...]]] = {}
        self.made = 0
        self.missing: defaultdict[str, set[str]] = defaultdict(set)

    def of(self, operation: str, body: Any) -> Any:
        if operation not in self.left:
            self.left[operation] = list(paths(body))[:ROWS]
            return body  # the first of each operation is whole
        if not self.left[operation]:
            return body
        path = self.left[operation].pop(0)
        self.missing[operation].add(".".join(path))
        return without(body, path)


@pytest.fixture
def lacking(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Lacking:
    fields, checked = Lacking(), sandbox.checked

    def lack(operation: Any, answer: Any) -> Any:
        whole = checked(operation, answer)
        if not isinstance(whole.body, dict) or whole.status >= 400 or whole.build is not None:
            return whole
        body = orjson.loads(orjson.dumps(whole.body, default=str))
        made = len(sandbox.ledger.entries())
        kind = f"{operation.id} {'made' if made > fields.made else 'read'}"  # a dry run makes nothing
        fields.made = made
        return attrs.evolve(whole, body=fields.of(kind, body))

    monkeypatch.setattr(sandbox, "checked", lack)
    return fields


def recipe_of(kind: str, recipe: Recipe) -> Recipe | OrderRecipe:
    if kind == "order":
        return order_of(recipe)
    makes: dict[str, Any] = {
        "picture": Visualization(),
        "insight": Insight("cropstress", inputs=SEASON),
        "job": Job("weekly-stress"),
    }
    return changed(recipe, make=makes[kind], package=Package() if kind == "picture" else None)


@pytest.mark.parametrize("kind", ["picture", "insight", "job", "order"])
async def test_z1_an_answer_that_lacks_a_field_ends_no_run(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, tmp_path: Path, lacking: Lacking, kind: str
) -> None:
    """Of every answer, one field after the other; what was bought is in the account, with its price."""
    source = table(tmp_path, *(f"f{row}" for row in range(ROWS)))
    quick = client.with_options(settle_window=0.3)
    async with Run.start(quick, source, recipe_of(kind, recipe), tmp_path / "out", concurrency=8) as run:
        rows = [row async for row in run]
    assert ROWS == len(rows)
    assert {State.DONE, State.PARTIAL, State.FAILED, State.HELD} >= {row.state for row in rows}
    assert [] == [row.name for row in rows if (row.error is None) != (row.state is State.DONE)]
    assert [] == [row.error for row in rows if "Error:" in (row.error or "")], "a failure in Python's words"
    check_books(tmp_path, sandbox)
    reserved = status(tmp_path / "out").tokens.reserved  # of rows that are held
    assert sandbox.ledger.spent == sum(row.tokens for row in rows) + reserved
    bought = {entry.resource_id for entry in sandbox.ledger.entries() if entry.operation in CREATES}
    told = {row.ids[step] for row in rows for step in row.ids if step.split()[0] in STEPS}
    held = [row for row in rows if row.state is State.HELD]
    assert told <= bought
    assert len(bought - told) <= len(held)
    assert all(lacking.missing.values())
