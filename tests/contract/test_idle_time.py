"""The time on which the tests run: a machine that is busy does not use it up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import hypothesis
import pytest


async def test_a_time_limit_ends_what_hangs() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await asyncio.Event().wait()


def test_a_time_limit_does_not_end_what_the_machine_has_no_time_for() -> None:
    """Not in the loops of `asyncio.run` either."""

    async def slow() -> None:
        async with asyncio.timeout(0.02):
            for _ in range(3):
                time.sleep(0.03)  # noqa: ASYNC251 - as a busy machine does
                await asyncio.sleep(0)

    asyncio.run(slow())


async def test_time_can_leap(leap: Callable[[float], None]) -> None:
    sleeper = asyncio.create_task(asyncio.sleep(1000))
    await asyncio.sleep(0)
    leap(1000)
    await sleeper


def test_no_test_depends_on_the_speed_of_its_examples() -> None:
    assert None is hypothesis.settings().deadline
