"""What users may import: each public module lists its names, and the list is complete."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import pixxel_async


def public_modules() -> Iterator[str]:
    """Modules without an underscore in their paths; of the generated models only the package, which lists them all."""
    for found in pkgutil.walk_packages(pixxel_async.__path__, "pixxel_async."):
        is_private = any(part.startswith("_") for part in found.name.split("."))
        if not (
            is_private or found.name == "pixxel_async.cli" or found.name.startswith("pixxel_async.models.")
        ):
            yield found.name


MODULES = ["pixxel_async", *public_modules()]


def test_these_modules_are_public() -> None:
    assert {
        "pixxel_async",
        "pixxel_async.bulk",
        "pixxel_async.bulk.dask",
        "pixxel_async.bulk.sources",
        "pixxel_async.client",
        "pixxel_async.config",
        "pixxel_async.errors",
        "pixxel_async.geometry",
        "pixxel_async.models",
        "pixxel_async.reconciling",
        "pixxel_async.sandbox",
        "pixxel_async.testing",
    } == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_lists_its_names(name: str) -> None:
    module = importlib.import_module(name)
    listed = set(module.__all__)
    assert set() == {each for each in listed if not hasattr(module, each)}
    defined = {
        each
        for each, value in vars(module).items()
        if not each.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == name
    }
    assert set() == defined - listed
