"""Names that a run gives to folders and files."""

from __future__ import annotations

from pixxel_async._base.files import safe_name

JOURNAL = "run.journal"
REPORTS = {ending: f"report.{ending}" for ending in ("csv", "json", "geojson", "html")}
TAKEN = frozenset(
    {*REPORTS.values(), *(JOURNAL + ending for ending in ("", ".lock", ".new", "-wal", "-shm"))}
)
"""What stands beside the folders of the rows."""


def file_name(name: str, ending: str = "") -> str:
    """A row's or an index's name as a folder or file: safe on every system, and not the name of what the run itself writes."""
    text = name.replace("/", "_").replace("\\", "_") + ending
    safe = safe_name(text) or "_"
    return f"_{safe}" if safe.casefold() in TAKEN else safe
