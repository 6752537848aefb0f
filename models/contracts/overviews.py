"""What people look at across specs: inbox, search, activity, numbers; and a spec's graph."""

from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field

from models.contracts.base import Payload, ProjectId, Request, SpecId, TaskId
from models.contracts.tasks import TaskState


class InboxKind(StrEnum):
    """What waits for a person."""

    GATE = "gate"
    QUESTION = "question"
    FAILURE = "failure"
    BUDGET = "budget"
    PULL_REQUEST = "pull_request"


class InboxItem(Payload):
    """Something that waits for a person since ``at``; ``id`` is the gate's, question's or spec's."""

    kind: InboxKind
    id: UUID
    project_id: ProjectId
    spec_id: SpecId
    task_id: TaskId | None = None
    title: str
    text: str
    at: datetime


class InboxPage(Payload):
    """One page, oldest first; ``next_cursor`` is None on the last."""

    items: tuple[InboxItem, ...]
    next_cursor: str | None = None


class GraphNode(Payload):
    """A task in the graph; ``wave`` counts from 0."""

    id: TaskId
    local_id: str
    title: str
    state: TaskState
    minutes: int
    wave: int
    critical: bool


class Graph(Payload):
    """The tasks of a spec as a graph; an edge leads from what is needed to what needs it."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[tuple[str, str], ...]
    waves: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    critical_minutes: int


class ExecutionStatus(Payload):
    """How far a spec's tasks are; ``is_complete`` when all of them are merged or left out."""

    status: str
    total_tasks: int
    completed_tasks: int
    running_tasks: int
    failed_tasks: int
    pending_tasks: int
    progress: float
    is_complete: bool
    states: dict[TaskState, int]


class CriterionStatus(Payload):
    """A criterion with what shows it; ``test_id`` was run by its id."""

    criterion_id: str
    requirement_id: str
    text: str
    verification: str
    shown: bool
    task: str | None = None
    commit: str | None = None
    test_id: str | None = None


class CriteriaStatus(Payload):
    """The acceptance criteria of a spec, in their order."""

    items: tuple[CriterionStatus, ...]
    total: int
    shown: int


class SearchHit(Payload):
    """Something whose title or text has the words."""

    kind: Literal["spec", "ticket", "task", "project"]
    id: UUID
    project_id: ProjectId
    spec_id: SpecId | None = None
    title: str
    state: str = ""


class SearchHits(Payload):
    """At most ``limit`` hits, specs first."""

    items: tuple[SearchHit, ...]


class DayOfInsights(Payload):
    """One UTC day."""

    day: date
    specs_created: int
    specs_completed: int
    tasks_merged: int


class Insights(Payload):
    """Numbers over the last days; money in USD, ``None`` where a price is unknown."""

    days: tuple[DayOfInsights, ...]
    specs: dict[str, int]
    tasks: dict[str, int]
    cost_usd: float | None
    median_minutes: float | None


class ProjectStats(Payload):
    """Numbers of a project; money in USD, ``None`` where a price is unknown."""

    specs: dict[str, int]
    tasks: dict[str, int]
    tickets: dict[str, int]
    open_gates: int
    open_questions: int
    cost_usd: float | None
    last_event_at: datetime | None = None


class StartTasks(Request):
    """Which tasks to start; all that failed or were stopped when none are named."""

    task_ids: tuple[TaskId, ...] | None = Field(default=None, max_length=500)


class TasksStarted(Payload):
    """Local ids of tasks that start again; ``resumed`` when the spec was paused."""

    started: tuple[str, ...]
    resumed: bool = False
