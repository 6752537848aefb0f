"""Tasks."""

from fastapi import APIRouter

from api.deps import TheSession
from models.contracts.base import SpecId, TaskId
from models.contracts.tasks import TaskList, TaskView
from models.store import specs

router = APIRouter(tags=["tasks"])


@router.get("/specs/{spec_id}/tasks")
async def list_tasks(spec_id: SpecId, session: TheSession) -> TaskList:
    """The tasks of a spec, in plan order."""
    return await specs.list_tasks(session, spec_id)


@router.get("/tasks/{task_id}")
async def get_task(task_id: TaskId, session: TheSession) -> TaskView:
    """One task."""
    return await specs.get_task(session, task_id)
