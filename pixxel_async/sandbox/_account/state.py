"""The state of the sandbox. Calls and due events change it."""

from __future__ import annotations

import functools
import hashlib
import heapq
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pixxel_async.sandbox._account import seeds
from pixxel_async.sandbox._account.ledger import Entry, Ledger
from pixxel_async.sandbox._account.records import (
    AOI,
    CatalogEntry,
    Delivery,
    Insight,
    Job,
    Order,
    OrderItem,
    Package,
    Store,
)
from pixxel_async.sandbox._account.storage import Storage
from pixxel_async.sandbox._base.clock import SandboxClock
from pixxel_async.sandbox._base.course import Course, Outcomes
from pixxel_async.sandbox._world.packages import build_package
from pixxel_async.sandbox._world.scenes import Archive, Scene

NOMINAL_SECONDS = {
    "aoi": 40.0,
    "aoi_download": 10.0,
    "visualization": 15.0,
    "insight_package": 8.0,
    "job_package": 8.0,
    "task_package": 6.0,
    "archive_task": 120.0,
    "delivery": 20.0,
    "catalog_download": 10.0,
}
"""Durations. Each varies by up to a quarter, drawn from the seed. The values are ours."""


class State:
    """The resources by id, and the shared services of the handlers."""

    def __init__(
        self, *, clock: SandboxClock, seed: int, archive: Archive, storage: Storage, url_lifetime: float
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.archive = archive
        self.storage = storage
        self.url_lifetime = url_lifetime
        self.price_factor = 1.0
        self.ledger = Ledger()
        self.outcomes = Outcomes()
        self.projects = seeds.projects()
        self.bandsets = seeds.bandsets()
        self.blocks = seeds.blocks()
        self.workflows = seeds.workflows()
        self.satellites = {satellite["id"]: satellite for satellite in archive.satellites()}
        self.indices = {index["id"]: index for index in seeds.preset_indices([*self.satellites.values()])}
        self.aois: dict[str, AOI] = {}
        self.aoi_names: set[str] = set()
        self.aoi_downloads: dict[str, tuple[AOI, Package]] = {}
        self.insights: dict[str, Insight] = {}
        self.jobs: dict[str, Job] = {}
        self.stores: dict[str, Store] = {}
        self.orders: dict[str, Order] = {}
        self.order_items: dict[str, OrderItem] = {}
        self.catalog: dict[str, CatalogEntry] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.catalog_downloads: dict[str, Package] = {}
        self._made: Counter[str] = Counter()
        self._happenings: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return self.clock.now()

    def new_id(self, kind: str) -> str:
        """An id that depends only on the seed and the number of earlier ids of this kind."""
        self._made[kind] += 1
        digest = hashlib.sha256(f"{self.seed}/{kind}/{self._made[kind]}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def chance(self, kind: str, id: str) -> float:
        """A number from 0 up to 1 that depends only on the seed and its arguments."""
        return random.Random(f"{self.seed}/{kind}/{id}").random()

    def seconds(self, kind: str, id: str, nominal: float | None = None) -> float:
        """The duration of a resource of this kind."""
        whole = NOMINAL_SECONDS[kind] if nominal is None else nominal
        return whole * (0.75 + 0.5 * self.chance(kind, id))

    def course(self, kind: str, id: str, *texts: str | None, nominal: float | None = None) -> Course:
        """The course of a new resource; marks in `texts` decide its outcome unless one is planned."""
        return Course(self.now, self.seconds(kind, id, nominal), self.outcomes.take(kind, *texts))

    def record(self, operation: str, id: str, key: str, tokens: int = 0) -> None:
        """Record in the ledger the resource that an operation has made."""
        self.ledger.record(Entry(self.now, operation, id, key, tokens))

    def package(
        self, kind: str, id: str, geometry: dict[str, Any], scenes: Sequence[Scene], bands: Sequence[str]
    ) -> Package:
        """Start a package; its bytes are made at the first download."""
        build = functools.partial(
            build_package, kind=kind, name=id, geometry=geometry, scenes=scenes, bands=bands, seed=self.seed
        )
        key = self.storage.publish(f"{kind}/{id}.zip", build)
        return Package(id, self.course(kind, id), key)

    def signed_url(self, package: Package) -> str:
        """A new URL of a package; empty until it is ready."""
        if not package.course.succeeded(self.now):
            return ""
        return self.storage.sign(package.key, self.url_lifetime)

    def at(self, due: datetime, happening: Callable[[], None]) -> None:
        """Schedule an event."""
        heapq.heappush(self._happenings, (due, next(self._order), happening))

    def settle(self) -> None:
        """Run all due events, in order."""
        now = self.now
        while self._happenings and self._happenings[0][0] <= now:
            heapq.heappop(self._happenings)[2]()
