"""`pixxel sandbox`: runs a Pixxel API on this machine, in a terminal of its own."""

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
    help="Seconds that pass in the sandbox per real second.",
)
@click.option(
    "--token",
    default="sandbox-token",
    show_default=True,
    help="Token that the sandbox accepts; not a secret.",
)
def sandbox(host: str, port: int, speed: float, token: str) -> None:
    """Run a Pixxel API on this machine until Ctrl-C.

    It behaves like Pixxel's API, with made-up images. It charges nothing, and its data end with it.
    """
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the normal end
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
    """Start a sandbox; report a missing extra or a taken port in one line."""
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
