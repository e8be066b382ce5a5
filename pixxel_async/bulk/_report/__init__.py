"""Reports on every row of a run, as files: for spreadsheets, programs, maps, and people."""

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
    """A report file that is written row by row."""

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
    """Write the report of a run to `report.csv`, `report.json`, `report.geojson`, `report.html`.

    It reads the journal, also while a process works on the run. It replaces an earlier report when all new files are
    complete. The first three files have every row of the input once, in its order. The function blocks, and its memory
    does not grow with the rows: call it in a thread (`asyncio.to_thread`) beside an event loop.

    A row that is a part of a feature has the feature's key under `part_of`.

    - `csv`, for spreadsheets: `|` separates several values in one cell. A cell that a spreadsheet would read as a formula
      (it starts with `=`, `+`, `-` or `@`) gets an apostrophe at its start.
    - `json`, for programs: the facts of the run, and under `rows` those of the CSV, unchanged.
    - `geojson`, for maps: the areas, with the same facts as properties, and under `input` the input's properties.
    - `html`, for people: one page that needs no network, with counts, reasons, a map, thumbnails, costs and rows. If there
      are more than 5,000 rows, it lists those that did not succeed. Pillow makes the thumbnails (part of the extra
      `sandbox`); without it, the page shows only small pictures.

    Args:
        out: Folder of the run.
        formats: Formats to write.

    Returns:
        The files, by format. Paths in them are relative to `out`.

    Raises:
        JournalError: There is no run in the folder, or its journal is damaged.
        InvalidInput: There is no such format.
        DiskFull: The disk is full; the earlier report is still there.
    """
    out = checked_path(out, "out")
    wanted = list(dict.fromkeys(formats))
    for each in wanted:
        if each not in _TABLES:
            raise InvalidInput(f"formats: {each!r} is not a format: use some of {', '.join(_TABLES)}")
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
