"""What all tests share: none hangs the run, none lets a secret out, and downloads have virtual time."""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from canaries import Watch

from pixxel_async import PixxelError
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


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """Hears and sees what all tests log and raise, to the last one."""
    watch = Watch()
    logging.getLogger().addHandler(watch)
    # sees also those that nobody else does
    PixxelError.__del__ = lambda error: watch.look_at(error)  # type: ignore[attr-defined]
    yield watch
    gc.collect()  # errors that only a circle of references keeps
    del PixxelError.__del__  # type: ignore[attr-defined]
    logging.getLogger().removeHandler(watch)
    assert not watch.leaks, "\n".join(watch.leaks)


@pytest.fixture(autouse=True)
def nothing_secret_gets_out(watch: Watch, request: pytest.FixtureRequest) -> Iterator[None]:
    """A token or a signed URL in the log, in an error or in a file fails the test after which it is seen."""
    logger = logging.getLogger("pixxel_async")
    if logger.level != logging.DEBUG:
        logger.setLevel(logging.DEBUG)
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        watch.look_through(folder)
    leaks, watch.leaks = watch.leaks, []
    assert not leaks, "\n".join(leaks)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def downloader(clock: VirtualClock) -> AsyncIterator[Downloader]:
    downloader = Downloader(clock=clock, allow_private=True)
    yield downloader
    await downloader.aclose()
