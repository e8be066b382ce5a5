"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import attrs

from pixxel_async._codec import checks, times
from pixxel_async._codec.model import Model, Sensitive, model
from pixxel_async.geometry import GeometryInput

from .answers import CloudDelivery, DataType, StoreConfigs
from .enums import DeliverySpeed, ExpressionType, Recurrence, SortingOrder, StoreType, VisualizationMode


@model
class AOICreate(Model):
    """A new area of interest."""

    name: str = attrs.field(converter=checks.text(min_length=1))
    """Display name; must not be in use."""
    description: str = attrs.field(converter=checks.text())
    """Free text."""
    satellite_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the satellite, a UUID as listed among the satellites."""
    provider: str = attrs.field(converter=checks.text(min_length=1))
    """
    Source of the images: pixxel for images of Pixxel satellites, planetary for open data such as
    Landsat and Sentinel.
    """
    project_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the project that it belongs to."""
    geometry: GeometryInput = attrs.field(converter=checks.polygon)
    """Outline, one GeoJSON polygon with [lon, lat] in degrees. Multi-polygons are not accepted."""
    item_ids: Sequence[str] = attrs.field(converter=checks.each(checks.text()))
    """Ids of the images, as found by the image search."""


@model
class AOIDownloadCreate(Model):
    """Which assets of an AOI to pack for download."""

    asset_ids: Sequence[str] = attrs.field(converter=checks.each(checks.text(), min_items=1))
    """Ids of the assets."""


@model
class IndexCreate(Model):
    """A new custom index."""

    name: str = attrs.field(converter=checks.text(min_length=1))
    """Name of the index."""
    description: str = attrs.field(converter=checks.text())
    """Free text."""
    rescale: Sequence[float] = attrs.field(converter=checks.each(checks.number(), min_items=2, max_items=2))
    """Smallest and largest value of the colormap, as [min, max]."""
    expression: str = attrs.field(converter=checks.text(min_length=1))
    """
    Formula over band names with + - * / and parentheses, such as (B08-B04)/(B08+B04). The vendor does
    not document the form of composites.
    """
    colormap: str = attrs.field(converter=checks.text(min_length=1))
    """Name of a colormap, such as rdylgn."""
    satellite_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the satellite whose bands the formula names."""
    expression_type: ExpressionType | str = attrs.field(converter=checks.enum_value(ExpressionType))
    """What the expression yields."""


@model
class LegendItemUpdate(Model):
    """One class of a legend that you set. The vendor marks no field as required."""

    color: str | None = attrs.field(default=None, converter=checks.text())
    """Colour as #rrggbb."""
    label: str | None = attrs.field(default=None, converter=checks.text())
    """Name of the class."""
    min: float | None = attrs.field(default=None, converter=checks.number())
    """Smallest index value of the class."""
    max: float | None = attrs.field(default=None, converter=checks.number())
    """Largest index value of the class."""


@model
class VisualizationCreate(Model):
    """A new visualization of an AOI."""

    index_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the index to render."""
    src_asset_ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Ids of the assets to render. Optional in the vendor's document, required in an older page."""
    resolution: float | None = attrs.field(default=None, converter=checks.number())
    """Size of a pixel on the ground in metres. Server default: that of the satellite."""


@model
class SearchFilter(Model):
    """Range for a property of an image."""

    id: str = attrs.field(converter=checks.text(min_length=1))
    """Name of the property. The only known one is eo:cloud_cover, in percent 0-100."""
    min: int = attrs.field(converter=checks.integer())
    """Smallest accepted value."""
    max: int = attrs.field(converter=checks.integer())
    """Largest accepted value."""


@model
class SearchSatellite(Model):
    """A satellite, and its collection to search."""

    collection_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the collection, such as sentinel-2-l2a."""
    satellite_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the satellite, a UUID."""


@model
class ImageSearch(Model):
    """Area, time span and satellites of the search."""

    start_date: times.Instant = attrs.field(converter=checks.instant)
    """Start of the time span."""
    end_date: times.Instant = attrs.field(converter=checks.instant)
    """End of the time span, after the start."""
    satellites: Sequence[SearchSatellite] = attrs.field(
        converter=checks.each(checks.instance(SearchSatellite), min_items=1)
    )
    """Satellites to search, each with a collection."""
    geometry: GeometryInput = attrs.field(converter=checks.geometry)
    """Area, as a GeoJSON geometry with [lon, lat] in degrees."""
    filters: Sequence[SearchFilter] | None = attrs.field(
        default=None, converter=checks.each(checks.instance(SearchFilter))
    )
    """Further conditions on the images."""
    limit: int | None = attrs.field(default=None, converter=checks.integer(minimum=1, maximum=10000))
    """Largest number of images to return, 1-10000."""

    def __attrs_post_init__(self) -> None:
        checks.in_order(self, "start_date", "end_date")


@model
class BlockRef(Model):
    """Reference to one version of a block, by name."""

    name: str = attrs.field(converter=checks.text(min_length=1))
    """Name of the block as in its specification, for instance cropclassification."""
    version: str = attrs.field(converter=checks.text(min_length=1))
    """Version of the block, for instance 1.0.0."""


@model
class InsightPackageCreate(Model):
    """The files of an insight to pack. Without a body the server chooses."""

    inputs: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Names or ids of the inputs to pack."""
    outputs: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Names or ids of the outputs to pack."""


@model
class BandsetRef(Model):
    """Reference to a bandset."""

    bandset_id: str = attrs.field(converter=checks.text(min_length=1))
    """Identifier of the bandset."""


@model
class DeliveryRequest(Model):
    """Images to deliver to one target. Give exactly one of catalog_ids and order_item_ids; omit the other."""

    catalog_ids: Sequence[str] | None = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1, unique=True)
    )
    """Catalog entries to deliver, each once."""
    order_item_ids: Sequence[str] | None = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1, unique=True)
    )
    """Order items whose images are to be delivered, each once."""
    cloud_info: CloudDelivery = attrs.field(converter=checks.instance(CloudDelivery, "config"))
    """Store and folder to deliver to."""

    def __attrs_post_init__(self) -> None:
        checks.exactly_one_of(self, "catalog_ids", "order_item_ids")


@model
class CatalogDownloadCreate(Model):
    """Images to pack for download. Give exactly one of catalog_ids and order_item_ids; omit the other."""

    catalog_ids: Sequence[str] | None = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1, unique=True)
    )
    """Catalog entries to pack, each once."""
    order_item_ids: Sequence[str] | None = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1, unique=True)
    )
    """Order items whose images are to be packed, each once."""

    def __attrs_post_init__(self) -> None:
        checks.exactly_one_of(self, "catalog_ids", "order_item_ids")


@model
class PngRequest(Model):
    """The day of a visualization to render, and its legend."""

    index_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the index to render."""
    date: str = attrs.field(converter=checks.text(pattern="^[0-9]{4}_[0-9]{2}_[0-9]{2}$"))
    """Day of the image, such as 2024_05_06."""
    visualization_mode: VisualizationMode | str = attrs.field(converter=checks.enum_value(VisualizationMode))
    """Which legend to use."""


@model
class SLDRequest(Model):
    """Which styles to write."""

    dates: Sequence[str] = attrs.field(
        converter=checks.each(checks.text(pattern="^[0-9]{4}_[0-9]{2}_[0-9]{2}$"), min_items=1)
    )
    """Days of the images, such as 2024_05_06."""
    visualization_modes: Sequence[VisualizationMode | str] = attrs.field(
        converter=checks.each(checks.enum_value(VisualizationMode), min_items=1)
    )
    """Legends to write styles for."""


@model
class VisualizationMetadataRollback(Model):
    """Which legends to compute again from the source data."""

    index_id: str = attrs.field(converter=checks.text(min_length=1))
    """Id of the index."""
    dates: Sequence[str] = attrs.field(
        converter=checks.each(checks.text(pattern="^[0-9]{4}_[0-9]{2}_[0-9]{2}$"), min_items=1)
    )
    """Days of the images, such as 2024_05_06."""
    visualization_mode: VisualizationMode | str = attrs.field(converter=checks.enum_value(VisualizationMode))
    """Mode of the legends to compute again."""


@model
class VisualizationMetadataUpdate(Model):
    """New legends for one mode."""

    visualization_mode: VisualizationMode | str = attrs.field(converter=checks.enum_value(VisualizationMode))
    """Mode of the legends to set; the other mode does not change."""
    legend: Mapping[str, Sequence[LegendItemUpdate] | None] = attrs.field(
        converter=checks.table(checks.maybe(checks.each(checks.instance(LegendItemUpdate))))
    )
    """
    Classes by day such as 2024_05_06. In dynamic mode null lets the server compute the classes from
    dynamic_bins.
    """
    dynamic_bins: int | None = attrs.field(default=None, converter=checks.integer(minimum=1, maximum=15))
    """Number of classes of equal width to compute, 1-15. Needed in dynamic mode where a legend is null."""


@model
class SortField(Model):
    """A field to sort by."""

    field: str = attrs.field(converter=checks.text(min_length=1))
    """Sort key, as a path into the item such as properties->>'datetime'."""
    direction: SortingOrder | str = attrs.field(converter=checks.enum_value(SortingOrder))
    """Direction of sorting."""


@model
class InsightCreate(Model):
    """Request to run a block on an AOI, or to estimate its price."""

    name: str | None = attrs.field(default=None, converter=checks.text())
    """Name of the insight."""
    block: BlockRef = attrs.field(converter=checks.instance(BlockRef))
    """Block to run."""
    input: Sequence[DataType] = attrs.field(converter=checks.each(checks.instance(DataType)))
    """The inputs of the block's specification, with their values."""
    project_id: str | None = attrs.field(default=None, converter=checks.text())
    """Project that the insight belongs to."""
    metadata: Mapping[str, str] | None = attrs.field(default=None, converter=checks.table(checks.text()))
    """Your own labels, stored with the insight and returned by the list."""
    estimate: bool | None = attrs.field(default=None, converter=checks.boolean())
    """True returns only the price in tokens and creates nothing. Server default: false."""


@model
class OrderItemCreate(Model):
    """
    One item to order. With item_ids it orders archive images. With bandset, recurrence, start_date and
    end_date (or no_of_occurrences when recurring) it tasks a satellite.
    """

    project_id: str = attrs.field(converter=checks.text(min_length=1))
    """Project of the order; the account must belong to it."""
    name: str | None = attrs.field(default=None, converter=checks.text(max_length=100))
    """Name of the item, at most 100 characters."""
    geometry: GeometryInput = attrs.field(converter=checks.feature_collection)
    """
    Areas to capture, as Polygon or MultiPolygon features in longitude, latitude. Less than 100 km² in
    total is billed as 100 km². Nearest edges may be at most 200 km apart.
    """
    recurrence: Recurrence | str | None = attrs.field(default=None, converter=checks.enum_value(Recurrence))
    """How often to capture images; required for tasking."""
    start_date: times.Instant | None = attrs.field(default=None, converter=checks.instant)
    """
    First day of the capture window in UTC, included; required for tasking. Must lie at least 24 hours
    ahead.
    """
    end_date: times.Instant | None = attrs.field(default=None, converter=checks.instant)
    """
    End of the capture window in UTC, not included: 28th means up to the 27th. Required for a single
    tasking. When recurring, give either this or no_of_occurrences.
    """
    no_of_occurrences: int | None = attrs.field(default=None, converter=checks.integer(minimum=0))
    """Number of repetitions of a recurring tasking, in place of end_date."""
    cloud_cover: int | None = attrs.field(default=None, converter=checks.integer(minimum=0, maximum=100))
    """Largest accepted cloud cover, in percent 0-100. Server default: 20."""
    off_nadir: int | None = attrs.field(default=None, converter=checks.integer(minimum=0))
    """Largest accepted off-nadir angle, in degrees. Server default: 20; its upper limit is not documented."""
    bandset: BandsetRef | None = attrs.field(default=None, converter=checks.instance(BandsetRef))
    """Bands to capture; required for tasking."""
    delivery_speed: DeliverySpeed | str | None = attrs.field(
        default=None, converter=checks.enum_value(DeliverySpeed)
    )
    """Delivery speed. Server default: STANDARD."""
    usecase: str = attrs.field(converter=checks.text(min_length=1))
    """Use of the images, for instance agriculture."""
    item_ids: Sequence[str] | None = attrs.field(
        default=None, converter=checks.each(checks.text(), min_items=1)
    )
    """STAC item ids of the archive images; required for an archive order."""
    cloud_delivery: CloudDelivery | None = attrs.field(
        default=None, converter=checks.instance(CloudDelivery, "config")
    )
    """Store to which the images are delivered as soon as they are ready."""

    def __attrs_post_init__(self) -> None:
        checks.in_order(self, "start_date", "end_date")


@model
class StoreCreate(Model):
    """Request to register your bucket as a target of deliveries."""

    name: str = attrs.field(converter=checks.text(min_length=1))
    """Name of the store, unique in your account."""
    type: StoreType | str = attrs.field(converter=checks.enum_value(StoreType))
    """Cloud provider of the bucket."""
    configs: StoreConfigs = attrs.field(converter=checks.instance(StoreConfigs, "bucket", "region"))
    """Location of the bucket."""
    secrets: Annotated[Mapping[str, str], Sensitive()] = attrs.field(
        converter=checks.secret(checks.table(checks.text()))
    )
    """
    Credentials by name. S3 needs access_key_id and secret_access_key; AZBLOB needs account_name,
    tenant_id, client_id and client_secret; GCS needs project_id and service_account_credentials. Never
    returned by the server.
    """
    labels: Mapping[str, str] | None = attrs.field(default=None, converter=checks.table(checks.text()))
    """Your own labels."""


@model
class DeliveriesCreate(Model):
    """Request to deliver images to stores."""

    deliveries: Sequence[DeliveryRequest] = attrs.field(
        converter=checks.each(checks.instance(DeliveryRequest), min_items=1)
    )
    """Images to deliver, with their targets; at least one entry."""


@model
class CatalogSearch(Model):
    """Filters of a catalog search. All are optional; an entry must meet all that are given."""

    bbox: checks.BoundingBox | None = attrs.field(default=None, converter=checks.bbox)
    """
    Bounding box west, south, east, north in degrees, longitude before latitude. A box over the
    antimeridian has west greater than east.
    """
    collections: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Ids of the STAC collections to search."""
    datetime: times.Interval | None = attrs.field(default=None, converter=checks.interval)
    """Time of capture: one RFC 3339 instant, or start/end with .. for an open end."""
    ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Identifiers of catalog entries."""
    intersects: GeometryInput | None = attrs.field(default=None, converter=checks.polygon)
    """Area that the images must touch, positions as longitude, latitude."""
    item_ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """STAC item ids of images."""
    order_ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Orders that the images came from."""
    order_item_ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Order items that the images came from."""
    query: Mapping[str, Any] | None = attrs.field(default=None, converter=checks.table(checks.anything()))
    """
    Conditions by property. The value is a map of operators (gt, lt, eq), or a bare value that must be
    equal.
    """
    sort_by: Sequence[SortField] | None = attrs.field(
        default=None, converter=checks.each(checks.instance(SortField))
    )
    """
    Order of the result, most important field first. Assumption: same form as sortby of the archive
    search. The vendor's schema shows maps of property to ASC or DESC instead.
    """
    limit: int | None = attrs.field(default=None, converter=checks.integer(minimum=1))
    """Largest number of entries per page. Server default: 2."""
    offset: int | None = attrs.field(default=None, converter=checks.integer(minimum=0))
    """Number of entries to skip. Server default: 0."""


@model
class ArchiveSearch(Model):
    """Conditions on archive items, and the page to return. An item must meet all conditions."""

    collections: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Only items of these collections."""
    ids: Sequence[str] | None = attrs.field(default=None, converter=checks.each(checks.text()))
    """Only items with these ids."""
    bbox: checks.BoundingBox | None = attrs.field(default=None, converter=checks.bbox)
    """
    Only items that touch this box, [west, south, east, north] in degrees. Assumption: as in STAC, a box
    over the antimeridian has west greater than east.
    """
    intersects: GeometryInput | None = attrs.field(default=None, converter=checks.geometry)
    """Only items that touch this geometry, [lon, lat] in degrees."""
    datetime: times.Interval | None = attrs.field(default=None, converter=checks.interval)
    """Only items of this instant or interval, RFC 3339. An interval is start/end, with .. for an open end."""
    query: Mapping[str, Any] | None = attrs.field(default=None, converter=checks.table(checks.anything()))
    """
    Conditions by property. The value is a map of operators (gt, lt, eq) such as lt 20, or a bare value
    that must be equal.
    """
    sortby: Sequence[SortField] | None = attrs.field(
        default=None, converter=checks.each(checks.instance(SortField))
    )
    """Order of the items, most important field first."""
    limit: int | None = attrs.field(default=None, converter=checks.integer(minimum=1))
    """Largest number of items on one page. Server default: 10."""
    offset: int | None = attrs.field(default=None, converter=checks.integer(minimum=0))
    """Number of items to skip. Assumption: the server default is 0."""


@model
class OrderCreate(Model):
    """Request to place an order, or to do a dry run."""

    dry_run: bool | None = attrs.field(default=None, converter=checks.boolean())
    """True checks and prices the order without placing it: nothing is deducted. Server default: false."""
    order_items: Sequence[OrderItemCreate] = attrs.field(
        converter=checks.each(checks.instance(OrderItemCreate), min_items=1)
    )
    """What is ordered, at least one item."""
