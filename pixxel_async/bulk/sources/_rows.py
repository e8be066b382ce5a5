"""A row as the readers of the formats hand it on: nothing is checked yet but that it could be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from pixxel_async.bulk._faults import Problem
from pixxel_async.geometry._areas import ToDegrees

UTF_8 = "utf-8"
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
    to_degrees: ToDegrees | None = None
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

    @classmethod
    def by(cls, problem: Problem, *, line: int | None = None) -> Refused:
        """Because of a problem."""
        return cls(problem.what, problem.remedy, field=problem.field, line=line)


def check_columns(names: Sequence[str], key: str | None, *, line: int | None = None) -> None:
    """See that no two columns have the same name, and that the key is one of them.

    Raises:
        Refused: It is not so.
    """
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise Refused(f"two columns are called {twice!r}", "rename one", line=line)
    if key is not None and key not in names:
        there = ", ".join(names) or "none"
        raise Refused(f"no column {key!r}; there are: {there}", "name one of them")


def not_text(column: str, encoding: str | None) -> Problem:
    """A name or a cell whose bytes are no text in the encoding of the file, in a format that may have any."""
    what = f"not {'UTF-8' if encoding is None else encoding} text"
    return Problem(column, what, "give the encoding of the file, for example cp1252, or save it as UTF-8")


def not_utf_8(column: str) -> Problem:
    """A name or a cell whose bytes are no text, in a format that is always UTF-8: no option could help."""
    return Problem(
        column, "not UTF-8 text", "correct the value and write the file again: its format is always UTF-8"
    )
