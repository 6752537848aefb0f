"""What upkeep asks of Temporal: who still runs; the one class here that holds a client.

Repairs what an operator's terminate, a lost signal or a crash between two systems leaves behind.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.heartbeats import heartbeating
from activities.sandboxes.port import SandboxProvider
from models import wire
from models.contracts.base import SpecId, TaskId
from models.contracts.commands import SLOT_SIGNAL, SPEC_WORKFLOW, spec_workflow_id
from models.contracts.events import EventSource, NewEvent
from models.contracts.facts import ExecutionFailed
from models.contracts.installation import InstallationSettings
from models.contracts.specs import SpecView
from models.contracts.task_facts import SandboxMoved, TaskMoved
from models.contracts.tasks import SETTLED
from models.contracts.upkeep import Reaped, Reconciled
from models.store import events, installation, slots, specs, task_views
from models.store.database import Database

_LATE: Final = timedelta(seconds=30)
_ENDED_BADLY: Final = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.FAILED,
    }
)


class TemporalActivities:
    """Upkeep; every step may be repeated, because each looks before it acts."""

    def __init__(
        self,
        client: Client,
        database: Database,
        sandboxes: SandboxProvider,
        first: InstallationSettings,
    ) -> None:
        self._client = client
        self._database = database
        self._sandboxes = sandboxes
        self._first = first

    @activity.defn
    async def reconcile(self) -> Reconciled:
        """Reclaim slots, wake who was granted one, and repair specs whose run is gone."""
        async with heartbeating():
            reclaimed, woken = await self._slots()
            failed, started = await self._specs()
        return Reconciled(reclaimed=reclaimed, woken=woken, failed=failed, started=started)

    async def _slots(self) -> tuple[int, int]:
        async with self._database.begin() as session:
            began = await slots.now(session)
            holders = await slots.list_holders(session)
            settings = await installation.get(session, self._first)
        reclaimed = woken = 0
        for project_id, names in holders.items():
            gone = [name for name in names if not await self._runs(name)]
            limit = settings.slots_of(project_id)
            async with self._database.begin() as session:
                granted = await slots.release(session, project_id, gone, limit, before=began)
            reclaimed += len(gone)
            for name in granted:
                woken += await self._wake(name)
        return reclaimed, woken

    async def _wake(self, workflow_id: str) -> bool:
        try:
            await self._client.get_workflow_handle(workflow_id).signal(SLOT_SIGNAL)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def _status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """The status of its latest run, None when Temporal knows no such workflow."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return None
        return found.status

    async def _runs(self, workflow_id: str) -> bool:
        return await self._status(workflow_id) == WorkflowExecutionStatus.RUNNING

    async def _specs(self) -> tuple[int, int]:
        async with self._database.begin() as session:
            running = await specs.list_running(session)
        failed = started = 0
        for view in running:
            status = await self._status(spec_workflow_id(view.id))
            if status is not None and status in _ENDED_BADLY:
                await self._fail(view, status)
                failed += 1
            elif status is None and datetime.now(UTC) - view.created_at > _LATE:
                started += await self._start(view.id)
        return failed, started

    async def _fail(self, view: SpecView, status: WorkflowExecutionStatus) -> None:
        """Tell that the run is gone, and with it the tasks that had not ended."""
        word = status.name.lower().replace("_", " ")
        told = f"The run was {word} in Temporal; run it again from a phase."
        async with self._database.begin() as session:
            tasks = (await task_views.list_tasks(session, view.id)).items
        facts = [
            TaskMoved(
                event_type="task.cancelled",
                task_id=task.id,
                local_id=task.local_id,
                round=task.round,
                reason=told,
                reason_code="run-gone",
            )
            for task in tasks
            if task.state not in SETTLED
        ]
        failure = ExecutionFailed(failed_phase=view.current_phase, error=told)
        new = [
            NewEvent(
                dedup_key=f"reconcile/{view.as_of_seq}/{number}",
                fact=fact,
                source=EventSource.SYSTEM,
            )
            for number, fact in enumerate([*facts, failure])
        ]
        async with self._database.begin() as session:
            await events.append(session, view.project_id, view.id, new)

    async def _start(self, spec_id: SpecId) -> bool:
        """Start a spec whose launch was stored, but never reached Temporal."""
        async with self._database.begin() as session:
            launch = await specs.get_launch(session, spec_id)
        try:
            await self._client.start_workflow(
                SPEC_WORKFLOW,
                launch,
                id=spec_workflow_id(spec_id),
                task_queue=wire.WORKFLOW_QUEUE,
                search_attributes=wire.spec_attributes(launch.project_id),
                static_summary=launch.title,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    @activity.defn
    async def reap_sandboxes(self) -> Reaped:
        """Destroy the sandboxes of this host that no running workflow owns."""
        gone: list[str] = []
        async with heartbeating():
            for name, owner in (await self._sandboxes.owners()).items():
                if await self._runs(owner):
                    continue
                await self._sandboxes.destroy(name)
                await self._tell(name, owner)
                gone.append(name)
        return Reaped(names=tuple(gone))

    async def _tell(self, name: str, owner: str) -> None:
        """Put the end of a task's own sandbox on record."""
        kind, _, owner_id = owner.partition("-")
        if kind != "task" or "-check-" in name:
            return
        fact = SandboxMoved(
            event_type="sandbox.terminated",
            name=name,
            task_id=TaskId(UUID(owner_id)),
            provider=self._sandboxes.name,
        )
        async with self._database.begin() as session:
            task = await task_views.find_task(session, TaskId(UUID(owner_id)))
            if task is None or task.sandbox_id != name:
                return
            view = await specs.get_view(session, task.spec_id)
            new = NewEvent(dedup_key=f"{name}/reaped", fact=fact, sandbox_id=name)
            await events.append(session, view.project_id, view.id, [new])
