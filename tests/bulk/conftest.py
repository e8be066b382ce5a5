"""A sandbox in which a minute passes in a blink."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from books import check_books
from clocks import FastClock

from pixxel_async import PixxelClient
from pixxel_async.bulk import Recipe, Search
from pixxel_async.sandbox import Sandbox, SandboxClock

FAST = 400.0
"""Sandbox seconds per second."""
AUTUMN = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox; after the test, the journals of all runs must agree with its ledger, unless the test takes `off_books`."""
    clock = SandboxClock(speed=FAST, start=AUTUMN)  # the archive is the same on every day that tests are run
    async with Sandbox(clock=clock, validate_answers=True) as running:
        yield running
    if "off_books" not in request.fixturenames:
        check_books(tmp_path, running)


@pytest.fixture
def off_books() -> None:
    """The journals need not agree with the ledger: the test says why."""


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with sandbox.client(clock=FastClock()) as client:
        yield client


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(
        images=Search(start="2026-06-01", end="2026-09-01", max_days=1),
        project="delta-farms",
        run_id="t1",
        poll_interval=0.02,
        max_poll_interval=0.1,
        timeout=200.0,
    )
