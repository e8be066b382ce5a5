"""JSON to models and back.

Reading is tolerant where the vendor is careless: any field but an id may be missing or null, unknown keys and words
survive, a timestamp may have any of seven shapes. It is strict about types: an object where a list belongs is an error
that names the path. Every model is read by a function written for it, which fills the slots of the object without calling
`__init__`; only when that fails does cattrs read the same JSON again, slowly, to tell which path is wrong.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Union, get_args, get_origin

import cattrs
import orjson
from cattrs.cols import list_structure_factory, mapping_structure_factory
from cattrs.errors import AttributeValidationNote, BaseValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from pixxel_async._enums import OpenEnum
from pixxel_async._shown import shown
from pixxel_async._wire import Member, Model, members, plain, unstructure
from pixxel_async.errors import InvalidInput

Hook = Callable[[Any, Any], Any]
ReadAll = Callable[[Iterable[Any]], list[Any]]


class BodyError(ValueError):
    """Bytes that are not JSON."""


class StructureError(ValueError):
    """JSON of another shape than the type asked for."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        """Where in the JSON, for example `$.orders[3].area`."""
        self.message = message


class _Mismatch(Exception):
    """A value of the wrong type; the message says which was expected and what came."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__(f"expected {expected}, got {_describe(value)}")


def _describe(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"a string {value if len(value) <= 40 else value[:40] + '…'!r}"
        case int() | float():
            return f"a number {value!r}"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
    return f"a {type(value).__name__}"


# Scalars


_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def _string(value: Any, _: Any = None) -> str:
    if type(value) is not str:
        raise _Mismatch("a string", value)
    return value


def _boolean(value: Any, _: Any = None) -> bool:
    if type(value) is not bool:
        raise _Mismatch("true or false", value)
    return value


def _integer(value: Any, _: Any = None) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():  # JSON knows one kind of number: 3.0 is 3
        return int(value)
    raise _Mismatch("a whole number", value)


def _number(value: Any, _: Any = None) -> float:
    """A number, also out of a string: the vendor sends some progress values and STAC boxes so."""
    if type(value) is float or type(value) is int:
        return value
    if type(value) is str and _NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
        return number
    raise _Mismatch("a number", value)


def _instant(value: Any, _: Any = None) -> datetime | None:
    """A point in time out of any of the vendor's shapes, UTC where no zone is given; None if it has none of them."""
    if type(value) is not str:
        raise _Mismatch("a time as a string", value)
    moment = read_time(value)
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
    if type(value) is not str:
        raise _Mismatch("a string", value)
    return kind._value2member_map_.get(value) or kind(value)  # type: ignore[no-any-return]


_SCALARS: dict[Any, Hook] = {
    str: _string,
    OpenEnum: _word,  # a subclass of str: cattrs takes the hook of the nearest base
    bool: _boolean,
    int: _integer,
    float: _number,
    datetime: _instant,
}
_JSON_TYPES: dict[Any, frozenset[type]] = {
    str: frozenset({str}),
    bool: frozenset({bool}),
    int: frozenset({int}),
    float: frozenset({float, int}),
}
"""What the parser delivers for a plain type, ready to be passed on."""


# Containers and models, fast


def _list_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    (item,) = get_args(annotation) or (Any,)
    plain, read_all = _elements(item, converter)
    passed_on = _passed_on(annotation)

    def read(value: Any, _: Any = None) -> list[Any]:
        if type(value) is not list:
            raise _Mismatch("a list", value)
        if passed_on or (plain and plain.issuperset(map(type, value))):
            return value
        return read_all(value)

    return read


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
    """Write the function that reads objects of one class, many at a time: twenty bands are one call."""
    fields = members(cls)
    scope: dict[str, Any] = {
        "cls": cls,
        "new": object.__new__,
        "when": datetime.fromisoformat,
        "get": dict.get,  # looked up once, it is called as fast as a subscript
        "rest": _rest,
        "names": {member.wire: member.attribute for member in fields},
    }
    lines = [
        # As defaults, these are local names, which are looked up faster than global ones.
        "def fill(objects, cls=cls, new=new, get=get, type=type, str=str, float=float, int=int, len=len):",
        " models = []",
        " for o in objects:",
        "  i = new(cls)",
        f"  found = {len(fields)}",
        *(
            f"  {line}"
            for number, member in enumerate(fields)
            for line in _field_lines(member, number, scope)
        ),
        "  i.extra = None if found == len(o) else rest(o, i, names)",
        "  models.append(i)",
        " return models",
    ]
    exec("\n".join(lines), scope)
    return scope["fill"]  # type: ignore[no-any-return]


def _field_lines(member: Member, number: int, scope: dict[str, Any]) -> Iterator[str]:
    """The statements that read one field; `found` counts the keys that became a value."""
    wanted = _without_none(member.type)
    slot, indent = f"i.{member.attribute}", ""
    yield f"v = {slot} = get(o, {member.wire!r})"
    passed_on = _passed_on(wanted)
    if passed_on is not None:
        # 400 is as good a number as 400.0; asked for second, as it is rarer.
        yield f"if type(v) is not {passed_on.__name__}{' and type(v) is not int' * (passed_on is float)}:"
        indent = " "
    hooked = [] if wanted is Any else list(_hooked_lines(wanted, slot, number, scope))
    if wanted is member.type and hooked:  # no room for None: the hook refuses it
        yield from (f"{indent}{line}" for line in hooked)
        return
    if hooked:
        yield f"{indent}if v is not None:"
        yield from (f"{indent} {line}" for line in hooked)
    yield f"{indent}if v is None: found -= 1"


def _hooked_lines(wanted: Any, slot: str, number: int, scope: dict[str, Any]) -> Iterator[str]:
    """Statements that put a value through its hook, or spare the call in the common case."""
    scope[f"kind{number}"] = wanted
    hooked = f"hook{number}(v, kind{number})"
    _bind_late(scope, f"hook{number}", lambda: _fast.get_structure_hook(wanted))
    if wanted is datetime:
        yield "try: t = when(v)"
        yield "except ValueError: t = None"
        yield f"v = {slot} = t if t is not None and t.tzinfo is not None else {hooked}"
    elif _is(wanted, OpenEnum):
        scope[f"words{number}"] = wanted._value2member_map_
        yield f"v = {slot} = words{number}.get(v) or {hooked}"
    elif _is(wanted, Model):
        _bind_late(scope, f"fill{number}", lambda: _filler(wanted))
        yield f"{slot} = fill{number}((v,))[0]"
    else:
        yield f"v = {slot} = {hooked}"


def _is(annotation: Any, base: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, base)


def _passed_on(annotation: Any) -> type | None:
    """The type a JSON value must have to be passed on as it is, where that is all there is to check.

    Of coordinates, which may be millions, only the outermost list is looked at.
    """
    if annotation in _JSON_TYPES:
        return annotation  # type: ignore[no-any-return]
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is list and (not arguments or arguments[0] is Any or get_origin(arguments[0]) is list):
        return list
    return dict if origin is dict and (not arguments or arguments[1] is Any) else None


def _bind_late(scope: dict[str, Any], name: str, look_up: Callable[[], Callable[..., Any]]) -> None:
    """Look a function up when it is first called: what never comes costs nothing, and a model may hold itself."""

    def first(*arguments: Any) -> Any:
        scope[name] = look_up()
        return scope[name](*arguments)

    scope[name] = first


def _rest(raw: dict[str, Any], model: Model, names: dict[str, str]) -> dict[str, Any] | None:
    """What of an object is in no field: unknown keys, and strings in which no time could be read."""
    rest = {
        key: value
        for key, value in raw.items()
        if key not in names or (value and type(value) is str and getattr(model, names[key]) is None)
    }
    return rest or None


def _without_none(annotation: Any) -> Any:
    alternatives = [item for item in get_args(annotation) if item is not types.NoneType]
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return alternatives[0] if is_union and len(alternatives) == 1 else annotation


# Containers and models, to tell what is wrong


def _explaining_list_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    if _passed_on(annotation):
        return _list_hook(annotation, converter)
    elements = list_structure_factory(annotation, converter)

    def read(value: Any, kind: Any) -> Any:
        if type(value) is not list:
            raise _Mismatch("a list", value)
        return elements(value, kind)

    return read


def _explaining_dict_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    if _passed_on(annotation):
        return _dict_hook(annotation, converter)
    values = mapping_structure_factory(annotation, converter)

    def read(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise _Mismatch("an object", value)
        return values(value, kind)

    return read


def _explaining_model_hook(cls: type[Model], converter: cattrs.Converter) -> Hook:
    overrides: dict[str, Any] = {
        member.attribute: override(rename=member.wire, struct_hook=_as(member.type, converter))
        for member in members(cls)
    }
    fields = make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=True, **overrides)

    def read(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise _Mismatch("an object", value)
        return fields(value, kind)

    return read


def _as(kind: Any, converter: cattrs.Converter) -> Hook:
    return lambda value, _: converter.structure(value, kind)


# The two converters


def _converter(list_hook: Any, dict_hook: Any, model_hook: Any, *, detailed: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=detailed)
    for kind, hook in _SCALARS.items():
        converter.register_structure_hook(kind, hook)
    factories: list[tuple[Callable[[Any], bool], Any]] = [
        (lambda kind: kind is list or get_origin(kind) is list, list_hook),
        (lambda kind: kind is dict or get_origin(kind) is dict, dict_hook),
        (lambda kind: _is(kind, Model), model_hook),
    ]
    for predicate, factory in factories:
        converter.register_structure_hook_factory(predicate, factory)
    return converter


_fast = _converter(_list_hook, _dict_hook, _model_hook, detailed=False)
_explaining = _converter(_explaining_list_hook, _explaining_dict_hook, _explaining_model_hook, detailed=True)


def structure(raw: Any, returns: Any, *, path: str = "$") -> Any:
    """Turn a JSON value into what an endpoint returns: a model, a list or map of models, a scalar, or None.

    Raises StructureError, which names the place below `path`, when a value has the wrong type.
    """
    if returns is None:
        return None
    try:
        return _fast.get_structure_hook(returns)(raw, returns)
    except Exception as error:
        reason = error
    raise _explain(raw, returns, path, reason) from None


def _explain(raw: Any, returns: Any, path: str, reason: Exception) -> StructureError:
    try:
        _explaining.structure(raw, returns)
    except Exception as error:
        reason = error
    while isinstance(reason, BaseValidationError):
        outer, reason = reason, reason.exceptions[0]
        for note in getattr(reason, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                path += _step({member.attribute: member.wire for member in members(outer.cl)}[note.name])
            elif isinstance(note, IterableValidationNote):
                path += _step(note.index)
    if isinstance(reason, RecursionError):
        return StructureError(f"{path[:80]}…", "nested too deep")
    if isinstance(reason, KeyError):  # how cattrs says that a field is not there
        return StructureError(path, "missing")
    return StructureError(path, str(reason))


def _step(key: int | str) -> str:
    if isinstance(key, str) and key.isidentifier():
        return f".{key}"
    return f"[{key!r}]"


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
                yield from _unsendable(item, path + _step(index))
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
