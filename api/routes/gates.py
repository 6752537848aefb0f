"""Gates and their decisions."""

from fastapi import APIRouter

from api.deps import Actor, CommandId, TheServices, TheSession
from models.contracts.base import GateId, SpecId
from models.contracts.commands import CommandAccepted, GateCommand
from models.contracts.gates import DecideGate, Gate
from models.store import specs

router = APIRouter(prefix="/specs/{spec_id}/gates", tags=["gates"])


@router.get("")
async def list_gates(spec_id: SpecId, session: TheSession) -> tuple[Gate, ...]:
    """Every gate of a spec, oldest first."""
    return await specs.list_gates(session, spec_id)


@router.get("/{gate_id}")
async def get_gate(spec_id: SpecId, gate_id: GateId, session: TheSession) -> Gate:
    """One gate, with the hash of the document it is about."""
    return await specs.get_gate(session, spec_id, gate_id)


@router.post("/{gate_id}/decision", status_code=202)
async def decide_gate(
    spec_id: SpecId,
    gate_id: GateId,
    body: DecideGate,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Decide; 409 for a closed gate or a document that is not the one now shown."""
    async with services.database.begin() as session:
        await specs.get_gate(session, spec_id, gate_id)
    command = GateCommand(
        id=command_id,
        gate_id=gate_id,
        kind=body.kind,
        by=actor,
        note=body.note,
        artifact_sha256=body.artifact_sha256,
    )
    return await services.gateway.decide_gate(spec_id, command)
