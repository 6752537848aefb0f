"""A red final check is repaired; what people push onto the branch is told and merged onto."""

import subprocess
from pathlib import Path
from typing import Any

from models.contracts.base import SpecId
from models.contracts.gates import GateKind
from models.contracts.specs import SpecStatus
from models.contracts.tasks import TaskState
from tests.integration.test_agents import command, failing, launch, on_branch, task_of
from tests.support.scenario import Job, bash, finish, making
from tests.support.stack import RunningStack
from workers.dev.demo.remote import git


def push(remote: Path, branch: str, script: str) -> str:
    """Commit to a branch as a person does; returns the commit."""
    clone = remote.parent / f"person-{remote.stem}"
    if not clone.exists():
        git(remote.parent, "clone", "-q", str(remote), clone.name)
    git(clone, "fetch", "-q")
    git(clone, "checkout", "-q", "-B", branch, f"origin/{branch}")
    subprocess.run(script, shell=True, cwd=clone, check=True)  # noqa: S602 - the test's own words
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "By hand")
    git(clone, "push", "-q", "origin", branch)
    return git(clone, "rev-parse", "HEAD")


async def by_hand(
    stack: RunningStack, repairs: list[Job], **update: Any
) -> tuple[SpecId, Path, int]:
    """A spec whose one task a person completed with a commit that breaks the tests."""
    spec_id, remote, _ = await launch(stack, [failing("TSK-001"), *repairs], max_rounds=1, **update)
    _, seq = await stack.gate(spec_id)
    branch = (await stack.api.spec(spec_id)).branch_name or ""
    commit = push(remote, branch, "sed -i 's/100/101/' ledger/money.py")
    done = await command(stack, await task_of(stack, spec_id), "complete", commit=commit)
    assert done.status_code == 202, done.text
    return spec_id, remote, seq


MEND = [[bash("sed -i 's/101/100/' ledger/money.py")], [finish("Put it right")]]


async def test_a_red_final_check_is_repaired_by_a_task_of_its_own(stack: RunningStack) -> None:
    spec_id, remote, _ = await by_hand(stack, [])
    model = (await stack.api.spec(spec_id)).model
    stack.model.scripts[model].jobs = [Job("REPAIR-101", [MEND])]  # type: ignore[attr-defined]
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED
    assert done.final_check_passed
    repair = await task_of(stack, spec_id, "REPAIR-101")
    assert repair.state == TaskState.MERGED
    assert "FAIL" in repair.description
    assert "101" not in on_branch(remote, done.branch_name, "ledger/money.py")
    told = [e for e in await stack.events(spec_id) if e.event_type == "spec.foreign_commits"]
    assert len(told) == 1
    body = done.pull_request.body if done.pull_request else ""
    assert "REPAIR-101" in body


async def test_after_two_repairs_a_person_is_asked(stack: RunningStack) -> None:
    spec_id, _, seq = await by_hand(stack, [])
    gate, seq = await stack.gate(spec_id, after=seq)
    assert (gate.kind, gate.reason_code) == (GateKind.FINAL, "final-check-red")
    assert (await stack.api.spec(spec_id)).pull_request_number is None
    refused = await command(stack, await task_of(stack, spec_id, "REPAIR-101"), "retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "command-not-allowed")
    await stack.decide(gate, "retry", note="Look at money.py.")
    gate, _ = await stack.gate(spec_id, after=seq)
    third = await task_of(stack, spec_id, "REPAIR-103")
    assert "Look at money.py." in third.description
    await stack.decide(gate, "accept")
    done = await stack.until_closed(spec_id)
    assert (done.status, done.final_check_passed) == (SpecStatus.COMPLETED, False)
    assert "red" in (done.pull_request.body if done.pull_request else "")


async def test_work_is_merged_onto_what_a_person_pushed(stack: RunningStack) -> None:
    jobs = [failing("TSK-001"), making("TSK-002", "b.txt", "b\n", after=["TSK-001"])]
    spec_id, remote, _ = await launch(stack, jobs, max_rounds=1)
    await stack.gate(spec_id)
    branch = (await stack.api.spec(spec_id)).branch_name or ""
    commit = push(remote, branch, "echo person > person.txt")
    await command(stack, await task_of(stack, spec_id), "complete", commit=commit)
    done = await stack.until_closed(spec_id)
    assert done.status == SpecStatus.COMPLETED
    assert on_branch(remote, branch, "person.txt") == "person"
    assert on_branch(remote, branch, "b.txt") == "b"
    told = [e for e in await stack.events(spec_id) if e.event_type == "spec.foreign_commits"]
    assert [e.data["commits"] for e in told] == [[commit]]
