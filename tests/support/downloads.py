"""Downloads as the wait for a package makes them."""

from __future__ import annotations

from pathlib import Path

from pixxel_async._download.downloader import Downloader, Refresh, SavedFile
from pixxel_async._download.signed_url import SignedUrl
from pixxel_async._download.target import DownloadTarget


async def fetch(
    downloader: Downloader,
    url: str,
    directory: Path,
    *,
    overwrite: bool = False,
    refresh: Refresh | None = None,
    resource: str = "",
) -> SavedFile:
    """Fetch what belongs to a resource, under the name that its URL has."""
    source = SignedUrl(url)
    target = DownloadTarget.within(directory, source.name, overwrite=overwrite, unzip=False)
    return await downloader.fetch(source, target, refresh=refresh, resource=resource)
