"""Task slots: one row lock per project holds the limit; Temporal does the waiting."""

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.base import ProjectId
from models.contracts.tasks import SlotAnswer
from models.store.database import Session
from models.tables.projects import ProjectRow, SlotRow


async def request(
    session: Session, project_id: ProjectId, holder: str, priority: int, limit: int
) -> SlotAnswer:
    """Grant a slot or take a place in the queue; a repeat keeps what the holder has."""
    await _lock(session, project_id)
    values = {"holder": holder, "project_id": project_id, "priority": priority}
    await session.execute(insert(SlotRow).values(values).on_conflict_do_nothing())
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
    session: Session, project_id: ProjectId, holder: str, limit: int
) -> tuple[str, ...]:
    """Give a slot back and grant the next; returns the workflow ids that were granted one."""
    await _lock(session, project_id)
    await session.execute(delete(SlotRow).where(col(SlotRow.holder) == holder))
    return await _grant(session, project_id, limit)


async def _lock(session: Session, project_id: ProjectId) -> None:
    await session.execute(
        select(col(ProjectRow.id)).where(col(ProjectRow.id) == project_id).with_for_update()
    )


def _queue(project_id: ProjectId) -> Select[str]:
    return (
        select(col(SlotRow.holder))
        .where(col(SlotRow.project_id) == project_id, ~col(SlotRow.granted))
        .order_by(col(SlotRow.priority), col(SlotRow.requested_at), col(SlotRow.holder))
    )


async def _in_use(session: Session, project_id: ProjectId) -> int:
    found = await session.execute(
        select(func.count())
        .select_from(SlotRow)
        .where(col(SlotRow.project_id) == project_id, col(SlotRow.granted))
    )
    return found.scalar_one()


async def _grant(session: Session, project_id: ProjectId, limit: int) -> tuple[str, ...]:
    free = limit - await _in_use(session, project_id)
    if free <= 0:
        return ()
    chosen = tuple((await session.execute(_queue(project_id).limit(free))).scalars())
    if chosen:
        await session.execute(
            update(SlotRow).where(col(SlotRow.holder).in_(chosen)).values(granted=True)
        )
    return chosen
