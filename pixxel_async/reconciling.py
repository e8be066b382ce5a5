"""Creates whose outcome is open: what they were about to make, and what looking for it comes to.

match await error.reconcile():
    case Found(id): ...        # it happened, and this is what it made
    case Absent(): ...         # it did not happen: send it again
    case Ambiguous(ids): ...   # a person decides; do not send it again
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Self

import attrs

__all__ = [
    "SETTLE",
    "Absent",
    "Ambiguous",
    "BeforeCreate",
    "Found",
    "Intent",
    "Reconciliation",
    "Unresolved",
]

SETTLE = 120.0
"""Seconds after which a create that is not listed did not happen: longer than gateways wait, and listings lag."""


@attrs.frozen
class Found:
    """It happened."""

    id: str
    """Id of what it made; of several deliveries the first."""
    snapshot: Any
    """The thing as the listing has it; a list of deliveries where they were what was asked for. None where only the id could
    be read."""
    ids: tuple[str, ...]
    """Ids of all that it made: of several deliveries each."""


@attrs.frozen
class Absent:
    """It did not happen: two complete readings of the listing, the last after the settle window, show nothing of it."""

    since: datetime
    """Nothing of the kind was made since then, by our clock."""


@attrs.frozen
class Ambiguous:
    """Whether it happened, or which thing is the one, cannot be told from outside. Not to be sent again unseen."""

    ids: tuple[str, ...]
    """What it may have made; empty where nothing can be looked up, or nothing shows although the API said yes."""


Reconciliation = Found | Absent | Ambiguous


def _check_aware(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
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
    """What one create is about to make, or may have made. Holds no secret, so that it can be kept on disk.

    Written down before the create is sent (see `before_create` of `PixxelClient.with_options`), it tells another process
    what to look for: `await client.reconcile(intent)`.
    """

    id: str = attrs.field(validator=_is_text)
    """Tells it from another create of the same content."""
    operation: str = attrs.field(validator=_is_text)
    """operationId of the create."""
    path: dict[str, str] = attrs.field(validator=_is_map)
    """Ids in the create's path."""
    query: dict[str, Any] = attrs.field(validator=_is_map)
    """What narrows the listing."""
    wanted: dict[str, list[Any]] = attrs.field(validator=_is_map, repr=False)
    """By path in a listed thing: the values of the create that must stand there."""
    is_listed: bool = attrs.field(validator=_is_flag)
    """Whether a listing shows such things. What none shows cannot be looked for: its outcome stays Ambiguous."""
    sent_at: datetime = attrs.field(validator=_check_aware)
    """Not sent before, by our clock; in an OutcomeUnknown the time at which it was sent last."""
    deadline: datetime = attrs.field(validator=_check_aware)
    """Not sent after, by our clock; in an OutcomeUnknown the same as `sent_at`."""
    ahead: float | None = attrs.field(validator=attrs.validators.instance_of(float | int | None))
    """Seconds by which the API's clock was ahead of ours; None where that was not known."""
    accepted: bool = attrs.field(default=False, validator=_is_flag)
    """Whether the API said that it did it, and only what it made is not known."""
    ids: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    """Ids in the answer of an accepted create, where the rest of that answer cannot be read."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, for `from_dict`."""
        facts = {name: getattr(self, name) for name in _FIELDS}
        facts["ids"] = list(self.ids)
        return {**facts, "sent_at": self.sent_at.isoformat(), "deadline": self.deadline.isoformat()}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave, perhaps in another process.

        Raises:
            ValueError: it is something else.
        """
        try:
            times = {name: datetime.fromisoformat(value[name]) for name in ("sent_at", "deadline")}
            return cls(**{**value, **times})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is not what Intent.to_dict() gave: {error}") from error


_FIELDS = tuple(field.name for field in attrs.fields(Intent))

BeforeCreate = Callable[[Intent], Awaitable[None]]
"""Awaited before a create is sent; what it raises keeps it from being sent."""


@attrs.frozen(eq=False)
class Unresolved:
    """A create of a client whose outcome is open; see `PixxelClient.unresolved`."""

    intent: Intent
    why: str
    """What went wrong, for a person."""
    _look: Callable[..., Awaitable[Reconciliation]] = attrs.field(repr=False)
    _drop: Callable[[], object] = attrs.field(repr=False)

    @property
    def accepted(self) -> bool:
        """Whether the API said that it did it, and only what it made is not known."""
        return self.intent.accepted

    async def reconcile(
        self, *, settle: float | None = None, before: Iterable[str] | None = None
    ) -> Reconciliation:
        """Look whether it happened; see `OutcomeUnknown.reconcile`. Found and Absent close the matter."""
        return await self._look(settle=settle, before=before)

    def forget(self) -> None:
        """Take it off the list: somebody has settled it in another way."""
        self._drop()
