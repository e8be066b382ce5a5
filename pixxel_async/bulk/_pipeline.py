"""One field, from its polygon to files on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from pixxel_async.bulk import _steps
from pixxel_async.bulk._fields import Field
from pixxel_async.bulk._folders import file_name
from pixxel_async.bulk._output import write_atomically
from pixxel_async.bulk._recipe import Recipe
from pixxel_async.bulk._result import Result, State, Step
from pixxel_async.bulk._target import Target
from pixxel_async.client import PixxelClient
from pixxel_async.errors import OutcomeUnknown, PixxelError
from pixxel_async.models import AOI, AOIStatus, Visualization, VisualizationStatus

_STOPPED = (State.FAILED, State.UNKNOWN, State.INTERRUPTED)
"""States in which the row keeps the step where the field came to its end."""


@attrs.frozen
class Job:
    """What all fields of a run share."""

    client: PixxelClient
    recipe: Recipe
    target: Target
    out: Path
    overwrite: bool
    on_update: Callable[[Result], Any]


async def process(job: Job, field: Field) -> Result:
    """Take one field through all steps. What the API, the network or the disk refuses becomes its result.

    Anything else that goes wrong is a mistake in the program, and passes.
    """
    work = _Work(job, field)
    try:
        return await work.do()
    except OutcomeUnknown as error:
        return work.end(State.UNKNOWN, f"{error} {work.advice}".strip())
    except (PixxelError, OSError) as error:
        return work.end(State.FAILED, str(error))
    except asyncio.CancelledError:
        work.end(State.INTERRUPTED, work.advice or None)
        raise


class _Work:
    """A field under way: the steps in order, and the row that grows with them."""

    def __init__(self, job: Job, field: Field) -> None:
        self._job = job
        self._field = field
        self._started = time.monotonic()
        self._result = Result(row=field.row, name=field.name, state=State.RUNNING)
        self._aoi_name = f"{field.name}-{job.recipe.run_id}"

    async def do(self) -> Result:
        """All steps, one after the other."""
        client, recipe, target = self._job.client, self._job.recipe, self._job.target
        folder = self._job.out / self._field.folder
        geometry = self._field.geometry

        self._enter(Step.SEARCH)
        scene_ids = await _steps.find_scenes(client, geometry, target, recipe)

        self._enter(Step.CREATE_AOI, scene_ids=tuple(scene_ids))
        aoi_id = await _steps.create_aoi(client, self._aoi_name, geometry, scene_ids, target, recipe)

        self._enter(Step.WAIT_AOI, aoi_id=aoi_id)
        aoi = await client.aois.wait(aoi_id, **recipe.waiting)

        self._enter(Step.CREATE_VISUALIZATION)
        visualization_id = await _steps.create_visualization(client, aoi_id, target)

        self._enter(Step.WAIT_VISUALIZATION, visualization_id=visualization_id)
        visualization = await client.visualizations.wait(aoi_id, visualization_id, **recipe.waiting)

        self._enter(Step.PNG)
        assets = await _steps.ready_assets(client, aoi_id)
        picture = await _steps.draw_png(client, aoi_id, visualization_id, assets, target)
        png = folder / file_name(recipe.index, ".png")
        await asyncio.to_thread(write_atomically, png, picture)

        self._enter(Step.REQUEST_PACKAGE, png=png)
        download_id = await _steps.request_package(client, aoi_id, assets)

        self._enter(Step.FETCH_PACKAGE, download_id=download_id)
        saved = await client.downloads.wait(aoi_id, download_id, **recipe.waiting).save(
            folder,
            filename=file_name(self._field.folder, ".zip"),
            overwrite=self._job.overwrite,
            unzip=recipe.unzip,
        )
        self._note(package=saved.path, files=saved.members or ())
        return self._settle(aoi, visualization)

    def _settle(self, aoi: AOI, visualization: Visualization) -> Result:
        """Done, or done in part."""
        parts = {
            "the AOI": aoi.status is AOIStatus.PARTIAL_SUCCESS,
            "the visualization": visualization.status is VisualizationStatus.PARTIAL_SUCCESS,
        }
        if partial := [name for name, is_partial in parts.items() if is_partial]:
            return self.end(State.PARTIAL, f"{' and '.join(partial)} succeeded only in part")
        return self.end(State.DONE)

    @property
    def advice(self) -> str:
        """What to look for when nobody knows whether the thing of this step was created; '' if that is clear."""
        if self._result.step is Step.CREATE_AOI:
            return f"Before repeating, look whether the AOI {self._aoi_name!r} exists."
        if self._result.step is Step.CREATE_VISUALIZATION:
            return f"Before repeating, look at the visualizations of the AOI {self._result.aoi_id}."
        return ""

    def end(self, state: State, error: str | None = None) -> Result:
        """The row as it stays."""
        self._note(state=state, error=error, step=self._result.step if state in _STOPPED else None)
        return self._result

    def _enter(self, step: Step, **facts: Any) -> None:
        self._note(step=step, **facts)

    def _note(self, **facts: Any) -> None:
        seconds = time.monotonic() - self._started
        self._result = attrs.evolve(self._result, seconds=seconds, **facts)
        self._job.on_update(self._result)
