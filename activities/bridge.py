"""SYNC and the bridge: the plan becomes tickets and tasks, the same ones however often it runs."""

from temporalio import activity

from activities.evaluator import read_as
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.attempts import SyncOutcome, SyncPlan
from models.contracts.base import TaskId, TicketId
from models.contracts.documents import Requirements
from models.contracts.events import (
    DocumentStored,
    Fact,
    NewEvent,
    SyncCounted,
    TaskCreated,
    TicketCreated,
)
from models.contracts.phases import Phase
from models.contracts.plans import PlannedTask, SyncReport, TaskPlan
from models.contracts.tasks import TaskNode, TaskView
from models.rules.markdown import FILE_NAMES, spec_folder, to_markdown
from models.rules.sync import compute_sync
from models.store import artifacts, documents, events, plans
from models.store.database import Database, Session


class BridgeActivities:
    """Writes tickets and tasks; idempotent by ``uuid5(spec_id, local id)``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def sync_plan(self, request: SyncPlan) -> SyncOutcome:
        """Compute the report; without blockers write tickets, tasks and their events."""
        async with self._database.begin() as session:
            requirements = await read_as(
                session, Phase.REQUIREMENTS, request.documents, Requirements
            )
            plan = await read_as(session, Phase.TASKS, request.documents, TaskPlan)
            report = compute_sync(requirements, plan)
            ref = await artifacts.put(
                session,
                request.project_id,
                report.model_dump_json().encode(),
                ArtifactKind.REPORT,
            )
            if report.blockers:
                return SyncOutcome(report=ref, blockers=report.blockers)
            views = [_view(request, position, task) for position, task in enumerate(plan.tasks)]
            await plans.put_tickets(
                session, request.project_id, request.spec_id, request.title, plan.tickets
            )
            await plans.put_tasks(
                session,
                request.project_id,
                request.spec_id,
                list(zip(plan.tasks, views, strict=True)),
            )
            stored = await _store_report(session, request, report, ref)
            facts = [*_facts(request, plan, views), stored]
            digest = request.documents[Phase.TASKS].sha256[:16]
            await events.append(
                session,
                request.project_id,
                request.spec_id,
                [
                    NewEvent(dedup_key=f"sync/{digest}/{n}", fact=fact)
                    for n, fact in enumerate(facts)
                ],
            )
        covered = len([c for c in report.coverage if c.status == "covered"])
        return SyncOutcome(
            report=ref,
            nodes=_nodes(request, plan, report),
            coverage=covered / len(report.coverage) if report.coverage else 1.0,
        )


def _view(request: SyncPlan, position: int, task: PlannedTask) -> TaskView:
    return TaskView(
        id=TaskId(plans.local_uuid(request.spec_id, task.id)),
        spec_id=request.spec_id,
        ticket_id=TicketId(plans.local_uuid(request.spec_id, task.ticket_id)),
        local_id=task.id,
        title=task.title,
        description=task.description,
        kind=task.kind,
        priority=task.priority,
        position=position,
        depends_on=task.depends_on,
        requirement_ids=task.requirement_ids,
        criteria_ids=task.acceptance_criteria_ids,
        files=task.files,
    )


def _nodes(request: SyncPlan, plan: TaskPlan, report: SyncReport) -> tuple[TaskNode, ...]:
    index = {task.id: n for n, task in enumerate(plan.tasks)}
    return tuple(
        TaskNode(
            task_id=TaskId(plans.local_uuid(request.spec_id, task.id)),
            local_id=task.id,
            title=task.title,
            priority=task.priority,
            minutes=task.estimate_minutes,
            depends_on=tuple(index[d] for d in report.dependencies[task.id]),
            extra_check=task.check_command,
            expects_changes=bool(task.files),
        )
        for task in plan.tasks
    )


def _facts(request: SyncPlan, plan: TaskPlan, views: list[TaskView]) -> list[Fact]:
    tickets, tasks = len(plan.tickets), len(plan.tasks)
    created: list[Fact] = [
        TicketCreated(
            ticket_id=TicketId(plans.local_uuid(request.spec_id, ticket.id)),
            title=f"[Spec] {request.title}: {ticket.title}",
        )
        for ticket in plan.tickets
    ]
    created += [
        TaskCreated(task_id=view.id, title=view.title, ticket_id=view.ticket_id, task=view)
        for view in views
    ]
    return [
        SyncCounted(event_type="spec.sync_started", items_to_sync=tickets + tasks),
        SyncCounted(
            event_type="spec.tickets_creation_started", ticket_count=tickets, task_count=tasks
        ),
        *created,
        SyncCounted(
            event_type="spec.tickets_creation_completed",
            tickets_created=tickets,
            tasks_created=tasks,
        ),
        SyncCounted(event_type="spec.tasks_queued", task_count=tasks),
        SyncCounted(event_type="spec.sync_completed", items_synced=tickets + tasks),
    ]


async def _store_report(
    session: Session, request: SyncPlan, report: SyncReport, ref: ArtifactRef
) -> DocumentStored:
    text = to_markdown(report, phase=Phase.SYNC, title=request.title, spec_id=request.spec_id)
    markdown = await artifacts.put(
        session, request.project_id, text.encode(), ArtifactKind.MARKDOWN, "text/markdown"
    )
    version = await documents.add_version(
        session,
        request.spec_id,
        Phase.SYNC,
        f"sync-{ref.sha256[:16]}",
        ref,
        markdown,
        "specwright",
    )
    return DocumentStored(
        event_type="spec.artifact_created",
        phase=Phase.SYNC,
        artifact_type="sync",
        path=f"{spec_folder(request.title, request.spec_id)}/{FILE_NAMES[Phase.SYNC]}",
        version=version.version,
        document=ref,
        markdown=markdown,
    )
