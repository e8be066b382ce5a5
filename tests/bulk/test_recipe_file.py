"""Recipes: what they say, what they refuse, and that a file, plain data and the object mean the same."""

from __future__ import annotations

import json
import pickle
import tomllib
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async import InvalidInput
from pixxel_async.bulk._recipe.file import BadRecipe, from_dict, load_recipe, to_dict, to_toml
from pixxel_async.bulk._recipe.recipes import (
    Delivery,
    Insight,
    Items,
    Job,
    Order,
    OrderRecipe,
    Package,
    Property,
    Recipe,
    Search,
    Visualization,
)

EXAMPLES = Path(__file__).parents[2] / "examples"
MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
SEARCH = Search(start=MAY, end=JUNE)


def faults(text: str, tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadRecipe) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    return caught.value.faults


# The types


def test_a_day_means_its_begin_in_utc_and_an_instant_itself() -> None:
    india = datetime(2026, 6, 1, 5, 30, tzinfo=timezone(timedelta(hours=5.5)))
    assert SEARCH == Search(start=date(2026, 5, 1), end="2026-06-01")
    assert SEARCH == Search(start="2026-05-01T02:00:00+02:00", end=india)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Search(start=datetime(2026, 5, 1), end=JUNE), "Search.start: 2026-05-01 00:00:00 has no time zone"),
        (lambda: Search(start="1 May", end=JUNE), "Search.start: '1 May' is not a date"),
        (lambda: Search(start=JUNE, end=JUNE), "must be after the start"),
        (lambda: Search(start=MAY, end=JUNE, max_cloud=101), "Search.max_cloud: 101 is above 100"),
        (lambda: Search(start=MAY, end=JUNE, max_days=0), "Search.max_days: 0 is below 1"),
        (lambda: Search(start=MAY, end=JUNE, satellite=" "), "Search.satellite: must not be empty"),
        (lambda: Visualization("NDVI", png="no"), "Visualization.png: expected True or False"),
        (lambda: Insight("b", inputs={"a": None}), 'Insight.inputs.a: expected text.*{property = "NAME"}'),
        (lambda: Insight(""), "Insight.block: must not be empty"),
        (lambda: Job(True), "Job.workflow: expected text"),
        (lambda: Recipe(images=None), r"Recipe.images: expected Search or Items, got None; write Search\(...\)"),
        (lambda: Recipe(images=SEARCH, make="NDVI"), "Recipe.make: expected several of Visualization"),
        (lambda: Recipe(images=SEARCH, make=["NDVI"]), r"Recipe.make\[0\]: expected Visualization or Insight"),
        (lambda: Recipe(images=SEARCH, timeout=float("inf")), "Recipe.timeout: expected a finite number"),
        (lambda: Recipe(images=SEARCH, poll_interval=0), "Recipe.poll_interval: 0 must be more than 0"),
        (lambda: Recipe(images=SEARCH, timeout=10**400), r"Recipe.timeout: 10*\.\.\. is above"),
        (lambda: Recipe(images=SEARCH, run_id="a/b"), "Recipe.run_id: 'a/b' must be 1 to 32 letters"),
        (lambda: OrderRecipe(images=Items(), order="agriculture"), "OrderRecipe.order: expected Order"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_with_its_place(make: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()


def test_the_same_thing_is_not_made_twice_of_an_aoi() -> None:
    """Their files would meet in one folder, and an insight would be paid twice by mistake."""
    with pytest.raises(InvalidInput, match=r"make\[1\]: 'insight crops' is there twice"):
        Recipe(images=SEARCH, make=[Insight("crops"), Insight("crops", version="2")])
    Recipe(images=SEARCH, make=[Insight("crops"), Insight("crops", name="second")])


@pytest.mark.parametrize("given", ["a,b", " a , b ,", ["a", "b"], '["a", "b"]', "a,b,a"])
def test_item_ids_are_read_from_text_json_and_lists_each_once(given: Any) -> None:
    assert ("a", "b") == Items().of({"item_ids": given})


@pytest.mark.parametrize("given", [None, "", " , ", 7, [], [7], '["a", 7]', "[1", {"a": 1}])
def test_a_row_without_item_ids_is_told_so(given: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^item_ids: .*; "):
        Items().of({"item_ids": given})


def test_values_of_a_row_go_over_the_wire_as_text() -> None:
    insight = Insight("b", inputs={"day": date(2026, 5, 1), "share": 0.8, "from": Property("sown")})
    assert {"day": "2026-05-01", "share": "0.8", "from": "2026-04-02"} == insight.values(
        {"sown": date(2026, 4, 2)}
    )
    assert "wf-1" == Job(Property("flow")).of({"flow": "wf-1"})
    assert "weekly" == Job("weekly").of({})


def test_all_that_a_row_lacks_is_told_at_once() -> None:
    recipe = Recipe(
        images=Items(property="scenes"),
        make=[
            Job(Property("flow")),
            Insight("b", inputs={"a": Property("sown"), "b": Property("cut"), "c": "1"}),
        ],
    )
    assert ["scenes", "flow", "cut"] == [fault.field for fault in recipe.row_faults({"sown": 1, "cut": True})]
    assert [] == list(recipe.row_faults({"scenes": "a", "flow": "w", "sown": 1, "cut": 2}))
    assert [] == list(Recipe(images=SEARCH).row_faults({}))


# Files


def test_a_file_says_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(
        b'\xef\xbb\xbfrun_id = "t1"\r\npackage = false\r\n[search]\r\nstart = 2026-05-01\r\n'
        b'end = 2026-06-01T00:00:00Z\r\n[[make]]\r\nstep = "job"\r\nworkflow = {property = "flow"}\r\n'
    )
    expected = Recipe(images=SEARCH, make=[Job(Property("flow"))], package=None, run_id="t1")
    assert expected == load_recipe(path)


def test_what_a_file_leaves_out_is_as_in_python(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('run_id = "t1"\n[search]\nstart = 2026-05-01\nend = 2026-06-01\n', encoding="utf-8")
    assert Recipe(images=SEARCH, run_id="t1") == load_recipe(path)


def test_all_faults_of_a_file_are_told_at_once_with_their_keys(tmp_path: Path) -> None:
    found = faults(
        """
        time_out = 5
        timeout = -1
        project = 7
        [search]
        strat = 2026-05-01
        end = 2026-06-01
        max_cloud = 200
        [[make]]
        step = "visualisation"
        [[make]]
        stp = "visualization"
        index = "NDVI"
        [[make]]
        step = "insight"
        [make.inputs]
        a = true
        [package]
        zip = 1
        """,
        tmp_path,
    )
    assert (
        "time_out: no such key; did you mean timeout?",
        "project: expected text, got 7; write \"7\"",
        "timeout: -1 must be more than 0 seconds",
        "search.strat: no such key; did you mean start?",
        "search.start: is missing; for example start = 2026-05-01",
        "search.max_cloud: 200 is above 100",
        "make[0].step: 'visualisation' is not a step; did you mean visualization?; there are visualization, insight, job",
        "make[1].stp: no such key; did you mean step?",
        "make[1].step: is missing; write one of visualization, insight, job",
        'make[2].block: is missing; for example block = "cropstress"',
        'make[2].inputs.a: expected text, a number or a date, got True; for a value of the row write {property = "NAME"}',
        "package.zip: no such key; did you mean unzip?",
    ) == found  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither [search] nor [items] is given"),
        ("[items]\n[search]\nstart = 2026-05-01\nend = 2026-06-01", "both [search] and [items] are given"),
        ("[items]\n[order]", 'order.usecase: is missing; for example usecase = "agriculture"'),
        ("[items]\n[delivery]\nstore = 's'", "delivery: no such key"),
        ("search = 1", "search: expected a table, got 1; write [search]"),
        ("[items]\n[make]\nstep='job'", "make: expected a list of tables; write [[make]] before each"),
        ("[search]\nstart = 2026-05-01\nend = 2026-05-01", "search: the end 2026-05-01 00:00:00+00:00 must be after"),
        ("[search]\nstart = 2026-05-01T00:00:00\nend = 2026-06-01", "search.start: 2026-05-01 00:00:00 has no time"),
        ("[items]\n[[make]]\nstep='job'\nworkflow='w'\n[[make]]\nstep='job'\nworkflow='W'", "make[1]: 'job W' is there twice"),
        ("= 1", "not TOML: Invalid statement (at line 1, column 1)"),
        ("a = " + "[" * 5000, "not TOML"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_recipe_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert any(fault.startswith(words) for fault in faults(text, tmp_path)), faults(text, tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"absent\.toml:\n  cannot be read: No such file"):
        load_recipe(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b'project = "\xe9"')
    with pytest.raises(BadRecipe, match="not UTF-8 text"):
        load_recipe(tmp_path / "latin.toml")
    (tmp_path / "huge.toml").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(BadRecipe, match="larger than 1 MiB"):
        load_recipe(tmp_path / "huge.toml")


def test_the_error_survives_pickling() -> None:
    error = BadRecipe("recipe.toml", ["one", "two"])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(error), error.place, error.faults) == (str(copy), copy.place, copy.faults)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
SECONDS = st.floats(0.001, 1e9)
SEARCHES = st.builds(
    lambda start, span, **rest: Search(start=start, end=start + span, **rest),
    MOMENTS,
    st.timedeltas(timedelta(seconds=1), timedelta(days=999)),
    max_cloud=st.integers(0, 100),
    max_days=st.integers(1, 999),
    satellite=TEXT,
    collection=st.none() | TEXT,
)
IMAGES = SEARCHES | st.builds(Items, property=TEXT, satellite=TEXT, collection=st.none() | TEXT)
VALUES = TEXT | st.builds(Property, TEXT)
MAKES = st.lists(
    st.builds(Visualization, TEXT, png=st.booleans())
    | st.builds(
        Insight,
        TEXT,
        version=st.none() | TEXT,
        name=st.none() | TEXT,
        inputs=st.dictionaries(TEXT, VALUES, max_size=3),
    )
    | st.builds(Job, VALUES),
    max_size=3,
    unique_by=lambda make: make.label.casefold(),
)
PACKAGES = st.none() | st.builds(Package, unzip=st.booleans())
RUN = {
    "images": IMAGES,
    "project": st.none() | TEXT,
    "timeout": SECONDS,
    "poll_interval": st.none() | SECONDS,
    "max_poll_interval": st.none() | SECONDS,
    "run_id": st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z"),
}
RECIPES = st.builds(Recipe, make=MAKES, package=PACKAGES, **RUN) | st.builds(
    OrderRecipe,
    order=st.builds(Order, usecase=TEXT),
    delivery=st.none() | st.builds(Delivery, store=TEXT, path=st.none() | TEXT),
    package=PACKAGES,
    **RUN,
)


@settings(max_examples=50)
@given(RECIPES)
def test_a_recipe_comes_back_from_json_and_from_toml(recipe: Recipe | OrderRecipe) -> None:
    """The journal keeps it as JSON, people as TOML."""
    assert recipe == from_dict(json.loads(json.dumps(to_dict(recipe))))
    assert recipe == from_dict(tomllib.loads(to_toml(recipe)))


KEYS = st.sampled_from(["search", "items", "make", "step", "order", "package", "inputs", "start"]) | TEXT
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(ANYTHING)
def test_whatever_plain_data_says_it_is_a_recipe_or_refused(data: Any) -> None:
    with suppress(BadRecipe):
        assert isinstance(from_dict(data), Recipe | OrderRecipe)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_a_recipe(path: Path) -> None:
    assert "Delta Farms" == load_recipe(path).project


def test_the_examples_say_what_their_comments_say() -> None:
    summer = {"start": "2026-06-01", "end": "2026-09-01"}
    expected: dict[str, Recipe | OrderRecipe] = {
        "ndvi": Recipe(
            images=Search(**summer), make=[Visualization("NDVI")], package=Package(unzip=True), project="Delta Farms",
            run_id="r",
        ),
        "crop_stress": Recipe(
            images=Search(**summer, max_days=1),
            make=[
                Visualization("NDVI"),
                Insight("cropstress", inputs={"start_date": "2026-06-01", "end_date": Property("harvest")}),
            ],
            project="Delta Farms",
            run_id="r",
        ),
        "archive_order": OrderRecipe(
            images=Items(), order=Order(usecase="agriculture"), project="Delta Farms", run_id="r"
        ),
    }  # fmt: skip
    for name, recipe in expected.items():
        found = to_dict(load_recipe(EXAMPLES / f"{name}.toml"))
        assert to_dict(recipe) == {**found, "run_id": "r"}
