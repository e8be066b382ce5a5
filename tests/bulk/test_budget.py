"""Which rows may be begun under a cap: the rule alone, at its limits, without a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from engines import stage

from pixxel_async.bulk._execution.budget import PATIENCE, Budget
from pixxel_async.bulk._journal.records import CapReached, Tokens
from pixxel_async.bulk._recipe.stages import Price, Stage, Work

INSIGHT = stage("insight", price=24.0)
ORDER = stage("order", price=10.0)


class Account:
    """The part of a journal that a budget reads."""

    def __init__(self, cap: float | None, spent: float = 0.0, reserved: float = 0.0, **lowest: float) -> None:
        self.account = Tokens(spent=spent, reserved=reserved, cap=cap)
        self.lowest = lowest
        self.reads = 0

    def tokens(self) -> Tokens:
        return self.account

    def lowest_costs(self) -> dict[str, float]:
        self.reads += 1
        return dict(self.lowest)


def budget(account: Account, *stages: Stage) -> Budget:
    return Budget(None, account, stages or (INSIGHT,))  # type: ignore[arg-type]


def work(row: int, **facts: Any) -> Work:
    return Work(row=row, name=f"f{row}", geometry={}, properties={}, folder=Path(), facts=facts)


async def is_admitted(subject: Budget, row: int) -> bool | type[CapReached]:
    """Whether a row is admitted at once; CapReached where it is refused."""
    task = asyncio.create_task(subject.admit(work(row)))
    for _ in range(200):
        await asyncio.sleep(0)
        if task.done():
            break
        await asyncio.to_thread(int)  # what reads the account
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return False
    return True if task.exception() is None else type(task.exception())  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (Account(24.0, insight=24.0), True),
        (Account(23.999999, insight=24.0), CapReached),
        (Account(30.0, spent=6.0, insight=24.0), True),
        (Account(30.0, spent=6.1, insight=24.0), CapReached),
        (Account(30.0, reserved=6.0, insight=24.0), True),
        (Account(30.0, spent=3.0, reserved=3.1, insight=24.0), CapReached),
        (Account(0.3, spent=0.1, reserved=0.1, insight=0.1), True),  # sums of fractions are not exact
        (Account(0.0, insight=24.0), CapReached),
        (Account(0.000001), True),  # nothing is known: it is begun, and learns it
        (Account(0.0), CapReached),
        (Account(5.0, spent=5.0), CapReached),
        (Account(5.0, spent=6.0), CapReached),  # the cap was lowered
        (Account(None, spent=1e9, insight=24.0), True),
        (Account(24.0, other=1.0), True),
    ],
)
async def test_z4_a_row_is_begun_only_if_its_cheapest_charge_fits(account: Account, expected: Any) -> None:
    assert expected == await is_admitted(budget(account), 1)


async def test_z4_a_refusal_states_the_numbers() -> None:
    with pytest.raises(
        CapReached, match=r"needs 24 tokens at least, and of the 30 .* 5 are spent and 3 reserved"
    ) as known:
        await budget(Account(30.0, spent=5.0, reserved=3.0, insight=24.0)).admit(work(1))
    error = known.value
    assert (24.0, 5.0, 3.0, 30.0) == (error.needed, error.spent, error.reserved, error.cap)
    with pytest.raises(CapReached, match="its price is not known") as unknown:
        await budget(Account(30.0, spent=30.0)).admit(work(1))
    assert 0.0 == unknown.value.needed


async def test_z4_rows_that_are_admitted_count_until_they_leave() -> None:
    """Of three that are begun at once two fit; the third waits for one that ends."""
    subject = budget(Account(50.0, insight=24.0))
    assert [True, True, False] == [await is_admitted(subject, row) for row in (1, 2, 3)]
    waiting = asyncio.create_task(subject.admit(work(3)))
    await asyncio.sleep(0)
    await subject.leave(7)  # that was never admitted
    await subject.leave(1)
    await waiting
    assert [False] == [await is_admitted(subject, 4)]


async def test_z4_sums_of_what_is_admitted_may_fit_exactly() -> None:
    subject = budget(Account(0.3, insight=0.1))
    assert [True, True, True, False] == [await is_admitted(subject, row) for row in (1, 2, 3, 4)]


async def test_z4_one_row_learns_the_price_for_all() -> None:
    """Then that row counts with it as well."""
    subject = budget(Account(50.0))
    assert [True, False] == [await is_admitted(subject, row) for row in (1, 2)]
    waiting = asyncio.create_task(subject.admit(work(2)))
    await asyncio.sleep(0)
    await subject.learn("insight", 24.0)
    await waiting
    assert not await is_admitted(subject, 3)


async def test_z4_a_refusal_is_met_by_those_who_wait_at_once() -> None:
    """The first row's price did not fit, so no other is begun to learn it."""
    subject = budget(Account(50.0))
    await subject.admit(work(1))
    waiting = asyncio.create_task(subject.admit(work(2)))
    while not subject._changed._waiters:  # type: ignore[attr-defined]  # noqa: ASYNC110
        await asyncio.sleep(0)
    await subject.refuse("insight", 60.0)
    with pytest.raises(CapReached, match="it needs 60 tokens at least"):
        await waiting


async def test_z4_a_price_that_is_not_learned_is_waited_for_so_long(leap: Callable[[float], None]) -> None:
    subject = budget(Account(50.0))
    await subject.admit(work(1))
    waiting = asyncio.create_task(subject.admit(work(2)))
    while not subject._changed._waiters:  # type: ignore[attr-defined]  # noqa: ASYNC110
        await asyncio.sleep(0)
    leap(PATIENCE - 1.0)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    leap(1.0)
    await waiting


async def test_z4_with_a_known_price_there_is_no_end_to_the_wait(leap: Callable[[float], None]) -> None:
    subject = budget(Account(30.0, insight=24.0))
    await subject.admit(work(1))
    waiting = asyncio.create_task(subject.admit(work(2)))
    for _ in range(3):
        while not subject._changed._waiters:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0)
        leap(PATIENCE + 1.0)
        await asyncio.sleep(0.01)
    assert not waiting.done()
    await subject.leave(1)
    await waiting


async def test_z4_the_lowest_price_since_the_last_refusal_counts() -> None:
    """And of several charges of a row the cheapest."""
    account = Account(30.0)
    subject = budget(account, INSIGHT, ORDER)
    for price in (25.0, 20.0, 28.0):
        await subject.learn("insight", price)
    account.account = Tokens(spent=10.0, reserved=0.0, cap=30.0)
    assert await is_admitted(subject, 1)
    await subject.leave(1)
    account.account = Tokens(spent=10.1, reserved=0.0, cap=30.0)
    assert CapReached is await is_admitted(subject, 2)
    await subject.learn("order", 19.0)
    assert await is_admitted(subject, 3)
    await subject.leave(3)
    await subject.refuse("order", 60.0)
    assert CapReached is await is_admitted(subject, 4)
    await subject.refuse("insight", 15.0)
    assert await is_admitted(subject, 5)


async def test_z4_what_earlier_sessions_paid_is_read_once_and_what_was_asked_since_wins() -> None:
    account = Account(30.0, insight=24.0)
    subject = budget(account)
    await subject.learn("insight", 31.0)
    assert CapReached is await is_admitted(subject, 1)
    assert CapReached is await is_admitted(subject, 1)
    assert 1 == account.reads


@pytest.mark.parametrize("account", [Account(None), Account(10.0)])
async def test_z4_without_a_cap_or_a_charge_nothing_is_read(account: Account) -> None:
    subject = Budget(None, account, [stage("aoi")]) if account.account.cap else budget(account)  # type: ignore[arg-type]
    await subject.admit(work(1))
    assert (0, {}) == (account.reads, subject._admitted)


async def test_z4_prices_that_are_the_same_for_rows_are_asked_for_once() -> None:
    """As soon as the facts that the question needs are there; after a refusal they are asked for again."""
    asked: list[int] = []

    async def ask(client: Any, work: Work) -> float:
        asked.append(work.row)
        return 24.0 if len(asked) < 3 else 90.0

    price = Price(ask, needs=("images",), same_for=lambda work: str(work.facts["images"]))
    subject = budget(Account(50.0), attrs.evolve(INSIGHT, price=price))
    await subject.admit(work(1))  # without images: nothing can be asked
    assert [] == asked
    await subject.learn("insight", 24.0)
    await subject.leave(1)
    for row, images in ((2, "a"), (3, "a"), (4, "b"), (5, "b")):
        await subject.admit(work(row, images=images))
        await subject.leave(row)
    assert [2, 4] == asked
    await subject.refuse("insight", 24.0)
    with pytest.raises(CapReached):
        await subject.admit(work(6, images="a"))
    assert [2, 4, 6] == asked
    await subject.refuse("another", 1.0)
    with pytest.raises(CapReached):
        await subject.admit(work(7, images="a"))
    assert [2, 4, 6] == asked


async def test_z4_an_admission_that_is_cancelled_holds_nobody_up() -> None:
    subject = budget(Account(30.0, insight=24.0))
    assert [True, False, False] == [await is_admitted(subject, row) for row in (1, 2, 3)]
    await subject.leave(1)
    assert await is_admitted(subject, 4)
