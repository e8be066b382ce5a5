"""What all tests share: none hangs the run, none lets a secret out, and downloads have virtual time."""

from __future__ import annotations

import asyncio
import gc
import logging
import selectors
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import hypothesis
import pytest
from canaries import Watch

from pixxel_async import PixxelError
from pixxel_async._download.downloader import Downloader
from pixxel_async.testing import VirtualClock

LIMIT = 300
"""Seconds; far more than any test takes, on a machine however busy. The only limit by a wall clock."""

hypothesis.settings.register_profile(
    "suite",
    deadline=None,  # of 200 ms for an example: on a busy machine, any may take that long
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,  # a clock as well, on the drawing of examples
        hypothesis.HealthCheck.function_scoped_fixture,  # examples may share a folder
    ],
)
hypothesis.settings.load_profile("suite")


class IdleSelector(selectors.DefaultSelector):
    """Counts the seconds for which its event loop had nothing to do but wait."""

    now = staticmethod(time.monotonic)  # also in tests that put another one in its place

    def __init__(self) -> None:
        super().__init__()
        self.idle = self.now()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, and count what was waited, which is no more than `timeout` whatever the machine does meanwhile."""
        began = self.now()
        try:
            return super().select(timeout)
        finally:
            spent = self.now() - began
            self.idle += spent if timeout is None else min(spent, max(timeout, 0.0))


@pytest.fixture(scope="session", autouse=True)
def idle_time() -> Iterator[None]:
    """The time of event loops passes only while they wait.

    So a limit of 0.1 s ends what hangs for 0.1 s, and never what the machine has no time for. It counts for all loops,
    also those of `asyncio.run` and of threads.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selectors, "DefaultSelector", IdleSelector)
        patch.setattr(asyncio.BaseEventLoop, "time", lambda loop: loop._selector.idle)
        yield


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test leaves state in the user's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def leap() -> Callable[[float], None]:
    """Let seconds of the running event loop pass at once."""

    def leap(seconds: float) -> None:
        asyncio.get_running_loop()._selector.idle += seconds  # type: ignore[attr-defined]

    return leap


@pytest.fixture(autouse=True)
def bounded_time() -> Iterator[None]:
    """A test that hangs is a failure of this test, not the end of the run."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"this test took longer than {LIMIT} s")

    handler = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(
        signal.ITIMER_REAL, LIMIT, 5
    )  # again and again: an event loop may swallow what a callback raises
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
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
