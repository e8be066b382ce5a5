"""The tables of a journal, and how to read them. Every row has a checksum, which reveals damage."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any

from pixxel_async.bulk._journal.records import Entry, Header, StepRecord, StepState, Tokens
from pixxel_async.bulk._journal.text import from_json, from_micro, instant_text, json_text, to_micro

APPLICATION_ID = 0x50585842
"""`PXXB`, in the file's header."""
VERSION = 3
"""Versions 1 and 2 have no row in the state NO_IMAGE, version 1 has no table `session`. A journal becomes version 3 when it is
opened to be written. Since version 3 a journal has the table `part` if features of its input were split."""

_COLUMNS = {
    "run": ("run_id", "started", "sdk", "base_url", "token_print", "recipe", "input_sha256", "input_name"),
    "book": ("rows", "cap", "spent", "reserved"),
    "entry": ("row", "key", "name", "folder", "geometry", "properties"),
    "progress": ("row", "state", "step", "error", "seconds", "updated"),
    "step": (
        *("row", "name", "attempt", "state", "intent", "facts"),
        *("reserved", "tokens", "error", "intent_at", "settled_at"),
    ),
    "session": ("mark", "doubted"),
    "part": ("row", "feature"),
}
# Small data that change often (progress) are separate from large constant data (entry).
TABLES = """
CREATE TABLE run (
    run_id TEXT NOT NULL, started TEXT NOT NULL, sdk TEXT NOT NULL, base_url TEXT NOT NULL,
    token_print TEXT NOT NULL, recipe TEXT NOT NULL, input_sha256 TEXT NOT NULL, input_name TEXT NOT NULL,
    sum INTEGER NOT NULL
);
CREATE TABLE book (rows INTEGER, cap INTEGER, spent INTEGER NOT NULL, reserved INTEGER NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE entry (
    row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, folder TEXT NOT NULL,
    geometry TEXT NOT NULL, properties TEXT NOT NULL, sum INTEGER NOT NULL
);
CREATE TABLE progress (
    row INTEGER PRIMARY KEY REFERENCES entry, state TEXT NOT NULL, step TEXT, error TEXT,
    seconds REAL NOT NULL, updated TEXT NOT NULL, sum INTEGER NOT NULL
);
CREATE TABLE step (
    row INTEGER NOT NULL REFERENCES entry, name TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,
    intent TEXT, facts TEXT NOT NULL, reserved INTEGER NOT NULL, tokens INTEGER, error TEXT,
    intent_at TEXT NOT NULL, settled_at TEXT, sum INTEGER NOT NULL,
    PRIMARY KEY (row, name, attempt)
) WITHOUT ROWID;
"""
SESSION_TABLE = "CREATE TABLE session (mark TEXT NOT NULL, doubted TEXT, sum INTEGER NOT NULL);\n"
PART_TABLE = "CREATE TABLE part (row INTEGER PRIMARY KEY REFERENCES entry, feature TEXT NOT NULL, sum INTEGER NOT NULL);\n"
STEP_COLUMNS = ", ".join(_COLUMNS["step"])
ENTRY_COLUMNS = ", ".join(f"entry.{name}" for name in _COLUMNS["entry"])

Row = tuple[Any, ...]

_AT_ONCE = (64, 16, 4, 1)
"""Rows in one statement. Few different statements stay prepared, and old versions of SQLite accept few values."""


def checksum(*values: object) -> int:
    """Checksum of a row."""
    return zlib.crc32(repr(values).encode())


def write_many(connection: sqlite3.Connection, verb: str, table: str, rows: Collection[Row]) -> None:
    """Write rows of a table, each with its checksum."""
    summed = [(*row, checksum(*row)) for row in rows]
    at = 0
    for size in _AT_ONCE:
        while len(summed) - at >= size:
            values = tuple(chain.from_iterable(summed[at : at + size]))
            connection.execute(_statement(verb, table, len(summed[at]), size), values)
            at += size


@cache
def _statement(verb: str, table: str, width: int, rows: int) -> str:
    marks = f"({', '.join('?' * width)})"
    return f"{verb} INTO {table} VALUES {', '.join([marks] * rows)}"


def create_tables(connection: sqlite3.Connection, header: Header) -> None:
    """Make the tables of an empty journal."""
    connection.executescript(f"BEGIN; {TABLES}{SESSION_TABLE}")
    run = (
        header.run_id,
        instant_text(header.started),
        header.sdk,
        header.base_url,
        header.token_print,
        json_text(header.recipe, "recipe"),
        header.input_sha256,
        header.input_name,
    )
    cap = None if header.cap is None else to_micro(header.cap, "cap")
    write_many(connection, "INSERT", "run", [run])
    write_many(connection, "INSERT", "book", [(None, cap, 0, 0)])
    connection.execute("COMMIT")


def damage(connection: sqlite3.Connection) -> str | None:
    """A description of the damage of a journal; None if there is none. Reads all of it."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in range(1, VERSION + 1):
        return f"its version is {version}"
    if (found := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
        return str(found).replace("\n", " ")
    missing = {"session"} if version == 1 else set()
    missing |= set() if has_parts(connection) else {"part"}
    if _tables(connection) != _own_tables(missing):
        return "its tables are not those of a journal"
    connection.create_function("checksum", -1, checksum, deterministic=True)
    for table, columns in _COLUMNS.items():
        if table in missing:
            continue
        wrong = connection.execute(
            f"SELECT 1 FROM {table} WHERE sum IS NOT checksum({', '.join(columns)}) LIMIT 1"
        )
        if wrong.fetchone():
            return f"a checksum in its table {table} is wrong"
    return _contradiction(connection)


def _contradiction(connection: sqlite3.Connection) -> str | None:
    """A description of inconsistent rows; None if they are consistent."""
    [counts] = connection.execute(
        "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM book), "
        "(SELECT count(*) FROM entry), (SELECT count(*) FROM progress)"
    )
    rows = counts[2]
    if counts != (1, 1, rows, rows):
        return "rows are missing"
    total, spent, reserved = connection.execute("SELECT rows, spent, reserved FROM book").fetchone()
    if total not in (None, rows):
        return f"it has {rows} of {total} rows"
    sums = connection.execute("SELECT coalesce(sum(tokens), 0), coalesce(sum(reserved), 0) FROM step")
    if (spent, reserved) != sums.fetchone():
        return "its account of tokens does not agree with its steps"
    return None


def _tables(connection: sqlite3.Connection) -> list[Row]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()


def _own_tables(missing: Collection[str]) -> list[Row]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(TABLES)
        for name, table in (("session", SESSION_TABLE), ("part", PART_TABLE)):
            if name not in missing:
                connection.execute(table)
        return _tables(connection)
    finally:
        connection.close()


# --- reading ----------------------------------------------------------------------------------------------


def has_parts(connection: sqlite3.Connection) -> bool:
    """Whether the journal has rows that are parts of a feature."""
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'part'")
    return found.fetchone() is not None


def header_of(connection: sqlite3.Connection) -> Header:
    """The header of the run."""
    facts = dict(
        zip(
            _COLUMNS["run"],
            connection.execute(f"SELECT {', '.join(_COLUMNS['run'])} FROM run").fetchone(),
            strict=True,
        )
    )
    facts["started"] = datetime.fromisoformat(facts["started"])
    facts["recipe"] = from_json(facts["recipe"])
    return Header(**facts, cap=tokens_of(connection).cap)


def session_of(connection: sqlite3.Connection) -> tuple[str | None, str | None]:
    """Mark of the last session, and when the journal was last found to be possibly out of date."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == 1:
        return None, None
    return connection.execute("SELECT mark, doubted FROM session").fetchone() or (None, None)


def tokens_of(connection: sqlite3.Connection) -> Tokens:
    """The account of tokens."""
    spent, reserved, cap = connection.execute("SELECT spent, reserved, cap FROM book").fetchone()
    return Tokens(
        spent=from_micro(spent), reserved=from_micro(reserved), cap=None if cap is None else from_micro(cap)
    )


def entry_of(row: Iterable[Any], part_of: str | None) -> Entry:
    """The entry of a row of ENTRY_COLUMNS and of the feature that it is a part of."""
    number, key, name, folder, geometry, properties = row
    return Entry(
        row=number,
        key=key,
        name=name,
        folder=folder,
        geometry=from_json(geometry),
        properties=from_json(properties),
        part_of=part_of,
    )


def step_of(row: Iterable[Any]) -> StepRecord:
    """The step of a row of STEP_COLUMNS."""
    number, name, attempt, state, intent, facts, reserved, tokens, error, intent_at, settled_at = row
    return StepRecord(
        row=number,
        step=name,
        attempt=attempt,
        state=StepState[state],
        intent=None if intent is None else from_json(intent),
        facts=from_json(facts),
        reserved=from_micro(reserved),
        tokens=None if tokens is None else from_micro(tokens),
        error=error,
        intent_at=datetime.fromisoformat(intent_at),
        settled_at=None if settled_at is None else datetime.fromisoformat(settled_at),
    )
