"""Gates: when one opens, and which decisions it takes."""

from typing import Final

from models.contracts.commands import GateCommand
from models.contracts.gates import DecisionKind, Gate, GateDecision, GateKind, GateStatus
from models.contracts.phases import Phase
from models.contracts.projects import Environment, GatePolicy

OPTIONS: Final[dict[GateKind, tuple[DecisionKind, ...]]] = {
    GateKind.PHASE: (
        DecisionKind.APPROVE,
        DecisionKind.REQUEST_CHANGES,
        DecisionKind.EDIT,
        DecisionKind.REJECT,
    ),
    GateKind.PLAN_EDIT: (DecisionKind.APPROVE, DecisionKind.REJECT),
    GateKind.FAILURE: (DecisionKind.RETRY, DecisionKind.CANCEL),
    GateKind.BASELINE: (DecisionKind.ACCEPT, DecisionKind.RETRY, DecisionKind.CANCEL),
    GateKind.FINAL: (DecisionKind.RETRY, DecisionKind.ACCEPT, DecisionKind.CANCEL),
    GateKind.TAMPER: (DecisionKind.ACCEPT, DecisionKind.RETRY, DecisionKind.REJECT),
    GateKind.BUDGET: (DecisionKind.RAISE, DecisionKind.STOP),
    GateKind.DRIFT: (DecisionKind.GO_ON, DecisionKind.RE_EXPLORE, DecisionKind.CANCEL),
}
_ENDING: Final = (DecisionKind.REJECT, DecisionKind.CANCEL, DecisionKind.STOP)


def gate_opens(phase: Phase, policy: GatePolicy, score: float, environment: Environment) -> bool:
    """True when a person must approve this phase's document.

    Explore's gate opens under every policy while the project's commands are unconfirmed.
    """
    if phase == Phase.EXPLORE and not environment.confirmed:
        return True
    match policy.mode:
        case "auto":
            return False
        case "ask":
            return True
        case "auto_if_score":
            return score < policy.at_least


def decision_refusal(gate: Gate | None, command: GateCommand) -> tuple[str, str] | None:
    """Why a decision is not taken, as (code, sentence); None when it is."""
    if gate is None:
        return "gate-not-open", "This gate is not open; reload to see what is asked now."
    if gate.status != GateStatus.OPEN:
        return "gate-not-open", "This gate was already decided."
    if command.kind not in gate.options:
        allowed = ", ".join(option.value for option in gate.options)
        return "decision-not-offered", f"This gate takes: {allowed}."
    shown = gate.document.sha256 if gate.document else None
    if shown is not None and command.artifact_sha256 != shown:
        return "stale-document", "The document has changed since you saw it; review it again."
    if command.kind == DecisionKind.EDIT and command.document is None:
        return "document-missing", "Send your own document with this decision."
    if command.kind == DecisionKind.RAISE and command.budget is None:
        return "budget-missing", "Say the new limits with this decision."
    return None


def expiry(gate: Gate) -> DecisionKind | None:
    """What a gate's deadline decides; None when it only reminds.

    A gate that cannot be approved, such as a failure, is never passed by time.
    """
    if gate.on_deadline == "approve" and DecisionKind.APPROVE in gate.options:
        return DecisionKind.APPROVE
    if gate.on_deadline == "reject":
        return next((kind for kind in _ENDING if kind in gate.options), None)
    return None


def wanted_changes(decision: GateDecision) -> str:
    """What a person asks for, as the next attempt reads it."""
    lines = [decision.note] if decision.note else []
    lines += [f"- {comment.item}: {comment.text}" for comment in decision.comments]
    return "\n".join(lines) or "A person asked for changes."
