"""Where stages run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from pixxel_async.bulk._stages import Facts, Stage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.reconciling import Intent

BeforeCreate = Callable[[Intent], Awaitable[None]]


class Engine(Protocol):
    """Runs one stage of one row; what it raises is what the stage raised."""

    async def do(self, stage: Stage, work: Work, before_create: BeforeCreate | None) -> Facts:
        """Run a stage. `before_create` is awaited before anything is sent that creates a thing."""
        ...

    async def aclose(self) -> None:
        """End what it began."""
        ...


class LocalEngine:
    """Runs stages here, in this event loop."""

    def __init__(self, client: PixxelClient) -> None:
        self._client = client

    async def do(self, stage: Stage, work: Work, before_create: BeforeCreate | None) -> Facts:
        """Run a stage."""
        client = self._client
        if before_create is not None:
            client = client.with_options(before_create=before_create)
        return await stage.do(client, work)

    async def aclose(self) -> None:
        """Nothing was begun."""
