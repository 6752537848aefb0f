"""Gates: when one opens, and which decisions it takes."""

from typing import Final

from models.contracts.gates import DecisionKind, Gate, GateKind, GateStatus
from models.contracts.phases import Phase
from models.contracts.projects import Environment, GatePolicy

OPTIONS: Final[dict[GateKind, tuple[DecisionKind, ...]]] = {
    GateKind.PHASE: (DecisionKind.APPROVE, DecisionKind.REQUEST_CHANGES, DecisionKind.REJECT),
    GateKind.FAILURE: (DecisionKind.RETRY, DecisionKind.CANCEL),
    GateKind.BASELINE: (DecisionKind.ACCEPT, DecisionKind.RETRY, DecisionKind.CANCEL),
    GateKind.FINAL: (DecisionKind.RETRY, DecisionKind.ACCEPT, DecisionKind.CANCEL),
}


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


def decision_refusal(
    gate: Gate | None, kind: DecisionKind, artifact_sha256: str | None
) -> tuple[str, str] | None:
    """Why a decision is not taken, as (code, sentence); None when it is."""
    if gate is None:
        return "gate-not-open", "This gate is not open; reload to see what is asked now."
    if gate.status != GateStatus.OPEN:
        return "gate-not-open", "This gate was already decided."
    if kind not in gate.options:
        allowed = ", ".join(option.value for option in gate.options)
        return "decision-not-offered", f"This gate takes: {allowed}."
    shown = gate.document.sha256 if gate.document else None
    if shown is not None and artifact_sha256 != shown:
        return "stale-document", "The document has changed since you saw it; review it again."
    return None
