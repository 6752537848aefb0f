"""What Temporal says of its queues and schedules."""

from datetime import UTC

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from models import wire
from models.contracts.systems import QueueState, ScheduleState

Live = tuple[tuple[QueueState, ...], tuple[ScheduleState, ...]]
_MOST_SCHEDULES = 20


async def read_system(client: Client) -> Live:
    """Every queue of ours with its pollers and backlog, and the schedules."""
    queues = [await _queue(client, wire.WORKFLOW_QUEUE, workflow=True)]
    for name in (wire.PLANNER_QUEUE, wire.AGENT_QUEUE, wire.IO_QUEUE):
        queues.append(await _queue(client, name, workflow=False))  # noqa: PERF401 - one at a time
    schedules: list[ScheduleState] = []
    async for listed in await client.list_schedules(page_size=_MOST_SCHEDULES):
        times = listed.info.next_action_times if listed.info is not None else ()
        schedules.append(
            ScheduleState(id=listed.id, next_run=times[0].replace(tzinfo=UTC) if times else None)
        )
    return tuple(queues), tuple(schedules)


async def _queue(client: Client, name: str, *, workflow: bool) -> QueueState:
    kind = (
        TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
        if workflow
        else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    )
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=name),
            task_queue_type=kind,
            report_stats=True,
        )
    )
    stats = found.stats
    return QueueState(
        name=name,
        kind="workflow" if workflow else "activity",
        pollers=tuple(sorted({poller.identity for poller in found.pollers})),
        backlog=stats.approximate_backlog_count,
        oldest_seconds=stats.approximate_backlog_age.ToTimedelta().total_seconds(),
    )
