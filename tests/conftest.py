"""What all tests share: none hangs the run, and downloads have virtual time."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from pixxel_async.downloads import Downloader
from pixxel_async.testing import VirtualClock

LIMIT = 300
"""Seconds; far more than any test takes, on a machine however busy."""


@pytest.fixture(autouse=True)
def bounded_time() -> Iterator[None]:
    """A test that hangs is a failure of this test, not the end of the run."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"this test took longer than {LIMIT} s")

    handler = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def downloader(clock: VirtualClock) -> AsyncIterator[Downloader]:
    downloader = Downloader(clock=clock, allow_private=True)
    yield downloader
    await downloader.aclose()
