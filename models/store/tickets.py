"""Tickets that people make; those of a plan are written with it."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import SpecId, TaskId, TicketId
from models.contracts.events import EventSource, Fact, NewEvent
from models.contracts.plans import PlannedTask, PlannedTicket
from models.contracts.specs import SpecInput, SpecStatus
from models.contracts.task_facts import TaskCreated, TicketCommented, TicketCreated, TicketMoved
from models.contracts.tasks import TaskView
from models.contracts.tickets import ChangeTicket, Column, CreateTicket, Ticket, TicketComment
from models.errors import NotFound
from models.rules.board import column_of_run
from models.store import events, plans
from models.store.database import Session
from models.store.identifiers import new_id
from models.tables.boards import CommentRow
from models.tables.specs import TicketRow

_MINUTES: Final = 30


async def open_ticket(
    session: Session, launch: SpecInput, body: CreateTicket, status: SpecStatus
) -> None:
    """Write a person's ticket of a run that was just created, and its task when it is a quick one."""
    planned = PlannedTicket(
        id=plans.OWN_TICKET, title=body.title, description=body.description, priority=body.priority
    )
    ticket_id = TicketId(plans.local_uuid(launch.spec_id, planned.id))
    begun = body.is_quick and status != SpecStatus.DRAFT
    place = Column.READY if begun else column_of_run(status)
    await plans.add_ticket(session, launch.project_id, launch.spec_id, planned, place)
    facts: list[Fact] = [TicketCreated(ticket_id=ticket_id, title=body.title)]
    if launch.quick is not None:
        facts.append(await _open_task(session, launch, body, ticket_id))
    told = [
        NewEvent(dedup_key=f"ticket/{fact.event_type}", fact=fact, source=EventSource.SYSTEM)
        for fact in facts
    ]
    await events.append(session, launch.project_id, launch.spec_id, told)


async def _open_task(
    session: Session, launch: SpecInput, body: CreateTicket, ticket_id: TicketId
) -> TaskCreated:
    node = launch.quick
    if node is None:
        msg = "This run has no task of its own."
        raise NotFound(msg, code="task-not-found")
    task = PlannedTask(
        id=node.local_id,
        ticket_id=plans.OWN_TICKET,
        title=body.title,
        description=body.description or body.title,
        kind="implementation",
        priority=body.priority,
        estimate_minutes=_MINUTES,
        check_command=body.check_command,
    )
    view = TaskView(
        id=TaskId(node.task_id),
        spec_id=launch.spec_id,
        ticket_id=ticket_id,
        local_id=node.local_id,
        title=task.title,
        description=task.description,
        kind=task.kind,
        priority=task.priority,
        position=0,
    )
    await plans.add_task(session, launch.project_id, launch.spec_id, task, view)
    return TaskCreated(task_id=view.id, title=view.title, ticket_id=ticket_id, task=view)


def read_ticket(row: TicketRow) -> Ticket:
    """The ticket of a row."""
    return Ticket.model_validate(
        {
            **row.model_dump(),
            "run_id": row.spec_id,
            "column": row.place,
            "planned": row.local_id != plans.OWN_TICKET,
        }
    )


async def get_row(session: Session, ticket_id: TicketId, *, lock: bool = False) -> TicketRow:
    """The row of a ticket.

    Raises:
        NotFound: no such ticket.
    """
    row = await session.get(
        TicketRow, ticket_id, with_for_update=lock or None, populate_existing=True
    )
    if row is None or (row.retired and row.local_id == plans.OWN_TICKET):
        msg = "There is no such ticket."
        raise NotFound(msg, code="ticket-not-found", ticket_id=str(ticket_id))
    return row


async def get(session: Session, ticket_id: TicketId) -> Ticket:
    """One ticket.

    Raises:
        NotFound: no such ticket.
    """
    return read_ticket(await get_row(session, ticket_id))


async def of_run(session: Session, spec_id: SpecId) -> Ticket:
    """The ticket that a person made of this run.

    Raises:
        NotFound: it was not made by a ticket.
    """
    found = await session.execute(
        select(TicketRow).where(
            col(TicketRow.spec_id) == spec_id, col(TicketRow.local_id) == plans.OWN_TICKET
        )
    )
    row = found.scalar()
    if row is None:
        msg = "This run was not made by a ticket."
        raise NotFound(msg, code="ticket-not-found")
    return read_ticket(row)


async def move(session: Session, ticket: Ticket, to: Column, by: str) -> None:
    """Put a ticket where a person wants it, and say so."""
    row = await get_row(session, ticket.id)
    row.place = to.value
    await session.flush()
    fact = TicketMoved(
        ticket_id=ticket.id, title=ticket.title, column=to, before=ticket.column, by=by
    )
    await _tell(session, ticket, fact)


async def change(session: Session, ticket: Ticket, body: ChangeTicket) -> Ticket:
    """Change a person's ticket, and the run that has not begun with it."""
    row = await get_row(session, ticket.id, lock=True)
    row.title = body.title or row.title
    row.description = row.description if body.description is None else body.description
    row.priority = body.priority or row.priority
    await session.flush()
    return read_ticket(row)


async def retire(session: Session, ticket_id: TicketId) -> None:
    """Take a ticket off the board."""
    row = await get_row(session, ticket_id)
    row.retired = True
    await session.flush()


async def comment(
    session: Session, ticket: Ticket, comment_id: UUID, author: str, text: str
) -> TicketComment:
    """Say something about a ticket; a repeat with the same id changes nothing."""
    values = {"id": comment_id, "ticket_id": ticket.id, "author": author, "text": text}
    await session.execute(insert(CommentRow).values(values).on_conflict_do_nothing())
    await _tell_comment(session, ticket, comment_id, author, text, "added")
    return await get_comment(session, ticket.id, comment_id)


async def change_comment(
    session: Session, ticket: Ticket, comment_id: UUID, author: str, text: str
) -> TicketComment:
    """Say it in other words.

    Raises:
        NotFound: no such comment.
    """
    await get_comment(session, ticket.id, comment_id)
    await session.execute(
        update(CommentRow)
        .where(col(CommentRow.id) == comment_id)
        .values(text=text, updated_at=datetime.now(UTC))
    )
    await _tell_comment(session, ticket, comment_id, author, text, "changed")
    return await get_comment(session, ticket.id, comment_id)


async def drop_comment(session: Session, ticket: Ticket, comment_id: UUID, author: str) -> None:
    """Take a comment back.

    Raises:
        NotFound: no such comment.
    """
    await get_comment(session, ticket.id, comment_id)
    await session.execute(delete(CommentRow).where(col(CommentRow.id) == comment_id))
    await _tell_comment(session, ticket, comment_id, author, "", "removed")


async def get_comment(session: Session, ticket_id: TicketId, comment_id: UUID) -> TicketComment:
    """One comment of this ticket.

    Raises:
        NotFound: no such comment.
    """
    row = await session.get(CommentRow, comment_id, populate_existing=True)
    if row is None or row.ticket_id != ticket_id:
        msg = "There is no such comment."
        raise NotFound(msg, code="comment-not-found", comment_id=str(comment_id))
    return TicketComment.model_validate(row, from_attributes=True)


async def list_comments(session: Session, ticket_id: TicketId) -> tuple[TicketComment, ...]:
    """The comments of a ticket, oldest first."""
    found = await session.execute(
        select(CommentRow)
        .where(col(CommentRow.ticket_id) == ticket_id)
        .order_by(col(CommentRow.created_at), col(CommentRow.id))
    )
    return tuple(TicketComment.model_validate(row, from_attributes=True) for row in found.scalars())


async def _tell_comment(
    session: Session, ticket: Ticket, comment_id: UUID, by: str, text: str, action: str
) -> None:
    fact = TicketCommented.model_validate(
        {
            "ticket_id": ticket.id,
            "comment_id": comment_id,
            "by": by,
            "text": text[:500],
            "action": action,
        }
    )
    await _tell(session, ticket, fact)


async def _tell(session: Session, ticket: Ticket, fact: Fact) -> None:
    if ticket.run_id is None:
        return
    told = NewEvent(dedup_key=f"ticket/{new_id()}", fact=fact, source=EventSource.SYSTEM)
    await events.append(session, ticket.project_id, ticket.run_id, [told])
