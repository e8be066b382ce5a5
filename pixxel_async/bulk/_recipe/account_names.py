"""Looks up a recipe's names in the account, and returns the ids to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from pixxel_async.bulk._recipe.recipes import Insight, Job, OrderRecipe, Recipe, Visualization
from pixxel_async.bulk._recipe.versions import named, newest, version_of
from pixxel_async.client import PixxelClient
from pixxel_async.errors import InvalidInput, SchemaError
from pixxel_async.models import Block as ListedBlock
from pixxel_async.models import (
    BlockRef,
    Index,
    IndexType,
    Project,
    Satellite,
    SatelliteCollection,
    Store,
)

T = TypeVar("T")


@attrs.frozen
class Block:
    """A version of a block."""

    name: str
    version: str
    inputs: Sequence[Mapping[str, Any]]
    """Its inputs, without their values, as `DataType` takes them."""
    collection_id: str
    """Collection of its input images."""

    @property
    def ref(self) -> BlockRef:
        """The block's reference in an insight."""
        return BlockRef(name=self.name, version=self.version)


@attrs.frozen(kw_only=True)
class Target:
    """Ids shared by all rows of a run."""

    satellite_id: str
    collection_id: str
    provider: str
    project_id: str
    indices: Mapping[str, str] = attrs.field(factory=dict)
    """By the recipe's name for the index."""
    blocks: Mapping[str, Block] = attrs.field(factory=dict)
    """By the insight's label."""
    workflows: Mapping[str, str] = attrs.field(factory=dict)
    """By id, and by name if it is unique; case-folded."""
    store_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the journal."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Target:
        """The target of `to_dict` data."""
        blocks = {label: Block(**block) for label, block in data["blocks"].items()}
        return cls(**{**data, "blocks": blocks})


async def resolve(client: PixxelClient, recipe: Recipe | OrderRecipe) -> Target:
    """Look up the recipe's names with a few reads.

    Raises:
        InvalidInput: A name does not exist, or there are several and the recipe names none.
    """
    satellite = _choose(
        "satellite", await client.satellites.list(), recipe.images.satellite, _satellite_words
    )
    collection = _choose(
        "collection", satellite.collections or [], recipe.images.collection, _collection_words
    )
    project = _choose("project", await client.projects.list(), recipe.project, _project_words)
    makes = recipe.make if isinstance(recipe, Recipe) else ()
    return Target(
        satellite_id=satellite.id,
        collection_id=collection.id,
        provider=known(collection.provider, "collection has no provider"),
        project_id=project.id,
        indices=await _indices(
            client, satellite.id, [make for make in makes if isinstance(make, Visualization)]
        ),
        blocks={
            make.label: await _block(client, make, collection.id)
            for make in makes
            if isinstance(make, Insight)
        },
        workflows=await _workflows(client, project.id, [make for make in makes if isinstance(make, Job)]),
        store_id=await _store(client, recipe.delivery.store)
        if isinstance(recipe, OrderRecipe) and recipe.delivery
        else None,
    )


async def _indices(
    client: PixxelClient, satellite_id: str, wanted: Sequence[Visualization]
) -> dict[str, str]:
    if not wanted:
        return {}
    there = await client.indices.list(satellite_id=satellite_id, type=IndexType.PRESET)
    return {each.index: _choose("preset index", there, each.index, _index_words).id for each in wanted}


async def _block(client: PixxelClient, wanted: Insight, collection_id: str) -> Block:
    """The version that an insight names, or the newest available one."""
    version = await _version(client, wanted)
    spec = known(version.spec, f"block {wanted.block} has no specification")
    inputs = [
        {
            name: value
            for name in ("name", "format", "type", "description", "properties")
            if (value := getattr(each, name)) is not None
        }
        for each in spec.inputs or []
    ]
    missing = set(wanted.inputs) - {each.get("name") for each in inputs}
    if missing:
        there = ", ".join(str(each.get("name")) for each in inputs)
        raise InvalidInput(
            f"{wanted.label}: the block has no input {', '.join(sorted(missing))}; its inputs are {there}"
        )
    return Block(wanted.block, version_of(version), inputs, collection_id)


async def _version(client: PixxelClient, wanted: Insight) -> ListedBlock:
    blocks = await client.blocks.list(mode="insight")
    listed = _called(blocks, wanted.block)
    if not listed:
        names = sorted({block.spec.name for block in blocks if block.spec and block.spec.name})
        raise InvalidInput(f"{wanted.label}: no such block; there are: {', '.join(names) or 'none'}")
    if wanted.version is None:
        if found := newest(listed):
            return found
        raise InvalidInput(
            f"{wanted.label}: the block has no released version; set version to one of: {_versions(listed)}"
        )
    if found := named(listed, wanted.version):
        return found
    # The vendor's registry lists only the newest version of each block.
    versions = _called(await client.blocks.versions(wanted.block), wanted.block)
    if found := named(versions, wanted.version):
        return found
    there = _versions([*listed, *versions])
    raise InvalidInput(f"{wanted.label}: the block has no version {wanted.version!r}; there are: {there}")


def _versions(blocks: Sequence[ListedBlock]) -> str:
    return ", ".join(sorted({version_of(block) for block in blocks} - {""})) or "none"


def _called(blocks: Sequence[ListedBlock], name: str) -> list[ListedBlock]:
    return [block for block in blocks if block.spec and block.spec.name == name]


async def _workflows(client: PixxelClient, project_id: str, jobs: Sequence[Job]) -> dict[str, str]:
    if not jobs:
        return {}
    there = await client.workflows.list(project_id=project_id)
    names = Counter(each.name.casefold() for each in there if each.name)
    workflows = {
        **{each.name.casefold(): each.id for each in there if each.name and names[each.name.casefold()] == 1},
        **{each.id.casefold(): each.id for each in there},
    }
    for job in jobs:
        if isinstance(job.workflow, str):  # the rows name the other workflows
            workflow_id(job, job.workflow, workflows)
    return workflows


def workflow_id(job: Job, word: str, workflows: Mapping[str, str]) -> str:
    """Id of the workflow that a recipe or a row names.

    Raises:
        InvalidInput: There is no such workflow, or several have the name.
    """
    if word.casefold() not in workflows:
        raise InvalidInput(
            f"{job.label}: the project has no workflow {word!r}, or several have that name; give the id"
        )
    return workflows[word.casefold()]


async def _store(client: PixxelClient, wanted: str) -> str:
    return _choose("store", await client.stores.list(), wanted, _store_words).id


def known(value: T | None, fault: str) -> T:
    """A value that the API may omit by its contract, but that the run needs."""
    if value is None:
        raise SchemaError(f"the response lacks a required value: the {fault}")
    return value


def _choose(
    kind: str, things: Sequence[T], wanted: str | None, words: Callable[[T], Sequence[str | None]]
) -> T:
    """The one with that id, else with that name, else the only one. The last of its names is the id."""
    there = ", ".join(sorted(" or ".join(filter(None, words(thing))) for thing in things)) or "none"
    if wanted is None:
        if len(things) != 1:
            raise InvalidInput(f"{kind}: name the one to use; there are: {there}")
        return things[0]
    called = [thing for thing in things if words(thing)[-1] == wanted] or [
        thing for thing in things if wanted.casefold() in _folded(words(thing))
    ]
    if not called:
        raise InvalidInput(f"{kind} {wanted!r}: no such {kind}; there are: {there}")
    if len(called) > 1:
        raise InvalidInput(
            f"{kind} {wanted!r}: {len(called)} have that name, give the id; there are: {there}"
        )
    return called[0]


def _folded(words: Sequence[str | None]) -> set[str]:
    return {word.casefold() for word in words if word}


def _satellite_words(satellite: Satellite) -> list[str | None]:
    return [satellite.name, satellite.id]


def _collection_words(collection: SatelliteCollection) -> list[str | None]:
    return [collection.name, collection.id]


def _project_words(project: Project) -> list[str | None]:
    return [project.title, project.name, project.id]


def _index_words(index: Index) -> list[str | None]:
    return [index.name, index.id]


def _store_words(store: Store) -> list[str | None]:
    return [store.name, store.id]
