"""JSON values with faults to models: what cannot be read is None or an error, with its path.

An optional field with an unreadable scalar is None, and its value is kept in `extra`. Two faults are errors: a list or an
object in place of another type, or the reverse, and a required id that is missing or not a string.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, get_args, get_origin

from pixxel_async._codec.model import Model
from pixxel_async._codec.reading import Field, attributes, extra_of, fields, is_model, reader_of
from pixxel_async._codec.scalars import Mismatch

T = TypeVar("T")
OnUnreadable = Callable[[str, str], None]
"""Called with a path without indexes and keys, such as `$.orders[].area`, and the problem; never with the value."""


class StructureError(ValueError):
    """JSON of another shape than the requested type."""

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


def read(raw: object, kind: type[T], *, path: str = "$", on_unreadable: OnUnreadable | None = None) -> T:
    """Turn a JSON value into a model, a list or map of models, or a scalar.

    An optional field that cannot be read is None, and `on_unreadable` is called with its path. StructureError names the
    place below `path`. It is raised for a list or an object in the wrong place, and for a required id that cannot be read.
    """
    result: Any
    try:
        result = reader_of(kind)(raw)
        return result  # type: ignore[no-any-return]  # the reader of a kind returns values of it
    except Exception:
        pass  # not here: the error raised below must have no context
    careful = _CarefulReader(on_unreadable or (lambda path, problem: None))
    try:
        result = careful.read(raw, kind, lambda: _Place(path, re.sub(r"\[\d+\]", "[]", path)))
        return result  # type: ignore[no-any-return]
    except RecursionError:
        wrong = StructureError(path, "nested too deep")
    except StructureError as error:
        wrong = StructureError(error.path, error.message)
    raise wrong from None


class _Place:
    """Where in the JSON a value is."""

    __slots__ = ("exact", "general")

    def __init__(self, exact: str, general: str) -> None:
        self.exact = exact
        self.general = general
        """The path without indexes and keys of maps: one text for all values of the kind."""

    def field(self, name: str) -> _Place:
        step = path_step(name)
        return _Place(self.exact + step, self.general + step)

    def item(self, index: int) -> _Place:
        return _Place(f"{self.exact}[{index}]", f"{self.general}[]")

    def key(self, key: str) -> _Place:
        return _Place(self.exact + path_step(key), f"{self.general}.*")


def path_step(key: str) -> str:
    """A key as it is written in a path."""
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


class _CarefulReader:
    """Reads part by part. Parts without a fault are still read by the functions of `reading`."""

    def __init__(self, on_unreadable: OnUnreadable) -> None:
        self._on_unreadable = on_unreadable

    def read(self, value: object, kind: object, find_place: Callable[[], _Place]) -> object:
        """Raises _Unreadable for a scalar outside an optional field, else StructureError."""
        try:
            return reader_of(kind)(value)
        except RecursionError:
            raise
        except Exception as error:
            reason = error
        place = find_place()
        container = dict if is_model(kind) else get_origin(kind) or kind
        if container is list and type(value) is list:
            (item,) = get_args(kind)
            return [self.read(each, item, partial(place.item, index)) for index, each in enumerate(value)]
        if container is dict and type(value) is dict:
            if is_model(kind):
                return self._model(value, kind, place)
            item = get_args(kind)[1]
            return {key: self.read(each, item, partial(place.key, key)) for key, each in value.items()}
        if container in (list, dict):
            expected = "a list" if container is list else "an object"
            raise StructureError(place.exact, str(Mismatch(expected, value)))
        if type(value) in (list, dict):
            raise StructureError(place.exact, str(reason))
        problem = reason.problem if isinstance(reason, Mismatch) else str(reason)
        raise _Unreadable(place.exact, str(reason), problem)

    def _model(self, raw: dict[str, object], cls: type[Model], place: _Place) -> Model:
        model = object.__new__(cls)
        for field in fields(cls):
            setattr(model, field.attribute, self._field(raw, field, place))
        model.extra = extra_of(raw, model, attributes(cls))
        return model

    def _field(self, raw: dict[str, object], field: Field, place: _Place) -> object:
        value = raw.get(field.wire)
        if field.is_optional and (value is None or field.kind is Any):
            return value
        if field.wire not in raw:
            raise StructureError(place.field(field.wire).exact, "missing")
        try:
            return self.read(value, field.kind, partial(place.field, field.wire))
        except _Unreadable as unreadable:
            if not field.is_optional:
                raise StructureError(unreadable.path, unreadable.message) from None
            self._on_unreadable(place.field(field.wire).general, unreadable.problem)
            return None
