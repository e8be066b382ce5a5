"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from typing import Annotated, Any

from pixxel_async._codec.model import Model, Sensitive, Timestamp, WireName, model

from .enums import FieldStatus


@model
class Pagination(Model):
    """Where a page stands."""

    total: int | None = None
    """How many in all."""


@model
class Polygon(Model):
    """GeoJSON polygon."""

    type: str | None = None
    """Always Polygon."""
    coordinates: list[list[list[float]]] | None = None
    """Rings of [lon, lat]."""


@model
class Field(Model):
    """
    A piece of land. Its outline is a polygon, its area is measured, and everything else about it but
    its id may be missing as well.
    """

    field_id: str
    """Id of the field."""
    geometry: Polygon | None = None
    """Outline."""
    status: FieldStatus | None = None
    """State of it."""
    progress: float | None = None
    """Share that is done in percent; sent as text."""
    bbox: list[float] | None = None
    """West, south, east, north."""
    eo_cloud_cover: Annotated[float | None, WireName("eo:cloud_cover")] = None
    """Clouds in percent."""
    minutes_left: Annotated[int | None, WireName("minutesLeft")] = None
    """Minutes until it is ripe."""
    from_: Annotated[str | None, WireName("from")] = None
    """Who gave it."""
    depth: str | None = None
    """How deep it was dug, in words or as a number."""
    datetime: Timestamp | None = None
    """When it was seen."""
    soil: Any = None
    """Any JSON."""
    labels: dict[str, str] | None = None
    """Labels by key."""
    notes: dict[str, Any] | None = None
    """Notes by key."""
    err_msg: str | None = None
    """Why it withered."""


@model
class FieldAnswer(Model):
    """A field in a wrapper."""

    field: Field | None = None
    """The field."""


@model
class FieldList(Model):
    """One page of fields."""

    fields: list[Field] | None = None
    """The fields."""
    pagination: Pagination | None = None
    """Where the page stands."""


@model
class Bucket(Model):
    """Where to deliver to; sent and received."""

    name: str | None = None
    """Name of the bucket."""
    path: str | None = None
    """Folder in it."""


@model
class Crop(Model):
    """What grows on a field."""

    id: str
    """Id of the crop."""
    state: str | None = None
    """State of it."""
    bucket: Bucket | None = None
    """Where it goes."""


@model
class CropList(Model):
    """All crops."""

    crops: list[Crop] | None = None
    """The crops."""


@model
class Estimate(Model):
    """A price."""

    estimate: float | None = None
    """Price in tokens."""


@model
class CropSearchResult(Model):
    """What was found."""

    found: dict[str, Crop] | None = None
    """Crops by id."""


@model
class CropPackage(Model):
    """A package in the making."""

    id: str | None = None
    """Id of it."""
    status: str | None = None
    """State of it."""
    signed_url: Annotated[str | None, Sensitive()] = None
    """Where it can be fetched."""
