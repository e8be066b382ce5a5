"""Printing to the terminal that never ends a command with a traceback."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def prepare() -> None:
    """Make both streams safe to print to."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the parent process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  open to the end
        else:
            # A character outside the terminal's encoding becomes '?' instead of a traceback.
            stream.reconfigure(errors="replace")


def say(text: str = "") -> None:
    """Print a line. If the reader has closed the pipe (`| head`) or the disk is full, printing stops and the work continues."""
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
    """Flush the buffer; return whether that succeeded."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _give_up(error)
    return True


def _give_up(error: OSError) -> bool:
    """Stop printing; return whether the cause is harmless: the reader closed the pipe."""
    _be_silent(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return True
    complain(f"pixxel: cannot write the output: {error.strerror}")
    return False


def _be_silent(stream: TextIO) -> None:
    """Discard all further output, also what is in the buffer: the interpreter flushes it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
