"""Facts about tickets, tasks, agents and their sandboxes."""

from typing import Literal
from uuid import UUID

from models.contracts.base import Payload, TaskId, TicketId
from models.contracts.checks import CheckEvidence
from models.contracts.phases import Phase
from models.contracts.tasks import TaskView
from models.contracts.tickets import Column
from models.contracts.usage import Usage


class TicketCreated(Payload):
    """A planned ticket became a ticket."""

    event_type: Literal["spec.ticket_created"] = "spec.ticket_created"
    ticket_id: TicketId
    title: str


class TicketMoved(Payload):
    """A ticket is in another column; ``by`` is None when its tasks took it there."""

    event_type: Literal["ticket.moved"] = "ticket.moved"
    ticket_id: TicketId
    title: str
    column: Column
    before: Column
    by: str | None = None


class TicketCommented(Payload):
    """A person said something about a ticket, changed it or took it back."""

    event_type: Literal["ticket.commented"] = "ticket.commented"
    ticket_id: TicketId
    comment_id: UUID
    by: str
    text: str
    action: Literal["added", "changed", "removed"] = "added"


class TaskCreated(Payload):
    """A planned task became a task."""

    event_type: Literal["spec.task_created"] = "spec.task_created"
    task_id: TaskId
    title: str
    ticket_id: TicketId
    task: TaskView


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


class TaskReplanned(Payload):
    """A known task was planned anew, or dropped from the plan; ``task`` is its new first state."""

    event_type: Literal["task.replanned", "task.retired"]
    task_id: TaskId
    task: TaskView


class AgentStarted(Payload):
    """An agent began, or resumed, a round of a task."""

    event_type: Literal["agent.started"] = "agent.started"
    task_id: TaskId
    local_id: str
    round: int
    model: str


class AgentMessage(Payload):
    """A person's message to an agent was sent, or ``delivered`` with the results of ``turn``."""

    event_type: Literal["agent.message"] = "agent.message"
    message_id: UUID
    task_id: TaskId
    local_id: str
    text: str
    by: str
    delivered: bool = False
    round: int | None = None
    turn: int | None = None


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

    event_type: Literal[
        "sandbox.creating",
        "sandbox.spawned",
        "sandbox.idle",
        "sandbox.lost",
        "sandbox.terminated",
    ]
    name: str
    task_id: TaskId | None = None
    provider: str
