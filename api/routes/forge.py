"""A spec's branch and pull request, asked for by people; and the start of tasks."""

from fastapi import APIRouter

from api.deps import Actor, CommandId, Services, TheServices
from models.contracts.base import SpecId
from models.contracts.commands import CommandName, SpecCommand, TaskCommand, TaskCommandName
from models.contracts.forges import (
    BranchCreatedAnswer,
    CreatePullRequest,
    ForgeRequest,
    ForgeResult,
    PullRequestAnswer,
)
from models.contracts.overviews import StartTasks, TasksStarted
from models.contracts.repositories import PullRequest
from models.contracts.specs import SpecStatus, SpecView
from models.contracts.tasks import TaskView
from models.errors import Conflict, NotFound
from models.rules.actions import task_command_refusal
from models.rules.dag import DONE
from models.store import specs, task_views

router = APIRouter(prefix="/specs/{spec_id}", tags=["forge"])


async def _read(services: Services, spec_id: SpecId) -> tuple[SpecView, tuple[TaskView, ...]]:
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
        return view, (await task_views.list_tasks(session, spec_id)).items


async def _act(services: Services, view: SpecView, kind: str, by: str) -> ForgeResult:
    request = ForgeRequest.model_validate(
        {"kind": kind, "spec_id": view.id, "project_id": view.project_id, "by": by}
    )
    return await services.gateway.errand(request)


@router.post("/create-branch")
async def create_branch(
    spec_id: SpecId, services: TheServices, actor: Actor
) -> BranchCreatedAnswer:
    """Make the spec's branch at the commit it was planned against; one that is there is the answer.

    SYNC makes it by itself, with the documents as its first commit.
    """
    view, _ = await _read(services, spec_id)
    made = await _act(services, view, "create_branch", actor)
    return BranchCreatedAnswer(branch_name=made.branch or "")


@router.post("/create-pr")
async def create_pr(
    spec_id: SpecId, services: TheServices, actor: Actor, body: CreatePullRequest | None = None
) -> PullRequestAnswer:
    """Make the pull request, or find the one that is there.

    409 ``tasks-not-complete`` while tasks are not merged, unless ``force`` is set.
    """
    view, tasks = await _read(services, spec_id)
    open_tasks = [task for task in tasks if task.state not in DONE]
    missing = view.pull_request_number is None
    if missing and (open_tasks or not tasks) and not (body is not None and body.force):
        msg = f"{len(open_tasks)} of {len(tasks)} tasks are not merged; force it to go on anyway."
        raise Conflict(msg, code="tasks-not-complete")
    made = await _act(services, view, "create_pull_request", actor)
    return _answer(made)


def _answer(made: ForgeResult) -> PullRequestAnswer:
    found = _record(made)
    return PullRequestAnswer(
        pr_number=found.number, pr_url=found.url, already_exists=made.already_exists
    )


def _record(made: ForgeResult) -> PullRequest:
    if made.pull_request is None:
        msg = "This spec has no pull request."
        raise NotFound(msg, code="pull-request-not-found")
    return made.pull_request


@router.post("/pull-request/merge")
async def merge_pull_request(spec_id: SpecId, services: TheServices, actor: Actor) -> PullRequest:
    """Merge the branch into its target on the forge, and record it; 409 when it conflicts."""
    view, _ = await _read(services, spec_id)
    return _record(await _act(services, view, "merge", actor))


@router.post("/pull-request/close")
async def close_pull_request(spec_id: SpecId, services: TheServices, actor: Actor) -> PullRequest:
    """Close the pull request without merging it; the branch stays."""
    view, _ = await _read(services, spec_id)
    return _record(await _act(services, view, "close", actor))


@router.post("/execute-tasks", status_code=202)
async def execute_tasks(
    spec_id: SpecId,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
    body: StartTasks | None = None,
) -> TasksStarted:
    """Go on with the tasks: resume a paused spec, and start those again that failed or were stopped.

    Tasks that wait start by themselves. 409 ``nothing-to-start`` when there is nothing to do.
    """
    view, tasks = await _read(services, spec_id)
    resumed = view.status == SpecStatus.PAUSED
    if resumed:
        resume = SpecCommand(id=f"{command_id}/resume", name=CommandName.RESUME, by=actor)
        await services.gateway.command(spec_id, resume)
        view, tasks = await _read(services, spec_id)
    wanted = body.task_ids if body is not None else None
    chosen = [task for task in tasks if wanted is None or task.id in wanted]
    if wanted is not None and len(chosen) != len(set(wanted)):
        msg = "One of these is not a task of this spec."
        raise NotFound(msg, code="task-not-found")
    started: list[str] = []
    for task in chosen:
        if task_command_refusal(TaskCommandName.START, task.state, view.status) is None:
            await _start(services, task, actor, f"{command_id}/{task.local_id}")
            started.append(task.local_id)
    if not started and not resumed:
        msg = "No task failed or was stopped; those that wait start by themselves."
        raise Conflict(msg, code="nothing-to-start")
    return TasksStarted(started=tuple(started), resumed=resumed)


async def _start(services: Services, task: TaskView, by: str, command_id: str) -> None:
    command = TaskCommand(id=command_id, name=TaskCommandName.START, task_id=task.id, by=by)
    await services.gateway.command_task(task.spec_id, command)
