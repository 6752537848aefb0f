"""Gates: where a person decides."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from models.contracts.artifacts import SHA256_PATTERN, ArtifactRef
from models.contracts.base import GateId, Payload, Request, SpecId
from models.contracts.budgets import BudgetLimits
from models.contracts.phases import Phase


class GateKind(StrEnum):
    """Why a gate opened."""

    PHASE = "phase"
    FAILURE = "failure"
    BASELINE = "baseline"
    FINAL = "final"
    BUDGET = "budget"
    DRIFT = "drift"
    PLAN_EDIT = "plan_edit"
    TAMPER = "tamper"


class DecisionKind(StrEnum):
    """What a person may answer; which ones depends on the gate's kind."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    RETRY = "retry"
    SKIP = "skip"
    ACCEPT = "accept"
    CANCEL = "cancel"
    EDIT = "edit"
    RAISE = "raise"
    STOP = "stop"
    GO_ON = "go_on"
    RE_EXPLORE = "re_explore"


class GateStatus(StrEnum):
    """States of a gate."""

    OPEN = "open"
    DECIDED = "decided"
    EXPIRED = "expired"


class Comment(Payload):
    """What a person says about one item of a document, such as ``REQ-002``."""

    item: str = Field(min_length=1, max_length=100)
    text: str = Field(min_length=1, max_length=2_000)


class GateDecision(Payload):
    """Who decided what, when, on which bytes; the record of it is never changed.

    ``document`` is the person's own on ``edit``; ``budget`` the new limits on ``raise``.
    """

    kind: DecisionKind
    by: str
    at: datetime
    note: str = ""
    comments: tuple[Comment, ...] = ()
    artifact_sha256: str | None = None
    document: ArtifactRef | None = None
    budget: BudgetLimits | None = None


class GateBrief(Payload):
    """What a person reads before deciding, on one screen.

    ``changed`` is against the version that was last shown at a gate of this phase, ``doubts`` are
    the findings that were not met in full, ``cost`` is what was spent and may follow.
    """

    says: str
    changed: str = ""
    doubts: tuple[str, ...] = ()
    cost: str = ""


class Gate(Payload):
    """A gate with its one-screen summary; ``reason_code`` is set on failure gates."""

    id: GateId
    spec_id: SpecId
    kind: GateKind
    phase: Phase | None = None
    attempt: int | None = None
    document: ArtifactRef | None = None
    summary: str
    brief: GateBrief | None = None
    reason_code: str | None = None
    task_ids: tuple[str, ...] = ()
    deadline: datetime | None = None
    on_deadline: Literal["remind", "approve", "reject"] = "remind"
    reminders: int = 0
    options: tuple[DecisionKind, ...]
    opened_at: datetime
    status: GateStatus = GateStatus.OPEN
    decision: GateDecision | None = None


class DecideGate(Request):
    """A person's decision; ``artifact_sha256`` is that of the document they saw.

    ``comments`` are about single items. ``document`` is the whole document of the gate's phase and
    belongs to ``edit``; ``budget`` belongs to ``raise``.
    """

    kind: DecisionKind
    artifact_sha256: str | None = Field(default=None, pattern=SHA256_PATTERN)
    note: str = Field(default="", max_length=10_000)
    comments: tuple[Comment, ...] = Field(default=(), max_length=50)
    document: dict[str, JsonValue] | None = None
    budget: BudgetLimits | None = None


class ApproveDocument(Request):
    """An approval by its shorthand; ``artifact_sha256`` is that of the document that was seen."""

    artifact_sha256: str = Field(pattern=SHA256_PATTERN)
    note: str = Field(default="", max_length=10_000)
