"""The API as values: the input of the generators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import attrs

REQUEST_CLASSES: Final = ("read", "idempotent", "create", "repeatable")
INPUTS: Final = ("polygon", "geometry", "feature-collection", "bbox", "interval", "instant")
PAGE_PARAMETERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "page-number": ("query", ("page_num", "page_size")),
    "offset-query": ("query", ("offset", "limit")),
    "offset-body": ("body", ("offset", "limit")),
    "stac-query": ("query", ("offset", "limit")),
    "stac-body": ("body", ("offset", "limit")),
    "lens": ("body", ("limit",)),
    "single": ("query", ()),
}
"""For each paging style, where the parameters of the paginator are, and their names."""


@attrs.frozen
class Schema:
    """A value: the type of a property, a parameter, an element or a response."""

    place: str
    kind: Literal["string", "integer", "number", "boolean", "list", "map", "any", "component"]
    description: str = ""
    component: str = ""
    """Name of the component, for the kind `component`."""
    inner: Schema | None = None
    """Elements of a list, values of a map."""
    nullable: bool = False
    format: str | None = None
    limits: Mapping[str, Any] = attrs.field(factory=dict)
    """JSON Schema limits by keyword."""
    input: str | None = None
    """Kind of the forms that the SDK accepts besides the wire form, one of `INPUTS`."""
    sensitive: bool = False

    def components(self) -> Iterator[str]:
        """The components that it references, at any depth."""
        if self.kind == "component":
            yield self.component
        if self.inner is not None:
            yield from self.inner.components()


@attrs.frozen
class Component:
    """A named schema: an object with properties, or an enum with values."""

    name: str
    place: str
    description: str
    properties: Mapping[str, Schema] = attrs.field(factory=dict)
    """Wire name to schema; empty for an enum."""
    required: frozenset[str] = frozenset()
    required_when_sent: frozenset[str] = frozenset()
    """Properties that a request must give although a response may lack them."""
    words: tuple[str, ...] = ()
    """The values of an enum; empty for an object."""
    exactly_one: tuple[str, ...] = ()
    """Properties of which exactly one must be given."""
    ordered: tuple[str, ...] = ()
    """Two instants, the first strictly before the second."""


@attrs.frozen
class Parameter:
    """A path or query parameter."""

    name: str
    where: Literal["path", "query"]
    required: bool
    schema: Schema


@attrs.frozen
class Paging:
    """How a listing is paged, in wire names."""

    place: str
    style: str
    items: str
    total: tuple[str, ...]


@attrs.frozen
class Answer:
    """The successful response of a call."""

    place: str
    kind: Literal["json", "bytes", "text", "nothing"]
    schema: Schema | None = None
    description: str = ""


@attrs.frozen
class Call:
    """One method of the SDK. An operation is one call, or several that fix some values of its body."""

    place: str
    resource: str
    name: str
    summary: str
    request_class: str
    billable: bool
    answer: Answer
    fixed: Mapping[str, Any] = attrs.field(factory=dict)
    """Wire names of the body with the values that this call sets."""


@attrs.frozen
class Trace:
    """How to find the resource that a create has made, in wire names; dots join the steps of a path."""

    place: str
    listing: str
    """operationId of the listing to search."""
    id: str
    filter: Mapping[str, str]
    equal: Mapping[str, str]
    many: tuple[str, str] | None


@attrs.frozen
class Operation:
    """An operation of the API."""

    place: str
    id: str
    method: str
    path: str
    tag: str
    description: str
    calls: tuple[Call, ...]
    parameters: tuple[Parameter, ...]
    body: str | None
    """Name of the component in the request body."""
    body_required: bool
    statuses: tuple[str, ...]
    """Documented error statuses."""
    paging: Paging | None
    unwrap: str | None
    free_when: tuple[str, Any] | None
    trace: Trace | None
    key: Mapping[str, str]
    """Path parameter to the property of the response that must equal it."""


@attrs.frozen
class Sweep:
    """How to read many long-running resources with one listing, in wire names."""

    place: str
    operation: str
    """operationId of the listing."""
    ids: str | None
    """Parameter that takes the ids themselves."""
    narrow: tuple[str, str] | None
    """Parameter that takes a list of values, and the property that holds the value of one resource."""
    is_brief: bool


@attrs.frozen
class LifeCycle:
    """The life cycle of a long-running resource, in wire names."""

    name: str
    place: str
    resource: str
    method: str
    model: str
    id: str
    status: str
    progress: str | None
    error: str | None
    signed_url: str | None
    in_flight: tuple[str, ...]
    success: tuple[str, ...]
    partial: tuple[str, ...]
    failure: tuple[str, ...]
    operation: str
    match: tuple[str, ...]
    select: str | None
    filter: str | None
    estimate: tuple[str, float] | None
    sweep: Sweep | None
    first_interval: float
    most_interval: float
    timeout: float | None
    """Default time limit of a wait in seconds; None for none."""

    @property
    def is_package(self) -> bool:
        """Whether the result of the wait is a file."""
        return self.signed_url is not None


@attrs.frozen
class Spec:
    """The whole document."""

    components: Mapping[str, Component]
    operations: tuple[Operation, ...]
    life_cycles: tuple[LifeCycle, ...]
    tags: Mapping[str, str]
    """Tag to description."""

    @property
    def received(self) -> frozenset[str]:
        """Components of responses."""
        answers = [call.answer.schema for each in self.operations for call in each.calls]
        return self._reachable(value for value in answers if value is not None)

    @property
    def sent(self) -> frozenset[str]:
        """Components that users of the SDK create; those that a converter makes from other forms are not included."""
        bodies = [Schema("", "component", component=each.body) for each in self.operations if each.body]
        queries = [parameter.schema for each in self.operations for parameter in each.parameters]
        return self._reachable([*bodies, *queries], written=True)

    def _reachable(self, values: Iterable[Schema], *, written: bool = False) -> frozenset[str]:
        found: set[str] = set()
        left = [name for value in values for name in value.components()]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                for value in self.components[name].properties.values():
                    if not (written and value.input):
                        left.extend(value.components())
        return frozenset(found)

    def operation(self, id: str) -> Operation | None:
        """The operation of that id."""
        return next((each for each in self.operations if each.id == id), None)
