"""Single items of documents: requirements, criteria, the design, planned tasks.

Changes collect in the document's draft; each needs ``If-Match`` and answers with the new ETag.
"""

from fastapi import APIRouter, Response

from api.deps import TheSession
from api.editing import TheEditor, tagged, view_document
from models.contracts.base import SpecId
from models.contracts.documents import Criterion, Design, Requirement
from models.contracts.phases import Phase
from models.contracts.plans import PlannedTask
from models.contracts.revisions import DocumentView
from models.rules.edits import add_criterion as with_criterion
from models.rules.edits import add_item, drop_item, put_item
from models.rules.edits import put_criterion as with_changed_criterion

router = APIRouter(prefix="/specs/{spec_id}", tags=["documents"])
_LIST = "requirements"


@router.get("/requirements")
async def get_requirements(
    spec_id: SpecId, session: TheSession, response: Response
) -> DocumentView:
    """The requirements as they are edited."""
    return tagged(response, await view_document(session, spec_id, Phase.REQUIREMENTS))


@router.post("/requirements", status_code=201)
async def add_requirement(body: Requirement, editor: TheEditor) -> DocumentView:
    """Add a requirement to the draft; an empty id is given the next number."""
    item = body.model_dump(mode="json")
    return await editor.change(Phase.REQUIREMENTS, lambda d: add_item(d, _LIST, item)[0])


@router.put("/requirements/{item_id}")
async def put_requirement(item_id: str, body: Requirement, editor: TheEditor) -> DocumentView:
    """Change a requirement in the draft."""
    item = body.model_dump(mode="json")
    return await editor.change(Phase.REQUIREMENTS, lambda d: put_item(d, _LIST, item_id, item))


@router.delete("/requirements/{item_id}")
async def drop_requirement(item_id: str, editor: TheEditor) -> DocumentView:
    """Drop a requirement from the draft; what depended on it does so no more."""
    return await editor.change(Phase.REQUIREMENTS, lambda d: drop_item(d, _LIST, item_id))


@router.post("/requirements/{item_id}/criteria", status_code=201)
async def add_criterion(item_id: str, body: Criterion, editor: TheEditor) -> DocumentView:
    """Add an acceptance criterion to the draft; an empty id is given the next number."""
    item = body.model_dump(mode="json")
    return await editor.change(Phase.REQUIREMENTS, lambda d: with_criterion(d, item_id, item)[0])


@router.put("/requirements/{item_id}/criteria/{criterion_id}")
async def put_criterion(
    item_id: str, criterion_id: str, body: Criterion, editor: TheEditor
) -> DocumentView:
    """Change an acceptance criterion in the draft."""
    item = body.model_dump(mode="json")
    return await editor.change(
        Phase.REQUIREMENTS, lambda d: with_changed_criterion(d, item_id, criterion_id, item)
    )


@router.delete("/requirements/{item_id}/criteria/{criterion_id}")
async def drop_criterion(item_id: str, criterion_id: str, editor: TheEditor) -> DocumentView:
    """Drop an acceptance criterion from the draft."""
    return await editor.change(
        Phase.REQUIREMENTS, lambda d: with_changed_criterion(d, item_id, criterion_id, None)
    )


@router.put("/design")
async def put_design(body: Design, editor: TheEditor) -> DocumentView:
    """Put a whole design into the draft."""
    return await editor.change(Phase.DESIGN, lambda _: body.model_dump(mode="json"))


@router.post("/plan/tasks", status_code=201)
async def add_planned_task(body: PlannedTask, editor: TheEditor) -> DocumentView:
    """Add a task to the plan's draft; an empty id is given the next number."""
    item = body.model_dump(mode="json")
    return await editor.change(Phase.TASKS, lambda d: add_item(d, "tasks", item)[0])


@router.put("/plan/tasks/{item_id}")
async def put_planned_task(item_id: str, body: PlannedTask, editor: TheEditor) -> DocumentView:
    """Change a task in the plan's draft; one that has begun is refused when the draft is saved."""
    item = body.model_dump(mode="json")
    return await editor.change(Phase.TASKS, lambda d: put_item(d, "tasks", item_id, item))


@router.delete("/plan/tasks/{item_id}")
async def drop_planned_task(item_id: str, editor: TheEditor) -> DocumentView:
    """Drop a task from the plan's draft."""
    return await editor.change(Phase.TASKS, lambda d: drop_item(d, "tasks", item_id))
