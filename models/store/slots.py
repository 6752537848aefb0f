"""Slots: one lock per scope holds the limit; Temporal does the waiting.

A project's slots are its tasks'; without a project they are those of the installation's specs.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId, TaskId
from models.contracts.tasks import SlotAnswer
from models.store.database import Session
from models.tables.projects import ProjectRow, SlotRow

_SPECS_LOCK = 0x5BEC_0002


async def request(
    session: Session, project_id: ProjectId | None, holder: str, priority: int, limit: int
) -> SlotAnswer:
    """Grant a slot or take a place in the queue; a repeat keeps what the holder has."""
    await _lock(session, project_id)
    values = {"holder": holder, "project_id": project_id, "priority": priority}
    await session.execute(
        insert(SlotRow)
        .values(values)
        .on_conflict_do_update(index_elements=["holder"], set_={"asked_at": func.clock_timestamp()})
    )
    await _grant(session, project_id, limit)
    granted = await session.execute(
        select(col(SlotRow.granted)).where(col(SlotRow.holder) == holder)
    )
    in_use = await _in_use(session, project_id)
    if granted.scalar_one():
        return SlotAnswer(granted=True, in_use=in_use, limit=limit)
    waiting = list((await session.execute(_queue(project_id))).scalars())
    return SlotAnswer(granted=False, position=waiting.index(holder) + 1, in_use=in_use, limit=limit)


async def release(
    session: Session,
    project_id: ProjectId | None,
    holders: Sequence[str],
    limit: int,
    *,
    before: datetime | None = None,
) -> tuple[str, ...]:
    """Give slots back and grant the next ones; returns the workflow ids that were granted one.

    Without holders it only grants what a raised limit leaves free. ``before`` spares who has asked
    since then: a new run of the same workflow.
    """
    await _lock(session, project_id)
    given_back = delete(SlotRow).where(col(SlotRow.holder).in_(holders))
    if before is not None:
        given_back = given_back.where(col(SlotRow.asked_at) < before)
    await session.execute(given_back)
    return await _grant(session, project_id, limit)


async def now(session: Session) -> datetime:
    """The database's clock, which the slots' times are of."""
    return (await session.execute(select(func.clock_timestamp()))).scalar_one()


async def list_holders(session: Session) -> dict[ProjectId | None, tuple[str, ...]]:
    """Workflow ids that hold a slot or wait for one, by scope."""
    found = await session.execute(
        select(col(SlotRow.project_id), col(SlotRow.holder)).order_by(col(SlotRow.holder))
    )
    scopes: dict[ProjectId | None, tuple[str, ...]] = {}
    for project_id, holder in found:
        scope = ProjectId(project_id) if project_id is not None else None
        scopes[scope] = (*scopes.get(scope, ()), holder)
    return scopes


async def count(session: Session, project_id: ProjectId | None) -> tuple[int, int]:
    """How many slots are held, and how many wait for one."""
    found = await session.execute(
        select(col(SlotRow.granted), func.count())
        .where(_of(project_id))
        .group_by(col(SlotRow.granted))
    )
    by_state: dict[Any, int] = {granted: number for granted, number in found}  # noqa: C416 - rows are typed as rows
    return by_state.get(True, 0), by_state.get(False, 0)


async def positions(session: Session, project_id: ProjectId) -> tuple[TaskId, ...]:
    """Tasks that wait for a slot of a project, the next one first."""
    waiting = (await session.execute(_queue(project_id))).scalars()
    return tuple(TaskId(UUID(holder.removeprefix("task-"))) for holder in waiting)


async def _lock(session: Session, project_id: ProjectId | None) -> None:
    if project_id is None:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SPECS_LOCK})
        return
    await session.execute(
        select(col(ProjectRow.id)).where(col(ProjectRow.id) == project_id).with_for_update()
    )


def _of(project_id: ProjectId | None) -> ColumnElement[bool]:
    column = col(SlotRow.project_id)
    return column.is_(None) if project_id is None else column == project_id


def _queue(project_id: ProjectId | None) -> Select[str]:
    return (
        select(col(SlotRow.holder))
        .where(_of(project_id), ~col(SlotRow.granted))
        .order_by(col(SlotRow.priority), col(SlotRow.requested_at), col(SlotRow.holder))
    )


async def _in_use(session: Session, project_id: ProjectId | None) -> int:
    found = await session.execute(
        select(func.count()).select_from(SlotRow).where(_of(project_id), col(SlotRow.granted))
    )
    return found.scalar_one()


async def _grant(session: Session, project_id: ProjectId | None, limit: int) -> tuple[str, ...]:
    free = limit - await _in_use(session, project_id)
    if free <= 0:
        return ()
    chosen = tuple((await session.execute(_queue(project_id).limit(free))).scalars())
    if chosen:
        await session.execute(
            update(SlotRow).where(col(SlotRow.holder).in_(chosen)).values(granted=True)
        )
    return chosen
