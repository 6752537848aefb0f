"""Tasks: what they are, what their agents said, and what people tell them."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Actor, CommandId, Cursor, Limit, Services, TheServices, TheSession
from api.editing import IfMatch, change_document
from api.routes.attempts import write_transcript
from models.contracts.agents import InboxMessage
from models.contracts.attempts import Transcript
from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.checks import TaskRound
from models.contracts.commands import (
    CommandAccepted,
    SendMessage,
    TaskCommand,
    TaskCommandBody,
    TaskCommandName,
)
from models.contracts.phases import Phase
from models.contracts.revisions import DocumentView
from models.contracts.tasks import (
    ChangeTask,
    Dependencies,
    SetDependencies,
    TaskList,
    TaskPage,
    TaskState,
    TaskView,
)
from models.errors import Conflict, InvalidInput
from models.rules.actions import task_command_refusal
from models.rules.dag import find_cycle
from models.rules.edits import Json, patch_item
from models.store import conversations, inbox, specs, task_views
from models.store.database import Session

router = APIRouter(tags=["tasks"])


@router.get("/specs/{spec_id}/tasks")
async def list_tasks(spec_id: SpecId, session: TheSession) -> TaskList:
    """The tasks of a spec, in plan order."""
    return await task_views.list_tasks(session, spec_id)


@router.get("/tasks/{task_id}")
async def get_task(task_id: TaskId, session: TheSession) -> TaskView:
    """One task."""
    return await task_views.get_task(session, task_id)


@router.get("/tasks")
async def list_all_tasks(
    session: TheSession,
    project_id: ProjectId | None = None,
    state: TaskState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TaskPage:
    """Tasks of one project or of all, by id."""
    return await task_views.page(
        session, project_id=project_id, state=state, cursor=cursor, limit=limit
    )


@router.patch("/tasks/{task_id}")
async def change_task(
    task_id: TaskId, body: ChangeTask, session: TheSession, actor: Actor, etag: IfMatch
) -> DocumentView:
    """Change a planned task in the draft of its plan, as it is edited; saving it makes it so."""
    task = await task_views.get_task(session, task_id)
    given = body.model_dump(mode="json", exclude_none=True)
    return await _plan(session, task, given, actor, etag)


@router.get("/tasks/{task_id}/dependencies")
async def get_dependencies(task_id: TaskId, session: TheSession) -> Dependencies:
    """What a task waits for, and what waits for it."""
    task = await task_views.get_task(session, task_id)
    others = (await task_views.list_tasks(session, task.spec_id)).items
    after = tuple(t.local_id for t in others if task.local_id in t.depends_on)
    return Dependencies(depends_on=task.depends_on, dependents=after)


@router.put("/tasks/{task_id}/dependencies")
async def set_dependencies(
    task_id: TaskId, body: SetDependencies, session: TheSession, actor: Actor, etag: IfMatch
) -> DocumentView:
    """Say in the draft of the plan what a task waits for; 409 ``dependency-cycle`` with the cycle."""
    task = await task_views.get_task(session, task_id)
    others = (await task_views.list_tasks(session, task.spec_id)).items
    needs = {t.local_id: t.depends_on for t in others} | {task.local_id: body.depends_on}
    missing = [name for name in body.depends_on if name not in needs]
    if missing:
        msg = f"The plan has no task {missing[0]}."
        raise InvalidInput(msg, code="unknown-task")
    cycle = find_cycle(needs)
    if cycle:
        msg = f"That would be a cycle: {' → '.join(cycle)}."
        raise Conflict(msg, code="dependency-cycle")
    given: Json = {"depends_on": list(body.depends_on)}
    return await _plan(session, task, given, actor, etag)


async def _plan(session: Session, task: TaskView, given: Json, by: str, etag: str) -> DocumentView:
    """Put a change of one task into the draft of its plan."""
    return await change_document(
        session,
        task.spec_id,
        Phase.TASKS,
        etag,
        by,
        lambda document: patch_item(document, "tasks", task.local_id, given),
    )


@router.get("/tasks/{task_id}/rounds")
async def list_rounds(task_id: TaskId, session: TheSession) -> tuple[TaskRound, ...]:
    """Every check of a task with its evidence, by round, oldest first."""
    await task_views.get_task(session, task_id)
    return await specs.list_rounds(session, task_id)


@router.get("/tasks/{task_id}/transcript")
async def get_task_transcript(
    task_id: TaskId,
    session: TheSession,
    round_number: Annotated[int | None, Query(alias="round", ge=1, description="last one")] = None,
    cursor: Annotated[int, Query(ge=0, le=10_000, description="the last turn seen")] = 0,
    before: Annotated[
        int | None, Query(ge=1, le=10_000, description="going back: the first turn seen")
    ] = None,
    limit: Limit = 50,
) -> Transcript:
    """What the agent said in a round and what its tools gave back, turn by turn, both ways."""
    task = await task_views.get_task(session, task_id)
    conversation = conversations.of_round(task_id, round_number or max(task.round, 1))
    return await write_transcript(session, conversation, cursor, before, limit)


@router.get("/tasks/{task_id}/messages")
async def list_messages(task_id: TaskId, session: TheSession) -> tuple[InboxMessage, ...]:
    """What people said to the agent, and at which turn it was read; oldest first."""
    await task_views.get_task(session, task_id)
    return await inbox.list_messages(session, task_id)


@router.post("/tasks/{task_id}/messages", status_code=202)
async def send_message(
    task_id: TaskId,
    body: SendMessage,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Tell the agent something; it reads it between two turns. 409 when the task has ended."""
    name = TaskCommandName.MESSAGE
    return await give_task_command(services, task_id, name, actor, command_id, body.text)


@router.post("/tasks/{task_id}/start", status_code=202)
async def start_task(
    task_id: TaskId, services: TheServices, actor: Actor, command_id: CommandId
) -> CommandAccepted:
    """Start a task again that failed or was stopped; the same as its command."""
    return await give_task_command(services, task_id, TaskCommandName.START, actor, command_id)


@router.post("/tasks/{task_id}/cancel", status_code=202)
async def cancel_task(
    task_id: TaskId, services: TheServices, actor: Actor, command_id: CommandId
) -> CommandAccepted:
    """End a task; the same as its command."""
    return await give_task_command(services, task_id, TaskCommandName.CANCEL, actor, command_id)


@router.post("/tasks/{task_id}/retry", status_code=202)
async def retry_task(
    task_id: TaskId, services: TheServices, actor: Actor, command_id: CommandId
) -> CommandAccepted:
    """Send a task back that failed or was stopped; the same as its command."""
    return await give_task_command(services, task_id, TaskCommandName.RETRY, actor, command_id)


@router.post("/tasks/{task_id}/commands/{name}", status_code=202)
async def command_task(
    task_id: TaskId,
    name: TaskCommandName,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
    body: TaskCommandBody | None = None,
) -> CommandAccepted:
    """Give a command on a task; 409 with the reason when it is not allowed now."""
    body = body or TaskCommandBody()
    if name == TaskCommandName.MESSAGE and not body.text:
        msg = "Say what to tell the agent."
        raise InvalidInput(msg, code="message-empty")
    command = TaskCommand(
        id=command_id, name=name, task_id=task_id, by=actor, text=body.text, commit=body.commit
    )
    return await _give(services, command)


async def give_task_command(
    services: Services,
    task_id: TaskId,
    name: TaskCommandName,
    actor: str,
    command_id: str,
    text: str = "",
) -> CommandAccepted:
    """Give a command that needs no more than a text.

    Raises:
        Conflict: it is not allowed now.
    """
    return await _give(
        services, TaskCommand(id=command_id, name=name, task_id=task_id, by=actor, text=text)
    )


async def _give(services: Services, command: TaskCommand) -> CommandAccepted:
    """Hand a command on, unless the read model already forbids it.

    Raises:
        Conflict: it is not allowed now.
    """
    async with services.database.begin() as session:
        task = await task_views.get_task(session, command.task_id)
        spec = await specs.get_view(session, task.spec_id)
    reason = task_command_refusal(command.name, task.state, spec.status)
    if reason is not None:
        raise Conflict(reason, code="command-not-allowed")
    return await services.gateway.command_task(task.spec_id, command)
