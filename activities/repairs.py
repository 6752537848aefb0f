"""Repairs: tasks that no plan holds, made to mend a red final check."""

from typing import Final

from temporalio import activity

from models.contracts.attempts import AddRepair
from models.contracts.base import TaskId, TicketId
from models.contracts.events import NewEvent
from models.contracts.plans import PlannedTask, PlannedTicket
from models.contracts.task_facts import TaskCreated, TicketCreated
from models.contracts.tasks import TaskNode, TaskView
from models.store import events, plans
from models.store.database import Database

_TICKET: Final = PlannedTicket(
    id="REPAIRS", title="Repairs", description="What the final check showed.", priority="critical"
)
_LAST: Final = 1_000_000  # after every planned task


class RepairActivities:
    """Writes repair tasks; idempotent by the spec and the repair's number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def add_repair(self, request: AddRepair) -> TaskNode:
        """Make the task and tell it; a repeat finds it."""
        told = f"The final check `{request.command}` is red on the branch:\n\n{request.tail}"
        planned = PlannedTask(
            id=f"REPAIR-{request.number}",
            ticket_id=_TICKET.id,
            title="Make the final check green",
            description="\n\n".join(part for part in (told, request.note) if part),
            kind="implementation",
            priority="critical",
            estimate_minutes=30,
        )
        view = TaskView(
            id=TaskId(plans.local_uuid(request.spec_id, planned.id)),
            spec_id=request.spec_id,
            ticket_id=TicketId(plans.local_uuid(request.spec_id, _TICKET.id)),
            local_id=planned.id,
            title=planned.title,
            description=planned.description,
            kind=planned.kind,
            priority=planned.priority,
            position=_LAST + request.number,
        )
        facts = [
            NewEvent(
                dedup_key="repair/ticket",
                fact=TicketCreated(ticket_id=view.ticket_id, title=_TICKET.title),
            ),
            NewEvent(
                dedup_key=f"repair/{request.number}",
                fact=TaskCreated(
                    task_id=view.id, title=view.title, ticket_id=view.ticket_id, task=view
                ),
            ),
        ]
        async with self._database.begin() as session:
            await plans.add_ticket(session, request.project_id, request.spec_id, _TICKET)
            await plans.add_task(session, request.project_id, request.spec_id, planned, view)
            await events.append(session, request.project_id, request.spec_id, facts)
        return TaskNode(
            task_id=view.id,
            local_id=view.local_id,
            title=view.title,
            priority=view.priority,
            minutes=planned.estimate_minutes,
        )
