"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from pixxel_async._endpoints import _life_cycles
from pixxel_async._http.operation import Endpoint, Operation
from pixxel_async._resource.polling import PackagePoller, WaitOptions
from pixxel_async._resource.resource import Resource
from pixxel_async._resource.shared_polling import PollTarget
from pixxel_async.models import AOIDownload, AOIDownloadCreate

_CREATE: Endpoint[AOIDownload] = Endpoint(
    id="AOICreateDownload",
    method="POST",
    path="/v0/aois/{aoi_id}/downloads",
    returns=AOIDownload,
    request_class="repeatable",
)
_GET: Endpoint[AOIDownload] = Endpoint(
    id="GetDownloadStatus",
    method="GET",
    path="/v0/aois/{aoi_id}/downloads/{download_id}",
    returns=AOIDownload,
    request_class="read",
    key={"download_id": "download_id"},
)


class Downloads(Resource):
    """Packages of AOI assets prepared for download."""

    async def create(self, aoi_id: str, *, asset_ids: Sequence[str]) -> AOIDownload:
        """Request a package of AOI assets.

        Starts packing assets of one AOI. Poll the download until it has succeeded and has a signed URL. Two
        requests make two packages.

        Vendor call: `AOICreateDownload`, `POST /v0/aois/{aoi_id}/downloads`.

        Args:
            aoi_id: Id of the AOI.
            asset_ids: Ids of the assets.

        Returns:
            The new download. Older pages of the vendor document the status 200.

        Raises:
            InvalidInput: an argument is invalid; no request was sent.
            NotFound: no resource has this id.
        """
        return await self._send(
            Operation(_CREATE, path={"aoi_id": aoi_id}, body=AOIDownloadCreate(asset_ids=asset_ids))
        )

    async def get(self, aoi_id: str, download_id: str) -> AOIDownload:
        """Get one download of AOI assets.

        Reads the state of one download and, once it has succeeded, the signed URL of its package.

        Vendor call: `GetDownloadStatus`, `GET /v0/aois/{aoi_id}/downloads/{download_id}`.

        Args:
            aoi_id: Id of the AOI.
            download_id: Id of the download.

        Returns:
            The download.

        Raises:
            NotFound: no resource has this id.
        """
        return await self._send(Operation(_GET, path={"aoi_id": aoi_id, "download_id": download_id}))

    def wait(
        self, aoi_id: str, download_id: str, **options: Unpack[WaitOptions[AOIDownload]]
    ) -> PackagePoller[AOIDownload]:
        """Wait until an AOI download is ready.

        No request is sent before you use the result.

        Args:
            aoi_id: Id of the AOI.
            download_id: Id of the download.
            timeout: Time limit in seconds. Default: 1 hour; None means no limit.
            poll_interval: Seconds before the second poll; later intervals grow. Default: 2.
            max_poll_interval: Largest interval between two polls in seconds. Default: 30.
            on_update: Called with each snapshot that differs from the last one. An awaitable result is
                awaited.

        Returns:
            A poller. Iterate with `async for` to receive each change, or `await` it to get the final
                snapshot. `.save(directory)` saves the package as a file.

        Raises:
            WaitFailed: it failed (status failed). The message has the server's text, if any.
            WaitTimeout: it was still in flight after the time limit. Call this method again with the same
                id.
            UnknownState: its status was unknown or absent for ten minutes.
        """
        target = PollTarget(_life_cycles.AOI_DOWNLOAD, lambda id: self.get(aoi_id, id), within=(aoi_id,))
        return self._wait_package(target, download_id, options)
