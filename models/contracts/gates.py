"""Gates: where a person decides."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from models.contracts.artifacts import SHA256_PATTERN, ArtifactRef
from models.contracts.base import GateId, Payload, Request, SpecId
from models.contracts.phases import Phase


class GateKind(StrEnum):
    """Why a gate opened."""

    PHASE = "phase"
    FAILURE = "failure"
    BASELINE = "baseline"
    FINAL = "final"


class DecisionKind(StrEnum):
    """What a person may answer; which ones depends on the gate's kind."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    RETRY = "retry"
    SKIP = "skip"
    ACCEPT = "accept"
    CANCEL = "cancel"


class GateStatus(StrEnum):
    """States of a gate."""

    OPEN = "open"
    DECIDED = "decided"
    EXPIRED = "expired"


class GateDecision(Payload):
    """Who decided what, when, on which bytes."""

    kind: DecisionKind
    by: str
    at: datetime
    note: str = ""
    artifact_sha256: str | None = None


class Gate(Payload):
    """A gate with its one-screen summary; ``reason_code`` is set on failure gates."""

    id: GateId
    spec_id: SpecId
    kind: GateKind
    phase: Phase | None = None
    attempt: int | None = None
    document: ArtifactRef | None = None
    summary: str
    reason_code: str | None = None
    task_ids: tuple[str, ...] = ()
    options: tuple[DecisionKind, ...]
    opened_at: datetime
    status: GateStatus = GateStatus.OPEN
    decision: GateDecision | None = None


class DecideGate(Request):
    """A person's decision; ``artifact_sha256`` is that of the document they saw."""

    kind: DecisionKind
    artifact_sha256: str | None = Field(default=None, pattern=SHA256_PATTERN)
    note: str = Field(default="", max_length=10_000)
