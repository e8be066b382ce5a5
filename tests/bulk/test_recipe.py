"""A recipe is refused before anything is sent when it makes no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pixxel_async import InvalidInput
from pixxel_async.bulk import Recipe

MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"start": JUNE, "end": MAY}, "must come after"),
        ({"start": MAY, "end": MAY}, "must come after"),
        ({"start": datetime(2026, 5, 1)}, "start"),
        ({"max_cloud": 101}, "max_cloud"),
        ({"max_cloud": -1}, "max_cloud"),
        ({"max_days": 0}, "max_days"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"poll_interval": 0.0}, "poll_interval"),
        ({"run_id": ""}, "run_id"),
        ({"run_id": "a/b"}, "run_id"),
    ],
)
def test_a_senseless_recipe_is_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Recipe(**{"start": MAY, "end": JUNE, **wrong})


def test_two_recipes_have_two_run_ids() -> None:
    """A second run must not meet the AOI names of the first."""
    assert Recipe(start=MAY, end=JUNE).run_id != Recipe(start=MAY, end=JUNE).run_id
