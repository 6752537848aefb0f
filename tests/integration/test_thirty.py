"""A plan of thirty tasks on local sandboxes: the right ones merge, and every head is green."""

import asyncio

import pytest

from models.contracts.specs import SpecStatus
from models.contracts.tasks import TaskState
from tests.integration.test_agents import launch
from tests.support.stack import RunningStack
from tests.support.thirty import BLOCKED, FAILS, red_heads, thirty
from workers.dev.demo.remote import git


@pytest.mark.timeout(300)
async def test_thirty_tasks_end_as_they_must(stack: RunningStack) -> None:
    spec_id, remote, scenario = await launch(stack, thirty(), max_parallel_tasks=5, max_rounds=2)
    gate, seq = await stack.gate(spec_id, seconds=240)
    assert gate.task_ids == (FAILS,)
    tasks = {t.local_id: t for t in (await stack.api.tasks(spec_id)).items}
    assert {n for n, t in tasks.items() if t.state == TaskState.BLOCKED} == set(BLOCKED)
    assert all(FAILS in (tasks[name].reason or "") for name in BLOCKED)
    merged = {n for n, t in tasks.items() if t.state == TaskState.MERGED}
    assert merged == set(tasks) - {FAILS, *BLOCKED}
    events = await stack.events(spec_id)
    conflicts = {str(e.data["local_id"]) for e in events if e.event_type == "task.conflict"}
    assert len(conflicts & {"TSK-022", "TSK-023"}) == 1, "one of each pair had to go again"
    assert len(conflicts & {"TSK-024", "TSK-025"}) == 1
    assert len(conflicts & {"TSK-026", "TSK-027"}) == 1, "a clean merge with a red result went back"
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert len(scenario.calls) == len(set(scenario.calls))
    branch = (await stack.api.spec(spec_id)).branch_name or ""
    assert await asyncio.to_thread(red_heads, remote, branch) == []
    merges = git(remote, "log", "--merges", "--first-parent", "--format=%s", branch).splitlines()
    assert len(merges) == len(set(merges)) == len(merged)
    await stack.decide(gate, "skip")
    done = await stack.until_closed(spec_id, since=seq)
    assert done.status == SpecStatus.COMPLETED
    states = {t.local_id: t.state for t in (await stack.api.tasks(spec_id)).items}
    assert states[FAILS] == TaskState.SKIPPED
    assert [states[name] for name in BLOCKED] == [TaskState.MERGED] * 2
