"""The cost of the SDK's guarantees without faults: `python -m benchmarks.cost [--pipelines N] [--at-a-time N] [--rounds N]`.

One pipeline: create an AOI, poll it, request its package, poll the package, download the file. It runs with this SDK and
with bare aiohttp and orjson, which write the bytes to the file without any check. The server, a separate process, has
every resource ready. It responds after 30 ms, like a fast Internet connection, or at once, to measure only the client.
Both ways alternate. Printed are pipelines per second, CPU, and the median ratios of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import orjson

from benchmarks import payloads
from benchmarks.claims import Claims
from benchmarks.processes import serve, started
from benchmarks.server import answer

GOAL = 60
LATENCIES = (0.03, 0.0)
FILE = 4096
SCENE = "scene-1"


class Pipelines(asyncio.Protocol):
    """A minimal HTTP/1.1 server for the pipeline; every resource is ready at once."""

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            method, target, _ = self.buffer.split(b" ", 2)
            self.buffer = self.buffer[end + 4 + length :]
            self._answer(self.to(method, target.decode()))

    def _answer(self, data: bytes) -> None:
        if LATENCY:
            asyncio.get_running_loop().call_later(LATENCY[0], self.transport.write, data)
        else:
            self.transport.write(data)

    def to(self, method: bytes, target: str) -> bytes:
        """The answer."""
        path, _, query = target.partition("?")
        last = path.rpartition("/")[2]
        if path.startswith("/files/"):
            return FILE_ANSWER
        if path == "/v0/aois":
            if method == b"POST":
                MADE.append(f"aoi-{len(MADE):06}")
                return answer(aoi(MADE[-1]))
            wanted = parse_qs(query)
            offset, limit = int(wanted["offset"][0]), int(wanted["limit"][0])
            shown = b",".join(map(aoi, MADE[offset : offset + limit]))
            pagination = {"offset": offset, "limit": limit, "total": len(MADE)}
            return answer(b'{"aois":[%b],"pagination":%b}' % (shown, orjson.dumps(pagination)))
        if last == "downloads":
            id = path.split("/")[3].replace("aoi", "d")
            return answer(b'{"download_id":"%b","status":"STARTED","signed_url":""}' % id.encode())
        if "/downloads/" in path:
            url = f"http://127.0.0.1:{self.port}/files/{last}.zip?X-Signature=1"
            text = b'{"download_id":"%b","status":"SUCCESS","signed_url":"%b"}'
            return answer(text % (last.encode(), url.encode()))
        return answer(aoi(last))


MADE: list[str] = []
LATENCY: list[float] = []
"""Delay of each response in seconds."""
GEOMETRY = payloads.aoi(1)["geometry"]
AOI = orjson.dumps({**payloads.aoi(1), "status": "success"})


def aoi(id: str) -> bytes:
    """A finished AOI."""
    return AOI.replace(b"aoi-000001", id.encode())


FILE_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nETag: \"1\"\r\n"
    b"Content-Length: %d\r\n\r\n" % FILE
) + b"PK\x03\x04" + bytes(FILE - 4)  # fmt: skip


async def server() -> None:
    """Serve until standard input closes."""
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(Pipelines, "127.0.0.1", 0, backlog=1024)

    async def slow_down(question: dict[str, Any]) -> Any:
        LATENCY[:] = [question["latency"]] if question["latency"] else []

    await serve(listening.sockets[0].getsockname()[1], slow_down)


async def measure(one: Callable[[int], Awaitable[None]], pipelines: int, at_a_time: int) -> None:
    """Print seconds and CPU seconds, after a warm-up."""

    async def all_of(numbers: Any) -> None:
        async def worker() -> None:
            for number in numbers:
                await one(number)

        await asyncio.gather(*(worker() for _ in range(at_a_time)))

    await all_of(iter(range(at_a_time * 2)))
    began, worked = time.perf_counter(), time.process_time()
    await all_of(iter(range(at_a_time * 2, at_a_time * 2 + pipelines)))
    print(time.perf_counter() - began, time.process_time() - worked)


def new_aoi(number: int) -> dict[str, Any]:
    """The arguments of a create."""
    return {
        "name": f"field-{number}",
        "description": "",
        "satellite_id": "s-1",
        "provider": "planetary",
        "project_id": "p-1",
        "geometry": GEOMETRY,
        "item_ids": [SCENE],
    }


async def bare(base: str, folder: Path, pipelines: int, at_a_time: int) -> None:
    """The pipelines with aiohttp and orjson alone."""
    headers = {"Authorization": "Bearer bench"}
    async with aiohttp.ClientSession(headers=headers) as session, aiohttp.ClientSession() as storage:

        async def fetch(method: str, path: str, body: Any = None) -> Any:
            data = None if body is None else orjson.dumps(body)
            kind = {} if body is None else {"Content-Type": "application/json"}
            async with session.request(method, base + path, data=data, headers=kind) as response:
                response.raise_for_status()
                return orjson.loads(await response.read())

        async def done(path: str) -> Any:
            while True:
                found = await fetch("GET", path)
                if found["status"].lower() == "success":
                    return found
                await asyncio.sleep(2)

        async def one(number: int) -> None:
            made = await fetch("POST", "/v0/aois", new_aoi(number))
            await done(f"/v0/aoi/{made['aoi_id']}")
            path = f"/v0/aois/{made['aoi_id']}/downloads"
            package = await fetch("POST", path, {"asset_ids": ["a-1"]})
            found = await done(f"{path}/{package['download_id']}")
            async with storage.get(found["signed_url"]) as response:
                response.raise_for_status()
                with (folder / f"{number}.zip").open("wb") as file:
                    async for piece in response.content.iter_any():
                        file.write(piece)

        await measure(one, pipelines, at_a_time)


async def ours(base: str, folder: Path, pipelines: int, at_a_time: int) -> None:
    """The pipelines with the SDK."""
    from pixxel_async import PixxelClient  # here, so that the bare process does not import it

    async with PixxelClient("bench", base_url=base) as client:

        async def one(number: int) -> None:
            made = await client.aois.create(**new_aoi(number))
            await client.aois.wait(made.aoi_id)
            package = await client.downloads.create(made.aoi_id, asset_ids=["a-1"])
            wait = client.downloads.wait(made.aoi_id, package.download_id)
            await wait.save(folder, filename=f"{number}.zip")

        await measure(one, pipelines, at_a_time)


def process(kind: str, port: int, folder: Path, pipelines: int, at_a_time: int) -> tuple[float, float]:
    """Seconds and CPU seconds of one way, in a separate process, which keeps its files."""
    printed = subprocess.check_output(
        [
            *(sys.executable, "-m", "benchmarks.cost", "--run", kind, "--port", str(port)),
            *("--folder", tempfile.mkdtemp(dir=folder)),
            *("--pipelines", str(pipelines), "--at-a-time", str(at_a_time)),
        ],
        timeout=600,
        text=True,
    )
    seconds, cpu = map(float, printed.split())
    return seconds, cpu


async def compare(folder: Path, pipelines: int, at_a_time: int, rounds: int) -> int:
    """Run both ways alternately, with latency and without; return the exit code."""
    claims = Claims()
    async with started("benchmarks.cost", "--serve") as (server, port):
        for latency in LATENCIES:
            await server.ask(latency=latency)
            rows = []
            for _ in range(rounds):
                rows.append(
                    [
                        await asyncio.to_thread(process, kind, port, folder, pipelines, at_a_time)
                        for kind in ("bare", "ours")
                    ]
                )
                show(pipelines, *rows[-1])
            share = statistics.median(100 * bare_s / our_s for (bare_s, _), (our_s, _) in rows)
            share_cpu = statistics.median(100 * bare_cpu / our_cpu for (_, bare_cpu), (_, our_cpu) in rows)
            print(f"in the same CPU time: {share_cpu:.0f} % of bare aiohttp's pipelines")
            text = f"responses after {1000 * latency:.0f} ms" if latency else "responses at once"
            claims.at_least(f"pipelines a second, of bare aiohttp's, {text}", share, GOAL, " %")
    return claims.exit_code


def show(pipelines: int, bare: tuple[float, float], ours: tuple[float, float]) -> None:
    """The line of a round."""
    for name, (seconds, cpu) in (("bare", bare), ("  ours", ours)):
        print(
            f"{name} {pipelines / seconds:6.0f} a second,{1000 * cpu / pipelines:6.2f} ms of CPU each",
            end=";",
        )
    print(flush=True)


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--pipelines", type=int, default=2_000)
    parser.add_argument("--at-a-time", type=int, default=8, help="as `pixxel bulk run`: 8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="folder for the files"
    )
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=["bare", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(server())
        return 0
    size = options.pipelines, options.at_a_time
    if options.run:
        way = {"bare": bare, "ours": ours}[options.run]
        asyncio.run(way(f"http://127.0.0.1:{options.port}", options.folder, *size))
        return 0
    # All files stay until the end: after thousands were removed, ext4 needs a millisecond to create one.
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        return asyncio.run(compare(Path(folder), *size, options.rounds))


if __name__ == "__main__":
    sys.exit(main())
