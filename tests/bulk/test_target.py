"""Names of a recipe looked up among two candidates and more, in whatever order the API lists them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import InvalidInput, PixxelClient
from pixxel_async.bulk import Insight, Job, Property, Recipe, Search, Visualization
from pixxel_async.bulk._recipe.account_names import Target, resolve
from pixxel_async.bulk._recipe.versions import Precedence
from pixxel_async.testing import FakeTransport

SEARCH = Search(start="2026-06-01", end="2026-09-01", satellite="s", collection="c")
Listed = Sequence[dict[str, Any]]


def block(
    version: str | None, status: Any = "released", number: Any = 1, name: str = "stress"
) -> dict[str, Any]:
    spec = {"name": name, "version": version, "status": number, "inputs": [{"name": f"input of {version}"}]}
    return {"id": "b", "block_status": status, "spec": spec}


def account(**lists: Listed) -> dict[str, Any]:
    """An account with one of everything but for what is given."""
    satellite = {"id": "s", "name": "Sat", "collections": [{"id": "c", "name": "Col", "provider": "p"}]}
    projects = lists.get("projects", [{"id": "p", "name": "farms"}])
    indices = lists.get("indices", [{"id": "i", "index": "NDVI", "name": "NDVI"}])
    workflows = lists.get("workflows", [])
    return {
        "GET /v0/satellites": {"satellites": [satellite]},
        "GET /v0/projects": {"projects": projects, "count": len(projects)},
        "GET /v0/indices": {"indices": indices, "pagination": {"total": len(indices)}},
        "GET /v0/blocks": {"blocks": lists.get("blocks", [])},
        "GET /v0/blocks/stress": {"blocks": lists.get("versions", [])},
        "GET /v0/workflows": {"workflows": workflows, "pagination": {"total": len(workflows)}},
    }


async def found(make: Any, project: str | None = None, **lists: Listed) -> Target:
    async with PixxelClient(transport=FakeTransport(account(**lists))) as client:
        return await resolve(client, Recipe(images=SEARCH, make=make, project=project))


async def chosen(blocks: Listed, version: str | None = None, versions: Listed = ()) -> str:
    target = await found(Insight("stress", version=version), blocks=blocks, versions=versions)
    return target.blocks["insight stress"].version


# --- versions of a block ----------------------------------------------------------------------------------

ASCENDING = (
    *("0.9.0", "v0.10.0", "1.0.0-alpha", "v1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *(
        "v1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1-0",
        "1.0.1-1a",
        "v1.0.1",
        "1.2.0",
        "v1.9.0",
        "1.10.0-rc",
    ),
    *("1.10.0", "v2.0.0", "v10.0.0", f"11.0.{'9' * 5000}", f"11.0.1{'0' * 5000}"),
)
"""Semantic Versioning's own example among them."""


@pytest.mark.parametrize(("low", "high"), list(pairwise(ASCENDING)))
def test_z9_versions_are_ordered_by_the_rules_of_semantic_versioning(low: str, high: str) -> None:
    below, above = Precedence.of(low), Precedence.of(high)
    assert below is not None
    assert above is not None
    assert below < above


@pytest.mark.parametrize(
    "same",
    [
        ("1.0.0", "v1.0.0", "V1", "1.0", "1.0.0+7", "v1.0.0+a.b", " 1.0.0 "),
        ("1.0.0-rc.1", "v1-rc.1", "1.0-rc.1+x"),
    ],
)
def test_z9_a_v_missing_parts_and_build_metadata_change_no_version(same: tuple[str, ...]) -> None:
    assert 1 == len({Precedence.of(text) for text in same})
    assert Precedence.of(same[0]) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v",
        "latest",
        "1.0.0.0",
        "01.0.0",
        "1.0.0-01",
        "1.0.0-",
        "1.0.0+",
        "1..0",
        "vv1",
        "1.0.0-a..b",
        "١.0.0",
    ],
)
def test_z9_what_is_no_version_has_no_precedence(text: str) -> None:
    assert Precedence.of(text) is None


@given(st.permutations(["v0.9.0", "v0.10.0", "v1.9.0", "v2.0.0", "v10.0.0-rc.1", "v2.0.0-rc.2", "latest"]))
async def test_z9_the_newest_release_is_taken_in_any_order(versions: list[str]) -> None:
    assert "v2.0.0" == await chosen([block(version) for version in versions])


@given(
    st.permutations(
        [
            *(
                block("9.0.0", "draft"),
                block("8.0.0", "Disabled"),
                block("7.0.0", None, 0),
                block("6.0.0", None, 2),
            ),
            *(block("5.0.0", "released", 0), block("4.0.0", "draft", 1), block("3.0.0-rc.1"), block(None)),
            *(block("1.0.0"), block("0.9.0"), block("2.0.0", name="another"), {"id": "b"}),
        ]
    )
)
async def test_z10_drafts_disabled_ones_and_pre_releases_are_never_the_newest(
    blocks: list[dict[str, Any]],
) -> None:
    assert "1.0.0" == await chosen(blocks)


@pytest.mark.parametrize("named", ["9.0.0", "v8.0.0", "3.0.0-rc.1", "v3-rc.1+5"])
async def test_z10_what_is_named_is_taken_whatever_its_state(named: str) -> None:
    blocks = [block("v9.0.0", "draft"), block("8.0.0", "disabled"), block("3.0.0-rc.1"), block("1.0.0")]
    wanted = {"9.0.0": "v9.0.0", "v8.0.0": "8.0.0"}.get(named, "3.0.0-rc.1")
    assert wanted == await chosen(blocks, named)


@pytest.mark.parametrize(("status", "number"), [(None, None), ("", None), ("live", 1), ("released", None)])
async def test_z10_a_status_that_is_not_stated_hides_no_version(
    status: str | None, number: int | None
) -> None:
    assert "2.0.0" == await chosen([block("1.0.0"), block("2.0.0", status, number)])


@given(st.permutations(["1.0.0", "v1.0.0", "1.0.0+a", "v1.0.0+b", "1.0", "1.0.1"]))
async def test_z9_the_spelling_that_is_named_comes_first_in_any_order(versions: list[str]) -> None:
    blocks = [block(version) for version in versions]
    assert versions == [await chosen(blocks, version) for version in versions]


@given(st.permutations([block("v1.0.0", "draft"), block("1.0.0+5"), block("v1.0.0+4"), block("1.0.0-rc.1")]))
async def test_z9_of_several_that_mean_the_same_one_is_taken_in_any_order(
    blocks: list[dict[str, Any]],
) -> None:
    assert "v1.0.0" == await chosen(blocks, "1.0.0")
    assert "v1.0.0+4" == await chosen(blocks, "1.0")
    assert "v1.0.0+4" == await chosen(blocks)


async def test_z9_the_apis_own_spelling_and_inputs_are_sent() -> None:
    target = await found(Insight("stress", version="1.0.0"), blocks=[block("2.0.0"), block("v1.0.0")])
    assert "v1.0.0" == target.blocks["insight stress"].ref.version
    assert [{"name": "input of v1.0.0"}] == target.blocks["insight stress"].inputs


async def test_z9_a_version_that_only_the_list_of_versions_has_is_found() -> None:
    assert "v1.0.0" == await chosen([block("v2.0.0")], "1.0.0", [block("v2.0.0"), block("v1.0.0")])


@pytest.mark.parametrize(
    "blocks", [[block("9.0.0", "draft")], [block("1.0.0-rc.1")], [block("latest")], [block("2.0.0", None, 2)]]
)
async def test_z10_where_no_version_is_released_one_must_be_named(blocks: Listed) -> None:
    with pytest.raises(
        InvalidInput, match=f"no released version; set version to one of: {blocks[0]['spec']['version']}"
    ):
        await chosen(blocks)


async def test_z9_a_version_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(InvalidInput, match=r"no version '3'; there are: v1\.0\.0, v2\.0\.0"):
        await chosen([block("v2.0.0")], "3", [block("v2.0.0"), block("v1.0.0")])


# --- names that several have ------------------------------------------------------------------------------

TWINS = [
    {"id": "w-1", "name": "Weekly"},
    {"id": "w-2", "name": "weekly"},
    {"id": "w-3", "name": "monthly"},
    {"id": "w-4", "name": "W-3"},
]


@given(st.permutations(TWINS))
async def test_z11_of_two_workflows_of_one_name_none_is_taken_in_any_order(
    workflows: list[dict[str, Any]],
) -> None:
    target = await found(Job(Property("flow")), workflows=workflows)
    assert {"monthly": "w-3", "w-1": "w-1", "w-2": "w-2", "w-3": "w-3", "w-4": "w-4"} == target.workflows
    for word in ("weekly", "Weekly", "yearly"):
        with pytest.raises(
            InvalidInput, match=f"no workflow '{word}', or several have that name; give the id"
        ):
            await found(Job(word), workflows=workflows)
    assert target.workflows == (await found(Job("W-2"), workflows=workflows)).workflows


@given(
    st.permutations(
        [{"id": "p1", "name": "Farms"}, {"id": "p2", "title": "farms"}, {"id": "p3", "name": "p1"}]
    )
)
async def test_z11_of_two_projects_of_one_name_none_is_taken_and_an_id_wins(
    projects: list[dict[str, Any]],
) -> None:
    with pytest.raises(InvalidInput, match="2 have that name, give the id"):
        await found((), "farms", projects=projects)
    assert "p1" == (await found((), "p1", projects=projects)).project_id
    assert "p3" == (await found((), "p3", projects=projects)).project_id


@given(
    st.permutations(
        [
            {"id": "i1", "name": "NDVI"},
            {"id": "i2", "name": "ndvi"},
            {"id": "i3", "name": "NDWI"},
            {"id": "i4"},
        ]
    )
)
async def test_z11_of_two_indices_of_one_name_none_is_taken_in_any_order(
    indices: list[dict[str, Any]],
) -> None:
    with pytest.raises(InvalidInput, match="2 have that name, give the id"):
        await found(Visualization("NDVI"), indices=indices)
    assert {"NDWI": "i3"} == (await found(Visualization("NDWI"), indices=indices)).indices
    assert {"i2": "i2"} == (await found(Visualization("i2"), indices=indices)).indices
