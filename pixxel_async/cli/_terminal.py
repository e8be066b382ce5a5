"""Printing that never becomes the problem."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def prepare() -> None:
    """Make both streams such that printing to them is safe."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  open to the end
        else:
            # A name that the terminal's encoding cannot show is shown with '?', not with a traceback.
            stream.reconfigure(errors="replace")


def say(text: str = "") -> None:
    """Print a line. A reader that has gone (`| head`), or a full disk, only means that nobody listens: the work goes on."""
    try:
        print(text, flush=True)  # noqa: T201  this is what a command does
    except OSError as error:
        _give_up(error)


def complain(text: str) -> None:
    """Print on standard error."""
    try:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        _be_silent(sys.stderr)


def finish() -> bool:
    """Write what is still in the buffer; whether it could be."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _give_up(error)
    return True


def _give_up(error: OSError) -> bool:
    """Stop printing; whether that is no trouble, because the reader wanted no more."""
    _be_silent(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return True
    complain(f"pixxel: the output cannot be written: {error.strerror}")
    return False


def _be_silent(stream: TextIO) -> None:
    """Let everything printed from now on go nowhere, what is still in the buffer included: the interpreter flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
