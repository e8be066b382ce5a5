"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from pixxel_async.bulk import Plan, Progress, State, Tokens


def rows(count: int) -> str:
    """For example `1 row`, `2,500 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def counts(tally: Mapping[State, int]) -> str:
    """For example `12 done, 1 failed`."""
    return ", ".join(f"{tally[state]:,} {state}" for state in State if tally.get(state)) or "no row"


def amount(tokens: float) -> str:
    """For example `1,250`, `0.5`."""
    return f"{tokens:,.6f}".rstrip("0").rstrip(".")


def tokens(account: Tokens) -> str:
    """For example `24 of 50 tokens`; empty while nothing is spent and no cap is set."""
    if account.cap is not None:
        return f"{amount(account.spent)} of {amount(account.cap)} tokens"
    return f"{amount(account.spent)} tokens" if account.spent else ""


def span(seconds: float) -> str:
    """For example `2.5 s`, `40 s`, `12 min`, `3 h 10 min`, `2 d 3 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def pace(progress: Progress) -> str:
    """Requests, tokens and time left of a run that is going on."""
    left = progress.seconds_left
    parts = [
        f"{progress.requests_per_second:.1f} requests/s",
        tokens(progress.tokens),
        "" if left is None or left < 1 else f"about {span(left)} left",
    ]
    return ", ".join(filter(None, parts))


def plan_lines(plan: Plan, cap: float | None) -> list[str]:
    """A plan, a line for each fact."""
    price = amount(plan.tokens) + (" and more" if plan.unpriced else "")
    lines = [
        f"rows       {plan.rows:,}",
        f"creates    {plan.creates:,} things in the account",
        f"requests   {plan.requests:,} at least, and repeated looks at what takes long",
        f"tokens     {price}" + ("" if cap is None else f", of {amount(cap)} allowed"),
    ]
    lines += [
        f"unpriced   {step}: its price is told on the way; none is made above --max-tokens"
        for step in plan.unpriced
    ]
    return [*lines, *(f"would fail {fault}" for fault in plan.faults)]
