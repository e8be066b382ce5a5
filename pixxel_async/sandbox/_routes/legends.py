"""The legends of visualizations, and the arguments of their pictures."""

from __future__ import annotations

from typing import Any

from pixxel_async.sandbox._account.records import Asset, Legend, Visualization
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base.refusal import bad_request
from pixxel_async.sandbox._world import imagery
from pixxel_async.sandbox._world.expressions import parse

Classes = list[dict[str, Any]]


def bands_of(expression: str, expression_type: str, known: list[str]) -> list[str]:
    """The bands in an expression.

    A composite has three parts, separated by commas; other expressions have one. This is ours: the vendor does not
    document the form of a composite.

    Raises:
        Refusal: 400 when it is invalid, or the satellite lacks one of its bands.
    """
    try:
        read = parse(expression)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"body.expression: {error}") from None
    wanted = 3 if expression_type == "composite" else 1
    if len(read.parts) != wanted:
        raise bad_request(f"body.expression: a {expression_type} has {wanted} part(s), separated by commas")
    unknown = [band for band in read.bands if band not in known]
    if unknown or not read.bands:
        raise bad_request(
            "body.expression: must name bands of the satellite", {"unknown": unknown, "bands": known}
        )
    return read.bands


def original(state: State, visualization: Visualization) -> Legend:
    """The legends made by the rendering.

    The vendor's rule: both modes for a preset index, dynamic for a custom one, none for composites and grayscale.
    """
    index = visualization.index
    if index["expression_type"] != "index":
        return {}
    legend: Legend = {}
    for asset in visualization.sources:
        both = imagery.legend(
            **_source(state, visualization, asset), rescale=index["rescale"], colormap=index["colormap"]
        )
        theoretical = both["theoretical"] if index["type"] == "preset" else []
        legend[asset.day] = {
            "dynamic": [dict(item) for item in both["dynamic"]],
            "theoretical": [dict(item) for item in theoretical],
        }
    return legend


def computed(state: State, visualization: Visualization, asset: Asset, bins: int) -> Classes:
    """Dynamic classes of equal width over the values in the images."""
    index = visualization.index
    both = imagery.legend(
        **_source(state, visualization, asset),
        rescale=index["rescale"],
        colormap=index["colormap"],
        bins=int(bins),
    )
    return [dict(item) for item in both["dynamic"]]


def measured(state: State, visualization: Visualization, asset: Asset, items: Classes) -> Classes:
    """A user's classes with the area of each.

    Raises:
        Refusal: 400 when a class lacks a field or its min is above its max; the vendor does not document this.
    """
    for number, item in enumerate(items):
        missing = [name for name in ("color", "label", "min", "max") if name not in item]
        if missing:
            raise bad_request(f"body.legend.{asset.day}[{number}]: {', '.join(missing)} is missing")
        if item["min"] > item["max"]:
            raise bad_request(f"body.legend.{asset.day}[{number}]: min is above max")
    made = imagery.measured(items, **_source(state, visualization, asset))
    return [dict(item) for item in made]


def picture(state: State, visualization: Visualization, asset: Asset, classes: Classes) -> dict[str, Any]:
    """Arguments of `imagery.index_png` for one day."""
    index = visualization.index
    return {
        **_source(state, visualization, asset),
        "rescale": index["rescale"],
        "colormap": index["colormap"],
        "expression_type": index["expression_type"],
        "classes": classes or None,
        "title": f"{index['name']} · {asset.taken_at:%Y-%m-%d}",
    }


def _source(state: State, visualization: Visualization, asset: Asset) -> dict[str, Any]:
    return {
        "geometry": visualization.aoi.geometry,
        "scenes": asset.scenes,
        "expression": visualization.index["expression"],
        "seed": state.seed,
    }
