"""A person's decisions about held creates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from pixxel_async.errors import InvalidInput


def _id(_: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(
            f"Adopt: {attribute.name} must be the id of the created resource, got {value!r:.80}"
        )


@attrs.frozen
class Adopt:
    """The create happened and made the resource with this id: the row continues with it."""

    id: str = attrs.field(validator=_id)


Decision: TypeAlias = Literal["resend", "forget"] | Adopt
"""`"resend"`: it did not happen, send it again. `"forget"`: give its row up; its tokens count as spent. `Adopt(id)`: it
happened, and made this resource."""

Decisions: TypeAlias = Literal["resend", "forget"] | Mapping[int, Decision]
"""One decision for all held creates, or one for each row, by its number."""


def check_decisions(decisions: object) -> None:
    """Refuse a value that is not a decision.

    Raises:
        InvalidInput: The value is not a decision.
    """
    words = ("resend", "forget")
    each = list(decisions.items()) if isinstance(decisions, Mapping) else [(1, decisions)]
    for row, decision in each:
        is_one = decision in words or (isinstance(decision, Adopt) and isinstance(decisions, Mapping))
        if not isinstance(row, int) or isinstance(row, bool) or not is_one:
            raise InvalidInput(
                f"held: {row!r:.40}: {decision!r:.80} is not a decision; give 'resend' or 'forget' for all rows, or for each "
                "row by its number 'resend', 'forget' or Adopt(id)"
            )
