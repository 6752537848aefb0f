"""An example for each request that people write by hand, shown in the OpenAPI document."""

from typing import Any, Final

from pydantic import BaseModel

from models.contracts.commands import CommandBody, SendMessage
from models.contracts.gates import DecideGate
from models.contracts.notifications import SetWebhook
from models.contracts.overviews import StartTasks
from models.contracts.projects import CreateProject
from models.contracts.questions import AnswerQuestion
from models.contracts.sandboxes import PostedEvent, PostEvents
from models.contracts.specs import ForkSpec, LaunchSpec
from models.contracts.tickets import CreateTicket, MoveTicket, StartProcessing, WriteComment

_PROJECT: Final = "0d5b6a3e-7d0c-4d5c-9d0e-2f3a4b5c6d7e"
_SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PROGRESS: Final = {
    "event_type": "spec.progress",
    "data": {"message": "Reading the repository"},
    "dedup_key": "task-1/3",
}
EXAMPLES: Final[dict[type[BaseModel], dict[str, Any]]] = {
    CreateProject: {
        "name": "Ledger",
        "repository": {"kind": "git", "url": "https://git.example.com/team/ledger.git"},
        "default_branch": "main",
    },
    LaunchSpec: {
        "project_id": _PROJECT,
        "description": "Let me set a monthly budget, and warn me when I go over it.",
        "auto_execute": True,
    },
    ForkSpec: {"from_phase": "design", "note": "The same with a file for each month"},
    CreateTicket: {
        "project_id": _PROJECT,
        "title": "Say the currency in the report",
        "workflow_mode": "quick",
        "check_command": "python -m unittest",
    },
    MoveTicket: {"column": "ready"},
    StartProcessing: {"dry_run": True},
    WriteComment: {"text": "Agreed with accounting."},
    DecideGate: {
        "kind": "request_changes",
        "artifact_sha256": _SHA256,
        "note": "Think of refunds",
        "comments": [{"item": "REQ-002", "text": "Say by how much"}],
    },
    AnswerQuestion: {"answer": "One budget a category."},
    CommandBody: {"reason": "Enough for today"},
    SendMessage: {"text": "Use the parser that is there."},
    StartTasks: {"task_ids": None},
    PostedEvent: _PROGRESS,
    PostEvents: {"events": [_PROGRESS]},
    SetWebhook: {"url": "https://chat.example.com/hooks/team", "kinds": ["gate", "failure"]},
}
