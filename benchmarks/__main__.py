"""Run every benchmark and print the table: `nox -s bench`, or `python -m benchmarks [--rounds N] [WORK ...]`."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

WORKS = {
    "row": ("3,000 GETs of one AOI in a row", 1.25),
    "many": ("6,000 GETs, 64 at a time", 1.25),
    "listing": ("list 10,000 AOIs of 50 vertices, pages of 100", 1.1),
    "stac": ("STAC pages of 100 items × 10 assets × 20 bands", 1.75),
}
IMPORT_GOAL = 150.0
IMPORT = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"


def python(*arguments: str) -> float:
    """The number that a new interpreter prints."""
    run = subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        # An installed package has its byte code; otherwise the import would measure the compiler.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    return float(run.stdout)


def ratio(work: str, port: str, rounds: int) -> tuple[float, float, float]:
    """Median CPU seconds of bare and typed, and the median of the rounds' ratios.

    They alternate, so that load on the machine affects both.
    """
    pairs = [
        (
            python("-m", "benchmarks.client", work, "bare", port),
            python("-m", "benchmarks.client", work, "typed", port),
        )
        for _ in range(rounds)
    ]
    bare, typed = zip(*pairs, strict=True)
    return statistics.median(bare), statistics.median(typed), statistics.median(t / b for b, t in pairs)


def import_cost(rounds: int) -> float:
    """Median milliseconds of CPU that `import pixxel_async` costs beyond `import aiohttp`."""
    python("-c", IMPORT.format("aiohttp, pixxel_async"))  # writes the byte code
    pairs = [
        (python("-c", IMPORT.format("aiohttp")), python("-c", IMPORT.format("aiohttp, pixxel_async")))
        for _ in range(rounds)
    ]
    return 1000 * statistics.median(ours - theirs for theirs, ours in pairs)


def row(name: str, bare: str, typed: str, reached: str, goal: str) -> None:
    print(f"{name:<52}{bare:>10}{typed:>10}{reached:>10}{goal:>10}", flush=True)


def main() -> None:
    """Start the server, take the measurements, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("works", nargs="*", choices=[*WORKS, "import", []], help="default: all")
    parser.add_argument(
        "--rounds", type=int, default=5, help="number of rounds, of which the median is reported (default 5)"
    )
    options = parser.parse_args()
    works = options.works or [*WORKS, "import"]
    row("work (CPU of the client process)", "bare s", "typed s", "ratio", "goal")
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        for work in works:
            if work in WORKS:
                name, goal = WORKS[work]
                bare, typed, reached = ratio(work, port, options.rounds)
                row(name, f"{bare:.3f}", f"{typed:.3f}", f"{reached:.2f} ×", f"≤ {goal:.2f} ×")
    finally:
        server.communicate()  # closing its standard input ends it
    if "import" in works:
        row(
            "import pixxel_async beyond import aiohttp",
            "",
            "",
            f"{import_cost(options.rounds):.0f} ms",
            f"≤ {IMPORT_GOAL:.0f} ms",
        )


if __name__ == "__main__":
    main()
