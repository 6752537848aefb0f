"""Tasks, as last folded."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models.contracts.base import ProjectId, SpecId, TaskId
from models.contracts.tasks import TaskList, TaskPage, TaskState, TaskView
from models.errors import InvalidInput, NotFound
from models.store import specs
from models.store.database import Session
from models.tables.specs import TaskRow


async def find_task(session: Session, task_id: TaskId) -> TaskView | None:
    """One task, None when there is none."""
    row = await session.get(TaskRow, task_id)
    return TaskView.model_validate(row.view) if row is not None else None


async def list_tasks(session: Session, spec_id: SpecId) -> TaskList:
    """The tasks of a spec that are in its plan, in plan order."""
    await specs.get_view(session, spec_id)
    found = await session.execute(
        select(col(TaskRow.view))
        .where(col(TaskRow.spec_id) == spec_id, ~col(TaskRow.retired))
        .order_by(col(TaskRow.position))
    )
    return TaskList(items=tuple(TaskView.model_validate(view) for view in found.scalars()))


async def get_task(session: Session, task_id: TaskId) -> TaskView:
    """One task.

    Raises:
        NotFound: no such task.
    """
    row = await session.get(TaskRow, task_id)
    if row is None:
        msg = "There is no such task."
        raise NotFound(msg, code="task-not-found", task_id=str(task_id))
    return TaskView.model_validate(row.view)


async def page(
    session: Session,
    *,
    project_id: ProjectId | None,
    state: TaskState | None,
    cursor: str | None,
    limit: int,
) -> TaskPage:
    """Tasks that are in a plan, by id."""
    query = select(TaskRow).where(~col(TaskRow.retired))
    if project_id is not None:
        query = query.where(col(TaskRow.project_id) == project_id)
    if state is not None:
        query = query.where(col(TaskRow.state) == state.value)
    if cursor is not None:
        query = query.where(col(TaskRow.id) > _read(cursor))
    ordered = query.order_by(col(TaskRow.id)).limit(limit + 1)
    rows = (await session.execute(ordered)).scalars().all()
    return TaskPage(
        items=tuple(TaskView.model_validate(row.view) for row in rows[:limit]),
        next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None,
    )


def _read(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError as error:
        msg = "This cursor is not one that a page gave out."
        raise InvalidInput(msg, code="invalid-cursor") from error
