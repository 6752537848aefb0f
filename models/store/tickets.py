"""Tickets that people make; those of a plan are written with it."""

from typing import Final

from sqlalchemy import select
from sqlmodel import col

from models.contracts.base import SpecId, TaskId, TicketId
from models.contracts.events import EventSource, Fact, NewEvent
from models.contracts.plans import PlannedTask, PlannedTicket
from models.contracts.specs import SpecInput
from models.contracts.task_facts import TaskCreated, TicketCreated
from models.contracts.tasks import TaskView
from models.contracts.tickets import CreateTicket, Ticket
from models.errors import NotFound
from models.store import events, plans
from models.store.database import Session
from models.tables.specs import TicketRow

_MINUTES: Final = 30


async def open_ticket(session: Session, launch: SpecInput, body: CreateTicket) -> None:
    """Write a person's ticket of a run that was just created, and its task when it is a quick one."""
    planned = PlannedTicket(
        id=plans.OWN_TICKET, title=body.title, description=body.description, priority=body.priority
    )
    ticket_id = TicketId(plans.local_uuid(launch.spec_id, planned.id))
    await plans.add_ticket(session, launch.project_id, launch.spec_id, planned)
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


def _ticket(row: TicketRow) -> Ticket:
    return Ticket.model_validate({**row.model_dump(), "run_id": row.spec_id})


async def get(session: Session, ticket_id: TicketId) -> Ticket:
    """One ticket.

    Raises:
        NotFound: no such ticket.
    """
    row = await session.get(TicketRow, ticket_id)
    if row is None:
        msg = "There is no such ticket."
        raise NotFound(msg, code="ticket-not-found", ticket_id=str(ticket_id))
    return _ticket(row)


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
    return _ticket(row)
