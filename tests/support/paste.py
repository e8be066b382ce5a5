"""Runs the blocks of a page as a reader does: from top to bottom, in this process and in the working folder.

    python tests/support/paste.py docs/tutorial.md

- `python` blocks go to a prompt like that of `python -m asyncio`; to that of `python` if the page calls `asyncio.run`.
- `sh` blocks go to a shell. Of a `console` block only `$ pixxel sandbox ...` is run; its `export` lines apply from then on.
- A block that begins with `# NAME.EXT` is saved under this name. If it is Python, pytest or Python runs it.
"""

from __future__ import annotations

import ast
import asyncio
import codeop
import inspect
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

LANGUAGES = ("console", "ini", "python", "sh", "text", "toml", "yaml")


@attrs.frozen
class Block:
    """A fenced block of code on a page."""

    page: Path
    line: int
    language: str
    source: str

    @property
    def file(self) -> str | None:
        """The file name in its first line."""
        found = re.match(r"# (\w+\.\w+)\n", self.source)
        return found[1] if found else None


def blocks(page: Path) -> Iterator[Block]:
    """All blocks of a page in order."""
    text = page.read_text("utf-8")
    for fence in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text.count("\n", 0, fence.start(2)), fence[1], fence[2])


class Prompt:
    """Takes lines as `python -m asyncio` does, or plain `python`: an empty line ends a compound statement."""

    def __init__(self, *, takes_await: bool) -> None:
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._takes_await = takes_await
        self._compile = codeop.CommandCompiler()
        if takes_await:
            self._compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    async def paste(self, source: str) -> None:
        """Run each statement as soon as it is complete."""
        lines: list[str] = []
        for line in [*source.splitlines(), ""]:
            lines.append(line)
            code = self._compile("\n".join(lines), "<page>", "single")
            if code is not None:
                lines.clear()
                statement = types.FunctionType(code, self._names)
                # in a thread, where `asyncio.run` may be called
                result = statement() if self._takes_await else await asyncio.to_thread(statement)
                if inspect.iscoroutine(result):
                    await result
        assert not lines, f"this statement is not complete: {lines}"


async def run(block: Block, prompt: Prompt) -> None:
    """Do with a block what a reader does."""
    if block.language == "python" and block.file is None:
        await prompt.paste(block.source)
    else:
        await asyncio.to_thread(run_outside, block)


def run_outside(block: Block) -> None:
    """Save the block if it is a file, and run it in a process of its own if it is a program."""
    if block.file is not None:
        Path(block.file).write_text(block.source, "utf-8")
    if block.language == "sh":
        subprocess.run(["bash", "-e", "-c", block.source], check=True)
    elif block.language == "python":
        name = str(block.file)
        pytest = ("-m", "pytest", "-p", "pytest_asyncio.plugin")
        program = pytest if name.startswith("test_") else ("-W", "error")
        subprocess.run([sys.executable, *program, name], check=True)


def start_sandbox(block: Block) -> subprocess.Popen[str] | None:
    """Start the sandbox if the block does so, and use the settings that it prints."""
    found = re.search(r"^\$ pixxel (sandbox.*)$", block.source, re.MULTILINE)
    if block.language != "console" or found is None:
        return None
    arguments = shlex.split(found[1], comments=True)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pixxel_async.cli", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if setting := re.match(r"  export (\w+)=(.*)", line):
            os.environ[setting[1]] = setting[2]
            if setting[1] == "PIXXEL_API_KEY":  # the last line
                return process
    raise AssertionError(f"the sandbox ended: {block.source}")


async def main(page: Path) -> None:
    """Run all blocks of a page; the first failure ends it and names the block."""
    prompt = Prompt(takes_await=not any("asyncio.run(" in block.source for block in blocks(page)))
    servers = []
    try:
        for block in blocks(page):
            try:
                if server := start_sandbox(block):
                    servers.append(server)
                await run(block, prompt)
            except BaseException as error:
                error.add_note(f"in the block at {block.page.name}:{block.line}\n{block.source}")
                raise
    finally:
        for server in servers:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
