"""Creates that survive the process: intent to disk, then the request, then its outcome to disk."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import nullcontext
from typing import Any

import attrs

from pixxel_async.bulk._engine import Engine
from pixxel_async.bulk._journal import Journal
from pixxel_async.bulk._journal_records import OPEN, StepRecord, StepState
from pixxel_async.bulk._stages import Facts, Stage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.errors import Conflict, OutcomeUnknown, PixxelError
from pixxel_async.reconciling import Absent, Ambiguous, Found, Intent


class Held(PixxelError):
    """Nobody knows whether a create happened, and a second one could be paid for twice: a person decides."""


class Creating:
    """Makes each row's things once, however often it is interrupted.

    Args:
        client: Looks for what was made.
        engine: Runs the stages.
        journal: Holds the intents.
    """

    def __init__(self, client: PixxelClient, engine: Engine, journal: Journal) -> None:
        self._client = client
        self._engine = engine
        self._journal = journal
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._unsettled: set[tuple[int, str]] = set()
        """Row and step of what this session announced, and has not seen succeed."""

    def is_under_way(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task is between an intent and its outcome."""
        return task in self._under_way

    async def make(self, stage: Stage, work: Work) -> Facts:
        """Facts of what a stage creates, or has created before.

        Raises:
            Held: it may have happened before, and cannot be told.
            CapReached: it costs more than is left; nothing was sent.
            PixxelError: it did not happen.
        """
        async with nullcontext() if stage.one_at_a_time is None else self._turns[stage.one_at_a_time]:
            while True:
                before = self._attempts(stage, work)
                if before and before[-1].state in OPEN:
                    facts = await self.settle(stage, before[-1])
                    if facts is not None:
                        return facts
                if failed := sum(each.state is StepState.FAILED for each in before):
                    work = attrs.evolve(work, failed=failed)
                try:
                    return await self._send(stage, work, was_sent=bool(before))
                except OutcomeUnknown:
                    continue  # it stands in the journal: look for it

    def _attempts(self, stage: Stage, work: Work) -> list[StepRecord]:
        if work.is_fresh and (work.row, stage.name) not in self._unsettled:
            return []
        return [each for each in self._journal.steps(work.row) if each.step == stage.name]

    async def _send(self, stage: Stage, work: Work, *, was_sent: bool) -> Facts:
        """Send it once. If it is cancelled on the way, its intent stays open."""
        journal, row = self._journal, work.row
        price = 0.0 if stage.price is None else await stage.price.ask(self._client, work)
        task = asyncio.current_task()
        assert task is not None

        async def commit(intent: Intent) -> None:
            await journal.intend(row, stage.name, intent.to_dict(), reserve=price)
            self._unsettled.add((row, stage.name))
            self._under_way.add(task)

        try:
            facts = await self._engine.do(self._client, stage, work, commit)
        except OutcomeUnknown as error:
            # By now it is known when it was sent, and perhaps that the API accepted it.
            intent = None if error.intent is None else error.intent.to_dict()
            await journal.settle(row, stage.name, StepState.UNKNOWN, error=str(error), intent=intent)
            raise
        except Conflict as conflict:
            # An attempt of ours that was not listed in time: what is there now is what it made.
            found = await conflict.existing() if was_sent and conflict.intent is not None else None
            if found is None:
                await journal.settle(row, stage.name, StepState.NOT_DONE, error=str(conflict))
                raise
            facts = _facts_of(found, price)
            await journal.settle(row, stage.name, StepState.DONE, facts=facts)
            return facts
        except PixxelError as error:
            if task in self._under_way:
                await journal.settle(row, stage.name, StepState.NOT_DONE, error=str(error))
            raise
        else:
            if price:
                facts = {"tokens": price, **facts}  # what the answer says it cost, else what was asked for
            await journal.settle(row, stage.name, StepState.DONE, facts=facts, tokens=facts.get("tokens"))
            self._unsettled.discard((row, stage.name))
            return facts
        finally:
            self._under_way.discard(task)

    async def settle(self, stage: Stage, record: StepRecord) -> Facts | None:
        """Find out what became of an open create: facts of what it made, None if it is to be sent again.

        Raises:
            Held: it cannot be told, or may not be sent again.
        """
        journal, row, step = self._journal, record.row, record.step
        intent = Intent.from_dict(record.intent or {})
        made = journal.made(step, intent.path)
        match await self._client.reconcile(intent, before=journal.claimed(step), made=made):
            case Found() as found:
                facts = _facts_of(found, record.reserved)
                await journal.settle(row, step, StepState.DONE, facts=facts)
                return facts
            case Absent() if stage.again_if_absent:
                await journal.settle(
                    row, step, StepState.NOT_DONE, error="its answer was lost; it is not there"
                )
                return None
            case Absent():
                words = "its answer was lost, and nothing of the kind is listed"
            case Ambiguous(ids=ids):
                words = (
                    f"its answer was lost, and it may be one of these: {', '.join(ids) or 'none is listed'}"
                )
        await journal.settle(row, step, StepState.HELD, error=words)
        raise Held(f"{step}: {words}; look, then resume the run with resend or forget")

    async def give_up(self, stage: Stage, row: int, error: str) -> None:
        """What a stage made has failed: should the row be tried again, it makes another."""
        await self._journal.settle(row, stage.name, StepState.FAILED, error=error)


def _facts_of(found: Found, tokens: float) -> Facts:
    """As the stage would have told it; what was reserved for it counts as its price."""
    facts: Facts = {"id": found.id, "ids": list(found.ids)}
    return {**facts, "tokens": tokens} if tokens else facts
