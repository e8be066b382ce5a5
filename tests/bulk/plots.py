"""Tables of fields for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def polygon(row: int) -> dict[str, Any]:
    """A small square, somewhere else for every row."""
    lon, lat = 10.0 + row / 50, 45.0
    ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat + 0.01], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def table(folder: Path, *names: str, **properties: Any) -> Path:
    """A file of fields with these names, all with the same properties besides."""
    features = [
        {"type": "Feature", "geometry": polygon(row), "properties": {"name": name, **properties}}
        for row, name in enumerate(names, 1)
    ]
    path = folder / "fields.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path
