"""Everything that resilience claims, measured: `nox -s soak`, or `python -m benchmarks.soak [--quick] [WORK ...]`.

Each work is a module of its own with its own options. At the end stands the table of all claims. Exit code 1 if one was
broken. `--quick` takes about a minute and a fraction of the numbers; it finds what is broken, not how rarely.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import NamedTuple

from benchmarks.claims import BROKEN, HELD, MISSED


class Work(NamedTuple):
    """A module, and what it is told for a quick run."""

    what: str
    quick: list[str]


WORKS = {
    "creates": Work("2,000 creates over a bad line", ["--creates", "150", "--settle", "30"]),
    "pipelines": Work("10,000 pipelines over a bad line", ["--pipelines", "150", "--at-a-time", "75"]),
    "files": Work("500 files from a bad storage host", ["--files", "60"]),
    "waits": Work("5,000 waits at once", ["--waits", "500", "--lasts", "5"]),
    "outage": Work("a minute without the service", ["--lasts", "10"]),
    "deadlines": Work("any call under any fault", ["--deadline", "1", "--calls", "read", "create"]),
    "cost": Work("what care costs where nothing fails", ["--pipelines", "300", "--rounds", "1"]),
}


def run(name: str, arguments: list[str]) -> tuple[list[str], int]:
    """Run one, showing what it prints; its claims and its exit code."""
    claims = []
    with subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.split(" ", 1)[0] in (HELD, MISSED, BROKEN):
                claims.append(line.rstrip())
    return claims, process.returncode


def main() -> int:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("works", nargs="*", choices=[*WORKS, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="about a minute, with smaller numbers")
    options = parser.parse_args()
    table, failed = [], []
    for name in options.works or WORKS:
        work = WORKS[name]
        print(f"\n{name}: {work.what}", flush=True)
        began = time.monotonic()
        claims, code = run(name, work.quick if options.quick else [])
        table += [f"\n{name} ({time.monotonic() - began:.0f} s)", *claims]
        if code:
            failed.append(name)
    print("\n".join(table))
    print(f"\nbroken: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
