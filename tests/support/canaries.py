"""A watch over all tests: what is secret in them must be in no log record, no error, and no file that they leave.

Secret are tokens and signatures that hold one of the words below; the sandbox's token and its signatures are such.
"""

from __future__ import annotations

import logging
import pickle
import re
import reprlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from pixxel_async import CallError, InvalidInput, PixxelError

SECRET = re.compile(r"canary-\w|c4n4ry|sandbox-token|X-Signature=[0-9a-f]")
_TESTS = str(Path(__file__).parents[1])
_LARGEST = 2**20
_HOLDS_A_TOKEN = {"config.toml"}
"""Files whose purpose it is."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 10_000
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 30


class Watch(logging.Handler):
    """Hears every log record, sees every error of the SDK when it dies, and looks through files."""

    def __init__(self, secret: re.Pattern[str] = SECRET) -> None:
        super().__init__()
        self._secret = secret
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = f"{record.getMessage()} {getattr(record, 'pixxel', '')}"
        if record.exc_info:
            said += logging.Formatter().formatException(record.exc_info)
        self._judge(f"a log record of {record.name}", said)

    def look_at(self, error: PixxelError) -> None:
        """Everything that a program could show of an error."""
        if isinstance(error, CallError) and not error.endpoint:
            return  # not finished: it never left the transport
        where = type(error).__name__
        self._judge(f"str, repr or notes of {where}", f"{error} {error!r} {getattr(error, '__notes__', '')}")
        self._judge(f"attributes of {where}", repr(vars(error)))
        self._judge(f"the pickle of {where}", _pickled(error))
        # The frames of invalid input hold geometries of any size, and never a token.
        if _has_come_out(error) and not isinstance(error, InvalidInput):
            for name, value in _locals(error.__traceback__):
                self._judge(f"the local variable {name} in the traceback of {where}", _readable(value))

    def look_through(self, folder: Path) -> None:
        """The small files of a folder: journals, sidecars, reports."""
        for path in folder.rglob("*"):
            if path.name not in _HOLDS_A_TOKEN and path.is_file() and path.stat().st_size <= _LARGEST:
                self._judge(f"the file {path}", path.read_bytes().decode("latin-1"))

    def _judge(self, where: str, text: str) -> None:
        found = self._secret.search(text)
        if found:
            self.leaks.append(f"{where}: {text[max(0, found.start() - 60) : found.end() + 20]!r}")


def _readable(value: Any) -> str:
    try:
        return _SHORT.repr(value)
    except Exception:  # of a test that is about such values
        return ""


def _pickled(error: PixxelError) -> str:
    try:
        return pickle.dumps(error, 0).decode("latin-1")
    except Exception:  # it holds something of a test's that cannot be pickled
        return ""


def _has_come_out(error: PixxelError) -> bool:
    """Whether it was caught by a test."""
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_TESTS)


def _locals(traceback: TracebackType | None) -> Iterator[tuple[str, Any]]:
    """The variables of all frames but those of tests, which may know their secrets."""
    while traceback is not None:
        frame = traceback.tb_frame
        if not frame.f_code.co_filename.startswith(_TESTS):
            for name, value in frame.f_locals.items():
                yield f"{frame.f_code.co_qualname}.{name}", value
        traceback = traceback.tb_next
