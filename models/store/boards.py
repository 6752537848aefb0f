"""The board: tickets with their tasks by column, lists of them, and what they wait for."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId, TicketId
from models.contracts.specs import SpecStatus
from models.contracts.tasks import NOT_BEGUN, SETTLED, TaskState, TaskView
from models.contracts.tickets import (
    Blocking,
    Board,
    BoardColumn,
    ChangeColumn,
    Column,
    TicketCard,
    TicketCommit,
    TicketLink,
    TicketPage,
)
from models.rules.board import TITLES, move_refusal
from models.rules.dag import DONE, PRIORITY_ORDER
from models.store import events, tickets
from models.store.cursors import read_cursor, write_cursor
from models.store.database import Session
from models.tables.boards import ColumnRow
from models.tables.specs import SpecRow, TaskRow, TicketRow

_SHOWN: Final = 100


async def get_board(session: Session, project_id: ProjectId) -> Board:
    """Every column of a project's board."""
    said = {row.name: row for row in await _columns(session, project_id)}
    as_of = await events.last_project_seq(session, project_id)
    columns: list[BoardColumn] = []
    for name in Column:
        own = said.get(name.value)
        columns.append(
            BoardColumn(
                name=name,
                title=own.title if own is not None else TITLES[name],
                wip_limit=own.wip_limit if own is not None else None,
                count=await count(session, project_id, name),
                tickets=await _in_column(session, project_id, name),
            )
        )
    return Board(columns=tuple(columns), as_of=as_of)


async def count(session: Session, project_id: ProjectId, column: Column) -> int:
    """How many tickets a column holds."""
    found = await session.execute(
        select(func.count())
        .select_from(TicketRow)
        .where(
            col(TicketRow.project_id) == project_id,
            col(TicketRow.place) == column.value,
            ~col(TicketRow.retired),
        )
    )
    return int(found.scalar_one())


async def room_in(session: Session, project_id: ProjectId, column: Column) -> int | None:
    """How many more tickets a column takes; None without a limit."""
    row = await session.get(ColumnRow, (project_id, column.value))
    if row is None or row.wip_limit is None:
        return None
    return max(0, row.wip_limit - await count(session, project_id, column))


async def change_column(
    session: Session, project_id: ProjectId, column: Column, body: ChangeColumn
) -> None:
    """Name a column, and limit it or not."""
    values = {"title": body.title or TITLES[column], "wip_limit": body.wip_limit}
    statement = insert(ColumnRow).values(project_id=project_id, name=column.value, **values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["project_id", "name"], set_=values)
    )


async def _columns(session: Session, project_id: ProjectId) -> Sequence[ColumnRow]:
    found = await session.execute(select(ColumnRow).where(col(ColumnRow.project_id) == project_id))
    return found.scalars().all()


async def _in_column(
    session: Session, project_id: ProjectId, column: Column
) -> tuple[TicketCard, ...]:
    found = await session.execute(
        select(TicketRow)
        .where(
            col(TicketRow.project_id) == project_id,
            col(TicketRow.place) == column.value,
            ~col(TicketRow.retired),
        )
        .order_by(col(TicketRow.created_at).desc(), col(TicketRow.id))
        .limit(_SHOWN)
    )
    cards = await _cards(session, found.scalars().all())
    return tuple(sorted(cards, key=lambda c: (PRIORITY_ORDER[c.priority], c.created_at)))


async def page(
    session: Session,
    *,
    project_id: ProjectId | None,
    spec_id: SpecId | None,
    column: Column | None,
    cursor: str | None,
    limit: int,
) -> TicketPage:
    """Tickets, newest first."""
    query = select(TicketRow).where(~col(TicketRow.retired))
    if project_id is not None:
        query = query.where(col(TicketRow.project_id) == project_id)
    if spec_id is not None:
        query = query.where(col(TicketRow.spec_id) == spec_id)
    if column is not None:
        query = query.where(col(TicketRow.place) == column.value)
    if cursor is not None:
        query = query.where(
            tuple_(col(TicketRow.created_at), col(TicketRow.id)) < read_cursor(cursor)
        )
    ordered = query.order_by(col(TicketRow.created_at).desc(), col(TicketRow.id).desc())
    rows = (await session.execute(ordered.limit(limit + 1))).scalars().all()
    last = rows[limit - 1] if len(rows) > limit else None
    return TicketPage(
        items=tuple(await _cards(session, rows[:limit])),
        next_cursor=write_cursor(last.created_at, last.id) if last else None,
    )


async def get_card(session: Session, ticket_id: TicketId) -> TicketCard:
    """One ticket as the board shows it.

    Raises:
        NotFound: no such ticket.
    """
    return (await _cards(session, [await tickets.get_row(session, ticket_id)]))[0]


async def _cards(session: Session, rows: Sequence[TicketRow]) -> list[TicketCard]:
    found = await session.execute(
        select(col(TaskRow.ticket_id), col(TaskRow.id), col(TaskRow.state)).where(
            col(TaskRow.ticket_id).in_([row.id for row in rows]), ~col(TaskRow.retired)
        )
    )
    tasks: dict[UUID, list[tuple[UUID, TaskState]]] = defaultdict(list)
    for ticket_id, task_id, state in found:
        tasks[ticket_id].append((task_id, TaskState(state)))
    runs = await session.execute(
        select(col(SpecRow.id), col(SpecRow.status)).where(
            col(SpecRow.id).in_([row.spec_id for row in rows])
        )
    )
    statuses = {spec_id: SpecStatus(status) for spec_id, status in runs}
    return [
        _card(row, tasks[row.id], statuses.get(row.spec_id) if row.spec_id else None)
        for row in rows
    ]


def _card(
    row: TicketRow, tasks: Sequence[tuple[UUID, TaskState]], status: SpecStatus | None
) -> TicketCard:
    ticket = tickets.read_ticket(row)
    draft = status == SpecStatus.DRAFT
    moves = (c for c in Column if c != ticket.column)
    return TicketCard.model_validate(
        {
            **ticket.model_dump(),
            "tasks_total": len(tasks),
            "tasks_done": len([state for _, state in tasks if state in DONE]),
            "tasks_running": [
                task_id for task_id, state in tasks if state not in NOT_BEGUN | SETTLED
            ],
            "run_status": status,
            "allowed_moves": [
                c for c in moves if move_refusal(ticket.column, c, draft=draft) is None
            ],
        }
    )


async def list_tasks(session: Session, ticket_id: TicketId) -> tuple[TaskView, ...]:
    """The tasks of a ticket, in plan order."""
    found = await session.execute(
        select(col(TaskRow.view))
        .where(col(TaskRow.ticket_id) == ticket_id, ~col(TaskRow.retired))
        .order_by(col(TaskRow.position))
    )
    return tuple(map(TaskView.model_validate, found.scalars()))


async def list_commits(session: Session, ticket_id: TicketId) -> tuple[TicketCommit, ...]:
    """The merge commits of a ticket's tasks, oldest first."""
    merged = [t for t in await list_tasks(session, ticket_id) if t.commit is not None]
    merged.sort(key=lambda t: (t.finished_at is None, t.finished_at, t.position))
    return tuple(
        TicketCommit(
            task_id=t.id, local_id=t.local_id, title=t.title, commit=t.commit, at=t.finished_at
        )
        for t in merged
        if t.commit is not None
    )


async def get_blocking(session: Session, ticket_id: TicketId) -> Blocking:
    """What a ticket waits for, and what waits for it: the dependencies of their tasks."""
    row = await tickets.get_row(session, ticket_id)
    found = await session.execute(
        select(col(TaskRow.view)).where(col(TaskRow.spec_id) == row.spec_id, ~col(TaskRow.retired))
    )
    tasks = {task.local_id: task for task in map(TaskView.model_validate, found.scalars())}
    before: dict[TicketId, list[tuple[str, str]]] = defaultdict(list)
    after: dict[TicketId, list[tuple[str, str]]] = defaultdict(list)
    for task in tasks.values():
        for needed in (tasks[name] for name in task.depends_on if name in tasks):
            if needed.ticket_id == task.ticket_id:
                continue
            pair = (needed.local_id, task.local_id)
            if task.ticket_id == ticket_id:
                before[needed.ticket_id].append(pair)
            elif needed.ticket_id == ticket_id:
                after[task.ticket_id].append(pair)
    return Blocking(blocked_by=await _links(session, before), blocks=await _links(session, after))


async def _links(
    session: Session, pairs: dict[TicketId, list[tuple[str, str]]]
) -> tuple[TicketLink, ...]:
    links: list[TicketLink] = []
    for ticket_id, tasks in pairs.items():
        ticket = await tickets.get(session, ticket_id)
        links.append(
            TicketLink(
                ticket_id=ticket_id, title=ticket.title, column=ticket.column, tasks=tuple(tasks)
            )
        )
    return tuple(links)
