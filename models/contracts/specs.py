"""Specs: how one is launched, how it is read, and what its workflow takes and gives."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, Request, SpecId, Timings
from models.contracts.commands import AllowedAction
from models.contracts.gates import Gate
from models.contracts.phases import PHASES, Phase
from models.contracts.projects import Environment, ProjectSettings
from models.contracts.questions import LaunchAnswer, Question, SettledAnswer
from models.contracts.repositories import PullRequest
from models.contracts.tasks import TaskNode
from models.contracts.usage import Usage

DESCRIPTION_LIMIT_BYTES = 32 * 1024


class SpecStatus(StrEnum):
    """States of a spec; ``failed`` is a run that was terminated or timed out in Temporal."""

    DRAFT = "draft"
    EXECUTING = "executing"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


CLOSED: frozenset[SpecStatus] = frozenset(
    {SpecStatus.COMPLETED, SpecStatus.FAILED, SpecStatus.CANCELLED}
)


class PhaseState(StrEnum):
    """Where a phase stands."""

    PENDING = "pending"
    RUNNING = "running"
    EVALUATING = "evaluating"
    RETRYING = "retrying"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class PhaseView(Payload):
    """One phase as people read it; ``score`` is that of the last evaluation.

    ``stale`` means that an earlier phase's document has a newer version than this one was based on.
    """

    phase: Phase
    state: PhaseState = PhaseState.PENDING
    attempt: int = 0
    retries: int = 0
    score: float | None = None
    threshold: float | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    version: int | None = None
    document: ArtifactRef | None = None
    markdown: ArtifactRef | None = None
    feedback: str | None = None
    stale: bool = False
    usage: Usage = Usage()


def pending_phases() -> tuple[PhaseView, ...]:
    """All phases, none begun."""
    return tuple(PhaseView(phase=phase) for phase in PHASES)


class SpecView(Payload):
    """A spec as people read it: the fold of its events."""

    id: SpecId
    project_id: ProjectId
    title: str
    status: SpecStatus = SpecStatus.DRAFT
    current_phase: Phase | None = None
    phases: tuple[PhaseView, ...] = Field(default_factory=pending_phases)
    base_branch: str
    base_commit: str | None = None
    branch_name: str | None = None
    pull_request_url: str | None = None
    pull_request_number: int | None = None
    open_gate: Gate | None = None
    open_questions: int = 0
    waiting_reason: str | None = None
    waiting_until: datetime | None = None
    drift: tuple[str, ...] = ()
    run: int = 1
    forked_from: SpecId | None = None
    quick: bool = False
    final_check_passed: bool | None = None
    error: str | None = None
    archived_at: datetime | None = None
    model: str
    usage: Usage = Usage()
    tasks_total: int = 0
    tasks_merged: int = 0
    allowed_actions: tuple[AllowedAction, ...] = ()
    created_at: datetime
    updated_at: datetime
    as_of_seq: int = 0

    def phase_view(self, phase: Phase) -> PhaseView:
        """The view of one phase."""
        return next(view for view in self.phases if view.phase == phase)


class SpecDetail(SpecView):
    """A spec with its request; ``phase_data`` maps a phase to its document."""

    description: str
    phase_data: dict[Phase, ArtifactRef] = Field(default_factory=dict)
    pull_request: PullRequest | None = None
    is_demo: bool = False


class SpecPage(Payload):
    """One page of specs, newest first; ``next_cursor`` is None on the last."""

    items: tuple[SpecView, ...]
    next_cursor: str | None = None


class LaunchSpec(Request):
    """A feature request; ``title`` defaults to the first line of the description."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] | None = None
    description: Annotated[
        str, StringConstraints(strip_whitespace=True), Field(json_schema_extra={"minLength": 1})
    ]
    project_id: ProjectId
    working_directory: Annotated[str, StringConstraints(max_length=500)] | None = None
    auto_execute: StrictBool = True
    base_branch: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    settings: ProjectSettings | None = None
    answers: tuple[LaunchAnswer, ...] = Field(default=(), max_length=25)


class ChangeSpec(Request):
    """Fields of a draft to change; those not given stay."""

    title: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
        | None
    ) = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = (
        None
    )
    settings: ProjectSettings | None = None


class LaunchedSpec(Payload):
    """What a launch answers; ``sandbox_id`` is the logical id of the spec's planning sandbox."""

    spec_id: SpecId
    sandbox_id: str
    status: SpecStatus
    message: str


class KeptDocument(Payload):
    """An approved document that a run begins with."""

    document: ArtifactRef
    markdown: ArtifactRef
    score: float = 0


class SpecStart(Payload):
    """Where a run begins that is not the spec's first, and what it keeps.

    ``documents`` are those of the phases before ``from_phase``. ``given`` is a person's document
    for ``from_phase`` itself, judged and asked about instead of a generated one; ``previous`` is
    the one to revise. ``attempts`` are the numbers used so far. ``accepted`` are ids of commands
    that were taken before. ``by`` gave the command with ``note``.
    """

    from_phase: Phase = Phase.EXPLORE
    run: int = 1
    by: str = ""
    note: str = ""
    documents: dict[Phase, KeptDocument] = Field(default_factory=dict[Phase, KeptDocument])
    given: ArtifactRef | None = None
    previous: ArtifactRef | None = None
    attempts: dict[Phase, int] = Field(default_factory=dict[Phase, int])
    base_commit: str | None = None
    environment: Environment | None = None
    answers: tuple[SettledAnswer, ...] = ()
    keep_merged: bool = False
    accepted: tuple[str, ...] = ()


class SpecInput(Payload):
    """Input of a spec's workflow; ``start`` is None for the first run of a spec of its own.

    ``quick`` is the one task of a run that plans nothing.
    """

    spec_id: SpecId
    project_id: ProjectId
    title: str
    description: str
    base_branch: str
    branch: str
    working_directory: str = ""
    settings: ProjectSettings
    planner_model: str
    agent_model: str
    answers: tuple[SettledAnswer, ...] = ()
    start: SpecStart | None = None
    quick: TaskNode | None = None
    timings: Timings = Timings()


class ForkSpec(Request):
    """Make a new spec from this one's phases before ``from_phase``."""

    from_phase: Phase
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)] | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True)] | None = None
    note: str = Field(default="", max_length=10_000)
    settings: ProjectSettings | None = None


class EstimateSpec(Request):
    """Ask what a spec of this project may cost."""

    project_id: ProjectId


class SpecResult(Payload):
    """How a spec's workflow ended."""

    status: SpecStatus
    pull_request: int | None = None
    reason: str | None = None


class SpecState(Payload):
    """Live state from the workflow's query; ``live`` is False when served from the read model."""

    status: SpecStatus
    current_phase: Phase | None = None
    attempt: int = 0
    gate: Gate | None = None
    paused: bool = False
    cancelling: bool = False
    questions: tuple[Question, ...] = ()
    waiting_reason: str | None = None
    tasks: dict[str, str] = Field(default_factory=dict)
    allowed_actions: tuple[AllowedAction, ...] = ()
    as_of_seq: int = 0
    live: bool = True
