"""What is written for the small API, and that it is the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.__main__ import generate
from codegen.formatting import ROOT

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"


def test_the_small_api_gives_the_golden_files(generated: dict[str, str]) -> None:
    """After a wanted change, run the command in the head of small.yaml and read the difference."""
    golden = {
        path.relative_to(GOLDEN).as_posix(): path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.py")
    }
    assert sorted(golden) == sorted(generated)
    for name, text in golden.items():
        assert text == generated[name]


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_same_bytes_come_out_whatever_the_hash_seed(
    seed: str, generated: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "codegen", "--spec", HERE / "small.yaml", "--into", tmp_path],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    assert generated == {name: (tmp_path / name).read_text(encoding="utf-8") for name in generated}


def test_the_working_directory_changes_nothing(
    generated: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert generated == generate(HERE / "small.yaml")
