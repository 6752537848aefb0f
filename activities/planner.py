"""Runs a phase: an agent loop with read-only repository tools that ends with a valid ``submit``."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, Field, JsonValue, ValidationError
from temporalio import activity

from activities.heartbeats import heartbeating
from activities.language.loop import ToolLoop
from activities.language.prompts import Prompt, read_prompt
from activities.language.schemas import tool_definition
from activities.language.talks import Ended, Reply, Talk, ToolUse
from activities.mirror import Mirrors
from activities.openings import EarlierDocuments, write_opening
from activities.repository_tools import RepositoryTools
from models.contracts.artifacts import ArtifactKind
from models.contracts.attempts import AttemptPrompt, PhaseDraft, PhaseProgress, RunPhase
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.phases import Phase
from models.contracts.plans import DOCUMENT_TYPES, GeneratedDocument, TaskPlan
from models.contracts.specs import SpecStatus
from models.errors import Conflict, Unavailable
from models.rules.evaluations.documents import read_document
from models.store import artifacts, documents, projects, specs
from models.store.database import Database

_MAX_TURNS: Final = 60
_SUBMIT: Final = "submit"
_READ_DOCUMENT: Final = "read_document"


class ReadDocument(BaseModel):
    """Reads a part of an earlier document that is only summarised in the request."""

    phase: Phase
    item: str = Field(default="", description="an id such as REQ-003 or CMP-01; empty for all")


class _PhaseTools:
    """Repository tools, earlier documents and ``submit``, whose schema is the phase's contract."""

    def __init__(
        self, repository: RepositoryTools, phase: Phase, earlier: EarlierDocuments
    ) -> None:
        self._repository = repository
        self._phase = phase
        self._earlier = earlier

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        contract = DOCUMENT_TYPES[self._phase]
        return [
            *self._repository.definitions,
            tool_definition(_READ_DOCUMENT, ReadDocument),
            tool_definition(_SUBMIT, contract, strict=True),
        ]

    async def call(self, use: ToolUse) -> Reply:
        if self._repository.knows(use.name):
            return await self._repository.call(use.name, use.input)
        if use.name == _READ_DOCUMENT:
            return self._read(use.input)
        if use.name != _SUBMIT:
            return Reply(f"There is no tool {use.name[:60]!r}.", is_error=True)
        document, faults = read_document(self._phase, dict(use.input))
        if document is None:
            return Reply("The document is not valid:\n" + "\n".join(faults), is_error=True)
        return Reply("Accepted.", ends=True, value=document)

    def _read(self, raw: Mapping[str, JsonValue]) -> Reply:
        try:
            request = ReadDocument.model_validate(raw)
        except ValidationError as error:
            return Reply(str(error), is_error=True)
        found = self._earlier.read(request.phase, request.item)
        if found is None:
            return Reply("There is no such document or item.", is_error=True)
        return Reply(found)


class PlannerActivities:
    """The planner: one attempt of a phase; idempotent by (spec, phase, attempt)."""

    def __init__(
        self, database: Database, mirrors: Mirrors, loop: ToolLoop, idle_threshold: timedelta
    ) -> None:
        self._database = database
        self._mirrors = mirrors
        self._loop = loop
        self._idle_threshold = idle_threshold

    @activity.defn
    async def run_phase(self, request: RunPhase) -> PhaseProgress:
        """Generate one document; a restarted try continues from the stored turns.

        Stops between two turns while the spec is paused, and then gives no draft.

        Raises:
            Conflict: out of turns, three tries without a new turn, or the budget is used up.
            RateLimited, Unavailable: the provider is away; the loop raises them.
        """
        async with heartbeating(self._idle_threshold) as progress:
            git = await self._mirrors.ensure_commit(request.project_id, request.base_commit)
            repository = RepositoryTools(git, request.base_commit, request.working_directory)
            earlier = await self._earlier(request)
            tools = _PhaseTools(repository, request.phase, earlier)
            talk = await self._talk(request, repository, earlier, tools)
            paused = False

            async def should_stop() -> bool:
                nonlocal paused
                paused = await self._paused(request)
                return paused or activity.is_worker_shutdown()

            ended = await self._loop.run(talk, tools, progress, should_stop)
            if ended.stopped and paused:
                return PhaseProgress()
            return PhaseProgress(draft=await self._keep(request, ended))

    async def _paused(self, request: RunPhase) -> bool:
        async with self._database.begin() as session:
            view = await specs.get_view(session, request.spec_id)
        return view.status == SpecStatus.PAUSED

    async def _keep(self, request: RunPhase, ended: Ended) -> PhaseDraft:
        if ended.stopped:
            msg = "The worker is shutting down; another one goes on."
            raise Unavailable(msg, code="worker-shutdown", retry_after=timedelta(seconds=1))
        if not ended.finished or not isinstance(ended.value, GeneratedDocument):
            msg = f"The model did not submit a document within {_MAX_TURNS} turns."
            raise Conflict(msg, code="out-of-turns")
        content = ended.value.model_dump_json().encode()
        async with self._database.begin() as session:
            ref = await artifacts.put(session, request.project_id, content, ArtifactKind.DOCUMENT)
            await documents.store_draft(
                session, request.spec_id, request.phase, request.attempt, ref
            )
        return PhaseDraft(document=ref, summary=summarise(ended.value))

    async def _earlier(self, request: RunPhase) -> EarlierDocuments:
        found: dict[Phase, JsonValue] = {}
        previous: JsonValue = None
        async with self._database.begin() as session:
            for phase, ref in request.documents.items():
                content, _ = await artifacts.get(session, ref.sha256)
                found[phase] = json.loads(content)
            if request.previous is not None:
                content, _ = await artifacts.get(session, request.previous.sha256)
                previous = json.loads(content)
        return EarlierDocuments(found, previous)

    async def _talk(
        self,
        request: RunPhase,
        repository: RepositoryTools,
        earlier: EarlierDocuments,
        tools: _PhaseTools,
    ) -> Talk:
        prompt = read_prompt(request.phase)
        opening = await write_opening(request, repository, earlier)
        async with self._database.begin() as session:
            project = await projects.get(session, request.project_id)
        await self._note_prompt(request, prompt, opening, tools)
        return Talk(
            conversation_id=f"{request.spec_id}/{request.phase}/{request.attempt}",
            project_id=request.project_id,
            spec_id=request.spec_id,
            scripted=project.is_demo and request.model.startswith("scripted"),
            model=request.model,
            system=prompt.text,
            opening=opening,
            headers={
                "x-spec-id": str(request.spec_id),
                "x-spec-phase": request.phase.value,
                "x-attempt": str(request.attempt),
            },
            max_turns=_MAX_TURNS,
            nudge="Go on with the tools, and finish with `submit`.",
            phase=request.phase,
        )

    async def _note_prompt(
        self, request: RunPhase, prompt: Prompt, opening: str, tools: _PhaseTools
    ) -> None:
        """Keep what the attempt was asked with; a repeat keeps the first."""
        asked = AttemptPrompt(
            model=request.model,
            prompt_version=prompt.version,
            system=prompt.text,
            opening=opening,
            tools=tuple(dict(tool) for tool in tools.definitions),
        )
        async with self._database.begin() as session:
            ref = await artifacts.put(
                session,
                request.project_id,
                asked.model_dump_json().encode(),
                ArtifactKind.TRANSCRIPT,
            )
            await documents.begin_attempt(
                session,
                request.spec_id,
                request.phase,
                request.attempt,
                prompt=ref,
                prompt_version=prompt.version,
            )


def summarise(document: GeneratedDocument) -> str:
    """One line that says what a document holds."""
    match document:
        case Exploration():
            return document.feature.one_liner
        case Requirements():
            musts = len([r for r in document.requirements if r.priority == "must"])
            return f"{len(document.requirements)} requirements, {musts} of them must"
        case Design():
            return f"{len(document.components)} components"
        case TaskPlan():
            return f"{len(document.tasks)} tasks in {len(document.tickets)} tickets"
