"""The ids that a step has created, by listing: they separate an open create from those of other rows."""

from __future__ import annotations

from collections.abc import KeysView, Mapping
from datetime import datetime
from typing import NamedTuple

Place = frozenset[tuple[str, str]]
"""Ids in the path of a create; creates with the same path are in one listing."""


NEWEST = 5000
"""Maximum number of a listing's ids that are passed to the client; the client keeps not many more."""


class Made(NamedTuple):
    """An id that a step has created."""

    id: str
    path: Mapping[str, str]
    since: datetime | None
    """When it was known to exist; None if only the response to an accepted create named it."""


class Claims:
    """An index of the ids that one step has created. It takes about 300 bytes for each id."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._dated: dict[Place, set[str]] = {}
        """The ids that `news` has returned or will return."""
        self._new: dict[Place, dict[str, datetime]] = {}

    def add(self, made: Made) -> None:
        """Add an id."""
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
        """All ids; a live view."""
        return self._ids.keys()

    def news(self, path: Mapping[str, str]) -> Mapping[str, datetime]:
        """Ids below a path added since the last call, with the time of their creation; at most the newest 5,000."""
        return self._new.pop(frozenset(path.items()), {})
