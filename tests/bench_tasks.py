"""``make bench``, the part about tasks: the engine's overhead, a plan of thirty, fifty at once.

Overhead of a task: how long its workflow ran less the time inside its activities. Floor: a plain child
workflow with as many empty activities and signals, measured the same way, in turns with the real one.
"""

import asyncio
import heapq
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil
from temporalio import activity, workflow
from temporalio.api.history.v1 import History
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.contracts.base import SpecId
from models.contracts.commands import task_workflow_id
from models.contracts.events import Event
from models.contracts.tasks import TaskState
from tests.support.scenario import Job, making, play
from tests.support.stack import RunningStack, running_stack
from tests.support.thirty import thirty

PAIRS: Final = 20
SLOTS: Final = 8
AGENT_SECONDS: Final = 10.0
FIFTY: Final = 50
MEMORY_AIM_MB: Final = 500
_QUEUE: Final = "bench-tasks-floor"


@activity.defn
async def empty() -> None:
    """An empty activity."""


@workflow.defn
class FloorTask:
    """As many empty activities as a task has, with its signals taken between them."""

    def __init__(self) -> None:
        self._signals = 0

    @workflow.signal
    def poke(self) -> None:
        self._signals += 1

    @workflow.run
    async def run(self, activities: int, signals: int) -> None:
        for number in range(activities):
            await workflow.execute_activity(empty, start_to_close_timeout=timedelta(seconds=10))
            if number < signals:
                parent = workflow.info().workflow_id.removesuffix("-child")
                await workflow.get_external_workflow_handle(parent).signal("want")
                await workflow.wait_condition(lambda number=number: self._signals > number)


@workflow.defn
class FloorParent:
    """The parent of one floor task, which answers its signals as a spec grants merge turns."""

    @workflow.signal
    async def want(self) -> None:
        child = f"{workflow.info().workflow_id}-child"
        await workflow.get_external_workflow_handle(child).signal("poke")

    @workflow.run
    async def run(self, activities: int, signals: int) -> None:
        child = f"{workflow.info().workflow_id}-child"
        await workflow.execute_child_workflow(FloorTask.run, args=[activities, signals], id=child)


@dataclass(frozen=True)
class Overhead:
    """Milliseconds of a workflow outside its activities, and what it had."""

    milliseconds: float
    activities: int
    signals: int


def _overhead(history: Sequence[object]) -> Overhead:
    events = History(events=history).events  # pyright: ignore[reportArgumentType] - protobuf's own type
    at = {e.event_id: e.event_time.ToNanoseconds() / 1e6 for e in events}
    inside = 0.0
    activities = signals = 0
    for event in events:
        if event.HasField("activity_task_completed_event_attributes"):
            started = event.activity_task_completed_event_attributes.started_event_id
            inside += at[event.event_id] - at[started]
            activities += 1
        signals += event.HasField("workflow_execution_signaled_event_attributes")
    first, last = events[0].event_id, events[-1].event_id
    return Overhead(at[last] - at[first] - inside, activities, signals)


async def _of(client: Client, workflow_id: str) -> Overhead:
    return _overhead((await client.get_workflow_handle(workflow_id).fetch_history()).events)


async def _run(
    stack: RunningStack, jobs: Sequence[Job], latency: float = 0.0, parallel: int = 50
) -> tuple[SpecId, float]:
    """A spec of these jobs, and the seconds that its tasks took together."""
    _, settings = play(stack, jobs, latency=latency, max_parallel_tasks=parallel, max_rounds=2)
    spec_id = await stack.launch(await stack.project(stack.remote(), settings, is_demo=False))
    began = time.monotonic()
    await stack.until(spec_id, lambda e: e.event_type == "task.queued", seconds=300)
    began = time.monotonic()
    await stack.until_closed(spec_id, seconds=1_200)
    return spec_id, time.monotonic() - began


async def _pairs(stack: RunningStack, client: Client) -> None:
    worker = Worker(
        client,
        task_queue=_QUEUE,
        workflows=[FloorTask, FloorParent],
        activities=[empty],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    real: list[float] = []
    floors: list[float] = []
    shape = Overhead(0, 0, 0)
    async with worker:
        for number in range(PAIRS + 1):
            spec_id, _ = await _run(stack, [making("TSK-001", "a.txt", "a\n")])
            task = (await stack.api.tasks(spec_id)).items[0]
            shape = await _of(client, task_workflow_id(task.id))
            name = f"floor-{uuid4()}"
            arguments = [shape.activities, shape.signals]
            await client.execute_workflow(
                FloorParent.run, args=arguments, id=name, task_queue=_QUEUE
            )
            floor = await _of(client, f"{name}-child")
            if number:  # the first pair is a warm-up
                real.append(shape.milliseconds)
                floors.append(floor.milliseconds)
    own, bare = statistics.median(real), statistics.median(floors)
    ratio = own / bare
    verdict = "met" if ratio <= 1.5 else "missed"
    print(f"\none task: {shape.activities} activities, {shape.signals} signals, {PAIRS} pairs")  # noqa: T201
    print(f"engine's overhead           {own:7.0f} ms, floor {bare:.0f} ms")  # noqa: T201
    print(f"ratio                       {ratio:7.2f} (aim: at most 1.5, {verdict})")  # noqa: T201


@dataclass(frozen=True)
class _Times:
    """Medians of this run, in seconds."""

    provision: float
    check: float
    merge: float


def _seconds(events: Sequence[Event], first: str, last: str) -> list[float]:
    """Seconds from each task's event to the next one of another type."""
    since: dict[str, Event] = {}
    found: list[float] = []
    for event in events:
        name = str(event.data.get("local_id"))
        if event.event_type == first and name not in since:
            since[name] = event
        elif event.event_type == last and name in since:
            found.append((event.timestamp - since.pop(name).timestamp).total_seconds())
    return found


def _medians(events: Sequence[Event]) -> _Times:
    checks = [
        float(str(check["duration_seconds"]))
        for event in events
        if event.event_type == "task.checking"
        and isinstance(check := event.data.get("check"), dict)
    ]
    return _Times(
        provision=statistics.median(_seconds(events, "task.provisioning", "task.working")),
        check=statistics.median(checks),
        merge=min(_seconds(events, "task.merging", "task.merged")),
    )


def lower_bound(jobs: Sequence[Job], rounds: dict[str, int], times: _Times, agent: float) -> float:
    """The shortest wall time of a plan: slots full whenever they can be, merges one after another."""
    work = {
        job.name: times.provision + rounds.get(job.name, 1) * (agent + times.check) for job in jobs
    }
    waiting = list(jobs)
    done: set[str] = set()
    ends: list[tuple[float, bool, str]] = []  # (when, whether it is merged by then, which)
    now = free_to_merge = 0.0
    slots = SLOTS
    while waiting or ends:
        for job in [job for job in waiting if done.issuperset(job.after)][:slots]:
            waiting.remove(job)
            slots -= 1
            heapq.heappush(ends, (now + work[job.name], False, job.name))
        now, is_merged, name = heapq.heappop(ends)
        if is_merged:
            done.add(name)
            slots += 1
        else:
            free_to_merge = max(free_to_merge, now) + times.merge
            heapq.heappush(ends, (free_to_merge, True, name))
    return now


async def _thirty(stack: RunningStack) -> None:
    jobs = thirty()[:27]  # those that end well
    jobs += [making(f"TSK-{n:03d}", f"ledger/more{n}.py", f"N = {n}\n") for n in (28, 29, 30)]
    turns = 2
    spec_id, wall = await _run(stack, jobs, latency=AGENT_SECONDS / turns, parallel=SLOTS)
    events = await stack.events(spec_id)
    tasks = (await stack.api.tasks(spec_id)).items
    merged = sum(task.state == TaskState.MERGED for task in tasks)
    times = _medians(events)
    rounds = {task.local_id: task.round for task in tasks}
    bound = lower_bound(jobs, rounds, times, AGENT_SECONDS)
    ratio = wall / bound
    verdict = "met" if ratio <= 1.25 else "missed"
    print(f"\nthirty tasks, {AGENT_SECONDS:.0f} s agents, {SLOTS} slots: {merged} merged")  # noqa: T201
    print(  # noqa: T201
        f"medians: provision {times.provision:.2f} s, check {times.check:.2f} s; a merge {times.merge:.2f} s"
    )
    print(f"wall {wall:.1f} s, lower bound {bound:.1f} s")  # noqa: T201
    print(f"ratio                       {ratio:7.2f} (aim: at most 1.25, {verdict})")  # noqa: T201


async def _fifty(stack: RunningStack) -> None:
    jobs = [making(f"TSK-{n:03d}", f"ledger/p{n}.py", f"N = {n}\n") for n in range(1, FIFTY + 1)]
    process = stack.stack.supervisor.children["worker"].process
    assert process is not None
    worker = psutil.Process(process.pid)
    peak = 0.0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, worker.memory_info().rss / 1024 / 1024)
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    _, wall = await _run(stack, jobs)
    watching.cancel()
    verdict = "met" if peak < MEMORY_AIM_MB else "missed"
    print(f"\n{FIFTY} tasks at once, instant agents {wall:7.1f} s")  # noqa: T201
    print(f"worker's peak               {peak:7.0f} MB (aim: under {MEMORY_AIM_MB} MB, {verdict})")  # noqa: T201


async def bench_tasks() -> None:
    """Measure tasks on a stack of its own."""
    environment = {"MAX_CONCURRENT_TASKS_PER_PROJECT": str(SLOTS)}
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch), environment=environment) as stack:
            client = await Client.connect(stack.stack.status.temporal_address)
            await _pairs(stack, client)
            await _thirty(stack)
            body = {"max_concurrent_tasks_per_project": FIFTY}
            await stack.http.patch("/api/v1/settings", json=body)
            await _fifty(stack)


if __name__ == "__main__":
    asyncio.run(bench_tasks())
