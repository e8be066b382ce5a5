"""On which line each feature of a GeoJSON text begins."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.bulk._lines import feature_lines

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MARK = "here it begins"


@given(
    before=st.dictionaries(st.text().filter(lambda key: key != "features"), VALUES, max_size=3),
    features=st.lists(VALUES, max_size=5),
    after=st.dictionaries(st.text().filter(lambda key: key != "features"), VALUES, max_size=3),
    indent=st.sampled_from([None, 0, 1, 4]),
)
def test_every_feature_is_found_on_its_line_whatever_stands_around_it(
    before: dict[str, Any], features: list[Any], after: dict[str, Any], indent: int | None
) -> None:
    """The line is the one on which a marker at the feature's beginning stands, however the file is laid out."""
    marked = [{MARK: 0, "value": feature} for feature in features]
    text = json.dumps({**before, "features": marked, **after}, indent=indent)
    # The brace that opens a marked feature stands right before the marker, blanks aside.
    ends = [len(piece.rstrip().removesuffix("{")) for piece in _heads(text, f'"{MARK}"')]
    assert [text.count("\n", 0, end) + 1 for end in ends] == feature_lines(text)


def _heads(text: str, mark: str) -> list[str]:
    heads, position = [], text.find(mark)
    while position >= 0:
        heads.append(text[:position])
        position = text.find(mark, position + 1)
    return heads


def test_the_last_of_two_members_of_that_name_counts_as_json_counts_it() -> None:
    text = '{"features": [1, 2],\n "features": [\n3]}'
    assert [3] == feature_lines(text)
    assert [3] == json.loads(text)["features"]
