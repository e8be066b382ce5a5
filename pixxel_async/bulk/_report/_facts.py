"""The facts of a run and of a row in a report."""

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
    """Facts of a run that are known before its rows are read."""

    header: Header
    tokens: Tokens
    costs: Sequence[Cost]
    total: int
    """Number of rows."""
    features: int
    """Number of the input's features."""
    out: Path
    written: datetime
    """Start time of the report."""

    @classmethod
    def of(cls, journal: JournalView, out: Path, written: datetime) -> Self:
        """Read the facts from the journal."""
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
        """The recipe as plain data."""
        recipe: Mapping[str, Any] = self.header.recipe["recipe"]
        return recipe


Facts = dict[str, Any]
"""Facts of a row, JSON-ready."""


def row_facts(record: RowRecord) -> Facts:
    """Facts of a row, JSON-ready; files inside the run's folder have relative paths."""
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
