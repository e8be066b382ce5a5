"""The file of a journal: made atomically, checked when it is opened, locked against a second run."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from pixxel_async._base.files import disk_errors, lock, sync_directory
from pixxel_async.bulk._journal import schema
from pixxel_async.bulk._journal.records import Header, JournalError, JournalInUse
from pixxel_async.bulk._journal.writer import is_disk_full
from pixxel_async.errors import DiskFull, PixxelError

MOUNTS = Path("/proc/self/mounts")
"""The list of mounts; on Linux only."""

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|9p|ceph|lustre|gpfs|beegfs|glusterfs|ocfs2|gfs2?|pvfs2|orangefs|davfs\d?"
    r"|fuse\.(sshfs|s3fs|rclone|gcsfuse|goofys|glusterfs|cephfs?|blobfuse2?|davfs\d?|smbnetfs|mount-s3|juicefs)"
)
_PATIENCE = 10.0
"""Seconds that SQLite waits for a short lock."""
_UNTOUCHED = "the file was not changed"


class Lock:
    """One run per journal: the run locks `NAME.lock` beside it and writes its process id and host there.

    The file is never removed. Otherwise a third run could lock a new file while a second waits for the old one.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        path = journal.with_name(journal.name + ".lock")
        with disk_errors(path, JournalError):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            self._take()
        except BaseException:
            self.release()
            raise

    def _take(self) -> None:
        if not lock(self._handle):
            raise self._in_use()
        with disk_errors(self._journal, JournalError):
            owner = orjson.dumps({"pid": os.getpid(), "host": socket.gethostname()})
            os.ftruncate(self._handle, 0)
            os.write(self._handle, owner)

    def _in_use(self) -> JournalInUse:
        pid, host = _owner(self._handle)
        who = f"process {pid} on {host}" if pid else "another process"
        return JournalInUse(
            f"{self._journal}: {who} has a run on it: wait until it ends, or stop it", pid=pid, host=host
        )

    def release(self) -> None:
        """Release the lock. Safe to call twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def owner(journal: Path) -> tuple[int | None, str | None] | None:
    """Process id and host of the run that has a journal open; None if there is none, or if that is not known.

    It takes a shared lock for an instant, so several processes can check at the same time.
    """
    try:
        handle = os.open(
            journal.with_name(journal.name + ".lock"), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
        )
    except OSError:
        return None  # never locked, or the lock file cannot be read
    try:
        return None if lock(handle, shared=True) else _owner(handle)
    finally:
        os.close(handle)


def _owner(handle: int) -> tuple[int | None, str | None]:
    with suppress(OSError, ValueError):
        owner = orjson.loads(os.read(handle, 1000))
        if isinstance(owner, dict):
            return owner.get("pid"), owner.get("host")
    return None, None


def make_file(path: Path, header: Header) -> None:
    """Write an empty journal under a temporary name, and rename it when it is on the disk.

    Raises:
        JournalError: The journal exists already.
        DiskFull: The disk is full.
    """
    if os.path.lexists(path):
        raise JournalError(f"{path}: exists already: resume that run, or choose another folder")
    new = path.with_name(path.name + ".new")
    with disk_errors(new, JournalError):
        new.unlink(missing_ok=True)  # left by a killed run; this process has the lock
    try:
        _write_empty(new, header)
        with disk_errors(path, JournalError):
            new.rename(path)
            sync_directory(path.parent)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _write_empty(path: Path, header: Header) -> None:
    with translated(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={schema.VERSION}")
            schema.create_tables(connection, header)
        finally:
            connection.close()


def check_header(path: Path) -> None:
    """Check by the first bytes that this version can read the journal; without a lock or a connection.

    Raises:
        JournalError: It cannot.
    """
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        raise JournalError(f"{path}: there is no journal") from None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise JournalError(f"{path}: is not the journal of a bulk run, or is damaged; {_UNTOUCHED}")
    version, application = struct.unpack_from(">I4xI", head, 60)
    if application != schema.APPLICATION_ID:
        raise JournalError(f"{path}: is the database of another program; {_UNTOUCHED}: choose another folder")
    if version > schema.VERSION:
        raise JournalError(
            f"{path}: was written by a newer version of pixxel-async (journal version {version}, this one "
            f"reads {schema.VERSION}); {_UNTOUCHED}: update pixxel-async"
        )


def check_content(path: Path) -> None:
    """Read all of a journal and check it for damage; changes nothing.

    Raises:
        JournalError: It is damaged.
    """
    with translated(path):
        connection = reading(path)
        try:
            found = schema.damage(connection)
        finally:
            connection.close()
    if found is not None:
        raise _damaged(path, found)


def check_place(path: Path) -> None:
    """Refuse network file systems, where SQLite's write-ahead log is not safe.

    Raises:
        JournalError: It is a network file system; detected on Linux only.
    """
    kind = filesystem(path)
    if kind is not None and _NETWORK.fullmatch(kind):
        raise JournalError(
            f"{path}: is on a network file system ({kind}), where a journal is not safe: put it on a local disk"
        )


def filesystem(path: Path) -> str | None:
    """Kind of the file system that a path is on; None if that is not known."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = path.parent.resolve()
    kind, depth = None, -1
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
        # Of two mounts at the same path, the later hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = fields[2], len(point.parts)
    return kind


def reading(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, not even the log of a killed run."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=_PATIENCE,
        check_same_thread=False,
    )


def writing(path: Path) -> sqlite3.Connection:
    """The connection of the writer.

    Raises:
        JournalError: The file system cannot hold a write-ahead log.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=_PATIENCE,
        check_same_thread=False,
    )
    try:
        with translated(path):
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            if mode != "wal":
                raise JournalError(
                    f"{path}: the file system cannot hold a write-ahead log: put it on a local disk"
                )
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA journal_size_limit=16777216")
            connection.create_function("checksum", -1, schema.checksum, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def translated(path: Path) -> Generator[None, None, None]:
    """Translate SQLite's errors into errors of the SDK."""
    try:
        yield
    except sqlite3.Error as error:
        failure = journal_error(path, error)
    else:
        return
    raise failure


def journal_error(path: Path, error: sqlite3.Error) -> PixxelError:
    """The SDK's error for an error of SQLite."""
    if is_disk_full(error):
        return DiskFull(
            f"{path}: no space left for the journal ({error}); earlier records are safe: free space, then resume"
        )
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(path, str(error))
    return JournalError(f"{path}: {error}")


def _damaged(path: Path, found: str) -> JournalError:
    return JournalError(
        f"{path}: is damaged ({found}); {_UNTOUCHED}: restore a copy of it and resume. The run then "
        "searches for each create that the copy lacks before it sends it, and holds jobs. Without a copy, check in your "
        "account what was created before you start again"
    )
