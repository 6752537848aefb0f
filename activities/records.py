"""Facts of the workflows, put on record; and what a person confirmed about a project."""

from uuid import NAMESPACE_URL, uuid5

from temporalio import activity

from activities.reporters import Reporter
from models.contracts.agents import PostMessage
from models.contracts.budgets import BudgetState, SetBudget
from models.contracts.events import Appended, AppendEvents, NewEvent
from models.contracts.projects import ConfirmEnvironment
from models.contracts.task_facts import AgentMessage
from models.store import budgets, events, inbox, projects, specs
from models.store.database import Database


class RecordActivities:
    """Writes to Postgres what a workflow says; idempotent by each fact's ``dedup_key``."""

    def __init__(self, database: Database, reporter: Reporter) -> None:
        self._database = database
        self._reporter = reporter

    @activity.defn
    async def append_events(self, request: AppendEvents) -> Appended:
        """Append facts to a spec's stream."""
        last = await self._reporter.report(request.project_id, request.spec_id, request.events)
        async with self._database.begin() as session:
            cost = (await specs.get_view(session, request.spec_id)).usage.cost_usd
        return Appended(last_seq=last, cost_usd=float(cost) if cost is not None else None)

    @activity.defn
    async def confirm_environment(self, request: ConfirmEnvironment) -> None:
        """Make the accepted commands the project's own."""
        async with self._database.begin() as session:
            await projects.confirm_environment(session, request.project_id, request.environment)

    @activity.defn
    async def set_budget(self, request: SetBudget) -> BudgetState:
        """Put a spec's limits in force; what was used stays."""
        async with self._database.begin() as session:
            await budgets.set_limits(session, request.spec_id, request.limits)
            return await budgets.get_state(session, request.spec_id)

    @activity.defn
    async def post_message(self, request: PostMessage) -> None:
        """Put a person's message into a task's inbox; idempotent by the message's id."""
        message_id = uuid5(NAMESPACE_URL, f"{request.task_id}/{request.id}")
        fact = AgentMessage(
            message_id=message_id,
            task_id=request.task_id,
            local_id=request.local_id,
            text=request.text,
            by=request.by,
        )
        told = NewEvent(dedup_key=f"message/{message_id}/sent", fact=fact)
        async with self._database.begin() as session:
            await inbox.post(session, message_id, request.task_id, request.text, request.by)
            await events.append(session, request.project_id, request.spec_id, [told])
