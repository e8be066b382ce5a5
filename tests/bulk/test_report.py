"""Reports: each row once in every file, whatever it is called and however it stands."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import Plot, begun, left
from plots import polygon

from pixxel_async import InvalidInput, PixxelError
from pixxel_async.bulk import JournalError, State, report, results

NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        ["=1+1", "-2", "@x", "a,b", 'a"b', "a\nb", "a|b", "<script>x</script>", "\x00", "'x", "\r", "é"]
    ),
)


@st.composite
def plots(draw: st.DrawFn) -> Plot:
    state = draw(st.sampled_from(State))
    return Plot(
        name=draw(NASTY),
        state=state,
        error=draw(NASTY) if state in (State.FAILED, State.HELD) else None,
        tokens=draw(st.integers(0, 10**6)) / 10**6,
        files=tuple(draw(st.lists(st.sampled_from(["a.zip", "b/c.tif", "ü.png"]), max_size=2, unique=True))),
        properties=draw(st.dictionaries(NASTY, NASTY, max_size=2)),
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a report."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    found = json.loads(path.read_bytes())
    if path.suffix == ".geojson":
        assert found["type"] == "FeatureCollection"
        return [feature["properties"] for feature in found["features"]]
    return list(found["rows"])


@given(st.lists(plots(), max_size=4))
@settings(max_examples=25)
def test_every_row_is_in_every_report_once_and_whole(made: list[Plot]) -> None:
    with TemporaryDirectory() as folder:
        out = left(Path(folder), *made)
        expected = list(results(out))
        paths = report(out, formats=("csv", "json", "geojson"))
        for path in paths.values():
            rows = rows_of(path)
            assert [str(row) for row in range(1, len(made) + 1)] == [str(row["row"]) for row in rows]
            assert [str(row.state) for row in expected] == [row["state"] for row in rows]
        for row, fact in zip(expected, rows_of(paths["json"]), strict=True):
            assert (row.name, row.error, row.tokens) == (fact["name"], fact["error"], fact["tokens"])
            assert list(row.files) == [out / file for file in fact["files"]]
            assert dict(row.ids) == fact["ids"]
        for row, cells in zip(expected, rows_of(paths["csv"]), strict=True):
            assert row.name == cells["name"].removeprefix("'") or row.name == cells["name"]
            assert float(cells["tokens"]) == row.tokens


def test_a_map_has_the_areas_with_their_facts_and_their_own_properties(tmp_path: Path) -> None:
    own = {"crop": "rye", "state": "Bavaria"}
    plot = Plot(state=State.DONE, tokens=2.5, files=("a.zip", "b.tif"), properties=own)
    path = report(left(tmp_path, plot), formats=["geojson"])["geojson"]
    [feature] = json.loads(path.read_bytes())["features"]
    assert polygon(1) == feature["geometry"]
    assert {
        "row": 1,
        "key": "1",
        "part_of": None,
        "name": "north",
        "state": "done",
        "step": None,
        "ids": {"insight stress": "i-1"},
        "files": ["row-1/a.zip", "row-1/b.tif"],
        "tokens": 2.5,
        "seconds": 1.5,
        "error": None,
        "input": own,
    } == feature["properties"]


def test_a_report_for_programs_tells_of_the_run_without_its_token(tmp_path: Path) -> None:
    out = left(tmp_path, Plot(state=State.DONE, tokens=2.5), Plot(state=State.HELD, tokens=1.0, error="lost"))
    path = report(out, formats=["json"])["json"]
    found = json.loads(path.read_bytes())
    assert ("r1", "fields.geojson", "e3b0c442") == (
        found["run_id"],
        found["input_name"],
        found["input_sha256"],
    )
    assert {"spent": 2.5, "reserved": 1.0, "cap": 10.0} == found["tokens"]
    assert "delta-farms" == found["recipe"]["project"]
    assert "0a1b2c3d" not in path.read_text()


@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "+1", "-1", "@sum", "\tx", "\r=1"])
def test_no_cell_is_a_formula(tmp_path: Path, formula: str) -> None:
    out = left(tmp_path, Plot(name=formula, key=formula))
    [row] = rows_of(report(out, formats=["csv"])["csv"])
    assert (f"'{formula}", f"'{formula}") == (row["name"], row["key"])


def test_secrets_that_were_in_errors_are_in_no_report(tmp_path: Path) -> None:
    error = "GET https://store.example.com/a.zip?X-Amz-Signature=c0ffee: Bearer s3cr3t-t0ken was refused"
    out = left(tmp_path, Plot(state=State.FAILED, error=error))
    for path in report(out).values():
        text = path.read_text()
        assert "store.example.com" in text
        assert "c0ffee" not in text
        assert "s3cr3t" not in text


async def test_a_report_can_be_written_while_the_run_goes_on(tmp_path: Path) -> None:
    count = 1200
    with begun(tmp_path, [Plot() for _ in range(count)]) as journal:

        async def work() -> None:
            for row in range(1, count + 1):
                await journal.mark(row, State.RUNNING, step="images")

        async with asyncio.TaskGroup() as group:
            working = group.create_task(work())
            while not working.done():
                paths = await asyncio.to_thread(report, tmp_path)
                for path in paths.values():
                    if path.suffix != ".html":
                        assert list(range(1, count + 1)) == [int(row["row"]) for row in rows_of(path)]
    assert {State.RUNNING: count} == {
        State(row["state"]): count for row in rows_of(report(tmp_path, formats=["csv"])["csv"])
    }


def test_a_report_that_cannot_be_written_harms_no_other_and_leaves_no_half(tmp_path: Path) -> None:
    out = left(tmp_path, Plot())
    before = report(out, formats=["json"])["json"].read_bytes()
    (out / "report.csv").mkdir()
    with pytest.raises(PixxelError, match=r"report\.csv: Is a directory"):
        report(out, formats=["csv"])
    assert before == (out / "report.json").read_bytes()
    assert [] == list(out.glob(".report*"))


def test_p10_an_interrupted_report_replaces_no_file_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is interrupted when its first files are on the disk already."""
    out = left(tmp_path, Plot(), Plot())
    before = {path: path.read_bytes() for path in report(out).values()}
    real, synced = os.fsync, []

    def interrupted(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 3:
            raise KeyboardInterrupt
        real(handle)

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report(out)
    assert before == {path: path.read_bytes() for path in before}
    assert [] == list(out.glob(".report*"))


def test_no_run_and_no_such_format_are_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        report(tmp_path)
    assert [] == list(tmp_path.iterdir())
    with pytest.raises(InvalidInput, match=r"'xlsx' is not a format: use some of csv, json, geojson, html"):
        report(left(tmp_path, Plot()), formats=["xlsx"])  # type: ignore[list-item]
