"""Fetch 2 GiB to disk with SHA-256 and fsync, against `curl` of the same file: `python -m benchmarks.downloads [--gib N] [--rounds N]`.

The server is local and sends with sendfile. `curl` neither hashes nor syncs. A second column adds an fsync after `curl`,
to show the cost of the disk. Both alternate, so that load on the machine affects both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiohttp import web

from pixxel_async._download.downloader import Downloader

GOAL_TIME, GOAL_MEMORY = 1.5, 32


def serve(directory: str) -> None:
    """Serve a directory until standard input closes."""

    async def run() -> None:
        app = web.Application()
        app.router.add_static("/", directory)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()

    asyncio.run(run())


def peak_memory() -> float:
    """Peak memory of this process in MiB; getrusage would include the parent's."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def fetch(url: str, directory: str) -> None:
    """Print the seconds of a download, and its additional MiB over a small one."""

    async def run() -> None:
        downloader = Downloader(allow_private=True)
        await downloader.save(f"{url}/small.bin", directory)
        before = peak_memory()
        start = time.perf_counter()
        await downloader.save(f"{url}/large.bin", directory)
        print(time.perf_counter() - start, peak_memory() - before)
        await downloader.aclose()

    asyncio.run(run())


def ours(url: str, directory: Path) -> tuple[float, float]:
    """Seconds and MiB, in a separate process."""
    command = [sys.executable, "-m", "benchmarks.downloads", "--fetch", url, str(directory)]
    seconds, memory = map(float, subprocess.check_output(command, timeout=600).split())
    return seconds, memory


def curl(url: str, directory: Path) -> tuple[float, float]:
    """Seconds of curl, and of curl with an fsync after it."""
    path = directory / "curl.bin"
    start = time.perf_counter()
    subprocess.run(["curl", "-s", "-o", path, f"{url}/large.bin"], check=True, timeout=600)
    fetched = time.perf_counter() - start
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return fetched, time.perf_counter() - start


def compare(url: str, scratch: Path, rounds: int) -> None:
    """Print a line per round and the medians."""
    print(f"{'':8}{'curl s':>9}{'+ fsync s':>11}{'ours s':>9}{'ratio':>8}{'to + fsync':>12}{'MiB':>7}")
    rows = []
    for number in range(rounds):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        plain, synced = curl(url, scratch)
        (scratch / "curl.bin").unlink()
        seconds, memory = ours(url, scratch)
        rows.append((plain, synced, seconds, seconds / plain, seconds / synced, memory))
        show(f"{number + 1}", rows[-1])
    show("median", [statistics.median(column) for column in zip(*rows, strict=True)])
    print(f"goal: ratio ≤ {GOAL_TIME}, memory ≤ {GOAL_MEMORY} MiB")


def show(name: str, row: list[float] | tuple[float, ...]) -> None:
    plain, synced, seconds, ratio, ratio_synced, memory = row
    print(
        f"{name:8}{plain:9.2f}{synced:11.2f}{seconds:9.2f}{ratio:8.2f}{ratio_synced:12.2f}{memory:7.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downloads", description=__doc__)
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--fetch", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    if options.fetch:
        return fetch(*options.fetch)
    with tempfile.TemporaryDirectory(dir=".") as directory:
        offered = Path(directory, "offered")
        offered.mkdir()
        (offered / "small.bin").write_bytes(b"x")
        block = os.urandom(2**20)
        with (offered / "large.bin").open("wb") as file:
            for _ in range(int(options.gib * 1024)):
                file.write(block)
        command = [sys.executable, "-m", "benchmarks.downloads", "--serve", str(offered)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            compare(url, Path(directory, "scratch"), options.rounds)
        finally:
            server.communicate()


if __name__ == "__main__":
    main()
