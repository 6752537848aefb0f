"""Versions of documents: what a model or a person wrote, stored for good, with its Markdown."""

import json
from uuid import uuid5

from temporalio import activity

from activities.planner import summarise
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.attempts import (
    AcceptDocument,
    AcceptedDocument,
    DocumentVersion,
    ReadQuestions,
)
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.events import NewEvent
from models.contracts.facts import DocumentStored
from models.contracts.gates import GateBrief
from models.contracts.phases import Phase
from models.contracts.plans import DOCUMENT_TYPES, GeneratedDocument, TaskPlan
from models.contracts.questions import Question, QuestionId
from models.rules.diffs import changed_items, describe_changes
from models.rules.markdown import FILE_NAMES, spec_folder, to_markdown
from models.store import artifacts, budgets, documents, events, specs
from models.store.database import Database, Session

_MOST_QUESTIONS = 25


async def read_stored(session: Session, phase: Phase, ref: ArtifactRef) -> GeneratedDocument:
    """The stored document of a phase."""
    content, _ = await artifacts.get(session, ref.sha256)
    return DOCUMENT_TYPES[phase].model_validate_json(content)


class DocumentActivities:
    """Stores versions; idempotent by (spec, phase, source key)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def accept_document(self, request: AcceptDocument) -> AcceptedDocument:
        """Store a judged document as the next version, and say what is new in it."""
        async with self._database.begin() as session:
            document = await read_stored(session, request.phase, request.document)
            before = [
                version
                for version in await documents.list_versions(
                    session, request.spec_id, request.phase
                )
                if version.document.sha256 != request.document.sha256
            ]
            markdown = await self._markdown(session, request, document)
            version = await documents.add_version(
                session,
                request.spec_id,
                request.phase,
                request.source_key,
                request.document,
                markdown,
                request.author,
                request.reason,
            )
            fact = _stored(request, document, version)
            key = f"stored/{request.phase}/{request.source_key}"
            await events.append(
                session, request.project_id, request.spec_id, [NewEvent(dedup_key=key, fact=fact)]
            )
            older = (
                await read_stored(session, request.phase, before[0].document) if before else None
            )
            brief = GateBrief(
                says=summarise(document),
                changed=describe_changes(changed_items(older, document)),
                cost=await _cost(session, request),
            )
        return AcceptedDocument(version=version, brief=brief)

    @activity.defn
    async def render_document(self, request: AcceptDocument) -> ArtifactRef:
        """The Markdown of a document with the answers that stand now."""
        async with self._database.begin() as session:
            document = await read_stored(session, request.phase, request.document)
            return await self._markdown(session, request, document)

    async def _markdown(
        self, session: Session, request: AcceptDocument, document: GeneratedDocument
    ) -> ArtifactRef:
        text = to_markdown(
            document,
            phase=request.phase,
            title=request.title,
            spec_id=request.spec_id,
            answers=request.answers,
        )
        return await artifacts.put(
            session, request.project_id, text.encode(), ArtifactKind.MARKDOWN, "text/markdown"
        )

    @activity.defn
    async def read_questions(self, request: ReadQuestions) -> tuple[Question, ...]:
        """The questions that an exploration asks, with ids that a repeat gives again."""
        async with self._database.begin() as session:
            content, _ = await artifacts.get(session, request.document.sha256)
        found = Exploration.model_validate(json.loads(content)).questions
        return tuple(
            Question(
                id=QuestionId(uuid5(request.spec_id, f"question/{request.attempt}/{number}")),
                spec_id=request.spec_id,
                phase=Phase.EXPLORE,
                category=question.category,
                text=question.question[:1_000],
                assumed_answer=question.assumed_answer[:1_000],
                asked_at=request.asked_at,
                deadline=request.deadline,
            )
            for number, question in enumerate(found[:_MOST_QUESTIONS], start=1)
        )


async def _cost(session: Session, request: AcceptDocument) -> str:
    """What was spent, and what specs of this project have cost before."""
    view = await specs.get_view(session, request.spec_id)
    spent = view.usage.cost_usd
    told = f"{spent:.2f} USD so far" if spent is not None else "of unknown cost so far"
    known = await budgets.history(session, request.project_id)
    if known is None:
        return f"{told}; this project has no finished spec to estimate the rest from"
    usd, _, count = known
    return f"{told}; {count} finished specs of this project cost {usd.least:.2f} to {usd.most:.2f}"


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
