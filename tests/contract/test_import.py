"""What `import pixxel_async` loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

EXTRAS = {
    "PIL",
    "click",
    "cloudpickle",
    "codegen",
    "dask",
    "datamodel_code_generator",
    "distributed",
    "fsspec",
    "jinja2",
    "numpy",
    "pixxel_async.bulk",
    "pixxel_async.cli",
    "pixxel_async.sandbox",
    "pixxel_async.testing",
    "rasterio",
    "rich",
    "shapely",
    "yaml",
}
"""Packages of the extras and of development, and the parts of ours that one asks for by name."""


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps([*sys.modules]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(run.stdout))


def test_the_package_loads_only_the_client():
    """Whoever makes calls waits for neither the sandbox nor the command line, and needs no extra installed."""
    assert set() == EXTRAS & loaded_by("import pixxel_async")


@pytest.mark.parametrize("part", ["pixxel_async.bulk", "pixxel_async.testing"])
def test_the_parts_are_seen_when_they_are_loaded(part):
    """The test above looks at names that are really there."""
    assert part in EXTRAS & loaded_by(f"import {part}")


def test_runs_need_dask_only_when_they_use_it():
    assert not {"cloudpickle", "dask", "distributed", "fsspec"} & loaded_by("import pixxel_async.bulk.dask")
