"""The coding agent: a slice of its conversation, acting in a sandbox through journaled tools."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from temporalio import activity

from activities.agent_talks import agent_talk
from activities.agent_tools import AgentTools, Finish
from activities.agent_workspaces import AgentWorkspaces, Checkpoints, Desk
from activities.heartbeats import Progress, heartbeating
from activities.language.loop import ToolLoop
from activities.language.talks import Ended, Talk
from activities.mirror import Mirrors
from activities.openings import steering_notes
from activities.sandboxes.port import Sandbox
from activities.sandboxes.tools import ToolRunner
from activities.sandboxes.workspace import Workspaces
from models.contracts.agents import AskedQuestion
from models.contracts.events import EventSource, NewEvent
from models.contracts.specs import SpecStatus
from models.contracts.task_facts import AgentMessage, AgentStarted
from models.contracts.tasks import AgentResult, RunAgent
from models.errors import Conflict, RetryableError
from models.store import conversations, events, inbox, specs
from models.store.database import Database, Session

_SLICE_TURNS: Final = 30
_SLICE: Final = timedelta(minutes=30)
_BUDGET: Final = "budget-exhausted"


class TaskInbox:
    """What people said to the agent of a task; each message is told once."""

    def __init__(self, request: RunAgent) -> None:
        self._request = request

    async def take(self, session: Session, turn: int) -> Sequence[str]:
        """Hand the messages over and put their delivery on record."""
        request = self._request
        messages = await inbox.take(session, request.task_id, request.round, turn)
        told = [
            NewEvent(
                dedup_key=f"message/{message.id}/delivered",
                fact=AgentMessage(
                    message_id=message.id,
                    task_id=request.task_id,
                    local_id=request.local_id,
                    text=message.text,
                    by=message.by,
                    delivered=True,
                    round=request.round,
                    turn=turn,
                ),
            )
            for message in messages
        ]
        if told:
            await events.append(session, request.project_id, request.spec_id, told)
        return [f"A person ({message.by}) says: {message.text}" for message in messages]


class _Stops:
    """Whether a slice ends between two turns, and why; saves the workspace on the way."""

    def __init__(self, database: Database, request: RunAgent, checkpoints: Checkpoints) -> None:
        self._database = database
        self._request = request
        self._checkpoints = checkpoints
        self._asked = 0
        self._began = datetime.now(UTC)
        self.why: Literal["paused", "yielded"] = "yielded"

    async def now(self) -> bool:
        """True when the slice ends here."""
        self._asked += 1
        async with self._database.begin() as session:
            view = await specs.get_view(session, self._request.spec_id)
        if view.status == SpecStatus.PAUSED:
            self.why = "paused"
            return True
        too_long = datetime.now(UTC) - self._began > _SLICE
        if activity.is_worker_shutdown() or self._asked > _SLICE_TURNS or too_long:
            return True
        if self._asked > 1:
            await self._checkpoints.due()
        return False


class AgentActivities:
    """Agents; idempotent by (task, round, turn), fenced by the conversation's newest try."""

    def __init__(
        self,
        database: Database,
        loop: ToolLoop,
        mirrors: Mirrors,
        workspaces: Workspaces,
        desks: AgentWorkspaces,
        idle_threshold: timedelta,
    ) -> None:
        self._database = database
        self._loop = loop
        self._mirrors = mirrors
        self._workspaces = workspaces
        self._desks = desks
        self._idle_threshold = idle_threshold

    @activity.defn
    async def run_agent(self, request: RunAgent) -> AgentResult:
        """Run one slice, at most 30 turns or minutes; a restarted try continues from what is stored.

        Raises:
            Conflict: the sandbox was lost too often, the agent is stuck, or the budget is used up.
        """
        async with heartbeating(self._idle_threshold) as progress:
            desk = await self._desks.open(request, progress)
            talk = await self._talk(request)
            checkpoints = Checkpoints(self._desks, request, desk.sandbox, request.checkpoint_every)
            stops = _Stops(self._database, request, checkpoints)
            try:
                tools = await self._tools(request, desk, talk, progress)
                ended = await self._loop.run(talk, tools, progress, stops.now, TaskInbox(request))
            except RetryableError as error:
                if error.retry_after is None or error.retry_after < request.provider_wait:
                    raise
                await checkpoints.save()
                return AgentResult(outcome="waiting", until=datetime.now(UTC) + error.retry_after)
            except Conflict as error:
                if error.stable_code == _BUDGET:
                    await checkpoints.save()
                raise
            if ended.stopped or isinstance(ended.value, AskedQuestion):
                await checkpoints.save()
            if ended.stopped:
                return AgentResult(outcome=stops.why)
            return await self._finished(request, desk.sandbox, ended)

    async def _finished(self, request: RunAgent, sandbox: Sandbox, ended: Ended) -> AgentResult:
        """What the slice ended with: a question, or work that is bundled and stored."""
        if isinstance(ended.value, AskedQuestion):
            return AgentResult(outcome="asked", question=ended.value)
        message = f"{request.local_id}: {_subject(ended)}"
        work = await self._workspaces.export(sandbox, request.base_commit, message)
        if work is None:
            return _result(ended)
        ref = await self._desks.store(request, work.bundle)
        return _result(ended).model_copy(
            update={"work": ref, "head": work.head, "changed_files": work.changed_files[:200]}
        )

    async def _tools(
        self, request: RunAgent, desk: Desk, talk: Talk, progress: Progress
    ) -> AgentTools:
        """The tools; calls of a turn that was under way when the sandbox was lost are unknown."""
        lost: set[str] = set()
        if desk.rebuilt:
            async with self._database.begin() as session:
                turns = await conversations.list_turns(session, talk.conversation_id)
            if turns and turns[-1].results is None:
                lost = set(turns[-1].call_ids)
        answers = {request.answered: request.answer} if request.answered is not None else {}
        return AgentTools(ToolRunner(desk.sandbox, progress.touch), lost=lost, answers=answers)

    async def _talk(self, request: RunAgent) -> Talk:
        git = await self._mirrors.ensure_commit(request.project_id, request.base_commit)
        notes = await steering_notes(git, request.base_commit)
        started = AgentStarted(
            task_id=request.task_id,
            local_id=request.local_id,
            round=request.round,
            model=request.model,
        )
        key = f"{conversations.of_round(request.task_id, request.round)}/started"
        told = NewEvent(dedup_key=key, fact=started, source=EventSource.AGENT)
        async with self._database.begin() as session:
            talk = await agent_talk(session, request, notes)
            await events.append(session, request.project_id, request.spec_id, [told])
        return talk


def _result(ended: Ended) -> AgentResult:
    if not isinstance(ended.value, Finish):
        return AgentResult(outcome="out_of_turns")
    return AgentResult(
        outcome="finished", summary=ended.value.summary[:2_000], tests=ended.value.tests
    )


def _subject(ended: Ended) -> str:
    text = ended.value.summary if isinstance(ended.value, Finish) else "work in progress"
    return (" ".join(text.split()) or "work")[:72]
