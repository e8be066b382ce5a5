"""Options that stand before the command: `pixxel --profile farm bulk run ...`."""

from __future__ import annotations

import attrs


@attrs.frozen
class GlobalOptions:
    """What every command is told."""

    profile: str | None
    base_url: str | None
    verbose: bool
