"""The composition root of a worker: builds every collaborator and registers it once."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import Worker

from activities.agent_workspaces import AgentWorkspaces
from activities.agents import AgentActivities
from activities.bridge import BridgeActivities
from activities.checks import CheckActivities
from activities.documents import DocumentActivities
from activities.drift import DriftActivities
from activities.environments import Environments
from activities.evaluator import EvaluatorActivities
from activities.forges import ForgeActivities
from activities.language.calls import CallBook
from activities.language.client import ModelClient
from activities.language.loop import ToolLoop
from activities.lookups import LookupActivities
from activities.mirror import Mirrors
from activities.notifier import NotifierActivities
from activities.planner import PlannerActivities
from activities.pull_requests import PullRequestActivities
from activities.records import RecordActivities
from activities.repairs import RepairActivities
from activities.reporters import DatabaseReporter, JSONLReporter
from activities.repositories import RepositoryActivities
from activities.sandboxes.local import LocalProvider
from activities.sandboxes.watchdog import Limits
from activities.sandboxes.workspace import Workspaces
from activities.slots import SlotActivities
from activities.tasks import TaskActivities
from activities.temporal import TemporalActivities
from models.settings import (
    DatabaseSettings,
    ExecutionSettings,
    LanguageSettings,
    LogSettings,
    SandboxSettings,
)
from models.store.database import Database
from models.wire import AGENT_QUEUE, IO_QUEUE, PLANNER_QUEUE, WORKFLOW_QUEUE
from workflows.errands import ForgeWorkflow, LookupWorkflow, NotifyWorkflow
from workflows.specs import SpecWorkflow
from workflows.tasks import TaskWorkflow
from workflows.upkeep import ReconcileWorkflow, SandboxReaperWorkflow

WORKFLOWS: Final = (
    SpecWorkflow, TaskWorkflow, ReconcileWorkflow, SandboxReaperWorkflow,
    LookupWorkflow, ForgeWorkflow, NotifyWorkflow,
)  # fmt: skip
ROLES: Final = ("workflows", "planner", "agent", "io", "all")
_MEGABYTE: Final = 1024 * 1024
GRACE: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class WorkerSettings:
    """All that a worker is configured with."""

    database: DatabaseSettings
    language: LanguageSettings
    sandbox: SandboxSettings
    execution: ExecutionSettings
    log: LogSettings

    @classmethod
    def from_environment(cls) -> "WorkerSettings":
        """Read the environment once."""
        return cls(
            database=DatabaseSettings(),  # pyright: ignore[reportCallIssue] - from the environment
            language=LanguageSettings(),
            sandbox=SandboxSettings(),
            execution=ExecutionSettings(),
            log=LogSettings(),
        )


class Activities:
    """Every activity of this installation, by the queue that polls for it."""

    def __init__(self, settings: WorkerSettings, client: Client) -> None:
        execution = settings.execution
        data = execution.data_dir.resolve()
        idle = timedelta(minutes=execution.idle_threshold_minutes)
        self.database = Database(settings.database.database_url.get_secret_value())
        self.client = ModelClient(settings.language)
        jsonl = settings.log.events_jsonl
        reporter = DatabaseReporter(
            self.database, also=JSONLReporter(jsonl) if jsonl is not None else None
        )
        mirrors = Mirrors(
            self.database,
            data / "mirrors",
            execution.local_repository_roots,
            execution.git_private_hosts,
        )
        sandboxes = LocalProvider(
            data / "sandboxes",
            _limits(settings.sandbox),
            settings.sandbox.sandbox_private_hosts,
        )
        workspaces = Workspaces(mirrors)
        environments = Environments(mirrors, data / "environments")
        book = CallBook(
            self.database,
            self.client,
            daily_usd=settings.language.budget_usd_per_day,
            longest_pause=timedelta(seconds=execution.retry_maximum_seconds),
        )
        loop = ToolLoop(self.database, self.client, book)
        planner = PlannerActivities(self.database, mirrors, loop, idle)
        desks = AgentWorkspaces(self.database, workspaces, environments, sandboxes)
        agents = AgentActivities(self.database, loop, mirrors, workspaces, desks, idle)
        checks = CheckActivities(self.database, mirrors, workspaces, environments, sandboxes, idle)
        tasks = TaskActivities(mirrors, workspaces, environments, sandboxes, reporter)
        evaluator = EvaluatorActivities(self.database, mirrors, loop, idle)
        documents = DocumentActivities(self.database)
        repositories = RepositoryActivities(self.database, mirrors)
        pull_requests = PullRequestActivities(self.database)
        forges = ForgeActivities(self.database, mirrors, repositories, pull_requests)
        lookups = LookupActivities(mirrors, execution.local_repository_roots)
        records = RecordActivities(self.database, reporter)
        upkeep = TemporalActivities(client, self.database, sandboxes, execution.installation())
        slots = SlotActivities(self.database, execution.installation())
        self.by_queue: dict[str, Sequence[Callable[..., Any]]] = {
            PLANNER_QUEUE: [planner.run_phase, evaluator.judge],
            AGENT_QUEUE: [
                agents.run_agent,
                checks.run_check,
                tasks.prepare_workspace,
                tasks.destroy_sandbox,
                upkeep.reap_sandboxes,
            ],
            IO_QUEUE: [
                BridgeActivities(self.database).sync_plan,
                RepairActivities(self.database).add_repair,
                pull_requests.open_pull_request,
                forges.act_on_forge,
                lookups.look_up,
                NotifierActivities(self.database).send_notifications,
                evaluator.read_commands,
                evaluator.evaluate,
                documents.accept_document,
                documents.render_document,
                documents.read_questions,
                DriftActivities(self.database, mirrors).find_drift,
                records.append_events,
                records.confirm_environment,
                records.set_budget,
                records.post_message,
                repositories.ensure_mirror,
                repositories.publish_branch,
                repositories.find_merges,
                repositories.find_commit,
                repositories.prepare_merge,
                repositories.push_merge,
                slots.request_slot,
                slots.release_slot,
                tasks.find_head,
                upkeep.reconcile,
            ],
        }

    async def close(self) -> None:
        """Close connections."""
        await self.client.close()
        await self.database.close()


def _limits(settings: SandboxSettings) -> Limits:
    return Limits(
        memory_bytes=settings.sandbox_memory_mb * _MEGABYTE,
        processes=settings.sandbox_processes,
        disk_bytes=settings.sandbox_disk_mb * _MEGABYTE,
    )


def build_workers(client: Client, activities: Activities, role: str) -> list[Worker]:
    """The workers of a role: one task queue each, and only ``workflows`` polls workflow tasks."""
    workers: list[Worker] = []
    if role in {"workflows", "all"}:
        workers.append(
            Worker(
                client,
                task_queue=WORKFLOW_QUEUE,
                workflows=WORKFLOWS,
                max_cached_workflows=500,
                max_concurrent_workflow_tasks=20,
                sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
                graceful_shutdown_timeout=GRACE,
            )
        )
    queues = {"planner": PLANNER_QUEUE, "agent": AGENT_QUEUE, "io": IO_QUEUE}
    workers += [
        Worker(
            client,
            task_queue=queue,
            activities=activities.by_queue[queue],
            max_concurrent_activities=50,
            max_heartbeat_throttle_interval=timedelta(seconds=5),
            graceful_shutdown_timeout=GRACE,
        )
        for name, queue in queues.items()
        if role in {name, "all"}
    ]
    return workers


async def run_until(workers: Sequence[Worker], stop: Callable[[], Any]) -> None:
    """Run the workers until ``stop()`` is awaited, then let them end in grace."""
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        await stop()
