"""The engine that runs stages on the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from pixxel_async._base.files import checked_path
from pixxel_async._base.shown import shown
from pixxel_async.bulk._execution.engine import BeforeCreate, LocalEngine, Then
from pixxel_async.bulk._execution.result import Result
from pixxel_async.bulk._recipe.stages import Facts, Kind, Stage, Work
from pixxel_async.bulk._stores import checked_store
from pixxel_async.bulk.dask._worker import HOLD, Ended, Failure, Greeting, StageJob, ThenJob
from pixxel_async.client import PixxelClient
from pixxel_async.errors import ConfigurationError, InvalidInput, OutcomeUnknown, PixxelError
from pixxel_async.reconciling import Intent

if TYPE_CHECKING:
    from distributed import Client

    from pixxel_async.bulk.dask._cluster import Cluster

PER_WORKER = 16
_REPEATS = 8
"""Maximum number of workers that may be lost during one call of the user's own step."""


class DaskEngine:
    """Runs the steps of a run on the workers of a Dask cluster.

    A worker may die at any time. The run then searches for its creates in flight, and never sends them again without a
    search. Another worker repeats its fetches and your own step, so that step must be safe to repeat. Steps are not tasks
    of Dask's scheduler, which would repeat them itself. A worker that receives no call for 30 s ends its steps. Workers
    may join and leave; without any worker, the run waits.

    Each worker opens its own client. Without `connect`, it reads the token from its own environment or configuration. The
    run does not use a worker with another token, and sends no secret. The contents of `connect` travel unencrypted,
    unless the cluster has TLS (`distributed.Security`). Everyone with access to the scheduler can run code on its workers.

    Args:
        cluster: An open `distributed.Client` or a scheduler's address, like `tcp://scheduler:8786`. From a client that is
            not asynchronous, or of another event loop, only address and security are used.
        files: Place of the files, with a folder for each row: the absolute path of a folder that all machines share, or a
            URL that fsspec supports (`s3://bucket/prefix`). With a URL, workers fetch and verify files on their own disk
            first, and `Result.urls` has the URLs. None: the run's folder, if all workers are on this machine; its journal
            cannot be on a network file system.
        connect: Opens a worker's client; a function of a module that the workers have, or one that can be pickled.
        per_worker: Maximum number of concurrent steps on one worker.

    Raises:
        ConfigurationError: The extra `dask` is not installed.
        InvalidInput: An argument is not valid.
    """

    def __init__(
        self,
        cluster: Client | str,
        *,
        files: str | PathLike[str] | None = None,
        connect: Callable[[], PixxelClient] | None = None,
        per_worker: int = PER_WORKER,
    ) -> None:
        if isinstance(per_worker, bool) or not isinstance(per_worker, int) or per_worker < 1:
            raise InvalidInput(f"per_worker={shown(per_worker)}: give an integer of 1 or more")
        _require_distributed()
        self._given = cluster
        self._store, self._folder = _place_of(files)
        self._connect = connect
        self._per_worker = per_worker
        self._here = LocalEngine()
        self._opening = asyncio.Lock()
        self._cluster: Cluster | None = None
        self._own: Client | None = None
        self._probes: dict[Path, Path] = {}

    @property
    def requests(self) -> int:
        """Requests to the API that workers have sent; they report them with the outcome of each step."""
        return 0 if self._cluster is None else self._cluster.requests

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        """Run a stage: creates and fetches on a worker, all others in this process."""
        if stage.kind is Kind.CREATE and before_create is not None:
            return await self._create(client, stage, work, before_create)
        if stage.kind is Kind.FETCH:
            return await self._fetch(client, stage, work)
        return await self._here.do(client, stage, work, before_create)

    async def follow(self, client: PixxelClient, then: Then, result: Result) -> None:
        """Run the user's own step on a worker; repeat it if the worker is lost."""
        from pixxel_async.bulk.dask._cluster import WorkerLost

        cluster = await self._open(client)
        for _ in range(_REPEATS - 1):
            with suppress(WorkerLost):
                await self._once(cluster, ThenJob(then, result))
                return
        await self._once(cluster, ThenJob(then, result))

    async def aclose(self) -> None:
        """End all steps of the run on the workers. A Dask client passed by the user stays open."""
        cluster, self._cluster = self._cluster, None
        own, self._own = self._own, None
        probes, self._probes = self._probes, {}
        try:
            if cluster is not None:
                await cluster.aclose()
        finally:
            if own is not None:
                await own.close()
            for probe in probes.values():
                await asyncio.to_thread(probe.unlink, missing_ok=True)

    async def _create(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate
    ) -> Facts:
        """Run a create: the worker announces the intent and waits until it is on this machine's disk."""
        from pixxel_async.bulk.dask._cluster import Lost, WorkerLost

        cluster = await self._open(client)
        announced: Intent | None = None
        async with cluster.call(StageJob(stage, work, announces=True)) as call:
            while True:
                outcome = await call.outcomes.get()
                if isinstance(outcome, Intent):
                    stamped = _by_our_clock(outcome, client)
                    await before_create(stamped)
                    announced = stamped
                    await call.go()
                elif isinstance(outcome, dict):
                    return outcome
                elif announced is None:
                    if isinstance(outcome, Lost):
                        raise WorkerLost(f"worker {outcome.address} was lost before it sent a request")
                    raise outcome.error
                else:
                    raise _after_sending(outcome, announced)

    async def _fetch(self, client: PixxelClient, stage: Stage, work: Work) -> Facts:
        cluster = await self._open(client)
        if self._store is not None:
            return await self._once(cluster, StageJob(stage, work, announces=False, store=self._store))
        out = work.folder.parent.absolute() if self._folder is None else self._folder
        work = attrs.evolve(work, folder=out / work.folder.name)
        job = StageJob(stage, work, announces=False, probe=await self._probe(out))
        facts = await self._once(cluster, job)
        return facts if self._folder is None else {**facts, "folder": str(work.folder)}

    async def _once(self, cluster: Cluster, job: StageJob | ThenJob) -> Facts:
        from pixxel_async.bulk.dask._cluster import Lost, WorkerLost

        async with cluster.call(job) as call:
            outcome = await call.outcomes.get()
        if isinstance(outcome, Lost):
            raise WorkerLost(f"worker {outcome.address} was lost")
        if isinstance(outcome, Failure):
            raise outcome.error
        assert isinstance(outcome, dict)  # only creates announce
        return outcome

    async def _open(self, client: PixxelClient) -> Cluster:
        from pixxel_async.bulk.dask._cluster import Cluster

        async with self._opening:
            if self._cluster is None:
                session = uuid.uuid4().hex
                options = client.call_options
                greeting = Greeting(
                    session=session,
                    version=version("pixxel-async"),
                    base_url=client.base_url,
                    options=options,
                    salt=session,
                    token_print=await client.token_print(session),
                    connect=self._connect,
                )
                self._cluster = Cluster(await self._dask(), greeting, self._per_worker)
            return self._cluster

    async def _dask(self) -> Client:
        from distributed import Client

        given = self._given
        if not isinstance(given, str):
            if given.asynchronous and given.loop.asyncio_loop is asyncio.get_running_loop():
                return given
            given, security = given.scheduler.address, given.security
        else:
            security = None
        try:
            self._own = await Client(given, security=security, asynchronous=True, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no Dask scheduler at {given}: {error}") from None
        return self._own

    async def _probe(self, out: Path) -> Path:
        """A file that proves to workers that they share the run's folder."""
        if out not in self._probes:
            probe = self._probes[out] = out / f".shared-{uuid.uuid4().hex}"
            await asyncio.to_thread(_touch, probe)
        return self._probes[out]


def _place_of(files: str | PathLike[str] | None) -> tuple[str | None, Path | None]:
    """A store's URL or a folder, from the argument `files`."""
    if files is None:
        return None, None
    if isinstance(files, str) and "://" in files:
        return checked_store(files), None
    folder = checked_path(files, "files")
    if not folder.is_absolute():
        raise InvalidInput(
            f"files={str(files)!r}: give the absolute path of a folder that all machines share, or a URL, like s3://bucket/prefix"
        )
    return None, folder


def _touch(probe: Path) -> None:
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
    except OSError as error:
        raise ConfigurationError(f"{probe.parent}: cannot be written: {error.strerror or error}") from None


def _by_our_clock(intent: Intent, client: PixxelClient) -> Intent:
    """The intent with times of this machine's clock: the worker's clock may differ, and nothing was sent before now."""
    now = datetime.now(UTC)
    longest = timedelta(seconds=HOLD + client.call_options["timeout"])
    return attrs.evolve(intent, sent_at=now, deadline=now + longest, ahead=None)


def _after_sending(outcome: object, announced: Intent) -> PixxelError:
    """The error to raise if an allowed create has no result."""
    if (
        isinstance(outcome, Failure)
        and isinstance(outcome.error, PixxelError)
        and not isinstance(outcome.error, Ended)
    ):
        error = outcome.error
        if isinstance(error, OutcomeUnknown):
            error.intent = attrs.evolve(announced, accepted=error.accepted, ids=error.ids)
        return error
    unknown = OutcomeUnknown(
        "its worker was lost while the request was in flight", endpoint=announced.operation
    )
    unknown.intent = announced
    return unknown


def _require_distributed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ConfigurationError('Dask is not installed: pip install "pixxel-async[dask]"') from None
