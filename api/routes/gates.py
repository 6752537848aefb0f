"""Gates and their decisions."""

from fastapi import APIRouter

from api.deps import Actor, CommandId, Services, TheServices, TheSession
from api.editing import store_document
from models.contracts.artifacts import ArtifactRef
from models.contracts.base import GateId, SpecId
from models.contracts.commands import CommandAccepted, GateCommand
from models.contracts.gates import ApproveDocument, DecideGate, DecisionKind, Gate, GateKind
from models.contracts.phases import Phase
from models.errors import Conflict
from models.store import specs
from models.store.database import Session

router = APIRouter(prefix="/specs/{spec_id}", tags=["gates"])


@router.get("/gates")
async def list_gates(spec_id: SpecId, session: TheSession) -> tuple[Gate, ...]:
    """Every gate of a spec, oldest first."""
    return await specs.list_gates(session, spec_id)


@router.get("/gates/{gate_id}")
async def get_gate(spec_id: SpecId, gate_id: GateId, session: TheSession) -> Gate:
    """One gate, with the hash of the document it is about."""
    return await specs.get_gate(session, spec_id, gate_id)


@router.post("/gates/{gate_id}/decision", status_code=202)
async def decide_gate(
    spec_id: SpecId,
    gate_id: GateId,
    body: DecideGate,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Decide; 409 for a closed gate or a document that is not the one now shown."""
    document: ArtifactRef | None = None
    async with services.database.begin() as session:
        gate = await specs.get_gate(session, spec_id, gate_id)
        if body.kind == DecisionKind.EDIT and body.document is not None:
            document = await _store_own(session, gate, body)
    command = GateCommand(
        id=command_id,
        gate_id=gate_id,
        kind=body.kind,
        by=actor,
        note=body.note,
        comments=body.comments,
        artifact_sha256=body.artifact_sha256,
        document=document,
        budget=body.budget,
    )
    return await services.gateway.decide_gate(spec_id, command)


async def _store_own(session: Session, gate: Gate, body: DecideGate) -> ArtifactRef:
    """A person's own document, when it has the phase's shape.

    Raises:
        Conflict: it has not (``evaluation-failed``), or the gate is about no document.
    """
    if gate.phase is None or gate.phase == Phase.SYNC:
        msg = "This gate has no document to edit."
        raise Conflict(msg, code="decision-not-offered")
    return await store_document(session, gate.spec_id, gate.phase, body.document)


@router.post("/approve-requirements", status_code=202)
async def approve_requirements(
    spec_id: SpecId,
    body: ApproveDocument,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Approve the requirements that are asked about; 409 when they are not those you saw."""
    return await _approve(spec_id, Phase.REQUIREMENTS, body, services, actor, command_id)


@router.post("/approve-design", status_code=202)
async def approve_design(
    spec_id: SpecId,
    body: ApproveDocument,
    services: TheServices,
    actor: Actor,
    command_id: CommandId,
) -> CommandAccepted:
    """Approve the design that is asked about; 409 when it is not the one you saw."""
    return await _approve(spec_id, Phase.DESIGN, body, services, actor, command_id)


async def _approve(
    spec_id: SpecId,
    phase: Phase,
    body: ApproveDocument,
    services: Services,
    actor: str,
    command_id: str,
) -> CommandAccepted:
    """Decide the open gate of a phase.

    Raises:
        Conflict: no gate asks about it.
    """
    async with services.database.begin() as session:
        gate = (await specs.get_view(session, spec_id)).open_gate
    if gate is None or gate.kind != GateKind.PHASE or gate.phase != phase:
        msg = f"No gate asks about {phase.value} now."
        raise Conflict(msg, code="gate-not-open")
    command = GateCommand(
        id=command_id,
        gate_id=gate.id,
        kind=DecisionKind.APPROVE,
        by=actor,
        note=body.note,
        artifact_sha256=body.artifact_sha256,
    )
    return await services.gateway.decide_gate(spec_id, command)
