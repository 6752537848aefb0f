"""The coding agent: a slice of its conversation, acting in a sandbox through journaled tools."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pydantic import BaseModel, Field, JsonValue, ValidationError
from temporalio import activity

from activities.heartbeats import heartbeating
from activities.language.loop import ToolLoop, transcript
from activities.language.prompts import read_prompt
from activities.language.schemas import tool_definition
from activities.language.talks import Ended, Reply, Talk, ToolUse
from activities.sandboxes.port import SandboxProvider, SandboxSpec
from activities.sandboxes.tools import ToolOutcome, ToolRunner
from activities.sandboxes.workspace import Workspaces
from models.contracts.artifacts import ArtifactKind
from models.contracts.base import TaskId
from models.contracts.documents import Design, Requirements
from models.contracts.events import EventSource, NewEvent
from models.contracts.phases import Phase
from models.contracts.plans import PlannedTask
from models.contracts.specs import SpecStatus
from models.contracts.task_facts import AgentStarted
from models.contracts.tasks import AgentResult, RunAgent, TestClaim
from models.errors import NotFound, RetryableError
from models.store import artifacts, conversations, documents, events, plans, projects, specs
from models.store.database import Database, Session

_SLICE_TURNS: Final = 30
_BASH: Final = "bash"
_EDITOR: Final = "str_replace_based_edit_tool"
_FINISH: Final = "finish"


class Finish(BaseModel):
    """Ends the task: what was done, which test shows which criterion, what is left open."""

    summary: str = Field(max_length=4_000)
    tests: tuple[TestClaim, ...] = ()
    open_points: tuple[str, ...] = ()


class _AgentTools:
    """Shell, editor and ``finish``."""

    def __init__(self, runner: ToolRunner, round_number: int) -> None:
        self._runner = runner
        self._round = round_number

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        return [
            {"type": "bash_20250124", "name": _BASH},
            {"type": "text_editor_20250728", "name": _EDITOR},
            tool_definition(_FINISH, Finish),
        ]

    async def call(self, use: ToolUse) -> Reply:
        match use.name:
            case "bash":
                return _reply(await self._runner.bash(use.id, dict(use.input)))
            case "str_replace_based_edit_tool":
                return _reply(await self._runner.edit(use.id, dict(use.input)))
            case "finish":
                try:
                    return Reply("Done.", ends=True, value=Finish.model_validate(use.input))
                except ValidationError as error:
                    return Reply(str(error), is_error=True)
            case _:
                return Reply(f"There is no tool {use.name}.", is_error=True)


def _reply(outcome: ToolOutcome) -> Reply:
    return Reply(outcome.content, is_error=outcome.is_error)


class AgentActivities:
    """Agents; idempotent by (task, round, turn), fenced by the conversation's newest try."""

    def __init__(
        self,
        database: Database,
        loop: ToolLoop,
        workspaces: Workspaces,
        sandboxes: SandboxProvider,
        idle_threshold: timedelta,
    ) -> None:
        self._database = database
        self._loop = loop
        self._workspaces = workspaces
        self._sandboxes = sandboxes
        self._idle_threshold = idle_threshold

    @activity.defn
    async def run_agent(self, request: RunAgent) -> AgentResult:
        """Run one slice, at most 30 turns; a restarted try continues from the stored turns."""
        async with heartbeating(self._idle_threshold) as progress:
            sandbox, _ = await self._sandboxes.ensure(SandboxSpec(request.sandbox))
            key = f"round-{request.round}" if request.restart_workspace else ""
            current = await sandbox.get("/journal/workspace")
            if request.restart_workspace or current is None:
                await self._workspaces.load(
                    sandbox, request.project_id, request.base_commit, key=key
                )
            talk = await self._talk(request)
            tools = _AgentTools(ToolRunner(sandbox, progress.touch), request.round)
            stopping = activity.is_worker_shutdown
            asked = 0
            why: Literal["paused", "yielded"] = "yielded"

            async def should_stop() -> bool:
                nonlocal asked, why
                asked += 1
                if await self._paused(request):
                    why = "paused"
                    return True
                return stopping() or asked > _SLICE_TURNS

            try:
                ended = await self._loop.run(talk, tools, progress, should_stop)
            except RetryableError as error:
                if error.retry_after is None or error.retry_after < request.provider_wait:
                    raise
                return AgentResult(outcome="waiting", until=datetime.now(UTC) + error.retry_after)
            if ended.stopped:
                return AgentResult(outcome=why)
            message = f"{request.local_id}: {_subject(ended)}"
            work = await self._workspaces.export(sandbox, request.base_commit, message)
            if work is None:
                return _result(ended)
            async with self._database.begin() as session:
                ref = await artifacts.put(
                    session,
                    request.project_id,
                    work.bundle,
                    ArtifactKind.BUNDLE,
                    "application/x-git-bundle",
                )
            return _result(ended).model_copy(
                update={"work": ref, "head": work.head, "changed_files": work.changed_files[:200]}
            )

    async def _paused(self, request: RunAgent) -> bool:
        async with self._database.begin() as session:
            view = await specs.get_view(session, request.spec_id)
        return view.status == SpecStatus.PAUSED

    async def _talk(self, request: RunAgent) -> Talk:
        async with self._database.begin() as session:
            project = await projects.get(session, request.project_id)
            opening = await _opening(session, request)
            earlier: list[dict[str, JsonValue]] = []
            for number in range(request.context_from, request.round):
                before = f"{request.task_id}/r{number}"
                said = await conversations.get_opening(session, before)
                if said is not None:
                    turns = await conversations.list_turns(session, before)
                    earlier += _settled(transcript(said, turns))
            started = AgentStarted(
                task_id=request.task_id,
                local_id=request.local_id,
                round=request.round,
                model=request.model,
            )
            key = f"{request.task_id}/r{request.round}/started"
            await events.append(
                session,
                request.project_id,
                request.spec_id,
                [NewEvent(dedup_key=key, fact=started, source=EventSource.AGENT)],
            )
        return Talk(
            conversation_id=f"{request.task_id}/r{request.round}",
            project_id=request.project_id,
            spec_id=request.spec_id,
            scripted=project.is_demo and request.model.startswith("scripted"),
            model=request.model,
            system=read_prompt("agent").text,
            opening=opening,
            earlier=earlier,
            headers={
                "x-spec-id": str(request.spec_id),
                "x-task-id": str(request.task_id),
                "x-attempt": str(request.round),
            },
            max_turns=request.max_turns,
            nudge="Go on with the tools, and call `finish` when the work is done.",
            task_id=request.task_id,
            round=request.round,
        )


def _settled(messages: list[dict[str, JsonValue]]) -> list[dict[str, JsonValue]]:
    """An ended round as context: its last call is answered, so that the next round may follow."""
    if len(messages) < 2:  # noqa: PLR2004 - an opening alone has no answer
        return []
    *before, last = messages
    answer = before[-1]["content"] if before else []
    blocks: list[JsonValue] = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "Noted."}
        for block in (answer if isinstance(answer, list) else [])
        if isinstance(block, dict) and block.get("type") == "tool_use"
    ]
    return [*before, {"role": "user", "content": blocks}] if not last["content"] else messages


def _result(ended: Ended) -> AgentResult:
    if not isinstance(ended.value, Finish):
        return AgentResult(outcome="out_of_turns")
    return AgentResult(
        outcome="finished", summary=ended.value.summary[:2_000], tests=ended.value.tests
    )


def _subject(ended: Ended) -> str:
    text = ended.value.summary if isinstance(ended.value, Finish) else "work in progress"
    return (" ".join(text.split()) or "work")[:72]


async def _opening(session: Session, request: RunAgent) -> str:
    planned = await plans.get_planned_task(session, request.task_id)
    if planned is None:
        msg = "The task is not in the plan any more."
        raise NotFound(msg, code="task-not-found", task_id=str(TaskId(request.task_id)))
    if request.round > request.context_from and request.feedback:
        return f"# This is not done yet\n\n{request.feedback}\n\nMend it, then call `finish` again."
    parts = [f"# {planned.id}: {planned.title}\n\n{planned.description}"]
    parts += await _context(session, request, planned)
    if request.feedback:
        parts.append(f"# A person's note\n\n{request.feedback}")
    return "\n\n".join(parts)


async def _context(session: Session, request: RunAgent, planned: PlannedTask) -> list[str]:
    versions = {
        v.phase: v.document for v in await documents.latest_versions(session, request.spec_id)
    }
    parts: list[str] = []
    if Phase.REQUIREMENTS in versions:
        content, _ = await artifacts.get(session, versions[Phase.REQUIREMENTS].sha256)
        wanted = [
            requirement.model_dump()
            for requirement in Requirements.model_validate_json(content).requirements
            if requirement.id in planned.requirement_ids
        ]
        parts.append(f"# Requirements and criteria\n\n{json.dumps(wanted, indent=1)}")
    if Phase.DESIGN in versions:
        content, _ = await artifacts.get(session, versions[Phase.DESIGN].sha256)
        cited = [
            component.model_dump()
            for component in Design.model_validate_json(content).components
            if component.id in planned.component_ids
        ]
        parts.append(f"# Design\n\n{json.dumps(cited, indent=1)}")
    files = [*planned.files_to_create, *planned.files_to_modify]
    parts.append(f"# Files\n\n{json.dumps(files)}")
    return parts
