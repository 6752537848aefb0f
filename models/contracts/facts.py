"""Facts about a spec: its phases, gates, questions, documents and money."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, TaskId
from models.contracts.budgets import BudgetLimits
from models.contracts.checks import CheckEvidence
from models.contracts.evaluations import Finding
from models.contracts.gates import Gate, GateDecision
from models.contracts.phases import Phase
from models.contracts.questions import Question
from models.contracts.specs import SpecView


class SpecCreated(Payload):
    """A spec was launched; carries the whole first view."""

    event_type: Literal["spec.created"] = "spec.created"
    spec: SpecView


class ExecutionStarted(Payload):
    """The workflow began."""

    event_type: Literal["spec.execution_started"] = "spec.execution_started"
    title: str
    description: str
    phases: tuple[Phase, ...]
    base_commit: str | None = None


class ExecutionCompleted(Payload):
    """The pull request exists."""

    event_type: Literal["spec.execution_completed"] = "spec.execution_completed"
    phases_completed: tuple[Phase, ...]
    markdown_artifacts: dict[Phase, str] = Field(default_factory=dict)
    ticket_creation: dict[str, int] = Field(default_factory=dict)


class ExecutionFailed(Payload):
    """The run cannot go on."""

    event_type: Literal["spec.execution_failed"] = "spec.execution_failed"
    failed_phase: Phase | None = None
    error: str


class BaseFound(Payload):
    """The commit that this run plans against."""

    event_type: Literal["spec.base_found"] = "spec.base_found"
    base_commit: str


class PhaseStarted(Payload):
    """An attempt of a phase began."""

    event_type: Literal["spec.phase_started"] = "spec.phase_started"
    phase: Phase
    attempt: int


class AttemptEvaluated(Payload):
    """The rules were applied to an attempt's document."""

    event_type: Literal["spec.attempt_evaluated"] = "spec.attempt_evaluated"
    phase: Phase
    attempt: int
    eval_score: float
    threshold: float
    passed: bool
    failed_findings: tuple[Finding, ...] = ()


class PhaseRetry(Payload):
    """The next attempt follows, with the feedback."""

    event_type: Literal["spec.phase_retry"] = "spec.phase_retry"
    phase: Phase
    retry_count: int
    max_retries: int
    reason: str


class PhaseCompleted(Payload):
    """A phase's document is approved."""

    event_type: Literal["spec.phase_completed"] = "spec.phase_completed"
    phase: Phase
    eval_score: float
    duration_seconds: float
    retry_count: int
    version: int | None = None


class PhaseFailed(Payload):
    """A phase ran out of attempts or hit an error; a failure gate follows."""

    event_type: Literal["spec.phase_failed"] = "spec.phase_failed"
    phase: Phase
    reason: str
    eval_feedback: str = ""
    error: str | None = None


class DocumentStored(Payload):
    """A passed document became a version."""

    event_type: Literal[
        "spec.requirements_generated",
        "spec.design_generated",
        "spec.tasks_generated",
        "spec.artifact_created",
    ]
    phase: Phase
    artifact_type: str
    path: str
    version: int
    document: ArtifactRef
    markdown: ArtifactRef
    requirement_count: int | None = None
    component_count: int | None = None
    task_count: int | None = None


class SyncCounted(Payload):
    """Steps of SYNC."""

    event_type: Literal[
        "spec.sync_started",
        "spec.sync_completed",
        "spec.tasks_queued",
        "spec.tickets_creation_started",
        "spec.tickets_creation_completed",
    ]
    items_to_sync: int | None = None
    items_synced: int | None = None
    ticket_count: int | None = None
    task_count: int | None = None
    tickets_created: int | None = None
    tasks_created: int | None = None
    errors: tuple[str, ...] = ()


class GateOpened(Payload):
    """A person is asked."""

    event_type: Literal["spec.gate_opened"] = "spec.gate_opened"
    gate: Gate


class GateDecided(Payload):
    """A person answered."""

    event_type: Literal["spec.gate_decided"] = "spec.gate_decided"
    gate: Gate
    decision: GateDecision


class SpecCommanded(Payload):
    """A person paused, resumed, cancelled or archived."""

    event_type: Literal["spec.paused", "spec.resumed", "spec.cancelled", "spec.archived"]
    by: str
    reason: str = ""


class SpecChanged(Payload):
    """A draft has another title or description."""

    event_type: Literal["spec.changed"] = "spec.changed"
    title: str
    by: str


class GateReminded(Payload):
    """A gate's deadline passed, and it goes on waiting."""

    event_type: Literal["spec.gate_reminded"] = "spec.gate_reminded"
    gate: Gate


class GateExpired(Payload):
    """A gate's deadline passed, and the policy decided."""

    event_type: Literal["spec.gate_expired"] = "spec.gate_expired"
    gate: Gate
    decision: GateDecision


class QuestionMoved(Payload):
    """A question was asked, answered by a person, or its assumed answer stands."""

    event_type: Literal["question.asked", "question.answered", "question.assumed"]
    question: Question


class DocumentEdited(Payload):
    """A person's version of a document is in force; later phases are based on an older one."""

    event_type: Literal["spec.document_edited"] = "spec.document_edited"
    phase: Phase
    version: int
    by: str


class Rerun(Payload):
    """The spec begins again from a phase; what came before it is kept."""

    event_type: Literal["spec.rerun_started"] = "spec.rerun_started"
    from_phase: Phase
    run: int
    by: str
    note: str = ""
    branch_name: str | None = None


class PlanEdited(Payload):
    """A running plan was changed: local ids of tasks that are new, changed or gone."""

    event_type: Literal["spec.plan_edited"] = "spec.plan_edited"
    by: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class BudgetWarned(Payload):
    """Four fifths of a budget are used or reserved."""

    event_type: Literal["spec.budget_warning"] = "spec.budget_warning"
    used_usd: Decimal | None = None
    limit_usd: Decimal | None = None
    used_tokens: int | None = None
    limit_tokens: int | None = None


class BudgetSet(Payload):
    """New limits are in force."""

    event_type: Literal["spec.budget_set"] = "spec.budget_set"
    limits: BudgetLimits
    by: str


class DriftDetected(Payload):
    """Files that the spec cites have changed on the target branch since its base commit."""

    event_type: Literal["spec.drift_detected"] = "spec.drift_detected"
    base_commit: str
    head: str
    files: tuple[str, ...]


class CallLost(Payload):
    """A model call was made, but its answer never came; it may have cost at most so much."""

    event_type: Literal["model.call_lost"] = "model.call_lost"
    turn: int
    at_most_usd: Decimal | None = None
    at_most_tokens: int
    phase: Phase | None = None
    task_id: TaskId | None = None


class Progress(Payload):
    """A line about what is going on."""

    event_type: Literal["spec.progress"] = "spec.progress"
    message: str
    phase: Phase | None = None
    eval_passed: bool | None = None
    eval_details: str | None = None


class BranchCreated(Payload):
    """The spec's branch exists on the forge."""

    event_type: Literal["spec.branch_created"] = "spec.branch_created"
    branch_name: str
    head: str


class ForeignCommits(Payload):
    """The branch moved by somebody else's commits, oldest first; tasks are merged onto them."""

    event_type: Literal["spec.foreign_commits"] = "spec.foreign_commits"
    branch_name: str
    commits: tuple[str, ...]


class FinalChecked(Payload):
    """The final check of the branch's head was run."""

    event_type: Literal["spec.final_checked"] = "spec.final_checked"
    check: CheckEvidence


class PullRequestCreated(Payload):
    """The pull request, or the local record of one, exists."""

    event_type: Literal["spec.pull_request_created"] = "spec.pull_request_created"
    number: int
    url: str


class PullRequestMoved(Payload):
    """The pull request was merged into its target, or closed."""

    event_type: Literal["spec.pull_request_merged", "spec.pull_request_closed"]
    number: int
    by: str


class Waiting(Payload):
    """Work waits for something with a known or unknown end."""

    event_type: Literal["waiting"] = "waiting"
    until: datetime | None = None
    reason: str
    task_id: TaskId | None = None
