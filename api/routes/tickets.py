"""Tickets: made with the way they are worked on, read, changed, moved and talked about."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from api.deps import Actor, CommandId, Cursor, Limit, Services, TheServices, TheSession
from api.routes.launches import offered_models, start_once
from api.streams import send_page
from models.contracts.base import ProjectId, SpecId, TicketId
from models.contracts.events import EventPage
from models.contracts.specs import LaunchSpec, SpecInput, SpecStatus
from models.contracts.tasks import TaskList
from models.contracts.tickets import (
    Blocking,
    ChangeTicket,
    Column,
    CreateTicket,
    MoveTicket,
    Ticket,
    TicketCard,
    TicketComment,
    TicketCommit,
    TicketMade,
    TicketPage,
    WriteComment,
)
from models.errors import Conflict
from models.rules.board import change_refusal, delete_refusal, move_refusal
from models.rules.launch import first_view, prepare_launch, prepare_quick
from models.store import boards, event_lines, projects, specs, tickets
from models.store.database import Session
from models.store.event_lines import EventLines
from models.store.identifiers import new_id

router = APIRouter(prefix="/tickets", tags=["tickets"])
_REASONING = ("agent.started", "agent.turn", "agent.message", "agent.question", "agent.completed",
              "agent.failed", "question.asked", "question.answered", "question.assumed",
              "task.check_failed", "task.conflict", "task.failed", "task.merged")  # fmt: skip


@router.get("")
async def list_tickets(
    session: TheSession,
    project_id: ProjectId | None = None,
    spec_id: SpecId | None = None,
    column: Column | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TicketPage:
    """Tickets, newest first."""
    return await boards.page(
        session, project_id=project_id, spec_id=spec_id, column=column, cursor=cursor, limit=limit
    )


@router.post("", status_code=202)
async def create_ticket(
    body: CreateTicket,
    services: TheServices,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> TicketMade:
    """Make a ticket and start its work: one task at once, or a spec that plans it first.

    A quick task needs a project whose commands are confirmed. Both are stored before their workflow
    starts, so the same call with the same Idempotency-Key starts it once.
    """
    raw = f"ticket{body.model_dump_json()}".encode()
    async with services.database.begin() as session:
        known = await specs.find_launch(session, idempotency_key, raw) if idempotency_key else None
        if known is None:
            launch = await _prepare(services, body)
            view = first_view(launch, datetime.now(UTC), auto_execute=body.start)
            known = await specs.create(session, launch, view, idempotency_key, raw)
            if known == launch.spec_id:
                await tickets.open_ticket(session, launch, body, view.status)
        launch = await specs.get_launch(session, known)
        ticket = await tickets.of_run(session, known)
    if body.start:
        await start_once(services, launch)
    return _made(launch, ticket, started=body.start)


def _made(launch: SpecInput, ticket: Ticket, *, started: bool) -> TicketMade:
    quick = launch.quick
    running = "An agent works on it." if quick is not None else "The spec is running."
    return TicketMade(
        ticket=ticket,
        run_id=launch.spec_id,
        task_id=quick.task_id if quick is not None else None,
        message=running if started else "It waits in the backlog; move it to start it.",
    )


async def _prepare(services: Services, body: CreateTicket) -> SpecInput:
    """The run that a ticket becomes."""
    async with services.database.begin() as session:
        project = await projects.get_active(session, body.project_id)
    launch = prepare_launch(
        LaunchSpec(
            title=body.title,
            description=body.description or body.title,
            project_id=body.project_id,
            settings=body.settings,
        ),
        project,
        SpecId(new_id()),
        offered=offered_models(services),
        timings=services.execution.timings(),
    )
    return prepare_quick(launch, body) if body.is_quick else launch


@router.get("/{ticket_id}")
async def get_ticket(ticket_id: TicketId, session: TheSession) -> TicketCard:
    """One ticket."""
    return await boards.get_card(session, ticket_id)


@router.patch("/{ticket_id}")
async def change_ticket(
    ticket_id: TicketId, body: ChangeTicket, session: TheSession, actor: Actor
) -> TicketCard:
    """Change a ticket that has not begun; one of a plan changes with its plan."""
    ticket = await boards.get_card(session, ticket_id)
    if ticket.planned:
        msg = "This ticket belongs to a spec's plan; change it in the plan's document."
        raise Conflict(msg, code="ticket-planned")
    reason = change_refusal(ticket.run_status)
    if reason is not None or ticket.run_id is None:
        raise Conflict(reason or "It has nothing to run.", code="ticket-begun")
    changed = await tickets.change(session, ticket, body)
    await specs.change_draft(
        session, ticket.run_id, by=actor, title=changed.title, description=changed.description
    )
    return await boards.get_card(session, ticket_id)


@router.delete("/{ticket_id}", status_code=204)
async def delete_ticket(ticket_id: TicketId, session: TheSession) -> None:
    """Take a ticket off the board whose work has not begun, or has ended."""
    ticket = await boards.get_card(session, ticket_id)
    if ticket.planned:
        msg = "This ticket belongs to a spec's plan; drop it from the plan's document."
        raise Conflict(msg, code="ticket-planned")
    reason = delete_refusal(ticket.run_status)
    if reason is not None:
        raise Conflict(reason, code="ticket-begun")
    await tickets.retire(session, ticket_id)


@router.post("/{ticket_id}/move")
async def move_ticket(
    ticket_id: TicketId, body: MoveTicket, services: TheServices, actor: Actor
) -> TicketCard:
    """Move a ticket: people order what has not begun, and start a draft by moving it to its work.

    Everything else its tasks do, so a started ticket moves when its work does. 409
    ``move-not-allowed`` with the reason, or ``wip-limit-reached``.
    """
    async with services.database.begin() as session:
        ticket = await boards.get_card(session, ticket_id)
        draft = ticket.run_status == SpecStatus.DRAFT
        reason = move_refusal(ticket.column, body.column, draft=draft)
        if reason is not None:
            raise Conflict(reason, code="move-not-allowed")
        if body.column == ticket.column:
            return ticket
        await _check_room(session, ticket.project_id, body.column)
        launch = await specs.get_launch(session, ticket.run_id) if ticket.run_id else None
        starts = body.column == Column.IN_PROGRESS and launch is not None
        if not starts:
            await tickets.move(session, ticket, body.column, actor)
    if starts and launch is not None:
        await start_once(services, launch)
    async with services.database.begin() as session:
        return await boards.get_card(session, ticket_id)


async def _check_room(session: Session, project_id: ProjectId, column: Column) -> None:
    """See that the column takes one more.

    Raises:
        Conflict: ``wip-limit-reached``.
    """
    if await boards.room_in(session, project_id, column) == 0:
        msg = "This column holds as many tickets as it may."
        raise Conflict(msg, code="wip-limit-reached", column=column.value)


@router.get("/{ticket_id}/tasks")
async def list_ticket_tasks(ticket_id: TicketId, session: TheSession) -> TaskList:
    """The tasks of a ticket, in plan order."""
    await tickets.get(session, ticket_id)
    return TaskList(items=await boards.list_tasks(session, ticket_id))


@router.get("/{ticket_id}/commits")
async def list_ticket_commits(ticket_id: TicketId, session: TheSession) -> tuple[TicketCommit, ...]:
    """The merge commits of a ticket's tasks, oldest first."""
    await tickets.get(session, ticket_id)
    return await boards.list_commits(session, ticket_id)


@router.get("/{ticket_id}/blocking")
async def get_blocking(ticket_id: TicketId, session: TheSession) -> Blocking:
    """What a ticket waits for, and what waits for it."""
    return await boards.get_blocking(session, ticket_id)


@router.get("/{ticket_id}/reasoning", response_model=EventPage)
async def list_reasoning(
    ticket_id: TicketId,
    session: TheSession,
    cursor: Annotated[int, Query(ge=0, le=2**31 - 1, description="the last seq seen")] = 0,
    limit: Limit = 50,
) -> Response:
    """What the agents of a ticket's tasks did, asked and were told, in ``seq`` order."""
    ticket = await tickets.get(session, ticket_id)
    tasks = await boards.list_tasks(session, ticket_id)
    if ticket.run_id is None:
        return send_page(EventLines((), None, 0))
    found = await event_lines.page(
        session,
        ticket.run_id,
        cursor=cursor,
        limit=limit,
        event_types=_REASONING,
        task_ids=[task.id for task in tasks],
    )
    return send_page(found)


@router.get("/{ticket_id}/comments")
async def list_comments(ticket_id: TicketId, session: TheSession) -> tuple[TicketComment, ...]:
    """The comments of a ticket, oldest first."""
    await tickets.get(session, ticket_id)
    return await tickets.list_comments(session, ticket_id)


@router.post("/{ticket_id}/comments", status_code=201)
async def write_comment(
    ticket_id: TicketId,
    body: WriteComment,
    session: TheSession,
    actor: Actor,
    command_id: CommandId,
) -> TicketComment:
    """Say something about a ticket; agents do not read it, messages to a task are for them."""
    ticket = await tickets.get(session, ticket_id)
    comment_id = uuid5(ticket_id, command_id)
    return await tickets.comment(session, ticket, comment_id, actor, body.text)


@router.patch("/{ticket_id}/comments/{comment_id}")
async def change_comment(
    ticket_id: TicketId, comment_id: UUID, body: WriteComment, session: TheSession, actor: Actor
) -> TicketComment:
    """Say it in other words."""
    ticket = await tickets.get(session, ticket_id)
    return await tickets.change_comment(session, ticket, comment_id, actor, body.text)


@router.delete("/{ticket_id}/comments/{comment_id}", status_code=204)
async def drop_comment(
    ticket_id: TicketId, comment_id: UUID, session: TheSession, actor: Actor
) -> None:
    """Take a comment back."""
    ticket = await tickets.get(session, ticket_id)
    await tickets.drop_comment(session, ticket, comment_id, actor)
