"""Named time-outs and retry policies; every activity call uses one of these."""

from datetime import timedelta

from models.contracts.base import Timings
from models.wire import AGENT_QUEUE, IO_QUEUE, PLANNER_QUEUE
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig

_MINUTE = timedelta(minutes=1)


def _policy(timings: Timings, attempts: int) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timings.retry_initial,
        maximum_interval=timings.retry_maximum,
        maximum_attempts=attempts,
    )


def planner(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """A phase: the provider may be away for a day; other ends are counted with the turns."""
    return ActivityConfig(
        summary=summary,
        task_queue=PLANNER_QUEUE,
        start_to_close_timeout=15 * _MINUTE,
        schedule_to_close_timeout=timedelta(hours=24),
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 0),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def evaluate(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """Rules on a document."""
    return ActivityConfig(
        summary=summary,
        task_queue=IO_QUEUE,
        start_to_close_timeout=2 * _MINUTE,
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 10),
    )


def check(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """The project's check."""
    return ActivityConfig(
        summary=summary,
        task_queue=AGENT_QUEUE,
        start_to_close_timeout=30 * _MINUTE,
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 10),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def agent(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """A slice of an agent; tries since the last stored turn are counted in Postgres."""
    return ActivityConfig(
        summary=summary,
        task_queue=AGENT_QUEUE,
        start_to_close_timeout=35 * _MINUTE,
        schedule_to_close_timeout=timedelta(hours=24),
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 0),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def sandbox(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """Making a sandbox with its workspace, and setting it up."""
    return ActivityConfig(
        summary=summary,
        task_queue=AGENT_QUEUE,
        start_to_close_timeout=25 * _MINUTE,
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 10),
    )


def destroy(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """Tear-down; what it leaves is the reaper's."""
    return ActivityConfig(
        summary=summary,
        task_queue=AGENT_QUEUE,
        start_to_close_timeout=2 * _MINUTE,
        schedule_to_close_timeout=5 * _MINUTE,
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 20),
    )


def repository(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """Mirror, merge, push, pull request."""
    return ActivityConfig(
        summary=summary,
        task_queue=IO_QUEUE,
        start_to_close_timeout=5 * _MINUTE,
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 10),
    )


def lookup(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """A short read for somebody who waits."""
    return ActivityConfig(
        summary=summary,
        task_queue=IO_QUEUE,
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=_MINUTE,
        retry_policy=_policy(timings, 2),
    )


def notify(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """Notifications: a receiver may be away for a day."""
    return ActivityConfig(
        summary=summary,
        task_queue=IO_QUEUE,
        start_to_close_timeout=5 * _MINUTE,
        schedule_to_close_timeout=timedelta(hours=24),
        heartbeat_timeout=timings.heartbeat,
        retry_policy=RetryPolicy(
            initial_interval=timings.retry_initial, maximum_interval=5 * _MINUTE
        ),
    )


def record(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """A short write to Postgres, tried until it is done."""
    return ActivityConfig(
        summary=summary,
        task_queue=IO_QUEUE,
        start_to_close_timeout=timedelta(seconds=5),
        retry_policy=_policy(timings, 0),
    )


def slot(timings: Timings, summary: str | None = None) -> ActivityConfig:
    """A slot's request or release, tried until it is done."""
    return ActivityConfig(
        summary=summary,
        task_queue=IO_QUEUE,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_policy(timings, 0),
    )


def upkeep(
    timings: Timings, summary: str | None = None, *, queue: str = IO_QUEUE
) -> ActivityConfig:
    """A pass of upkeep; the next one comes anyway. Sandboxes are on the hosts of the agents' queue."""
    return ActivityConfig(
        summary=summary,
        task_queue=queue,
        start_to_close_timeout=5 * _MINUTE,
        heartbeat_timeout=timings.heartbeat,
        retry_policy=_policy(timings, 5),
    )
