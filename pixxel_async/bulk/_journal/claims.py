"""Which ids a step has made, by listing: what tells an open create from one of another row."""

from __future__ import annotations

from collections.abc import KeysView, Mapping
from datetime import datetime
from typing import NamedTuple

Place = frozenset[tuple[str, str]]
"""Ids in the path of a create: those below the same path are in one listing."""


NEWEST = 5000
"""Ids of a listing that are given to the client, which does not remember many more."""


class Made(NamedTuple):
    """One id that a step has made."""

    id: str
    path: Mapping[str, str]
    since: datetime | None
    """When it was known to exist; None where only the answer of an accepted create named it."""


class Claims:
    """An index of what one step has made. It takes some 300 bytes for each id."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._dated: dict[Place, set[str]] = {}
        """Those that were ever given out by `news`, or will be."""
        self._new: dict[Place, dict[str, datetime]] = {}

    def add(self, made: Made) -> None:
        """Enter an id."""
        self._ids[made.id] = None
        place = frozenset(made.path.items())
        if made.since is not None and made.id not in (dated := self._dated.setdefault(place, set())):
            dated.add(made.id)
            new = self._new.setdefault(place, {})
            new[made.id] = made.since
            if len(new) > NEWEST:
                del new[next(iter(new))]

    @property
    def ids(self) -> KeysView[str]:
        """All ids, also those that are added later."""
        return self._ids.keys()

    def news(self, path: Mapping[str, str]) -> Mapping[str, datetime]:
        """Ids below a path that were entered since the last call, and since when they exist; of very many the newest."""
        return self._new.pop(frozenset(path.items()), {})
