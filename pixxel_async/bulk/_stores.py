"""Uploads of files to a store that fsspec supports: S3, Google Cloud, Azure, SFTP, a shared disk."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pixxel_async._base.files import in_thread
from pixxel_async.errors import ConfigurationError, DownloadError, InvalidInput

_WHOLE_OR_NOT = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"})
"""Stores in which an object appears only when it is complete, and a rename copies it. They have no folders: making one could
make a bucket."""
_PAUSES = (1.0, 5.0)
"""Seconds before the next attempt to store a file."""


def checked_store(url: str) -> str:
    """A store's URL without its last slash.

    Raises:
        InvalidInput: The URL is not valid, or holds a password, which the journal would then contain.
        ConfigurationError: fsspec is not installed.
    """
    fsspec = _fsspec()
    parts = urlsplit(url)
    if parts.scheme not in fsspec.available_protocols():
        raise InvalidInput(
            f"files: {parts.scheme}:// is not a store that fsspec supports, like s3://bucket/prefix"
        )
    if parts.password or parts.query:
        raise InvalidInput(
            "files: the URL holds a password or a query, and the journal would contain it: put secrets into the workers' "
            "environment or fsspec's configuration"
        )
    return url.rstrip("/")


async def upload(folder: Path, names: Sequence[str], url: str) -> str:
    """Store files of a folder under a URL; return the URL. Each file gets its name when it is complete.

    Raises:
        DownloadError: A file could not be stored.
    """
    fsspec = _fsspec()
    for name in names:
        for pause in (*_PAUSES, None):
            try:
                await in_thread(_put, fsspec, folder / name, f"{url}/{name}")
                break
            except DownloadError:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
    return url


def _put(fsspec: Any, file: Path, url: str) -> None:
    target = f"{urlsplit(url).scheme}://.../{file.name}"
    try:
        system, path = fsspec.core.url_to_fs(url)
        parent, _, name = path.rpartition("/")
        if urlsplit(url).scheme in _WHOLE_OR_NOT:
            system.put_file(str(file), path)
        else:
            system.makedirs(parent, exist_ok=True)
            part = f"{parent}/.{name}.{uuid.uuid4().hex}.part"
            try:
                system.put_file(str(file), part)
                system.mv(part, path)
            except BaseException:
                with suppress(Exception):
                    system.rm_file(part)
                raise
        stored = system.info(path)["size"]
    except Exception as error:  # each store has its own errors
        words = error.strerror if isinstance(error, OSError) else None
        raise DownloadError(f"{target}: cannot store the file: {words or type(error).__name__}") from None
    if stored != file.stat().st_size:
        raise DownloadError(f"{target}: only {stored} of {file.stat().st_size} bytes were stored")


def _fsspec() -> Any:
    try:
        import fsspec
    except ImportError:
        raise ConfigurationError(
            'storing files by URL needs fsspec: pip install "pixxel-async[dask]"'
        ) from None
    return fsspec
