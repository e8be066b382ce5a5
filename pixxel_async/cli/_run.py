"""A session of a bulk run on the command line: client or sandbox, display, signals, report, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pixxel_async._http.network import is_local
from pixxel_async.bulk import AnyRecipe, Run, State, Status, report, status
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.bulk._recipe.file import from_dict, to_dict
from pixxel_async.cli import _words as words
from pixxel_async.cli._display import busy, display
from pixxel_async.cli._options import GlobalOptions
from pixxel_async.cli._sandbox import open_sandbox
from pixxel_async.cli._stop import Stop
from pixxel_async.cli._terminal import complain, say
from pixxel_async.client import PixxelClient
from pixxel_async.errors import AuthenticationError, DiskFull, PixxelError

SERVICE_FAILED, WRONG_USAGE, SOME_NOT_DONE = 1, 2, 3
SANDBOX_SPEED = 40.0
"""The sandbox takes about a minute for each resource; a demo should be faster."""

Open = Callable[[PixxelClient], AbstractAsyncContextManager[Run]]


class Session:
    """One session of a run, started or resumed.

    Args:
        options: Global options, with the account.
        out: Folder of the run.
        what: Describes a run in one line.
        sandbox: Whether the session starts a sandbox.
    """

    def __init__(
        self, options: GlobalOptions, out: Path, what: Callable[[Run], str], *, sandbox: bool = False
    ) -> None:
        self._options = options
        self._out = out
        self._what = what
        self._sandbox = sandbox
        self._stop = Stop()
        self._began = time.monotonic()
        self._is_open = False
        self._has_no_report = False
        self._report_is_interrupted = False

    def carry_out(self, open_run: Open) -> int:
        """Run the session; return the exit code. However it ends, the last lines sum up all rows."""
        with self._stop.handling():
            return self._carry_out(open_run)

    def _carry_out(self, open_run: Open) -> int:
        failure: PixxelError | None = None
        try:
            try:
                asyncio.run(self._work(open_run))
            finally:
                self._stop.ignore()
        except (asyncio.CancelledError, KeyboardInterrupt):
            if self._stop.signal is None:
                raise
        except PixxelError as error:
            if not self._is_open:
                if not isinstance(error, DiskFull):
                    raise
                complain(f"pixxel: {error}")
                return WRONG_USAGE
            failure = error
        if not self._is_open:  # a signal came before the run was opened
            complain("pixxel: stopped before anything was created")
            return self._stop.exit_code or SERVICE_FAILED
        return self._close(failure)

    def conclude(self, stands: Status, what: str) -> int:
        """Report that a run without an API is finished, and write its report; return the exit code."""
        say(f"{words.rows(stands.total)}: {what}")
        say(words.FINISHED)
        with self._stop.handling():
            self._stop.ignore()
            return self._close(None)

    async def _work(self, open_run: Open) -> None:
        with self._stop.stopping():
            async with contextlib.AsyncExitStack() as stack:
                with busy("checking rows, names and prices", live=not self._options.verbose):
                    client = await stack.enter_async_context(self._client())
                    run = await stack.enter_async_context(open_run(client))
                self._is_open = True
                self._stop.drain = run.drain
                progress = await run.progress()
                if self._sandbox:
                    say(f"sandbox at {client.base_url}: nothing real, nothing charged")
                say(f"{words.rows(sum(progress.rows.values()))}: {self._what(run)}")
                if run.may_be_older:
                    say(words.MAY_BE_OLDER)
                if all(state.is_final for state in progress.rows):
                    say(words.FINISHED)
                results = aiter(run)
                async with (
                    contextlib.aclosing(results),
                    display(run, self._out, live=not self._options.verbose) as show,
                ):
                    async for result in results:
                        show(result)

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[PixxelClient]:
        if not self._sandbox:
            async with open_client(self._options) as client:
                yield client
            return
        async with open_sandbox(speed=SANDBOX_SPEED) as running, running.client() as client:
            yield client

    def _close(self, failure: PixxelError | None) -> int:
        """Write the report, print the summary and the next steps; return the exit code."""
        stands = status(self._out)
        parts = [
            f"{words.counts(stands.rows)} in {words.span(time.monotonic() - self._began)}",
            words.tokens(stands.tokens),
            self._report(),
        ]
        say("; ".join(filter(None, parts)))
        if self._report_is_interrupted:
            say(f"to write the report: {self._options.command('bulk', 'report', self._out)}")
        if failure is not None:
            complain(f"pixxel: {failure}")
        is_success = all(state.is_success for state in stands.rows)
        if self._sandbox and not is_success:
            say("a sandbox keeps no data: start the run again with --overwrite")
        elif not self._sandbox:
            for line in next_steps(stands, self._out, self._options, failure):
                say(line)
        if failure is not None or self._has_no_report:
            return SERVICE_FAILED
        is_stopped = self._report_is_interrupted or _is_unfinished(stands.rows)
        if is_stopped and self._stop.exit_code is not None:
            return self._stop.exit_code
        return 0 if is_success else SOME_NOT_DONE

    def _report(self) -> str:
        paths: dict[str, Path] | None = None
        try:
            with self._stop.interrupting():
                paths = report(self._out)
        except KeyboardInterrupt:
            self._report_is_interrupted = paths is None
        except PixxelError as error:  # of the disk; the journal is complete
            self._has_no_report = True
            complain(f"pixxel: cannot write the report: {error}")
        if self._report_is_interrupted:
            return "no report: writing was interrupted"
        return "" if paths is None else words.report(paths)


def next_steps(
    stands: Status, out: Path, options: GlobalOptions, failure: PixxelError | None = None
) -> list[str]:
    """What the user can do about rows that are not done, a line for each."""
    if stands.unfilled is not None:
        return [stands.unfilled]
    tally = stands.rows
    resume = options.command("bulk", "resume", out)
    lines = []
    if tally.get(State.FAILED):
        lines.append(f"to retry failed rows: {options.command('bulk', 'retry-failed', out)}")
    if tally.get(State.NO_IMAGE):
        again = options.command("bulk", "retry-failed", out, "--no-image")
        lines.append(f"to search again for rows without an image: {again}")
    if tally.get(State.HELD):
        lines.append(
            "held: creates with unknown outcome; check the account, then "
            f"{resume} --forget (it exists) or --resend (it does not); row by row: {options.command('bulk', 'held', out)}"
        )
    if tally.get(State.BLOCKED):
        lines.append(f"over budget: {resume} --max-tokens N")
    if _is_unfinished(tally):
        is_token = isinstance(failure, AuthenticationError)
        other = "; with another token of the same account, add --other-token" if is_token else ""
        lines.append(f"to continue: {resume}{other}")
    return lines


def _is_unfinished(tally: Mapping[State, int]) -> bool:
    return bool(tally.get(State.WAITING) or tally.get(State.RUNNING))


def open_client(options: GlobalOptions) -> PixxelClient:
    """A client of the account that the options name."""
    return PixxelClient(profile=options.profile, base_url=options.base_url)


async def fit_to_sandbox(recipe: AnyRecipe, client: PixxelClient) -> AnyRecipe:
    """Use the sandbox's first project unless one is named, and poll as often as its speed allows."""
    projects = await client.projects.list(limit=1)
    changes = {
        "project": recipe.project or projects[0].id,
        "poll_interval": 0.1,
        "max_poll_interval": 0.5,
    }
    return from_dict({**to_dict(recipe), **changes})


async def discard_sandbox_run(out: Path, client: PixxelClient) -> None:
    """Remove the journal of a run in a sandbox: its open creates have ended with the sandbox."""
    path = out / JOURNAL
    if not path.exists():
        return
    with Journal.read(path) as journal:
        header = journal.header
    token = await client.token_print(header.run_id)
    if is_local(header.base_url) and header.token_print == token:
        await asyncio.to_thread(Journal.discard, path, even_if_open=True)


def gone_sandbox(out: Path, options: GlobalOptions, environment: Mapping[str, str]) -> str | None:
    """What to do about a run in a sandbox that has ended; None if the options or the environment name an API."""
    with Journal.read(out / JOURNAL) as journal:
        header = journal.header
    named = (options.base_url, options.profile, *map(environment.get, ("PIXXEL_BASE_URL", "PIXXEL_PROFILE")))
    if any(named) or not is_local(header.base_url):
        return None
    return (
        f"{out}: the run used a sandbox at {header.base_url}, and a sandbox keeps no data after its end: "
        "start again with bulk run and --overwrite, or set PIXXEL_BASE_URL to a sandbox that still runs."
    )
