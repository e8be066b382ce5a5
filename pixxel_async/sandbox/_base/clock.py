"""The sandbox's time: it can run faster than the wall clock, pause, and advance."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """The clock of the sandbox; all states, due dates and URL expiries follow it.

    Args:
        speed: Sandbox seconds per real second; 0 pauses the clock, so that only `advance` moves it.
        start: Its start time, with a time zone. Default: now.
        monotonic: Returns real seconds.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        start: datetime | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed < 0:
            raise ValueError(f"speed must not be negative: {speed}")
        if start is not None and start.tzinfo is None:
            raise ValueError("start needs a time zone, for example datetime(2026, 3, 1, tzinfo=UTC)")
        self._speed = speed
        self._monotonic = monotonic
        self._origin = (start or datetime.now(UTC)).astimezone(UTC)
        self._read_at = monotonic()

    @property
    def speed(self) -> float:
        """Sandbox seconds per real second."""
        return self._speed

    def now(self) -> datetime:
        """The time in the sandbox, in UTC."""
        if self._speed == 0:
            return self._origin
        return self._origin + timedelta(seconds=(self._monotonic() - self._read_at) * self._speed)

    def advance(self, seconds: float | timedelta) -> datetime:
        """Advance the time by `seconds` at once, and return the new time."""
        step = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
        if step < timedelta(0):
            raise ValueError(f"seconds must not be negative, the sandbox's time cannot go back: {seconds}")
        self._origin += step
        return self.now()
