"""What a power cut may not take: calls of the file system in their order, and files that are cut."""

from __future__ import annotations

import io
import os
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disk_calls import DiskCalls

from pixxel_async import IntegrityError
from pixxel_async._download.partial_file import SYNC_BYTES, SYNC_SECONDS, PartFile, WrongChecksum, _check_form
from pixxel_async._download.range_rules import NOTHING, Checksum, Known, Sidecar
from pixxel_async._download.target import DownloadTarget
from pixxel_async.errors import FileInTheWay


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> DiskCalls:
    return DiskCalls(monkeypatch)


KNOWN = Known(etag='"one"', size=None)
Open = Callable[..., PartFile]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    parts: list[PartFile] = []

    def opened(*, overwrite: bool = False, now: Now | None = None, resource: str = "r") -> PartFile:
        part = PartFile(DownloadTarget(tmp_path / "x.bin", overwrite, None), resource, now or Now())
        part.prepare(threading.Event())
        parts.append(part)
        return part

    yield opened
    for part in parts:
        part.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("overwrite", [False, True])
def test_k5_a_file_gets_its_name_when_its_bytes_are_on_the_disk_and_its_folder_follows(
    tmp_path: Path, calls: DiskCalls, opened: Open, overwrite: bool
) -> None:
    part = opened(overwrite=overwrite)
    part.restart(KNOWN)
    part.write([b"abc", b"def"])
    part.sync()
    calls.made.clear()
    part.finish()
    named = (
        ["unlink x.bin.part.json", "replace x.bin.part x.bin"]
        if overwrite
        else ["link x.bin.part x.bin", "unlink x.bin.part.json", "unlink x.bin.part"]
    )
    assert ["fsync x.bin.part", *named, f"fsync {tmp_path.name}"] == calls.made
    assert (["x.bin"], b"abcdef") == (names(tmp_path), (tmp_path / "x.bin").read_bytes())
    assert not part.is_open


def test_k5_a_file_system_without_links_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: DiskCalls, opened: Open
) -> None:
    def link(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", link)
    part = opened()
    part.restart(KNOWN)
    part.write([b"abc"])
    part.finish()
    assert ["fsync x.bin.part", "replace x.bin.part x.bin", f"fsync {tmp_path.name}"] == calls.of(
        "fsync", "replace"
    )
    (tmp_path / "x.bin").unlink()
    other = opened()
    other.restart(KNOWN)
    other.write([b"xyz"])
    (tmp_path / "x.bin").write_bytes(b"abc")  # meanwhile
    with pytest.raises(FileInTheWay, match="made by another program"):
        other.finish()
    assert b"abc" == (tmp_path / "x.bin").read_bytes()


def test_k5_a_sidecar_vouches_for_bytes_that_are_on_the_disk_and_is_there_itself(
    tmp_path: Path, calls: DiskCalls, opened: Open
) -> None:
    part = opened()
    part.restart(KNOWN)
    part.write([b"abc"])
    calls.made.clear()
    part.sync()
    assert [
        "fsync x.bin.part",
        "write x.bin.part.json",
        "ftruncate x.bin.part.json",
        "fsync x.bin.part.json",
    ] == calls.made
    assert Sidecar("r", KNOWN, 3).dumps() == (tmp_path / "x.bin.part.json").read_bytes()


def test_k5_a_restart_revokes_the_sidecar_on_the_disk_before_it_cuts_the_file(
    calls: DiskCalls, opened: Open
) -> None:
    part = opened()
    part.restart(KNOWN)
    part.write([b"abc"])
    part.sync()
    calls.made.clear()
    part.restart(Known(etag='"two"'))
    assert ["fsync x.bin.part.json", "ftruncate x.bin.part"] == calls.made[-2:]
    part.write([b"z"])
    calls.made.clear()
    part.restart(NOTHING)
    assert ["unlink x.bin.part.json", "ftruncate x.bin.part"] == calls.made
    assert (0, 0, False) == (part.size, part.kept, part.is_resumed)


@pytest.mark.parametrize(
    ("size", "seconds", "is_due"),
    [
        (SYNC_BYTES - 1, SYNC_SECONDS - 0.1, False),
        (SYNC_BYTES, 0.0, True),
        (1, SYNC_SECONDS, True),
    ],
)
def test_k5_what_comes_is_synced_after_so_many_bytes_or_seconds_and_counted_anew(
    calls: DiskCalls, opened: Open, size: int, seconds: float, is_due: bool
) -> None:
    now = Now()
    part = opened(now=now)
    now.seconds = 100.0
    part.restart(KNOWN)
    for _ in range(2):
        now.seconds += seconds
        calls.made.clear()
        part.write([bytes(size)])
        assert is_due == (["fsync x.bin.part", "fsync x.bin.part.json"] == calls.of("fsync"))
        part.sync()


def test_k5_what_cannot_be_resumed_is_not_synced(calls: DiskCalls, opened: Open, tmp_path: Path) -> None:
    now = Now()
    part = opened(now=now)
    part.restart(NOTHING)
    now.seconds = 2 * SYNC_SECONDS
    part.write([b"abc"])
    assert [] == calls.of("fsync")
    part.close()
    part.close()
    assert [] == names(tmp_path)


def test_k5_what_is_closed_early_can_be_gone_on_with(opened: Open, tmp_path: Path) -> None:
    """From what was on the disk; it is hashed again, so that the end is checked as a whole."""
    part = opened()
    part.restart(KNOWN)
    part.write([b"abc"])
    part.close()
    with (tmp_path / "x.bin.part").open("ab") as file:
        file.write(b"torn")
    again = opened()
    assert (True, 3, KNOWN) == (again.is_resumed, again.size, again.known)
    again.write([b"def"])
    again.finish()
    assert b"abcdef" == (tmp_path / "x.bin").read_bytes()
    assert "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721" == again.sha256


def test_k5_what_another_resource_left_is_not_gone_on_with(opened: Open) -> None:
    part = opened()
    part.restart(KNOWN)
    part.write([b"abc"])
    part.close()
    other = opened(resource="other")
    assert (False, 0) == (other.is_resumed, other.size)


def tiff(order: str, magic: int, at: int) -> bytes:
    """The head of a TIFF or BigTIFF whose first directory lies there."""
    mark = {"<": b"II", ">": b"MM"}[order]
    if magic == 42:
        return mark + struct.pack(f"{order}HLQ", magic, at, 0)
    return mark + struct.pack(f"{order}HHHQ", magic, 8, 0, at)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [42, 43])
@pytest.mark.parametrize(("at", "is_whole"), [(16, True), (99, True), (100, False), (2**31, False)])
def test_k5_a_tiff_of_unknown_length_that_was_cut_is_no_file(
    order: str, magic: int, at: int, is_whole: bool
) -> None:
    """Classic and BigTIFF, in both byte orders: the directory must lie within what came."""
    file = io.BytesIO(tiff(order, magic, at).ljust(100, b"\0"))
    if is_whole:
        _check_form(file, 100)
        return
    with pytest.raises(IntegrityError, match="TIFF ends before its directory"):
        _check_form(file, 100)


@pytest.mark.parametrize(
    "head", [b"", b"II", tiff("<", 42, 8)[:15], b"XX" + tiff("<", 42, 999)[2:], tiff("<", 44, 999)]
)
def test_k5_what_is_no_tiff_is_not_checked_as_one(head: bytes) -> None:
    _check_form(io.BytesIO(head), len(head))


def test_k5_a_zip_of_unknown_length_that_was_cut_is_no_file(opened: Open, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "a" * 100)
    whole = archive.getvalue()
    _check_form(io.BytesIO(whole), len(whole))
    part = opened()
    part.restart(KNOWN)
    part.write([whole[:-30]])
    with pytest.raises(IntegrityError, match="ZIP has no end"):
        part.finish()
    assert "x.bin" not in names(tmp_path)


def test_k5_a_wrong_checksum_gives_no_name(opened: Open, tmp_path: Path) -> None:
    part = opened()
    part.restart(Known(etag='"one"', size=3, checksum=Checksum("md5", "0" * 32)))
    part.write([b"abc"])
    with pytest.raises(WrongChecksum):
        part.finish()
    assert "x.bin" not in names(tmp_path)
