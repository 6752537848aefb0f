"""Slots on real Postgres: never more than the limit, and none lost with its holder."""

import asyncio
import threading
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.client import Client, WorkflowExecutionStatus

from models.contracts.base import ProjectId
from models.contracts.commands import (
    REAPER_WORKFLOW,
    RECONCILE_WORKFLOW,
    spec_workflow_id,
    task_workflow_id,
)
from models.contracts.specs import SpecStatus
from models.contracts.tasks import TaskState
from models.contracts.upkeep import Reaped, Reconciled
from models.store import slots
from models.wire import DATA_CONVERTER, WORKFLOW_QUEUE
from tests.integration.test_agents import first_task, happened, launch, task_of
from tests.support.scenario import Job, bash, finish, making, write
from tests.support.stack import RunningStack

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 9)),
        st.tuples(st.just("give_back"), st.integers(0, 9)),
        st.tuples(st.just("die"), st.integers(0, 9)),
        st.tuples(st.just("reclaim"), st.just(0)),
        st.tuples(st.just("limit"), st.integers(0, 5)),
    ),
    max_size=40,
)


class Model:
    """What must be true of slots, without a database: who lives, and what was granted."""

    def __init__(self, stack: RunningStack, project_id: ProjectId) -> None:
        self.stack = stack
        self.project_id = project_id
        self.limit = 3
        self.dead: set[str] = set()

    async def held(self) -> int:
        async with self.stack.database.begin() as session:
            return (await slots.count(session, self.project_id))[0]

    async def apply(self, step: str, number: int) -> None:
        holder = f"{self.project_id}-{number}"
        before = await self.held()
        async with self.stack.database.begin() as session:
            if step == "ask":
                self.dead.discard(holder)
                await slots.request(session, self.project_id, holder, number % 4, self.limit)
            elif step == "give_back":
                await slots.release(session, self.project_id, [holder], self.limit)
            elif step == "die":
                self.dead.add(holder)
            elif step == "reclaim":
                now = await slots.now(session)
                gone = sorted(self.dead)
                await slots.release(session, self.project_id, gone, self.limit, before=now)
            else:
                self.limit = number
        after = await self.held()
        assert after <= max(before, self.limit), "more were granted than the limit allows"
        if step in {"give_back", "reclaim", "ask"}:
            async with self.stack.database.begin() as session:
                held, waiting = await slots.count(session, self.project_id)
            assert held >= min(self.limit, held + waiting) or held >= self.limit, "one stands idle"


async def test_any_order_of_arrivals_ends_and_limits_keeps_the_limit(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    @given(STEPS)
    def holds(steps: list[tuple[str, int]]) -> None:
        async def run() -> None:
            model = Model(stack, project.id)
            for step, number in steps:
                await model.apply(step, number)
            async with stack.database.begin() as session:
                everyone = [f"{project.id}-{n}" for n in range(10)]
                await slots.release(session, project.id, everyone, 0)
                assert await slots.count(session, project.id) == (0, 0)

        asyncio.run_coroutine_threadsafe(run(), loop).result(60)

    await asyncio.to_thread(holds)


async def client_of(stack: RunningStack) -> Client:
    return await Client.connect(stack.stack.status.temporal_address, data_converter=DATA_CONVERTER)


async def upkeep(stack: RunningStack, name: str, result: type[Any]) -> Any:
    """Run one pass now, as the schedule does."""
    client = await client_of(stack)
    return await client.execute_workflow(
        name, id=f"{name}-test", task_queue=WORKFLOW_QUEUE, result_type=result
    )


def holding(stack: RunningStack, scenario: Any) -> threading.Event:
    event = stack.model.holds[scenario.model, 2] = threading.Event()
    return event


LONG = Job("TSK-001", [[[write("a.txt", "a\n")], [bash("ls")], [finish()]]], files=["a.txt"])


async def test_a_terminated_task_leaves_no_slot_and_no_sandbox(stack: RunningStack) -> None:
    spec_id, _, scenario = await launch(stack, [LONG])
    hold = holding(stack, scenario)
    task = await first_task(stack, spec_id)
    await scenario.asked(task.id, 2)
    project_id = (await stack.api.spec(spec_id)).project_id
    client = await client_of(stack)
    await client.get_workflow_handle(task_workflow_id(task.id)).terminate("an operator")
    gate, _ = await stack.gate(spec_id)
    hold.set()
    assert gate.task_ids == ("TSK-001",)
    async with stack.database.begin() as session:
        assert (await slots.count(session, project_id))[0] == 1
    found = await upkeep(stack, RECONCILE_WORKFLOW, Reconciled)
    assert found.reclaimed >= 1
    async with stack.database.begin() as session:
        assert await slots.count(session, project_id) == (0, 0)
    reaped = await upkeep(stack, REAPER_WORKFLOW, Reaped)
    assert [name for name in reaped.names if str(task.id) in name]
    assert (await task_of(stack, spec_id)).sandbox_id is None
    await stack.decide(gate, "retry")
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED


async def test_a_terminated_spec_is_told_as_failed_and_may_run_again(stack: RunningStack) -> None:
    spec_id, _, scenario = await launch(stack, [LONG])
    hold = holding(stack, scenario)
    task = await first_task(stack, spec_id)
    await scenario.asked(task.id, 2)
    client = await client_of(stack)
    await client.get_workflow_handle(spec_workflow_id(spec_id)).terminate("an operator")
    hold.set()
    child = client.get_workflow_handle(task_workflow_id(task.id))
    async with asyncio.timeout(30):
        while (await child.describe()).status == WorkflowExecutionStatus.RUNNING:  # noqa: ASYNC110 - another server's state
            await asyncio.sleep(0.1)
    for _ in range(2):
        await upkeep(stack, RECONCILE_WORKFLOW, Reconciled)
    failed = await stack.api.spec(spec_id)
    assert failed.status == SpecStatus.FAILED
    assert "terminated in Temporal" in (failed.error or "")
    assert (await task_of(stack, spec_id)).state == TaskState.CANCELLED
    told = [e for e in await stack.events(spec_id) if e.event_type == "spec.execution_failed"]
    assert len(told) == 1
    async with stack.database.begin() as session:
        assert await slots.count(session, failed.project_id) == (0, 0)
    again = await stack.post(
        f"/specs/{spec_id}/commands/rerun_from", {"from_phase": "tasks", "keep_merged": True}
    )
    assert again.status_code == 202, again.text
    assert (await stack.until_closed(spec_id, since=told[0].seq)).status == SpecStatus.COMPLETED


async def test_limits_change_while_it_runs(stack: RunningStack) -> None:
    jobs = [making(f"TSK-00{n}", f"{n}.txt", "x\n") for n in range(1, 5)]
    changed = await stack.http.patch(
        "/api/v1/settings", json={"max_concurrent_tasks_per_project": 1, "max_concurrent_specs": 1}
    )
    assert changed.status_code == 200, changed.text
    try:
        first, _, _ = await launch(stack, jobs)
        second, _, _ = await launch(stack, jobs[:1])
        await happened(stack, first, "task.queued")
        waiting = await stack.until(second, lambda e: e.event_type == "waiting")
        assert "1 of 1" in str(waiting.data["reason"])
        await stack.until(first, lambda e: e.event_type == "waiting" and e.task_id is not None)
        project_id = (await stack.api.spec(first)).project_id
        seen = (await stack.http.get(f"/api/v1/projects/{project_id}/slots")).json()
        assert (seen["in_use"] <= 1, seen["limit"]) == (True, 1)
        ids = {str(task.id) for task in (await stack.api.tasks(first)).items}
        assert set(seen["waiting"]) < ids
        await stack.http.patch("/api/v1/settings", json={"max_concurrent_tasks_per_project": 5})
        await stack.http.patch("/api/v1/settings", json={"max_concurrent_specs": 10})
        for spec_id in (first, second):
            assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED
    finally:
        await stack.http.patch(
            "/api/v1/settings",
            json={"max_concurrent_tasks_per_project": 5, "max_concurrent_specs": 10},
        )


async def test_switched_off_nothing_new_starts(stack: RunningStack) -> None:
    await stack.http.patch("/api/v1/settings", json={"orchestrator_enabled": False})
    try:
        spec_id, _, _ = await launch(stack, [making("TSK-001", "a.txt", "a\n")])
        waiting = await stack.until(spec_id, lambda e: e.event_type == "waiting")
        assert "switched off" in str(waiting.data["reason"])
        assert [e.event_type for e in await stack.events(spec_id)] == ["spec.created", "waiting"]
    finally:
        await stack.http.patch("/api/v1/settings", json={"orchestrator_enabled": True})
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED


async def test_bad_settings_are_refused(stack: RunningStack) -> None:
    for body in ({"max_concurrent_specs": 0}, {"unknown": 1}, {"orchestrator_enabled": "perhaps"}):
        answer = await stack.http.patch("/api/v1/settings", json=body)
        assert answer.status_code == 422
