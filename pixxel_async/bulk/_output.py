"""The folder that a run writes to: checked first, and never left with half a file."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pixxel_async.bulk._fields import Field
from pixxel_async.bulk._folders import REPORTS
from pixxel_async.errors import InvalidInput


def prepare_output(out: Path, fields: Sequence[Field], *, overwrite: bool) -> None:
    """Make the folder and see that it can be written and holds no earlier run.

    Raises:
        InvalidInput: Two fields would share a folder, it cannot be written, or files of an earlier run are in it and `overwrite` is false.
    """
    folders = Counter(field.folder.casefold() for field in fields)
    if shared := [field.name for field in fields if folders[field.folder.casefold()] > 1]:
        raise InvalidInput(f"fields {shared[0]!r} and {shared[1]!r} would share a folder: rename one")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise InvalidInput(f"output folder {out}: cannot be written: {error.strerror or error}") from None
    if overwrite:
        return
    names = [*REPORTS, *(field.folder for field in fields)]
    there = [name for name in names if (out / name).exists()]
    if there:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise InvalidInput(
            f"output folder {out}: holds {', '.join(there[:3])}{more} of an earlier run: "
            "choose another folder, or pass overwrite=True (on the command line --overwrite)"
        )


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file, and its folder, so that its name never stands for half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp lets the owner alone read it
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
