"""Specs: launch, read, state, commands."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header

from api.deps import Actor, CommandId, Cursor, Limit, Services, TheServices, TheSession
from api.gateway import ALREADY_RAN
from models.contracts.attempts import Attempt, DocumentVersion
from models.contracts.base import ProjectId, SpecId
from models.contracts.commands import CommandAccepted, CommandBody, CommandName, SpecCommand
from models.contracts.documents import Requirements
from models.contracts.phases import Phase
from models.contracts.projects import Project
from models.contracts.repositories import PullRequest
from models.contracts.specs import (
    LaunchedSpec,
    LaunchSpec,
    SpecDetail,
    SpecInput,
    SpecPage,
    SpecState,
    SpecStatus,
)
from models.contracts.traces import Trace
from models.errors import Conflict, NotFound
from models.rules.actions import command_refusal
from models.rules.launch import first_view, prepare_launch
from models.rules.trace import build_trace
from models.store import artifacts, documents, projects, specs
from models.store.identifiers import new_id

router = APIRouter(prefix="/specs", tags=["specs"])
SCRIPTED = "scripted-model"


def _models(project: Project, services: Services) -> tuple[str, str]:
    """The planner's and the agents' model for this project.

    Raises:
        Conflict: no key is set, and the project is not the demo.
    """
    language = services.language
    if project.is_demo and project.settings.planner_model == SCRIPTED:
        return SCRIPTED, SCRIPTED
    if not language.configured:
        msg = (
            "No model is configured: set ANTHROPIC_API_KEY and restart. "
            "The scripted model serves the demo project only."
        )
        raise Conflict(msg, code="model-not-configured")
    return language.planner_model, language.agent_model


def _launched(launch: SpecInput, *, started: bool) -> LaunchedSpec:
    return LaunchedSpec(
        spec_id=launch.spec_id,
        sandbox_id=f"plan-{launch.spec_id}",
        status=SpecStatus.EXECUTING if started else SpecStatus.DRAFT,
        message="The spec is running."
        if started
        else "The spec is a draft; execute it when ready.",
    )


@router.post("/launch", status_code=202)
async def launch_spec(
    body: LaunchSpec,
    services: TheServices,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> LaunchedSpec:
    """Make a spec from a feature request and start it.

    The spec is stored before its workflow starts: when Temporal is down, the same call with the
    same Idempotency-Key starts it later.
    """
    raw = body.model_dump_json().encode()
    async with services.database.begin() as session:
        known = await specs.find_launch(session, idempotency_key, raw) if idempotency_key else None
        if known is None:
            project = await projects.get(session, body.project_id)
            planner, agent = _models(project, services)
            launch = prepare_launch(
                body,
                project,
                SpecId(new_id()),
                planner_model=planner,
                agent_model=agent,
                timings=services.execution.timings(),
            )
            view = first_view(launch, datetime.now(UTC), auto_execute=body.auto_execute)
            known = await specs.create(session, launch, view, idempotency_key, raw)
        launch = await specs.get_launch(session, known)
    if body.auto_execute:
        await _start_once(services, launch)
    return _launched(launch, started=body.auto_execute)


async def _start_once(services: Services, launch: SpecInput) -> None:
    """Start a launched spec; a launch that is sent again after its run ended is the same launch."""
    try:
        await services.gateway.start_spec(launch)
    except Conflict as error:
        if error.stable_code != ALREADY_RAN:
            raise


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


@router.get("/{spec_id}/attempts")
async def list_attempts(spec_id: SpecId, session: TheSession) -> tuple[Attempt, ...]:
    """Every attempt with its evaluation, oldest first."""
    await specs.get_view(session, spec_id)
    return await documents.list_attempts(session, spec_id)


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


@router.post("/{spec_id}/execute", status_code=202)
async def execute_spec(
    spec_id: SpecId, services: TheServices, command_id: CommandId
) -> CommandAccepted:
    """Start a draft."""
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
        launch = await specs.get_launch(session, spec_id)
    reason = command_refusal(CommandName.EXECUTE, view.status)
    if reason is not None:
        raise Conflict(reason, code="command-not-allowed")
    await services.gateway.start_spec(launch)
    return CommandAccepted(id=command_id)


@router.post("/{spec_id}/commands/{name}", status_code=202)
async def give_command(
    spec_id: SpecId,
    name: CommandName,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
    body: CommandBody | None = None,
) -> CommandAccepted:
    """Pause, resume, cancel or execute; 409 with the reason when it is not allowed now."""
    if name == CommandName.EXECUTE:
        return await execute_spec(spec_id, services, command_id)
    async with services.database.begin() as session:
        await specs.get_view(session, spec_id)
    command = SpecCommand(
        id=command_id, name=name, by=actor, reason=body.reason if body is not None else ""
    )
    return await services.gateway.command(spec_id, command)
