"""Creates whose outcome is unknown: what they would make, and the results of `reconcile`.

match await error.reconcile():
    case Found(id): ...        # it was executed, and made this
    case Absent(): ...         # it was not executed: send it again
    case Ambiguous(ids): ...   # not certain: a person decides; do not send it again
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Self

import attrs

__all__ = [
    "SETTLE_WINDOW",
    "Absent",
    "Ambiguous",
    "BeforeCreate",
    "Found",
    "Intent",
    "Reconciliation",
    "Unresolved",
]

SETTLE_WINDOW = 120.0
"""Seconds after sending after which a create that is not listed was not executed. Longer than gateways wait and listings lag."""


@attrs.frozen
class Found:
    """The create was executed."""

    id: str
    """Id of the resource that it made; of several deliveries the first."""
    snapshot: Any
    """The resource as listed; for deliveries, a list of them. None if only the id could be read."""
    ids: tuple[str, ...]
    """Ids of all resources that it made."""


@attrs.frozen
class Absent:
    """The create was not executed: two complete readings of the listing, the last after the settle window, do not have it."""

    since: datetime
    """No such resource was created since then, by our clock."""


@attrs.frozen
class Ambiguous:
    """It is not certain whether the create was executed, or which resource it made. Do not send it again without a check."""

    ids: tuple[str, ...]
    """Ids of resources that it may have made. Empty if no listing has them, or if the API accepted the create but lists nothing."""


Reconciliation = Found | Absent | Ambiguous


def _check_aware(_: object, attribute: attrs.Attribute[datetime], value: object) -> None:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise TypeError(f"{attribute.name} must be an aware datetime, not {value!r}")


_is_text = attrs.validators.instance_of(str)
_is_map = attrs.validators.instance_of(dict)
_is_flag = attrs.validators.instance_of(bool)


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    texts = tuple(value)
    if isinstance(value, str) or not all(isinstance(each, str) for each in texts):
        raise TypeError(f"ids must be texts, not {value!r}")
    return texts


@attrs.frozen(kw_only=True)
class Intent:
    """What one create will make, or may have made. It has no secret, so it can be stored on disk.

    Store it before the create is sent (see `before_create` of `PixxelClient.with_options`). Another process can then find the
    outcome: `await client.reconcile(intent)`.
    """

    id: str = attrs.field(validator=_is_text)
    """Distinguishes it from another create of the same content."""
    operation: str = attrs.field(validator=_is_text)
    """operationId of the create."""
    path: dict[str, str] = attrs.field(validator=_is_map)
    """Ids in the create's path."""
    query: dict[str, object] = attrs.field(validator=_is_map)
    """Filters of the listing."""
    wanted: dict[str, list[object]] = attrs.field(validator=_is_map, repr=False)
    """By path in a listed resource: the values of the create that it must have there."""
    is_listed: bool = attrs.field(validator=_is_flag)
    """Whether a listing has such resources. If not, the outcome stays Ambiguous."""
    sent_at: datetime = attrs.field(validator=_check_aware)
    """Not sent before this time, by our clock; in an OutcomeUnknown the time of the last sending."""
    deadline: datetime = attrs.field(validator=_check_aware)
    """Not sent after this time, by our clock; in an OutcomeUnknown the same as `sent_at`."""
    ahead: float | None = attrs.field(validator=attrs.validators.instance_of(float | int | None))
    """Seconds by which the API's clock was ahead of the local clock; None if unknown."""
    accepted: bool = attrs.field(default=False, validator=_is_flag)
    """Whether the API accepted it, and only the resource that it made is not known."""
    ids: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    """Ids in the response to an accepted create, if the rest of that response cannot be read."""

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON values, for `from_dict`."""
        facts = {name: getattr(self, name) for name in _FIELDS}
        facts["ids"] = list(self.ids)
        return {**facts, "sent_at": self.sent_at.isoformat(), "deadline": self.deadline.isoformat()}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read the result of `to_dict`, also in another process.

        Raises:
            ValueError: it is not such a result.
        """
        try:
            times = {name: datetime.fromisoformat(value[name]) for name in ("sent_at", "deadline")}
            return cls(**{**value, **times})
        except (KeyError, TypeError, ValueError) as error:
            problem = error.args[0] if error.args else error  # attrs adds the whole attribute
            raise ValueError(f"this is not a result of Intent.to_dict(): {problem}") from error


_FIELDS = tuple(field.name for field in attrs.fields(Intent))

BeforeCreate = Callable[[Intent], Awaitable[None]]
"""Awaited before a create is sent. If it raises, the create is not sent."""


@attrs.frozen(eq=False)
class Unresolved:
    """A create whose outcome is unknown; see `PixxelClient.unresolved`."""

    intent: Intent
    why: str
    """What failed, for a person."""
    _look: Callable[..., Awaitable[Reconciliation]] = attrs.field(repr=False)
    _drop: Callable[[], object] = attrs.field(repr=False)

    @property
    def accepted(self) -> bool:
        """Whether the API accepted it, and only the resource that it made is not known."""
        return self.intent.accepted

    async def reconcile(
        self, *, settle_window: float | None = None, known_ids: Iterable[str] | None = None
    ) -> Reconciliation:
        """Find out whether it was executed; see `OutcomeUnknown.reconcile`. Found and Absent remove it from the list."""
        return await self._look(settle_window=settle_window, known_ids=known_ids)

    def forget(self) -> None:
        """Remove it from the list, because its outcome is known in another way."""
        self._drop()
