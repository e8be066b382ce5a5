"""The document as a tree. Each node knows its place, and a key that is not read is an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

_NEEDED: Final = object()


class SpecError(Exception):
    """The document has a construct that the generators do not support; `place` is its JSON pointer."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


def below(place: str, *keys: str | int) -> str:
    """The JSON pointer of the value under `keys` at `place`."""
    return place + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


class Node:
    """A mapping of the document. Every key must be read; `done` raises an error for a key that was not."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise SpecError(place, f"expected a mapping, found {value!r}")
        for key in value:
            if not isinstance(key, str):
                raise SpecError(place, f"the key {key!r} is not text; put it in quotes")
        self.place = place
        self.value: dict[str, Any] = value
        self._left = set(value)

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def at(self, *keys: str | int) -> str:
        """The place of the value under `keys`."""
        return below(self.place, *keys)

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = _NEEDED) -> Any:
        """The value under `key`, which must be of `kind`; `default` when there is none."""
        if key not in self.value:
            if default is _NEEDED:
                raise SpecError(self.place, f"`{key}` is missing")
            return default
        self._left.discard(key)
        value = self.value[key]
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(each.__name__ for each in kinds)
            raise SpecError(self.at(key), f"expected {names}, found {value!r}")
        return value

    def text(self, key: str, default: Any = _NEEDED) -> Any:
        """The text under `key`, which may not be empty."""
        value = self.take(key, str, default)
        if value == "":
            raise SpecError(self.at(key), "must not be empty")
        return value

    def texts(self, key: str, default: Any = _NEEDED) -> tuple[str, ...]:
        """The list of texts under `key`."""
        values = self.take(key, list, default)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise SpecError(self.at(key, index), f"expected text, found {value!r}")
        return tuple(values)

    def choice(self, key: str, choices: tuple[str, ...], default: Any = _NEEDED) -> Any:
        """The text under `key`, one of `choices`."""
        value = self.take(key, str, default)
        if key in self.value and value not in choices:
            raise SpecError(self.at(key), f"unknown value {value!r}; known: {', '.join(choices)}")
        return value

    def node(self, key: str) -> Node:
        """The mapping under `key`."""
        return Node(self.take(key, dict), self.at(key))

    def maybe(self, key: str) -> Node | None:
        """The mapping under `key`, or None."""
        return self.node(key) if key in self.value else None

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """Every key with the mapping under it."""
        for key in self.value:
            yield key, self.node(key)

    def skip(self, *keys: str) -> None:
        """Skip keys that the generators do not need, such as examples."""
        self._left.difference_update(keys)

    def done(self) -> None:
        """Raise an error for the first key that was not read."""
        for key in self.value:
            if key in self._left:
                raise SpecError(self.at(key), f"`{key}` is not supported here")


def load(path: Path) -> Any:
    """The YAML or JSON document at `path`."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError("", f"cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise SpecError(f", line {line}", f"{error.problem}") from error


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Prefix the place of an error raised inside with the file's name."""
    try:
        yield
    except SpecError as error:
        raise SpecError(f"{path}{error.place}", error.message) from error
