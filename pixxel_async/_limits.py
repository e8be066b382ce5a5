"""How much is sent at once, and when nothing is: lanes that find out what the server takes, and two breakers.

A `Lane` holds the calls of one kind back, a `Breaker` all calls to a service that is down, a `TokenGate` those with a
token that was refused again and again. None has a task of its own: who waits, or calls, does what is due.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf

from pixxel_async._clock import Clock
from pixxel_async._log_events import SERVICE_BACK, SERVICE_DOWN

_REDUCTION = 0.7
_LEAST_SUCCESSES = 20
"""Before a limit grows by one, however low it is: at a capacity of two, every third call would be refused otherwise."""
_PAUSE_CAP = 15 * 60.0
"""Most seconds for which a server's Retry-After shuts a lane."""
_FAILURES, _FAILING = 10, 3.0
"""Failures in a row, and the seconds that they must last at least, before a service counts as down."""
_FIRST_PROBE, _MOST_PROBE, _PROBE_SHARE = 5.0, 60.0, 1 / 8
_PROBE_JITTER = 0.1
_REFUSALS, _REFUSED = 3, 60.0
"""Final 401s in a row after which a token is not sent any more, and the seconds until it is tried once again."""


class LaneShut(Exception):
    """The lane opens too late for this call. Internal."""


class Turn:
    """A place in the queue of a lane; afterwards the slot."""

    __slots__ = ("_deadline", "_patience", "_woken", "is_in")

    def __init__(self, deadline: float, patience: float) -> None:
        self.is_in = False
        self._deadline = deadline
        self._patience = patience
        self._woken: asyncio.Future[bool] | None = None

    def is_late(self, now: float) -> bool:
        """Whether its deadline has passed."""
        return self._deadline < now

    def cannot_wait(self, until: float, now: float) -> bool:
        """Whether a pause of the lane is too long for it."""
        return until > now and (self._deadline < until or self._patience < until - now)

    def wake(self) -> None:
        """Let the one who waits look around."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(True)

    async def woken(self, clock: Clock) -> None:
        """Wait to be woken; raises TimeoutError when the deadline passes."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        left = self._deadline - clock.monotonic()
        timer = None if left == inf else loop.call_later(left, self._expire)
        try:
            if not await self._woken and not self.is_in:
                raise TimeoutError
        finally:
            self._woken = None
            if timer is not None:
                timer.cancel()

    def _expire(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(False)


class Lane:
    """The calls of one kind that may be under way at once: as many as the server takes.

    The limit begins low and doubles with each round trip, as a TCP connection does, until the first refusal. A
    refusal takes it down to 0.7 of what it was; then it grows by one after as many successes as it is high, and 20 at
    least. It only grows while at least half of it is used. Who finds no slot waits in line.

    A refusal counts for the limit once per round trip: what was sent before the limit came down says nothing about
    the new one. Where several follow each other without a success between them, the server was not too busy but out
    of service, and the limit doubles again up to where it was before.

    A server that asks for a pause shuts the lane. After it a single call goes first, and the others when it succeeded.
    """

    __slots__ = (
        "_clock", "_is_open", "_is_served", "_most", "_passed", "_probe", "_queue", "_reduced_at", "_steady",
        "inside", "limit", "opens_at",
    )  # fmt: skip

    def __init__(self, clock: Clock, *, start: int, most: int) -> None:
        self._clock = clock
        self._most = most
        self.limit = start
        """Slots there are."""
        self.inside = 0
        """Slots that are taken; more than there are, just after a refusal."""
        self.opens_at = 0.0
        """When the pause ends, or ended, that the server asked for."""
        self._is_open = True
        self._probe: Turn | None = None
        """Who went first after a pause."""
        self._queue: deque[Turn] = deque()
        self._steady = most
        """Limit up to which it doubles."""
        self._is_served = True
        """Whether there was a success since the limit came down."""
        self._passed = 0
        """Successes since the limit changed."""
        self._reduced_at = -inf

    def try_enter(self) -> bool:
        """Take a slot if one is free; nobody can be waiting then."""
        if self._is_open and self.inside < self.limit:
            self.inside += 1
            return True
        return False

    async def wait(self, deadline: float = inf, *, patience: float = inf) -> Turn:
        """Take a slot when it is our turn, by the deadline.

        Raises:
            LaneShut: the server asked for a pause that ends after the deadline, or is longer than `patience`.
            TimeoutError: the deadline passed in the queue.
        """
        turn = Turn(deadline, patience)
        self._queue.append(turn)
        try:
            while True:
                self._let_in()
                if turn.is_in:
                    break
                now = self._clock.monotonic()
                if turn.cannot_wait(self.opens_at, now):
                    raise LaneShut
                if self._queue[0] is turn and now < self.opens_at:
                    await self._clock.sleep(
                        self.opens_at - now
                    )  # the first in line watches the clock for all
                else:
                    await turn.woken(self._clock)
            if turn.is_late(self._clock.monotonic()):
                raise TimeoutError
        except BaseException:
            if turn.is_in:
                self.leave(turn)
            else:
                self._queue.remove(turn)
                self._wake_first()
            raise
        return turn

    def leave(self, slot: Turn | None) -> None:
        """Give a slot back; what came of the call says nothing about the load."""
        self.inside -= 1
        if slot is not None and slot is self._probe:
            self._probe = None  # the next one tries
        if self._queue:
            self._let_in()

    def succeed(self, slot: Turn | None, *, sent_at: float) -> None:
        """Give a slot back after a success."""
        if sent_at > self._reduced_at:
            self._is_served = True
            if self.limit < self._most and 2 * self.inside >= self.limit:
                self._grow()
        if slot is not None and slot is self._probe:
            self._is_open = True
        self.leave(slot)

    def refuse(self, slot: Turn | None, *, sent_at: float, pause: float | None) -> None:
        """Give a slot back after the server had too much to do, or asked for a pause."""
        now = self._clock.monotonic()
        if sent_at > self._reduced_at:
            self._reduced_at = now
            self._reduce()
        if pause:
            self._shut(now + min(pause, _PAUSE_CAP), now)
        self.leave(slot)

    def _grow(self) -> None:
        self._passed += 1
        if self.limit < self._steady or self._passed >= max(self.limit, _LEAST_SUCCESSES):
            self.limit += 1
            self._passed = 0

    def _reduce(self) -> None:
        self.limit = max(1, int(self.limit * _REDUCTION))
        self._passed = 0
        if self._is_served:
            self._steady = self.limit
        self._is_served = False

    def _shut(self, until: float, now: float) -> None:
        """Let nobody in until then, and tell those who cannot wait so long."""
        self._is_open = False
        self._probe = None
        self.opens_at = max(self.opens_at, until)
        for turn in self._queue:
            if turn.cannot_wait(self.opens_at, now):
                turn.wake()

    def _let_in(self) -> None:
        """Give free slots to the first in line."""
        while self._queue and self._has_room():
            turn = self._queue.popleft()
            turn.is_in = True
            self.inside += 1
            if not self._is_open:
                self._probe = turn
            turn.wake()
        self._wake_first()

    def _has_room(self) -> bool:
        return self.inside < self.limit and (
            self._is_open or (self._probe is None and self._clock.monotonic() >= self.opens_at)
        )

    def _wake_first(self) -> None:
        """While the lane is shut, somebody must watch the clock."""
        if self._queue and not self._is_open and self._probe is None:
            self._queue[0].wake()


class Breaker:
    """Notices that a service is down, and asks it now and then whether it is back.

    It opens after 10 failures in a row within at least 3 seconds. The first probe is due 5 seconds later, each further
    one after an eighth of the outage so far (5 s at least, 60 s at most, ±10 %): so its end is noticed within about
    an eighth of its length.
    """

    __slots__ = ("_began_at", "_clock", "failures", "is_open", "last", "probe_at", "probing", "since")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.failures = 0
        """Failures in a row."""
        self.is_open = False
        """Whether calls are held back."""
        self.since = clock.now()
        """Time of day of the first of the failures."""
        self.last = ""
        """What the last of them was, in a word."""
        self.probe_at = 0.0
        """When the next probe is due."""
        self.probing = asyncio.Lock()
        """Held while the service is asked."""
        self._began_at = 0.0

    def fail(self, what: str) -> None:
        """Count an attempt that the service failed."""
        now = self._clock.monotonic()
        if not self.failures:
            self._began_at, self.since = now, self._clock.now()
        self.failures += 1
        self.last = what
        if not self.is_open and self.failures >= _FAILURES and now - self._began_at >= _FAILING:
            self.is_open = True
            self._plan(_FIRST_PROBE)
            SERVICE_DOWN(failures=self.failures, last=what)

    def succeed(self) -> None:
        """The service answers."""
        if self.is_open:
            SERVICE_BACK(elapsed=self._clock.monotonic() - self._began_at)
        self.failures = 0
        self.is_open = False

    def put_off(self) -> None:
        """A probe failed: plan the next."""
        outage = self._clock.monotonic() - self._began_at
        self._plan(min(_MOST_PROBE, max(_FIRST_PROBE, outage * _PROBE_SHARE)))

    def _plan(self, seconds: float) -> None:
        jitter = self._clock.rng.uniform(1 - _PROBE_JITTER, 1 + _PROBE_JITTER)
        self.probe_at = self._clock.monotonic() + seconds * jitter


class TokenGate:
    """Keeps a token from being sent on and on that the API refuses: three times in a row, then once in 60 seconds."""

    __slots__ = ("_clock", "_generation", "_tried_at", "is_shut", "refusals")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._generation = 0
        self._tried_at = 0.0
        self.refusals = 0
        """Final 401s in a row."""
        self.is_shut = False
        """Whether calls are held back."""

    def refuse(self, generation: int) -> None:
        """Count a call that ended in 401, with the token of that generation."""
        if generation != self._generation:
            self.open()
            self._generation = generation
        self.refusals += 1
        self._tried_at = self._clock.monotonic()
        self.is_shut = self.refusals >= _REFUSALS

    def is_outdated(self, generation: int) -> bool:
        """Whether it was another token that was refused."""
        return generation != self._generation

    def may_try(self) -> bool:
        """Whether it is time to send the token once more; says so to one call only."""
        now = self._clock.monotonic()
        if now - self._tried_at < _REFUSED:
            return False
        self._tried_at = now
        return True

    def open(self) -> None:
        """Send all calls again: the API took a token, or there is a new one."""
        self.refusals = 0
        self.is_shut = False
