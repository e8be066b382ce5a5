"""The sandbox's books: every thing created and every token charged, so that a test can prove what happened."""

from __future__ import annotations

from datetime import datetime

import attrs


@attrs.frozen
class Entry:
    """One line of the books."""

    at: datetime
    operation: str
    """operationId of the call that caused it."""
    resource_id: str
    """Id of what was made or charged."""
    key: str
    """What makes two such things the same in the customer's eyes: a name, or the content of the request."""
    tokens: int = 0
    """Charged; negative for a refund."""


class Ledger:
    """All entries, oldest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def record(self, entry: Entry) -> None:
        """Write one line; the books are never corrected, only continued."""
        self._entries.append(entry)

    def entries(self, operation: str | None = None) -> list[Entry]:
        """All lines, or those of one operation."""
        return [entry for entry in self._entries if operation in (None, entry.operation)]

    @property
    def spent(self) -> int:
        """Tokens charged in all, refunds taken off."""
        return sum(entry.tokens for entry in self._entries)

    def duplicates(self, operation: str | None = None) -> dict[tuple[str, str], list[Entry]]:
        """What was made or bought more than once: operation and key, with the entries. Refunds do not count."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries(operation):
            if entry.tokens >= 0:
                groups.setdefault((entry.operation, entry.key), []).append(entry)
        return {name: entries for name, entries in groups.items() if len(entries) > 1}
