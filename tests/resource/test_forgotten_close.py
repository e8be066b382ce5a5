"""A client that was used and is not closed causes one ResourceWarning, which names the remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WARNING = "ResourceWarning: a PixxelClient was used but not closed"
REMEDY = "write `async with PixxelClient() as client`, or call `await client.aclose()`"
SCRIPT = """
import asyncio, contextlib, gc
from pixxel_async import PixxelClient, PixxelError, RetryPolicy
from pixxel_async.testing import FakeTransport

def make(**options):
    return PixxelClient("token", base_url="http://127.0.0.1:1", retry=RetryPolicy.none(), **options)  # line 7

async def use(client):
    with contextlib.suppress(PixxelError):
        await client.ping()

async def main():
    {body}
    gc.collect()

asyncio.run(main())
"""


def warnings_of(path: Path, body: str, *flags: str, **environment: str) -> list[str]:
    """The warnings about clients that a process of its own writes."""
    path.write_text(SCRIPT.format(body=body), "utf-8")
    done = subprocess.run(
        [sys.executable, *flags, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line for line in done.stderr.splitlines() if "PixxelClient was used" in line]


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        (("-X", "dev"), {}),
        (("-X", "dev", "-W", "error"), {}),
        (("-W", "always"), {"PYTHONASYNCIODEBUG": "1"}),
    ],
    ids=["dev", "error", "debug"],
)
def test_in_development_the_warning_says_where_the_client_was_made(
    tmp_path: Path, flags: tuple[str, ...], environment: dict[str, str]
) -> None:
    path = tmp_path / "forgetful.py"
    [line] = warnings_of(path, "await use(make())", *flags, **environment)
    assert f"{WARNING} (made at {path}:7): {REMEDY}" in line


def test_otherwise_the_warning_names_the_remedy_alone(tmp_path: Path) -> None:
    [line] = warnings_of(tmp_path / "forgetful.py", "await use(make())", "-W", "always")
    assert f"{WARNING}: {REMEDY}" in line


def test_a_client_and_its_siblings_warn_once(tmp_path: Path) -> None:
    body = "client = make(); await use(client); await use(client.with_options(timeout=5)); del client"
    assert 1 == len(warnings_of(tmp_path / "forgetful.py", body, "-W", "always"))


@pytest.mark.parametrize(
    "body",
    [
        "make()",
        "client = make(); await use(client); await client.aclose()",
        "async with make() as client: await use(client)",
        "await use(make(transport=FakeTransport({'GET /ping': 'pong'})))",
    ],
    ids=["not used", "closed", "context", "without a network"],
)
def test_no_warning_where_nothing_is_left_open(tmp_path: Path, body: str) -> None:
    assert [] == warnings_of(tmp_path / "careful.py", body, "-X", "dev")
