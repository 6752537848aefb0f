"""Events: facts that happened, as one discriminated union, and their stored form.

The wire form ``{event_type, timestamp, spec_id, phase, data}`` is that of the seeds; ``data`` is
the fact without its ``event_type`` and ``phase``.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId, TaskId, TicketId
from models.contracts.checks import CheckEvidence
from models.contracts.evaluations import Finding
from models.contracts.gates import Gate, GateDecision
from models.contracts.phases import Phase
from models.contracts.specs import SpecView
from models.contracts.tasks import TaskView
from models.contracts.usage import Usage

NOTIFY_CHANNEL: Final = "specwright_events"


class EventSource(StrEnum):
    """Who says it; only ``worker`` and ``system`` facts change a spec's lifecycle."""

    AGENT = "agent"
    WORKER = "worker"
    SYSTEM = "system"


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


class TicketCreated(Payload):
    """A planned ticket became a ticket."""

    event_type: Literal["spec.ticket_created"] = "spec.ticket_created"
    ticket_id: TicketId
    title: str


class TaskCreated(Payload):
    """A planned task became a task."""

    event_type: Literal["spec.task_created"] = "spec.task_created"
    task_id: TaskId
    title: str
    ticket_id: TicketId
    task: TaskView


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
    """A person paused, resumed or cancelled."""

    event_type: Literal["spec.paused", "spec.resumed", "spec.cancelled"]
    by: str
    reason: str = ""


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


class FinalChecked(Payload):
    """The final check of the branch's head was run."""

    event_type: Literal["spec.final_checked"] = "spec.final_checked"
    check: CheckEvidence


class PullRequestCreated(Payload):
    """The pull request, or the local record of one, exists."""

    event_type: Literal["spec.pull_request_created"] = "spec.pull_request_created"
    number: int
    url: str


class Waiting(Payload):
    """Work waits for something with a known or unknown end."""

    event_type: Literal["waiting"] = "waiting"
    until: datetime | None = None
    reason: str
    task_id: TaskId | None = None


class AgentTurn(Payload):
    """A model answered once; ``phase`` for the planner, ``task_id`` for an agent."""

    event_type: Literal["agent.turn"] = "agent.turn"
    turn: int
    tool: str
    summary: str
    usage: Usage
    phase: Phase | None = None
    task_id: TaskId | None = None
    round: int | None = None


class AgentStarted(Payload):
    """An agent began, or resumed, a round of a task."""

    event_type: Literal["agent.started"] = "agent.started"
    task_id: TaskId
    local_id: str
    round: int
    model: str


class TaskMoved(Payload):
    """A task changed its state."""

    event_type: Literal[
        "task.queued",
        "task.provisioning",
        "task.working",
        "task.waiting",
        "task.checking",
        "task.check_failed",
        "task.merging",
        "task.conflict",
        "task.merged",
        "task.failed",
        "task.blocked",
        "task.skipped",
        "task.cancelled",
        "task.retried",
    ]
    task_id: TaskId
    local_id: str
    round: int = 0
    reason: str | None = None
    reason_code: str | None = None
    commit: str | None = None
    check: CheckEvidence | None = None


class SandboxMoved(Payload):
    """A sandbox changed its state; ``name`` is ours and deterministic."""

    event_type: Literal["sandbox.creating", "sandbox.spawned", "sandbox.lost", "sandbox.terminated"]
    name: str
    task_id: TaskId | None = None
    provider: str


Fact = Annotated[
    SpecCreated
    | ExecutionStarted
    | ExecutionCompleted
    | ExecutionFailed
    | PhaseStarted
    | AttemptEvaluated
    | PhaseRetry
    | PhaseCompleted
    | PhaseFailed
    | DocumentStored
    | SyncCounted
    | TicketCreated
    | TaskCreated
    | GateOpened
    | GateDecided
    | SpecCommanded
    | Progress
    | BranchCreated
    | FinalChecked
    | PullRequestCreated
    | Waiting
    | AgentTurn
    | AgentStarted
    | TaskMoved
    | SandboxMoved,
    Field(discriminator="event_type"),
]
FACT: Final[TypeAdapter[Fact]] = TypeAdapter(Fact)


class NewEvent(Payload):
    """A fact to append; ``dedup_key`` is unique per stream, and a repeat changes nothing."""

    dedup_key: str = Field(max_length=300)
    fact: Fact
    source: EventSource = EventSource.WORKER
    occurred_at: datetime | None = None
    sandbox_id: str | None = None


class AppendEvents(Payload):
    """Facts of one spec, in order."""

    project_id: ProjectId
    spec_id: SpecId
    events: tuple[NewEvent, ...]


class Appended(Payload):
    """The stream's last ``seq`` after the append, and what the spec has cost (USD or unknown)."""

    last_seq: int
    cost_usd: float | None = None


class ViewFragment(Payload):
    """What a fact changed in the read model: whole entities, to be put in place of the old."""

    spec: SpecView | None = None
    task: TaskView | None = None
    gate: Gate | None = None


class Event(Payload):
    """A stored event; ``seq`` is gap-free in its stream, ``project_seq`` in its project."""

    id: UUID
    seq: int
    project_seq: int
    event_type: str
    timestamp: datetime
    created_at: datetime
    project_id: ProjectId
    spec_id: SpecId | None
    task_id: TaskId | None = None
    sandbox_id: str | None = None
    phase: str | None = None
    source: EventSource
    data: dict[str, JsonValue]
    view: ViewFragment | None = None


class EventPage(Payload):
    """One page of events in ``seq`` order; ``next_cursor`` is None on the last."""

    items: tuple[Event, ...]
    next_cursor: str | None = None
    last_seq: int


def read_fact(event_type: str, phase: str | None, data: dict[str, JsonValue]) -> Fact | None:
    """The typed fact of a stored event; None for a type, or a shape, that is not known."""
    try:
        return FACT.validate_python({"phase": phase, **data, "event_type": event_type})
    except ValidationError:
        return None
