"""An NDVI picture of every field in a file, as a run that resumes when it is called again.

    python examples/bulk_ndvi.py examples/fields.geojson pictures

The same command in the terminal is `pixxel bulk run`. In your own program, results arrive one by one, and your own step can
follow. Settings are read from the environment. Without an account, run `pixxel sandbox` and set the two variables that it
prints.
"""
# ruff: noqa: T201 - a program that prints to the terminal

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pixxel_async import PixxelClient, PixxelError
from pixxel_async.bulk import Recipe, Result, Run, Search, State, Visualization, report, status


async def begin_or_resume(client: PixxelClient, fields: Path, out: Path) -> AbstractAsyncContextManager[Run]:
    """The run in the folder, or a new run in the first project."""
    if await asyncio.to_thread((out / "run.journal").exists):
        return Run.resume(client, out, retry_failed=True, after_row=measure)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    [project] = await client.projects.list(limit=1)
    recipe = Recipe(
        images=Search(start=today - timedelta(days=90), end=today + timedelta(days=1), max_days=1),
        make=(Visualization("NDVI"),),
        package=None,
        project=project.id,
    )
    return Run.start(client, fields, recipe, out, max_tokens=0, after_row=measure)  # no stage charges tokens


async def measure(result: Result, _: PixxelClient) -> None:
    """Your own step: runs once for each row, also after interruptions of the run."""
    [picture] = result.files
    print(f"{result.name}: {picture.stat().st_size} bytes in {picture}")


async def main(fields: Path, out: Path) -> int:
    """Exit code: 0 when every field has its picture, 1 otherwise."""
    async with PixxelClient() as client, await begin_or_resume(client, fields, out) as run:
        async for result in run:
            if result.state is not State.DONE:
                print(f"{result.name}: {result.error}")
    report(out)
    return 0 if set(status(out).rows) <= {State.DONE} else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fields", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    try:
        sys.exit(asyncio.run(main(given.fields, given.out)))
    except PixxelError as error:  # an error of the file, the token or the service: the run can be resumed
        sys.exit(f"{error}")
