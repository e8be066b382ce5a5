"""What is asked of the file system, in order: for tests of what a power cut may not take."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class DiskCalls:
    """Records calls as `fsync NAME`, `rename NAME` and so on, with the name of the file or folder; of two names both."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        for call in ("fsync", "ftruncate", "write"):
            self._watch(patch, call, lambda handle, *_: [Path(f"/proc/self/fd/{handle}").readlink().name])
        for call in ("rename", "replace", "link"):
            self._watch(patch, call, lambda old, new: [Path(old).name, Path(new).name])
        self._watch(patch, "unlink", lambda path: [Path(path).name])

    def _watch(self, patch: pytest.MonkeyPatch, name: str, names: Callable[..., list[str]]) -> None:
        call = getattr(os, name)

        def recorded(*arguments: Any, **options: Any) -> Any:
            words = names(*arguments)
            result = call(*arguments, **options)
            self.made.append(" ".join([name, *words]))  # what failed was not done
            return result

        patch.setattr(os, name, recorded)

    def of(self, *calls: str) -> list[str]:
        """Those of these kinds."""
        return [each for each in self.made if each.split()[0] in calls]
