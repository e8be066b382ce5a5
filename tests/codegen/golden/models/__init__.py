"""What the API sends and takes, as classes.

Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this.
"""

from pixxel_async.models.answers import (
    Bucket,
    Crop,
    CropList,
    CropPackage,
    CropSearchResult,
    Estimate,
    Field,
    FieldAnswer,
    FieldList,
    Pagination,
    Polygon,
)
from pixxel_async.models.enums import FieldStatus
from pixxel_async.models.requests import CropCreate, CropPackageCreate, CropSearch, FieldCreate

__all__ = [
    "Bucket",
    "Crop",
    "CropCreate",
    "CropList",
    "CropPackage",
    "CropPackageCreate",
    "CropSearch",
    "CropSearchResult",
    "Estimate",
    "Field",
    "FieldAnswer",
    "FieldCreate",
    "FieldList",
    "FieldStatus",
    "Pagination",
    "Polygon",
]
