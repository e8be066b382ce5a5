"""Creates over an unreliable connection: `python -m benchmarks.creates [--creates N] [--seed N] [--settle SECONDS]`.

AOIs, indices, insights, orders and jobs are made in a sandbox with faults in every fifth request. Faults are a reset
before or after the effect, a 5xx after it, no response, and an effect up to 2.5 s late. Every listing is half a second
stale. After an OutcomeUnknown the caller reconciles, and sends the create again only if it is absent. The ledger of the
sandbox then shows the resources that were made. Both clocks run faster than the wall clock. The exit code is 1 if
anything was bought twice, or was bought but reported as failed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from benchmarks.claims import Claims
from pixxel_async import Absent, Clock, Found, OutcomeUnknown, PixxelClient, PixxelError
from pixxel_async.models import BlockRef, OrderItemCreate
from pixxel_async.sandbox import Sandbox, SandboxClock

SPEED = 20.0
AT_A_TIME = 32
FAULTY = 0.2
LAG = 0.5
AOIS = 8
"""Number of AOIs for the insights."""
FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.55, 12.9], [77.55, 12.95], [77.5, 12.9]]]}
FAULTS: dict[str, dict[str, Any]] = {
    "reset before the effect": {"kind": "reset"},
    "reset after it": {"kind": "reset", "after_effect": True},
    "500 after it": {"kind": "status", "status": 500, "after_effect": True},
    "503 after it": {"kind": "status", "status": 503, "after_effect": True},
    "504 after it": {"kind": "status", "status": 504, "after_effect": True},
    "answer cut": {"kind": "truncate", "after_bytes": 5},
    "hang before it": {"kind": "hang"},
    "hang after it": {"kind": "hang", "after_effect": True},
    "effect late, reset": {"kind": "reset", "late": 2.5},
    "effect late, hang": {"kind": "hang", "late": 1.5},
}
LISTINGS = ("ListAOIs", "listInsights", "ListOrders", "listJobs", "ListIndices")
CREATES = ("AOICreateAOI", "CreateIndex", "createInsights", "SubmitOrder", "createJob")


class FastClock(Clock):
    """The wall clock, faster by a factor."""

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed))
        self._began = time.monotonic()
        self._origin = datetime.now(UTC)

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * SPEED

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


@attrs.define
class Outcome:
    """The outcome of one create for its caller."""

    kind: str
    state: str
    """done, held (a person decides) or failed."""
    id: str | None
    sendings: int


@attrs.frozen
class Ground:
    """The shared state of the creates."""

    client: PixxelClient
    facts: dict[str, Any]
    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    """Two concurrent jobs of one workflow cannot be distinguished."""

    async def aoi(self, number: int) -> Any:
        facts = self.facts
        made = await self.client.aois.create(
            name=f"field-{number}",
            description="",
            satellite_id=facts["satellite"],
            provider="planetary",
            project_id=facts["project"],
            geometry=FIELD,
            item_ids=[facts["image"]],
        )
        return made.aoi_id

    async def index(self, number: int) -> Any:
        made = await self.client.indices.create(
            name=f"index-{number}",
            description="",
            rescale=[-1, 1],
            expression="(B08-B04)/(B08+B04)",
            colormap="rdylgn",
            satellite_id=self.facts["satellite"],
            expression_type="index",
        )
        return made.id

    async def insight(self, number: int) -> Any:
        made = await self.client.insights.create(
            self.facts["aois"][number % AOIS],
            block=self.facts["block"],
            input=self.facts["inputs"],
            metadata={"row": str(number)},
        )
        return made.id

    async def order(self, number: int) -> Any:
        item = OrderItemCreate(
            project_id=self.facts["project"],
            name=f"order-{number}",
            geometry=FIELD,
            item_ids=[self.facts["image"]],
            usecase="agriculture",
        )
        return (await self.client.orders.create(order_items=[item])).id

    async def job(self, number: int) -> Any:
        return (await self.client.jobs.create(self.facts["workflow"], project_id=self.facts["project"])).id


SHARES = {"aoi": 0.45, "index": 0.1, "insight": 0.2, "order": 0.2, "job": 0.05}


async def prepare(client: PixxelClient) -> Ground:
    """A project, an image, and AOIs for the other creates."""
    [project] = await client.projects.list(limit=1)
    [sentinel] = [each for each in await client.satellites.list() if each.name == "Sentinel-2"]
    [image] = await client.archives.search(collections=["sentinel-2-l2a"], intersects=FIELD, limit=1)
    [workflow, *_] = await client.workflows.list(project_id=project.id)
    [block, *_] = await client.blocks.list(mode="insight")
    values = {"input_image": "s3://bucket/image.tif", "start_date": "2026-05-01", "end_date": "2026-08-01"}
    assert block.spec is not None
    for each in block.spec.inputs or []:
        each.value = values[str(each.name)]
    facts = {
        "project": project.id,
        "satellite": sentinel.id,
        "image": image.id,
        "workflow": workflow.id,
        "block": BlockRef(name=str(block.spec.name), version=str(block.spec.version)),
        "inputs": block.spec.inputs,
    }
    ground = Ground(client, facts)
    facts["aois"] = [await ground.aoi(-number) for number in range(1, AOIS + 1)]
    return ground


async def carefully(kind: str, create: Callable[[], Awaitable[Any]], settle: float) -> Outcome:
    """Make it once: send it again only if it is absent."""
    for sendings in range(1, 11):
        try:
            return Outcome(kind, "done", await create(), sendings)
        except OutcomeUnknown as unknown:
            match await unknown.reconcile(settle_window=settle):
                case Found(id):
                    return Outcome(kind, "done", id, sendings)
                case Absent():
                    continue
                case _:
                    return Outcome(kind, "held", None, sendings)
        except PixxelError as error:
            print(f"  {kind}: {error}")
            return Outcome(kind, "failed", None, sendings)
    return Outcome(kind, "failed", None, sendings)


async def one(ground: Ground, kind: str, number: int, settle: float) -> Outcome:
    """One create of a kind; jobs one after the other."""

    def create() -> Awaitable[Any]:
        made: Awaitable[Any] = getattr(ground, kind)(number)
        return made

    if kind != "job":
        return await carefully(kind, create, settle)
    async with ground.lock:
        return await carefully(kind, create, settle)


async def run(creates: int, seed: int, settle: float) -> bool:
    """Run all creates, and print the results."""
    clock = FastClock(seed)
    time_of_day = SandboxClock(start=clock.now(), monotonic=clock.monotonic)
    async with (
        Sandbox(clock=time_of_day, seed=seed) as sandbox,
        sandbox.client(clock=clock, attempt_timeout=2.0, timeout=3600) as client,
    ):
        ground = await prepare(client)
        before = {entry.resource_id for entry in sandbox.ledger.entries()}
        faults = []
        share = FAULTY / len(FAULTS)
        for number, (name, fault) in enumerate(FAULTS.items()):
            chance = share / (
                1 - share * number
            )  # each fault applies to the requests that earlier faults did not hit
            for operation in CREATES:
                faults.append((name, sandbox.faults.add(operation, times=None, probability=chance, **fault)))
        for listing in LISTINGS:
            sandbox.faults.add(listing, "lag", late=LAG, times=None)

        kinds = [kind for kind, share in SHARES.items() for _ in range(round(creates * share))]
        random.Random(seed).shuffle(kinds)
        numbers = iter(enumerate(kinds))
        outcomes: list[Outcome] = []

        async def worker() -> None:
            for number, kind in numbers:
                outcomes.append(await one(ground, kind, number, settle))

        started = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(AT_A_TIME)))
        elapsed = time.monotonic() - started
        await clock.sleep(5)
        sandbox.faults.clear()
        made = [
            entry
            for entry in sandbox.ledger.entries()
            if entry.tokens >= 0 and entry.resource_id not in before and entry.operation in CREATES
        ]
    struck: Counter[str] = Counter()
    for name, active in faults:
        struck[name] += active.hits
    return report(outcomes, {entry.resource_id for entry in made}, struck, elapsed)


def report(outcomes: list[Outcome], made: set[str], struck: Counter[str], elapsed: float) -> bool:
    """Print the results: the outcomes of the callers against the ledger."""
    reported = Counter(outcome.id for outcome in outcomes if outcome.id is not None)
    orphans = made - reported.keys()
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        states[outcome.kind][outcome.state] += 1
    for name, hits in struck.items():
        print(f"{name:<28}{hits:>6}")
    for kind, counts in sorted(states.items()):
        print(f"{kind:<28}{sum(counts.values()):>6}  {dict(counts)}")
    unresolved = sum(outcome.state != "done" for outcome in outcomes)
    twice = max(0, len(orphans) - unresolved) + sum(count - 1 for count in reported.values())
    reported_failed = min(len(orphans), sum(outcome.state == "failed" for outcome in outcomes))
    print(f"{'creates':<28}{len(outcomes):>6}  in {elapsed:.0f} s ({elapsed * SPEED:.0f} s of their time)")
    print(f"{'struck':<28}{struck.total():>6}")
    print(f"{'sent more than once':<28}{sum(outcome.sendings > 1 for outcome in outcomes):>6}")
    print(f"{'held for a person':<28}{sum(outcome.state == 'held' for outcome in outcomes):>6}")
    claims = Claims()
    claims.none("creates reported, but not made", len(reported.keys() - made))
    claims.none("bought twice", twice)
    claims.none("bought, but reported failed", reported_failed)
    return claims.all_held


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.creates", description=__doc__)
    parser.add_argument("--creates", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--settle", type=float, default=120.0, help="the settle window (default 120 s)")
    options = parser.parse_args()
    logging.disable()  # each fault would be logged
    return 0 if asyncio.run(run(options.creates, options.seed, options.settle)) else 1


if __name__ == "__main__":
    sys.exit(main())
