"""A minute without the service: `python -m benchmarks.outage [--lasts SECONDS] [--seed N]`.

Sixteen tasks read five times a second each. Then the service fails, and later recovers. Four clients run at once, each
with its own service. Two get 503: the callers of one wait with `client.available()`, those of the other continue to call.
The third gets refused connections, and the fourth no responses. The benchmark counts the requests of the outage against
those of a normal period of equal length. It measures the seconds from the end of the outage to 90 % of the normal
throughput. Time and sockets are real.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from typing import Any

import attrs
import orjson

from benchmarks import payloads
from benchmarks.claims import Claims
from benchmarks.processes import serve, started
from benchmarks.server import Protocol
from benchmarks.server import answer as whole
from pixxel_async import Clock, PixxelClient, PixxelError, ServiceUnavailable

TASKS, PAUSE = 16, 0.2
BEFORE, AFTER = 8.0, 15.0
WINDOW = 2.0
GOAL_REQUESTS, GOAL_SHARE, GOAL_SECONDS = 1.2, 0.9, 10.0
KINDS = ["503", "503, callers continue", "refused", "no answer"]


class Service:
    """One service: up, or down in one of the ways."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.is_down = False
        self.asked: list[float] = []
        self.port = 0
        self._up = whole(orjson.dumps(payloads.aoi(1)))
        self._open: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    def to(self, _: str) -> bytes:
        """The response to a request."""
        self.asked.append(time.monotonic())
        if not self.is_down:
            return self._up
        if self.kind.startswith("503"):
            return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        return b""

    async def listen(self) -> None:
        """Listen, always on the same port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self, self._open), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def turn(self, *, is_down: bool) -> None:
        """Go down, or recover."""
        self.is_down = is_down
        if self.kind == "refused" and is_down:
            assert self._server is not None
            self._server.close()
            for transport in [*self._open]:
                transport.abort()  # type: ignore[attr-defined]
        elif self.kind == "refused":
            await self.listen()


class _Connection(Protocol):
    def __init__(self, service: Service, there: set[asyncio.BaseTransport]) -> None:
        super().__init__(service)  # type: ignore[arg-type]
        self._there = there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._there.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._there.discard(self.transport)


async def services() -> None:
    """Serve until standard input closes."""
    there = [Service(kind) for kind in KINDS]
    for service in there:
        await service.listen()

    async def answer(question: dict[str, Any]) -> Any:
        if "down" in question:
            for service in there:
                await service.turn(is_down=question["down"])
        return {service.kind: service.asked for service in there}

    await serve([service.port for service in there], answer)


@attrs.define
class Callers:
    """The tasks of one client."""

    kind: str
    client: PixxelClient
    successes: list[float] = attrs.field(factory=list)
    requests: int = 0
    """Number of requests at the start of the outage; afterwards, during the outage."""

    async def read(self) -> None:
        """Read at a steady pace."""
        await asyncio.sleep(random.random() * PAUSE)
        while True:
            began = time.monotonic()
            try:
                await self.client.aois.get("aoi-000001")
                self.successes.append(time.monotonic())
            except ServiceUnavailable:
                if self.kind != KINDS[1]:
                    await self.client.available()
            except PixxelError:
                pass
            await asyncio.sleep(max(0.0, PAUSE - (time.monotonic() - began)))


async def run(lasts: float, seed: int) -> int:
    """Measure; return the exit code."""
    async with started("benchmarks.outage", "--serve") as (server, ports):
        there = [
            Callers(
                kind,
                PixxelClient(
                    "bench",
                    base_url=f"http://127.0.0.1:{port}",
                    attempt_timeout=5.0 if kind == KINDS[3] else 90.0,
                    clock=Clock(random.Random(seed)),
                ),
            )
            for kind, port in zip(KINDS, ports, strict=True)
        ]
        tasks = [asyncio.create_task(callers.read()) for callers in there for _ in range(TASKS)]
        began = time.monotonic()
        await asyncio.sleep(BEFORE)
        for callers in there:
            callers.requests = callers.client.stats.requests
        await server.ask(down=True)
        down = time.monotonic()
        await asyncio.sleep(lasts)
        for callers in there:
            callers.requests = callers.client.stats.requests - callers.requests
        await server.ask(down=False)
        up = time.monotonic()
        await asyncio.sleep(AFTER)
        asked = await server.ask()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for callers in there:
            await callers.client.aclose()
    claims = Claims()
    for callers in there:
        # Refused connections do not reach the server; the client's own count lacks a few probes.
        seen = sum(down <= at < up for at in asked[callers.kind])
        judge(claims, callers, max(seen, callers.requests), (began, down, up))
    return claims.exit_code


def judge(claims: Claims, callers: Callers, requests: int, times: tuple[float, float, float]) -> None:
    """The claims about one client."""
    began, down, up = times
    normal = sum(began + 2 <= at < down for at in callers.successes) / (down - began - 2)
    share = requests / (normal * (up - down))
    print(f"{callers.kind}: {normal:.0f} requests a second before, {requests} in the outage")
    claims.at_most(f"{callers.kind}: requests in the outage, of the normal number", share, GOAL_REQUESTS)
    back = AFTER
    for tenth in range(int((AFTER - WINDOW) * 10)):
        since = up + tenth / 10
        if sum(since <= at < since + WINDOW for at in callers.successes) >= GOAL_SHARE * normal * WINDOW:
            back = tenth / 10
            break
    claims.at_most(f"{callers.kind}: seconds until 90 % of the throughput", back, GOAL_SECONDS, " s")


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--lasts", type=float, default=60.0, help="seconds of the outage (default 60)")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(services())
        return 0
    return asyncio.run(run(options.lasts, options.seed))


if __name__ == "__main__":
    sys.exit(main())
