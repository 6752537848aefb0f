"""A project's board: its columns, and the start of what waits in them."""

from fastapi import APIRouter

from api.deps import Actor, TheServices, TheSession
from api.routes.launches import start_once
from models.contracts.base import ProjectId
from models.contracts.events import EventSource, RawEvent
from models.contracts.specs import SpecStatus
from models.contracts.tickets import (
    Board,
    ChangeColumn,
    Column,
    ProcessingStarted,
    StartedTicket,
    StartProcessing,
    TicketCard,
)
from models.errors import AppError, NotFound
from models.rules.board import start_refusal
from models.store import boards, events, projects, specs
from models.store.database import Session
from models.store.identifiers import new_id

router = APIRouter(prefix="/projects/{project_id}/board", tags=["board"])


@router.get("")
async def get_board(project_id: ProjectId, session: TheSession) -> Board:
    """The board: columns with their tickets, by priority and age."""
    await projects.get(session, project_id)
    return await boards.get_board(session, project_id)


@router.put("/columns/{column}")
async def change_column(
    project_id: ProjectId, column: Column, body: ChangeColumn, session: TheSession, actor: Actor
) -> Board:
    """Name a column, and say how many tickets it takes."""
    await projects.get(session, project_id)
    await boards.change_column(session, project_id, column, body)
    told = RawEvent(
        dedup_key=f"board/{new_id()}",
        event_type="board.column_changed",
        data={"column": column.value, "wip_limit": body.wip_limit, "by": actor},
        source=EventSource.SYSTEM,
    )
    await events.append(session, project_id, None, [told])
    return await boards.get_board(session, project_id)


@router.post("/start-processing")
async def start_processing(
    project_id: ProjectId, body: StartProcessing, services: TheServices
) -> ProcessingStarted:
    """Start tickets that wait, by priority and age, as many as the column in progress takes.

    With ``dry_run`` nothing starts: the answer says what would. A ticket that cannot start says why,
    and does not hold the others up.
    """
    async with services.database.begin() as session:
        await projects.get(session, project_id)
        chosen = await _chosen(session, project_id, body)
        room = await boards.room_in(session, project_id, Column.IN_PROGRESS)
    results: list[StartedTicket] = []
    for card in chosen:
        reason = start_refusal(card.run_status, room)
        if reason is None and not body.dry_run:
            reason = await _start(services, card)
        if reason is None and room is not None:
            room -= 1
        results.append(
            StartedTicket(
                ticket_id=card.id, title=card.title, started=reason is None, reason=reason
            )
        )
    return ProcessingStarted(items=tuple(results), dry_run=body.dry_run)


async def _chosen(
    session: Session, project_id: ProjectId, body: StartProcessing
) -> list[TicketCard]:
    """The tickets that are named, or all drafts.

    Raises:
        NotFound: one is not a ticket of this project.
    """
    if body.ticket_ids is None:
        board = await boards.get_board(session, project_id)
        waiting = (c for c in board.columns if c.name in {Column.BACKLOG, Column.READY})
        return [t for c in waiting for t in c.tickets if t.run_status == SpecStatus.DRAFT]
    cards = [await boards.get_card(session, ticket_id) for ticket_id in body.ticket_ids]
    if any(card.project_id != project_id for card in cards):
        msg = "One of these tickets belongs to another project."
        raise NotFound(msg, code="ticket-not-found")
    return cards


async def _start(services: TheServices, card: TicketCard) -> str | None:
    """Start one ticket; why not, when it cannot."""
    if card.run_id is None:
        return "It has nothing to run."
    try:
        async with services.database.begin() as session:
            launch = await specs.get_launch(session, card.run_id)
        await start_once(services, launch)
    except AppError as error:
        return error.detail
    return None
