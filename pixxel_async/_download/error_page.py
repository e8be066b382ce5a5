"""Detects errors that a server sends with status 200, by the file's suffix and the start of its content."""

from __future__ import annotations

import re
from pathlib import Path

_BINARY_ENDINGS = frozenset(
    {".gz", ".h5", ".hdf", ".jp2", ".jpeg", ".jpg", ".nc", ".png", ".tar", ".tif", ".tiff", ".zip"}
)
_MARKUP_ENDINGS = frozenset({".htm", ".html", ".xhtml"})
_TEXT_TYPES = frozenset({"text/html", "text/xml", "text/plain", "application/xml", "application/json"})
_ERROR = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?Error[\s>]", re.IGNORECASE)
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)", re.IGNORECASE)
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml", re.IGNORECASE)


def is_error_page(content_type: str, head: bytes, name: str) -> bool:
    """Whether content that begins with `head` is an error or a login page instead of the file `name`."""
    ending = Path(name).suffix.lower()
    if _ERROR.match(head) or (ending not in _MARKUP_ENDINGS and _PAGE.match(head)):
        return True
    if ending not in _BINARY_ENDINGS:
        return False
    is_text = content_type in _TEXT_TYPES and bool(head) and b"\0" not in head[:1024]
    return is_text or _XML.match(head) is not None
