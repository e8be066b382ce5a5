"""Bad files, rows, recipes and folders: each told with its place and a remedy, exit code 2, and nothing sent."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

SQUARE = [[10, 45], [10.01, 45], [10.01, 45.01], [10, 45.01], [10, 45]]
SEARCH = "[search]\nstart = 2026-06-01\nend = 2026-09-01\n"


@pytest.fixture
def nobody_called(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The API that the environment names is never connected to."""
    with socket.create_server(("127.0.0.1", 0)) as api:
        monkeypatch.setenv("PIXXEL_BASE_URL", f"http://127.0.0.1:{api.getsockname()[1]}")
        monkeypatch.setenv("PIXXEL_API_KEY", "token")
        yield
        api.setblocking(False)
        with pytest.raises(BlockingIOError):
            api.accept()


def feature(name: str, ring: Any = SQUARE, kind: str = "Polygon") -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": [ring] if kind == "Polygon" else ring}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


def collection(path: Path, *features: dict[str, Any], **members: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}, indent=1))
    return path


def shifted(lon: float) -> Any:
    return [[lon + x - 10, y] for x, y in SQUARE]


@pytest.mark.parametrize("command", ["run", "plan"])
def test_t7_all_bad_rows_are_told_first_and_nothing_is_sent(
    pixxel: Call, nobody_called: None, tmp_path: Path, command: str
) -> None:
    swapped = [[45, 100], [45, 101], [46, 101], [45, 100]]
    rows = [feature(f"f{row}", shifted(row / 10)) for row in range(1, 40)]
    rows[4] = feature("f5", swapped)
    rows[16] = feature("f17", SQUARE[:2])
    rows[29] = feature("f3")
    path = collection(tmp_path / "fields.geojson", *rows)
    out = ["--out", tmp_path / "out"] if command == "run" else []
    ended = pixxel("bulk", command, path, *out)
    assert (2, "") == (ended.code, ended.out)
    head, *faults = ended.err.splitlines()
    assert f"pixxel: {path}:" == head
    assert ["row 5", "row 17", "row 30"] == [fault.strip().split(" (")[0].split(",")[0] for fault in faults]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("features", "words"),
    [
        pytest.param(
            [feature("a"), feature("a")], r"row 2 .*key: row 1 has the same, 'a'; rename", id="same key"
        ),
        pytest.param([feature("a", [])], "row 1 .*geometry", id="empty"),
        pytest.param([{**feature("a"), "geometry": None}], "row 1 .*geometry.*missing", id="none"),
        pytest.param(
            [feature("a", [[0, 95], [0, 96], [1, 96], [0, 95]])], "row 1 .*geometry", id="t2 swapped"
        ),
        pytest.param([feature("a", SQUARE[:3])], "row 1 .*geometry", id="t1 not closed"),
        pytest.param([feature("a", [10, 45], "Point")], "row 1 .*geometry.*Polygon", id="point"),
        pytest.param(
            [feature("a", [[179.9, 1], [180.1, 1], [180.1, 2], [179.9, 1]])],
            "row 1 .*geometry",
            id="t4 antimeridian",
        ),
        pytest.param(
            [feature("a", [[431000, 5000000], [431100, 5000000], [431100, 5000100], [431000, 5000000]])],
            "row 1 .*geometry",
            id="t6 metres",
        ),
    ],
)
def test_a_bad_row_is_told_by_number_field_and_remedy(
    pixxel: Call, nobody_called: None, tmp_path: Path, features: list[dict[str, Any]], words: str
) -> None:
    path = collection(tmp_path / "fields.geojson", *features)
    ended = pixxel("bulk", "run", path, "--out", tmp_path / "out")
    assert (2, "") == (ended.code, ended.out)
    _, fault = ended.err.splitlines()
    assert re.search(words, fault), fault


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("fields.kml", "<kml/>", "cannot read .kml; the formats are"),
        ("fields.geojson", "{", "fields.geojson"),
        ("fields.geojson", '{"type": "FeatureCollection", "features": []}', "fields.geojson"),
        ("fields.csv", "name,area\na,3\n", "wkt"),
        ("absent.geojson", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_what_can(
    pixxel: Call, nobody_called: None, tmp_path: Path, name: str, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    ended = pixxel("bulk", "run", tmp_path / name, "--out", tmp_path / "out")
    assert (2, "") == (ended.code, ended.out)
    assert words in ended.err
    assert name in ended.err


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        pytest.param("max_cluod = 3\n" + SEARCH, "max_cluod: no such key", id="unknown key"),
        pytest.param(
            SEARCH + "max_cluod = 3\n", "search.max_cluod: no such key; did you mean max_cloud?", id="near"
        ),
        pytest.param(
            SEARCH + '[[make]]\nstep = "visualisation"\n',
            "make[0].step: 'visualisation' is not a step; did you mean visualization?",
            id="unknown step",
        ),
        pytest.param("[search", "not TOML", id="not toml"),
        pytest.param("", "neither [search] nor [items] is given", id="empty"),
        pytest.param(
            "[items]\n", "row 1 (line 4), item_ids: is missing; give each row item ids", id="column"
        ),
        pytest.param(
            SEARCH + '[[make]]\nstep = "job"\nworkflow = {property = "flow"}\n',
            "row 1 (line 4), flow: is missing; give each row a value",
            id="job's column",
        ),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_told_by_key_or_column(
    pixxel: Call, nobody_called: None, tmp_path: Path, recipe: str, words: str
) -> None:
    path = collection(tmp_path / "fields.geojson", feature("a"))
    (tmp_path / "r.toml").write_text(recipe)
    ended = pixxel("bulk", "run", path, "--recipe", tmp_path / "r.toml", "--out", tmp_path / "out")
    assert (2, "", 2) == (ended.code, ended.out, len(ended.err.splitlines())), ended.err
    assert words in ended.err


def test_a_recipe_that_is_not_there_is_named(pixxel: Call, nobody_called: None, tmp_path: Path) -> None:
    path = collection(tmp_path / "fields.geojson", feature("a"))
    ended = pixxel("bulk", "run", path, "--recipe", tmp_path / "r.toml", "--out", tmp_path / "out")
    assert (2, "") == (ended.code, ended.out)
    assert f"{tmp_path / 'r.toml'}:\n  cannot be read: No such file" in ended.err


@pytest.mark.parametrize("place", ["out", "out/below"])
def test_a_folder_that_cannot_be_written_is_named(
    pixxel: Call, nobody_called: None, tmp_path: Path, place: str
) -> None:
    (tmp_path / "out").touch()
    path = collection(tmp_path / "fields.geojson", feature("a"))
    ended = pixxel("bulk", "run", path, "--out", tmp_path / place)
    assert (2, "", 1) == (ended.code, ended.out, len(ended.err.splitlines()))
    assert f"{tmp_path / place}: cannot be written" in ended.err


@pytest.mark.parametrize("content", [b"precious", b"SQLite format 3\0" + bytes(200)])
def test_what_is_no_journal_is_left_as_it_is(
    pixxel: Call, nobody_called: None, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "run.journal").write_bytes(content)
    path = collection(tmp_path / "fields.geojson", feature("a"))
    for arguments in (["resume", tmp_path], ["run", path, "--out", tmp_path, "--overwrite"]):
        ended = pixxel("bulk", *arguments)
        assert (2, "", 1) == (ended.code, ended.out, len(ended.err.splitlines())), ended.err
        assert "run.journal: is " in ended.err
    assert content == (tmp_path / "run.journal").read_bytes()


def test_an_earlier_run_is_not_given_up_unasked(pixxel: Call, nobody_called: None, tmp_path: Path) -> None:
    (tmp_path / "run.journal").write_bytes(b"precious")
    path = collection(tmp_path / "fields.geojson", feature("a"))
    ended = pixxel("bulk", "run", path, "--out", tmp_path)
    assert (2, "") == (ended.code, ended.out)
    assert "--overwrite" in ended.err
    assert b"precious" == (tmp_path / "run.journal").read_bytes()
