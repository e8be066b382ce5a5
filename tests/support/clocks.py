"""A clock that runs faster than the machine's, for tests with several processes, which cannot share virtual time."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta

from pixxel_async import Clock

SPEED = 20.0


class FastClock(Clock):
    """Each second of it takes a twentieth of a second; so the 5 s between two readings of a listing cost 0.25 s."""

    def __init__(self) -> None:
        super().__init__()
        self._began, self._now = time.monotonic(), super().now()

    def monotonic(self) -> float:
        return self._began + (time.monotonic() - self._began) * SPEED

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self.monotonic() - self._began)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)
