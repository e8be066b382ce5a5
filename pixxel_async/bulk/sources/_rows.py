"""A row as the readers of the formats hand it on: nothing is checked yet but that it could be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from pixxel_async.bulk._faults import Problem

Project: TypeAlias = Callable[[Any], Any]
"""From a GeoJSON geometry as found to the same in WGS 84 longitude and latitude."""

LARGEST = 64 * 2**20
"""Bytes of one row; a million vertices written with six decimals take less than half of it."""


@attrs.frozen(eq=False, repr=False)
class Row:
    """One row as found, or why it could not be read."""

    number: int
    """From 1."""
    line: int | None = None
    """Where it begins, from 1, in formats that have lines."""
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    geometry: Any = None
    """GeoJSON, unchecked."""
    id: Any = None
    """What a GeoJSON feature calls itself outside its properties."""
    project: Project | None = None
    """What its coordinates need to become longitude and latitude."""
    problem: Problem | None = None


Rows: TypeAlias = Callable[[], Iterator[Row]]
"""Reads a file from its beginning, each time it is called."""


class Refused(Exception):
    """The file as a whole cannot be read any further. Never leaves the package."""

    def __init__(self, what: str, remedy: str = "", *, field: str = "", line: int | None = None) -> None:
        super().__init__(what)
        self.problem = Problem(field, what, remedy)
        self.line = line


def unknown_column(name: str, known: list[str]) -> Refused:
    """A table has no such column."""
    there = ", ".join(known) or "none"
    return Refused(f"no column {name!r}; there are: {there}", "name one of them")
