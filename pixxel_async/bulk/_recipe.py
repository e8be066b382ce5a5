"""What a bulk run makes of every field."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any, TypedDict

import attrs

from pixxel_async.errors import InvalidInput

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


def _aware(recipe: Any, field: attrs.Attribute[datetime], value: datetime) -> None:
    if value.tzinfo is None:
        raise InvalidInput(
            f"Recipe.{field.name}: {value} has no time zone; add one, for example tzinfo=timezone.utc"
        )


def _positive(recipe: Any, field: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise InvalidInput(f"Recipe.{field.name}: {value} must be more than 0")


def _percent(recipe: Any, field: attrs.Attribute[int], value: int) -> None:
    if not 0 <= value <= 100:
        raise InvalidInput(f"Recipe.{field.name}: {value} must be a percentage from 0 to 100")


def _run_id(recipe: Any, field: attrs.Attribute[str], value: str) -> None:
    if not _RUN_ID.fullmatch(value):
        raise InvalidInput(f"Recipe.{field.name}: {value!r} must be 1 to 32 letters, digits, '-', '_' or '.'")


def new_run_id() -> str:
    """A short random id, so that names of a second run do not meet those of the first."""
    return secrets.token_hex(3)


class Waiting(TypedDict):
    """Options of a `wait`."""

    timeout: float | None
    poll_interval: float | None
    max_poll_interval: float | None


@attrs.frozen(kw_only=True)
class Recipe:
    """Which images of each field are wanted, and what is made of them."""

    start: datetime = attrs.field(validator=_aware)
    """Images taken from this instant on."""
    end: datetime = attrs.field(validator=_aware)
    """... and before this one."""
    max_cloud: int = attrs.field(default=20, validator=_percent)
    """Most cloud over the image, in percent 0-100."""
    max_days: int = attrs.field(default=3, validator=_positive)
    """An AOI is made of all images of the newest so many days: one image may show only a corner of it."""
    satellite: str = "Sentinel-2"
    """Name or id of the satellite."""
    collection: str | None = None
    """Name or id of the satellite's collection; needed only if it has several."""
    index: str = "NDVI"
    """Name or id of the index to picture."""
    project: str | None = None
    """Name, title or id of the project for the AOIs; needed only if there are several."""
    unzip: bool = False
    """Whether packages are unpacked, into a folder beside the package."""
    timeout: float = attrs.field(default=3600.0, validator=_positive)
    """Most seconds to wait for one AOI, one visualization or one package."""
    poll_interval: float | None = attrs.field(default=None, validator=_positive)
    """Seconds before the second look at a thing; None: as the SDK does by itself."""
    max_poll_interval: float | None = attrs.field(default=None, validator=_positive)
    """Most seconds between two looks; None: as the SDK does by itself."""
    run_id: str = attrs.field(factory=new_run_id, validator=_run_id)
    """Ends the name of every AOI (`NAME-RUNID`), because the API takes each name once."""

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInput(f"Recipe: the end {self.end} must come after the start {self.start}")

    @property
    def waiting(self) -> Waiting:
        """The options of every `wait`."""
        return Waiting(
            timeout=self.timeout, poll_interval=self.poll_interval, max_poll_interval=self.max_poll_interval
        )
