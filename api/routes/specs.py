"""Specs: read, state, trace, usage."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, TheServices, TheSession
from models.contracts.attempts import DocumentVersion
from models.contracts.base import ProjectId, SpecId
from models.contracts.budgets import BudgetState
from models.contracts.documents import Requirements
from models.contracts.phases import Phase
from models.contracts.repositories import PullRequest
from models.contracts.specs import SpecDetail, SpecPage, SpecState, SpecStatus
from models.contracts.traces import Trace
from models.errors import NotFound
from models.rules.trace import build_trace
from models.store import artifacts, budgets, documents, specs

router = APIRouter(prefix="/specs", tags=["specs"])


@router.get("")
async def list_specs(
    session: TheSession,
    project_id: ProjectId | None = None,
    status: SpecStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SpecPage:
    """Specs of one project or of all, newest first."""
    return await specs.page(
        session, project_id=project_id, status=status, cursor=cursor, limit=limit
    )


@router.get("/{spec_id}")
async def get_spec(spec_id: SpecId, session: TheSession) -> SpecDetail:
    """One spec."""
    return await specs.get_detail(session, spec_id)


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
    tasks = await specs.list_tasks(session, spec_id)
    versions = {v.phase: v.document for v in await documents.latest_versions(session, spec_id)}
    ref = versions.get(Phase.REQUIREMENTS)
    if ref is None:
        return Trace(items=())
    content, _ = await artifacts.get(session, ref.sha256)
    return build_trace(Requirements.model_validate_json(content), tasks.items)


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
