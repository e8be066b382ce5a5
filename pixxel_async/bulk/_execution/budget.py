"""Admission of rows under a cap. An AOI cannot be deleted, so a row starts only if its charge fits the cap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import CapReached, Tokens
from pixxel_async.bulk._recipe.stages import Price, Stage, Work
from pixxel_async.client import PixxelClient

PATIENCE = 60.0
"""Seconds after which a row stops waiting for the first row to learn a price."""
_ROUNDING = 1e-9


class Budget:
    """Admits a row if its lowest known charge fits the cap, together with those of all admitted rows.

    While no price is known, it admits one row at a time, which learns the price.

    Args:
        client: Requests the prices.
        journal: Holds the account.
        stages: The stages of each row.
    """

    def __init__(self, client: PixxelClient, journal: Journal, stages: Sequence[Stage]) -> None:
        self._client = client
        self._journal = journal
        self._billable = [stage for stage in stages if stage.price is not None]
        self._lowest: dict[str, float] = {}
        """By stage, the lowest price requested since one was refused."""
        self._has_read = False
        self._same: dict[tuple[str, str], float] = {}
        self._admitted: dict[int, float | None] = {}
        """By row, its minimum charge; None if not known. A row leaves when its charge is reserved, or it ends."""
        self._changed = asyncio.Condition()

    async def admit(self, work: Work) -> None:
        """Wait until a row may start.

        Raises:
            CapReached: Its lowest known charge does not fit the cap, or no tokens are left.
        """
        if not self._billable or (await self._account()).cap is None:
            return
        async with self._changed:
            if not self._has_read:
                self._lowest = await asyncio.to_thread(self._journal.lowest_costs) | self._lowest
                self._has_read = True
            while True:
                price = await self._cheapest(work)
                if self._may_begin(price, await self._account()):
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        await self._changed.wait()
                        continue
                if price is None:
                    break
            self._admitted[work.row] = price

    def _may_begin(self, price: float | None, account: Tokens) -> bool:
        """Whether the row may start now; False if it has to wait."""
        assert account.cap is not None
        left = account.cap - account.spent - account.reserved + _ROUNDING
        if left < (price or 0.0) or (price is None and left <= 2 * _ROUNDING):
            known = "its price is not known" if price is None else f"it needs {price:g} tokens at least"
            raise CapReached(
                f"not started: {known}, and of the {account.cap:g} that the run may spend {account.spent:g} are spent and "
                f"{account.reserved:g} reserved: raise the cap",
                needed=price or 0.0,
                spent=account.spent,
                reserved=account.reserved,
                cap=account.cap,
            )
        if price is None:
            return None not in self._admitted.values()
        return price + sum(each or 0.0 for each in self._admitted.values()) <= left

    async def _account(self) -> Tokens:
        return await asyncio.to_thread(self._journal.tokens)

    async def _cheapest(self, work: Work) -> float | None:
        """The lowest known price of the row's charges: from the API if available, else from earlier rows."""
        prices = [await self._price(stage, stage.price, work) for stage in self._billable if stage.price]
        return min((price for price in prices if price is not None), default=None)

    async def _price(self, stage: Stage, price: Price, work: Work) -> float | None:
        if not work.facts.keys() >= set(price.needs) or price.same_for is None:
            return self._lowest.get(stage.name)
        key = stage.name, price.same_for(work)
        if key not in self._same:
            self._same[key] = await price.ask(self._client, work)
        return self._same[key]

    # All changes take the lock: an admission compares values that it has read before.

    async def learn(self, step: str, price: float) -> None:
        """Keep a price from the API."""
        async with self._changed:
            known = self._lowest
            self._lowest = {**known, step: min(price, known.get(step, price))}
            self._admitted = {row: price if need is None else need for row, need in self._admitted.items()}
            self._changed.notify_all()

    async def refuse(self, step: str, price: float) -> None:
        """Keep a price that did not fit, and drop earlier ones, which may be out of date."""
        async with self._changed:
            self._lowest = {**self._lowest, step: price}
            self._same = {key: each for key, each in self._same.items() if key[0] != step}
            self._changed.notify_all()

    async def leave(self, row: int) -> None:
        """Remove a row whose charge is reserved, or that has ended."""
        if row in self._admitted:
            async with self._changed:
                del self._admitted[row]
                self._changed.notify_all()
