"""Where the features of a GeoJSON text stand: `json` tells what is in it, but not on which line."""

from __future__ import annotations

import json
import re

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def feature_lines(text: str) -> list[int]:
    """Line of each element of the member `features` of a JSON object; the first line is 1.

    Args:
        text: The object; it must have been decoded once already, for its syntax is not checked again.
    """
    starts: list[int] = []
    position = _after(text, 0)  # past the opening brace
    while text[position] != "}":
        key, end = _DECODER.raw_decode(text, position)
        position = _after(text, end)  # past the colon
        if key == "features":
            starts, position = _elements(text, position)
        else:
            _, position = _DECODER.raw_decode(text, position)
        position = _past_comma(text, position)
    return _line_numbers(text, starts)


def _elements(text: str, position: int) -> tuple[list[int], int]:
    """Where each element of an array begins, and where the array ends."""
    starts = []
    position = _after(text, position)  # past the opening bracket
    while text[position] != "]":
        starts.append(position)
        _, position = _DECODER.raw_decode(text, position)
        position = _past_comma(text, position)
    return starts, position + 1


def _line_numbers(text: str, positions: list[int]) -> list[int]:
    lines = []
    line, last = 1, 0
    for position in positions:
        line += text.count("\n", last, position)
        lines.append(line)
        last = position
    return lines


def _skip(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    assert found is not None  # the pattern matches the empty text too
    return found.end()


def _after(text: str, position: int) -> int:
    """The next thing behind one sign of punctuation."""
    return _skip(text, _skip(text, position) + 1)


def _past_comma(text: str, position: int) -> int:
    position = _skip(text, position)
    return _skip(text, position + 1) if text[position] == "," else position
