"""Signals from the begin of a session to its last line, raised where they are hardest to handle."""

from __future__ import annotations

import asyncio
import signal

import pytest

from pixxel_async.cli._stop import Stop


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_p10_what_cleans_up_after_an_interrupted_report_is_not_interrupted_again() -> None:
    stop, cleaned = Stop(), []

    def report() -> None:
        try:
            ctrl_c()
        finally:
            ctrl_c()
            cleaned.append("temporary files")

    with stop.handling():
        stop.ignore()
        with pytest.raises(KeyboardInterrupt), stop.interrupting():
            report()
        ctrl_c()  # in the summary
    assert (["temporary files"], 130) == (cleaned, stop.exit_code)


def test_p10_a_signal_between_run_and_report_leaves_the_report_out() -> None:
    stop = Stop()
    with stop.handling():
        stop.ignore()
        ctrl_c()
        with pytest.raises(KeyboardInterrupt), stop.interrupting():
            pytest.fail("the report would be written")


def test_p3_in_the_loop_the_first_drains_the_second_cancels_and_a_third_interrupts() -> None:
    stop, seen = Stop(), []

    async def work() -> None:
        with stop.stopping():
            stop.drain = lambda: seen.append("drained")
            ctrl_c()
            await asyncio.sleep(0)
            try:
                ctrl_c()
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                seen.append("cancelled")
            ctrl_c()

    with stop.handling(), pytest.raises(KeyboardInterrupt):
        asyncio.run(work())
    assert ["drained", "cancelled"] == seen


def test_p10_the_handlers_of_before_are_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Stop().handling():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
