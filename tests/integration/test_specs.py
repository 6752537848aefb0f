"""Whole specs through API, Temporal, Postgres, Git and sandboxes."""

import asyncio

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client

from models import wire
from models.contracts.base import SpecId
from models.contracts.commands import spec_workflow_id
from models.contracts.gates import DecisionKind, GateKind
from models.contracts.phases import Phase
from models.contracts.projects import Environment, GatePolicy
from models.contracts.specs import SpecDetail, SpecStatus
from models.contracts.tasks import TaskState
from tests.support.stack import FEATURE, RunningStack, quick_settings
from workers.dev.demo.documents import CHECK_COMMAND
from workers.dev.demo.proof import prove
from workers.dev.demo.remote import git

ASK = GatePolicy(mode="ask")


def ask_at(*phases: Phase) -> dict[Phase, GatePolicy]:
    return {**quick_settings().gates, **dict.fromkeys(phases, ASK)}


def gapless(numbers: list[int]) -> bool:
    return numbers == list(range(1, len(numbers) + 1))


async def test_two_specs_at_once_in_one_project_end_well(stack: RunningStack) -> None:
    remote = stack.remote()
    project = await stack.project(remote)
    spec_ids = [await stack.launch(project) for _ in range(2)]
    specs = await asyncio.gather(*(stack.until_closed(spec_id) for spec_id in spec_ids))
    for spec in specs:
        assert prove(remote, spec, await stack.api.tasks(spec.id)).faults == []
    assert {spec.pull_request_number for spec in specs} == {1, 2}


async def test_five_specs_launched_together_end_well(stack: RunningStack) -> None:
    remote = stack.remote()
    project = await stack.project(remote)
    spec_ids = await asyncio.gather(*(stack.launch(project) for _ in range(5)))
    specs = await asyncio.gather(*(stack.until_closed(s, seconds=150) for s in spec_ids))
    assert [spec.status for spec in specs] == [SpecStatus.COMPLETED] * 5
    for spec in specs:
        events = await stack.events(spec.id)
        assert gapless([event.seq for event in events])
        assert prove(remote, spec, await stack.api.tasks(spec.id)).faults == []


async def test_a_spec_leaves_documents_trace_and_pull_request(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    spec = await stack.until_closed(await stack.launch(project))
    base = f"/api/v1/specs/{spec.id}"
    trace = (await stack.http.get(f"{base}/trace")).json()["items"]
    assert [row["status"] for row in trace] == ["met"] * 4
    assert all(row["commits"] for row in trace)
    pull = (await stack.http.get(f"{base}/pull-request")).json()
    assert "| REQ-001 Set a budget |" in pull["body"]
    assert "green, 26 tests" in pull["body"]
    documents = (await stack.http.get(f"{base}/documents")).json()
    assert {document["phase"] for document in documents} == set(Phase)
    attempts = (await stack.http.get(f"{base}/attempts")).json()
    states = [(a["phase"], a["attempt"], a["state"]) for a in attempts]
    assert ("requirements", 1, "failed") in states
    assert ("requirements", 2, "passed") in states
    markdown = spec.phase_view(Phase.DESIGN).markdown
    assert markdown is not None
    text = await stack.http.get(f"/api/v1/artifacts/{markdown.sha256}")
    assert text.headers["content-type"].startswith("text/markdown")
    assert "# Design" in text.text
    tasks = await stack.api.tasks(spec.id)
    assert {t.local_id: t.round for t in tasks.items}["TSK-001"] == 2
    one = (await stack.http.get(f"/api/v1/tasks/{tasks.items[0].id}")).json()
    assert one["check"]["passed"] is True


async def test_requested_changes_make_a_new_attempt_and_stale_hashes_are_refused(
    stack: RunningStack,
) -> None:
    settings = quick_settings(gates=ask_at(Phase.DESIGN))
    spec_id = await stack.launch(await stack.project(stack.remote(), settings))
    gate, seq = await stack.gate(spec_id)
    assert (gate.kind, gate.phase) == (GateKind.PHASE, Phase.DESIGN)
    stale = await stack.decide(gate, "approve", artifact_sha256="0" * 64)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale-document")
    odd = await stack.decide(gate, "skip")
    assert (odd.status_code, odd.json()["code"]) == (409, "decision-not-offered")
    changes = await stack.decide(gate, "request_changes", note="name the file")
    assert changes.status_code == 202
    again, _ = await stack.gate(spec_id, after=seq)
    assert again.attempt == 2
    closed = await stack.decide(gate, "approve")
    assert (closed.status_code, closed.json()["code"]) == (409, "gate-not-open")
    prompts = [body for body in stack.model_calls(spec_id) if "/design/2/" in body["call"]]
    assert prompts
    both = await asyncio.gather(*(stack.decide(again, "approve") for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [202, 409]
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED


async def test_the_same_key_decides_once(stack: RunningStack) -> None:
    settings = quick_settings(gates=ask_at(Phase.REQUIREMENTS))
    spec_id = await stack.launch(await stack.project(stack.remote(), settings))
    gate, _ = await stack.gate(spec_id)
    sha256 = gate.document.sha256 if gate.document else None
    body = {"kind": "reject", "artifact_sha256": sha256, "note": "not this way"}
    path = f"/specs/{spec_id}/gates/{gate.id}/decision"
    for _ in range(2):
        answer = await stack.post(path, body, **{"Idempotency-Key": f"k-{gate.id}"})
        assert answer.status_code in {202, 409}
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.error) == (SpecStatus.CANCELLED, "not this way")
    decided = [e for e in await stack.events(spec_id) if e.event_type == "spec.gate_decided"]
    assert len(decided) == 1


async def test_unconfirmed_commands_open_the_explore_gate_and_are_confirmed_there(
    stack: RunningStack,
) -> None:
    settings = quick_settings(environment=Environment())
    project = await stack.project(stack.remote(), settings)
    spec_id = await stack.launch(project)
    gate, _ = await stack.gate(spec_id)
    assert gate.phase == Phase.EXPLORE
    assert CHECK_COMMAND in gate.summary
    await stack.decide(gate, "approve")
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED
    kept = (await stack.http.get(f"/api/v1/projects/{project.id}")).json()
    assert kept["settings"]["environment"] == {
        "setup_command": "",
        "check_command": CHECK_COMMAND,
        "network_for_setup": [],
        "variables": {},
        "confirmed": True,
    }


async def test_pause_stops_new_work_and_resume_goes_on(stack: RunningStack) -> None:
    settings = quick_settings(gates=ask_at(Phase.REQUIREMENTS))
    spec_id = await stack.launch(await stack.project(stack.remote(), settings))
    gate, _ = await stack.gate(spec_id)
    assert (await stack.post(f"/specs/{spec_id}/commands/pause")).status_code == 202
    refused = await stack.post(f"/specs/{spec_id}/commands/pause")
    assert (refused.status_code, refused.json()["code"]) == (409, "command-not-allowed")
    state = (await stack.http.get(f"/api/v1/specs/{spec_id}/state")).json()
    assert (state["live"], state["paused"], state["status"]) == (True, True, "paused")
    await stack.decide(gate, "approve")
    paused = await stack.until(spec_id, lambda e: e.event_type == "spec.phase_completed"
                               and e.phase == "requirements")  # fmt: skip
    resumed = await stack.post(f"/specs/{spec_id}/commands/resume")
    assert resumed.status_code == 202
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED
    events = await stack.events(spec_id)
    resumed_at = next(e.seq for e in events if e.event_type == "spec.resumed")
    between = [e.event_type for e in events if paused.seq < e.seq < resumed_at]
    assert "spec.phase_started" not in between


async def test_cancel_tears_down_and_keeps_the_branch(stack: RunningStack) -> None:
    remote = stack.remote()
    spec_id = await stack.launch(await stack.project(remote))
    await stack.until(spec_id, lambda e: e.event_type == "sandbox.spawned")
    body = {"reason": "changed my mind"}
    assert (await stack.post(f"/specs/{spec_id}/commands/cancel", body)).status_code == 202
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.error) == (SpecStatus.CANCELLED, "changed my mind")
    assert spec.branch_name is not None
    assert git(remote, "branch", "--list", spec.branch_name)
    tasks = await stack.api.tasks(spec_id)
    assert {t.state for t in tasks.items} <= {
        TaskState.CANCELLED,
        TaskState.QUEUED,
        TaskState.MERGED,
    }
    left = [p.name for p in (stack.data / "sandboxes").iterdir()]
    assert not [name for t in tasks.items for name in left if str(t.id) in name]
    late = await stack.post(f"/specs/{spec_id}/commands/pause")
    assert late.status_code == 409


async def test_temporal_shows_summary_attributes_and_details(stack: RunningStack) -> None:
    settings = quick_settings(gates=ask_at(Phase.DESIGN))
    project = await stack.project(stack.remote(), settings)
    spec_id = await stack.launch(project)
    await stack.gate(spec_id)
    client = await Client.connect(stack.stack.status.temporal_address)
    handle = client.get_workflow_handle(spec_workflow_id(spec_id))
    async with asyncio.timeout(10):  # they follow the event by a workflow task
        while (described := await handle.describe()).typed_search_attributes.get(  # noqa: ASYNC110
            wire.NEEDS_DECISION
        ) is not True:
            await asyncio.sleep(0.05)
    assert await described.static_summary() == FEATURE.splitlines()[0]
    shown = described.typed_search_attributes
    assert shown.get(wire.PROJECT_ID) == str(project.id)
    assert shown.get(wire.SPEC_STATUS) == "waiting"
    assert shown.get(wire.SPEC_PHASE) == "design"
    assert shown.get(wire.COST_USD) == 0
    metadata: WorkflowMetadata = await handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    assert "**waiting** in *design*" in metadata.current_details
    assert f"/specs/{spec_id}" in metadata.current_details
    await stack.post(f"/specs/{spec_id}/commands/cancel")
    await stack.until_closed(spec_id)


async def test_a_paused_spec_can_be_cancelled(stack: RunningStack) -> None:
    spec_id = await stack.launch(await stack.project(stack.remote()))
    await stack.until(spec_id, lambda e: e.event_type == "sandbox.spawned")
    await stack.post(f"/specs/{spec_id}/commands/pause")
    await stack.post(f"/specs/{spec_id}/commands/cancel", {"reason": "enough"})
    spec = await stack.until_closed(spec_id, seconds=30)
    assert (spec.status, spec.error) == (SpecStatus.CANCELLED, "enough")


@pytest.mark.parametrize("after", ["spec.phase_started", "spec.gate_opened", "task.checking"])
async def test_an_operators_cancel_in_temporal_is_the_button(
    stack: RunningStack, after: str
) -> None:
    gates = ask_at(Phase.TASKS) if after == "spec.gate_opened" else quick_settings().gates
    spec_id = await stack.launch(await stack.project(stack.remote(), quick_settings(gates=gates)))
    await stack.until(spec_id, lambda e: e.event_type == after)
    client = await Client.connect(stack.stack.status.temporal_address)
    await client.get_workflow_handle(spec_workflow_id(spec_id)).cancel()
    spec = await stack.until_closed(spec_id, seconds=30)
    assert (spec.status, spec.open_gate) == (SpecStatus.CANCELLED, None)
    assert spec.error == "cancelled in Temporal"


async def test_a_draft_runs_when_it_is_executed(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    body = {"project_id": str(project.id), "description": FEATURE, "auto_execute": False}
    launched = (await stack.post("/specs/launch", body)).json()
    assert launched["status"] == "draft"
    spec_id = launched["spec_id"]
    assert (await stack.post(f"/specs/{spec_id}/execute")).status_code == 202
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED
    assert (await stack.post(f"/specs/{spec_id}/execute")).status_code == 409


async def failure(stack: RunningStack, spec_id: SpecId, code: str) -> tuple[SpecDetail, int]:
    """The open failure gate with this code; the spec waits and says why."""
    gate, seq = await stack.gate(spec_id)
    assert (gate.kind, gate.reason_code) == (GateKind.FAILURE, code)
    assert DecisionKind.RETRY in gate.options
    spec = await stack.api.spec(gate.spec_id)
    assert spec.status == SpecStatus.WAITING
    return spec, seq


async def test_a_missing_repository_opens_a_gate_and_a_retry_goes_on(stack: RunningStack) -> None:
    remote = stack.data / "remotes" / "late.git"
    spec_id = await stack.launch(await stack.project(remote))
    await failure(stack, spec_id, "repository-not-found")
    stack.remote("late")
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "retry")
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED


async def test_a_repository_that_refuses_pushes_opens_a_gate(stack: RunningStack) -> None:
    remote = stack.remote()
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'read only' >&2\nexit 1\n")
    hook.chmod(0o755)
    spec_id = await stack.launch(await stack.project(remote))
    await failure(stack, spec_id, "repository-not-writable")
    hook.unlink()
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "retry")
    assert (await stack.until_closed(spec_id)).status == SpecStatus.COMPLETED


@pytest.mark.parametrize(
    ("model", "code"),
    [("answer-401", "model-unauthenticated"), ("refuses", "model-refused")],
)
async def test_a_model_that_will_not_answer_opens_a_gate(
    stack: RunningStack, model: str, code: str
) -> None:
    settings = quick_settings(planner_model=model)
    project = await stack.project(stack.remote(), settings, is_demo=False)
    spec_id = await stack.launch(project)
    await failure(stack, spec_id, code)
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "cancel", note="no key")
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.error) == (SpecStatus.CANCELLED, "no key")


async def test_a_setup_that_fails_opens_a_gate_with_its_output(stack: RunningStack) -> None:
    environment = Environment(
        setup_command="echo no compiler here; exit 7", check_command="true", confirmed=True
    )
    spec_id = await stack.launch(
        await stack.project(stack.remote(), quick_settings(environment=environment))
    )
    spec, _ = await failure(stack, spec_id, "setup-failed")
    assert spec.open_gate is not None
    assert "no compiler here" in spec.open_gate.summary
    await stack.decide(spec.open_gate, "cancel")
    assert (await stack.until_closed(spec_id)).status == SpecStatus.CANCELLED


async def test_a_red_baseline_asks_and_may_be_accepted(stack: RunningStack) -> None:
    environment = Environment(
        check_command=f"{CHECK_COMMAND} && test -f ledger/budgets.py", confirmed=True
    )
    spec_id = await stack.launch(
        await stack.project(stack.remote(), quick_settings(environment=environment))
    )
    gate, seq = await stack.gate(spec_id)
    assert (gate.kind, gate.reason_code) == (GateKind.BASELINE, "baseline-red")
    await stack.decide(gate, "accept")
    # TSK-002 cannot be green before TSK-001 has made the file: it fails and is retried.
    failed, _ = await stack.gate(spec_id, after=seq)
    assert (failed.kind, failed.task_ids) == (GateKind.FAILURE, ("TSK-002",))
    tasks = {t.local_id: t for t in (await stack.api.tasks(spec_id)).items}
    assert tasks["TSK-003"].state == TaskState.BLOCKED
    assert "TSK-002" in (tasks["TSK-003"].reason or "")
    await stack.decide(failed, "retry")
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED


async def test_a_repository_without_the_branch_is_told(stack: RunningStack) -> None:
    project = await stack.project(stack.remote(), branch="develop")
    spec_id = await stack.launch(project)
    await failure(stack, spec_id, "branch-not-found")
