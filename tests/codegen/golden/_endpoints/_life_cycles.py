"""Life cycles of long-running resources.

Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one.
"""

from __future__ import annotations

from pixxel_async import models
from pixxel_async._http.operation import LifeCycle, Sweep

FIELD: LifeCycle[models.Field] = LifeCycle(
    name="field",
    id="field_id",
    status="status",
    progress="progress",
    error="err_msg",
    in_flight=frozenset({"growing"}),
    success=frozenset({"ripe"}),
    partial=frozenset({"partly-ripe"}),
    failure=frozenset({"withered"}),
    estimate=("minutes_left", 60),
    first_interval=2,
    most_interval=30,
    sweep=Sweep(ids="ids"),
)
CROP: LifeCycle[models.Crop] = LifeCycle(
    name="crop",
    id="id",
    status="state",
    in_flight=frozenset({"sown"}),
    success=frozenset({"reaped"}),
    failure=frozenset({"lost"}),
    first_interval=0.5,
    most_interval=5,
    timeout=5400,
    sweep=Sweep(narrow=("states", "state"), is_brief=True),
)
CROP_PACKAGE: LifeCycle[models.CropPackage] = LifeCycle(
    name="crop_package",
    id="id",
    status="status",
    signed_url="signed_url",
    in_flight=frozenset({"pending"}),
    success=frozenset({"ready"}),
    failure=frozenset({"failed"}),
    first_interval=2,
    most_interval=30,
    timeout=172800,
)
