"""Selects the version of a block: Semantic Versioning 2.0, in the API's spelling."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from pixxel_async.models import Block

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"[vV]?(?P<numbers>{_NUMBER}(?:\.{_NUMBER}){{0,2}})"
    rf"(?:-(?P<pre>{_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_NOT_OFFERED = frozenset({"draft", "disabled"})
_NOT_OFFERED_NUMBERS = frozenset({0, 2})
"""The same as numbers in a block's `spec.status`, from the vendor's block registry: draft 0, released 1, disabled 2."""

_Identifier = tuple[int, int, str]


@attrs.frozen(order=True)
class Precedence:
    """Orders versions by the rules of Semantic Versioning. Equal precedence means the same version."""

    numbers: tuple[_Identifier, ...]
    """Major, minor and patch."""
    is_release: bool
    """Whether it is a release; pre-releases sort before it."""
    pre: tuple[_Identifier, ...]

    @classmethod
    def of(cls, text: str) -> Precedence | None:
        """The precedence of a version such as `1.0.0`, `v1.0.0-rc.1+7` or `v1`; None if the text is not a version."""
        found = _SEMVER.fullmatch(text.strip())
        if found is None:
            return None
        numbers = [*found["numbers"].split("."), "0", "0"][:3]
        pre = found["pre"].split(".") if found["pre"] else ()
        return cls(tuple(map(_identifier, numbers)), not pre, tuple(map(_identifier, pre)))


def _identifier(text: str) -> _Identifier:
    """Numbers sort before text. They are compared by length first, since `int` refuses very long ones."""
    return (0, len(text), text) if text.isdecimal() else (1, 0, text)


def newest(blocks: Sequence[Block]) -> Block | None:
    """The newest available version: not a draft, disabled or a pre-release. None if there is none."""
    offered = [(found, block) for block in blocks if _is_offered(block) and (found := _precedence(block))]
    releases = [(found, version_of(block), block) for found, block in offered if found.is_release]
    return max(releases, key=lambda release: release[:2], default=(None, None, None))[2]


def named(blocks: Sequence[Block], wanted: str) -> Block | None:
    """The version spelled `wanted`, else the one with the same precedence. None if there is none."""
    precedence = Precedence.of(wanted)
    same = [
        block
        for block in blocks
        if version_of(block) == wanted or (precedence is not None and _precedence(block) == precedence)
    ]

    def closeness(block: Block) -> tuple[bool, bool, bool, str]:
        text = version_of(block)
        return text == wanted, _bare(text) == _bare(wanted), _is_offered(block), text

    return max(same, key=closeness, default=None)


def version_of(block: Block) -> str:
    """The version in the API's spelling; empty if the API states none."""
    return (block.spec.version if block.spec else None) or ""


def _bare(text: str) -> str:
    return text.strip().removeprefix("v").removeprefix("V")


def _precedence(block: Block) -> Precedence | None:
    return Precedence.of(version_of(block))


def _is_offered(block: Block) -> bool:
    status = block.spec.status if block.spec else None
    return (
        block.block_status or ""
    ).strip().casefold() not in _NOT_OFFERED and status not in _NOT_OFFERED_NUMBERS
