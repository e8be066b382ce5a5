"""Names of a recipe looked up in the account: what to send in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from pixxel_async.bulk._recipe import Recipe
from pixxel_async.client import PixxelClient
from pixxel_async.errors import InvalidInput, SchemaError
from pixxel_async.models import Index, IndexType, Project, Satellite, SatelliteCollection

T = TypeVar("T")


@attrs.frozen
class Target:
    """Ids that every field of a run shares."""

    satellite_id: str
    collection_id: str
    provider: str
    project_id: str
    index_id: str


async def resolve(client: PixxelClient, recipe: Recipe) -> Target:
    """Look up satellite, collection, project and index; three reads.

    Raises:
        InvalidInput: One of them does not exist, or there are several and the recipe names none.
    """
    satellites = await client.satellites.list()
    satellite = _choose("satellite", satellites, recipe.satellite, _satellite_words)
    collection = _choose("collection", satellite.collections or [], recipe.collection, _collection_words)
    projects = await client.projects.list()
    project = _choose("project", projects, recipe.project, _project_words)
    indices = await client.indices.list(satellite_id=satellite.id, type=IndexType.PRESET)
    index = _choose("preset index", indices, recipe.index, _index_words)
    return Target(
        satellite_id=satellite.id,
        collection_id=collection.id,
        provider=known(collection.provider, "collection has no provider"),
        project_id=project.id,
        index_id=index.id,
    )


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
