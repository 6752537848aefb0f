"""``make bench``: engine time and memory against a floor measured in the same run.

Floor: a plain workflow tree with as many empty activities and child workflows as a real spec has,
on the same server and a worker of its own. The model is instant. Pairs are interleaved and medians
printed; nothing fails here, an aim that is missed is reported.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.contracts.base import SpecId
from models.contracts.commands import spec_workflow_id, task_workflow_id
from models.contracts.documents import Design, Requirements
from models.contracts.plans import MAX_PLANNED_TASKS, TaskPlan
from models.rules.evaluations.documents import Surroundings, evaluate_document
from models.rules.sync import compute_sync
from tests.bench_api import bench_api
from tests.bench_tasks import bench_tasks
from tests.support.stack import RunningStack, running_stack

PAIRS: Final = 3
MEMORY_AIM_MB: Final = 700
_QUEUE: Final = "bench-floor"
_REQUIREMENTS: Final = 300


@activity.defn
async def nothing() -> None:
    """An empty activity."""


@workflow.defn
class FloorChild:
    """As many empty activities, one after another, as a task has."""

    @workflow.run
    async def run(self, activities: int) -> None:
        for _ in range(activities):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))


@workflow.defn
class FloorTree:
    """The parent's own activities, then its children in waves."""

    @workflow.run
    async def run(self, own: int, waves: list[list[int]]) -> None:
        for _ in range(own):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))
        for wave in waves:
            await asyncio.gather(
                *(
                    workflow.execute_child_workflow(
                        FloorChild.run,
                        count,
                        id=f"{workflow.info().workflow_id}-{workflow.uuid4()}",
                    )
                    for count in wave
                )
            )


async def _count_activities(client: Client, workflow_id: str) -> int:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return len(
        [e for e in history.events if e.HasField("activity_task_scheduled_event_attributes")]
    )


async def _one_spec(stack: RunningStack) -> tuple[float, SpecId]:
    project = await stack.project(stack.remote())
    began = time.monotonic()
    spec_id = await stack.launch(project)
    await stack.until_closed(spec_id)
    return time.monotonic() - began, spec_id


async def _shape(
    stack: RunningStack, client: Client, spec_id: SpecId
) -> tuple[int, list[list[int]]]:
    """A real spec's own activities, and its tasks' activities in waves."""
    own = await _count_activities(client, spec_workflow_id(spec_id))
    counts = {
        task.local_id: await _count_activities(client, task_workflow_id(task.id))
        for task in (await stack.api.tasks(spec_id)).items
    }
    waves = [["TSK-001", "TSK-002"], ["TSK-003", "TSK-004"], ["TSK-005"]]
    return own, [[counts[name] for name in wave] for wave in waves]


async def _floor(client: Client, own: int, waves: list[list[int]]) -> float:
    began = time.monotonic()
    await client.execute_workflow(
        FloorTree.run, args=[own, waves], id=f"floor-{uuid4()}", task_queue=_QUEUE
    )
    return time.monotonic() - began


class _Memory:
    """The largest memory of some processes together, in MB, looked at ten times a second."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self.peak_mb = 0.0

    async def watch(self) -> None:
        while True:
            used = sum(process.memory_info().rss for process in self._processes)
            self.peak_mb = max(self.peak_mb, used / 1024 / 1024)
            await asyncio.sleep(0.1)


async def _five(stack: RunningStack) -> tuple[float, float]:
    """Seconds for five specs launched together, and the peak memory of worker plus API in MB."""
    children = stack.stack.supervisor.children
    pids = [p.pid for name in ("worker", "api") if (p := children[name].process) is not None]
    memory = _Memory(pids)
    watching = asyncio.create_task(memory.watch())
    project = await stack.project(stack.remote())
    began = time.monotonic()
    spec_ids = [await stack.launch(project) for _ in range(5)]
    await asyncio.gather(*(stack.until_closed(spec_id, seconds=300) for spec_id in spec_ids))
    watching.cancel()
    return time.monotonic() - began, memory.peak_mb


async def _check_seconds(stack: RunningStack, spec_id: SpecId) -> float:
    """Seconds that a spec's checks ran in their sandboxes, one after another."""
    total = 0.0
    for event in await stack.events(spec_id):
        check = event.data.get("check")
        if isinstance(check, dict):
            total += float(str(check["duration_seconds"]))
    return total


def _large_plan() -> tuple[TaskPlan, Requirements, Design]:
    """A plan of 500 tasks in 20 chains for 300 requirements with two criteria each."""
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmno"]
    requirements = Requirements.model_validate(
        {
            "requirements": [
                {
                    "id": f"REQ-{n:03d}",
                    "title": f"About {words[n - 1]}",
                    "kind": "functional",
                    "priority": "must",
                    "pattern": "event",
                    "text": f"When a person asks for {words[n - 1]} and {words[-n]}, the ledger "
                    f"shall print the {words[n - 1]} of {words[n // 2]} in cents.",
                    "rationale": "Asked for.",
                    "acceptance_criteria": [
                        {
                            "id": f"AC-{n:03d}.{c}",
                            "text": f"Asking for {words[n - 1]} prints {c}.00 once.",
                            "verified_by": "test",
                        }
                        for c in (1, 2)
                    ],
                }
                for n in range(1, _REQUIREMENTS + 1)
            ]
        }
    )
    plan = TaskPlan.model_validate(
        {
            "tickets": [
                {"id": f"TKT-{n:03d}", "title": "t", "priority": "high"} for n in range(1, 26)
            ],
            "tasks": [
                {
                    "id": f"TSK-{n:03d}",
                    "ticket_id": f"TKT-{(n - 1) % 25 + 1:03d}",
                    "title": f"Do {n}",
                    "description": "Write the module that this part of the plan names, with tests.",
                    "kind": "implementation",
                    "priority": "high",
                    "estimate_minutes": 60,
                    "files_to_modify": [f"app/m{n % 90}.py", f"tests/m{n % 90}.py"],
                    "requirement_ids": [f"REQ-{(n - 1) % _REQUIREMENTS + 1:03d}"],
                    "acceptance_criteria_ids": [
                        f"AC-{(n - 1) % _REQUIREMENTS + 1:03d}.{c}" for c in (1, 2)
                    ],
                    "component_ids": ["CMP-01"],
                    "depends_on": [f"TSK-{n - 20:03d}"] if n > 20 else [],
                }
                for n in range(1, MAX_PLANNED_TASKS + 1)
            ],
        }
    )
    component = {"id": "CMP-01", "name": "All", "responsibility": "does all"}
    return plan, requirements, Design.model_validate({"overview": "x", "components": [component]})


def _milliseconds(work: Callable[[], object]) -> float:
    """The median of five runs."""
    times: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1_000)
    return statistics.median(times)


def _rules() -> None:
    """Rules and SYNC of the largest plan, against reading it as JSON, in the same run."""
    plan, requirements, design = _large_plan()
    around = Surroundings(requirements=requirements, design=design)
    text = plan.model_dump_json()
    floor = _milliseconds(lambda: json.loads(text))
    for name, aim, work in (
        ("evaluate the plan", 200, lambda: evaluate_document(plan, around, 0.7)),
        ("evaluate 300 requirements", 200, lambda: evaluate_document(requirements, around, 0.7)),
        ("sync", 300, lambda: compute_sync(requirements, plan)),
    ):
        took = _milliseconds(work)
        verdict = "met" if took < aim else "missed"
        told = f"{took:7.1f} ms (aim: under {aim} ms, {verdict}), {took / floor:.0f} x json.loads"
        print(f"{name:<27} {told}")  # noqa: T201


async def _main() -> int:
    print(f"{MAX_PLANNED_TASKS} tasks, {_REQUIREMENTS} requirements")  # noqa: T201
    _rules()
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch)) as stack:
            client = await Client.connect(stack.stack.status.temporal_address)
            _, warm = await _one_spec(stack)
            own, waves = await _shape(stack, client, warm)
            worker = Worker(
                client,
                task_queue=_QUEUE,
                workflows=[FloorTree, FloorChild],
                activities=[nothing],
                workflow_runner=UnsandboxedWorkflowRunner(),
            )
            real: list[float] = []
            floors: list[float] = []
            async with worker:
                await _floor(client, own, waves)
                for _ in range(PAIRS):
                    seconds, _spec = await _one_spec(stack)
                    real.append(seconds)
                    floors.append(await _floor(client, own, waves))
            checks = await _check_seconds(stack, warm)
            five, peak = await _five(stack)
    _report(real, floors, own, waves, checks)
    print(f"five specs together         {five:7.1f} s")  # noqa: T201
    verdict = "met" if peak < MEMORY_AIM_MB else "missed"
    print(f"peak of worker plus API     {peak:7.0f} MB (aim: under {MEMORY_AIM_MB} MB, {verdict})")  # noqa: T201
    await bench_tasks()
    await bench_api()
    return 0


def _report(
    real: list[float], floors: list[float], own: int, waves: list[list[int]], checks: float
) -> None:
    activities = own + sum(sum(wave) for wave in waves)
    children = sum(len(wave) for wave in waves)
    spec, floor = statistics.median(real), statistics.median(floors)
    print(f"{activities} activities, {children} children, {PAIRS} interleaved pairs, medians")  # noqa: T201
    print(f"one spec, instant model     {spec:7.2f} s  of which checks {checks:.2f} s")  # noqa: T201
    print(f"floor: the same tree, empty {floor:7.2f} s")  # noqa: T201
    print(f"ratio                       {spec / floor:7.2f}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
