"""Kill -9 of the worker in the planner, in an agent's turn, in a merge; and what the API says."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable
from uuid import UUID, uuid4

import pytest

from models.contracts.base import SpecId
from models.contracts.events import Event
from models.contracts.phases import Phase
from models.contracts.projects import GatePolicy
from models.contracts.specs import SpecStatus
from tests.support.kills import inspect
from tests.support.stack import RunningStack, quick_settings, running_stack

KILLS: dict[str, Callable[[Event], bool]] = {
    "in the planner": lambda e: e.event_type == "agent.turn" and e.phase == "explore",
    "in an agent's turn": lambda e: e.event_type == "agent.turn" and e.task_id is not None,
    "in a check": lambda e: e.event_type == "task.checking",
    "in a merge": lambda e: e.event_type == "task.merging",
}


@pytest.fixture(scope="module")
async def slow_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningStack]:
    """A stack of its own, whose model takes its time, so that kills hit calls in flight."""
    async with running_stack(tmp_path_factory.mktemp("faults"), latency=0.15) as running:
        yield running


def kill(stack: RunningStack, name: str) -> None:
    process = stack.stack.supervisor.children[name].process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("where", KILLS)
async def test_the_run_goes_on_after_the_worker_is_killed(
    slow_stack: RunningStack, where: str
) -> None:
    stack = slow_stack
    remote = stack.remote()
    spec_id = await stack.launch(await stack.project(remote))
    hit = await stack.until(spec_id, KILLS[where])
    kill(stack, "worker")
    killed = time.monotonic()
    await stack.until(spec_id, lambda e: e.seq > hit.seq + 2)
    resumed = time.monotonic() - killed
    spec = await stack.until_closed(spec_id)
    after = await inspect(stack, remote, spec, kills=1)
    print(f"killed {where}: progress after {resumed:.1f} s, {after.calls_in_flight} in flight")  # noqa: T201 - a measurement
    assert after.faults == []


async def test_a_gate_waits_while_every_process_is_restarted(slow_stack: RunningStack) -> None:
    stack = slow_stack
    gates = {**quick_settings().gates, Phase.REQUIREMENTS: GatePolicy(mode="ask")}
    remote = stack.remote()
    spec_id = await stack.launch(await stack.project(remote, quick_settings(gates=gates)))
    gate, _ = await stack.gate(spec_id)
    for name in ("worker", "api", "temporal", "postgres"):
        child = stack.stack.supervisor.children[name]
        before = child.restarts
        kill(stack, name)
        async with asyncio.timeout(20):
            while child.restarts == before:  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(0.05)
        await stack.answers(stack.http)
    answer = await stack.decide(gate, "approve")
    while answer.status_code == 503:
        assert answer.headers["retry-after"]
        answer = await stack.decide(gate, "approve")
    assert answer.status_code in {202, 409}, answer.text
    spec = await stack.until_closed(spec_id, seconds=120)
    assert (await inspect(stack, remote, spec, kills=4)).faults == []


async def test_without_temporal_reads_go_on_and_a_launch_may_be_sent_again(
    slow_stack: RunningStack,
) -> None:
    stack = slow_stack
    project = await stack.project(stack.remote())
    temporal = stack.stack.supervisor.children["temporal"]
    await stack.stack.supervisor.stop(["temporal"])
    body = {"project_id": str(project.id), "description": "d"}
    key = {"Idempotency-Key": str(uuid4())}
    try:
        began = time.monotonic()
        refused = await stack.post("/specs/launch", body, **key)
        waited = time.monotonic() - began
        listed = (await stack.http.get(f"/api/v1/projects/{project.id}/specs")).json()["items"]
    finally:
        temporal.stopping = False
        await stack.stack.supervisor.start(temporal)
    assert (refused.status_code, refused.json()["code"]) == (503, "temporal-unavailable")
    assert waited < 4
    assert len(listed) == 1
    answer = await stack.post("/specs/launch", body, **key)
    while answer.status_code == 503:
        answer = await stack.post("/specs/launch", body, **key)
    assert answer.json()["spec_id"] == listed[0]["id"]
    spec = await stack.until_closed(SpecId(UUID(listed[0]["id"])), seconds=120)
    assert spec.status == SpecStatus.COMPLETED


async def test_without_a_worker_reads_go_on_and_commands_wait(slow_stack: RunningStack) -> None:
    stack = slow_stack
    gates = {**quick_settings().gates, Phase.REQUIREMENTS: GatePolicy(mode="ask")}
    spec_id = await stack.launch(await stack.project(stack.remote(), quick_settings(gates=gates)))
    gate, _ = await stack.gate(spec_id)
    worker = stack.stack.supervisor.children["worker"]
    await stack.stack.supervisor.stop(["worker"])
    began = time.monotonic()
    state = (await stack.http.get(f"/api/v1/specs/{spec_id}/state")).json()
    assert (state["live"], state["status"]) == (False, "waiting")
    assert time.monotonic() - began < 3
    began = time.monotonic()
    decided = await stack.decide(gate, "approve")
    assert (decided.status_code, decided.json()["code"]) == (503, "outcome-unknown")
    assert time.monotonic() - began < 3
    cancel = await stack.post(f"/specs/{spec_id}/commands/cancel", {"reason": "no worker"})
    assert (cancel.status_code, cancel.json()["status"]) == (202, "pending")
    worker.stopping = False
    await stack.stack.supervisor.start(worker)
    assert (await stack.until_closed(spec_id)).status == SpecStatus.CANCELLED
