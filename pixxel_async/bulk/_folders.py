"""Names that a run gives to folders and files."""

from __future__ import annotations

from pixxel_async._files import safe_name

REPORTS = ("report.csv", "report.json")
"""They stand beside the folders of the fields."""


def file_name(name: str, ending: str = "") -> str:
    """A field's or an index's name as a folder or file: safe on every system, and not the name of a report."""
    text = name.replace("/", "_").replace("\\", "_") + ending
    safe = safe_name(text) or "_"
    return f"_{safe}" if safe.casefold() in REPORTS else safe
