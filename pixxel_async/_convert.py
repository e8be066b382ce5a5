"""JSON to models and back.

Reading is tolerant where the vendor is careless: any field may be missing or null, unknown keys and words survive, a
timestamp may have any of seven shapes. It is strict about types: an object where a list belongs is an error that
names the path. Every model is read by a function written for it, which fills the slots of the object without calling
`__init__`; only when that fails does cattrs read the same JSON again, slowly, to tell which path is wrong.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin

import cattrs
import orjson
from cattrs.cols import list_structure_factory, mapping_structure_factory
from cattrs.errors import AttributeValidationNote, BaseValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from pixxel_async._enums import OpenEnum
from pixxel_async._wire import Member, Model, members, unstructure
from pixxel_async.errors import InvalidInput

Hook = Callable[[Any, Any], Any]


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


# Scalars -------------------------------------------------------------------------------------------------------------


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
    if type(value) is str:
        try:
            number = float(value)
        except ValueError:
            raise _Mismatch("a number", value) from None
        if math.isfinite(number):
            return number
    raise _Mismatch("a number", value)


def _instant(value: Any, _: Any = None) -> datetime | None:
    """A point in time out of any of the vendor's shapes, UTC where no zone is given; None if it has none of them."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment_or_none = _odd_instant(value)
        if moment_or_none is None:
            return None
        moment = moment_or_none
    except TypeError:
        raise _Mismatch("a time as a string", value) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _odd_instant(text: str) -> datetime | None:
    for form in ("%Y_%m_%d", "%d-%m-%Y"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


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


def _scalar_union_hook(annotation: Any, _: Any) -> Hook:
    """For `float | str` and for constants: one of the types, of any value."""
    plain = {kind for kind in map(_plain_type, get_args(annotation)) if kind is not None}
    allowed = frozenset().union(*(_JSON_TYPES[kind] for kind in plain))
    names = " or ".join(sorted(kind.__name__ for kind in plain))

    def read(value: Any, _: Any = None) -> Any:
        if value is not None and type(value) not in allowed:
            raise _Mismatch(names, value)
        return value

    return read


def _plain_type(argument: Any) -> type | None:
    """The JSON type of one alternative of a union, or of one value of a Literal; None for null."""
    kind = argument if isinstance(argument, type) else type(argument)
    return None if kind is types.NoneType else kind


def _is_scalar_union(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return True
    alternatives = [item for item in get_args(annotation) if item is not types.NoneType]
    return (
        get_origin(annotation) in (Union, types.UnionType)
        and len(alternatives) > 1
        and all(a in _JSON_TYPES for a in alternatives)
    )


# Containers and models, fast ----------------------------------------------------------------------------------------


def _list_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    (item,) = get_args(annotation) or (Any,)
    hook = converter.get_structure_hook(item)
    plain = _JSON_TYPES.get(item, frozenset())
    outermost_only = item is Any or get_origin(item) is list  # coordinates may be millions

    def read(value: Any, _: Any = None) -> list[Any]:
        if type(value) is not list:
            raise _Mismatch("a list", value)
        if outermost_only or (plain and plain.issuperset(map(type, value))):
            return value
        return [hook(element, item) for element in value]

    return read


def _dict_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    _key, item = get_args(annotation) or (str, Any)
    hook = converter.get_structure_hook(item)
    plain = _JSON_TYPES.get(item, frozenset())

    def read(value: Any, _: Any = None) -> dict[str, Any]:
        if type(value) is not dict:
            raise _Mismatch("an object", value)
        if item is Any or (plain and plain.issuperset(map(type, value.values()))):
            return value
        return {key: hook(element, item) for key, element in value.items()}

    return read


def _model_hook(cls: type[Model], converter: cattrs.Converter) -> Hook:
    """Write the function that fills the slots of one model class."""
    fields = members(cls)
    scope: dict[str, Any] = {
        "cls": cls,
        "new": object.__new__,
        "get": dict.get,  # looked up once here, it is called as fast as a subscript
        "rest": _rest,
        "names": {member.wire: member.attribute for member in fields},
    }
    lines = ["def read(o, _=None):", " i = new(cls)", f" found = {len(fields)}"]
    for number, member in enumerate(fields):
        lines += _field_lines(member, number, scope, converter)
    lines += [" i.extra = None if found == len(o) else rest(o, i, names)", " return i"]
    exec("\n".join(lines), scope)
    return scope["read"]  # type: ignore[no-any-return]


def _field_lines(
    member: Member, number: int, scope: dict[str, Any], converter: cattrs.Converter
) -> Iterator[str]:
    """The statements that read one field; `found` counts the keys that became a value."""
    wanted = _without_none(member.type)
    slot, hook, kind, indent = f"i.{member.attribute}", f"hook{number}", f"type{number}", " "
    yield f" v = {slot} = get(o, {member.wire!r})"
    if wanted in _JSON_TYPES:
        yield f" if type(v) is not {wanted.__name__}:"
        indent = "  "
    if wanted is not Any:
        yield f"{indent}if v is not None: v = {slot} = {hook}(v, {kind})"
        scope[kind] = wanted
        _bind_late(scope, hook, wanted, converter)
    yield f"{indent}if v is None: found -= 1"


def _bind_late(scope: dict[str, Any], name: str, wanted: Any, converter: cattrs.Converter) -> None:
    """Look the hook up when it is first called: models that never come cost nothing, and a model may hold itself."""

    def first(value: Any, _: Any) -> Any:
        hook = scope[name] = converter.get_structure_hook(wanted)
        return hook(value, wanted)

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
    if get_origin(annotation) in (Union, types.UnionType):
        alternatives = tuple(item for item in get_args(annotation) if item is not types.NoneType)
        return alternatives[0] if len(alternatives) == 1 else Union[alternatives]  # noqa: UP007
    return annotation


# Containers and models, to tell what is wrong -----------------------------------------------------------------------


def _explaining_list_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    (item,) = get_args(annotation) or (Any,)
    if item is Any or get_origin(item) is list:
        return _list_hook(annotation, converter)
    elements = list_structure_factory(annotation, converter)

    def read(value: Any, kind: Any) -> Any:
        if type(value) is not list:
            raise _Mismatch("a list", value)
        return elements(value, kind)

    return read


def _explaining_dict_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    if not get_args(annotation):
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


# The two converters --------------------------------------------------------------------------------------------------


def _converter(list_hook: Any, dict_hook: Any, model_hook: Any, *, detailed: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=detailed)
    for kind, hook in _SCALARS.items():
        converter.register_structure_hook(kind, hook)
    factories: list[tuple[Callable[[Any], bool], Any]] = [
        (_is_scalar_union, _scalar_union_hook),
        (lambda kind: kind is list or get_origin(kind) is list, list_hook),
        (lambda kind: kind is dict or get_origin(kind) is dict, dict_hook),
        (lambda kind: isinstance(kind, type) and issubclass(kind, Model), model_hook),
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
    return StructureError(path, str(reason))


def _step(key: int | str) -> str:
    if isinstance(key, str) and key.isidentifier():
        return f".{key}"
    return f"[{key!r}]"


# Bytes ---------------------------------------------------------------------------------------------------------------


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
    ready = unstructure(value)
    try:
        data = orjson.dumps(ready)
    except orjson.JSONEncodeError as error:
        raise next(_unsendable(ready, "$"), InvalidInput(f"cannot be sent as JSON: {error}")) from None
    if b"null" in data:  # orjson writes null for NaN and infinities
        for problem in _unsendable(ready, "$"):
            raise problem
    return data


def _unsendable(value: Any, path: str) -> Iterator[InvalidInput]:
    """What JSON or orjson cannot express, in the order of the document."""
    match value:
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    yield InvalidInput(f"{path}: the key {key!r} is not a string")
                yield from _unsendable(item, path + _step(key))
        case list():
            for index, item in enumerate(value):
                yield from _unsendable(item, path + _step(index))
        case float() if not math.isfinite(value):
            yield InvalidInput(f"{path}: {value!r} cannot be sent, JSON has only finite numbers")
        case int() if not -(2**63) <= value < 2**64:
            yield InvalidInput(f"{path}: {value!r} is too large to be sent")
        case str() if not value.isprintable() and not _encodes(value):
            yield InvalidInput(f"{path}: {value!r} is not text that UTF-8 can carry")
        case None | bool() | int() | float() | str():
            return
        case _:
            yield InvalidInput(f"{path}: a {type(value).__name__} cannot be sent as JSON")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
