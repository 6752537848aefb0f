"""The task plan that a model writes, and the sync report that is computed from it."""

from typing import Literal

from pydantic import Field

from models.contracts.base import Payload
from models.contracts.documents import Design, Exploration, Part, Requirements
from models.contracts.phases import Phase

MAX_PLANNED_TASKS = 500
Priority = Literal["critical", "high", "medium", "low"]


class PlannedTicket(Part):
    """A group of planned tasks that a person follows as one thing."""

    id: str
    title: str
    description: str = ""
    priority: Priority
    requirement_ids: tuple[str, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()


class PlannedTask(Part):
    """One piece of work for one agent; ``check_command`` comes in addition to the project's."""

    id: str
    ticket_id: str
    title: str
    description: str
    kind: Literal[
        "implementation", "refactor", "test", "documentation", "configuration", "research"
    ]
    priority: Priority
    estimate_minutes: int = Field(ge=1, le=10_000)
    files_to_create: tuple[str, ...] = ()
    files_to_modify: tuple[str, ...] = ()
    acceptance_criteria_ids: tuple[str, ...] = ()
    requirement_ids: tuple[str, ...] = ()
    component_ids: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    check_command: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Every path that the task promises to touch."""
        return (*self.files_to_create, *self.files_to_modify)


class TaskPlan(Part):
    """The plan: tickets and their tasks."""

    tickets: tuple[PlannedTicket, ...] = ()
    tasks: tuple[PlannedTask, ...] = ()


class RequirementCoverage(Payload):
    """Which tasks serve a requirement."""

    requirement_id: str
    task_ids: tuple[str, ...]
    status: Literal["covered", "partly", "uncovered"]


class CriterionCoverage(Payload):
    """Which tasks serve a criterion."""

    criterion_id: str
    task_ids: tuple[str, ...]


class CriticalPath(Payload):
    """The longest chain of estimates."""

    task_ids: tuple[str, ...]
    minutes: int


class FileOverlap(Payload):
    """Parallel tasks that touch one path; the later one waits for the earlier."""

    task_ids: tuple[str, ...]
    path: str


class SyncStats(Payload):
    """Counts of a plan."""

    tickets: int
    tasks: int
    requirements: int
    total_minutes: int


class SyncReport(Payload):
    """What SYNC computed; never asked of a model.

    ``waves`` are lists of task ids that may run together. ``dependencies`` are those of the plan
    plus the edges added for file overlaps: task id to the ids it waits for.
    """

    coverage: tuple[RequirementCoverage, ...]
    criteria_coverage: tuple[CriterionCoverage, ...]
    waves: tuple[tuple[str, ...], ...]
    critical_path: CriticalPath
    file_overlaps: tuple[FileOverlap, ...]
    dependencies: dict[str, tuple[str, ...]]
    stats: SyncStats
    blockers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


GeneratedDocument = Exploration | Requirements | Design | TaskPlan
Document = GeneratedDocument | SyncReport
DOCUMENT_TYPES: dict[Phase, type[Exploration | Requirements | Design | TaskPlan]] = {
    Phase.EXPLORE: Exploration,
    Phase.REQUIREMENTS: Requirements,
    Phase.DESIGN: Design,
    Phase.TASKS: TaskPlan,
}
