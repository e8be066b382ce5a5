"""What may be sent again, when, and what it costs."""

from __future__ import annotations

import random
from math import inf
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.messages import ExchangeFailed, Trouble
from pixxel_async._http.operation import RequestClass
from pixxel_async._http.retry import (
    CLEAN_SUCCESS,
    Retries,
    RetryBudget,
    RetryPolicy,
    Verdict,
    judge_body,
    judge_failure,
    judge_status,
)
from pixxel_async.errors import ConfigurationError
from pixxel_async.testing import VirtualClock

CLASSES: tuple[RequestClass, ...] = get_args(RequestClass)
AGAIN = Verdict(most=inf)
FAR = 1e9


def word(verdict: Verdict) -> str:
    """The vocabulary of the table: what a call of that class does next."""
    if verdict.is_unknown:
        return ("accepted" if verdict.is_accepted else "unknown") + (" twice" if verdict.most == 2 else "")
    return {1: "error", 2: "twice", inf: "again"}[verdict.most]


#                     read     idempotent  create      repeatable
ROWS = {
    "not sent": ("again", "again", "again", "again"),
    "certificate": ("error", "error", "error", "error"),
    "lost": ("again", "again", "unknown", "unknown twice"),
    "no HTTP": ("twice", "twice", "unknown", "unknown twice"),
    "bad body": ("twice", "twice", "accepted", "accepted twice"),
    "too large": ("error", "error", "accepted", "accepted"),
    "redirect": ("error", "error", "unknown", "unknown"),
    "rejected": ("error", "error", "error", "error"),
    "overload": ("again", "again", "again", "again"),
    "broken": ("again", "again", "unknown", "unknown twice"),
    "odd success": ("error", "error", "accepted", "accepted"),
}
STATUSES = {
    "rejected": (400, 401, 402, 403, 404, 405, 409, 410, 413, 414, 415, 422, 501, 505, 511),
    "overload": (425, 429),
    "broken": (408, 500, 502, 503, 504, 520, 527, 599),
    "redirect": (301, 302, 303, 304, 307, 308, 600, 999),
    "odd success": (203, 206, 299),
}
FAILURES = {
    "not sent": [
        (trouble, "connect", False)
        for trouble in (Trouble.CONNECT, Trouble.PROXY, Trouble.LOST, Trouble.TIMEOUT)
    ],
    "certificate": [
        (trouble, "connect", False) for trouble in (Trouble.CERTIFICATE, Trouble.TLS, Trouble.PROXY_AUTH)
    ],
    "lost": [(trouble, "sent", True) for trouble in (Trouble.LOST, Trouble.TIMEOUT)],
    "no HTTP": [(Trouble.HEAD, "sent", True)],
    "bad body": [(trouble, "body", True) for trouble in (Trouble.CUT, Trouble.GARBLED)],
    "too large": [(Trouble.TOO_LARGE, "body", True)],
}


@pytest.mark.parametrize(
    ("row", "status"), [(row, status) for row, statuses in STATUSES.items() for status in statuses]
)
def test_d12_the_table_of_statuses(row: str, status: int) -> None:
    assert ROWS[row] == tuple(word(judge_status(kind, status)) for kind in CLASSES)


@pytest.mark.parametrize(
    ("row", "failure"), [(row, failure) for row, failures in FAILURES.items() for failure in failures]
)
def test_the_table_of_failures(row: str, failure: tuple[Trouble, str, bool]) -> None:
    trouble, phase, sent = failure
    outcome = ExchangeFailed(trouble, phase, "", sent=sent)
    assert ROWS[row] == tuple(word(judge_failure(kind, outcome)) for kind in CLASSES)


def test_the_table_of_bodies() -> None:
    assert ROWS["bad body"] == tuple(word(judge_body(kind)) for kind in CLASSES)


def test_a4_a_name_that_does_not_resolve_is_looked_up_twice() -> None:
    unresolved = ExchangeFailed(Trouble.DNS, "connect", "", sent=False)
    assert ["twice"] * 4 == [word(judge_failure(kind, unresolved)) for kind in CLASSES]


@given(
    status=st.integers(100, 999),
    phase=st.sampled_from(["connect", "sent", "body"]),
    trouble=st.sampled_from(Trouble),
)
def test_a_create_is_resent_only_when_it_was_not_executed(status: int, phase: str, trouble: Trouble) -> None:
    """Whatever happens: a create that may have been executed has one sending."""
    assert judge_status("create", status).most == 1 or status in (425, 429)
    assert judge_failure("create", ExchangeFailed(trouble, phase, "", sent=True)).most == 1


# --- waits ---


def waits(
    policy: RetryPolicy,
    *steps: tuple[Verdict, float | None],
    deadline: float = FAR,
    kind: RequestClass = "read",
) -> Any:
    """The waits of one call, and why it ended."""
    clock = VirtualClock()
    retries = Retries(kind, policy, RetryBudget(clock), deadline)
    found = [
        retries.next_wait(verdict, sendings=number, retry_after=asked, now=0.0)
        for number, (verdict, asked) in enumerate(steps, start=1)
    ]
    return found, retries.refusal


def at_most(seconds: float) -> float:
    """Jitter that draws the longest wait."""
    return seconds


def test_waits_double_up_to_the_cap_and_attempts_have_an_end() -> None:
    policy = RetryPolicy(attempts=9, base=0.5, cap=20, jitter=at_most)
    assert ([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20, 20, None], None) == waits(policy, *[(AGAIN, None)] * 9)


def test_an_overloaded_server_gets_twice_the_time() -> None:
    policy = RetryPolicy(jitter=at_most)
    assert ([1.0, 2.0, 4.0, 8.0, None], None) == waits(policy, *[(judge_status("read", 503), None)] * 5)


def test_a_wait_is_drawn_from_its_whole_range() -> None:
    """backoff.full_jitter, unless told otherwise."""
    drawn = [waits(RetryPolicy(), (AGAIN, None))[0][0] for _ in range(500)]
    assert 0 <= min(drawn) < 0.05
    assert 0.45 < max(drawn) <= 0.5


def test_each_class_has_its_number_of_attempts() -> None:
    def sendings(kind: RequestClass) -> int:
        found, _ = waits(RetryPolicy(jitter=at_most), *[(AGAIN, None)] * 5, kind=kind)
        return int(found.index(None)) + 1

    assert {"read": 5, "idempotent": 4, "create": 5, "repeatable": 5} == {
        kind: sendings(kind) for kind in CLASSES
    }
    assert ([None], None) == waits(RetryPolicy.none(), (AGAIN, None))


def test_a_doubtful_outcome_counts_by_itself() -> None:
    """Three overloads before it do not take the second look away from a broken answer."""
    policy = RetryPolicy(jitter=lambda _: 0.0)
    doubtful = judge_body("read")
    assert ([0.0, 0.0, 0.0, None], None) == waits(
        policy, (AGAIN, None), (AGAIN, None), (doubtful, None), (doubtful, None)
    )


@given(asked=st.floats(0, 100), draw=st.floats(0, 1))
def test_the_server_is_never_asked_earlier_than_it_said(asked: float, draw: float) -> None:
    policy = RetryPolicy(jitter=lambda ceiling: draw * ceiling)
    (wait,), _ = waits(policy, (AGAIN, asked))
    assert asked <= wait <= asked + 1.1


def test_a_call_gives_up_at_once_when_waiting_is_no_use() -> None:
    policy = RetryPolicy(jitter=at_most, retry_after_cap=120)
    assert ([None], "the server asks to wait 300 s, longer than retry_after_cap allows") == waits(
        policy, (AGAIN, 300.0)
    )
    assert ([None], "the next attempt would begin in 8.9 s, after the call's deadline") == waits(
        policy, (AGAIN, 8.0), deadline=5.0
    )


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"attempts": True},
        {"base": -1},
        {"cap": inf},
        {"retry_after_cap": "1"},
    ],
)
def test_a_policy_without_bounds_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"RetryPolicy.{next(iter(options))} must be"):
        RetryPolicy(**options)


# --- budget ---


def test_a_resending_costs_by_what_went_wrong() -> None:
    def cost(*steps: tuple[Verdict, float | None]) -> float:
        clock = VirtualClock()
        budget = RetryBudget(clock)
        retries = Retries("read", RetryPolicy(jitter=lambda _: 0.0), budget, FAR)
        for number, (verdict, asked) in enumerate(steps, start=1):
            retries.next_wait(verdict, sendings=number, retry_after=asked, now=0.0)
        assert 200 - retries.spent == budget.level
        return retries.spent

    unsent = judge_failure("read", ExchangeFailed(Trouble.CONNECT, "connect", "", sent=False))
    assert 2 == cost((AGAIN, None))
    assert 1 == cost((judge_status("read", 429), 1.0))
    assert 1 == cost((judge_status("read", 503), 1.0))
    assert 2 == cost((judge_status("read", 503), None))
    assert 2 == cost((unsent, None), (unsent, None), (unsent, None))


def test_an_empty_budget_ends_a_call_and_time_fills_it() -> None:
    clock = VirtualClock()
    budget = RetryBudget(clock, most=3, per_second=2)
    assert [True, False] == [budget.take(2), budget.take(2)]
    retries = Retries("read", RetryPolicy(jitter=lambda _: 0.0), budget, FAR)
    assert retries.next_wait(AGAIN, sendings=1, retry_after=None, now=0.0) is None
    assert "the retry budget of the client is spent: too many calls fail" == retries.refusal
    clock.advance(0.5)
    assert budget.take(2)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "give", "time"]), st.floats(0, 1000, allow_nan=False)), max_size=50
    )
)
def test_the_budget_stays_between_nothing_and_its_most(steps: list[tuple[str, float]]) -> None:
    clock = VirtualClock()
    budget = RetryBudget(clock)
    for what, amount in steps:
        {"take": budget.take, "give": budget.give, "time": clock.advance}[what](amount)
        assert 0 <= budget.level <= 200


def test_an_outage_is_not_met_with_a_multiple_of_the_traffic() -> None:
    """1,000 calls within 10 seconds, all of which fail: at most 1.2 times as many sendings."""
    clock = VirtualClock()
    budget = RetryBudget(clock)
    chance = random.Random(1)
    sendings = 0
    for _ in range(1000):
        clock.advance(0.01)
        retries = Retries("read", RetryPolicy(jitter=lambda ceiling: chance.uniform(0, ceiling)), budget, FAR)
        number = 1
        while retries.next_wait(AGAIN, sendings=number, retry_after=None, now=clock.monotonic()) is not None:
            number += 1
        sendings += number
    assert sendings <= 1200


def test_a_clean_success_returns_a_little() -> None:
    budget = RetryBudget(VirtualClock(), most=200, per_second=0)
    budget.take(2)
    for _ in range(10):
        budget.give(CLEAN_SUCCESS)
    assert 199.0 == pytest.approx(budget.level)
