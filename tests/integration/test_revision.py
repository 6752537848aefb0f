"""People revise a spec through the API, against the real stack: every way the design names."""

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from models.contracts.base import SpecId
from models.contracts.commands import SPEC_WORKFLOW, SpecCommand, spec_workflow_id
from models.contracts.gates import Gate, GateKind
from models.contracts.phases import PHASES, Phase
from models.contracts.projects import GatePolicy, ProjectSettings
from models.contracts.specs import PhaseState, SpecStatus
from models.wire import DATA_CONVERTER
from tests.support.stack import RunningStack, quick_settings


def asking(*phases: Phase, **update: Any) -> ProjectSettings:
    gates = {p: GatePolicy(mode="ask" if p in phases else "auto") for p in PHASES}
    return quick_settings(gates=gates, **update)


async def launched(stack: RunningStack, settings: ProjectSettings) -> SpecId:
    return await stack.launch(await stack.project(stack.remote(), settings))


async def read(stack: RunningStack, path: str) -> Any:
    answer = await stack.http.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def content(stack: RunningStack, gate: Gate) -> dict[str, Any]:
    assert gate.document is not None
    return await read(stack, f"/artifacts/{gate.document.sha256}")


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def end(stack: RunningStack, spec_id: SpecId) -> None:
    await stack.post(f"/specs/{spec_id}/commands/cancel")
    await stack.until_closed(spec_id)


async def test_requested_changes_reach_the_next_attempt_whole(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    gate, seq = await stack.gate(spec_id)
    comments = [{"item": "REQ-002", "text": "say by how much"}]
    answer = await stack.decide(gate, "request_changes", note="think of refunds", comments=comments)
    assert answer.status_code == 202
    again, _ = await stack.gate(spec_id, after=seq)
    attempts = await read(stack, f"/specs/{spec_id}/attempts")
    last = [a for a in attempts if a["phase"] == "requirements"][-1]
    prompt = await read(stack, f"/specs/{spec_id}/attempts/{last['id']}/prompt")
    assert prompt["prompt_version"] == "requirements-1"
    assert "Warn me when I go over it." in prompt["opening"], "the person's own words"
    for told in ("think of refunds", "REQ-002: say by how much", "# Your previous attempt"):
        assert told in prompt["opening"]
    strict = [tool for tool in prompt["tools"] if tool["name"] == "submit"]
    assert strict[0]["strict"] is True
    transcript = await read(stack, f"/specs/{spec_id}/attempts/{last['id']}/transcript")
    assert transcript["opening"] == prompt["opening"]
    assert transcript["turns"][0]["content"][0]["name"] == "submit"
    gates = await read(stack, f"/specs/{spec_id}/gates")
    decided = gates[0]["decision"]
    assert (decided["by"], decided["comments"]) == ("owner", comments)
    assert again.brief is not None
    await end(stack, spec_id)


async def test_edit_and_approve_stores_the_persons_version(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    gate, _ = await stack.gate(spec_id)
    mine = await content(stack, gate)
    mine["requirements"][0]["depends_on"] = ["REQ-001"]
    assert code(await stack.decide(gate, "edit", document=mine)) == (409, "evaluation-failed")
    assert code(await stack.decide(gate, "edit")) == (409, "document-missing")
    assert code(await stack.decide(gate, "edit", document={"x": 1})) == (409, "evaluation-failed")
    mine["requirements"][0]["depends_on"] = []
    mine["requirements"][0]["title"] = "Set a budget, in my words"
    assert (await stack.decide(gate, "edit", document=mine)).status_code == 202
    spec = await stack.until_closed(spec_id)
    assert spec.status == SpecStatus.COMPLETED
    versions = (await read(stack, f"/specs/{spec_id}/versions?phase=requirements"))["items"]
    assert [(v["version"], v["author"]) for v in versions] == [(2, "owner"), (1, "scripted-model")]
    approved = spec.phase_view(Phase.REQUIREMENTS).document
    assert approved is not None
    assert approved.sha256 == versions[0]["document"]["sha256"]
    diff = await read(stack, f"/specs/{spec_id}/diff?phase=requirements&from=1&to=2")
    assert diff["items"]["changed"] == ["REQ-001"]
    assert "+## REQ-001: Set a budget, in my words" in diff["text"]


async def test_a_failure_gate_takes_a_document_by_hand(stack: RunningStack) -> None:
    settings = asking(max_attempts=1)
    spec_id = await launched(stack, settings)
    gate, seq = await stack.gate(spec_id)
    assert (gate.kind, gate.reason_code) == (GateKind.FAILURE, "evaluation-failed")
    attempts = await read(stack, f"/specs/{spec_id}/attempts")
    weak = attempts[-1]["document"]["sha256"]
    mine = await read(stack, f"/artifacts/{weak}")
    mine["requirements"][0]["text"] = "The ledger shall keep a budget for every month."
    mine["requirements"][0]["pattern"] = "ubiquitous"
    more = {"id": "AC-001.2", "text": "Setting it again replaces 5.00.", "verified_by": "test"}
    mine["requirements"][0]["acceptance_criteria"].append(more)
    answer = await stack.decide(gate, "edit", document=mine)
    assert answer.status_code == 202, answer.text
    await stack.until(spec_id, lambda e: e.event_type == "spec.phase_completed" and e.seq > seq)
    versions = (await read(stack, f"/specs/{spec_id}/versions?phase=requirements"))["items"]
    assert versions[0]["author"] == "owner"
    await end(stack, spec_id)


async def test_a_completed_spec_runs_again_from_design(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking())
    first = await stack.until_closed(spec_id)
    body = {"from_phase": "design", "reason": "weigh a database"}
    key = {"Idempotency-Key": f"again-{spec_id}"}
    for _ in range(2):  # the same key has one effect
        answer = await stack.http.post(
            f"/api/v1/specs/{spec_id}/commands/rerun_from", json=body, headers=key
        )
        assert answer.status_code == 202, answer.text
    since = first.as_of_seq
    await stack.until(spec_id, lambda e: e.event_type == "spec.rerun_started", since=since)
    second = await stack.until_closed(spec_id, since=since)
    assert (second.status, second.run) == (SpecStatus.COMPLETED, 2)
    kept = second.phase_view(Phase.REQUIREMENTS)
    assert kept.attempt == first.phase_view(Phase.REQUIREMENTS).attempt
    assert second.phase_view(Phase.DESIGN).attempt == 2
    assert second.branch_name == f"{first.branch_name}-r2"
    assert second.tasks_merged == second.tasks_total == 5
    assert second.pull_request_number != first.pull_request_number
    attempts = await read(stack, f"/specs/{spec_id}/attempts")
    prompt = await read(stack, f"/specs/{spec_id}/attempts/{attempts[-1]['id']}/prompt")
    assert attempts[-1]["phase"] == "tasks"
    assert prompt["opening"].startswith("# The request, in the person's own words")
    events = await stack.events(spec_id)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert len([e for e in events if e.event_type == "spec.rerun_started"]) == 1


async def test_a_waiting_spec_runs_again_and_keeps_merged_tasks(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.TASKS))
    gate, _ = await stack.gate(spec_id)
    refused = await stack.post(f"/specs/{spec_id}/commands/rerun_from", {"from_phase": "sync"})
    assert code(refused) == (409, "phase-not-reached")
    await stack.decide(gate, "approve")
    merged = await stack.until(spec_id, lambda e: e.event_type == "task.merged")
    await stack.post(f"/specs/{spec_id}/commands/pause")
    answer = await stack.post(
        f"/specs/{spec_id}/commands/rerun_from",
        {"from_phase": "tasks", "keep_merged": True, "reason": "smaller steps"},
    )
    assert answer.status_code == 202, answer.text
    gate, _ = await stack.gate(spec_id, after=merged.seq)
    await stack.decide(gate, "approve")
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.run, spec.tasks_merged) == (SpecStatus.COMPLETED, 2, 5)
    assert spec.branch_name is not None
    assert not spec.branch_name.endswith("-r2")
    events = await stack.events(spec_id)
    done = [str(e.data["local_id"]) for e in events if e.event_type == "task.merged"]
    assert sorted(done) == sorted(set(done)), "a kept task is not merged twice"


async def test_a_fork_keeps_what_was_approved(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.DESIGN))
    await stack.gate(spec_id)
    answer = await stack.post(
        f"/specs/{spec_id}/fork", {"from_phase": "design", "title": "Another way"}
    )
    assert answer.status_code == 202, answer.text
    forked = SpecId(answer.json()["spec_id"])
    gate, _ = await stack.gate(forked)
    assert gate.phase == Phase.DESIGN
    await stack.decide(gate, "approve")
    spec = await stack.until_closed(forked)
    origin = await stack.api.spec(spec_id)
    assert (spec.status, spec.title) == (SpecStatus.COMPLETED, "Another way")
    assert str(spec.forked_from) == str(spec_id)
    assert spec.phase_view(Phase.EXPLORE).attempt == 0
    assert (
        spec.phase_view(Phase.REQUIREMENTS).document
        == origin.phase_view(Phase.REQUIREMENTS).document
    )
    early = await stack.post(f"/specs/{spec_id}/fork", {"from_phase": "tasks"})
    assert code(early) == (409, "phase-not-reached")
    await end(stack, spec_id)


def commit(remote: Path, path: str, text: str) -> None:
    """Somebody else's commit on main."""
    clone = remote.parent / f"clone-{remote.stem}"

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=clone, check=True, capture_output=True)

    if not clone.exists():
        subprocess.run(["git", "clone", "-q", remote, clone], check=True, capture_output=True)
    (clone / path).write_text(text)
    git("add", "-A")
    git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", f"change {path}")
    git("push", "-q", "origin", "HEAD:main")


@pytest.mark.parametrize("policy", ["go_on", "ask", "re_explore"])
async def test_drift_is_told_and_the_policy_decides(stack: RunningStack, policy: str) -> None:
    remote = stack.remote()
    settings = asking(Phase.TASKS, drift_policy=policy)
    spec_id = await stack.launch(await stack.project(remote, settings))
    gate, seq = await stack.gate(spec_id)
    commit(
        remote, "ledger/money.py", (remote.parent / f"clone-{remote.stem}" / "x").name + " = 1\n"
    )
    await stack.decide(gate, "approve")
    told = await stack.until(spec_id, lambda e: e.event_type == "spec.drift_detected")
    assert told.data["files"] == ["ledger/money.py"]
    match policy:
        case "go_on":
            await stack.until(spec_id, lambda e: e.event_type == "task.queued")
        case "ask":
            asked, _ = await stack.gate(spec_id, after=seq)
            assert (asked.kind, asked.reason_code) == (GateKind.DRIFT, "drift")
            await stack.decide(asked, "go_on")
            await stack.until(spec_id, lambda e: e.event_type == "task.queued")
        case _:
            again = await stack.until(spec_id, lambda e: e.event_type == "spec.rerun_started")
            assert (again.data["run"], again.data["by"]) == (2, "policy")
            found = await stack.until(
                spec_id, lambda e: e.event_type == "spec.base_found" and e.seq > again.seq
            )
            assert found.data["base_commit"] == told.data["head"]
    await end(stack, spec_id)


async def test_a_spec_is_exported(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.TASKS))
    await stack.gate(spec_id)
    url = f"/api/v1/specs/{spec_id}/export"
    markdown = (await stack.http.get(url)).text
    assert "## REQ-002: Warn when exceeded" in markdown
    assert "phase: design" in markdown
    whole = (await stack.http.get(f"{url}?format=json")).json()
    assert list(whole["documents"]) == ["explore", "requirements", "design", "tasks"]
    assert len(whole["questions"]) == 5
    one, two = [(await stack.http.get(f"{url}?format=zip")).content for _ in range(2)]
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        names = archive.namelist()
        assert json.loads(archive.read(next(n for n in names if n.endswith("tasks.json"))))
    assert all(name.startswith(".spec/let-me-set-a-monthly-budget-") for name in names)
    assert (await stack.http.get(f"{url}?format=exe")).status_code == 422
    await end(stack, spec_id)


async def test_a_phase_is_retried_with_a_note(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.DESIGN))
    _, seq = await stack.gate(spec_id)
    answer = await stack.post(
        f"/specs/{spec_id}/commands/retry_phase", {"reason": "use fewer components"}
    )
    assert answer.status_code == 202, answer.text
    gate, _ = await stack.gate(spec_id, after=seq)
    assert gate.attempt == 2
    view = (await stack.api.spec(spec_id)).phase_view(Phase.DESIGN)
    assert (view.state, view.attempt) == (PhaseState.WAITING, 2)
    retried = [e for e in await stack.events(spec_id) if e.event_type == "spec.phase_retry"]
    assert "use fewer components" in str(retried[-1].data["reason"])
    await end(stack, spec_id)


@workflow.defn(name=SPEC_WORKFLOW)
class Ending:
    """A run that ends while it takes a command."""

    def __init__(self) -> None:
        self._told = False

    @workflow.update(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def rerun_from(self, command: SpecCommand) -> None:
        del command
        self._told = True
        await workflow.wait_condition(lambda: False)

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._told)


async def test_a_run_that_is_just_ending_does_not_refuse_the_next(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking())
    await stack.post(f"/specs/{spec_id}/commands/cancel")
    closed = await stack.until_closed(spec_id)
    client = await Client.connect(
        stack.stack.environment()["TEMPORAL_ADDRESS"], data_converter=DATA_CONVERTER
    )
    queue = f"ending-{spec_id}"
    worker = Worker(
        client, task_queue=queue, workflows=[Ending], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with worker:
        await client.start_workflow(
            SPEC_WORKFLOW,
            id=spec_workflow_id(spec_id),
            task_queue=queue,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )
        answer = await stack.post(
            f"/specs/{spec_id}/commands/rerun_from", {"from_phase": "explore"}
        )
    assert answer.status_code == 202, answer.text
    await stack.until(
        spec_id, lambda e: e.event_type == "spec.rerun_started", since=closed.as_of_seq
    )
    await stack.post(f"/specs/{spec_id}/commands/cancel")
