"""The schedules of upkeep, one of each per installation; made, or brought up to date, at a start."""

from collections.abc import Callable
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from models.contracts.commands import REAPER_WORKFLOW, RECONCILE_WORKFLOW
from models.settings import ExecutionSettings
from models.store import installation
from models.store.database import Database
from models.wire import WORKFLOW_QUEUE


async def ensure_schedules(client: Client, database: Database, settings: ExecutionSettings) -> None:
    """Make the schedules of this installation, or give them the present intervals."""
    async with database.begin() as session:
        own = await installation.identity(session)
    every = {
        RECONCILE_WORKFLOW: settings.reconcile_seconds,
        REAPER_WORKFLOW: settings.reap_seconds,
    }
    for name, seconds in every.items():
        schedule_id = f"{name}-{own}"
        schedule = Schedule(
            action=ScheduleActionStartWorkflow(name, id=schedule_id, task_queue=WORKFLOW_QUEUE),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=seconds))]),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
        )
        try:
            await client.create_schedule(schedule_id, schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(schedule_id).update(_replacing(schedule))


def _replacing(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def updated(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=schedule)

    return updated
