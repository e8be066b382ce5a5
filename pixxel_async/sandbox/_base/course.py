"""The course of resources: their state is a function of the time, so nothing runs in the background.

The outcome of a resource is decided when it is made: success, unless `Outcomes.plan` or a mark in its name sets another
one. Both are ours, not the vendor's.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

_STEPS = 20
"""Progress is reported in steps of 5 %."""


class Outcome(StrEnum):
    """The outcome of a resource. In a name it is written in brackets, for example `north field [fail]`."""

    SUCCESS = "success"
    PARTIAL = "partial"
    """A part fails, if the vendor has a status for that; otherwise it succeeds."""
    FAIL = "fail"
    STUCK = "stuck"
    """It never finishes."""
    CANCEL = "cancel"
    """The service cancels it (order items; others fail)."""
    EXPIRE = "expire"
    """It expires (order items; others fail)."""
    UPDATE = "update"
    """After its success it is updated once (AOIs; others only succeed)."""


_GOOD = (Outcome.SUCCESS, Outcome.UPDATE)


def marked(*texts: str | None) -> Outcome:
    """The outcome of a mark in one of the texts."""
    for text in texts:
        for outcome in Outcome:
            if text and f"[{outcome}]" in text:
                return outcome
    return Outcome.SUCCESS


class Outcomes:
    """Outcomes planned by a test, by kind of resource.

    Kinds: aoi, aoi_download, visualization, insight, insight_package, job, job_package, task_package,
    order_item, delivery, catalog_download.
    """

    def __init__(self) -> None:
        self._planned: dict[str, deque[Outcome]] = {}

    def plan(self, kind: str, outcome: Outcome | str, times: int = 1) -> None:
        """Set the outcome of the next `times` resources of this kind."""
        self._planned.setdefault(kind, deque()).extend([Outcome(outcome)] * times)

    def take(self, kind: str, *texts: str | None) -> Outcome:
        """The outcome of a new resource: the planned one, else the one marked in its name."""
        planned = self._planned.get(kind)
        return planned.popleft() if planned else marked(*texts)


@attrs.frozen
class Words:
    """The values of a status, in chronological order."""

    in_flight: tuple[str, ...]
    success: str
    failure: str
    partial: str | None = None


@attrs.frozen
class Course:
    """Start and end of the work on a resource, and its outcome."""

    begins: datetime
    seconds: float
    outcome: Outcome = Outcome.SUCCESS

    @property
    def ends(self) -> datetime:
        """When it ends, unless it is stuck."""
        return self.begins + timedelta(seconds=self.seconds)

    def settled(self, now: datetime) -> bool:
        """Whether it has ended."""
        return self.outcome is not Outcome.STUCK and now >= self.ends

    def succeeded(self, now: datetime) -> bool:
        """Whether it has succeeded, completely or partially."""
        return self.settled(now) and self.outcome in (*_GOOD, Outcome.PARTIAL)

    def failed(self, now: datetime) -> bool:
        """Whether it has failed."""
        return self.settled(now) and not self.succeeded(now)

    def progress(self, now: datetime) -> int:
        """Progress in percent."""
        return round(self._steps(now) * 100 / _STEPS)

    def touched(self, now: datetime) -> datetime:
        """When it last changed."""
        return self.begins + timedelta(seconds=self.seconds * self._steps(now) / _STEPS)

    def word(self, now: datetime, words: Words) -> str:
        """Its status: the first in-flight value for the first tenth of the time, the others evenly after that."""
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
