"""Many waits at once: `python -m benchmarks.waits [--waits N] [--lasts SECONDS]`.

The benchmark waits for many AOIs of 50 vertices at once, over a real socket and in real time. Each AOI ends at a moment
within `--lasts` seconds. The server, a separate process, records its requests. Every wait must succeed, and a round may
cost a request per hundred waits, plus ten: five waits also poll individually. Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks import payloads
from benchmarks.claims import Claims
from benchmarks.server import Answers, answer, serve
from pixxel_async import PixxelClient


class Growing(Answers):
    """AOIs that end one after the other, and a record of every request."""

    def __init__(self, number: int, lasts: float) -> None:
        rng = random.Random(11)
        self.ends = [rng.uniform(0, lasts) for _ in range(number)]
        done = [payloads.aoi(each) for each in range(number)]
        self.done = [orjson.dumps(each) for each in done]
        self.running = [orjson.dumps({**each, "status": "running", "progress": 50}) for each in done]
        self.began: float | None = None
        self.asked: list[tuple[float, str, int]] = []

    def to(self, target: str) -> bytes:
        """The response to a request target; time starts with the first request."""
        now = time.monotonic()
        self.began = self.began or now
        elapsed = now - self.began
        url = urlsplit(target)
        if url.path != "/v0/aois":
            number = int(url.path.rpartition("-")[2])
            self.asked.append((elapsed, "get", 0))
            return answer(self._row(number, elapsed))
        query = parse_qs(url.query)
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        self.asked.append((elapsed, "list", offset))
        rows = [self._row(number, elapsed) for number in range(offset, min(offset + limit, len(self.ends)))]
        pagination = orjson.dumps({"offset": offset, "limit": limit, "total": len(self.ends)})
        return answer(b'{"aois":[%b],"pagination":%b}' % (b",".join(rows), pagination))

    def _row(self, number: int, elapsed: float) -> bytes:
        return (self.done if elapsed >= self.ends[number] else self.running)[number]


def server(number: int, lasts: float) -> None:
    """Serve, and print the recorded requests at the end."""
    answers = Growing(number, lasts)
    asyncio.run(serve(answers))
    sys.stdout.write(json.dumps(answers.asked))


async def wait_for_all(port: str, number: int) -> tuple[int, float, float]:
    """Number of successful waits, seconds and CPU seconds."""
    ids = [f"aoi-{each:06}" for each in range(number)]
    async with PixxelClient("bench", base_url=f"http://127.0.0.1:{port}") as client:
        began, worked = time.monotonic(), time.process_time()
        ended = await client.aois.wait_many(ids)
        return (
            sum(each.error is None for each in ended),
            time.monotonic() - began,
            time.process_time() - worked,
        )


def report(number: int, lasts: float, asked: list[tuple[float, str, int]]) -> bool:
    """Print the cost of each round; return whether all are within the limit."""
    rounds: list[list[tuple[float, str]]] = []
    for at, kind, offset in asked:
        if kind == "list" and offset == 0:
            rounds.append([])
        rounds[-1].append((at, kind))
    lists = sum(kind == "list" for _, kind, _ in asked)
    for each in rounds:
        print(f"round at {each[0][0]:>6.1f} s{len(each):>8} requests in {each[-1][0] - each[0][0]:.1f} s")
    # After the last round, the few remaining waits poll individually.
    largest, goal = max(map(len, rounds[:-1]), default=0), number // 100 + 10
    print(f"{'lists in all':<28}{lists:>8}")
    print(f"{'individual polls':<28}{len(asked) - lists:>8}")
    print(f"{'requests a wait':<28}{len(asked) / number:>8.2f}")
    claims = Claims()
    claims.at_most(f"{number:,} waits: most requests in a round", largest, goal)
    return claims.all_held


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waits", description=__doc__)
    parser.add_argument("--waits", type=int, default=5_000)
    parser.add_argument(
        "--lasts", type=float, default=60.0, help="seconds until the last is done (default 60)"
    )
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        server(options.waits, options.lasts)
        return 0
    facts = ["--waits", str(options.waits), "--lasts", str(options.lasts), "--serve"]
    running = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.waits", *facts],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        port = running.stdout.readline().strip()
        good, elapsed, worked = asyncio.run(wait_for_all(port, options.waits))
    finally:
        printed, _ = running.communicate()  # closing its standard input ends it
    is_cheap = report(options.waits, options.lasts, json.loads(printed))
    print(f"{'ended well':<28}{good:>8}  of {options.waits}")
    print(
        f"{'seconds':<28}{elapsed:>8.1f}  the last was done after {options.lasts:g} s; {worked:.1f} s of CPU"
    )
    return 0 if is_cheap and good == options.waits else 1


if __name__ == "__main__":
    sys.exit(main())
