"""Time, sleep and chance: the three things a test must be able to hold in its hand."""

from __future__ import annotations

import asyncio
import random
import time


class Clock:
    """The clock the SDK runs on: monotonic time, so that a wall clock set back harms nothing."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self.rng = rng or random.Random()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        await asyncio.sleep(seconds)
