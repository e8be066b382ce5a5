"""Life cycles of long-running resources.

Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one.
"""

from __future__ import annotations

from pixxel_async import models
from pixxel_async._http.operation import LifeCycle, Sweep

AOI: LifeCycle[models.AOI] = LifeCycle(
    name="aoi",
    id="aoi_id",
    status="status",
    progress="progress",
    in_flight=frozenset({"started", "running", "updating"}),
    success=frozenset({"success"}),
    partial=frozenset({"partial_success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
    sweep=Sweep(narrow=("project_ids", "project_id")),
)
ASSET: LifeCycle[models.Asset] = LifeCycle(
    name="asset",
    id="id",
    status="status",
    progress="progress",
    in_flight=frozenset({"started", "creating"}),
    success=frozenset({"success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
    sweep=Sweep(),
)
VISUALIZATION: LifeCycle[models.Visualization] = LifeCycle(
    name="visualization",
    id="id",
    status="status",
    progress="progress",
    in_flight=frozenset({"creating"}),
    success=frozenset({"success"}),
    partial=frozenset({"partial_success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
    sweep=Sweep(),
)
INSIGHT: LifeCycle[models.Insight] = LifeCycle(
    name="insight",
    id="id",
    status="status",
    progress="progress",
    error="err_msg",
    in_flight=frozenset({"pending", "running"}),
    success=frozenset({"completed", "success"}),
    failure=frozenset({"failed"}),
    estimate=("estimated_time_in_min", 60),
    first_interval=2,
    most_interval=30,
    timeout=3600,
    sweep=Sweep(),
)
JOB: LifeCycle[models.Job] = LifeCycle(
    name="job",
    id="id",
    status="status",
    progress="progress",
    in_flight=frozenset({"pending", "running"}),
    success=frozenset({"completed", "success"}),
    failure=frozenset({"failed"}),
    estimate=("estimated_duration", 1),
    first_interval=2,
    most_interval=30,
    timeout=3600,
    sweep=Sweep(is_brief=True),
)
AOI_DOWNLOAD: LifeCycle[models.AOIDownload] = LifeCycle(
    name="aoi_download",
    id="download_id",
    status="status",
    signed_url="signed_url",
    in_flight=frozenset({"started", "pending", "in_progress"}),
    success=frozenset({"success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
)
INSIGHT_PACKAGE: LifeCycle[models.InsightPackage] = LifeCycle(
    name="insight_package",
    id="id",
    status="status",
    signed_url="signed_url",
    in_flight=frozenset({"pending"}),
    success=frozenset({"ready", "success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
)
JOB_PACKAGE: LifeCycle[models.JobPackage] = LifeCycle(
    name="job_package",
    id="id",
    status="status",
    signed_url="signed_url",
    in_flight=frozenset({"pending"}),
    success=frozenset({"ready", "success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
)
TASK_PACKAGE: LifeCycle[models.TaskPackage] = LifeCycle(
    name="task_package",
    id="id",
    status="status",
    signed_url="signed_url",
    in_flight=frozenset({"pending"}),
    success=frozenset({"ready", "success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
)
CATALOG_DOWNLOAD: LifeCycle[models.CatalogDownload] = LifeCycle(
    name="catalog_download",
    id="id",
    status="status",
    signed_url="signed_url",
    in_flight=frozenset({"created", "in_progress"}),
    success=frozenset({"success"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=3600,
)
DELIVERY: LifeCycle[models.Delivery] = LifeCycle(
    name="delivery",
    id="delivery_id",
    status="status",
    in_flight=frozenset({"unspecified", "created", "in_progress"}),
    success=frozenset({"success", "successful"}),
    failure=frozenset({"failed"}),
    first_interval=10,
    most_interval=60,
    timeout=86400,
    sweep=Sweep(),
)
ORDER_ITEM: LifeCycle[models.OrderItem] = LifeCycle(
    name="order_item",
    id="id",
    status="status",
    in_flight=frozenset({"draft", "active"}),
    success=frozenset({"fulfilled", "completed"}),
    partial=frozenset({"partially_fulfilled", "partially_completed"}),
    failure=frozenset({"failed", "cancelled"}),
    first_interval=60,
    most_interval=600,
    timeout=1209600,
    sweep=Sweep(ids="ids"),
)
