"""Atomic writing of a run's files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pixxel_async._base.files import disk_errors
from pixxel_async.errors import DownloadError, PixxelError


@contextmanager
def atomic_files(
    paths: Iterable[Path], kind: type[PixxelError] = DownloadError
) -> Generator[list[BinaryIO], None, None]:
    """Files to write to. They get their names when all of them are on the disk; if the block fails, none does.

    Raises:
        DiskFull: The disk is full.
        PixxelError: A file cannot be written; of type `kind`.
    """
    names: dict[Path, Path] = {}
    try:
        with ExitStack() as stack:
            files = []
            for path in paths:
                with disk_errors(path, kind):
                    files.append(stack.enter_context(_temporary(path, names)))
            yield files
            for path, file in zip(names, files, strict=True):
                with disk_errors(path, kind):
                    file.flush()
                    os.fsync(file.fileno())
        for path, name in names.items():
            with disk_errors(path, kind):
                name.chmod(0o644)  # mkstemp allows only the owner to read it
                name.replace(path)
    except BaseException:
        for name in names.values():
            with suppress(OSError):
                name.unlink(missing_ok=True)
        raise


def _temporary(path: Path, names: dict[Path, Path]) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    names[path] = Path(name)
    return os.fdopen(handle, "wb")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file, and make its folder. The name never refers to a partial file.

    Raises:
        DiskFull: The disk is full.
        DownloadError: The file cannot be written.
    """
    with disk_errors(path), atomic_files([path]) as [file]:
        file.write(data)
