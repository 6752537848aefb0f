"""Commands on a spec; one table says which there are."""

from fastapi import APIRouter

from api.archiving import archive_spec
from api.calls import NOT_RUNNING
from api.deps import Actor, CommandId, Services, TheServices
from api.editing import store_document
from api.routes.launches import execute_spec
from models.contracts.artifacts import ArtifactRef
from models.contracts.base import SpecId
from models.contracts.commands import CommandAccepted, CommandBody, CommandName, SpecCommand
from models.contracts.phases import Phase
from models.contracts.specs import CLOSED, SpecView
from models.errors import Conflict, InvalidInput, NotFound
from models.rules.launch import restart, settled_answers
from models.store import documents, drafts, projects, questions, specs

router = APIRouter(prefix="/specs", tags=["specs"])


@router.post("/{spec_id}/commands/{name}", status_code=202)
async def give_command(
    spec_id: SpecId,
    name: CommandName,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
    body: CommandBody | None = None,
) -> CommandAccepted:
    """Give a command; 409 with the reason when it is not allowed now.

    ``rerun_from`` also takes a spec that has ended: it runs again from that phase.
    """
    if name == CommandName.EXECUTE:
        return await execute_spec(spec_id, services, command_id)
    if name == CommandName.ARCHIVE:
        return await archive_spec(spec_id, services, actor, command_id)
    body = body or CommandBody()
    async with services.database.begin() as session:
        view = await specs.get_view(session, spec_id)
    command = SpecCommand(
        id=command_id,
        name=name,
        by=actor,
        reason=body.reason,
        budget=body.budget,
        max_parallel_tasks=body.max_parallel_tasks,
        from_phase=body.from_phase,
        keep_merged=body.keep_merged,
    )
    if name == CommandName.RERUN_FROM:
        return await _rerun(services, spec_id, view, command, use_draft=body.use_draft)
    return await services.gateway.command(spec_id, command)


async def _rerun(
    services: Services, spec_id: SpecId, view: SpecView, command: SpecCommand, *, use_draft: bool
) -> CommandAccepted:
    """Run a spec again from a phase, with the person's draft of it where that is asked.

    Raises:
        Conflict: it is a quick task, or a phase is missing before.
        InvalidInput: no phase is named.
    """
    if view.quick:
        msg = "A quick task has no phases to run again; make another ticket."
        raise Conflict(msg, code="command-not-allowed")
    phase = command.from_phase
    if phase is None:
        msg = "Say from which phase: explore, requirements, design or tasks."
        raise InvalidInput(msg, code="phase-missing")
    if use_draft:
        given = await _draft(services, spec_id, phase)
        command = command.model_copy(update={"given": given})
    if view.status in CLOSED:
        taken = await _run_again(services, spec_id, command)
    else:
        taken = await services.gateway.command(spec_id, command)
    if use_draft:  # only now: a refused command leaves the draft as it is
        async with services.database.begin() as session:
            await drafts.drop(session, spec_id, phase)
    return taken


async def _draft(services: Services, spec_id: SpecId, phase: Phase) -> ArtifactRef:
    """The person's draft of a phase, stored."""
    async with services.database.begin() as session:
        draft = await drafts.find(session, spec_id, phase)
        if draft is None:
            msg = f"There is no draft of {phase.value}."
            raise NotFound(msg, code="draft-not-found")
        return await store_document(session, spec_id, phase, draft.document)


async def _run_again(services: Services, spec_id: SpecId, command: SpecCommand) -> CommandAccepted:
    """Start the next run of a spec that has ended; one that runs by now takes the command."""
    async with services.database.begin() as session:
        launch = await specs.get_launch(session, spec_id)
        project = await projects.get(session, launch.project_id)
        asked = await questions.list_questions(session, spec_id)
        following = restart(
            launch,
            await specs.get_view(session, spec_id),
            command,
            await documents.latest_attempts(session, spec_id),
            settled_answers(asked.items),
            project.settings.environment,
        )
    while not await services.gateway.start_again(following):
        try:
            return await services.gateway.command(spec_id, command)
        except Conflict as error:
            if error.stable_code != NOT_RUNNING:
                raise  # else the last run was about to end, and has by now
    return CommandAccepted(id=command.id)
