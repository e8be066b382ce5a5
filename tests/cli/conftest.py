"""The `pixxel` command, called as a program or through its entry point."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest


@attrs.frozen
class Ended:
    """What a call of the command came to."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests may have a token; no test may see it."""
    for name in [name for name in os.environ if name.startswith("PIXXEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIXXEL_CONFIG_FILE", str(tmp_path / "no-config.toml"))


@pytest.fixture
def pixxel(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Call the command's entry point in this process."""
    from pixxel_async.cli.__main__ import main

    def call(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pixxel", *map(str, arguments)])
        code = main()
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture
def plots(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of small square fields with the given names."""

    def write(*names: str) -> Path:
        path = tmp_path / "plots.geojson"
        features = [_feature(name, 10 + number / 50) for number, name in enumerate(names)]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return path

    return write


def _feature(name: str, lon: float) -> dict[str, object]:
    ring = [[lon, 45.0], [lon + 0.01, 45.0], [lon + 0.01, 45.01], [lon, 45.01], [lon, 45.0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}
