"""Fields for tests."""

from __future__ import annotations

from pixxel_async.bulk import Field


def field(row: int, name: str) -> Field:
    """A small square, somewhere else for every row."""
    lon, lat = 10.0 + row / 50, 45.0
    ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat + 0.01], [lon, lat]]
    return Field(row, name, {"type": "Polygon", "coordinates": [ring]})


def fields(*names: str) -> list[Field]:
    """A field for each name."""
    return [field(row, name) for row, name in enumerate(names, 1)]
