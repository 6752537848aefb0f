"""The bridge's writes: planned tickets and tasks become rows, idempotent by ``uuid5``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId, TaskId, TicketId
from models.contracts.plans import PlannedTask, PlannedTicket
from models.contracts.tasks import TaskView
from models.contracts.tickets import Column
from models.store.database import Session
from models.tables.specs import TaskRow, TicketRow

OWN_TICKET: Final = "TICKET"  # the one that a person made; a plan never retires it


@dataclass(frozen=True)
class KnownTask:
    """A task that an earlier plan made: as it was planned, and as it stands."""

    plan: PlannedTask
    view: TaskView


async def known_tasks(session: Session, spec_id: SpecId) -> dict[str, KnownTask]:
    """Every task that the spec ever had, retired ones too, by local id."""
    found = await session.execute(
        select(TaskRow).where(col(TaskRow.spec_id) == spec_id).order_by(col(TaskRow.position))
    )
    return {
        row.local_id: KnownTask(
            PlannedTask.model_validate(row.plan), TaskView.model_validate(row.view)
        )
        for row in found.scalars()
    }


async def known_tickets(session: Session, spec_id: SpecId) -> set[str]:
    """Local ids of every ticket that the spec ever had."""
    found = await session.execute(
        select(col(TicketRow.local_id)).where(col(TicketRow.spec_id) == spec_id)
    )
    return set(found.scalars())


def local_uuid(spec_id: SpecId, local_id: str) -> UUID:
    """The id of what a plan calls ``TSK-001``: the same however often SYNC runs."""
    return uuid5(spec_id, local_id)


async def put_tickets(
    session: Session,
    project_id: ProjectId,
    spec_id: SpecId,
    spec_title: str,
    tickets: Sequence[PlannedTicket],
) -> None:
    """Write the plan's tickets in one statement; those no longer planned are retired."""
    rows = [_ticket_row(project_id, spec_id, spec_title, ticket) for ticket in tickets]
    await _upsert(session, TicketRow, rows, ("title", "description", "priority", "retired"))
    kept = [OWN_TICKET, *(ticket.id for ticket in tickets)]
    await session.execute(
        update(TicketRow)
        .where(col(TicketRow.spec_id) == spec_id, col(TicketRow.local_id).not_in(kept))
        .values(retired=True)
    )


async def put_tasks(
    session: Session,
    project_id: ProjectId,
    spec_id: SpecId,
    tasks: Sequence[tuple[PlannedTask, TaskView]],
) -> None:
    """Write the plan's tasks in one statement; an existing one keeps its state, and others are retired.

    What changes in the view of an existing task comes with its fact, in the same transaction.
    """
    rows = [_task_row(project_id, spec_id, planned, view) for planned, view in tasks]
    await _upsert(session, TaskRow, rows, ("ticket_id", "position", "plan", "retired"))
    kept = [planned.id for planned, _ in tasks]
    await session.execute(
        update(TaskRow)
        .where(col(TaskRow.spec_id) == spec_id, col(TaskRow.local_id).not_in(kept))
        .values(retired=True)
    )


async def add_ticket(
    session: Session,
    project_id: ProjectId,
    spec_id: SpecId,
    ticket: PlannedTicket,
    place: Column = Column.READY,
) -> None:
    """Write a ticket that no plan holds, in a column; a repeat changes nothing."""
    row = {**_ticket_row(project_id, spec_id, "", ticket), "place": place.value}
    await _upsert(session, TicketRow, [row], ("retired",))


async def add_task(
    session: Session, project_id: ProjectId, spec_id: SpecId, planned: PlannedTask, view: TaskView
) -> None:
    """Write a task that no plan holds; a repeat changes nothing."""
    await _upsert(session, TaskRow, [_task_row(project_id, spec_id, planned, view)], ("retired",))


def _ticket_row(
    project_id: ProjectId, spec_id: SpecId, spec_title: str, ticket: PlannedTicket
) -> dict[str, Any]:
    return {
        "id": TicketId(local_uuid(spec_id, ticket.id)),
        "project_id": project_id,
        "spec_id": spec_id,
        "local_id": ticket.id,
        "title": f"[Spec] {spec_title}: {ticket.title}" if spec_title else ticket.title,
        "description": ticket.description,
        "priority": ticket.priority,
        "context": {"spec_id": str(spec_id)},
        "retired": False,
    }


def _task_row(
    project_id: ProjectId, spec_id: SpecId, planned: PlannedTask, view: TaskView
) -> dict[str, Any]:
    return {
        "id": view.id,
        "project_id": project_id,
        "spec_id": spec_id,
        "ticket_id": view.ticket_id,
        "local_id": view.local_id,
        "position": view.position,
        "state": view.state.value,
        "plan": planned.model_dump(mode="json"),
        "result": {"spec_task_id": view.local_id, "spec_id": str(spec_id)},
        "view": view.model_dump(mode="json"),
        "retired": False,
    }


async def _upsert(
    session: Session,
    table: type[TicketRow] | type[TaskRow],
    rows: list[dict[str, Any]],
    changing: tuple[str, ...],
) -> None:
    """Insert rows in one statement; of those that are there only some columns change."""
    if not rows:
        return
    statement = insert(table).values(rows)
    changed = {name: statement.excluded[name] for name in changing}
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


async def get_planned_task(session: Session, task_id: TaskId) -> PlannedTask | None:
    """The planned task behind a task."""
    found = await session.execute(select(col(TaskRow.plan)).where(col(TaskRow.id) == task_id))
    plan = found.scalar()
    return PlannedTask.model_validate(plan) if plan else None


async def list_minutes(session: Session, spec_id: SpecId) -> dict[str, int]:
    """What each task of a spec was estimated to take, in minutes, by its local id."""
    found = await session.execute(
        select(col(TaskRow.local_id), col(TaskRow.plan)).where(col(TaskRow.spec_id) == spec_id)
    )
    return {name: PlannedTask.model_validate(plan).estimate_minutes for name, plan in found}
