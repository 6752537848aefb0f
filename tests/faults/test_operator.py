"""What an operator does in Temporal's own tools: cancel, reset, pause an activity."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetWorkflowExecutionRequest,
    UnpauseActivityRequest,
)
from temporalio.client import Client

from models.contracts.base import SpecId
from models.contracts.commands import spec_workflow_id, task_workflow_id
from models.contracts.phases import Phase
from models.contracts.projects import GatePolicy
from models.contracts.specs import SpecStatus
from models.contracts.tasks import TaskState
from models.store import slots
from models.wire import DATA_CONVERTER
from tests.integration.test_agents import first_task, happened, launch, task_of
from tests.support.scenario import Job, Scenario, bash, finish, making, write
from tests.support.stack import RunningStack, quick_settings
from workers.dev.demo.remote import git

LONG = Job("TSK-001", [[[write("a.txt", "a\n")], [bash("ls")], [finish()]]], files=["a.txt"])


async def client_of(stack: RunningStack) -> Client:
    return await Client.connect(stack.stack.status.temporal_address, data_converter=DATA_CONVERTER)


async def until(check: Callable[[], Coroutine[Any, Any, bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - another server's state
            await asyncio.sleep(0.1)


async def held(
    stack: RunningStack, **update: Any
) -> tuple[SpecId, Path, Scenario, threading.Event]:
    """A spec whose agent waits for its second turn."""
    spec_id, remote, scenario = await launch(stack, [LONG], **update)
    hold = stack.model.holds[scenario.model, 2] = threading.Event()
    task = await first_task(stack, spec_id)
    await scenario.asked(task.id, 2)
    return spec_id, remote, scenario, hold


async def test_temporals_cancel_is_the_button(stack: RunningStack) -> None:
    spec_id, remote, _, hold = await held(stack)
    client = await client_of(stack)
    await client.get_workflow_handle(spec_workflow_id(spec_id)).cancel()
    spec = await stack.until_closed(spec_id)
    hold.set()
    assert (spec.status, spec.error) == (SpecStatus.CANCELLED, "cancelled in Temporal")
    task = await task_of(stack, spec_id)
    assert (task.state, task.sandbox_id) == (TaskState.CANCELLED, None)
    assert git(remote, "rev-parse", spec.branch_name or ""), "the branch is kept"


async def test_a_reset_spec_goes_on_without_a_second_effect(stack: RunningStack) -> None:
    gates = {**quick_settings().gates, Phase.TASKS: GatePolicy(mode="ask")}
    jobs = [making("TSK-001", "a.txt", "a\n"), making("TSK-002", "b.txt", "b\n", after=["TSK-001"])]
    spec_id, remote, scenario = await launch(stack, jobs, gates=gates)
    gate, seq = await stack.gate(spec_id)
    client = await client_of(stack)
    handle = client.get_workflow_handle(spec_workflow_id(spec_id))
    history = await handle.fetch_history()
    ends = [e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes")]  # fmt: skip
    described = await handle.describe()
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=described.run_id),
            reason="an operator",
            workflow_task_finish_event_id=ends[len(ends) // 2],
            request_id="reset-once",
        )
    )
    again, _ = await stack.gate(spec_id, after=seq)
    assert again.id != gate.id
    assert (await stack.decide(again, "approve")).status_code == 202
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    events = await stack.events(spec_id)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert len([e for e in events if e.event_type == "spec.pull_request_created"]) == 1
    async with stack.database.begin() as session:
        assert await slots.count(session, spec.project_id) == (0, 0)
    merges = git(remote, "log", "--merges", "--format=%s", spec.branch_name or "").splitlines()
    assert len(merges) == 2
    assert len(scenario.calls) == len(set(scenario.calls)), "no stored turn is asked for again"


async def test_a_paused_activity_waits_until_it_is_unpaused(stack: RunningStack) -> None:
    spec_id, _, scenario, hold = await held(stack)
    task = await task_of(stack, spec_id)
    client = await client_of(stack)
    execution = WorkflowExecution(workflow_id=task_workflow_id(task.id))
    await client.workflow_service.pause_activity(
        PauseActivityRequest(
            namespace="default", execution=execution, type="run_agent", identity="an operator"
        )
    )

    async def is_paused() -> bool:
        found = await client.get_workflow_handle(execution.workflow_id).describe()
        return any((a.paused and not a.HasField("last_started_time")) or a.paused for a in found.raw_description.pending_activities)  # fmt: skip

    await until(is_paused)
    hold.set()
    await client.workflow_service.unpause_activity(
        UnpauseActivityRequest(
            namespace="default", execution=execution, type="run_agent", identity="an operator"
        )
    )
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    stored = [e.data["turn"] for e in await stack.events(spec_id) if e.event_type == "agent.turn" and e.task_id]  # fmt: skip
    assert stored == [1, 2, 3]
    assert len([c for c in scenario.calls if str(task.id) in c]) <= 4, "one in flight at most again"


async def test_a_worker_that_is_told_to_stop_saves_and_the_work_goes_on(
    stack: RunningStack,
) -> None:
    spec_id, remote, scenario, hold = await held(stack)
    task = await task_of(stack, spec_id)
    worker = stack.stack.supervisor.children["worker"]
    process = worker.process
    assert process is not None
    before = worker.restarts
    process.terminate()
    hold.set()
    async with asyncio.timeout(30):
        while worker.restarts == before:  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.05)
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    assert git(remote, "show", f"{spec.branch_name}:a.txt") == "a"
    stored = [e.data["turn"] for e in await stack.events(spec_id) if e.event_type == "agent.turn" and e.task_id]  # fmt: skip
    assert stored == [1, 2, 3]
    assert len([c for c in scenario.calls if str(task.id) in c]) <= 4
    await happened(stack, spec_id, "task.merged")
