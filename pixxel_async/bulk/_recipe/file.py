"""Recipes as TOML files and as plain data; a reader reports all faults together.

    [search]
    start = 2026-05-01
    end = 2026-06-01

    [[make]]
    step = "visualization"
    index = "NDVI"

`[items]` replaces `[search]` if the rows name their images. `[order]` replaces `[[make]]` if the images are ordered.
Plain data has the same shape, with dates as text.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from pixxel_async._base.files import checked_path
from pixxel_async.bulk._recipe import recipes
from pixxel_async.bulk._recipe.recipes import OrderRecipe, Property, Recipe
from pixxel_async.errors import InvalidInput

AnyRecipe: TypeAlias = Recipe | OrderRecipe

_IMAGES = {"search": recipes.Search, "items": recipes.Items}
_STEPS = {"visualization": recipes.Visualization, "insight": recipes.Insight, "job": recipes.Job}
_TABLES = {"package": recipes.Package, "order": recipes.Order, "delivery": recipes.Delivery}
_LARGEST = 2**20
"""Maximum size in bytes; a recipe has some hundreds."""


class BadRecipe(InvalidInput):
    """A recipe is not valid. Correct the faults that `faults` lists."""

    def __init__(self, place: str, faults: Sequence[str]) -> None:
        super().__init__("\n  ".join([f"{place}:", *faults]))
        self.place = place
        self.faults = tuple(faults)

    def __reduce__(self) -> tuple[type[BadRecipe], tuple[str, Sequence[str]]]:
        return type(self), (self.place, self.faults)


def load_recipe(path: str | Path) -> AnyRecipe:
    """Read a recipe from a TOML file.

    Raises:
        BadRecipe: The file cannot be read, is not TOML, or is not a valid recipe; all faults are listed.
    """
    path = checked_path(path, "path")
    place = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise BadRecipe(place, [f"larger than {_LARGEST // 2**20} MiB, so not a recipe"])
        content = tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise BadRecipe(place, [f"cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError:
        raise BadRecipe(place, ["not UTF-8 text, so not TOML"]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadRecipe(place, [f"not TOML: {error}"]) from None
    return from_dict(content, place=place)


def from_dict(data: Mapping[str, Any], *, place: str = "recipe") -> AnyRecipe:
    """The recipe that plain data describes; `to_dict` makes such data.

    Raises:
        BadRecipe: The data is not a valid recipe; all faults are listed.
    """
    reader = _Reader()
    recipe = reader.recipe(data)
    if reader.faults:
        raise BadRecipe(place, reader.faults)
    assert recipe is not None  # otherwise there would be a fault
    return recipe


def to_dict(recipe: AnyRecipe) -> dict[str, Any]:
    """A recipe as plain data that JSON can hold."""
    order = {"order": _flat(recipe.order)} if isinstance(recipe, OrderRecipe) else {}
    delivery = isinstance(recipe, OrderRecipe) and recipe.delivery
    steps = {kind: name for name, kind in _STEPS.items()}
    makes = [] if isinstance(recipe, OrderRecipe) else recipe.make
    words = {kind: name for name, kind in _IMAGES.items()}
    return {
        **{
            name: getattr(recipe, name)
            for name in _settings(type(recipe))
            if getattr(recipe, name) is not None
        },
        **({} if recipe.package else {"package": False}),
        **({} if isinstance(recipe, OrderRecipe) or makes else {"make": []}),
        words[type(recipe.images)]: _flat(recipe.images),
        **order,
        **({"delivery": _flat(delivery)} if delivery else {}),
        **({"package": _flat(recipe.package)} if recipe.package else {}),
        **({"make": [{"step": steps[type(make)], **_flat(make)} for make in makes]} if makes else {}),
    }


def to_toml(recipe: AnyRecipe) -> str:
    """A recipe as the text of a TOML file."""
    lines: list[str] = []
    tables: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in to_dict(recipe).items():
        if isinstance(value, Mapping):
            tables.append((f"[{key}]", value))
        elif isinstance(value, list) and value:
            tables.extend((f"[[{key}]]", each) for each in value)
        else:
            lines.append(f"{key} = {_toml(value)}")
    for head, table in tables:
        lines += ["", head, *(f"{_key(key)} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


# From plain data


class _Reader:
    """Reads a recipe, and continues after a fault to find all of them."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def recipe(self, data: Any) -> AnyRecipe | None:
        """The recipe, or None if there are faults."""
        if not isinstance(data, Mapping):
            self.faults.append(f"expected keys and values, got {data!r:.80}")
            return None
        kind: type[AnyRecipe] = OrderRecipe if "order" in data else Recipe
        parts = ["order", "delivery", "package"] if kind is OrderRecipe else ["make", "package"]
        self._unknown(data, [*_IMAGES, *parts, *_settings(kind)], "")
        values = {name: self._value(kind, name, data[name], name) for name in _settings(kind) if name in data}
        values["images"] = self._images(data)
        for name in parts:
            if name not in data:
                continue
            if name == "make":
                values[name] = self._makes(data[name])
            elif name == "package" and data[name] is False:
                values[name] = None
            else:
                values[name] = self._table(_TABLES[name], data[name], name)
        if self.faults:
            return None
        try:
            return kind(**values)
        except InvalidInput as error:
            self.faults.append(str(error).removeprefix(f"{kind.__name__}."))
            return None

    def _images(self, data: Mapping[str, Any]) -> Any:
        given = [name for name in _IMAGES if name in data]
        found = [self._table(_IMAGES[name], data[name], name) for name in given]
        if len(given) != 1:
            what = "both [search] and [items] are given" if given else "neither [search] nor [items] is given"
            self.faults.append(
                f"{what}; write [search] to search for images, or [items] if each row names its own"
            )
            return None
        return found[0]

    def _makes(self, data: Any) -> Any:
        if not isinstance(data, list | tuple):
            self.faults.append("make: expected a list of tables; write [[make]] before each")
            return None
        return [self._step(each, f"make[{at}]") for at, each in enumerate(data)]

    def _step(self, data: Any, place: str) -> Any:
        words = ", ".join(_STEPS)
        step = data.get("step") if isinstance(data, Mapping) else None
        if not isinstance(step, str):
            if isinstance(data, Mapping):  # perhaps misspelled
                known = dict.fromkeys(name for kind in _STEPS.values() for name in attrs.fields_dict(kind))
                self._unknown(data, ["step", *known], f"{place}.")
            self.faults.append(f"{place}.step: is missing; write one of {words}")
            return None
        if step not in _STEPS:
            self.faults.append(
                f"{place}.step: {step!r} is not a step{_near(step, _STEPS)}; there are {words}"
            )
            return None
        return self._table(
            _STEPS[step], {key: value for key, value in data.items() if key != "step"}, place, also=("step",)
        )

    def _table(self, kind: Any, data: Any, place: str, also: Sequence[str] = ()) -> Any:
        """An object of an attrs class whose fields are plain values."""
        if not isinstance(data, Mapping):
            self.faults.append(f"{place}: expected a table, got {data!r:.80}; write [{place}]")
            return None
        before = len(self.faults)
        fields = attrs.fields_dict(kind)
        self._unknown(data, [*also, *fields], f"{place}.")
        for name, field in fields.items():
            if name not in data and field.default is attrs.NOTHING:
                example = field.metadata["example"]
                self.faults.append(f"{place}.{name}: is missing; for example {name} = {example}")
        values = {
            name: self._value(kind, name, data[name], f"{place}.{name}") for name in fields if name in data
        }
        if len(self.faults) > before:
            return None
        try:
            return kind(**values)
        except InvalidInput as error:
            self.faults.append(f"{place}: {str(error).removeprefix(f'{kind.__name__}: ')}")
            return None

    def _value(self, kind: Any, name: str, value: Any, place: str) -> Any:
        try:
            if value is None:
                raise InvalidInput(f"{place}: has no value; leave it out")
            converter: Any = attrs.fields_dict(kind)[name].converter
            return converter.test(value, place)
        except InvalidInput as error:
            self.faults.append(str(error))
            return None

    def _unknown(self, data: Mapping[str, Any], known: Sequence[str], place: str) -> None:
        for key in data:
            if key not in known:
                near = _near(key, known) or f"; there are {', '.join(known)}"
                self.faults.append(f"{place}{key}: no such key{near}")


def _settings(kind: Any) -> list[str]:
    """The names of a recipe's plain fields."""
    parts = {"images", "make", *_TABLES}
    return [name for name in attrs.fields_dict(kind) if name not in parts]


def _near(word: Any, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


# To plain data and TOML


def _flat(part: Any) -> dict[str, Any]:
    """An object of an attrs class whose fields are plain values, without those that are None."""
    found = {field.name: getattr(part, field.name) for field in attrs.fields(type(part))}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Property):
        return {"property": value.name}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str):
        # TOML accepts a JSON string, except for one character that it requires to be escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _toml(key)
