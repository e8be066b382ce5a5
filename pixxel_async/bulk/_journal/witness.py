"""What is kept of a run outside of its folder: enough to notice that its journal was replaced by an older copy.

A copy lacks the creates that were announced after it was taken, so nothing in it says that they may exist. The witness has the
mark of the journal's last session and the number of creates that were announced. On another machine there is none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from pixxel_async.bulk._journal.records import Header
from pixxel_async.bulk._output import write_atomically
from pixxel_async.errors import PixxelError

_log = logging.getLogger(__name__)


def state_folder() -> Path:
    """Where programs keep state of a user: `XDG_STATE_HOME` if it is set, else as the platform has it."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support"
    return Path.home() / ".local/state"


class Witness:
    """The witness of one run. Where it cannot be kept, the journal counts as one that may be older."""

    def __init__(self, header: Header) -> None:
        key = "\n".join((header.base_url, header.run_id, header.started.isoformat()))
        self._name = hashlib.sha256(key.encode()).hexdigest()[:32]
        self._handle = -1
        self._mark = ""

    @property
    def _path(self) -> Path:
        return state_folder() / "pixxel-async" / "runs" / self._name

    def read(self) -> tuple[str, int] | None:
        """Mark of the last session and number of creates announced; None where that is not known."""
        try:
            mark, count = self._path.read_text().split()
            return mark, int(count)
        except (OSError, RuntimeError, ValueError):  # RuntimeError: there is no home
            return None

    def begin(self, mark: str, count: int) -> None:
        """Keep the mark of a session that begins; on the disk when it returns."""
        self._mark = mark
        try:
            write_atomically(self._path, self._line(count))
            self._handle = os.open(self._path, os.O_WRONLY)
        except (OSError, RuntimeError, PixxelError) as error:
            _log.warning("the state of the run cannot be kept outside of its folder: %s", error)

    def note(self, count: int) -> None:
        """Keep the number of creates announced. It survives the end of the process."""
        if self._handle >= 0:
            with suppress(OSError):  # then it is behind, and notices less
                os.lseek(self._handle, 0, os.SEEK_SET)
                os.write(self._handle, self._line(count))

    def _line(self, count: int) -> bytes:
        return f"{self._mark} {count:020d}\n".encode()

    def close(self) -> None:
        """Keep what there is. Safe to call twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """The run is given up."""
        self.close()
        with suppress(OSError, RuntimeError):
            self._path.unlink(missing_ok=True)
