"""An agent's workspace through sandboxes that come and go: loaded, saved, lost and built again."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from activities.environments import Environments
from activities.heartbeats import Progress
from activities.sandboxes.port import WORKSPACE_MARKER, Sandbox, SandboxProvider, SandboxSpec
from activities.sandboxes.workspace import Workspaces
from models.contracts.agents import Checkpoint
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.events import NewEvent
from models.contracts.task_facts import SandboxMoved
from models.contracts.tasks import RunAgent
from models.errors import Conflict
from models.store import artifacts, events, workspaces
from models.store.database import Database

_MOST_LOSSES: Final = 2
BUNDLE_TYPE: Final = "application/x-git-bundle"


@dataclass(frozen=True)
class Desk:
    """A sandbox with its workspace; ``rebuilt`` when the one of before is gone."""

    sandbox: Sandbox
    rebuilt: bool


class AgentWorkspaces:
    """Workspaces of agents; the last checkpoint of each is in the database."""

    def __init__(
        self,
        database: Database,
        loader: Workspaces,
        environments: Environments,
        sandboxes: SandboxProvider,
    ) -> None:
        self._database = database
        self._workspaces = loader
        self._environments = environments
        self._sandboxes = sandboxes

    async def open(self, request: RunAgent, progress: Progress) -> Desk:
        """Find the sandbox, or build it again from the base and the last checkpoint.

        Raises:
            Conflict: it was lost a third time (``sandbox-lost``).
        """
        labels = {"workflow": f"task-{request.task_id}", "project": str(request.project_id)}
        sandbox, _ = await self._sandboxes.ensure(SandboxSpec(request.sandbox, labels))
        rebuilt = await sandbox.get(WORKSPACE_MARKER) is None
        losses = await self._count_loss(request) if rebuilt else 0
        if rebuilt or request.restart_workspace:
            key = f"round-{request.round}" if request.restart_workspace else ""
            await self._workspaces.load(sandbox, request.project_id, request.base_commit, key=key)
            await self._environments.prepare(
                sandbox,
                request.project_id,
                request.base_commit,
                request.environment,
                request.working_directory,
                progress,
            )
        if rebuilt:
            await self._restore(request, sandbox)
            await self._say(request, "sandbox.spawned", losses)
        return Desk(sandbox, rebuilt)

    async def _count_loss(self, request: RunAgent) -> int:
        """How often the sandbox was lost; one that was given up on purpose is not."""
        if request.gave_sandbox_up:
            return 0
        async with self._database.begin() as session:
            losses = await workspaces.count_loss(session, request.sandbox, request.task_id)
        await self._say(request, "sandbox.lost", losses)
        if losses > _MOST_LOSSES:
            msg = f"The sandbox was lost {losses} times."
            raise Conflict(msg, code="sandbox-lost")
        return losses

    async def _restore(self, request: RunAgent, sandbox: Sandbox) -> None:
        async with self._database.begin() as session:
            kept = await workspaces.get_checkpoint(session, request.sandbox)
            if kept is None or kept.base != request.base_commit:
                return
            bundle, _ = await artifacts.get(session, kept.bundle.sha256)
        await self._workspaces.restore(sandbox, kept.head, kept.commit, bundle)

    async def save(self, request: RunAgent, sandbox: Sandbox) -> None:
        """Keep the workspace as it lies, so that a lost sandbox costs little."""
        async with self._database.begin() as session:
            kept = await workspaces.get_checkpoint(session, request.sandbox)
        last = kept.commit if kept is not None and kept.base == request.base_commit else ""
        saved = await self._workspaces.save(sandbox, request.base_commit, last)
        if saved is None or saved.bundle is None:
            return
        ref = await self.store(request, saved.bundle)
        checkpoint = Checkpoint(
            base=request.base_commit, head=saved.head, commit=saved.commit, bundle=ref
        )
        async with self._database.begin() as session:
            await workspaces.put_checkpoint(session, request.sandbox, request.task_id, checkpoint)

    async def store(self, request: RunAgent, bundle: bytes) -> ArtifactRef:
        """Store a bundle as an artifact of the project."""
        async with self._database.begin() as session:
            return await artifacts.put(
                session, request.project_id, bundle, ArtifactKind.BUNDLE, BUNDLE_TYPE
            )

    async def _say(self, request: RunAgent, what: str, number: int) -> None:
        fact = SandboxMoved.model_validate(
            {
                "event_type": what,
                "name": request.sandbox,
                "task_id": request.task_id,
                "provider": self._sandboxes.name,
            }
        )
        key = f"{request.sandbox}/{what}/{request.generation}/{number}"
        event = NewEvent(dedup_key=key, fact=fact, sandbox_id=request.sandbox)
        async with self._database.begin() as session:
            await events.append(session, request.project_id, request.spec_id, [event])


class Checkpoints:
    """Saves a workspace between two turns, at most every so often."""

    def __init__(
        self, desks: AgentWorkspaces, request: RunAgent, sandbox: Sandbox, every: timedelta
    ) -> None:
        self._desks = desks
        self._request = request
        self._sandbox = sandbox
        self._every = every.total_seconds()
        self._last = asyncio.get_running_loop().time()

    async def due(self) -> None:
        """Save when the last time is long enough ago."""
        if asyncio.get_running_loop().time() - self._last >= self._every:
            await self.save()

    async def save(self) -> None:
        """Save now."""
        await self._desks.save(self._request, self._sandbox)
        self._last = asyncio.get_running_loop().time()
