"""Specs: read, state, trace, usage."""

from fastapi import APIRouter

from api.archiving import archive_spec
from api.deps import Actor, Cursor, Limit, TheServices, TheSession
from models.contracts.attempts import DocumentVersion
from models.contracts.base import ProjectId, SpecId
from models.contracts.budgets import BudgetState
from models.contracts.documents import Requirements
from models.contracts.forges import Changes, Lookup
from models.contracts.overviews import CriteriaStatus, ExecutionStatus, Graph
from models.contracts.phases import Phase
from models.contracts.repositories import PullRequest
from models.contracts.specs import ChangeSpec, SpecDetail, SpecPage, SpecState, SpecStatus
from models.contracts.traces import Trace
from models.errors import Conflict, NotFound
from models.rules.launch import check_request
from models.rules.overviews import build_graph, criteria_status, execution_status
from models.rules.trace import build_trace
from models.store import artifacts, budgets, documents, plans, specs, task_views
from models.store.database import Session

router = APIRouter(prefix="/specs", tags=["specs"])


@router.get("")
async def list_specs(
    session: TheSession,
    project_id: ProjectId | None = None,
    status: SpecStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    *,
    archived: bool = False,
) -> SpecPage:
    """Specs of one project or of all, newest first."""
    return await specs.page(
        session,
        project_id=project_id,
        status=status,
        cursor=cursor,
        limit=limit,
        archived=archived,
    )


@router.get("/{spec_id:uuid}")
async def get_spec(spec_id: SpecId, session: TheSession) -> SpecDetail:
    """One spec."""
    return await specs.get_detail(session, spec_id)


@router.patch("/{spec_id:uuid}")
async def change_spec(
    spec_id: SpecId, body: ChangeSpec, session: TheSession, actor: Actor
) -> SpecDetail:
    """Change a draft; a spec that has started is changed through its documents and commands."""
    check_request(body.description or ".")
    await specs.change_draft(
        session,
        spec_id,
        by=actor,
        title=body.title,
        description=body.description,
        settings=body.settings,
    )
    return await specs.get_detail(session, spec_id)


@router.delete("/{spec_id:uuid}", status_code=204)
async def delete_spec(spec_id: SpecId, services: TheServices, actor: Actor) -> None:
    """Delete a draft, or a spec that has ended; its branch stays. To keep it readable, archive it."""
    await archive_spec(spec_id, services, actor, str(spec_id))
    async with services.database.begin() as session:
        await specs.delete(session, spec_id)


@router.get("/{spec_id}/state")
async def get_state(spec_id: SpecId, services: TheServices) -> SpecState:
    """Live state from the workflow; from the read model, marked so, when no worker answers."""
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
    live = await services.gateway.state(spec_id)
    if live is not None:
        return live
    return SpecState(
        status=view.status,
        current_phase=view.current_phase,
        attempt=view.phase_view(view.current_phase).attempt if view.current_phase else 0,
        gate=view.open_gate,
        paused=view.status == SpecStatus.PAUSED,
        waiting_reason=view.waiting_reason,
        allowed_actions=view.allowed_actions,
        as_of_seq=view.as_of_seq,
        live=False,
    )


@router.get("/{spec_id}/documents")
async def list_documents(spec_id: SpecId, session: TheSession) -> tuple[DocumentVersion, ...]:
    """The newest version of each phase's document; the bytes are artifacts."""
    await specs.get_view(session, spec_id)
    return await documents.latest_versions(session, spec_id)


@router.get("/{spec_id}/trace")
async def get_trace(spec_id: SpecId, session: TheSession) -> Trace:
    """Requirement to task to commit; empty before requirements are approved."""
    tasks = await task_views.list_tasks(session, spec_id)
    requirements = await _requirements(session, spec_id)
    return build_trace(requirements, tasks.items) if requirements is not None else Trace(items=())


async def _requirements(session: Session, spec_id: SpecId) -> Requirements | None:
    """The newest requirements, None before there are any."""
    versions = {v.phase: v.document for v in await documents.latest_versions(session, spec_id)}
    ref = versions.get(Phase.REQUIREMENTS)
    if ref is None:
        return None
    content, _ = await artifacts.get(session, ref.sha256)
    return Requirements.model_validate_json(content)


@router.get("/{spec_id}/execution-status")
async def get_execution_status(spec_id: SpecId, session: TheSession) -> ExecutionStatus:
    """How far the tasks are."""
    view = await specs.get_view(session, spec_id)
    return execution_status(view, (await task_views.list_tasks(session, spec_id)).items)


@router.get("/{spec_id}/criteria-status")
async def get_criteria_status(spec_id: SpecId, session: TheSession) -> CriteriaStatus:
    """Which acceptance criteria are shown, and by which test; empty before requirements."""
    tasks = await task_views.list_tasks(session, spec_id)
    return criteria_status(await _requirements(session, spec_id), tasks.items)


@router.get("/{spec_id}/graph")
async def get_graph(spec_id: SpecId, session: TheSession) -> Graph:
    """The tasks as a graph with waves and the critical path."""
    tasks = await task_views.list_tasks(session, spec_id)
    return build_graph(tasks.items, await plans.list_minutes(session, spec_id))


@router.get("/{spec_id}/changes")
async def get_changes(spec_id: SpecId, services: TheServices) -> Changes:
    """What the spec's branch changes against the commit it began at."""
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
    if view.branch_name is None or view.base_commit is None:
        msg = "This spec has no branch yet."
        raise Conflict(msg, code="branch-missing")
    found = await services.gateway.look_up(
        Lookup(
            kind="diff",
            project_id=view.project_id,
            base=view.base_commit,
            head=view.branch_name,
        )
    )
    return found.changes or Changes(base="", head="", files=(), patch="")


@router.get("/{spec_id}/pull-request")
async def get_pull_request(spec_id: SpecId, session: TheSession) -> PullRequest:
    """The pull request, or the local record of one."""
    await specs.get_view(session, spec_id)
    found = await specs.get_pull_request(session, spec_id)
    if found is None:
        msg = "This spec has no pull request yet."
        raise NotFound(msg, code="pull-request-not-found")
    return found


@router.get("/{spec_id}/usage")
async def get_usage(spec_id: SpecId, session: TheSession) -> BudgetState:
    """The budget, and what is spent, reserved and lost of it."""
    await specs.get_view(session, spec_id)
    return await budgets.get_state(session, spec_id)
