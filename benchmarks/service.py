"""The sandbox in a separate process, with small packages and short durations, so that it is not the bottleneck.

It prints its address and answers questions: `faults` injects faults, `books` returns the ledger.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
import uuid
from collections import Counter
from typing import Any

from benchmarks.processes import serve
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox._account import state

PROJECTS = 20
SECONDS = {"aoi": 1.0, "aoi_download": 0.4}


def content(name: str) -> bytes:
    """The content of a package; its name determines the bytes."""
    digest = hashlib.shake_256(name.encode())
    return b"PK\x03\x04" + digest.digest(1024 + int.from_bytes(digest.digest(2)) % 8192)


class _Unguarded(set[str]):
    """Names that are never in use: two creates make two AOIs."""

    def add(self, _: str, /) -> None:
        """Forget it."""


def quicken(sandbox: Sandbox) -> None:
    """A sandbox with small packages, short durations, many projects, and without unique names."""
    [first, *_] = sandbox.state.projects.values()
    more = [
        {**first, "id": str(uuid.UUID(int=number)), "name": f"part-{number}"} for number in range(PROJECTS)
    ]
    sandbox.state.projects.update({project["id"]: project for project in more})
    state.NOMINAL_SECONDS.update(SECONDS)
    publish = sandbox.storage.publish
    sandbox.storage.publish = lambda name, build: publish(name, lambda: content(name))  # type: ignore[method-assign]
    sandbox.state.aoi_names = _Unguarded()


def switch_on(sandbox: Sandbox, share: float, targets: list[str], kinds: list[dict[str, Any]]) -> list[Any]:
    """Inject faults that together hit the given share of the requests to each target, all equally often."""
    each = share / len(kinds)
    return [
        # Faults are tried in order: each applies only to requests that the earlier ones did not hit.
        sandbox.faults.add(target, times=None, probability=each / (1 - each * number), **kind)
        for target in targets
        for number, kind in enumerate(kinds)
    ]


async def main(seed: int) -> None:
    """Serve until standard input closes."""
    logging.disable()  # aiohttp logs each connection that a fault resets
    active: list[Any] = []
    async with Sandbox(seed=seed, url_lifetime=60) as sandbox:
        quicken(sandbox)

        async def answer(question: dict[str, Any]) -> Any:
            match question:
                case {"ask": "faults", "share": share, "targets": targets, "kinds": kinds}:
                    active.extend(switch_on(sandbox, share, targets, kinds))
                case {"ask": "lag", "targets": targets, "seconds": seconds}:
                    for target in targets:
                        sandbox.faults.add(target, "lag", late=seconds, times=None)
                case {"ask": "heal"}:
                    sandbox.faults.clear()
                case {"ask": "books", "operation": operation}:
                    return {
                        "made": [
                            (entry.resource_id, entry.key) for entry in sandbox.ledger.entries(operation)
                        ],
                        "requests": Counter(record.operation_id for record in sandbox.requests),
                        "files": len(sandbox.storage.requests),
                        "leaks": len(sandbox.storage.leaks),
                        "struck": hits(active),
                    }
            return {}

        await serve({"url": sandbox.url, "token": sandbox.token}, answer)


def hits(faults: list[Any]) -> dict[str, int]:
    hits: Counter[str] = Counter()
    for fault in faults:
        hits[fault.target] += fault.hits
    return hits


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
