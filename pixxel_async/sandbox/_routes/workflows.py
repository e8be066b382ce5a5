"""Workflows, their jobs, and the tasks of the jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pixxel_async.sandbox._account.records import Job, JobTask, Package
from pixxel_async.sandbox._account.seeds import Step, Workflow
from pixxel_async.sandbox._account.state import State
from pixxel_async.sandbox._base import times
from pixxel_async.sandbox._base.course import Course, Outcome, Words
from pixxel_async.sandbox._base.refusal import bad_request
from pixxel_async.sandbox._routes.call import Answer, Call, Handlers
from pixxel_async.sandbox._routes.filters import matching, page, within

routes = Handlers()

_WORDS = Words(("pending", "running"), "completed", "failed")
_PACKAGE_WORDS = Words(("pending",), "ready", "failed")
_BANDS = ("B02", "B03", "B04", "B08")


@routes("listWorkflows")
def list_workflows(state: State, call: Call) -> Answer:
    """List workflows in short form."""
    wanted = call.query
    created, updated = (within(wanted[name], name) for name in ("created_on", "updated_at"))
    found = matching(
        (w for w in state.workflows.values() if call.access.may_use(w.project_id)),
        id=(wanted["id"], lambda w: w.id),
        project=(wanted["project_id"], lambda w: w.project_id),
        name=(wanted["name"], lambda w: w.name),
        created_by=(wanted["created_by"], lambda w: w.created_by),
    )
    found = [w for w in found if created(w.made_at) and updated(w.made_at)]
    shown, pagination = page(found, wanted)
    return Answer({"workflows": [_listed(workflow) for workflow in shown], "pagination": pagination})


@routes("getWorkflowsById")
def get_workflow(state: State, call: Call) -> Answer:
    """Return a workflow with its definition."""
    workflow = _workflow(state, call)
    _require_same_project(call, workflow)
    detail = {name: value for name, value in _listed(workflow).items() if name != "legacy_project_id"}
    return Answer(
        {**detail, "spec": _definition(workflow), "estimated_cost": workflow.cost, "val_errors": []}
    )


@routes("getWorkflowCostEstimate")
def estimate_workflow(state: State, call: Call) -> Answer:
    """Return the price of a job."""
    return Answer({"estimated_cost": _workflow(state, call).cost})


@routes("listJobs")
def list_jobs(state: State, call: Call) -> Answer:
    """List jobs without tasks and definition."""
    workflow, wanted, now = _workflow(state, call), call.query, state.now
    created = within(wanted["created_on"], "created_on")
    found = matching(
        (job for job in state.jobs.values() if job.workflow is workflow and created(job.created_at)),
        id=(wanted["id"], lambda job: job.id),
        status=(wanted["status"], lambda job: job.course.word(now, _WORDS)),
        created_by=(wanted["created_by"], lambda job: job.user_id),
    )
    return Answer({"jobs": [_job_listed(state, job) for job in found]})


@routes("createJob")
def create_job(state: State, call: Call) -> Answer:
    """Run the workflow once and charge its price."""
    workflow = _workflow(state, call)
    _require_same_project(call, workflow)
    id = state.new_id("job")
    outcome = state.outcomes.take("job", workflow.name)
    state.jobs[id] = Job(
        id, workflow, call.access.user_id, state.now, _planned_tasks(state, workflow, outcome)
    )
    state.record(call.operation.id, id, f"{workflow.project_id}: {workflow.id}", workflow.cost)
    return Answer(_job_detail(state, state.jobs[id]))


@routes("getJobById")
def get_job(state: State, call: Call) -> Answer:
    """Return a job with its tasks and definition."""
    return Answer(_job_detail(state, _job(state, call)))


@routes("downloadJob")
def download_job(state: State, call: Call) -> Answer:
    """Pack the results at the first request; return the state at every request."""
    job = _job(state, call)
    if not job.course.succeeded(state.now):
        raise bad_request("the job is not completed", {"id": job.id})
    if job.package is None:
        job.package = _package(state, call, "job_package", job.id, job.workflow)
    status, url = _packed(state, job.package)
    return Answer({"id": job.id, "status": status, "signed_url": url, "workflowId": job.workflow.id})


@routes("downloadTask")
def download_task(state: State, call: Call) -> Answer:
    """Pack the result of one task, as `download_job` does for a job."""
    job, task_id = _job(state, call), call.path["task_id"]
    task = next((task for task in job.tasks if task.id == task_id), None)
    if task is None:
        raise call.unknown("task", task_id)
    if task.skipped or not task.course.succeeded(state.now):
        raise bad_request("the task is not completed", {"id": task.id})
    if task.package is None:
        task.package = _package(state, call, "task_package", task.id, job.workflow)
    status, url = _packed(state, task.package)
    identity = {"id": task.id, "job_id": job.id, "workflow_id": job.workflow.id}
    return Answer({**identity, "status": status, "signed_url": url})


def _workflow(state: State, call: Call) -> Workflow:
    id = call.path["workflow_id"]
    if id not in state.workflows:
        raise call.unknown("workflow", id)
    call.require_project(state.workflows[id].project_id)
    return state.workflows[id]


def _job(state: State, call: Call) -> Job:
    workflow, id = _workflow(state, call), call.path["job_id"]
    job = state.jobs.get(id)
    if job is None or job.workflow is not workflow:
        raise call.unknown("job", id)
    return job


def _require_same_project(call: Call, workflow: Workflow) -> None:
    project_id = call.query["project_id"]
    call.require_project(project_id)
    if project_id != workflow.project_id:
        raise bad_request("project_id: the workflow belongs to another project", {"project_id": project_id})


def _planned_tasks(state: State, workflow: Workflow, outcome: Outcome) -> list[JobTask]:
    """The tasks; each starts when its predecessors have ended. A failure hits the second task, or the only one."""
    seconds = {(block.name, block.version): block.seconds for block in state.blocks}
    struck = workflow.steps[min(1, len(workflow.steps) - 1)].name
    tasks: dict[str, JobTask] = {}
    for step in workflow.steps:
        id = state.new_id("job_task")
        before = [tasks[name] for name in step.after]
        fate = outcome if step.name == struck else Outcome.SUCCESS
        begins = max((task.course.ends for task in before), default=times.later(state.now, 2))
        duration = state.seconds("job_task", id, seconds[step.block, step.version])
        skipped = any(task.skipped or task.course.outcome is not Outcome.SUCCESS for task in before)
        tasks[step.name] = JobTask(id, step, Course(begins, duration, fate), skipped)
    return list(tasks.values())


def _package(state: State, call: Call, kind: str, id: str, workflow: Workflow) -> Package:
    """Results over the newest clear image of the workflow's area."""
    scenes, _ = state.archive.search(
        collections=["sentinel-2-l2a"], geometry=workflow.geometry, max_cloud=20, limit=1
    )
    state.record(call.operation.id, id, id)
    return state.package(kind, id, workflow.geometry, scenes, _BANDS)


def _packed(state: State, package: Package) -> tuple[str, str]:
    return package.course.word(state.now, _PACKAGE_WORDS), state.signed_url(package)


def _listed(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "project_id": workflow.project_id,
        "legacy_project_id": workflow.legacy_project_id,
        "name": workflow.name,
        "description": workflow.description,
        "created_by": workflow.created_by,
        "created_at": times.zulu(workflow.made_at),
        "updated_at": times.zulu(workflow.made_at),
    }


def _definition(workflow: Workflow) -> dict[str, Any]:
    """The graph; its form is ours, because the vendor does not document it."""
    return {
        "blocks": [
            {"name": step.name, "block": {"name": step.block, "version": step.version}}
            for step in workflow.steps
        ],
        "edges": [{"from": name, "to": step.name} for step in workflow.steps for name in step.after],
    }


def _job_listed(state: State, job: Job) -> dict[str, Any]:
    now, course = state.now, job.course
    return {
        "id": job.id,
        "workflow_id": job.workflow.id,
        "status": course.word(now, _WORDS),
        "progress": str(course.progress(now)),
        "cost": job.workflow.cost,
        "time_taken": _spent(course, now),
        "estimated_duration": round(course.seconds),
        "created_by": job.user_id,
        "created_at": times.zulu(job.created_at),
        "updated_at": times.zulu(course.touched(now)),
        "finished_at": times.zulu(course.ends) if course.settled(now) else None,
    }


def _job_detail(state: State, job: Job) -> dict[str, Any]:
    started = min(task.course.begins for task in job.tasks)
    begun = state.now >= started
    return {
        **_job_listed(state, job),
        "exec_created_at": times.zulu(started) if begun else None,
        "exec_updated_at": times.zulu(job.course.touched(state.now)) if begun else None,
        "tasks": [_task(state, job, task) for task in job.tasks],
        "val_errors": [],
        "spec": _definition(job.workflow),
    }


def _task(state: State, job: Job, task: JobTask) -> dict[str, Any]:
    now, course, step = state.now, task.course, task.step
    waits = task.skipped or now < course.begins
    failed = not waits and course.failed(now)
    ended = not waits and course.settled(now)
    begun_at = None if waits else times.zulu(course.begins)
    ended_at = times.zulu(course.ends) if ended else None
    return {
        "id": task.id,
        "name": step.name,
        "status": "pending" if waits else course.word(now, Words(("running",), "completed", "failed")),
        "state_msg": _state_message(job, task, now, failed=failed),
        "progress": 0 if waits else course.progress(now),
        "depends_on": list(step.after),
        "inputs": [],
        "result": _result(state, task, step) if ended and not failed else None,
        "info_logs": None,
        "err_msg": "the model found no usable pixel" if failed else "",
        "failure_type": "MODEL_ERROR" if failed else "",
        "disclaimer": [],
        "block_info": {"id": f"blk-{step.block}", "name": step.block, "version": step.version},
        "estimated_time_duration": round(course.seconds),
        "time_taken": "0s" if waits else _spent(course, now),
        "created_at": times.zulu(job.created_at),
        "updated_at": times.zulu(job.created_at if waits else course.touched(now)),
        "finished_at": ended_at,
        "recv_time": begun_at,
        "send_time": begun_at,
        "block_inf_start_time": begun_at,
        "block_inf_end_time": ended_at,
    }


def _state_message(job: Job, task: JobTask, now: datetime, *, failed: bool) -> str:
    if failed:
        return "failed in the model"
    if task.skipped and job.course.settled(now):
        return "not begun: a task before it failed"
    return ""


def _result(state: State, task: JobTask, step: Step) -> list[dict[str, Any]]:
    """The results of a task: the outputs of its block with their values; the form is ours."""
    outputs = next(
        block.answer["spec"]["outputs"]
        for block in state.blocks
        if (block.name, block.version) == (step.block, step.version)
    )
    return [{**output, "value": f"s3://sandbox/{task.id}/{output['name']}.tif"} for output in outputs]


def _spent(course: Course, now: datetime) -> str:
    """Time taken so far, for human readers: `1m20s`."""
    seconds = round((course.touched(now) - course.begins).total_seconds())
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"
