"""File names that are safe on every system, and the file system's errors as errors of the SDK.

Everything here blocks; `in_thread` keeps it off the event loop.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import hashlib
import os
import re
import shutil
import tempfile
import threading
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pixxel_async._base.active_calls import running_loop
from pixxel_async._base.shown import shown
from pixxel_async.errors import DiskFull, DownloadError, InvalidInput, PixxelError

try:
    import fcntl
except ImportError:  # Windows: files are not locked there
    fcntl = None  # type: ignore[assignment]

R = TypeVar("R")

LONGEST_NAME = 150
"""Bytes of the longest file name; room is left for endings such as `.part`."""

RATIO_FREE_BYTES = 10 * 2**20
LARGEST_RATIO = 200
"""How many times larger than its compressed form data may become, beyond the first 10 MiB."""

_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_FOREIGN = re.compile(r'[<>:"|?*]')
_RESERVED = r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


async def in_thread(function: Callable[..., R], *arguments: object, stop: threading.Event | None = None) -> R:
    """Run in a thread. When cancelled, set `stop` and wait for the end: no file is closed during a write."""
    # A future of the executor, not asyncio.to_thread: the end of asyncio.run() cancels all tasks, but threads continue.
    work = running_loop().run_in_executor(None, functools.partial(function, *arguments))
    return await settled(work, stop)


async def settled(work: asyncio.Future[R], stop: threading.Event | None = None) -> R:
    """The result of a thread; with the rules of `in_thread`."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        raise


# --- names ------------------------------------------------------------------------------------------------


def is_invisible(character: str) -> bool:
    """Whether a character is not allowed in a name: control and direction marks, lone surrogates, line ends."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTION


def is_reserved(name: str) -> bool:
    """Whether Windows treats the name as a device, or changes it."""
    return re.fullmatch(_RESERVED, name) is not None or name.endswith((".", " "))


def safe_name(text: str) -> str:
    """The nearest file name that is safe on every system; empty when nothing is left.

    It has no directories, control or direction marks, no blanks or dots at its ends, and NFC form. It has at most 150
    bytes: a longer one keeps its suffix and gets eight digits of its hash.
    """
    name = re.split(r"[/\\]", text)[-1]
    if not (name.isascii() and name.isprintable()):  # nearly all names are, and need no change
        composed = unicodedata.normalize("NFC", name)
        name = "".join(character for character in composed if not is_invisible(character))
    name = _FOREIGN.sub("_", name).strip(" .")
    if is_reserved(name):
        name = f"_{name}"
    if len(name.encode()) > LONGEST_NAME:
        ending = Path(name).suffix if len(Path(name).suffix.encode()) <= 16 else ""
        mark = "-" + hashlib.sha256(name.encode()).hexdigest()[:8] + ending
        name = name.encode()[: LONGEST_NAME - len(mark.encode())].decode(errors="ignore") + mark
    return name


def checked_path(path: str | os.PathLike[str], name: str, kind: type[PixxelError] = InvalidInput) -> Path:
    """A path from the argument `name`; raises `kind` if no file system can have it."""
    try:
        text = os.fspath(path)
        if isinstance(text, str) and b"\0" not in os.fsencode(text):
            return Path(text)
    except (TypeError, UnicodeEncodeError):
        pass
    raise kind(f"{name}={shown(path)} is not a path: give text without zero characters, or a pathlib.Path")


def checked_name(filename: str) -> str:
    """A name from the user: accepted unchanged or refused."""
    safe = safe_name(filename) if isinstance(filename, str) else ""
    if not safe or safe != filename:
        advice = f"use {safe!r}" if safe else "give a bare name such as 'scene.zip'"
        raise InvalidInput(
            f"filename={shown(filename)} is not a safe file name: {advice}; put folders in `directory`"
        )
    return filename


# --- the disk ---------------------------------------------------------------------------------------------


def is_disk_full(error: OSError) -> bool:
    """Whether there was no space, or a quota or the largest size of a file was reached."""
    return error.errno in _FULL


class disk_errors:  # noqa: N801  # named as those of contextlib are; a generator would take several times as long
    """Raise the file system's errors as DiskFull or `kind`."""

    def __init__(self, path: Path, kind: type[PixxelError] = DownloadError) -> None:
        self._path = path
        self._kind = kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            kind = DiskFull if is_disk_full(error) else self._kind
            raise kind(f"{self._path}: {error.strerror or error}") from error


def make_folder(directory: Path) -> None:
    """Make a folder if it is missing, and an unnamed file in it, since permissions do not show everything; OSError on failure."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass


def lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed; False if another process has it. `shared` locks exclude only others.

    True, unlocked, where the system or the file system has no locks.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)
    return True


def room_in(directory: Path) -> int:
    """The largest size of a file that fits, with one per cent to spare."""
    with disk_errors(directory):
        return int(shutil.disk_usage(directory).free / 1.01)


def require_space(directory: Path, size: int) -> None:
    """Raise DiskFull unless a file of `size` bytes fits."""
    room = room_in(directory)
    if room < size:
        raise DiskFull(f"{directory}: {size} bytes are needed, but only {room} fit")


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory durable, if the system can: Windows and some network file systems cannot."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
