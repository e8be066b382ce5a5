"""A sandbox in which a minute passes in a blink."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from pixxel_async import PixxelClient
from pixxel_async.bulk import Recipe
from pixxel_async.sandbox import Sandbox

FAST = 400.0
"""Sandbox seconds per second."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=FAST, validate_answers=True) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with sandbox.client() as client:
        yield client


@pytest.fixture
def recipe() -> Recipe:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Recipe(
        start=today - timedelta(days=90),
        end=today,
        project="delta-farms",
        run_id="t1",
        poll_interval=0.02,
        max_poll_interval=0.1,
        timeout=20.0,
    )
