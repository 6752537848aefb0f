"""Tickets: what people follow as one thing, and how one is worked on."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from models.contracts.base import Payload, ProjectId, Request, SpecId, TaskId, TicketId
from models.contracts.plans import Priority
from models.contracts.projects import ProjectSettings


class Column(StrEnum):
    """Columns of the board, in their order; its tasks say which one a ticket is in."""

    BACKLOG = "backlog"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    REVIEW = "review"
    DONE = "done"


class TicketPlace(Payload):
    """In which column a ticket is."""

    id: TicketId
    column: Column


class CreateTicket(Request):
    """A ticket and the way it is worked on.

    ``quick`` makes one task of it, which an agent carries out at once; ``spec_driven`` makes a spec,
    which plans it first. ``check_command`` belongs to a quick task and comes in addition to the
    project's own.
    """

    project_id: ProjectId
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    description: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    priority: Priority = "medium"
    workflow_mode: Literal["quick", "spec_driven"] = "quick"
    check_command: str | None = Field(default=None, max_length=2_000)
    settings: ProjectSettings | None = None


class Ticket(Payload):
    """A ticket as people read it; ``run_id`` is the spec, or the quick run, that works on it."""

    id: TicketId
    project_id: ProjectId
    run_id: SpecId | None = None
    local_id: str
    title: str
    description: str
    priority: Priority
    created_at: datetime
    retired: bool = False


class TicketMade(Payload):
    """What a new ticket answers; ``task_id`` is that of a quick task."""

    ticket: Ticket
    run_id: SpecId
    task_id: TaskId | None = None
    message: str
