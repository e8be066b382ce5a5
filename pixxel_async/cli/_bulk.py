"""`pixxel bulk`: plan, run, resume, retry-failed, status, held and report, with their options."""

from __future__ import annotations

import asyncio
import math
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import click

from pixxel_async.bulk import (
    Adopt,
    AnyRecipe,
    Decision,
    Engine,
    JournalError,
    Plan,
    Run,
    Source,
    decide,
    plan,
    report,
    status,
)
from pixxel_async.cli._options import GlobalOptions
from pixxel_async.cli._recipe_options import (
    FILE,
    recipe_of,
    recipe_options,
    source_of,
    words_of,
)
from pixxel_async.cli._run import (
    SANDBOX_SPEED,
    SOME_NOT_DONE,
    WRONG_USAGE,
    Session,
    discard_sandbox_run,
    fit_to_sandbox,
    gone_sandbox,
    next_steps,
    open_client,
)
from pixxel_async.cli._sandbox import open_sandbox
from pixxel_async.cli._terminal import complain, say
from pixxel_async.cli._words import amount, held_lines, plan_lines, run_of, status_lines
from pixxel_async.cli._words import report as report_words
from pixxel_async.cli._words import rows as rows_word
from pixxel_async.client import PixxelClient

_SANDBOX = click.option(
    "--sandbox", is_flag=True, help="Start a Pixxel API on this machine: nothing real, nothing charged."
)


def _finite(_: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of tokens.", param=option)
    return value


_MAX_TOKENS = click.option(
    "--max-tokens",
    type=click.FloatRange(min=0),
    callback=_finite,
    metavar="N",
    help="Maximum number of tokens that the run may spend, in all its sessions.  [default: no limit]",
)
_CONCURRENCY = click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    metavar="N",
    help="Rows in flight at a time. A row mostly waits, so thousands are possible.",
)


def _address(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[a-z]+://[^/\s]+:\d+", value):
        raise click.BadParameter(
            f"{value!r} is not a scheduler's address; write tcp://HOST:PORT.", param=option
        )
    return value


_DASK = click.option(
    "--dask",
    "cluster",
    callback=_address,
    metavar="tcp://HOST:PORT",
    help="Create and fetch on the workers of this Dask cluster (extra dask). The workers read the token from their own "
    "environment.",
)
_FILES = click.option(
    "--files",
    metavar="PLACE",
    help="With --dask: where the workers put files, a folder that all machines share or a URL (s3://BUCKET/PREFIX).  "
    "[default: OUT, which all must share]",
)
_OTHER_TOKEN = click.option(
    "--other-token",
    is_flag=True,
    help="Accept a token that differs from the run's first one; it must be of the same account.",
)


@click.group()
def bulk() -> None:
    """Work on many areas: from a table and a recipe to files.

    \b
    pixxel bulk plan fields.geojson --recipe ndvi.toml             what a run would create and cost
    pixxel bulk run fields.geojson --recipe ndvi.toml --out out    start a run
    pixxel bulk resume out                                         continue after Ctrl-C, a crash, a power cut
    pixxel bulk status out                                         the state of a run, also in progress

    A run keeps a journal in its folder, OUT/run.journal. It records each create on disk before it sends the request.
    So you can stop or kill a run at any time and resume it without a duplicate.
    """


@bulk.command(name="run", short_help="Start a run: work on every row of a file.")
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, help="Folder for the journal, the files and the report.")
@_MAX_TOKENS
@_CONCURRENCY
@_DASK
@_FILES
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace an earlier run in the folder and its files. Its resources in the account stay.",
)
@_SANDBOX
@recipe_options
@click.pass_context
def run_command(
    context: click.Context,
    /,
    *,
    file: Path,
    out: Path,
    max_tokens: float | None,
    concurrency: int,
    cluster: str | None,
    files: str | None,
    overwrite: bool,
    sandbox: bool,
    recipe_file: Path | None,
    **given: Any,
) -> int:
    """For every row of FILE: search images, create an AOI, follow the recipe and fetch the files.

    FILE has polygons: GeoJSON (.geojson, .json, .geojsonl) or a table (.csv with a column wkt, or lon and lat). With
    the extra `geo`, it can also be .gpkg, .shp or .parquet. An AOI takes one polygon, so each polygon of a
    MultiPolygon becomes a row: NAME-1, NAME-2. An order keeps a MultiPolygon whole. The command checks all rows
    before it sends any request, and lists all invalid ones.

    Files go to OUT/ROW/, the report of all rows to OUT/report.html (also .csv, .json, .geojson). Ctrl-C finishes
    creates in flight, then stops; a second Ctrl-C stops at once. `pixxel bulk resume OUT` continues the run.

    \b
    Exit code: 0 all rows done or without an image in the dates, 1 the service or the token failed, 2 wrong usage
    or input (nothing created), 3 some rows not done (reasons in the report), 130 stopped by Ctrl-C (143 by SIGTERM).

    \b
    Examples:
      pixxel bulk run fields.geojson --recipe ndvi.toml --out out --max-tokens 500
      pixxel bulk run fields.geojson --out out --start 2026-05-01 --end 2026-06-01 --max-cloud 10
      pixxel bulk run fields.geojson --out out --sandbox
    """
    options = _account(context, sandbox=sandbox)
    if sandbox and cluster:
        raise click.UsageError("--sandbox cannot be combined with --dask.")
    engine = _engine(cluster, files)
    source = source_of(file, given)
    recipe = recipe_of(context, recipe_file, given)

    @asynccontextmanager
    async def begin(client: PixxelClient) -> AsyncIterator[Run]:
        fitting = recipe
        if sandbox:
            fitting = await fit_to_sandbox(recipe, client)
            if overwrite:
                await discard_sandbox_run(out, client)
        async with Run.start(
            client,
            source,
            fitting,
            out,
            max_tokens=max_tokens,
            overwrite=overwrite,
            concurrency=concurrency,
            engine=engine,
        ) as run:
            yield run

    def what(run: Run) -> str:
        return f"{words_of(recipe)}; run {run.run_id}"

    return Session(options, out, what, sandbox=sandbox).carry_out(begin)


@bulk.command(name="plan", short_help="What a run would create and cost; creates nothing.")
@click.argument("file", type=FILE)
@_MAX_TOKENS
@_SANDBOX
@recipe_options
@click.pass_context
def plan_command(
    context: click.Context,
    /,
    *,
    file: Path,
    max_tokens: float | None,
    sandbox: bool,
    recipe_file: Path | None,
    **given: Any,
) -> int:
    """Check every row of FILE, ask the API for prices, and show what a run would create and cost.

    The command creates nothing and charges nothing. Some prices depend on the result of an earlier step; those steps
    are listed as unpriced.

    \b
    Exit code: 0 the run is possible, 1 the service or the token failed, 2 wrong usage or input, or the price is
    above --max-tokens, 3 some rows would fail.

    \b
    Example:
      pixxel bulk plan fields.geojson --recipe crop_stress.toml --max-tokens 500
    """
    options = _account(context, sandbox=sandbox)
    source = source_of(file, given)
    recipe = recipe_of(context, recipe_file, given)
    found = asyncio.run(_planned(options, source, recipe, sandbox=sandbox))
    for line in plan_lines(found, max_tokens):
        say(line)
    if max_tokens is not None and found.tokens > max_tokens:
        complain(
            f"pixxel: --max-tokens {amount(max_tokens)} is below the price of {amount(found.tokens)} tokens: "
            "raise it, or use fewer rows"
        )
        return WRONG_USAGE
    return SOME_NOT_DONE if found.faults else 0


async def _planned(options: GlobalOptions, source: Source, recipe: AnyRecipe, *, sandbox: bool) -> Plan:
    if not sandbox:
        async with open_client(options) as client:
            return await plan(client, source, recipe)
    async with open_sandbox(speed=SANDBOX_SPEED) as running, running.client() as client:
        return await plan(client, source, await fit_to_sandbox(recipe, client))


@bulk.command(name="resume", short_help="Resume a run that was stopped or killed.")
@click.argument("folder", metavar="OUT", type=FILE)
@_MAX_TOKENS
@_CONCURRENCY
@_DASK
@_FILES
@click.option(
    "--resend",
    "on_held",
    flag_value="resend",
    help="Send held creates again. Check the account first: a resource that exists is bought twice.",
)
@click.option(
    "--forget",
    "on_held",
    flag_value="forget",
    help="Give up held rows; their tokens count as spent.",
)
@_OTHER_TOKEN
@click.option("--sandbox", is_flag=True, hidden=True)
@click.pass_context
def resume_command(
    context: click.Context,
    /,
    *,
    folder: Path,
    max_tokens: float | None,
    concurrency: int,
    cluster: str | None,
    files: str | None,
    on_held: Literal["resend", "forget"] | None,
    other_token: bool,
    sandbox: bool,
) -> int:
    """Resume the run in the folder OUT, after Ctrl-C, a crash or a power cut; FILE and recipe are not needed.

    The command first searches for creates that were in flight when the run stopped. AOIs and pictures that were not
    created are sent again. A purchase that is not found is held: check the account, then use --resend or --forget.

    For a finished run, the command sends no request. It does not repeat rows that are done or failed (see
    `pixxel bulk retry-failed`). The option --max-tokens sets a new cap for the whole run, with the tokens spent so far.

    \b
    Exit code: as for `pixxel bulk run`.

    \b
    Examples:
      pixxel bulk resume out
      pixxel bulk resume out --max-tokens 800
    """
    if sandbox:
        raise click.UsageError(
            "a sandbox keeps no data when its command ends, so there is nothing to resume: start again with "
            "bulk run --sandbox --overwrite."
        )
    return _take_up(
        context,
        folder,
        max_tokens=max_tokens,
        concurrency=concurrency,
        cluster=cluster,
        files=files,
        on_held=on_held,
        other_token=other_token,
    )


@bulk.command(name="retry-failed", short_help="Retry the failed rows of a run.")
@click.argument("folder", metavar="OUT", type=FILE)
@_MAX_TOKENS
@_CONCURRENCY
@_DASK
@_FILES
@_OTHER_TOKEN
@click.option(
    "--no-image",
    "retry_no_image",
    is_flag=True,
    help="Also search again for rows without an image, in the dates of the recipe.",
)
@click.pass_context
def retry_failed_command(context: click.Context, /, *, folder: Path, **given: Any) -> int:
    """Retry the failed rows of the run in the folder OUT, and continue the rows that are not done.

    The run keeps the resources of these rows. A resource that failed, for instance an AOI, is created again and may
    cost again, up to the run's cap. Rows without an image in the dates have not failed: --no-image searches again.

    \b
    Exit code: as for `pixxel bulk run`.

    \b
    Example:
      pixxel bulk retry-failed out
    """
    return _take_up(context, folder, retry_failed=True, **given)


@bulk.command(name="status", short_help="Show the status of a run, also in progress.")
@click.argument("folder", metavar="OUT", type=FILE)
@click.pass_context
def status_command(context: click.Context, /, *, folder: Path) -> int:
    """Show the status of the run in the folder OUT: rows by state, tokens, held creates, and the process at work.

    The command sends no request. You can use it while the run is in progress.

    \b
    Exit code: 0 shown, 2 wrong usage, or no run in the folder.

    \b
    Example:
      pixxel bulk status out
    """
    stands = status(folder)
    for line in status_lines(stands):
        say(line)
    if stands.worker is None:
        steps = next_steps(stands, folder, context.obj)
        if steps and stands.unfilled is None and (gone := gone_sandbox(folder, context.obj, os.environ)):
            steps = [gone]
        for line in steps:
            say(line)
    return 0


def _row_numbers(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[int]:
    rows: list[int] = []
    for part in (part.strip() for value in values for part in value.split(",")):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        if match is None:
            raise click.BadParameter(f"{part!r} is not a row; write 3, or 3,5 or 3-9.", param=option)
        rows += range(int(match[1]), int(match[2] or match[1]) + 1)
    return rows


def _adopted(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[tuple[int, Adopt]]:
    adopted = []
    for value in values:
        row, equals, id = value.partition("=")
        if not (equals and row.strip().isdecimal() and id.strip()):
            raise click.BadParameter(f"{value!r} is not a row with an id; write ROW=ID.", param=option)
        adopted.append((int(row), Adopt(id.strip())))
    return adopted


@bulk.command(name="held", short_help="List the held creates of a run, and decide about single rows.")
@click.argument("folder", metavar="OUT", type=FILE)
@click.option(
    "--resend",
    multiple=True,
    callback=_row_numbers,
    metavar="ROWS",
    help="It does not exist: create it again.",
)
@click.option(
    "--forget",
    multiple=True,
    callback=_row_numbers,
    metavar="ROWS",
    help="Give these rows up; their tokens count as spent.",
)
@click.option(
    "--adopt",
    multiple=True,
    callback=_adopted,
    metavar="ROW=ID",
    help="It exists with this id: continue the row with it.",
)
@click.pass_context
def held_command(
    context: click.Context,
    /,
    *,
    folder: Path,
    resend: list[int],
    forget: list[int],
    adopt: list[tuple[int, Adopt]],
) -> int:
    """List the creates with unknown outcome in the run in the folder OUT, and decide about them.

    Check the account for each. Then decide by row number: send it again, give the row up, or adopt the existing
    resource. ROWS is a number, a list such as 3,5, or a range such as 3-9. `pixxel bulk resume OUT` continues the run.

    \b
    Exit code: 0 listed or decided, 2 wrong usage, or no run in the folder.

    \b
    Examples:
      pixxel bulk held out
      pixxel bulk held out --adopt 7=0d3c2f6a --forget 5 --resend 8-12
    """
    given: list[tuple[int, Decision]] = [
        *((row, "resend") for row in resend),
        *((row, "forget") for row in forget),
        *adopt,
    ]
    decisions = dict(given)
    if len(decisions) < len(given):
        raise click.UsageError("a row has two decisions: give one for each row")
    if decisions:
        say(f"decided: {rows_word(decide(folder, decisions))}")
    for line in held_lines(status(folder)):
        say(line)
    if decisions:
        say(f"to continue: {context.obj.command('bulk', 'resume', folder)}")
    return 0


@bulk.command(name="report", short_help="Write the report of a run, also in progress.")
@click.argument("folder", metavar="OUT", type=FILE)
def report_command(folder: Path) -> int:
    """Write the report of the run in the folder OUT: the state of every row.

    report.html is for people, report.csv for spreadsheets, report.json for programs, report.geojson for maps. Every
    session of a run writes them at its end. This command writes them in between, or after a crash.

    \b
    Exit code: 0 written, 1 the disk failed, 2 wrong usage, or no run in the folder.

    \b
    Example:
      pixxel bulk report out
    """
    say(report_words(report(folder)))
    return 0


def _take_up(
    context: click.Context, out: Path, *, cluster: str | None, files: str | None, **given: Any
) -> int:
    options: GlobalOptions = context.obj
    engine = _engine(cluster, files)
    stands = status(out)
    if stands.worker is None and stands.unfilled is not None:
        raise JournalError(stands.unfilled)
    what = run_of(stands)
    session = Session(options, out, lambda _: what)
    gone = gone_sandbox(out, options, os.environ)
    if gone is not None:
        if stands.is_finished:
            return session.conclude(stands, what)
        raise click.UsageError(gone)
    return session.carry_out(lambda client: Run.resume(client, out, engine=engine, **given))


def _engine(cluster: str | None, files: str | None) -> Engine | None:
    """The engine that runs the steps; None: this process."""
    if cluster is None:
        if files is not None:
            raise click.UsageError("--files needs --dask: it is for the workers of a cluster")
        return None
    from pixxel_async.bulk.dask import DaskEngine  # slow to import, and an extra

    return DaskEngine(cluster, files=files)


def _account(context: click.Context, *, sandbox: bool) -> GlobalOptions:
    options: GlobalOptions = context.obj
    if sandbox and (options.profile or options.base_url):
        raise click.UsageError(
            "--sandbox cannot be combined with --profile or --base-url: it starts its own API."
        )
    return options
