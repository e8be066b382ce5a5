"""JSON values to models, by a generated function for each class: it fills slots without calling `__init__`.

Reading degrades by field. Any field but an id may be missing or null. Unknown keys and values are kept. A time may have
any of seven shapes. A number in a string is read as a number, and a number in place of text as text. These functions
know no path: values that they refuse are read again in `explaining`, which decides what is an error and names the place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeGuard, TypeVar, Union, get_args, get_origin

import cattrs

from pixxel_async._codec.model import Member, Model, members
from pixxel_async._codec.open_enum import OpenEnum
from pixxel_async._codec.scalars import PASSED_ON, SCALARS, Id, Mismatch, read_text

F = TypeVar("F", bound=Callable[..., object])
Reader = Callable[[object], object]
ModelsReader = Callable[[Collection[object]], list[object]]


def _cached(function: F) -> F:
    """`functools.cache`, typed: type checkers reject a class of unhashable objects as its key."""
    return cache(function)  # type: ignore[return-value]


@_cached
def reader_of(kind: object) -> Reader:
    """The function that reads a value as `kind`: a model, an enumeration, a scalar, or a list, a map or an optional of them."""
    if kind is Any:
        return lambda value: value
    if _is_enum(kind):  # a subclass of str, whose reader cattrs would return
        return lambda value: kind(read_text(value))
    if (inner := _without_none(kind)) is not kind:
        read = reader_of(inner)
        return lambda value: None if value is None else read(value)
    return _registry.get_structure_hook(kind)  # type: ignore[return-value]


def is_model(kind: object) -> TypeGuard[type[Model]]:
    """Whether a kind is a model class."""
    return isinstance(kind, type) and issubclass(kind, Model)


def _is_enum(kind: object) -> TypeGuard[type[OpenEnum]]:
    return isinstance(kind, type) and issubclass(kind, OpenEnum)


def _without_none(annotation: object) -> object:
    alternatives = [item for item in get_args(annotation) if item is not NoneType]
    is_union = get_origin(annotation) in (Union, UnionType)
    return alternatives[0] if is_union and len(alternatives) == 1 else annotation


# Fields


class Field:
    """A field of a model class, as it is read."""

    __slots__ = ("attribute", "is_optional", "kind", "number", "wire")

    def __init__(self, number: int, member: Member) -> None:
        self.number = number
        self.attribute = member.attribute
        self.wire = member.wire
        kind = _without_none(member.type)
        self.is_optional = kind is not member.type or kind is Any
        """Whether it may be None."""
        if member.attribute == "id" or member.attribute.endswith("_id"):
            kind = Id if kind is str else list[Id] if kind == list[str] else kind
        self.kind = kind
        """The type of its value, None aside."""


@_cached
def fields(cls: type[Model]) -> tuple[Field, ...]:
    """The fields of a model class, in the order of their definition."""
    return tuple(Field(number, member) for number, member in enumerate(members(cls)))


@_cached
def attributes(cls: type[Model]) -> dict[str, str]:
    """The attributes of a model class by their keys in JSON."""
    return {field.wire: field.attribute for field in fields(cls)}


def extra_of(raw: dict[str, object], model: Model, attributes: dict[str, str]) -> dict[str, object] | None:
    """The parts of an object outside its fields: unknown keys, and unreadable values."""
    extra = {
        key: value
        for key, value in raw.items()
        if key not in attributes or (value is not None and getattr(model, attributes[key]) is None)
    }
    return extra or None


# Lists and maps


def _list_reader(kind: object) -> Reader:
    (item,) = get_args(kind) or (Any,)
    plain = PASSED_ON.get(item)
    is_passed_on = _passed_on(kind) is not None
    are_rings = kind == list[list[list[float]]]
    read_items = _items_reader(item)

    def read(value: object) -> list[object]:
        if type(value) is not list:
            raise Mismatch("a list", value)
        if (
            is_passed_on
            or (plain and plain.issuperset(map(type, value)))
            or (are_rings and _are_pairs(value))
        ):
            return value
        return read_items(value)

    return read


def _are_pairs(rings: list[Any]) -> bool:
    """Whether these are rings of [number, number]. There may be millions of positions: loops would cost three times as much."""
    try:
        for ring in rings:
            if type(ring) is not list:
                return False
            for x, y in ring:
                if (type(x) is not float and type(x) is not int) or (
                    type(y) is not float and type(y) is not int
                ):
                    return False
    except (TypeError, ValueError):  # a position that is not a pair
        return False
    return True


def _map_reader(kind: object) -> Reader:
    _key, item = get_args(kind) or (str, Any)
    plain = PASSED_ON.get(item)
    is_passed_on = _passed_on(kind) is not None
    read_items = _items_reader(item)

    def read(value: object) -> dict[str, object]:
        if type(value) is not dict:
            raise Mismatch("an object", value)
        if is_passed_on or (plain and plain.issuperset(map(type, value.values()))):
            return value
        return dict(zip(value, read_items(value.values()), strict=True))

    return read


def _items_reader(item: object) -> ModelsReader:
    if is_model(item):
        return _models_reader(item)
    read = reader_of(item)
    return lambda values: [read(value) for value in values]


def _passed_on(kind: object) -> type | None:
    """The type of a JSON value that needs no reading, if a type check is enough."""
    if kind in PASSED_ON:
        return str if kind is Id else kind  # type: ignore[return-value]  # its keys are types
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is list and (not arguments or arguments[0] is Any):
        return list
    return dict if origin is dict and (not arguments or arguments[1] is Any) else None


# Models


@_cached
def _models_reader(cls: type[Model]) -> ModelsReader:
    """Reads objects of one class, many at a time: twenty bands are one call.

    Each set of keys gets a reader at its first use: fields that the API leaves out then cost nothing.
    """
    readers: dict[tuple[str, ...], ModelsReader] = {}

    def read(objects: Collection[Any]) -> list[object]:
        if not objects:
            return []
        keys = tuple(next(iter(objects)))
        reader = readers.get(keys)
        if reader is None:
            if len(readers) == _MOST_READERS or not 0 < len(keys) <= _MOST_KEYS:
                return _general_reader(cls)(objects)
            reader = readers[keys] = _write_reader(cls, keys, read)
        return reader(objects)

    return read


_MOST_READERS = 16
_MOST_KEYS = 200


@_cached
def _general_reader(cls: type[Model]) -> ModelsReader:
    return _write_reader(cls, None, None)


def _write_reader(
    cls: type[Model], keys: tuple[str, ...] | None, read_others: ModelsReader | None
) -> ModelsReader:
    """Write the function for objects with exactly these keys, which passes others to `read_others`; None: any keys."""
    names = attributes(cls)
    there = [field for field in fields(cls) if keys is None or field.wire in keys or not field.is_optional]
    absent = [f"i.{field.attribute} = " for field in fields(cls) if field not in there]
    times = [f"v{field.number} is not None" for field in there if field.kind is datetime]
    if keys is None or not names.keys() >= set(keys):
        extra = "extra_of(o, i, names)"
    else:  # only an empty time is outside the fields
        extra = f"None if {' and '.join(times)} else extra_of(o, i, names)" if times else "None"
    scope: dict[str, Any] = {
        "cls": cls,
        "new": object.__new__,
        "when": datetime.fromisoformat,
        "get": dict.get,  # looked up once, it is called as fast as a subscript
        "read_others": read_others,
        "extra_of": extra_of,
        "names": names,
    }
    lines = [
        # As defaults, these are local names, which are looked up faster than global ones.
        "def read(objects, cls=cls, new=new, get=get, type=type, str=str, float=float, int=int, len=len):",
        " models = []",
        " for o in objects:",
        *(f"  {line}" for line in _fetching(there, keys)),
        "  i = new(cls)",
        *(f"  {line}" for field in there for line in _field_lines(field, scope)),
        f"  {''.join(absent)}i.extra = None",
        *([] if extra == "None" else [f"  i.extra = {extra}"]),
        "  models.append(i)",
        " return models",
    ]
    exec("\n".join(lines), scope)
    return scope["read"]  # type: ignore[no-any-return]


def _fetching(there: list[Field], keys: tuple[str, ...] | None) -> Iterator[str]:
    """The statements that get the values of an object, all before one is read."""
    if keys is None:
        yield from (f"v{field.number} = get(o, {field.wire!r})" for field in there)
        return
    numbers = {field.wire: field.number for field in there}
    yield from (f"v{field.number} = None" for field in there if field.wire not in keys)
    yield "try:"
    yield f" if len(o) != {len(keys)}: raise KeyError"
    yield from (f" v{numbers[key]} = o[{key!r}]" if key in numbers else f" o[{key!r}]" for key in keys)
    yield "except KeyError:"
    yield " models.append(read_others((o,))[0])"
    yield " continue"


def _field_lines(field: Field, scope: dict[str, Any]) -> Iterator[str]:
    """The statements that read one field from its value."""
    value = f"v{field.number}"
    conditions = [f"{value} is not None"] if field.is_optional else []
    passed_on = _passed_on(field.kind)
    if passed_on is not None:
        # 400 is as valid as 400.0; checked second, because it is rarer.
        names = [passed_on.__name__, *(["int"] if passed_on is float else [])]
        conditions = [*(f"type({value}) is not {name}" for name in names), *conditions]
    reading = [] if field.kind is Any else list(_reading_lines(field, scope))
    if reading and conditions:
        yield f"if {' and '.join(conditions)}:"
        reading = [f" {line}" for line in reading]
    yield from reading
    yield f"i.{field.attribute} = {value}"


def _reading_lines(field: Field, scope: dict[str, Any]) -> Iterator[str]:
    """Statements that call the reader of a value, or skip it in the common case."""
    kind, number, value = field.kind, field.number, f"v{field.number}"
    read = f"read{number}({value})"
    _bind_late(scope, f"read{number}", lambda: reader_of(kind))
    if kind is datetime:
        yield f"try: t = when({value})"
        yield "except ValueError: t = None"
        yield f"{value} = t if t is not None and t.tzinfo is not None else {read}"
    elif _is_enum(kind):
        scope[f"members{number}"] = kind._value2member_map_
        yield f"{value} = members{number}.get({value}) or {read}"
    elif is_model(kind):
        _bind_late(scope, f"models{number}", lambda: _models_reader(kind))
        yield f"{value} = models{number}(({value},))[0]"
    else:
        yield f"{value} = {read}"


def _bind_late(scope: dict[str, Any], name: str, look_up: Callable[[], Callable[..., object]]) -> None:
    """Look up a function at its first call: unused ones cost nothing, and a model may contain itself."""

    def first(value: object) -> object:
        scope[name] = look_up()
        return scope[name](value)

    scope[name] = first


# The readers by type


def _model_reader(cls: type[Model]) -> Reader:
    read_models = _models_reader(cls)
    return lambda value: read_models((value,))[0]


def _is_list(kind: object) -> bool:
    return (get_origin(kind) or kind) is list


def _is_map(kind: object) -> bool:
    return (get_origin(kind) or kind) is dict


def _make_registry() -> cattrs.Converter:
    """The readers by type. Unlike cattrs' hooks they take only a value: the type is known when they are made."""
    registry = cattrs.Converter(detailed_validation=False)
    for kind, read in SCALARS.items():
        registry.register_structure_hook(kind, read)  # type: ignore[arg-type]
    for is_of_kind, make in ((_is_list, _list_reader), (_is_map, _map_reader), (is_model, _model_reader)):
        registry.register_structure_hook_factory(is_of_kind, make)  # type: ignore[type-var]
    return registry


_registry = _make_registry()
