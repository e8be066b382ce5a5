"""`pixxel sandbox`: a Pixxel API on this machine, for a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pixxel_async.sandbox import Sandbox


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on.  [default: a free one]"
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="How many seconds pass in the sandbox while one passes here.",
)
@click.option(
    "--token", default="sandbox-token", show_default=True, help="The token that it accepts; nothing secret."
)
def sandbox(host: str, port: int, speed: float, token: str) -> None:
    """Run a Pixxel API on this machine until Ctrl-C.

    It answers like Pixxel's, from made-up images. Nothing is real, nothing is charged, nothing is kept.
    """
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        asyncio.run(_serve(host=host, port=port, speed=speed, token=token))


async def _serve(**options: Any) -> None:
    async with open_sandbox(**options) as running:
        click.echo(f"Pixxel sandbox at {running.url}: nothing real, nothing charged. Ctrl-C ends it.")
        click.echo("In another terminal:")
        click.echo(f"  export PIXXEL_BASE_URL={running.url}")
        click.echo(f"  export PIXXEL_API_KEY={running.token}")
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def open_sandbox(**options: Any) -> AsyncIterator[Sandbox]:
    """Start a sandbox; a missing extra or a taken port becomes a clear line."""
    try:
        from pixxel_async.sandbox import Sandbox
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pixxel_async"):
            raise
        raise click.UsageError(
            f'the sandbox needs {error.name}: pip install "pixxel-async[cli,sandbox]"'
        ) from None
    async with contextlib.AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(Sandbox(**options))
        except OSError as error:
            raise click.UsageError(f"the sandbox cannot start: {error.strerror or error}") from None
        yield running
