"""Reports for programs: CSV, JSON, GeoJSON; rows are written as they arrive."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

import orjson

from pixxel_async.bulk._journal.records import RowRecord
from pixxel_async.bulk._report._facts import Facts, RunFacts

BETWEEN = "|"
"""Separates several values in one cell; no id and no file name of a run contains it."""
COLUMNS = ("row", "key", "part_of", "name", "state", "step", "ids", "files", "tokens", "seconds", "error")


class CsvTable:
    """For spreadsheets."""

    def __init__(self, file: BinaryIO, facts: RunFacts) -> None:
        del facts  # a table has only rows
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(
            self._text
        )  # with \r\n, as in RFC 4180; with \n alone, the module leaves a \r unquoted
        self._writer.writerow(COLUMNS)

    def add(self, record: RowRecord, facts: Facts) -> None:
        """Write one row."""
        del record
        self._writer.writerow(_cell(facts[column]) for column in COLUMNS)

    def end(self) -> None:
        """Do nothing: the file has no footer."""
        self._text.detach()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        value = [f"{step}={id}" for step, id in value.items()]
    text = BETWEEN.join(value) if isinstance(value, list) else str(value)
    # Spreadsheets run these, and names come from untrusted input.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


class JsonTable:
    """For programs."""

    def __init__(self, file: BinaryIO, facts: RunFacts) -> None:
        header, tokens = facts.header, facts.tokens
        head = {
            "run_id": header.run_id,
            "started": header.started,
            "written": facts.written,
            "sdk": header.sdk,
            "base_url": header.base_url,
            "input_name": header.input_name,
            "input_sha256": header.input_sha256,
            "features": facts.features,
            "recipe": facts.recipe,
            "tokens": {"spent": tokens.spent, "reserved": tokens.reserved, "cap": tokens.cap},
        }
        self._file = file
        self._list = _List(file)
        file.write(orjson.dumps(head).removesuffix(b"}") + b',"rows":[')

    def add(self, record: RowRecord, facts: Facts) -> None:
        """Write one row."""
        del record
        self._list.add(facts)

    def end(self) -> None:
        """Do nothing: the file has no footer."""
        self._file.write(b"\n]}\n")


class GeoJsonTable:
    """For maps."""

    def __init__(self, file: BinaryIO, facts: RunFacts) -> None:
        del facts  # a FeatureCollection has only features
        self._file = file
        self._list = _List(file)
        file.write(b'{"type":"FeatureCollection","features":[')

    def add(self, record: RowRecord, facts: Facts) -> None:
        """Write one row."""
        self._list.add(
            {
                "type": "Feature",
                "id": record.entry.row,
                "geometry": record.entry.geometry,
                "properties": {**facts, "input": record.entry.properties},
            }
        )

    def end(self) -> None:
        """Do nothing: the file has no footer."""
        self._file.write(b"\n]}\n")


class _List:
    """Members of a JSON array, one per line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._between = b"\n"

    def add(self, value: Any) -> None:
        self._file.write(self._between + orjson.dumps(value))
        self._between = b",\n"
