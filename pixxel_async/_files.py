"""The disk's side of a download: names that are safe everywhere, and a file that has its name only when it is complete.

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
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import attrs

from pixxel_async.errors import DiskFull, DownloadError, FileInTheWay, IntegrityError, InvalidInput

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
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_BLOCK = 2**20
_OPENINGS = 10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


async def in_thread(function: Callable[..., R], *arguments: object, stop: threading.Event | None = None) -> R:
    """Run in a thread. When cancelled, set `stop` and let it end first: no file is closed under its writer."""
    # A future of the executor, not asyncio.to_thread: the end of asyncio.run() cancels all tasks, while threads go on.
    work = asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *arguments))
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
    """Whether a character has no place in a name: control and direction marks, lone surrogates, line ends."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTION


def is_reserved(name: str) -> bool:
    """Whether Windows takes the name for a device, or changes it."""
    return _RESERVED.fullmatch(name) is not None or name.endswith((".", " "))


def safe_name(text: str) -> str:
    """The nearest file name that is safe on every system; empty when nothing is left.

    Without directories, control and direction marks, and blanks or dots at its ends, normalised to NFC, at most 150 bytes:
    a longer one keeps its ending and gets eight digits of its hash.
    """
    name = re.split(r"[/\\]", text)[-1]
    name = "".join(
        character for character in unicodedata.normalize("NFC", name) if not is_invisible(character)
    )
    name = _FOREIGN.sub("_", name).strip(" .")
    if is_reserved(name):
        name = f"_{name}"
    if len(name.encode()) > LONGEST_NAME:
        ending = Path(name).suffix if len(Path(name).suffix.encode()) <= 16 else ""
        mark = "-" + hashlib.sha256(name.encode()).hexdigest()[:8] + ending
        name = name.encode()[: LONGEST_NAME - len(mark.encode())].decode(errors="ignore") + mark
    return name


def checked_name(filename: str) -> str:
    """A name that somebody chose: taken as it is or refused, never changed."""
    safe = safe_name(filename)
    if not safe or safe != filename:
        advice = f"use {safe!r}" if safe else "give a bare name such as 'scene.zip'"
        raise InvalidInput(
            f"filename={filename!r} is no safe file name: {advice}; folders belong into `directory`"
        )
    return filename


# --- where it goes ----------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Target:
    """Where a download goes."""

    path: Path
    """The final name."""
    overwrite: bool
    folder: Path | None
    """Where the archive is unpacked; None if it is not."""


def claim(directory: str | os.PathLike[str], name: str, overwrite: bool, unzip: bool) -> Target:
    """Settle where a download goes, before anything is fetched.

    Raises:
        FileInTheWay: a name is taken and must not be replaced.
        DownloadError: the directory cannot be made.
    """
    root = Path(directory)
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
    path = root / name
    stem = Path(name).stem
    folder = root / (stem if stem != name else f"{name}.contents") if unzip else None
    for taken in (path, folder):
        if taken is not None and os.path.lexists(taken) and not overwrite:
            raise FileInTheWay(f"{taken} exists already: pass overwrite=True or another filename")
    if path.is_dir():
        raise FileInTheWay(f"{path} is a directory: pass another filename")
    if folder is not None and os.path.lexists(folder) and not folder.is_dir():
        raise FileInTheWay(
            f"{folder} is a file, the archive needs a folder of that name: pass another filename"
        )
    return Target(path, overwrite, folder)


@contextmanager
def disk_errors(path: Path) -> Generator[None, None, None]:
    """Turn what the file system says into an error of ours."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in _FULL else DownloadError
        raise kind(f"{path}: {error.strerror or error}") from error


def require_space(directory: Path, size: int) -> None:
    """Raise DiskFull unless `size` bytes and one per cent more are free."""
    with disk_errors(directory):
        free = shutil.disk_usage(directory).free
    if free < size * 1.01:
        raise DiskFull(f"{directory}: {size} bytes are needed, {free} are free")


# --- the file in the making -------------------------------------------------------------------------------


class PartFile:
    """`NAME.part`: written, counted and hashed piece by piece, locked against a second writer, renamed at the end."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._path = target.path.with_name(target.path.name + ".part")
        self._handle: int | None = None
        self._hash = hashlib.sha256()
        self._gunzip: _Gunzip | None = None
        self._is_left = False
        self.size = 0

    @property
    def sha256(self) -> str:
        """Hash of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    def open(self) -> None:
        """Create or take over the file; DownloadError when another download is writing it."""
        with disk_errors(self._path):
            for _ in range(_OPENINGS):
                handle = os.open(self._path, _PART_FLAGS, 0o666)
                try:
                    if self._is_ours(handle):
                        self._handle, self._is_left = handle, True
                        return
                finally:
                    if self._handle is None:
                        os.close(handle)
        raise DownloadError(f"{self._path} is replaced again and again by somebody else")

    def _is_ours(self, handle: int) -> bool:
        """Lock it; False when its last writer removed or renamed it in that moment."""
        if fcntl is None:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            busy = False
        except OSError as error:
            busy = isinstance(error, BlockingIOError)  # other errors: the file system has no locks
        if busy:
            raise FileInTheWay(f"{self._path} is being written by another download")
        try:
            return os.path.samestat(os.fstat(handle), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def restart(self, gzip: bool) -> None:
        """Begin from the first byte; `gzip` when what comes is to be decoded."""
        with disk_errors(self._path):
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self._gunzip = _Gunzip() if gzip else None
        self.size = 0

    def write(self, pieces: Iterable[bytes]) -> None:
        """Append."""
        data = b"".join(pieces)
        for block in (data,) if self._gunzip is None else self._gunzip.feed(data):
            self._hash.update(block)
            self.size += len(block)
            with disk_errors(self._path):
                view = memoryview(block)
                while view:
                    view = view[os.write(self._fd, view) :]

    def check_end(self, is_length_known: bool) -> None:
        """Raise IntegrityError when what was written ends too early by its own account."""
        if self._gunzip is not None:
            self._gunzip.check_end()
        if not is_length_known:
            with disk_errors(self._path), self._path.open("rb") as file:
                is_zip = file.read(4) == b"PK\x03\x04"
            if is_zip and not zipfile.is_zipfile(self._path):
                raise IntegrityError("the ZIP has no end")

    def publish(self) -> None:
        """Give the complete file its final name, durably."""
        final = self._target.path
        with disk_errors(final):
            os.fsync(self._fd)
            if fcntl is None:  # Windows renames no open file
                self._close()
            if self._target.overwrite or not self._link(final):
                os.replace(self._path, final)  # noqa: PTH105  # the name under which everybody knows it to be atomic
            self._is_left = False
            sync_directory(final.parent)

    def _link(self, final: Path) -> bool:
        """Give the name unless somebody took it meanwhile; False where the file system has no links."""
        try:
            os.link(self._path, final)
        except FileExistsError:
            taken = True
        except OSError:
            taken = os.path.lexists(final)
            if not taken:
                return False
        else:
            taken = False
        if taken:
            raise FileInTheWay(
                f"{final} was made by somebody else meanwhile: pass overwrite=True or another filename"
            )
        self._path.unlink()
        return True

    def close(self) -> None:
        """Close it, and remove it unless it was published. Safe to call twice."""
        if fcntl is None:  # Windows removes no open file
            self._close()
        if self._is_left:
            # Before the lock is given up: afterwards it could be another download's.
            with suppress(OSError):
                self._path.unlink()
            self._is_left = False
        self._close()

    @property
    def _fd(self) -> int:
        assert self._handle is not None
        return self._handle

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


_PART_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory last, where the system can: Windows and some network file systems cannot."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Gunzip:
    """Decodes a gzip stream in blocks of bounded size and knows whether it ended."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(31)
        self._read = 0
        self._written = 0

    def feed(self, data: bytes) -> Generator[bytes, None, None]:
        self._read += len(data)
        while data:
            if self._decoder.eof:
                self._decoder = zlib.decompressobj(31)  # gzip files may follow one another
            block = self._decode(data)
            self._written += len(block)
            if self._written > max(RATIO_FREE_BYTES, LARGEST_RATIO * self._read):
                raise DownloadError(f"the content grows more than {LARGEST_RATIO} times when decoded")
            yield block
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail

    def _decode(self, data: bytes) -> bytes:
        try:
            return self._decoder.decompress(data, _BLOCK)
        except zlib.error:
            pass
        raise IntegrityError("the content is not the gzip stream that it claims to be")

    def check_end(self) -> None:
        if not self._decoder.eof:
            raise IntegrityError("the gzip stream has no end")
