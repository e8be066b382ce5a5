"""Faults in the rows of an input, reported together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from pixxel_async.errors import InvalidInput


class Problem(NamedTuple):
    """A fault of one value."""

    field: str
    """Column, property, or `geometry`."""
    what: str
    remedy: str


@attrs.frozen
class Fault:
    """A problem and its location."""

    row: int | None
    """The row, counted from 1; None for a problem of the whole file."""
    line: int | None
    """Its line in the file, counted from 1, in formats with lines."""
    field: str
    """Column, property, or `geometry`; empty for a problem of the whole row."""
    what: str
    remedy: str

    def __str__(self) -> str:
        place = "" if self.row is None else f"row {self.row}"
        if self.line is not None:
            place += f" (line {self.line})" if place else f"line {self.line}"
        place = ", ".join(filter(None, [place, self.field]))
        text = ": ".join(filter(None, [place, self.what]))
        return f"{text}; {self.remedy}" if self.remedy else text


class BadRows(InvalidInput):
    """The input has invalid rows, and no request was sent. Correct the rows that `faults` lists, and start again."""

    def __init__(self, path: str, faults: Sequence[Fault], count: int) -> None:
        lines = [f"{path}:", *map(str, faults)]
        if count > len(faults):
            lines.append(f"and {count - len(faults):,} more")
        super().__init__("\n  ".join(lines))
        self.path = path
        self.faults = tuple(faults)
        """The faults in the order of the file; at most the first 1,000."""
        self.count = count
        """Total number of faults."""

    def __reduce__(self) -> tuple[type[BadRows], tuple[str, Sequence[Fault], int]]:
        return type(self), (self.path, self.faults, self.count)
