"""Where the pages of a listing begin: each begins with the last row of the page before it.

A row that is deleted while a listing is walked moves all later ones forward, and hides one between two pages. Asking
for the last row once more shows that: where an unknown row stands in its place, the walk goes back for what it missed.
"""

from __future__ import annotations

_MOST_MOVES = 20
"""Gaps that no shorter listing explains; after so many the rows have no lasting order, and gaps tell nothing."""


class Positions:
    """Where a walk stands in a listing that is asked for by position."""

    def __init__(self, size: int, *, overlap: bool) -> None:
        self.size = size
        """Most rows to ask for at once."""
        self.start = 0
        """Of the page asked for."""
        self.end = 0
        """Behind the last row that came."""
        self.overlap = overlap
        """Whether pages begin with a row that is known. Switch it off for rows that cannot be told apart."""
        self._numbered = 0
        self._longest = 0
        self._total: int | None = None
        self._moves = 0
        self._goal = 0
        self._is_back = False

    def window(self, left: int | None) -> tuple[int, int]:
        """Offset and length of the next page, of which `left` rows are still wanted."""
        length = self.size if left is None else min(self.size, left + self.end - self.start)
        return self.start, length

    def numbered(self, left: int | None) -> tuple[int, int]:
        """Number and size of the next page where pages of one size are counted from 1.

        A page that begins with a certain row has one of few sizes: of those up to ours, the one that reaches farthest, or
        no farther than needed.
        """
        ends = {(self.start // size + 1) * size: size for size in range(1, self.size + 1)}
        if not self._overlaps or not (self._is_back or max(ends) > self.end):
            self.start = self.end
            ends = {self.end + size: size for size in range(1, self.size + 1) if self.end % size == 0}
        enough = [end for end in ends if left is not None and end >= self.end + left]
        end = min(enough) if enough else max(ends)
        self._numbered = ends[end]
        self.start = end - self._numbered
        return end // self._numbered, self._numbered

    def is_gap(self, count: int, total: int | None, *, is_known: bool) -> bool:
        """Whether rows may be missing before a page of `count` rows, the first of which is known or not."""
        if not 0 < self.start < self.end:
            return False
        if not count:  # it lacks even the row that we know: the listing became shorter, or it is a fault
            return total is None or total <= self.end
        return not is_known

    def step_back(self, total: int | None) -> bool:
        """Ask for an earlier page instead: the one before, or all from the start; False after too many times."""
        if total is None or self._total is None or total >= self._total:
            self._moves += 1
        self._total = total
        if self._moves > _MOST_MOVES:
            self.overlap = False
            return False
        self._goal = max(self._goal, self.end)
        self.start = 0 if self._is_back else max(0, self.start - self.size + 1)
        self._is_back = True
        return True

    def advance(self, count: int, total: int | None) -> bool:
        """Go on behind a page of `count` rows; whether it reached farther than all before."""
        self._total = total
        if not count:
            return False
        farthest, self.end = max(self.end, self._goal), self.start + count
        self._longest = max(self._longest, count)
        if count < self._numbered:
            self.size = min(
                self.size, self._longest
            )  # the server's own maximum, perhaps, by which it then counts
        self._is_back = False
        self.start = self.end - 1 if self._overlaps else self.end
        return self.end > farthest

    @property
    def is_catching_up(self) -> bool:
        """Whether the walk has gone back, and is not yet where it was."""
        return 0 < self.end <= self._goal

    @property
    def _overlaps(self) -> bool:
        # With pages of one row there would be no next row.
        return self.overlap and self._longest > 1
