"""Where stages run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pixxel_async.bulk._execution.result import Result
from pixxel_async.bulk._recipe.stages import Facts, Stage, Work
from pixxel_async.client import PixxelClient
from pixxel_async.reconciling import Intent

BeforeCreate = Callable[[Intent], Awaitable[None]]
Then = Callable[[Result, PixxelClient], Awaitable[Any]]
"""A step of the user's own, after the files are there."""


class Engine(Protocol):
    """Runs one stage of one row; what it raises is what the stage raised.

    A stage that may be done twice it may repeat. One that creates it never does: where it cannot tell what became of it,
    it raises OutcomeUnknown with the intent that it told.
    """

    @property
    def requests(self) -> int:
        """Requests to the API that others than the run's client have sent since it began."""
        ...

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        """Run a stage. `before_create` is awaited before anything is sent that creates a thing."""
        ...

    async def follow(self, client: PixxelClient, then: Then, result: Result) -> None:
        """Run the user's own step."""
        ...

    async def aclose(self) -> None:
        """End what it began. It may be used again."""
        ...


class LocalEngine:
    """Runs stages here, in this event loop."""

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
        """Nothing was begun."""
