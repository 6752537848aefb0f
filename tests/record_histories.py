"""Stores workflow histories for the replay tests: ``make histories``.

One spec runs with a gate, a red check and changes that a person asked for; another is paused and
cancelled; others are revised and run again, or wait for money. Until 0.1.0 the histories of a changed workflow are replaced, after that added.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from temporalio.client import Client

from models.contracts.base import SpecId, TaskId
from models.contracts.budgets import BudgetLimits
from models.contracts.commands import (
    REAPER_WORKFLOW,
    RECONCILE_WORKFLOW,
    spec_workflow_id,
    task_workflow_id,
)
from models.contracts.phases import Phase
from models.contracts.projects import GatePolicy
from models.contracts.questions import Question
from models.wire import WORKFLOW_QUEUE
from tests.support.evaluations import good
from tests.support.scenario import Job, ask, finish, play, write
from tests.support.stack import RunningStack, quick_settings, running_stack
from workers.plugin import SpecPlugin

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "replay" / "histories"


async def _store(client: Client, workflow_id: str, path: Path, run_id: str | None = None) -> None:
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    await asyncio.to_thread(_write, path, history.to_json() + "\n")
    print(f"{path.relative_to(FOLDER)}  {len(history.events)} events")  # noqa: T201 - what it did


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(str(FOLDER.parents[2]), ""), encoding="utf-8")  # stack traces


async def _merged(stack: RunningStack) -> SpecId:
    gates = {**quick_settings().gates, Phase.REQUIREMENTS: GatePolicy(mode="ask")}
    project = await stack.project(stack.remote(), quick_settings(gates=gates))
    spec_id = await stack.launch(project)
    gate, seq = await stack.gate(spec_id)
    await stack.decide(gate, "request_changes", note="name the file")
    gate, _ = await stack.gate(spec_id, after=seq)
    await stack.decide(gate, "approve")
    await stack.until_closed(spec_id)
    return spec_id


async def _cancelled(stack: RunningStack) -> SpecId:
    spec_id = await stack.launch(await stack.project(stack.remote()))
    await stack.until(spec_id, lambda event: event.event_type == "sandbox.spawned")
    await stack.post(f"/specs/{spec_id}/commands/pause")
    await stack.post(f"/specs/{spec_id}/commands/cancel", {"reason": "enough"})
    await stack.until_closed(spec_id)
    return spec_id


async def _failed(stack: RunningStack) -> SpecId:
    settings = quick_settings(planner_model="answer-401")
    spec_id = await stack.launch(await stack.project(stack.remote(), settings, is_demo=False))
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "cancel", note="no key")
    await stack.until_closed(spec_id)
    return spec_id


async def _revised(stack: RunningStack) -> tuple[SpecId, str]:
    """Questions answered and assumed, an edit at the gate, then a second run; and the first's id."""
    gates = {p: GatePolicy(mode="ask" if p == Phase.EXPLORE else "auto") for p in Phase}
    gates[Phase.REQUIREMENTS] = GatePolicy(mode="ask")
    project = await stack.project(stack.remote(), quick_settings(gates=gates))
    spec_id = await stack.launch(project)
    gate, seq = await stack.gate(spec_id)
    asked = (await stack.http.get(f"/api/v1/specs/{spec_id}/questions")).json()["items"]
    await stack.post(f"/questions/{asked[0]['id']}/answer", {"answer": "Yes."})
    await stack.decide(gate, "approve")
    gate, seq = await stack.gate(spec_id, after=seq)
    sha256 = gate.document.sha256 if gate.document else ""
    own = (await stack.http.get(f"/api/v1/artifacts/{sha256}")).json()
    own["assumptions"] = ["Months are calendar months."]
    await stack.decide(gate, "edit", document=own)
    await stack.until(spec_id, lambda event: event.event_type == "sandbox.spawned")
    client = await Client.connect(stack.stack.status.temporal_address)
    first = await client.get_workflow_handle(spec_workflow_id(spec_id)).describe()
    await stack.post(f"/specs/{spec_id}/commands/rerun_from", {"from_phase": "design"})
    await stack.until_closed(spec_id)
    return spec_id, first.run_id


async def _raised(stack: RunningStack) -> SpecId:
    budget = BudgetLimits(usd=None, tokens=40_000)
    spec_id = await stack.launch(await stack.project(stack.remote(), quick_settings(budget=budget)))
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "raise", budget={"usd": None, "tokens": 9_000_000})
    await stack.until_closed(spec_id)
    return spec_id


async def _asked(stack: RunningStack) -> TaskId:
    """A task whose agent asks a person, and later bends the check until a person accepts it."""
    bent = [[write("setup.cfg", "[metadata]\nname = x\n")], [finish("Name it")]]
    asking = [[ask("Which name?")], *bent]
    _, settings = play(stack, [Job("TSK-001", [asking, bent], files=["a.txt"])])
    spec_id = await stack.launch(await stack.project(stack.remote(), settings, is_demo=False))
    asked = await stack.until(spec_id, lambda event: event.event_type == "question.asked")
    question = Question.model_validate(asked.data["question"])
    task = (await stack.api.tasks(spec_id)).items[0]
    await stack.post(f"/tasks/{task.id}/messages", {"text": "A short one."})
    await stack.post(f"/questions/{question.id}/answer", {"answer": "x"})
    gate, _ = await stack.gate(spec_id)
    await stack.decide(gate, "accept")
    await stack.until_closed(spec_id)
    return task.id


async def _proposed(stack: RunningStack) -> SpecId:
    """A spec whose first document comes from a sandbox, and whose only task is stopped and begun again."""
    rounds = [[[ask("Which?")], [finish()]], [[write("a.txt", "a\n")], [finish()]]]
    scenario, settings = play(stack, [Job("TSK-001", rounds, files=["a.txt"])], latency=2)
    project = await stack.project(stack.remote(), settings, is_demo=False)
    hook = {"url": f"{stack.model.url}/not-there"}
    await stack.http.put(f"/api/v1/projects/{project.id}/webhook", json=hook)
    spec_id = await stack.launch(project)
    await stack.until(spec_id, lambda event: event.event_type == "spec.phase_started")
    await _propose(stack, spec_id)
    scenario.latency_seconds = 0.1
    await stack.until(spec_id, lambda event: event.event_type == "question.asked")
    task = (await stack.api.tasks(spec_id)).items[0]
    await stack.post(f"/tasks/{task.id}/commands/stop")
    await stack.until(spec_id, lambda event: event.event_type == "task.cancelled")
    await stack.post(f"/tasks/{task.id}/commands/start")
    await stack.post(f"/specs/{spec_id}/commands/set_limits", {"max_parallel_tasks": 2})
    await stack.until_closed(spec_id)
    return spec_id


async def _propose(stack: RunningStack, spec_id: SpecId) -> None:
    path = f"/sandboxes/plan-{spec_id}"
    token = (await stack.post(f"{path}/token")).json()["token"]
    document: Json = {**good(Phase.EXPLORE), "questions": []}
    data: Json = {"success": True, "phase_data": {"explore": document}}
    event = {"event_type": "agent.completed", "data": data}
    answer = await stack.post(f"{path}/events", event, Authorization=f"Bearer {token}")
    print(f"proposal: {answer.json()}")  # noqa: T201 - what it did


async def _errands(stack: RunningStack, client: Client, spec_id: SpecId) -> None:
    """A look into a repository, an errand to the forge, and a notification that nobody takes."""
    project_id = (await stack.api.spec(spec_id)).project_id
    await stack.http.get(f"/api/v1/projects/{project_id}/branches")
    async for found in client.list_workflows("WorkflowType = 'LookupWorkflow'", limit=1):
        await _store(client, found.id, FOLDER / "LookupWorkflow" / "branches.json")
    await stack.post(f"/specs/{spec_id}/create-pr")
    await _store(
        client, f"forge-{spec_id}-create_pull_request", FOLDER / "ForgeWorkflow" / "pr.json"
    )
    notify = f"notify-{project_id}"
    await client.get_workflow_handle(notify).result()
    await _store(client, notify, FOLDER / "NotifyWorkflow" / "refused.json")


async def _record() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch)) as stack:
            address = stack.stack.status.temporal_address
            client = await Client.connect(address, plugins=[SpecPlugin()])
            merged, cancelled = await _merged(stack), await _cancelled(stack)
            specs = {"merged": merged, "cancelled": cancelled, "failed": await _failed(stack)}
            for name, spec_id in specs.items():
                path = FOLDER / "SpecWorkflow" / f"{name}.json"
                await _store(client, spec_workflow_id(spec_id), path)
            revised, first_run = await _revised(stack)
            folder = FOLDER / "SpecWorkflow"
            await _store(client, spec_workflow_id(revised), folder / "revised.json", first_run)
            await _store(client, spec_workflow_id(revised), folder / "rerun.json")
            raised = await _raised(stack)
            await _store(client, spec_workflow_id(raised), folder / "raised.json")
            for task in (await stack.api.tasks(merged)).items[:2]:
                path = FOLDER / "TaskWorkflow" / f"{task.local_id.lower()}.json"
                await _store(client, task_workflow_id(task.id), path)
            asked = await _asked(stack)
            path = FOLDER / "TaskWorkflow" / "asked.json"
            await _store(client, task_workflow_id(asked), path)
            proposed = await _proposed(stack)
            await _store(client, spec_workflow_id(proposed), folder / "proposed.json")
            await _errands(stack, client, proposed)
            for name in (RECONCILE_WORKFLOW, REAPER_WORKFLOW):
                await client.execute_workflow(name, id=name, task_queue=WORKFLOW_QUEUE)
                await _store(client, name, FOLDER / name / "one-pass.json")
            first = (await stack.api.tasks(cancelled)).items[0]
            path = FOLDER / "TaskWorkflow" / "cancelled.json"
            await _store(client, task_workflow_id(first.id), path)


if __name__ == "__main__":
    asyncio.run(_record())
