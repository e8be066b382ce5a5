"""Rows that did not succeed, grouped by their reason: thousands of rows may have two reasons."""

from __future__ import annotations

import re

import attrs

from pixxel_async.bulk._report._markup import ORDER
from pixxel_async.bulk._state import State

MOST_REASONS = 200
_MOST_ROWS = 15
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=[\w-]*\d)[\w-]{8,}|\d+(\.\d+)?", re.IGNORECASE)
"""Ids and numbers, which differ between rows with the same reason."""


@attrs.define
class Problem:
    """A reason and its number of rows."""

    state: State
    step: str | None
    reason: str
    """The text of the first row."""
    count: int = 0
    rows: list[int] = attrs.field(factory=list)
    """The first rows."""


class Problems:
    """Collects the problems."""

    def __init__(self) -> None:
        self._found: dict[tuple[State, str | None, str], Problem] = {}
        self.left_out = 0
        """Number of rows whose reasons exceed the limit."""

    def add(self, row: int, name: str, state: State, step: str | None, error: str | None) -> None:
        """Add a row; one that succeeded or has not started is not a problem."""
        if state in (State.DONE, State.RUNNING, State.WAITING):
            return
        reason = error or (
            "some of its images failed" if state is State.PARTIAL else "the reason is not known"
        )
        key = state, step, _VARYING.sub("#", reason.replace(name, "#") if name else reason)
        if key not in self._found:
            if len(self._found) == MOST_REASONS:
                self.left_out += 1
                return
            self._found[key] = Problem(state, step, reason)
        problem = self._found[key]
        problem.count += 1
        if len(problem.rows) < _MOST_ROWS:
            problem.rows.append(row)

    def told(self) -> list[Problem]:
        """The problems by state, the most frequent first."""
        return sorted(self._found.values(), key=lambda problem: (ORDER.index(problem.state), -problem.count))
