"""Tasks: what runs of a plan, and what the workflows and activities say about it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field

from models.contracts.agents import AskedQuestion
from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, Request, SpecId, TaskId, TicketId, Timings
from models.contracts.checks import CheckEvidence, CriterionClaim
from models.contracts.commands import AllowedAction
from models.contracts.gates import GateKind
from models.contracts.plans import Priority
from models.contracts.projects import Environment, ProjectSettings
from models.contracts.repositories import SHA_PATTERN
from models.contracts.usage import Usage


class TaskState(StrEnum):
    """States of a task; a planned task mirrors its task."""

    QUEUED = "queued"
    PROVISIONING = "provisioning"
    WORKING = "working"
    WAITING = "waiting"
    CHECKING = "checking"
    MERGING = "merging"
    MERGED = "merged"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


NOT_BEGUN: frozenset[TaskState] = frozenset({TaskState.QUEUED, TaskState.BLOCKED})
SETTLED: frozenset[TaskState] = frozenset(
    {TaskState.MERGED, TaskState.FAILED, TaskState.BLOCKED, TaskState.SKIPPED, TaskState.CANCELLED}
)


class TaskNode(Payload):
    """A task as the DAG sees it; ``depends_on`` are indices into the plan's list of nodes.

    ``merged`` was done in an earlier run; ``first_round`` goes on counting after one.
    """

    task_id: TaskId
    local_id: str
    title: str
    priority: Priority
    minutes: int
    depends_on: tuple[int, ...] = ()
    extra_check: str | None = None
    expects_changes: bool = True
    merged: bool = False
    first_round: int = 1


class TaskView(Payload):
    """A task as people read it.

    ``sandbox_seconds`` is how long sandboxes of its agent and its checks were up;
    ``sandbox_since`` is set while the agent's is.
    """

    id: TaskId
    spec_id: SpecId
    ticket_id: TicketId
    local_id: str
    title: str
    description: str = ""
    kind: str
    priority: Priority
    position: int
    depends_on: tuple[str, ...] = ()
    requirement_ids: tuple[str, ...] = ()
    criteria_ids: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    state: TaskState = TaskState.QUEUED
    round: int = 0
    turns: int = 0
    last_line: str = ""
    reason: str | None = None
    reason_code: str | None = None
    commit: str | None = None
    sandbox_id: str | None = None
    check: CheckEvidence | None = None
    usage: Usage = Usage()
    sandbox_seconds: float = 0.0
    sandbox_since: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    retired: bool = False
    allowed_actions: tuple[AllowedAction, ...] = ()
    as_of_seq: int = 0


class TaskList(Payload):
    """All tasks of a spec, in plan order."""

    items: tuple[TaskView, ...]


class TaskPage(Payload):
    """One page of tasks, by id; ``next_cursor`` is None on the last."""

    items: tuple[TaskView, ...]
    next_cursor: str | None = None


class ChangeTask(Request):
    """Fields of a planned task to change; those not given stay."""

    title: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, min_length=1, max_length=20_000)
    priority: Priority | None = None


class SetDependencies(Request):
    """Local ids of the tasks that must be merged before."""

    depends_on: tuple[str, ...] = Field(max_length=500)


class Dependencies(Payload):
    """What a task waits for and what waits for it, by local id."""

    depends_on: tuple[str, ...]
    dependents: tuple[str, ...]


class TaskInput(Payload):
    """Input of a task's workflow.

    Rounds count through the task's life; those before ``context_from`` belong to another run of
    the spec and are not told to the agent. ``plan_approved`` says that a person saw the plan, whose
    files may then configure the check; ``baseline_accepted`` that what failed at the base may fail;
    ``tests_before`` is how many tests the branch has, None when that is not known.
    """

    task_id: TaskId
    spec_id: SpecId
    project_id: ProjectId
    local_id: str
    title: str
    priority: Priority
    branch: str
    working_directory: str = ""
    extra_check: str | None = None
    expects_changes: bool = True
    first_round: int = 1
    context_from: int = 1
    note: str = ""
    plan_approved: bool = False
    baseline_accepted: bool = False
    tests_before: int | None = None
    settings: ProjectSettings
    timings: Timings = Timings()


class TaskResult(Payload):
    """How a task's workflow ended; ``rounds`` counts through the task's life."""

    state: TaskState
    rounds: int
    commit: str | None = None
    reason: str | None = None
    reason_code: str | None = None
    tests: int | None = None


class RunAgent(Payload):
    """One slice of an agent's conversation about a task, in its round.

    ``max_turns`` counts from ``first_round`` on. ``answer`` belongs to the tool call ``answered``.
    ``gave_sandbox_up`` says that a long wait ended with the sandbox destroyed, which is no loss;
    ``generation`` counts these.
    """

    task_id: TaskId
    spec_id: SpecId
    project_id: ProjectId
    local_id: str
    round: int
    branch: str
    sandbox: str
    base_commit: str = Field(pattern=SHA_PATTERN)
    model: str
    max_turns: int
    feedback: str = ""
    restart_workspace: bool = False
    working_directory: str = ""
    environment: Environment = Environment()
    provider_wait: timedelta = timedelta(seconds=60)
    checkpoint_every: timedelta = timedelta(seconds=60)
    context_from: int = 1
    first_round: int = 1
    answered: str | None = None
    answer: str = ""
    gave_sandbox_up: bool = False
    generation: int = 0


class AgentResult(Payload):
    """How a slice ended.

    ``work`` is a bundle ``base..head``, None when nothing was committed. ``until`` is when the
    model provider may be asked again, on ``waiting``; ``question`` is set on ``asked``.
    """

    outcome: Literal["finished", "asked", "paused", "yielded", "out_of_turns", "waiting"]
    until: datetime | None = None
    question: AskedQuestion | None = None
    summary: str = ""
    work: ArtifactRef | None = None
    head: str | None = None
    tests: tuple[CriterionClaim, ...] = ()
    changed_files: tuple[str, ...] = ()


class TaskGateAsk(Payload):
    """A task asks for a person's decision through its spec; ``gate_decided`` brings the answer."""

    task_id: TaskId
    local_id: str
    kind: GateKind
    reason_code: str
    summary: str


class SandboxRequest(Payload):
    """Make, find or destroy the sandbox with this deterministic name.

    ``idle`` destroys it because its owner waits; its workspace is kept as a checkpoint, and it is
    built again as the next ``generation``.
    """

    name: str = Field(pattern=r"^[a-z]+-[0-9a-f-]{36}-[a-z0-9-]{1,40}$")
    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId | None = None
    branch: str = ""
    generation: int = 0
    idle: bool = False


class PrepareWorkspace(Payload):
    """Make the task's sandbox, put the head of the spec's branch into it, and set it up."""

    sandbox: SandboxRequest
    environment: Environment = Environment()
    working_directory: str = ""


class Workspace(Payload):
    """A sandbox with a checked-out workspace at ``commit``."""

    commit: str = Field(pattern=SHA_PATTERN)


class SlotRequest(Payload):
    """Ask for, or give back, a slot; ``holder`` is a workflow id.

    A task's slot is its project's; without a project it is a spec's, of the installation.
    """

    project_id: ProjectId | None = None
    holder: str
    priority: Priority = "medium"


class SlotAnswer(Payload):
    """``position`` is the place in the queue, 0 when granted."""

    granted: bool
    position: int = 0
    in_use: int = 0
    limit: int = 0


class ProjectSlots(Payload):
    """The slots of a project now; ``waiting`` are task ids, the next one first."""

    in_use: int
    limit: int
    waiting: tuple[TaskId, ...] = ()


class SlotRelease(Payload):
    """Workflow ids that hold a slot now and should be woken."""

    woken: tuple[str, ...] = ()
