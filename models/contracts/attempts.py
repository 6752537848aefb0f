"""Attempts of a phase: what is asked of the planner and the evaluator, and what is kept."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field, JsonValue

from models.contracts.artifacts import ArtifactRef
from models.contracts.base import Payload, ProjectId, SpecId
from models.contracts.checks import CheckEvidence
from models.contracts.evaluations import Evaluation, EvaluationLimits
from models.contracts.gates import GateBrief
from models.contracts.phases import Phase
from models.contracts.questions import SettledAnswer
from models.contracts.tasks import TaskNode
from models.contracts.usage import Usage


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
    answers: tuple[SettledAnswer, ...] = ()
    steering: str = ""


class PhaseDraft(Payload):
    """The document of one attempt."""

    document: ArtifactRef
    summary: str


class PhaseProgress(Payload):
    """How a slice of an attempt ended: with a document, or stopped because the spec is paused."""

    draft: PhaseDraft | None = None


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
    working_directory: str = ""
    limits: EvaluationLimits = EvaluationLimits()
    judge: Literal["off", "advisory", "blocking"] = "off"
    model: str = ""


class AcceptDocument(Payload):
    """Store a document as the next version of its phase, with its Markdown.

    ``source_key`` makes it idempotent; ``reason`` says how the version came to be.
    """

    spec_id: SpecId
    project_id: ProjectId
    phase: Phase
    source_key: str
    document: ArtifactRef
    author: str
    title: str
    reason: str = ""
    answers: tuple[SettledAnswer, ...] = ()


class DocumentVersion(Payload):
    """An immutable version of a phase's document."""

    phase: Phase
    version: int
    document: ArtifactRef
    markdown: ArtifactRef
    author: str
    reason: str = ""
    created_at: datetime


class AcceptedDocument(Payload):
    """A stored version, with what a person needs to know about it at a gate."""

    version: DocumentVersion
    brief: GateBrief


class ReadQuestions(Payload):
    """Find the questions that an exploration asks."""

    spec_id: SpecId
    attempt: int
    document: ArtifactRef
    asked_at: datetime
    deadline: datetime | None = None


class Attempt(Payload):
    """One generation of a phase, as it is read."""

    id: UUID
    phase: Phase
    attempt: int
    state: AttemptState
    document: ArtifactRef | None = None
    evaluation: Evaluation | None = None
    prompt: ArtifactRef | None = None
    prompt_version: str | None = None
    created_at: datetime


class AttemptPrompt(Payload):
    """What the model was asked, and with what: nothing of an attempt is hidden."""

    model: str
    prompt_version: str
    system: str
    opening: str
    tools: tuple[dict[str, JsonValue], ...] = ()


class TranscriptTurn(Payload):
    """One answer of the model and what its tools gave back, as the Messages API has them."""

    turn: int
    content: JsonValue
    stop_reason: str | None = None
    results: tuple[dict[str, JsonValue], ...] = ()
    usage: Usage = Usage()


class Transcript(Payload):
    """A conversation as it was held; ``next_cursor`` and ``previous`` are None at its two ends.

    ``previous`` is the ``before`` of the page before this one.
    """

    opening: str
    turns: tuple[TranscriptTurn, ...]
    next_cursor: str | None = None
    previous: str | None = None


class ItemChanges(Payload):
    """Ids of items that differ between two versions of a document."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class SyncPlan(Payload):
    """Compute the sync report and, without blockers, write tickets and tasks.

    ``fixed`` are local ids of tasks that have begun and stay as they are. Of the others, merged ones
    are kept with ``keep_merged``, also those that only the branch knows of (``on_branch``, commits by
    local id), and ``restart`` puts every other known one back to the start.
    ``run`` is the spec's run, part of the facts' keys. A ``dry_run`` writes nothing.
    """

    spec_id: SpecId
    project_id: ProjectId
    title: str
    documents: dict[Phase, ArtifactRef]
    fixed: tuple[str, ...] = ()
    keep_merged: bool = False
    on_branch: dict[str, str] = Field(default_factory=dict[str, str])
    restart: bool = False
    run: int = 1
    dry_run: bool = False


class AddRepair(Payload):
    """Make the task that is to mend a red final check; ``number`` counts the spec's repairs.

    ``tail`` is the end of the check's output, ``note`` what a person says about it.
    """

    spec_id: SpecId
    project_id: ProjectId
    number: int
    command: str
    tail: str
    note: str = ""


class SyncOutcome(Payload):
    """The plan as a DAG of indices, or the blockers that send it back to ``tasks``.

    ``coverage`` is the share of requirements whose criteria are all served (0..1).
    """

    report: ArtifactRef
    blockers: tuple[str, ...] = ()
    nodes: tuple[TaskNode, ...] = ()
    coverage: float = 0.0
    changes: ItemChanges = ItemChanges()
