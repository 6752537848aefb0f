"""Launches: a new spec, a fork of one, an estimate, and the start of a draft."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header

from api.calls import ALREADY_RAN
from api.deps import CommandId, Services, TheServices, TheSession
from models.contracts.base import SpecId
from models.contracts.budgets import Estimate
from models.contracts.commands import CommandAccepted, CommandName
from models.contracts.specs import (
    EstimateSpec,
    ForkSpec,
    LaunchedSpec,
    LaunchSpec,
    SpecInput,
    SpecStatus,
)
from models.errors import Conflict
from models.rules.actions import command_refusal
from models.rules.launch import ModelChoice, first_view, fork, prepare_launch, settled_answers
from models.rules.prices import price_table
from models.store import budgets, projects, questions, specs
from models.store.identifiers import new_id

router = APIRouter(prefix="/specs", tags=["specs"])
IdempotencyKey = Annotated[str | None, Header(max_length=200)]


def offered_models(services: Services) -> ModelChoice:
    """The models that this installation offers."""
    language = services.language
    return ModelChoice(
        planner=language.planner_model,
        agent=language.agent_model,
        configured=language.configured,
        prices=price_table(language.model_prices),
    )


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
    body: LaunchSpec, services: TheServices, idempotency_key: IdempotencyKey = None
) -> LaunchedSpec:
    """Make a spec from a feature request and start it.

    The spec is stored before its workflow starts: when Temporal is down, the same call with the
    same Idempotency-Key starts it later.
    """
    raw = body.model_dump_json().encode()
    async with services.database.begin() as session:
        known = await specs.find_launch(session, idempotency_key, raw) if idempotency_key else None
        if known is None:
            project = await projects.get_active(session, body.project_id)
            launch = prepare_launch(
                body,
                project,
                SpecId(new_id()),
                offered=offered_models(services),
                timings=services.execution.timings(),
            )
            view = first_view(launch, datetime.now(UTC), auto_execute=body.auto_execute)
            known = await specs.create(session, launch, view, idempotency_key, raw)
        launch = await specs.get_launch(session, known)
    if body.auto_execute:
        await start_once(services, launch)
    return _launched(launch, started=body.auto_execute)


@router.post("", status_code=201)
async def create_spec(
    body: LaunchSpec, services: TheServices, idempotency_key: IdempotencyKey = None
) -> LaunchedSpec:
    """Make a spec that waits as a draft, whatever ``auto_execute`` says."""
    draft = body.model_copy(update={"auto_execute": False})
    return await launch_spec(draft, services, idempotency_key)


async def start_once(services: Services, launch: SpecInput) -> None:
    """Start a launched spec; a launch that is sent again after its run ended is the same launch."""
    try:
        await services.gateway.start_spec(launch)
    except Conflict as error:
        if error.stable_code != ALREADY_RAN:
            raise


@router.post("/{spec_id}/fork", status_code=202)
async def fork_spec(
    spec_id: SpecId,
    body: ForkSpec,
    services: TheServices,
    idempotency_key: IdempotencyKey = None,
) -> LaunchedSpec:
    """Make a new spec that keeps this one's approved phases before ``from_phase``."""
    raw = f"{spec_id}{body.model_dump_json()}".encode()
    async with services.database.begin() as session:
        known = await specs.find_launch(session, idempotency_key, raw) if idempotency_key else None
        if known is None:
            origin = await specs.get_launch(session, spec_id)
            asked = await questions.list_questions(session, spec_id)
            launch = fork(
                body,
                origin,
                await specs.get_view(session, spec_id),
                SpecId(new_id()),
                settled_answers(asked.items),
                await projects.get(session, origin.project_id),
                offered_models(services),
            )
            view = first_view(launch, datetime.now(UTC), auto_execute=True, forked_from=spec_id)
            known = await specs.create(session, launch, view, idempotency_key, raw)
        launch = await specs.get_launch(session, known)
    await start_once(services, launch)
    return _launched(launch, started=True)


@router.post("/estimate")
async def estimate_spec(body: EstimateSpec, session: TheSession) -> Estimate:
    """What a spec may cost and take, from the project's own finished specs; nothing without any."""
    await projects.get(session, body.project_id)
    known = await budgets.history(session, body.project_id)
    if known is None:
        return Estimate()
    usd, minutes, count = known
    return Estimate(usd=usd, minutes=minutes, specs=count, source="history")


@router.post("/{spec_id}/execute", status_code=202)
async def execute_spec(
    spec_id: SpecId, services: TheServices, command_id: CommandId
) -> CommandAccepted:
    """Start a draft."""
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
        launch = await specs.get_launch(session, spec_id)
    reason = command_refusal(CommandName.EXECUTE, view.status, view.current_phase)
    if reason is not None:
        raise Conflict(reason, code="command-not-allowed")
    await services.gateway.start_spec(launch)
    return CommandAccepted(id=command_id)
