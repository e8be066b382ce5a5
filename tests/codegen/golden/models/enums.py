"""Written by `python -m codegen` from `openapi/pixxel.yaml`: change that file, not this one."""

from pixxel_async._codec.open_enum import OpenEnum


class FieldStatus(OpenEnum):
    """State of a field."""

    GROWING = "growing"
    PARTLY_RIPE = "partly-ripe"
    RIPE = "ripe"
    WITHERED = "withered"
