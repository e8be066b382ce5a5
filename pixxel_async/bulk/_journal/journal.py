"""The journal of a durable bulk run: it records each create on disk before it is sent, and its outcome afterwards.

    with Journal.create("out/run.journal", header) as journal:
        journal.add(entries)
        await journal.intend(row, "aoi", {"name": name}, reserve=2.0)
        aoi = await client.aois.create(name=name, ...)
        await journal.settle(row, "aoi", StepState.DONE, facts={"id": aoi.aoi_id})

After a kill or a power cut, the journal names every create that may have been sent. A create with an open intent is
searched for, and never sent again without a search. Intents and results that arrive during a commit share the next
transaction.
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
"""Rows added in one transaction."""
_PASSING = frozenset({State.WAITING, State.RUNNING})
"""A power cut may lose these states: the steps hold the same information."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal(JournalView):
    """The journal of one run, open for writing by this process alone.

    Methods that are not coroutines block: call them in a thread (`asyncio.to_thread`) beside an event loop. Methods
    that write raise DiskFull if the disk is full; the call then writes nothing, and earlier records are safe. They
    raise JournalError if the journal is closed or its disk fails.

    Intents, facts and errors are stored without credentials and without the query of any URL. Intents are otherwise
    complete; texts in facts and errors are cut to 2 kB.
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
        """When the journal was last found to be possibly out of date: creates announced before may exist that it lacks.
        None: never."""

    @classmethod
    def create(cls, path: str | Path, header: Header, *, now: Callable[[], datetime] = _utc_now) -> Self:
        """Make a journal without rows, in an existing folder.

        Raises:
            JournalError: The file exists, or would be on a network file system.
            JournalInUse: Another run is about to make it.
            DiskFull: The disk is full.
        """
        path = Path(path)
        check_place(path)
        return cls._locked(path, partial(make_file, path, header), now, is_new=True)

    @classmethod
    def open(cls, path: str | Path, *, now: Callable[[], datetime] = _utc_now) -> Self:
        """Open an existing journal. All of it is read and checked first.

        Raises:
            JournalError: It is damaged, of a newer version, of another program, or on a network file system; it is
                not changed.
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
        """Compare the journal with its witness, and give both a new mark. The journal is first, so a kill leaves a doubt."""
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
        """Remove a journal without open creates, or with them if `even_if_open` is set.

        Args:
            path: The journal.
            even_if_open: Whether to remove it also if the outcome of a create is open.
            only_unfilled: Whether to remove it only if it lacks rows and nothing was sent.

        Raises:
            JournalError: It holds open creates, and only this journal can identify them. Also if `open` would raise
                it, or if `only_unfilled` does not apply.
        """
        path = Path(path)
        with cls.open(path) as journal:
            if only_unfilled and (journal.is_filled or journal.doubted is not None):
                raise JournalError(unfilled(journal) or f"{path}: has its rows: resume its run")
            for record in () if even_if_open else journal.open_intents(*OPEN):
                raise JournalError(
                    f"{path}: row {record.row}, step {record.step}: may exist in the account, and only this journal can identify it: "
                    "resume its run first"
                )
            journal._witness.remove()
            for ending in ("-wal", "-shm", ""):
                path.with_name(path.name + ending).unlink(missing_ok=True)

    @staticmethod
    def read(path: str | Path) -> JournalView:
        """Read a journal without a lock, also during a run; it is not checked for damage first.

        Raises:
            JournalError: There is no journal that this version can read.
        """
        return open_view(Path(path))

    def close(self) -> None:
        """Write pending records, and close the journal. Safe to call twice."""
        super().close()  # first: SQLite merges log and file only when the last connection can write
        self._writer.close()
        self._witness.close()
        self._lock.release()

    @property
    def commits(self) -> int:
        """Number of transactions written so far."""
        return self._writer.commits

    # --- rows ---------------------------------------------------------------------------------------------

    def add(self, entries: Iterable[Entry]) -> int:
        """Add all rows of the input in batches, once per journal; return their number.

        After an interruption, call it again: it starts from the first row.

        Raises:
            InvalidInput: Two rows have the same key (both are named), or a row holds a value that JSON cannot hold.
            JournalError: The journal has its rows already.
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
        """Record the state of a row; `step` and `error` replace the recorded ones, `seconds` only if given.

        It survives the end of the process at once. It also survives a power cut, unless it is WAITING or RUNNING.
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
        """Set rows of these states to WAITING; return their number. Their steps stay, so nothing is bought again."""
        return self._writer.write_now(
            partial(writes.reset, states=list(states), now=self._stamp()), durable=True
        )

    # --- steps --------------------------------------------------------------------------------------------

    async def intend(self, row: int, step: str, intent: Mapping[str, Any], *, reserve: float = 0.0) -> int:
        """Announce that a step is about to be sent; on the disk when it returns.

        If cancelled, it withdraws the announcement, because nothing was sent.

        Args:
            row: Number of the row.
            step: Name of the step.
            intent: What the step is about to create, with enough values to search for it.
            reserve: Maximum cost in tokens; reserved until the step is settled. 0 is never refused.

        Returns:
            Number of the attempt, from 1.

        Raises:
            CapReached: `reserve` is more than the run may still spend; nothing was written.
            JournalError: The step is done, in flight, unknown or held: it must not be sent again.
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
            self._count_announced()  # it is written despite the cancellation
            undo = partial(writes.withdraw, row=row, step=step, made=made, now=self._stamp())
            with suppress(
                JournalError
            ):  # it is closed: the next run searches for a create that was never sent
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
        """Record the outcome of the step announced last; on the disk when it returns, and even if cancelled.

        UNKNOWN and HELD keep the reservation; other states end it. DONE can only become FAILED: its resource has failed,
        and the row shall create another. Its tokens stay spent.

        Args:
            row: Number of the row.
            step: Name of the step.
            state: The outcome; not INTENT.
            facts: The result, with the id of the resource under `id`; None keeps the known facts.
            tokens: The cost. None: the reservation if DONE, else 0.
            error: The error message for a person.
            intent: The values to search for, if more is known than at the announcement.

        Raises:
            JournalError: There is no intent to settle.
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
        """Record the actual cost of a step that is done; on the disk when it returns.

        Raises:
            JournalError: The step is not done.
        """
        micro = to_micro(tokens, "tokens")
        await self._writer.write(partial(writes.correct, row=row, step=step, tokens=micro), durable=True)

    async def record(self, row: int, step: str, *, facts: Mapping[str, Any]) -> None:
        """Record as done a step that creates nothing in the account: a read, a wait, a file.

        New facts replace the recorded ones. A power cut may lose the record; the step is then repeated.
        """
        await self._writer.write(self._recording(row, step, facts), durable=False)

    def note(self, row: int, step: str, *, facts: Mapping[str, Any]) -> None:
        """The same without waiting for the write. Later announcements are written later.

        If the write fails, the next call that waits raises the error.
        """
        self._writer.tell(self._recording(row, step, facts))

    def _recording(self, row: int, step: str, facts: Mapping[str, Any]) -> Callable[[Page], None]:
        text = safe_json(facts, f"row {row}, step {step}", LONGEST_TEXT)
        return partial(writes.record, row=row, step=step, facts=text, now=self._stamp())

    def begin(self, row: int, *, seconds: float) -> None:
        """Record that a row is in progress, with its earlier working time, without waiting for the write."""
        now = self._stamp()
        self._writer.tell(
            partial(
                writes.mark, row=row, state=State.RUNNING, step=None, error=None, seconds=seconds, now=now
            )
        )

    def decide(self, held: Decisions) -> int:
        """Settle held steps as a person has decided; return their number.

        Raises:
            InvalidInput: A row has no held step, or an id belongs to another row; nothing is changed then.
        """
        check_decisions(held)
        return self._writer.write_now(partial(writes.decide, decisions=held, now=self._stamp()), durable=True)

    def set_cap(self, cap: float | None) -> None:
        """Change the run's cap in tokens; None for no limit.

        A cap below the tokens spent and reserved only stops later steps.
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
    )  # refuses text that is not Unicode
    geometry = json_text(entry.geometry, f"{what}: geometry")
    properties = json_text(entry.properties, f"{what}: properties")
    return entry.row, entry.key, entry.name, entry.folder, geometry, properties
