"""The small made-up API that the generators are tested on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen.__main__ import generate

HERE = Path(__file__).parent
SMALL = HERE / "small.yaml"


@pytest.fixture(scope="session")
def generated() -> dict[str, str]:
    """What the generators write for the small API."""
    return generate(SMALL)


@pytest.fixture
def edited() -> Callable[[str, Any], Any]:
    """The small API with another value at a JSON pointer; None takes away what is there."""

    def edit(pointer: str, value: Any) -> Any:
        document = copy.deepcopy(yaml.safe_load(SMALL.read_text(encoding="utf-8")))
        *keys, last = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
        node = document
        for key in keys:
            node = node[int(key)] if isinstance(node, list) else node[key]
        if value is None:
            del node[last]
        else:
            node[int(last) if isinstance(node, list) else last] = value
        return document

    return edit
