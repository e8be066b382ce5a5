"""Index expressions of band names, numbers, `+ - * /` and parentheses; three, separated by commas, are a composite."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from pixxel_async.sandbox._world.geometry import Floats

LONGEST = 1_000
"""Length limit of an expression, in characters."""

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@attrs.frozen
class Expression:
    """A valid expression, which contains only arithmetic."""

    parts: tuple[ast.expr, ...]
    """One part, or the red, green and blue parts of a composite."""

    @property
    def bands(self) -> list[str]:
        """Its names, sorted, without duplicates."""
        nodes = (node for part in self.parts for node in ast.walk(part))
        return sorted({node.id for node in nodes if isinstance(node, ast.Name)})

    def evaluate(self, band: Callable[[str], Floats]) -> list[Floats]:
        """The value of each part; not finite where it divides by zero.

        Args:
            band: Returns the pixels of the band with this name.
        """
        with np.errstate(all="ignore"):
            return [np.asarray(_value(part, band), dtype=np.float64) for part in self.parts]


def parse(text: str) -> Expression:
    """Parse an expression.

    Raises:
        ValueError: it contains other elements than band names, numbers, `+ - * /` and parentheses, or has two parts.
    """
    if len(text) > LONGEST:
        raise ValueError(f"the expression is longer than {LONGEST} characters")
    try:
        root = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"not an expression of bands, numbers, + - * / and parentheses: {text!r}") from None
    parts = tuple(root.elts) if isinstance(root, ast.Tuple) else (root,)
    if len(parts) not in (1, 3):
        raise ValueError(f"an expression has one part or three, separated by commas: {text!r}")
    for part in parts:
        _check(part, text)
    return Expression(parts)


def _check(node: ast.expr, text: str) -> None:
    match node:
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            _check(left, text)
            _check(right, text)
        case ast.UnaryOp(ast.UAdd() | ast.USub(), operand):
            _check(operand, text)
        case ast.Constant(int() | float() as number) if not isinstance(number, bool) and abs(number) < 1e30:
            pass
        case ast.Name():
            pass
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is not allowed in the expression {text!r}")


def _value(node: ast.expr, band: Callable[[str], Floats]) -> Any:
    match node:
        case ast.BinOp(left, op, right):
            with np.errstate(all="ignore"):
                return _OPERATORS[type(op)](_value(left, band), _value(right, band))
        case ast.UnaryOp(op, operand):
            value = _value(operand, band)
            return -value if isinstance(op, ast.USub) else value
        case ast.Constant(number):
            return np.float64(number)  # type: ignore[arg-type]  # _check accepts numbers only
        case ast.Name(name):
            return band(name)
    raise AssertionError(f"_check accepted {node}")
