"""Files into a store: what is asked of it, in order, and what its failures leave."""

from __future__ import annotations

import asyncio
import builtins
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pixxel_async import ConfigurationError, DownloadError, InvalidInput
from pixxel_async.bulk import _stores as stores


class Store:
    """A file system of fsspec that keeps what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.files: dict[str, int] = {}
        self.fails: dict[str, list[Exception]] = {}

    def _do(self, name: str, *words: str) -> None:
        self.calls.append(" ".join([name, *(self._plain(word) for word in words)]))
        if self.fails.get(name):
            raise self.fails[name].pop(0)

    def _plain(self, path: str) -> str:
        """Without what is random."""
        return "PART" if path.endswith(".part") else path

    def put_file(self, file: str, path: str) -> None:
        self._do("put_file", Path(file).name, path)
        self.files[path] = Path(file).stat().st_size

    def makedirs(self, path: str, exist_ok: bool) -> None:
        assert exist_ok
        self._do("makedirs", path)

    def mv(self, old: str, new: str) -> None:
        assert Path(old).parent == Path(new).parent
        assert Path(old).name.startswith(f".{Path(new).name}.")
        self._do("mv", old, new)
        self.files[new] = self.files.pop(old)

    def rm_file(self, path: str) -> None:
        self._do("rm_file", path)
        self.files.pop(path, None)

    def info(self, path: str) -> dict[str, int]:
        self._do("info", path)
        return {"size": self.files[path]}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    known = ["s3", "sftp", "file", "gs"]
    core = SimpleNamespace(url_to_fs=lambda url: (store, url.partition("://")[2]))
    fsspec = SimpleNamespace(available_protocols=lambda: known, core=core)
    monkeypatch.setattr(stores, "_fsspec", lambda: fsspec)
    return store


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.tif").write_bytes(b"abc")
    (tmp_path / "b.tif").write_bytes(b"de")
    return tmp_path


async def test_an_object_store_gets_each_file_at_once_and_no_folder(store: Store, folder: Path) -> None:
    """To make one could make a bucket."""
    assert "s3://b/x" == await stores.upload(folder, ["b.tif", "a.tif"], "s3://b/x")
    expected = ["put_file b.tif b/x/b.tif", "info b/x/b.tif", "put_file a.tif b/x/a.tif", "info b/x/a.tif"]
    assert (expected, {"b/x/a.tif": 3, "b/x/b.tif": 2}) == (store.calls, store.files)


async def test_elsewhere_a_file_gets_its_name_when_it_is_whole(store: Store, folder: Path) -> None:
    assert "sftp://h/x" == await stores.upload(folder, ["a.tif"], "sftp://h/x")
    assert ["makedirs h/x", "put_file a.tif PART", "mv PART h/x/a.tif", "info h/x/a.tif"] == store.calls
    assert {"h/x/a.tif": 3} == store.files


@pytest.mark.parametrize("call", ["put_file", "mv"])
@pytest.mark.parametrize("removed", [True, False])
async def test_a_part_that_failed_is_removed_where_it_can_be(
    store: Store, folder: Path, pauses: list[float], call: str, removed: bool
) -> None:
    store.fails = {call: [OSError(5, "broken")], "rm_file": [] if removed else [OSError("no")]}
    await stores.upload(folder, ["a.tif"], "sftp://h/x")
    assert "rm_file PART" in store.calls
    assert [1.0] == pauses
    assert 3 == store.files["h/x/a.tif"]


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
async def test_a_file_is_tried_three_times_with_pauses_between(
    store: Store, folder: Path, pauses: list[float], failures: int
) -> None:
    store.fails = {"put_file": [OSError(5, "broken") for _ in range(failures)]}
    if failures < 3:
        await stores.upload(folder, ["a.tif", "b.tif"], "s3://b/x")
    else:
        with pytest.raises(DownloadError, match=r"s3://\.\.\./a\.tif: cannot store the file: broken"):
            await stores.upload(folder, ["a.tif", "b.tif"], "s3://b/x")
        assert {} == store.files
    assert [1.0, 5.0][:failures] == pauses


async def test_an_error_without_words_is_named_by_its_kind_and_shows_no_url(
    store: Store, folder: Path, pauses: list[float]
) -> None:
    store.fails = {"put_file": [ValueError("token=secret")] * 3}
    with pytest.raises(DownloadError, match="cannot store the file: ValueError") as caught:
        await stores.upload(folder, ["a.tif"], "s3://b/secret")
    assert "secret" not in str(caught.value)


async def test_a_file_of_another_size_is_not_stored(
    store: Store, folder: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "info", lambda path: {"size": 2})
    with pytest.raises(DownloadError, match="2 of 3 bytes were stored"):
        await stores.upload(folder, ["a.tif"], "s3://b/x")
    assert [1.0, 5.0] == pauses


@pytest.mark.parametrize(
    ("url", "expected"),
    [("s3://b/x", "s3://b/x"), ("s3://b/x//", "s3://b/x"), ("sftp://me@h/x", "sftp://me@h/x")],
)
def test_a_stores_url_loses_its_last_slash(store: Store, url: str, expected: str) -> None:
    assert expected == stores.checked_store(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://h/x", "ftp:// is not a store"),
        ("bucket/x", ":// is not a store"),
        ("sftp://me:hush@h/x", "holds a password or a query"),
        ("s3://b/x?key=hush", "holds a password or a query"),
    ],
)
def test_an_url_that_is_no_store_or_holds_a_secret_is_refused(store: Store, url: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        stores.checked_store(url)
    assert "hush" not in str(caught.value)


def test_without_fsspec_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name == "fsspec":
            raise ImportError(name)
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigurationError, match=r"pixxel-async\[dask\]"):
        stores.checked_store("s3://b/x")
