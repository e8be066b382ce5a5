"""Requests with large areas are made in a thread: the check of thousands of vertices would block the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import TypeVar

from pixxel_async.geometry import GeometryInput

T = TypeVar("T")

_LARGE = 2000
"""Vertices. Checking this many takes about as long as a small call."""
_LONG = 40_000
"""Characters of WKT with about this many vertices."""


async def with_area(area: GeometryInput | None, make: Callable[[], T]) -> T:
    """The result of `make`, which checks the area; in a thread if the area is large."""
    return await asyncio.to_thread(make) if is_large(area) else make()


def is_large(area: GeometryInput | None) -> bool:
    """Whether to check this area in a thread: it has many vertices, is a file, or is an object of unknown size."""
    if area is None:
        return False
    if isinstance(area, str):
        return len(area) > _LONG or "(" not in area  # not WKT: the name of a file
    return isinstance(area, os.PathLike) or not isinstance(area, Mapping) or _has_many_vertices(area)


def _has_many_vertices(area: Mapping[str, object]) -> bool:
    """Whether unchecked GeoJSON has many positions."""
    count = 0
    parts: list[object] = [area]
    while parts and count <= _LARGE:
        part = parts.pop()
        if isinstance(part, Mapping):
            parts += [part.get("features"), part.get("geometry"), part.get("coordinates")]
        elif isinstance(part, list | tuple):
            if part and _is_position(part[0]):
                count += len(part)
            else:
                parts += part
    return count > _LARGE


def _is_position(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and not isinstance(value[0], list | tuple)
