"""Events: facts that happened, as one discriminated union, and their stored form.

The wire form ``{event_type, timestamp, spec_id, phase, data}`` is that of the seeds; ``data`` is
the fact without its ``event_type`` and ``phase``.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, get_args
from uuid import UUID

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from models.contracts.base import Payload, ProjectId, SpecId, TaskId
from models.contracts.facts import (
    AttemptEvaluated,
    BaseFound,
    BranchCreated,
    BudgetSet,
    BudgetWarned,
    CallLost,
    DocumentEdited,
    DocumentStored,
    DriftDetected,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionStarted,
    FinalChecked,
    ForeignCommits,
    GateDecided,
    GateExpired,
    GateOpened,
    GateReminded,
    PhaseCompleted,
    PhaseFailed,
    PhaseRetry,
    PhaseStarted,
    PlanEdited,
    Progress,
    PullRequestCreated,
    PullRequestMoved,
    QuestionMoved,
    Rerun,
    SpecChanged,
    SpecCommanded,
    SpecCreated,
    SyncCounted,
    Waiting,
)
from models.contracts.gates import Gate
from models.contracts.questions import Question
from models.contracts.sandboxes import SandboxView
from models.contracts.specs import SpecView
from models.contracts.task_facts import (
    AgentMessage,
    AgentStarted,
    AgentTurn,
    SandboxMoved,
    TaskCreated,
    TaskMoved,
    TaskReplanned,
    TicketCommented,
    TicketCreated,
    TicketMoved,
)
from models.contracts.tasks import TaskView
from models.contracts.tickets import TicketPlace

NOTIFY_CHANNEL: Final = "specwright_events"


class EventSource(StrEnum):
    """Who says it; only ``worker`` and ``system`` facts change a spec's lifecycle."""

    AGENT = "agent"
    WORKER = "worker"
    SYSTEM = "system"


Fact = Annotated[
    SpecCreated
    | ExecutionStarted
    | ExecutionCompleted
    | ExecutionFailed
    | PhaseStarted
    | BaseFound
    | AttemptEvaluated
    | PhaseRetry
    | PhaseCompleted
    | PhaseFailed
    | DocumentStored
    | SyncCounted
    | GateOpened
    | GateDecided
    | SpecCommanded
    | SpecChanged
    | GateReminded
    | GateExpired
    | QuestionMoved
    | DocumentEdited
    | Rerun
    | PlanEdited
    | BudgetWarned
    | BudgetSet
    | DriftDetected
    | CallLost
    | Progress
    | BranchCreated
    | FinalChecked
    | ForeignCommits
    | PullRequestCreated
    | PullRequestMoved
    | Waiting
    | TicketCreated
    | TaskCreated
    | AgentTurn
    | TaskReplanned
    | AgentStarted
    | AgentMessage
    | TaskMoved
    | TicketMoved
    | TicketCommented
    | SandboxMoved,
    Field(discriminator="event_type"),
]
FACT_TYPES: Final[dict[str, type[Payload]]] = {
    name: fact
    for fact in get_args(get_args(Fact)[0])
    for name in get_args(fact.model_fields["event_type"].annotation)
}
FACT: Final[TypeAdapter[Fact]] = TypeAdapter(Fact)


class NewEvent(Payload):
    """A fact to append; ``dedup_key`` is unique per stream, and a repeat changes nothing."""

    dedup_key: str = Field(max_length=300)
    fact: Fact
    source: EventSource = EventSource.WORKER
    occurred_at: datetime | None = None
    sandbox_id: str | None = None


class RawEvent(Payload):
    """An event to append that changes no view.

    Its type is not known here, or it is ``claimed`` by somebody who may not say it.
    """

    dedup_key: str = Field(max_length=300)
    event_type: str = Field(max_length=100)
    phase: str | None = None
    task_id: TaskId | None = None
    data: dict[str, JsonValue]
    source: EventSource
    occurred_at: datetime | None = None
    sandbox_id: str | None = None
    claimed: bool = False


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
    question: Question | None = None
    sandbox: SandboxView | None = None
    ticket: TicketPlace | None = None


class Event(Payload):
    """A stored event; ``seq`` is gap-free in its stream, ``project_seq`` in its project.

    ``spec_id`` is None for an event of the project itself. ``claimed`` events changed nothing.
    """

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
    claimed: bool = False
    data: dict[str, JsonValue]
    view: ViewFragment | None = None


class EventLine(NamedTuple):
    """An event as it is sent, ``json``, with what filters and followers ask of it."""

    seq: int
    project_seq: int
    event_type: str
    project_id: UUID
    spec_id: UUID | None
    task_id: UUID | None
    sandbox_id: str | None
    ticket_id: str | None
    gate_id: str | None
    question_id: str | None
    json: str


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
