"""`pixxel bulk run` and `pixxel sandbox` as programs: exit codes, pipes, terminals."""

from __future__ import annotations

import csv
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.bulk import Result, State, results

COMMAND = (sys.executable, "-m", "pixxel_async.cli")

Write = Callable[..., Path]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@contextmanager
def started(*arguments: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, *map(str, arguments)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, **{"stdout": subprocess.PIPE, **options}
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def quick(folder: Path) -> tuple[str, Path]:
    """The option for a recipe that makes only an AOI of each row, where it does not matter what."""
    path = folder / "quick.toml"
    path.write_text("make = []\npackage = false\n[search]\nstart = 2026-06-01\nend = 2026-09-01\n")
    return "--recipe", path


def rows(out: Path) -> dict[str, Result]:
    return {row.name: row for row in results(out)}


def test_all_done_is_exit_code_0_with_files_and_a_line_for_each_field(plots: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = run("bulk", "run", plots("north", "south"), "--sandbox", "--out", out, "--unzip")
    assert (0, "") == (ended.returncode, ended.stderr)
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("sandbox at http://127.0.0.1:")
    assert lines[0].endswith("nothing real, nothing charged")
    assert {"north", "south"} == {line.split()[2] for line in lines if re.match(r"\[\d/2\] done ", line)}
    assert lines[-1].startswith("2 done in ")
    assert f"; report: {out / 'report.csv'}, report.json, report.geojson" in lines[-1]
    with (out / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        assert ["done", "done"] == [row["state"] for row in csv.DictReader(file)]
    for name, row in rows(out).items():
        assert out / name / "NDVI.png" == row.files[0]
        assert 2 < len(row.files), "what was unpacked, too"
        assert all(file.is_file() for file in row.files)


def test_some_failed_is_exit_code_3(plots: Write, tmp_path: Path) -> None:
    ended = run(
        "bulk",
        "run",
        plots("north", "south [fail]"),
        "--sandbox",
        "--out",
        tmp_path / "out",
        *quick(tmp_path),
    )
    assert (3, "") == (ended.returncode, ended.stderr)
    assert {"north": State.DONE, "south [fail]": State.FAILED} == {
        name: row.state for name, row in rows(tmp_path / "out").items()
    }
    *_, counts, last = ended.stdout.splitlines()
    assert re.search(r"\] failed  south \[fail\]  \S+ s: aoi .* ended as 'failed'", ended.stdout)
    assert counts.startswith("1 done, 1 failed in ")
    assert "a sandbox keeps no data: start the run again with --overwrite" == last


def test_a_service_that_cannot_be_reached_is_exit_code_1_and_one_line(plots: Write, tmp_path: Path) -> None:
    environment = {**os.environ, "PIXXEL_BASE_URL": "http://127.0.0.1:9", "PIXXEL_API_KEY": "canary"}
    ended = run("bulk", "run", plots("north"), "--out", tmp_path / "out", env=environment)
    assert 1 == ended.returncode
    assert 1 == len(ended.stderr.splitlines())
    assert "canary" not in ended.stderr


def test_s2_a_reader_that_goes_away_disturbs_nothing(plots: Write, tmp_path: Path) -> None:
    """`| head -1` closes the pipe: no traceback, and the work is done all the same."""
    out = tmp_path / "out"
    with started(
        "bulk", "run", plots("north", "south"), "--sandbox", "--out", out, *quick(tmp_path)
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sandbox at ")
        process.stdout.close()
        assert 0 == process.wait()
        assert process.stderr is not None
        assert "" == process.stderr.read()
    assert [State.DONE] * 2 == [row.state for row in rows(out).values()]


def test_s2_a_terminal_that_knows_only_ascii_shows_question_marks(plots: Write, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = run(
        "bulk",
        "run",
        plots("Östlich"),
        "--sandbox",
        "--out",
        tmp_path / "out",
        *quick(tmp_path),
        env=environment,
    )
    assert (0, "") == (ended.returncode, ended.stderr)
    assert "?stlich" in ended.stdout
    assert ["Östlich"] == list(rows(tmp_path / "out"))


@pytest.mark.parametrize(
    ("argument", "redirection", "codes"),
    [
        ("--version", ">&-", {0}),
        ("--nonsense", "2>&-", {2}),
        ("--nonsense", ">&- 2>&-", {2}),
        ("--nonsense", "2>/dev/full", {2}),
        ("bulk", "2>&1 | true", {1, 2}),  # 1: the reader was gone before the help came
    ],
)
def test_s2_an_output_that_is_closed_changes_no_exit_code(
    argument: str, redirection: str, codes: set[int]
) -> None:
    """As a shell closes it."""
    script = f'set -o pipefail; "$@" {redirection}'
    command = ["bash", "-c", script, "bash", *COMMAND, argument]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode in codes
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "Exception" not in ended.stdout + ended.stderr


def test_s2_a_full_disk_under_the_output_is_one_line(plots: Write, tmp_path: Path) -> None:
    """What is only printed fails; the work of a run goes on."""
    with Path("/dev/full").open("w") as full:
        command = [*COMMAND, "--version"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        assert (1, "pixxel: No space left on device\n") == (ended.returncode, ended.stderr)
        arguments = ("bulk", "run", plots("north"), "--sandbox", "--out", tmp_path / "out", *quick(tmp_path))
        command = [*COMMAND, *map(str, arguments)]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (0, "pixxel: cannot write the output: No space left on device\n") == (
        ended.returncode,
        ended.stderr,
    )
    assert [State.DONE] == [row.state for row in rows(tmp_path / "out").values()]


def test_on_a_terminal_progress_is_live(plots: Write, tmp_path: Path) -> None:
    """Counts and finished rows come and go on the screen; failures stay."""
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    path = plots("north", "south [fail]")
    with started(
        "bulk", "run", path, "--sandbox", "--out", tmp_path / "out", stdout=child, env=environment
    ) as process:
        os.close(child)
        screen = _read_terminal(parent)
        assert 3 == process.wait()
    os.close(parent)
    assert "checking rows, names and prices" in screen
    assert "0/2" in screen
    assert "1 running" in screen or "2 running" in screen
    assert "requests/s" in screen
    assert re.search(r"failed  south \[fail\]  \S+ s: ", screen)
    assert "1 done, 1 failed in " in screen
    assert "Traceback" not in screen


def test_s2_a_terminal_without_cursor_gets_plain_lines(plots: Write, tmp_path: Path) -> None:
    """An editor's shell window, for example: it could not show a live table."""
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "dumb"}
    path = plots("north")
    with started(
        "bulk",
        "run",
        path,
        "--sandbox",
        "--out",
        tmp_path / "out",
        *quick(tmp_path),
        stdout=child,
        env=environment,
    ) as process:
        os.close(child)
        screen = _read_terminal(parent)
        assert 0 == process.wait()
    os.close(parent)
    assert "[1/1] done    north" in screen


def _read_terminal(handle: int) -> str:
    """All that is written to a terminal until the other side closes it."""
    pieces = []
    with suppress(OSError):  # Linux says EIO when the last writer has gone
        while piece := os.read(handle, 65536):
            pieces.append(piece)
    return b"".join(pieces).decode()


def test_the_sandbox_command_says_how_to_use_it_and_ends_cleanly(tmp_path: Path) -> None:
    with started("sandbox", "--speed", "10", "--token", "mine") as process:
        assert process.stdout is not None
        text = "".join(process.stdout.readline() for _ in range(4))
        url = re.search(r"PIXXEL_BASE_URL=(\S+)", text)
        assert url is not None
        assert "PIXXEL_API_KEY=mine" in text
        with urllib.request.urlopen(f"{url[1]}/ping") as answer:
            assert 200 == answer.status
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (0, "") == (process.returncode, errors)


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with started("sandbox") as process:
        assert process.stdout is not None
        url = re.search(r":(\d+): nothing real", process.stdout.readline())
        assert url is not None
        ended = run("sandbox", "--port", url[1])
    assert 2 == ended.returncode
    assert url[1] in ended.stderr
    assert "Traceback" not in ended.stderr
