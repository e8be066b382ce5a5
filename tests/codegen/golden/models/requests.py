"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import attrs

from pixxel_async._codec import checks, times
from pixxel_async._codec.model import Model, Sensitive, model
from pixxel_async.geometry import GeometryInput

from .answers import Bucket
from .enums import FieldStatus


@model
class FieldCreate(Model):
    """A new field."""

    name: str = attrs.field(converter=checks.text(min_length=1, max_length=100))
    """Name of it."""
    geometry: GeometryInput = attrs.field(converter=checks.polygon)
    """Outline."""
    start: times.Instant | None = attrs.field(default=None, converter=checks.instant)
    """First day."""
    end: times.Instant | None = attrs.field(default=None, converter=checks.instant)
    """Last day."""
    seen: times.Interval | None = attrs.field(default=None, converter=checks.interval)
    """When it was seen."""
    rescale: Sequence[float] = attrs.field(converter=checks.each(checks.number(), min_items=2, max_items=2))
    """Range."""
    mode: FieldStatus | str = attrs.field(converter=checks.enum_value(FieldStatus))
    """State to start in."""
    seed_ids: Sequence[str] | None = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1, unique=True)
    )
    """Seeds, each once."""
    plant_ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Plants."""
    days: Mapping[str, Sequence[str] | None] | None = attrs.field(
        default=None, converter=checks.table(checks.maybe(checks.each(checks.text(pattern="^\\d{4}$"))))
    )
    """Years, null for none."""
    depth: int | None = attrs.field(default=None, converter=checks.integer(minimum=0, maximum=15))
    """Depth in cm."""
    bucket: Bucket | None = attrs.field(default=None, converter=checks.instance(Bucket, "name"))
    """Where to deliver to."""
    secrets: Annotated[Mapping[str, str] | None, Sensitive()] = attrs.field(
        default=None, converter=checks.secret(checks.table(checks.text()))
    )
    """Never returned."""
    anything: Any = attrs.field(default=None, converter=checks.anything())
    """Any JSON."""
    dry_run: bool | None = attrs.field(default=None, converter=checks.boolean())
    """Only ask."""

    def __attrs_post_init__(self) -> None:
        checks.exactly_one_of(self, "seed_ids", "plant_ids")
        checks.in_order(self, "start", "end")


@model
class CropCreate(Model):
    """What to sow."""

    seed: str = attrs.field(converter=checks.text(min_length=1))
    """Name of the seed."""
    estimate: bool | None = attrs.field(default=None, converter=checks.boolean())
    """Only ask for the price."""


@model
class CropSearch(Model):
    """What to find."""

    area: GeometryInput | None = attrs.field(default=None, converter=checks.geometry)
    """Where."""
    frame: checks.BoundingBox | None = attrs.field(default=None, converter=checks.bbox)
    """In which box."""
    limit: int | None = attrs.field(default=None, converter=checks.integer(minimum=1))
    """Most to answer with."""


@model
class CropPackageCreate(Model):
    """Which files to pack."""

    inputs: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Names of inputs."""
