"""What a report tells of the run, and of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import attrs

from pixxel_async.bulk._execution.result import result_of
from pixxel_async.bulk._journal.records import Cost, Header, RowRecord, Tokens
from pixxel_async.bulk._journal.view import JournalView


@attrs.frozen
class RunFacts:
    """What is known of a run before its rows are read."""

    header: Header
    tokens: Tokens
    costs: Sequence[Cost]
    total: int
    """How many rows it has."""
    features: int
    """How many features of the input these are."""
    out: Path
    written: datetime
    """When the report was begun."""

    @classmethod
    def of(cls, journal: JournalView, out: Path, written: datetime) -> Self:
        """Read them."""
        return cls(
            header=journal.header,
            tokens=journal.tokens(),
            costs=journal.costs(),
            total=sum(journal.tally().values()),
            features=journal.features(),
            out=out,
            written=written,
        )

    @property
    def recipe(self) -> Mapping[str, Any]:
        """What is made of the rows."""
        recipe: Mapping[str, Any] = self.header.recipe["recipe"]
        return recipe


Facts = dict[str, Any]
"""What is known of a row, JSON-ready."""


def row_facts(record: RowRecord) -> Facts:
    """What is known of a row, JSON-ready; files are relative to the run's folder, if they are there."""
    result = result_of(record, Path())
    return {
        "row": result.row,
        "key": record.entry.key,
        "part_of": result.part_of,
        "name": result.name,
        "state": result.state.value,
        "step": result.step,
        "ids": dict(result.ids),
        "files": [*(file.as_posix() for file in result.files), *result.urls],
        "tokens": result.tokens,
        "seconds": round(result.seconds, 3),
        "error": result.error,
    }
