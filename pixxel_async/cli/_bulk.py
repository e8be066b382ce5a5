"""`pixxel bulk`: plan, run, resume, retry, status and report; their options, and what they mean."""

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
    "--sandbox", is_flag=True, help="Use a Pixxel API on this machine: nothing real, nothing charged."
)


def _finite(_: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of tokens.", param=option)
    return value


_MAX_TOKENS = click.option(
    "--max-tokens",
    type=click.FloatRange(min=0),
    callback=_finite,
    metavar="N",
    help="Most tokens that the run may ever spend, in all its sessions; left out, any number.",
)
_CONCURRENCY = click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    metavar="N",
    help="Rows under way at a time; nearly all of it is waiting, so it may be thousands.",
)


def _address(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[a-z]+://[^/\s]+:\d+", value):
        raise click.BadParameter(f"{value!r} is no scheduler's address; write tcp://HOST:PORT.", param=option)
    return value


_DASK = click.option(
    "--dask",
    "cluster",
    callback=_address,
    metavar="tcp://HOST:PORT",
    help="Create and fetch on the workers of this Dask cluster (extra dask). They take the token from their own "
    "environment.",
)
_FILES = click.option(
    "--files",
    metavar="PLACE",
    help="With --dask: where the workers put files, a folder that all machines share or a URL (s3://BUCKET/PREFIX). Left "
    "out, OUT, which all must then share.",
)
_OTHER_TOKEN = click.option(
    "--other-token",
    is_flag=True,
    help="The token is another one than the run began with, of the same account.",
)


@click.group()
def bulk() -> None:
    """Work on many areas: from a table and a recipe to files.

    \b
    pixxel bulk plan fields.geojson --recipe ndvi.toml             what it would do and cost
    pixxel bulk run fields.geojson --recipe ndvi.toml --out out    do it
    pixxel bulk resume out                                         go on after Ctrl-C, a crash, a power cut
    pixxel bulk status out                                         how it stands, also while it goes on

    A run keeps a journal in its folder, OUT/run.journal: what is bought stands there before it is sent. So a run may
    be stopped or killed at any time, and goes on without buying anything twice.
    """


@bulk.command(name="run", short_help="Begin a run: work on every row of a file.")
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, help="Folder for the journal, the files and the report.")
@_MAX_TOKENS
@_CONCURRENCY
@_DASK
@_FILES
@click.option(
    "--overwrite",
    is_flag=True,
    help="Give up an earlier run in the folder, and replace its files. What it made in the account stays.",
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
    """Search images, create an AOI, make what the recipe says and fetch the files, for every row of FILE.

    FILE has polygons: GeoJSON (.geojson, .json, .geojsonl) or a table (.csv with a column wkt, or lon and lat); with
    the extra `geo` also .gpkg, .shp and .parquet. A MultiPolygon becomes a row for each polygon, NAME-1, NAME-2, as an
    AOI takes one; an order keeps it whole. All rows are checked first; if any cannot be used, all such rows are listed
    and nothing is sent.

    Files go to OUT/ROW/, and what became of every row to OUT/report.html (also .csv, .json, .geojson). Ctrl-C ends a
    run in good order, a second one at once; `pixxel bulk resume OUT` goes on.

    \b
    Exit code: 0 all rows done or without an image in the dates, 1 the service or the token failed, 2 wrong usage
    or input (nothing was made), 3 some rows not done (the report tells why), 130 stopped by Ctrl-C (143 by SIGTERM).

    \b
    Examples:
      pixxel bulk run fields.geojson --recipe ndvi.toml --out out --max-tokens 500
      pixxel bulk run fields.geojson --out out --start 2026-05-01 --end 2026-06-01 --max-cloud 10
      pixxel bulk run fields.geojson --out out --sandbox
    """
    options = _account(context, sandbox=sandbox)
    if sandbox and cluster:
        raise click.UsageError("--sandbox lives and ends with this command: leave out --dask")
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


@bulk.command(name="plan", short_help="What a run would do and cost; makes nothing.")
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
    """Check every row of FILE, ask the API for prices, and tell what a run would make and cost.

    Nothing is made and nothing is charged. Some prices are told only on the way, since they need what an earlier
    step makes; those steps are listed as unpriced.

    \b
    Exit code: 0 it can be run, 1 the service or the token failed, 2 wrong usage or input, or the price is above
    --max-tokens, 3 some rows would fail.

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
            "allow more, or take fewer rows"
        )
        return WRONG_USAGE
    return SOME_NOT_DONE if found.faults else 0


async def _planned(options: GlobalOptions, source: Source, recipe: AnyRecipe, *, sandbox: bool) -> Plan:
    if not sandbox:
        async with open_client(options) as client:
            return await plan(client, source, recipe)
    async with open_sandbox(speed=SANDBOX_SPEED) as running, running.client() as client:
        return await plan(client, source, await fit_to_sandbox(recipe, client))


@bulk.command(name="resume", short_help="Go on with a run that was stopped, however it was.")
@click.argument("folder", metavar="OUT", type=FILE)
@_MAX_TOKENS
@_CONCURRENCY
@_DASK
@_FILES
@click.option(
    "--resend",
    "on_held",
    flag_value="resend",
    help="Make again what is held. Look in the account first: what is there already is bought twice.",
)
@click.option(
    "--forget",
    "on_held",
    flag_value="forget",
    help="Give up rows that are held; their tokens count as spent.",
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
    """Go on with the run in the folder OUT, after Ctrl-C, a crash or a power cut; FILE and recipe are not needed.

    What was being created when it stopped is looked for first, and not made again. If it can neither be found nor
    ruled out, its row is held, until you have looked in the account and say --resend or --forget.

    A finished run is said to be finished, and nothing is sent. Rows that are done or have failed are left alone (see `pixxel bulk retry-failed`). --max-tokens sets another cap
    for the whole run; what is spent already counts.

    \b
    Exit code: as of `pixxel bulk run`.

    \b
    Examples:
      pixxel bulk resume out
      pixxel bulk resume out --max-tokens 800
    """
    if sandbox:
        raise click.UsageError(
            "a sandbox keeps nothing when its command ends, so there is nothing to resume: begin anew with "
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


@bulk.command(name="retry-failed", short_help="Try again the rows of a run that failed.")
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
    """Try again the rows that failed in the run in the folder OUT, and go on with those that are not done.

    What was made for them is kept. What failed itself, for instance an AOI that ended as failed, is made anew and
    may cost again, up to the run's cap. Rows without an image in the dates have not failed: --no-image searches again.

    \b
    Exit code: as of `pixxel bulk run`.

    \b
    Example:
      pixxel bulk retry-failed out
    """
    return _take_up(context, folder, retry_failed=True, **given)


@bulk.command(name="status", short_help="How a run stands, also while it goes on.")
@click.argument("folder", metavar="OUT", type=FILE)
@click.pass_context
def status_command(context: click.Context, /, *, folder: Path) -> int:
    """Tell how the run in the folder OUT stands: rows by state, tokens, what is held, and who works on it now.

    Sends nothing and disturbs nothing: it may be asked while the run goes on.

    \b
    Exit code: 0 told, 2 wrong usage, or no run in the folder.

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
            raise click.BadParameter(f"{part!r} is no row; write 3, or 3,5 or 3-9.", param=option)
        rows += range(int(match[1]), int(match[2] or match[1]) + 1)
    return rows


def _adopted(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[tuple[int, Adopt]]:
    adopted = []
    for value in values:
        row, equals, id = value.partition("=")
        if not (equals and row.strip().isdecimal() and id.strip()):
            raise click.BadParameter(f"{value!r} is no row with an id; write ROW=ID.", param=option)
        adopted.append((int(row), Adopt(id.strip())))
    return adopted


@bulk.command(name="held", short_help="List what is held in a run, and decide about single rows.")
@click.argument("folder", metavar="OUT", type=FILE)
@click.option(
    "--resend", multiple=True, callback=_row_numbers, metavar="ROWS", help="It does not exist: make it again."
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
    """List the creates that may have happened and cannot be found in the run in the folder OUT, and decide about them.

    Look in the account for each. Then say for its row, by its number, whether it is made again, given up, or taken over.
    ROWS is a number, a list such as 3,5, or a range such as 3-9. `pixxel bulk resume OUT` continues the run.

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
        raise click.UsageError("one row is given two decisions")
    if decisions:
        say(f"decided: {rows_word(decide(folder, decisions))}")
    for line in held_lines(status(folder)):
        say(line)
    if decisions:
        say(f"to go on: {context.obj.command('bulk', 'resume', folder)}")
    return 0


@bulk.command(name="report", short_help="Write the report of a run anew, also while it goes on.")
@click.argument("folder", metavar="OUT", type=FILE)
def report_command(folder: Path) -> int:
    """Write what became of every row of the run in the folder OUT, as files beside those of the rows.

    report.html is for people, report.csv for spreadsheets, report.json for programs, report.geojson for maps. Every
    session of a run writes them at its end; this does it in between, or after a crash.

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
    """Where the steps run; None for here."""
    if cluster is None:
        if files is not None:
            raise click.UsageError("--files is for the workers of a cluster: say which with --dask")
        return None
    from pixxel_async.bulk.dask import DaskEngine  # what it needs is heavy, and an extra

    return DaskEngine(cluster, files=files)


def _account(context: click.Context, *, sandbox: bool) -> GlobalOptions:
    options: GlobalOptions = context.obj
    if sandbox and (options.profile or options.base_url):
        raise click.UsageError("--sandbox is an API of its own: leave out --profile and --base-url")
    return options
