"""Every case in cases.toml has a test named after it, and no test names a case that is not there."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
CASES: dict[str, dict[str, Any]] = tomllib.loads((TESTS / "cases.toml").read_text())
REMARKS = CASES.pop("remarks")

_IN_NAME = re.compile(r"test_((?:[a-z]\d{1,2}_)+)")
_IN_ID = re.compile(r"((?:[a-z]\d{1,2}[ _-])+)")


def stated() -> set[str]:
    return {case for section in CASES.values() for case in section if case != "pending"}


def pending() -> set[str]:
    return {case for section in CASES.values() for case in section["pending"]}


def named_in(source: str) -> set[str]:
    """The cases that the tests of a module name."""
    texts = (match for match in map(_match, _labels(ast.parse(source))) if match)
    return {case.upper() for match in texts for case in re.split("[ _-]", match[1]) if case}


def _match(label: tuple[re.Pattern[str], str]) -> re.Match[str] | None:
    pattern, text = label
    return pattern.match(text)


def _labels(tree: ast.AST) -> Iterator[tuple[re.Pattern[str], str]]:
    """What may name a case: names of tests, and ids of their parameters."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield _IN_NAME, name
            case ast.keyword(arg="id" | "ids", value=value):
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield _IN_ID, part.value


def named() -> set[str]:
    return {case for path in sorted(TESTS.rglob("test_*.py")) for case in named_in(path.read_text())}


def test_every_case_has_a_test() -> None:
    missing = stated() - named()
    assert set() == missing - pending(), "no test is named after these cases"
    assert set() == pending() - missing, "these cases have their test: take them out of `pending`"


def test_no_test_names_an_unknown_case() -> None:
    assert set() == named() - stated()


def test_every_case_stands_in_its_section_and_is_a_sentence() -> None:
    for title, section in CASES.items():
        cases = {case: text for case, text in section.items() if case != "pending"}
        assert {title[0]} == {case[0] for case in cases}
        assert [] == [case for case, text in cases.items() if not re.fullmatch(r"\S.{9,}\.", text)]
        assert set() == set(section["pending"]) - set(cases)
    assert set() == set(REMARKS) - stated()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_j10_it_holds(): ...", {"J10"}),
        ("async def test_m4_m5_it_holds(): ...", {"M4", "M5"}),
        ("class TestIt:\n    def test_b1_it_holds(self): ...", {"B1"}),
        ("@parametrize('ring', [param(1, id='t1 open'), 2])\ndef test_it(ring): ...", {"T1"}),
        ("@parametrize('ring', [1, 2], ids=['t1 open', 't2 swapped'])\ndef test_it(ring): ...", {"T1", "T2"}),
        ("def test_a_create_is_sent_once(): ...", set()),
        ("def helper_j10_of_tests(): ...", set()),
        ("# test_j10_it_holds", set()),
    ],
)
def test_a_case_is_named_by_a_test_or_a_parameter(source: str, expected: set[str]) -> None:
    assert expected == named_in(source)
