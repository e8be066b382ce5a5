"""A bulk run as the terminal sees it: client or sandbox, display, report, exit code."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import click

from pixxel_async.bulk import Field, Recipe, Report, State, run
from pixxel_async.cli._display import display
from pixxel_async.cli._options import GlobalOptions
from pixxel_async.cli._sandbox import open_sandbox
from pixxel_async.cli._terminal import say
from pixxel_async.client import PixxelClient

SOME_NOT_DONE = 3
SANDBOX_SPEED = 40.0
"""The sandbox's things take about a minute each; a demo should not."""


@attrs.frozen
class Order:
    """What was asked for, checked."""

    fields: list[Field]
    recipe: Recipe
    out: Path
    overwrite: bool
    concurrency: int


async def carry_out(order: Order, options: GlobalOptions, *, sandbox: bool) -> int:
    """Do it; the exit code. Whatever ends it, the report tells of everything that was begun."""
    async with _client(options, sandbox=sandbox) as client:
        if sandbox:
            order = await _fit_to_sandbox(order, client)
        _announce(order)
        report = Report(order.fields)
        started = time.monotonic()
        try:
            await _follow(client, order, report, live=not options.verbose)
        finally:
            if report.counts[State.WAITING] < len(order.fields):
                _close(order, report, time.monotonic() - started)
    return 0 if report.counts[State.DONE] == len(order.fields) else SOME_NOT_DONE


@contextlib.asynccontextmanager
async def _client(options: GlobalOptions, *, sandbox: bool) -> AsyncIterator[PixxelClient]:
    if not sandbox:
        async with PixxelClient(profile=options.profile, base_url=options.base_url) as client:
            yield client
        return
    async with open_sandbox(speed=SANDBOX_SPEED) as running, running.client() as client:
        say(f"sandbox at {running.url}: nothing real, nothing charged")
        yield client


async def _fit_to_sandbox(order: Order, client: PixxelClient) -> Order:
    """Take the sandbox's first project unless one is named, and look as often as its time is fast."""
    projects = await client.projects.list(limit=1)
    recipe = attrs.evolve(
        order.recipe,
        project=order.recipe.project or projects[0].id,
        poll_interval=0.1,
        max_poll_interval=0.5,
    )
    return attrs.evolve(order, recipe=recipe)


async def _follow(client: PixxelClient, order: Order, report: Report, *, live: bool) -> None:
    with display(report, order.out, live=live) as show:
        results = run(
            client,
            order.fields,
            order.recipe,
            out=order.out,
            concurrency=order.concurrency,
            overwrite=order.overwrite,
            on_update=show,
        )
        async with contextlib.aclosing(results):
            async for _ in results:
                pass  # the display has shown it already


def _announce(order: Order) -> None:
    recipe = order.recipe
    fields = "1 field" if len(order.fields) == 1 else f"{len(order.fields)} fields"
    say(
        f"{fields}: {recipe.index} of {recipe.satellite}, {recipe.start:%Y-%m-%d} to before {recipe.end:%Y-%m-%d}, "
        f"at most {recipe.max_cloud} % cloud; run {recipe.run_id}"
    )


def _close(order: Order, report: Report, seconds: float) -> None:
    try:
        csv_path, json_path = report.write(order.out)
    except OSError as error:
        raise click.ClickException(f"the report cannot be written: {error}") from None
    counts = ", ".join(f"{report.counts[state]} {state}" for state in State if report.counts[state])
    say(f"{counts} in {seconds:.1f} s; report: {csv_path} and {json_path.name}")
