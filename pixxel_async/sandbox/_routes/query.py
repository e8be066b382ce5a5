"""Conditions on the properties of STAC items, and sorting by them, for archive and catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pixxel_async.sandbox._base.refusal import bad_request

Item = Mapping[str, Any]

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted or (isinstance(value, list) and _holds(value, wanted)),
    "gt": lambda value, wanted: value > wanted,
    "lt": lambda value, wanted: value < wanted,
}


def condition(
    query: Mapping[str, Any] | None, *, aliases: Mapping[str, str] | None = None
) -> Callable[[Item], bool] | None:
    """Whether an item meets all conditions: `{property: {operator: value}}`, or `{property: value}` for equal.

    `aliases` maps other spellings of a property to its name in the item.

    Raises:
        Refusal: 400 for an unknown operator.
    """
    if not query:
        return None
    tests: list[tuple[str, Callable[[Any, Any], bool], Any]] = []
    for name, wanted in query.items():
        for operator, value in (wanted if isinstance(wanted, dict) else {"eq": wanted}).items():
            if operator not in _OPERATORS:
                raise bad_request(f"body.query.{name}: operators are {', '.join(_OPERATORS)}")
            tests.append(((aliases or {}).get(name, name), _OPERATORS[operator], value))
    return lambda item: all(_meets(test, _property(item, name), value) for name, test, value in tests)


def sort_keys(fields: list[dict[str, str]] | None) -> list[tuple[Callable[[Item], Any], bool]]:
    """The sort keys: one for each field, the most important first, with the direction.

    A field is a property's name, or a path such as `properties->>'datetime'`. Items without it are first.
    """
    return [(_sort_key(field["field"]), field["direction"].lower() == "desc") for field in fields or []]


def _sort_key(field: str) -> Callable[[Item], Any]:
    name = field.split("->")[-1].strip(">' \"").removeprefix("properties.")

    def key(item: Item) -> tuple[int, Any]:
        value = _property(item, name)
        if isinstance(value, int | float):
            return 1, value
        return (2, value) if isinstance(value, str) else (0, 0)

    return key


def _property(item: Item, name: str) -> Any:
    properties = item.get("properties", {})
    if name in properties:
        return properties[name]
    if name == "bands":
        return list(item.get("assets", {}))
    return item.get(name) if name in ("id", "collection") else None


def _meets(test: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    try:
        return value is not None and test(value, wanted)
    except TypeError:
        return False


def _holds(value: list[Any], wanted: Any) -> bool:
    return all(each in value for each in wanted) if isinstance(wanted, list) else wanted in value
