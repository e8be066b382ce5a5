"""What a run would do and cost, before anything is made: counted, and asked of the API where it tells prices."""

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
    """What a run would do. Nothing of it was done."""

    rows: int
    features: int
    """How many features of the input the rows are: fewer than rows where a recipe makes an AOI of each polygon."""
    split: tuple[str, ...]
    """Which features became several rows: `twins: rows 1-2 (twins-1 to twins-2)`; the first hundred."""
    creates: int
    """Things that would be made in the account."""
    requests: int
    """How many requests it takes at least; repeated looks at what takes long come on top."""
    tokens: float
    """What the API says that it costs, as far as it can say now."""
    unpriced: tuple[str, ...]
    """Steps whose price the API tells only on the way, since it needs what an earlier step makes."""
    faults: tuple[str, ...]
    """Rows that would fail already, and why; of many the first hundred."""
    no_image: tuple[str, ...] = ()
    """Rows without an image in the dates, for which nothing would be made; of many the first hundred."""


async def estimate(
    client: PixxelClient,
    stages: Sequence[Stage],
    rows: Iterable[Work],
    *,
    features: int,
    split: tuple[str, ...],
) -> Plan:
    """Count, and ask for every price that can be told before anything is made. Charges nothing.

    A price that each row has for itself takes the looks that it needs and one request for each row. `features` and `split`
    are what is known of the input.
    """
    creating = {stage.name for stage in stages if stage.kind is Kind.CREATE}
    told = [stage for stage in stages if stage.price and not _waits_for(stage, stages, creating)]
    asking = _Asking(client, stages, told)
    count = await asking.all(iter(rows))
    return Plan(
        rows=count,
        features=features,
        split=split,
        creates=count * len(creating),
        requests=count * sum(stage.requests for stage in stages),
        tokens=asking.tokens,
        unpriced=tuple(stage.name for stage in stages if stage.price and stage not in told),
        faults=tuple(asking.faults),
        no_image=tuple(asking.no_image),
    )


def _waits_for(stage: Stage, stages: Sequence[Stage], creating: set[str]) -> bool:
    """Whether its price needs what an earlier create makes."""
    assert stage.price is not None
    first = min((at for at, each in enumerate(stages) if each.name in creating), default=len(stages))
    before = {each.name for each in stages[:first]}
    return not before.issuperset(stage.price.needs)


class _Asking:
    """The prices of all rows, some rows at a time."""

    def __init__(self, client: PixxelClient, stages: Sequence[Stage], told: Sequence[Stage]) -> None:
        self._client = client
        self._told = told
        self._needed = [
            stage for stage in stages if any(stage.name in each.price.needs for each in told if each.price)
        ]
        self._same: dict[tuple[str, str], asyncio.Task[float]] = {}
        self.tokens = 0.0
        self.faults: list[str] = []
        self.no_image: list[str] = []

    async def all(self, rows: Iterator[Work]) -> int:
        """Ask for all rows; how many there are."""
        if not self._told:
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
            for stage in self._told:
                price = await self._price(stage, attrs.evolve(work, facts=facts))
                self.tokens += price  # not before the await: others add meanwhile
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
