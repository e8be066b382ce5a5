"""Names of a recipe looked up in the account: what to send in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from pixxel_async.bulk._recipes import Insight, Job, OrderRecipe, Recipe, Visualization
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
    """Collection of the images that it works on."""

    @property
    def ref(self) -> BlockRef:
        """What an insight names it by."""
        return BlockRef(name=self.name, version=self.version)


@attrs.frozen(kw_only=True)
class Target:
    """Ids that all rows of a run share."""

    satellite_id: str
    collection_id: str
    provider: str
    project_id: str
    indices: Mapping[str, str] = attrs.field(factory=dict)
    """By the recipe's word."""
    blocks: Mapping[str, Block] = attrs.field(factory=dict)
    """By the insight's label."""
    workflows: Mapping[str, str] = attrs.field(factory=dict)
    """By id, and by name where only one is called so; case-folded."""
    store_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for the journal."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Target:
        """What `to_dict` gave."""
        blocks = {label: Block(**block) for label, block in data["blocks"].items()}
        return cls(**{**data, "blocks": blocks})


async def resolve(client: PixxelClient, recipe: Recipe | OrderRecipe) -> Target:
    """Look up what the recipe names; a few reads.

    Raises:
        InvalidInput: One of them does not exist, or there are several and the recipe names none.
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
        workflows=await _workflows(client, project.id)
        if any(isinstance(make, Job) for make in makes)
        else {},
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
    """The version that an insight names, or the newest; versions are compared by their numbers."""
    blocks = await client.blocks.list(mode="insight")
    called = [block for block in blocks if block.spec and block.spec.name == wanted.block]
    if not called:
        names = sorted({block.spec.name for block in blocks if block.spec and block.spec.name})
        raise InvalidInput(f"{wanted.label}: no such block; there are: {', '.join(names) or 'none'}")
    if wanted.version is not None:
        called = [block for block in called if block.spec and block.spec.version == wanted.version]
        if not called:
            raise InvalidInput(f"{wanted.label}: the block has no version {wanted.version!r}")
    newest = max(called, key=_version)
    assert newest.spec is not None
    inputs = [
        {
            name: value
            for name in ("name", "format", "type", "description", "properties")
            if (value := getattr(each, name)) is not None
        }
        for each in newest.spec.inputs or []
    ]
    missing = set(wanted.inputs) - {each.get("name") for each in inputs}
    if missing:
        there = ", ".join(str(each.get("name")) for each in inputs)
        raise InvalidInput(
            f"{wanted.label}: the block has no input {', '.join(sorted(missing))}; its inputs are {there}"
        )
    version = known(newest.spec.version, f"block {wanted.block} has no version")
    return Block(wanted.block, version, inputs, collection_id)


def _version(block: ListedBlock) -> list[int]:
    text = (block.spec.version if block.spec else None) or ""
    return [int(part) if part.isdecimal() else -1 for part in text.split(".")]


async def _workflows(client: PixxelClient, project_id: str) -> dict[str, str]:
    there = await client.workflows.list(project_id=project_id)
    names = Counter(each.name.casefold() for each in there if each.name)
    return {
        **{each.name.casefold(): each.id for each in there if each.name and names[each.name.casefold()] == 1},
        **{each.id.casefold(): each.id for each in there},
    }


async def _store(client: PixxelClient, wanted: str) -> str:
    return _choose("store", await client.stores.list(), wanted, _store_words).id


def known(value: T | None, fault: str) -> T:
    """A value that the API may leave out by its contract, but that nothing goes on without."""
    if value is None:
        raise SchemaError(f"the answer is of no use: the {fault}")
    return value


def _choose(
    kind: str, things: Sequence[T], wanted: str | None, words: Callable[[T], Sequence[str | None]]
) -> T:
    """The thing that is called `wanted`, or the only one."""
    there = ", ".join(sorted(" or ".join(filter(None, words(thing))) for thing in things)) or "none"
    if wanted is None:
        if len(things) != 1:
            raise InvalidInput(f"{kind}: name the one to use; there are: {there}")
        return things[0]
    called = [thing for thing in things if wanted.casefold() in _folded(words(thing))]
    if not called:
        raise InvalidInput(f"{kind} {wanted!r}: no such {kind}; there are: {there}")
    if len(called) > 1:
        raise InvalidInput(f"{kind} {wanted!r}: {len(called)} are called so, give the id; there are: {there}")
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
