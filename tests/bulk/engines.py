"""A scheduler without an API: stages are functions of a test, and a fake engine runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from journals import NOON, Plot, begun

from pixxel_async import Intent, PixxelClient
from pixxel_async.bulk import Result
from pixxel_async.bulk._execution.engine import BeforeCreate
from pixxel_async.bulk._execution.result import result_of
from pixxel_async.bulk._execution.scheduler import Scheduler
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._recipe.stages import Facts, Kind, Price, Stage, Work
from pixxel_async.testing import FakeTransport, VirtualClock

Act = Callable[[Stage, Work], Awaitable[Facts]]


def intent_of(stage: Stage, work: Work, operation: str = "AOICreateAOI") -> Intent:
    """What a create announces."""
    return Intent(
        id=f"{stage.name}-{work.row}",
        operation=operation,
        path={"workflow_id": "w"} if operation == "createJob" else {},
        query={},
        wanted={"name": [work.name]} if operation == "AOICreateAOI" else {},
        is_listed=True,
        sent_at=NOON,
        deadline=NOON + timedelta(seconds=60),
        ahead=0.0,
    )


class FakeEngine:
    """Announces what creates, then does what the test says; keeps what was begun, in order."""

    requests = 0

    def __init__(self, act: Act, operation: str = "AOICreateAOI") -> None:
        self._act = act
        self._operation = operation
        self.begun: list[tuple[str, int]] = []

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        if before_create is not None:
            await before_create(intent_of(stage, work, self._operation))
        self.begun.append((stage.name, work.row))
        return await self._act(stage, work)

    async def follow(self, client: PixxelClient, then: Any, result: Result) -> None:
        await then(result, client)

    async def aclose(self) -> None: ...


async def _unused(client: PixxelClient, work: Work) -> Facts:
    raise AssertionError("the fake engine runs no stage")


def stage(name: str, kind: Kind = Kind.CREATE, *, price: float | None = None, **options: Any) -> Stage:
    """A stage of that name; `price` is what it costs."""

    async def ask(client: PixxelClient, work: Work) -> float:
        assert price is not None
        return price

    return Stage(name, _unused, kind, None if price is None else Price(ask), **options)


async def made(stage: Stage, work: Work) -> Facts:
    """All goes well."""
    return {"id": f"{stage.name}-{work.row}"}


@asynccontextmanager
async def driving(
    journal: Journal,
    stages: Sequence[Stage],
    engine: FakeEngine,
    *,
    concurrency: int = 4,
    answers: dict[str, Any] | None = None,
    clock: VirtualClock | None = None,
) -> AsyncIterator[Scheduler]:
    """A session over an open journal, in virtual time."""
    clock = clock or VirtualClock()
    async with PixxelClient(transport=FakeTransport(answers or {}), clock=clock) as client:
        yield Scheduler(
            client,
            journal,
            stages,
            engine,
            out=journal.path.parent,
            concurrency=concurrency,
            after_row=None,
            clock=clock,
        )


async def results(
    folder: Path, stages: Sequence[Stage], engine: FakeEngine, rows: int = 3, **options: Any
) -> dict[int, Result]:
    """What a first session makes of so many rows; the journal must say the same."""
    header = {"cap": options.pop("cap", 1e6)}
    with begun(folder, [Plot(name=f"f{row}") for row in range(1, rows + 1)], **header) as journal:
        return await session(journal, stages, engine, **options)


async def session(
    journal: Journal, stages: Sequence[Stage], engine: FakeEngine, **options: Any
) -> dict[int, Result]:
    """What a session makes of the rows that are left; the journal must say the same."""
    async with driving(journal, stages, engine, **options) as drive:
        rows = {result.row: result async for result in drive.results()}
    for record in journal.rows():
        if record.entry.row in rows:
            told = rows[record.entry.row]
            assert attrs.evolve(told, seconds=record.seconds) == result_of(record, journal.path.parent)
    assert [] == [*journal.open_intents()]
    assert journal.tokens().spent == pytest.approx(sum(row.tokens for row in journal.rows()))
    return rows
