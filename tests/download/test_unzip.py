"""Unpacking: all of an honest archive, nothing of any other."""

from __future__ import annotations

import io
import os
import random
import shutil
import stat
import struct
import threading
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async._download.unzip import unzip
from pixxel_async.errors import DiskFull, DownloadError, IntegrityError

RUNNING = threading.Event()
NOISE = random.Random(1).randbytes(3000)


def pack(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as content:
        for name, data in members:
            content.writestr(name, data)
    return buffer.getvalue()


def unpack(tmp_path: Path, archive: bytes, *, overwrite: bool = False) -> tuple[Path, ...]:
    path = tmp_path / "package.zip"
    path.write_bytes(archive)
    return unzip(path, tmp_path / "package", overwrite, RUNNING)


def assert_refused(tmp_path: Path, archive: bytes, words: str, kind: type[Exception] = DownloadError) -> None:
    """Refused with these words, and nothing but the archive is left."""
    with pytest.raises(kind, match=words):
        unpack(tmp_path, archive)
    assert ["package.zip"] == sorted(path.name for path in tmp_path.iterdir())


def entry(name: str, *, mode: int = 0, flags: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.flag_bits |= flags
    return info


name_parts = st.text("abcé_-1", min_size=1, max_size=8)
paths = st.lists(name_parts, min_size=1, max_size=3).map("/".join)


@settings(max_examples=25)
@given(files=st.dictionaries(paths, st.binary(max_size=2000), max_size=6))
def test_an_honest_archive_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """Every file, in the archive's order, with its bytes; an archive of which one file is another's folder is refused whole."""
    tmp_path = tmp_path_factory.mktemp("unzip")
    archive = pack(*files.items())
    if any(f"{other}/".startswith(f"{name}/") and other != name for name in files for other in files):
        assert_refused(tmp_path, archive, "is a file and a folder")
        return
    members = unpack(tmp_path, archive)
    assert [tmp_path / "package" / name for name in files] == list(members)
    assert list(files.values()) == [path.read_bytes() for path in members]
    found = {path for path in (tmp_path / "package").rglob("*") if path.is_file()}
    assert set(members) == found


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_folders_and_all_methods_are_understood(tmp_path: Path, method: int) -> None:
    members = unpack(tmp_path, pack(("empty/", b""), ("a/b/c.txt", NOISE), method=method))
    assert (tmp_path / "package" / "a" / "b" / "c.txt",) == members
    assert NOISE == members[0].read_bytes()
    assert (tmp_path / "package" / "empty").is_dir()


def test_an_archive_in_zip64_form_is_understood(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content, content.open("a.tif", "w", force_zip64=True) as file:
        file.write(NOISE)
    assert NOISE == unpack(tmp_path, with_zip64_end(buffer.getvalue()))[0].read_bytes()


def with_zip64_end(archive: bytes, *, directory_size: int | None = None) -> bytes:
    """Move the end record's numbers into a ZIP64 record, as archives above 4 GiB have them."""
    at = archive.rindex(b"PK\x05\x06")
    entries, size, offset = struct.unpack_from("<HLL", archive, at + 10)
    size = size if directory_size is None else directory_size
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return archive[:at] + record + locator + end


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/passwd", "absolute path"),
        ("C:/x", "absolute path"),
        ("../x", "leads out of its folder"),
        ("a/../../x", "leads out of its folder"),
        ("a//x", "empty part"),
        ("./x", "leads out of its folder"),
        ("a\\x", "backslash"),
        ("a\nx", "control or direction"),
        ("a\x7fx", "control or direction"),
        ("a\u202ex", "control or direction"),
        ("nul.txt", "reserve"),
        ("a/CON/x", "reserve"),
        ("a./x", "reserve"),
        ("n" * 300, "too long"),
    ],
)
def test_u5_one_unsafe_name_refuses_the_whole(tmp_path: Path, name: str, words: str) -> None:
    """And the ways out of the folder."""
    assert_refused(tmp_path, pack(("good.txt", b"1"), (name, b"2")), f"is refused: member .*{words}")


def test_u5_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    """zipfile itself would cut the name there."""
    assert_refused(tmp_path, pack(("a_.txt", b"1")).replace(b"a_.txt", b"a\0.txt"), "control or direction")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_u2_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    assert_refused(tmp_path, pack((entry("x", mode=kind | 0o777), b"/etc/passwd")), "is a link or a device")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    archive = bytearray(pack(("x", b"1")))
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    assert_refused(tmp_path, bytes(archive), "is encrypted")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "A"),
        ("stra\u00dfe", "STRASSE"),
        ("\u00e9", unicodedata.normalize("NFD", "\u00e9")),
        ("a/b", "A/B"),
        ("d/", "D/"),
    ],
)
def test_u4_names_that_meet_somewhere_are_refused(tmp_path: Path, first: str, second: str) -> None:
    """In case or in the form of accents."""
    assert_refused(tmp_path, pack((first, b"1"), (second, b"2")), "two members are called")


def test_u4_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = pack(("a", b"1"), ("a", b"2"))
    assert_refused(tmp_path, archive, "two members are called 'a'")


def test_u3_what_claims_to_grow_too_much_is_refused(tmp_path: Path) -> None:
    """Beyond 10 MiB and 200 to one."""
    assert_refused(tmp_path, pack(("zeros", bytes(11 * 2**20))), "claims to grow more than 200 times")
    assert 9 * 2**20 == unpack(tmp_path, pack(("zeros", bytes(9 * 2**20))))[0].stat().st_size


def test_u3_many_members_that_grow_a_little_are_counted_together(tmp_path: Path) -> None:
    """Each stays below 10 MiB; the whole does not."""
    archive = pack(*((f"zeros-{number}", bytes(9 * 2**20)) for number in range(3)))
    assert_refused(tmp_path, archive, "the archive grows more than 200 times; refused at 'zeros-1'")


def test_u3_a_claimed_size_that_is_a_lie_is_found(tmp_path: Path) -> None:
    """What comes out is counted and its CRC compared, so that a smaller or larger claim is a broken archive."""
    for claim in (10, 5000):
        archive = bytearray(pack(("x", NOISE)))
        struct.pack_into("<L", archive, archive.index(b"PK\x01\x02") + 24, claim)
        assert_refused(tmp_path, bytes(archive), "is not a valid ZIP", IntegrityError)


def test_u3_too_many_members_are_refused(tmp_path: Path) -> None:
    """More than 100,000; the entries are made by hand because zipfile takes a minute."""
    assert_refused(tmp_path, many_members(100_001), "100001 members; more than 100000 are refused")


def many_members(count: int) -> bytes:
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 6, 0)
    files, directory = io.BytesIO(), io.BytesIO()
    for number in range(count):
        name = b"%06d" % number
        directory.write(
            struct.pack(
                "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, files.tell()
            )
            + name
        )
        files.write(local + name)
    entries = min(count, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, directory.tell(), files.tell(), 0)
    return files.getvalue() + directory.getvalue() + end


@pytest.mark.parametrize("form", ["plain", "zip64"])
def test_a_monstrous_table_of_contents_is_refused_unread(tmp_path: Path, form: str) -> None:
    archive = bytearray(pack(("x", b"1")))
    if form == "plain":
        struct.pack_into("<L", archive, archive.rindex(b"PK\x05\x06") + 12, 65 * 2**20)
    else:
        archive = bytearray(with_zip64_end(bytes(archive), directory_size=2**40))
    assert_refused(tmp_path, bytes(archive), "table of contents is \\d+ bytes long; refused")


def test_u3_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """The bomb of overlapping files: one body, many entries."""
    archive = pack(("a", NOISE), ("b", NOISE))
    second = archive.rindex(b"PK\x01\x02")
    offset = struct.pack("<L", 0)
    assert_refused(
        tmp_path, archive[: second + 42] + offset + archive[second + 46 :], "member 'b' overlaps another"
    )


def test_u3_a_member_may_not_hide_in_another(tmp_path: Path) -> None:
    inner = pack(("inner", b"1"), method=zipfile.ZIP_STORED)
    archive = bytearray(pack(("outer", inner), ("b", b"2"), method=zipfile.ZIP_STORED))
    second = archive.rindex(b"PK\x01\x02")
    struct.pack_into("<L", archive, second + 42, 30 + len("outer"))
    assert_refused(tmp_path, bytes(archive), "member 'b' overlaps another")


def damaged(change: Callable[[bytearray], None]) -> bytes:
    archive = bytearray(pack(("x", NOISE), method=zipfile.ZIP_STORED))
    change(archive)
    return bytes(archive)


def flip(archive: bytearray) -> None:
    archive[500] ^= 1


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"no zip at all",
        pack(("x", NOISE))[:-4],
        pack(("x", NOISE))[:2000],
        pack(("x", NOISE))[2000:],
        damaged(flip),
        damaged(lambda archive: archive.__setitem__(0, 0)),
        pack(("\u00e9", b"1")).replace("\u00e9".encode(), b"\xff\xff"),
        pack(("x", b"1")).replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x08\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63\x00"
        ),
    ],
    ids=[
        "empty",
        "text",
        "cut end",
        "no end",
        "no start",
        "bit flipped",
        "no member",
        "name not UTF-8",
        "unknown method",
    ],
)
def test_a_broken_archive_is_told_and_nothing_is_left(tmp_path: Path, archive: bytes) -> None:
    assert_refused(tmp_path, archive, r"package\.zip is not a valid ZIP: .", IntegrityError)


@settings(max_examples=60)
@given(data=st.data())
def test_no_damage_brings_another_error_or_another_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any bytes changed anywhere: a DownloadError, or files that lie in the folder."""
    tmp_path = tmp_path_factory.mktemp("damage")
    archive = bytearray(pack(("a/x.tif", NOISE[:200]), ("a/y.txt", b"text" * 20)))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        members = unpack(tmp_path, bytes(archive))
    except DownloadError:
        assert ["package.zip"] == [path.name for path in tmp_path.iterdir()]
    else:
        assert all(path.is_file() and path.is_relative_to(tmp_path / "package") for path in members)


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """A stored member of twice the free space, in a file full of holes."""
    size = 2 * shutil.disk_usage(tmp_path).free
    extra = struct.pack("<2H2Q", 1, 16, size, size)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"x"
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, 0, 2**32 - 1, 2**32 - 1, 1, 20, 0, 0, 0, 0, 0
    )
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(entry) + 21, len(local) + size
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(local) + size + len(entry) + 21, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 2**32 - 1, 2**32 - 1, 0)
    path = tmp_path / "package.zip"
    with path.open("wb") as file:
        file.write(local)
        file.seek(size, os.SEEK_CUR)
        file.write(entry + b"x" + extra + record + locator + end)
    with pytest.raises(DiskFull, match=f"{size} bytes are needed"):
        unzip(path, tmp_path / "package", False, RUNNING)
    assert ["package.zip"] == [path.name for path in tmp_path.iterdir()]


def test_an_old_folder_is_replaced_whole(tmp_path: Path) -> None:
    unpack(tmp_path, pack(("old", b"1"), ("both", b"1")))
    unpack(tmp_path, pack(("new", b"2"), ("both", b"2")), overwrite=True)
    assert {"new": b"2", "both": b"2"} == {
        path.name: path.read_bytes() for path in (tmp_path / "package").iterdir()
    }
    assert ["package", "package.zip"] == sorted(path.name for path in tmp_path.iterdir())


def test_an_old_folder_outlives_a_bad_archive(tmp_path: Path) -> None:
    unpack(tmp_path, pack(("old", b"1")))
    with pytest.raises(DownloadError):
        unpack(tmp_path, pack(("../x", b"1")), overwrite=True)
    assert b"1" == (tmp_path / "package" / "old").read_bytes()


def test_it_stops_when_told(tmp_path: Path) -> None:
    """Cancelling a save does not wait for the rest of the archive."""
    stop = threading.Event()
    stop.set()
    path = tmp_path / "package.zip"
    path.write_bytes(pack(("x", NOISE)))
    with pytest.raises(DownloadError, match="cancelled"):
        unzip(path, tmp_path / "package", False, stop)
    assert ["package.zip"] == [path.name for path in tmp_path.iterdir()]
