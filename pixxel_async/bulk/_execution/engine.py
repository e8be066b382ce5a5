"""Engines: they decide in which process stages run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pixxel_async.bulk._execution.result import Result
from pixxel_async.bulk._recipe.stages import Facts, Stage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.reconciling import Intent

BeforeCreate = Callable[[Intent], Awaitable[None]]
Then = Callable[[Result, PixxelClient], Awaitable[Any]]
"""The user's own step, after the files are complete."""


class Engine(Protocol):
    """Runs one stage of one row, and raises the stage's error.

    It may repeat a stage that is safe to repeat. It never repeats a create: if the outcome is not known, it raises
    OutcomeUnknown with the announced intent.
    """

    @property
    def requests(self) -> int:
        """Requests to the API that other clients than the run's have sent since its start."""
        ...

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        """Run a stage. `before_create` is awaited before a create is sent."""
        ...

    async def follow(self, client: PixxelClient, then: Then, result: Result) -> None:
        """Run the user's own step."""
        ...

    async def aclose(self) -> None:
        """End its work. The engine may be used again."""
        ...


class LocalEngine:
    """Runs stages in this event loop."""

    requests = 0

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        """Run a stage."""
        if before_create is not None:
            client = client.with_options(before_create=before_create)
        return await stage.do(client, work)

    async def follow(self, client: PixxelClient, then: Then, result: Result) -> None:
        """Run the user's own step."""
        await then(result, client)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to end."""
