"""Recipes of bulk runs: which images to use, what to make of them, which files to fetch.

`Recipe` makes an AOI of every row, `OrderRecipe` orders a row's images from the archive. A recipe checks all values when
it is made; `row_faults` lists the properties that a row lacks.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar, TypeAlias, TypeVar, cast, dataclass_transform

import attrs
import orjson

from pixxel_async._base.shown import shown
from pixxel_async._codec.checks import Check, boolean, integer, number, text
from pixxel_async._resource.polling import WaitOptions
from pixxel_async.bulk._faults import Problem
from pixxel_async.errors import InvalidInput

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_TWO_WEEKS = 14 * 86400.0
_LONGEST = 1e10
"""Seconds; 300 years."""

Properties: TypeAlias = Mapping[str, Any]
T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def _frozen(cls: type[T]) -> type[T]:
    """An attrs class whose first field is positional.

    Type checkers treat it as a dataclass: mypy's plugin for attrs supports only plain functions as converters.
    """
    return attrs.frozen(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def _keywords(cls: type[T]) -> type[T]:
    """An attrs class with keyword-only fields."""
    return attrs.frozen(kw_only=True)(cls)


def _example(value: str) -> dict[str, str]:
    """Example for a recipe file, shown if the value is missing."""
    return {"example": value}


def _maybe(check: Any) -> Any:
    return Check(lambda value, place: None if value is None else check.test(value, place))


def _day_or_instant(value: Any, place: str) -> datetime:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
        except ValueError:
            raise InvalidInput(
                f"{place}: {shown(value)} is not a date; write 2026-05-01 or 2026-05-01T00:00:00Z"
            ) from None
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidInput(
                f"{place}: {value} has no time zone; add one (in text Z or +05:30, in Python tzinfo=timezone.utc)"
            )
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise InvalidInput(f"{place}: {value} is outside the years 1 to 9999 in UTC") from None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise InvalidInput(
        f"{place}: expected a date, got {shown(value)}; write 2026-05-01 or 2026-05-01T00:00:00Z"
    )


def _seconds(value: Any, place: str) -> float:
    seconds = float(number(maximum=_LONGEST).test(value, place))
    if seconds <= 0:
        raise InvalidInput(f"{place}: {value} must be more than 0 seconds")
    return seconds


def _run_id(value: Any, place: str) -> str:
    if not isinstance(value, str) or not _RUN_ID.fullmatch(value):
        raise InvalidInput(
            f"{place}: {shown(value)} must be 1 to 32 letters, digits, '-', '_' or '.', the first a letter or digit"
        )
    return value


_TEXT = text(min_length=1)
_INSTANT = cast(Callable[[str | date], datetime], Check(_day_or_instant))
_SECONDS: Any = Check(_seconds)


def _either(*kinds: type) -> Any:
    names = " or ".join(kind.__name__ for kind in kinds)

    def test(value: Any, place: str) -> Any:
        if not isinstance(value, kinds):
            raise InvalidInput(
                f"{place}: expected {names}, got {shown(value)}; write {kinds[0].__name__}(...)"
            )
        return value

    return Check(test)


# Which images


@_keywords
class Search:
    """Search the archive for images over each row's area."""

    start: datetime = attrs.field(converter=_INSTANT, metadata=_example("2026-05-01"))
    """Images taken from this instant on; a day means its start in UTC."""
    end: datetime = attrs.field(converter=_INSTANT, metadata=_example("2026-06-01"))
    """Images taken before this instant; a day itself does not count."""
    max_cloud: int = attrs.field(default=20, converter=integer(minimum=0, maximum=100))
    """Maximum cloud cover of the image, in percent 0-100."""
    max_days: int = attrs.field(default=3, converter=integer(minimum=1))
    """Use all images of this number of newest days: one image may cover only a part of the area."""
    satellite: str = attrs.field(default="Sentinel-2", converter=_TEXT)
    """Name or id of the satellite."""
    collection: str | None = attrs.field(default=None, converter=_maybe(_TEXT))
    """Name or id of the satellite's collection; needed only if it has several."""

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInput(f"Search: the end {self.end} must be after the start {self.start}")


@_keywords
class Items:
    """Use the images that each row names."""

    property: str = attrs.field(default="item_ids", converter=_TEXT)
    """Property of the row with the STAC item ids: a list, a list as JSON text, or comma-separated text."""
    satellite: str = attrs.field(default="Sentinel-2", converter=_TEXT)
    """Name or id of the satellite that took them."""
    collection: str | None = attrs.field(default=None, converter=_maybe(_TEXT))
    """Name or id of the satellite's collection; needed only if it has several."""

    def of(self, properties: Properties) -> tuple[str, ...]:
        """The ids that a row names, without duplicates.

        Raises:
            InvalidInput: The row names none, or the value is not a list of ids.
        """
        found = _given(properties, self.property, "item ids, for example 'id-1,id-2'")
        ids = _listed(found) if isinstance(found, str) else found
        if not isinstance(ids, list | tuple) or not ids or not all(_is_word(id) for id in ids):
            raise _Lacking(self.property, f"{found!r:.80} is not a list of item ids", "write id-1,id-2")
        return tuple(dict.fromkeys(id.strip() for id in ids))


def _listed(value: str) -> Any:
    if not value.lstrip().startswith("["):
        return [id for id in value.split(",") if id.strip()]
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


# What is made of them


@_frozen
class Property:
    """A value from each row's properties."""

    name: str = attrs.field(converter=_TEXT)
    """Name of the property."""

    def of(self, properties: Properties) -> str:
        """The row's value, as text.

        Raises:
            InvalidInput: The value is missing, or is not a single value.
        """
        found = _given(properties, self.name, "a value")
        if isinstance(found, bool) or not isinstance(found, str | int | float | date):
            raise _Lacking(
                self.name, f"{found!r:.80} is not a single value", "write text, a number or a date"
            )
        return _plain(found)


def _plain(value: str | int | float | date) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _input(value: Any, place: str) -> str | Property:
    """An input's value as text or as a `Property`; in a file, write `{property = "name"}` for a `Property`."""
    if isinstance(value, Property):
        return value
    if isinstance(value, Mapping) and list(value) == ["property"]:
        return Property(_TEXT.test(value["property"], f"{place}.property"))
    if isinstance(value, bool) or not isinstance(value, str | int | float | date) or value == "":
        raise InvalidInput(
            f'{place}: expected text, a number or a date, got {shown(value)}; for a value of the row write {{property = "NAME"}}'
        )
    return _plain(number().test(value, place) if isinstance(value, int | float) else value)


def _inputs(value: Any, place: str) -> dict[str, str | Property]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{place}: expected names with values, got {shown(value)}")
    return {_TEXT.test(key, place): _input(each, f"{place}.{key}") for key, each in value.items()}


@_frozen
class Visualization:
    """A picture of an index over the AOI's images."""

    index: str = attrs.field(default="NDVI", converter=_TEXT)
    """Name or id of the preset index."""
    png: bool = attrs.field(default=True, converter=boolean(), kw_only=True)
    """Whether to fetch a PNG picture of the newest day."""

    @property
    def label(self) -> str:
        """Its label in reports."""
        return f"visualization {self.index}"


@_frozen
class Insight:
    """A run of a block over the AOI. It charges tokens."""

    block: str = attrs.field(converter=_TEXT, metadata=_example('"cropstress"'))
    """Name of the block."""
    version: str | None = attrs.field(default=None, converter=_maybe(_TEXT), kw_only=True)
    """Its version, with or without a leading v. None: the newest release, not a draft, pre-release or disabled version."""
    name: str | None = attrs.field(default=None, converter=_maybe(_TEXT), kw_only=True)
    """Its name, required if a recipe runs a block twice; None: the block's name."""
    inputs: Mapping[str, str | Property] = attrs.field(factory=dict, converter=Check(_inputs), kw_only=True)
    """Values of the block's inputs by name; a missing raster input gets the AOI's newest mosaic."""

    @property
    def label(self) -> str:
        """Its label in reports."""
        return f"insight {self.name or self.block}"

    def values(self, properties: Properties) -> dict[str, str]:
        """The inputs' values for a row.

        Raises:
            InvalidInput: The row lacks one.
        """
        return {
            name: value.of(properties) if isinstance(value, Property) else value
            for name, value in self.inputs.items()
        }


@_frozen
class Job:
    """A job of a workflow. It charges tokens.

    A job has no parameters: the API runs the workflow as it was drawn, whatever the row's area. So each row of the table
    usually names its own workflow.
    """

    workflow: str | Property = attrs.field(
        converter=Check(_input), metadata=_example('{property = "workflow"}')
    )
    """Name or id of the workflow, or the row's property that holds it."""

    @property
    def label(self) -> str:
        """Its label in reports."""
        return f"job {self.workflow.name if isinstance(self.workflow, Property) else self.workflow}"

    def of(self, properties: Properties) -> str:
        """The workflow for a row.

        Raises:
            InvalidInput: The row names none.
        """
        return self.workflow.of(properties) if isinstance(self.workflow, Property) else self.workflow


Make: TypeAlias = Visualization | Insight | Job


def _makes(value: Any, place: str) -> tuple[Make, ...]:
    if isinstance(value, Make):
        value = (value,)
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{place}: expected several of Visualization, Insight and Job, got {shown(value)}")
    kind = _either(Visualization, Insight, Job)
    makes: tuple[Make, ...] = tuple(kind.test(each, f"{place}[{at}]") for at, each in enumerate(value))
    labels = [make.label.casefold() for make in makes]
    for at, label in enumerate(labels):
        if label in labels[:at]:
            raise InvalidInput(
                f"{place}[{at}]: {makes[at].label!r} is there twice; remove one or give it a name"
            )
    return makes


# Files, orders, deliveries


@_keywords
class Package:
    """ZIP packages of the results, fetched and checked."""

    unzip: bool = attrs.field(default=False, converter=boolean())
    """Whether to unpack each into a folder beside it."""


@_keywords
class Order:
    """An order of archive images. It charges tokens: each row is billed as 100 km² at least."""

    usecase: str = attrs.field(converter=_TEXT, metadata=_example('"agriculture"'))
    """Use of the images, for instance agriculture."""


@_keywords
class Delivery:
    """Deliver ordered images to a store as soon as they are ready."""

    store: str = attrs.field(converter=_TEXT, metadata=_example('"st-01"'))
    """Id or name of the store."""
    path: str | None = attrs.field(default=None, converter=_maybe(_TEXT))
    """Folder in the store, for instance incoming/."""


# The whole


Waiting: TypeAlias = WaitOptions[Any]
"""Options of the waits for resources of any kind."""


def new_run_id() -> str:
    """A short random id that separates the names of one run from those of another."""
    return secrets.token_hex(3)


@_keywords
class _Run:
    """Fields common to both kinds of recipe."""

    whole_features: ClassVar[bool]
    """Whether a MultiPolygon of the input is one row; if not, each of its polygons is a row."""

    images: Search | Items = attrs.field(converter=_either(Search, Items))
    """The images to use."""
    project: str | None = attrs.field(default=None, converter=_maybe(_TEXT))
    """Name, title or id of the project; needed only if there are several."""
    timeout: float = attrs.field(default=3600.0, converter=_SECONDS)
    """Maximum wait in seconds for one resource: an AOI, a visualization, an insight, a job, a package."""
    poll_interval: float | None = attrs.field(default=None, converter=_maybe(_SECONDS))
    """Seconds before the second poll of a resource; None: the SDK's default."""
    max_poll_interval: float | None = attrs.field(default=None, converter=_maybe(_SECONDS))
    """Maximum seconds between two polls; None: the SDK's default."""
    run_id: str | None = attrs.field(default=None, converter=_maybe(Check(_run_id)))
    """Suffix of every name that the run creates (`NAME-RUNID`). The API accepts each name once, so use a value for one run
    only. None: each run makes six random digits, and keeps them in its journal."""

    @property
    def waiting(self) -> Waiting:
        """The options of every `wait`."""
        return Waiting(
            timeout=self.timeout, poll_interval=self.poll_interval, max_poll_interval=self.max_poll_interval
        )

    def row_faults(self, properties: Properties) -> Iterator[Problem]:
        """Problems of a row with these properties: missing or invalid values."""
        for read in self._readers():
            try:
                read(properties)
            except _Lacking as error:
                yield error.problem

    def _readers(self) -> Iterator[Callable[[Properties], Any]]:
        if isinstance(self.images, Items):
            yield self.images.of


@_keywords
class Recipe(_Run):
    """Makes an AOI of each row, follows `make`, and fetches the files."""

    whole_features = False  # an AOI takes one polygon
    make: tuple[Make, ...] = attrs.field(default=(Visualization(),), converter=Check(_makes))
    """The steps for each AOI, in order."""
    package: Package | None = attrs.field(factory=Package, converter=_maybe(_either(Package)))
    """Packages of the AOI's files and of each insight and job; None fetches none."""

    def _readers(self) -> Iterator[Callable[[Properties], Any]]:
        yield from super()._readers()
        for make in self.make:
            if isinstance(make, Insight):
                # One reader for each input, so that all missing values are reported.
                yield from (value.of for value in make.inputs.values() if isinstance(value, Property))
            elif isinstance(make, Job):
                yield make.of


@_keywords
class OrderRecipe(_Run):
    """Orders each row's images from the archive, then delivers or fetches them."""

    whole_features = True  # an order takes both, and each order is billed as 100 km² at least
    order: Order = attrs.field(converter=_either(Order))
    delivery: Delivery | None = attrs.field(default=None, converter=_maybe(_either(Delivery)))
    """The store for the delivery; None: no delivery."""
    package: Package | None = attrs.field(factory=Package, converter=_maybe(_either(Package)))
    """The package of the images, fetched from the catalog; None fetches none."""
    timeout: float = attrs.field(default=_TWO_WEEKS, converter=_SECONDS)
    """Maximum wait in seconds for one resource: an order, a delivery, a package. Orders take days."""


# Rows


class _Lacking(InvalidInput):
    """A row lacks a value."""

    def __init__(self, field: str, what: str, remedy: str) -> None:
        super().__init__(f"{field}: {what}; {remedy}")
        self.problem = Problem(field, what, remedy)


def _given(properties: Properties, name: str, wanted: str) -> Any:
    found = properties.get(name)
    if found is None or (isinstance(found, str) and not found.strip()):
        raise _Lacking(name, "is missing", f"give each row {wanted}")
    return found
