"""The sandbox's ledger: every resource created and every token charged, so that tests can check both."""

from __future__ import annotations

from datetime import datetime

import attrs


@attrs.frozen
class Entry:
    """One line of the ledger."""

    at: datetime
    operation: str
    """operationId of the call."""
    resource_id: str
    """Id of the resource that was made or charged."""
    key: str
    """Two resources with the same key are duplicates for a customer: a name, or the content of the request."""
    tokens: int = 0
    """Tokens charged; negative for a refund."""


class Ledger:
    """All entries, oldest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def record(self, entry: Entry) -> None:
        """Append one line; lines are never changed."""
        self._entries.append(entry)

    def entries(self, operation: str | None = None) -> list[Entry]:
        """All lines, or the lines of one operation."""
        return [entry for entry in self._entries if operation in (None, entry.operation)]

    @property
    def spent(self) -> int:
        """Tokens charged in total, minus refunds."""
        return sum(entry.tokens for entry in self._entries)

    def duplicates(self, operation: str | None = None) -> dict[tuple[str, str], list[Entry]]:
        """Resources made or bought more than once: operation and key, with the entries. Refunds do not count."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries(operation):
            if entry.tokens >= 0:
                groups.setdefault((entry.operation, entry.key), []).append(entry)
        return {name: entries for name, entries in groups.items() if len(entries) > 1}
