"""Which commands are allowed now, and why not: one rule for buttons and validators."""

from models.contracts.commands import TASK_COMMANDS, AllowedAction, CommandName, TaskCommandName
from models.contracts.phases import GENERATED_PHASES, Phase
from models.contracts.specs import CLOSED, SpecStatus
from models.contracts.tasks import SETTLED, TaskState

_RUNNING = "The spec is already running."
_BROKEN = frozenset({TaskState.FAILED, TaskState.CANCELLED})


def command_refusal(name: CommandName, status: SpecStatus, phase: Phase | None) -> str | None:
    """Why a command is refused in this status and phase; None when it is allowed."""
    if name == CommandName.RERUN_FROM:
        return "The spec has not started." if status == SpecStatus.DRAFT else None
    if name == CommandName.ARCHIVE:
        ended = status in CLOSED or status == SpecStatus.DRAFT
        return None if ended else "Cancel it first, or wait until it has ended."
    if status in CLOSED:
        return f"The spec is {status.value}."
    if name == CommandName.EXECUTE:
        return None if status == SpecStatus.DRAFT else _RUNNING
    if name == CommandName.RESUME:
        return None if status == SpecStatus.PAUSED else "The spec is not paused."
    if name == CommandName.SET_LIMITS and status == SpecStatus.DRAFT:
        return "The spec has not started."
    if name in {CommandName.PAUSE, CommandName.RETRY_PHASE}:
        return _begun_refusal(name, status, phase)
    return None


def _begun_refusal(name: CommandName, status: SpecStatus, phase: Phase | None) -> str | None:
    if status == SpecStatus.DRAFT:
        return "The spec has not started."
    if name == CommandName.PAUSE:
        return "The spec is already paused." if status == SpecStatus.PAUSED else None
    return None if phase in GENERATED_PHASES else "No phase is being written now."


def allowed_actions(status: SpecStatus, phase: Phase | None) -> tuple[AllowedAction, ...]:
    """Every command with whether it may be given now."""
    found: list[AllowedAction] = []
    for name in CommandName:
        reason = command_refusal(name, status, phase)
        found.append(AllowedAction(id=name.value, enabled=reason is None, reason=reason))
    return tuple(found)


def task_command_refusal(name: TaskCommandName, state: TaskState, status: SpecStatus) -> str | None:
    """Why a command on a task is refused now; None when it is allowed."""
    if status in CLOSED:
        return f"The spec is {status.value}."
    if TASK_COMMANDS[name].to_child:
        if state in SETTLED:
            return f"The task is {state.value}."
        waits = name != TaskCommandName.EXTEND or state == TaskState.WAITING
        return None if waits else "Only a task that waits can be given more time."
    if name in {TaskCommandName.RETRY, TaskCommandName.START}:
        return _again_refusal(name, state)
    if state == TaskState.BLOCKED or state in _BROKEN:
        return None
    return "Only a task that failed or is blocked can be left out or marked complete."


def _again_refusal(name: TaskCommandName, state: TaskState) -> str | None:
    if state in _BROKEN:
        return None
    if name == TaskCommandName.START and state == TaskState.QUEUED:
        return "It starts by itself as soon as a slot is free."
    return "Only a task that failed or was stopped can be started again."


def task_actions(state: TaskState, status: SpecStatus) -> tuple[AllowedAction, ...]:
    """Every command on a task with whether it may be given now."""
    found: list[AllowedAction] = []
    for name in TaskCommandName:
        reason = task_command_refusal(name, state, status)
        found.append(AllowedAction(id=name.value, enabled=reason is None, reason=reason))
    return tuple(found)
