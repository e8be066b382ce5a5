"""What became of every row, as files beside theirs: for spreadsheets, programs, maps, and people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from pixxel_async._base.files import checked_path, disk_errors
from pixxel_async.bulk._folders import JOURNAL, REPORTS
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import RowRecord
from pixxel_async.bulk._output import atomic_files
from pixxel_async.bulk._report._facts import Facts, RunFacts, row_facts
from pixxel_async.bulk._report._page import HtmlPage
from pixxel_async.bulk._report._tables import CsvTable, GeoJsonTable, JsonTable
from pixxel_async.errors import InvalidInput, PixxelError

Format = Literal["csv", "json", "geojson", "html"]


class _Table(Protocol):
    """A file that takes the rows one by one."""

    def add(self, record: RowRecord, facts: Facts) -> None: ...

    def end(self) -> None: ...


_TABLES: dict[str, Callable[[BinaryIO, RunFacts], _Table]] = {
    "csv": CsvTable,
    "json": JsonTable,
    "geojson": GeoJsonTable,
    "html": HtmlPage,
}


def report(
    out: str | Path, *, formats: Iterable[Format] = ("csv", "json", "geojson", "html")
) -> dict[str, Path]:
    """Write what became of every row to `report.csv`, `report.json`, `report.geojson`, `report.html`.

    It reads the journal, also while a process works on the run, and replaces an earlier report when all files of the new one are
    whole. Every row of the input is in each of the first three once, in its order. It blocks, and takes as little memory for many
    rows as for few: call it in a thread (`asyncio.to_thread`) while other work goes on.

    A row that is a part of a feature has the feature's key under `part_of`.

    - `csv`, for spreadsheets: several values in one cell have `|` between them. A cell that a spreadsheet would take
      for a formula (it begins with `=`, `+`, `-` or `@`) has an apostrophe before it.
    - `json`, for programs: what is known of the run, and under `rows` the same as in the CSV, unchanged.
    - `geojson`, for maps: the areas, with the same facts as properties, and under `input` their own.
    - `html`, for people: one page that needs no network, with counts, reasons, a map, small pictures, costs and rows. Of more
      than 5,000 rows it lists those that did not end well. The pictures are made small with Pillow (part of the
      extra `sandbox`); without it, only those are shown that are small already.

    Args:
        out: Folder of the run.
        formats: Which files.

    Returns:
        The files, by format. Paths in them are relative to `out`.

    Raises:
        JournalError: There is no run in the folder, or its journal is damaged.
        InvalidInput: There is no such format.
        DiskFull: There is no room; the earlier report is still there.
    """
    out = checked_path(out, "out")
    wanted = list(dict.fromkeys(formats))
    for each in wanted:
        if each not in _TABLES:
            raise InvalidInput(f"formats: there is no {each!r}: give some of {', '.join(_TABLES)}")
    paths: dict[str, Path] = {each: out / REPORTS[each] for each in wanted}
    with (
        Journal.read(out / JOURNAL) as journal,
        disk_errors(out, PixxelError),
        atomic_files(paths.values(), PixxelError) as files,
    ):
        facts = RunFacts.of(journal, out, datetime.now(UTC))
        tables = [_TABLES[each](file, facts) for each, file in zip(paths, files, strict=True)]
        for record in journal.rows():
            known = row_facts(record)
            for table in tables:
                table.add(record, known)
        for table in tables:
            table.end()
    return paths
