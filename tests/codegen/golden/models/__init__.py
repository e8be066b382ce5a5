"""The requests and responses of the API, as classes.

Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one.
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
