"""One class per resource, one method per call.

Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this.
"""

from pixxel_async._endpoints.crops import Crops
from pixxel_async._endpoints.fields import Fields
from pixxel_async._endpoints.status import Status

__all__ = [
    "Crops",
    "Fields",
    "Status",
]
