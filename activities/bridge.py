"""SYNC and the bridge: the plan becomes tickets and tasks, the same ones however often it runs."""

from collections.abc import Mapping

from temporalio import activity

from activities.evaluator import read_as
from models.contracts.artifacts import ArtifactKind, ArtifactRef
from models.contracts.attempts import ItemChanges, SyncOutcome, SyncPlan
from models.contracts.base import TaskId, TicketId
from models.contracts.documents import Requirements
from models.contracts.events import Fact, NewEvent
from models.contracts.facts import DocumentStored, SyncCounted
from models.contracts.phases import Phase
from models.contracts.plans import PlannedTask, SyncReport, TaskPlan
from models.contracts.task_facts import TaskCreated, TaskMoved, TaskReplanned, TicketCreated
from models.contracts.tasks import TaskNode, TaskState, TaskView
from models.rules.markdown import FILE_NAMES, spec_folder, to_markdown
from models.rules.sync import compute_sync
from models.store import artifacts, documents, events, plans
from models.store.database import Database, Session
from models.store.plans import KnownTask


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
            known = await plans.known_tasks(session, request.spec_id)
            frozen = _frozen_faults(request, plan, known)
            if frozen or request.dry_run:
                return SyncOutcome(report=ref, blockers=frozen, changes=_changes(plan, known))
            views = [
                _view(request, position, task, known.get(task.id))
                for position, task in enumerate(plan.tasks)
            ]
            tickets = await plans.known_tickets(session, request.spec_id)
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
            facts = [*_facts(request, plan, views, known, tickets), stored]
            digest = f"{request.run}/{request.documents[Phase.TASKS].sha256[:16]}"
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
            nodes=_nodes(request, plan, report, known),
            coverage=covered / len(report.coverage) if report.coverage else 1.0,
            changes=_changes(plan, known),
        )


def _frozen_faults(
    request: SyncPlan, plan: TaskPlan, known: Mapping[str, KnownTask]
) -> tuple[str, ...]:
    """What a changed plan does to tasks that have begun, and to ids that were used before."""
    planned = {task.id: task for task in plan.tasks}
    faults = [f"{i} has begun and cannot be dropped" for i in request.fixed if i not in planned]
    faults += [
        f"{i} has begun and cannot be changed"
        for i in request.fixed
        if i in planned and i in known and planned[i] != known[i].plan
    ]
    if request.fixed:
        faults += [
            f"{i} was dropped before; a new task needs a new id"
            for i in planned
            if i in known and known[i].view.retired
        ]
    return tuple(faults)


def _changes(plan: TaskPlan, known: Mapping[str, KnownTask]) -> ItemChanges:
    before = {local_id: task.plan for local_id, task in known.items() if not task.view.retired}
    return ItemChanges(
        added=tuple(t.id for t in plan.tasks if t.id not in before),
        changed=tuple(t.id for t in plan.tasks if t.id in before and before[t.id] != t),
        removed=tuple(i for i in before if i not in {t.id for t in plan.tasks}),
    )


def _stays(request: SyncPlan, known: KnownTask | None) -> bool:
    """True for a task of before that goes on as it is: it has begun, or it is merged and kept."""
    if known is None or known.view.retired:
        return False
    merged = request.keep_merged and known.view.state == TaskState.MERGED
    local_id = known.view.local_id
    return merged or local_id in request.fixed or local_id in request.on_branch


def _is_merged(request: SyncPlan, known: KnownTask) -> bool:
    return known.view.state == TaskState.MERGED or known.view.local_id in request.on_branch


def _view(request: SyncPlan, position: int, task: PlannedTask, known: KnownTask | None) -> TaskView:
    planned = TaskView(
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
    if known is None:
        return planned
    if _stays(request, known):
        return known.view.model_copy(update={"position": position})
    kept = {"round": known.view.round, "turns": known.view.turns, "usage": known.view.usage}
    return planned.model_copy(update=kept)


def _nodes(
    request: SyncPlan, plan: TaskPlan, report: SyncReport, known: Mapping[str, KnownTask]
) -> tuple[TaskNode, ...]:
    index = {task.id: n for n, task in enumerate(plan.tasks)}
    nodes: list[TaskNode] = []
    for task in plan.tasks:
        before = known.get(task.id)
        stays = before is not None and _stays(request, before)
        nodes.append(
            TaskNode(
                task_id=TaskId(plans.local_uuid(request.spec_id, task.id)),
                local_id=task.id,
                title=task.title,
                priority=task.priority,
                minutes=task.estimate_minutes,
                depends_on=tuple(index[d] for d in report.dependencies[task.id]),
                extra_check=task.check_command,
                expects_changes=bool(task.files),
                merged=stays and before is not None and _is_merged(request, before),
                first_round=before.view.round + 1 if before is not None else 1,
            )
        )
    return tuple(nodes)


def _facts(
    request: SyncPlan,
    plan: TaskPlan,
    views: list[TaskView],
    known: Mapping[str, KnownTask],
    known_tickets: set[str],
) -> list[Fact]:
    tickets, tasks = len(plan.tickets), len(plan.tasks)
    moved: list[Fact] = [
        TicketCreated(
            ticket_id=TicketId(plans.local_uuid(request.spec_id, ticket.id)),
            title=f"[Spec] {request.title}: {ticket.title}",
        )
        for ticket in plan.tickets
        if ticket.id not in known_tickets
    ]
    new_tickets = len(moved)
    moved += _task_facts(request, plan, views, known)
    made = len([fact for fact in moved if isinstance(fact, TaskCreated)])
    return [
        SyncCounted(event_type="spec.sync_started", items_to_sync=tickets + tasks),
        SyncCounted(
            event_type="spec.tickets_creation_started", ticket_count=tickets, task_count=tasks
        ),
        *moved,
        SyncCounted(
            event_type="spec.tickets_creation_completed",
            tickets_created=new_tickets,
            tasks_created=made,
        ),
        SyncCounted(event_type="spec.tasks_queued", task_count=tasks),
        SyncCounted(event_type="spec.sync_completed", items_synced=tickets + tasks),
    ]


def _task_facts(
    request: SyncPlan, plan: TaskPlan, views: list[TaskView], known: Mapping[str, KnownTask]
) -> list[Fact]:
    """New tasks are made, changed ones planned anew, and those that are gone retired."""
    facts: list[Fact] = []
    for task, view in zip(plan.tasks, views, strict=True):
        before = known.get(task.id)
        if before is None:
            facts.append(
                TaskCreated(task_id=view.id, title=view.title, ticket_id=view.ticket_id, task=view)
            )
        elif not _stays(request, before) and (
            request.restart or before.view.retired or before.plan != task
        ):
            facts.append(TaskReplanned(event_type="task.replanned", task_id=view.id, task=view))
    planned = {task.id for task in plan.tasks}
    facts += [
        TaskMoved(
            event_type="task.merged",
            task_id=known[local_id].view.id,
            local_id=local_id,
            round=known[local_id].view.round,
            commit=commit,
        )
        for local_id, commit in request.on_branch.items()
        if local_id in planned
        and local_id in known
        and known[local_id].view.state != TaskState.MERGED
    ]
    facts += [
        TaskReplanned(
            event_type="task.retired",
            task_id=gone.view.id,
            task=gone.view.model_copy(update={"retired": True}),
        )
        for local_id, gone in known.items()
        if local_id not in planned and not gone.view.retired
    ]
    return facts


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
        f"sync-{request.run}-{ref.sha256[:16]}",
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
