"""JSON to models and back.

Reading degrades by field. Any field but an id may be missing or null, unknown keys and words survive, a timestamp may have
any of seven shapes. A number in a string is read as a number, a number where text is due as text. An optional field that
holds a scalar which cannot be read is None, and its value is kept in `extra`. Two faults are errors that name their path:
a list or an object where something else is due, or the reverse, and a required id that is missing or not a string.

Every model is read by a function written for it, which fills the slots of the object without calling `__init__`. Only
when that fails is the JSON read again part by part, which is slower but knows the path of each value.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Union, get_args, get_origin

import cattrs
import orjson

from pixxel_async._base.shown import shown
from pixxel_async._codec.model import Member, Model, members, plain, unstructure
from pixxel_async._codec.open_enum import OpenEnum
from pixxel_async.errors import InvalidInput

Hook = Callable[[Any, Any], Any]
ReadAll = Callable[[Collection[Any]], list[Any]]
OnUnreadable = Callable[[str, str], None]
"""Called with a path without indexes and keys, such as `$.orders[].area`, and what is wrong there; never with the value."""


class BodyError(ValueError):
    """Bytes that are not JSON."""


class StructureError(ValueError):
    """JSON of another shape than the type asked for."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        """Where in the JSON, for example `$.orders[3].area`."""
        self.message = message


class _Unreadable(StructureError):
    """A scalar that cannot be read; an optional field can do without it."""

    def __init__(self, path: str, message: str, problem: str) -> None:
        super().__init__(path, message)
        self.problem = problem
        """The message without the value."""


class _Mismatch(Exception):
    """A value of the wrong type."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(f"expected {expected}, got {_describe(value)}")
        self.problem = f"expected {expected}, got {kind_of(value)}"


def _describe(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"a string {value if len(value) <= 40 else value[:40] + '…'!r}"
        case int() | float():
            return f"a number {value!r}"
        case list():
            return f"a list of {len(value)}"
    return kind_of(value)


def kind_of(value: Any) -> str:
    """The JSON type of a value, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
    return f"a {type(value).__name__}"


# Scalars


class _Id(str):
    """Stands for the type of an id. An id is never made out of another value: it goes into other calls as it is."""

    __slots__ = ()


_is_numeral = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
"""JSON's own grammar: no plus, no leading zero, no digits of other scripts."""


def _id(value: Any, _: Any = None) -> str:
    if type(value) is not str:
        raise _Mismatch("a string", value)
    return value


def _text(value: Any, _: Any = None) -> str:
    """A string; a number or a boolean as JSON writes it."""
    if type(value) is str:
        return value
    if type(value) in (int, float, bool):
        return json.dumps(value)
    raise _Mismatch("a string", value)


def _boolean(value: Any, _: Any = None) -> bool:
    if type(value) is not bool:
        raise _Mismatch("true or false", value)
    return value


def _integer(value: Any, _: Any = None) -> int:
    """A whole number, also out of a string; JSON knows one kind of number, so 3.0 is 3."""
    number = _spelt(value) if type(value) is str else value
    if type(number) is int:
        return number
    if type(number) is float and number.is_integer():
        return int(number)
    raise _Mismatch("a whole number", value)


def _number(value: Any, _: Any = None) -> float:
    """A number, also out of a string: the vendor sends some progress values and STAC boxes so."""
    if type(value) is float or type(value) is int:
        return value
    number = _spelt(value) if type(value) is str else None
    if number is None or not math.isfinite(number):
        raise _Mismatch("a number", value)
    return as_float if (as_float := float(number)) == number else number  # an int of many digits stays one


def _spelt(text: str) -> float | None:
    """The number that a text spells, whole ones as int: as a float they may lose digits. None where it spells none."""
    if not _is_numeral(text):
        return None
    # Of thousands of digits int() makes an error, and float() infinity.
    return int(text) if len(text) < 300 and text.lstrip("-").isdecimal() else float(text)


def _instant(value: Any, _: Any = None) -> datetime | None:
    """A point in time out of any of the vendor's shapes, UTC where no zone is given; None out of an empty string."""
    if type(value) is not str:
        raise _Mismatch("a time as a string", value)
    moment = read_time(value)
    if moment is None and value:
        raise _Mismatch("a time", value)
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def read_time(text: str) -> datetime | None:
    """A point in time out of any of the vendor's shapes, without a zone where none is given; None if it has none of them."""
    for parse in _TIME_PARSERS:
        try:
            return parse(text)
        except ValueError:
            continue
    return None


_TIME_PARSERS: tuple[Callable[[str], datetime], ...] = (
    datetime.fromisoformat,
    lambda text: datetime.strptime(text, "%Y_%m_%d"),
    lambda text: datetime.strptime(text, "%d-%m-%Y"),
)


def _word(value: Any, kind: Any) -> OpenEnum:
    word = _text(value)
    return kind._value2member_map_.get(word) or kind(word)  # type: ignore[no-any-return]


_SCALARS: dict[Any, Hook] = {
    str: _text,
    _Id: _id,
    OpenEnum: _word,  # a subclass of str: cattrs takes the hook of the nearest base
    bool: _boolean,
    int: _integer,
    float: _number,
    datetime: _instant,
}
_JSON_TYPES: dict[Any, frozenset[type]] = {
    str: frozenset({str}),
    _Id: frozenset({str}),
    bool: frozenset({bool}),
    int: frozenset({int}),
    float: frozenset({float, int}),
}
"""What the parser delivers for a plain type, ready to be passed on."""


# Fields


class _Field:
    """A field of a model class, as it is read."""

    __slots__ = ("attribute", "is_optional", "number", "wanted", "wire")

    def __init__(self, number: int, member: Member) -> None:
        self.number = number
        self.attribute = member.attribute
        self.wire = member.wire
        wanted = _without_none(member.type)
        self.is_optional = wanted is not member.type or wanted is Any
        """Whether it may be None."""
        if member.attribute == "id" or member.attribute.endswith("_id"):
            wanted = {str: _Id, list[str]: list[_Id]}.get(wanted, wanted)
        self.wanted = wanted
        """The type of its value, None aside."""


def _without_none(annotation: Any) -> Any:
    alternatives = [item for item in get_args(annotation) if item is not types.NoneType]
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return alternatives[0] if is_union and len(alternatives) == 1 else annotation


@cache
def _fields(cls: Any) -> tuple[_Field, ...]:
    return tuple(_Field(number, member) for number, member in enumerate(members(cls)))


@cache
def _names(cls: Any) -> dict[str, str]:
    """Attributes by their keys in JSON."""
    return {field.wire: field.attribute for field in _fields(cls)}


# Containers and models, fast


def _list_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    (item,) = get_args(annotation) or (Any,)
    plain, read_all = _elements(item, converter)
    passed_on = _passed_on(annotation)
    are_rings = annotation == _RINGS

    def read(value: Any, _: Any = None) -> list[Any]:
        if type(value) is not list:
            raise _Mismatch("a list", value)
        if passed_on or (plain and plain.issuperset(map(type, value))) or (are_rings and _are_pairs(value)):
            return value
        return read_all(value)

    return read


_RINGS = list[list[list[float]]]


def _are_pairs(rings: list[Any]) -> bool:
    """Whether these are rings of [number, number]. Of positions there may be millions: as loops, they cost a third."""
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


def _dict_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    _key, item = get_args(annotation) or (str, Any)
    plain, read_all = _elements(item, converter)
    passed_on = _passed_on(annotation)

    def read(value: Any, _: Any = None) -> dict[str, Any]:
        if type(value) is not dict:
            raise _Mismatch("an object", value)
        if passed_on or (plain and plain.issuperset(map(type, value.values()))):
            return value
        return dict(zip(value, read_all(value.values()), strict=True))

    return read


def _elements(item: Any, converter: cattrs.Converter) -> tuple[frozenset[type] | None, ReadAll]:
    """The types of element that can be passed on as they are, and what reads elements that cannot."""
    if _is(item, Model):
        return None, _filler(item)
    hook = converter.get_structure_hook(item)
    return _JSON_TYPES.get(item), lambda values: [hook(value, item) for value in values]


def _model_hook(cls: Any, _: cattrs.Converter) -> Hook:
    fill = _filler(cls)
    return lambda value, _: fill((value,))[0]


@cache
def _filler(cls: Any) -> ReadAll:
    """What reads objects of one class, many at a time: twenty bands are one call.

    Each set of keys has a reader of its own, written when it first comes: fields that the API leaves out then cost nothing.
    """
    readers: dict[tuple[str, ...], ReadAll] = {}

    def fill(objects: Collection[Any]) -> list[Any]:
        if not objects:
            return []
        keys = tuple(next(iter(objects)))
        reader = readers.get(keys)
        if reader is None:
            if len(readers) == _MOST_READERS or not 0 < len(keys) <= _MOST_KEYS:
                return _general_reader(cls)(objects)
            reader = readers[keys] = _reader(cls, keys, fill)
        return reader(objects)

    return fill


_MOST_READERS = 16
_MOST_KEYS = 200


@cache
def _general_reader(cls: Any) -> ReadAll:
    return _reader(cls, None, None)


def _reader(cls: Any, keys: tuple[str, ...] | None, fill: ReadAll | None) -> ReadAll:
    """Write the function that reads objects with just these keys and leaves others to `fill`; None: with any keys."""
    fields, names = _fields(cls), _names(cls)
    there = [field for field in fields if keys is None or field.wire in keys or not field.is_optional]
    absent = [f"i.{field.attribute} = " for field in fields if field not in there]
    times = [f"v{field.number} is not None" for field in there if field.wanted is datetime]
    if keys is None or not names.keys() >= set(keys):
        extra = "rest(o, i, names)"
    else:  # only an empty time is in no field
        extra = f"None if {' and '.join(times)} else rest(o, i, names)" if times else "None"
    scope: dict[str, Any] = {
        "cls": cls,
        "new": object.__new__,
        "when": datetime.fromisoformat,
        "get": dict.get,  # looked up once, it is called as fast as a subscript
        "fill": fill,
        "rest": _rest,
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


def _fetching(fields: list[_Field], keys: tuple[str, ...] | None) -> Iterator[str]:
    """The statements that take the values out of an object, all before one is read."""
    if keys is None:
        yield from (f"v{field.number} = get(o, {field.wire!r})" for field in fields)
        return
    numbers = {field.wire: field.number for field in fields}
    yield from (f"v{field.number} = None" for field in fields if field.wire not in keys)
    yield "try:"
    yield f" if len(o) != {len(keys)}: raise KeyError"
    yield from (f" v{numbers[key]} = o[{key!r}]" if key in numbers else f" o[{key!r}]" for key in keys)
    yield "except KeyError:"
    yield " models.append(fill((o,))[0])"
    yield " continue"


def _field_lines(field: _Field, scope: dict[str, Any]) -> Iterator[str]:
    """The statements that read one field out of its value."""
    value, wanted = f"v{field.number}", field.wanted
    conditions = [f"{value} is not None"] if field.is_optional else []
    passed_on = _passed_on(wanted)
    if passed_on is not None:
        # 400 is as good a number as 400.0; asked for second, as it is rarer.
        names = [passed_on.__name__, *(["int"] if passed_on is float else [])]
        conditions = [*(f"type({value}) is not {name}" for name in names), *conditions]
    hooked = [] if wanted is Any else list(_hooked_lines(wanted, field.number, scope))
    if hooked and conditions:
        yield f"if {' and '.join(conditions)}:"
        hooked = [f" {line}" for line in hooked]
    yield from hooked
    yield f"i.{field.attribute} = {value}"


def _hooked_lines(wanted: Any, number: int, scope: dict[str, Any]) -> Iterator[str]:
    """Statements that put a value through its hook, or spare the call in the common case."""
    value = f"v{number}"
    scope[f"kind{number}"] = wanted
    hooked = f"hook{number}({value}, kind{number})"
    _bind_late(scope, f"hook{number}", lambda: _fast.get_structure_hook(wanted))
    if wanted is datetime:
        yield f"try: t = when({value})"
        yield "except ValueError: t = None"
        yield f"{value} = t if t is not None and t.tzinfo is not None else {hooked}"
    elif _is(wanted, OpenEnum):
        scope[f"words{number}"] = wanted._value2member_map_
        yield f"{value} = words{number}.get({value}) or {hooked}"
    elif _is(wanted, Model):
        _bind_late(scope, f"fill{number}", lambda: _filler(wanted))
        yield f"{value} = fill{number}(({value},))[0]"
    else:
        yield f"{value} = {hooked}"


def _is(annotation: Any, base: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, base)


def _passed_on(annotation: Any) -> type | None:
    """The type a JSON value must have to be passed on as it is, where that is all there is to check."""
    if annotation in _JSON_TYPES:
        return str if annotation is _Id else annotation
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is list and (not arguments or arguments[0] is Any):
        return list
    return dict if origin is dict and (not arguments or arguments[1] is Any) else None


def _bind_late(scope: dict[str, Any], name: str, look_up: Callable[[], Callable[..., Any]]) -> None:
    """Look a function up when it is first called: what never comes costs nothing, and a model may hold itself."""

    def first(*arguments: Any) -> Any:
        scope[name] = look_up()
        return scope[name](*arguments)

    scope[name] = first


def _rest(raw: dict[str, Any], model: Model, names: dict[str, str]) -> dict[str, Any] | None:
    """What of an object is in no field: unknown keys, and values that could not be read."""
    rest = {
        key: value
        for key, value in raw.items()
        if key not in names or (value is not None and getattr(model, names[key]) is None)
    }
    return rest or None


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    for kind, hook in _SCALARS.items():
        converter.register_structure_hook(kind, hook)
    factories: list[tuple[Callable[[Any], bool], Any]] = [
        (lambda kind: kind is list or get_origin(kind) is list, _list_hook),
        (lambda kind: kind is dict or get_origin(kind) is dict, _dict_hook),
        (lambda kind: _is(kind, Model), _model_hook),
    ]
    for predicate, factory in factories:
        converter.register_structure_hook_factory(predicate, factory)
    return converter


_fast = _converter()


def structure(raw: Any, returns: Any, *, path: str = "$", on_unreadable: OnUnreadable | None = None) -> Any:
    """Turn a JSON value into what an endpoint returns: a model, a list or map of models, a scalar, or None.

    An optional field that cannot be read is None, and `on_unreadable` is called with its path. Raises StructureError, which
    names the place below `path`, for a list or an object in the wrong place and for a required id that cannot be read.
    """
    if returns is None:
        return None
    try:
        return _fast.get_structure_hook(returns)(raw, returns)
    except Exception:
        pass  # not here: what is raised below shall have no context
    careful = _Careful(on_unreadable or (lambda path, problem: None))
    try:
        return careful.read(raw, returns, lambda: _Place(path, re.sub(r"\[\d+\]", "[]", path)))
    except RecursionError:
        wrong = StructureError(path, "nested too deep")
    except StructureError as error:
        wrong = StructureError(error.path, error.message)
    raise wrong from None


# Containers and models, part by part


class _Place:
    """Where in the JSON a value is."""

    __slots__ = ("exact", "general")

    def __init__(self, exact: str, general: str) -> None:
        self.exact = exact
        self.general = general
        """The same without indexes and keys of maps: one text for all values of the kind."""

    def field(self, name: str) -> _Place:
        step = _step(name)
        return _Place(self.exact + step, self.general + step)

    def item(self, index: int) -> _Place:
        return _Place(f"{self.exact}[{index}]", f"{self.general}[]")

    def key(self, key: str) -> _Place:
        return _Place(self.exact + _step(key), f"{self.general}.*")


class _Careful:
    """Reads what the fast way refuses. Parts that have no fault are still read the fast way."""

    def __init__(self, on_unreadable: OnUnreadable) -> None:
        self._on_unreadable = on_unreadable

    def read(self, value: Any, kind: Any, find_place: Callable[[], _Place]) -> Any:
        """Raises _Unreadable for a scalar that no optional field holds, else StructureError."""
        try:
            return _fast.get_structure_hook(kind)(value, kind)
        except RecursionError:
            raise
        except Exception as error:
            reason = error
        place = find_place()
        container = dict if _is(kind, Model) else get_origin(kind) or kind
        if container in (list, dict) and type(value) is not container:
            expected = "a list" if container is list else "an object"
            raise StructureError(place.exact, str(_Mismatch(expected, value)))
        if _is(kind, Model):
            return self._model(value, kind, place)
        if container is list:
            (item,) = get_args(kind)
            return [self.read(each, item, partial(place.item, index)) for index, each in enumerate(value)]
        if container is dict:
            item = get_args(kind)[1]
            return {key: self.read(each, item, partial(place.key, key)) for key, each in value.items()}
        if type(value) in (list, dict):
            raise StructureError(place.exact, str(reason))
        problem = reason.problem if isinstance(reason, _Mismatch) else str(reason)
        raise _Unreadable(place.exact, str(reason), problem)

    def _model(self, raw: dict[str, Any], cls: Any, place: _Place) -> Any:
        model = object.__new__(cls)
        for field in _fields(cls):
            setattr(model, field.attribute, self._field(raw, field, place))
        model.extra = _rest(raw, model, _names(cls))
        return model

    def _field(self, raw: dict[str, Any], field: _Field, place: _Place) -> Any:
        value = raw.get(field.wire)
        if field.is_optional and (value is None or field.wanted is Any):
            return value
        if field.wire not in raw:
            raise StructureError(place.field(field.wire).exact, "missing")
        try:
            return self.read(value, field.wanted, partial(place.field, field.wire))
        except _Unreadable as unreadable:
            if not field.is_optional:
                raise StructureError(unreadable.path, unreadable.message) from None
            self._on_unreadable(place.field(field.wire).general, unreadable.problem)
            return None


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


# Bytes


def loads(data: bytes) -> Any:
    """Parse JSON, tolerantly: a byte order mark, UTF-16, lone surrogates; NaN and infinities are read as null.

    Raises BodyError when it is no JSON, is nested too deep, or holds an absurdly long number.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        strict = error
    try:
        return json.loads(data, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise BodyError("JSON nested too deep") from None
    except json.JSONDecodeError:
        raise BodyError(f"not JSON: {strict}") from None
    except UnicodeDecodeError as error:
        raise BodyError(f"not JSON: {error.reason} at byte {error.start}, the text is not UTF-8") from None
    except ValueError as error:
        raise BodyError(f"not usable JSON: {error}") from None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def dumps(value: Any) -> bytes:
    """JSON for a request body, UTF-8. Raises InvalidInput, naming the path, for what JSON has no word for."""
    try:
        # An outline of a million vertices is written as it is, not copied first.
        data = orjson.dumps(value, plain, orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError:
        return _dumps_slowly(value)
    return _dumps_slowly(value) if b"null" in data else data  # orjson writes null for NaN and infinities


def _dumps_slowly(value: Any) -> bytes:
    """Knows more types, and what is wrong."""
    try:
        ready = unstructure(value)
    except RecursionError:
        raise InvalidInput("nested too deep to be sent as JSON") from None
    try:
        data = orjson.dumps(ready)
    except orjson.JSONEncodeError as error:
        raise next(_unsendable(ready, "$"), InvalidInput(f"cannot be sent as JSON: {error}")) from None
    if b"null" in data:
        for problem in _unsendable(ready, "$"):
            raise problem
    return data


def _unsendable(value: Any, path: str) -> Iterator[InvalidInput]:
    """What JSON or orjson cannot express, in the order of the document."""
    match value:
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    yield InvalidInput(f"{path}: the key {shown(key)} is not a string")
                elif not _is_text(key):
                    yield InvalidInput(
                        f"{path}: the key {shown(key)} has a lone surrogate, which UTF-8 cannot carry"
                    )
                yield from _unsendable(item, path + _step(key))
        case list():
            for index, item in enumerate(value):
                yield from _unsendable(item, f"{path}[{index}]")
        case float() if not math.isfinite(value):
            yield InvalidInput(f"{path}: {value!r} cannot be sent, JSON has only finite numbers")
        case int() if not -(2**63) <= value < 2**64:
            yield InvalidInput(f"{path}: {shown(value)} is too large to be sent")
        case str() if not _is_text(value):
            yield InvalidInput(f"{path}: a text with a lone surrogate, which UTF-8 cannot carry")
        case None | bool() | int() | float() | str():
            return
        case _:
            yield InvalidInput(f"{path}: a {type(value).__name__} cannot be sent as JSON")


def _is_text(text: str) -> bool:
    """Whether UTF-8 can carry it: lone surrogates, which JSON escapes can smuggle in, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
