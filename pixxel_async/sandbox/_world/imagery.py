"""Pictures and legends of an index over an area. Every call takes tens of milliseconds: use a thread."""

from __future__ import annotations

import ast
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import attrs
import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFont

from pixxel_async.sandbox._world.colormaps import colors, hex_color
from pixxel_async.sandbox._world.expressions import Expression, parse
from pixxel_async.sandbox._world.geometry import Floats, polygons_of, shape_of
from pixxel_async.sandbox._world.landscape import Grid, grid_over
from pixxel_async.sandbox._world.scenes import Scene
from pixxel_async.sandbox._world.view import View

ExpressionType = Literal["index", "composite", "grayscale"]


class LegendItem(TypedDict):
    """One class of a legend."""

    color: str
    label: str
    min: float
    max: float
    area: float
    """In m²."""
    area_percentage: float


_WORDS = ("Very Low", "Low", "Moderate", "High", "Very High")
_INK = (38, 43, 51)
_PANEL = (255, 255, 255, 235)
_GREY = (200, 200, 200)
_MARGIN = 8
_LINE = 17
_WIDEST = 480
_FONT = ImageFont.load_default(11)
_FINER = 3
"""Factor of the finer pixels on which the edge of the area is drawn, to be smooth."""


@attrs.frozen
class _Values:
    """The index over the area."""

    layers: list[Floats]
    valid: NDArray[np.bool_]
    areas: Floats
    """Area of each pixel in m²."""

    @property
    def known(self) -> Floats:
        return self.layers[0][self.valid]


def index_png(
    *,
    geometry: Mapping[str, Any],
    scenes: Sequence[Scene],
    expression: str,
    rescale: Sequence[float],
    colormap: str,
    seed: int = 0,
    expression_type: ExpressionType = "index",
    classes: Sequence[Mapping[str, Any]] | None = None,
    title: str = "",
    size: int = 512,
) -> bytes:
    """A picture of an index over an area, transparent outside, with its legend below.

    Args:
        geometry: The area; any GeoJSON with polygons.
        scenes: Scenes of one collection; the clearest one is on top.
        expression: Arithmetic over band names. An index uses reflectances; a composite (three parts, separated
            by commas) or a grayscale uses stored pixel values.
        rescale: The values at both ends of the colour scale.
        colormap: Name of a colour scale, see `COLORMAPS`.
        seed: The seed of the sandbox.
        expression_type: Type of the expression.
        classes: Legend items to use instead of the colour scale: `color`, `label`, `min` and `max`.
        title: A line above the legend.
        size: Largest number of pixels on the longer side, of the map and of the whole picture.

    Raises:
        ValueError: the expression, one of its bands or the colour scale is unknown, or there is no scene.
    """
    read = parse(expression)
    panel = _panel(read, rescale, colormap, classes, title)
    shape = shape_of(geometry)
    grid = grid_over(shape.bounds, max(size - panel.height - _MARGIN, 32))
    values = _values(read, geometry, scenes, grid, seed, expression_type)
    painted = np.zeros((grid.rows, grid.columns, 4), dtype=np.uint8)
    painted[..., :3] = _paint(values, rescale, colormap, classes)
    painted[..., 3] = np.where(values.valid, 255, 0)
    picture = _cut_out(Image.fromarray(painted), geometry, grid)
    canvas = Image.new(
        "RGBA", (max(picture.width, panel.width), picture.height + _MARGIN + panel.height), (0, 0, 0, 0)
    )
    canvas.paste(picture, ((canvas.width - picture.width) // 2, 0))
    canvas.paste(panel, ((canvas.width - panel.width) // 2, picture.height + _MARGIN))
    return _png(canvas)


def legend(
    *,
    geometry: Mapping[str, Any],
    scenes: Sequence[Scene],
    expression: str,
    rescale: Sequence[float],
    colormap: str,
    seed: int = 0,
    bins: int = 5,
) -> dict[str, list[LegendItem]]:
    """The two legends of an index: `dynamic` divides the values in the images into equal parts, `theoretical` the scale.

    Areas are in m² and cover the whole area of the scenes; values outside the scale count as its ends.

    Raises:
        ValueError: the expression, one of its bands or the colour scale is unknown, or there is no scene.
    """
    values = _index(geometry, scenes, expression, seed)
    known = values.known
    lowest, highest = (float(known.min()), float(known.max())) if len(known) else (rescale[0], rescale[1])
    return {
        "dynamic": _measure(_classes(lowest, highest, colormap, bins), values),
        "theoretical": _measure(_classes(rescale[0], rescale[1], colormap, 5), values),
    }


def measured(
    items: Sequence[Mapping[str, Any]],
    *,
    geometry: Mapping[str, Any],
    scenes: Sequence[Scene],
    expression: str,
    seed: int = 0,
) -> list[LegendItem]:
    """The classes of a user, with the area of each: from its `min` to below its `max`.

    Raises:
        ValueError: the expression or one of its bands is unknown, or there is no scene.
    """
    return _measure(items, _index(geometry, scenes, expression, seed))


def _index(geometry: Mapping[str, Any], scenes: Sequence[Scene], expression: str, seed: int) -> _Values:
    grid = grid_over(shape_of(geometry).bounds, 192)
    return _values(parse(expression), geometry, scenes, grid, seed, "index")


def _values(
    expression: Expression,
    geometry: Mapping[str, Any],
    scenes: Sequence[Scene],
    grid: Grid,
    seed: int,
    expression_type: ExpressionType,
) -> _Values:
    view = View(scenes, geometry, grid, seed)
    scale = 1 if expression_type == "index" else view.sensor.quantification
    bands = {name: view.reflectance(name) * scale for name in expression.bands}
    layers = [np.broadcast_to(layer, view.order.shape) for layer in expression.evaluate(bands.__getitem__)]
    valid = view.valid & np.all([np.isfinite(layer) for layer in layers], axis=0)
    areas = np.broadcast_to(grid.row_areas[:, None], view.order.shape)
    return _Values(layers, valid, areas)


def _classes(lowest: float, highest: float, colormap: str, count: int) -> list[dict[str, Any]]:
    edges = np.linspace(lowest, highest, count + 1).tolist()
    middles = (np.arange(count) + 0.5) / count
    labels = _WORDS if count == len(_WORDS) else tuple(f"Class {number + 1}" for number in range(count))
    painted = [hex_color(color) for color in colors(colormap, middles)]
    return [
        {"color": color, "label": label, "min": round(low, 6), "max": round(high, 6)}
        for color, label, low, high in zip(painted, labels, edges[:-1], edges[1:], strict=True)
    ]


def _measure(items: Sequence[Mapping[str, Any]], values: _Values) -> list[LegendItem]:
    areas = values.areas[values.valid]
    numbers = _class_numbers(items, values.known)
    total = float(areas.sum()) or 1.0
    measured = []
    for number, item in enumerate(items):
        area = float(areas[numbers == number].sum())
        measured.append(
            LegendItem(
                color=item["color"],
                label=item["label"],
                min=item["min"],
                max=item["max"],
                area=round(area, 1),
                area_percentage=round(100 * area / total, 2),
            )
        )
    return measured


def _class_numbers(items: Sequence[Mapping[str, Any]], values: Floats) -> NDArray[np.int64]:
    """The class of each value. Values outside all classes belong to the lowest or highest one; -1 means a gap."""
    numbers = np.full(values.shape, -1, dtype=np.int64)
    if not items:
        return numbers
    lowest = min(range(len(items)), key=lambda number: items[number]["min"])
    highest = max(range(len(items)), key=lambda number: items[number]["max"])
    for number, item in enumerate(items):
        numbers[(values >= item["min"]) & (values < item["max"]) & (numbers < 0)] = number
    numbers[values < items[lowest]["min"]] = lowest
    numbers[values >= items[highest]["max"]] = highest
    return numbers


def _paint(
    values: _Values, rescale: Sequence[float], colormap: str, classes: Sequence[Mapping[str, Any]] | None
) -> NDArray[np.uint8]:
    low, high = float(rescale[0]), float(rescale[1])
    span = (high - low) or 1.0
    positions = [np.clip(np.where(values.valid, (layer - low) / span, 0), 0, 1) for layer in values.layers]
    if len(positions) == 3:
        return (np.stack(positions, axis=-1) * 255).astype(np.uint8)
    if classes is None:
        return colors(colormap, positions[0])
    palette = np.array([*(_rgb(item["color"]) for item in classes), _GREY], dtype=np.uint8)
    return palette[_class_numbers(classes, np.where(values.valid, values.layers[0], low))]


def _cut_out(picture: Image.Image, geometry: Mapping[str, Any], grid: Grid) -> Image.Image:
    """Draw the edge of the area smoothly; the outside stays transparent."""
    size = grid.columns * _FINER, grid.rows * _FINER
    inside, outline = Image.new("1", size), Image.new("L", size)
    for ring in shapely.get_rings(polygons_of(shape_of(geometry))):
        corners = (shapely.get_coordinates(ring) - (grid.west, grid.north)) / (grid.dx, -grid.dy)
        flat = (corners * _FINER).ravel().tolist()
        filled = Image.new("1", size)
        ImageDraw.Draw(filled).polygon(flat, fill=1)
        inside = ImageChops.logical_xor(inside, filled)  # a hole is removed, an island in it is added again
        ImageDraw.Draw(outline).line(flat, fill=255, width=2 * _FINER)
    cut = np.minimum(
        np.asarray(picture.getchannel("A")),
        np.asarray(inside.convert("L").resize(picture.size, Image.Resampling.BOX)),
    )
    picture.putalpha(Image.fromarray(cut))
    # Only the inner half of the outline is drawn, so nothing outside the area changes.
    edge = np.minimum(np.asarray(outline.resize(picture.size, Image.Resampling.BOX)), cut)
    dark = Image.new("RGBA", picture.size, (*_INK, 255))
    dark.putalpha(Image.fromarray(cut))
    return Image.composite(dark, picture, Image.fromarray((edge * 0.75).astype(np.uint8)))


def _panel(
    expression: Expression,
    rescale: Sequence[float],
    colormap: str,
    classes: Sequence[Mapping[str, Any]] | None,
    title: str,
) -> Image.Image:
    """The legend below the map: the title, then classes, a colour scale, or the channels of a composite."""
    if len(expression.parts) == 3:
        channels = zip(("#d62828", "#2a9d4a", "#2666cf"), expression.parts, strict=True)
        entries = [(_rgb(color), ast.unparse(part)) for color, part in channels]
        return _swatches(title, entries)
    if classes is not None:
        return _swatches(
            title,
            [
                (_rgb(item["color"]), f"{item['label']}  {item['min']:.3g} to {item['max']:.3g}")
                for item in classes
            ],
        )
    return _scale(title, rescale, colormap)


def _scale(title: str, rescale: Sequence[float], colormap: str) -> Image.Image:
    bar, top = 216, 10 + (_LINE if title else 0)
    panel, draw = _empty_panel(title, bar + 24, top + 34)
    for x, color in enumerate(colors(colormap, np.linspace(0, 1, bar)).tolist()):
        draw.line([(12 + x, top), (12 + x, top + 10)], fill=(*color, 255))
    draw.rectangle([11, top - 1, 12 + bar, top + 11], outline=(*_INK, 255))
    for part in range(5):
        x = 12 + bar * part // 4
        draw.line([(x, top + 12), (x, top + 15)], fill=(*_INK, 255))
        text = f"{rescale[0] + (rescale[1] - rescale[0]) * part / 4:.4g}"
        draw.text(
            (x, top + 17), text, font=_FONT, fill=(*_INK, 255), anchor=("la", "ma", "ma", "ma", "ra")[part]
        )
    return panel


def _swatches(title: str, entries: Sequence[tuple[tuple[int, int, int], str]]) -> Image.Image:
    """Coloured squares with their names, in as many columns as fit."""
    cell = 30 + max((math.ceil(_FONT.getlength(text)) for _, text in entries), default=0)
    columns = max(min(_WIDEST // cell, len(entries)), 1)
    lines = math.ceil(len(entries) / columns)
    top = 8 + (_LINE if title else 0)
    panel, draw = _empty_panel(title, columns * cell + 12, top + lines * _LINE + 6)
    for number, (color, text) in enumerate(entries):
        x, y = 12 + number // lines * cell, top + number % lines * _LINE
        draw.rectangle([x, y, x + 11, y + 11], fill=(*color, 255), outline=(*_INK, 255))
        draw.text((x + 17, y + 6), text, font=_FONT, fill=(*_INK, 255), anchor="lm")
    return panel


def _empty_panel(title: str, width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    width = max(width, math.ceil(_FONT.getlength(title)) + 24)
    panel = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(panel)
    draw.rounded_rectangle([0, 0, width - 1, height - 1], radius=7, fill=_PANEL, outline=(*_INK, 90))
    draw.text((12, 6), title, font=_FONT, fill=(*_INK, 255))
    return panel, draw


def _rgb(color: str) -> tuple[int, int, int]:
    """The colour of a user; grey for an unknown one."""
    try:
        red, green, blue = ImageColor.getrgb(color)[:3]
    except ValueError:
        return _GREY
    return red, green, blue


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
