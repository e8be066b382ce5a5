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
"""How many workers in a row may be lost under one step of the user's own."""


class DaskEngine:
    """Does the steps of a run on the workers of a Dask cluster.

    A worker may die at any time. What it was creating is looked for, and never sent again unseen; what it was fetching is
    fetched by another; your own step is done again, so it should bear that. Steps are not tasks of Dask's scheduler, which
    would repeat them by itself: they do not show among its tasks. A worker that hears nothing from here for 30 s ends what
    it does. Workers may come and go; while there are none, the run waits.

    Each worker opens a client of its own. Without `connect` it takes the token from its own environment or configuration,
    and is not used if that is another one than the run's: then no secret travels. What `connect` holds does travel: in clear,
    unless the cluster has TLS (`distributed.Security`). Whoever can reach the scheduler can run code on its workers.

    Args:
        cluster: An open `distributed.Client` or a scheduler's address, like `tcp://scheduler:8786`. Of a client that is not
            asynchronous, or of another event loop, only address and security are used.
        files: Where files go; each row has a folder there. A folder that all machines share, by its whole path; or a URL that
            fsspec knows (`s3://bucket/prefix`): they are then fetched and verified on the worker's own disk first, and
            found in `Result.urls`. None: the run's folder, which is enough where all workers are on this machine; its
            journal does not go onto a network file system.
        connect: Opens a worker's client; a function of a module that the workers have, or one that can be pickled.
        per_worker: Most steps at a time on one worker.

    Raises:
        ConfigurationError: the extra `dask` is not installed.
        InvalidInput: an argument that cannot be.
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
            raise InvalidInput(f"per_worker={shown(per_worker)}: give a whole number from 1 on")
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
        """Requests to the API that workers have sent, as far as they told: with what comes of each step."""
        return 0 if self._cluster is None else self._cluster.requests

    async def do(
        self, client: PixxelClient, stage: Stage, work: Work, before_create: BeforeCreate | None
    ) -> Facts:
        """Run a stage: what creates or fetches on a worker, all else here."""
        if stage.kind is Kind.CREATE and before_create is not None:
            return await self._create(client, stage, work, before_create)
        if stage.kind is Kind.FETCH:
            return await self._fetch(client, stage, work)
        return await self._here.do(client, stage, work, before_create)

    async def follow(self, client: PixxelClient, then: Then, result: Result) -> None:
        """Run the user's own step on a worker, again if that is lost."""
        from pixxel_async.bulk.dask._cluster import WorkerLost

        cluster = await self._open(client)
        for _ in range(_REPEATS - 1):
            with suppress(WorkerLost):
                await self._once(cluster, ThenJob(then, result))
                return
        await self._once(cluster, ThenJob(then, result))

    async def aclose(self) -> None:
        """End what the workers still do for the run. A client of Dask that was given stays open."""
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
        """The worker tells the intent and waits; when that is on our disk, it is told to go ahead."""
        from pixxel_async.bulk.dask._cluster import Lost, WorkerLost

        cluster = await self._open(client)
        told: Intent | None = None
        async with cluster.call(StageJob(stage, work, announces=True)) as call:
            while True:
                outcome = await call.outcomes.get()
                if isinstance(outcome, Intent):
                    stamped = _by_our_clock(outcome, client)
                    await before_create(stamped)
                    told = stamped
                    await call.go()
                elif isinstance(outcome, dict):
                    return outcome
                elif told is None:
                    if isinstance(outcome, Lost):
                        raise WorkerLost(f"worker {outcome.address} was lost before it had sent anything")
                    raise outcome.error
                else:
                    raise _after_sending(outcome, told)

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
        """A file by which workers see that they share the run's folder."""
        if out not in self._probes:
            probe = self._probes[out] = out / f".shared-{uuid.uuid4().hex}"
            await asyncio.to_thread(_touch, probe)
        return self._probes[out]


def _place_of(files: str | PathLike[str] | None) -> tuple[str | None, Path | None]:
    """A store's URL, or a folder."""
    if files is None:
        return None, None
    if isinstance(files, str) and "://" in files:
        return checked_store(files), None
    folder = checked_path(files, "files")
    if not folder.is_absolute():
        raise InvalidInput(
            f"files={str(files)!r}: give the whole path of a folder that all machines share, or a URL, like s3://bucket/prefix"
        )
    return None, folder


def _touch(probe: Path) -> None:
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
    except OSError as error:
        raise ConfigurationError(f"{probe.parent}: cannot be written: {error.strerror or error}") from None


def _by_our_clock(intent: Intent, client: PixxelClient) -> Intent:
    """A worker's clock may be another one: what is told here is not sent before now."""
    now = datetime.now(UTC)
    longest = timedelta(seconds=HOLD + client.call_options["timeout"])
    return attrs.evolve(intent, sent_at=now, deadline=now + longest, ahead=None)


def _after_sending(outcome: object, told: Intent) -> PixxelError:
    """What to raise when a create, told to go ahead, came to no result."""
    if (
        isinstance(outcome, Failure)
        and isinstance(outcome.error, PixxelError)
        and not isinstance(outcome.error, Ended)
    ):
        error = outcome.error
        if isinstance(error, OutcomeUnknown):
            error.intent = attrs.evolve(told, accepted=error.accepted, ids=error.ids)
        return error
    unknown = OutcomeUnknown("its worker was lost while it was being sent", endpoint=told.operation)
    unknown.intent = told
    return unknown


def _require_distributed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ConfigurationError('Dask is not installed: pip install "pixxel-async[dask]"') from None
