"""Attempts of a phase: what is asked of the planner and the evaluator, and what is kept."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId
from models.contracts.checks import CheckEvidence
from models.contracts.evaluations import Evaluation
from models.contracts.phases import Phase
from models.contracts.tasks import TaskNode


class AttemptState(StrEnum):
    """States of an attempt."""

    GENERATING = "generating"
    EVALUATING = "evaluating"
    PASSED = "passed"
    FAILED = "failed"


class RunPhase(Payload):
    """Ask the planner for one attempt of a phase.

    ``attempt`` counts through the phase's life; ``documents`` are the approved ones before it;
    ``previous`` and ``feedback`` come from the attempt before, or from a person.
    """

    spec_id: SpecId
    project_id: ProjectId
    phase: Phase
    attempt: int
    title: str
    description: str
    base_commit: str
    working_directory: str = ""
    model: str
    documents: dict[Phase, ArtifactRef] = Field(default_factory=dict)
    previous: ArtifactRef | None = None
    feedback: str = ""


class PhaseDraft(Payload):
    """The document of one attempt."""

    document: ArtifactRef
    summary: str


class PhaseCommands(Payload):
    """The commands that an exploration proposes."""

    setup_command: str
    check_command: str


class EvaluateDocument(Payload):
    """Apply the rules of a phase to a document; ``baseline`` is the evidence for explore."""

    spec_id: SpecId
    project_id: ProjectId
    phase: Phase
    attempt: int
    document: ArtifactRef
    documents: dict[Phase, ArtifactRef] = Field(default_factory=dict)
    base_commit: str
    threshold: float
    baseline: CheckEvidence | None = None
    baseline_accepted: bool = False


class EvaluationSummary(Payload):
    """What the workflow needs of an evaluation; the whole is stored with the attempt."""

    passed: bool
    score: float
    feedback: str


class AcceptDocument(Payload):
    """Store a passed document as the next version of its phase, with its Markdown."""

    spec_id: SpecId
    project_id: ProjectId
    phase: Phase
    attempt: int
    document: ArtifactRef
    author: str
    title: str


class DocumentVersion(Payload):
    """An immutable version of a phase's document."""

    phase: Phase
    version: int
    document: ArtifactRef
    markdown: ArtifactRef
    author: str
    created_at: datetime


class Attempt(Payload):
    """One generation of a phase, as it is read."""

    id: UUID
    phase: Phase
    attempt: int
    state: AttemptState
    document: ArtifactRef | None = None
    evaluation: Evaluation | None = None
    created_at: datetime


class SyncPlan(Payload):
    """Compute the sync report and, without blockers, write tickets and tasks."""

    spec_id: SpecId
    project_id: ProjectId
    title: str
    documents: dict[Phase, ArtifactRef]


class SyncOutcome(Payload):
    """The plan as a DAG of indices, or the blockers that send it back to ``tasks``.

    ``coverage`` is the share of requirements whose criteria are all served (0..1).
    """

    report: ArtifactRef
    blockers: tuple[str, ...] = ()
    nodes: tuple[TaskNode, ...] = ()
    coverage: float = 0.0
