"""Models with every kind of field, for the tests of the codec."""

from datetime import datetime
from typing import Annotated, Any

from hypothesis import strategies as st

from pixxel_async._codec.model import Model, WireName, model
from pixxel_async._codec.open_enum import OpenEnum


class Mood(OpenEnum):
    CALM = "calm"


@model
class Named(Model):
    id: Annotated[str, WireName("thing:id")]
    note: str | None = None


@model
class Thing(Model):
    name: str | None = None
    size: Annotated[float | None, WireName("eo:size")] = None
    count: int | None = None
    is_new: bool | None = None
    mood: Mood | None = None
    made_at: datetime | None = None
    tags: list[str] | None = None
    box: list[float] | None = None
    outline: list[list[list[float]]] | None = None
    labels: dict[str, str] | None = None
    spans: list[list[str | None]] | None = None
    owner_id: str | None = None
    anything: Any = None
    twin: "Thing | None" = None
    parts: "list[Thing] | None" = None
    by_key: "dict[str, Thing] | None" = None
    owner: Named | None = None
    named: list[Named] | None = None


class Text(str):
    """A subclass of str that another library defines."""


class Number(float):
    """A subclass of a number that another library defines, such as NumPy."""


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
