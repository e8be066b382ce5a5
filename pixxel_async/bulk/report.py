"""What became of every field: `report.csv` for people, `report.json` for programs."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pixxel_async.bulk._fields import Field
from pixxel_async.bulk._folders import REPORTS
from pixxel_async.bulk._output import write_atomically
from pixxel_async.bulk._result import Result, State

_BETWEEN = "|"
"""Between several values in one cell; it stands in no image id and in no file name of ours."""


class Report:
    """The rows of a run, one per field, kept up to date by its updates."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._rows = {field.row: Result(row=field.row, name=field.name) for field in fields}
        self._counts = Counter(row.state for row in self._rows.values())

    def update(self, result: Result) -> None:
        """Take the newest state of a field; fits `run(on_update=...)`."""
        self._counts[self._rows[result.row].state] -= 1
        self._counts[result.state] += 1
        self._rows[result.row] = result

    @property
    def rows(self) -> list[Result]:
        """All rows, in the order of the fields."""
        return list(self._rows.values())

    @property
    def counts(self) -> Counter[State]:
        """How many fields are in which state."""
        return +self._counts

    def write(self, out: str | Path) -> tuple[Path, Path]:
        """Write `report.csv` and `report.json` to a folder; paths in them are relative to it.

        Returns:
            Where the two files are.
        """
        out = Path(out)
        rows = [_plain(row, out) for row in self.rows]
        csv_path, json_path = (out / name for name in REPORTS)
        write_atomically(csv_path, _as_csv(rows).encode())
        write_atomically(json_path, json.dumps(rows, indent=2, ensure_ascii=False).encode() + b"\n")
        return csv_path, json_path


def _plain(row: Result, out: Path) -> dict[str, Any]:
    return {
        "row": row.row,
        "name": row.name,
        "state": row.state.value,
        "step": row.step.value if row.step else None,
        "scene_ids": list(row.scene_ids),
        "aoi_id": row.aoi_id,
        "visualization_id": row.visualization_id,
        "download_id": row.download_id,
        "png": _relative(row.png, out),
        "package": _relative(row.package, out),
        "files": [_relative(file, out) for file in row.files],
        "error": row.error,
        "seconds": round(row.seconds, 3),
    }


def _relative(path: Path | None, out: Path) -> str | None:
    return Path(os.path.relpath(path, out)).as_posix() if path else None


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(_plain(Result(row=0, name=""), Path()))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _BETWEEN.join(value) if isinstance(value, list) else str(value)
