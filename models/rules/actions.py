"""Which commands are allowed now, and why not: one rule for buttons and validators."""

from models.contracts.commands import AllowedAction, CommandName
from models.contracts.specs import CLOSED, SpecStatus


def command_refusal(name: CommandName, status: SpecStatus) -> str | None:
    """Why a command is refused in this status; None when it is allowed."""
    if status in CLOSED:
        return f"The spec is {status.value}."
    match name:
        case CommandName.EXECUTE:
            return None if status == SpecStatus.DRAFT else "The spec is already running."
        case CommandName.PAUSE:
            if status == SpecStatus.DRAFT:
                return "The spec has not started."
            return "The spec is already paused." if status == SpecStatus.PAUSED else None
        case CommandName.RESUME:
            return None if status == SpecStatus.PAUSED else "The spec is not paused."
        case CommandName.CANCEL:
            return None


def allowed_actions(status: SpecStatus) -> tuple[AllowedAction, ...]:
    """Every command with whether it may be given in this status."""
    found: list[AllowedAction] = []
    for name in CommandName:
        reason = command_refusal(name, status)
        found.append(AllowedAction(id=name.value, enabled=reason is None, reason=reason))
    return tuple(found)
