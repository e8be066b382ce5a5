"""One class per resource, one method per call.

Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one.
"""

from pixxel_async._endpoints.crops import Crops
from pixxel_async._endpoints.fields import Fields
from pixxel_async._endpoints.status import Status

__all__ = [
    "Crops",
    "Fields",
    "Status",
]
