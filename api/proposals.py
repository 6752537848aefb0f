"""Documents that a sandbox proposes for the phase that is being written."""

from pydantic import JsonValue

from api.deps import Services
from api.editing import store_document
from models.contracts.commands import ProposeDocument
from models.contracts.phases import GENERATED_PHASES, Phase
from models.contracts.sandboxes import PostedEvent, SandboxView
from models.errors import AppError
from models.store import specs

TAKEN = "proposal-taken"


async def propose(
    services: Services, sandbox: SandboxView, event: PostedEvent, key: str
) -> str | None:
    """Hand the document of the running phase to its spec's workflow; the code says what became of it.

    None when the event proposes nothing. Nothing is folded here: the workflow evaluates the document
    and asks at its gate as about any other.
    """
    given = event.data.get("phase_data")
    if sandbox.purpose != "plan" or not isinstance(given, dict) or not given:
        return None
    if event.data.get("success") is False:
        return None
    async with services.database.begin() as session:
        phase = (await specs.get_view(session, sandbox.spec_id)).current_phase
    if phase is None or phase not in GENERATED_PHASES or phase.value not in given:
        return "phase-not-running"
    try:
        await _hand_over(services, sandbox, phase, given[phase.value], key)
    except AppError as error:
        return error.stable_code
    return TAKEN


async def _hand_over(
    services: Services, sandbox: SandboxView, phase: Phase, document: JsonValue, key: str
) -> None:
    async with services.database.begin() as session:
        ref = await store_document(session, sandbox.spec_id, phase, document)
    command = ProposeDocument(id=f"{key}/{phase}", phase=phase, document=ref, by=sandbox.id)
    await services.gateway.propose(sandbox.spec_id, command)
