"""Injectable clock, sleep and random source."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime

from pixxel_async._base.time_limit import TimeLimit


class Clock:
    """The clock of the SDK: monotonic time, so that a wall clock set back has no effect."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self.rng = rng or random.Random()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes backwards: the event loop's, if one is running.

        A library may freeze `time.monotonic` for tests (freezegun with `real_asyncio=True`), but not that clock. On a frozen
        clock a wait would never end.
        """
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return time.monotonic()

    def now(self) -> datetime:
        """The time of day, with its zone, to compare with the API's times."""
        return datetime.now(UTC)

    def limit(self, seconds: float) -> TimeLimit:
        """A limit of so many seconds around awaits; raises TimeoutError after that."""
        return TimeLimit.within(seconds)

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        await asyncio.sleep(seconds)
