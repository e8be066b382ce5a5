"""The journal of a durable bulk run: what is about to be sent is on the disk before it is, and what came of it after.

    with Journal.create("out/run.journal", header) as journal:
        journal.add(entries)
        await journal.intend(row, "aoi", {"name": name}, reserve=2.0)
        aoi = await client.aois.create(name=name, ...)
        await journal.settle(row, "aoi", StepState.DONE, facts={"id": aoi.aoi_id})

A run that is killed anywhere, or loses its power, finds every create that it may have sent: an intent that is still
open may have happened, so it is looked for and never blindly sent again. One transaction holds the intents and
results of all that came while the one before it was written.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

from pixxel_async.bulk._journal import writes
from pixxel_async.bulk._journal.decisions import Decisions, check_decisions
from pixxel_async.bulk._journal.file import (
    Lock,
    check_content,
    check_header,
    check_place,
    journal_error,
    make_file,
    writing,
)
from pixxel_async.bulk._journal.page import Page
from pixxel_async.bulk._journal.records import OPEN, Entry, Header, JournalError, StepState
from pixxel_async.bulk._journal.schema import Row
from pixxel_async.bulk._journal.text import (
    LONGEST_TEXT,
    error_text,
    instant_text,
    json_text,
    safe_json,
    to_micro,
)
from pixxel_async.bulk._journal.unfilled import unfilled
from pixxel_async.bulk._journal.view import JournalView, open_view
from pixxel_async.bulk._journal.witness import Witness
from pixxel_async.bulk._journal.writer import Writer
from pixxel_async.bulk._state import State
from pixxel_async.errors import InvalidInput

BATCH = 1000
"""Rows that are added in one transaction."""
_PASSING = frozenset({State.WAITING, State.RUNNING})
"""Losing these to a power cut costs nothing: the steps tell as much."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal(JournalView):
    """The journal of one run, open for writing by this process alone.

    The methods that are no coroutines block: call them in a thread (`asyncio.to_thread`) while other work goes on. All
    that writes raises DiskFull when there is no room (nothing of the call is written then, and what was written
    before stands), and JournalError when the journal is closed or its disk fails.

    Text that looks like a credential, and the query of every URL, is taken out of intents, facts and errors.
    Intents are kept whole besides; texts in facts and errors are cut to 2 kB.
    """

    def __init__(self, path: Path, lock: Lock, now: Callable[[], datetime]) -> None:
        """Use `create` or `open`."""
        self._writer = Writer(partial(writing, path), partial(journal_error, path))
        try:
            super().__init__(path)
        except BaseException:
            self._writer.close()
            raise
        self._lock = lock
        self._now = now
        self._witness = Witness(self.header)
        self._announced = 0
        self.doubted: datetime | None = None
        """When the journal was last found to be one that may be older than what it describes: creates may exist that were
        announced before, and of which it knows nothing. None: never."""

    @classmethod
    def create(cls, path: str | Path, header: Header, *, now: Callable[[], datetime] = _utc_now) -> Self:
        """Begin a journal, without rows, in a folder that exists.

        Raises:
            JournalError: Its name is taken, or it would be on a network file system.
            JournalInUse: Another run is about to make it.
            DiskFull: There is no room.
        """
        path = Path(path)
        check_place(path)
        return cls._locked(path, partial(make_file, path, header), now, is_new=True)

    @classmethod
    def open(cls, path: str | Path, *, now: Callable[[], datetime] = _utc_now) -> Self:
        """Go on with a journal. All of it is read and checked first.

        Raises:
            JournalError: It is damaged, of a newer version, of another program, or on a network file system; it is
                left as it is.
            JournalInUse: Another run has it open; the message names its process and host.
        """
        path = Path(path)
        check_header(path)
        check_place(path)
        return cls._locked(path, partial(check_content, path), now)

    @classmethod
    def _locked(
        cls, path: Path, first: Callable[[], None], now: Callable[[], datetime], *, is_new: bool = False
    ) -> Self:
        lock = Lock(path)
        try:
            first()
            journal = cls(path, lock, now)
        except BaseException:
            lock.release()
            raise
        try:
            journal._begin_session(is_new=is_new)
        except BaseException:
            journal.close()
            raise
        return journal

    def _begin_session(self, *, is_new: bool) -> None:
        """Compare the journal with its witness, and give both a new mark: the journal first, so that a kill leaves a doubt."""
        mark, doubted, count = self._writer.write_now(writes.last_session, durable=False)
        seen = self._witness.read()
        if not is_new and (seen is None or seen[0] != mark or seen[1] > count):
            doubted = self._stamp()
        new = secrets.token_hex(8)
        self._writer.write_now(partial(writes.begin_session, mark=new, doubted=doubted), durable=True)
        self._witness.begin(new, count)
        self._announced = count
        self.doubted = None if doubted is None else datetime.fromisoformat(doubted)

    @classmethod
    def discard(cls, path: str | Path, *, even_if_open: bool = False, only_unfilled: bool = False) -> None:
        """Remove a journal, of whose run nothing is open, or where `even_if_open` says that it does not matter.

        Args:
            path: The journal.
            even_if_open: Whether it is removed also if the outcome of a create is open.
            only_unfilled: Whether it is removed only if it lacks rows and nothing was sent.

        Raises:
            JournalError: It holds creates whose outcome is open, and that nobody could look for any more; or `open`
                would raise it; or it is not one that `only_unfilled` means.
        """
        path = Path(path)
        with cls.open(path) as journal:
            if only_unfilled and (journal.is_filled or journal.doubted is not None):
                raise JournalError(unfilled(journal) or f"{path}: has its rows: resume its run")
            for record in () if even_if_open else journal.open_intents(*OPEN):
                raise JournalError(
                    f"{path}: row {record.row}, step {record.step}: may have been made, and only this journal knows: "
                    "resume its run first"
                )
            journal._witness.remove()
            for ending in ("-wal", "-shm", ""):
                path.with_name(path.name + ending).unlink(missing_ok=True)

    @staticmethod
    def read(path: str | Path) -> JournalView:
        """Read a journal without a lock, also while a run goes on; it is not checked for damage first.

        Raises:
            JournalError: There is none that this version can read.
        """
        return open_view(Path(path))

    def close(self) -> None:
        """Write what was asked for, and give the journal up. Safe to call twice."""
        super().close()  # first: only the last connection, if it can write, brings log and file together
        self._writer.close()
        self._witness.close()
        self._lock.release()

    @property
    def commits(self) -> int:
        """Transactions that were written so far."""
        return self._writer.commits

    # --- rows ---------------------------------------------------------------------------------------------

    def add(self, entries: Iterable[Entry]) -> int:
        """Add all rows of the input, some at a time; how many. Once per journal.

        Interrupted, it can be called again: it begins anew.

        Raises:
            InvalidInput: Two rows have the same key (both are named), or one holds what JSON cannot say.
            JournalError: The rows are there already.
        """
        self._writer.write_now(writes.begin_adding, durable=False)
        left = iter(entries)
        while batch := list(islice(left, BATCH)):
            rows = list(map(_entry_row, batch))
            parts = [(entry.row, entry.part_of) for entry in batch if entry.part_of is not None]
            work = partial(writes.add, entries=rows, now=self._stamp(), parts=parts)
            self._writer.write_now(work, durable=False)
        return self._writer.write_now(writes.end_adding, durable=True)

    async def mark(
        self,
        row: int,
        state: State,
        *,
        step: str | None = None,
        error: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Note where a row stands; `step` and `error` replace what was noted, `seconds` only if given.

        Survives the end of the process at once, and a power cut too unless it is WAITING or RUNNING.
        """
        await self._writer.write(
            partial(
                writes.mark,
                row=row,
                state=state,
                step=step,
                error=error_text(error),
                seconds=seconds,
                now=self._stamp(),
            ),
            durable=state not in _PASSING,
        )

    def reset(self, states: Iterable[State]) -> int:
        """Let rows of these states wait again; how many. Their steps stay, so that nothing is bought again."""
        return self._writer.write_now(
            partial(writes.reset, states=list(states), now=self._stamp()), durable=True
        )

    # --- steps --------------------------------------------------------------------------------------------

    async def intend(self, row: int, step: str, intent: Mapping[str, Any], *, reserve: float = 0.0) -> int:
        """Announce that a step is about to be sent; on the disk when it returns.

        Cancelled, it takes the announcement back, for nothing was sent.

        Args:
            row: Number of the row.
            step: Name of the step.
            intent: What is about to be made, enough to look for it.
            reserve: Most tokens that it may cost; kept until it is settled. 0 is never refused.

        Returns:
            Number of the attempt, from 1.

        Raises:
            CapReached: `reserve` is more than the run may still spend; nothing was written.
            JournalError: The step is done, under way, unknown or held: it must not be sent again.
        """
        made: list[int] = []
        work = partial(
            writes.intend,
            row=row,
            step=step,
            intent=safe_json(intent, f"row {row}, step {step}"),
            reserve=to_micro(reserve, "reserve"),
            now=self._stamp(),
            made=made,
        )
        try:
            await self._writer.write(work, durable=True)
        except asyncio.CancelledError:
            self._count_announced()  # it is written all the same
            undo = partial(writes.withdraw, row=row, step=step, made=made, now=self._stamp())
            with suppress(JournalError):  # it is closed: the next run looks for what was never sent
                self._writer.post(undo, durable=True)
            raise
        self._count_announced()
        return made[-1]

    def _count_announced(self) -> None:
        self._announced += 1
        self._witness.note(self._announced)

    async def settle(
        self,
        row: int,
        step: str,
        state: StepState,
        *,
        facts: Mapping[str, Any] | None = None,
        tokens: float | None = None,
        error: str | None = None,
        intent: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what became of the step that was announced last; on the disk when it returns, and even if cancelled.

        UNKNOWN and HELD keep the reservation, all else ends it. What is DONE can only become FAILED, when what it made
        has failed and the row shall make it anew; its tokens stay spent.

        Args:
            row: Number of the row.
            step: Name of the step.
            state: What became of it; not INTENT.
            facts: What came of it, with the id of what was made under `id`; None keeps what is known.
            tokens: What it cost. None: its reservation when DONE, else nothing.
            error: What went wrong, for a person.
            intent: What is to be looked for, if more is known of it than when it was announced.

        Raises:
            JournalError: There is nothing to settle.
        """
        if state is StepState.INTENT:
            raise InvalidInput("state: an intent cannot be settled as intent")
        what = f"row {row}, step {step}"
        await self._writer.write(
            partial(
                writes.settle,
                row=row,
                step=step,
                state=state,
                facts=None if facts is None else safe_json(facts, what, LONGEST_TEXT),
                tokens=None if tokens is None else to_micro(tokens, "tokens"),
                error=error_text(error),
                intent=None if intent is None else safe_json(intent, what),
                now=self._stamp(),
            ),
            durable=True,
        )

    async def correct(self, row: int, step: str, tokens: float) -> None:
        """Note what a step that is done has truly cost; on the disk when it returns.

        Raises:
            JournalError: It is not done.
        """
        micro = to_micro(tokens, "tokens")
        await self._writer.write(partial(writes.correct, row=row, step=step, tokens=micro), durable=True)

    async def record(self, row: int, step: str, *, facts: Mapping[str, Any]) -> None:
        """Note that a step is done that makes nothing in the account: a read, a wait, a file.

        Recorded again, the new facts replace the old. A power cut may take it: it is simply done again then.
        """
        await self._writer.write(self._recording(row, step, facts), durable=False)

    def note(self, row: int, step: str, *, facts: Mapping[str, Any]) -> None:
        """The same, without waiting until it is written: what is announced later is written later.

        Why it cannot be written, is told to the next who waits.
        """
        self._writer.tell(self._recording(row, step, facts))

    def _recording(self, row: int, step: str, facts: Mapping[str, Any]) -> Callable[[Page], None]:
        text = safe_json(facts, f"row {row}, step {step}", LONGEST_TEXT)
        return partial(writes.record, row=row, step=step, facts=text, now=self._stamp())

    def begin(self, row: int, *, seconds: float) -> None:
        """Note that a row is under way on which so long was worked before, without waiting until it is written."""
        now = self._stamp()
        self._writer.tell(
            partial(
                writes.mark, row=row, state=State.RUNNING, step=None, error=None, seconds=seconds, now=now
            )
        )

    def decide(self, held: Decisions) -> int:
        """Settle what is held, as a person has decided; how many steps.

        Raises:
            InvalidInput: Nothing of a row is held, or an id is that of what another row has made; nothing is changed then.
        """
        check_decisions(held)
        return self._writer.write_now(partial(writes.decide, decisions=held, now=self._stamp()), durable=True)

    def set_cap(self, cap: float | None) -> None:
        """Change how many tokens the run may spend in all; None for any number.

        Below what is spent and reserved already, it only stops what comes.
        """
        micro = None if cap is None else to_micro(cap, "cap")
        self._writer.write_now(partial(writes.set_cap, cap=micro), durable=True)

    def _stamp(self) -> str:
        return instant_text(self._now())


def _entry_row(entry: Entry) -> Row:
    what = f"row {entry.row}"
    if entry.row < 1:
        raise InvalidInput(f"{what}: rows are numbered from 1")
    json_text(
        {"name": [entry.key, entry.name, entry.folder, entry.part_of]}, what
    )  # refuses what is no Unicode text
    geometry = json_text(entry.geometry, f"{what}: geometry")
    properties = json_text(entry.properties, f"{what}: properties")
    return entry.row, entry.key, entry.name, entry.folder, geometry, properties
