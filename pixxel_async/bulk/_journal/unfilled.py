"""Advice for a journal that lacks rows, because its process was stopped while it added them."""

from __future__ import annotations

from pixxel_async.bulk._journal.view import JournalView
from pixxel_async.bulk._journal.witness import Witness


def unfilled(journal: JournalView) -> str | None:
    """The advice for a journal that lacks rows, the same for every command; None if it has all rows.

    A run announces creates only after all rows are in its journal. But a copy of `run.journal` without its log
    `run.journal-wal` may also lack rows. So the witness must confirm that no create was announced.
    """
    if journal.is_filled:
        return None
    out = journal.path.parent
    mark, doubted = journal.session
    if doubted is None and mark is not None and Witness(journal.header).read() == (mark, 0):
        return (
            f"{out}: the run stopped before all rows were in its journal, and nothing was sent: repeat the same command, "
            f"pixxel bulk run with --out {out} (in Python Run.start); it replaces this journal"
        )
    return (
        f"{out}: its journal lacks rows, and its run may have sent creates: if the journal is a copy, copy "
        f"{journal.path.name}-wal too. Otherwise check your account, then start again with pixxel bulk run, "
        f"--out {out} and --overwrite (in Python Run.start with overwrite=True)"
    )
