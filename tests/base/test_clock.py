"""The wall clock may jump as it likes: nothing that we wait for is measured by it."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from stubs import HANG, Answer, Received, Stub, answer, json_answer

from pixxel_async import DeadlineExceeded, PixxelClient, RetryPolicy, ServerError, WaitTimeout
from pixxel_async.testing import VirtualClock

DAY = timedelta(days=1)
DATES = {"Date": "Mon, 01 Jun 2026 00:00:00 GMT", "Retry_After": "Mon, 01 Jun 2026 00:00:07 GMT"}


class Jumping(VirtualClock):
    """Whose time of day is a day early and a day late by turns."""

    def __init__(self) -> None:
        super().__init__()
        self._jumps = itertools.cycle([DAY, -DAY])

    def now(self) -> datetime:
        return super().now() + next(self._jumps)


class Api:
    """Refuses each thing three times, gives it then; AOIs are never ready."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def __call__(self, request: Received) -> Answer:
        number = self._asked[request.target]
        self._asked[request.target] += 1
        if "aoi" in request.target:
            return json_answer({"aoi_id": "a-1", "status": "running"})
        if "never" in request.target:
            return answer(503)
        return [answer(500), answer(429, Retry_After="3"), answer(503, **DATES), json_answer({"id": "o-1"})][
            number
        ]


async def waits(clock: VirtualClock) -> list[float]:
    """Every sleep of back-off, Retry-After, a call's deadline and a poll, and the time when all is over."""
    certain = RetryPolicy(jitter=lambda ceiling: ceiling)
    async with (
        Stub(Api()) as stub,
        PixxelClient("token", base_url=stub.url, clock=clock, retry=certain) as client,
    ):
        await client.orders.get("o-1")
        with pytest.raises(ServerError):
            await client.with_options(timeout=5).orders.get("never")
        with pytest.raises(WaitTimeout):
            await client.aois.wait("a-1", timeout=600)
    return [*clock.slept, clock.monotonic()]


async def test_r1_a_jumping_wall_clock_changes_no_wait_and_no_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steady = await waits(VirtualClock())
    assert 600 < steady[-1] < 640, "the waits are there, and end when they should"
    real, jumps = time.time, itertools.cycle([86_400.0, -86_400.0])
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    assert steady == await waits(Jumping())


async def test_r4_clocks_that_are_held_still_hang_no_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As freezegun holds them with `real_asyncio=True`: all but that of the event loop."""
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    monkeypatch.setattr(time, "monotonic", lambda: 1_000.0)
    turns = iter(["running", "running", "success"])

    def serve(request: Received) -> Answer:
        if "aoi" in request.target:
            return json_answer({"aoi_id": "a-1", "status": next(turns)})
        if "file" in request.target:
            return next(files)
        return [HANG]

    files = iter([answer(503, Retry_After="0.05"), answer(200, b"content")])
    async with Stub(serve) as stub, PixxelClient("token", base_url=stub.url) as client:
        aoi = await client.aois.wait("a-1", poll_interval=0.01, max_poll_interval=0.01)
        assert "success" == aoi.status
        saved = await client.save(f"{stub.url}/file.tif", tmp_path)
        assert b"content" == saved.path.read_bytes()
        with pytest.raises(DeadlineExceeded):
            await client.with_options(timeout=0.1).orders.get("o-1")
