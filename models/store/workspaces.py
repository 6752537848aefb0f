"""Workspaces of agents: their last two checkpoints, and how often their sandbox was lost."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models.contracts.agents import Checkpoint
from models.contracts.base import TaskId
from models.store.database import Session
from models.tables.tasks import WorkspaceRow


async def get_checkpoint(session: Session, sandbox: str) -> Checkpoint | None:
    """The last checkpoint of a sandbox's workspace, None when there is none."""
    found = await session.execute(
        select(col(WorkspaceRow.checkpoint)).where(col(WorkspaceRow.sandbox) == sandbox)
    )
    kept = found.scalar()
    return Checkpoint.model_validate(kept) if kept else None


async def put_checkpoint(
    session: Session, sandbox: str, task_id: TaskId, checkpoint: Checkpoint
) -> None:
    """Keep a checkpoint and the one before it; the same commit again changes nothing."""
    statement = insert(WorkspaceRow).values(
        sandbox=sandbox, task_id=task_id, checkpoint=checkpoint.model_dump(mode="json"), losses=0
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["sandbox"],
            set_={
                "previous": WorkspaceRow.checkpoint,
                "checkpoint": statement.excluded.checkpoint,
                "updated_at": func.clock_timestamp(),
            },
            where=col(WorkspaceRow.checkpoint).is_distinct_from(statement.excluded.checkpoint),
        )
    )


async def count_loss(session: Session, sandbox: str, task_id: TaskId) -> int:
    """Note that a sandbox was lost; returns how often it was by now."""
    statement = insert(WorkspaceRow).values(sandbox=sandbox, task_id=task_id, losses=1)
    counted = statement.on_conflict_do_update(
        index_elements=["sandbox"], set_={"losses": WorkspaceRow.losses + 1}
    ).returning(col(WorkspaceRow.losses))
    return int((await session.execute(counted)).scalar_one())
