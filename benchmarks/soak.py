"""All claims about resilience, measured: `nox -s soak`, or `python -m benchmarks.soak [--quick] [WORK ...]`.

Each benchmark is a module with its own options. The last output is the table of all claims. The exit code is 1 if one was
broken. `--quick` takes some minutes, with a fraction of the numbers: it finds a defect, but not a rare one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from benchmarks.claims import BROKEN, HELD, MISSED


class Work(NamedTuple):
    """A module, and its options for a quick run."""

    what: str
    quick: list[str]
    is_patient: bool = False
    """Whether it mostly waits, so that a quick run can run several at once."""


WORKS = {
    "pipelines": Work(
        "10,000 pipelines over an unreliable connection", ["--pipelines", "100", "--at-a-time", "50"], True
    ),
    "files": Work("500 files from an unreliable storage host", ["--files", "30"], True),
    "outage": Work("a minute without the service", ["--lasts", "8"], True),
    "waits": Work("5,000 waits at once", ["--waits", "500", "--lasts", "5"], True),
    "creates": Work("2,000 creates over an unreliable connection", ["--creates", "150", "--settle", "30"]),
    "hooks": Work("2,000 creates while user code fails", ["--creates", "400"], True),
    "deadlines": Work("any call under any fault", ["--deadline", "1", "--calls", "read", "create"]),
    "bulk_resume": Work("100,000 rows resumed with 500 open creates", ["--rows", "20000"]),
    "bulk_kills": Work("60 kills of runs with faults at every create", ["--kills", "3", "--rows", "4"], True),
    "bulk_restored": Work("20 journals replaced by older copies", ["--points", "2", "--rows", "4"], True),
    "bulk_cap": Work("caps while prices flip", ["--rows", "100"]),
    "cost": Work("the cost of the SDK without faults", ["--pipelines", "200", "--rounds", "1"]),
}


class Outcome(NamedTuple):
    """The outcome of one module."""

    name: str
    seconds: float
    text: str
    code: int

    @property
    def claims(self) -> list[str]:
        """Its lines with claims."""
        marks = tuple(f"{mark:<8}" for mark in (HELD, MISSED, BROKEN))
        return [line for line in self.text.splitlines() if line.startswith(marks)]


def run(name: str, arguments: list[str]) -> Outcome:
    """Run one."""
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return Outcome(name, time.monotonic() - began, ended.stdout, ended.returncode)


def outcomes(names: list[str], *, is_quick: bool) -> Iterator[Outcome]:
    """Run the modules sequentially; in a quick run, those that mostly wait run at once."""
    together = [name for name in names if is_quick and WORKS[name].is_patient]
    with ThreadPoolExecutor(max_workers=max(1, len(together))) as pool:
        yield from pool.map(lambda name: run(name, WORKS[name].quick), together)
    for name in names:
        if name not in together:
            yield run(name, WORKS[name].quick if is_quick else [])


def main() -> int:
    """Run the selected modules and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("works", nargs="*", choices=[*WORKS, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="some minutes, with smaller numbers")
    options = parser.parse_args()
    table, failed = [], []
    for outcome in outcomes(options.works or [*WORKS], is_quick=options.quick):
        title = f"{outcome.name}: {WORKS[outcome.name].what}"
        print(f"\n{title}\n{outcome.text}", flush=True)
        table += [f"\n{title}{' (quick)' * options.quick}, {outcome.seconds:.0f} s", *outcome.claims]
        if outcome.code:
            failed.append(outcome.name)
    print("\n".join(["\nALL CLAIMS", *table]))
    print(f"\nbroken: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
