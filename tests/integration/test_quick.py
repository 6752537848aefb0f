"""A quick task: a ticket becomes a task, a branch and a pull request, and nothing is planned."""

from typing import Any

from models.contracts.gates import GateKind
from models.contracts.projects import Environment
from models.contracts.specs import SpecStatus
from models.contracts.tasks import TaskState
from models.contracts.tickets import TicketMade
from tests.integration.test_agents import on_branch
from tests.support.scenario import Job, ask, finish, making, play, write
from tests.support.stack import RunningStack


async def posted(
    stack: RunningStack, job: Job, body: dict[str, Any] | None = None, **update: Any
) -> tuple[TicketMade, Any]:
    """A ticket for this job, and the remote that it is about."""
    _, settings = play(stack, [job], **update)
    remote = stack.remote()
    project = await stack.project(remote, settings, is_demo=False)
    asked = {"project_id": str(project.id), "title": "Write a note", **(body or {})}
    answer = await stack.post("/tickets", asked, **{"Idempotency-Key": str(project.id)})
    assert answer.status_code == 202, answer.text
    again = await stack.post("/tickets", asked, **{"Idempotency-Key": str(project.id)})
    assert again.json() == answer.json()
    return TicketMade.model_validate(answer.json()), remote


async def test_a_quick_ticket_ends_in_a_branch_and_a_pull_request(stack: RunningStack) -> None:
    more = {"description": "In note.txt.", "check_command": "test -f note.txt"}
    made, remote = await posted(stack, making("TSK-001", "note.txt", "note\n"), more)
    done = await stack.until_closed(made.run_id)
    assert (done.status, done.quick) == (SpecStatus.COMPLETED, True)
    assert done.branch_name is not None
    assert done.branch_name.startswith("task/write-a-note-")
    assert on_branch(remote, done.branch_name, "note.txt") == "note"
    assert done.pull_request is not None
    assert "In note.txt." in done.pull_request.body
    assert "final check" in done.pull_request.body
    types = [e.event_type for e in await stack.events(made.run_id)]
    assert "spec.phase_started" not in types
    assert types.count("spec.ticket_created") == types.count("spec.task_created") == 1
    task = (await stack.http.get(f"/api/v1/tasks/{made.task_id}")).json()
    assert task["state"] == TaskState.MERGED
    ticket = (await stack.http.get(f"/api/v1/tickets/{made.ticket.id}")).json()
    assert (ticket["title"], ticket["run_id"]) == ("Write a note", str(made.run_id))
    again = await stack.post(f"/specs/{made.run_id}/commands/rerun_from", {"from_phase": "explore"})
    assert (again.status_code, again.json()["code"]) == (409, "command-not-allowed")


async def test_a_quick_task_asks_and_holds_its_own_gates(stack: RunningStack) -> None:
    bent = [[write("conftest.py", "x = 1\n")], [finish("Add a file")]]
    job = Job("TSK-001", [[[ask("Where?")], *bent], bent])
    made, remote = await posted(stack, job)
    asked: Any = (await stack.until(made.run_id, lambda e: e.event_type == "question.asked")).data
    await stack.post(f"/questions/{asked['question']['id']}/answer", {"answer": "There."})
    gate, _ = await stack.gate(made.run_id)
    assert gate.kind == GateKind.TAMPER
    await stack.decide(gate, "accept")
    done = await stack.until_closed(made.run_id)
    assert done.status == SpecStatus.COMPLETED
    assert on_branch(remote, done.branch_name, "conftest.py") == "x = 1"


async def test_a_ticket_may_become_a_spec(stack: RunningStack) -> None:
    made, _ = await posted(
        stack, making("TSK-001", "a.txt", "a\n"), {"workflow_mode": "spec_driven"}
    )
    assert made.task_id is None
    done = await stack.until_closed(made.run_id)
    assert (done.status, done.quick) == (SpecStatus.COMPLETED, False)
    ticket = (await stack.http.get(f"/api/v1/tickets/{made.ticket.id}")).json()
    assert ticket["retired"] is False


async def test_tickets_that_cannot_be_worked_on_are_refused(stack: RunningStack) -> None:
    _, settings = play(stack, [], environment=Environment())
    project = await stack.project(stack.remote(), settings, is_demo=False)
    body = {"project_id": str(project.id), "title": "x"}
    refused = await stack.post("/tickets", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "environment-not-confirmed")
    for bad in ({**body, "title": " "}, {**body, "workflow_mode": "slow"}, {"title": "x"}):
        assert (await stack.post("/tickets", bad)).status_code == 422
    missing = await stack.http.get(f"/api/v1/tickets/{project.id}")
    assert (missing.status_code, missing.json()["code"]) == (404, "ticket-not-found")
