"""Many fields at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pixxel_async.bulk._fields import Field
from pixxel_async.bulk._output import prepare_output
from pixxel_async.bulk._pipeline import Job, process
from pixxel_async.bulk._recipe import Recipe
from pixxel_async.bulk._result import Result
from pixxel_async.bulk._target import resolve
from pixxel_async.client import PixxelClient
from pixxel_async.errors import InvalidInput


async def run(
    client: PixxelClient,
    fields: Sequence[Field],
    recipe: Recipe,
    *,
    out: str | Path,
    concurrency: int = 8,
    overwrite: bool = False,
    on_update: Callable[[Result], Any] | None = None,
) -> AsyncGenerator[Result, None]:
    """Search, create an AOI, picture its index and fetch its package, for every field; results as they come.

    A field that fails is a result like any other and stops nobody else. At most `concurrency` fields
    are under way or finished but not yet taken: whoever is slow to take results slows the run. Leaving
    the loop early needs `contextlib.aclosing`; it and cancellation stop whatever is under way.

    Args:
        client: An open client.
        fields: What to work on; see `read_fields`.
        recipe: Which images, and what is made of them.
        out: Folder for the files: `OUT/FIELD/INDEX.png` and `OUT/FIELD/FIELD.zip`.
        concurrency: How many fields are under way at a time.
        overwrite: Whether files of an earlier run may be replaced.
        on_update: Called with a field's row whenever it enters a step, and with the final one.

    Raises:
        InvalidInput: Before anything is created: bad arguments, a folder that cannot be written, a
            satellite, project or index that does not exist.
        PixxelError: The account cannot be read.
    """
    if concurrency < 1:
        raise InvalidInput(f"concurrency: {concurrency} must be at least 1")
    prepare_output(Path(out), fields, overwrite=overwrite)
    target = await resolve(client, recipe)
    job = Job(client, recipe, target, Path(out), overwrite, on_update or _ignore)
    waiting = iter(fields)
    running: set[asyncio.Task[Result]] = set()
    try:
        while True:
            for field in islice(waiting, concurrency - len(running)):
                running.add(asyncio.create_task(process(job, field)))
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            task = done.pop()
            running.remove(task)
            yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _ignore(result: Result) -> None:
    """Nobody watches."""
