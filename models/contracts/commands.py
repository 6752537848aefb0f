"""Commands: the one table that maps each to its Update, its signal and the role it needs."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from models.contracts.base import GateId, Payload, Request
from models.contracts.gates import DecisionKind

SPEC_WORKFLOW: Final = "SpecWorkflow"
TASK_WORKFLOW: Final = "TaskWorkflow"
STATE_QUERY: Final = "state"
DECIDE_GATE_UPDATE: Final = "decide_gate"
COMMAND_SIGNAL: Final = "accept_command"
SLOT_SIGNAL: Final = "slot_granted"
RESUME_SIGNAL: Final = "resume_task"
TURN_SIGNAL: Final = "merge_turn_granted"
REQUEST_TURN_SIGNAL: Final = "request_merge_turn"
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
    )
}


class AllowedAction(Payload):
    """A command and whether it may be given now; ``reason`` says why not."""

    id: str
    enabled: bool
    reason: str | None = None


class CommandBody(Request):
    """What a person may add to a command."""

    reason: str = Field(default="", max_length=2_000)


class SpecCommand(Payload):
    """A command as the workflow takes it; ``id`` makes it idempotent."""

    id: str
    name: CommandName
    by: str
    reason: str = ""


class GateCommand(Payload):
    """A gate's decision as the workflow takes it; ``id`` makes it idempotent."""

    id: str
    gate_id: GateId
    kind: DecisionKind
    by: str
    note: str = ""
    artifact_sha256: str | None = None


class CommandAccepted(Payload):
    """What the API answers: ``pending`` when the command waits for a worker."""

    id: str
    status: Literal["accepted", "pending"] = "accepted"
