"""A call as a value: what is sent (`Operation`), the route (`Endpoint`), and the states of its resource (`LifeCycle`)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Generic, Literal, TypeVar

import attrs

from pixxel_async._codec.model import Model

T = TypeVar("T")

RequestClass = Literal["read", "idempotent", "create", "repeatable"]
"""What a second sending would do.

read: nothing. idempotent: the same again. create: a second resource, perhaps paid for twice, so it is
never resent once it may have been received. repeatable: a second resource that costs nothing.
"""

PagingStyle = Literal[
    "page-number", "offset-query", "offset-body", "stac-query", "stac-body", "lens", "single"
]


@attrs.frozen(eq=False)
class Paging:
    """How a listing is cut into pages."""

    style: PagingStyle
    items: str
    """Attribute of the answer model that holds the items (a list, or a map in the lens style)."""
    total: tuple[str, ...] = ()
    """Attribute path to the total number of items; empty if the API does not state it."""


@attrs.frozen(eq=False)
class Trace:
    """How to find what a create has made when its answer was lost. Paths are wire names joined by dots, through lists."""

    listing: Endpoint[Any]
    """The listing to read; it takes those values of the create's path that it has."""
    id: str
    """Attribute of a listed resource, and of the create's result, that identifies it."""
    filter: Mapping[str, str] = attrs.field(factory=dict)
    """Query parameter of the listing to path in the create's body."""
    equal: Mapping[str, str] = attrs.field(factory=dict)
    """Path in the create's body to the path in a listed resource that must have the same value."""
    many: tuple[str, str] | None = None
    """Such a pair of paths, if one create makes a resource for each value in its body."""


@attrs.frozen(eq=False)
class Endpoint(Generic[T]):
    """A route of the API; one constant per operation of `openapi/pixxel.yaml`."""

    id: str
    """The vendor's operationId."""
    method: str
    path: str
    """Path template, for example `/v0/aoi/{aoi_id}`."""
    returns: Any
    """What the answer becomes: a model class, `list[Model]`, `str` (text), `bytes`, or `None`."""
    request_class: RequestClass
    billable: bool = False
    free_when: tuple[str, Any] | None = None
    """Body attribute and value with which a billable call is a free read (`("dry_run", True)`)."""
    paging: Paging | None = None
    unwrap: str | None = None
    """Wire key that has, or may have, the result in the response."""
    trace: Trace | None = None
    """How to find what this create has made; None where no listing shows it."""
    key: Mapping[str, str] = attrs.field(factory=dict)
    """Path parameter to the attribute of the result that must equal it."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@attrs.frozen
class Operation(Generic[T]):
    """One call: an endpoint with its path values, query and body. Sending it twice is safe for the value, not for the API."""

    endpoint: Endpoint[T]
    path: Mapping[str, str] = attrs.field(factory=dict)
    query: Mapping[str, Any] = attrs.field(factory=dict)
    """Wire name to value; `None` means leave out."""
    body: Model | None = None

    @property
    def request_class(self) -> RequestClass:
        """The endpoint's class, or `read` when the body says that nothing is bought."""
        is_trial = self.endpoint.billable and self.is_free  # what is never billed may still create something
        return "read" if is_trial else self.endpoint.request_class

    @property
    def is_free(self) -> bool:
        """Whether this very call charges nothing."""
        if not self.endpoint.billable:
            return True
        if self.endpoint.free_when is None or self.body is None:
            return False
        name, value = self.endpoint.free_when
        return bool(getattr(self.body, name) == value)

    def __str__(self) -> str:
        return f"{self.endpoint.method} {self.endpoint.path.format_map(self.path)}"


class Phase(Enum):
    """The phase of a long-running resource."""

    IN_FLIGHT = "in flight"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self is not Phase.IN_FLIGHT


@attrs.frozen(eq=False)
class Sweep:
    """How one listing shows many long-running resources at once; names are those of the listing's method."""

    ids: str | None = None
    """Argument that takes the ids themselves."""
    narrow: tuple[str, str] | None = None
    """Argument that takes a list of values, and the attribute of a resource that has its own value."""
    is_brief: bool = False
    """Whether a listed resource has fewer fields than the resource itself."""


@attrs.frozen(eq=False)
class LifeCycle(Generic[T]):
    """The states of a long-running resource; one constant for each entry of `x-life-cycles` in `openapi/pixxel.yaml`.

    Statuses are compared case-folded, with `-` and blanks read as `_`. `None` and unknown statuses are in flight.
    """

    name: str
    id: str
    status: str
    in_flight: frozenset[str]
    success: frozenset[str]
    failure: frozenset[str]
    partial: frozenset[str] = frozenset()
    progress: str | None = None
    error: str | None = None
    signed_url: str | None = None
    estimate: tuple[str, float] | None = None
    """Attribute with the server's own estimate, and the seconds in one of its units."""
    first_interval: float = 2.0
    """Seconds before the second poll."""
    most_interval: float = 30.0
    """Most seconds between two polls."""
    timeout: float | None = None
    """Seconds that a wait may take unless the caller says otherwise; None for no end."""
    sweep: Sweep | None = None
    """How many of them one list request can poll; None if nothing lists them."""

    def status_of(self, snapshot: T) -> str | None:
        """The status of a snapshot, folded; None if it has none."""
        value = getattr(snapshot, self.status)
        return None if value is None else str(value).casefold().replace("-", "_").replace(" ", "_")

    def phase(self, snapshot: T) -> Phase:
        """The phase of a snapshot."""
        status = self.status_of(snapshot)
        if status in self.success:
            return Phase.SUCCESS
        if status in self.partial:
            return Phase.PARTIAL
        return Phase.FAILURE if status in self.failure else Phase.IN_FLIGHT

    def is_known(self, snapshot: T) -> bool:
        """Whether the status is one that the spec lists."""
        status = self.status_of(snapshot)
        return status in self.in_flight or self.phase(snapshot).is_terminal
