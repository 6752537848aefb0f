"""What is worth telling people outside, and in which words."""

from typing import Final

from pydantic import JsonValue

from models.contracts.notifications import NotificationKind

KINDS: Final[dict[str, NotificationKind]] = {
    "spec.gate_opened": NotificationKind.GATE,
    "question.asked": NotificationKind.QUESTION,
    "spec.execution_failed": NotificationKind.FAILURE,
    "spec.phase_failed": NotificationKind.FAILURE,
    "task.failed": NotificationKind.FAILURE,
    "spec.budget_warning": NotificationKind.BUDGET,
    "spec.execution_completed": NotificationKind.COMPLETION,
    "spec.gate_reminded": NotificationKind.REMINDER,
}
_LINE: Final = 300


def text_of(event_type: str, title: str, data: dict[str, JsonValue]) -> str:
    """One line for a chat; what models and people wrote is cut to 300 characters."""
    told = f"{title}: {_says(event_type, data)}"
    return " ".join(told.split())[:_LINE]


def _says(event_type: str, data: dict[str, JsonValue]) -> str:
    match event_type:
        case "spec.gate_opened":
            return f"a decision is needed. {_inner(data, 'gate', 'summary')}"
        case "spec.gate_reminded":
            return f"still waiting for a decision. {_inner(data, 'gate', 'summary')}"
        case "question.asked":
            return f"a question. {_inner(data, 'question', 'text')}"
        case "spec.execution_completed":
            return "completed, the pull request is ready."
        case "spec.budget_warning":
            return "four fifths of the budget are used."
        case "task.failed":
            return f"task {data.get('local_id')} failed. {data.get('reason') or ''}"
        case _:
            return f"failed. {data.get('error') or data.get('reason') or ''}"


def _inner(data: dict[str, JsonValue], key: str, field: str) -> str:
    part = data.get(key)
    found = part.get(field) if isinstance(part, dict) else None
    return found if isinstance(found, str) else ""
