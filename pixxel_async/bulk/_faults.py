"""What is wrong with the rows of an input, told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from pixxel_async.errors import InvalidInput


class Problem(NamedTuple):
    """Something wrong with one value."""

    field: str
    """Column, property, or `geometry`."""
    what: str
    remedy: str


@attrs.frozen
class Fault:
    """A problem and where it is."""

    row: int | None
    """The row, counted from 1; None when it is of the file as a whole."""
    line: int | None
    """Its line in the file, counted from 1, in formats that have lines."""
    field: str
    """Column, property, or `geometry`; empty when it is of the whole row."""
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
    """An input that cannot be used as it is. Nothing was sent."""

    def __init__(self, path: str, faults: Sequence[Fault], count: int) -> None:
        lines = [f"{path}:", *map(str, faults)]
        if count > len(faults):
            lines.append(f"and {count - len(faults):,} more")
        super().__init__("\n  ".join(lines))
        self.path = path
        self.faults = tuple(faults)
        """What is wrong, in the order of the file; of very many only the first."""
        self.count = count
        """How many faults there are in all."""

    def __reduce__(self) -> tuple[type[BadRows], tuple[str, Sequence[Fault], int]]:
        return type(self), (self.path, self.faults, self.count)
