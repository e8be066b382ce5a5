"""Pieces of HTML. All values of a run go through `text` or `href`, because names and errors are untrusted input."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

from pixxel_async.bulk._state import State

ORDER = (
    State.FAILED,
    State.HELD,
    State.BLOCKED,
    State.PARTIAL,
    State.NO_IMAGE,
    State.RUNNING,
    State.WAITING,
    State.DONE,
)
"""The states in order of importance for a reader."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)

# Drawn in a circle, so that the state does not depend on its colour alone.
_SIGNS = {
    State.DONE: '<path d="M4.4 8.3l2.5 2.5 4.7-5.2"/>',
    State.PARTIAL: '<path class="solid" d="M8 3.4a4.6 4.6 0 0 1 0 9.2z"/>',
    State.NO_IMAGE: '<circle cx="8" cy="8" r="3.4"/><path d="M4.4 11.6l7.2-7.2"/>',
    State.FAILED: '<path d="M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6"/>',
    State.HELD: '<path d="M5.8 6.2a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.5M8 12v.1"/>',
    State.BLOCKED: '<path d="M4.4 8h7.2"/>',
    State.RUNNING: '<path class="solid" d="M6.3 4.6l5.4 3.4-5.4 3.4z"/>',
    State.WAITING: '<circle cx="8" cy="8" r="3"/>',
}


def text(value: object) -> str:
    """Text as HTML, between tags or in a quoted attribute; invisible characters are shown as �."""
    return html.escape(_INVISIBLE.sub("�", str(value)))


def href(path: str) -> str:
    """A path relative to the page as a link's address; a browser never reads it as another scheme or host."""
    return html.escape(quote(path, safe="/"))


def style(state: State) -> str:
    """The CSS class of a state."""
    return f"s-{state.name.lower()}"


def sign(state: State) -> str:
    """The sign of a state; decoration only, because the state's name is beside it."""
    return f'<svg class="sign {style(state)}" aria-hidden="true"><use href="#{sign_id(state)}"/></svg>'


def sign_id(state: State) -> str:
    """The id of the drawing of a state's sign."""
    return f"i-{state.name.lower()}"


def signs() -> str:
    """The drawings of all signs, for the start of the page."""
    drawings = "".join(
        f'<symbol id="{sign_id(state)}" viewBox="0 0 16 16"><circle class="disc" cx="8" cy="8" r="7.5"/>{drawing}</symbol>'
        for state, drawing in _SIGNS.items()
    )
    return f'<svg class="drawings" width="0" height="0" aria-hidden="true">{drawings}</svg>'


def badge(state: State) -> str:
    """A state with its sign and name."""
    return f'<span class="badge">{sign(state)}{text(state.value)}</span>'


def duration(seconds: float) -> str:
    """Seconds for a person."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def moment(instant: datetime) -> str:
    """An instant in UTC for a person."""
    return f"{instant.day} {instant:%B %Y, %H:%M} UTC"


def amount(tokens: float) -> str:
    """Tokens for a person."""
    return f"{tokens:,.6f}".rstrip("0").rstrip(".")


def counted(number: int, word: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
