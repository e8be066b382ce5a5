"""Creates that a session left open, looked up by the next one: what the journal knows counts as well as what is listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from journals import Plot, begun

from pixxel_async import Intent, PixxelClient, UnexpectedAnswer
from pixxel_async.bulk._execution.durable_creates import DurableCreates, Held
from pixxel_async.bulk._journal.claims import Claims
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import StepState
from pixxel_async.bulk._journal.view import JournalView, open_view
from pixxel_async.bulk._recipe.stages import Kind, Stage
from pixxel_async.testing import FakeTransport, VirtualClock

JOB = "job weekly"
LIST_JOBS = "GET /v0/workflows/w/jobs"
NOW = datetime.now(UTC)


def intent(id: str, workflow: str = "w", sent_at: datetime = NOW) -> Intent:
    return Intent(
        id=id,
        operation="createJob",
        path={"workflow_id": workflow},
        query={},
        wanted={},
        is_listed=True,
        sent_at=sent_at,
        deadline=sent_at,
        ahead=0.0,
    )


async def left_behind(out: Path) -> Path:
    """A journal whose first row has its job, made an hour ago, and whose second has lost the answer."""
    long_ago = NOW - timedelta(hours=1)
    with begun(out, [Plot(name="north"), Plot(name="south"), Plot(name="east")]) as journal:
        journal._now = lambda: long_ago
        await journal.intend(1, JOB, intent("a", sent_at=long_ago).to_dict())
        await journal.settle(1, JOB, StepState.DONE, facts={"id": "job-1"})
        await journal.intend(3, JOB, intent("c", "another", sent_at=long_ago).to_dict())
        await journal.settle(3, JOB, StepState.DONE, facts={"id": "job-3"})
        await journal.intend(2, JOB, intent("b").to_dict())
    return journal.path


def claims_of(view: JournalView, step: str) -> Claims:
    claims = Claims()
    for page in view.made(step):
        for made in page:
            claims.add(made)
    return claims


async def test_x6_the_journal_tells_what_was_made_in_a_listing_and_when(tmp_path: Path) -> None:
    """Not what another step made, nor what is open, nor what is listed elsewhere."""
    path = await left_behind(tmp_path / "out")
    with open_view(path) as view:
        claims = claims_of(view, JOB)
        assert {"job-1": NOW - timedelta(hours=1)} == claims.news({"workflow_id": "w"})
        assert {"job-3": NOW - timedelta(hours=1)} == claims.news({"workflow_id": "another"})
        assert {} == claims.news({"workflow_id": "a third"})
        assert {} == claims_of(view, "job").news({"workflow_id": "w"})


@pytest.mark.parametrize("is_listed", [False, True])
async def test_x6_a_listing_that_lacks_what_the_journal_knows_settles_nothing(
    is_listed: bool, tmp_path: Path
) -> None:
    """In a new process, whose client has made nothing itself."""
    path = await left_behind(tmp_path / "out")
    rows: list[dict[str, Any]] = [{"id": "job-1", "created_at": "2020-01-01T00:00:00Z"}] if is_listed else []
    clock = VirtualClock()
    with Journal.open(path) as journal:
        async with PixxelClient(transport=FakeTransport({LIST_JOBS: {"jobs": rows}}), clock=clock) as client:
            creating = DurableCreates(client, None, journal, None)  # type: ignore[arg-type]  # it sends nothing
            [record] = journal.open_intents()
            expected = "no matching resource is listed" if is_listed else "lacks job-1"
            with pytest.raises(Held if is_listed else UnexpectedAnswer, match=expected):
                await creating.settle(Stage(JOB, _never, Kind.CREATE), record)
        state = StepState.HELD if is_listed else StepState.INTENT
        assert [state] == [each.state for each in journal.steps(2)]


async def _never(client: PixxelClient, work: Any) -> dict[str, Any]:
    raise AssertionError("nothing is sent")
