"""Texts of the terminal: counts, amounts, durations, and a run's status and plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pixxel_async.bulk import Plan, Progress, State, Status, Tokens

_MOST_SPLIT = 10
"""Features that a plan names as split."""
MAY_BE_OLDER = (
    "the journal may be out of date (a restored copy, or another machine): the run searches for each create that the "
    "journal lacks before it sends it, and holds jobs"
)

FINISHED = "the run is finished: nothing to do, no request sent"


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
    """Requests per second, tokens and time left of a run in progress."""
    left = progress.seconds_left
    parts = [
        f"{progress.requests_per_second:.1f} requests/s",
        tokens(progress.tokens),
        "" if left is None or left < 1 else f"about {span(left)} left",
    ]
    return ", ".join(filter(None, parts))


def run_of(status: Status) -> str:
    """For example `run 1d26ad of fields.geojson, begun 2026-10-07 14:02 UTC`."""
    return f"run {status.run_id} of {status.input_name}, begun {status.started:%Y-%m-%d %H:%M} UTC"


def report(files: Mapping[str, Path]) -> str:
    """For example `report: out/report.csv, report.json`."""
    first, *others = files.values()
    return "report: " + ", ".join([str(first), *(path.name for path in others)])


def features(rows: int, features: int) -> str:
    """For example ` from 3 features`; empty where each row is a feature."""
    if features == rows:
        return ""
    return " from 1 feature" if features == 1 else f" from {features:,} features"


def status_lines(status: Status) -> list[str]:
    """The status of a run, a line for each fact."""
    account = status.tokens
    reserved = f", {amount(account.reserved)} reserved" if account.reserved else ""
    cap = "any number allowed" if account.cap is None else f"{amount(account.cap)} allowed"
    worker = status.worker
    return [
        run_of(status),
        f"rows       {_rows_of(status)}",
        f"tokens     {amount(account.spent)} spent{reserved}, {cap}",
        "worked on  " + ("by no process" if worker is None else f"by process {worker.pid} on {worker.host}"),
        *(
            f"held       row {held.row} ({held.name}), {held.step}, since {held.since:%Y-%m-%d %H:%M} UTC: {held.what}"
            for held in status.held
        ),
    ]


def _rows_of(status: Status) -> str:
    if status.unfilled is not None:
        return f"{status.total:,} so far, not all"
    return f"{status.total:,}{features(status.total, status.features)}: {counts(status.rows)}"


def held_lines(status: Status) -> list[str]:
    """The facts of each held create."""
    if not status.held:
        return ["held       nothing"]
    lines = []
    for held in status.held:
        sent = "at a time that is not recorded" if held.sent is None else f"{held.sent:%Y-%m-%d %H:%M:%S} UTC"
        reserved = f", {amount(held.tokens)} tokens reserved" if held.tokens else ""
        lines += [
            f"row {held.row} ({held.name}): {held.step}, sent {sent}{reserved}",
            f"  why      {held.what}",
            f"  searched {held.sought or 'not recorded'}",
        ]
    return lines


def plan_lines(plan: Plan, cap: float | None) -> list[str]:
    """A plan, a line for each fact."""
    price = amount(plan.tokens) + (" and more" if plan.unpriced else "")
    lines = [
        f"rows       {plan.rows:,}{features(plan.rows, plan.features)}",
        *(f"split      {each}" for each in plan.split[:_MOST_SPLIT]),
        *(["split      and more; report.csv has it for each row"] if len(plan.split) > _MOST_SPLIT else []),
        f"creates    {plan.creates:,} resources in the account",
        f"requests   {plan.requests:,} at least, plus repeated polls",
        f"tokens     {price}" + ("" if cap is None else f", of {amount(cap)} allowed"),
    ]
    lines += [
        f"unpriced   {step}: its price is known during the run; nothing is created above --max-tokens"
        for step in plan.unpriced
    ]
    return [
        *lines,
        *(f"no image   {row}" for row in plan.no_image),
        *(f"would fail {fault}" for fault in plan.faults),
    ]
