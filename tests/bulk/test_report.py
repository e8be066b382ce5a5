"""The report: one row per field, the same in CSV and JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pixxel_async.bulk import Field, Report, Result, State, Step
from pixxel_async.bulk._output import write_atomically

FIELDS = [Field(1, "north", {}), Field(2, 'so"uth,\n west', {}), Field(3, "östlich", {})]


def done(out: Path) -> Result:
    return Result(
        row=1,
        name="north",
        state=State.DONE,
        scene_ids=("s-2", "s-1"),
        aoi_id="a-1",
        visualization_id="v-1",
        download_id="d-1",
        png=out / "north" / "NDVI.png",
        package=out / "north" / "north.zip",
        files=(out / "north" / "north" / "a.tif", out / "north" / "north" / "b.tif"),
        seconds=1.23456,
    )


def test_both_reports_tell_the_same_of_every_field(tmp_path: Path) -> None:
    report = Report(FIELDS)
    report.update(done(tmp_path))
    report.update(Result(row=2, name=FIELDS[1].name, state=State.FAILED, step=Step.SEARCH, error="no image"))
    csv_path, json_path = report.write(tmp_path)
    rows = json.loads(json_path.read_text(encoding="utf-8"))
    with csv_path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert [1, 2, 3] == [row["row"] for row in rows]
    assert (
        ["north", 'so"uth,\n west', "östlich"]
        == [row["name"] for row in rows]
        == [row["name"] for row in cells]
    )
    assert (
        ["done", "failed", "not started"] == [row["state"] for row in rows] == [row["state"] for row in cells]
    )
    assert "no image" == rows[1]["error"] == cells[1]["error"]
    assert ("search the archive", "search the archive") == (rows[1]["step"], cells[1]["step"])
    assert ["s-2", "s-1"] == rows[0]["scene_ids"]
    assert "s-2|s-1" == cells[0]["scene_ids"]
    assert list(rows[0]) == list(cells[0])


def test_paths_are_relative_to_the_folder_so_that_it_can_be_moved(tmp_path: Path) -> None:
    report = Report(FIELDS)
    report.update(done(tmp_path))
    row = json.loads(report.write(tmp_path)[1].read_text())[0]
    assert ("north/NDVI.png", "north/north.zip") == (row["png"], row["package"])
    assert ["north/north/a.tif", "north/north/b.tif"] == row["files"]


def test_rows_and_counts_follow_the_updates() -> None:
    report = Report(FIELDS)
    for state in (State.RUNNING, State.UNKNOWN):
        report.update(Result(row=2, name="x", state=state))
    assert {State.WAITING: 2, State.UNKNOWN: 1} == dict(report.counts)
    assert [State.WAITING, State.UNKNOWN, State.WAITING] == [row.state for row in report.rows]


def test_a_report_of_no_fields_has_its_columns(tmp_path: Path) -> None:
    csv_path, json_path = Report([]).write(tmp_path)
    assert csv_path.read_text().startswith("row,name,state,")
    assert [] == json.loads(json_path.read_text())


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_scraps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.csv"
    write_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
