"""Options before the command: `pixxel --profile farm bulk run ...`."""

from __future__ import annotations

import shlex
from pathlib import Path

import attrs


@attrs.frozen
class GlobalOptions:
    """Options that apply to every command."""

    profile: str | None
    base_url: str | None
    verbose: bool

    def command(self, *words: str | Path) -> str:
        """A command line with the same profile and address, to be copied into a shell."""
        named = [("--profile", self.profile), ("--base-url", self.base_url)]
        given = [part for option, value in named if value is not None for part in (option, value)]
        return shlex.join(["pixxel", *given, *map(str, words)])
