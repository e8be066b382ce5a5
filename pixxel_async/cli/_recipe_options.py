"""Options that describe the rows and the recipe; a recipe file replaces the latter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from pixxel_async.bulk import (
    AnyRecipe,
    Items,
    OrderRecipe,
    Package,
    Recipe,
    Search,
    Source,
    Visualization,
    load_recipe,
    open_source,
)

_Command = TypeVar("_Command", bound=Callable[..., Any])

DEFAULT_DAYS = 90
FILE = click.Path(path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])


_MADE = (
    click.option(
        "--start",
        type=_DAY,
        metavar="YYYY-MM-DD",
        help=f"First day of the images, in UTC.  [default: {DEFAULT_DAYS} days before the end]",
    ),
    click.option(
        "--end",
        type=_DAY,
        metavar="YYYY-MM-DD",
        help="Day after the last day of the images, in UTC.  [default: tomorrow]",
    ),
    click.option(
        "--max-cloud",
        type=click.IntRange(0, 100),
        default=20,
        show_default=True,
        metavar="PERCENT",
        help="Maximum cloud cover of an image, 0 to 100.",
    ),
    click.option(
        "--max-days",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        metavar="N",
        help="Images per row: all of the newest N days.",
    ),
    click.option(
        "--satellite",
        default="Sentinel-2",
        show_default=True,
        metavar="NAME",
        help="Satellite, by name or id.",
    ),
    click.option(
        "--collection",
        metavar="NAME",
        help="The satellite's collection, by name or id; needed if it has several.",
    ),
    click.option(
        "--index",
        default="NDVI",
        show_default=True,
        metavar="NAME",
        help="Preset index to draw, by name or id.",
    ),
    click.option(
        "--project",
        metavar="NAME",
        help="Project for the AOIs, by name, title or id; needed if you have several (the sandbox takes its first).",
    ),
    click.option(
        "--run-id",
        metavar="TEXT",
        help="Suffix of the name of everything that the run creates, ROW-TEXT.  [default: six random hex digits]",
    ),
    click.option("--unzip", is_flag=True, help="Unpack each package into a folder beside it."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=3600.0,
        show_default=True,
        metavar="SECONDS",
        help="Longest wait for one AOI, one picture or one package.",
    ),
)
_MADE_NAMES = (
    *("start", "end", "max_cloud", "max_days", "satellite", "collection"),
    *("index", "project", "run_id", "unzip", "timeout"),
)
_ROWS = (
    click.option(
        "--key",
        metavar="COLUMN",
        help="Column or property that identifies the row, unique in FILE.  [default: name, else id]",
    ),
    click.option("--layer", metavar="NAME", help="Layer of a GeoPackage; needed if several have polygons."),
    click.option(
        "--crs",
        metavar="EPSG:N",
        help="Reference system of the coordinates, if FILE states none or a wrong one.",
    ),
    click.option(
        "--square-m",
        type=float,
        metavar="METRES",
        help="For tables with columns lon and lat: side of the square around each point.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="Encoding of the text in a table or a Shapefile, such as cp1252.  [default: the one that a Shapefile states, else UTF-8]",
    ),
)
_RECIPE = click.option(
    "--recipe",
    "recipe_file",
    type=FILE,
    metavar="R.toml",
    help="Recipe: what to make of each row. Without it, the options from --start to --timeout describe a picture of an "
    "index and a package.",
)


def recipe_options(command: _Command) -> _Command:
    """Add the options for the rows and the recipe."""
    for option in reversed((_RECIPE, *_ROWS, *_MADE)):
        command = option(command)
    return command


def source_of(file: Path, given: dict[str, Any]) -> Source:
    """The source of the rows; removes its options from `given`."""
    return open_source(
        file, **{name: given.pop(name) for name in ("key", "layer", "crs", "square_m", "encoding")}
    )


def recipe_of(context: click.Context, file: Path | None, given: dict[str, Any]) -> AnyRecipe:
    """The recipe of a file, or the one that the options describe.

    Raises:
        click.UsageError: Both are given.
    """
    if file is None:
        return _described({name: given[name] for name in _MADE_NAMES})
    also = [
        f"--{name.replace('_', '-')}"
        for name in _MADE_NAMES
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if also:
        raise click.UsageError(f"{', '.join(also)}: write this into {file}, or leave out --recipe.")
    return load_recipe(file)


def _described(given: Mapping[str, Any]) -> Recipe:
    first, last = _span(given["start"], given["end"])
    return Recipe(
        images=Search(
            start=first,
            end=last,
            **{name: given[name] for name in ("max_cloud", "max_days", "satellite", "collection")},
        ),
        make=(Visualization(given["index"]),),
        package=Package(unzip=given["unzip"]),
        project=given["project"],
        timeout=given["timeout"],
        **({} if given["run_id"] is None else {"run_id": given["run_id"]}),
    )


def _span(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """The requested days, as instants in UTC."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    last = end.replace(tzinfo=UTC) if end else tomorrow
    first = start.replace(tzinfo=UTC) if start else last - timedelta(days=DEFAULT_DAYS)
    if first >= last:
        raise click.UsageError(f"--start {first:%Y-%m-%d} must be before --end {last:%Y-%m-%d}")
    return first, last


def words_of(recipe: AnyRecipe) -> str:
    """A recipe in one line: what it makes, and of which images."""
    if isinstance(recipe, OrderRecipe):
        made = [f"order for {recipe.order.usecase}", *(["delivery"] if recipe.delivery else [])]
    else:
        made = ["AOI", *(make.label for make in recipe.make)]
    made += ["package"] if recipe.package else []
    return f"{', '.join(made)} of {_images(recipe.images)}"


def _images(images: Search | Items) -> str:
    if isinstance(images, Items):
        return f"the {images.satellite} images in {images.property}"
    return (
        f"{images.satellite}, {images.start:%Y-%m-%d} to before {images.end:%Y-%m-%d}, "
        f"at most {images.max_cloud} % cloud"
    )
