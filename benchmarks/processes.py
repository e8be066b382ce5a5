"""Servers in separate processes, so that time and memory are those of the client; and checks for leaks."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

_PIPE = 64 * 2**20
"""Length limit of a line from a server."""


class Server:
    """Talks to a server process: a line of JSON in, a line of JSON out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, **question: Any) -> Any:
        """Send a message and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        return await self.hear()

    async def hear(self) -> Any:
        """The next line."""
        assert self._process.stdout is not None
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def started(module: str, *arguments: str) -> AsyncIterator[tuple[Server, Any]]:
    """Start a module that calls `serve` as a process; return it with its first message."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=pipe, stdout=pipe, limit=_PIPE
    )
    try:
        server = Server(process)
        yield server, await server.hear()
    finally:
        assert process.stdin is not None
        process.stdin.close()  # ends it
        await process.wait()


async def serve(first: Any, answer: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
    """In the server: send the first message, then answer questions until standard input closes."""
    print(json.dumps(first), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answer(json.loads(line))), flush=True)


def memory(what: str = "VmHWM") -> float:
    """Current (`VmRSS`) or peak (`VmHWM`) memory of this process in MiB."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith(what))
    return int(line.split()[1]) / 1024


@attrs.frozen
class Holdings:
    """Resources of a process that can leak."""

    tasks: int
    descriptors: int
    sockets: int
    targets: tuple[str, ...] = attrs.field(eq=False, repr=False)
    """Targets of the descriptors."""

    @classmethod
    def now(cls) -> Holdings:
        """The resources of this process, in its event loop."""
        gc.collect()
        targets = []
        for entry in Path("/proc/self/fd").iterdir():
            try:
                targets.append(str(entry.readlink()))
            except OSError:
                continue  # the one that lists the folder
        sockets = sum(target.startswith("socket:") for target in targets)
        return cls(len(asyncio.all_tasks()), len(targets), sockets, tuple(targets))


def more(before: Holdings, after: Holdings) -> list[str]:
    """Resources that did not exist before."""
    return sorted({*after.targets} - {*before.targets})


class Complaints:
    """Warnings of Python and asyncio about unclosed resources and unretrieved exceptions."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listen(self) -> None:
        """Collect warnings from now on, in this event loop."""
        warnings.simplefilter("always", ResourceWarning)
        warnings.showwarning = lambda message, *_, **__: self.heard.append(str(message))
        sys.unraisablehook = lambda error: self.heard.append(f"{error.err_msg}: {error.exc_value!r}")
        asyncio.get_running_loop().set_exception_handler(
            lambda _, facts: self.heard.append(f"{facts.get('message')}: {facts.get('exception')!r}")
        )
