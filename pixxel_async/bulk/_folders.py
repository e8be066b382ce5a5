"""Names of a run's folders and files."""

from __future__ import annotations

from pixxel_async._base.files import safe_name

JOURNAL = "run.journal"
REPORTS = {ending: f"report.{ending}" for ending in ("csv", "json", "geojson", "html")}
TAKEN = frozenset(
    {*REPORTS.values(), *(JOURNAL + ending for ending in ("", ".lock", ".new", "-wal", "-shm"))}
)
"""Files beside the folders of the rows."""


def file_name(name: str, ending: str = "") -> str:
    """A row's or an index's name as a file name: safe on every system, and different from the run's own files."""
    text = name.replace("/", "_").replace("\\", "_") + ending
    safe = safe_name(text) or "_"
    return f"_{safe}" if safe.casefold() in TAKEN else safe
