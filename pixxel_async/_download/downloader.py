"""Downloads from signed URLs: each file is complete, counted and hashed before it gets its name.

A signed URL is a secret that gives access to the file. It is sent byte for byte as signed, over a session
without token, cookies or proxy password. No error or log shows its query.

A broken transfer resumes, in this call or a later one, if the server still has the same file. See
`range_rules` for the rules, `partial_file` for the disk, `storage` for the wire.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from pixxel_async._base.active_calls import Closing
from pixxel_async._base.clock import Clock
from pixxel_async._base.files import in_thread, require_space, settled
from pixxel_async._base.log import (
    DOWNLOAD_BEGUN,
    DOWNLOAD_BROKEN,
    DOWNLOAD_FINISHED,
    DOWNLOAD_REFRESHED,
    DOWNLOAD_RESUMED,
)
from pixxel_async._download.error_page import is_error_page
from pixxel_async._download.partial_file import PartFile, WrongChecksum
from pixxel_async._download.range_rules import (
    NOTHING,
    Headers,
    Known,
    WrongRange,
    asked_for_rest,
    described_by,
    has_all,
    rest,
)
from pixxel_async._download.signed_url import SignedUrl
from pixxel_async._download.storage import BATCH, Failed, Storage, StorageAnswer, Then
from pixxel_async._download.target import DownloadTarget
from pixxel_async._download.unzip import unzip as unpack
from pixxel_async._http.counters import Counters
from pixxel_async._http.network import Network
from pixxel_async._http.throttle import ConcurrencyLimit, LimitPaused, Ticket
from pixxel_async.errors import DownloadError, IntegrityError, InvalidInput

Progress = Callable[[int, int | None], object]
"""Called with the bytes so far and the total bytes (None if the server does not state them). Restarts at 0 if the file does."""
Refresh = Callable[[], Awaitable[str]]
"""Returns a new signed URL for the same file."""

_TRIES = 8
"""Consecutive attempts without bytes that the next one can keep."""
_REFRESHES, _REFRESH_BYTES = 3, 2**20
"""Consecutive new URLs that each bring less than this many bytes."""
_RESTARTS = {Then.FROM_START: 2, Then.ONCE_MORE: 1}
_HELP: dict[type[Exception], Then] = {WrongRange: Then.FROM_START, WrongChecksum: Then.ONCE_MORE}
"""What may help against an error in the content; all others get another attempt."""
_BACKOFF_BASE, _BACKOFF_CAP = 0.5, 20.0
_RETRY_AFTER_CAP = 120.0
_SLOW_WINDOW, _SLOW_BYTES = 60.0, 60 * 2**10
"""A transfer below 1 KiB/s over a minute counts as broken."""


@attrs.frozen
class SavedFile:
    """A file that was downloaded completely."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    """Hash of the content, in hexadecimal."""
    length_verified: bool
    """Whether the server stated the length and all of it was received; if not, a truncation could be unnoticed."""
    members: tuple[Path, ...] | None = None
    """The files of the unpacked archive, in its order; None if nothing was unpacked."""
    checksum_verified: bool = False
    """Whether the server stated a checksum, and it matched; a wrong one is an IntegrityError."""
    resumed: bool = False
    """Whether an earlier, interrupted download was resumed."""


class Downloader:
    """Downloads files over a session of its own, made at the first use and without any credentials."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        allow_private: bool = False,
        network: Network | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Make a downloader.

        Args:
            clock: Time, sleep and jitter.
            allow_private: Accept http URLs and private addresses, for an API on this machine.
            network: How to connect.
            counters: Where bytes and files are counted.
        """
        self._clock = clock or Clock()
        self._counters = counters or Counters()
        self._allow_private = allow_private
        self._storage = Storage(allow_private=allow_private, network=network or Network())
        self._closing = Closing()
        self._limits: dict[str, ConcurrencyLimit] = {}
        """By storage host."""

    async def aclose(self) -> None:
        """End the downloads in flight in ClientClosed, and close the session; safe to call twice."""
        try:
            await self._closing.close()
        finally:
            await self._storage.aclose()

    async def save(
        self,
        url: str,
        directory: str | PathLike[str],
        *,
        filename: str | None = None,
        overwrite: bool = False,
        unzip: bool = False,
        on_progress: Progress | None = None,
    ) -> SavedFile:
        """Download a file from a signed URL of the caller; see `PixxelClient.save`."""
        source = SignedUrl(url)
        del url  # not for tracebacks that show local variables
        source.checked(InvalidInput, allow_private=self._allow_private)
        name = source.name if filename is None else filename
        target = DownloadTarget.within(directory, name, overwrite=overwrite, unzip=unzip)
        return await self.fetch(source, target, on_progress=on_progress)

    async def fetch(
        self,
        source: SignedUrl,
        target: DownloadTarget,
        *,
        on_progress: Progress | None = None,
        refresh: Refresh | None = None,
        resource: str = "",
    ) -> SavedFile:
        """Download a file; its name exists only when it is complete.

        After a failure or cancellation the bytes received stay as `NAME.part`, if the server identifies the content of the
        file. The next download to the same place then resumes.

        Args:
            source: The URL, https; sent byte for byte.
            target: The file to make; its folder is made if missing.
            on_progress: Called with the bytes so far and the total bytes. An exception from it ends the download, which a later
                one resumes.
            refresh: Called for a new URL when this one has expired, at most three times without progress of 1 MiB.
            resource: The resource of the API; a part file of another one under this name is not resumed.

        Raises:
            FileInTheWay: the name exists, or another download writes it.
            DiskFull: not enough room.
            IntegrityError: the file, or the archive, is not whole.
            ClientClosed: the client is or was closed; a later download resumes.
            DownloadError: the download failed for another reason, or the archive is unsafe to unpack.
        """
        with self._closing.under_way():
            source.checked(DownloadError, allow_private=self._allow_private)
            began = self._clock.monotonic()
            part = PartFile(target, resource, self._clock.monotonic)
            await self._write(source, part, on_progress, refresh)
            self._counters.files += 1
            elapsed = self._clock.monotonic() - began
            DOWNLOAD_FINISHED(file=target.path.name, size=part.size, elapsed=elapsed)
            return SavedFile(
                target.path,
                part.size,
                part.sha256,
                length_verified=part.known.size is not None,
                members=await _unpack(target),
                checksum_verified=part.known.checksum is not None,
                resumed=part.is_resumed,
            )

    async def _write(
        self, source: SignedUrl, part: PartFile, on_progress: Progress | None, refresh: Refresh | None
    ) -> None:
        """Claim the part file, resume an earlier download, and fetch the rest."""
        stop = threading.Event()
        file = part.target.path.name
        try:
            await in_thread(part.prepare, stop, stop=stop)
            if DOWNLOAD_BEGUN.is_on:
                DOWNLOAD_BEGUN(file=file, source=str(source))
            if part.is_resumed:
                DOWNLOAD_RESUMED(file=file, size=part.size)
            await self._fetch_whole(_Course(source), part, on_progress, refresh)
        finally:
            if part.is_open:
                await in_thread(part.close)

    async def _fetch_whole(
        self,
        course: _Course,
        part: PartFile,
        on_progress: Progress | None,
        refresh: Refresh | None,
    ) -> None:
        """Make attempts until one succeeds or no remedy is left."""
        while True:
            try:
                return await self._attempt(course.source, part, on_progress)
            except Failed as caught:
                failed = caught
            except (WrongRange, WrongChecksum, IntegrityError) as caught:
                failed = Failed(str(caught), _HELP.get(type(caught), Then.AGAIN), IntegrityError)
            except DownloadError as error:
                # The frames of an attempt hold the response and its URL: tracebacks may show local variables.
                raise error.with_traceback(None) from error.__cause__
            # Outside the handler: an error of aiohttp must not become the context of another.
            course.count(part.kept)
            DOWNLOAD_BROKEN(file=part.target.path.name, reason=failed.reason, kept=part.kept)
            if failed.then in _RESTARTS:
                await in_thread(part.restart, NOTHING)
            source = course.source
            await self._prepare_next(course, failed, refresh)
            if course.source is not source:
                DOWNLOAD_REFRESHED(file=part.target.path.name, source=str(course.source))

    async def _prepare_next(self, course: _Course, failed: Failed, refresh: Refresh | None) -> None:
        """Apply the remedy for a failure, or raise the failure."""
        course.failures[failed.then] += 1
        if failed.then in _RESTARTS and course.failures[failed.then] <= _RESTARTS[failed.then]:
            return
        if failed.then is Then.REFRESH and refresh is not None and course.refreshes < _REFRESHES:
            course.refreshes += 1
            course.source = SignedUrl(await refresh()).checked(
                DownloadError, allow_private=self._allow_private
            )
            return
        wait = self._wait(course.in_vain, failed.retry_after)
        if failed.then is not Then.AGAIN or course.in_vain >= _TRIES or wait > _RETRY_AFTER_CAP:
            attempts = course.failures.total()
            raise failed.kind(
                f"{course.source}: {failed.reason}"
                + (f" (after {attempts} attempts)" if attempts > 1 else "")
            ) from failed.cause
        await self._clock.sleep(wait)

    def _wait(self, in_vain: int, asked: float | None) -> float:
        if asked is not None:
            return asked + self._clock.rng.uniform(0, min(1.0, asked / 10) + 0.1)
        return self._clock.rng.uniform(0, min(_BACKOFF_CAP, _BACKOFF_BASE * 2 ** max(in_vain - 1, 0)))

    async def _attempt(self, source: SignedUrl, part: PartFile, on_progress: Progress | None) -> None:
        """Fetch what is missing, and give the file its name."""
        async with _Writer() as writer:
            await self._within_limit(source, part, writer, on_progress)
            writer.add(part.finish)  # after its slot is free: no other download waits for the disk

    async def _within_limit(
        self, source: SignedUrl, part: PartFile, writer: _Writer, on_progress: Progress | None
    ) -> None:
        """Fetch when the host's limit has room; a pause that is too long ends the download."""
        limit = self._limits.setdefault(source.host, ConcurrencyLimit(self._clock, start=4, most=16))
        try:
            async with Ticket(limit, patience=_RETRY_AFTER_CAP) as ticket:
                try:
                    await self._complete(source, part, writer, on_progress)
                except Failed as failed:
                    if failed.is_overload:
                        limit.refuse(ticket, failed.retry_after)
                    raise
                limit.succeed(ticket)
        except LimitPaused:
            left = limit.opens_at - self._clock.monotonic()
            raise Failed(f"the server asked to wait {left:.0f} s (Retry-After)", Then.STOP) from None

    async def _complete(
        self, source: SignedUrl, part: PartFile, writer: _Writer, on_progress: Progress | None
    ) -> None:
        """Request the missing bytes, and append them."""
        answer = await self._storage.get(source, asked_for_rest(part.known, part.kept) if part.kept else {})
        try:
            body = await self._begin(answer, part, writer)
            if body is not None:
                await _receive(body, part, writer, on_progress)
        finally:
            answer.close()

    async def _begin(self, answer: StorageAnswer, part: PartFile, writer: _Writer) -> _Body | None:
        """Prepare the part file for the response; None if nothing is missing."""
        if answer.status == 206:
            if not part.kept:
                raise WrongRange("the server sent a part of the file that was not requested")
            part.known = rest(answer.headers, part.known, part.kept)
            await _require_space(part, part.known)
            return _Body(answer, self._clock, self._counters, part.size, part.known.size)
        if answer.status == 416 and part.kept:
            part.known = has_all(answer.headers, part.known, part.kept)
            return None
        await answer.check_status()
        known, is_gzip = described_by(answer.headers), _is_gzip(answer.headers)
        await _require_space(part, known)
        body = _Body(answer, self._clock, self._counters, 0, known.size)
        await body.look(part.target.path.name)  # before the existing bytes are dropped
        writer.add(part.restart, known, is_gzip)
        return body


async def _require_space(part: PartFile, known: Known) -> None:
    """Raise DiskFull unless the file fits; existing bytes are part of it, or will be overwritten."""
    missing = 0 if known.size is None else known.size - part.size
    if missing > part.room:  # by now there may be more
        await in_thread(require_space, part.target.path.parent, missing)


async def _receive(body: _Body, part: PartFile, writer: _Writer, on_progress: Progress | None) -> None:
    """Read to the end. A thread hashes and writes each batch while the next arrives, and the last one at the end."""
    while True:
        writer.add(part.write, await body.batch())
        if on_progress is not None:
            on_progress(body.received, body.total)
        if body.at_end:
            break
        await writer.go()
    if body.total is not None and body.received != body.total:
        raise Failed(f"{body.received} of {body.total} bytes were received", Then.AGAIN, IntegrityError)


async def _unpack(target: DownloadTarget) -> tuple[Path, ...] | None:
    """The files of the archive; None if it is not to be unpacked."""
    if target.folder is None:
        return None
    stop = threading.Event()
    return await in_thread(unpack, target.path, target.folder, target.overwrite, stop, stop=stop)


def _is_gzip(headers: Headers) -> bool:
    """Whether the content is encoded although the request did not ask for it."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Failed("the content has an encoding that was not requested", Then.STOP)
    return encoding.endswith("gzip")


# --- the parts of one download ----------------------------------------------------------------------------


@attrs.define
class _Course:
    """The attempts of a download, and their progress."""

    source: SignedUrl
    failures: Counter[Then] = attrs.field(factory=Counter)
    in_vain: int = 0
    """Consecutive attempts without progress."""
    refreshes: int = 0
    """Consecutive new URLs with almost no progress."""
    best: int = 0
    """Most bytes ever kept: a file that changes repeatedly must not count as progress."""
    best_at_refresh: int = 0

    def count(self, kept: int) -> None:
        """Count a failed attempt, and the bytes kept after it."""
        if kept > self.best:
            self.best, self.in_vain = kept, 0
        else:
            self.in_vain += 1
        if self.best >= self.best_at_refresh + _REFRESH_BYTES:
            self.best_at_refresh, self.refreshes = self.best, 0


class _Body:
    """The bytes of a response in batches, counted."""

    def __init__(
        self, answer: StorageAnswer, clock: Clock, counters: Counters, start: int, total: int | None
    ) -> None:
        self._answer = answer
        self._counters = counters
        self._pace = _SlowGuard(clock)
        self._seen: list[bytes] = []
        self._broken: Failed | None = None
        self.received = start
        """Bytes of the file so far, including those of earlier responses."""
        self.total = total
        self.at_end = False

    async def look(self, name: str) -> None:
        """Raise Failed if it begins like an error page."""
        self._seen = await self._read()
        if is_error_page(self._answer.content_type, b"".join(self._seen), name):
            raise Failed("the server sent a page of text with status 200 instead of the file", Then.STOP)

    async def batch(self) -> list[bytes]:
        """The next batch; the last may be shorter or empty."""
        pieces, self._seen = self._seen, []
        if not pieces and not self.at_end:
            pieces = await self._read()
        size = sum(map(len, pieces))
        self.received += size
        self._counters.bytes_downloaded += size
        if self.total is not None and self.received > self.total:
            raise Failed(
                f"more than the stated {self.total} bytes were received", Then.ONCE_MORE, IntegrityError
            )
        return pieces

    async def _read(self) -> list[bytes]:
        pieces: list[bytes] = []
        size = 0
        while size < BATCH and not self.at_end and self._broken is None:
            try:
                chunk = await self._answer.read(is_all=self.received + size == self.total)
                self._pace.check(len(chunk))
            except Failed as failed:
                self._broken = failed
            else:
                self.at_end = self._answer.at_end or not chunk
                pieces.append(chunk)
                size += len(chunk)
        if self._broken is not None and not size:  # otherwise the bytes before it are kept first
            raise self._broken
        return pieces


class _Writer:
    """Runs the steps on the file in a thread, one after the other; steps not started earlier run at the end."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], None]] = []
        self._work: asyncio.Future[None] | None = None

    def add(self, step: Callable[..., None], *arguments: object) -> None:
        """Add a step."""
        self._steps.append(partial(step, *arguments))

    async def go(self) -> None:
        """Start the added steps once the earlier ones are done."""
        await self._settle()
        steps, self._steps = self._steps, []
        self._work = asyncio.get_running_loop().run_in_executor(None, _do, steps)

    async def _settle(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            await settled(work)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._steps:  # also after an error: the bytes before it are kept
                await self.go()
            await self._settle()
        except DownloadError:
            if not isinstance(error, asyncio.CancelledError):
                raise


def _do(steps: list[Callable[[], None]]) -> None:
    for step in steps:
        step()


class _SlowGuard:
    """Detects a transfer that never stops but is too slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._bytes = 0

    def check(self, size: int) -> None:
        self._bytes += size
        now = self._clock.monotonic()
        if now - self._since < _SLOW_WINDOW:
            return
        if self._bytes < _SLOW_BYTES:
            raise Failed(f"only {self._bytes} bytes were received in {now - self._since:.0f} s", Then.AGAIN)
        self._since, self._bytes = now, 0
