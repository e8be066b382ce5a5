"""Estimates what a run would create and cost, with the prices that the API states."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

import attrs

from pixxel_async.bulk._recipe.stages import Facts, Kind, NoImage, Stage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.errors import PixxelError

_AT_A_TIME = 16
_SHOWN = 100


@attrs.frozen(kw_only=True)
class Plan:
    """The estimate of a run. Planning creates nothing."""

    rows: int
    features: int
    """Number of the input's features: fewer than rows if a recipe makes an AOI of each polygon."""
    split: tuple[str, ...]
    """Features split into several rows: `twins: rows 1-2 (twins-1 to twins-2)`; the first hundred."""
    creates: int
    """Number of resources that the run would create in the account."""
    requests: int
    """Minimum number of requests, without repeated polls."""
    tokens: float
    """Cost in tokens, as far as the API can state it now."""
    unpriced: tuple[str, ...]
    """Steps whose price is known only during the run, because it depends on an earlier step."""
    faults: tuple[str, ...]
    """Rows that would fail, with the reason; at most the first hundred."""
    no_image: tuple[str, ...] = ()
    """Rows without an image in the dates, for which the run would create nothing; at most the first hundred."""


async def estimate(
    client: PixxelClient,
    stages: Sequence[Stage],
    rows: Iterable[Work],
    *,
    features: int,
    split: tuple[str, ...],
) -> Plan:
    """Count the creates, and request every price that is available before a run. Charges nothing.

    A price per row takes one request for each row, plus the reads that it depends on. `features` and `split` describe
    the input.
    """
    creating = {stage.name for stage in stages if stage.kind is Kind.CREATE}
    priced = [stage for stage in stages if stage.price and not _waits_for(stage, stages, creating)]
    asking = _Asking(client, stages, priced)
    count = await asking.all(iter(rows))
    return Plan(
        rows=count,
        features=features,
        split=split,
        creates=count * len(creating),
        requests=count * sum(stage.requests for stage in stages),
        tokens=asking.tokens,
        unpriced=tuple(stage.name for stage in stages if stage.price and stage not in priced),
        faults=tuple(asking.faults),
        no_image=tuple(asking.no_image),
    )


def _waits_for(stage: Stage, stages: Sequence[Stage], creating: set[str]) -> bool:
    """Whether its price depends on an earlier create."""
    assert stage.price is not None
    first = min((at for at, each in enumerate(stages) if each.name in creating), default=len(stages))
    before = {each.name for each in stages[:first]}
    return not before.issuperset(stage.price.needs)


class _Asking:
    """The prices of all rows, some rows at a time."""

    def __init__(self, client: PixxelClient, stages: Sequence[Stage], priced: Sequence[Stage]) -> None:
        self._client = client
        self._priced = priced
        self._needed = [
            stage for stage in stages if any(stage.name in each.price.needs for each in priced if each.price)
        ]
        self._same: dict[tuple[str, str], asyncio.Task[float]] = {}
        self.tokens = 0.0
        self.faults: list[str] = []
        self.no_image: list[str] = []

    async def all(self, rows: Iterator[Work]) -> int:
        """Request the prices of all rows; return the number of rows."""
        if not self._priced:
            return sum(1 for _ in rows)
        count = 0

        async def some() -> None:
            nonlocal count
            for work in rows:
                count += 1
                await self._row(work)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_A_TIME):
                group.create_task(some())
        return count

    async def _row(self, work: Work) -> None:
        try:
            facts: dict[str, Facts] = {}
            for stage in self._needed:
                facts[stage.name] = await stage.do(self._client, attrs.evolve(work, facts=facts))
            for stage in self._priced:
                price = await self._price(stage, attrs.evolve(work, facts=facts))
                self.tokens += price  # after the await: concurrent tasks add to the sum, too
        except PixxelError as error:
            found = self.no_image if isinstance(error, NoImage) else self.faults
            if len(found) < _SHOWN:
                found.append(f"row {work.row} ({work.name}): {error}")

    async def _price(self, stage: Stage, work: Work) -> float:
        price = stage.price
        assert price is not None
        if price.same_for is None:
            return await price.ask(self._client, work)
        key = stage.name, price.same_for(work)
        if key not in self._same:
            self._same[key] = asyncio.ensure_future(price.ask(self._client, work))
        return await asyncio.shield(self._same[key])
