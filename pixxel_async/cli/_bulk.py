"""`pixxel bulk run`: its options, and what they mean."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from pixxel_async.bulk import Recipe, read_fields
from pixxel_async.cli._options import GlobalOptions
from pixxel_async.cli._run import Order, carry_out

DEFAULT_DAYS = 90
DAY = click.DateTime(["%Y-%m-%d"])
FILE = click.Path(path_type=Path)


@click.group()
def bulk() -> None:
    """Work on many fields at a time."""


@bulk.command(name="run", short_help="Images, pictures and packages for every field of a file.")
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, help="Folder for the files and the report.")
@click.option(
    "--sandbox", is_flag=True, help="Use a Pixxel API on this machine: nothing real, nothing charged."
)
@click.option(
    "--start",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=f"First day of the images, in UTC.  [default: {DEFAULT_DAYS} days before the end]",
)
@click.option(
    "--end",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Day before which the images were taken, in UTC; this day itself does not count.  [default: tomorrow]",
)
@click.option(
    "--max-cloud",
    type=click.IntRange(0, 100),
    default=20,
    show_default=True,
    metavar="PERCENT",
    help="Most cloud over an image, 0 to 100.",
)
@click.option(
    "--max-days",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Images per field: all of the newest N days.",
)
@click.option(
    "--satellite", default="Sentinel-2", show_default=True, metavar="NAME", help="Satellite, by name or id."
)
@click.option(
    "--collection",
    metavar="NAME",
    help="The satellite's collection, by name or id; needed if it has several.",
)
@click.option(
    "--index",
    default="NDVI",
    show_default=True,
    metavar="NAME",
    help="Preset index to picture, by name or id.",
)
@click.option(
    "--project",
    metavar="NAME",
    help="Project for the AOIs, by name, title or id; needed if you have several (the sandbox takes its first).",
)
@click.option(
    "--name-property", metavar="KEY", help="Property that holds the fields' names.  [default: name]"
)
@click.option(
    "--run-id",
    metavar="TEXT",
    help="Ends the name of every AOI, FIELD-TEXT.  [default: six random hex digits]",
)
@click.option("--unzip", is_flag=True, help="Unpack the packages, each into a folder beside it.")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run left in the folder.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    metavar="N",
    help="Fields under way at a time.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for one AOI, one picture or one package.",
)
@click.pass_obj
def run_command(
    options: GlobalOptions,
    /,
    *,
    file: Path,
    out: Path,
    sandbox: bool,
    name_property: str | None,
    overwrite: bool,
    concurrency: int,
    start: datetime | None,
    end: datetime | None,
    **recipe: Any,
) -> int:
    """Search the archive, create an AOI, picture an index and fetch the package, for every field of a file.

    FILE is GeoJSON with Polygon features in [longitude, latitude]. A field is named by its property `name`,
    else by its id, else by its number; each polygon of a MultiPolygon becomes a field of its own, NAME-1, NAME-2.

    In the folder stand OUT/FIELD/INDEX.png, OUT/FIELD/FIELD.zip, OUT/report.csv and OUT/report.json.

    \b
    Exit code: 0 all fields done, 1 the service failed, 2 wrong usage or input (nothing was sent),
    3 some fields not done (the report tells why), 130 stopped by Ctrl-C (the report tells what was made).

    \b
    Example:
      pixxel bulk run fields.geojson --out out --start 2026-05-01 --end 2026-06-01 --max-cloud 10
    """
    if sandbox and (options.profile or options.base_url):
        raise click.UsageError("--sandbox is an API of its own: leave out --profile and --base-url")
    first, last = _span(start, end)
    order = Order(
        fields=read_fields(file, name_property=name_property),
        recipe=Recipe(
            start=first, end=last, **{key: value for key, value in recipe.items() if value is not None}
        ),
        out=out,
        overwrite=overwrite,
        concurrency=concurrency,
    )
    return asyncio.run(carry_out(order, options, sandbox=sandbox))


def _span(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """The days asked for, as instants in UTC."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    last = end.replace(tzinfo=UTC) if end else tomorrow
    first = start.replace(tzinfo=UTC) if start else last - timedelta(days=DEFAULT_DAYS)
    if first >= last:
        raise click.UsageError(f"--start {first:%Y-%m-%d} must be before --end {last:%Y-%m-%d}")
    return first, last
