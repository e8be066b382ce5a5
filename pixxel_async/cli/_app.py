"""The `pixxel` command and the options that all its commands share."""

from __future__ import annotations

import logging

import click

from pixxel_async import __version__
from pixxel_async.cli._bulk import bulk
from pixxel_async.cli._options import GlobalOptions
from pixxel_async.cli._sandbox import sandbox


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--profile", metavar="NAME", help="Profile in the configuration file, with token and address.")
@click.option("--base-url", metavar="URL", help="Address of the API.  [default: Pixxel's]")
@click.option(
    "-v",
    "--verbose",
    "--debug",
    "verbose",
    is_flag=True,
    help="Log every request to standard error: method, path, status and time, no secrets.",
)
@click.version_option(__version__, prog_name="pixxel")
@click.pass_context
def pixxel(context: click.Context, profile: str | None, base_url: str | None, verbose: bool) -> None:
    """Pixxel's hyperspectral imagery from the terminal.

    The command reads the token from the environment variable PIXXEL_API_KEY, or from a profile. With --sandbox it
    needs no token: it starts a Pixxel API on this machine.
    """
    context.obj = GlobalOptions(profile, base_url, verbose)
    if verbose:
        logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("pixxel_async").setLevel(logging.DEBUG)


pixxel.add_command(bulk)
pixxel.add_command(sandbox)
