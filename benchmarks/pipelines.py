"""Whole pipelines over an unreliable connection: `python -m benchmarks.pipelines [--pipelines N] [--at-a-time N] [--seed N]`.

A pipeline creates an AOI, waits for it, requests its package, waits for the package and downloads the file. The sandbox is
a separate process. Faults hit 14 % of the POSTs, 13 % of the GETs and 26 % of the requests to the storage host. Effects
are up to 2.5 s late, listings are half a second stale, and a duplicate name is not refused. The caller reconciles an
unknown create, and sends it again only if it is absent. A step that failed finally is repeated. Then the results of the
caller are compared with the ledger of the sandbox, and every file with its expected content. The process must not have
leaked. All times are real. The exit code is 1 after a loss, duplicate, corrupt file or leak, or at 200 MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from benchmarks.claims import Claims
from benchmarks.processes import Complaints, Holdings, memory, started
from benchmarks.service import PROJECTS, content
from pixxel_async import (
    Absent,
    CallError,
    Clock,
    DownloadError,
    Found,
    OutcomeUnknown,
    PixxelClient,
    PixxelError,
)

T = TypeVar("T")

FIELD = {"type": "Polygon", "coordinates": [[[77.5, 12.9], [77.55, 12.9], [77.55, 12.95], [77.5, 12.9]]]}
SETTLE = 6.0
ATTEMPT = 2.0
AGAIN = 10
"""Largest number of attempts of one step by the caller."""
IN_A_PROJECT = 500
CREATE, PACKAGE = "AOICreateAOI", "AOICreateDownload"
LOOKS = ["GetAoiById", "ListAOIs", "ListAssets", "GetDownloadStatus"]
MEMORY = 200
BROKEN_LINE: list[dict[str, Any]] = [
    {"share": 0.14, "targets": [CREATE, PACKAGE], "kinds": [
        *[{"kind": "reset"}] * 6,
        *[{"kind": "reset", "after_effect": True}] * 6,
        *[{"kind": "reset", "late": 2.5}] * 6,
        *[{"kind": "status", "status": 500, "after_effect": True}] * 6,
        *[{"kind": "truncate", "after_bytes": 5}] * 4,
        *[{"kind": "status", "status": 502}] * 2,
        {"kind": "status", "status": 503, "after_effect": True},
        {"kind": "status", "status": 429},
        {"kind": "hang", "after_effect": True},
        {"kind": "hang", "late": 1.5},
    ]},
    {"share": 0.13, "targets": LOOKS, "kinds": [
        *[{"kind": "reset"}] * 8,
        *[{"kind": "status", "status": 500}] * 8,
        *[{"kind": "status", "status": 502}] * 6,
        *[{"kind": "truncate", "after_bytes": 40}] * 8,
        *[{"kind": "reset_after", "after_bytes": 40}] * 8,
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 503, "retry_after": 0.2},
        {"kind": "hang"},
    ]},
    {"share": 0.2598, "targets": ["storage"], "kinds": [
        *[{"kind": "reset"}] * 6,
        *[{"kind": "status", "status": 500}] * 6,
        *[{"kind": "truncate", "after_bytes": 700}] * 6,
        *[{"kind": "reset_after", "after_bytes": 500}] * 6,
        *[{"kind": "expire"}] * 4,
        *[{"kind": "change"}] * 4,
        {"kind": "status", "status": 503},
    ]},
    {"share": 0.0002, "targets": ["storage"], "kinds": [{"kind": "hang"}]},
]  # fmt: skip
"""Faults that block queued requests are rarer: a request that hangs for two seconds, at the storage host for a minute;
429 and 503, after each of which the client lowers its concurrency limit by a third."""
MANY = 1_000
"""With fewer pipelines the storage host does not hang."""


@attrs.define
class Account:
    """The results of the callers."""

    aois: dict[str, str] = attrs.field(factory=dict)
    """By name."""
    files: int = 0
    corrupt: int = 0
    lost: list[str] = attrs.field(factory=list)
    again: Counter[str] = attrs.field(factory=Counter)
    """Steps that the caller repeated, by reason."""
    longest: float = 0.0


@attrs.frozen
class Line:
    """The shared state of the pipelines."""

    client: PixxelClient
    facts: dict[str, Any]
    folder: Path
    account: Account

    async def process(self, number: int) -> None:
        """All steps of one pipeline."""
        client, account, name = self.client, self.account, f"field-{number}"
        began = time.monotonic()
        try:
            id = account.aois[name] = await self._create(name, number // IN_A_PROJECT % PROJECTS)
            await self._taken("wait", lambda: client.aois.wait(id))
            assets = await self._taken("assets", lambda: client.assets.list(id))
            wanted = [asset.id for asset in assets]
            package = await self._taken("package", lambda: client.downloads.create(id, asset_ids=wanted))
            file = await self._taken("file", lambda: self._save(id, package.download_id))
        except PixxelError as error:
            account.lost.append(f"{name}: {type(error).__name__}: {error}")
            return
        await asyncio.to_thread(self._check, file, package.download_id)
        account.longest = max(account.longest, time.monotonic() - began)

    async def _save(self, aoi_id: str, download_id: str) -> Path:
        wait = self.client.downloads.wait(aoi_id, download_id)
        return (await wait.save(self.folder, overwrite=True)).path

    async def _create(self, name: str, project: int) -> str:
        """Make the AOI once."""
        facts = self.facts
        for _ in range(AGAIN):
            try:
                aoi = await self._taken(
                    "create",
                    lambda: self.client.aois.create(
                        name=name,
                        description="",
                        satellite_id=facts["satellite"],
                        provider="planetary",
                        project_id=facts["projects"][project],
                        geometry=FIELD,
                        item_ids=[facts["image"]],
                    ),
                )
            except OutcomeUnknown as unknown:
                match await self._taken("reconcile", unknown.reconcile):
                    case Found(id):
                        return id
                    case Absent():
                        self.account.again["create: absent"] += 1
                    case _:
                        raise
            else:
                return aoi.aoi_id
        raise PixxelError(f"{AGAIN} creates of {name} were absent")

    async def _taken(self, step: str, take: Callable[[], Awaitable[T]]) -> T:
        """Run a step, and repeat it if that is safe."""
        for _ in range(AGAIN - 1):
            try:
                return await take()
            except (CallError, DownloadError) as error:
                if step == "create" and isinstance(error, OutcomeUnknown):
                    raise
                self.account.again[f"{step}: {type(error).__name__}"] += 1
            await self.client.available()
        return await take()

    def _check(self, file: Path, download_id: str) -> None:
        """Whether the file is a version of the storage host's object; a changed object has a further line."""
        held = file.read_bytes()
        right = content(f"aoi_download/{download_id}.zip")
        self.account.files += 1
        versions = {hashlib.sha256(right + b"\n" * changes).digest() for changes in range(20)}
        self.account.corrupt += hashlib.sha256(held).digest() not in versions
        file.unlink()


async def facts_of(client: PixxelClient) -> dict[str, Any]:
    """The projects, satellite and image of the AOIs."""
    projects = [
        project.id for project in await client.projects.list() if str(project.name).startswith("part-")
    ]
    [sentinel] = [each for each in await client.satellites.list() if each.name == "Sentinel-2"]
    [image] = await client.archives.search(collections=["sentinel-2-l2a"], intersects=FIELD, limit=1)
    return {"projects": projects, "satellite": sentinel.id, "image": image.id}


async def work(line: Line, pipelines: int, at_a_time: int) -> None:
    """Run all pipelines with limited concurrency."""
    numbers = iter(range(pipelines))

    async def worker() -> None:
        for number in numbers:
            await line.process(number)

    async def report_progress() -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(30)
            done = line.account.files + len(line.account.lost)
            print(
                f"{time.monotonic() - began:6.0f} s {done:>7} done, {memory('VmRSS'):4.0f} MiB",
                file=sys.stderr,
                flush=True,
            )

    progress = asyncio.create_task(report_progress())
    try:
        await asyncio.gather(*(worker() for _ in range(at_a_time)))
    finally:
        progress.cancel()


async def run(pipelines: int, at_a_time: int, seed: int) -> int:
    """Run the pipelines, compare, and return the exit code."""
    logging.disable()  # each fault would be logged
    complaints = Complaints()
    complaints.listen()
    with tempfile.TemporaryDirectory() as folder:
        async with started("benchmarks.service", str(seed)) as (service, where):
            before = Holdings.now()
            client = PixxelClient(
                where["token"],
                base_url=where["url"],
                attempt_timeout=ATTEMPT,
                settle_window=SETTLE,
                clock=Clock(random.Random(seed)),
            )
            account = Account()
            line = Line(client, await facts_of(client), Path(folder), account)
            for broken in BROKEN_LINE[: None if pipelines >= MANY else -1]:
                await service.ask(ask="faults", **broken)
            await service.ask(ask="lag", targets=["ListAOIs"], seconds=0.5)
            began, worked = time.monotonic(), time.process_time()
            await work(line, pipelines, at_a_time)
            elapsed, cpu = time.monotonic() - began, time.process_time() - worked
            stats = client.stats
            await client.aclose()
            after = Holdings.now()
            await asyncio.sleep(3)  # late effects
            await service.ask(ask="heal")
            books = await service.ask(ask="books", operation=CREATE)
        left = await asyncio.to_thread(os.listdir, folder)
    print(f"{elapsed:.0f} s, {pipelines / elapsed:.1f} pipelines a second, {cpu / elapsed:.0%} of a CPU")
    print(f"requests {dict(books['requests'])}, files {books['files']}; struck {books['struck']}")
    print(f"{stats}")
    print(f"repeated by the caller: {dict(account.again)}; the longest pipeline {account.longest:.0f} s")
    for problem in (account.lost + complaints.heard)[:10]:
        print(f"  {problem}")
    return judge(pipelines, account, books, before, after, len(left) + len(complaints.heard))


def judge(
    pipelines: int, account: Account, books: dict[str, Any], before: Holdings, after: Holdings, untidy: int
) -> int:
    """The claims."""
    made = Counter(name for _, name in books["made"])
    ids = {id for id, _ in books["made"]}
    claims = Claims()
    claims.note(account.files == pipelines, "pipelines that ended with a file", account.files, pipelines)
    claims.none("lost", pipelines - account.files)
    claims.none("AOIs bought twice", sum(count - 1 for count in made.values()))
    claims.none("AOIs bought, but reported failed", len(made.keys() - account.aois.keys()))
    claims.none("AOIs reported, but not made", len(set(account.aois.values()) - ids))
    claims.none("corrupt files (SHA-256)", account.corrupt)
    claims.none("credentials that reached the storage host", books["leaks"])
    claims.none("tasks leaked", after.tasks - before.tasks)
    claims.none("sockets leaked", after.sockets - before.sockets)
    claims.none("file descriptors leaked", after.descriptors - before.descriptors)
    claims.none("part files left, warnings of unclosed resources", untidy)
    claims.at_most("memory of the client process at most", memory(), MEMORY, " MiB")
    return claims.exit_code


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipelines", description=__doc__)
    parser.add_argument("--pipelines", type=int, default=10_000)
    parser.add_argument("--at-a-time", type=int, default=256)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    return asyncio.run(run(options.pipelines, options.at_a_time, options.seed))


if __name__ == "__main__":
    sys.exit(main())
