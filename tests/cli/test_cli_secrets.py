"""The command under every debugging aid there is: it tells much, and nothing secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CANARY = "canary-7f3a9b"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["--debug", "bulk", "run", "{plots}", "--out", "{out}"], 1),
        (["--debug", "bulk", "run", "{plots}", "--out", "{out}", "--max-cloud", "x"], 2),
    ],
)
def test_s6_no_debugging_output_shows_a_secret(
    arguments: list[str], code: int, plots: Callable[..., Path], tmp_path: Path
) -> None:
    places = {"plots": plots("north"), "out": tmp_path / "out"}
    environment = {
        **os.environ,
        "PIXXEL_API_KEY": CANARY,
        "PIXXEL_BASE_URL": "http://127.0.0.1:9",
        "PIXXEL_LOG": "debug",
        "HTTPS_PROXY": f"http://user:{CANARY}@127.0.0.1:9",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONDEVMODE": "1",
    }
    command = [sys.executable, "-m", "pixxel_async.cli", *(each.format(**places) for each in arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    shown = ended.stdout + ended.stderr
    assert code == ended.returncode, shown
    assert CANARY not in shown
    assert "Traceback" not in shown
    assert ("/v0/" in ended.stderr) == (code == 1), "the requests are told"


def test_s6_a_token_that_cannot_be_one_is_not_repeated(
    pixxel: Callable[..., object], plots: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", f"{CANARY} oops")
    ended = pixxel("--debug", "bulk", "run", plots("north"), "--out", tmp_path / "out")
    assert 2 == ended.code  # type: ignore[attr-defined]
    assert "the token holds blanks" in ended.err  # type: ignore[attr-defined]
    assert CANARY not in ended.out + ended.err  # type: ignore[attr-defined]
