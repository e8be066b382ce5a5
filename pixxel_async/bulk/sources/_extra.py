"""The extra `geo`: libraries that only some formats and reference systems need."""

from __future__ import annotations

from importlib.util import find_spec

from pixxel_async.bulk.sources._rows import Refused


def require_geo(what: str, *modules: str) -> None:
    """Check that libraries are installed, without importing them.

    Raises:
        Refused: A library is missing; the remedy has the command to install it.
    """
    for module in modules:
        if find_spec(module) is None:
            raise Refused(f"{what} needs {module}", 'pip install "pixxel-async[geo]"')
