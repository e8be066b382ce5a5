"""Sessions of bulk runs in processes of their own, and the sandbox's books of what they made.

`python -m benchmarks.bulk_sessions URL TOKEN FOLDER CONCURRENCY` is such a process. It works on two runs at once, which make
AOIs, pictures, insights, jobs and packages, and orders and deliveries; it starts them, or resumes what is left.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from pixxel_async import PixxelClient, PixxelError
from pixxel_async.bulk import (
    Adopt,
    Delivery,
    Insight,
    Job,
    Order,
    OrderRecipe,
    Package,
    Recipe,
    Run,
    Search,
    State,
    Visualization,
    decide,
    results,
    status,
)
from pixxel_async.bulk._folders import JOURNAL
from pixxel_async.bulk._journal.journal import Journal
from pixxel_async.models import StoreConfigs
from pixxel_async.sandbox import Sandbox

SPEED = 30.0
"""Sandbox seconds per second."""
TIMEOUT, SETTLE = 3.0, 2.0
"""Seconds; nothing takes effect, or is listed, later than a second after it was sent."""
IMAGES = Search(start="2026-06-01", end="2026-09-01", max_days=1)
STORE = "farm"
RECIPES: dict[str, Recipe | OrderRecipe] = {
    "fields": Recipe(
        images=IMAGES,
        make=(
            Visualization(),
            Insight("cropstress", inputs={"start_date": "2026-06-01", "end_date": "2026-08-01"}),
            Job("weekly-stress"),
        ),
        package=Package(),
        project="delta-farms",
        poll_interval=0.5,
        max_poll_interval=1.0,
    ),
    "orders": OrderRecipe(
        images=IMAGES,
        order=Order(usecase="agriculture"),
        delivery=Delivery(store=STORE),
        project="delta-farms",
        poll_interval=0.5,
        max_poll_interval=1.0,
    ),
}
STEPS = {
    "fields": {
        "aoi": "AOICreateAOI",
        "visualization NDVI": "CreateVisualization",
        "insight cropstress": "createInsights",
        "job weekly-stress": "createJob",
    },
    "orders": {"order": "SubmitOrder", "delivery": "CreateDelivery"},
}
"""By recipe and step: the operation that creates."""
FILES = {"fields": 4, "orders": 1}
"""Files of a row: a picture and three packages; a package."""


def write_table(path: Path, rows: int) -> None:
    """Small squares side by side, in a folder that is made if it is missing."""
    features = []
    for row in range(rows):
        west, south = 10 + row % 50 / 50, 45 + row // 50 / 50
        east, north = west + 0.01, south + 0.01
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "geometry": geometry, "properties": {"name": f"row-{row}"}})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


async def open_store(sandbox: Sandbox) -> None:
    """Make the store that deliveries go to."""
    secrets = {"access_key_id": "id", "secret_access_key": "key"}
    configs = StoreConfigs(bucket=STORE, region="us-east-2")
    async with sandbox.client() as client:
        await client.stores.create(name=STORE, type="S3", configs=configs, secrets=secrets)


# --- a process --------------------------------------------------------------------------------------------


async def work(url: str, token: str, folder: Path, concurrency: int) -> None:
    """What the process does that is killed."""
    print("at work", flush=True)  # a kill before this, while Python imports, would prove nothing
    async with (
        PixxelClient(token=token, base_url=url, timeout=TIMEOUT, settle_window=SETTLE) as client,
        asyncio.TaskGroup() as sessions,
    ):
        for name in RECIPES:
            sessions.create_task(_session(client, name, folder, concurrency))


async def _session(client: PixxelClient, name: str, folder: Path, concurrency: int) -> None:
    out = folder / name
    if is_begun(out):
        session = Run.resume(client, out, concurrency=concurrency, retry_failed=True)
    else:
        table = folder / "fields.geojson"
        session = Run.start(client, table, RECIPES[name], out, concurrency=concurrency, overwrite=True)
    try:
        async with session as run:
            async for _ in run:
                pass
    except PixxelError:
        if is_begun(out):
            raise  # else an answer lacked a name that the recipe has: nothing was made


def is_begun(out: Path) -> bool:
    """Whether a run has its rows in its journal."""
    try:
        with Journal.read(out / JOURNAL) as journal:
            return journal.is_filled
    except PixxelError:
        return False


class Processes:
    """Runs sessions one after the other, and keeps what they print as errors.

    Args:
        sandbox: The API.
        folder: Of the runs.
        concurrency: Rows of each run that are under way.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, concurrency: int) -> None:
        arguments = sandbox.url, sandbox.token, str(folder), str(concurrency)
        self._command = [sys.executable, "-m", "benchmarks.bulk_sessions", *arguments]
        self._errors = folder / "stderr"
        self.crashes = 0

    async def begin(self) -> asyncio.subprocess.Process:
        """A process that is at work."""
        with self._errors.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=errors
            )
        assert process.stdout is not None
        await process.stdout.readline()
        return process

    async def end(self, process: asyncio.subprocess.Process, life: float | None = None) -> bool:
        """Whether it came to its end within so many seconds; else it is killed."""
        try:
            code = await asyncio.wait_for(process.wait(), life)
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has just ended
                process.kill()
            await process.wait()
            return False
        self.crashes += code != 0
        return True

    @property
    def tracebacks(self) -> int:
        """Errors that no code expected."""
        return self._errors.read_text().count("Traceback") if self._errors.exists() else 0


# --- the books --------------------------------------------------------------------------------------------


@attrs.define
class Outcome:
    """What books and disk say of all runs."""

    rows: int = 0
    states: Counter[State] = attrs.field(factory=Counter)
    lost: int = 0
    """Resources that a row has not, or shares with another."""
    twice: int = 0
    """Resources in the account that no row has."""
    broken: int = 0
    """Files that are missing, or are not what they should be."""
    difference: float = 0.0
    """Tokens between the sandbox's ledger, the accounts of the runs and their rows."""


class Books:
    """Compares runs with the sandbox that has all that they made.

    Args:
        sandbox: The API.
        outs: Folders of the runs, each named as its recipe.
    """

    def __init__(self, sandbox: Sandbox, outs: list[Path]) -> None:
        self._sandbox = sandbox
        self._outs = outs

    def made(self, step: str) -> list[str]:
        """Ids of what was made in a step, of all runs."""
        operation = next(steps[step] for steps in STEPS.values() if step in steps)
        return [entry.resource_id for entry in self._sandbox.ledger.entries(operation)]

    def unclaimed(self, step: str) -> list[str]:
        """Those that no row has."""
        claimed = {id for out in self._outs for row in _ids(out) for id in row.get(step, ())}
        ids = [id for id in self.made(step) if id not in claimed]
        if step == "delivery":  # of several images: a row that adopted one of them has all
            names = {self.name_of(step, id) for id in claimed}
            ids = [id for id in ids if self.name_of(step, id) not in names]
        return ids

    def again(self, step: str, rows: int) -> int:
        """How many resources were made a second time for their rows, in one run without failures."""
        made = self.made(step)
        if step == "delivery":
            return len(self._sandbox.ledger.duplicates("CreateDelivery"))
        names = {self.name_of(step, id) for id in made} - {""}
        return max(0, len(made) - (len(names) or rows))  # a job has no name

    def name_of(self, step: str, id: str) -> str:
        """The name under which something was made; empty for a job, which has none."""
        state = self._sandbox.state
        match step.split()[0]:
            case "aoi":
                return state.aois[id].name
            case "visualization":
                return next(aoi.name for aoi in state.aois.values() if id in aoi.visualizations)
            case "insight":
                return state.insights[id].name
            case "order":
                return str(state.orders[id].items[0].request["name"])
            case "delivery":
                return str(state.deliveries[id].entry.item.request["name"])
        return ""

    def settle(self) -> int:
        """Decide what is held, as a person does who reads the account: adopt what is there, else send again; how many."""
        count = 0
        for out in self._outs:
            known = status(out)
            decisions: dict[int, Any] = {}
            taken: set[str] = set()
            for held in known.held:
                name = f"{held.name}-{known.run_id}"
                ids = (id for id in self.unclaimed(held.step) if id not in taken)
                id = next((id for id in ids if self.name_of(held.step, id) in ("", name)), None)
                decisions[held.row] = "resend" if id is None else Adopt(id)
                taken |= {id} if id else set()
            if decisions:
                count += decide(out, decisions)
        return count

    def judge(self) -> Outcome:
        """Compare journals, books and disk."""
        outcome = Outcome()
        spent = account = 0.0
        for out in self._outs:
            rows = list(results(out))
            outcome.rows += len(rows)
            outcome.states.update(row.state for row in rows)
            tokens = status(out).tokens
            account += tokens.spent + tokens.reserved
            spent += sum(row.tokens for row in rows)
            outcome.broken += sum(
                max(0, FILES[out.name] - len(row.files)) + sum(map(is_broken, row.files)) for row in rows
            )
            outcome.broken += sum(1 for _ in out.rglob("*.part"))
            for step in STEPS[out.name]:
                ids = {row.ids[step] for row in rows if step in row.ids}
                outcome.lost += len(rows) - len(ids.intersection(self.made(step)))
        outcome.twice = sum(len(self.unclaimed(step)) for steps in STEPS.values() for step in steps)
        outcome.twice += len(self._sandbox.ledger.duplicates("CreateDelivery"))
        ledger = self._sandbox.ledger.spent
        outcome.difference = abs(ledger - account) + abs(ledger - spent)
        return outcome


def _ids(out: Path) -> Iterator[dict[str, list[str]]]:
    """Of each row, all that its steps made; a delivery has an id for each image."""
    with Journal.read(out / JOURNAL) as journal:
        for row in journal.rows():
            yield {
                step: [facts["id"], *facts.get("ids", ())]
                for step, facts in row.facts.items()
                if "id" in facts
            }


def is_broken(file: Path) -> bool:
    """Whether a file is not what it was on the server, as far as it shows by itself."""
    if file.suffix != ".zip":
        return not file.read_bytes().startswith(b"\x89PNG")
    with zipfile.ZipFile(file) as archive:
        return archive.testzip() is not None


def copy_journal(source: Path, target: Path) -> None:
    """Copy a journal as a backup does, also while a process writes it."""
    origin, copy = sqlite3.connect(source), sqlite3.connect(target)
    try:
        origin.backup(copy)
    finally:
        origin.close()
        copy.close()


if __name__ == "__main__":
    url, token, folder, concurrency = sys.argv[1:]
    asyncio.run(work(url, token, Path(folder), int(concurrency)))
