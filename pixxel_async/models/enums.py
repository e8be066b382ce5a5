"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from pixxel_async._codec.open_enum import OpenEnum


class GeometryType(OpenEnum):
    """
    Kind of a GeoJSON geometry. Point and MultiPoint are single positions, LineString and
    MultiLineString are lines, Polygon and MultiPolygon are areas, GeometryCollection is a mixture.
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
    State of an AOI: started and running while its images are cut, updating while images are added
    later, success when all is there, partial_success when part of it is, failed when nothing came of
    it. Assumption: with partial_success some images failed.
    """

    SUCCESS = "success"
    STARTED = "started"
    RUNNING = "running"
    FAILED = "failed"
    UPDATING = "updating"
    PARTIAL_SUCCESS = "partial_success"


class AssetStatus(OpenEnum):
    """
    State of an asset: started and creating while it is made, success when it is there, failed when it
    could not be made.
    """

    SUCCESS = "success"
    FAILED = "failed"
    STARTED = "started"
    CREATING = "creating"


class AssetType(OpenEnum):
    """
    What an asset is: mosaic for images joined into one, stac_item for a single image with its STAC
    description, visualization for a rendered index.
    """

    MOSAIC = "mosaic"
    STAC_ITEM = "stac_item"
    VISUALIZATION = "visualization"


class ExpressionType(OpenEnum):
    """
    What an expression yields: composite for a colour picture of several bands, index for one value per
    pixel drawn with a colormap, grayscale for one value per pixel drawn in grey.
    """

    COMPOSITE = "composite"
    INDEX = "index"
    GRAYSCALE = "grayscale"


class IndexType(OpenEnum):
    """Whose an index is: preset for those that the service brings along, custom for your own."""

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
    State of a visualization: creating while it is rendered, success when all is there, partial_success
    when part of it is, failed when nothing came of it.
    """

    CREATING = "creating"
    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL_SUCCESS = "partial_success"


class VisualizationType(OpenEnum):
    """
    Type of a visualization. The vendor lists custom only, although preset indices can be rendered too;
    other words may come.
    """

    CUSTOM = "custom"


class BlockMode(OpenEnum):
    """Where a block can be used: insight = on the images of an AOI, workflow = as a step of a workflow."""

    INSIGHT = "insight"
    WORKFLOW = "workflow"


class OrderStatus(OpenEnum):
    """
    State of the payment of an order: PAID = tokens deducted, REFUND = tokens given back, UNPAID =
    nothing deducted, PAYMENT_IN_PROGRESS = deduction under way.
    """

    PAID = "PAID"
    REFUND = "REFUND"
    UNPAID = "UNPAID"
    PAYMENT_IN_PROGRESS = "PAYMENT_IN_PROGRESS"


class OrderItemType(OpenEnum):
    """
    Kind of order item: TASKING = one new capture, ARCHIVE = images that exist, RECURRING = new captures
    at intervals.
    """

    TASKING = "TASKING"
    ARCHIVE = "ARCHIVE"
    RECURRING = "RECURRING"


class OrderItemStatus(OpenEnum):
    """
    How far an order item is: DRAFT = not yet in force, ACTIVE = being worked on, FULFILLED = all
    delivered (COMPLETED in older answers), CANCELLED = called off, FAILED = nothing could be delivered,
    PARTIALLY_FULFILLED = part was delivered (PARTIALLY_COMPLETED in older answers).
    """

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    FULFILLED = "FULFILLED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    PARTIALLY_FULFILLED = "PARTIALLY_FULFILLED"


class OrderItemPaymentStatus(OpenEnum):
    """
    State of the payment of an order item: PAID = tokens deducted, PARTIAL-REFUND = some given back,
    REFUND = all given back, UNPAID = nothing deducted, PARTIAL-MONTHLY = paid month by month, not yet
    in full (the last is an assumption from the name).
    """

    PAID = "PAID"
    PARTIAL_REFUND = "PARTIAL-REFUND"
    REFUND = "REFUND"
    UNPAID = "UNPAID"
    PARTIAL_MONTHLY = "PARTIAL-MONTHLY"


class Recurrence(OpenEnum):
    """
    How often images are taken: ONCE = a single time, MONTHLY = every month, BIMONTHLY = every two
    months (assumption from the name), QUARTERLY = every three months, NOT_APPLICABLE = no tasking.
    """

    ONCE = "ONCE"
    MONTHLY = "MONTHLY"
    BIMONTHLY = "BIMONTHLY"
    QUARTERLY = "QUARTERLY"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class DeliverySpeed(OpenEnum):
    """
    How fast images are delivered: STANDARD = the usual time, NOT_APPLICABLE = no meaning for this kind
    of order. Older answers also have EXPEDITED.
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
    WEAK_SUCCESS = not feasible with these parameters, SUCCESS = feasible, UNSPECIFIED = not known. The
    readings of FAILED and WEAK_SUCCESS are assumptions.
    """

    NOT_APPLICABLE = "NOT_APPLICABLE"
    FAILED = "FAILED"
    WEAK_SUCCESS = "WEAK_SUCCESS"
    SUCCESS = "SUCCESS"
    UNSPECIFIED = "UNSPECIFIED"


class OrderTaskType(OpenEnum):
    """Kind of task: ARCHIVE = an image that exists is delivered, TASKING = a new image is captured."""

    ARCHIVE = "ARCHIVE"
    TASKING = "TASKING"


class OrderTaskStatus(OpenEnum):
    """
    How far a task is: DRAFT = not yet in force, SUBMITTED = handed in, IN_PROGRESS = being worked on,
    FULFILLED = done (COMPLETED in older answers), PARTIALLY_FULFILLED = done in part, FAILED = could
    not be done, CANCELLED = called off, EXPIRED = its window passed.
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
    How far the delivery of a task is: PENDING = not done yet, SUCCESSFUL = files are in the store,
    FAILED = could not be delivered, NOT_APPLICABLE = no delivery was asked for.
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
    How far a delivery is: UNSPECIFIED = not known, CREATED = waiting, FAILED = could not be delivered,
    IN_PROGRESS = under way, SUCCESS = files are in the store (some answers say SUCCESSFUL).
    """

    UNSPECIFIED = "UNSPECIFIED"
    CREATED = "CREATED"
    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"


class SortingOrder(OpenEnum):
    """
    Direction of sorting: asc = smallest first, desc = largest first. The vendor's schema spells ASC and
    DESC, all of its samples are in lower case, which is what is sent.
    """

    ASC = "asc"
    DESC = "desc"


class CatalogDownloadStatus(OpenEnum):
    """
    How far a package is: success = ready, created = waiting, failed = could not be made, in_progress =
    being packed.
    """

    SUCCESS = "success"
    CREATED = "created"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
