"""Thumbnails of a run's pictures, embedded in the page."""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path

import attrs

MOST = 48
"""Maximum number of thumbnails on a page."""
_MOST_BYTES = 4 * 2**20
"""Maximum size of all thumbnails together."""
_MOST_BYTES_AS_IT_IS = 100_000
_MOST_PIXELS = 40_000_000
"""Maximum pixels: a larger picture needs too much memory for a thumbnail."""
_EDGE = 360
"""Length of a thumbnail's longer edge, in pixels."""


@attrs.frozen
class Picture:
    """One thumbnail."""

    row: int
    name: str
    file: str
    """Relative to the run's folder."""
    data: str
    """Its `data:` address."""


class Pictures:
    """Collects the first pictures that fit."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._room = _MOST_BYTES
        self.shown: list[Picture] = []
        self.total = 0
        """Number of pictures of the run."""

    def add(self, row: int, name: str, files: list[str]) -> None:
        """Add a row's pictures."""
        for file in files:
            if not file.lower().endswith(".png"):
                continue
            self.total += 1
            if len(self.shown) < MOST and self._room > 0:
                data = _embedded(self._out / file)
                if data is not None and len(data) <= self._room:
                    self._room -= len(data)
                    self.shown.append(Picture(row, name, file, data))


def _embedded(path: Path) -> str | None:
    """A picture as a `data:` URL; None if it cannot be read or does not fit."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            width, height = _size(file.read(24))
            if not 0 < width * height <= _MOST_PIXELS:
                return None
        return _smaller(path) or _as_it_is(path)
    except Exception:  # Pillow raises many errors for a broken file, also SyntaxError and warnings
        return None  # a broken picture must not stop the report


def _size(head: bytes) -> tuple[int, int]:
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return 0, 0
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _smaller(path: Path) -> str | None:
    """A thumbnail, made with Pillow, which only the extra `sandbox` installs."""
    try:
        from PIL import Image, features
    except ImportError:
        return None
    with Image.open(path, formats=["PNG"]) as picture:
        small = picture.convert("RGBA")
    small.thumbnail((_EDGE, _EDGE))
    kind = "webp" if features.check("webp") else "png"
    data = io.BytesIO()
    small.save(data, kind, quality=82)
    return _address(kind, data.getvalue())


def _as_it_is(path: Path) -> str | None:
    if path.stat().st_size > _MOST_BYTES_AS_IT_IS:
        return None
    return _address("png", path.read_bytes())


def _address(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
