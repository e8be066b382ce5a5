"""Formats the generated code with our ruff and its settings."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


def formatted(files: Mapping[str, str]) -> dict[str, str]:
    """The files with the imports they use, sorted, and our line length."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--quiet", folder]
        for command in (["check", "--fix", "--select", "F401,I,RUF022"], ["format"]):
            subprocess.run([sys.executable, "-m", "ruff", *command, *config], check=True)
        return {name: (Path(folder) / name).read_text(encoding="utf-8") for name in files}
