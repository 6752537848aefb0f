"""Tickets: what people follow as one thing, and how one is worked on."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from models.contracts.base import Payload, ProjectId, Request, SpecId, TaskId, TicketId
from models.contracts.plans import Priority
from models.contracts.projects import ProjectSettings
from models.contracts.specs import SpecStatus

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


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

    ``quick``, which the seeds call ``quick_task``, makes one task of it, which an agent carries out at once; ``spec_driven`` makes a spec,
    which plans it first. ``check_command`` belongs to a quick task and comes in addition to the
    project's own. With ``start`` false it waits in the backlog until somebody starts it.
    """

    project_id: ProjectId
    title: Title
    description: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    priority: Priority = "medium"
    workflow_mode: Literal["quick", "quick_task", "spec_driven"] = "quick"
    check_command: str | None = Field(default=None, max_length=2_000)
    settings: ProjectSettings | None = None
    start: StrictBool = True

    @property
    def is_quick(self) -> bool:
        """True when one task does it."""
        return self.workflow_mode != "spec_driven"


class Ticket(Payload):
    """A ticket as people read it; ``run_id`` is the spec, or the quick run, that works on it.

    ``planned`` tickets belong to a spec's plan and change with it.
    """

    id: TicketId
    project_id: ProjectId
    run_id: SpecId | None = None
    local_id: str
    title: str
    description: str
    priority: Priority
    column: Column = Column.READY
    planned: bool = True
    created_at: datetime
    retired: bool = False


class TicketCard(Ticket):
    """A ticket on the board with its tasks, and what a person may do with it now."""

    tasks_total: int = 0
    tasks_done: int = 0
    tasks_running: tuple[TaskId, ...] = ()
    run_status: SpecStatus | None = None
    allowed_moves: tuple[Column, ...] = ()


class TicketPage(Payload):
    """One page of tickets, newest first; ``next_cursor`` is None on the last."""

    items: tuple[TicketCard, ...]
    next_cursor: str | None = None


class ChangeTicket(Request):
    """Fields of a person's ticket to change; those not given stay."""

    title: Title | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True)] | None = None
    priority: Priority | None = None


class MoveTicket(Request):
    """Where a ticket is to go."""

    column: Column


class WriteComment(Request):
    """What a person says about a ticket."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class TicketComment(Payload):
    """What a person said about a ticket."""

    id: UUID
    ticket_id: TicketId
    author: str
    text: str
    created_at: datetime
    updated_at: datetime


class TicketCommit(Payload):
    """A merge commit of one of a ticket's tasks."""

    task_id: TaskId
    local_id: str
    title: str
    commit: str
    at: datetime | None = None


class TicketLink(Payload):
    """Another ticket; ``tasks`` are pairs of local ids: the task before, and the one that waits."""

    ticket_id: TicketId
    title: str
    column: Column
    tasks: tuple[tuple[str, str], ...]


class Blocking(Payload):
    """What a ticket waits for and what waits for it, with the tasks that make it so."""

    blocked_by: tuple[TicketLink, ...] = ()
    blocks: tuple[TicketLink, ...] = ()


class BoardColumn(Payload):
    """A column with its tickets, at most 100 of ``count``, by priority and age.

    ``wip_limit`` None means no limit; work that is under way may be over it.
    """

    name: Column
    title: str
    wip_limit: int | None = None
    count: int
    tickets: tuple[TicketCard, ...]


class Board(Payload):
    """A project's board; ``as_of`` is the ``project_seq`` from which its stream goes on."""

    columns: tuple[BoardColumn, ...]
    as_of: int


class ChangeColumn(Request):
    """How a project calls a column, and how many tickets it takes; None is no limit."""

    title: Title | None = None
    wip_limit: StrictInt | None = Field(default=None, ge=1, le=1_000)


class StartProcessing(Request):
    """Start tickets that wait; all of them when none are named. ``dry_run`` only says which."""

    ticket_ids: tuple[TicketId, ...] | None = Field(default=None, max_length=200)
    dry_run: StrictBool = False


class StartedTicket(Payload):
    """One ticket of a batch; ``reason`` says why it is not started."""

    ticket_id: TicketId
    title: str
    started: bool
    reason: str | None = None


class ProcessingStarted(Payload):
    """What a batch starts, or would start, in that order."""

    items: tuple[StartedTicket, ...]
    dry_run: bool


class TicketMade(Payload):
    """What a new ticket answers; ``task_id`` is that of a quick task."""

    ticket: Ticket
    run_id: SpecId
    task_id: TaskId | None = None
    message: str
