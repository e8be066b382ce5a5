"""A file of fields, read and checked as a whole before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from pixxel_async.bulk._folders import file_name
from pixxel_async.bulk._lines import feature_lines
from pixxel_async.errors import InvalidInput
from pixxel_async.geometry import check_crs, geometry


@attrs.frozen
class Field:
    """One polygon to make images of: a row of the report, a folder of its own."""

    row: int
    """Its row in the report; the first is 1."""
    name: str
    """Unique in its file."""
    geometry: Mapping[str, Any]
    """GeoJSON Polygon, [lon, lat] in degrees."""
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    """What the file says about it besides."""

    @property
    def folder(self) -> str:
        """Name of the folder that its files go to: its name, made fit for every file system."""
        return file_name(self.name)


class FieldFileError(InvalidInput):
    """A file of fields cannot be used; `faults` lists everything that is wrong with it, in file order."""

    def __init__(self, path: Path, faults: Sequence[str]) -> None:
        super().__init__("\n  ".join([f"{path}:", *faults]))
        self.path = path
        self.faults = tuple(faults)


@attrs.frozen
class _Feature:
    """A feature as it stands in the file."""

    number: int
    line: int
    raw: Any
    name: str

    def __str__(self) -> str:
        name = "".join(sign if sign.isprintable() else "?" for sign in self.name)
        return f'feature {self.number} ("{name}", line {self.line})'


def read_fields(path: str | Path, *, name_property: str | None = None) -> list[Field]:
    """Read a GeoJSON file of Polygon and MultiPolygon features.

    A field is named by its property `name`, else by the feature's `id`, else `STEM-N` after the file and
    the feature's number. An AOI takes one polygon, so each polygon of a MultiPolygon becomes a field of
    its own, named `NAME-1`, `NAME-2` and so on (plain `NAME` if there is only one).

    Args:
        path: GeoJSON file (RFC 7946, UTF-8): a FeatureCollection, or a single Feature.
        name_property: Property that holds the names, in place of `name`; some feature must have it.

    Raises:
        FieldFileError: The file cannot be read, is not GeoJSON, or holds fields that the API could not
            accept; the message lists all faults with the feature's number, name and line.
    """
    path = Path(path)
    features = list(_features(path, name_property or "name"))
    faults = list(_name_faults(features, name_property))
    fields: list[Field] = []
    named: list[tuple[_Feature, str]] = []
    for feature in features:
        try:
            polygons = _polygons(feature)
        except InvalidInput as error:
            faults.append(f"{feature}: {error}")
            polygons = {feature.name: {}}
        for name, polygon in polygons.items():
            named.append((feature, name))
            fields.append(Field(len(fields) + 1, name, polygon, _properties(feature)))
    faults.extend(_clashes(named))
    if faults:
        raise FieldFileError(path, faults)
    return fields


def _features(path: Path, name_property: str) -> Iterator[_Feature]:
    text = _text(path)
    document = _document(path, text)
    if document.get("type") == "Feature":
        raws, lines = [document], [1]
    elif document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list):
        raws, lines = document["features"], feature_lines(text)
    else:
        raise FieldFileError(path, ["not a GeoJSON FeatureCollection of polygons"])
    if not raws:
        raise FieldFileError(path, ["holds no feature"])
    for number, (raw, line) in enumerate(zip(raws, lines, strict=True), 1):
        yield _Feature(number, line, raw, _name(raw, name_property) or f"{path.stem}-{number}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FieldFileError(path, [f"cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise FieldFileError(path, [f"line {line}: not UTF-8 text, so not GeoJSON"]) from None


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise FieldFileError(path, [f"{place}: not JSON, so not GeoJSON: {error.msg}"]) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or nesting without end
        raise FieldFileError(path, ["not GeoJSON"]) from None
    if not isinstance(document, dict):
        raise FieldFileError(path, ["not GeoJSON: the outermost thing must be an object"])
    try:
        check_crs(document, "")
    except InvalidInput as error:
        raise FieldFileError(path, [str(error)]) from None
    return document


def _name(raw: Any, name_property: str) -> str | None:
    """The name a feature gives itself, if it does."""
    if not isinstance(raw, dict):
        return None
    properties = raw.get("properties")
    given = properties.get(name_property) if isinstance(properties, dict) else None
    return _text_of(given) or _text_of(raw.get("id"))


def _text_of(value: Any) -> str | None:
    """A name as text; None when it is empty or nothing that one could be called by."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value).strip() or None


def _name_faults(features: Sequence[_Feature], name_property: str | None) -> Iterator[str]:
    for feature in features:
        if not feature.name.isprintable():
            yield f"{feature}: its name has control characters"
    if name_property is not None:
        known = {key for feature in features for key in _properties(feature)}
        if name_property not in known:
            there = ", ".join(sorted(known)) or "none at all"
            yield f"no feature has a property {name_property!r} to take names from; there are: {there}"


def _properties(feature: _Feature) -> Mapping[str, Any]:
    properties = feature.raw.get("properties") if isinstance(feature.raw, dict) else None
    return properties if isinstance(properties, dict) else {}


def _polygons(feature: _Feature) -> dict[str, dict[str, Any]]:
    """The polygons of a feature by name."""
    raw = feature.raw
    if not isinstance(raw, dict) or raw.get("type") != "Feature":
        raise InvalidInput('not a GeoJSON Feature: give it "type": "Feature"')
    if not isinstance(raw.get("geometry"), dict):
        raise InvalidInput("has no geometry; a Polygon or MultiPolygon is needed")
    checked = geometry(raw["geometry"])
    if checked["type"] == "Polygon":
        return {feature.name: checked}
    parts = [{"type": "Polygon", "coordinates": rings} for rings in checked["coordinates"]]
    if len(parts) == 1:
        return {feature.name: parts[0]}
    return {f"{feature.name}-{number}": part for number, part in enumerate(parts, 1)}


def _clashes(named: Sequence[tuple[_Feature, str]]) -> Iterator[str]:
    """Fields that would share a name, or a folder on some file system."""
    first: dict[str, tuple[_Feature, str]] = {}
    for feature, name in named:
        folder = file_name(name)
        other, other_name = first.setdefault(folder.casefold(), (feature, name))
        if other is not feature:
            shared = "name" if other_name == name else f"folder {folder!r}"
            yield f"{other} and {feature} have the same {shared}: rename one"
