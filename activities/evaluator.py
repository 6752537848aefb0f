"""Applies the rules to a document, and stores what passed as a version."""

from typing import TypeVar

from temporalio import activity

from activities.heartbeats import heartbeating
from activities.mirror import Mirrors
from activities.repository_tools import RepositoryTools
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.attempts import (
    AcceptDocument,
    DocumentVersion,
    EvaluateDocument,
    EvaluationSummary,
    PhaseCommands,
)
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.evaluations import Evaluation
from models.contracts.events import AttemptEvaluated, DocumentStored, NewEvent
from models.contracts.phases import Phase
from models.contracts.plans import DOCUMENT_TYPES, GeneratedDocument, TaskPlan
from models.rules.evaluations.design import evaluate_design
from models.rules.evaluations.explore import evaluate_exploration
from models.rules.evaluations.requirements import evaluate_requirements
from models.rules.evaluations.tasks import evaluate_plan
from models.rules.markdown import FILE_NAMES, spec_folder, to_markdown
from models.store import artifacts, documents, events
from models.store.database import Database, Session

DocumentT = TypeVar("DocumentT", Exploration, Requirements, Design, TaskPlan)


async def read_document(session: Session, phase: Phase, ref: ArtifactRef) -> GeneratedDocument:
    """The stored document of a phase."""
    content, _ = await artifacts.get(session, ref.sha256)
    return DOCUMENT_TYPES[phase].model_validate_json(content)


async def read_as(
    session: Session, phase: Phase, refs: dict[Phase, ArtifactRef], kind: type[DocumentT]
) -> DocumentT:
    """An approved document of another phase."""
    content, _ = await artifacts.get(session, refs[phase].sha256)
    return kind.model_validate_json(content)


class EvaluatorActivities:
    """Evaluations and versions; idempotent by (spec, phase, attempt)."""

    def __init__(self, database: Database, mirrors: Mirrors) -> None:
        self._database = database
        self._mirrors = mirrors

    @activity.defn
    async def read_commands(self, document: ArtifactRef) -> PhaseCommands:
        """The commands that an exploration proposes."""
        async with self._database.begin() as session:
            content, _ = await artifacts.get(session, document.sha256)
        found = Exploration.model_validate_json(content)
        return PhaseCommands(setup_command=found.setup_command, check_command=found.check_command)

    @activity.defn
    async def evaluate(self, request: EvaluateDocument) -> EvaluationSummary:
        """Judge one attempt and record the verdict."""
        async with heartbeating():
            async with self._database.begin() as session:
                document = await read_document(session, request.phase, request.document)
            evaluation = await self._judge(request, document)
        judged = AttemptEvaluated(
            phase=request.phase,
            attempt=request.attempt,
            eval_score=evaluation.score,
            threshold=evaluation.threshold,
            passed=evaluation.passed,
            failed_findings=tuple(f for f in evaluation.findings if f.failed),
        )
        key = f"evaluated/{request.phase}/{request.attempt}/{int(request.baseline_accepted)}"
        async with self._database.begin() as session:
            await documents.store_evaluation(session, request.spec_id, request.attempt, evaluation)
            await events.append(
                session,
                request.project_id,
                request.spec_id,
                [NewEvent(dedup_key=key, fact=judged)],
            )
        return EvaluationSummary(
            passed=evaluation.passed, score=evaluation.score, feedback=evaluation.feedback()[:8_000]
        )

    async def _judge(self, request: EvaluateDocument, document: GeneratedDocument) -> Evaluation:
        if isinstance(document, Exploration):
            git = await self._mirrors.ensure_commit(request.project_id, request.base_commit)
            paths = await RepositoryTools(git, request.base_commit).paths()
            return evaluate_exploration(
                document,
                paths,
                request.baseline,
                request.threshold,
                baseline_accepted=request.baseline_accepted,
            )
        if isinstance(document, Requirements):
            return evaluate_requirements(document, request.threshold)
        async with self._database.begin() as session:
            requirements = await read_as(
                session, Phase.REQUIREMENTS, request.documents, Requirements
            )
            if isinstance(document, Design):
                return evaluate_design(document, requirements, request.threshold)
            design = await read_as(session, Phase.DESIGN, request.documents, Design)
        return evaluate_plan(document, requirements, design, request.threshold)

    @activity.defn
    async def accept_document(self, request: AcceptDocument) -> DocumentVersion:
        """Store a passed document as the next version, with its Markdown."""
        async with self._database.begin() as session:
            document = await read_document(session, request.phase, request.document)
            text = to_markdown(
                document, phase=request.phase, title=request.title, spec_id=request.spec_id
            )
            markdown = await artifacts.put(
                session, request.project_id, text.encode(), ArtifactKind.MARKDOWN, "text/markdown"
            )
            version = await documents.add_version(
                session,
                request.spec_id,
                request.phase,
                f"attempt-{request.attempt}",
                request.document,
                markdown,
                request.author,
            )
            fact = _stored(request, document, version)
            key = f"stored/{request.phase}/{request.attempt}"
            await events.append(
                session, request.project_id, request.spec_id, [NewEvent(dedup_key=key, fact=fact)]
            )
        return version


def _stored(
    request: AcceptDocument, document: GeneratedDocument, version: DocumentVersion
) -> DocumentStored:
    stored = DocumentStored(
        event_type="spec.artifact_created",
        phase=request.phase,
        artifact_type=request.phase.value,
        path=f"{spec_folder(request.title, request.spec_id)}/{FILE_NAMES[request.phase]}",
        version=version.version,
        document=version.document,
        markdown=version.markdown,
    )
    match document:
        case Requirements():
            counted = {
                "event_type": "spec.requirements_generated",
                "requirement_count": len(document.requirements),
            }
        case Design():
            counted = {
                "event_type": "spec.design_generated",
                "component_count": len(document.components),
            }
        case TaskPlan():
            counted = {"event_type": "spec.tasks_generated", "task_count": len(document.tasks)}
        case Exploration():
            counted = {}
    return stored.model_copy(update=counted)
