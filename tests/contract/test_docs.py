"""The documentation does what it says: its code runs, its programs run, its commands exist, its links lead somewhere.

Each page is run as a reader pastes it, from top to bottom in a new folder and a new process; see tests/support/paste.py.
A page that needs an API starts the sandbox itself. Code that cannot run is marked by its language: `text`, or `console`
for commands with their output.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import json
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import paste
import pytest
from click.testing import CliRunner
from paste import blocks

from pixxel_async import PixxelClient, PixxelError, WaitOptions, errors
from pixxel_async.bulk import load_recipe
from pixxel_async.cli._app import pixxel
from pixxel_async.sandbox import Sandbox
from pixxel_async.testing import FakeTransport

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("openapi/*.md")),
]
PROGRAMS = sorted(path.name for path in (ROOT / "examples").glob("*.py"))

RUN_PAGES = [pytest.param(page, id=page.name) for page in PAGES]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, without settings; programs find the package, and shells find `pixxel`."""
    for name in [name for name in os.environ if name.startswith("PIXXEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    # for the test files on the pages: half the time
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch, folder: Path) -> AsyncIterator[Sandbox]:
    """A sandbox that `PixxelClient()` uses, and an empty working folder."""
    async with Sandbox(speed=5000, url_lifetime=1e9) as running:
        monkeypatch.setenv("PIXXEL_API_KEY", running.token)
        monkeypatch.setenv("PIXXEL_BASE_URL", running.url)
        yield running


@pytest.mark.parametrize("page", RUN_PAGES)
async def test_the_code_of_a_page_runs(page: Path, folder: Path) -> None:
    """Pasted from top to bottom, in a new folder and a new process."""
    await run_python("-W", "error", paste.__file__, str(page))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "import asyncio\nawait asyncio.sleep(0)\nx = 1\n```\n\n```python\n1 / (x - 1)\n",
            "ZeroDivisionError",
        ),
        ("for x in range(3):\n    pass\nprint(x)\n", "SyntaxError"),
        ("def f(x):\n    return x\n\n    y = 1\n", "IndentationError"),
        ("PixxelClient()\n", "NameError"),
    ],
)
async def test_a_page_that_cannot_be_pasted_fails(source: str, problem: str, folder: Path) -> None:
    """A block shares names with those before it only, and a prompt must accept each line."""
    write("page.md", f"# Page\n```python\n{source}```\n")
    output = await run_python(paste.__file__, "page.md", exit_code=1)
    assert problem in output
    assert "in the block at page.md:" in output


@pytest.mark.parametrize("page", RUN_PAGES)
def test_no_block_is_passed_over(page: Path) -> None:
    """Each block has a language that the test knows, and none is in a comment."""
    text = page.read_text("utf-8")
    assert [] == [block.line for block in blocks(page) if block.language not in paste.LANGUAGES]
    assert 2 * len(list(blocks(page))) == len(re.findall(r"^\s*```", text, re.MULTILINE))
    assert "<!--" not in text


def write(name: str, text: str) -> None:
    Path(name).write_text(text, "utf-8")


def check_call(call: ast.Call) -> None:
    known: Any = PixxelClient(transport=FakeTransport({}))
    for name in ast.unparse(call.func).split(".")[1:]:
        known = getattr(known, name)
    arguments = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    bound = inspect.signature(known).bind_partial(*call.args, **arguments)
    assert bound.arguments.get("options", {}).keys() <= WaitOptions.__annotations__.keys()


async def run_python(*arguments: str, exit_code: int = 0) -> str:
    """Output of a Python program, which must end with this exit code."""
    async with started(*arguments) as process:
        output, _ = await process.communicate()
        assert exit_code == process.returncode, output.decode()
        return output.decode()


@contextlib.asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running Python program, killed if it is still running at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def program(name: str) -> tuple[str, ...]:
    return "-W", "error", str(ROOT / "examples" / name)


async def test_the_example_stream(sandbox: Sandbox) -> None:
    """It prints a line for each month of a year, and a clear image."""
    output = await run_python(*program("stream.py"), "75.4", "30.2")
    months = re.findall(r"^\d{4}-\d\d [#.]+$", output, re.MULTILINE)
    assert len(months) in (12, 13)
    assert "almost cloudless: S2" in output


async def test_the_example_bulk_ndvi(sandbox: Sandbox) -> None:
    """Each field gets its picture, but for the one that fails, which is told; called again, it makes only that one."""
    squares = {"north": 30.2, "south": 30.3, "east": 30.4}
    features = [square(name, lat) for name, lat in squares.items()]
    write("fields.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    sandbox.outcomes.plan("aoi", "fail")
    first = await run_python(*program("bulk_ndvi.py"), "fields.geojson", "pictures", exit_code=1)
    assert 1 == len(re.findall(r"^\w+: aoi .* ended as 'failed'", first, re.MULTILINE)), first
    second = await run_python(*program("bulk_ndvi.py"), "fields.geojson", "pictures")
    told = re.findall(r"^(\w+): \d+ bytes in pictures/\w+/NDVI.png$", first + second, re.MULTILINE)
    assert sorted(squares) == sorted(told)
    assert 4 == len(sandbox.ledger.entries("AOICreateAOI"))
    assert {*squares, "report.csv"} < names_in("pictures")


def names_in(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def square(name: str, lat: float) -> dict[str, Any]:
    ring = [[75.4, lat], [75.42, lat], [75.42, lat + 0.02], [75.4, lat + 0.02], [75.4, lat]]
    return {
        "type": "Feature",
        "properties": {"name": name},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


async def test_the_example_service(sandbox: Sandbox) -> None:
    """It answers, says whose fault an error is, and ends in good order when it is told to."""
    field = square("north", 30.2)["geometry"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with (
        started(*program("service.py"), "--port", str(port)) as process,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as caller,
    ):
        assert process.stdout is not None
        assert b"Running on" in await process.stdout.readline()
        async with caller.post("/images?days=60", json=field) as answer:
            assert 0 < len([image["id"] for image in await answer.json()])
        async with caller.post("/images", json={"type": "Polygon", "coordinates": []}) as answer:
            assert 400 == answer.status
        sandbox.faults.add("SearchItemInArchive", "status", status=400)
        async with caller.post("/images", json=field) as answer:
            assert 502 == answer.status
        process.send_signal(signal.SIGINT)
        assert 0 == await process.wait()


def test_every_example_program_has_a_test_here() -> None:
    tested = {name.removeprefix("test_the_example_") for name in globals()}
    assert [] == [name for name in PROGRAMS if name.removesuffix(".py") not in tested]


RESOURCES = [name for name in vars(PixxelClient(transport=FakeTransport({}))) if not name.startswith("_")]
MENTIONED = [
    pytest.param(call, id=f"{page.name}: {call}")
    for page in PAGES
    for call in re.findall(rf"`((?:{'|'.join(RESOURCES)})\.\w+(?:\([^`]*\))?)`", page.read_text("utf-8"))
]


@pytest.mark.parametrize("call", MENTIONED)
def test_a_call_that_the_text_mentions_exists(call: str) -> None:
    parsed = ast.parse(f"client.{call}" if call.endswith(")") else f"client.{call}()", mode="eval").body
    assert isinstance(parsed, ast.Call)
    check_call(parsed)


def test_the_table_of_errors_names_errors() -> None:
    table = re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "input-and-errors.md").read_text("utf-8"), re.M)
    named = [name for cell in table for name in re.findall(r"`(\w+)`", cell)]
    assert named
    assert [] == [name for name in named if not issubclass(getattr(errors, name), PixxelError)]


COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line}"[:80])
    for page in PAGES
    for block in blocks(page)
    if block.language in ("console", "sh")
    for line in re.findall(r"^(?:\$ )?(pixxel .*)$", block.source, re.MULTILINE)
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_line_on_a_page_has_only_options_that_exist(line: str) -> None:
    """`--help` is answered after the options before it are read, and before anything is done."""
    _, *arguments = shlex.split(line, comments=True)
    result = CliRunner().invoke(pixxel, [*arguments, "--help"])
    assert (0, "Usage:") == (result.exit_code, result.output[:6]), result.output


RECIPES = [
    pytest.param(block.source, id=f"{page.name}: line {block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.language == "toml"
    if "[search]" in block.source or "[items]" in block.source
]


@pytest.mark.parametrize("text", RECIPES)
def test_a_recipe_on_a_page_is_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(text, "utf-8")
    load_recipe(tmp_path / "recipe.toml")


LINKS = [
    pytest.param(page, link, id=f"{page.name}: {link}")
    for page in LINKED
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    if not re.match(r"https?://|mailto:", link)
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    assert target.exists()
    if anchor:
        assert anchor in [
            slug(heading) for heading in re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
        ]


def slug(heading: str) -> str:
    """The anchor that a Markdown renderer makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
