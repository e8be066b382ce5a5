"""What a journal must say after any test: no create is open, and its account is the sandbox's ledger."""

from __future__ import annotations

from pathlib import Path

from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.sandbox import Sandbox


def open_creates(path: Path) -> list[str]:
    """Creates of a journal of which nothing is recorded since they were announced."""
    with Journal.read(path) as journal:
        return [f"row {each.row}, {each.step}: {each.state}" for each in journal.open_intents()]


def accounts(paths: list[Path]) -> tuple[float, float]:
    """Tokens of some runs: of their accounts, reserved ones included, and of their rows with those reserved."""
    account = rows = 0.0
    for path in paths:
        with Journal.read(path) as journal:
            tokens = journal.tokens()
            account += tokens.spent + tokens.reserved
            rows += sum(row.tokens for row in journal.rows()) + tokens.reserved
    return account, rows


def check_books(folder: Path, sandbox: Sandbox) -> None:
    """Fail unless the journals below a folder agree with the sandbox."""
    paths = sorted(folder.rglob("run.journal"))
    assert [] == [line for path in paths for line in open_creates(path)]
    if paths:
        assert (sandbox.ledger.spent, sandbox.ledger.spent) == accounts(paths)
