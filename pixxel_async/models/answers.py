"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from typing import Annotated, Any

from pixxel_async._codec.model import Model, Sensitive, Timestamp, WireName, model

from .enums import (
    AOIStatus,
    AssetStatus,
    AssetType,
    CatalogDownloadStatus,
    DeliverySpeed,
    DeliveryStatus,
    ExpressionType,
    FeasibilityStatus,
    GeometryType,
    ImageType,
    IndexType,
    OrderItemPaymentStatus,
    OrderItemStatus,
    OrderItemType,
    OrderStatus,
    OrderTaskDeliveryStatus,
    OrderTaskStatus,
    OrderTaskType,
    Recurrence,
    StoreType,
    VisualizationStatus,
    VisualizationType,
)


@model
class Pagination(Model):
    """Which page of a list this is."""

    limit: int | None = None
    """Largest number of entries on a page."""
    offset: int | None = None
    """Number of entries before this page."""
    total: int | None = None
    """Number of entries on all pages together."""


@model
class Polygon(Model):
    """GeoJSON polygon, WGS84. The first ring is the outline, further rings are holes."""

    type: str | None = None
    """Always Polygon."""
    coordinates: list[list[list[float]]] | None = None
    """
    Rings of positions, each position [lon, lat] in degrees; first and last position of a ring are the
    same.
    """


@model
class Project(Model):
    """A project, to which AOIs, orders and insights belong."""

    id: str
    """Id of the project, usually a UUID."""
    name: str | None = None
    """Short name as used in URLs."""
    title: str | None = None
    """Display name."""
    org_id: str | None = None
    """Id of the organization that owns it."""
    members_count: int | None = None
    """Number of members; only lists have it."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    metadata: dict[str, Any] | None = None
    """Free notes on the project, any JSON by key."""


@model
class ProjectAnswer(Model):
    """Wrapper around one project."""

    project: Project | None = None
    """The project."""


@model
class ProjectList(Model):
    """One page of projects."""

    count: int | None = None
    """Number of projects on all pages together."""
    projects: list[Project] | None = None
    """Projects of this page."""


@model
class AOIDownload(Model):
    """A package of AOI assets and its state."""

    download_id: str
    """Id of the download."""
    status: str | None = None
    """State of the packing. SUCCESS is the only documented value."""
    signed_url: Annotated[str | None, Sensitive()] = None
    """Temporary URL of the package, which needs no credential; empty until the packing has succeeded."""


@model
class LegendItem(Model):
    """One class of a legend."""

    color: str | None = None
    """Colour as #rrggbb."""
    label: str | None = None
    """Name of the class."""
    min: float | None = None
    """Smallest index value of the class."""
    max: float | None = None
    """Largest index value of the class."""
    area: float | None = None
    """Area of the class; the vendor does not name the unit."""
    area_percentage: float | None = None
    """Share of the class in the whole area, in percent 0-100."""


@model
class SLD(Model):
    """Styled Layer Descriptor documents."""

    sld: dict[str, dict[str, str]] | None = None
    """XML text by mode (dynamic, theoretical), then by day such as 2024_05_06."""


@model
class VisualizationLegend(Model):
    """Legends of one day, one list of classes for each mode."""

    dynamic: list[LegendItem] | None = None
    """Classes computed from the values found in the images."""
    theoretical: list[LegendItem] | None = None
    """Classes fixed for the index, independent of the images."""


@model
class VisualizationMetadata(Model):
    """Metadata of a visualization: its legends."""

    legend: dict[str, VisualizationLegend] | None = None
    """Legends by day such as 2024_05_06; empty or null where there are none."""


@model
class SatelliteBand(Model):
    """A spectral band of a satellite."""

    name: str | None = None
    """Name of the band, such as B04 or B001."""
    wavelength: float | None = None
    """Wavelength. Assumption: in nanometres."""
    offset: float | None = None
    """Offset to add to a pixel value after scaling. Assumption: as in raster bands of STAC."""
    scale: float | None = None
    """Factor for a pixel value."""
    spatial_resolution: float | None = None
    """Size of a pixel on the ground in metres."""


@model
class SatelliteCollection(Model):
    """A collection that holds images of a satellite."""

    id: str
    """Id of the collection, such as sentinel-2-l2a; pass it to the image search."""
    name: str | None = None
    """Display name."""
    provider: str | None = None
    """Source of the images; pass it to a new AOI."""
    queryables: list[str] | None = None
    """Properties that the image search can filter by, such as eo:cloud_cover."""
    rescale: list[float] | None = None
    """Smallest and largest pixel value to display, as [min, max]."""


@model
class RGBComposite(Model):
    """Bands that make up a picture in natural colours."""

    red: str | None = None
    """Name of the band for red."""
    green: str | None = None
    """Name of the band for green."""
    blue: str | None = None
    """Name of the band for blue."""


@model
class SearchPagination(Model):
    """Which page of found images this is."""

    limit: int | None = None
    """Largest number of images on a page."""
    skip: int | None = None
    """Number of images before this page."""
    total: int | None = None
    """Number of matching images on all pages together."""
    next_token: str | None = None
    """
    Token of the next page. Assumption: the vendor mentions it in prose only; name and place are not
    confirmed.
    """


@model
class STACProperties(Model):
    """
    Properties of an image: the union of archive, catalog and older responses. Further keys are
    possible.
    """

    datetime: Timestamp | None = None
    """Time of capture."""
    created: Timestamp | None = None
    """When the product was made."""
    updated: Timestamp | None = None
    """When the product or its description was last changed."""
    startdatetime: Timestamp | None = None
    """Start of the capture."""
    enddatetime: Timestamp | None = None
    """End of the capture; older responses."""
    title: str | None = None
    """Display title."""
    description: str | None = None
    """Free text."""
    license: str | None = None
    """Licence of the data."""
    constellation: str | None = None
    """Constellation, such as TD1."""
    platform: str | None = None
    """Satellite, such as TD1."""
    mission: str | None = None
    """Mission; older responses."""
    instruments: list[str] | None = None
    """Instruments used, such as VNIR."""
    gsd: float | None = None
    """Size of a pixel on the ground in metres."""
    altitude: float | None = None
    """Altitude of the satellite. Assumption: in km."""
    eo_cloud_cover: Annotated[float | None, WireName("eo:cloud_cover")] = None
    """Share of the image under clouds, in percent 0-100."""
    proj_code: Annotated[str | None, WireName("proj:code")] = None
    """Coordinate reference system as authority and code, such as EPSG:32643; archive items."""
    proj_epsg: Annotated[int | None, WireName("proj:epsg")] = None
    """Coordinate reference system as EPSG number; catalog entries and older items."""
    proj_wkt2: Annotated[str | None, WireName("proj:wkt2")] = None
    """Coordinate reference system as WKT2 text; catalog entries."""
    proj_shape: Annotated[list[int] | None, WireName("proj:shape")] = None
    """Size in pixels as [rows, columns]."""
    proj_transform: Annotated[list[float] | None, WireName("proj:transform")] = None
    """Affine transform from pixel to coordinates, six or nine numbers row by row."""
    proj_reflectance_scaling_factor: Annotated[float | None, WireName("proj:reflectance_scaling_factor")] = (
        None
    )
    """Factor from pixel value to reflectance; older responses."""
    proj_reflectance_addition_factor: Annotated[
        float | None, WireName("proj:reflectance_addition_factor")
    ] = None
    """Offset to add to a scaled pixel value for reflectance; older responses."""
    view_off_nadir: Annotated[float | None, WireName("view:off_nadir")] = None
    """Angle between straight down and the line of sight, in degrees."""
    view_sun_azimuth: Annotated[float | None, WireName("view:sun_azimuth")] = None
    """Direction of the sun from true north, clockwise in degrees."""
    view_sun_elevation: Annotated[float | None, WireName("view:sun_elevation")] = None
    """Height of the sun above the horizon in degrees."""
    view_scene_center_lat: Annotated[float | None, WireName("view:scene_center_lat")] = None
    """Latitude of the centre in degrees."""
    view_scene_center_lon: Annotated[float | None, WireName("view:scene_center_lon")] = None
    """Longitude of the centre in degrees."""
    view_altitude: Annotated[float | None, WireName("view:altitude")] = None
    """Altitude of the satellite; older responses. Assumption: in km."""
    view_satellite_look_angle: Annotated[float | None, WireName("view:satellite_look_angle")] = None
    """Viewing angle of the satellite in degrees; catalog entries and older items."""
    sat_orbit_state: Annotated[str | None, WireName("sat:orbit_state")] = None
    """Direction of flight, such as ascending or descending; catalog entries."""
    sat_relative_orbit: Annotated[int | None, WireName("sat:relative_orbit")] = None
    """Number of the orbit within its cycle; catalog entries."""
    rd_product_level: Annotated[str | None, WireName("rd:product_level")] = None
    """Processing level, such as L2A."""
    rd_sat_id: Annotated[str | None, WireName("rd:sat_id")] = None
    """The producer's id of the satellite."""
    rd_type: Annotated[str | None, WireName("rd:type")] = None
    """Physical quantity of the pixels, such as Reflectance."""
    rd_anomalous_pixels: Annotated[float | None, WireName("rd:anomalous_pixels")] = None
    """Share of anomalous pixels. The vendor does not say whether as fraction or percent."""
    rd_earth_sun_distance: Annotated[float | None, WireName("rd:earth_sun_distance")] = None
    """Distance between earth and sun. Assumption: in astronomical units."""
    sci_doi: Annotated[str | None, WireName("sci:doi")] = None
    """DOI under which to cite the data."""


@model
class STACLink(Model):
    """A related document."""

    href: str | None = None
    """URL of the document."""
    rel: str | None = None
    """Relation to this document, such as self, collection or next."""
    title: str | None = None
    """Display title."""
    type: str | None = None
    """Media type, such as application/json."""


@model
class EOBand(Model):
    """
    A spectral band. Wavelengths are in micrometres or nanometres, depending on the source; they are not
    converted.
    """

    name: str | None = None
    """Name of the band, such as B01 or B091."""
    common_name: str | None = None
    """Common name of the band, such as coastal or red."""
    center_wavelength: float | None = None
    """Centre wavelength, in micrometres (0.49) or nanometres (490) as sent."""
    fwhm: float | None = None
    """Full width at half maximum, in the same unit as the centre wavelength."""
    solar_irradiance: float | None = None
    """Solar irradiance in the band, W/m² per micrometre as STAC has it."""


@model
class RasterBand(Model):
    """How to read the pixels of a band; value = pixel * scale + offset."""

    scale: float | None = None
    """Factor for a pixel value."""
    offset: float | None = None
    """Offset to add after scaling."""
    nodata: float | None = None
    """Pixel value that means no data."""
    spatial_resolution: float | None = None
    """Size of a pixel on the ground in metres."""


@model
class SpatialExtent(Model):
    """Area of the images of a collection."""

    bbox: list[list[float]] | None = None
    """Bounding boxes, each [west, south, east, north] in degrees; the first one spans all."""


@model
class TemporalExtent(Model):
    """Time spans of the images of a collection."""

    interval: list[list[str | None]] | None = None
    """Time spans, each [start, end] as RFC 3339 text with null for an open end; the first one spans all."""


@model
class Provider(Model):
    """A producer or provider of the data of a collection."""

    name: str | None = None
    """Name of the organization."""
    description: str | None = None
    """Free text."""
    roles: list[str] | None = None
    """Its roles, such as producer, licensor, processor or host."""
    url: str | None = None
    """Its web page."""


@model
class BlockInfo(Model):
    """The block that a task of a job executes."""

    id: str | None = None
    """Identifier of the block."""
    name: str | None = None
    """Name of the block."""
    version: str | None = None
    """Version of the block."""


@model
class AssetSource(Model):
    """The asset for a raster input."""

    id: str | None = None
    """Identifier of the asset."""
    type: str | None = None
    """Kind of source. Only raw_mosaic is known; other kinds are possible."""


@model
class InsightEstimate(Model):
    """Estimated price of an insight."""

    estimate: float | None = None
    """Price in tokens."""


@model
class InsightCreated(Model):
    """Id of a new insight. Read its progress from the list of insights."""

    id: str
    """Identifier of the new insight."""
    message: str | None = None
    """Text from the server for human readers."""


@model
class InsightPackage(Model):
    """A ZIP package of an insight. While it is pending, repeat the same request to read its state."""

    id: str | None = None
    """Identifier that the server returns; in known responses it is that of the insight."""
    status: str | None = None
    """State of the package. pending and ready are known; Assumption: success and failed exist too."""
    signed_url: Annotated[str | None, Sensitive()] = None
    """
    Temporary URL of the package, fetched without the API token; empty or null until the package is
    ready.
    """


@model
class WorkflowEstimate(Model):
    """Estimated price of a job."""

    estimated_cost: float | None = None
    """Price in tokens."""


@model
class ValidationIssue(Model):
    """One error in the definition of a workflow."""

    from_: Annotated[str | None, WireName("from")] = None
    """Block where the faulty connection starts."""
    to: str | None = None
    """Block where the faulty connection ends."""
    err: str | None = None
    """The error."""
    reason: str | None = None
    """Reason of the error."""
    component_name: str | None = None
    """Part of the workflow that has the error."""


@model
class JobPackage(Model):
    """
    A ZIP package with the results of a job. While it is pending, repeat the same request to read its
    state.
    """

    id: str | None = None
    """
    Identifier that the server returns. The vendor does not say whether it is that of the job or of the
    package.
    """
    status: str | None = None
    """State of the package. pending and ready are known; Assumption: success and failed exist too."""
    signed_url: Annotated[str | None, Sensitive()] = None
    """
    Temporary URL of the package, fetched without the API token; empty or null until the package is
    ready.
    """
    workflow_id: Annotated[str | None, WireName("workflowId")] = None
    """Workflow of the job; the only key of this service written in camel case."""


@model
class TaskPackage(Model):
    """
    A ZIP package with the results of one task. While it is pending, repeat the same request to read its
    state.
    """

    id: str | None = None
    """Identifier that the server returns."""
    job_id: str | None = None
    """Job that the task belongs to."""
    workflow_id: str | None = None
    """Workflow of the job."""
    status: str | None = None
    """State of the package. pending and ready are known; Assumption: success and failed exist too."""
    signed_url: Annotated[str | None, Sensitive()] = None
    """
    Temporary URL of the package, fetched without the API token; empty or null until the package is
    ready.
    """


@model
class BandsetBand(Model):
    """One spectral band of a bandset."""

    name: str | None = None
    """Name of the band, for instance B001."""
    wavelength: float | None = None
    """Centre of the band in nanometres."""


@model
class OrderItemBandset(Model):
    """Bands of an order item."""

    bandset_id: str | None = None
    """Identifier of the bandset."""
    bands: list[BandsetBand] | None = None
    """The bands of the set."""
    custom: list[list[int]] | None = None
    """Numbers of a custom bandset, as a list of lists; their meaning is not documented."""


@model
class OrderImage(Model):
    """An archive image of an order item."""

    item_id: str | None = None
    """STAC item id of the image."""
    geometry: Any = None
    """
    Part of the image that was ordered, as GeoJSON in longitude, latitude; the vendor does not document
    its form.
    """


@model
class Interval(Model):
    """A time span."""

    start: Timestamp | None = None
    """Start of the span."""
    end: Timestamp | None = None
    """End of the span."""


@model
class Uplift(Model):
    """One addition to the base price."""

    title: str | None = None
    """Reason of the charge, for instance the capture timeline."""
    subtitle: str | None = None
    """Further details; may be empty."""
    percentage: int | None = None
    """Addition in percent of the base price."""
    amount: int | None = None
    """Addition in tokens."""
    item_id: str | None = None
    """Archive image that it is charged for, if any."""


@model
class StoreConfigs(Model):
    """Location of a bucket, and the prefix to write to."""

    bucket: str | None = None
    """Name of the bucket; a request must give it."""
    region: str | None = None
    """Region of the bucket, for instance us-east-2; a request must give it."""
    path_prefix: str | None = None
    """Prefix of all written files, for instance data/processed/."""


@model
class CloudDelivery(Model):
    """Target of a delivery: a store and a folder in it."""

    config: str | None = None
    """Identifier of the store, not its name; a request must give it."""
    path: str | None = None
    """Folder in the store, for instance path/subdirectory1/."""


@model
class Geometry(Model):
    """GeoJSON geometry of any kind, WGS84."""

    type: GeometryType | None = None
    """Kind of the geometry."""
    coordinates: Any = None
    """
    Positions as [lon, lat] in degrees; the kind decides the nesting. A Polygon has a list of rings, a
    MultiPolygon a list of such lists.
    """


@model
class AOI(Model):
    """Area of interest: a polygon with the images of one satellite, clipped to it."""

    aoi_id: str
    """Id of the AOI, a UUID."""
    name: str | None = None
    """Name, unique."""
    description: str | None = None
    """Free text."""
    satellite_id: str | None = None
    """Id of the satellite whose images it holds."""
    project_id: str | None = None
    """Id of the project it belongs to."""
    images: dict[str, Any] | None = None
    """Its images, any JSON by key. The vendor documents neither keys nor values."""
    eo_bands: list[str] | None = None
    """Names of the spectral bands of its images, such as B04 or B001."""
    geometry: Polygon | None = None
    """Outline, [lon, lat] in degrees."""
    progress: int | None = None
    """Progress in percent, 0-100."""
    status: AOIStatus | None = None
    """State of its creation."""
    is_favourite: bool | None = None
    """Whether it is marked as a favourite."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    user_id: str | None = None
    """Id of the user who created it."""
    area_in_sq_m: float | None = None
    """Area in m²."""
    centroid: list[float] | None = None
    """Centre as [lon, lat] in degrees."""


@model
class AOIList(Model):
    """One page of areas of interest."""

    aois: list[AOI] | None = None
    """AOIs of this page."""
    pagination: Pagination | None = None
    """Which page this is."""


@model
class Asset(Model):
    """A file that belongs to an AOI."""

    id: str
    """Id of the asset."""
    aoi_id: str | None = None
    """Id of the AOI it belongs to."""
    name: str | None = None
    """Name, given by the system."""
    description: str | None = None
    """Free text."""
    asset_type: AssetType | None = None
    """What the file is."""
    status: AssetStatus | None = None
    """State of its creation."""
    progress: int | None = None
    """Progress in percent, 0-100."""
    date: str | None = None
    """Day of capture, such as 2024-05-06."""
    band_list: list[str] | None = None
    """Names of the spectral bands in it."""
    resolution: float | None = None
    """Size of a pixel on the ground in metres."""
    area_in_sq_m: float | None = None
    """Area in m²."""
    centroid: list[float] | None = None
    """Centre as [lon, lat] in degrees."""
    geometry: Polygon | None = None
    """Footprint, [lon, lat] in degrees."""
    path: str | None = None
    """URL of the file in the storage of the service."""
    visualization_id: str | None = None
    """Id of the visualization that it was rendered for, if any."""
    created_at: Timestamp | None = None
    """When it was created; sent with a blank between date and time."""
    updated_at: Timestamp | None = None
    """When it was last changed; sent with a blank between date and time."""


@model
class AssetList(Model):
    """One page of assets."""

    assets: list[Asset] | None = None
    """Assets of this page."""
    pagination: Pagination | None = None
    """Which page this is."""


@model
class Index(Model):
    """A band formula, preset or custom."""

    id: str
    """Id of the index."""
    name: str | None = None
    """Name of the index."""
    description: str | None = None
    """Free text."""
    type: IndexType | None = None
    """Whether it is preset or custom."""
    expression_type: ExpressionType | None = None
    """What the expression yields."""
    expression: str | None = None
    """Formula over band names."""
    bands: list[str] | None = None
    """Names of the bands that the formula uses."""
    colormap: str | None = None
    """Name of the colormap."""
    rescale: list[float] | None = None
    """Smallest and largest value of the colormap, as [min, max]; fractions are possible."""
    satellite_id: str | None = None
    """Id of the satellite whose bands the formula names."""
    created_at: Timestamp | None = None
    """When it was created; sent with a blank between date and time."""
    updated_at: Timestamp | None = None
    """When it was last changed; sent with a blank between date and time."""


@model
class IndexList(Model):
    """One page of indices."""

    indices: list[Index] | None = None
    """Indices of this page."""
    pagination: Pagination | None = None
    """Which page this is."""


@model
class Visualization(Model):
    """
    An index rendered over images of an AOI. Lists have ids, user, state and times only. Only create and
    rollback return the other fields.
    """

    id: str
    """Id of the visualization."""
    aoi_id: str | None = None
    """Id of the AOI it belongs to."""
    index_id: str | None = None
    """Id of the index."""
    index_name: str | None = None
    """Name of the index."""
    type: VisualizationType | None = None
    """Type of the visualization."""
    expression_type: ExpressionType | None = None
    """What the expression yields."""
    expression: str | None = None
    """Formula over band names."""
    rescale: list[float] | None = None
    """Smallest and largest value of the colormap, as [min, max]."""
    assets: list[Asset] | None = None
    """Rendered files."""
    metadata: VisualizationMetadata | None = None
    """Legends by day."""
    progress: int | None = None
    """Progress in percent, 0-100."""
    status: VisualizationStatus | None = None
    """State of the rendering."""
    tenant_id: str | None = None
    """Id of the tenant. Assumption: the organization."""
    user_id: str | None = None
    """Id of the user who created it."""
    created_at: Timestamp | None = None
    """When it was created; sent with a blank between date and time."""
    updated_at: Timestamp | None = None
    """When it was last changed; sent with a blank between date and time."""


@model
class VisualizationList(Model):
    """One page of visualizations."""

    visualization: list[Visualization] | None = None
    """Visualizations of this page in short form; the key is singular."""
    pagination: Pagination | None = None
    """Which page this is."""


@model
class Satellite(Model):
    """A satellite or constellation whose images can be searched."""

    id: str
    """Id of the satellite, a UUID."""
    name: str | None = None
    """Name, such as Sentinel-2."""
    bands: list[SatelliteBand] | None = None
    """Its spectral bands."""
    collections: list[SatelliteCollection] | None = None
    """Collections that hold its images."""
    rgb_composite: RGBComposite | None = None
    """Bands for a picture in natural colours."""


@model
class STACAsset(Model):
    """A file of a STAC item."""

    href: str | None = None
    """URL of the file."""
    title: str | None = None
    """Display title."""
    type: str | None = None
    """Media type, such as image/tiff."""
    roles: list[str] | None = None
    """Purpose of the file, such as data, metadata or thumbnail."""
    eo_bands: Annotated[list[EOBand] | None, WireName("eo:bands")] = None
    """Spectral bands in the file, in order."""
    raster_bands: Annotated[list[RasterBand] | None, WireName("raster:bands")] = None
    """How to read the pixels of each band, in the same order."""


@model
class CollectionExtent(Model):
    """Area and time span of the images of a collection."""

    spatial: SpatialExtent | None = None
    """Area."""
    temporal: TemporalExtent | None = None
    """Time span."""


@model
class DataType(Model):
    """
    One input or output of a block: its kind and, if filled in, its value. Give either value or, for a
    raster of an AOI, stac_url with asset_source.
    """

    name: str | None = None
    """Name of the input or output as in the specification of the block."""
    format: str | None = None
    """Meaning of the value, for instance raster or date. The vendor does not list all formats."""
    type: str | None = None
    """Form of the value: url, string or number."""
    description: str | None = None
    """What the value is used for."""
    properties: dict[str, Any] | None = None
    """Details of the format. For instance, the key bands lists the band names that a raster must have."""
    value: str | None = None
    """
    The value, always as text: numbers as 0.8, dates as 2024-01-01, rasters as the URL of an earlier
    output. A number or boolean in a response is read as text.
    """
    stac_url: str | None = None
    """URL of the STAC item that a raster is taken from, in place of value."""
    asset_source: AssetSource | None = None
    """The asset of the AOI that a raster is taken from; required with stac_url."""


@model
class Insight(Model):
    """One run of a block on an AOI."""

    id: str
    """Identifier of the insight."""
    name: str | None = None
    """Name given at creation."""
    status: str | None = None
    """
    State of the run. running and completed are known; Assumption: pending, success and failed exist
    too.
    """
    input: list[DataType] | None = None
    """Inputs as sent."""
    output: list[DataType] | None = None
    """Outputs with their URLs; null until the run is finished."""
    metadata: dict[str, str] | None = None
    """Labels given at creation."""
    aoi_id: str | None = None
    """AOI that the insight belongs to."""
    cost: float | None = None
    """Price in tokens."""
    progress: float | None = None
    """Progress in percent, 0-100."""
    created_at: Timestamp | None = None
    """When the insight was created."""
    err_msg: str | None = None
    """Why the run failed; empty or null otherwise."""
    created_by: str | None = None
    """User who created it."""
    estimated_time_in_min: float | None = None
    """Expected duration of the whole run, in minutes."""
    deleted_at: Timestamp | None = None
    """When the insight was deleted; null while it exists."""


@model
class InsightList(Model):
    """The insights of an AOI."""

    insights: list[Insight] | None = None
    """The insights found; the response is never paged."""


@model
class Workflow(Model):
    """A chain of blocks, made in the web application. Lists lack spec, estimated_cost and val_errors."""

    id: str
    """Identifier of the workflow."""
    project_id: str | None = None
    """Project that the workflow belongs to."""
    legacy_project_id: str | None = None
    """Identifier of the project in the older numbering; only in lists."""
    name: str | None = None
    """Name of the workflow."""
    created_by: str | None = None
    """User who made it."""
    description: str | None = None
    """What the workflow is for; may be empty."""
    created_at: Timestamp | None = None
    """When it was made."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    spec: Any = None
    """Definition of the workflow as any JSON; its structure is not documented."""
    estimated_cost: float | None = None
    """Price of one job of this workflow, in tokens."""
    val_errors: list[ValidationIssue] | None = None
    """What is wrong with the definition; empty when it can run."""


@model
class WorkflowList(Model):
    """One page of workflows."""

    workflows: list[Workflow] | None = None
    """The workflows of this page, in their short form."""
    pagination: Pagination | None = None
    """Position of this page in the whole result."""


@model
class JobTask(Model):
    """One step of a job: the execution of one block. The task of an order item is a different type."""

    id: str | None = None
    """Identifier of the task."""
    name: str | None = None
    """Name of the task within the job."""
    status: str | None = None
    """State of the task; the values are those of a job."""
    state_msg: str | None = None
    """Explanation of the state, for human readers."""
    progress: float | None = None
    """Progress in percent, 0-100."""
    depends_on: list[str] | None = None
    """Names of the tasks that must end before this one starts."""
    inputs: list[DataType] | None = None
    """Inputs of the task. Assumption: same form as the inputs of a block."""
    result: Any = None
    """Results of the task, as any JSON; their structure is not documented."""
    info_logs: Any = None
    """Logs of the run, as any JSON; their structure is not documented."""
    err_msg: str | None = None
    """Why the task failed; empty or null otherwise."""
    failure_type: str | None = None
    """Kind of failure; empty or null otherwise. The vendor does not list the values."""
    disclaimer: list[str] | None = None
    """Warnings about the reliability of the result."""
    block_info: BlockInfo | None = None
    """The block that the task executes."""
    estimated_time_duration: int | None = None
    """Expected duration of the task, in seconds."""
    time_taken: str | None = None
    """Time spent so far, as text for human readers."""
    created_at: Timestamp | None = None
    """When the task was created."""
    updated_at: Timestamp | None = None
    """When the task was last changed."""
    finished_at: Timestamp | None = None
    """When the task ended; null while it runs."""
    recv_time: Timestamp | None = None
    """When the executor received the task."""
    send_time: Timestamp | None = None
    """When the task was sent to its executor."""
    block_inf_start_time: Timestamp | None = None
    """When the block began its inference."""
    block_inf_end_time: Timestamp | None = None
    """When the block ended its inference."""


@model
class Bandset(Model):
    """A set of spectral bands that can be ordered in a tasking."""

    id: str
    """Identifier of the bandset; pass it as bandset.bandset_id of an order item."""
    name: str | None = None
    """Name of the bandset."""
    description: str | None = None
    """Purpose of the bandset."""
    captures: int | None = None
    """Number of captures needed to take all its bands; the price of a tasking is multiplied by it."""
    bands: list[BandsetBand] | None = None
    """The bands of the set."""


@model
class BandsetList(Model):
    """The bandsets."""

    bandsets: list[Bandset] | None = None
    """Default bandsets and those made for your organization; the response is never paged."""


@model
class OrderTask(Model):
    """One capture or one archive delivery for an order item. The task of a job is a different type."""

    id: str | None = None
    """Identifier of the task."""
    order_item_id: str | None = None
    """Order item of the task."""
    type: OrderTaskType | None = None
    """Kind of task."""
    status: OrderTaskStatus | None = None
    """Status of the task."""
    start_date: Timestamp | None = None
    """First day of its window; the server writes day-month-year such as 15-05-2024."""
    end_date: Timestamp | None = None
    """Last day of its window; the server writes day-month-year such as 25-05-2024."""
    number_of_strips: int | None = None
    """Number of image strips captured for it."""
    tokens_used: int | None = None
    """Tokens deducted for this task."""
    transaction_id: str | None = None
    """Identifier of the payment."""
    delivery_status: OrderTaskDeliveryStatus | None = None
    """Status of the automatic delivery to a store."""
    created_at: Timestamp | None = None
    """When the task was created."""
    created_by: str | None = None
    """User who created it."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    updated_by: str | None = None
    """User who last changed it."""


@model
class Store(Model):
    """A registered bucket, without its credentials."""

    id: str
    """Identifier of the store; pass it as config of a cloud delivery."""
    name: str | None = None
    """Name of the store."""
    type: StoreType | None = None
    """Cloud provider of the bucket."""
    configs: StoreConfigs | None = None
    """Location of the bucket."""
    labels: dict[str, str] | None = None
    """Labels given at creation."""
    created_at: Timestamp | None = None
    """When the store was registered."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    created_by: str | None = None
    """User who registered it."""


@model
class StoreList(Model):
    """The stores."""

    stores: list[Store] | None = None
    """Stores of your organization; the response is never paged."""


@model
class Delivery(Model):
    """The delivery of one catalog entry to a store."""

    delivery_id: str
    """Identifier of the delivery."""
    catalog_id: str | None = None
    """Catalog entry that is delivered."""
    task_id: str | None = None
    """Order task that caused the delivery; null when a user requested it."""
    status: DeliveryStatus | None = None
    """Status of the delivery."""
    cloud_delivery: CloudDelivery | None = None
    """Store and folder of the delivery."""
    target_path: str | None = None
    """
    Rest of the destination: the file lies at cloud_delivery.path followed by this, for instance
    order_1/catalogs.zip. Empty until delivered.
    """
    created_at: Timestamp | None = None
    """When the delivery was created."""
    created_by: str | None = None
    """User who requested it."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    updated_by: str | None = None
    """User who last changed it."""


@model
class DeliveryList(Model):
    """The deliveries."""

    deliveries: list[Delivery] | None = None
    """The deliveries, one per catalog entry; the response is never paged."""


@model
class CatalogDownload(Model):
    """A package of catalog images, in progress or ready."""

    id: str
    """Identifier of the download."""
    status: CatalogDownloadStatus | None = None
    """Status of the package."""
    signed_url: Annotated[str | None, Sensitive()] = None
    """Temporary URL of the package, fetched without the API token; filled only on success."""


@model
class SatelliteList(Model):
    """All supported satellites."""

    satellites: list[Satellite] | None = None
    """The satellites."""


@model
class STACItem(Model):
    """A STAC item: the description of one image. Archive, image search and catalog fill different fields."""

    id: str
    """Id of the item; an opaque text, do not parse it."""
    type: str | None = None
    """Always Feature."""
    collection: str | None = None
    """Id of the collection it belongs to."""
    stac_version: str | None = None
    """Version of the STAC specification it follows, such as 1.0.0."""
    stac_extensions: list[str] | None = None
    """URLs of the schemas of its STAC extensions."""
    bbox: list[float] | None = None
    """Bounding box as [west, south, east, north] in degrees; the archive sends the numbers as strings."""
    geometry: Geometry | None = None
    """Footprint of the image."""
    properties: STACProperties | None = None
    """Properties of the image."""
    assets: dict[str, STACAsset] | None = None
    """Files of the image by key, such as the name of a band."""
    links: list[STACLink] | None = None
    """Related documents."""


@model
class STACItemCollection(Model):
    """One page of STAC items, a GeoJSON FeatureCollection. There is no total."""

    type: str | None = None
    """Always FeatureCollection."""
    features: list[STACItem] | None = None
    """Items of this page."""
    links: list[STACLink] | None = None
    """Related documents; a link with rel next may be the URL of the next page."""


@model
class Collection(Model):
    """A STAC collection, images of one kind."""

    id: str
    """Id of the collection, such as pixxel-td-l2a."""
    type: str | None = None
    """Always Collection."""
    title: str | None = None
    """Display title."""
    description: str | None = None
    """Free text."""
    stac_version: str | None = None
    """Version of the STAC specification it follows."""
    stac_extensions: Any = None
    """STAC extensions it uses, any JSON; usually a list of URLs."""
    license: str | None = None
    """Licence of the data."""
    extent: CollectionExtent | None = None
    """Area and time span of its images."""
    summaries: Any = None
    """Values of its items, any JSON; usually a map by property."""
    providers: list[Provider] | None = None
    """Producers and providers of the data."""
    links: list[STACLink] | None = None
    """Related documents."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


@model
class BlockSpec(Model):
    """Specification of a block. Copy inputs, fill in the values and send them as the input of an insight."""

    kind: str | None = None
    """Group that the block belongs to. The vendor does not list the values."""
    type: str | None = None
    """Type of the block within its kind. The vendor does not list the values."""
    id: str | None = None
    """Identifier of the block."""
    version_id: str | None = None
    """Identifier of this version of the block."""
    name: str | None = None
    """Name to use in calls, for instance cropclassification."""
    title: str | None = None
    """Display name."""
    version: str | None = None
    """Version text, for instance 1.0.0."""
    description: str | None = None
    """What the block computes."""
    status: int | None = None
    """
    State as a number, which the API does not document. The vendor's open-source block framework has
    draft 0, released 1, disabled 2.
    """
    inputs: list[DataType] | None = None
    """Inputs that the block expects, without values."""
    outputs: list[DataType] | None = None
    """Outputs that the block makes, without values."""
    catalog_content_url: str | None = None
    """URL of the block's page in the catalogue of models; may be empty."""
    supported_collections_id: list[str] | None = None
    """Ids of the STAC collections whose images the block can read."""


@model
class Job(Model):
    """
    One execution of a workflow. Lists lack tasks, spec, val_errors, exec_created_at and
    exec_updated_at.
    """

    id: str
    """Identifier of the job."""
    workflow_id: str | None = None
    """Workflow that is executed."""
    status: str | None = None
    """
    State of the job. running, completed and failed are known; Assumption: pending and success exist
    too.
    """
    progress: float | None = None
    """Progress in percent, 0-100. The server sends it as text."""
    cost: float | None = None
    """Price in tokens."""
    time_taken: str | None = None
    """Time spent so far, as text for human readers."""
    estimated_duration: int | None = None
    """Expected duration of the whole job, in seconds."""
    created_by: str | None = None
    """User who started it."""
    created_at: Timestamp | None = None
    """When the job was created."""
    updated_at: Timestamp | None = None
    """When the job was last changed."""
    finished_at: Timestamp | None = None
    """When the job ended; null while it runs."""
    exec_created_at: Timestamp | None = None
    """When the execution was prepared."""
    exec_updated_at: Timestamp | None = None
    """When the execution last reported."""
    tasks: list[JobTask] | None = None
    """The tasks of the job, one per processing block."""
    val_errors: list[ValidationIssue] | None = None
    """Errors in the definition that stopped the job."""
    spec: Any = None
    """Definition that was executed, as any JSON; its structure is not documented."""


@model
class JobList(Model):
    """The jobs of a workflow."""

    jobs: list[Job] | None = None
    """The jobs found, in their short form; the response is never paged."""


@model
class OrderItem(Model):
    """
    One item of an order. Only order items read by themselves have tasks and validation_errors; those
    inside an order lack them.
    """

    id: str | None = None
    """Identifier of the order item."""
    order_id: str | None = None
    """Order that it belongs to."""
    org_id: str | None = None
    """Organization that ordered."""
    user_id: str | None = None
    """User who ordered."""
    project_id: str | None = None
    """Project that it was ordered for."""
    name: str | None = None
    """Name given when ordering."""
    type: OrderItemType | None = None
    """Kind of order item; the server derives it from the request."""
    status: OrderItemStatus | None = None
    """Status of the item."""
    payment_status: OrderItemPaymentStatus | None = None
    """Payment status of the item."""
    usecase: str | None = None
    """Use of the images."""
    area: int | None = None
    """Area in km², measured in the UTM projection."""
    start_date: Timestamp | None = None
    """First day of the capture window, included."""
    end_date: Timestamp | None = None
    """End of the capture window, not included."""
    recurrence: Recurrence | None = None
    """How often images are captured."""
    no_of_occurrences: int | None = None
    """Number of repetitions of a recurring tasking; 0 when there is none."""
    occurrences: list[Interval] | None = None
    """The capture windows of a recurring tasking."""
    cloud_cover: int | None = None
    """Largest accepted cloud cover, in percent 0-100."""
    off_nadir: int | None = None
    """Largest accepted off-nadir angle, in degrees."""
    delivery_speed: DeliverySpeed | None = None
    """Delivery speed."""
    image_type: ImageType | None = None
    """Spectral range of the images."""
    number_of_bands: int | None = None
    """Number of bands per image."""
    bandset: OrderItemBandset | None = None
    """Bands that are captured."""
    images: list[OrderImage] | None = None
    """Archive images that were ordered."""
    cloud_delivery: CloudDelivery | None = None
    """Store to which the images are delivered automatically."""
    base_amount: float | None = None
    """Price in tokens before uplifts."""
    final_amount: float | None = None
    """Price in tokens with uplifts."""
    uplifts: list[Uplift] | None = None
    """Additions to the base price."""
    tokens_used: int | None = None
    """Tokens deducted; filled after payment. A recurring item is charged per task instead."""
    transaction_id: str | None = None
    """Identifier of the payment."""
    feasibility_status: FeasibilityStatus | None = None
    """Whether the tasking can be done; checked for the first occurrence only."""
    last_feasibility_check: Timestamp | None = None
    """When feasibility was last checked."""
    created_at: Timestamp | None = None
    """When the item was created."""
    created_by: str | None = None
    """User who created it."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    updated_by: str | None = None
    """User who last changed it."""
    tasks: list[OrderTask] | None = None
    """Captures or archive deliveries that fulfil the item."""
    validation_errors: list[dict[str, list[str]]] | None = None
    """What is wrong with the item: maps of field name to a list of messages."""


@model
class OrderItemList(Model):
    """One page of order items."""

    order_items: list[OrderItem] | None = None
    """The order items of this page."""
    pagination: Pagination | None = None
    """Position of this page in the whole result."""


@model
class Catalog(Model):
    """A catalog entry: one delivered image, tasked or from the archive, shared by the whole organization."""

    id: str
    """Identifier of the catalog entry."""
    org_id: str | None = None
    """Organization that owns it."""
    task_id: str | None = None
    """Order task that delivered it."""
    bandset_id: str | None = None
    """Bandset it was captured with; none for archive images."""
    area: float | None = None
    """Area of the image in km²."""
    delivery_status: DeliveryStatus | None = None
    """Status of the last delivery. Some responses have SUCCESSFUL for SUCCESS."""
    details: STACItem | None = None
    """The image as a STAC item: footprint, properties and assets."""
    created_at: Timestamp | None = None
    """When the entry was created."""
    created_by: str | None = None
    """User who requested it."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    updated_by: str | None = None
    """User who last changed it."""


@model
class CatalogList(Model):
    """One page of catalog entries."""

    catalogs: list[Catalog] | None = None
    """The entries of this page."""
    pagination: Pagination | None = None
    """Position of this page in the whole result."""


@model
class ImageSearchResult(Model):
    """Images found by the search."""

    items: dict[str, STACItem] | None = None
    """The images, a map and not a list. Assumption: the keys are the item ids."""
    pagination: SearchPagination | None = None
    """Which page this is."""


@model
class CollectionList(Model):
    """Collections of the archive."""

    collections: list[Collection] | None = None
    """The collections."""


@model
class Block(Model):
    """
    A block: one version of a published model or processing step, with the specification of its inputs
    and outputs.
    """

    id: str | None = None
    """Identifier of the block."""
    block_status: str | None = None
    """
    Release state of this version. released is documented; the vendor's open-source block framework also
    has draft and disabled.
    """
    created_at: Timestamp | None = None
    """When this version was registered."""
    err: str | None = None
    """Error text of the registration; empty when it succeeded."""
    spec: BlockSpec | None = None
    """Name, inputs and outputs of the block."""


@model
class BlockList(Model):
    """A list of blocks, or of all versions of one block."""

    blocks: list[Block] | None = None
    """The blocks found; the response is never paged."""


@model
class Order(Model):
    """An order with its items. The response to a dry run has the same form."""

    id: str | None = None
    """Identifier of the order."""
    org_id: str | None = None
    """Organization that ordered."""
    user_id: str | None = None
    """User who ordered."""
    status: OrderStatus | None = None
    """Payment status of the order."""
    total_amount: float | None = None
    """Price of the whole order in tokens."""
    transaction_id: str | None = None
    """Identifier of the payment."""
    paid_at: Timestamp | None = None
    """When it was paid. While unpaid the server sends an empty text, which is read as None."""
    created_at: Timestamp | None = None
    """When the order was placed."""
    created_by: str | None = None
    """User who placed it."""
    updated_at: Timestamp | None = None
    """When it was last changed."""
    updated_by: str | None = None
    """User who last changed it."""
    order_items: list[OrderItem] | None = None
    """The items of the order, without their tasks."""


@model
class OrderList(Model):
    """One page of orders."""

    orders: list[Order] | None = None
    """The orders of this page."""
    pagination: Pagination | None = None
    """Position of this page in the whole result."""
