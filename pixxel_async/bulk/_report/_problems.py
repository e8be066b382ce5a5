"""Rows that did not end well, put together by their reason: thousands may have but two."""

from __future__ import annotations

import re

import attrs

from pixxel_async.bulk._report._markup import ORDER
from pixxel_async.bulk._state import State

MOST_REASONS = 200
_MOST_ROWS = 15
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=[\w-]*\d)[\w-]{8,}|\d+(\.\d+)?", re.IGNORECASE)
"""Ids and numbers, in which the same reason differs from row to row."""


@attrs.define
class Problem:
    """A reason, and how often it was met."""

    state: State
    step: str | None
    reason: str
    """In the words of the first row."""
    count: int = 0
    rows: list[int] = attrs.field(factory=list)
    """The first of them."""


class Problems:
    """Collects them."""

    def __init__(self) -> None:
        self._found: dict[tuple[State, str | None, str], Problem] = {}
        self.left_out = 0
        """Rows whose reasons are beyond the most that are told."""

    def add(self, row: int, name: str, state: State, step: str | None, error: str | None) -> None:
        """Take a row; what is well, or not yet anything, is no problem."""
        if state in (State.DONE, State.RUNNING, State.WAITING):
            return
        reason = error or ("some of its images failed" if state is State.PARTIAL else "no reason is known")
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
        """By state, the most frequent first."""
        return sorted(self._found.values(), key=lambda problem: (ORDER.index(problem.state), -problem.count))
