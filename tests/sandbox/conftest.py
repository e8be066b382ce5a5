from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from sandbox_api import START, Api

from pixxel_async.sandbox import Sandbox, SandboxClock


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox whose time stands still until it is pushed on, and which checks its own answers."""
    clock = SandboxClock(speed=0, start=START)
    async with Sandbox(clock=clock, validate_answers=True) as sandbox:
        yield sandbox
    assert sandbox.defects == []


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    """Plain HTTP access with the sandbox's token."""
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        yield Api(sandbox, session)
