"""Faults that a test injects: their target, kind and frequency."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

import attrs

FaultKind = Literal[
    "status", "delay", "lag", "lack", "reset", "reset_after", "truncate", "hang", "expire", "change"
]
"""The kind of a fault.

status: an error status. delay: a late response. lag: a listing lacks resources that are younger than `late`. lack: the
response lacks optional fields. reset: the connection is reset before any response. reset_after: reset after `after_bytes` of
the body. truncate: closed normally after `after_bytes`, although more was announced. hang: no response. expire: the token
(API) or the signed URL (storage) counts as expired. change: the stored object changes (storage only).
"""

TOGETHER: tuple[FaultKind, ...] = ("delay", "lag", "lack")
"""Kinds that strike a request together with another fault."""


@attrs.define
class Fault:
    """One fault."""

    target: str
    """Its target: an operationId, `METHOD /path/{template}` as in the spec, `api`, or `storage`."""
    kind: FaultKind
    times: int | None = 1
    """Number of requests that it hits; None for all until it is removed."""
    probability: float = 1.0
    """Chance that a request is hit, drawn from the sandbox's seed."""
    status: int = 503
    retry_after: float | str | None = None
    """Sent as `Retry-After` with a `status` fault: seconds, or an HTTP date as text."""
    delay: float = 0.0
    """Real seconds of a `delay` fault."""
    after_bytes: int = 0
    """Number of bytes of the body that arrive with `reset_after` and `truncate`."""
    after_effect: bool = False
    """Whether the request takes effect first, so that only its response is hit."""
    late: float = 0.0
    """Sandbox seconds from the request to its effect, with `status`, `reset` and `hang`; replaces
    `after_effect`. With `lag`: from creation to the first listing."""
    share: float = 0.1
    """Chance of each optional field to be left out with `lack`, drawn from the sandbox's seed."""
    hits: int = 0
    """Number of requests that it has hit so far."""

    @property
    def spent(self) -> bool:
        """Whether it has hit its number of requests."""
        return self.times is not None and self.hits >= self.times


class Faults:
    """The active faults, tried in the order in which they were added."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = random.Random(f"faults-{seed}")
        self._active: list[Fault] = []

    def add(
        self,
        target: str,
        kind: FaultKind,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        status: int = 503,
        retry_after: float | str | None = None,
        delay: float = 0.0,
        after_bytes: int = 0,
        after_effect: bool = False,
        late: float = 0.0,
        share: float = 0.1,
    ) -> Fault:
        """Add a fault; `Fault` explains the arguments."""
        fault = Fault(
            target=target,
            kind=kind,
            times=times,
            probability=probability,
            status=status,
            retry_after=retry_after,
            delay=delay,
            after_bytes=after_bytes,
            after_effect=after_effect,
            late=late,
            share=share,
        )
        self._active.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self._active.clear()

    def take(self, *names: str) -> list[Fault]:
        """The faults that hit a request with these `names`: those of `TOGETHER` up to the first other fault, and that one."""
        if not self._active:
            return []
        hit: list[Fault] = []
        for fault in self._active:
            if fault.target not in names or self._rng.random() >= fault.probability:
                continue
            fault.hits += 1
            hit.append(fault)
            if fault.kind not in TOGETHER:
                break
        self._active = [fault for fault in self._active if not fault.spent]
        return hit

    def leave_out(self, body: Any, share: float, is_valid: Callable[[Any], bool]) -> None:
        """Take each field out of an answer with this chance, unless the answer is not valid without it."""
        for holder, name in list(_fields(body)):
            if self._rng.random() < share:
                value = holder.pop(name)
                if not is_valid(body):
                    holder[name] = value


def _fields(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """All fields in an answer, the outer ones first."""
    for name, field in value.items() if isinstance(value, dict) else ():
        yield value, name
        yield from _fields(field)
    for item in value if isinstance(value, list) else ():
        yield from _fields(item)


def hide_younger(listing: Any, since: datetime) -> None:
    """Remove resources made after `since` from the response of a listing, and from its total."""
    for name, rows in [*listing.items()] if isinstance(listing, dict) else ():
        if isinstance(rows, list):
            listing[name] = [
                row
                for row in rows
                if "created_at" not in row or datetime.fromisoformat(row["created_at"]) <= since
            ]
            if "pagination" in listing:
                listing["pagination"]["total"] -= len(rows) - len(listing[name])


def reset_connection(transport: asyncio.Transport | None) -> None:
    """Abort the connection, so that the peer sees a reset (RST), not a normal close."""
    if transport is None:
        return
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
