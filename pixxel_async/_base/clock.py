"""Time, sleep and chance: the three things a test must be able to hold in its hand."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime

from pixxel_async._base.time_limit import TimeLimit


class Clock:
    """The clock the SDK runs on: monotonic time, so that a wall clock set back harms nothing."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self.rng = rng or random.Random()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes backwards: the one that the event loop sleeps by, where one is running.

        A library that holds `time.monotonic` for tests (freezegun with `real_asyncio=True`) leaves that one alone: a wait
        for a time on a clock that stands would never end.
        """
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return time.monotonic()

    def now(self) -> datetime:
        """The time of day, with its zone, for comparing with what the API says."""
        return datetime.now(UTC)

    def limit(self, seconds: float) -> TimeLimit:
        """Around awaits that may take so many seconds; a TimeoutError when they take longer."""
        return TimeLimit.within(seconds)

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        await asyncio.sleep(seconds)
