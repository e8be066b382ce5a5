"""A journal that lacks rows, because its process was stopped while it added them: what it proves, and what to do."""

from __future__ import annotations

from pixxel_async.bulk._journal.view import JournalView
from pixxel_async.bulk._journal.witness import Witness


def unfilled(journal: JournalView) -> str | None:
    """What to do about a journal without all its rows, in the same text for every command; None if it has them.

    Creates are announced only when all rows are there. A copy of `run.journal` without its log `run.journal-wal` may lack rows
    too, of a run that has made creates: so the witness must agree that none was announced.
    """
    if journal.is_filled:
        return None
    out = journal.path.parent
    mark, doubted = journal.session
    if doubted is None and mark is not None and Witness(journal.header).read() == (mark, 0):
        return (
            f"{out}: the run was stopped before all rows were in its journal, and nothing was sent: repeat the same command, "
            f"pixxel bulk run with --out {out} (in Python Run.start); it replaces this journal"
        )
    return (
        f"{out}: its journal lacks rows, and nothing proves that its run has sent nothing: if it is a copy, copy "
        f"{journal.path.name}-wal too. Otherwise see in your account what was made, then begin again with pixxel bulk run, "
        f"--out {out} and --overwrite (in Python Run.start with overwrite=True)"
    )
