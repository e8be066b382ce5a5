"""How things go on: their state is a function of the time, so nothing runs in the background.

How a thing ends is decided when it is made: well, unless `Outcomes.plan` says otherwise or its name carries
a mark. Both are ours, not the vendor's.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

_STEPS = 20
"""Progress is told in steps of 5 %."""


class Outcome(StrEnum):
    """How a thing ends. In a name it is written in brackets, for example `north field [fail]`."""

    SUCCESS = "success"
    PARTIAL = "partial"
    """Part of it fails, where the vendor has a word for that; else it succeeds."""
    FAIL = "fail"
    STUCK = "stuck"
    """It stays half done for ever."""
    CANCEL = "cancel"
    """The service calls it off (order items; others fail)."""
    EXPIRE = "expire"
    """Its time runs out (order items; others fail)."""
    UPDATE = "update"
    """After its success it is worked on once more (AOIs; others just succeed)."""


_GOOD = (Outcome.SUCCESS, Outcome.UPDATE)


def marked(*texts: str | None) -> Outcome:
    """The outcome that a mark in one of the texts asks for."""
    for text in texts:
        for outcome in Outcome:
            if text and f"[{outcome}]" in text:
                return outcome
    return Outcome.SUCCESS


class Outcomes:
    """Outcomes that a test has planned, by kind of thing.

    Kinds: aoi, aoi_download, visualization, insight, insight_package, job, job_package, task_package,
    order_item, delivery, catalog_download.
    """

    def __init__(self) -> None:
        self._planned: dict[str, deque[Outcome]] = {}

    def plan(self, kind: str, outcome: Outcome | str, times: int = 1) -> None:
        """Let the next `times` things of this kind end so."""
        self._planned.setdefault(kind, deque()).extend([Outcome(outcome)] * times)

    def take(self, kind: str, *texts: str | None) -> Outcome:
        """The outcome of a new thing: the planned one, else the one marked in its name."""
        planned = self._planned.get(kind)
        return planned.popleft() if planned else marked(*texts)


@attrs.frozen
class Words:
    """The words of a status, in the order in which they come."""

    in_flight: tuple[str, ...]
    success: str
    failure: str
    partial: str | None = None


@attrs.frozen
class Course:
    """From when to when something is worked on, and what comes of it."""

    begins: datetime
    seconds: float
    outcome: Outcome = Outcome.SUCCESS

    @property
    def ends(self) -> datetime:
        """When it settles, unless it is stuck."""
        return self.begins + timedelta(seconds=self.seconds)

    def settled(self, now: datetime) -> bool:
        """Whether it has come to its end."""
        return self.outcome is not Outcome.STUCK and now >= self.ends

    def succeeded(self, now: datetime) -> bool:
        """Whether it has come to a good end, in whole or in part."""
        return self.settled(now) and self.outcome in (*_GOOD, Outcome.PARTIAL)

    def failed(self, now: datetime) -> bool:
        """Whether it has come to a bad end."""
        return self.settled(now) and not self.succeeded(now)

    def progress(self, now: datetime) -> int:
        """How much is done, in percent."""
        return round(self._steps(now) * 100 / _STEPS)

    def touched(self, now: datetime) -> datetime:
        """When it last changed."""
        return self.begins + timedelta(seconds=self.seconds * self._steps(now) / _STEPS)

    def word(self, now: datetime, words: Words) -> str:
        """Its status: the first word in flight for the first tenth of the way, the others evenly after that."""
        if self.settled(now):
            if self.outcome in _GOOD:
                return words.success
            if self.outcome is Outcome.PARTIAL:
                return words.partial or words.success
            return words.failure
        first, *later = words.in_flight
        share = self._steps(now) / _STEPS
        if not later or share <= 0.1:
            return first
        return later[min(int((share - 0.1) / 0.9 * len(later)), len(later) - 1)]

    def _steps(self, now: datetime) -> int:
        if self.settled(now):
            return _STEPS
        share = (now - self.begins).total_seconds() / self.seconds
        most = _STEPS // 2 if self.outcome is Outcome.STUCK else _STEPS - 1
        return max(0, min(most, int(share * _STEPS)))
