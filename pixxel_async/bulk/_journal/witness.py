"""A record of a run outside its folder. It detects that an older copy has replaced the journal.

A copy lacks the creates that were announced after it was taken. The witness has the mark of the journal's last session
and the number of announced creates. On another machine there is no witness.
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
    """The user's folder for program state: `XDG_STATE_HOME` if it is set, else the platform's default."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support"
    return Path.home() / ".local/state"


class Witness:
    """The witness of one run. If it cannot be written, the journal counts as possibly out of date."""

    def __init__(self, header: Header) -> None:
        key = "\n".join((header.base_url, header.run_id, header.started.isoformat()))
        self._name = hashlib.sha256(key.encode()).hexdigest()[:32]
        self._handle = -1
        self._mark = ""

    @property
    def _path(self) -> Path:
        return state_folder() / "pixxel-async" / "runs" / self._name

    def read(self) -> tuple[str, int] | None:
        """Mark of the last session and number of announced creates; None if not known."""
        try:
            mark, count = self._path.read_text().split()
            return mark, int(count)
        except (OSError, RuntimeError, ValueError):  # RuntimeError: no home folder
            return None

    def begin(self, mark: str, count: int) -> None:
        """Write the mark of a new session; on the disk when it returns."""
        self._mark = mark
        try:
            write_atomically(self._path, self._line(count))
            self._handle = os.open(self._path, os.O_WRONLY)
        except (OSError, RuntimeError, PixxelError) as error:
            _log.warning("cannot write the run's state outside of its folder: %s", error)

    def note(self, count: int) -> None:
        """Write the number of announced creates. It survives the end of the process."""
        if self._handle >= 0:
            with suppress(OSError):  # the witness is then behind, and detects less
                os.lseek(self._handle, 0, os.SEEK_SET)
                os.write(self._handle, self._line(count))

    def _line(self, count: int) -> bytes:
        return f"{self._mark} {count:020d}\n".encode()

    def close(self) -> None:
        """Write all to the disk and close. Safe to call twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Remove the witness of a run that is given up."""
        self.close()
        with suppress(OSError, RuntimeError):
            self._path.unlink(missing_ok=True)
