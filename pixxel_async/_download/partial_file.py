"""`NAME.part`: a file in the making, which a later download can go on with, and which gets its name only when it is complete.

Beside it lies `NAME.part.json`, the sidecar: whose content it is, and how much of it is safely on the disk.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pixxel_async._base.files import (
    LARGEST_RATIO,
    RATIO_FREE_BYTES,
    disk_errors,
    lock,
    room_in,
    sync_directory,
)
from pixxel_async._download.range_rules import NOTHING, Known, Sidecar
from pixxel_async._download.target import DownloadTarget
from pixxel_async.errors import DiskFull, DownloadError, FileInTheWay, IntegrityError

SYNC_BYTES = 64 * 2**20
SYNC_SECONDS = 5.0
"""How much, in bytes and in time, a power cut may cost."""

SIDECAR_ROOM = 2**17
"""Bytes; more than a block of any common file system."""

_BLOCK = 2**20
_OPENINGS = 10
_LONGEST_SIDECAR = 64 * 2**10
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class WrongChecksum(Exception):
    """All of it came, but it is not what was promised."""


class PartFile:
    """Written, counted and hashed piece by piece, locked against a second writer, renamed at the end.

    The lock is on the part file: it keeps its inode from the first byte to the final name, which the sidecar does not.
    """

    def __init__(self, target: DownloadTarget, resource: str, now: Callable[[], float]) -> None:
        self.target = target
        self._resource = resource
        self._now = now
        self._path = target.part
        self._sidecar = _SidecarFile(Path(f"{target.path}.part.json"))
        self._handle: int | None = None
        self._length = 0
        """Bytes in the file, whatever they are worth."""
        self._is_left = False
        self._gunzip: _Gunzip | None = None
        self._hashes = _Hashes(NOTHING)
        self._synced = 0
        self._synced_at = 0.0
        self.known = NOTHING
        """Which content it is."""
        self.size = 0
        """Bytes that were written."""
        self.room = 0
        """How large a file would have fitted when it was opened."""
        self.is_resumed = False
        """Whether it holds bytes of an earlier download."""

    @property
    def sha256(self) -> str:
        """Hash of what was written, in hexadecimal."""
        return self._hashes.sha256

    @property
    def is_open(self) -> bool:
        """Whether `close` has anything to do."""
        return self._handle is not None

    @property
    def kept(self) -> int:
        """Bytes that the next attempt need not fetch again."""
        return self.size if self.known.validator is not None else 0

    def open(self) -> None:
        """Create or take over the file; DownloadError when another download is writing it."""
        with disk_errors(self._path):
            for _ in range(_OPENINGS):
                handle = os.open(self._path, _FLAGS, 0o666)
                try:
                    if self._is_ours(handle):
                        self._handle, self._is_left, self._synced_at = handle, True, self._now()
                        return
                finally:
                    if self._handle is None:
                        os.close(handle)
        raise DownloadError(f"{self._path} is replaced again and again by somebody else")

    def _is_ours(self, handle: int) -> bool:
        """Lock it; False when its last writer removed or renamed it in that moment."""
        if not lock(handle):
            raise FileInTheWay(f"{self._path} is being written by another download")
        found = os.fstat(handle)
        self._length = found.st_size
        if os.name == "nt":  # Windows removes and renames no open file
            return True
        try:
            return os.path.samestat(found, os.lstat(self._path))
        except FileNotFoundError:
            return False

    def adopt(self, stop: threading.Event) -> None:
        """Go on with what an earlier download left, up to where it was safely on the disk; hashes it again.

        `stop` makes it give up at the next block; nothing is lost then.
        """
        with disk_errors(self._path):
            sidecar = self._sidecar.read()
            if sidecar is None or not sidecar.fits(self._resource, self._length):
                return
            self.known, self.size, self.is_resumed = sidecar.known, sidecar.synced, True
            self._synced, self._synced_at = sidecar.synced, self._now()
            self._hashes = _Hashes(self.known)
            os.ftruncate(self._fd, self.size)
            os.lseek(self._fd, 0, os.SEEK_SET)
            while (block := os.read(self._fd, _BLOCK)) and not stop.is_set():
                self._hashes.update(block)

    def prepare(self, stop: threading.Event) -> None:
        """Claim its place, open it, and go on with what was left in it."""
        self.target.claim()
        self.room = room_in(self.target.path.parent)
        self.open()
        self.adopt(stop)

    def restart(self, known: Known, gzip: bool = False) -> None:
        """Begin from the first byte; `gzip` when what comes is to be decoded."""
        with disk_errors(self._path):
            self.known, self.size, self.is_resumed = known, 0, False
            # A new one would vouch for no byte yet, and most files are whole before it could.
            if self._sidecar.is_there:
                self._save_sidecar()  # first, so that it never vouches for what comes in place of what it meant
            else:
                self._synced, self._synced_at = 0, self._now()
            if self._length:
                os.ftruncate(self._fd, 0)
                os.lseek(self._fd, 0, os.SEEK_SET)
                self._length = 0
        self._hashes = _Hashes(known)
        self._gunzip = _Gunzip() if gzip else None

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append; every now and then, see to it that a power cut does not take it all."""
        blocks: Iterable[bytes] = pieces if self._gunzip is None else self._gunzip.feed(b"".join(pieces))
        for block in blocks:
            self._length += len(block)
            with disk_errors(self._path):
                view = memoryview(block)
                while view:
                    view = view[os.write(self._fd, view) :]
            self._hashes.update(block)
            self.size += len(block)  # last: a block that was written in part does not count
        is_due = self.size - self._synced >= SYNC_BYTES or self._now() - self._synced_at >= SYNC_SECONDS
        if is_due and self.kept:
            self.sync()

    def sync(self) -> None:
        """Make what was written last, and then remember how much that is."""
        with disk_errors(self._path):
            os.fsync(self._fd)
            self._save_sidecar()

    def _sync_at_last(self) -> None:
        """Sync. On a full disk, give up the last of what came: its place is needed for the sidecar."""
        try:
            self.sync()
        except DiskFull:
            self.size = max(self.size - SIDECAR_ROOM, self._synced)
            with disk_errors(self._path):
                os.ftruncate(self._fd, self.size)
            self.sync()

    def _save_sidecar(self) -> None:
        if self.known.validator is None:
            self._sidecar.remove()
        else:
            self._sidecar.write(Sidecar(self._resource, self.known, self.size))
        self._synced, self._synced_at = self.size, self._now()

    def finish(self) -> None:
        """Give the file its final name, durably, if all of it is there.

        Raises:
            IntegrityError: it ends too early by its own account.
            WrongChecksum: it has not the hash that was promised.
        """
        if self._gunzip is not None:
            self._gunzip.check_end()
        if self.known.size is None:
            with disk_errors(self._path), self._path.open("rb") as file:
                _check_form(file, self.size)
        if not self._hashes.match(self.known):
            raise WrongChecksum("its checksum is not the one that was promised")
        self._publish()

    def _publish(self) -> None:
        final = self.target.path
        with disk_errors(final):
            os.fsync(self._fd)
            if os.name == "nt":  # Windows renames no open file
                self._close()
            # The sidecar goes while the part file's name still holds the lock: afterwards it could be another download's.
            if self.target.overwrite or not self._link(final):
                self._sidecar.remove()
                os.replace(self._path, final)  # noqa: PTH105  # the name under which everybody knows it to be atomic
            self._is_left = False
            sync_directory(final.parent)
        self._close()

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
        self._sidecar.remove()
        self._path.unlink()
        return True

    def close(self) -> None:
        """Close it. What a later download can go on with stays, and nothing else. Safe to call twice."""
        if self._is_left and self.kept:
            with suppress(DownloadError):  # then the last sidecar holds: it promises less
                self._sync_at_last()
        if self._is_left and not (self.kept and self._synced):  # without a sidecar, what is left is of no use
            if os.name == "nt":  # Windows removes no open file
                self._close()
            # Before the lock is given up: afterwards it could be another download's.
            with suppress(OSError):
                self._sidecar.remove()
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


class _SidecarFile:
    """Written in place, so that it needs no room on a disk that is full; if a cut tears it, it reads as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_there = True
        """Whether there may be one; nobody else makes or removes it while the part file is locked."""

    def read(self) -> Sidecar | None:
        try:
            handle = os.open(self._path, _FLAGS & ~os.O_CREAT)
        except FileNotFoundError:
            self.is_there = False
            return None
        except OSError:  # nothing that we made
            return None
        try:
            return Sidecar.loads(os.read(handle, _LONGEST_SIDECAR))
        except OSError:
            return None
        finally:
            os.close(handle)

    def write(self, sidecar: Sidecar) -> None:
        handle = os.open(self._path, _FLAGS, 0o666)
        self.is_there = True
        try:
            data = sidecar.dumps()
            os.write(handle, data)
            os.ftruncate(handle, len(data))
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self) -> None:
        if self.is_there:
            self._path.unlink(missing_ok=True)
            self.is_there = False


# --- what the content says of itself ----------------------------------------------------------------------


class _Hashes:
    """SHA-256, and the hash that was promised if that is another."""

    def __init__(self, known: Known) -> None:
        wanted = {"sha256"} if known.checksum is None else {"sha256", known.checksum.algorithm}
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(wanted)}

    def update(self, data: bytes) -> None:
        for each in self._hashes.values():
            each.update(data)

    @property
    def sha256(self) -> str:
        return self._hashes["sha256"].hexdigest()

    def match(self, known: Known) -> bool:
        promised = known.checksum
        return promised is None or self._hashes[promised.algorithm].hexdigest() == promised.digest


def _check_form(file: BinaryIO, size: int) -> None:
    """Raise IntegrityError for a ZIP without its end, or a TIFF whose first directory lies beyond its end."""
    head = file.read(16)
    if head.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(file):
        raise IntegrityError("the ZIP has no end")
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is not None and len(head) == 16:
        magic, classic, big = struct.unpack_from(f"{order}HL", head, 2) + struct.unpack_from(
            f"{order}Q", head, 8
        )
        if (magic == 42 and classic >= size) or (magic == 43 and big >= size):
            raise IntegrityError("the TIFF ends before its directory")


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
