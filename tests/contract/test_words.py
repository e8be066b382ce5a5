"""The text of the project uses the field's terms: some words must not appear in it.

The rule holds for Markdown, for the spec, and for docstrings, comments and other strings of Python. See CONTRIBUTING.md.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELD = (
    "*.md",
    "*.py",
    "*.toml",
    ".pre-commit-config.yaml",
    "codegen/**/*.py",
    "codegen/**/*.jinja2",
    "docs/**/*.md",
    "examples/*.py",
    "openapi/*.md",
    "openapi/*.yaml",
    "pixxel_async/*.py",
    "pixxel_async/_*/**/*.py",
    "pixxel_async/geometry/**/*.py",
    "pixxel_async/models/**/*.py",
    "pixxel_async/bulk/**/*.py",
    "pixxel_async/cli/**/*.py",
    "pixxel_async/sandbox/**/*.py",
)
"""Files that are held to the rule. Add the others as they are rewritten."""
BANNED = re.compile(
    r"(?<![\w-])(?:look(?:s|ed|ing)?|told|tells?|telling|stands?|stood|things?|words?|whoever|nobody|somebody|anew"
    r"|mend(?:s|ed|ing)?|comes? to|came to|goes? on with|of ours)(?![\w-])",
    re.IGNORECASE,
)
F_STRING = re.compile(r"(?i)(?:f|rf|fr)['\"]")
"""One token before Python 3.12, with the expressions in it."""
EXPRESSION = re.compile(r"\{[^{}]*\}")
ALLOWED = re.compile(
    r"\b(?:look(?:s|ed|ing)? (?:(?:it|them|him) )?up|\d+ words|test_words\.py)\b", re.IGNORECASE
)


def held_files() -> list[Path]:
    return [path for pattern in HELD for path in sorted(ROOT.glob(pattern))]


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers; of Python those of comments and strings."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("COMMENT", "STRING", "FSTRING_MIDDLE"):
            shown = EXPRESSION.sub("", token.string) if F_STRING.match(token.string) else token.string
            yield from enumerate(shown.splitlines(), token.start[0])


def banned(line: str) -> list[str]:
    return BANNED.findall(ALLOWED.sub("", line))


@pytest.mark.parametrize("path", held_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_has_no_banned_word(path: Path) -> None:
    found = [f"{number}: {', '.join(banned(line))}" for number, line in lines(path) if banned(line)]
    assert [] == found


def test_whole_words_are_banned_but_for_the_allowed() -> None:
    assert ["Nobody", "came to", "things"] == banned(
        "Nobody came to look it up; lookups, passwords and things"
    )


def test_every_pattern_names_files() -> None:
    assert [] == [pattern for pattern in HELD if not list(ROOT.glob(pattern))]


def test_code_itself_is_not_text(tmp_path: Path) -> None:
    """Names of variables are free; comments, strings and f-strings are not."""
    (tmp_path / "x.py").write_text('tell = 1  # told\ntext = f"word {tell}"\n"""A\nthing."""\n', "utf-8")
    found = [(number, *banned(line)) for number, line in lines(tmp_path / "x.py") if banned(line)]
    assert [(1, "told"), (2, "word"), (4, "thing")] == found
