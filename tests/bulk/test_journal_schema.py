"""Damage that a journal's own checks must see: in each table, each column, and where whole rows do not fit together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from journals import HEADER, Plot, left

from pixxel_async import InvalidInput
from pixxel_async.bulk import State
from pixxel_async.bulk._journal import schema, text
from pixxel_async.bulk._journal.schema import checksum, damage

TABLES = ("run", "book", "entry", "progress", "step", "session")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A journal with a row that is done, one that is held, and one that waits."""
    left(tmp_path, Plot(state=State.DONE, tokens=2.0), Plot(state=State.HELD, tokens=1.0), Plot())
    with closing(sqlite3.connect(tmp_path / "run.journal", isolation_level=None)) as connection:
        connection.create_function("checksum", -1, checksum, deterministic=True)
        yield connection


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "sum"]


def test_q6_a_sound_journal_has_no_damage(connection: sqlite3.Connection) -> None:
    assert damage(connection) is None


@pytest.mark.parametrize("table", TABLES)
def test_q6_a_change_in_any_column_is_seen(connection: sqlite3.Connection, table: str) -> None:
    """Without its checksum."""
    for column in columns(connection, table):
        connection.execute("SAVEPOINT whole")
        connection.execute("PRAGMA foreign_keys=OFF")
        where = "row = 1 AND attempt = 1" if table == "step" else "rowid = 1"
        connection.execute(f"UPDATE {table} SET {column} = coalesce({column}, 0) || '7' WHERE {where}")
        assert f"a checksum in its table {table} is wrong" == damage(connection), column
        connection.execute("ROLLBACK TO whole")
        connection.execute("RELEASE whole")
    assert damage(connection) is None


def summed(connection: sqlite3.Connection, table: str) -> None:
    """Give all rows of a table the right checksum."""
    connection.execute(f"UPDATE {table} SET sum = checksum({', '.join(columns(connection, table))})")


@pytest.mark.parametrize(
    ("change", "table", "expected"),
    [
        ("UPDATE book SET spent = spent + 1", "book", "its account of tokens does not agree with its steps"),
        ("UPDATE book SET reserved = reserved - 1", "book", "its account of tokens does not agree"),
        ("UPDATE step SET tokens = 7 WHERE tokens > 0", "step", "its account of tokens does not agree"),
        ("UPDATE step SET reserved = 0", "step", "its account of tokens does not agree"),
        ("UPDATE book SET rows = 4", "book", "it has 3 of 4 rows"),
        ("UPDATE book SET rows = 2", "book", "it has 3 of 2 rows"),
        ("DELETE FROM progress WHERE row = 3", "progress", "rows are missing"),
        ("DELETE FROM entry WHERE row = 3", "entry", "rows are missing"),
        ("DELETE FROM run", "run", "rows are missing"),
        ("DELETE FROM book", "book", "rows are missing"),
        ("INSERT INTO book SELECT * FROM book", "book", "rows are missing"),
        ("CREATE TABLE more (x)", "run", "its tables are not those of a journal"),
        ("DROP TABLE session", "run", "its tables are not those of a journal"),
        ("PRAGMA user_version=4", "run", "its version is 4"),
        ("PRAGMA user_version=0", "run", "its version is 0"),
        ("PRAGMA user_version=1", "run", "its tables are not those of a journal"),
    ],
)
def test_q6_rows_that_do_not_fit_together_are_seen(
    connection: sqlite3.Connection, change: str, table: str, expected: str
) -> None:
    """Although each has its checksum."""
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute(change)
    if "session" not in change:
        summed(connection, table)
    assert str(damage(connection)).startswith(expected)


def test_q6_rows_that_were_not_all_added_are_no_damage(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE book SET rows = NULL")
    summed(connection, "book")
    assert damage(connection) is None


def test_q6_a_journal_of_version_1_is_sound_without_sessions(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE session")
    connection.execute("PRAGMA user_version=1")
    assert damage(connection) is None
    connection.execute("UPDATE run SET run_id = 'x'")
    assert "a checksum in its table run is wrong" == damage(connection)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 16, 17, 63, 64, 65, 150])
def test_any_number_of_rows_is_written_in_order(count: int) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a, b, sum)")
        schema.write_many(connection, "INSERT", "t", [(row, str(row)) for row in range(count)])
        expected = [(row, str(row), checksum(row, str(row))) for row in range(count)]
        assert expected == connection.execute("SELECT * FROM t").fetchall()


def test_a_header_is_given_back_whole_with_and_without_a_cap(connection: sqlite3.Connection) -> None:
    assert HEADER == schema.header_of(connection)
    connection.execute("UPDATE book SET cap = NULL")
    assert schema.header_of(connection).cap is None


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (0, True), (0.0, True), (1e12, True), (1.5, True), (7, True), (1e12 + 1, False), (-1e-9, False), (True, False),
        (False, False), (None, False), ("1", False), (float("nan"), False), (float("inf"), False), ([1], False),
    ],
)  # fmt: skip
def test_what_is_an_amount_of_tokens(value: Any, is_one: bool) -> None:
    assert is_one is text.is_amount(value)
    if is_one:
        assert value == text.from_micro(text.to_micro(value, "it"))
    else:
        with pytest.raises(InvalidInput, match="must be a number of tokens"):
            text.to_micro(value, "it")


def test_amounts_are_whole_millionths() -> None:
    assert (1_500_000, 1, 0, 300_000) == tuple(
        text.to_micro(each, "") for each in (1.5, 0.0000011, 4e-7, 0.1 + 0.2)
    )


LONG = text.LONGEST_TEXT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("see https://x.example/a?sig=1 now", "see https://x.example/a?… now"),
        ("HTTPS://X.example/a?sig=1", "HTTPS://X.example/a?…"),
        ("https://me:pw@x.example/a", "https://x.example/a"),
        ("Bearer abcdef123", "Bearer ***"),
        ("basic abcdef123", "basic ***"),
        ("bearer abc", "bearer abc"),
        ("token eyJabcdefg.abc.def", "token ***"),
        ("plain", "plain"),
    ],
)
def test_q10_what_looks_like_a_secret_is_taken_out_at_any_depth(value: str, expected: str) -> None:
    assert expected == text.without_secrets(value)
    assert expected == text.error_text(value)
    nested = {"a": [{"b": (value, 1, None)}], value: 2}
    assert {"a": [{"b": [expected, 1, None]}], expected: 2} == text.from_json(text.safe_json(nested, "it"))


def test_long_texts_are_cut_only_where_a_limit_is_given() -> None:
    fits, long = "x" * LONG, "x" * (LONG + 1)
    assert {"a": fits} == text.from_json(text.safe_json({"a": fits}, "it", LONG))
    assert {"a": long} == text.from_json(text.safe_json({"a": long}, "it"))
    cut = text.from_json(text.safe_json({"a": long}, "it", LONG))["a"]
    assert (LONG, "x…") == (len(cut), cut[-2:])
    assert text.error_text(None) is None
    assert LONG == len(str(text.error_text(long)))


def test_an_instant_is_kept_in_utc() -> None:
    east = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert "2026-07-01T06:30:00+00:00" == text.instant_text(east)


def test_what_json_cannot_hold_is_refused_naming_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"row 1: .*: use only values that JSON can hold"):
        text.json_text({"a": object()}, "row 1")
