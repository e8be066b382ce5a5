"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from pixxel_async._codec.open_enum import OpenEnum


class GeometryType(OpenEnum):
    """
    Kind of a GeoJSON geometry. Point and MultiPoint are single positions, LineString and
    MultiLineString are lines. Polygon and MultiPolygon are areas, GeometryCollection is a mixture.
    """

    POINT = "Point"
    MULTI_POINT = "MultiPoint"
    LINE_STRING = "LineString"
    MULTI_LINE_STRING = "MultiLineString"
    POLYGON = "Polygon"
    MULTI_POLYGON = "MultiPolygon"
    GEOMETRY_COLLECTION = "GeometryCollection"


class AOIStatus(OpenEnum):
    """
    State of an AOI. Its images are being clipped: started, running. Images are being added: updating.
    All images are ready: success. Some images are ready: partial_success. No image is ready: failed.
    Assumption: with partial_success some images failed.
    """

    SUCCESS = "success"
    STARTED = "started"
    RUNNING = "running"
    FAILED = "failed"
    UPDATING = "updating"
    PARTIAL_SUCCESS = "partial_success"


class AssetStatus(OpenEnum):
    """
    State of an asset: started and creating while in progress, success when ready, failed when it could
    not be made.
    """

    SUCCESS = "success"
    FAILED = "failed"
    STARTED = "started"
    CREATING = "creating"


class AssetType(OpenEnum):
    """
    Kind of an asset: mosaic for images joined into one, stac_item for a single image with its STAC
    description, visualization for a rendered index.
    """

    MOSAIC = "mosaic"
    STAC_ITEM = "stac_item"
    VISUALIZATION = "visualization"


class ExpressionType(OpenEnum):
    """
    Result of an expression. A colour picture of several bands: composite. One value per pixel, drawn
    with a colormap: index. One value per pixel, drawn in grey: grayscale.
    """

    COMPOSITE = "composite"
    INDEX = "index"
    GRAYSCALE = "grayscale"


class IndexType(OpenEnum):
    """Origin of an index: preset for an index of the service, custom for your own."""

    CUSTOM = "custom"
    PRESET = "preset"


class VisualizationMode(OpenEnum):
    """
    Kind of legend: dynamic follows the values found in the images, theoretical spans the fixed range of
    the index.
    """

    DYNAMIC = "dynamic"
    THEORETICAL = "theoretical"


class VisualizationStatus(OpenEnum):
    """
    State of a visualization: creating while in progress, success when complete, partial_success when a
    part is ready, failed when nothing is.
    """

    CREATING = "creating"
    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL_SUCCESS = "partial_success"


class VisualizationType(OpenEnum):
    """
    Type of a visualization. The vendor lists custom only, although preset indices can be rendered too;
    other values are possible.
    """

    CUSTOM = "custom"


class BlockMode(OpenEnum):
    """Where a block can be used: insight = on the images of an AOI, workflow = as a step of a workflow."""

    INSIGHT = "insight"
    WORKFLOW = "workflow"


class OrderStatus(OpenEnum):
    """
    Payment status of an order: PAID = tokens deducted, REFUND = tokens refunded, UNPAID = nothing
    deducted, PAYMENT_IN_PROGRESS = deduction in progress.
    """

    PAID = "PAID"
    REFUND = "REFUND"
    UNPAID = "UNPAID"
    PAYMENT_IN_PROGRESS = "PAYMENT_IN_PROGRESS"


class OrderItemType(OpenEnum):
    """
    Kind of order item: TASKING = one new capture, ARCHIVE = existing images, RECURRING = new captures
    at intervals.
    """

    TASKING = "TASKING"
    ARCHIVE = "ARCHIVE"
    RECURRING = "RECURRING"


class OrderItemStatus(OpenEnum):
    """
    Status of an order item. DRAFT = not yet in force; ACTIVE = in progress; FULFILLED = all delivered
    (COMPLETED in older responses); CANCELLED = cancelled; FAILED = nothing could be delivered;
    PARTIALLY_FULFILLED = a part was delivered (PARTIALLY_COMPLETED in older responses).
    """

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    FULFILLED = "FULFILLED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    PARTIALLY_FULFILLED = "PARTIALLY_FULFILLED"


class OrderItemPaymentStatus(OpenEnum):
    """
    Payment status of an order item. PAID = tokens deducted; PARTIAL-REFUND = some refunded; REFUND =
    all refunded; UNPAID = nothing deducted; PARTIAL-MONTHLY = paid monthly, not yet in full (an
    assumption from the name).
    """

    PAID = "PAID"
    PARTIAL_REFUND = "PARTIAL-REFUND"
    REFUND = "REFUND"
    UNPAID = "UNPAID"
    PARTIAL_MONTHLY = "PARTIAL-MONTHLY"


class Recurrence(OpenEnum):
    """
    How often images are captured. ONCE = a single time; MONTHLY = every month; BIMONTHLY = every two
    months (assumption from the name); QUARTERLY = every three months; NOT_APPLICABLE = no tasking.
    """

    ONCE = "ONCE"
    MONTHLY = "MONTHLY"
    BIMONTHLY = "BIMONTHLY"
    QUARTERLY = "QUARTERLY"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class DeliverySpeed(OpenEnum):
    """
    Delivery speed: STANDARD = the usual time, NOT_APPLICABLE = no meaning for this kind of order. Older
    responses also have EXPEDITED.
    """

    STANDARD = "STANDARD"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class ImageType(OpenEnum):
    """Spectral range: VNIR = visible and near infrared, SWIR = shortwave infrared, VSWIR = both."""

    VNIR = "VNIR"
    SWIR = "SWIR"
    VSWIR = "VSWIR"


class FeasibilityStatus(OpenEnum):
    """
    Outcome of the feasibility check: NOT_APPLICABLE = no tasking, FAILED = the check itself failed,
    WEAK_SUCCESS = not feasible with these parameters, SUCCESS = feasible, UNSPECIFIED = unknown. The
    meanings of FAILED and WEAK_SUCCESS are assumptions.
    """

    NOT_APPLICABLE = "NOT_APPLICABLE"
    FAILED = "FAILED"
    WEAK_SUCCESS = "WEAK_SUCCESS"
    SUCCESS = "SUCCESS"
    UNSPECIFIED = "UNSPECIFIED"


class OrderTaskType(OpenEnum):
    """Kind of task: ARCHIVE = an existing image is delivered, TASKING = a new image is captured."""

    ARCHIVE = "ARCHIVE"
    TASKING = "TASKING"


class OrderTaskStatus(OpenEnum):
    """
    Status of a task. DRAFT = not yet in force; SUBMITTED = submitted; IN_PROGRESS = in progress;
    FULFILLED = done (COMPLETED in older responses); PARTIALLY_FULFILLED = done in part; FAILED = could
    not be done; CANCELLED = cancelled; EXPIRED = its window has passed.
    """

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    FULFILLED = "FULFILLED"
    PARTIALLY_FULFILLED = "PARTIALLY_FULFILLED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class OrderTaskDeliveryStatus(OpenEnum):
    """
    Status of the delivery of a task: PENDING = not yet done, SUCCESSFUL = files are in the store,
    FAILED = could not be delivered, NOT_APPLICABLE = no delivery was requested.
    """

    PENDING = "PENDING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class StoreType(OpenEnum):
    """Cloud provider of a store: S3 = Amazon S3, GCS = Google Cloud Storage, AZBLOB = Azure Blob Storage."""

    S3 = "S3"
    GCS = "GCS"
    AZBLOB = "AZBLOB"


class DeliveryStatus(OpenEnum):
    """
    Status of a delivery. UNSPECIFIED = unknown; CREATED = waiting; FAILED = could not be delivered;
    IN_PROGRESS = in progress; SUCCESS = files are in the store (some responses have SUCCESSFUL).
    """

    UNSPECIFIED = "UNSPECIFIED"
    CREATED = "CREATED"
    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"


class SortingOrder(OpenEnum):
    """
    Direction of sorting: asc = smallest first, desc = largest first. The vendor's schema has ASC and
    DESC, all of its samples have lower case. Lower case is sent.
    """

    ASC = "asc"
    DESC = "desc"


class CatalogDownloadStatus(OpenEnum):
    """
    Status of a package: success = ready, created = waiting, failed = could not be made, in_progress =
    in progress.
    """

    SUCCESS = "success"
    CREATED = "created"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
