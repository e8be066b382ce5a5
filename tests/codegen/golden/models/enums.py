"""Written by `python -m codegen` out of `openapi/pixxel.yaml`: change that, not this."""

from pixxel_async._codec.open_enum import OpenEnum


class FieldStatus(OpenEnum):
    """State of a field."""

    GROWING = "growing"
    PARTLY_RIPE = "partly-ripe"
    RIPE = "ripe"
    WITHERED = "withered"
