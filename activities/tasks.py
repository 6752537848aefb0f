"""A task's sandbox: made, filled with the branch's head, and destroyed, always by its name."""

from temporalio import activity

from activities.environments import Environments
from activities.heartbeats import heartbeating
from activities.mirror import Mirrors
from activities.reporters import Reporter
from activities.sandboxes.port import SandboxProvider, SandboxSpec
from activities.sandboxes.workspace import Workspaces
from models.contracts.events import NewEvent
from models.contracts.task_facts import SandboxMoved
from models.contracts.tasks import PrepareWorkspace, SandboxRequest, Workspace
from models.errors import Conflict


class TaskActivities:
    """Sandboxes of tasks; idempotent by the sandbox's deterministic name."""

    def __init__(
        self,
        mirrors: Mirrors,
        workspaces: Workspaces,
        environments: Environments,
        sandboxes: SandboxProvider,
        reporter: Reporter,
    ) -> None:
        self._mirrors = mirrors
        self._workspaces = workspaces
        self._environments = environments
        self._sandboxes = sandboxes
        self._reporter = reporter

    @activity.defn
    async def prepare_workspace(self, request: PrepareWorkspace) -> Workspace:
        """Find or make the sandbox and check out the head of the spec's branch in it.

        Raises:
            Conflict: the branch is gone, sandboxes cannot run on this host, or set-up is red.
        """
        wanted = request.sandbox
        async with heartbeating() as progress:
            async with self._mirrors.locked(wanted.project_id) as mirror:
                await mirror.fetch()
                head = await mirror.head(wanted.branch)
            if head is None:
                msg = f"The branch {wanted.branch} is gone from the forge."
                raise Conflict(msg, code="branch-gone")
            await self._say(wanted, "sandbox.creating")
            labels = {"workflow": f"task-{wanted.task_id}", "project": str(wanted.project_id)}
            sandbox, _ = await self._sandboxes.ensure(SandboxSpec(wanted.name, labels))
            await self._workspaces.load(sandbox, wanted.project_id, head)
            setup = await self._environments.prepare(
                sandbox,
                wanted.project_id,
                head,
                request.environment,
                request.working_directory,
                progress,
            )
            if setup.result is not None and setup.failed:
                told = (setup.result.stdout + setup.result.stderr)[-2_000:]
                msg = f"The set-up command failed:\n{told}"
                raise Conflict(msg, code="setup-failed")
            await self._say(wanted, "sandbox.spawned")
        return Workspace(commit=head)

    @activity.defn
    async def find_head(self, request: SandboxRequest) -> Workspace:
        """The head of the spec's branch on the forge now.

        Raises:
            Conflict: the branch is gone.
        """
        async with self._mirrors.locked(request.project_id) as mirror:
            await mirror.fetch()
            head = await mirror.head(request.branch)
        if head is None:
            msg = f"The branch {request.branch} is gone from the forge."
            raise Conflict(msg, code="branch-gone")
        return Workspace(commit=head)

    @activity.defn
    async def destroy_sandbox(self, request: SandboxRequest) -> None:
        """Destroy the sandbox and all that runs in it; one that is gone is fine."""
        async with heartbeating():
            await self._sandboxes.destroy(request.name)
            await self._say(request, "sandbox.idle" if request.idle else "sandbox.terminated")

    async def _say(self, request: SandboxRequest, what: str) -> None:
        fact = SandboxMoved.model_validate(
            {
                "event_type": what,
                "name": request.name,
                "task_id": request.task_id,
                "provider": self._sandboxes.name,
            }
        )
        key = f"{request.name}/{what}/{request.generation}"
        event = NewEvent(dedup_key=key, fact=fact, sandbox_id=request.name)
        await self._reporter.report(request.project_id, request.spec_id, [event])
