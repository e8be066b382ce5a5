"""Unpacks an untrusted archive: all of it or nothing, and nothing outside its folder."""

from __future__ import annotations

import lzma
import os
import re
import secrets
import shutil
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pixxel_async._base.files import (
    LARGEST_RATIO,
    RATIO_FREE_BYTES,
    disk_errors,
    is_invisible,
    is_reserved,
    require_space,
    sync_directory,
)
from pixxel_async.errors import DownloadError, IntegrityError

_MOST_MEMBERS = 100_000
_LARGEST_DIRECTORY = 64 * 2**20
"""Bytes of the archive's table of contents; zipfile reads it whole, with ten times the memory."""
_LONGEST_COMPONENT = 255
_BLOCK = 2**20
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DRIVE = re.compile(r"[A-Za-z]:")
_LOCAL_HEADER = struct.Struct("<4s22xHH")

# What zipfile and its decoders raise for archives that are broken, each in its own way.
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    struct.error,
    UnicodeDecodeError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def unzip(archive: Path, folder: Path, overwrite: bool, stop: threading.Event) -> tuple[Path, ...]:
    """Unpack an archive into a folder of its own, which exists only when it is complete.

    Blocks; `stop` ends it at the next block.

    Returns:
        The files, in the order of the archive.

    Raises:
        DownloadError: a member is unsafe, or the archive grows too much; nothing is left behind.
        IntegrityError: the archive is broken.
        DiskFull: not enough room.
    """
    making = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    problem = None
    try:
        with disk_errors(archive), archive.open("rb") as file:
            try:
                _check_directory_size(file)
                with zipfile.ZipFile(file) as content:
                    members = content.infolist()
                    _check(members, file, archive)
                    _extract(content, members, archive, making, stop)
            except _BROKEN as error:
                problem = str(error) or type(error).__name__
        if problem is not None:
            raise IntegrityError(f"{archive} is not a valid ZIP: {problem}")
        with disk_errors(folder):
            _put_in_place(making, folder, overwrite)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return tuple(folder / member.filename for member in members if not member.is_dir())


def _check_directory_size(file: BinaryIO) -> None:
    """Check the end record before zipfile trusts it."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - 2**16 - 22))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile("it has no end record")
    (size,) = struct.unpack_from("<L", tail, at + 12)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # ZIP64: the sizes are in a separate record
        (end_record,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(end_record)
        (size,) = struct.unpack_from("<Q", file.read(56), 40)
    if size > _LARGEST_DIRECTORY:
        raise DownloadError(f"the archive's table of contents is {size} bytes long; refused")
    file.seek(0)


# --- what is refused --------------------------------------------------------------------------------------


def _check(members: Sequence[zipfile.ZipInfo], file: BinaryIO, archive: Path) -> None:
    """Refuse the whole archive for one bad member."""
    if len(members) > _MOST_MEMBERS:
        raise DownloadError(f"{archive} has {len(members)} members; more than {_MOST_MEMBERS} are refused")
    for member in members:
        problem = _name_problem(member.orig_filename) or _content_problem(member)
        if problem:
            raise DownloadError(f"{archive} is refused: member {member.orig_filename!r} {problem}")
    _check_doubles(members, archive)
    _check_overlaps(members, file, archive)


def _name_problem(name: str) -> str | None:
    """What is wrong with the original name: zipfile cuts `filename` at a NUL, and turns backslashes on Windows."""
    components = name.removesuffix("/").split("/")
    if any(is_invisible(character) for character in name):
        return "has control or direction characters in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute path"
    if "\\" in name:
        return "has a backslash in its name"
    if any(component in ("", ".", "..") for component in components):
        return "leads out of its folder, or has an empty part in its path"
    if any(is_reserved(component) or _DRIVE.match(component) for component in components):
        return "has a name that some systems reserve"
    if any(len(component.encode()) > _LONGEST_COMPONENT for component in components):
        return "has a name that is too long"
    return None


def _content_problem(member: zipfile.ZipInfo) -> str | None:
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.file_size > max(RATIO_FREE_BYTES, LARGEST_RATIO * member.compress_size):
        return f"claims to grow more than {LARGEST_RATIO} times"
    return None


def _check_doubles(members: Sequence[zipfile.ZipInfo], archive: Path) -> None:
    """No two members may have one name on a file system that ignores case or the form of accents."""
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    seen: set[PurePosixPath] = set()
    for member in members:
        path = PurePosixPath(unicodedata.normalize("NFC", member.filename).casefold())
        if path in seen:
            raise DownloadError(f"{archive} is refused: two members are called {member.filename!r}")
        seen.add(path)
        (folders if member.is_dir() else files).add(path)
        folders.update(path.parents)
    if both := files & folders:
        raise DownloadError(f"{archive} is refused: {str(min(both))!r} is a file and a folder")


def _check_overlaps(members: Sequence[zipfile.ZipInfo], file: BinaryIO, archive: Path) -> None:
    """No byte may belong to two members: zipfile did not check this before Python 3.11.8."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < 0:
            raise zipfile.BadZipFile("its beginning is missing")
        file.seek(member.header_offset)
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if signature != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"there is no member at {member.header_offset}")
        if member.header_offset < end:
            raise DownloadError(f"{archive} is refused: member {member.filename!r} overlaps another")
        end = member.header_offset + _LOCAL_HEADER.size + name_length + extra_length + member.compress_size


# --- what is written --------------------------------------------------------------------------------------


def _extract(
    content: zipfile.ZipFile,
    members: Sequence[zipfile.ZipInfo],
    archive: Path,
    making: Path,
    stop: threading.Event,
) -> None:
    """Write every member; sizes are counted here, whatever the archive states. Reading to the end checks the CRC."""
    require_space(making.parent, sum(member.file_size for member in members))
    left = max(RATIO_FREE_BYTES, LARGEST_RATIO * archive.stat().st_size)
    with disk_errors(making):
        making.mkdir()
    for member in members:
        path = making / member.filename
        with disk_errors(path):
            (path if member.is_dir() else path.parent).mkdir(parents=True, exist_ok=True)
        if not member.is_dir():
            left = _copy(content, member, path, left, stop)


def _copy(
    content: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int, stop: threading.Event
) -> int:
    """Write one member; returns how many bytes the rest of the archive may have."""
    written = 0
    with content.open(member) as source, disk_errors(path), path.open("xb") as file:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > left:
                raise DownloadError(
                    f"the archive grows more than {LARGEST_RATIO} times; refused at {member.filename!r}"
                )
            if stop.is_set():
                raise DownloadError("unpacking was cancelled")
            file.write(block)
    if written != member.file_size:
        raise zipfile.BadZipFile(
            f"member {member.filename!r} has {written} bytes instead of {member.file_size}"
        )
    return left - written


def _put_in_place(making: Path, folder: Path, overwrite: bool) -> None:
    """Rename the finished folder; an old one is renamed first and removed last."""
    aside = making.with_suffix(".old")
    if overwrite:
        with suppress(FileNotFoundError):
            folder.rename(aside)
    making.rename(folder)
    sync_directory(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
