"""Rows from the readers of the formats, unchecked except that they could be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from pixxel_async.bulk._faults import Problem
from pixxel_async.geometry._areas import ToDegrees

UTF_8 = "utf-8"
LARGEST = 64 * 2**20
"""Maximum bytes of one row; a million vertices with six decimals take less than half of it."""


@attrs.frozen(eq=False, repr=False)
class Row:
    """One row as found, or the reason why it could not be read."""

    number: int
    """From 1."""
    line: int | None = None
    """Its first line, from 1, in formats with lines."""
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    geometry: Any = None
    """GeoJSON, unchecked."""
    id: Any = None
    """The id of a GeoJSON feature, outside its properties."""
    to_degrees: ToDegrees | None = None
    """Transforms its coordinates to longitude and latitude."""
    problem: Problem | None = None


Rows: TypeAlias = Callable[[], Iterator[Row]]
"""Reads a file from its start at each call."""


class Refused(Exception):
    """The file as a whole cannot be read any further. Internal: it never leaves the package."""

    def __init__(self, what: str, remedy: str = "", *, field: str = "", line: int | None = None) -> None:
        super().__init__(what)
        self.problem = Problem(field, what, remedy)
        self.line = line

    @classmethod
    def by(cls, problem: Problem, *, line: int | None = None) -> Refused:
        """Make the error of a problem."""
        return cls(problem.what, problem.remedy, field=problem.field, line=line)


def check_columns(names: Sequence[str], key: str | None, *, line: int | None = None) -> None:
    """Check that all columns have different names, and that the key is one of them.

    Raises:
        Refused: The check fails.
    """
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise Refused(f"two columns have the name {twice!r}", "rename one", line=line)
    if key is not None and key not in names:
        there = ", ".join(names) or "none"
        raise Refused(f"no column {key!r}; there are: {there}", "name one of them")


def not_text(column: str, encoding: str | None) -> Problem:
    """The problem of a name or cell that is not text in the file's encoding, in a format with any encoding."""
    what = f"not {'UTF-8' if encoding is None else encoding} text"
    return Problem(column, what, "give the encoding of the file, for example cp1252, or save it as UTF-8")


def not_utf_8(column: str) -> Problem:
    """The problem of a name or cell that is not text, in a format that is always UTF-8, so an option cannot help."""
    return Problem(
        column, "not UTF-8 text", "correct the value and write the file again: its format is always UTF-8"
    )
