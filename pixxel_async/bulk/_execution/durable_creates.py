"""Durable creates: the intent on disk, then the request, then its outcome on disk."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import attrs

from pixxel_async._base.collector import young_passes_only
from pixxel_async.bulk._execution.budget import Budget
from pixxel_async.bulk._execution.engine import Engine
from pixxel_async.bulk._journal.claims import Claims, Made
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import OPEN, CapReached, StepRecord, StepState
from pixxel_async.bulk._journal.text import is_amount
from pixxel_async.bulk._recipe.stages import Facts, Stage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.errors import Conflict, OutcomeUnknown, PixxelError
from pixxel_async.reconciling import Absent, Ambiguous, Found, Intent


class Held(PixxelError):
    """The outcome of a create is unknown, and a retry could charge twice. Check the account, then decide with `decide`."""


class _Planned(PixxelError):
    """Stops a create before it is sent, with its intent."""

    def __init__(self, intent: Intent) -> None:
        super().__init__("not sent")
        self.intent = intent


class DurableCreates:
    """Creates each row's resources once, also after interruptions.

    Args:
        client: Searches for created resources.
        engine: Runs the stages.
        journal: Holds the intents.
        budget: Learns the prices.
    """

    def __init__(self, client: PixxelClient, engine: Engine, journal: Journal, budget: Budget) -> None:
        self._budget = budget
        self._client = client
        self._engine = engine
        self._journal = journal
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._unsettled: set[tuple[int, str]] = set()
        """Row and step of creates that this session announced and that have not succeeded."""
        self._claims: dict[str, Claims] = {}
        """By step, for steps with an open create in this session."""
        self._reading: dict[str, asyncio.Task[None]] = {}

    def is_under_way(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task is between an intent and its outcome."""
        return task in self._under_way

    async def aclose(self) -> None:
        """Cancel the tasks that still read the journal."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    async def make(self, stage: Stage, work: Work) -> Facts:
        """Facts of the resource that a stage creates, or has created before.

        Raises:
            Held: The create may have happened before, and the search does not settle it.
            CapReached: The create costs more than is left; nothing was sent.
            PixxelError: The create did not happen.
        """
        async with nullcontext() if stage.one_at_a_time is None else self._turns[stage.one_at_a_time]:
            while True:
                before = await self._attempts(stage, work)
                if before and before[-1].state in OPEN:
                    facts = await self.settle(stage, before[-1])
                    if facts is not None:
                        return facts
                if failed := sum(each.state is StepState.FAILED for each in before):
                    work = attrs.evolve(work, failed=failed)
                was_sent = bool(before)
                if self._is_doubted(before):
                    facts = await self._search_first(stage, work)
                    if facts is not None:
                        return facts
                    was_sent = True
                try:
                    return await self._send(stage, work, was_sent=was_sent)
                except OutcomeUnknown:
                    continue  # its intent is in the journal: search for it

    def _is_doubted(self, attempts: list[StepRecord]) -> bool:
        """Whether an attempt may be missing, because the journal may be out of date."""
        doubted = self._journal.doubted
        return doubted is not None and (not attempts or attempts[-1].intent_at < doubted)

    async def _search_first(self, stage: Stage, work: Work) -> Facts | None:
        """Facts of a resource whose attempt the journal lacks; None if there is none.

        Raises:
            Held: The search does not settle it. That is always so for creates without content of their own (jobs).
        """
        row, step, doubted = work.row, stage.name, self._journal.doubted
        assert doubted is not None
        intent = await self._planned(stage, work)
        price = await self._price(stage, work)
        why = "the journal may be out of date"
        if stage.one_at_a_time is not None:
            await self._intend(row, step, intent, price)
            raise await self._hold(row, step, f"{why}, and such a create has no content to search for")
        started = await asyncio.to_thread(lambda: self._journal.header.started)
        sought = attrs.evolve(intent, sent_at=started, deadline=doubted)
        claims = await self._claims_of(step)
        made = claims.news(sought.path)
        match await self._client.reconcile(sought, known_ids=claims.ids, made=made, own=True):
            case Found() as found:
                await self._intend(row, step, sought, 0.0)  # already paid, so the cap does not apply
                return await self._done(row, step, _facts_of(found), price, sought)
            case Absent():
                return None
            case Ambiguous(ids=ids):
                await self._intend(row, step, sought, price)
                words = f"{why}, and it may be one of these: {', '.join(ids) or 'none is listed'}"
                raise await self._hold(row, step, words)

    async def _planned(self, stage: Stage, work: Work) -> Intent:
        """The intent that a create would announce; nothing is sent."""

        async def stop(intent: Intent) -> None:
            raise _Planned(intent)

        try:
            await self._engine.do(self._client, stage, work, stop)
        except _Planned as planned:
            return planned.intent
        raise AssertionError(f"{stage.name} creates without an announcement")

    async def _attempts(self, stage: Stage, work: Work) -> list[StepRecord]:
        if work.is_fresh and (work.row, stage.name) not in self._unsettled:
            return []
        return await self._steps(work.row, stage.name)

    async def _steps(self, row: int, step: str) -> list[StepRecord]:
        steps = await asyncio.to_thread(self._journal.steps, row)
        return [each for each in steps if each.step == step]

    async def _send(self, stage: Stage, work: Work, *, was_sent: bool) -> Facts:
        """Send the create once. If it is cancelled meanwhile, its intent stays open."""
        journal, row = self._journal, work.row
        price = await self._price(stage, work)
        task = asyncio.current_task()
        assert task is not None
        announced: Intent | None = None

        async def commit(intent: Intent) -> None:
            nonlocal announced
            announced = intent
            await self._intend(row, stage.name, intent, price)
            self._unsettled.add((row, stage.name))
            self._under_way.add(task)

        try:
            facts = await self._engine.do(self._client, stage, work, commit)
        except OutcomeUnknown as error:
            # Now the time of sending is known, and perhaps that the API accepted it.
            intent = None if error.intent is None else error.intent.to_dict()
            await journal.settle(row, stage.name, StepState.UNKNOWN, error=str(error), intent=intent)
            if error.intent is not None and stage.name in self._claims:
                for id in error.intent.ids:
                    self._claims[stage.name].add(Made(id, error.intent.path, None))
            raise
        except Conflict as conflict:
            # The listing lacked an earlier attempt of this row, which made the existing resource.
            found = await conflict.existing() if was_sent and conflict.intent is not None else None
            if found is None:
                await journal.settle(row, stage.name, StepState.NOT_DONE, error=str(conflict))
                raise
            return await self._done(row, stage.name, _facts_of(found), price, announced)
        except PixxelError as error:
            if task in self._under_way:
                await journal.settle(row, stage.name, StepState.NOT_DONE, error=str(error))
            raise
        else:
            if facts.get("id") is None:
                raise await self._nameless(row, stage.name, announced)
            facts = await self._done(row, stage.name, facts, price, announced)
            self._unsettled.discard((row, stage.name))
            return facts
        finally:
            self._under_way.discard(task)

    async def _price(self, stage: Stage, work: Work) -> float:
        if stage.price is None:
            return 0.0
        price = await stage.price.ask(self._client, work)
        await self._budget.learn(stage.name, price)
        return price

    async def _intend(self, row: int, step: str, intent: Intent, price: float) -> None:
        try:
            await self._journal.intend(row, step, intent.to_dict(), reserve=price)
        except CapReached:
            await self._budget.refuse(step, price)
            raise
        if price:
            await self._budget.leave(row)

    async def _done(self, row: int, step: str, facts: Facts, price: float, intent: Intent | None) -> Facts:
        """Record the created resource, with the cost that the API stated, else with the requested price."""
        cost = facts.pop("tokens", None)
        cost = cost if is_amount(cost) else price
        if cost:
            facts["tokens"] = cost
        await self._journal.settle(row, step, StepState.DONE, facts=facts, tokens=cost)
        if step in self._claims and intent is not None:
            self._claims[step].add(Made(facts["id"], intent.path, datetime.now(UTC)))
        return facts

    async def _claims_of(self, step: str) -> Claims:
        """Ids that the step has created in all sessions; read from the journal at the first use."""
        if step not in self._claims:
            claims = self._claims[step] = Claims()  # creates during the read are added at once
            self._reading[step] = asyncio.create_task(self._read_claims(step, claims))
        await asyncio.shield(self._reading[step])
        return self._claims[step]

    async def _read_claims(self, step: str, claims: Claims) -> None:
        pages = self._journal.made(step)
        with young_passes_only():
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                for made in page:
                    claims.add(made)

    async def _nameless(self, row: int, step: str, intent: Intent | None) -> OutcomeUnknown:
        """Record a create that the API accepted without an id: a search finds it by its content, or it is held."""
        error = f"{step}: the API accepted the create, but its response has no id"
        made = None if intent is None else attrs.evolve(intent, accepted=True).to_dict()
        await self._journal.settle(row, step, StepState.UNKNOWN, error=error, intent=made)
        return OutcomeUnknown(error)

    async def settle(self, stage: Stage, record: StepRecord) -> Facts | None:
        """Settle an open create: facts of its resource, None if it is to be sent again.

        Raises:
            Held: The outcome stays unknown, or the create must not be sent again.
        """
        journal, row, step = self._journal, record.row, record.step
        try:
            intent = Intent.from_dict(record.intent or {})
        except ValueError as error:
            raise await self._hold(row, step, f"the recorded request cannot be read: {error}") from None
        claims = await self._claims_of(step)
        # The client keeps the ids of earlier calls.
        match await self._client.reconcile(intent, known_ids=claims.ids, made=claims.news(intent.path)):
            case Found() as found:
                return await self._done(row, step, _facts_of(found), record.reserved, intent)
            case Absent() if stage.again_if_absent:
                await journal.settle(
                    row, step, StepState.NOT_DONE, error="response lost; no matching resource found"
                )
                return None
            case Absent():
                words = "response lost; no matching resource is listed"
            case Ambiguous(ids=ids):
                words = f"response lost; it may be one of these: {', '.join(ids) or 'none is listed'}"
        raise await self._hold(row, step, words)

    async def hold(self, stage: Stage, row: int, error: str) -> None:
        """Hold a create if its outcome is still unknown; else do nothing.

        Raises:
            Held: The create may have happened.
        """
        attempts = await self._steps(row, stage.name)
        if attempts and attempts[-1].state in OPEN:
            raise await self._hold(row, stage.name, f"its outcome is unknown, and the search failed: {error}")

    async def _hold(self, row: int, step: str, error: str) -> Held:
        await self._journal.settle(row, step, StepState.HELD, error=error)
        return Held(f"{step}: {error}; check the account, then decide with `pixxel bulk held`")

    async def give_up(self, stage: Stage, row: int, error: str) -> None:
        """Record that a stage's resource has failed: a retry of the row creates another."""
        await self._journal.settle(row, stage.name, StepState.FAILED, error=error)


def _facts_of(found: Found) -> Facts:
    """The facts that the stage itself would have returned."""
    return {"id": found.id, "ids": list(found.ids), "tokens": stated_cost(found.snapshot)}


def stated_cost(thing: object) -> float | None:
    """Cost in tokens that a resource of the API states; None if it states none."""
    costs = (getattr(thing, name, None) for name in ("cost", "total_amount"))
    return next((cost for cost in costs if is_amount(cost)), None)
