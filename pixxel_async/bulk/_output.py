"""The folder that a run writes to: checked first, and never left with half a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pixxel_async.bulk._journal import Journal
from pixxel_async.errors import InvalidInput


def make_folder(out: Path, journal: str, *, overwrite: bool = False) -> None:
    """Make the folder of a run, and see that it can be written and holds no other.

    With `overwrite` the journal of an earlier run is removed, and files in its place are replaced as they come.

    Raises:
        InvalidInput: It cannot be written, or holds a run.
        JournalError: The run that is to be given up has creates whose outcome is open.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise InvalidInput(f"output folder {out}: cannot be written: {error.strerror or error}") from None
    if (out / journal).exists():
        if not overwrite:
            raise InvalidInput(
                f"output folder {out}: holds a run already: resume it, choose another folder, or pass overwrite=True "
                "(on the command line --overwrite) to begin anew"
            )
        Journal.discard(out / journal)


@contextmanager
def atomic_file(path: Path) -> Generator[BinaryIO, None, None]:
    """A file to write to, which gets its name, and replaces what has it, when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp lets the owner alone read it
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file, and its folder, so that its name never stands for half of it."""
    with atomic_file(path) as file:
        file.write(data)
