"""Features of several polygons: an order takes each whole, an AOI takes a polygon, and rows say of which feature they are."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import evolve as changed
from books import open_creates
from clocks import FastClock
from geofiles import feature, polygon, square, write
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import begun
from plots import order_of

from pixxel_async import InvalidInput, PixxelClient, RequestEvent
from pixxel_async.bulk import (
    Delivery,
    OrderRecipe,
    Recipe,
    Result,
    Run,
    State,
    check,
    open_source,
    plan,
    report,
    results,
    status,
)
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import Entry, JournalError
from pixxel_async.models import StoreConfigs
from pixxel_async.sandbox import Sandbox

Rows = list[dict[str, Any]]


def multi(*polygons: dict[str, Any]) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": [each["coordinates"] for each in polygons]}


def field(number: int) -> dict[str, Any]:
    """A small square, somewhere else for every number."""
    return polygon(square(10.0 + number / 50, 45.0, 0.01))


TWINS = multi(field(1), field(2))
TRIPLETS = multi(field(3), field(4), field(5))
FEATURES = [
    feature(TWINS, name="twins", crop="rye"),
    feature(field(6), name="single", crop="rye"),
    feature(TRIPLETS, name="triplets", crop="oats"),
]
PARTS = {"twins-1": "twins", "twins-2": "twins", "single": None} | dict.fromkeys(
    ("triplets-1", "triplets-2", "triplets-3"), "triplets"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "fields.geojson", FEATURES)


@pytest.fixture
def aois(recipe: Recipe) -> Recipe:
    return changed(recipe, make=(), package=None)


@pytest.fixture
def orders(recipe: Recipe) -> OrderRecipe:
    return order_of(recipe, package=None)


# --- rows of a file ---------------------------------------------------------------------------------------


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    """Features of one polygon or several, which lie apart and may have holes."""
    numbers = iter(range(100))
    rows = []
    for key in draw(st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True)):
        shapes = []
        for number in (next(numbers) for _ in range(draw(st.integers(1, 4)))):
            side = draw(st.floats(0.01, 1))
            lon, lat = 1.5 * number - 75, draw(st.floats(-80, 79))
            hole = [square(lon + side / 4, lat + side / 4, side / 4)] if draw(st.booleans()) else []
            shapes.append(polygon(square(lon, lat, side), *hole))
        is_multi = len(shapes) > 1 or draw(st.booleans())
        rows.append(feature(multi(*shapes) if is_multi else shapes[0], name=f"plot {key}"))
    return rows


def polygons_of(row: dict[str, Any]) -> list[Any]:
    geometry = row["geometry"]
    return geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]


@given(tables())
@settings(max_examples=60)
def test_z15_orders_are_as_many_as_features_and_aois_as_parts_of_the_same_area(rows: Rows) -> None:
    with TemporaryDirectory() as folder:
        source = open_source(write(Path(folder, "plots.geojsonl"), rows))
        whole, split = (
            check(source.with_whole_features(kind.whole_features)) for kind in (OrderRecipe, Recipe)
        )
        wholes, parts = (
            list(source.with_whole_features(kind.whole_features).read()) for kind in (OrderRecipe, Recipe)
        )
    assert len(rows) == whole.fields == whole.features == split.features == len(wholes)
    assert sum(len(polygons_of(row)) for row in rows) == split.fields == len(parts)
    assert split.area_km2 == pytest.approx(whole.area_km2, rel=1e-12)
    assert split.bbox == whole.bbox
    assert [row["properties"]["name"] for row in rows] == [one.key for one in wholes]
    assert [polygons_of(row) for row in rows] == [polygons_of({"geometry": one.geometry}) for one in wholes]
    joined: dict[str, list[Any]] = {}
    for part in parts:
        joined.setdefault(part.part_of or part.key, []).append(part.geometry["coordinates"])
    assert {one.key: polygons_of({"geometry": one.geometry}) for one in wholes} == joined
    assert () == whole.split
    assert [each.partition(":")[0] for each in split.split] == [
        row["properties"]["name"] for row in rows if len(polygons_of(row)) > 1
    ]


def test_of_many_split_features_a_hundred_are_listed_and_all_counted(tmp_path: Path) -> None:
    twins = multi(polygon(square(10, 45)), polygon(square(11, 45)))
    rows = [feature(twins, name=f"plot {number}") for number in range(103)]
    checked = check(open_source(write(tmp_path / "plots.geojsonl", rows)))
    assert (206, 103, 100) == (checked.fields, checked.features, len(checked.split))
    assert "plot 1: rows 3-4 (plot 1-1 to plot 1-2)" == checked.split[1]


# --- orders -----------------------------------------------------------------------------------------------


async def test_z15_a_feature_of_several_polygons_is_ordered_and_billed_once(
    client: PixxelClient, orders: OrderRecipe, sandbox: Sandbox, source: Path, tmp_path: Path
) -> None:
    """Also where the cap is that price, so that plan, check and run see the same rows."""
    planned = await plan(client, source, orders)
    assert (3, 3, 900.0, (), ()) == (
        planned.rows,
        planned.features,
        planned.tokens,
        planned.split,
        planned.faults,
    )
    assert [] == sandbox.ledger.entries()
    async with Run.start(client, source, orders, tmp_path / "out", max_tokens=900) as run:
        rows = {row.name: row async for row in run}
    assert {State.DONE} == {row.state for row in rows.values()}, [row.error for row in rows.values()]
    assert {"twins": 300.0, "single": 300.0, "triplets": 300.0} == {
        name: row.tokens for name, row in rows.items()
    }
    placed = sandbox.ledger.entries("SubmitOrder")
    assert (3, 900) == (len(placed), sandbox.ledger.spent)
    ordered = {item.order_id: item.geometry["features"] for item in sandbox.state.order_items.values()}
    for each in FEATURES:
        [area] = ordered[rows[each["properties"]["name"]].ids["order"]]
        assert each["geometry"] == area["geometry"]
    assert [] == sandbox.defects


async def test_z15_a_whole_feature_is_delivered_packaged_and_reported(
    client: PixxelClient, recipe: Recipe, sandbox: Sandbox, source: Path, tmp_path: Path
) -> None:
    store = await client.stores.create(
        name="bucket",
        type="S3",
        configs=StoreConfigs(bucket="farm", region="eu-central-1"),
        secrets={"access_key_id": "a", "secret_access_key": "b"},
    )
    ordering = order_of(recipe, delivery=Delivery(store=store.id))
    async with Run.start(client, source, ordering, tmp_path / "out") as run:
        rows = {row.name: row async for row in run}
    assert {State.DONE} == {row.state for row in rows.values()}, [row.error for row in rows.values()]
    assert tmp_path / "out/twins/twins.zip" in rows["twins"].files
    assert {"order", "delivery"} <= set(rows["twins"].ids)
    paths = report(tmp_path / "out")
    found = json.loads(paths["geojson"].read_bytes())["features"]
    assert [each["geometry"] for each in FEATURES] == [each["geometry"] for each in found]
    assert [None] * 3 == [each["properties"]["part_of"] for each in found]
    assert "split into" not in paths["html"].read_text(encoding="utf-8")


# --- AOIs -------------------------------------------------------------------------------------------------


async def test_z15_rows_of_a_split_feature_say_of_which_it_is(
    client: PixxelClient, aois: Recipe, sandbox: Sandbox, source: Path, tmp_path: Path
) -> None:
    """In the plan, the results, the status and every report."""
    planned = await plan(client, source, aois)
    assert (6, 3) == (planned.rows, planned.features)
    assert (
        "twins: rows 1-2 (twins-1 to twins-2)",
        "triplets: rows 4-6 (triplets-1 to triplets-3)",
    ) == planned.split
    out = tmp_path / "out"
    async with Run.start(client, source, aois, out) as run:
        rows = {row.name: row async for row in run}
    assert PARTS == {name: row.part_of for name, row in rows.items()}
    assert {State.DONE} == {row.state for row in rows.values()}
    assert sorted(f"{name}-t1" for name in PARTS) == sorted(
        entry.key for entry in sandbox.ledger.entries("AOICreateAOI")
    )
    now = status(out)
    assert (6, 3) == (now.total, now.features)
    paths = report(out)
    with paths["csv"].open(encoding="utf-8", newline="") as file:
        assert {key: of or "" for key, of in PARTS.items()} == {
            row["key"]: row["part_of"] for row in csv.DictReader(file)
        }
    written = json.loads(paths["json"].read_bytes())
    assert 3 == written["features"]
    assert PARTS == {row["key"]: row["part_of"] for row in written["rows"]}
    joined: dict[str, list[Any]] = {}
    for each in json.loads(paths["geojson"].read_bytes())["features"]:
        name = each["properties"]["part_of"] or each["properties"]["key"]
        joined.setdefault(name, []).append(each["geometry"]["coordinates"])
    assert {each["properties"]["name"]: polygons_of(each) for each in FEATURES} == joined
    page = paths["html"].read_text(encoding="utf-8")
    assert (2, 3) == (page.count("part of <bdi>twins</bdi>"), page.count("part of <bdi>triplets</bdi>"))
    assert "3 features, split into 6 rows" in page


# --- journals ---------------------------------------------------------------------------------------------


def entry(row: int, part_of: str | None = None) -> Entry:
    return Entry(
        row=row, key=f"k{row}", name=f"n{row}", folder=f"f{row}", geometry=field(row), part_of=part_of
    )


def test_a_journal_keeps_of_which_feature_its_rows_are(tmp_path: Path) -> None:
    """Also beyond the first rows, which are added at once, and after an interruption."""
    path = tmp_path / "run.journal"
    given = [entry(row, "late" if row > 1500 else "early" if row < 3 else None) for row in range(1, 1503)]

    def interrupted() -> Any:
        yield from given[:1200]
        yield entry(1)

    with begun(tmp_path / "other", []) as other:
        header = other.header
    with Journal.create(path, header) as journal:
        with pytest.raises(InvalidInput, match="have the same key"):
            journal.add(interrupted())
        journal.add(given)
        assert 1500 == journal.features()
    with Journal.open(path) as journal:
        assert given == [record.entry for record in journal.rows()]
        assert 1500 == journal.features()


def test_damage_to_what_says_of_which_feature_a_row_is_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    with begun(tmp_path / "other", []) as other:
        header = other.header
    with Journal.create(path, header) as journal:
        journal.add([entry(1, "a"), entry(2, "a")])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE part SET feature = 'b' WHERE row = 2")
    connection.close()
    with pytest.raises(JournalError, match="checksum in its table part is wrong"):
        Journal.open(path)


def as_before(path: Path) -> None:
    """A journal as the version before wrote it: no row says of which feature it is."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TABLE part")
    connection.execute("PRAGMA user_version=2")
    connection.close()


async def ends_in_an_order(rows: AsyncIterator[Result], sandbox: Sandbox) -> None:
    """Work on the second row until its order was placed, and end there without the answer."""
    working = asyncio.ensure_future(anext(rows))
    while len(sandbox.ledger.entries("SubmitOrder")) < 2:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait([working])


@pytest.mark.parametrize("lost", [False, True], ids=["between", "answer lost"])
async def test_z15_an_order_that_was_split_by_an_earlier_version_is_resumed_as_it_is(
    orders: OrderRecipe,
    sandbox: Sandbox,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lost: bool,
) -> None:
    """Its rows are parts: each is ordered once, whatever was ordered before."""
    out = tmp_path / "out"

    def hang(request: RequestEvent) -> None:
        if request.request_class == "create" and len(sandbox.ledger.entries("SubmitOrder")) == 1:
            sandbox.faults.add("SubmitOrder", "hang", after_effect=True)

    with monkeypatch.context() as before:
        before.setattr(OrderRecipe, "whole_features", False)
        async with (
            sandbox.client(clock=FastClock(), on_request=hang if lost else None) as client,
            Run.start(client, source, orders, out, concurrency=1) as run,
        ):
            rows = aiter(run)
            assert "twins-1" == (await anext(rows)).name
            if lost:
                await ends_in_an_order(rows, sandbox)
    as_before(out / "run.journal")
    assert (6, 6) == (status(out).total, status(out).features), "the rows state nothing"
    assert lost == bool(open_creates(out / "run.journal"))
    async with (
        sandbox.client(clock=FastClock(), settle_window=0.3) as client,
        Run.resume(client, out, concurrency=1) as run,
    ):
        assert not run.may_be_older
        assert [name for name in PARTS if name != "twins-1"] == [row.name async for row in run]
    ended = list(results(out))
    assert list(PARTS) == [row.name for row in ended]
    assert {(State.DONE, None)} == {(row.state, row.part_of) for row in ended}
    assert [row.ids["order"] for row in ended] == [
        entry.resource_id for entry in sandbox.ledger.entries("SubmitOrder")
    ]
    with Journal.open(out / "run.journal") as journal:
        outlines = [record.entry.geometry for record in journal.rows()]
    assert [field(number) for number in (1, 2, 6, 3, 4, 5)] == outlines
