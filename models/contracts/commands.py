"""Commands: the one table that maps each to its Update, its signal and the role it needs."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import Field, StrictBool, StrictInt

from models.contracts.agents import MESSAGE_LIMIT
from models.contracts.artifacts import ArtifactRef
from models.contracts.base import GateId, Payload, Request, TaskId
from models.contracts.budgets import BudgetLimits
from models.contracts.evaluations import EvaluationSummary
from models.contracts.gates import Comment, DecisionKind
from models.contracts.phases import Phase

SPEC_WORKFLOW: Final = "SpecWorkflow"
TASK_WORKFLOW: Final = "TaskWorkflow"
RECONCILE_WORKFLOW: Final = "ReconcileWorkflow"
REAPER_WORKFLOW: Final = "SandboxReaperWorkflow"
STATE_QUERY: Final = "state"
DECIDE_GATE_UPDATE: Final = "decide_gate"
ANSWER_QUESTION_UPDATE: Final = "answer_question"
ANSWER_SIGNAL: Final = "accept_answer"
SAVE_DOCUMENT_UPDATE: Final = "save_document"
PROPOSE_UPDATE: Final = "propose_document"
PROPOSE_SIGNAL: Final = "accept_proposal"
BUDGET_HIT_SIGNAL: Final = "budget_hit"
COMMAND_SIGNAL: Final = "accept_command"
TASK_UPDATE: Final = "command_task"
TASK_SIGNAL: Final = "accept_task_command"
SLOT_SIGNAL: Final = "slot_granted"
RESUME_SIGNAL: Final = "resume_task"
TURN_SIGNAL: Final = "merge_turn_granted"
REQUEST_TURN_SIGNAL: Final = "request_merge_turn"
ASK_GATE_SIGNAL: Final = "ask_task_gate"
GATE_DECIDED_SIGNAL: Final = "gate_decided"
RELEASE_TURN_SIGNAL: Final = "release_merge_turn"


def spec_workflow_id(spec_id: object) -> str:
    """The workflow id of a spec."""
    return f"spec-{spec_id}"


def task_workflow_id(task_id: object) -> str:
    """The workflow id of a task."""
    return f"task-{task_id}"


class CommandName(StrEnum):
    """Commands on a spec that a person may give."""

    EXECUTE = "execute"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY_PHASE = "retry_phase"
    RERUN_FROM = "rerun_from"
    SET_BUDGET = "set_budget"
    SET_LIMITS = "set_limits"
    ARCHIVE = "archive"


class CommandRule(Payload):
    """How a command reaches its workflow.

    ``signal_without_worker``: accepted as a signal when no worker answers, with 202 ``pending``.
    """

    name: CommandName
    title: str
    role: Literal["viewer", "editor", "admin"] = "editor"
    signal_without_worker: bool = True


COMMANDS: Final[dict[CommandName, CommandRule]] = {
    rule.name: rule
    for rule in (
        CommandRule(name=CommandName.EXECUTE, title="Execute"),
        CommandRule(name=CommandName.PAUSE, title="Pause"),
        CommandRule(name=CommandName.RESUME, title="Resume"),
        CommandRule(name=CommandName.CANCEL, title="Cancel"),
        CommandRule(name=CommandName.RETRY_PHASE, title="Retry phase", signal_without_worker=False),
        CommandRule(name=CommandName.RERUN_FROM, title="Re-run from", signal_without_worker=False),
        CommandRule(name=CommandName.SET_BUDGET, title="Set budget", role="admin"),
        CommandRule(name=CommandName.SET_LIMITS, title="Set limits"),
        CommandRule(name=CommandName.ARCHIVE, title="Archive", signal_without_worker=False),
    )
}


class TaskCommandName(StrEnum):
    """Commands on a task that a person may give."""

    MESSAGE = "message"
    CANCEL = "cancel"
    RETRY = "retry"
    SKIP = "skip"
    COMPLETE = "complete"
    START = "start"
    STOP = "stop"
    EXTEND = "extend"


class TaskCommandRule(Payload):
    """How a command on a task reaches its workflow.

    ``to_child`` goes to the task's own workflow, the others to its spec's.
    """

    name: TaskCommandName
    title: str
    to_child: bool
    role: Literal["viewer", "editor", "admin"] = "editor"


TASK_COMMANDS: Final[dict[TaskCommandName, TaskCommandRule]] = {
    rule.name: rule
    for rule in (
        TaskCommandRule(name=TaskCommandName.MESSAGE, title="Tell the agent", to_child=True),
        TaskCommandRule(name=TaskCommandName.CANCEL, title="Cancel", to_child=True),
        TaskCommandRule(name=TaskCommandName.RETRY, title="Retry", to_child=False),
        TaskCommandRule(name=TaskCommandName.SKIP, title="Skip", to_child=False),
        TaskCommandRule(name=TaskCommandName.COMPLETE, title="Mark complete", to_child=False),
        TaskCommandRule(name=TaskCommandName.START, title="Start", to_child=False),
        TaskCommandRule(name=TaskCommandName.STOP, title="Stop", to_child=True),
        TaskCommandRule(name=TaskCommandName.EXTEND, title="Wait longer", to_child=True),
    )
}


class TaskCommandBody(Request):
    """What a person adds: ``text`` is the message, or the note; ``commit`` did the task.

    ``commit`` belongs to ``complete`` and is on the spec's branch.
    """

    text: str = Field(default="", max_length=MESSAGE_LIMIT)
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")


class SendMessage(Request):
    """A message to a task's agent."""

    text: str = Field(min_length=1, max_length=MESSAGE_LIMIT)


class TaskCommand(Payload):
    """A command on a task as a workflow takes it; ``id`` makes it idempotent."""

    id: str
    name: TaskCommandName
    task_id: TaskId
    by: str
    text: str = ""
    commit: str | None = None


class AllowedAction(Payload):
    """A command and whether it may be given now; ``reason`` says why not."""

    id: str
    enabled: bool
    reason: str | None = None


class CommandBody(Request):
    """What a person may add to a command; ``reason`` is also the note of a retry or a re-run.

    ``budget`` belongs to ``set_budget``, ``max_parallel_tasks`` to ``set_limits``. The rest belongs to ``rerun_from``: ``keep_merged`` stays on
    the branch and keeps merged tasks that the new plan still has, else a new branch begins at the
    base; ``use_draft`` takes the person's draft of that phase in the place of a generated document.
    """

    reason: str = Field(default="", max_length=10_000)
    budget: BudgetLimits | None = None
    max_parallel_tasks: StrictInt | None = Field(default=None, ge=1, le=50)
    from_phase: Phase | None = None
    keep_merged: StrictBool = False
    use_draft: StrictBool = False


class SpecCommand(Payload):
    """A command as the workflow takes it; ``id`` makes it idempotent.

    ``budget`` belongs to ``set_budget``; ``max_parallel_tasks`` to ``set_limits``; ``from_phase``, ``given`` and ``keep_merged`` to
    ``rerun_from``, whose ``reason`` is the note.
    """

    id: str
    name: CommandName
    by: str
    reason: str = ""
    budget: BudgetLimits | None = None
    max_parallel_tasks: int | None = None
    from_phase: Phase | None = None
    given: ArtifactRef | None = None
    keep_merged: bool = False


class GateCommand(Payload):
    """A gate's decision as the workflow takes it; ``id`` makes it idempotent."""

    id: str
    gate_id: GateId
    kind: DecisionKind
    by: str
    note: str = ""
    comments: tuple[Comment, ...] = ()
    artifact_sha256: str | None = None
    document: ArtifactRef | None = None
    budget: BudgetLimits | None = None


class SaveDocument(Payload):
    """A person's version of a phase's document, for the workflow to judge and put in force.

    ``based_on`` is the hash of the document that the person changed.
    """

    id: str
    phase: Phase
    document: ArtifactRef
    based_on: str
    by: str
    reason: str = ""


class ProposeDocument(Payload):
    """A document that somebody outside proposes for the phase that is being written."""

    id: str
    phase: Phase
    document: ArtifactRef
    by: str


class SavedDocument(Payload):
    """What became of a saved document.

    ``in_force`` is False while a gate asks about it.
    """

    evaluation: EvaluationSummary
    version: int
    in_force: bool


class CommandAccepted(Payload):
    """What the API answers: ``pending`` when the command waits for a worker."""

    id: str
    status: Literal["accepted", "pending"] = "accepted"
