"""Tables of fields, and a recipe that orders, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pixxel_async.bulk import Order, OrderRecipe, Recipe


def polygon(row: int) -> dict[str, Any]:
    """A small square, somewhere else for every row."""
    lon, lat = 10.0 + row / 50, 45.0
    ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat + 0.01], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def order_of(recipe: Recipe, **options: Any) -> OrderRecipe:
    """An order of the images of a recipe, in its project and run."""
    return OrderRecipe(
        images=recipe.images,
        order=Order(usecase="agriculture"),
        project=recipe.project,
        run_id=recipe.run_id,
        poll_interval=0.02,
        max_poll_interval=0.1,
        **options,
    )


def table(folder: Path, *names: str, **properties: Any) -> Path:
    """A file of fields with these names, all with the same properties besides."""
    features = [
        {"type": "Feature", "geometry": polygon(row), "properties": {"name": name, **properties}}
        for row, name in enumerate(names, 1)
    ]
    path = folder / "fields.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path
