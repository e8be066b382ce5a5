"""The base of all models: names on the wire, unknown keys, equality, repr, pickling, and conversion to JSON."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import (
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from pixxel_async._codec.times import rfc3339

Timestamp = datetime
"""An aware `datetime`. Models use this name because STAC has a field called `datetime`."""


class WireName(str):
    """The key of a field in JSON, if it is not the name of the attribute: `Annotated[float, WireName("eo:gsd")]`."""

    __slots__ = ()


class Sensitive:
    """Marks a field whose value `repr()` and so logs do not show: `Annotated[dict[str, str], Sensitive()]`."""


class Member(NamedTuple):
    """One field of a model class, as readers and writers need it."""

    attribute: str
    wire: str
    type: object
    """The annotation without its marks."""
    is_sensitive: bool


_members: dict[type, tuple[Member, ...]] = {}


def members(cls: type[Model]) -> tuple[Member, ...]:
    """The fields of a model class, in the order of their definition."""
    known = _members.get(cls)
    if known is None:
        # Resolved late: a class may name itself or a later one in its annotations.
        hints = get_type_hints(cls, include_extras=True)
        known = tuple(_member(attribute.name, hints[attribute.name]) for attribute in attrs.fields(cls))
        _members[cls] = known
    return known


def _member(name: str, annotation: object) -> Member:
    marks: list[object] = []
    if get_origin(annotation) is Annotated:
        annotation, *marks = get_args(annotation)
    wire_name = next((str(mark) for mark in marks if isinstance(mark, WireName)), name)
    return Member(name, wire_name, annotation, any(isinstance(mark, Sensitive) for mark in marks))


class Model:
    """Base of the models. `None` means not given: missing or null in a response, left out of a request."""

    __slots__ = ("extra",)

    __attrs_attrs__: ClassVar[Any]
    extra: dict[str, Any] | None
    """What else a response had, as received: unknown keys, and unreadable values. None if there is nothing."""

    def __attrs_pre_init__(self) -> None:
        self.extra = None

    # attrs asks for it once per class; a stored one costs nothing.
    __attrs_pre_init__.__signature__ = inspect.signature(__attrs_pre_init__)  # type: ignore[attr-defined]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the names of the API. None is left out. A value in `extra` returns to its place, unless the field
        has a value by now."""
        return {key: json_value(value) for key, value in self._given().items()}

    def _given(self) -> dict[str, Any]:
        """The values that are not None, by their keys in JSON."""
        result = dict(self.extra or {})
        for member in members(type(self)):
            if (value := getattr(self, member.attribute)) is not None:
                result[member.wire] = value
        return result

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    def __repr__(self) -> str:
        fields = members(type(self))
        shown = [
            f"{member.attribute}={'***' if member.is_sensitive else repr(value)}"
            for member in fields
            if (value := getattr(self, member.attribute)) is not None
        ]
        if self.extra:
            secret = {member.wire for member in fields if member.is_sensitive}
            extra = (
                f"{key!r}: {'***' if key in secret else repr(value)}" for key, value in self.extra.items()
            )
            shown.append(f"extra={{{', '.join(extra)}}}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        state = {attribute.name: getattr(self, attribute.name) for attribute in attrs.fields(type(self))}
        return {**state, "extra": self.extra}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # Not by plain assignment: that would convert and check request fields a second time, half of them unset.
        for name in (*(attribute.name for attribute in attrs.fields(type(self))), "extra"):
            object.__setattr__(self, name, state.get(name))


M = TypeVar("M", bound=Model)


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field,))
def model(cls: type[M]) -> type[M]:
    """Make a subclass of `Model` out of its annotations: keyword-only, slotted.

    The annotation of a field with a converter is the type that it accepts: mypy knows converters only in attrs' decorators.
    Equality, repr and pickling are inherited: compiled per class they would double the time of the import.
    """
    return attrs.define(kw_only=True, slots=True, eq=False, repr=False, getstate_setstate=False)(cls)


_JSON_SCALARS = frozenset({str, int, float, bool, type(None)})


def json_value(value: object) -> Any:
    """Models, enums, datetimes and containers of them as JSON values; the containers are new ones."""
    if type(value) in _JSON_SCALARS:
        return value
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key) if isinstance(key, str) else key: json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [item if type(item) in _JSON_SCALARS else json_value(item) for item in value]
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):  # for example numpy's
        return float(value)
    return value


def json_default(value: object) -> object:
    """A value that orjson can write, in place of one that it cannot; the contents stay as they are.

    Raises:
        TypeError: there is no such value.
    """
    if isinstance(value, Model):
        return value._given()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError
