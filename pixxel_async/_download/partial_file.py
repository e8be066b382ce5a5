"""`NAME.part`: an incomplete file that a later download can resume, and that gets its name only when it is complete.

Beside it is `NAME.part.json`, the sidecar: which content it is, and how much of it is safely on the disk.
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
"""The most that a power cut may cost, in bytes and in time."""

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
    """All bytes were received, but they do not match the checksum."""


class PartFile:
    """Written, counted and hashed in blocks, locked against a second writer, renamed at the end.

    The lock is on the part file, which keeps its inode from the first byte to the final name. The sidecar does not.
    """

    def __init__(self, target: DownloadTarget, resource: str, now: Callable[[], float]) -> None:
        self.target = target
        self._resource = resource
        self._now = now
        self._path = target.part
        self._sidecar = _SidecarFile(Path(f"{target.path}.part.json"))
        self._handle: int | None = None
        self._length = 0
        """Bytes in the file, durable or not."""
        self._is_left = False
        self._gunzip: _Gunzip | None = None
        self._hashes = _Hashes(NOTHING)
        self._synced = 0
        self._synced_at = 0.0
        self.known = NOTHING
        """The identity of the content."""
        self.size = 0
        """Bytes written."""
        self.room = 0
        """The size of a file that would have fitted when this one was opened."""
        self.is_resumed = False
        """Whether it holds bytes of an earlier download."""

    @property
    def sha256(self) -> str:
        """Hash of the bytes written, in hexadecimal."""
        return self._hashes.sha256

    @property
    def is_open(self) -> bool:
        """Whether `close` has anything to do."""
        return self._handle is not None

    @property
    def kept(self) -> int:
        """Bytes that the next attempt can keep."""
        return self.size if self.known.validator is not None else 0

    def open(self) -> None:
        """Create or take over the file; DownloadError if another download writes it."""
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
        raise DownloadError(f"{self._path} is replaced repeatedly by another program")

    def _is_ours(self, handle: int) -> bool:
        """Lock it; False if its last writer has just removed or renamed it."""
        if not lock(handle):
            raise FileInTheWay(f"{self._path} is being written by another download")
        found = os.fstat(handle)
        self._length = found.st_size
        if os.name == "nt":  # Windows cannot remove or rename an open file
            return True
        try:
            return os.path.samestat(found, os.lstat(self._path))
        except FileNotFoundError:
            return False

    def adopt(self, stop: threading.Event) -> None:
        """Resume the bytes of an earlier download that are safely on the disk; hashes them again.

        `stop` ends it at the next block; nothing is lost then.
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
        """Claim the place, open the file, and resume what is in it."""
        self.target.claim()
        self.room = room_in(self.target.path.parent)
        self.open()
        self.adopt(stop)

    def restart(self, known: Known, gzip: bool = False) -> None:
        """Begin with the first byte; `gzip` if the content must be decoded."""
        with disk_errors(self._path):
            self.known, self.size, self.is_resumed = known, 0, False
            # A new sidecar would vouch for no byte yet, and most files are complete before it could.
            if self._sidecar.is_there:
                self._save_sidecar()  # first, so that it never vouches for other bytes than its own
            else:
                self._synced, self._synced_at = 0, self._now()
            if self._length:
                os.ftruncate(self._fd, 0)
                os.lseek(self._fd, 0, os.SEEK_SET)
                self._length = 0
        self._hashes = _Hashes(known)
        self._gunzip = _Gunzip() if gzip else None

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append a block; sync at intervals, so that a power cut does not lose everything."""
        blocks: Iterable[bytes] = pieces if self._gunzip is None else self._gunzip.feed(b"".join(pieces))
        for block in blocks:
            self._length += len(block)
            with disk_errors(self._path):
                view = memoryview(block)
                while view:
                    view = view[os.write(self._fd, view) :]
            self._hashes.update(block)
            self.size += len(block)  # last: a partly written block does not count
        is_due = self.size - self._synced >= SYNC_BYTES or self._now() - self._synced_at >= SYNC_SECONDS
        if is_due and self.kept:
            self.sync()

    def sync(self) -> None:
        """Make the bytes durable, and then record their number."""
        with disk_errors(self._path):
            os.fsync(self._fd)
            self._save_sidecar()

    def _sync_at_last(self) -> None:
        """Sync. On a full disk, drop the last bytes: the sidecar needs their space."""
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
        """Give the file its final name, durably, if it is complete.

        Raises:
            IntegrityError: its own content shows that it ends too early.
            WrongChecksum: it does not have the stated hash.
        """
        if self._gunzip is not None:
            self._gunzip.check_end()
        if self.known.size is None:
            with disk_errors(self._path), self._path.open("rb") as file:
                _check_form(file, self.size)
        if not self._hashes.match(self.known):
            raise WrongChecksum("its checksum is not the one that the server stated")
        self._publish()

    def _publish(self) -> None:
        final = self.target.path
        with disk_errors(final):
            os.fsync(self._fd)
            if os.name == "nt":  # Windows cannot rename an open file
                self._close()
            # Remove the sidecar while the part file's name still has the lock: later it could be another download's.
            if self.target.overwrite or not self._link(final):
                self._sidecar.remove()
                os.replace(self._path, final)  # noqa: PTH105  # known to be atomic under this name
            self._is_left = False
            sync_directory(final.parent)
        self._close()

    def _link(self, final: Path) -> bool:
        """Take the name unless it exists by now; False if the file system has no links."""
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
                f"{final} was made by another program meanwhile: pass overwrite=True or another filename"
            )
        self._sidecar.remove()
        self._path.unlink()
        return True

    def close(self) -> None:
        """Close it. Only what a later download can resume stays. Safe to call twice."""
        if self._is_left and self.kept:
            with suppress(DownloadError):  # then the last sidecar is valid: it states fewer bytes
                self._sync_at_last()
        if self._is_left and not (self.kept and self._synced):  # without a sidecar, the rest is of no use
            if os.name == "nt":  # Windows cannot remove an open file
                self._close()
            # Before the lock is released: later it could be another download's.
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
    """Written in place, so that it needs no space on a full disk; a torn one counts as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_there = True
        """Whether there may be one; no other process makes or removes it while the part file is locked."""

    def read(self) -> Sidecar | None:
        try:
            handle = os.open(self._path, _FLAGS & ~os.O_CREAT)
        except FileNotFoundError:
            self.is_there = False
            return None
        except OSError:  # not made by this SDK
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


# --- what the content shows about itself ------------------------------------------------------------------


class _Hashes:
    """SHA-256, and the stated hash if that is another."""

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
    """Raise IntegrityError for a ZIP without its end, or a TIFF whose first directory is beyond its end."""
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
    """Decodes a gzip stream in blocks of bounded size, and detects its end."""

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
