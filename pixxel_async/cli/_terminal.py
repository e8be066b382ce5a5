"""Printing that never becomes the problem."""

from __future__ import annotations

import os
import sys


def say(text: str = "") -> None:
    """Print a line. A reader that has gone (`| head`) only means that nobody listens: the work goes on."""
    try:
        print(text, flush=True)  # noqa: T201  this is what a command does
    except BrokenPipeError:
        be_silent()


def be_silent() -> None:
    """Let everything printed from now on go nowhere, what is still in the buffer included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
