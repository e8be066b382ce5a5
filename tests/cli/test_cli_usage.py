"""Wrong usage and wrong input: one clear complaint, exit code 2, and nothing sent."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def bulk_run(pixxel: Call, plots: Call, tmp_path: Path) -> Call:
    """`pixxel bulk run` on a file of one good field."""
    return lambda *options: pixxel("bulk", "run", plots("north"), "--out", tmp_path / "out", *options)


def test_n1_without_a_token_the_ways_to_give_one_are_named(bulk_run: Call, tmp_path: Path) -> None:
    ended = bulk_run()
    assert 2 == ended.code
    assert "PIXXEL_API_KEY" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--start", "2026-06-01", "--end", "2026-05-01"],
            "--start 2026-06-01 must be before --end 2026-05-01",
        ),
        (["--start", "2026-05-01", "--end", "2026-05-01"], "must be before"),
        (["--start", "01.05.2026"], "'01.05.2026'"),
        (["--end", "2026-02-30"], "'2026-02-30'"),
        (["--max-cloud", "101"], "101"),
        (["--max-cloud", "few"], "'few'"),
        (["--max-days", "0"], "0"),
        (["--concurrency", "0"], "0"),
        (["--timeout", "-1"], "-1"),
        (["--timeout", "nan"], "nan"),
        (["--run-id", "a/b"], "'a/b'"),
        (["--max-tokens", "-1"], "-1"),
        (["--max-tokens", "nan"], "nan is not a number of tokens"),
        (["--max-tokens", "lots"], "'lots'"),
        (["--layer", "a"], "--layer 'a': only a .gpkg has layers"),
        (["--square-m", "100"], "--square-m 100.0: only for tables with lon and lat"),
        (
            ["--recipe", "r.toml", "--index", "EVI", "--max-cloud", "20"],
            "--max-cloud, --index: write this into",
        ),
        (["--dask", "scheduler"], "'scheduler' is not a scheduler's address; write tcp://HOST:PORT"),
        (["--dask", "tcp://127.0.0.1:8786"], "--sandbox cannot be combined with --dask"),
        (["--files", "/shared"], "--files needs --dask: it is for the workers of a cluster"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_s1_a_wrong_option_is_named(bulk_run: Call, options: list[str], words: str) -> None:
    ended = bulk_run("--sandbox", *options)
    assert (2, "", 1) == (ended.code, ended.out, len(ended.err.splitlines()))
    assert words in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["bulk", "run", "{plots}", "--out", "{out}", "--concurrency", "-3"],
        ["bulk", "run", "{plots}", "--out", "{out}", "--max-days", "many"],
        ["bulk", "run", "{plots}", "--out", "{out}", "--no-such-option"],
        ["bulk", "run", "{plots}"],
        ["bulk", "run", "--out", "{out}"],
        ["bulk", "walk"],
        ["bulk", "plan", "{plots}", "--max-tokens", "-3"],
        ["bulk", "plan", "{plots}", "--out", "{out}"],
        ["bulk", "plan"],
        ["bulk", "resume"],
        ["bulk", "resume", "{out}"],
        ["bulk", "resume", "{out}", "--concurrency", "0"],
        ["bulk", "resume", "{out}", "--sandbox"],
        ["bulk", "retry-failed", "{out}", "--max-tokens", "inf"],
        ["bulk", "retry-failed", "{out}"],
        ["bulk", "status", "{out}"],
        ["bulk", "report", "{out}"],
        ["--base-url", "http://api.example", "bulk", "run", "{plots}", "--out", "{out}"],
        ["--profile", "absent", "bulk", "run", "{plots}", "--out", "{out}"],
        ["sandbox", "--port", "70000"],
        ["sandbox", "--speed", "0"],
    ],
    ids=" ".join,
)
def test_s1_wrong_usage_is_one_line_and_reaches_nobody(
    arguments: list[str], pixxel: Call, plots: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as api:
        monkeypatch.setenv("PIXXEL_BASE_URL", f"http://127.0.0.1:{api.getsockname()[1]}")
        monkeypatch.setenv("PIXXEL_API_KEY", "token")
        places = {"plots": plots("north"), "out": tmp_path / "out"}
        ended = pixxel(*(argument.format(**places) for argument in arguments))
        api.setblocking(False)
        with pytest.raises(BlockingIOError):
            api.accept()
    assert (2, "", 1) == (ended.code, ended.out, len(ended.err.splitlines())), ended.err
    assert ended.err.startswith("pixxel: ")
    assert not (tmp_path / "out").exists()


def test_the_sandbox_goes_with_no_other_api(pixxel: Call, plots: Call) -> None:
    ended = pixxel(
        "--base-url", "https://api.example", "bulk", "run", plots("north"), "--out", "x", "--sandbox"
    )
    assert 2 == ended.code
    assert "--base-url" in ended.err


def test_without_arguments_the_help_is_shown(pixxel: Call) -> None:
    ended = pixxel()
    assert 2 == ended.code
    assert "bulk" in ended.err
    assert "sandbox" in ended.err


def test_the_help_tells_units_defaults_and_exit_codes(pixxel: Call) -> None:
    ended = pixxel("bulk", "run", "--help")
    assert 0 == ended.code
    words = " ".join(ended.out.split())
    for told in (
        "UTC",
        "PERCENT",
        "Rows in flight at a time",
        "[default: 64; x>=1]",
        "in all its sessions",
        "[default: 20; 0<=x<=100]",
        "[default: Sentinel-2]",
        "SECONDS",
        "Exit code",
        "Example",
    ):
        assert told in words


@pytest.mark.parametrize("command", ["plan", "resume", "retry-failed", "status", "report"])
def test_every_help_tells_exit_codes_and_an_example(pixxel: Call, command: str) -> None:
    ended = pixxel("bulk", command, "--help")
    assert 0 == ended.code
    assert "Exit code: " in ended.out
    assert f"\n    pixxel bulk {command} " in ended.out


def test_the_version_is_told(pixxel: Call) -> None:
    ended = pixxel("--version")
    assert (0, "pixxel, version 0.1.0\n") == (ended.code, ended.out)


def without(modules: list[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run code where some modules are not installed."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"
    return subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True, timeout=60)


MAIN = "sys.argv[1:] = {!r}; from pixxel_async.cli.__main__ import main; sys.exit(main())"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_cli_extra_one_line_tells_how_to_install_it(missing: str) -> None:
    ended = without([missing], MAIN.format(["--help"]))
    assert 2 == ended.returncode
    assert [
        f'pixxel: the command needs {missing}: pip install "pixxel-async[cli]"'
    ] == ended.stderr.splitlines()


@pytest.mark.parametrize("missing", ["numpy", "jsonschema_rs", "yaml", "PIL", "tifffile"])
def test_without_the_sandbox_extra_one_line_tells_how_to_install_it(
    missing: str, plots: Call, tmp_path: Path
) -> None:
    arguments = ["bulk", "run", str(plots("north")), "--out", str(tmp_path / "out"), "--sandbox"]
    ended = without([missing], MAIN.format(arguments))
    assert 2 == ended.returncode
    assert f'the sandbox needs {missing}: pip install "pixxel-async[cli,sandbox]"' in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_runner_needs_neither_click_nor_rich() -> None:
    """A service uses `pixxel_async.bulk` without the terminal's libraries."""
    ended = without(["click", "rich"], "import pixxel_async.bulk")
    assert (0, "") == (ended.returncode, ended.stderr)
