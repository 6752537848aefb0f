"""Runs a phase: an agent loop with read-only repository tools that ends with a valid ``submit``."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, JsonValue, ValidationError
from temporalio import activity

from activities.heartbeats import heartbeating
from activities.language.loop import Ended, Reply, Talk, ToolLoop, ToolUse
from activities.language.prompts import read_prompt
from activities.mirror import Mirrors
from activities.repository_tools import RepositoryTools, tool_definition
from models.contracts.artifacts import ArtifactKind
from models.contracts.attempts import PhaseDraft, RunPhase
from models.contracts.documents import Design, Exploration, Requirements
from models.contracts.events import AgentTurn
from models.contracts.plans import DOCUMENT_TYPES, GeneratedDocument, TaskPlan
from models.errors import Conflict, Unavailable
from models.store import artifacts, documents, projects
from models.store.database import Database

_MAX_TURNS: Final = 60
_SUBMIT: Final = "submit"


class _PhaseTools:
    """Repository tools and ``submit``, whose schema is the phase's contract."""

    def __init__(self, repository: RepositoryTools, contract: type[BaseModel]) -> None:
        self._repository = repository
        self._contract = contract

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        return [*self._repository.definitions, tool_definition(_SUBMIT, self._contract)]

    async def call(self, use: ToolUse) -> Reply:
        if self._repository.knows(use.name):
            return await self._repository.call(use.name, use.input)
        if use.name != _SUBMIT:
            return Reply(f"There is no tool {use.name}.", is_error=True)
        try:
            document = self._contract.model_validate(use.input)
        except ValidationError as error:
            return Reply(_complaints(error), is_error=True)
        return Reply("Accepted.", ends=True, value=document)


def _complaints(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:30]]
    return "The document is not valid:\n" + "\n".join(lines)


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
    async def run_phase(self, request: RunPhase) -> PhaseDraft:
        """Generate one document; a restarted try continues from the stored turns.

        Raises:
            Conflict: out of turns, or three tries without a new turn.
            RateLimited, Unavailable: the provider is away; the loop raises them.
        """
        async with heartbeating(self._idle_threshold) as progress:
            git = await self._mirrors.ensure_commit(request.project_id, request.base_commit)
            repository = RepositoryTools(git, request.base_commit, request.working_directory)
            talk = await self._talk(request)
            tools = _PhaseTools(repository, DOCUMENT_TYPES[request.phase])
            stopping = activity.is_worker_shutdown

            async def should_stop() -> bool:
                return stopping()

            ended = await self._loop.run(talk, tools, progress, should_stop)
            return await self._keep(request, ended)

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

    async def _talk(self, request: RunPhase) -> Talk:
        async with self._database.begin() as session:
            project = await projects.get(session, request.project_id)
            await documents.begin_attempt(session, request.spec_id, request.phase, request.attempt)
            parts = [
                f"# The request, in the person's own words\n\n{request.title}\n\n{request.description}"
            ]
            for phase, ref in request.documents.items():
                content, _ = await artifacts.get(session, ref.sha256)
                parts.append(f"# Approved: {phase}\n\n{_pretty(content)}")
            if request.previous is not None:
                content, _ = await artifacts.get(session, request.previous.sha256)
                parts.append(f"# Your previous attempt\n\n{_pretty(content)}")
            if request.feedback:
                parts.append(f"# What must change\n\n{request.feedback}")
        return Talk(
            conversation_id=f"{request.spec_id}/{request.phase}/{request.attempt}",
            project_id=request.project_id,
            spec_id=request.spec_id,
            scripted=project.is_demo and request.model.startswith("scripted"),
            model=request.model,
            system=read_prompt(request.phase),
            opening="\n\n".join(parts),
            headers={
                "x-spec-id": str(request.spec_id),
                "x-spec-phase": request.phase.value,
                "x-attempt": str(request.attempt),
            },
            max_turns=_MAX_TURNS,
            nudge="Go on with the tools, and finish with `submit`.",
            turn_fact=lambda turn, tool, summary, usage: AgentTurn(
                turn=turn, tool=tool, summary=summary, usage=usage, phase=request.phase
            ),
        )


def _pretty(content: bytes) -> str:
    return json.dumps(json.loads(content), indent=1, ensure_ascii=False)


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
