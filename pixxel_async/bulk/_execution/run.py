"""Durable runs: started from a table and a recipe, resumed from their folder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

import attrs

from pixxel_async._base.clock import Clock
from pixxel_async._base.files import checked_path, make_folder
from pixxel_async._base.shown import shown
from pixxel_async.bulk._execution.engine import Engine, LocalEngine, Then
from pixxel_async.bulk._execution.result import Result, result_of
from pixxel_async.bulk._execution.scheduler import Scheduler
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk._journal.decisions import Decisions
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._journal.records import Entry, Header, JournalError, Tokens
from pixxel_async.bulk._journal.unfilled import unfilled
from pixxel_async.bulk._recipe.account_names import Target, resolve
from pixxel_async.bulk._recipe.file import AnyRecipe, from_dict, to_dict
from pixxel_async.bulk._recipe.plan import Plan, estimate
from pixxel_async.bulk._recipe.recipes import new_run_id
from pixxel_async.bulk._recipe.stage_order import stages_of
from pixxel_async.bulk._recipe.stages import Stage, Work
from pixxel_async.bulk._state import State
from pixxel_async.bulk.sources import Checked, Source, check, open_source
from pixxel_async.client import PixxelClient
from pixxel_async.errors import InvalidInput

CONCURRENCY = 64


@attrs.frozen(kw_only=True)
class Progress:
    """The progress of a run."""

    rows: Mapping[State, int]
    """Number of rows by state."""
    tokens: Tokens
    requests_per_second: float
    """Requests to the API per second in this session, with those of a cluster's workers."""
    seconds_left: float | None
    """Estimated time left at the pace of this session; None while no row is finished."""


class Run:
    """A durable run. `start` begins a new one, `resume` continues one; both are context managers.

        async with Run.start(client, "fields.geojson", recipe, "out", max_tokens=500) as run:
            async for result in run:
                print(result.name, result.state)

    Iteration works on the rows and yields their results as they end. At most `concurrency` rows are in flight or not yet
    consumed, so the run applies back-pressure if you consume results slowly. A failed row is a result, not an exception.
    Leaving the loop or the block stops all rows in flight; `resume` continues them from the journal, `OUT/run.journal`.
    """

    def __init__(self, journal: Journal, scheduler: Scheduler, client: PixxelClient, engine: Engine) -> None:
        """Use `start` or `resume`."""
        self.run_id = journal.header.run_id
        """Suffix of every name that this run creates, in all its sessions."""
        self._journal = journal
        self._scheduler = scheduler
        self._client = client
        self._engine = engine
        self._results: AsyncGenerator[Result, None] | None = None
        self._began = time.monotonic()
        self._requests = client.stats.requests
        self._finished = 0

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        client: PixxelClient,
        source: Source | str | Path,
        recipe: AnyRecipe,
        out: str | Path,
        *,
        max_tokens: float | None = None,
        overwrite: bool = False,
        concurrency: int = CONCURRENCY,
        engine: Engine | None = None,
        after_row: Then | None = None,
    ) -> AsyncIterator[Self]:
        """Start a run in a folder of its own.

        All rows are checked before the first request, and are in the journal before the first create.

        Args:
            client: An open client.
            source: The rows; see `open_source`.
            recipe: What to make of them.
            out: Folder for the journal and the files, `OUT/ROW/...`. It must not hold another run. A run that stopped before
                all its rows were in the journal is replaced: nothing was sent for it.
            max_tokens: Maximum number of tokens that the run may spend, in all its sessions. Before each create with a
                cost, the run requests and reserves its price. None: no limit.
            overwrite: Whether to replace an earlier run in the folder: its journal is removed, its files are replaced.
            concurrency: Maximum number of rows in flight. Waiting costs little, so thousands are possible.
            engine: Runs the steps; this process if left out.
            after_row: Awaited with each row's result and the client after its last step, before the row counts as done.

        Raises:
            BadRows: Some rows are invalid; all of them are listed, and nothing was sent.
            InvalidInput: The folder cannot be used, the account lacks a name of the recipe, or the price of all rows is
                above `max_tokens`.
        """
        out = checked_path(out, "out")
        _check_concurrency(concurrency)
        source = _opened(source, recipe)
        checked = await _checked(source, recipe)
        await asyncio.to_thread(_make_folder, out, overwrite=overwrite)
        target = await resolve(client, recipe)
        run_id = recipe.run_id or new_run_id()
        stages = stages_of(recipe, target, run_id)
        if max_tokens is not None:
            _require_cap(await _estimated(client, stages, source, checked), max_tokens)
        header = Header(
            run_id=run_id,
            started=datetime.now(UTC),
            sdk=version("pixxel-async"),
            base_url=client.base_url,
            token_print=await client.token_print(run_id),
            recipe={"recipe": to_dict(recipe), "target": target.to_dict()},
            input_sha256=checked.sha256,
            input_name=source.path.name,
            cap=max_tokens,
        )
        journal = await asyncio.to_thread(Journal.create, out / JOURNAL, header)
        try:
            await asyncio.to_thread(journal.add, _entries(source))
            async with cls._open(client, journal, stages, out, concurrency, engine, after_row) as run:
                yield run
        finally:
            await asyncio.to_thread(journal.close)

    @classmethod
    @asynccontextmanager
    async def resume(
        cls,
        client: PixxelClient,
        out: str | Path,
        *,
        max_tokens: float | None = None,
        on_held: Decisions | None = None,
        retry_failed: bool = False,
        retry_no_image: bool = False,
        other_token: bool = False,
        concurrency: int = CONCURRENCY,
        engine: Engine | None = None,
        after_row: Then | None = None,
    ) -> AsyncIterator[Self]:
        """Resume a run that was stopped or killed.

        The run first searches for creates that were in flight, and does not repeat those that happened. A finished run
        sends and yields nothing; check `status(out).is_finished` first.

        Args:
            client: An open client of the same account.
            out: Folder of the run.
            max_tokens: A new cap for the whole run, with the tokens spent so far. None keeps the cap.
            on_held: What to do about creates with unknown outcome: `"resend"` sends them again, perhaps as duplicates;
                `"forget"` gives their rows up; a dict decides by the row's number, also with `Adopt(id)`. None searches
                for them again. See `decide`.
            retry_failed: Whether to retry failed rows. Their resources are kept; a failed resource is created again, and
                may cost again.
            retry_no_image: Whether to search again for rows without an image, in the dates of the recipe.
            other_token: Whether the client may have another token than the run's first one.
            concurrency: Maximum number of rows in flight.
            engine: Runs the steps; this process if left out.
            after_row: As in `start`.

        Raises:
            JournalError: There is no run in the folder, another process works on it, its journal is damaged, or it
                stopped before all rows were in the journal.
            InvalidInput: The run belongs to another API or token.
        """
        out = checked_path(out, "out")
        _check_concurrency(concurrency)
        journal = await asyncio.to_thread(Journal.open, out / JOURNAL)
        try:
            if (lacking := await asyncio.to_thread(unfilled, journal)) is not None:
                raise JournalError(lacking)
            await _require_same_account(journal.header, client, other_token=other_token)
            recipe = from_dict(journal.header.recipe["recipe"])
            target = Target.from_dict(journal.header.recipe["target"])
            stages = stages_of(recipe, target, journal.header.run_id)
            if max_tokens is not None:
                await asyncio.to_thread(journal.set_cap, max_tokens)
            if on_held is not None:
                await asyncio.to_thread(journal.decide, on_held)
            again = [
                *([State.FAILED] if retry_failed else []),
                *([State.NO_IMAGE] if retry_no_image else []),
            ]
            if again:
                await asyncio.to_thread(journal.reset, again)
            async with cls._open(client, journal, stages, out, concurrency, engine, after_row) as run:
                yield run
        finally:
            await asyncio.to_thread(journal.close)

    @classmethod
    @asynccontextmanager
    async def _open(
        cls,
        client: PixxelClient,
        journal: Journal,
        stages: tuple[Stage, ...],
        out: Path,
        concurrency: int,
        engine: Engine | None,
        after_row: Then | None,
    ) -> AsyncIterator[Self]:
        engine = engine or LocalEngine()
        scheduler = Scheduler(
            client,
            journal,
            stages,
            engine,
            out=out,
            concurrency=concurrency,
            after_row=after_row,
            clock=Clock(),
        )
        run = cls(journal, scheduler, client, engine)
        try:
            yield run
        finally:
            try:
                if run._results is not None:
                    await run._results.aclose()
            finally:
                await engine.aclose()

    @property
    def may_be_older(self) -> bool:
        """Whether the journal may be out of date: restored from a copy, or from another machine.

        The run then searches for each create that the journal lacks before it sends it. It holds jobs, which have no
        name.
        """
        return self._journal.doubted is not None

    def drain(self) -> None:
        """Start nothing new, and finish creates in flight. The iteration ends soon after."""
        self._scheduler.drain()

    async def progress(self) -> Progress:
        """The progress of the run; reads the journal."""
        tally = await asyncio.to_thread(self._journal.tally)
        seconds = time.monotonic() - self._began
        requests = self._client.stats.requests - self._requests + self._engine.requests
        left = sum(count for state, count in tally.items() if state in (State.WAITING, State.RUNNING))
        return Progress(
            rows=tally,
            tokens=await asyncio.to_thread(self._journal.tokens),
            requests_per_second=requests / max(seconds, 1.0),
            seconds_left=left * seconds / self._finished if self._finished else None,
        )

    def __aiter__(self) -> AsyncGenerator[Result, None]:
        if self._results is not None:
            raise InvalidInput("a run can be iterated only once: use Run.resume for the remaining rows")
        self._results = self._follow()
        return self._results

    async def _follow(self) -> AsyncGenerator[Result, None]:
        results = self._scheduler.results()
        try:
            async for result in results:
                self._finished += 1
                yield result
        finally:
            await results.aclose()


async def plan(client: PixxelClient, source: Source | str | Path, recipe: AnyRecipe) -> Plan:
    """Estimate what a run would create and cost; sends only reads, and charges nothing.

    Raises:
        BadRows: Some rows are invalid; all of them are listed, and nothing was sent.
        InvalidInput: The account lacks a name of the recipe.
    """
    source = _opened(source, recipe)
    checked = await _checked(source, recipe)
    stages = stages_of(recipe, await resolve(client, recipe), recipe.run_id or new_run_id())
    return await _estimated(client, stages, source, checked)


def results(out: str | Path) -> Iterator[Result]:
    """The current results of all rows of a run, in the order of the input; also while a process works on it.

    Raises:
        JournalError: There is no run in the folder, or its journal is damaged.
    """
    out = checked_path(out, "out")
    with Journal.read(out / JOURNAL) as journal:
        for record in journal.rows():
            yield result_of(record, out)


def decide(out: str | Path, held: Decisions) -> int:
    """Settle held creates of a run as you have decided; return their number. Then continue with `Run.resume`.

        decide("out", {3: "resend", 5: "forget", 7: Adopt("insight-id")})

    Raises:
        JournalError: There is no run in the folder, a process works on it, or its journal is damaged.
        InvalidInput: A row has no held create, or an id belongs to another row; nothing is changed then.
    """
    with Journal.open(checked_path(out, "out") / JOURNAL) as journal:
        return journal.decide(held)


def _opened(source: Source | str | Path, recipe: AnyRecipe) -> Source:
    opened = source if isinstance(source, Source) else open_source(source)
    return opened.with_whole_features(recipe.whole_features)


async def _checked(source: Source, recipe: AnyRecipe) -> Checked:
    return await asyncio.to_thread(check, source, rule=recipe.row_faults)


async def _estimated(
    client: PixxelClient, stages: tuple[Stage, ...], source: Source, checked: Checked
) -> Plan:
    return await estimate(client, stages, _works(source), features=checked.features, split=checked.split)


def _entries(source: Source) -> Iterator[Entry]:
    for field in source.read():
        yield Entry(
            row=field.row,
            key=field.key,
            name=field.name,
            folder=field.folder,
            geometry=field.geometry,
            properties=field.properties,
            part_of=field.part_of,
        )


def _works(source: Source) -> Iterator[Work]:
    for entry in _entries(source):
        yield Work(
            row=entry.row,
            name=entry.name,
            geometry=entry.geometry,
            properties=entry.properties,
            folder=Path(entry.folder),
            facts={},
        )


def _check_concurrency(concurrency: int) -> None:
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise InvalidInput(f"concurrency={shown(concurrency)}: give an integer of 1 or more")


def _require_cap(plan: Plan, max_tokens: float) -> None:
    if plan.tokens > max_tokens:
        raise InvalidInput(
            f"max_tokens={max_tokens:g}: the API states a price of {plan.tokens:g} tokens for {plan.rows} rows; "
            "allow more tokens, or use fewer rows"
        )


async def _require_same_account(header: Header, client: PixxelClient, *, other_token: bool) -> None:
    if header.base_url != client.base_url:
        raise InvalidInput(f"the run belongs to {header.base_url}, and this client uses {client.base_url}")
    if not other_token and header.token_print != await client.token_print(header.run_id):
        raise InvalidInput(
            "the run was started with another token; if both are of the same account, pass other_token=True "
            "(on the command line --other-token)"
        )


def _make_folder(out: Path, *, overwrite: bool) -> None:
    """Make the folder of a run. Check that it is writable and holds no other run.

    With `overwrite`, the journal of an earlier run is removed, and new files replace old ones. A journal that lacks rows
    and has sent nothing is always removed.

    Raises:
        InvalidInput: The folder cannot be written, or holds a run.
        JournalError: The earlier run has open creates, or may have sent some.
    """
    try:
        make_folder(out)
    except OSError as error:
        raise InvalidInput(f"output folder {out}: cannot be written: {error.strerror or error}") from None
    if (out / JOURNAL).exists():
        if not overwrite and _is_filled(out / JOURNAL):
            raise InvalidInput(
                f"output folder {out}: holds a run already: resume it, choose another folder, or pass overwrite=True "
                "(on the command line --overwrite) to start again"
            )
        Journal.discard(out / JOURNAL, only_unfilled=not overwrite)


def _is_filled(path: Path) -> bool:
    """Whether a journal has all its rows; True if it cannot be read, to be safe."""
    try:
        with Journal.read(path) as journal:
            return journal.is_filled
    except JournalError:
        return True
