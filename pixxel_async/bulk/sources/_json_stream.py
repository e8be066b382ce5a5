"""Splits JSON texts of any length into their values.

The scanner uses only brackets and strings to find the end of a value; orjson parses the value. So a broken feature does
not hide later ones, each has its line number, and only one is in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import orjson

from pixxel_async.bulk.sources._rows import LARGEST, Refused

BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
# Only a brace can end an object, and coordinates hold none: the regular expression skips them at the speed of C.
_ENDS = {b"{": re.compile(rb'["{}]'), b"[": re.compile(rb'["\[\]]')}


class JsonStream:
    """A JSON text, read from start to end."""

    def __init__(self, file: BinaryIO, chunk: int = 2**16) -> None:
        self._file = file
        self._chunk = chunk
        self._data = b""
        self._at = 0
        self._line, self._counted = 1, 0
        while len(self._data) < len(BOM) and self._more():
            pass
        self._data = self._data.removeprefix(BOM)

    @property
    def line(self) -> int:
        """Number of the current line, from 1."""
        self._line += self._data.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> bytes:
        """The next non-blank character; empty at the end."""
        while True:
            blank = _BLANK.match(self._data, self._at)
            assert blank is not None  # the pattern also matches the empty text
            self._at = blank.end()
            if self._at < len(self._data) or not self._more():
                return self._data[self._at : self._at + 1]

    def take(self, sign: bytes) -> None:
        """Skip one character.

        Raises:
            Refused: The next character is another one.
        """
        found = self.peek()
        if found != sign:
            there = repr(found.decode("ascii", "replace")) if found else "the end of the file"
            raise Refused(f"not JSON: {there} where {sign.decode()!r} is needed", line=self.line)
        self._at += 1

    def members(self) -> Iterator[str]:
        """The keys of an object; read the value of each before the next key."""
        self.take(b"{")
        while self.peek() != b"}":
            line = self.line
            try:
                key = orjson.loads(self.value() if self.peek() == b'"' else b"")
            except orjson.JSONDecodeError:
                raise Refused("not JSON: a key in quotes is needed", line=line) from None
            self.take(b":")
            yield key
            if self.peek() != b"}":
                self.take(b",")
        self.take(b"}")

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """The elements of an array as text, each with its line number."""
        self.take(b"[")
        while self.peek() != b"]":
            line = self.line
            yield line, self.value()
            if self.peek() != b"]":
                self.take(b",")
        self.take(b"]")

    def value(self) -> bytes:
        """The text of the next value.

        Raises:
            Refused: The value does not end, or it is too large.
        """
        head, line = self.peek(), self.line
        if self._at > self._chunk:
            self._data = self._data[self._at :]
            self._at = self._counted = 0
        begin = self._at
        if head in _ENDS:
            self._at = self._end_of_container(_ENDS[head], line)
        else:
            self._at = self._end_of(_STRING if head == b'"' else _SCALAR, begin, line)
        return self._data[begin : self._at]

    def _end_of_container(self, ends: re.Pattern[bytes], line: int) -> int:
        depth, at = 0, self._at
        while True:
            found = ends.search(self._data, at)
            if found is None:
                at = len(self._data)
                self._must_grow(line)
            elif found[0] == b'"':
                at = self._end_of(_STRING, found.start(), line)
            else:
                depth += 1 if found[0] in _ENDS else -1
                at = found.end()
                if not depth:
                    return at

    def _end_of(self, pattern: re.Pattern[bytes], start: int, line: int) -> int:
        while True:
            found = pattern.match(self._data, start)
            # A number at the end of the buffer may continue.
            if found and (found.end() < len(self._data) or pattern is _STRING or not self._more()):
                return found.end()
            if not found:
                if pattern is _SCALAR:
                    raise Refused("not JSON: a value is missing", line=line)
                self._must_grow(line)

    def _must_grow(self, line: int) -> None:
        if not self._more():
            raise Refused(
                "not JSON: the value that starts here does not end", "is the file whole?", line=line
            )
        if len(self._data) - self._at > LARGEST:
            raise Refused(
                f"the value that starts here takes more than {LARGEST // 2**20} MiB",
                "simplify or split it",
                line=line,
            )

    def _more(self) -> bool:
        # Double the buffer, so that a large value is not copied for every chunk.
        chunk = self._file.read(max(self._chunk, len(self._data) - self._at))
        self._data += chunk
        return bool(chunk)
