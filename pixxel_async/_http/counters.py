"""What one client counts."""

from __future__ import annotations

from pixxel_async._http.events import Stats


class Counters:
    """Counted where it happens, shown as `Stats`."""

    __slots__ = (
        "bytes_downloaded",
        "bytes_received",
        "calls",
        "files",
        "requests",
        "retries",
        "waiting",
        "waits",
    )

    def __init__(self) -> None:
        self.calls = 0
        self.requests = 0
        self.retries = 0
        self.bytes_received = 0
        self.bytes_downloaded = 0
        self.files = 0
        self.waits = 0
        self.waiting = 0

    def snapshot(self, *, unresolved: int) -> Stats:
        """The counts of this moment, with one that is kept elsewhere."""
        return Stats(unresolved=unresolved, **{name: getattr(self, name) for name in self.__slots__})
