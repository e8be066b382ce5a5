"""The resources that the sandbox stores: the facts, not their JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from pixxel_async.sandbox._account.prices import Price
from pixxel_async.sandbox._account.seeds import SeededBlock, Step, Workflow
from pixxel_async.sandbox._base.course import Course, Outcome
from pixxel_async.sandbox._world.scenes import Scene

Geometry = dict[str, Any]
Legend = dict[str, dict[str, list[dict[str, Any]]]]
"""Legends by day such as `2024_05_06`, then by mode."""


@attrs.define
class Asset:
    """A file of an AOI."""

    id: str
    name: str
    description: str
    type: str
    scenes: tuple[Scene, ...]
    """Its images, all of one day."""
    bands: list[str]
    resolution: float
    course: Course
    visualization_id: str = ""

    @property
    def taken_at(self) -> datetime:
        """Time of capture of its images."""
        return self.scenes[0].datetime

    @property
    def day(self) -> str:
        """Its day in the form of visualizations."""
        return self.scenes[0].day


@attrs.define
class AOI:
    """An area of interest."""

    id: str
    name: str
    description: str
    satellite_id: str
    project_id: str
    geometry: Geometry
    scenes: tuple[Scene, ...]
    user_id: str
    area_m2: float
    centroid: list[float]
    course: Course
    update: Course | None
    """Further work after its success, if an outcome requires it."""
    assets: list[Asset] = attrs.field(factory=list)
    visualizations: dict[str, Visualization] = attrs.field(factory=dict)


@attrs.define
class Package:
    """A ZIP for download, in progress or ready."""

    id: str
    course: Course
    key: str
    """Its key on the storage host."""


@attrs.define
class Visualization:
    """An index rendered over an AOI."""

    id: str
    aoi: AOI
    index: dict[str, Any]
    sources: list[Asset]
    rendered: list[Asset]
    resolution: float
    user_id: str
    course: Course
    legend: Legend | None = None
    """Computed at the first request after the success, then edited."""
    edited_at: datetime | None = None

    def asset_of(self, day: str) -> Asset | None:
        """The source of a day."""
        return next((asset for asset in self.sources if asset.day == day), None)


@attrs.define
class Insight:
    """A run of a block over an AOI."""

    id: str
    aoi: AOI
    name: str
    block: SeededBlock
    input: list[dict[str, Any]]
    metadata: dict[str, str]
    project_id: str
    cost: int
    user_id: str
    course: Course
    packages: dict[str, Package] = attrs.field(factory=dict)
    """Packages by their contents."""


@attrs.define
class JobTask:
    """A task of a job; it starts when all of its predecessors have ended."""

    id: str
    step: Step
    course: Course
    skipped: bool
    """Whether a predecessor fails, so that it never starts."""
    package: Package | None = None


@attrs.define
class Job:
    """A run of a workflow."""

    id: str
    workflow: Workflow
    user_id: str
    created_at: datetime
    tasks: list[JobTask]
    package: Package | None = None

    @property
    def course(self) -> Course:
        """The whole job: until the last task that runs has ended."""
        running = [task.course for task in self.tasks if not task.skipped]
        seconds = (max(course.ends for course in running) - self.created_at).total_seconds()
        worst = next((c.outcome for c in running if c.outcome is not Outcome.SUCCESS), Outcome.SUCCESS)
        return Course(self.created_at, seconds, worst)


@attrs.define
class Store:
    """A target of deliveries; its secrets are not stored."""

    id: str
    name: str
    type: str
    configs: dict[str, Any]
    labels: dict[str, str]
    user_id: str
    created_at: datetime


@attrs.define
class OrderTask:
    """One capture or archive image for an order item."""

    id: str
    type: str
    scene: Scene
    """The archive image, or the future image of a capture."""
    window: tuple[datetime, datetime]
    course: Course
    """From the start of the work to the catalog entry."""
    price: int


@attrs.define
class OrderItem:
    """One item of an order."""

    id: str
    order_id: str
    type: str
    request: dict[str, Any]
    """The request, with the server's defaults."""
    geometry: Geometry
    """The FeatureCollection."""
    area_km2: int
    price: Price
    feasibility: str
    bandset: dict[str, Any] | None
    outcome: Outcome
    user_id: str
    created_at: datetime
    paid_at: datetime
    tasks: list[OrderTask]

    @property
    def settles_at(self) -> datetime:
        """When the last task ends."""
        return max(task.course.ends for task in self.tasks)


@attrs.define
class Order:
    """An order with its items."""

    id: str
    user_id: str
    created_at: datetime
    paid_at: datetime
    items: list[OrderItem]


@attrs.define
class CatalogEntry:
    """One delivered image."""

    id: str
    item: OrderItem
    task: OrderTask
    area_km2: float
    details: dict[str, Any]
    """STAC item in the catalog's form."""
    created_at: datetime


@attrs.define
class Delivery:
    """The delivery of a catalog entry to a store."""

    id: str
    entry: CatalogEntry
    by_hand: bool
    """Whether a user requested it; otherwise the order caused it."""
    cloud: dict[str, Any]
    course: Course
    user_id: str
